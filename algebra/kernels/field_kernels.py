"""Elementwise kernels over block arrays, for one field and back end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from llvmlite import ir

from zkroll.algebra.kernels.emit import (
    BITS,
    FQ,
    FR,
    I64,
    LANES,
    LIMB_MASK,
    LIMBS,
    VECTOR,
    Backend,
    Emitter,
    FieldParams,
    Mask,
    Value,
    block_intrinsic,
    splat,
)
from zkroll.algebra.kernels.jit import family, kernel

BLOCK = 320
CHAINS = 4  # independent running products in a batch inversion, so that their latencies overlap


@dataclass(frozen=True)
class FieldKernels:
    """The compiled-on-demand kernels; ranges are in blocks, `step` is 1 or 0 (one block for all)."""

    add: Any  # (out, a, a_step, b, b_step, begin, end)
    sub: Any
    mul: Any
    products: Any  # (out, a, running: CHAINS blocks, begin, end): out = product of the chain before i
    unwind: Any  # (out, a, running, begin, end): from the inverted running products to inverses
    inner: Any  # (result: block, a, b, begin, end)
    total: Any  # (result: block, a, begin, end)
    scan: Any  # (out, a, carry: block, begin, end)
    zeros: Any  # (bits: uint8, a, begin, end)
    differences: Any  # (a, b, begin, end) -> lanes that differ
    read: Any  # (out, words: uint64 (n, k), k, signed, n, begin, end) -> lanes that are not canonical
    write: Any  # (words: uint64 (n, 4), a, n, begin, end)


@cache
def field_kernels(field: FieldParams, backend: Backend) -> FieldKernels:
    """Return the kernels of `field` on `backend`."""

    def name(operation: str) -> str:
        return f"{backend}_{field.name}_{operation}"

    def binary(operation: str, combine: Callable[[Emitter, Value, Value], Value]) -> Any:
        def emit(e: Emitter, out: ir.Value, a: ir.Value, b: ir.Value) -> None:
            e.store(combine(e, e.load(a), e.load(b)), out)

        block = block_intrinsic(field, emit, backend=backend)

        @kernel("void(int64,int64,int64,int64,int64,int64,int64)", name=name(operation))
        def run(out: int, a: int, a_step: int, b: int, b_step: int, begin: int, end: int) -> None:
            for i in range(begin, end):
                block(out + BLOCK * i, a + BLOCK * i * a_step, b + BLOCK * i * b_step)

        return run

    products, unwind = _inversion(field, backend, name)
    read, write = _conversion(field, backend, name)
    inner, total, scan = _sums(field, backend, name)
    zeros, differences = _comparisons(field, backend, name)
    return FieldKernels(
        add=binary("add", Emitter.add),
        sub=binary("sub", Emitter.sub),
        mul=binary("mul", Emitter.mul),
        products=products,
        unwind=unwind,
        inner=inner,
        total=total,
        scan=scan,
        zeros=zeros,
        differences=differences,
        read=read,
        write=write,
    )


Naming = Callable[[str], str]


def _inversion(field: FieldParams, backend: Backend, name: Naming) -> tuple[Any, Any]:
    """Montgomery's trick in CHAINS interleaved chains of blocks; zeros count as ones and stay zero."""

    def nonzero(e: Emitter, a: ir.Value) -> tuple[Mask, Value]:
        value = e.load(a)
        zero = e.is_zero(value)
        return zero, e.select(zero, e.constant(1), value)

    def emit_forward(e: Emitter, out: ir.Value, a: ir.Value, running: ir.Value) -> None:
        _, value = nonzero(e, a)
        before = e.load(running)
        e.store(before, out)
        e.store(e.mul(before, value), running)

    def emit_backward(e: Emitter, out: ir.Value, a: ir.Value, running: ir.Value) -> None:
        zero, value = nonzero(e, a)
        after = e.load(running)
        inverse = e.mul(after, e.load(out))
        e.store(e.select(zero, e.raw(0, 1), inverse), out)
        e.store(e.mul(after, value), running)

    forward = block_intrinsic(field, emit_forward, backend=backend)
    backward = block_intrinsic(field, emit_backward, backend=backend)

    @kernel("void(int64,int64,int64,int64,int64)", name=name("products"))
    def products(out: int, a: int, running: int, begin: int, end: int) -> None:
        for i in range(begin, end):
            forward(out + BLOCK * i, a + BLOCK * i, running + BLOCK * (i & (CHAINS - 1)))

    @kernel("void(int64,int64,int64,int64,int64)", name=name("unwind"))
    def unwind(out: int, a: int, running: int, begin: int, end: int) -> None:
        for i in range(end - 1, begin - 1, -1):
            backward(out + BLOCK * i, a + BLOCK * i, running + BLOCK * (i & (CHAINS - 1)))

    return products, unwind


