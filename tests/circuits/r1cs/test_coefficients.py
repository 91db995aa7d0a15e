"""Coefficients of .zkey files: matrices ready for products, in any order, and what is out of range."""

from __future__ import annotations

import random

import numpy as np
import pytest

from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.coefficients import collect, first_wrong, number_distinct, scaled
from zkroll.circuits.r1cs.formats.zkey import COEFFICIENT
from zkroll.circuits.r1cs.sparse import ProductPlan
from zkroll.errors import InputError

RANDOM = random.Random(4)
N_ROWS, N_WIRES = 40, 29
EDGES = [0, 1, R - 1, R - 2, 2**64, 2**128, 2**192, 2**253]


def terms(count, values=EDGES):
    found = [
        (RANDOM.randrange(2), RANDOM.randrange(N_ROWS), RANDOM.randrange(N_WIRES), RANDOM.choice(values))
        for _ in range(count)
    ]
    return sorted(found, key=lambda term: term[1])


def as_rows(listed):
    rows = np.zeros(len(listed), dtype=COEFFICIENT)
    for row, (matrix, constraint, wire, value) in zip(rows, listed, strict=True):
        row["matrix"], row["constraint"], row["wire"] = matrix, constraint, wire
        row["value"] = np.frombuffer((value * 2**512 % R).to_bytes(32, "little"), dtype="<u8")
    return rows


def products(rows, vector, n_rows=N_ROWS):
    factor = pow(2**512, -1, R)
    return [
        ProductPlan.of_entries(starts, entries, scaled(values, factor), N_WIRES)
        .run(vector.to_limbs())
        .to_ints()
        for starts, entries, values in collect(rows, n_rows, N_WIRES)
    ]


def expected(listed, vector, n_rows=N_ROWS):
    sums = [[0] * n_rows, [0] * n_rows]
    for matrix, constraint, wire, value in listed:
        sums[matrix][constraint] += value * vector[wire]
    return [[total % R for total in part] for part in sums]


@pytest.mark.parametrize("count", [0, 1, 5, 200, 3000])
def test_products_with_collected_matrices_are_those_of_integers(count):
    listed, vector = terms(count), [RANDOM.randrange(R) for _ in range(N_WIRES)]
    assert products(as_rows(listed), FrVector.from_ints(vector)) == expected(listed, vector)
    RANDOM.shuffle(listed)
    assert products(as_rows(listed), FrVector.from_ints(vector)) == expected(listed, vector)


def test_more_values_than_the_first_table_holds_and_bytes_at_odd_addresses():
    listed = terms(30_000, [RANDOM.randrange(R) for _ in range(9000)])
    vector = [RANDOM.randrange(R) for _ in range(N_WIRES)]
    room = np.zeros(44 * len(listed) + 1, dtype=np.uint8)
    room[1:] = as_rows(listed).view(np.uint8)
    rows = room[1:].view(COEFFICIENT)
    assert first_wrong(rows, N_ROWS, N_WIRES) is None
    assert products(rows, FrVector.from_ints(vector)) == expected(listed, vector)
    assert products(as_rows(listed)[::2], FrVector.from_ints(vector)) == expected(listed[::2], vector)


@pytest.mark.parametrize(
    ("part", "value", "limit"),
    [("matrix", 2, 2), ("constraint", N_ROWS, N_ROWS), ("wire", N_WIRES, N_WIRES), ("value", R, R)],
)
def test_the_first_part_out_of_range_is_named(part, value, limit):
    rows = as_rows(terms(40_000))
    assert first_wrong(rows, N_ROWS, N_WIRES, 2) is None
    for at in (39_999, 25_000, 3):
        words = np.frombuffer(value.to_bytes(32, "little"), dtype="<u8")
        rows[part][at] = words if part == "value" else value
        assert first_wrong(rows, N_ROWS, N_WIRES, 2) == (part, at)
        with pytest.raises(InputError, match=f"the {part} is out of range"):
            collect(rows, N_ROWS, N_WIRES)
    for high in (2**32 - 1,) if part != "value" else (2**256 - 1,):
        words = np.frombuffer(high.to_bytes(32, "little"), dtype="<u8")
        rows[part][3] = words if part == "value" else high
        assert first_wrong(rows, N_ROWS, N_WIRES) == (part, 3)


def test_equal_rows_share_a_number():
    words = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1]], dtype=np.uint64)
    codes, values = number_distinct(words)
    assert codes.tolist() == [1, 2, 1, 3, 3]
    assert (values[codes] == words).all()
    assert not values[0].any()
