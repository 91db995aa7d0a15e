"""Scalars to the signed digits of their short parts, eight at a time; see `endomorphism` for the lattice.

A number here is a list of signed 64-bit limbs of 25 bits, which leaves room for sums of hundreds of products
before carries move on. Both back ends run the same instructions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from llvmlite import ir

from zkroll.algebra.kernels.emit import FR, I8, I64, LANES, VECTOR, Backend, Emitter, block_intrinsic, splat
from zkroll.algebra.kernels.endomorphism import LIMB, PART_LIMBS, SCALAR_LIMBS, WINDOW, splitting
from zkroll.algebra.kernels.groups import G1, G2, Group
from zkroll.algebra.kernels.jit import family, kernel

_WORDS = 4
_BYTES = ir.VectorType(I8, LANES)
_MASK = (1 << LIMB) - 1
_HALF = 1 << (WINDOW - 1)
_FIRST_COLUMN = 8  # columns of k·factor below this one are left out: less than 2^-20 of a unit of c


@dataclass(frozen=True)
class DecompositionKernels:
    """The kernel of one group, compiled on first use."""

    digits: Any  # (digits: int8 (P·W, stride), stride, scalars: uint64 (n, 4), begin, end), ranges in blocks


@cache
def decomposition_kernels(group: Group, backend: Backend) -> DecompositionKernels:
    """Return the kernel: digits[j·W + w, i] is digit w, in -16..15, of part j of scalar i < r.

    The highest digit of a part is as large as it is: -16..16.
    """
    block = block_intrinsic(FR, _emitter(group), backend=backend)

    @kernel("void(int64,int64,int64,int64,int64)", name=f"{backend}_{group.name}_split")
    def digits(out: int, stride: int, scalars: int, begin: int, end: int) -> None:
        for i in range(begin, end):
            block(out + LANES * i, stride, scalars + 8 * _WORDS * LANES * i)

    return DecompositionKernels(digits)


@family
def both_decomposition_kernels(backend: Backend) -> list[DecompositionKernels]:
    """The kernels of both groups."""
    return [decomposition_kernels(group, backend) for group in (G1, G2)]


def _emitter(group: Group) -> Callable[[Emitter, ir.Value, ir.Value, ir.Value], None]:
    tables = splitting(group)

    def emit(e: Emitter, out: ir.Value, stride: ir.Value, scalars: ir.Value) -> None:
        b = e.builder
        lanes = ir.Constant(VECTOR, [ir.Constant(I64, 8 * _WORDS * i) for i in range(LANES)])
        rows = b.add(e.broadcast(scalars), lanes)
        words = [e.gather_words(b.add(rows, splat(8 * j)), e.all_lanes) for j in range(_WORDS)]
        scalar = [_field(b, words, LIMB * i) for i in range(SCALAR_LIMBS)]
        parts: list[list[ir.Value]] = [[splat(limb) for limb in tables.offset] for _ in range(tables.parts)]
        parts[0] = [b.add(x, y) for x, y in zip(parts[0], scalar, strict=False)]
        for factor, vector in zip(tables.factors, tables.vectors, strict=True):
            nearest = _rounded_product(b, scalar, factor)
            for j, coordinate in enumerate(vector):
                for i, limb in enumerate(coordinate):
                    for k in range(PART_LIMBS - i if limb else 0):
                        parts[j][i + k] = _add_product(b, parts[j][i + k], nearest[k], -limb)
        address = out
        for part in parts:
            for digit in _digits(b, part, tables.windows):
                b.store(b.trunc(digit, _BYTES), e.pointer(address, 0, _BYTES), align=1)
                address = b.add(address, stride)

    return emit


def _field(b: ir.IRBuilder, words: Sequence[ir.Value], bit: int) -> ir.Value:
    """The 25 bits from `bit` on."""
    word, shift = bit // 64, bit % 64
    field = b.lshr(words[word], splat(shift))
    if shift > 64 - LIMB and word + 1 < _WORDS:
        field = b.or_(field, b.shl(words[word + 1], splat(64 - shift)))
    return b.and_(field, splat(_MASK))


def _add_product(b: ir.IRBuilder, total: ir.Value, limb: ir.Value, factor: int) -> ir.Value:
    """total + limb·factor; both operands are shown to have 25 bits, so that short products do."""
    product = b.mul(limb, splat(abs(factor)))
    return b.add(total, product) if factor > 0 else b.sub(total, product)


def _rounded_product(b: ir.IRBuilder, scalar: Sequence[ir.Value], factor: Sequence[int]) -> list[ir.Value]:
    """The lowest PART_LIMBS limbs of (scalar·factor + 2^274) >> 275."""
    columns: list[ir.Value] = [splat(0)] * (SCALAR_LIMBS + PART_LIMBS)
    columns[SCALAR_LIMBS - 1] = splat(1 << (LIMB - 1))
    for i, limb in enumerate(scalar):
        for j, part in enumerate(factor):
            if part and _FIRST_COLUMN <= i + j < len(columns):
                columns[i + j] = _add_product(b, columns[i + j], limb, int(part))
    for i in range(_FIRST_COLUMN, len(columns) - 1):
        columns[i + 1] = b.add(columns[i + 1], b.ashr(columns[i], splat(LIMB)))
    return [b.and_(column, splat(_MASK)) for column in columns[SCALAR_LIMBS:]]


def _digits(b: ir.IRBuilder, part: list[ir.Value], windows: int) -> list[ir.Value]:
    last = (windows - 1) * WINDOW // LIMB
    for i in range(PART_LIMBS - 1):
        part[i + 1] = b.add(part[i + 1], b.ashr(part[i], splat(LIMB)))
        part[i] = b.and_(part[i], splat(_MASK))
    # The part is far below 2^149 in size: the sign of the highest limb is bit 24, what is above means nothing.
    top = b.ashr(b.shl(part[-1], splat(64 - LIMB)), splat(64 - LIMB))
    for i in range(PART_LIMBS - 2, last - 1, -1):
        top = b.add(b.shl(top, splat(LIMB)), part[i])
    result = []
    for w in range(windows - 1):
        field = b.lshr(part[w * WINDOW // LIMB], splat(w * WINDOW % LIMB))
        result.append(b.sub(b.and_(field, splat(2 * _HALF - 1)), splat(_HALF)))
    return [*result, b.ashr(top, splat((windows - 1) * WINDOW % LIMB))]
