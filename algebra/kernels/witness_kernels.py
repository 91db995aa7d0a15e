"""Witnesses of circuits, step by step: sums of wires, products, bits and Boolean functions of them.

Each step may need the one before, so that there is nothing to do eight at a time: these are scalars of four
64-bit words, not blocks. Wires are canonical; a coefficient is held as c·R mod r, R = 2^256, so that the Montgomery
reduction of Σ coefficient·wire is canonical again. The public twin is `zkroll.circuits.r1cs.program`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.kernels.emit import FR, I64, Backend, Emitter, block_intrinsic
from zkroll.algebra.kernels.jit import family, kernel

WORDS = 4
SCRATCH_ROWS = 4  # of four words, for the kernel

# What a step does with the sums x, y, z it reads
PRODUCT, SQUARE, BITS, XOR3, MAJORITY, CHI, INVERSE, SAME = range(8)
COLUMNS = 6  # of a step: what it does, its first wire, wires of BITS, the sums x, y, z by number

_MASK = 2**64 - 1
_R = [(R_MODULUS >> (64 * i)) & _MASK for i in range(WORDS)]
_NEGATIVE_INVERSE = -pow(R_MODULUS, -1, 1 << 64) & _MASK
_I128 = ir.IntType(128)
_SHIFT = ir.Constant(_I128, 64)
_WIDE = 2 * WORDS + 1  # words of a sum of products: 2^60 of them
_LOW_32 = (1 << 32) - 1
_EXPONENT = np.array([(R_MODULUS - 2) >> (64 * i) & _MASK for i in range(WORDS)], dtype=np.uint64)

Words = list[ir.Value]


@dataclass(frozen=True)
class WitnessKernels:
    """The kernel, compiled on first use."""

    steps: Any  # see `steps` below


@family
def witness_kernels(backend: Backend) -> WitnessKernels:
    """Return the kernel; it is the same on both back ends."""

    def emit_sum(
        e: Emitter, out: ir.Value, values: ir.Value, table: ir.Value, entries: ir.Value, count: ir.Value
    ) -> None:
        """out = Σ coefficient·wire over entries, each a wire and 2^32 times a row of the table."""
        b, slots = e.builder, _slots()
        total = [slots.alloca_once_value(b, ir.Constant(I64, 0)) for _ in range(_WIDE)]
        with slots.for_range(b, count) as loop:
            entry = _load(e, entries, loop.index, 3)
            wire, code = b.and_(entry, ir.Constant(I64, _LOW_32)), b.lshr(entry, ir.Constant(I64, 32))
            left, right = _row(e, values, wire), _row(e, table, code)
            now = _add_product(b, [b.load(place) for place in total], left, right)
            for place, word in zip(total, now, strict=True):
                b.store(word, place)
        _store(e, _reduced(e, [b.load(place) for place in total]), out)

    def emit_product(e: Emitter, out: ir.Value, x: ir.Value, y: ir.Value) -> None:
        """out = x·y/R."""
        zero = ir.Constant(I64, 0)
        total = _add_product(e.builder, [zero] * _WIDE, _row(e, x, zero), _row(e, y, zero))
        _store(e, _reduced(e, total), out)

    def emit_add(e: Emitter, out: ir.Value, x: ir.Value, y: ir.Value) -> None:
        """out = x + y."""
        zero = ir.Constant(I64, 0)
        total = _plus(e.builder, _row(e, x, zero), _row(e, y, zero))
        _store(e, _below_r(e, [*total, zero]), out)

    linear = block_intrinsic(FR, emit_sum, backend=backend)
    product = block_intrinsic(FR, emit_product, backend=backend)
    plus = block_intrinsic(FR, emit_add, backend=backend)

    @kernel(
        "void(uint64[:, ::1], int64, uint64[:, ::1], int64, int64, int64, int64, const_int64[::1],"
        " const_int64[:, ::1], int64, int64)",
        name=f"{backend}_witness_steps",
    )
    def steps(
        values: Any,
        values_at: int,
        scratch: Any,
        scratch_at: int,
        squared: int,
        table: int,
        entries: int,
        starts: Any,
        program: Any,
        begin: int,
        end: int,
    ) -> None:
        """Run the steps begin..end of `program` (n, COLUMNS) on `values`, rows of four words, zeros where unknown.

        starts: where the entries of each sum begin; squared: address of R² mod r; scratch: (SCRATCH_ROWS, 4).
        """
        x, y, z = scratch_at, scratch_at + 32, scratch_at + 64
        for i in range(begin, end):
            kind, first, count = program[i, 0], program[i, 1], program[i, 2]
            out = values_at + 32 * first
            a, b, c = program[i, 3], program[i, 4], program[i, 5]
            linear(x, values_at, table, entries + 8 * starts[a], starts[a + 1] - starts[a])
            if kind <= SQUARE:
                other = x
                if kind == PRODUCT:
                    linear(y, values_at, table, entries + 8 * starts[b], starts[b + 1] - starts[b])
                    other = y
                product(x, x, other)
                product(out, x, squared)
                if starts[c + 1] > starts[c]:
                    linear(z, values_at, table, entries + 8 * starts[c], starts[c + 1] - starts[c])
                    plus(out, out, z)
            elif kind == BITS:
                for k in range(count):
                    values[first + k, 0] = scratch[0, k >> 6] >> np.uint64(k & 63) & np.uint64(1)
            elif kind == SAME:
                for k in range(WORDS):
                    values[first, k] = scratch[0, k]
            elif kind == INVERSE:
                # from the top: y = x·R, then x·R to the power, which is 1·R at first
                product(y, x, squared)
                for k in range(WORDS):
                    scratch[2, k] = scratch[1, k]
                for k in range(252, -1, -1):
                    product(z, z, z)
                    if _EXPONENT[k >> 6] >> np.uint64(k & 63) & np.uint64(1):
                        product(z, z, y)
                scratch[3, 0] = np.uint64(1)
                for k in range(1, WORDS):
                    scratch[3, k] = np.uint64(0)
                product(out, z, scratch_at + 96)
            else:
                linear(y, values_at, table, entries + 8 * starts[b], starts[b + 1] - starts[b])
                linear(z, values_at, table, entries + 8 * starts[c], starts[c + 1] - starts[c])
                p, q, s = scratch[0, 0], scratch[1, 0], scratch[2, 0]
                if kind == XOR3:
                    values[first, 0] = p ^ q ^ s
                elif kind == MAJORITY:
                    values[first, 0] = (p & q) | (p & s) | (q & s)
                else:
                    values[first, 0] = p ^ ((np.uint64(1) ^ q) & s)

    return WitnessKernels(steps)


def _slots() -> Any:
    return cgutils


def _load(e: Emitter, base: ir.Value, index: ir.Value, shift: int) -> ir.Value:
    at = e.builder.add(base, e.builder.shl(index, ir.Constant(I64, shift)))
    return e.builder.load(e.pointer(at, 0, I64), align=8)


def _row(e: Emitter, base: ir.Value, index: ir.Value) -> Words:
    """The four words at base + 32·index."""
    at = e.builder.add(base, e.builder.shl(index, ir.Constant(I64, 5)))
    return [e.builder.load(e.pointer(at, 8 * i, I64), align=8) for i in range(WORDS)]


def _store(e: Emitter, words: Sequence[ir.Value], out: ir.Value) -> None:
    for i, word in enumerate(words[:WORDS]):
        e.builder.store(word, e.pointer(out, 8 * i, I64), align=8)


def _add_product(b: ir.IRBuilder, total: Words, left: Words, right: Sequence[ir.Value]) -> Words:
    """total + left·right, of _WIDE words."""
    wide = [b.zext(word, _I128) for word in right]
    out = list(total)
    for i, word in enumerate(left):
        factor = b.zext(word, _I128)
        carry: ir.Value = ir.Constant(_I128, 0)
        for j in range(_WIDE - i):
            now = b.add(b.zext(out[i + j], _I128), carry)
            if j < WORDS:
                now = b.add(now, b.mul(factor, wide[j]))
            out[i + j], carry = b.trunc(now, I64), b.lshr(now, _SHIFT)
    return out


def _plus(b: ir.IRBuilder, left: Words, right: Words) -> Words:
    """left + right < 2^256, of four words."""
    out: Words = []
    carry: ir.Value = ir.Constant(_I128, 0)
    for x, y in zip(left, right, strict=True):
        now = b.add(b.add(b.zext(x, _I128), b.zext(y, _I128)), carry)
        out.append(b.trunc(now, I64))
        carry = b.lshr(now, _SHIFT)
    return out


def _reduced(e: Emitter, total: Words) -> Words:
    """total/R below r: four multiples of r that clear the lowest words, then subtractions."""
    b = e.builder
    modulus = [ir.Constant(_I128, word) for word in _R]
    out = list(total)
    for i in range(WORDS):
        factor = b.zext(b.mul(out[i], ir.Constant(I64, _NEGATIVE_INVERSE)), _I128)
        carry: ir.Value = ir.Constant(_I128, 0)
        for j in range(_WIDE - i):
            now = b.add(b.zext(out[i + j], _I128), carry)
            if j < WORDS:
                now = b.add(now, b.mul(factor, modulus[j]))
            out[i + j], carry = b.trunc(now, I64), b.lshr(now, _SHIFT)
    return _below_r(e, out[WORDS:])


def _below_r(e: Emitter, words: Words) -> Words:
    """The number of five words modulo r: with n products in a sum some n/5 subtractions."""
    b, slots = e.builder, _slots()
    places = [slots.alloca_once_value(b, word) for word in words]
    head = b.append_basic_block("subtract")
    done = b.append_basic_block("reduced")
    store = b.append_basic_block("less")
    b.branch(head)
    b.position_at_end(head)
    now = [b.load(place) for place in places]
    borrow: ir.Value = ir.Constant(_I128, 0)
    less: Words = []
    for word, part in zip(now, [*_R, 0], strict=True):
        difference = b.sub(b.sub(b.zext(word, _I128), ir.Constant(_I128, part)), borrow)
        less.append(b.trunc(difference, I64))
        borrow = b.and_(b.lshr(difference, _SHIFT), ir.Constant(_I128, 1))
    b.cbranch(b.icmp_unsigned("==", borrow, ir.Constant(_I128, 0)), store, done)
    b.position_at_end(store)
    for word, place in zip(less, places, strict=True):
        b.store(word, place)
    b.branch(head)
    b.position_at_end(done)
    return [b.load(place) for place in places[:WORDS]]
