"""Sparse products over Fr against integers on both back ends, and matrices that are refused."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.kernels.jit import able_to_run_ifma
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.sparse import SparseMatrix, below_r
from zkroll.errors import InputError

BACKENDS = ["portable", *(["ifma"] if able_to_run_ifma() else [])]
EDGES = [0, 1, R_MODULUS - 1, 2, R_MODULUS >> 1, 2**64, 2**128 - 1, 2**253]
ELEMENTS = st.one_of(st.sampled_from(EDGES), st.integers(0, R_MODULUS - 1))
WIRES = 13


def product(rows: list[list[tuple[int, int]]], vector: list[int]) -> list[int]:
    """The same with integers."""
    return [sum(value * vector[wire] for wire, value in row) % R_MODULUS for row in rows]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, WIRES - 1), ELEMENTS), max_size=9), max_size=20),
    st.lists(ELEMENTS, min_size=WIRES, max_size=WIRES),
    st.sampled_from(BACKENDS),
)
def test_products_are_those_of_integers(rows, vector, backend) -> None:
    matrix = SparseMatrix.from_rows(rows)
    assert [matrix.row(i) for i in range(len(rows))] == rows
    assert matrix.times(FrVector.from_ints(vector), backend=backend).to_ints() == product(rows, vector)


@pytest.mark.parametrize("backend", BACKENDS)
def test_rows_of_very_different_lengths_and_many_coefficients(backend) -> None:
    rng = random.Random(5)
    lengths = [0, 1, 63, 64, 65, 1000, 0, 2, 129] + [rng.randrange(4) for _ in range(9000)]
    values = [R_MODULUS - 1 - i for i in range(6000)]
    rows = [[(rng.randrange(500), rng.choice(values)) for _ in range(n)] for n in lengths]
    vector = [R_MODULUS - 1 - rng.randrange(3) for _ in range(500)]
    matrix = SparseMatrix.from_rows(rows)
    for threads in (1, 2):
        got = matrix.times(FrVector.from_ints(vector), threads, backend=backend)
        assert got.to_ints() == product(rows, vector)
    assert len(matrix.plan._values) > 4096 + 1  # the table of distinct coefficients has grown


def test_sums_of_most_terms_at_their_largest_do_not_overflow() -> None:
    rows = [[(i % 3, R_MODULUS - 1)] * 640 for i in range(8)]
    vector = [R_MODULUS - 1] * 3
    for backend in BACKENDS:
        got = SparseMatrix.from_rows(rows).times(FrVector.from_ints(vector), backend=backend)
        assert got.to_ints() == [640] * 8


def test_vectors_that_are_too_short_are_refused() -> None:
    matrix = SparseMatrix.from_rows([{4: 1}])
    with pytest.raises(InputError, match="at least 5 elements, got 4"):
        matrix.times(FrVector.from_ints(range(4)))
    with pytest.raises(InputError, match="rows"):
        matrix.plan.run(np.zeros((5, 3), dtype=np.uint64))
    words = np.zeros((5, 4), dtype=np.uint64)
    words[2] = 2**64 - 1
    with pytest.raises(InputError, match="element 2: expected a value below r"):
        matrix.plan.run(words)
    with pytest.raises(InputError, match="a row of"):
        matrix.row(1)


GOOD = SparseMatrix.from_rows([{0: 1, 3: 2}, {}, {2: 5}])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"starts": np.array([0, 2, 1, 3])}, "starts"),
        ({"starts": np.array([0, 2, 2, 4])}, "starts"),
        ({"starts": np.array([-1, 2, 2, 3])}, "starts"),
        ({"starts": np.array([], dtype=np.int64)}, "starts"),
        ({"starts": np.array([0, 2, 2, 3], dtype=np.int32)}, "starts"),
        ({"wires": np.array([0, 3], dtype=np.uint32)}, "starts|coefficients"),
        ({"wires": np.array([0, 3, 2], dtype=np.int64)}, "wires"),
        ({"coefficients": np.zeros((3, 3), dtype=np.uint64)}, "coefficients"),
        ({"coefficients": np.zeros((6, 4), dtype=np.uint64)[::2]}, "coefficients"),
        (
            {"coefficients": np.full((3, 4), 2**64 - 1, dtype=np.uint64)},
            "term 0: expected a coefficient below r",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, message) -> None:
    arrays = {"starts": GOOD.starts, "wires": GOOD.wires, "coefficients": GOOD.coefficients}
    with pytest.raises(InputError, match=message):
        SparseMatrix(**{**arrays, **change})


def test_range_checks_see_the_modulus_itself() -> None:
    values = [0, R_MODULUS - 1, R_MODULUS, R_MODULUS + 1, R_MODULUS - 2**64, R_MODULUS + 2**192, 2**256 - 1]
    words = np.frombuffer(b"".join(v.to_bytes(32, "little") for v in values), dtype="<u8").reshape(-1, 4)
    assert below_r(words).tolist() == [v < R_MODULUS for v in values]
