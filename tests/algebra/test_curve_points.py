"""Vectors of G1 points and fixed-base multiples, on both back ends, against plain integers and py_ecc."""

import random
from typing import Any

import numpy as np
import pytest
from py_ecc import bn128

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.algebra.curve import GENERATOR, G1Points, fixed_base_g1, is_on_curve, to_affine
from zkroll.algebra.field import fq, fr
from zkroll.algebra.kernels.curve_inverse import SCRATCH_WORDS, invert_limbs
from zkroll.algebra.kernels.jit import host_backend, kernel
from zkroll.algebra.reference import curve as reference
from zkroll.errors import InputError

BACKENDS = sorted({"portable", host_backend()})
RANDOM = random.Random(7)
POINTS = [
    None,
    GENERATOR,
    reference.negate(GENERATOR),
    *(reference.multiply(GENERATOR, k) for k in range(2, 12)),
]


@pytest.mark.parametrize("scalar", [0, 1, 2, 3, 12345, R_MODULUS - 1, R_MODULUS, R_MODULUS + 5])
def test_reference_multiples_equal_py_ecc(scalar: int) -> None:
    expected = bn128.multiply(bn128.G1, scalar % R_MODULUS)
    got = reference.multiply(GENERATOR, scalar)
    assert got == (None if expected is None else (int(expected[0]), int(expected[1])))


def test_reference_addition_covers_equal_opposite_and_infinity() -> None:
    for a in range(-3, 4):
        for b in range(-3, 4):
            left, right = reference.multiply(GENERATOR, a), reference.multiply(GENERATOR, b)
            assert reference.add(left, right) == reference.multiply(GENERATOR, a + b)


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 13])
def test_points_round_trip_through_rows_and_blocks(n: int) -> None:
    points = G1Points.from_ints(POINTS[:n])
    assert len(points) == points.n == n
    assert points.to_ints() == POINTS[:n]
    assert G1Points.from_blocks(points.x, points.y, n).to_ints() == POINTS[:n]


def test_slices_share_memory_and_single_points_are_integers() -> None:
    points = G1Points.from_ints(POINTS)
    assert np.shares_memory(points[3:9].rows, points.rows)
    assert points[3:9].to_ints() == POINTS[3:9]
    assert points[0] is None
    assert points[1] == GENERATOR
    assert points[-1] == POINTS[-1]


def test_points_off_the_curve_are_seen_one_by_one() -> None:
    points = G1Points.from_ints([GENERATOR, (1, 3), None, (0, 1), (Q_MODULUS - 1, 2)])
    assert is_on_curve(points).tolist() == [True, False, True, False, False]


def test_projective_points_become_affine() -> None:
    z = [0, 1, 5, Q_MODULUS - 1, 17]
    points = [POINTS[i] or (3, 4) for i in (1, 3, 4, 5, 6)]
    x = fq.from_ints(p[0] * k for p, k in zip(points, z, strict=True))
    y = fq.from_ints(p[1] * k for p, k in zip(points, z, strict=True))
    assert to_affine(x, y, fq.from_ints(z), 5).to_ints() == [None, *points[1:]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_fixed_base_multiples_equal_the_reference(backend: str) -> None:
    edges = [0, 1, 2, 127, 128, 129, 255, 256, R_MODULUS - 1, R_MODULUS // 2, R_MODULUS // 2 + 1, 1 << 253]
    scalars = edges + [RANDOM.randrange(R_MODULUS) for _ in range(9)]
    got = fixed_base_g1(fr.from_ints(scalars), len(scalars), backend=backend)
    assert got.to_ints() == [reference.multiply(GENERATOR, k) for k in scalars]


def test_fixed_base_takes_another_base_and_many_threads() -> None:
    base = reference.multiply(GENERATOR, 99)
    scalars = fr.powers(3, 1000)
    got = fixed_base_g1(scalars, 1000, base, threads=2)
    assert is_on_curve(got).all()
    for i in (0, 1, 254, 511, 512, 999):
        assert got[i] == reference.multiply(base, pow(3, i, R_MODULUS))


def test_fixed_base_of_no_scalars_is_empty() -> None:
    assert fixed_base_g1(fr.zeros(0), 0).n == 0


def test_inversion_of_one_element_equals_pow() -> None:
    @kernel("void(int64[::1], int64[::1])", name="test_invert_limbs")
    def invert(words: Any, scratch: Any) -> None:
        invert_limbs(words, scratch)

    scratch = np.zeros(SCRATCH_WORDS, dtype=np.int64)
    values = [
        0,
        1,
        2,
        Q_MODULUS - 1,
        Q_MODULUS // 2,
        1 << 253,
        *(RANDOM.randrange(Q_MODULUS) for _ in range(200)),
    ]
    for value in values:
        words = np.array([value >> (52 * i) & (2**52 - 1) for i in range(5)], dtype=np.int64)
        invert(words, scratch)
        got = sum(int(word) << (52 * i) for i, word in enumerate(words))
        assert got == (pow(value, -1, Q_MODULUS) if value else 0)


@pytest.mark.parametrize(
    "rows", [np.zeros((2, 7), np.uint64), np.zeros(8, np.uint64), np.zeros((1, 8), np.int64)]
)
def test_rows_of_another_shape_or_dtype_are_refused(rows: np.ndarray) -> None:
    with pytest.raises(InputError, match="G1Points"):
        G1Points(rows)


def test_blocks_that_do_not_fit_the_number_of_points_are_refused() -> None:
    with pytest.raises(InputError, match="G1Points: expected 2 block arrays of 9"):
        G1Points.from_blocks(fq.zeros(8), fq.zeros(8), 9)
