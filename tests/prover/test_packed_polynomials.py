"""Arithmetic on packed polynomials against its definition on lists of integers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import reduce

import numpy as np
import pytest

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import fr
from zkroll.prover.polynomials import Blocks, divide_by_linear, divide_by_points, interleave, split

Coefficients = list[int]


def columns(rng: random.Random, count: int, height: int) -> tuple[list[Coefficients], Blocks]:
    """Random coefficients as lists and as blocks."""
    lists = [[rng.randrange(R_MODULUS) for _ in range(height)] for _ in range(count)]
    return lists, np.stack([fr.from_ints(c) for c in lists])


def remainder_and_quotient(c: Sequence[int], point: int) -> tuple[int, Coefficients]:
    """c = quotient * (Y - point) + remainder."""
    out, acc = [], 0
    for value in reversed(c):
        acc = (acc * point + value) % R_MODULUS
        out.append(acc)
    return out[-1], out[:-1][::-1]


def evaluate(c: Sequence[int], x: int) -> int:
    return reduce(lambda acc, v: (acc * x + v) % R_MODULUS, reversed(c), 0)


def test_interleaving_puts_slot_i_at_powers_i_modulo_the_arity() -> None:
    rng = random.Random(1)
    tall, tall_blocks = columns(rng, 2, 32)
    short, short_blocks = columns(rng, 3, 8)
    expected = [0] * (5 * 32)
    for i, slot in enumerate(tall + short):
        for j, value in enumerate(slot):
            expected[i + 5 * j] = value
    limbs = interleave([tall_blocks, short_blocks])
    assert [sum(int(x) << (64 * k) for k, x in enumerate(row)) for row in limbs] == expected


@pytest.mark.parametrize("pieces", [1, 2, 4])
def test_splitting_takes_every_nth_coefficient(pieces: int) -> None:
    lists, blocks = columns(random.Random(2), 3, 64)
    found = split(blocks, pieces)
    assert found.shape == (3 * pieces, 64 // pieces // 8, 5, 8)
    for i, column in enumerate(lists):
        for k in range(pieces):
            assert fr.to_ints(found[i * pieces + k]) == column[k::pieces]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_division_by_points_is_polynomial_division_without_its_remainder(count: int) -> None:
    rng = random.Random(count)
    lists, blocks = columns(rng, 4, 16)
    points = [rng.randrange(R_MODULUS) for _ in range(count)]
    values = [[evaluate(c, p) for c in lists] for p in points]
    found = divide_by_points(blocks, points, values, 12345)  # times Y
    for c, quotient in zip(lists, found, strict=True):
        expected = c
        for p in points:
            _, expected = remainder_and_quotient(expected, p)
        padded = [0, *expected, *[0] * (count - 1)]
        assert fr.to_ints(quotient) == [12345 * v % R_MODULUS for v in padded]


@pytest.mark.parametrize("count", [8, 9, 12])
def test_as_many_points_as_coefficients_leave_no_quotient(count: int) -> None:
    rng = random.Random(count)
    lists, blocks = columns(rng, 2, 8)
    points = [rng.randrange(R_MODULUS) for _ in range(count)]
    found = divide_by_points(blocks, points, [[evaluate(c, p) for c in lists] for p in points], 3)
    assert not any(fr.to_ints(found[0]) + fr.to_ints(found[1]))


def test_a_wrong_value_leaves_something_that_is_not_the_quotient() -> None:
    rng = random.Random(9)
    lists, blocks = columns(rng, 1, 16)
    value = evaluate(lists[0], 5)
    right, wrong = (divide_by_points(blocks.copy(), [5], [[v]], 1) for v in (value, value + 1))
    assert fr.to_ints(right[0]) == [0, *remainder_and_quotient(lists[0], 5)[1]]
    assert fr.to_ints(wrong[0]) != fr.to_ints(right[0])


@pytest.mark.parametrize("size", [8, 24, 40])
def test_division_by_a_linear_factor_works_for_any_number_of_blocks(size: int) -> None:
    rng = random.Random(size)
    coefficients = [rng.randrange(R_MODULUS) for _ in range(size)]
    point = rng.randrange(1, R_MODULUS)
    coefficients[0] = (coefficients[0] - evaluate(coefficients, point)) % R_MODULUS
    remainder, expected = remainder_and_quotient(coefficients, point)
    assert remainder == 0
    limbs = divide_by_linear(fr.from_ints(coefficients), point)
    assert [sum(int(x) << (64 * k) for k, x in enumerate(row)) for row in limbs] == expected
