"""Eight-lane running sums: each lane adds one affine point after another, one inversion for a whole batch.

    λ = (y2 - y1)/(x2 - x1),  x3 = λ² - x1 - x2,  y3 = λ·(x1 - x3) - y1

A sum is kept as element blocks x and y, lane by lane, so that only the points that are added have to be
transposed. As many sums as possible advance together: Montgomery's trick divides by all of their x2 - x1 (in G2 by
the norms of these). A division's five multiplications stand in four loops over a few blocks each, because the
multiplications of one addition wait for one another and a processor overlaps only what lies close together.
Lanes with equal x or infinity are found by a cheap test that never misses one; their blocks take a slower way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from llvmlite import ir

from zkroll.algebra.kernels.curve_inverse import SCRATCH_WORDS, invert_limbs
from zkroll.algebra.kernels.curve_pairs import (
    BLOCK,
    CHAINS,
    any_chord,
    any_denominator,
    emit_accumulate,
    emit_fold,
    emit_one,
    emit_unfold,
)
from zkroll.algebra.kernels.curve_rows import (
    VECTOR_BYTES,
    load_codes,
    load_flags,
    load_points,
    load_x,
    load_y,
    maybe_infinite,
    store_rows,
)
from zkroll.algebra.kernels.emit import I64, LANES, LIMBS, Backend, Emitter, Mask, declared
from zkroll.algebra.kernels.groups import G1, CoordinateEmitter, Group
from zkroll.algebra.kernels.jit import helper

STRIP = 8  # blocks that go through the four loops together; they stay in the first-level cache
_FOLD_WORDS = 2 * LIMBS * LANES


@dataclass(frozen=True)
class SumHelpers:
    """Helpers on the sums at an address; codes are those of `curve_rows`, eight a block."""

    words: int  # int64 words of scratch for each block
    fixed_words: int  # and besides
    begin: Any  # (sums, codes, following, fetched, blocks): the sums become these points; `fetched` blocks of
    # `following` codes are asked for
    add: (
        Any  # (sums, codes, following, last, blocks, scratch): adds a point to each sum; `last`: of following
    )
    end: Any  # (sums, codes, blocks): the sums become the rows of these codes


@cache
def sum_helpers(group: Group, backend: Backend) -> SumHelpers:
    """Return the helpers of `group` on `backend`."""
    fast = group.degree == 1 or backend == "ifma"
    element = group.element_bytes
    fetch = group.intrinsic(_emit_fetch, backend)
    fetch_two = group.intrinsic(_emit_fetch_two, backend)
    load = group.intrinsic(_emit_load, backend)
    save = group.intrinsic(_emit_save, backend)
    differences = group.intrinsic(_emit_differences, backend, inline=fast, returns_mask=True)
    any_differences = group.intrinsic(_emit_any_differences, backend, inline=False)
    inverses = G1.intrinsic(_emit_inverses, backend)
    slopes = group.intrinsic(_emit_slopes, backend, inline=fast)
    abscissas = group.intrinsic(_emit_abscissas, backend, inline=fast)
    ordinates = group.intrinsic(_emit_ordinates, backend, inline=fast)
    finish_any = group.intrinsic(_emit_finish_any, backend, inline=False)
    accumulate = G1.intrinsic(emit_accumulate, backend)
    set_one = G1.intrinsic(emit_one, backend)
    fold = G1.intrinsic(emit_fold, backend, inline=False)
    unfold = G1.intrinsic(emit_unfold, backend, inline=False)

    # Per block: the difference (later x3), the products before (later the slope), and in G2 the norm.
    separate = group.degree > 1
    block_bytes = 2 * element + (BLOCK if separate else 0) + 8
    before_offset, norm_offset = element, 2 * element if separate else 0
    point = 2 * element

    @helper
    def begin(sums: int, codes: int, following: int, fetched: int, blocks: int) -> None:
        for i in range(blocks):
            if i < fetched:
                fetch(following + 64 * i)
            load(sums + point * i, codes + 64 * i)

    @helper
    def end(sums: int, codes: int, blocks: int) -> None:
        for i in range(blocks):
            save(sums + point * i, codes + 64 * i)

    @helper
    def slow_differences(total: int, codes: int, difference: int, norm: int) -> None:
        any_differences(total, codes, difference, norm)

    @helper
    def slow_finish(total: int, codes: int, inverse: int) -> None:
        finish_any(total, codes, inverse)

    @helper
    def add(sums: int, codes: int, following: int, last: int, blocks: int, scratch: Any) -> None:
        base = scratch.ctypes.data
        masks = scratch[blocks * (block_bytes - 8) // 8 :]
        rest = scratch[blocks * block_bytes // 8 :]
        running = rest.ctypes.data
        fold_at = running + CHAINS * BLOCK
        fold_words = rest[CHAINS * BLOCK // 8 :]
        inverse = fold_words[_FOLD_WORDS : _FOLD_WORDS + 8]
        inverter = fold_words[_FOLD_WORDS + 8 : _FOLD_WORDS + 8 + SCRATCH_WORDS]
        size = block_bytes - 8
        for chain in range(CHAINS):
            set_one(running + BLOCK * chain)
        for i in range(blocks):
            at = base + size * i
            total, points = sums + point * i, codes + 64 * i
            masks[i] = differences(total, points, at, at + norm_offset)
            if masks[i]:
                slow_differences(total, points, at, at + norm_offset)
            accumulate(at + norm_offset, at + before_offset, running + BLOCK * (i % CHAINS))
        fold(running, fold_at)
        for i in range(LIMBS):
            inverse[i] = fold_words[i * LANES]
        invert_limbs(inverse, inverter)
        unfold(running, fold_at, fold_at + 2 * BLOCK)
        high = blocks
        while high > 0:
            low = max(0, high - STRIP)
            for i in range(high - 1, low - 1, -1):
                at = base + size * i
                fetch_two(following + 64 * min(i, last))
                inverses(at + norm_offset, at + before_offset, running + BLOCK * (i % CHAINS))
            for i in range(low, high):
                at = base + size * i
                fetch_two(following + 64 * min(i, last) + 16)
                if masks[i] == 0:
                    slopes(sums + point * i, codes + 64 * i, at, at + before_offset)
                else:
                    slow_finish(sums + point * i, codes + 64 * i, at + before_offset)
            for i in range(low, high):
                fetch_two(following + 64 * min(i, last) + 32)
                if masks[i] == 0:
                    at = base + size * i
                    abscissas(sums + point * i, at, at + before_offset)
            for i in range(low, high):
                fetch_two(following + 64 * min(i, last) + 48)
                if masks[i] == 0:
                    at = base + size * i
                    ordinates(sums + point * i, at, at + before_offset)
            high = low

    fixed = CHAINS * BLOCK // 8 + _FOLD_WORDS + 8 + SCRATCH_WORDS
    return SumHelpers(block_bytes // 8, fixed, begin, add, end)


def _emit_fetch(e: CoordinateEmitter, codes: ir.Value) -> None:
    """Ask for the rows of eight codes before they are needed."""
    _fetch(e, codes, LANES)


def _emit_fetch_two(e: CoordinateEmitter, codes: ir.Value) -> None:
    """Ask for the rows of two codes: a quarter of them in each loop, because few requests can be under way."""
    _fetch(e, codes, LANES // 4)


def _fetch(e: CoordinateEmitter, codes: ir.Value, count: int) -> None:
    byte = ir.IntType(8)
    number = ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte.as_pointer(), number, number, number])
    prefetch = declared(e.builder.module, "llvm.prefetch.p0", kind)
    for lane in range(count):
        code = e.builder.load(e.base.pointer(codes, 8 * lane, I64), align=8)
        hints = [ir.Constant(number, value) for value in (0, 3, 1)]  # read, keep close, data
        for line in range(e.degree + 1):  # a row may begin inside a cache line
            offset = min(VECTOR_BYTES * line, VECTOR_BYTES * e.degree - 8)
            e.builder.call(prefetch, [e.base.pointer(code, offset, byte), *hints])


def _emit_load(e: CoordinateEmitter, total: ir.Value, codes: ir.Value) -> None:
    x, y = load_points(e, load_codes(e, codes), load_flags(e, codes))
    e.store(x, total)
    e.store(y, total, e.element_bytes)


def _emit_save(e: CoordinateEmitter, total: ir.Value, codes: ir.Value) -> None:
    x, y = e.load(total), e.load(total, e.element_bytes)
    store_rows(e, x, y, load_codes(e, codes))


def _emit_differences(
    e: CoordinateEmitter, total: ir.Value, codes: ir.Value, difference: ir.Value, norm: ir.Value
) -> Mask:
    """Store x2 - x1 and its norm; return the lanes that may be special: equal x, or infinity."""
    x1 = e.load(total)
    x2, infinite2 = load_x(e, load_codes(e, codes))
    value = e.tidy(e.sub(x2, x1))
    special = e.mask_or(e.mask_or(maybe_infinite(e, x1), infinite2), e.maybe_zero(value))
    e.store(value, difference, bound=4)
    if e.degree > 1:
        e.base.store(e.norm(value), norm, bound=4)
    return special


def _emit_any_differences(
    e: CoordinateEmitter, total: ir.Value, codes: ir.Value, difference: ir.Value, norm: ir.Value
) -> None:
    points = (e.load(total), e.load(total, e.element_bytes), *load_points(e, load_codes(e, codes)))
    value = any_denominator(e, points)[0]
    e.store(value, difference, bound=4)
    e.base.store(e.norm(value), norm, bound=4)


def _emit_inverses(e: Emitter, norm: ir.Value, before: ir.Value, running: ir.Value) -> None:
    """before becomes 1/norm."""
    after = e.load(running)
    e.store(e.mul(after, e.load(norm, bound=4)), running)
    e.store(e.mul(after, e.load(before)), before)


def _emit_slopes(
    e: CoordinateEmitter, total: ir.Value, codes: ir.Value, difference: ir.Value, inverse: ir.Value
) -> None:
    """inverse becomes the slope."""
    y2 = load_y(e, load_codes(e, codes), load_flags(e, codes))
    y1 = e.load(total, e.element_bytes)
    # in G1 the norm is the value itself, and the difference need not be read
    value = e.from_norm(e.load(difference, bound=4), e.base.load(inverse))
    e.store(e.mul(e.sub(y2, y1), value), inverse)


def _emit_abscissas(e: CoordinateEmitter, total: ir.Value, difference: ir.Value, slope: ir.Value) -> None:
    """difference becomes x3; x1 + x2 = (x2 - x1) + 2·x1."""
    x1 = e.load(total)
    both = e.add(e.load(difference, bound=4), e.double(x1))
    e.store(e.sub(e.sqr(e.load(slope)), both), difference)


def _emit_ordinates(e: CoordinateEmitter, total: ir.Value, x3: ir.Value, slope: ir.Value) -> None:
    x1, y1 = e.load(total), e.load(total, e.element_bytes)
    x = e.load(x3)
    y = e.sub(e.mul(e.load(slope), e.sub(x1, x)), y1)
    e.store(x, total)
    e.store(y, total, e.element_bytes)


def _emit_finish_any(e: CoordinateEmitter, total: ir.Value, codes: ir.Value, inverse: ir.Value) -> None:
    points = (e.load(total), e.load(total, e.element_bytes), *load_points(e, load_codes(e, codes)))
    x, y = any_chord(e, points, e.base.load(inverse))
    e.store(x, total)
    e.store(y, total, e.element_bytes)


def blocks_of(count: int) -> int:
    """Return how many blocks hold `count` lanes."""
    return -(-count // LANES)


__all__: Sequence[str] = ["STRIP", "SumHelpers", "blocks_of", "sum_helpers"]
