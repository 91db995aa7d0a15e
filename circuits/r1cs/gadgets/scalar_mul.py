"""Multiples of BabyJubJub points by scalars given as bits; ℓ is the prime order of the subgroup of Base8.

1. multiply_base(bits, B), B a constant of order ℓ. With H = B/2 the bits are taken in windows of three,
   v_j, each a table of (2v + 1)·8^j·H: the sum is s·B + ((8^m - 1)/7)·H, and the last constant is subtracted.
   While the greatest possible sum Σ 15·8^i stays below ℓ, sums are in Montgomery form, without exceptions: the
   sum so far is k·H with k odd, the next term t·H with t even, k + t < ℓ; so k ≢ ±t, and neither is zero.
   The windows that are left, and the constant, are added completely.        (about 2 for each bit; 515 for 253)
2. multiply_large(bits, P), P of an order that ℓ divides. s = b0 + 2·s1. From k = 1, each two bits w of s1, from
   the top, give k' = 4k + (2w - 3) and the point k'·P = 2·(2k·P) + (2w - 3)·P, from a double and a double_add
   of montgomery.py; k ends as s + 1 - b0, and (1 - b0)·P is subtracted completely. While 4k + 3 < ℓ there are
   no exceptions: k ≥ 1 always; 2k is even and d = 2w - 3 is odd, with 2k + |d| < ℓ, so that 2k ≢ ±d; and
   2k + d ≢ ±2k, as d ≢ 0 and 0 < 4k + d < ℓ. (Congruences are modulo ℓ, which divides the order of P.) The
   last two windows of a 254-bit scalar leave that range and are added completely.  (6.5 for each bit, and 60)
3. multiply(bits, P), P any point: 8·P is in the subgroup, and its x is zero exactly where P has an order that
   divides 8. Such a P is replaced by Base8 for 2, and (s mod 8)·P computed completely.             (2, and 51)
"""

from __future__ import annotations

from collections.abc import Sequence

from zkroll.algebra.babyjubjub import multiply as plain_multiply
from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.reference import babyjubjub as reference
from zkroll.algebra.reference.babyjubjub import BASE8, IDENTITY, SUBGROUP_ORDER
from zkroll.circuits.r1cs.builder import Builder
from zkroll.circuits.r1cs.gadgets import montgomery
from zkroll.circuits.r1cs.gadgets.babyjubjub import (
    Point,
    add,
    constant_point,
    double,
    keep,
    negate,
    select_point,
)
from zkroll.circuits.r1cs.gadgets.bits import FIELD_BITS, Bit, check_bits, constant_bit
from zkroll.circuits.r1cs.gadgets.compare import is_zero
from zkroll.circuits.r1cs.gadgets.logic import not_, xor
from zkroll.circuits.r1cs.gadgets.montgomery import MontgomeryPoint
from zkroll.circuits.r1cs.gadgets.select import lookup
from zkroll.circuits.r1cs.linear import LinearCombination
from zkroll.errors import InputError

_WINDOW = 3


class LargePoint(Point):
    """A point of an order that ℓ divides: constraints keep it from the eight points of small order."""


