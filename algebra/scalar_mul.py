"""Sums and multiples of vectors of points, element by element, in G1 and G2.

Multiples: the scalar splits along the endomorphism of the group into two parts of 127 bits (G1) or four of 65
(G2), see `zkroll.algebra.kernels.endomorphism`; per point that takes about 125 (65) doublings, 52 (56)
additions to a Jacobian sum and 15 affine additions for the table of small multiples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.field import PrimeField, address, blocks_for, fr
from zkroll.algebra.kernels.curve_multiply_kernels import GROUP, MULTIPLES, multiply_kernels
from zkroll.algebra.kernels.curve_pairs import SCRATCH
from zkroll.algebra.kernels.curve_round_kernels import CHUNK, round_kernels
from zkroll.algebra.kernels.decomposition_kernels import decomposition_kernels
from zkroll.algebra.kernels.emit import FQ, LANES, LIMBS, Backend
from zkroll.algebra.kernels.endomorphism import splitting
from zkroll.algebra.kernels.groups import Group
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.kernels.threads import map_ranges
from zkroll.algebra.points import Points
from zkroll.errors import InputError

Scalars = int | Sequence[int] | NDArray[Any]
P = TypeVar("P", bound=Points)
Words = NDArray[np.uint64]

_GRAIN = 32  # blocks of points whose sums are worth a thread
_MULTIPLY_GRAIN = 4  # blocks of points whose multiples are worth a thread
_TABLES = 256 * 64  # bytes of rows whose tables are made together: 256 points of G1, a table of 256 KiB
_TOGETHER = 4096  # points that share the last inversion
_NO_DIGITS = np.zeros((0, 0), dtype=np.int16)


def empty_rows(group: Group, n: int) -> Words:
    """Return rows for n points, with room up to the next multiple of eight."""
    return np.empty((blocks_for(n) * LANES, group.row_bytes // 8), dtype=np.uint64)


class RoundSpace:
    """The arrays that one thread needs for `round_kernels`."""

    def __init__(self, points: int = CHUNK):
        self.arrays = (
            np.empty(points, dtype=np.int64),
            np.empty(points, dtype=np.int64),
            np.empty(SCRATCH, dtype=np.int64),
        )


def add(a: P, b: P, threads: int | None = None, backend: Backend | None = None) -> P:
    """Return a[i] + b[i], whatever the points are (equal, opposite, infinity)."""
    return _combine("add", a, b, 0, threads, backend)


def subtract(a: P, b: P, threads: int | None = None, backend: Backend | None = None) -> P:
    """Return a[i] - b[i], whatever the points are."""
    return _combine("subtract", a, b, 1, threads, backend)


def double(a: P, threads: int | None = None, backend: Backend | None = None) -> P:
    """Return 2·a[i]."""
    return _combine("double", a, a, 0, threads, backend)


def negate(a: P, threads: int | None = None, backend: Backend | None = None) -> P:
    """Return -a[i]."""
    out = empty_rows(a.group, a.n)
    combine_rows(a.group, out, None, a.rows, 1, threads, backend or host_backend())
    return type(a)(out[: a.n])


def multiply(points: P, scalars: Scalars, threads: int | None = None, backend: Backend | None = None) -> P:
    """Return scalars[i]·points[i], or scalars·points[i] for one integer.

    Scalars are integers of any size, taken modulo r, or what `fr.from_array` takes, or an Fr block array, one
    for each point. The points must be of order r: of G2, not only of its curve.
    Raises InputError when there are not as many scalars as points.
    """
    backend = backend or host_backend()
    n, group = points.n, points.group
    limbs = scalar_words(scalars, n, threads)
    out = empty_rows(group, n)
    multiply_rows(group, out, points.rows, limbs, threads, backend)
    return type(points)(out[:n])


def scalar_words(scalars: Scalars, n: int, threads: int | None = None) -> Words:
    """Return n scalars, or one n times, as canonical words (n, 4)."""
    if isinstance(scalars, int | np.integer):
        return np.repeat(fr.to_limbs(fr.from_ints([int(scalars)]), 1), n, axis=0)
    if not isinstance(scalars, np.ndarray):
        values = list(scalars)
        if not all(isinstance(value, int | np.integer) for value in values):
            raise InputError("multiply: expected integers for scalars, got others")
        scalars = fr.from_ints(int(value) for value in values) if len(values) == n else np.array(values[:0])
        given = len(values)
    elif scalars.ndim >= 3:
        given = n if scalars.shape == (blocks_for(n), LIMBS, LANES) else scalars.size // LIMBS
    else:
        given = len(scalars)
    if given != n:
        raise InputError(f"multiply: expected {n} scalars, one a point, got {given}")
    if scalars.ndim < 3:
        scalars = fr.from_array(scalars, threads)
    return fr.to_limbs(scalars, n, threads)


def multiply_rows(
    group: Group, out: Words, rows: Words, limbs: Words, threads: int | None, backend: Backend
) -> None:
    """out[i] = limbs[i]·rows[i]; `out` has room up to the next multiple of eight rows and may be `rows`."""
    n = len(limbs)
    tables_size = _TABLES // group.row_bytes
    rounds = round_kernels(group, backend).rounds
    cut = decomposition_kernels(group, backend).digits
    kernels = multiply_kernels(group, backend)
    tables = splitting(group)
    base = PrimeField(FQ, backend)
    row_words = group.row_bytes // 8

    def run(begin: int, end: int) -> None:
        # Entries of a table lie a little more than a power of two apart, or they would share cache sets.
        width = min(tables_size, LANES * (end - begin)) + LANES
        stride = width * group.row_bytes
        table = np.zeros((MULTIPLES, width, row_words), dtype=np.uint64)
        digits = np.zeros((tables.parts * tables.windows, width), dtype=np.int8)
        scalars = np.zeros((width, 4), dtype=np.uint64)
        together = min(_TOGETHER // LANES, end - begin)
        sums = np.empty((together, group.point_bytes // 8), dtype=np.uint64)
        norms = np.empty((together, LIMBS, LANES), dtype=np.uint64)
        pair = np.empty(2 * group.element_bytes // 8, dtype=np.uint64)
        live = np.zeros(GROUP, dtype=np.int64)
        space = RoundSpace(width)
        at = address(table)
        for start in range(begin, end, together):
            stop = min(end, start + together)
            for first in range(start, stop, tables_size // LANES):
                low, high = LANES * first, min(n, LANES * min(stop, first + tables_size // LANES))
                blocks, count = blocks_for(high - low), high - low
                table[0, :count] = rows[low:high]
                table[0, count : LANES * blocks] = 0
                scalars[:count] = limbs[low:high]
                scalars[count : LANES * blocks] = 0
                rounds(
                    *(at + stride, stride, at, stride, group.row_bytes, at, 0, group.row_bytes),
                    *(_NO_DIGITS, 0, 0, LANES * blocks, MULTIPLES - 1, *space.arrays),
                )
                cut(address(digits), width, address(scalars), 0, blocks)
                infinite = ~table[0, : LANES * blocks].any(axis=1)
                if infinite.any():
                    digits[:, : LANES * blocks][:, infinite] = 0
                place = first - start
                kernels.ladder(
                    *(address(sums[place:]), address(norms[place:]), at, stride, address(digits), width),
                    *(blocks, address(pair), live),
                )
            inverses = base.batch_inverse(norms[: stop - start], threads=1)
            kernels.finish(address(out[LANES * start :]), address(sums), address(inverses), stop - start)

    map_ranges(run, blocks_for(n), threads, _MULTIPLY_GRAIN)


def _combine(place: str, a: P, b: P, sign: int, threads: int | None, backend: Backend | None) -> P:
    if type(a) is not type(b) or a.n != b.n:
        raise InputError(f"{place}: expected as many points of one group on both sides, got {a} and {b}")
    out = empty_rows(a.group, a.n)
    combine_rows(a.group, out, a.rows, b.rows, sign, threads, backend or host_backend())
    return type(a)(out[: a.n])


def combine_rows(
    group: Group, out: Words, a: Words | None, b: Words, sign: int, threads: int | None, backend: Backend
) -> None:
    """out[i] = a[i] + b[i], or a[i] - b[i] for sign = 1, for all rows of `b`; without `a` it is infinity.

    `out` has room up to the next multiple of eight rows and may be `a` or `b`.
    """
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