def _sums(field: FieldParams, backend: Backend, name: Naming) -> tuple[Any, Any, Any]:
    def emit_inner(e: Emitter, result: ir.Value, a: ir.Value, b: ir.Value) -> None:
        e.store(e.add(e.load(result), e.mul(e.load(a), e.load(b))), result)

    def emit_total(e: Emitter, result: ir.Value, a: ir.Value) -> None:
        e.store(e.add(e.load(result), e.load(a)), result)

    def emit_scan(e: Emitter, out: ir.Value, a: ir.Value, carry: ir.Value) -> None:
        inclusive = e.load(a)
        for distance in (1, 2, 4):
            # lane i takes lane i - distance; the first lanes take zero (index 8 and up of the pair)
            lanes = [i - distance if i >= distance else LANES for i in range(LANES)]
            inclusive = e.add(inclusive, e.shuffle(inclusive, lanes))
        inclusive = e.tidy(e.reduce(inclusive))
        before = e.load(carry)
        e.store(e.add(before, e.shuffle(inclusive, [LANES, *range(LANES - 1)])), out)
        e.store(e.add(before, e.shuffle(inclusive, [LANES - 1] * LANES)), carry)

    add_product = block_intrinsic(field, emit_inner, backend=backend)
    add_block = block_intrinsic(field, emit_total, backend=backend)
    scan_block = block_intrinsic(field, emit_scan, backend=backend)

    @kernel("void(int64,int64,int64,int64,int64)", name=name("inner"))
    def inner(result: int, a: int, b: int, begin: int, end: int) -> None:
        for i in range(begin, end):
            add_product(result, a + BLOCK * i, b + BLOCK * i)

    @kernel("void(int64,int64,int64,int64)", name=name("total"))
    def total(result: int, a: int, begin: int, end: int) -> None:
        for i in range(begin, end):
            add_block(result, a + BLOCK * i)

    @kernel("void(int64,int64,int64,int64,int64)", name=name("scan"))
    def scan(out: int, a: int, carry: int, begin: int, end: int) -> None:
        for i in range(begin, end):
            scan_block(out + BLOCK * i, a + BLOCK * i, carry)

    return inner, total, scan


def _comparisons(field: FieldParams, backend: Backend, name: Naming) -> tuple[Any, Any]:
    def emit_zeros(e: Emitter, bits: ir.Value, a: ir.Value) -> None:
        mask = e.mask_to_bits(e.is_zero(e.load(a)))
        byte = ir.IntType(8)
        e.builder.store(e.builder.trunc(mask, byte), e.pointer(bits, 0, byte))

    def emit_differs(e: Emitter, a: ir.Value, b: ir.Value) -> Mask:
        return e.mask_not(e.equal(e.load(a), e.load(b)))

    zeros_block = block_intrinsic(field, emit_zeros, backend=backend)
    differs = block_intrinsic(field, emit_differs, backend=backend, returns_mask=True)

    @kernel("void(int64,int64,int64,int64)", name=name("zeros"))
    def zeros(bits: int, a: int, begin: int, end: int) -> None:
        for i in range(begin, end):
            zeros_block(bits + i, a + BLOCK * i)

    @kernel("int64(int64,int64,int64,int64)", name=name("differences"))
    def differences(a: int, b: int, begin: int, end: int) -> int:
        found = 0
        for i in range(begin, end):
            found |= differs(a + BLOCK * i, b + BLOCK * i)
        return found

    return zeros, differences


