"""BabyJubJub: points, scalar multiples and compression, equal to circomlibjs.

Points are affine integer pairs at the boundary and extended twisted Edwards coordinates (X : Y : Z : T),
x = X/Z, y = Y/Z, T = XY/Z inside: one inversion a multiple. Source: Hisil, Wong, Carter, Dawson, "Twisted
Edwards curves revisited" (2008), the unified addition; complete here because d is no square.
"""

from __future__ import annotations

from zkroll.algebra.constants import R_MODULUS as P
from zkroll.algebra.reference.babyjubjub import (
    BASE8,
    IDENTITY,
    ORDER,
    SUBGROUP_ORDER,
    A,
    D,
    Point,
    is_on_curve,
)
from zkroll.errors import InputError

__all__ = [
    "BASE8",
    "IDENTITY",
    "ORDER",
    "SUBGROUP_ORDER",
    "A",
    "D",
    "Point",
    "add",
    "in_subgroup",
    "is_on_curve",
    "multiply",
    "negate",
    "pack_point",
    "unpack_point",
]

_Extended = tuple[int, int, int, int]
_SIGN = 1 << 255
_HALF = (P - 1) // 2


def add(left: Point, right: Point) -> Point:
    """Return left + right of two points on the curve."""
    return _affine(_add(_extend(left), _extend(right)))


def negate(point: Point) -> Point:
    """Return -point."""
    return (-point[0] % P, point[1])


def multiply(point: Point, scalar: int) -> Point:
    """Return scalar·point for a point on the curve and an integer scalar >= 0 (not reduced).

    Raises InputError for a negative scalar. The time depends on the scalar.
    """
    if scalar < 0:
        raise InputError(f"babyjubjub.multiply: expected a scalar from 0, got {scalar}")
    table = [(0, 1, 1, 0), _extend(point)]
    for _ in range(14):
        table.append(_add(table[-1], table[1]))
    result = table[0]
    for shift in range((scalar.bit_length() + 3) // 4 * 4 - 4, -1, -4):
        for _ in range(4):
            result = _double(result)
        digit = scalar >> shift & 15
        if digit:
            result = _add(result, table[digit])
    return _affine(result)


def in_subgroup(point: Point) -> bool:
    """Return whether the point is on the curve and its order divides that of Base8."""
    return is_on_curve(point) and multiply(point, SUBGROUP_ORDER) == IDENTITY


def pack_point(point: Point) -> bytes:
    """Return the 32 bytes of a point: y, little endian, with the top bit set when x > (r - 1)/2."""
    x, y = point
    return (y | (_SIGN if x > _HALF else 0)).to_bytes(32, "little")


def unpack_point(data: bytes) -> Point:
    """Return the point of 32 bytes made by `pack_point`.

    Raises InputError for another length, y >= r, a y without a point, and the sign set on x = 0: every point
    has one encoding (circomlibjs is laxer with the last and with y = r).
    """
    if len(data) != 32:
        raise InputError(f"babyjubjub point: expected 32 bytes, got {len(data)}")
    word = int.from_bytes(data, "little")
    negative, y = bool(word & _SIGN), word & ~_SIGN
    if y >= P:
        raise InputError(f"babyjubjub point: expected y below r, got {y:#x}")
    # a·x² + y² = 1 + d·x²·y²  =>  x² = (1 - y²)/(a - d·y²); a/d is no square, so the denominator is not zero
    x = _square_root((1 - y * y) * pow(A - D * y * y, -1, P) % P)
    if x is None or (x == 0 and negative):
        raise InputError(f"babyjubjub point: expected an encoded point, got {data.hex()}")
    x = min(x, P - x)
    return (P - x if negative else x, y)


def _extend(point: Point) -> _Extended:
    x, y = point
    return (x, y, 1, x * y % P)


def _affine(point: _Extended) -> Point:
    inverse = pow(point[2], -1, P)
    return (point[0] * inverse % P, point[1] * inverse % P)


def _add(left: _Extended, right: _Extended) -> _Extended:
    x1, y1, z1, t1 = left
    x2, y2, z2, t2 = right
    a, b, c, d = x1 * x2, y1 * y2, D * t1 * t2 % P, z1 * z2
    e = ((x1 + y1) * (x2 + y2) - a - b) % P
    f, g, h = (d - c) % P, (d + c) % P, (b - A * a) % P
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _double(point: _Extended) -> _Extended:
    x, y, z, _ = point
    a, b = x * x, y * y
    d = A * a
    e = ((x + y) ** 2 - a - b) % P
    g, h = (d + b) % P, (d - b) % P
    f = (g - 2 * z * z) % P
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _square_root(value: int) -> int | None:
    """A square root modulo r (Tonelli and Shanks: r - 1 = odd·2^28), or None."""
    if value == 0:
        return 0
    if pow(value, _HALF, P) != 1:
        return None
    odd, order = (P - 1) >> 28, 28
    generator = pow(5, odd, P)  # 5 is no square
    root, rest = pow(value, (odd + 1) // 2, P), pow(value, odd, P)
    while rest != 1:
        exponent, power = 0, rest
        while power != 1:
            power = power * power % P
            exponent += 1
        factor = pow(generator, 1 << (order - exponent - 1), P)
        root = root * factor % P
        generator = factor * factor % P
        rest = rest * generator % P
        order = exponent
    return root
