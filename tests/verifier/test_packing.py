"""Which columns share a commitment: every piece once, limits kept, points that fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import mixed

from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.expr import Stage
from zkroll.circuits.air.layout import Machine
from zkroll.circuits.air.witness import FillContext
from zkroll.circuits.machine import batch_machine
from zkroll.circuits.profiles import PROFILES, profile
from zkroll.errors import InputError
from zkroll.verifier.packing import TARGET_GROUPS, CommitStage, preprocessed_groups, stage_width
from zkroll.verifier.shape import ProofShape, proof_shape


def check_shape(machine: Machine, shape: ProofShape, capacity: int) -> None:
    """All that prover, verifier and wrap circuit rely on."""
    layouts = {layout.name: layout for layout in shape.layouts}
    expected = {
        (name, stage, i): max(1, height // shape.base) if stage is not CommitStage.PREPROCESSED else 1
        for name, height in shape.heights.items()
        for stage in CommitStage
        for i in range(stage_width(layouts[name], stage))
    }
    found = [
        (slot.chip, group.stage, slot.index, slot.piece) for group in shape.ordered for slot in group.slots
    ]
    assert len(found) == len(set(found))
    assert set(found) == {(*key, k) for key, pieces in expected.items() for k in range(pieces)}
    assert set(shape.places) == set(expected)
    for group in shape.ordered:
        assert group.size <= capacity
        heights = [slot.height for slot in group.slots]
        assert heights == sorted(heights, reverse=True)
        assert len({shape.chip_exponent(s.height * s.pieces) * s.pieces for s in group.slots}) == 1
        assert all(s.height * s.pieces == shape.heights[s.chip] for s in group.slots)
        read = {(int(group.stage), s.index) in layouts[s.chip].next_columns for s in group.slots}
        assert read == {bool(group.shifts)}
        assert set(group.shifts) == (set(heights) if group.shifts else set())
        assert group.blinding == (0 if group.stage is CommitStage.PREPROCESSED else group.points + 4)
        assert group.blinding <= max(8, group.height)
    for places in shape.places.values():
        assert [place.slot.piece for place in places] == list(range(len(places)))


@settings(deadline=None, max_examples=25)
@given(data=st.data(), capacity=st.sampled_from([1 << 20, 1 << 21, 3 << 20]))
def test_every_column_is_in_exactly_one_group_within_the_reference_string(data: Any, capacity: int) -> None:
    machine = batch_machine()
    heights = {}
    for layout in machine.layouts:
        drawn = data.draw(st.one_of(st.none(), st.integers(3, 17)), label=layout.name)
        if layout.air.fixed_height is not None:
            heights[layout.name] = layout.air.fixed_height
        elif drawn is not None:
            heights[layout.name] = 1 << drawn
    shape = proof_shape(machine, heights, capacity)
    check_shape(machine, shape, capacity)
    assert shape.groups[CommitStage.PREPROCESSED] == preprocessed_groups(machine.layouts, capacity)


@settings(deadline=None, max_examples=60)
@given(walk=st.integers(3, 13), echo=st.one_of(st.none(), st.integers(3, 13)))
def test_splitting_by_height_covers_tables_taller_and_shorter_than_the_rest(
    walk: int, echo: int | None
) -> None:
    heights = {"walk": 1 << walk, "tiny": 8, "tall": mixed.TALL} | ({"echo": 1 << echo} if echo else {})
    machine = mixed.machine()
    shape = proof_shape(machine, heights, 1 << 14)
    check_shape(machine, shape, 1 << 14)
    assert shape.base == min(max(heights.values()), max(1024, 1 << walk, 1 << (echo or 0)))


@pytest.mark.parametrize("name", PROFILES)
def test_profiles_have_few_commitments(name: str) -> None:
    assert len(proof_shape(batch_machine(), profile(name), 1 << 23).ordered) <= TARGET_GROUPS


def test_a_shorter_string_makes_more_commitments_not_larger_ones() -> None:
    machine, heights = batch_machine(), profile("large")
    many, few = (proof_shape(machine, heights, capacity).ordered for capacity in (1 << 20, 1 << 22))
    assert len(many) > len(few)
    assert max(group.size for group in many) <= 1 << 20


HEIGHTS = {"walk": 64, "echo": 16, "tiny": 8, "tall": mixed.TALL}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"walk": 48}, "height of chip walk: expected a power of two from 8, got 48"),
        ({"walk": 4}, "height of chip walk: expected a power of two from 8, got 4"),
        ({"walk": -8}, "height of chip walk: expected a power of two from 8, got -8"),
        ({"tall": 64}, "height of chip tall: expected 4096, got 64"),
        ({"tall": None}, "height of chip tall: expected 4096, got no rows"),
        ({"other": 8}, r"the machine mixed has no chips \['other'\]"),
    ],
)
def test_heights_that_no_proof_can_have_are_refused(change: dict[str, int | None], message: str) -> None:
    heights = {name: height for name, height in (HEIGHTS | change).items() if height is not None}
    with pytest.raises(InputError, match=message):
        proof_shape(mixed.machine(), heights, 1 << 14)


def test_a_proof_without_chips_is_refused() -> None:
    with pytest.raises(InputError, match="at least one chip"):
        proof_shape(Machine("walks", [mixed.Walk()]), {}, 1 << 14)


def test_a_string_too_short_for_a_table_of_the_key_is_refused() -> None:
    with pytest.raises(InputError, match="height 4096 needs at least 4096 powers, it has 2048"):
        proof_shape(mixed.machine(), HEIGHTS, 2048)


def test_a_string_too_short_for_a_chip_and_its_blinding_is_refused() -> None:
    with pytest.raises(InputError, match="height 8192 needs at least 16384 powers, it has 8192"):
        proof_shape(mixed.machine(), HEIGHTS | {"walk": 8192}, 8192)


class Looking(Chip):
    """Reads a preprocessed column at the next row, which no commitment of the key is opened at."""

    name = "looking"
    fixed_height = 8

    def define(self, b: AirBuilder) -> None:
        value = b.column("value", Stage.PREPROCESSED)
        b.transition("difference", value.next - value - b.column("step"))

    def preprocessed(self) -> dict[str, Any]:
        return {"value": np.arange(8)}

    def fill(self, ctx: FillContext) -> dict[str, Any]:
        return {"step": np.ones(8, dtype=np.uint8)}


def test_a_preprocessed_column_read_at_the_next_row_is_refused() -> None:
    with pytest.raises(InputError, match="chip looking: a preprocessed column is read at the next row"):
        proof_shape(Machine("look", [Looking()]), {"looking": 8}, 64)
