"""BabyJubJub points: a·x² + y² = 1 + d·x²·y², addition, doubling, selection.

As a is a square in Fr and d is none, the denominators 1 ± d·x1·x2·y1·y2 vanish for no two points on the curve
(Bernstein, Birkner, Joye, Lange, Peters, "Twisted Edwards curves", 2008, section 6): the quotients below exist
and are unique, for all points, equal, opposite or the identity (0, 1).

Constraints:
1. on_curve: u = x·x, v = y·y, d·u·v = a·u + v - 1.                                                       (3)
2. add: β = x1·y2, γ = y1·x2, δ = (y1 - a·x1)·(x2 + y2), τ = β·γ;
   (1 + d·τ)·x = β + γ, (1 - d·τ)·y = δ + a·β - γ.                              (6; 3 where one is a constant)
3. double: p = x·y, q = x·x, w = y·y; with 1 + d·x²·y² = a·q + w on the curve:
   (a·q + w)·x' = 2p, (2 - a·q - w)·y' = w - a·q.                                                         (5)
4. select, keep: one product for each coordinate.                                                         (2)
"""

from __future__ import annotations

from typing import NamedTuple

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.reference import babyjubjub as reference
from zkroll.algebra.reference.babyjubjub import A, D
from zkroll.circuits.r1cs.builder import Builder
from zkroll.circuits.r1cs.gadgets.bits import Bit, check_bits
from zkroll.circuits.r1cs.gadgets.select import select
from zkroll.circuits.r1cs.linear import LinearCombination, Operand
from zkroll.errors import InputError


class Point(NamedTuple):
    """Coordinates that constraints hold to the curve. Make points with `on_curve` or `constant_point`."""

    x: LinearCombination
    y: LinearCombination


def on_curve(c: Builder, x: Operand, y: Operand, name: str = "on curve") -> Point:
    """Demand that (x, y) is on the curve, and return it; it may be in any subgroup."""
    point = Point(c.lift(x), c.lift(y))
    u, v = c.product(point.x, point.x, name=f"{name} x^2"), c.product(point.y, point.y, name=f"{name} y^2")
    c.constrain(D * u, v, A * u + v - 1, name)
    return point


def constant_point(c: Builder, point: reference.Point) -> Point:
    """Return a constant point. Raises InputError when it is not on the curve."""
    if not reference.is_on_curve(point):
        raise InputError(f"constant_point: expected a point on BabyJubJub, got {point}")
    return Point(c.constant(point[0]), c.constant(point[1]))


def assert_equal_points(c: Builder, left: Point, right: Point, name: str = "equal points") -> None:
    """Demand that two points are the same.                                                               (2)"""
    c.assert_equal(left.x, right.x, f"{name} x")
    c.assert_equal(left.y, right.y, f"{name} y")


def negate(point: Point) -> Point:
    """Return -point, at no cost."""
    return Point(-point.x, point.y)


def add(c: Builder, left: Point, right: Point, name: str = "add") -> Point:
    """Return left + right, for any two points."""
    known = _constant(left), _constant(right)
    if known[0] is not None and known[1] is not None:
        return constant_point(c, reference.add(known[0], known[1]))
    (x1, y1), (x2, y2) = left, right
    beta = c.product(x1, y2, name=f"{name} beta")
    gamma = c.product(y1, x2, name=f"{name} gamma")
    delta = c.product(y1 - A * x1, x2 + y2, name=f"{name} delta")
    tau = D * c.product(beta, gamma, name=f"{name} tau")
    x = quotient(c, beta + gamma, 1 + tau, f"{name} x")
    y = quotient(c, c.sum((delta, beta, gamma), (1, A, -1)), 1 - tau, f"{name} y")
    return Point(x, y)


def double(c: Builder, point: Point, name: str = "double") -> Point:
    """Return point + point."""
    known = _constant(point)
    if known is not None:
        return constant_point(c, reference.add(known, known))
    p = c.product(point.x, point.y, name=f"{name} xy")
    q = A * c.product(point.x, point.x, name=f"{name} x^2")
    w = c.product(point.y, point.y, name=f"{name} y^2")
    x = quotient(c, 2 * p, q + w, f"{name} x")
    y = quotient(c, w - q, 2 - q - w, f"{name} y")
    return Point(x, y)


def select_point(c: Builder, bit: Bit, if_one: Point, if_zero: Point, name: str = "select") -> Point:
    """Return `if_one` where the bit is 1, else `if_zero`."""
    x = select(c, bit, if_one.x, if_zero.x, f"{name} x")
    y = select(c, bit, if_one.y, if_zero.y, f"{name} y")
    return Point(x, y)


def keep(c: Builder, bit: Bit, point: Point, name: str = "keep") -> Point:
    """Return the point where the bit is 1, else the identity."""
    check_bits(name, [bit])
    x = c.product(bit, point.x, name=f"{name} x")
    y = c.product(bit, point.y - 1, plus=1, name=f"{name} y")
    return Point(x, y)


def quotient(
    c: Builder, numerator: LinearCombination, denominator: LinearCombination, name: str
) -> LinearCombination:
    """Return q with q·denominator = numerator; the caller knows that the denominator is not zero.        (1)"""
    out = c.hint_one(_divide, [numerator, denominator], name)
    c.constrain(out, denominator, numerator, name)
    return out


def _divide(numerator: int, denominator: int) -> int:
    return numerator * pow(denominator, -1, R_MODULUS) % R_MODULUS if denominator % R_MODULUS else 0


def _constant(point: Point) -> reference.Point | None:
    x, y = point.x.constant, point.y.constant
    return None if x is None or y is None else (x, y)
