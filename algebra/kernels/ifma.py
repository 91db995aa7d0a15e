"""Montgomery products with AVX-512 IFMA: vpmadd52 adds the low or high 52 bits of a 52×52-bit product.

Source: Montgomery multiplication by operand scanning, radix 2^52 (Gueron, Krasnov: "Accelerating big integer
arithmetic using Intel IFMA extensions", 2016).
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from zkroll.algebra.kernels.layout import BITS, LIMB_MASK, LIMBS, VECTOR, FieldParams, declared, splat

_LONG = 3  # columns that are cleared by long multiples of p
_KIND = ir.FunctionType(VECTOR, [VECTOR, VECTOR, VECTOR])


def product(
    builder: ir.IRBuilder, field: FieldParams, left: Sequence[ir.Value], right: Sequence[ir.Value]
) -> tuple[ir.Value, ...]:
    """Emit left·right/2^260 mod p (tidy limbs in, tidy limbs out), inline.

    Per limb y_i: t += x·y_i, then a multiple of p clears the lowest limb (`_clear_limb`). Squares are
    recognised (the same limbs given twice) and use each cross product once.
    """
    t: list[ir.Value] = [splat(0)] * (2 * LIMBS)
    square = all(x is y for x, y in zip(left, right, strict=True))
    if square:
        for i in range(LIMBS):
            for j in range(i + 1, LIMBS):
                accumulate(builder, t, i + j, left[j], left[i])
        t[1:-1] = [builder.add(limb, limb) for limb in t[1:-1]]
        for i in range(LIMBS):
            accumulate(builder, t, 2 * i, left[i], left[i])
    for i in range(LIMBS):
        if not square:
            for j in range(LIMBS):
                accumulate(builder, t, i + j, left[j], right[i])
        _clear_limb(builder, field, t, i)
    return _tidy_top(builder, t)


def reduced(builder: ir.IRBuilder, field: FieldParams, columns: Sequence[ir.Value]) -> tuple[ir.Value, ...]:
    """Emit t/2^260 mod p for ten accumulated columns below 2^63: one reduction for many products."""
    t = list(columns)
    for i in range(LIMBS):
        _clear_limb(builder, field, t, i)
    return _tidy_top(builder, t)


def accumulate(builder: ir.IRBuilder, t: list[ir.Value], at: int, x: ir.Value, y: ir.Value) -> None:
    """Emit t += x·y·2^(52·at) on columns of 64 bits."""
    accumulate_low(builder, t, at, x, y)
    accumulate_high(builder, t, at + 1, x, y)


def accumulate_low(builder: ir.IRBuilder, t: list[ir.Value], at: int, x: ir.Value, y: ir.Value) -> None:
    """Emit t[at] += the low 52 bits of x·y."""
    t[at] = builder.call(_multiply_add(builder, "l"), [t[at], x, y])


def accumulate_high(builder: ir.IRBuilder, t: list[ir.Value], at: int, x: ir.Value, y: ir.Value) -> None:
    """Emit t[at] += the high 52 bits of x·y."""
    t[at] = builder.call(_multiply_add(builder, "h"), [t[at], x, y])


def _multiply_add(builder: ir.IRBuilder, half: str) -> ir.Function:
    return declared(builder.module, f"llvm.x86.avx512.vpmadd52{half}.uq.512", _KIND)


def _clear_limb(builder: ir.IRBuilder, field: FieldParams, t: list[ir.Value], i: int) -> None:
    """Add a multiple of p that makes column i vanish modulo 2^52, and carry the rest to column i + 1.

    The first columns take k·p with k = -p^-1 mod 2^52: as k·p = 2^52·N - 1, the factor is column i itself
    (vpmadd52 reads its low 52 bits) and only N is multiplied, one column up. Such a multiple is 2^52 times
    longer than q·p, so with three of them the result grows by less than 2^-51·p; the others take q·p.
    """
    k = field.minus_p_inverse
    if i < _LONG:
        q, addend, at = t[i], (k * field.modulus + 1) >> BITS, i + 1
    else:
        q = builder.call(_multiply_add(builder, "l"), [splat(0), t[i], splat(k)])
        addend, at = field.modulus, i
    for j in range(LIMBS):
        accumulate(builder, t, at + j, q, splat((addend >> (BITS * j)) & LIMB_MASK))
    t[i + 1] = builder.add(t[i + 1], builder.lshr(t[i], splat(BITS)))


def _tidy_top(builder: ir.IRBuilder, t: list[ir.Value]) -> tuple[ir.Value, ...]:
    result = t[LIMBS:]
    for i in range(LIMBS - 1):
        result[i + 1] = builder.add(result[i + 1], builder.lshr(result[i], splat(BITS)))
        result[i] = builder.and_(result[i], splat(LIMB_MASK))
    return tuple(result)


def sum_of_products(
    builder: ir.IRBuilder, field: FieldParams, terms: Sequence[tuple[Sequence[ir.Value], Sequence[ir.Value]]]
) -> tuple[ir.Value, ...]:
    """Emit (Σ left·right)/2^260 mod p, at most 64 products with one reduction, inline."""
    t: list[ir.Value] = [splat(0)] * (2 * LIMBS)
    for left, right in terms:
        for i in range(LIMBS):
            for j in range(LIMBS):
                accumulate(builder, t, i + j, left[j], right[i])
    return reduced(builder, field, t)
