"""BabyJubJub in Montgomery form, v² = u³ + A·u² + u: cheaper additions that have exceptions.

(u, v) = ((1 + y)/(1 - y), u/x) and back x = u/v, y = (u - 1)/(u + 1). Whoever uses these gadgets must know
that no denominator can vanish, since a prover could then choose the quotient: 1 - y and x for the way here,
v for the way back (u + 1 is never zero: (A - 2) = d·4/(a - d) is no square), u2 - u1 for a sum, 2v for a double.

Constraints (λ by a hint, and held by its equation):
1. to: u·(1 - y) = 1 + y, v·x = u. back: x·v = u, y·(u + 1) = u - 1.                                    (2, 2)
2. add: λ·(u2 - u1) = v2 - v1, λ·λ = u3 + A + u1 + u2, λ·(u1 - u3) = v3 + v1.                             (3)
3. double: q = u·u, λ·2v = 3q + 2A·u + 1, λ·λ = u3 + A + 2u, λ·(u - u3) = v3 + v.                         (4)
4. double_add, 2P + Q = (P + Q) + P: λ1·(uQ - uP) = vQ - vP, λ1·λ1 = s + A + uP + uQ with s that of P + Q;
   its v, λ1·(uP - s) - vP, is left out: (λ1 + λ2)·(s - uP) = -2vP, λ2·λ2 = u + A + uP + s,
   λ2·(uP - u) = v + vP.                                                                                  (5)
"""

from __future__ import annotations

from typing import NamedTuple

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.reference import babyjubjub as reference
from zkroll.circuits.r1cs.builder import Builder
from zkroll.circuits.r1cs.gadgets.babyjubjub import Point, quotient
from zkroll.circuits.r1cs.linear import LinearCombination

A = 2 * (reference.A + reference.D) * pow(reference.A - reference.D, -1, R_MODULUS) % R_MODULUS
# B = 4/(a - d) is 1


class MontgomeryPoint(NamedTuple):
    """Coordinates of a point other than the identity and (0, -1)."""

    u: LinearCombination
    v: LinearCombination


def constants(point: reference.Point) -> tuple[int, int]:
    """Return (u, v) of a plain point with x ≠ 0."""
    x, y = point
    u = (1 + y) * pow(1 - y, -1, R_MODULUS) % R_MODULUS
    return u, u * pow(x, -1, R_MODULUS) % R_MODULUS


def to_montgomery(c: Builder, point: Point) -> MontgomeryPoint:
    """Return the Montgomery form of a point with x ≠ 0."""
    u = quotient(c, 1 + point.y, 1 - point.y, "montgomery u")
    return MontgomeryPoint(u, quotient(c, u, point.x, "montgomery v"))


def to_edwards(c: Builder, point: MontgomeryPoint) -> Point:
    """Return the Edwards form of a point with v ≠ 0."""
    x = quotient(c, point.u, point.v, "edwards x")
    return Point(x, quotient(c, point.u - 1, point.u + 1, "edwards y"))


def add(c: Builder, left: MontgomeryPoint, right: MontgomeryPoint) -> MontgomeryPoint:
    """Return left + right, where left ≠ ±right."""
    slope = quotient(c, right.v - left.v, right.u - left.u, "slope")
    return _third(c, slope, left, right.u)


def double(c: Builder, point: MontgomeryPoint) -> MontgomeryPoint:
    """Return point + point, where v ≠ 0."""
    square = c.product(point.u, point.u, name="u^2")
    slope = quotient(c, c.sum((square, point.u, 1), (3, 2 * A, 1)), 2 * point.v, "slope")
    return _third(c, slope, point, point.u)


def double_add(c: Builder, point: MontgomeryPoint, other: MontgomeryPoint) -> MontgomeryPoint:
    """Return 2·point + other, where other ≠ ±point and point + other ≠ ±point."""
    first = quotient(c, other.v - point.v, other.u - point.u, "slope")
    middle = c.product(first, first, plus=-A - point.u - other.u, name="middle")
    both = quotient(c, -2 * point.v, middle - point.u, "slopes")
    return _third(c, both - first, point, middle)


def _third(
    c: Builder, slope: LinearCombination, point: MontgomeryPoint, other_u: LinearCombination
) -> MontgomeryPoint:
    """The sum of two points on a line with this slope."""
    u = c.product(slope, slope, plus=-A - point.u - other_u, name="u")
    return MontgomeryPoint(u, c.product(slope, point.u - u, plus=-point.v, name="v"))
