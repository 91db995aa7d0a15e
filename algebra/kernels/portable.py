"""Montgomery products for any processor with 64-bit lanes: 32×32→64-bit products, no target-specific IR.

A 52-bit limb is too wide for the multipliers that AVX2, SSE2 and NEON have, so a product first cuts its
operands into nine digits of 29 bits. Digit products are below 2^58 and columns are 64 bits wide: nine
products of an operand and nine of the reduction leave room for six products before one reduction, without a
carry in between. The reduction divides by 2^260 = 2^(8·29)·2^28, so R is that of the other back end. LLVM
turns the products of zero-extended digits into vpmuludq, pmuludq or umull, and cuts the eight lanes into
as many registers as the processor needs.

Source: Montgomery multiplication by columns (Koç, Acar, Kaliski: "Analyzing and comparing Montgomery
multiplication algorithms", 1996, separated operand scanning).
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from zkroll.algebra.kernels.layout import BITS, LIMB_MASK, LIMBS, FieldParams, splat

DIGIT = 29
DIGITS = 9
COLUMNS = 2 * DIGITS
MOST_TERMS = 6  # products that 64-bit columns can hold beside those of the reduction: (9·6 + 9)·2^58 < 2^64

_MASK = (1 << DIGIT) - 1
_LAST = BITS * LIMBS - DIGIT * (DIGITS - 1)  # bits that the last step of the reduction clears
_LONG = 6  # columns that are cleared by long multiples of p

Terms = Sequence[tuple[Sequence[ir.Value], Sequence[ir.Value]]]


def sum_of_products(builder: ir.IRBuilder, field: FieldParams, terms: Terms) -> tuple[ir.Value, ...]:
    """Emit (Σ left·right)/2^260 mod p, at most MOST_TERMS products (tidy limbs in, tidy limbs out), inline.

    A square (the same limbs given twice) uses each product of two digits once.
    """
    columns = [splat(0)] * COLUMNS
    for left, right in terms:
        columns = _accumulate(builder, columns, left, right)
    return reduced(builder, field, columns)


def product(
    builder: ir.IRBuilder, field: FieldParams, left: Sequence[ir.Value], right: Sequence[ir.Value]
) -> tuple[ir.Value, ...]:
    """Emit left·right/2^260 mod p (tidy limbs in, tidy limbs out), inline."""
    return sum_of_products(builder, field, [(left, right)])


def accumulate(
    builder: ir.IRBuilder, columns: Sequence[ir.Value], left: Sequence[ir.Value], right: Sequence[ir.Value]
) -> list[ir.Value]:
    """Emit columns + left·right with the carries propagated, for sums of any number of products."""
    return _carry(builder, _accumulate(builder, columns, left, right))


def reduced(builder: ir.IRBuilder, field: FieldParams, columns: Sequence[ir.Value]) -> tuple[ir.Value, ...]:
    """Emit columns/2^260 mod p as tidy limbs.

    The first columns take k·p with k = -p^-1 mod 2^29: as k·p = 2^29·N - 1, the factor is the column's low
    digit itself and only N is multiplied, one column up. Such a multiple is 2^29 times longer than q·p; six
    of them let the result grow by less than 2^-56·p. The others take q·p with q = digit·k.
    """
    t = list(columns)
    factor = pow(-field.modulus, -1, 1 << DIGIT)
    modulus, long = _digits_of(field.modulus), _digits_of((factor * field.modulus + 1) >> DIGIT)
    for i in range(DIGITS):
        bits = _LAST if i == DIGITS - 1 else DIGIT
        if i < _LONG:
            q, digits, at = builder.and_(t[i], splat(_MASK)), long, i + 1
        else:
            word = builder.and_(t[i], splat((1 << 32) - 1))
            q, digits, at = builder.and_(builder.mul(word, splat(factor)), splat((1 << bits) - 1)), modulus, i
        for j, digit in enumerate(digits):
            t[at + j] = builder.add(t[at + j], builder.mul(q, splat(digit)))
        t[i] = builder.lshr(t[i], splat(bits))
        if i < DIGITS - 1:
            t[i + 1] = builder.add(t[i + 1], t[i])
    return _limbs(builder, t[DIGITS - 1], t[DIGITS:])


def _digits(builder: ir.IRBuilder, limbs: Sequence[ir.Value]) -> list[ir.Value]:
    """Cut five tidy limbs into nine digits; the masks also tell LLVM that 32-bit multipliers will do."""
    digits = []
    for i in range(DIGITS):
        limb, offset = divmod(DIGIT * i, BITS)
        digit = builder.lshr(limbs[limb], splat(offset)) if offset else limbs[limb]
        if offset + DIGIT > BITS and limb + 1 < LIMBS:
            digit = builder.or_(digit, builder.shl(limbs[limb + 1], splat(BITS - offset)))
        digits.append(builder.and_(digit, splat(_MASK)))
    return digits


def _digits_of(value: int) -> list[int]:
    return [value >> (DIGIT * i) & _MASK for i in range(DIGITS)]


def _accumulate(
    builder: ir.IRBuilder, columns: Sequence[ir.Value], left: Sequence[ir.Value], right: Sequence[ir.Value]
) -> list[ir.Value]:
    t = list(columns)
    x = _digits(builder, left)
    square = all(u is v for u, v in zip(left, right, strict=True))
    # x² = Σ x_i·(x_i + 2·x_{i+1}·2^29 + 2·x_{i+2}·2^58 + ...)
    y = [builder.add(digit, digit) for digit in x] if square else _digits(builder, right)
    for i in range(DIGITS):
        for j in range(i if square else 0, DIGITS):
            factor = x[i] if square and i == j else y[j]
            t[i + j] = builder.add(t[i + j], builder.mul(x[i], factor))
    return t


def _carry(builder: ir.IRBuilder, columns: Sequence[ir.Value]) -> list[ir.Value]:
    """Reduce every column but the last to one digit."""
    t = list(columns)
    for i in range(len(t) - 1):
        t[i + 1] = builder.add(t[i + 1], builder.lshr(t[i], splat(DIGIT)))
        t[i] = builder.and_(t[i], splat(_MASK))
    return t


def _limbs(builder: ir.IRBuilder, last: ir.Value, columns: Sequence[ir.Value]) -> tuple[ir.Value, ...]:
    """Join `last` + Σ columns[i]·2^(1 + 29·i) < 2^260 into five tidy limbs: one bit, then whole digits."""
    above = DIGIT - _LAST
    t = [builder.add(columns[0], builder.lshr(last, splat(above))), *columns[1:]]
    limbs: list[ir.Value] = [builder.and_(last, splat((1 << above) - 1))] + [splat(0)] * (LIMBS - 1)
    for i, digit in enumerate(_carry(builder, t)):
        limb, offset = divmod(above + DIGIT * i, BITS)
        fits = offset + DIGIT <= BITS
        low = builder.shl(digit, splat(offset))
        limbs[limb] = builder.or_(limbs[limb], low if fits else builder.and_(low, splat(LIMB_MASK)))
        if not fits and limb + 1 < LIMBS:
            limbs[limb + 1] = builder.lshr(digit, splat(BITS - offset))
    return tuple(limbs)
