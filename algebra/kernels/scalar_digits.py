"""Signed digits of scalars, straight from block arrays, and how large the scalars are.

A scalar s > r/2 stands for -(r - s); t = min(s, r - s) is its size. With W windows of c bits,
t = Σ d_w·2^(c·w), |d_w| <= 2^(c-1): adding 2^(c-1) in every window but the last makes all digits non-negative at
once, and no carries are needed. The sign of s is then given to each digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.kernels.emit import (
    BITS,
    FR,
    I64,
    LANES,
    LIMBS,
    VECTOR,
    Backend,
    Emitter,
    Mask,
    Value,
    block_intrinsic,
    splat,
    split_limbs,
)
from zkroll.algebra.kernels.jit import family, kernel

SIZES = (0, 1, 8, 16, 32, 64, 128)  # measured: how many scalars have t >= 2^size
MOST_BITS = 253  # t <= (r - 1)/2
_BLOCKS = 32  # blocks that are cut together
_STRETCH = _BLOCKS * LANES


def window_count(bits: int, window: int) -> int:
    """Return how many windows scalars of `bits` bits and a sign take; the last digit stays within 2^(c-1)."""
    return -(-(bits + 2) // window)


def digit_rule(bits: int, window: int) -> NDArray[np.uint64]:
    """Return what `cut` needs: 2^(c-1) in every window but the last, and the bits from `bits` on, as limbs."""
    windows = window_count(bits, window)
    offset = sum(1 << (window * (w + 1) - 1) for w in range(windows - 1))
    # whatever a damaged block holds beyond 260 bits counts as well
    limbs = split_limbs((1 << 260) - (1 << bits))
    limbs[-1] |= (1 << 64) - (1 << BITS)
    return np.array([*split_limbs(offset), *limbs], dtype=np.uint64)


@dataclass(frozen=True)
class ScalarKernels:
    """Kernels on Fr blocks at an address, compiled on first use."""

    measure: Any  # (counts: one for each of SIZES, union: 5 limbs, blocks, n, rule)
    cut: Any  # (out int16 (rows, ..), column, bit offsets of the rows, blocks, n, c, rule, last offset) -> how many >= 2^bits
    select: Any  # (out, blocks, n, rule) -> how many indices of scalars >= 2^bits were written to `out`


@cache
def scalar_kernels(backend: Backend) -> ScalarKernels:
    """Return the kernels of `backend`."""
    split = block_intrinsic(FR, _emit_split, backend=backend, inline=False, returns_mask=True)

    @kernel(
        "void(int64[::1], uint64[::1], int64, int64, const_uint64[::1])",
        name=f"{backend}_scalar_measure",
    )
    def measure(counts: Any, union: Any, blocks: int, n: int, rule: Any) -> None:
        limbs = np.zeros((LIMBS, _STRETCH), dtype=np.int64)
        negative = np.zeros(_STRETCH, dtype=np.int64)
        seen = np.zeros(LIMBS, dtype=np.int64)
        for start in range(0, n, _STRETCH):
            size = min(_STRETCH, n - start)
            for i in range((size + LANES - 1) // LANES):
                split(
                    blocks + 40 * start + 320 * i,
                    rule.ctypes.data,
                    limbs.ctypes.data + 64 * i,
                    negative.ctypes.data + 64 * i,
                )
            l0, l1, l2, l3, l4 = limbs[0], limbs[1], limbs[2], limbs[3], limbs[4]
            c0 = c1 = c2 = c3 = c4 = c5 = c6 = 0
            u0 = u1 = u2 = u3 = u4 = 0
            for k in range(size):
                x0, x1, x2, x3, x4 = l0[k], l1[k], l2[k], l3[k], l4[k]
                u0 |= x0
                u1 |= x1
                u2 |= x2
                u3 |= x3
                u4 |= x4
                top = x3 | x4
                upper = x1 | x2 | top
                c0 += (x0 | upper) != 0
                c1 += (x0 >> 1 | upper) != 0
                c2 += (x0 >> 8 | upper) != 0
                c3 += (x0 >> 16 | upper) != 0
                c4 += (x0 >> 32 | upper) != 0
                c5 += (x1 >> 12 | x2 | top) != 0
                c6 += (x2 >> 24 | top) != 0
            counts[0] += c0
            counts[1] += c1
            counts[2] += c2
            counts[3] += c3
            counts[4] += c4
            counts[5] += c5
            counts[6] += c6
            seen[0] |= u0
            seen[1] |= u1
            seen[2] |= u2
            seen[3] |= u3
            seen[4] |= u4
        for i in range(LIMBS):
            union[i] = np.uint64(seen[i])

    @kernel(
        "int64(int16[:, ::1], int64, const_int64[::1], int64, int64, int64, const_uint64[::1], int64)",
        name=f"{backend}_scalar_cut",
    )
    def cut(
        out: Any, column: int, offsets: Any, blocks: int, n: int, window: int, rule: Any, last: int
    ) -> int:
        limbs = np.zeros((LIMBS + 1, _STRETCH), dtype=np.int64)
        negative = np.zeros(_STRETCH, dtype=np.int64)  # -1 or 0
        half = np.int64(1) << (window - 1)
        mask = (np.int64(1) << window) - 1
        excess = np.int64(0)
        for start in range(0, n, _STRETCH):
            size = min(_STRETCH, n - start)
            for i in range((size + LANES - 1) // LANES):
                found = split(
                    blocks + 40 * start + 320 * i,
                    rule.ctypes.data,
                    limbs.ctypes.data + 64 * i,
                    negative.ctypes.data + 64 * i,
                )
                if found:
                    for lane in range(min(LANES, size - LANES * i)):
                        excess += found >> lane & 1
            at = column + start
            for row in range(offsets.shape[0]):
                bit = offsets[row]
                low, high, target = limbs[bit // BITS], limbs[bit // BITS + 1], out[row]
                shift = bit % BITS
                bias = half if bit < last else np.int64(0)
                for k in range(size):
                    digit = ((low[k] >> shift | high[k] << (BITS - shift)) & mask) - bias
                    target[at + k] = (digit ^ negative[k]) - negative[k]
        return int(excess)

    @kernel(
        "int64(int64[::1], int64, int64, const_uint64[::1])",
        name=f"{backend}_scalar_select",
    )
    def select(out: Any, blocks: int, n: int, rule: Any) -> int:
        limbs = np.zeros((LIMBS, _STRETCH), dtype=np.int64)
        negative = np.zeros(_STRETCH, dtype=np.int64)
        count = 0
        for i in range((n + LANES - 1) // LANES):
            found = split(blocks + 320 * i, rule.ctypes.data, limbs.ctypes.data, negative.ctypes.data)
            if found:
                for lane in range(min(LANES, n - LANES * i)):
                    if found >> lane & 1 and count < out.shape[0]:
                        out[count] = LANES * i + lane
                        count += 1
        return count

    return ScalarKernels(measure, cut, select)


@family
def declared_scalar_kernels(backend: Backend) -> ScalarKernels:
    """Declare the kernels of one back end."""
    return scalar_kernels(backend)


def _emit_split(e: Emitter, block: ir.Value, rule: ir.Value, out: ir.Value, negative: ir.Value) -> Mask:
    """Write limbs of t + offset for eight scalars and -1 where s was taken as -t; return the lanes t >= 2^bits.

    The limbs lie _STRETCH words apart. Lanes that are returned count as zero.
    """
    b = e.builder
    s = e.canonical(e.mul(e.load(block), e.raw(1, 1)))
    half = [b.sub(splat(word), x) for word, x in zip(split_limbs(R_MODULUS >> 1), s.limbs, strict=True)]
    less = e.tidy(Value(tuple(half), s.bound, tidy=False))
    large = b.icmp_signed("<", less.limbs[-1], splat(0))
    opposite = [b.sub(splat(word), x) for word, x in zip(split_limbs(R_MODULUS), s.limbs, strict=True)]
    t = e.tidy(e.select(large, Value(tuple(opposite), s.bound, tidy=False), s))
    beyond: ir.Value | None = None
    for i, limb in enumerate(t.limbs):
        mask = e.broadcast(b.load(e.pointer(rule, 8 * (LIMBS + i), I64), align=8))
        bits = b.and_(limb, mask)
        beyond = bits if beyond is None else b.or_(beyond, bits)
    found = b.icmp_unsigned("!=", beyond, splat(0))
    limbs = []
    for i, limb in enumerate(t.limbs):
        offset = e.broadcast(b.load(e.pointer(rule, 8 * i, I64), align=8))
        limbs.append(b.add(b.select(found, splat(0), limb), offset))
    total = e.tidy(Value(tuple(limbs), s.bound, tidy=False))
    for i, limb in enumerate(total.limbs):
        b.store(limb, e.pointer(out, 8 * _STRETCH * i, VECTOR), align=8)
    sign = b.select(e.mask_and(large, e.mask_not(found)), splat(-1), splat(0))
    b.store(sign, e.pointer(negative, 0, VECTOR), align=8)
    return found
