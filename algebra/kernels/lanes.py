"""Moving values between memory and registers, from lane to lane, and masks of lanes: no arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from llvmlite import ir

from zkroll.algebra.kernels.layout import (
    I1,
    I8,
    I64,
    LANES,
    LIMB_BYTES,
    LIMBS,
    MASK_VECTOR,
    VECTOR,
    declared,
    splat,
)

Mask: TypeAlias = Any


@dataclass(frozen=True)
class Value:
    """Eight field elements in registers; see `zkroll.algebra.kernels.emit` for `bound` and `tidy`."""

    limbs: tuple[ir.Value, ...]
    bound: Fraction
    tidy: bool = True


class Lanes:
    """The part of the emitter that moves values; `builder` is the LLVM IR builder it appends to."""

    builder: Any

    def pointer(self, address: ir.Value, offset: int, kind: ir.Type) -> ir.Value:
        """Return the integer `address` + offset (bytes) as a pointer to `kind`."""
        moved = self.builder.add(address, ir.Constant(I64, offset)) if offset else address
        return self.builder.inttoptr(moved, kind.as_pointer())

    def load(self, address: ir.Value, offset: int = 0, bound: int | Fraction = 2) -> Value:
        """Load the block at address + offset (bytes); `bound` if it was stored with another than 2."""
        limbs = [
            self.builder.load(self.pointer(address, offset + LIMB_BYTES * i, VECTOR), align=8)
            for i in range(LIMBS)
        ]
        return Value(tuple(limbs), Fraction(bound))

    def load_broadcast(
        self, address: ir.Value, offset: int = 0, stride: int = 8, bound: int | Fraction = 2
    ) -> Value:
        """Load one element (five 64-bit limbs, `stride` bytes apart) into all eight lanes."""
        limbs = []
        for i in range(LIMBS):
            word = self.builder.load(self.pointer(address, offset + stride * i, I64), align=8)
            limbs.append(self.broadcast(word))
        return Value(tuple(limbs), Fraction(bound))

    def gather(
        self, base: ir.Value, offsets: ir.Value, stride: int = LIMB_BYTES, bound: int | Fraction = 2
    ) -> Value:
        """Load lane i from base + offsets[i] (bytes, a `<8 x i64>`); limbs lie `stride` bytes apart."""
        addresses = self.builder.add(self.broadcast(base), offsets)
        limbs = [
            self.gather_words(self.builder.add(addresses, splat(stride * i)), self.all_lanes)
            for i in range(LIMBS)
        ]
        return Value(tuple(limbs), Fraction(bound))

    def gather_words(self, addresses: ir.Value, mask: Mask) -> ir.Value:
        """Load one 64-bit word per lane from `addresses` (`<8 x i64>`); zero outside the mask."""
        pointers = ir.VectorType(I64.as_pointer(), LANES)
        kind = ir.FunctionType(VECTOR, [pointers, ir.IntType(32), MASK_VECTOR, VECTOR])
        fn = declared(self.builder.module, "llvm.masked.gather.v8i64.v8p0", kind)
        at = self.builder.inttoptr(addresses, pointers)
        return self.builder.call(fn, [at, ir.Constant(ir.IntType(32), 8), mask, splat(0)])

    def scatter_words(self, words: ir.Value, addresses: ir.Value, mask: Mask) -> None:
        """Store one 64-bit word per lane of the mask at `addresses` (`<8 x i64>`)."""
        pointers = ir.VectorType(I64.as_pointer(), LANES)
        kind = ir.FunctionType(ir.VoidType(), [VECTOR, pointers, ir.IntType(32), MASK_VECTOR])
        fn = declared(self.builder.module, "llvm.masked.scatter.v8i64.v8p0", kind)
        at = self.builder.inttoptr(addresses, pointers)
        self.builder.call(fn, [words, at, ir.Constant(ir.IntType(32), 8), mask])

    def shuffle(self, value: Value, lanes: Sequence[int], other: Value | None = None) -> Value:
        """Return lane i = lane lanes[i] of `value`, or lane lanes[i] - 8 of `other` (default zero)."""
        zero = splat(0)
        partner = (zero,) * LIMBS if other is None else other.limbs
        index = ir.Constant(ir.VectorType(ir.IntType(32), LANES), list(lanes))
        limbs = [self.builder.shuffle_vector(x, y, index) for x, y in zip(value.limbs, partner, strict=True)]
        bound = value.bound if other is None else max(value.bound, other.bound)
        return Value(tuple(limbs), bound, value.tidy and (other is None or other.tidy))

    def broadcast(self, word: ir.Value) -> ir.Value:
        """Return the 64-bit integer `word` in all lanes."""
        lane0 = self.builder.insert_element(
            ir.Constant(VECTOR, ir.Undefined), word, ir.Constant(ir.IntType(32), 0)
        )
        return self.builder.shuffle_vector(
            lane0,
            ir.Constant(VECTOR, ir.Undefined),
            ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES),
        )

    @property
    def all_lanes(self) -> ir.Constant:
        """The mask with every lane set."""
        return ir.Constant(MASK_VECTOR, [ir.Constant(I1, 1)] * LANES)

    def mask_and(self, left: Mask, right: Mask) -> Mask:
        """Return left AND right."""
        return self.builder.and_(left, right)

    def mask_or(self, left: Mask, right: Mask) -> Mask:
        """Return left OR right."""
        return self.builder.or_(left, right)

    def mask_not(self, mask: Mask) -> Mask:
        """Return NOT mask."""
        return self.builder.xor(mask, self.all_lanes)

    def mask_to_bits(self, mask: Mask) -> ir.Value:
        """Return the mask as an i64 0..255, bit i = lane i."""
        return self.builder.zext(self.builder.bitcast(mask, I8), I64)

    def mask_from_bits(self, bits: ir.Value) -> Mask:
        """Return the mask whose lane i is bit i of the i64 `bits`."""
        return self.builder.bitcast(self.builder.trunc(bits, I8), MASK_VECTOR)
