"""Products with factors that are known beforehand: a third fewer multiplications than a Montgomery product.

Next to the factor w < p (a plain integer) stands w' = floor(w·2^260/p). Then for x < 2^260

    q = floor(x·w'/2^260),   x·w - q·p  in  0..2p

needs only the upper half of one product and the lower halves of two. The Montgomery form of x is kept: the
result is that of x·w. Source: Shoup's multiplication modulo a word (V. Shoup, NTL; D. Harvey, "Faster
arithmetic for number-theoretic transforms", 2014), here with five limbs.

On `portable` the factor is in Montgomery form and the product is the usual one; w' is not used.

A prepared factor is ten 64-bit words, w and w', for all lanes alike (COMPACT_BYTES) or lane by lane
(VECTOR_BYTES: two blocks).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from llvmlite import ir

from zkroll.algebra.kernels.emit import (
    BITS,
    BLOCK_BYTES,
    LIMB_MASK,
    LIMBS,
    MONTGOMERY_BITS,
    Emitter,
    Value,
    splat,
    split_limbs,
)
from zkroll.algebra.kernels.ifma import accumulate_high, accumulate_low

COMPACT_BYTES = 16 * LIMBS
VECTOR_BYTES = 2 * BLOCK_BYTES
# 1 for w' rounded down, 1 for q, and what the columns left out of x·w' are worth
BOUND = 2 + Fraction(1, 1 << 40)


@dataclass(frozen=True)
class Fixed:
    """A prepared factor in registers."""

    factor: Value
    quotient: Value


def load_compact(e: Emitter, address: ir.Value, offset: int = 0) -> Fixed:
    """Load one factor into all lanes."""
    return Fixed(
        e.load_broadcast(address, offset, bound=1), e.load_broadcast(address, offset + 8 * LIMBS, bound=1)
    )


def load_vector(e: Emitter, address: ir.Value) -> Fixed:
    """Load a factor for each lane."""
    return Fixed(e.load(address, bound=1), e.load(address, BLOCK_BYTES, bound=1))


def times(e: Emitter, x: Value, fixed: Fixed) -> Value:
    """Return x·w; its bound is BOUND."""
    limbs = settled(e, add_product(e, [splat(0)] * LIMBS, e.tidy(x).limbs, fixed))
    return Value(limbs, BOUND)


def add_product(e: Emitter, start: Sequence[ir.Value], x: Sequence[ir.Value], fixed: Fixed) -> list[ir.Value]:
    """Return start + x·w as five columns modulo 2^260 whose carries are not propagated.

    x is tidy and below 2^260. The product adds less than BOUND·p to the value and 2^57 to each column.
    """
    if e.backend == "portable":
        product = e.mul(Value(tuple(x), Fraction(e.field.capacity)), fixed.factor)
        return [e.builder.add(limb, more) for limb, more in zip(start, e.tidy(product).limbs, strict=True)]
    b = e.builder
    w, quotient = fixed.factor.limbs, fixed.quotient.limbs
    # columns 4 to 9 of x·w': what lies below adds less than 2^-49 to q
    upper: list[ir.Value] = [splat(0)] * (LIMBS + 1)
    for i in range(LIMBS):
        for j in range(LIMBS):
            if i + j >= LIMBS - 1:
                accumulate_low(b, upper, i + j - LIMBS + 1, x[j], quotient[i])
            if i + j >= LIMBS - 2:
                accumulate_high(b, upper, i + j - LIMBS + 2, x[j], quotient[i])
    for i in range(LIMBS):
        upper[i + 1] = b.add(upper[i + 1], b.lshr(upper[i], splat(BITS)))
    q = upper[1:]  # the products below read 52 bits of each
    opposite = [splat(limb) for limb in split_limbs((1 << MONTGOMERY_BITS) - e.field.modulus)]
    return _low_columns(e, start, [(x, w), (q, opposite)])


def settled(e: Emitter, columns: Sequence[ir.Value]) -> tuple[ir.Value, ...]:
    """Propagate carries modulo 2^260: five limbs of 52 bits."""
    b, limbs = e.builder, list(columns)
    for i in range(LIMBS - 1):
        limbs[i + 1] = b.add(limbs[i + 1], b.ashr(limbs[i], splat(BITS)))
    return tuple(b.and_(limb, splat(LIMB_MASK)) for limb in limbs)


def store_prepared(e: Emitter, montgomery: Value, plain: Value, out: ir.Value) -> None:
    """Store a vector factor, given its Montgomery form and the factor itself as values of any bound."""
    if e.backend == "portable":
        e.store(montgomery, out, bound=1)
        return
    e.store(plain, out, bound=1)
    # w·2^260 = w'·p + (w·2^260 mod p), so w' = -(w·2^260 mod p)/p modulo 2^260
    factor = pow(-e.field.modulus, -1, 1 << MONTGOMERY_BITS)
    terms = [(e.canonical(montgomery).limbs, [splat(limb) for limb in split_limbs(factor)])]
    quotient = Value(settled(e, _low_columns(e, [splat(0)] * LIMBS, terms)), Fraction(e.field.capacity))
    e.store(quotient, out, BLOCK_BYTES, bound=e.field.capacity)


def _low_columns(
    e: Emitter,
    start: Sequence[ir.Value],
    products: Sequence[tuple[Sequence[ir.Value], Sequence[ir.Value]]],
) -> list[ir.Value]:
    """The columns of start + Σ x·y that lie below 2^260."""
    columns = list(start)
    for x, y in products:
        for i in range(LIMBS):
            for j in range(LIMBS - i):
                accumulate_low(e.builder, columns, i + j, x[j], y[i])
                if i + j + 1 < LIMBS:
                    accumulate_high(e.builder, columns, i + j + 1, x[j], y[i])
    return columns
