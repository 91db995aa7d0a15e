"""Fq2 = Fq[u]/(u² + 1) with the interface of `emit.Emitter`, so that one formula serves both fields.

A `Pair` is eight elements c0 + c1·u at once. In memory an element block is the block of c0 and then that of
c1: 640 bytes. Products need four multiplications and two reductions; each half is a sum of products that is
reduced once. Squares need two multiplications: (c0 + c1)(c0 - c1) and 2·c0·c1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from llvmlite import ir

from zkroll.algebra.kernels.emit import BLOCK_BYTES, Emitter, Mask, Value


@dataclass(frozen=True)
class Pair:
    """Eight elements of Fq2 in registers."""

    c0: Value
    c1: Value

    @property
    def bound(self) -> Fraction:
        """The larger bound of the two halves."""
        return max(self.c0.bound, self.c1.bound)


class QuadraticEmitter:
    """Appends arithmetic of Fq2; `base` is the emitter of Fq that it writes with."""

    degree = 2
    element_bytes = 2 * BLOCK_BYTES

    def __init__(self, base: Emitter):
        self.base = base
        self.builder = base.builder

    def parts(self, value: Pair) -> tuple[Value, ...]:
        """Return (c0, c1)."""
        return (value.c0, value.c1)

    def from_parts(self, parts: Sequence[Value]) -> Pair:
        """Return the value of (c0, c1)."""
        return Pair(*parts)

    def _map(self, operation: Callable[..., Value], *pairs: Pair) -> Pair:
        return Pair(operation(*(pair.c0 for pair in pairs)), operation(*(pair.c1 for pair in pairs)))

    # ---- memory and constants -----------------------------------------------------------------------------

    def load(self, address: ir.Value, offset: int = 0, bound: int | Fraction = 2) -> Pair:
        """Load the element block at address + offset (bytes)."""
        return Pair(
            self.base.load(address, offset, bound), self.base.load(address, offset + BLOCK_BYTES, bound)
        )

    def store(self, value: Pair, address: ir.Value, offset: int = 0, bound: int | Fraction = 2) -> None:
        """Store both halves, reduced below bound·q."""
        self.base.store(value.c0, address, offset, bound)
        self.base.store(value.c1, address, offset + BLOCK_BYTES, bound)

    def constant(self, c0: int, c1: int = 0) -> Pair:
        """Return c0 + c1·u in all lanes."""
        return Pair(self.base.constant(c0), self.base.constant(c1))

    def zero(self) -> Pair:
        """Return zero in all lanes."""
        return Pair(self.base.zero(), self.base.zero())

    # ---- reductions, sums ---------------------------------------------------------------------------------

    def tidy(self, value: Pair) -> Pair:
        """Propagate the carries of both halves."""
        return self._map(self.base.tidy, value)

    def reduce(self, value: Pair, bound: int | Fraction = 2) -> Pair:
        """Return the same residues below bound·q."""
        return self._map(lambda half: self.base.reduce(half, bound), value)

    def add(self, left: Pair, right: Pair) -> Pair:
        """Return left + right."""
        return self._map(self.base.add, left, right)

    def sub(self, left: Pair, right: Pair) -> Pair:
        """Return left - right."""
        return self._map(self.base.sub, left, right)

    def neg(self, value: Pair) -> Pair:
        """Return -value."""
        return self._map(self.base.neg, value)

    def double(self, value: Pair) -> Pair:
        """Return 2·value."""
        return self.add(value, value)

    def times(self, value: Pair, factor: int) -> Pair:
        """Return factor·value for a small factor > 0."""
        return self._map(lambda half: self.base.times(half, factor), value)

    def conjugate(self, value: Pair) -> Pair:
        """Return c0 - c1·u, which is value^q."""
        return Pair(value.c0, self.base.neg(value.c1))

    def times_non_residue(self, value: Pair) -> Pair:
        """Return (9 + u)·value, the element that the tower Fq6 adjoins a cube root of."""
        b = self.base
        c0, c1 = b.times(value.c0, 9), b.times(value.c1, 9)
        return Pair(b.sub(c0, value.c1), b.add(c1, value.c0))

    # ---- products -----------------------------------------------------------------------------------------

    def mul(self, left: Pair, right: Pair) -> Pair:
        """Return left·right = (a0·b0 - a1·b1) + (a0·b1 + a1·b0)·u."""
        b = self.base
        left, right = self.tidy(self.reduce(left, 8)), self.tidy(self.reduce(right, 8))
        # -a1·b1 is taken as (k·q - a1)·b1; two values of k keep the number of shared functions small
        multiple = 3 if left.c1.bound <= 3 else 8

        def body(e: Emitter, *limbs: Sequence[ir.Value]) -> list[Sequence[ir.Value]]:
            x0, x1, y0, y1 = (Value(tuple(words), Fraction(multiple)) for words in limbs)
            opposite = e.neg(x1)
            return [
                e.tidy(e.sum_of_products([(x0, y0), (opposite, y1)])).limbs,
                e.tidy(e.sum_of_products([(x0, y1), (x1, y0)])).limbs,
            ]

        operands = [left.c0.limbs, left.c1.limbs, right.c0.limbs, right.c1.limbs]
        if b.inline:
            results = [tuple(limbs) for limbs in body(b, *operands)]
        else:
            results = b.shared(f"quadratic_product_{multiple}", operands, 2, body)
        a0, a1, b0, b1 = left.c0.bound, left.c1.bound, right.c0.bound, right.c1.bound
        bounds = (a0 * b0 + multiple * b1, a0 * b1 + a1 * b0)
        # one for each reduction of sum_of_products, whichever the back end
        c0, c1 = (
            Value(words, bound * b.field.shrink + 2) for words, bound in zip(results, bounds, strict=True)
        )
        return Pair(c0, c1)

    def sqr(self, value: Pair) -> Pair:
        """Return value²."""
        b = self.base
        twice = b.double(value.c0)
        return Pair(
            b.mul(b.add(value.c0, value.c1), b.sub(value.c0, value.c1)),
            b.mul(twice, value.c1),
        )

    def scale(self, value: Pair, factor: Value) -> Pair:
        """Return value·factor for a factor in Fq."""
        return self._map(lambda half: self.base.mul(half, factor), value)

    def norm(self, value: Pair) -> Value:
        """Return c0² + c1² in Fq, which is zero only for zero."""
        return self.base.sum_of_products([(value.c0, value.c0), (value.c1, value.c1)])

    def from_norm(self, value: Pair, inverse: Value) -> Pair:
        """Return 1/value from the inverse of its norm."""
        return self.scale(self.conjugate(value), inverse)

    # ---- lanes --------------------------------------------------------------------------------------------

    def shuffle(self, value: Pair, lanes: Sequence[int]) -> Pair:
        """Return lane i = lane lanes[i] of `value`."""
        return self._map(lambda half: self.base.shuffle(half, lanes), value)

    def select(self, mask: Mask, yes: Pair, no: Pair) -> Pair:
        """Return `yes` in the lanes of the mask, else `no`."""
        return self._map(lambda x, y: self.base.select(mask, x, y), yes, no)

    def is_zero(self, value: Pair) -> Mask:
        """Return the lanes where both halves are zero modulo q."""
        return self.mask_and(self.base.is_zero(value.c0), self.base.is_zero(value.c1))

    def maybe_zero(self, value: Pair) -> Mask:
        """Return a mask that has every zero lane and hardly another."""
        return self.mask_and(self.base.maybe_zero(value.c0), self.base.maybe_zero(value.c1))

    def equal(self, left: Pair, right: Pair) -> Mask:
        """Return the lanes where left = right."""
        return self.is_zero(self.sub(left, right))

    def mask_and(self, left: Mask, right: Mask) -> Mask:
        """Return left AND right."""
        return self.base.mask_and(left, right)

    def mask_or(self, left: Mask, right: Mask) -> Mask:
        """Return left OR right."""
        return self.base.mask_or(left, right)

    def mask_not(self, mask: Mask) -> Mask:
        """Return NOT mask."""
        return self.base.mask_not(mask)

    def mask_to_bits(self, mask: Mask) -> ir.Value:
        """Return the mask as an i64 0..255."""
        return self.base.mask_to_bits(mask)

    def mask_from_bits(self, bits: Any) -> Mask:
        """Return the mask whose lane i is bit i of the i64 `bits`."""
        return self.base.mask_from_bits(bits)
