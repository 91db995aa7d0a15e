"""Fq12 = Fq6[w]/(w² - v) over `tower`: products, squares, Frobenius images and inverses of eight elements.

An element of Fq12 is twelve blocks (3840 bytes): six elements of Fq2 that stand before 1, v, v², w, v·w, v²·w.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from zkroll.algebra.constants import Q_MODULUS
from zkroll.algebra.kernels.emit import BLOCK_BYTES, I64, Value
from zkroll.algebra.kernels.tower import (
    PAIR_BYTES,
    SIX_BYTES,
    Pair,
    Routine,
    Six,
    Tower,
    mask_routine,
    routine,
)

TWELVE_BYTES = 2 * SIX_BYTES
INVERSION_BYTES = 2 * SIX_BYTES  # what `twelve_invert_begin` leaves for `twelve_invert_end`
_INVERSION_SUM = 3  # bound of the coefficients between the two halves of an inversion
_SIX = 12  # bound of products in Fq6, whose operands are below 4


def power_of_non_residue(exponent: int) -> tuple[int, int]:
    """Return ξ^exponent in Fq2, exponent >= 0."""
    c0, c1 = 1, 0
    for bit in bin(exponent)[2:]:
        c0, c1 = (c0 * c0 - c1 * c1) % Q_MODULUS, 2 * c0 * c1 % Q_MODULUS
        if bit == "1":
            c0, c1 = (9 * c0 - c1) % Q_MODULUS, (9 * c1 + c0) % Q_MODULUS
    return c0, c1


def frobenius_constant(power: int, k: int) -> tuple[int, int]:
    """Return w^(k·(q^power - 1)) = ξ^(k·(q^power - 1)/6), which w^k is multiplied by."""
    return power_of_non_residue(k * (Q_MODULUS**power - 1) // 6)


# ---- Fq6 --------------------------------------------------------------------------------------------------


@routine
def six_mul(t: Tower, out: ir.Value, a: ir.Value, b: ir.Value) -> None:
    """out = a·b in Fq6, with bounds of 4 in and _SIX out; `out` is neither of the others."""
    x, y = t.six(a, bound=4), t.six(b, bound=4)
    y1, y2 = t.times_xi(y[1]), t.times_xi(y[2])
    t.store_pairs(
        (
            t.products([(x[0], y[0]), (x[1], y2), (x[2], y1)]),
            t.products([(x[0], y[1]), (x[1], y[0]), (x[2], y2)]),
            t.products([(x[0], y[2]), (x[1], y[1]), (x[2], y[0])]),
        ),
        out,
        bound=_SIX,
    )


@routine
def six_sqr(t: Tower, out: ir.Value, a: ir.Value) -> None:
    """out = a² in Fq6, with bounds of 4 in and _SIX out; `out` is not `a`."""
    x = t.six(a, bound=4)
    x2, twice = t.times_xi(x[2]), t.times_pair(x[0], 2)
    t.store_pairs(
        (
            t.products([(x2, t.times_pair(x[1], 2))], [x[0]]),
            t.products([(twice, x[1]), (x2, x[2])]),
            t.products([(twice, x[2])], [x[1]]),
        ),
        out,
        bound=_SIX,
    )


def _six_result(t: Tower, operation: Routine, *operands: ir.Value) -> Six:
    place = t.slot(6)
    operation(t, place, *operands)
    return t.six(place, bound=_SIX)


# ---- Fq12 -------------------------------------------------------------------------------------------------


@routine
def twelve_one(t: Tower, out: ir.Value) -> None:
    """out = 1."""
    t.base.store(t.base.constant(1), out)
    for i in range(1, 12):
        t.base.store(t.base.zero(), out, BLOCK_BYTES * i)


@routine
def twelve_mul(t: Tower, out: ir.Value, a: ir.Value, b: ir.Value) -> None:
    """out = a·b, which may be one of them.

    (a0 + a1·w)·(b0 + b1·w) = a0·b0 + v·a1·b1 + ((a0 + a1)·(b0 + b1) - a0·b0 - a1·b1)·w
    """
    low = _six_result(t, six_mul, a, b)
    high = _six_result(t, six_mul, t.at(a, SIX_BYTES), t.at(b, SIX_BYTES))
    left = t.keep_six(t.add_six(t.six(a), t.six(a, SIX_BYTES)))
    right = t.keep_six(t.add_six(t.six(b), t.six(b, SIX_BYTES)))
    cross = _six_result(t, six_mul, left, right)
    t.store_pairs(t.add_six(low, t.times_v(high)), out)
    t.store_pairs(t.sub_six(cross, t.add_six(low, high)), out, SIX_BYTES)


@routine
def twelve_sqr(t: Tower, out: ir.Value, a: ir.Value) -> None:
    """out = a², which may be `a`: as `twelve_mul`, with three squares of Fq6."""
    low = _six_result(t, six_sqr, a)
    high = _six_result(t, six_sqr, t.at(a, SIX_BYTES))
    both = t.keep_six(t.add_six(t.six(a), t.six(a, SIX_BYTES)))
    cross = _six_result(t, six_sqr, both)
    t.store_pairs(t.add_six(low, t.times_v(high)), out)
    t.store_pairs(t.sub_six(cross, t.add_six(low, high)), out, SIX_BYTES)


@routine
def twelve_conjugate(t: Tower, out: ir.Value, a: ir.Value) -> None:
    """out = a0 - a1·w = a^(q^6), the inverse where a^(q^6 + 1) = 1."""
    t.store_pairs(t.six(a), out)
    high = t.six(a, SIX_BYTES)
    t.store_pairs([t.neg_pair(pair) for pair in high], out, SIX_BYTES)


@routine
def twelve_cyclotomic_sqr(t: Tower, out: ir.Value, a: ir.Value) -> None:
    """out = a², which may be `a`, where a^(q^4 - q^2 + 1) = 1.

    With Fq4 = Fq2[s]/(s² - ξ), s = w³, and a = g0 + g1·w + g2·w²:
    a² = (3·g0² - 2·ḡ0) + (3·s·g2² + 2·ḡ1)·w + (3·g1² - 2·ḡ2)·w².
    Source: Granger, Scott, "Faster squaring in the cyclotomic subgroup of sixth degree extensions" (2010).
    """
    c0, c2, c4, c1, c3, c5 = t.pairs(a, 6)
    s0, s1, s2 = (_fq4_sqr(t, x, y) for x, y in ((c0, c3), (c1, c4), (c2, c5)))
    results = (
        _less(t, s0[0], c0),
        _less(t, s1[0], c2),
        _less(t, s2[0], c4),
        _more(t, t.times_xi(s2[1]), c1),
        _more(t, s0[1], c3),
        _more(t, s1[1], c5),
    )
    t.store_pairs(results, out)


def _fq4_sqr(t: Tower, x: Pair, y: Pair) -> tuple[Pair, Pair]:
    """(x + y·s)² = x² + ξ·y² + 2·x·y·s"""
    return t.products([(t.times_xi(y), y)], [x]), t.products([(t.times_pair(x, 2), y)])


def _less(t: Tower, square: Pair, c: Pair) -> Pair:
    return t.sub_pairs(t.times_pair(square, 3), t.times_pair(c, 2))


def _more(t: Tower, square: Pair, c: Pair) -> Pair:
    return t.add_pairs(t.times_pair(square, 3), t.times_pair(c, 2))


def _frobenius(power: int) -> Routine:
    def body(t: Tower, out: ir.Value, a: ir.Value) -> None:
        for at, pair in enumerate(t.pairs(a, 6)):
            k = 2 * at if at < 3 else 2 * at - 5
            c0, c1 = frobenius_constant(power, k)
            image = t.conjugate(pair) if power % 2 else pair
            if k and c1 == 0:
                image = t.scale(image, t.constant(c0))
            elif k:
                image = t.products([(t.constant_pair((c0, c1)), image)])
            t.store_pair(image, out, PAIR_BYTES * at)

    body.__name__ = f"twelve_frobenius_{power}"
    body.__doc__ = f"out = a^(q^{power}), which may be `a`: w^k becomes ξ^(k·(q^{power} - 1)/6)·w^k."
    return routine(body)


twelve_frobenius_1 = _frobenius(1)
twelve_frobenius_2 = _frobenius(2)
twelve_frobenius_3 = _frobenius(3)


@routine
def twelve_invert_begin(t: Tower, kept: ir.Value, norm: ir.Value, a: ir.Value) -> None:
    """norm = a block of Fq to be inverted, one where a = 0; what else the inverse takes goes to `kept`.

    1/(a0 + a1·w) = (a0 - a1·w)/d with d = a0² - v·a1², and 1/d = (A + B·v + C·v²)/F with
    A = d0² - ξ·d1·d2, B = ξ·d2² - d0·d1, C = d1² - d0·d2, F = d0·A + ξ·(d2·B + d1·C).
    """
    low, high = _six_result(t, six_sqr, a), _six_result(t, six_sqr, t.at(a, SIX_BYTES))
    d = t.six(t.keep_six(t.sub_six(low, t.times_v(high))), bound=4)
    xi_d2, minus_d0 = t.times_xi(d[2]), t.neg_pair(d[0])
    adjoint = (
        t.products([(t.neg_pair(xi_d2), d[1])], [d[0]]),
        t.products([(xi_d2, d[2]), (minus_d0, d[1])]),
        t.products([(minus_d0, d[2])], [d[1]]),
    )
    F = t.products([(adjoint[0], d[0]), (adjoint[1], xi_d2), (t.times_xi(d[1]), adjoint[2])])
    t.store_pairs(adjoint, kept, bound=_INVERSION_SUM)
    t.store_pair(F, kept, SIX_BYTES, bound=_INVERSION_SUM)
    e = t.base
    value = t.value(t.dot([(F.c0, F.c0), (F.c1, F.c1)]))
    e.store(e.select(e.is_zero(value), e.constant(1), value), norm)


@routine
def twelve_invert_end(t: Tower, out: ir.Value, a: ir.Value, kept: ir.Value, inverse: ir.Value) -> None:
    """out = 1/a, zero for zero, from the inverse of the norm; `out` may be `a`."""
    F = t.pair(kept, SIX_BYTES, bound=_INVERSION_SUM)
    scaled = t.scale(t.conjugate(F), t.number(inverse))
    place = t.slot(6)
    for i, part in enumerate(t.pairs(kept, 3, bound=_INVERSION_SUM)):
        t.store_pair(t.products([(scaled, part)]), place, PAIR_BYTES * i)
    low = _six_result(t, six_mul, a, place)
    high = _six_result(t, six_mul, t.at(a, SIX_BYTES), place)
    t.store_pairs(low, out)
    t.store_pairs([t.neg_pair(pair) for pair in high], out, SIX_BYTES)


@mask_routine
def twelve_is_one(t: Tower, a: ir.Value) -> Any:
    """Return the lanes where a = 1."""
    e = t.base
    mask = e.equal(e.load(a), e.constant(1))
    for i in range(1, 12):
        mask = e.mask_and(mask, e.is_zero(e.load(a, BLOCK_BYTES * i)))
    return mask


@routine
def twelve_move_lanes(t: Tower, out: ir.Value, a: ir.Value, distance: ir.Value) -> None:
    """Lane i of `out` = lane i xor distance of `a`, for a distance of 1, 2 or 4."""
    e = t.base
    nearer = e.builder.icmp_signed("==", distance, ir.Constant(I64, 1))
    middle = e.builder.icmp_signed("==", distance, ir.Constant(I64, 2))
    for i in range(12):
        value = e.load(a, BLOCK_BYTES * i)
        moved = [e.shuffle(value, [lane ^ d for lane in range(8)]) for d in (1, 2, 4)]
        limbs = tuple(
            e.builder.select(nearer, x, e.builder.select(middle, y, z))
            for x, y, z in zip(*(m.limbs for m in moved), strict=True)
        )
        e.store(Value(limbs, value.bound), out, BLOCK_BYTES * i)
