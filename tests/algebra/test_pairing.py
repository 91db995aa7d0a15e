"""The pairing on both back ends against py_ecc and integers, its laws, products in all layouts, EIP-197."""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from py_ecc import optimized_bn128

from zkroll.algebra import pairing as pairings
from zkroll.algebra.constants import Q_MODULUS as Q
from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.curve import G1Points, G2Points
from zkroll.algebra.kernels.emit import Backend
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.pairing_layout import Layout
from zkroll.algebra.reference import curve, tower
from zkroll.algebra.reference.curve import GENERATOR, Point
from zkroll.algebra.reference.pairing import GENERATOR_G2, G2Pair, G2Point, multiply_g2
from zkroll.errors import InputError

bn: Any = optimized_bn128
BACKENDS: list[Backend] = ["ifma", "portable"] if host_backend() == "ifma" else ["portable"]
VECTORS = Path(__file__).resolve().parents[3] / "shared" / "precompile-vectors" / "bn256Pairing.json"
ONE = tower.ONE
SMALL_PRIME = 10069  # divides the cofactor of G2
COFACTOR = 2 * Q - R
Pairs = list[tuple[Point, G2Point]]


def negated(point: G2Point) -> G2Point:
    return None if point is None else (point[0], (-point[1][0] % Q, -point[1][1] % Q))


@cache
def g2_multiples() -> list[G2Pair]:
    rng = random.Random(5)
    found = (multiply_g2(GENERATOR_G2, scalar) for scalar in (1, 2, R - 1, rng.randrange(R)))
    return [point for point in found if point is not None]


def multiple_of_g2(index: int) -> tuple[int, G2Pair]:
    scalars = [1, 2, R - 1, random.Random(5).randrange(R)]
    return scalars[index % 4], g2_multiples()[index % 4]


def cancelling(size: int, seed: int) -> Pairs:
    """Pairs whose product is one: Σ a_i·b_i = 0."""
    rng = random.Random(seed)
    pairs: Pairs = []
    total = 0
    for _ in range(size - 1):
        b, Q2 = multiple_of_g2(rng.randrange(4))
        a = rng.randrange(R)
        pairs.append((curve.multiply(GENERATOR, a), Q2))
        total += a * b
    b, Q2 = multiple_of_g2(rng.randrange(4))
    last = -total * pow(b, -1, R) % R
    pairs.append((curve.multiply(GENERATOR, last), Q2))
    return pairs


def lifted(point: G2Pair) -> Any:
    return (bn.FQ2(point[0]), bn.FQ2(point[1]), bn.FQ2.one())


def lowered(point: Any) -> G2Pair:
    x, y = bn.normalize(point)
    return ((int(x.coeffs[0]), int(x.coeffs[1])), (int(y.coeffs[0]), int(y.coeffs[1])))


