"""Multi-scalar multiplication by buckets (Pippenger), with signed digits and affine buckets.

A scalar s > r/2 stands for -(r - s). With W windows of c bits, s = Σ d_w·2^(c·w), |d_w| <= 2^(c-1): adding
2^(c-1) in every window but the last makes all digits non-negative at once, and no carries are needed.
Per window the points are sorted by |digit|; the points of a bucket are added pairwise, all buckets of a tile
together (`curve_pairs`). Then Σ j·bucket_j by running sums in eight segments, one a lane.
Source: Bernstein, Doumen, Lange, Oosterwijk, "Faster batch forgery identification" (2012), section 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.kernels.curve_pairs import pair_adder
from zkroll.algebra.kernels.curve_projective import projective_helpers
from zkroll.algebra.kernels.emit import LANES, Backend
from zkroll.algebra.kernels.groups import G1, G2, Group
from zkroll.algebra.kernels.jit import family, helper, kernel

MAX_WINDOW = 15  # digits are int16
TILE = 16384  # points that are added together; the rows of a tile stay in the second-level cache
TILE_ROWS = TILE + 16 * LANES  # a tile of n points has at most n - 1 sums, and every round starts a new block

_R0, _R1, _R2, _R3 = (np.uint64((R_MODULUS >> (64 * i)) & (2**64 - 1)) for i in range(4))
_H0, _H1, _H2, _H3 = (np.uint64((R_MODULUS >> 1 >> (64 * i)) & (2**64 - 1)) for i in range(4))
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_STRETCH = 256  # scalars whose digits are cut together


def window_count(bits: int, window: int) -> int:
    """Return how many windows scalars of `bits` bits and a sign take; the last digit stays below 2^(c-1)."""
    return -(-(bits + 2) // window)


@helper
def _exceeds_half(s0: Any, s1: Any, s2: Any, s3: Any) -> bool:
    """s > (r - 1)/2"""
    if s3 != _H3:
        return bool(s3 > _H3)
    if s2 != _H2:
        return bool(s2 > _H2)
    if s1 != _H1:
        return bool(s1 > _H1)
    return bool(s0 > _H0)


@helper
def _opposite(s0: Any, s1: Any, s2: Any, s3: Any) -> tuple[Any, Any, Any, Any]:
    """r - s for s <= r."""
    d0 = _R0 - s0
    borrow = _ONE if s0 > _R0 else _ZERO
    d1 = _R1 - s1 - borrow
    borrow = _ONE if s1 > _R1 or (s1 == _R1 and borrow) else _ZERO
    d2 = _R2 - s2 - borrow
    borrow = _ONE if s2 > _R2 or (s2 == _R2 and borrow) else _ZERO
    return d0, d1, d2, _R3 - s3 - borrow


@helper
def _move_lanes(out: Any, point: Any, fill: Any, distance: int) -> None:
    """Lane i of `out` takes lane i + distance of `point`, or lane i of `fill` where there is none."""
    for row in range(0, out.shape[0], LANES):
        for lane in range(LANES):
            there = lane + distance
            out[row + lane] = point[row + there] if there < LANES else fill[row + lane]


@helper
def _swap_lanes(out: Any, point: Any, distance: int) -> None:
    """Lane i of `out` takes lane i xor distance of `point`."""
    for row in range(0, out.shape[0], LANES):
        for lane in range(LANES):
            out[row + lane] = point[row + (lane ^ distance)]


@helper
def _sort(digits: Any, begin: int, end: int, buckets: int, ends: Any, order: Any) -> int:
    """Sort the indices by |digit| and return the largest.

    ends[m] is where bucket m ends in `order`, whose entries are 2·index + (digit < 0).
    """
    for m in range(buckets + 1):
        ends[m] = 0
    for i in range(begin, end):
        ends[abs(np.int64(digits[i]))] += 1
    at = np.int64(0)
    top = 0
    ends[0] = 0
    for m in range(1, buckets + 1):
        size = ends[m]
        ends[m] = at
        at += size
        if size:
            top = m
    for i in range(begin, end):
        digit = np.int64(digits[i])
        if digit != 0:
            bucket = abs(digit)
            order[ends[bucket]] = 2 * i + np.int64(digit < 0)
            ends[bucket] += 1
    return top


def digit_offset(windows: int, window: int) -> NDArray[np.uint64]:
    """Return 2^(c-1) in every window but the last, as four words."""
    offset = sum(1 << (window * (w + 1) - 1) for w in range(windows - 1))
    return np.array([offset >> (64 * i) & (2**64 - 1) for i in range(4)], dtype=np.uint64)


@dataclass(frozen=True)
class DigitKernels:
    """The kernels on scalars, compiled on first use; scalars are (n, 4) uint64, canonical."""

    measure: Any  # (scalars, begin, end) -> bits of the largest min(s, r - s)
    digits: Any  # (out int16 (W, n), scalars, offset: 4 words, c, begin, end)


@cache
def digit_kernels() -> DigitKernels:
    """Return the kernels, which are the same for every group and back end."""

    @kernel("int64(uint64[:,::1],int64,int64)", name="msm_measure")
    def measure(scalars: Any, begin: int, end: int) -> int:
        union = np.zeros(4, dtype=np.uint64)
        for i in range(begin, end):
            s0, s1, s2, s3 = scalars[i, 0], scalars[i, 1], scalars[i, 2], scalars[i, 3]
            if _exceeds_half(s0, s1, s2, s3):
                s0, s1, s2, s3 = _opposite(s0, s1, s2, s3)
            union[0] |= s0
            union[1] |= s1
            union[2] |= s2
            union[3] |= s3
        for word in range(3, -1, -1):
            if union[word]:
                bits = 64 * word
                while union[word]:
                    union[word] >>= _ONE
                    bits += 1
                return bits
        return 0

    @kernel("void(int16[:,::1],uint64[:,::1],uint64[::1],int64,int64,int64)", name="msm_digits")
    def digits(out: Any, scalars: Any, offset: Any, window: int, begin: int, end: int) -> None:
        windows = out.shape[0]
        half = np.int64(1) << (window - 1)
        mask = np.uint64((np.int64(1) << window) - 1)
        words = np.zeros((5, _STRETCH), dtype=np.uint64)
        negative = np.zeros(_STRETCH, dtype=np.int64)  # -1 or 0
        for start in range(begin, end, _STRETCH):
            size = min(_STRETCH, end - start)
            for k in range(size):
                i = start + k
                s0, s1, s2, s3 = scalars[i, 0], scalars[i, 1], scalars[i, 2], scalars[i, 3]
                negative[k] = 0
                if _exceeds_half(s0, s1, s2, s3):
                    s0, s1, s2, s3 = _opposite(s0, s1, s2, s3)
                    negative[k] = -1
                words[0, k] = s0 + offset[0]
                carry = _ONE if words[0, k] < s0 else _ZERO
                words[1, k] = s1 + offset[1] + carry
                carry = _ONE if words[1, k] < s1 or (words[1, k] == s1 and carry) else _ZERO
                words[2, k] = s2 + offset[2] + carry
                carry = _ONE if words[2, k] < s2 or (words[2, k] == s2 and carry) else _ZERO
                words[3, k] = s3 + offset[3] + carry
            for w in range(windows):
                bit = window * w
                low, high, target = words[bit >> 6], words[(bit >> 6) + 1], out[w]
                shift = np.uint64(bit & 63)
                # two shifts, because a shift by 64 is none
                rest = np.uint64(63 - (bit & 63))
                bias = half if w < windows - 1 else np.int64(0)
                for k in range(size):
                    field = (low[k] >> shift | high[k] << rest << _ONE) & mask
                    digit = np.int64(field) - bias
                    target[start + k] = (digit ^ negative[k]) - negative[k]

    return DigitKernels(measure, digits)


@dataclass(frozen=True)
class MsmKernels:
    """The kernels of one group, compiled on first use; W windows of c bits, B = 2^(c-1) buckets each."""

    buckets: (
        Any  # (sums (W, point words), rows address, digits, first, last window, begin, end, c, *workspace)
    )
    combine: Any  # (result: point words, sums (parts, W, point words), c)


@cache
def msm_kernels(group: Group, backend: Backend) -> MsmKernels:
    """Return the kernels of `group` on `backend`."""
    add_pairs = pair_adder(group, backend)
    points = projective_helpers(group, backend)
    set_infinity, add, double, add_rows = points.infinity, points.add, points.double, points.add_rows
    row_bytes, row_words = group.row_bytes, group.row_bytes // 8

    @helper
    def add_within_buckets(
        members: int, counts: Any, items: Any, left: Any, right: Any, arena: Any, scratch: Any
    ) -> None:
        """Add the counts[m] consecutive items (codes) of each bucket, until there is one item each."""
        free = arena.ctypes.data
        while True:
            pairs = read = write = 0
            for m in range(members):
                count = counts[m]
                half = count >> 1
                for j in range(half):
                    left[pairs] = items[read + 2 * j]
                    right[pairs] = items[read + 2 * j + 1]
                    items[write + j] = free + row_bytes * pairs
                    pairs += 1
                if count & 1:
                    items[write + half] = items[read + count - 1]
                read += count
                counts[m] = half + (count & 1)
                write += counts[m]
            if pairs == 0:
                return
            add_pairs(left, right, free, pairs, scratch)
            free += row_bytes * LANES * ((pairs + LANES - 1) // LANES)

    @helper
    def fill_buckets(
        rows: int,
        order: Any,
        ends: Any,
        top: int,
        codes: Any,
        kept: Any,
        tile: Any,
        counts: Any,
        items: Any,
        left: Any,
        right: Any,
        arena: Any,
        scratch: Any,
    ) -> None:
        """codes[m - 1] becomes the code of the sum of bucket m, for m = 1..top; sums are kept in `kept`."""
        empty = codes[0]
        m, at = 1, 0
        while m <= top:
            members = total = 0
            while m <= top and total < TILE:
                end = ends[m]
                if end - at == 1 and codes[m - 1] == empty:
                    codes[m - 1] = rows + row_bytes * np.int64(order[at] >> 1) + np.int64(order[at] & 1)
                    at = end
                elif end > at:
                    start = total
                    if codes[m - 1] != empty:
                        items[total] = codes[m - 1]
                        total += 1
                    stop = min(end, at + TILE - total)
                    for i in range(at, stop):
                        entry = np.int64(order[i])
                        items[total] = rows + row_bytes * (entry >> 1) + (entry & 1)
                        total += 1
                    at = stop
                    tile[members] = m
                    counts[members] = total - start
                    members += 1
                if at == end:
                    m += 1
            add_within_buckets(members, counts, items, left, right, arena, scratch)
            first, last = arena.ctypes.data, arena.ctypes.data + row_bytes * TILE_ROWS
            for member in range(members):
                bucket, code = tile[member] - 1, items[member]
                if first <= code < last:
                    source = (code - first) // row_bytes
                    for word in range(row_words):
                        kept[bucket, word] = arena[source, word]
                    code = kept.ctypes.data + row_bytes * bucket
                codes[bucket] = code

    @helper
    def weigh(total: Any, codes: Any, segment: int, points: Any) -> None:
        """total = Σ (j + 1)·(row of codes[j]), j < 8·segment, in every lane; segment is a power of two."""
        running, moved, infinity = points[0], points[1], points[2]
        running_at, moved_at, total_at = running.ctypes.data, moved.ctypes.data, total.ctypes.data
        set_infinity(infinity.ctypes.data)
        set_infinity(running_at)
        set_infinity(total_at)
        for j in range(segment - 1, -1, -1):
            add_rows(running_at, codes.ctypes.data + 8 * j, 8 * segment)
            add(total_at, total_at, running_at)
        # Lane l holds R_l and T_l = Σ (j + 1)·S_(l·segment + j); wanted are Σ T_l + segment·Σ l·R_l, and
        # Σ l·R_l = Σ_(k>0) Σ_(l>=k) R_l.
        for distance in (1, 2, 4):
            _move_lanes(moved, running, infinity, distance)
            add(running_at, running_at, moved_at)
        for row in range(0, running.shape[0], LANES):
            running[row] = infinity[row]
        while segment > 1:
            double(running_at, running_at)
            segment >>= 1
        add(total_at, total_at, running_at)
        for distance in (4, 2, 1):
            _swap_lanes(moved, total, distance)
            add(total_at, total_at, moved_at)

    @kernel(
        "void(uint64[:,::1],int64,int16[:,::1],int64,int64,int64,int64,int64,uint32[::1],int64[::1],int64[::1],"
        "uint64[:,::1],int64[::1],int64[::1],int64[::1],int64[::1],int64[::1],uint64[:,::1],uint64[:,::1],int64[::1])",
        name=f"{backend}_{group.name}_msm_buckets",
    )
    def buckets(
        sums: Any,
        rows: int,
        digits: Any,
        first: int,
        last: int,
        begin: int,
        end: int,
        window: int,
        order: Any,
        ends: Any,
        codes: Any,
        kept: Any,
        tile: Any,
        counts: Any,
        items: Any,
        left: Any,
        right: Any,
        arena: Any,
        points: Any,
        scratch: Any,
    ) -> None:
        bucket_count = 1 << (window - 1)
        empty = np.zeros((1, row_words), dtype=np.uint64)
        for w in range(first, last):
            top = _sort(digits[w], begin, end, bucket_count, ends, order)
            segment = 1
            while LANES * segment < top:
                segment *= 2
            for m in range(LANES * segment):
                codes[m] = empty.ctypes.data
            fill_buckets(
                rows, order, ends, top, codes, kept, tile, counts, items, left, right, arena, scratch
            )
            weigh(sums[w], codes, segment, points)

    @kernel("void(uint64[::1],uint64[:,:,::1],int64)", name=f"{backend}_{group.name}_msm_combine")
    def combine(result: Any, sums: Any, window: int) -> None:
        parts, windows = sums.shape[0], sums.shape[1]
        at = result.ctypes.data
        set_infinity(at)
        for w in range(windows - 1, -1, -1):
            for _ in range(window):
                double(at, at)
            for part in range(parts):
                add(at, at, sums[part, w].ctypes.data)

    return MsmKernels(buckets, combine)


@family
def g1_msm_kernels(backend: Backend) -> tuple[DigitKernels, MsmKernels]:
    """The kernels of G1."""
    return digit_kernels(), msm_kernels(G1, backend)


@family
def g2_msm_kernels(backend: Backend) -> MsmKernels:
    """The kernels of G2."""
    return msm_kernels(G2, backend)
