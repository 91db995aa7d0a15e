"""Memory expansion against the vm's own price, and each relation's prank."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.chips import broken, broken_buses, cell, fill, names, prank, sends

from zkroll.circuits.air.check import check_constraints
from zkroll.circuits.buses import EXPAND, RANGE16, TOO_LARGE_GAS
from zkroll.circuits.chips.expansion import Expansion
from zkroll.circuits.chips.tables import Tables
from zkroll.vm.gas import memory_expansion

MASK = 2**256 - 1
EDGES = [0, 1, 31, 32, 33, 64, 2**16, 2**31, 2**32 - 32, 2**32 - 1, 2**32, 2**64, 2**128 - 1, 2**128, MASK]


def request(before: int, offset: int, length: int) -> tuple[int, ...]:
    words = (before, offset >> 128, offset % 2**128, length >> 128, length % 2**128)
    if length and offset + length >= 2**32:
        return (*words, before, 0, 0, TOO_LARGE_GAS)
    gas, after = memory_expansion(before, offset, length)
    return (*words, after, (length + 31) // 32, length, gas)


def run(tuples):
    return fill([sends(EXPAND, tuples), Expansion(), Tables()])


def test_all_pairs_of_edges_cost_what_the_vm_charges() -> None:
    tuples = [request(before, o, n) for o in EDGES for n in EDGES for before in (0, 3, 2**27)]
    assert broken(run(tuples), [EXPAND, RANGE16]) == []


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 2**17), st.integers(0, 2**17)), min_size=1))
def test_random_ranges_cost_what_the_vm_charges(cases) -> None:
    assert broken(run([request(*case) for case in cases]), [EXPAND, RANGE16]) == []


def test_repeated_requests_share_a_row() -> None:
    traces = run([request(3, 64, 32)] * 9)
    assert traces["expansion"].rows == 1
    assert broken(traces, [EXPAND]) == []


@pytest.mark.parametrize("entry", [5, 6, 7, 8])
def test_a_wrong_answer_is_not_served(entry: int) -> None:
    rng = random.Random(entry)
    for case in ((0, 100, 50), (9, 5, 7), (4, 1, 0), (1, 2**40, 1), (2, MASK, MASK)):
        wrong = list(request(*case))
        wrong[entry] += rng.choice((1, -1, 2**16))
        assert broken(run([wrong]), [EXPAND])


@pytest.fixture(scope="module")
def rows():
    """Sorted: 0 empty, 1 fits and grows, 2 large by its low half, 3 large by its high half, 4 fits."""
    return run(
        [
            request(1, 7, 0),
            request(2, 500, 100),
            request(3, 2**32, 5),
            request(4, 2**130, 5),
            request(90, 3, 4),
        ]
    )


PRANKS = [
    ("active", 0, 2, "active is a bit"), ("large", 2, 2, "large is a bit"), ("grows", 1, 2, "grows is a bit"),
    ("empty", 1, 1, "empty only at zero"), ("empty", 0, 0, "empty at every zero"),
    ("high_zero", 3, 1, "high_zero only at zero"), ("high_zero", 1, 0, "high_zero at every zero"),
    ("large", 0, 1, "large only where not empty"), ("grows", 2, 1, "grows only where it fits"),
    ("count", 6, 1, "no answers from padding"), ("reach[0]", 2, 9, "large reaches 2^32"),
    ("offset.hi", 1, 1, "fits without high halves"), ("reach[1]", 1, 9, "reach is the end"),
    ("reach[8]", 1, 9, "the end is below 2^32"), ("end_pad", 1, 1, "words to the end"),
    ("length_pad", 1, 1, "words of the length"), ("length_words", 0, 1, "no length where it does not fit"),
    ("length_limbs[1]", 1, 1, "length_limbs compose length_words"), ("gap[0]", 1, 1, "gap"),
    ("grows", 4, 1, "gap"),
    ("grows", 1, 0, "gap"), ("q_before[0]", 1, 1, "square of words before"),
    ("r_after", 1, 1, "square of words after"), ("large", 1, 1, "large reaches 2^32"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "row", "value", "name"), PRANKS, ids=str)
def test_each_constraint_notices_its_prank(rows, column: str, row: int, value: int, name: str) -> None:
    assert cell(rows, "expansion", column, row) != value
    assert name in names(check_constraints(prank(rows, "expansion", column, row, value)["expansion"]))


def test_every_cell_of_the_answer_is_bound(rows) -> None:
    for column in (
        "words_before",
        "offset.lo",
        "offset.hi",
        "length.lo",
        "length.hi",
        "end_words",
        "q_after[0]",
    ):
        value = cell(rows, "expansion", column, 1) + 1
        assert "expand" in names(broken(prank(rows, "expansion", column, 1, value), [EXPAND])), column


LIMBS = {"reach": 9, "length_limbs": 2, "gap": 2, "q_before": 3, "q_after": 3}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *((f"{name}[{i}]", 2**16) for name, width in LIMBS.items() for i in range(width)),
        ("end_pad", 32), ("length_pad", 32), ("r_before", 512), ("r_after", 512),
        ("end_pad", 2**16), ("length_pad", 2**16), ("r_before", 2**16), ("r_after", 2**16),
    ],
)  # fmt: skip
def test_each_range_notices_a_value_beyond_it(rows, column: str, value: int) -> None:
    assert "range16" in broken_buses(broken(prank(rows, "expansion", column, 1, value), [RANGE16]))
