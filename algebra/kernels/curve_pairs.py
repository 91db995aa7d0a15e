"""Many independent affine additions with one inversion a batch: about six multiplications each in G1.

    λ = (y2 - y1)/(x2 - x1)        or 3·x1²/(2·y1) where the points are equal
    x3 = λ² - x1 - x2,  y3 = λ·(x1 - x3) - y1

Montgomery's trick gives the inverses of all denominators; in G2 it runs over their norms, which lie in Fq, so
that an addition takes 15 multiplications of Fq and not 21. Blocks of eight in which a lane may be special
(equal x, infinity) are found by a cheap test that never misses one, and take a slower way that handles all
cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from llvmlite import ir

from zkroll.algebra.kernels.curve_inverse import SCRATCH_WORDS, invert_limbs
from zkroll.algebra.kernels.curve_rows import load_codes, load_points, load_x, store_points
from zkroll.algebra.kernels.emit import (
    LANES,
    LIMBS,
    Backend,
    Emitter,
    Mask,
    Value,
    declared,
)
from zkroll.algebra.kernels.groups import G1, Coordinate, CoordinateEmitter, Group
from zkroll.algebra.kernels.jit import helper

BLOCK = 320
BATCH = 512  # blocks that share an inversion
AHEAD = 8  # blocks between the request for a row and its use
CHAINS = 2  # independent running products, so that their latencies overlap

# Words (8 bytes) of scratch for `add_pairs`: norms of the denominators, products before each, running products, fold,
# inverse, inverter, masks
_FOLD_WORDS = 2 * LIMBS * LANES
SCRATCH = 2 * BATCH * LIMBS * LANES + CHAINS * LIMBS * LANES + _FOLD_WORDS + 8 + SCRATCH_WORDS + BATCH


@cache
def pair_adder(group: Group, backend: Backend) -> Any:
    """Return the helper add_pairs(left, right, out, count, scratch) of `group`.

    `left` and `right` are int64 arrays of `count` codes each, with room up to the next multiple of eight,
    which it fills in; the sums are written to the consecutive rows at address `out`, likewise with room.
    `out` may be where `left` or `right` point, in the same order. `scratch`: an int64 array of SCRATCH words.
    """
    row_bytes = group.row_bytes
    fast = group.degree == 1  # products of G2 are calls: a copy of each would only lengthen the compilation
    fetch = group.intrinsic(_emit_fetch, backend)
    norms = group.intrinsic(_emit_norms, backend, inline=fast, returns_mask=True)
    any_norms = group.intrinsic(_emit_any_norms, backend, inline=False)
    finish = group.intrinsic(_emit_finish, backend, inline=fast)
    finish_any = group.intrinsic(_emit_finish_any, backend, inline=False)
    accumulate = G1.intrinsic(emit_accumulate, backend)
    set_one = G1.intrinsic(emit_one, backend)
    fold = G1.intrinsic(emit_fold, backend, inline=False)
    unfold = G1.intrinsic(emit_unfold, backend, inline=False)

    @helper
    def slow_norms(left: int, right: int, out: int) -> None:
        any_norms(left, right, out)

    @helper
    def slow_finish(left: int, right: int, norm: int, before: int, running: int, out: int) -> None:
        finish_any(left, right, norm, before, running, out)

    @helper
    def add_pairs(left: Any, right: Any, out: int, count: int, scratch: Any) -> None:
        blocks = (count + LANES - 1) // LANES
        for i in range(count, blocks * LANES):
            left[i] = left[0]
            right[i] = right[0]
        left_at, right_at = left.ctypes.data, right.ctypes.data
        words = LIMBS * LANES
        base = scratch.ctypes.data
        before_at = base + BATCH * BLOCK
        running_at = before_at + BATCH * BLOCK
        fold_at = running_at + CHAINS * BLOCK
        fold_words = scratch[(2 * BATCH + CHAINS) * words :]
        inverse = fold_words[_FOLD_WORDS : _FOLD_WORDS + 8]
        inverter = fold_words[_FOLD_WORDS + 8 : _FOLD_WORDS + 8 + SCRATCH_WORDS]
        masks = fold_words[_FOLD_WORDS + 8 + SCRATCH_WORDS :]
        for begin in range(0, blocks, BATCH):
            size = min(BATCH, blocks - begin)
            for chain in range(CHAINS):
                set_one(running_at + BLOCK * chain)
            for i in range(size):
                first, second = left_at + 64 * (begin + i), right_at + 64 * (begin + i)
                ahead = 64 * min(begin + i + AHEAD, blocks - 1)
                fetch(left_at + ahead, right_at + ahead)
                masks[i] = norms(first, second, base + BLOCK * i)
                if masks[i]:
                    slow_norms(first, second, base + BLOCK * i)
                accumulate(base + BLOCK * i, before_at + BLOCK * i, running_at + BLOCK * (i % CHAINS))
            fold(running_at, fold_at)
            for i in range(LIMBS):
                inverse[i] = fold_words[i * LANES]
            invert_limbs(inverse, inverter)
            unfold(running_at, fold_at, fold_at + 2 * BLOCK)
            for i in range(size - 1, -1, -1):
                first, second = left_at + 64 * (begin + i), right_at + 64 * (begin + i)
                norm, before = base + BLOCK * i, before_at + BLOCK * i
                running = running_at + BLOCK * (i % CHAINS)
                target = out + LANES * row_bytes * (begin + i)
                if masks[i]:
                    slow_finish(first, second, norm, before, running, target)
                else:
                    finish(first, second, norm, before, running, target)

    return add_pairs


def _emit_fetch(e: CoordinateEmitter, left: ir.Value, right: ir.Value) -> None:
    """Ask for the rows of these codes before they are needed."""
    byte = ir.IntType(8)
    number = ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte.as_pointer(), number, number, number])
    prefetch = declared(e.builder.module, "llvm.prefetch.p0", kind)
    for code in (*load_codes(e, left), *load_codes(e, right)):
        hints = [ir.Constant(number, value) for value in (0, 3, 1)]  # read, keep close, data
        for line in range(e.degree):
            e.builder.call(prefetch, [e.base.pointer(code, 64 * line, byte), *hints])


def _emit_norms(e: CoordinateEmitter, left: ir.Value, right: ir.Value, out: ir.Value) -> Mask:
    """Store the norm of x2 - x1 and return the lanes that may be special: equal x, or infinity."""
    x1, infinite1 = load_x(e, load_codes(e, left))
    x2, infinite2 = load_x(e, load_codes(e, right))
    difference = e.tidy(e.sub(x2, x1))
    special = e.mask_or(e.mask_or(infinite1, infinite2), e.maybe_zero(difference))
    e.base.store(e.norm(difference), out, bound=4)
    return special


def special_lanes(e: CoordinateEmitter, points: Sequence[Coordinate]) -> tuple[Mask, Mask, Mask, Mask]:
    """Which lanes are: left infinity, right infinity, equal points, opposite points."""
    x1, y1, x2, y2 = points
    infinite1 = e.mask_and(e.is_zero(x1), e.is_zero(y1))
    infinite2 = e.mask_and(e.is_zero(x2), e.is_zero(y2))
    same = e.mask_and(e.equal(x1, x2), e.mask_not(e.mask_or(infinite1, infinite2)))
    equal = e.mask_and(same, e.equal(y1, y2))
    return infinite1, infinite2, equal, e.mask_and(same, e.mask_not(equal))


def any_denominator(
    e: CoordinateEmitter, points: Sequence[Coordinate]
) -> tuple[Coordinate, tuple[Mask, Mask, Mask, Mask]]:
    """x2 - x1, 2·y1 where the points are equal, 1 where there is nothing to divide; and the special lanes."""
    x1, y1, x2, _ = points
    special = special_lanes(e, points)
    infinite1, infinite2, equal, opposite = special
    denominator = e.select(equal, e.double(y1), e.sub(x2, x1))
    none = e.mask_or(opposite, e.mask_or(infinite1, infinite2))
    return e.select(none, e.constant(1), denominator), special


def _emit_any_norms(e: CoordinateEmitter, left: ir.Value, right: ir.Value, out: ir.Value) -> None:
    points = (*load_points(e, load_codes(e, left)), *load_points(e, load_codes(e, right)))
    e.base.store(e.norm(any_denominator(e, points)[0]), out, bound=4)


def emit_accumulate(e: Emitter, norm: ir.Value, before: ir.Value, running: ir.Value) -> None:
    value = e.load(running)
    e.store(value, before)
    e.store(e.mul(value, e.load(norm, bound=4)), running)


def _inverse(e: Emitter, norm: ir.Value, before: ir.Value, running: ir.Value) -> Value:
    after = e.load(running)
    e.store(e.mul(after, e.load(norm, bound=4)), running)
    return e.mul(after, e.load(before))


def _chord(
    e: CoordinateEmitter, slope: Coordinate, points: tuple[Coordinate, Coordinate, Coordinate]
) -> tuple[Coordinate, Coordinate]:
    x1, y1, x2 = points
    x3 = e.reduce(e.sub(e.sqr(slope), e.add(x1, x2)))
    return x3, e.sub(e.mul(slope, e.sub(x1, x3)), y1)


def _emit_finish(
    e: CoordinateEmitter,
    left: ir.Value,
    right: ir.Value,
    norm: ir.Value,
    before: ir.Value,
    running: ir.Value,
    out: ir.Value,
) -> None:
    inverse_norm = _inverse(e.base, norm, before, running)
    x1, y1 = load_points(e, load_codes(e, left))
    x2, y2 = load_points(e, load_codes(e, right))
    inverse = e.from_norm(e.sub(x2, x1), inverse_norm)
    x3, y3 = _chord(e, e.mul(e.sub(y2, y1), inverse), (x1, y1, x2))
    store_points(e, x3, y3, out)


def _emit_finish_any(
    e: CoordinateEmitter,
    left: ir.Value,
    right: ir.Value,
    norm: ir.Value,
    before: ir.Value,
    running: ir.Value,
    out: ir.Value,
) -> None:
    inverse_norm = _inverse(e.base, norm, before, running)
    points = (*load_points(e, load_codes(e, left)), *load_points(e, load_codes(e, right)))
    store_points(e, *any_chord(e, points, inverse_norm), out)


def any_chord(
    e: CoordinateEmitter, points: Sequence[Coordinate], inverse_norm: Value
) -> tuple[Coordinate, Coordinate]:
    """Return the sums of the points x1, y1, x2, y2, whatever they are, below 2q and zero for infinity."""
    x1, y1, x2, y2 = points
    denominator, special = any_denominator(e, points)
    infinite1, infinite2, equal, opposite = special
    numerator = e.select(equal, e.times(e.sqr(x1), 3), e.sub(y2, y1))
    slope = e.mul(numerator, e.from_norm(denominator, inverse_norm))
    x3, y3 = _chord(e, slope, (x1, y1, x2))
    x3, y3 = e.select(infinite2, x1, x3), e.select(infinite2, y1, y3)
    x3, y3 = e.select(infinite1, x2, x3), e.select(infinite1, y2, y3)
    nothing = e.mask_or(opposite, e.mask_and(infinite1, infinite2))
    zero = e.zero()
    x3, y3 = e.tidy(e.reduce(x3)), e.tidy(e.reduce(y3))
    return e.select(nothing, zero, x3), e.select(nothing, zero, y3)


def emit_one(e: Emitter, out: ir.Value) -> None:
    e.store(e.constant(1), out)


_OTHER_HALF = [[lane ^ distance for lane in range(LANES)] for distance in (4, 2, 1)]


def emit_fold(e: Emitter, running: ir.Value, fold: ir.Value) -> None:
    """fold[0]: the canonical product of all lanes of all chains, in each lane; fold[1]: all other lanes'."""
    value = e.load(running)
    for chain in range(1, CHAINS):
        value = e.mul(value, e.load(running, BLOCK * chain))
    others: Value | None = None
    for lanes in _OTHER_HALF:
        partner = e.shuffle(value, lanes)
        others = partner if others is None else e.mul(others, partner)
        value = e.mul(value, partner)
    e.store(e.canonical(value), fold, bound=1)
    if others is not None:
        e.store(others, fold, BLOCK)


def emit_unfold(e: Emitter, running: ir.Value, fold: ir.Value, words: ir.Value) -> None:
    """From `words`, the inverse of the integer in fold[0], to the inverses of the running products."""
    # (x·R)^-1 times R³ is, after the Montgomery division by R, x^-1·R
    inverse = e.mul(e.load_broadcast(words), e.raw(pow(e.field.r, 3, e.field.modulus), 1))
    inverse = e.mul(inverse, e.load(fold, BLOCK))
    products = [e.load(running, BLOCK * chain) for chain in range(CHAINS)]
    results = []
    for chain in range(CHAINS):
        result = inverse
        for other in range(CHAINS):
            if other != chain:
                result = e.mul(result, products[other])
        results.append(result)
    for chain, result in enumerate(results):
        e.store(result, running, BLOCK * chain)
