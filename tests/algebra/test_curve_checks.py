"""On the curve, and in the group of order r: both groups, both back ends, points outside of every kind."""

from __future__ import annotations

from typing import Any

import pytest
from py_ecc import optimized_bn128 as bn
from support.groups import GROUPS, SMALL_ORDER, TWIST_COFACTOR, outside

from zkroll.algebra.constants import Q_MODULUS as Q
from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.curve import (
    G1Points,
    G2Points,
    clear_cofactor,
    fixed_base_g2,
    is_in_subgroup,
    is_on_curve,
)
from zkroll.algebra.field import fr
from zkroll.algebra.kernels.emit import Backend
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.point_order import _SUMS, _WEIGHT_BITS, MANY, all_of_order_r
from zkroll.algebra.reference.pairing import is_in_g2
from zkroll.errors import InputError

BACKENDS: list[Backend] = sorted({"portable", host_backend()})
both_backends = pytest.mark.parametrize("backend", BACKENDS)


@both_backends
def test_points_off_the_curve_are_seen_one_by_one_in_g1(backend: Backend) -> None:
    points = G1Points.from_ints(
        [(1, 2), (1, 3), None, (0, 1), (Q - 1, 2), (1, Q - 2), (2, 1), (1, 2), (3, 3)]
    )
    expected = [True, False, True, False, False, True, False, True, False]
    assert is_on_curve(points, backend=backend).tolist() == expected
    assert is_in_subgroup(points, backend=backend).tolist() == expected


@both_backends
def test_points_off_the_twist_are_seen_one_by_one(backend: Backend) -> None:
    group = GROUPS["g2"]
    (x0, x1), (y0, y1) = group.generator
    wrong = [((x1, x0), (y0, y1)), ((x0, x1), (y1, y0)), ((x0, x1), (y0, -y1 % Q)), ((1, 2), (0, 0))]
    points = [group.generator, *wrong, None, group.multiple(7), *outside(2)]
    good = [True, *(False for _ in wrong), True, True, True, True]
    assert is_on_curve(G2Points.from_ints(points), backend=backend).tolist() == good


@both_backends
def test_only_points_of_order_r_are_in_the_subgroup_of_the_twist(backend: Backend) -> None:
    group = GROUPS["g2"]
    stray = outside(12)
    cleared = [group.multiply(point, TWIST_COFACTOR) for point in stray[:3]]
    small = [group.multiply(point, R * TWIST_COFACTOR // SMALL_ORDER) for point in stray[:3]]
    mixed = [group.add(group.generator, point) for point in (*small, *stray[:2])]
    points = [*stray, *cleared, *small, *mixed, None, *(group.multiple(k) for k in (1, 2, R - 1, 12345))]
    expected = [bn.is_inf(bn.multiply(group.lift(point), R)) for point in points]
    assert expected == [is_in_g2(point) for point in points]
    assert expected.count(True) == len(cleared) + 5
    assert is_in_subgroup(G2Points.from_ints(points), backend=backend).tolist() == expected


@both_backends
def test_the_cofactor_brings_every_point_of_the_twist_into_the_subgroup(backend: Backend) -> None:
    group = GROUPS["g2"]
    small = [group.multiply(point, R * TWIST_COFACTOR // SMALL_ORDER) for point in outside(2)]
    cleared = group.multiply(outside(1)[0], R)
    points = [*outside(5), *small, cleared, group.generator, group.multiple(R - 1), None]
    expected = [None if point is None else group.multiply(point, TWIST_COFACTOR) for point in points]
    assert expected[5:8] == [None] * 3
    assert clear_cofactor(G2Points.from_ints(points), backend=backend).to_ints() == expected


def test_every_multiple_of_a_point_of_small_order_is_outside() -> None:
    """Such points run through equal and opposite summands, where the formulas in use do not hold."""
    group = GROUPS["g2"]
    small = group.multiply(outside(1)[0], R * TWIST_COFACTOR // SMALL_ORDER)
    point, points = small, []
    for _ in range(80):
        points.append(point)
        point = group.add(point, small)
    assert not is_in_subgroup(G2Points.from_ints(points)).any()
    assert group.multiply(small, SMALL_ORDER) is None


def test_no_points_give_no_answers() -> None:
    for kind in (G1Points, G2Points):
        empty = kind.from_ints([])
        assert is_on_curve(empty).shape == is_in_subgroup(empty).shape == (0,)


@pytest.fixture(scope="module")
def good_g2() -> list[Any]:
    return fixed_base_g2(fr.from_ints(range(2, 302)), 300).to_ints()


@both_backends
@pytest.mark.parametrize(
    "strays",
    [
        lambda small, other: {7: small},
        lambda small, other: {0: other},
        lambda small, other: {3: small, 250: (small[0], tuple(-y % Q for y in small[1]))},
        lambda small, other: dict.fromkeys(range(300), small),
        lambda small, other: {i: (small, other)[i % 2] for i in range(299)},
    ],
    ids=["small order", "full order", "opposite", "all equal", "two kinds"],
)
def test_random_sums_see_points_outside_the_subgroup(
    strays: Any, good_g2: list[Any], backend: Backend
) -> None:
    group = GROUPS["g2"]
    first = outside(1)[0]
    small = group.multiply(first, R * TWIST_COFACTOR // SMALL_ORDER)
    points = list(good_g2)
    assert all_of_order_r(G2Points.from_ints([None, *points]), backend=backend)
    for at, stray in strays(small, first).items():
        points[at] = stray
    assert not all_of_order_r(G2Points.from_ints(points), backend=backend)


def test_weights_of_random_sums_are_below_every_order_outside_the_subgroup() -> None:
    assert all(TWIST_COFACTOR % p for p in range(2, 1 << _WEIGHT_BITS))
    assert _WEIGHT_BITS * _SUMS >= 128
    assert TWIST_COFACTOR % SMALL_ORDER == 0
    assert 1 << _WEIGHT_BITS <= SMALL_ORDER


def test_long_vectors_are_refused_with_their_first_point_outside_the_subgroup(good_g2: list[Any]) -> None:
    data = G2Points.from_ints(good_g2).to_bytes("iden3") * (MANY // 300 + 1)
    assert G2Points.from_bytes(data, "iden3").n > MANY
    stray = G2Points.from_ints(outside(1)).to_bytes("iden3")
    with pytest.raises(InputError, match=r"point 500: expected a point of order r"):
        G2Points.from_bytes(data[: 128 * 500] + stray + data[128 * 501 :], "iden3")
