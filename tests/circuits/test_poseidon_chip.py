"""The Poseidon chips: the hash is circomlib's, and no cell of a row can be changed."""

import pytest
from support.chips import broken, broken_buses, cell, fill, names, prank, sends

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.reference.poseidon import poseidon_hash
from zkroll.circuits.air.expr import Stage
from zkroll.circuits.air.layout import chip_layout
from zkroll.circuits.chips.poseidon import (
    Poseidon2Chip,
    Poseidon3Chip,
    Poseidon4Chip,
    Poseidon5Chip,
    PoseidonChip,
)

CHIPS = [Poseidon2Chip, Poseidon3Chip, Poseidon4Chip, Poseidon5Chip]


def requests(kind: type[PoseidonChip], count: int = 5) -> list[tuple[int, ...]]:
    inputs = [[(R_MODULUS - 1) * (i % 3 == 1) + i * 3**k for k in range(kind.inputs)] for i in range(count)]
    return [(*(v % R_MODULUS for v in row), poseidon_hash([v % R_MODULUS for v in row])) for row in inputs]


@pytest.mark.parametrize("kind", CHIPS)
def test_true_hashes_are_served_and_repeated_requests_share_a_row(kind: type[PoseidonChip]) -> None:
    tuples = requests(kind)
    traces = fill([sends(kind.bus, [*tuples, tuples[2], tuples[2]]), kind()])
    assert broken(traces, [kind.bus]) == []
    assert sum(cell(traces, kind.name, "count", row) for row in range(8)) == 7
    assert cell(traces, kind.name, "count", 5) == 0


@pytest.mark.parametrize("kind", CHIPS)
def test_a_wrong_hash_is_not_served(kind: type[PoseidonChip]) -> None:
    tuples = requests(kind)
    tuples[1] = (*tuples[1][:-1], tuples[1][-1] + 1)
    traces = fill([sends(kind.bus, tuples), kind()])
    assert broken_buses(broken(traces, [kind.bus])) == {kind.bus.name}


@pytest.mark.parametrize("kind", CHIPS)
def test_every_sbox_and_the_output_are_bound_by_their_constraint(kind: type[PoseidonChip]) -> None:
    traces = fill([sends(kind.bus, requests(kind)), kind()])
    seen = set()
    air = traces[kind.name].chip.air
    for column in air.column_names[Stage.MAIN]:
        if column == "count" or column.startswith("x["):
            continue
        changed = prank(traces, kind.name, column, 1, cell(traces, kind.name, column, 1) + 1)
        # the defining constraint is the first that fails: later ones read the tampered cell
        seen.add(broken(changed)[0].name)
    assert seen == {c.name for c in air.constraints}


def test_inputs_and_count_are_bound_by_the_bus() -> None:
    traces = fill([sends(Poseidon2Chip.bus, requests(Poseidon2Chip)), Poseidon2Chip()])
    for column in ("x[0]", "x[1]", "count", "out"):
        changed = prank(traces, "poseidon2", column, 3, cell(traces, "poseidon2", column, 3) + 1)
        assert "poseidon2" in broken_buses(broken(changed, [Poseidon2Chip.bus]))
    assert "full round 0, element 1" in names(broken(prank(traces, "poseidon2", "x[0]", 3, 9)))


@pytest.mark.parametrize(("kind", "columns"), list(zip(CHIPS, (81, 88, 100, 108), strict=True)))
def test_width_is_as_documented(kind: type[PoseidonChip], columns: int) -> None:
    layout = chip_layout(kind())
    assert (layout.widths[Stage.MAIN], layout.degree) == (columns, 5)
