"""ADD, SUB, comparisons and bitwise operations against the EVM's definition, and each relation's prank."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.chips import broken, broken_buses, cell, fill, names, prank, sends

from zkroll.circuits.buses import ALU, BYTE_AND, RANGE16
from zkroll.circuits.chips.add import Add
from zkroll.circuits.chips.bitwise import Bitwise
from zkroll.circuits.chips.compare import Compare
from zkroll.circuits.chips.tables import Tables

MASK = 2**256 - 1


def signed(x: int) -> int:
    return x - 2**256 if x >> 255 else x


SEMANTICS = {
    0x01: lambda a, b: (a + b) & MASK,
    0x03: lambda a, b: (a - b) & MASK,
    0x10: lambda a, b: int(a < b),
    0x11: lambda a, b: int(a > b),
    0x12: lambda a, b: int(signed(a) < signed(b)),
    0x13: lambda a, b: int(signed(a) > signed(b)),
    0x14: lambda a, b: int(a == b),
    0x15: lambda a, b: int(a == 0),
    0x16: lambda a, b: a & b,
    0x17: lambda a, b: a | b,
    0x18: lambda a, b: a ^ b,
    0x19: lambda a, b: ~a & MASK,
}
EDGES = [0, 1, 2**128 - 1, 2**128, 2**255 - 1, 2**255, MASK - 1, MASK, 2**127, 2**64]
words = st.one_of(st.sampled_from(EDGES), st.integers(0, MASK))
CHIPS = [Compare(), Add(), Bitwise(), Tables()]
CLOSED = [ALU, RANGE16, BYTE_AND]


def request(op: int, a: int, b: int, c: int | None = None) -> tuple[int, ...]:
    if op in (0x15, 0x19):
        b = 0
    c = SEMANTICS[op](a, b) if c is None else c
    return (op, a >> 128, a % 2**128, b >> 128, b % 2**128, c >> 128, c % 2**128)


def run(tuples):
    return fill([sends(ALU, tuples), *CHIPS])


def test_every_opcode_on_all_pairs_of_edges() -> None:
    tuples = [request(op, a, b) for op in SEMANTICS for a in EDGES for b in EDGES]
    assert broken(run(tuples), CLOSED) == []


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(SEMANTICS)), words, words), min_size=1, max_size=20))
def test_random_operations_are_served(cases) -> None:
    assert broken(run([request(*case) for case in cases]), CLOSED) == []


def test_repeated_requests_share_a_row() -> None:
    traces = run([request(0x01, 3, 4)] * 5 + [request(0x01, 3, 5)])
    assert traces["add"].rows == 2
    assert broken(traces, CLOSED) == []


@pytest.mark.parametrize("op", sorted(SEMANTICS))
def test_a_wrong_result_is_not_served(op: int) -> None:
    rng = random.Random(op)
    for _ in range(3):
        a, b = rng.choice(EDGES), rng.getrandbits(256)
        wrong = SEMANTICS[op](a, 0 if op in (0x15, 0x19) else b) ^ 1
        assert broken(run([request(op, a, b, wrong)]), CLOSED)


PRANKS = [
    ("add", "is_add", 0, 2, "is_add is a bit"),
    ("add", "is_sub", 0, 1, "one opcode"),
    ("add", "count", 7, 1, "no answers from padding"),
    ("add", "p.lo", 0, None, "low halves add up"),
    ("add", "p.hi", 0, None, "high halves add up"),
    ("add", "carry_lo", 0, 2, "carry_lo is a bit"),
    ("add", "carry_hi", 0, 2, "carry_hi is a bit"),
    ("add", "carry_lo", 0, 1, "low halves add up"),
    ("add", "hi_limbs[3]", 0, None, "hi_limbs compose the value"),
    ("add", "lo_limbs[3]", 0, None, "lo_limbs compose the value"),
    ("compare", "is_eq", 0, 1, "one opcode"),
    ("compare", "count", 7, 1, "no answers from padding"),
    ("compare", "sign_a", 0, 2, "sign_a is a bit"),
    ("compare", "sign_b", 0, 2, "sign_b is a bit"),
    ("compare", "rest_a[0]", 0, None, "sign and rest of a"),
    ("compare", "rest_b[7]", 0, None, "sign and rest of b"),
    ("compare", "unsigned", 0, None, "signed less"),
    ("compare", "unsigned", 1, None, "signed greater"),
    ("compare", "c.lo", 2, 1, "equal"),
    ("compare", "same_hi", 2, 1, "same_hi only at zero"),
    ("compare", "same_hi_inverse", 2, None, "same_hi at every zero"),
    ("compare", "same_lo", 2, 0, "same_lo at every zero"),
    ("compare", "same_lo", 0, 1, "same_lo only at zero"),
    ("compare", "same_lo_inverse", 0, None, "same_lo at every zero"),
    ("compare", "b.hi", 3, 1, "compares with zero, high"),
    ("compare", "b.lo", 3, 1, "compares with zero, low"),
    ("compare", "c.hi", 4, None, "complement of the high half"),
    ("compare", "c.lo", 4, None, "complement of the low half"),
    ("compare", "c.hi", 2, 1, "high half of a truth value"),
    ("bitwise", "is_or", 0, 1, "one opcode"),
    ("bitwise", "is_and", 0, 3, "is_and is a bit"),
    ("bitwise", "count", 7, 1, "no answers from padding"),
]


@pytest.mark.parametrize(("chip", "column", "row", "value", "expected"), PRANKS)
def test_each_constraint_catches_its_cell(
    chip: str, column: str, row: int, value: int | None, expected: str
) -> None:
    tuples = {
        "add": [request(0x01, 5, 2**200)],
        "compare": [request(0x12, 7, 9), request(0x13, 7, 9), request(0x14, 2**130 + 5, 2**129 + 5),
                    request(0x15, 6, 0), request(0x19, 3, 0)],
        "bitwise": [request(0x16, 3, 9)],
    }[chip]  # fmt: skip
    traces = run(tuples)
    assert broken(traces, CLOSED) == []
    new = cell(traces, chip, column, row) + 1 if value is None else value
    assert expected in names(broken(prank(traces, chip, column, row, new), []))


@pytest.mark.parametrize("column", [f"{c}[{i}]" for c in ("a", "b", "both") for i in (0, 15, 16, 31)])
def test_each_byte_is_bound_by_the_byte_table(column: str) -> None:
    traces = run([request(0x16, 3 << 120, 9 << 250)])
    found = broken(prank(traces, "bitwise", column, 0, cell(traces, "bitwise", column, 0) ^ 1), [BYTE_AND])
    assert broken_buses(found) == {"byte_and"}


@pytest.mark.parametrize(
    ("chip", "limb"), [("add", "hi_limbs"), ("add", "lo_limbs"), ("compare", "rest_a"), ("compare", "rest_b")]
)
def test_limbs_cannot_leave_their_range(chip: str, limb: str) -> None:
    traces = run([request(0x01, 5, 2**200), request(0x12, 2**100, 2**200)])
    for i in range(7):
        low, high = cell(traces, chip, f"{limb}[{i}]", 0), cell(traces, chip, f"{limb}[{i + 1}]", 0)
        bad = prank(
            prank(traces, chip, f"{limb}[{i}]", 0, low - 2**16), chip, f"{limb}[{i + 1}]", 0, high + 1
        )
        assert names(broken(bad, [])) == set()
        assert "range16" in broken_buses(broken(bad, [RANGE16]))


def test_the_sign_bit_cannot_hide_in_the_rest() -> None:
    traces = run([request(0x12, 2**255, 1)])
    bad = prank(traces, "compare", "sign_a", 0, 0)
    bad = prank(bad, "compare", "rest_a[7]", 0, 2**15)
    assert "range16" in broken_buses(broken(bad, [RANGE16]))
