"""Elementwise kernels over block arrays, for one field and back end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from llvmlite import ir

from zkroll.algebra.kernels.emit import (
    FQ,
    FR,
    I64,
    LANES,
    Backend,
    Emitter,
    FieldParams,
    Mask,
    Value,
    block_intrinsic,
)
from zkroll.algebra.kernels.jit import family, helper, kernel

BLOCK = 320
CHAINS = 4  # independent running products in a batch inversion, so that their latencies overlap
CHUNK = 1024  # blocks inverted together: they and their running products stay in the second-level cache
SCRATCH = CHUNK + 2 * CHAINS + 16  # blocks of scratch for `invert`
SUMMANDS = 16  # blocks added before a reduction
TERMS = 64  # products added before a reduction
STRIDE = 64  # blocks between a power and the one it is made from
POWERS = 16  # blocks raised together: they stay in the first-level cache


@dataclass(frozen=True)
class FieldKernels:
    """The compiled-on-demand kernels; ranges are in blocks, `step` is 1 or 0 (one block for all)."""

    add: Any  # (out, a, a_step, b, b_step, begin, end)
    sub: Any
    mul: Any
    square: Any  # (out, a, begin, end)
    pow: Any  # (out, a, scratch: POWERS blocks, bits after the first, how many, begin, end)
    invert: Any  # (out, a, scratch: SCRATCH blocks, begin, end): zero for zero
    powers: Any  # (out, step: block, begin, end): block `begin` is given, each block is `step` times the last
    inner: Any  # (result: block, a, b, begin, end)
    total: Any  # (result: block, a, begin, end)
    scan: Any  # (out, a, carry: block, begin, end)
    zeros: Any  # (bits: uint8, a, begin, end)
    differences: Any  # (a, b, begin, end) -> lanes that differ


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

    square, power, powers, invert = _powers(field, backend, name)
    inner, total, scan = _sums(field, backend, name)
    zeros, differences = _comparisons(field, backend, name)
    return FieldKernels(
        add=binary("add", Emitter.add),
        sub=binary("sub", Emitter.sub),
        mul=binary("mul", Emitter.mul),
        square=square,
        pow=power,
        powers=powers,
        invert=invert,
        inner=inner,
        total=total,
        scan=scan,
        zeros=zeros,
        differences=differences,
    )


Naming = Callable[[str], str]


def _powers(field: FieldParams, backend: Backend, name: Naming) -> tuple[Any, Any, Any, Any]:
    """Squares, powers with one exponent, and inverses by Montgomery's trick in chunks that stay in cache.

    An inversion keeps CHAINS running products; the inverse of their product is its power p - 2, in all lanes
    at once. Zeros count as ones in the products and stay zero.
    """

    def emit_square(e: Emitter, out: ir.Value, a: ir.Value) -> None:
        e.store(e.sqr(e.load(a)), out)

    def emit_product(e: Emitter, out: ir.Value, a: ir.Value, b: ir.Value) -> None:
        e.store(e.mul(e.load(a), e.load(b)), out)

    def emit_copy(e: Emitter, out: ir.Value, a: ir.Value) -> None:
        e.store(e.load(a), out)

    def emit_one(e: Emitter, out: ir.Value) -> None:
        e.store(e.constant(1), out)

    def nonzero(e: Emitter, a: ir.Value) -> tuple[Mask, Value]:
        value = e.load(a)
        zero = e.is_zero(value)
        return zero, e.select(zero, e.constant(1), value)

    def emit_forward(e: Emitter, before: ir.Value, a: ir.Value, running: ir.Value) -> None:
        _, value = nonzero(e, a)
        product = e.load(running)
        e.store(product, before)
        e.store(e.mul(product, value), running)

    def emit_backward(e: Emitter, out: ir.Value, a: ir.Value, before: ir.Value, running: ir.Value) -> None:
        zero, value = nonzero(e, a)
        after = e.load(running)
        inverse = e.mul(after, e.load(before))
        e.store(e.select(zero, e.raw(0, 1), inverse), out)
        e.store(e.mul(after, value), running)

    square_block = block_intrinsic(field, emit_square, backend=backend)
    product_block = block_intrinsic(field, emit_product, backend=backend)
    copy_block = block_intrinsic(field, emit_copy, backend=backend)
    one_block = block_intrinsic(field, emit_one, backend=backend)
    forward = block_intrinsic(field, emit_forward, backend=backend)
    backward = block_intrinsic(field, emit_backward, backend=backend)

    @kernel("void(int64,int64,int64,int64)", name=name("square"))
    def square(out: int, a: int, begin: int, end: int) -> None:
        for i in range(begin, end):
            square_block(out + BLOCK * i, a + BLOCK * i)

    @kernel("void(int64,int64,int64,uint8[::1],int64,int64,int64)", name=name("pow"))
    def power(out: int, a: int, scratch: int, bits: Any, count: int, begin: int, end: int) -> None:
        for start in range(begin, end, POWERS):
            size = min(POWERS, end - start)
            to, source = out + BLOCK * start, a + BLOCK * start
            for i in range(size):
                copy_block(scratch + BLOCK * i, source + BLOCK * i)
                copy_block(to + BLOCK * i, scratch + BLOCK * i)
            for k in range(count):
                for i in range(size):
                    square_block(to + BLOCK * i, to + BLOCK * i)
                if bits[k]:
                    for i in range(size):
                        product_block(to + BLOCK * i, to + BLOCK * i, scratch + BLOCK * i)

    @kernel("void(int64,int64,int64,int64)", name=name("powers"))
    def powers(out: int, step: int, begin: int, end: int) -> None:
        # by doubling at first, then a stride that keeps the products independent and the factors in cache
        done, ahead = begin + 1, 1
        while done < end:
            size = min(ahead, end - done)
            for i in range(done, done + size):
                product_block(out + BLOCK * i, out + BLOCK * (i - ahead), step)
            done += size
            if ahead < STRIDE and done - begin == 2 * ahead:
                square_block(step, step)
                ahead *= 2

    @helper
    def fermat(out: int, a: int, table: int) -> None:
        """out = a^(p-2) by windows of four bits; `table` has room for 16 blocks."""
        one_block(table)
        for i in range(1, 16):
            product_block(table + BLOCK * i, table + BLOCK * (i - 1), a)
        copy_block(out, table + BLOCK * digits[0])
        for digit in digits[1:]:
            for _ in range(4):
                square_block(out, out)
            product_block(out, out, table + BLOCK * digit)

    exponent = field.modulus - 2
    digits = tuple(exponent >> shift & 15 for shift in range((exponent.bit_length() - 1) // 4 * 4, -1, -4))

    @kernel("void(int64,int64,int64,int64,int64)", name=name("invert"))
    def invert(out: int, a: int, scratch: int, begin: int, end: int) -> None:
        running = scratch + BLOCK * CHUNK
        total, spare, table = (
            running + BLOCK * CHAINS,
            running + BLOCK * (CHAINS + 1),
            running + 2 * BLOCK * CHAINS,
        )
        for start in range(begin, end, CHUNK):
            size = min(CHUNK, end - start)
            to, source = out + BLOCK * start, a + BLOCK * start
            for chain in range(CHAINS):
                one_block(running + BLOCK * chain)
            for i in range(size):
                forward(scratch + BLOCK * i, source + BLOCK * i, running + BLOCK * (i & (CHAINS - 1)))
            # the chains' own inverses by the same trick: 1/r_i = (product of the others)·1/(product of all)
            product_block(total, running, running + BLOCK)
            for chain in range(2, CHAINS):
                product_block(total, total, running + BLOCK * chain)
            fermat(spare, total, table)
            for chain in range(CHAINS):
                copy_block(table + BLOCK * chain, running + BLOCK * chain)
            for chain in range(CHAINS):
                copy_block(running + BLOCK * chain, spare)
                for other in range(CHAINS):
                    if other != chain:
                        where = running + BLOCK * chain
                        product_block(where, where, table + BLOCK * other)
            for i in range(size - 1, -1, -1):
                backward(
                    to + BLOCK * i,
                    source + BLOCK * i,
                    scratch + BLOCK * i,
                    running + BLOCK * (i & (CHAINS - 1)),
                )

    return square, power, powers, invert


def _sums(field: FieldParams, backend: Backend, name: Naming) -> tuple[Any, Any, Any]:
    bytes_of_block = ir.Constant(I64, BLOCK)

    def emit_inner(e: Emitter, result: ir.Value, a: ir.Value, b: ir.Value, count: ir.Value) -> None:
        def term(i: ir.Value) -> tuple[Value, Value]:
            offset = e.builder.mul(i, bytes_of_block)
            return e.load(e.builder.add(a, offset)), e.load(e.builder.add(b, offset))

        e.store(e.add(e.dot(count, TERMS, term), e.load(result)), result)

    def emit_total(e: Emitter, result: ir.Value, a: ir.Value) -> None:
        e.store(e.add(e.load(result), e.load(a)), result)

    def emit_totals(e: Emitter, result: ir.Value, a: ir.Value) -> None:
        """Add SUMMANDS blocks, reduced once."""
        total = e.load(result)
        for i in range(SUMMANDS):
            total = e.add(total, e.load(a, BLOCK * i))
        e.store(total, result)

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

    add_products = block_intrinsic(field, emit_inner, backend=backend)
    add_block = block_intrinsic(field, emit_total, backend=backend)
    add_blocks = block_intrinsic(field, emit_totals, backend=backend)
    scan_block = block_intrinsic(field, emit_scan, backend=backend)

    @kernel("void(int64,int64,int64,int64,int64)", name=name("inner"))
    def inner(result: int, a: int, b: int, begin: int, end: int) -> None:
        for i in range(begin, end, TERMS):
            add_products(result, a + BLOCK * i, b + BLOCK * i, min(TERMS, end - i))

    @kernel("void(int64,int64,int64,int64)", name=name("total"))
    def total(result: int, a: int, begin: int, end: int) -> None:
        whole = begin + (end - begin) // SUMMANDS * SUMMANDS
        for i in range(begin, whole, SUMMANDS):
            add_blocks(result, a + BLOCK * i)
        for i in range(whole, end):
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


@family
def scalar_field_kernels(backend: Backend) -> FieldKernels:
    """The kernels of Fr."""
    return field_kernels(FR, backend)


@family
def base_field_kernels(backend: Backend) -> FieldKernels:
    """The kernels of Fq."""
    return field_kernels(FQ, backend)
