"""The permutation chip against the integer Keccak-f, and each relation's prank."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.chips import broken, broken_buses, cell, fill, limbs, names, prank, sends

from zkroll.algebra.reference.keccak import keccak_f1600
from zkroll.circuits.air.check import check_buses, check_constraints
from zkroll.circuits.air.layout import chip_layout
from zkroll.circuits.chips.keccak.digits import (
    BASE,
    DIGITS16,
    LANES,
    ROUND,
    SQUEEZE,
    gather_lanes,
    spread_lanes,
    spread_table,
)
from zkroll.circuits.chips.keccak.keccak_f import FIRST_PIECE, KeccakF
from zkroll.circuits.chips.keccak.tables import KeccakBytes, KeccakDigits
from zkroll.errors import ProvingError

CLOSED = [LANES, DIGITS16, ROUND]
MASK = 2**64 - 1


def spread(word: int) -> int:
    return sum((word >> i & 1) * BASE**i for i in range(64))


def parity(lane: int) -> int:
    return sum((lane // BASE**i % BASE & 1) << i for i in range(64))


def lanes_of(messages: list[list[list[int]]]) -> list[tuple[int, int, int]]:
    return [
        (i, 17 * k + j, spread(word))
        for i, blocks in enumerate(messages)
        for k, block in enumerate(blocks)
        for j, word in enumerate(block)
    ]


def digests(messages: list[list[list[int]]]) -> list[list[int]]:
    out = []
    for blocks in messages:
        state = [0] * 25
        for block in blocks:
            state = keccak_f1600([s ^ w for s, w in zip(state, [*block, *[0] * 8], strict=True)])
        out.append(state[:4])
    return out


def squeezed(traces) -> list[list[int]]:
    found = [v for v in check_buses(traces.values()) if v.chip == "keccak_f" and v.name == "digest"]
    found.sort(key=lambda v: v.cells["message"])
    return [[parity(v.cells[f"lane{j}"]) for j in range(4)] for v in found]


def run(messages: list[list[list[int]]]):
    return fill([sends(LANES, lanes_of(messages)), KeccakF(), KeccakBytes(), KeccakDigits()])


def block(rng: random.Random) -> list[int]:
    return [rng.getrandbits(64) for _ in range(17)]


def test_chains_of_permutations_are_keccak_f() -> None:
    rng = random.Random(5)
    messages = [[block(rng) for _ in range(count)] for count in (1, 3, 1, 2)]
    messages.append([[0] * 17, [MASK] * 17])
    traces = run(messages)
    assert broken(traces, CLOSED) == []
    assert squeezed(traces) == digests(messages)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, MASK), min_size=1, max_size=20))
def test_spreading_and_gathering_are_inverse(words: list[int]) -> None:
    spreads = spread_lanes(np.array(words, dtype=np.uint64))
    assert np.array_equal(spreads, limbs([spread(w) for w in words]))
    assert gather_lanes(spreads).tolist() == words


def test_a_permutation_costs_less_than_seventeen_thousand_cells() -> None:
    layout = chip_layout(KeccakF())
    assert layout.degree <= 5
    assert 25 * sum(layout.widths.values()) < 17_000


def test_lanes_that_make_no_block_are_refused() -> None:
    rng = random.Random(1)
    lanes = lanes_of([[block(rng)]])
    with pytest.raises(ProvingError, match="whole blocks"):
        fill([sends(LANES, lanes[:-1]), KeccakF()])
    with pytest.raises(ProvingError, match="once each"):
        fill([sends(LANES, [*lanes[:-1], (0, 40, 1)]), KeccakF()])
    with pytest.raises(ProvingError, match="lacks a block"):
        fill([sends(LANES, lanes_of([[block(rng), block(rng)]])[17:]), KeccakF()])


@pytest.fixture(scope="module")
def chain():
    """Message 0 of two blocks (rows 0..24 and 25..49), message 1 of one (50..74), padding up to 128."""
    rng = random.Random(2)
    return run([[block(rng), block(rng)], [block(rng)]])


PRANKS = [
    ("is_round", 3, 2, "is_round is a bit"), ("absorb", 0, 2, "absorb is a bit"),
    ("keep", 25, 2, "keep is a bit"),
    ("absorb", 3, 1, "not both round and absorb"), ("keep", 3, 1, "keep only with absorb"),
    ("is_round", 0, 1, "the first row starts a message or is padding"),
    ("keep", 0, 1, "the first row starts a message or is padding"),
    ("round", 25, 1, "round is 0 outside of rounds"), ("round", 100, 1, "round is 0 outside of rounds"),
    ("is_round", 7, 0, "a permutation runs through"), ("last", 7, 1, "a permutation runs through"),
    ("last", 24, 0, "a permutation runs through"), ("round", 7, 8, "rounds count up"),
    ("keep", 7, 1, "keep follows a last round"), ("message", 3, 1, "message stays"),
    ("message", 25, 1, "message stays"),
    ("count", 3, 2, "count stays"), ("count", 25, 2, "count stays"), ("message", 0, 1,
    "messages count from 0"),
    ("message", 50, 0, "messages count up"), ("message", 50, 2, "messages count up"),
    ("absorb", 100, 1, "no message after padding"), ("block", 50, 1, "block starts at 0"), ("block", 3, 1,
    "block stays within a permutation"),
    ("block", 25, 0, "block counts up at keep"), ("m[17]", 25, 1, "nothing from chi when absorbing"),
    *((f"n[{FIRST_PIECE[p]}]", row, 1, f"nothing absorbed into lane {p}")
      for row in (25, 50) for p in range(17, 25)),
]  # fmt: skip


@pytest.mark.parametrize(("column", "row", "value", "name"), PRANKS, ids=str)
def test_each_constraint_notices_its_prank(chain, column: str, row: int, value: int, name: str) -> None:
    old = cell(chain, "keccak_f", column, row)
    tampered = prank(chain, "keccak_f", column, row, value if old != value else value + 1)
    assert name in names(check_constraints(tampered["keccak_f"]))


CELLS = {"n": 124, "m": 100, "c": 25, "c_two": 20, "c_four": 20, "d": 20, "d_carry": 15, "carry": 76}


@pytest.mark.parametrize("column", CELLS)
def test_a_cell_that_is_no_spread_number_is_noticed(chain, column: str) -> None:
    rng = random.Random(column)
    for row in (12, 100):
        at = f"{column}[{rng.randrange(CELLS[column])}]"
        assert "keccak_digits16" in broken_buses(broken(prank(chain, "keccak_f", at, row, 2), CLOSED))


@pytest.mark.parametrize("column", CELLS)
def test_a_cell_with_another_bit_is_noticed(chain, column: str) -> None:
    """The tampered cell is spread, so only the sum that it belongs to can notice."""
    rng = random.Random(column)
    for row in (5, 30):
        at = f"{column}[{rng.randrange(CELLS[column])}]"
        old = cell(chain, "keccak_f", at, row)
        clear = next(i for i in range(16) if old // BASE**i % BASE == 0)
        value = old + BASE**clear  # setting, not clearing: c_four and its cell-less twin may swap
        assert value in spread_table()
        found = broken(prank(chain, "keccak_f", at, row, value), CLOSED)
        huge = [v for v in found if v.kind == "bus" and v.cells.get("value", 0) not in spread_table()]
        assert huge, (at, row)


def test_a_piece_may_not_reach_over_its_cut(chain) -> None:
    """Lane 1 turns by 44: digits 32..43 and 44..47 are pieces. Moving a bit across the cut is refused."""
    low, high = cell(chain, "keccak_f", "n[6]", 5), cell(chain, "keccak_f", "n[7]", 5)
    bit = high % BASE
    moved = prank(chain, "keccak_f", "n[6]", 5, low + (1 if bit else -1) * BASE**12)
    moved = prank(moved, "keccak_f", "n[7]", 5, high - (1 if bit else -1))
    found = {v.name for v in broken(moved, CLOSED) if v.kind == "bus"}
    assert "n lane 1 chunk 2 lower piece fits" in found


@pytest.mark.parametrize("row", [24, 49])
@pytest.mark.parametrize("column", ["c_two[3]", "c_four[2]", "d[1]", "carry[0]", "carry[40]"])
def test_carries_of_absorbing_are_bound_where_a_message_goes_on(chain, column: str, row: int) -> None:
    old = cell(chain, "keccak_f", column, row)
    value = old - 1 if old % BASE else old + 1
    found = broken(prank(chain, "keccak_f", column, row, value), CLOSED)
    noticed = "keccak_lanes" in broken_buses(found) or any("nothing absorbed" in v.name for v in found)
    assert noticed == (row == 24)


@pytest.mark.parametrize(
    ("column", "row", "bus"),
    [
        ("rc[0]", 1, "keccak_round"), ("rc[3]", 24, "keccak_round"), ("rc[1]", 0, "keccak_round"),
        ("last", 3, "keccak_round"), ("round", 3, "keccak_round"), ("message", 50, "keccak_lanes"),
        ("block", 25, "keccak_lanes"), ("n[0]", 0, "keccak_lanes"), ("absorb", 50, "keccak_lanes"),
        ("count", 0, "keccak_lanes"), ("count", 74, "keccak_squeeze"),
        ("message", 74, "keccak_squeeze"), ("n[1]", 74, "keccak_squeeze"), ("m[15]", 49, "keccak_squeeze"),
    ],
)  # fmt: skip
def test_each_other_interaction_notices_its_prank(chain, column: str, row: int, bus: str) -> None:
    tampered = prank(chain, "keccak_f", column, row, cell(chain, "keccak_f", column, row) + 1)
    of = lambda traces: {  # noqa: E731
        (v.name, v.detail, tuple(v.cells.values()))
        for v in check_buses(traces.values())
        if f"on bus {bus}:" in v.detail
    }
    assert of(tampered) != of(chain)


def test_a_table_request_outside_the_table_is_refused() -> None:
    with pytest.raises(ProvingError, match="not in the table"):
        fill([sends(DIGITS16, [(2,)]), KeccakDigits()])
    with pytest.raises(ProvingError, match="not in the table"):
        fill([sends(ROUND, [(25, 0, 0, 0, 0, 0)]), KeccakBytes()])
    assert squeezed({}) == []
    assert SQUEEZE.arity == 5
