"""The group G1 of BN254 (y² = x³ + 3 over Fq, prime order r) in plain integers.

Points are affine pairs, None is infinity. Inside, Jacobian coordinates: x = X/Z², y = Y/Z³; infinity: Z = 0.
Source: Hankerson, Menezes, Vanstone, "Guide to Elliptic Curve Cryptography", section 3.2.2.
"""

from __future__ import annotations

from zkroll.algebra.constants import Q_MODULUS as Q

Point = tuple[int, int] | None
Jacobian = tuple[int, int, int]

B = 3
GENERATOR: tuple[int, int] = (1, 2)
JACOBIAN_INFINITY: Jacobian = (1, 1, 0)


def is_on_curve(point: Point) -> bool:
    """Return whether the point is infinity or satisfies the equation, with both coordinates in [0, q)."""
    if point is None:
        return True
    x, y = point
    return 0 <= x < Q and 0 <= y < Q and (y * y - x * x * x - B) % Q == 0


def add(left: Point, right: Point) -> Point:
    """Return left + right."""
    return to_affine(jacobian_add(to_jacobian(left), to_jacobian(right)))


def negate(point: Point) -> Point:
    """Return -point."""
    return None if point is None else (point[0], -point[1] % Q)


def multiply(point: Point, scalar: int) -> Point:
    """Return scalar·point for any integer scalar."""
    if scalar < 0:
        return multiply(negate(point), -scalar)
    base, result = to_jacobian(point), JACOBIAN_INFINITY
    for bit in bin(scalar)[2:]:
        result = jacobian_double(result)
        if bit == "1":
            result = jacobian_add(result, base)
    return to_affine(result)


def to_jacobian(point: Point) -> Jacobian:
    """Return (x, y, 1), or the Jacobian infinity."""
    return JACOBIAN_INFINITY if point is None else (point[0], point[1], 1)


def to_affine(point: Jacobian) -> Point:
    """Return (X/Z², Y/Z³), or None for infinity."""
    x, y, z = point
    if z % Q == 0:
        return None
    inverse = pow(z, -1, Q)
    square = inverse * inverse % Q
    return (x * square % Q, y * square * inverse % Q)


def jacobian_double(point: Jacobian) -> Jacobian:
    """Return 2·point; infinity stays infinity, and no point has order two."""
    x, y, z = point
    square = y * y % Q
    s = 4 * x * square % Q
    m = 3 * x * x % Q
    x3 = (m * m - 2 * s) % Q
    return (x3, (m * (s - x3) - 8 * square * square) % Q, 2 * y * z % Q)


def jacobian_add(left: Jacobian, right: Jacobian) -> Jacobian:
    """Return left + right, whatever the two are."""
    x1, y1, z1 = left
    x2, y2, z2 = right
    if z1 == 0:
        return right
    if z2 == 0:
        return left
    zz1, zz2 = z1 * z1 % Q, z2 * z2 % Q
    u1, u2 = x1 * zz2 % Q, x2 * zz1 % Q
    s1, s2 = y1 * z2 * zz2 % Q, y2 * z1 * zz1 % Q
    h, r = (u2 - u1) % Q, (s2 - s1) % Q
    if h == 0:
        return jacobian_double(left) if r == 0 else JACOBIAN_INFINITY
    hh = h * h % Q
    hhh, v = h * hh % Q, u1 * hh % Q
    x3 = (r * r - hhh - 2 * v) % Q
    return (x3, (r * (v - x3) - s1 * hhh) % Q, z1 * z2 * h % Q)