def root(a: tuple[int, int]) -> tuple[int, int] | None:
    """A square root in Fq2, q ≡ 3 mod 4, of an element outside Fq."""
    norm = pow(a[0] * a[0] + a[1] * a[1], (Q + 1) // 4, Q)
    for half in ((a[0] + norm) * (Q + 1) // 2 % Q, (a[0] - norm) * (Q + 1) // 2 % Q):
        y0 = pow(half, (Q + 1) // 4, Q)
        if y0 * y0 % Q == half and y0:
            y = (y0, a[1] * pow(2 * y0, -1, Q) % Q)
            if tower.pair_mul(y, y) == a:
                return y
    return None


@cache
def points_of_the_twist() -> list[G2Pair]:
    """Points outside G2: of full order, of order dividing the cofactor, of small order, and shifted members."""
    rng = random.Random(3)
    b = tower.pair_mul((3, 0), tower.pair_inverse((9, 1)))
    while True:
        x = (rng.randrange(Q), rng.randrange(Q))
        cube = tower.add(tower.pair_mul(tower.pair_mul(x, x), x), b)
        y = root((cube[0], cube[1]))
        if y is not None:
            break
    full = lifted((x, y))
    torsion = bn.multiply(full, R)
    small = bn.multiply(torsion, COFACTOR // SMALL_PRIME)
    shifted = bn.add(lifted(GENERATOR_G2), small)
    return [lowered(point) for point in (full, torsion, small, shifted, bn.double(small))]


# ---- one pairing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_pairing_equals_py_ecc_on_random_points_and_generators(backend: Backend) -> None:
    rng = random.Random(7)
    pairs: list[tuple[tuple[int, int], G2Pair]] = [(GENERATOR, GENERATOR_G2)]
    for _ in range(2 if backend == host_backend() else 0):
        P = curve.multiply(GENERATOR, rng.randrange(1, R))
        Q2 = multiply_g2(GENERATOR_G2, rng.randrange(1, R))
        assert P is not None
        assert Q2 is not None
        pairs.append((P, Q2))
    for P, Q2 in pairs:
        expected = bn.pairing(lifted(Q2), (bn.FQ(P[0]), bn.FQ(P[1]), bn.FQ.one()))
        got = pairings.pairing(P, Q2, backend=backend)
        assert tower.to_py_ecc(got) == [int(part) for part in expected.coeffs]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_final_exponentiation_of_any_miller_loop_gives_the_pairing(backend: Backend) -> None:
    P, Q2 = curve.multiply(GENERATOR, 1234567), g2_multiples()[3]
    expected = tower.pairing(P, Q2)
    ours = pairings.miller_loop(P, Q2, backend=backend)
    assert pairings.final_exponentiation(ours, backend=backend) == expected
    plain = tower.miller_loop(P, Q2)
    assert pairings.final_exponentiation(plain, backend=backend) == expected
    assert pairings.pairing(P, Q2, backend=backend) == expected


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_final_exponentiation_equals_the_power_for_elements_of_no_pairing(backend: Backend) -> None:
    rng = random.Random(11)
    edge = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, Q - 1)
    for f in (ONE, edge, tuple(rng.randrange(Q) for _ in range(12))):
        assert pairings.final_exponentiation(f, backend=backend) == tower.final_exponentiation(f)


@pytest.mark.parametrize("backend", BACKENDS)
def test_infinity_on_either_side_gives_one(backend: Backend) -> None:
    for P, Q2 in ((None, GENERATOR_G2), (GENERATOR, None), (None, None)):
        assert pairings.miller_loop(P, Q2, backend=backend) == ONE
        assert pairings.pairing(P, Q2, backend=backend) == ONE
        assert pairings.pairing_product_is_one([(P, Q2)], backend=backend)


def test_the_pairing_is_bilinear_and_not_degenerate() -> None:
    a, b = 0xDEADBEEF, R - 12345
    aP, bQ = curve.multiply(GENERATOR, a), multiply_g2(GENERATOR_G2, b)
    e = pairings.pairing(GENERATOR, GENERATOR_G2)
    assert e != ONE
    assert tower.twelve_pow(e, R) == ONE
    assert pairings.pairing(aP, bQ) == tower.twelve_pow(e, a * b % R)
    assert pairings.pairing(aP, bQ) == pairings.pairing(curve.multiply(GENERATOR, a * b), GENERATOR_G2)
    inverse = tower.twelve_conjugate(e)
    assert pairings.pairing(curve.negate(GENERATOR), GENERATOR_G2) == inverse
    assert pairings.pairing(GENERATOR, negated(GENERATOR_G2)) == inverse


@pytest.mark.parametrize("f", [(0,) * 12, (1,) * 11, (*[0] * 11, Q), (-1, *[0] * 11), ()])
def test_the_final_exponentiation_refuses_what_is_no_invertible_element(f: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="final_exponentiation: expected twelve integers"):
        pairings.final_exponentiation(f)


# ---- products ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33, 70])
def test_products_of_any_number_of_pairs_are_decided(size: int) -> None:
    pairs = cancelling(size, size)
    assert pairings.pairing_product_is_one(pairs)
    assert pairings.pairing_product_is_one(pairs, threads=1)
    for at in {0, size // 2, size - 1}:
        P, Q2 = pairs[at]
        wrong = [*pairs[:at], (curve.add(P, GENERATOR), Q2), *pairs[at + 1 :]]
        assert not pairings.pairing_product_is_one(wrong)


def test_the_empty_product_is_one() -> None:
    assert pairings.pairing_product_is_one([])
    assert pairings.pairing_products_are_one([]).tolist() == []
    assert pairings.pairing_products_are_one([[], []]).tolist() == [True, True]
    empty = pairings.products_are_one(G1Points.from_ints([]), G2Points.from_ints([]), 4)
    assert empty.tolist() == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_products_of_mixed_lengths_are_decided_one_by_one(backend: Backend) -> None:
    groups: list[Pairs] = [
        cancelling(4, 1),
        [],
        [(GENERATOR, GENERATOR_G2)],
        cancelling(2, 2),
        cancelling(3, 3)[:2],
    ]
    got = pairings.pairing_products_are_one(groups, backend=backend)
    assert got.tolist() == [True, True, False, True, False]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("groups", "size"), [(1, 4), (3, 4), (8, 2), (9, 1), (20, 4), (5, 9), (2, 20)])
def test_a_batch_gives_what_single_products_give(groups: int, size: int, threads: int) -> None:
    listed = [cancelling(size, seed) for seed in range(groups)]
    for at in range(0, groups, 3):
        listed[at] = [(curve.add(P, GENERATOR), Q2) for P, Q2 in listed[at]]
    expected = [pairings.pairing_product_is_one(group, threads=1) for group in listed]
    assert expected == [at % 3 != 0 for at in range(groups)]
    assert pairings.pairing_products_are_one(listed, threads=threads).tolist() == expected
    left = G1Points.from_ints(P for group in listed for P, _ in group)
    right = G2Points.from_ints(Q2 for group in listed for _, Q2 in group)
    assert pairings.products_are_one(left, right, size, threads=threads).tolist() == expected


@pytest.mark.parametrize("lanes", [1, 2, 4, 8, 16, 32])
def test_every_layout_puts_each_pair_on_one_lane(lanes: int) -> None:
    for groups, size in ((1, 1), (3, 5), (9, 33)):
        layout = Layout(groups, size, lanes)
        words = np.zeros((groups * size, 6, 4), dtype=np.uint64)
        words[:, 0, 0] = np.arange(1, groups * size + 1)
        arranged = layout.arrange(words).reshape(layout.blocks, layout.rounds, 6, 8, 4)
        assert sorted(arranged[arranged != 0]) == list(range(1, groups * size + 1))
        for i in range(groups * size):
            flags = (arranged[:, :, 0, :, 0] == i + 1) @ (1 << np.arange(8))
            restored = layout.restore(flags.astype(np.int64)[:, :, None])[:, 0]
            assert np.flatnonzero(restored).tolist() == [i]


def test_arrays_of_other_lengths_are_refused() -> None:
    left, right = G1Points.from_ints([GENERATOR] * 4), G2Points.from_ints([GENERATOR_G2] * 4)
    for bad_left, bad_right, size in ((left[:3], right, 1), (left, right, 3), (left, right, 0)):
        with pytest.raises(InputError, match="products_are_one: expected as many points"):
            pairings.products_are_one(bad_left, bad_right, size)


# ---- points that are none ---------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_function_refuses_points_off_the_curves_and_outside_g2(backend: Backend) -> None:
    Q2 = GENERATOR_G2
    cases: list[tuple[Point, G2Point, str]] = [
        ((1, 3), Q2, "off the curve"),
        (GENERATOR, (Q2[0], (Q2[1][1], Q2[1][0])), "off the curve"),
        (None, ((1, 0), (0, 0)), "off the curve"),
        *((GENERATOR, point, "outside the subgroup") for point in points_of_the_twist()),
        (None, points_of_the_twist()[0], "outside the subgroup"),
    ]
    for P, point, text in cases if backend == host_backend() else cases[::3]:
        with pytest.raises(InputError, match=text):
            pairings.pairing(P, point, backend=backend)
        with pytest.raises(InputError, match=rf"pair 2: .*{text}"):
            pairings.pairing_product_is_one([(None, None), (GENERATOR, Q2), (P, point)], backend=backend)
    with pytest.raises(InputError, match="off the curve"):
        pairings.miller_loop((1, 3), Q2, backend=backend)


@pytest.mark.parametrize(("groups", "size"), [(1, 4), (11, 3), (2, 20)])
def test_the_first_bad_pair_of_a_batch_is_named(groups: int, size: int) -> None:
    good = [[(GENERATOR, GENERATOR_G2)] * size for _ in range(groups)]
    for at in (0, groups * size // 2, groups * size - 1):
        listed: list[Pairs] = [list(group) for group in good]
        listed[at // size][at % size] = ((1, 3), GENERATOR_G2)
        listed[-1][-1] = (GENERATOR, points_of_the_twist()[1]) if at < groups * size - 1 else ((1, 3), None)
        with pytest.raises(InputError, match=rf"group {at // size}, pair {at % size}: G1 point"):
            pairings.pairing_products_are_one(listed, threads=1)


@pytest.mark.parametrize(
    ("P", "Q2", "text"),
    [
        ((Q, 2), GENERATOR_G2, "coordinates in 0..q-1"),
        ((1, -2), GENERATOR_G2, "coordinates in 0..q-1"),
        (GENERATOR, ((0, 0), (0, Q + 5)), "coordinates in 0..q-1"),
        ((0, 0), GENERATOR_G2, "got zeros"),
        (GENERATOR, ((0, 0), (0, 0)), "got zeros"),
        ((1, 2, 3), GENERATOR_G2, "of integers, or None"),
        (GENERATOR, (1, 2), "of integers, or None"),
        (("1", "2"), GENERATOR_G2, "of integers, or None"),
        ((1.0, 2.0), GENERATOR_G2, "of integers, or None"),
    ],
)
def test_what_is_no_pair_of_points_is_refused(P: Any, Q2: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        pairings.pairing(P, Q2)
    with pytest.raises(InputError, match=f"pair 1: .*{text}"):
        pairings.pairing_product_is_one([(None, None), (P, Q2)])


def test_rows_that_are_no_residues_are_refused() -> None:
    left, right = G1Points.from_ints([GENERATOR]), G2Points.from_ints([GENERATOR_G2])
    rows = left.rows.copy()
    rows[0, 3] = np.uint64(2**64 - 1)
    with pytest.raises(InputError, match="below 2p"):
        pairings.products_are_one(G1Points(rows), right, 1)
    off = G1Points.from_ints([(1, 3)])
    with pytest.raises(InputError, match="product 0, pair 0: G1 point"):
        pairings.products_are_one(off, right, 1)


# ---- EIP-197 ----------------------------------------------------------------------------------------------


def encoded(P: Point, Q2: G2Point) -> bytes:
    (x, y), ((x0, x1), (y0, y1)) = P or (0, 0), Q2 or ((0, 0), (0, 0))
    return b"".join(part.to_bytes(32, "big") for part in (x, y, x1, x0, y1, y0))


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_vectors_of_the_precompile_pass(backend: Backend) -> None:
    if not VECTORS.exists():
        pytest.skip("needs the precompile vectors")
    for vector in json.loads(VECTORS.read_text()):
        got = pairings.eip197_check(bytes.fromhex(vector["Input"]), backend=backend)
        assert got == bool(int(vector["Expected"], 16)), vector["Name"]


def test_the_precompile_takes_the_imaginary_part_first_and_zeros_as_infinity() -> None:
    good = encoded(GENERATOR, GENERATOR_G2) + encoded(curve.negate(GENERATOR), GENERATOR_G2)
    assert pairings.eip197_check(good)
    assert pairings.eip197_check(b"")
    assert pairings.eip197_check(bytes(192) + good + encoded(GENERATOR, None) + encoded(None, GENERATOR_G2))
    assert not pairings.eip197_check(good[:192])
    swapped = good[:64] + good[96:128] + good[64:96] + good[128:]
    with pytest.raises(InputError, match="pair 0: G2 point"):
        pairings.eip197_check(swapped)


@pytest.mark.parametrize("length", [1, 191, 193, 383])
def test_the_precompile_refuses_other_lengths(length: int) -> None:
    with pytest.raises(InputError, match=f"expected a multiple of 192 bytes, got {length}"):
        pairings.eip197_check(bytes(length))


@pytest.mark.parametrize("part", range(6))
@pytest.mark.parametrize("excess", [0, 1, 2**256 - 1 - Q])
def test_the_precompile_refuses_coordinates_of_q_and_above(part: int, excess: int) -> None:
    data = bytearray(encoded(GENERATOR, GENERATOR_G2) * 2)
    data[192 + 32 * part : 224 + 32 * part] = (Q + excess).to_bytes(32, "big")
    with pytest.raises(InputError, match="pair 1: expected coordinates below q"):
        pairings.eip197_check(bytes(data))


def test_the_precompile_refuses_points_off_the_curves_and_outside_g2() -> None:
    bad = [encoded((1, 3), None), encoded(None, points_of_the_twist()[0]), encoded((0, 1), GENERATOR_G2)]
    for data in bad:
        with pytest.raises(InputError, match=r"pair 1: G[12] point"):
            pairings.eip197_check(bytes(192) + data)
