"""Multi-scalar multiplication in G1: Σ s_i·P_i.

Small scalars cost less than large ones: the number of windows follows the largest of min(s, r - s), and zero
digits cost nothing. See `zkroll.algebra.kernels.msm_kernels` for the method.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import Q_MODULUS
from zkroll.algebra.curve import G1Points, Point
from zkroll.algebra.field import Block, address, blocks_for, fq, fr
from zkroll.algebra.kernels.curve_pairs import SCRATCH
from zkroll.algebra.kernels.emit import LANES, LIMBS, Backend
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.kernels.msm_kernels import (
    MAX_WINDOW,
    POINT_WORDS,
    TILE,
    TILE_ROWS,
    digit_offset,
    msm_kernels,
    window_count,
)
from zkroll.algebra.kernels.threads import map_ranges, thread_count
from zkroll.algebra.reference.curve import add
from zkroll.errors import InputError

Scalars = Block | NDArray[Any]

_MIN_WINDOW = 4  # eight segments of at least one bucket
_BUCKET_COST = 1.3  # what a bucket costs in the final sums, less the addition that its first point spares
_SLICE = 1 << 20  # longer sums are cut, which bounds the memory for digits; the cost hardly changes
_GRAIN = 4096  # scalars that are worth a thread while digits are cut


def msm_g1(
    points: G1Points,
    scalars: Scalars,
    n: int | None = None,
    threads: int | None = None,
    backend: Backend | None = None,
) -> Point:
    """Return Σ scalars[i]·points[i], affine, or None for infinity.

    `scalars` is an Fr block array (nb, 5, 8), or (n,) integers or (n, 2..4) uint64 words as `fr.from_array`
    takes them. n defaults to the number of scalars given as integers, and of points for a block array. Points
    at infinity, repeated and opposite points and zero scalars are all allowed.
    Raises InputError when there are fewer points or scalars than n.
    """
    limbs = _canonical(points, scalars, n, threads)
    return _multiply(points, limbs, threads, backend or host_backend())


def msm_g1_many(
    points: G1Points,
    scalars: Sequence[Scalars],
    n: int | None = None,
    threads: int | None = None,
    backend: Backend | None = None,
) -> list[Point]:
    """Return `msm_g1` of each scalar vector over the same points.

    Vectors are given to threads whole when there are at least as many as threads, which spares them the parts
    that do not run in parallel.
    """
    if len(scalars) < thread_count(threads):
        return [msm_g1(points, vector, n, threads, backend) for vector in scalars]
    results: list[Point] = [None] * len(scalars)

    def run(begin: int, end: int) -> None:
        for i in range(begin, end):
            results[i] = msm_g1(points, scalars[i], n, 1, backend)

    map_ranges(run, len(scalars), threads, 1)
    return results


def _canonical(points: G1Points, scalars: Scalars, n: int | None, threads: int | None) -> NDArray[np.uint64]:
    """The scalars as (n, 4) words, their number checked against the points."""
    if scalars.ndim >= 3:
        count = points.n if n is None else n
        if len(scalars) != blocks_for(count) and (n is None or len(scalars) < blocks_for(count)):
            raise InputError(f"msm: expected blocks of {count} scalars, got {len(scalars)} blocks")
        if count > points.n:
            raise InputError(f"msm: expected at least {count} points, one a scalar, got {points.n}")
        return fr.to_limbs(scalars, count, threads)
    count = len(scalars) if n is None else n
    if count > len(scalars):
        raise InputError(f"msm: expected {count} scalars, got {len(scalars)}")
    if count > points.n:
        raise InputError(f"msm: expected at least {count} points, one a scalar, got {points.n}")
    return fr.to_limbs(fr.from_array(scalars[:count], threads), count, threads)


def choose_window(n: int, bits: int) -> int:
    """Return the window of least cost for n scalars of so many bits: W·(n + buckets)."""

    def cost(window: int) -> float:
        return window_count(bits, window) * (n + _BUCKET_COST * 2.0 ** (window - 1))

    return min(range(_MIN_WINDOW, MAX_WINDOW + 1), key=cost)


class _Workspace:
    """The arrays one thread needs for its buckets."""

    def __init__(self) -> None:
        buckets = 1 << (MAX_WINDOW - 1)
        self.order = np.empty(0, dtype=np.uint32)
        self.rest = (
            np.empty(buckets + 1, dtype=np.int64),  # ends
            np.empty(2 * buckets, dtype=np.int64),  # codes
            np.empty((buckets, 8), dtype=np.uint64),  # kept
            np.empty(TILE, dtype=np.int64),  # tile
            np.empty(TILE, dtype=np.int64),  # counts
            np.empty(TILE + LANES, dtype=np.int64),  # items
            np.empty(TILE // 2 + LANES, dtype=np.int64),  # left
            np.empty(TILE // 2 + LANES, dtype=np.int64),  # right
            np.empty((TILE_ROWS, 8), dtype=np.uint64),  # arena
            np.empty((3, POINT_WORDS), dtype=np.uint64),  # points
            np.empty(SCRATCH, dtype=np.int64),  # scratch
        )

    def arrays(self, n: int) -> tuple[NDArray[Any], ...]:
        """The kernel's arrays, with room to sort n scalars."""
        if len(self.order) < n:
            self.order = np.empty(n, dtype=np.uint32)
        return (self.order, *self.rest)