def _conversion(field: FieldParams, backend: Backend, name: Naming) -> tuple[Any, Any]:
    """Between canonical integers in rows of 64-bit words and blocks in Montgomery form."""
    lanes = ir.Constant(VECTOR, [ir.Constant(I64, i) for i in range(LANES)])

    def rows(e: Emitter, block: ir.Value, count: ir.Value) -> tuple[ir.Value, Mask]:
        """The row number of each lane, and which lanes have one."""
        numbers = e.builder.add(e.broadcast(e.builder.mul(block, ir.Constant(I64, LANES))), lanes)
        return numbers, e.builder.icmp_signed("<", numbers, e.broadcast(count))

    def emit_read(
        e: Emitter,
        out: ir.Value,
        words: ir.Value,
        k: ir.Value,
        signed: ir.Value,
        n: ir.Value,
        block: ir.Value,
    ) -> Mask:
        b = e.builder
        numbers, present = rows(e, block, n)
        row_bytes = b.mul(k, ir.Constant(I64, 8))
        addresses = b.add(e.broadcast(words), b.mul(numbers, e.broadcast(row_bytes)))
        word = []
        for j in range(4):
            mask = b.and_(present, b.icmp_signed("<", splat(j), e.broadcast(k)))
            word.append(e.gather_words(b.add(addresses, splat(8 * j)), mask))
        is_signed = b.icmp_signed("!=", e.broadcast(signed), splat(0))
        negative = b.and_(is_signed, b.icmp_signed("<", word[0], splat(0)))
        word[0] = b.select(negative, b.sub(splat(0), word[0]), word[0])
        limbs = []
        for j in range(LIMBS):
            limb = b.lshr(word[j - 1], splat(64 - 12 * j)) if j else word[0]
            if 0 < j < 4:
                limb = b.or_(limb, b.shl(word[j], splat(12 * j)))
            limbs.append(b.and_(limb, splat(LIMB_MASK)))
        value = Value(tuple(limbs), e.field.ceiling(256))
        less = [b.sub(x, splat((field.modulus >> (BITS * j)) & LIMB_MASK)) for j, x in enumerate(limbs)]
        below = e.tidy(Value(tuple(less), value.bound, tidy=False)).limbs[-1]
        form = e.mul(value, e.raw(field.r2, 1))
        e.store(e.select(negative, e.tidy(e.neg(form)), form), out)
        return b.icmp_signed(">=", below, splat(0))

    def emit_write(e: Emitter, words: ir.Value, a: ir.Value, n: ir.Value, block: ir.Value) -> None:
        b = e.builder
        numbers, present = rows(e, block, n)
        addresses = b.add(e.broadcast(words), b.shl(numbers, splat(5)))
        limbs = e.canonical(e.mul(e.load(a), e.raw(1, 1))).limbs
        for j in range(4):
            word = b.or_(b.lshr(limbs[j], splat(12 * j)), b.shl(limbs[j + 1], splat(52 - 12 * j)))
            e.scatter_words(word, b.add(addresses, splat(8 * j)), present)

    read_block = block_intrinsic(field, emit_read, backend=backend, returns_mask=True)
    write_block = block_intrinsic(field, emit_write, backend=backend)

    @kernel("int64(int64,int64,int64,int64,int64,int64,int64)", name=name("read"))
    def read(out: int, words: int, k: int, signed: int, n: int, begin: int, end: int) -> int:
        bad = 0
        for i in range(begin, end):
            bad |= read_block(out + BLOCK * i, words, k, signed, n, i)
        return bad

    @kernel("void(int64,int64,int64,int64,int64)", name=name("write"))
    def write(words: int, a: int, n: int, begin: int, end: int) -> None:
        for i in range(begin, end):
            write_block(words, a + BLOCK * i, n, i)

    return read, write


@family
def scalar_field_kernels(backend: Backend) -> FieldKernels:
    """The kernels of Fr."""
    return field_kernels(FR, backend)


@family
def base_field_kernels(backend: Backend) -> FieldKernels:
    """The kernels of Fq."""
    return field_kernels(FQ, backend)
