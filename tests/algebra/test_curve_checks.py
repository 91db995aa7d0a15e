"""On the curve, and in the group of order r: both groups, both back ends, points outside of every kind."""

from __future__ import annotations

import pytest
from py_ecc import optimized_bn128 as bn
from support.groups import GROUPS, SMALL_ORDER, TWIST_COFACTOR, outside

from zkroll.algebra.constants import Q_MODULUS as Q
from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.curve import G1Points, G2Points, is_in_subgroup, is_on_curve
from zkroll.algebra.kernels.emit import Backend
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.reference.pairing import is_in_g2

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