def multiply_base(
    c: Builder, bits: Sequence[Bit], base: reference.Point = BASE8, name: str = "multiply base"
) -> Point:
    """Return Σ 2^i·bits[i] times a constant point of order ℓ, for 1 to 254 bits."""
    _check_scalar(name, bits)
    if (
        not reference.is_on_curve(base)
        or base == IDENTITY
        or plain_multiply(base, SUBGROUP_ORDER) != IDENTITY
    ):
        raise InputError(f"{name}: expected a base of order ℓ, got {base}")
    step = plain_multiply(base, (SUBGROUP_ORDER + 1) // 2)
    offset, most = 0, 0  # of the multiples of `step` in the sum so far
    fast: MontgomeryPoint | None = None
    total: Point | None = None
    with c.scope(name):
        for at in range(0, len(bits), _WINDOW):
            window = bits[at : at + _WINDOW]
            size = 1 << len(window)
            multiples = [plain_multiply(step, ((2 * v + 1) << at) % SUBGROUP_ORDER) for v in range(size)]
            offset, most = offset + (1 << at), most + ((2 * size - 1) << at)
            if total is None and most < SUBGROUP_ORDER:
                term = MontgomeryPoint(*_lookup(c, window, [montgomery.constants(p) for p in multiples]))
                fast = term if fast is None else montgomery.add(c, fast, term)
            else:
                total = montgomery.to_edwards(c, fast) if total is None and fast is not None else total
                point = Point(*_lookup(c, window, multiples))
                total = point if total is None else add(c, total, point)
        if total is None and fast is not None:
            total = montgomery.to_edwards(c, fast)
        if total is None:
            raise InputError(f"{name}: expected bits, got none")
        x, y = plain_multiply(step, offset % SUBGROUP_ORDER)
        return add(c, total, constant_point(c, (-x % R_MODULUS, y)), "offset")


def multiply_large(c: Builder, bits: Sequence[Bit], point: LargePoint, name: str = "multiply") -> Point:
    """Return Σ 2^i·bits[i] times a point of large order, for 1 to 254 bits."""
    _check_scalar(name, bits)
    if not isinstance(point, LargePoint):
        raise InputError(f"{name}: expected a LargePoint, got {type(point).__name__}")
    with c.scope(name):
        upper = list(bits[1:])
        if len(upper) % 2:
            upper.append(constant_bit(c, 0))
        one = montgomery.to_montgomery(c, point)
        three = montgomery.add(c, montgomery.double(c, one), one) if upper else one
        fast = one
        total: Point | None = None
        triple: Point | None = None
        most = 1
        for at in range(len(upper) - 2, -1, -2):
            low, high = upper[at : at + 2]
            most = 4 * most + (-1 if high.constant == 0 else 3)
            differ = xor(c, low, high)
            if most < SUBGROUP_ORDER:
                u, v = _digit(c, low, high, differ, one, three)
                fast = montgomery.double_add(c, montgomery.double(c, fast), MontgomeryPoint(u, v))
                continue
            if total is None or triple is None:
                total, triple = montgomery.to_edwards(c, fast), montgomery.to_edwards(c, three)
            y, x = _digit(c, low, high, differ, (point.y, point.x), (triple.y, triple.x))
            total = add(c, double(c, double(c, total)), Point(x, y))
        if total is None:
            total = montgomery.to_edwards(c, fast)
        return add(c, total, keep(c, not_(bits[0]), negate(point)), "parity")


def multiply(c: Builder, bits: Sequence[Bit], point: Point, name: str = "multiply") -> Point:
    """Return Σ 2^i·bits[i] times any point of the curve, for 1 to 254 bits."""
    _check_scalar(name, bits)
    with c.scope(name):
        small, _ = is_small(c, point)
        large = LargePoint(*select_point(c, small, constant_point(c, BASE8), point, "large"))
        result = multiply_large(c, bits, large, "large")
        with c.scope("small"):
            least = keep(c, bits[min(2, len(bits) - 1)], point)
            for bit in reversed(bits[: min(2, len(bits) - 1)]):
                least = add(c, double(c, least), keep(c, bit, point))
        return select_point(c, small, least, result, "result")


def is_small(c: Builder, point: Point) -> tuple[Bit, Point]:
    """Return whether the order of a point divides 8, and 8·point.                                       (17)"""
    eight = point
    for i in range(3):
        eight = double(c, eight, f"times {2 << i}")
    return is_zero(c, eight.x, "small order"), eight


def clear_cofactor(c: Builder, point: Point, name: str = "clear cofactor") -> LargePoint:
    """Return 8·point and demand that it is not the identity.                                            (18)"""
    with c.scope(name):
        small, eight = is_small(c, point)
        c.assert_zero(small, "large order")
        return LargePoint(*eight)


def _lookup(
    c: Builder, window: Sequence[Bit], rows: Sequence[tuple[int, int]]
) -> tuple[LinearCombination, LinearCombination]:
    first, second = lookup(c, window, [[row[0] for row in rows], [row[1] for row in rows]])
    return first, second


def _digit(
    c: Builder,
    low: Bit,
    high: Bit,
    differ: Bit,
    one: tuple[LinearCombination, LinearCombination],
    three: tuple[LinearCombination, LinearCombination],
) -> tuple[LinearCombination, LinearCombination]:
    """Coordinates of -3P, -P, P, 3P for the bits 00, 01, 10, 11; the second coordinate is that a sign changes.

    even = e3 + differ·(e1 - e3), odd = -o3 + low·(o3 - o1) + high·(o3 + o1)
    """
    (even1, odd1), (even3, odd3) = one, three
    even = c.product(differ, even1 - even3, plus=even3, name="digit even")
    part = c.product(low, odd3 - odd1, plus=-odd3, name="digit part")
    return even, c.product(high, odd3 + odd1, plus=part, name="digit odd")


def _check_scalar(name: str, bits: Sequence[Bit]) -> None:
    check_bits(name, bits)
    if not 1 <= len(bits) <= FIELD_BITS:
        raise InputError(f"{name}: expected 1 to {FIELD_BITS} bits, got {len(bits)}")
