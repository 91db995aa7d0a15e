"""What all kernels agree on: the layout of a block, the two fields, and the LLVM types of a limb vector."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

from llvmlite import ir

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS

LIMBS = 5
BITS = 52
LANES = 8
LIMB_MASK = (1 << BITS) - 1
MONTGOMERY_BITS = LIMBS * BITS
BLOCK_BYTES = LIMBS * LANES * 8
LIMB_BYTES = LANES * 8

I1, I8, I64 = ir.IntType(1), ir.IntType(8), ir.IntType(64)
VECTOR = ir.VectorType(I64, LANES)
MASK_VECTOR = ir.VectorType(I1, LANES)

Backend = Literal["ifma", "portable"]


def split_limbs(value: int) -> list[int]:
    """Return the five 52-bit limbs of 0 <= value < 2^260, least significant first."""
    return [(value >> (BITS * i)) & LIMB_MASK for i in range(LIMBS)]


@dataclass(frozen=True)
class FieldParams:
    """What the emitter needs to know of a prime field: a short name and the modulus p (odd, 254 bits)."""

    name: str
    modulus: int

    @property
    def r(self) -> int:
        """R mod p, the Montgomery form of one."""
        return (1 << MONTGOMERY_BITS) % self.modulus

    @property
    def r2(self) -> int:
        """R² mod p: multiplying by it enters Montgomery form."""
        return (1 << (2 * MONTGOMERY_BITS)) % self.modulus

    @cached_property
    def r_inverse(self) -> int:
        """R^-1 mod p."""
        return pow(1 << MONTGOMERY_BITS, -1, self.modulus)

    @property
    def minus_p_inverse(self) -> int:
        """-p^-1 mod 2^52."""
        return pow(-self.modulus, -1, 1 << BITS)

    @property
    def shrink(self) -> Fraction:
        """p/R: a product of bounds x and y comes out below x·y·shrink + 1 (+ 2^-51 on `ifma`)."""
        return Fraction(self.modulus, 1 << MONTGOMERY_BITS)

    @property
    def capacity(self) -> int:
        """The largest bound that five limbs can hold."""
        return (1 << MONTGOMERY_BITS) // self.modulus

    def ceiling(self, bits: int) -> Fraction:
        """2^bits/p, the bound of any integer of so many bits."""
        return Fraction(1 << bits, self.modulus)

    def to_montgomery(self, value: int) -> int:
        """Return value·R mod p."""
        return value * self.r % self.modulus


FR = FieldParams("fr", R_MODULUS)
FQ = FieldParams("fq", Q_MODULUS)


def splat(value: int) -> ir.Constant:
    """Return the constant vector with the 64-bit two's complement of `value` in all lanes."""
    word = value & ((1 << 64) - 1)
    return ir.Constant(VECTOR, [ir.Constant(I64, word)] * LANES)


def declared(module: ir.Module, name: str, kind: ir.FunctionType) -> ir.Function:
    """Return the function `name` of the module, declaring it on first use."""
    known = module.globals.get(name)
    return known if known is not None else ir.Function(module, kind, name)
