"""Proofs of chips of many heights in common commitments, with heights of the rows or given from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from support.chips import cell, fill, prank
from support.mixed import TALL, TOTAL, machine, total

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.kzg import development_srs
from zkroll.errors import InputError, ProvingError, VerificationError
from zkroll.prover import prove as proving
from zkroll.prover.keys import ProvingKey, make_proving_key
from zkroll.prover.prove import prove
from zkroll.verifier.packing import CommitStage
from zkroll.verifier.proof import InnerProof
from zkroll.verifier.shape import ProofShape
from zkroll.verifier.verify import decode, verify

ROWS = 40
VALUES = [5]


@cache
def key() -> ProvingKey:
    return make_proving_key(machine(), development_srs(1 << 14))


@cache
def traces(rows: int = ROWS) -> dict[str, Any]:
    return fill(machine().chips, source=rows)


@cache
def proof() -> InnerProof:
    return prove(key(), traces(), VALUES)


@cache
def shape() -> ProofShape:
    return decode(key().vk, proof().to_bytes())[0]


def accept(made: InnerProof, rows: int = ROWS) -> None:
    verify(key().vk, made.to_bytes(), VALUES, [(TOTAL, (total(rows),))])


def refuse(made: InnerProof, match: str) -> None:
    with pytest.raises(VerificationError, match=match):
        accept(made)


def test_tall_columns_are_split_and_heights_are_mixed_in_a_proof_that_is_accepted() -> None:
    slots = [slot for group in shape().ordered for slot in group.slots]
    assert {slot.pieces for slot in slots if slot.chip == "tall" and slot.height < TALL} == {4}
    assert max(len(group.shifts) for group in shape().ordered) >= 3
    accept(proof())


@pytest.mark.parametrize("rows", [1, 8, 17, 90])
def test_all_heights_prove(rows: int) -> None:
    accept(prove(key(), traces(rows), VALUES), rows)


def test_chips_may_outgrow_the_tall_table() -> None:
    made = prove(key(), traces(), VALUES, heights={"walk": 2 * TALL})
    accept(made)
    assert decode(key().vk, made.to_bytes())[0].base == 2 * TALL


def test_given_heights_pad_chips_and_include_absent_ones() -> None:
    small = traces(9)
    assert "echo" not in small
    heights = {"walk": 256, "echo": 32, "tiny": 8, "tall": TALL}
    made = prove(key(), small, VALUES, heights=heights)
    accept(made, 9)
    assert dict(decode(key().vk, made.to_bytes())[0].heights) == heights


def test_proofs_of_one_profile_have_one_shape_whatever_their_rows() -> None:
    heights = {"walk": 128, "echo": 16}
    short, long = (prove(key(), traces(rows), VALUES, heights=heights) for rows in (3, 100))
    assert len(short.to_bytes()) == len(long.to_bytes())
    assert short.log_heights == long.log_heights


def test_more_rows_than_the_height_given_are_refused_by_name() -> None:
    with pytest.raises(ProvingError, match="chip walk: expected at most 32 rows, got 40"):
        prove(key(), traces(), VALUES, heights={"walk": 32})


@pytest.mark.parametrize("heights", [{"walk": 48}, {"walk": 4}, {"tall": 2 * TALL}])
def test_heights_that_no_proof_can_have_are_refused(heights: dict[str, int]) -> None:
    with pytest.raises((InputError, ProvingError), match=r"height of chip|expected at most"):
        prove(key(), traces(2), VALUES, heights=heights)


def test_unknown_chips_are_refused() -> None:
    with pytest.raises(ProvingError, match="no chips"):
        prove(key(), traces(), VALUES, heights={"stroll": 32})
    with pytest.raises(ProvingError, match="no chips"):
        prove(key(), {**traces(), "stroll": traces()["walk"]}, VALUES)


def test_untouched_tables_are_in_the_proof_all_the_same() -> None:
    alone = {"walk": prank(traces(), "walk", "live", 0, 0)["walk"]}
    made = prove(key(), alone, VALUES)
    assert set(shape().heights) - set(decode(key().vk, made.to_bytes())[0].heights) == {"echo"}
    refuse(made, "bus balance")


@pytest.mark.parametrize(
    ("chip", "column", "row"),
    [("tall", "total", 4000), ("tall", "count", 3), ("walk", "x", 7), ("echo", "n", 2)],
)
def test_a_proof_of_a_wrong_trace_is_refused(chip: str, column: str, row: int) -> None:
    bad = prank(traces(), chip, column, row, cell(traces(), chip, column, row) + 1)
    refuse(prove(key(), bad, VALUES), "chip|bus balance")


def test_a_transition_broken_at_the_end_of_a_split_column_is_refused() -> None:
    bad = prank(traces(), "tall", "total", TALL - 1, cell(traces(), "tall", "total", TALL - 1) + 1)
    refuse(prove(key(), bad, VALUES), "chip tall")


# forged openings: a prover who lies about evaluations but follows the transcript otherwise

Forge = Callable[[list[list[list[int]]]], None]


def _lying(monkeypatch: pytest.MonkeyPatch, forge: Forge) -> InnerProof:
    honest = proving._Run.evaluate

    def evaluate(self: Any, points: Any) -> Any:
        values = [[list(point) for point in group] for group in honest(self, points)]
        forge(values)
        return tuple(tuple(tuple(point) for point in group) for group in values)

    monkeypatch.setattr(proving._Run, "evaluate", evaluate)
    return prove(key(), traces(), VALUES)


def _bump(group: int, point: int, slot: int) -> Forge:
    def forge(values: list[list[list[int]]]) -> None:
        values[group][point][slot] = (values[group][point][slot] + 1) % R_MODULUS

    return forge


def _unread(stage: CommitStage) -> tuple[int, int, int]:
    """A shifted evaluation that no constraint reads: the slot has another height than the point."""
    return next(
        (g, 1 + p, i)
        for g, group in enumerate(shape().ordered)
        if group.stage is stage
        for p, height in enumerate(group.shifts)
        for i, slot in enumerate(group.slots)
        if slot.height != height
    )


@pytest.mark.parametrize("stage", [CommitStage.MAIN, CommitStage.HELPER])
def test_a_wrong_evaluation_that_no_constraint_reads_breaks_the_opening(
    monkeypatch: pytest.MonkeyPatch, stage: CommitStage
) -> None:
    refuse(_lying(monkeypatch, _bump(*_unread(stage))), "openings")


def test_a_wrong_evaluation_of_a_blinding_slot_breaks_the_opening(monkeypatch: pytest.MonkeyPatch) -> None:
    g, group = next((g, group) for g, group in enumerate(shape().ordered) if group.shifts)
    refuse(_lying(monkeypatch, _bump(g, 1, group.arity - 1)), "openings")


def test_a_wrong_evaluation_at_a_shift_point_breaks_its_chip(monkeypatch: pytest.MonkeyPatch) -> None:
    place = shape().places["walk", CommitStage.MAIN, 0][0]
    group = shape().ordered[place.group]
    point = 1 + group.shifts.index(place.slot.height)
    refuse(_lying(monkeypatch, _bump(place.group, point, place.position)), "chip walk")


def test_a_wrong_evaluation_of_one_piece_breaks_its_chip(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in shape().places["tall", CommitStage.MAIN, 0][1:3]:
        with monkeypatch.context() as patch:
            refuse(_lying(patch, _bump(place.group, 0, place.position)), "chip tall")


def test_swapped_slots_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    places = shape().places["tall", CommitStage.MAIN, 0]

    def swap(values: list[list[list[int]]]) -> None:
        at = values[places[0].group][0]
        i, j = places[0].position, places[1].position
        at[i], at[j] = at[j], at[i]

    refuse(_lying(monkeypatch, swap), "chip tall")


def test_points_swapped_within_a_group_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    g = next(g for g, group in enumerate(shape().ordered) if len(group.shifts) > 1)

    def swap(values: list[list[list[int]]]) -> None:
        values[g][1], values[g][2] = values[g][2], values[g][1]

    refuse(_lying(monkeypatch, swap), "chip")


def test_another_height_in_the_header_is_refused() -> None:
    walk = proof().log_heights[0]
    for changed in (walk - 1, walk + 1):
        with pytest.raises(VerificationError):
            accept(replace(proof(), log_heights=(changed, *proof().log_heights[1:])))


def test_a_table_of_fixed_height_cannot_be_absent() -> None:
    refuse(
        replace(proof(), log_heights=(*proof().log_heights[:-1], -1)), "height of chip tall: expected 4096"
    )