_idle: deque[_Workspace] = deque()


def _with_workspace(use: Callable[[_Workspace], None]) -> None:
    """Call `use` with a workspace of an earlier call, or a new one."""
    try:
        workspace = _idle.pop()
    except IndexError:
        workspace = _Workspace()
    use(workspace)
    _idle.append(workspace)


def _multiply(points: G1Points, limbs: NDArray[np.uint64], threads: int | None, backend: Backend) -> Point:
    n = len(limbs)
    if n > _SLICE:
        slices = [(at, min(n, at + _SLICE)) for at in range(0, n, _SLICE)]
        sums_of = [_multiply(points[i:j], limbs[i:j], threads, backend) for i, j in slices]
        return reduce(add, sums_of)
    kernels = msm_kernels(backend)
    found: list[int] = []
    map_ranges(lambda i, j: found.append(kernels.measure(limbs, i, j)), n, threads, _GRAIN)
    bits = max(found, default=0)
    if bits == 0:
        return None
    window = choose_window(n, bits)
    windows = window_count(bits, window)
    offset = digit_offset(windows, window)
    digits = np.empty((windows, n), dtype=np.int16)
    map_ranges(lambda i, j: kernels.digits(digits, limbs, offset, window, i, j), n, threads, _GRAIN)

    # Threads share the windows; where those are few, the scalars are cut into parts as well.
    parts = max(1, min(-(-2 * thread_count(threads) // windows) - 1, n // _GRAIN))
    edges = [n * part // parts for part in range(parts + 1)]
    sums = np.empty((parts, windows, POINT_WORDS), dtype=np.uint64)
    rows = address(points.rows)

    def run(begin: int, end: int) -> None:
        def fill(workspace: _Workspace) -> None:
            for part in range(begin // windows, (end - 1) // windows + 1):
                first, last = max(0, begin - part * windows), min(windows, end - part * windows)
                low, high = edges[part], edges[part + 1]
                kernels.buckets(
                    sums[part], rows, digits, first, last, low, high, window, *workspace.arrays(high - low)
                )

        _with_workspace(fill)

    map_ranges(run, parts * windows, threads, 1)
    result = np.empty(POINT_WORDS, dtype=np.uint64)
    kernels.combine(result, sums, window)
    return _affine(result)


def _affine(point: NDArray[np.uint64]) -> Point:
    """The first lane of a projective point."""
    x, y, z = fq.to_ints(point.reshape(3, LIMBS, LANES))[::LANES]
    if z == 0:
        return None
    inverse = pow(z, -1, Q_MODULUS)
    return (x * inverse % Q_MODULUS, y * inverse % Q_MODULUS)
