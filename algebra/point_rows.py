"""Sums and multiples of points given as rows, element by element; `zkroll.algebra.curve` has them for vectors.

An output array has room up to the next multiple of eight rows, and may be an input.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra import aligned
from zkroll.algebra.field import PrimeField, address, blocks_for
from zkroll.algebra.kernels.curve_multiply_kernels import GROUP, MULTIPLES, multiply_kernels
from zkroll.algebra.kernels.curve_pairs import SCRATCH
from zkroll.algebra.kernels.curve_round_kernels import CHUNK, round_kernels
from zkroll.algebra.kernels.decomposition_kernels import decomposition_kernels
from zkroll.algebra.kernels.emit import FQ, LANES, LIMBS, Backend
from zkroll.algebra.kernels.endomorphism import splitting
from zkroll.algebra.kernels.groups import Group
from zkroll.algebra.kernels.threads import map_ranges

Words = NDArray[np.uint64]
Digits = NDArray[np.int8]
FillDigits = Callable[[Digits, int, int], None]  # (digits (P·W, width), first, last): of points first..last

_GRAIN = 32  # blocks of points whose sums are worth a thread
_MULTIPLY_GRAIN = 4  # blocks of points whose multiples are worth a thread
_TABLES = 256 * 64  # bytes of rows whose tables are made together: 256 points of G1, a table of 256 KiB
_TOGETHER = 4096  # points that share the last inversion
_NO_DIGITS = np.zeros((0, 0), dtype=np.int16)


def empty_rows(group: Group, n: int) -> Words:
    """Return rows for n points, with room up to the next multiple of eight."""
    return aligned.empty((blocks_for(n) * LANES, group.row_bytes // 8))


class RoundSpace:
    """The arrays that one thread needs for `round_kernels`."""

    def __init__(self, points: int = CHUNK):
        self.arrays = (
            np.empty(points, dtype=np.int64),
            np.empty(points, dtype=np.int64),
            np.empty(SCRATCH, dtype=np.int64),
        )


def multiply_rows(
    group: Group, out: Words, rows: Words, limbs: Words, threads: int | None, backend: Backend
) -> None:
    """out[i] = limbs[i]·rows[i] for canonical scalars (n, 4); the points must be of order r."""
    kernel = decomposition_kernels(group, backend).digits

    def fill(digits: Digits, first: int, last: int) -> None:
        count = last - first
        scalars = np.zeros((blocks_for(count) * LANES, limbs.shape[1]), dtype=np.uint64)
        scalars[:count] = limbs[first:last]
        kernel(address(digits), digits.shape[1], address(scalars), 0, blocks_for(count))

    combine_multiples(group, out, rows, fill, splitting(group).windows, MULTIPLES, threads, backend)


def combine_multiples(
    group: Group,
    out: Words,
    rows: Words,
    fill: FillDigits,
    windows: int,
    multiples: int,
    threads: int | None,
    backend: Backend,
) -> None:
    """out[i] = Σ_j Σ_w d_jw·32^w·ψ^j(rows[i]), with φ for ψ in G1, for digits d_jw of at most `multiples`.

    `fill` sets the digits of up to a few hundred points: digits[j·W + w, i - first]. Should two equal points
    meet in the sum (see `curve_multiply_kernels` for why they do not), the result is infinity.
    """
    n, row_bytes = len(rows), group.row_bytes
    rounds, kernels = round_kernels(group, backend).rounds, multiply_kernels(group, backend)
    base = PrimeField(FQ, backend)
    size = _TABLES // row_bytes

    def run(begin: int, end: int) -> None:
        # Entries of a table lie a little more than a power of two apart, or they would share cache sets.
        width = min(size, LANES * (end - begin)) + LANES
        stride = width * row_bytes
        table = np.zeros((multiples, width, row_bytes // 8), dtype=np.uint64)
        digits = np.zeros((splitting(group).parts * windows, width), dtype=np.int8)
        together = min(_TOGETHER // LANES, end - begin)
        sums = np.empty((together, group.point_bytes // 8), dtype=np.uint64)
        norms = np.empty((together, LIMBS, LANES), dtype=np.uint64)
        pair = np.empty(2 * group.element_bytes // 8, dtype=np.uint64)
        live = np.zeros(GROUP, dtype=np.int64)
        space = RoundSpace(width)
        at = address(table)
        for start in range(begin, end, together):
            stop = min(end, start + together)
            for block in range(start, stop, size // LANES):
                first, last = LANES * block, min(n, LANES * min(stop, block + size // LANES))
                blocks, count = blocks_for(last - first), last - first
                table[0, :count] = rows[first:last]
                table[0, count : LANES * blocks] = 0
                rounds(
                    *(at + stride, stride, at, stride, row_bytes, at, 0, row_bytes),
                    *(_NO_DIGITS, 0, 0, LANES * blocks, multiples - 1, *space.arrays),
                )
                fill(digits, first, last)
                infinite = ~table[0, : LANES * blocks].any(axis=1)
                if infinite.any():
                    digits[:, : LANES * blocks][:, infinite] = 0
                kernels.ladder(
                    *(address(sums[block - start :]), address(norms[block - start :]), at, stride),
                    *(address(digits), width, windows, blocks, address(pair), live),
                )
            inverses = base.batch_inverse(norms[: stop - start], threads=1)
            kernels.finish(address(out[LANES * start :]), address(sums), address(inverses), stop - start)

    map_ranges(run, blocks_for(n), threads, _MULTIPLY_GRAIN)


def combine_rows(
    group: Group, out: Words, a: Words | None, b: Words, sign: int, threads: int | None, backend: Backend
) -> None:
    """out[i] = a[i] + b[i], or a[i] - b[i] for sign = 1, for all rows of `b`; without `a` it is infinity."""
    kernel, row_bytes, n = round_kernels(group, backend).rounds, group.row_bytes, len(b)
    nothing = np.zeros(row_bytes // 8, dtype=np.uint64)
    left, left_stride = (address(nothing), 0) if a is None else (address(a), row_bytes)
    right, to = address(b) + sign, address(out)

    def run(begin: int, end: int) -> None:
        space = RoundSpace()
        for start in range(LANES * begin, min(n, LANES * end), CHUNK):
            count, offset = min(n, LANES * end, start + CHUNK) - start, row_bytes * start
            kernel(
                *(to + offset, 0, left + left_stride * start, 0, left_stride),
                *(right + offset, 0, row_bytes),
                *(_NO_DIGITS, 0, 0, count, 1, *space.arrays),
            )

    map_ranges(run, blocks_for(n), threads, _GRAIN)
