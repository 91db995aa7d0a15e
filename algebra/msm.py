"""Multi-scalar multiplication in G1 and G2: Σ s_i·P_i.

Small scalars cost less than large ones: the number of windows follows the largest of min(s, r - s), and zero
digits cost nothing. See `zkroll.algebra.kernels.msm_kernels` for the method.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import Q_MODULUS
from zkroll.algebra.curve import G1Points, G2Point, G2Points, Point, Points
from zkroll.algebra.field import Block, address, blocks_for, fq, fr
from zkroll.algebra.kernels.curve_pairs import SCRATCH
from zkroll.algebra.kernels.emit import LANES, LIMBS, Backend
from zkroll.algebra.kernels.groups import G1, G2, Group
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.kernels.msm_kernels import (
    MAX_WINDOW,
    TILE,
    TILE_ROWS,
    digit_kernels,
    digit_offset,
    msm_kernels,
    window_count,
)
from zkroll.algebra.kernels.threads import map_ranges, thread_count
from zkroll.errors import InputError

Scalars = Block | NDArray[Any]
Words = NDArray[np.uint64]

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
    return _g1(_multiply(points, limbs, threads, backend or host_backend()))


def msm_g2(
    points: G2Points,
    scalars: Scalars,
    n: int | None = None,
    threads: int | None = None,
    backend: Backend | None = None,
) -> G2Point:
    """Return Σ scalars[i]·points[i] in G2, affine, or None for infinity; otherwise as `msm_g1`."""
    limbs = _canonical(points, scalars, n, threads)
    return _g2(_multiply(points, limbs, threads, backend or host_backend()))


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


def _canonical(points: Points, scalars: Scalars, n: int | None, threads: int | None) -> NDArray[np.uint64]:
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

    def __init__(self, group: Group) -> None:
        row_words = group.row_bytes // 8
        buckets = 1 << (MAX_WINDOW - 1)
        self.order = np.empty(0, dtype=np.uint32)
        self.rest = (
            np.empty(buckets + 1, dtype=np.int64),  # ends
            np.empty(2 * buckets, dtype=np.int64),  # codes
            np.empty((buckets, row_words), dtype=np.uint64),  # kept
            np.empty(TILE, dtype=np.int64),  # tile
            np.empty(TILE, dtype=np.int64),  # counts
            np.empty(TILE + LANES, dtype=np.int64),  # items
            np.empty(TILE // 2 + LANES, dtype=np.int64),  # left
            np.empty(TILE // 2 + LANES, dtype=np.int64),  # right
            np.empty((TILE_ROWS, row_words), dtype=np.uint64),  # arena
            np.empty((3, group.point_bytes // 8), dtype=np.uint64),  # points
            np.empty(SCRATCH, dtype=np.int64),  # scratch
        )

    def arrays(self, n: int) -> tuple[NDArray[Any], ...]:
        """The kernel's arrays, with room to sort n scalars."""
        if len(self.order) < n:
            self.order = np.empty(n, dtype=np.uint32)
        return (self.order, *self.rest)


_idle: dict[str, deque[_Workspace]] = {group.name: deque() for group in (G1, G2)}


def _with_workspace(group: Group, use: Callable[[_Workspace], None]) -> None:
    """Call `use` with a workspace of an earlier call, or a new one."""
    idle = _idle[group.name]
    try:
        workspace = idle.pop()
    except IndexError:
        workspace = _Workspace(group)
    use(workspace)
    idle.append(workspace)


def _multiply(points: Points, limbs: Words, threads: int | None, backend: Backend) -> Words:
    """Return the sum as a projective point, the same in all lanes."""
    group, n = points.group, len(limbs)
    kernels = msm_kernels(group, backend)
    result = np.empty(group.point_bytes // 8, dtype=np.uint64)
    if n > _SLICE:
        slices = [(at, min(n, at + _SLICE)) for at in range(0, n, _SLICE)]
        parts_of = [_multiply(points._slice(slice(i, j)), limbs[i:j], threads, backend) for i, j in slices]
        kernels.combine(result, np.stack(parts_of)[:, None], 1)
        return result
    cutter = digit_kernels()
    found: list[int] = []
    map_ranges(lambda i, j: found.append(cutter.measure(limbs, i, j)), n, threads, _GRAIN)
    bits = max(found, default=0)
    window = choose_window(n, bits)
    windows = window_count(bits, window) if bits else 0
    offset = digit_offset(windows, window)
    digits = np.empty((windows, n), dtype=np.int16)
    map_ranges(lambda i, j: cutter.digits(digits, limbs, offset, window, i, j), n, threads, _GRAIN)

    # Threads share the windows; where those are few, the scalars are cut into parts as well.
    parts = max(1, min(-(-2 * thread_count(threads) // max(1, windows)) - 1, n // _GRAIN))
    edges = [n * part // parts for part in range(parts + 1)]
    sums = np.empty((parts, windows, len(result)), dtype=np.uint64)
    rows = address(points.rows)

    def run(begin: int, end: int) -> None:
        def fill(workspace: _Workspace) -> None:
            for part in range(begin // windows, (end - 1) // windows + 1):
                first, last = max(0, begin - part * windows), min(windows, end - part * windows)
                low, high = edges[part], edges[part + 1]
                kernels.buckets(
                    sums[part], rows, digits, first, last, low, high, window, *workspace.arrays(high - low)
                )

        _with_workspace(group, fill)

    map_ranges(run, parts * windows, threads, 1)
    kernels.combine(result, sums, window)
    return result


def _g1(point: Words) -> Point:
    """The first lane of a projective point of G1, affine."""
    x, y, z = fq.to_ints(point.reshape(-1, LIMBS, LANES))[::LANES]
    if z == 0:
        return None
    inverse = pow(z, -1, Q_MODULUS)
    return (x * inverse % Q_MODULUS, y * inverse % Q_MODULUS)


def _g2(point: Words) -> G2Point:
    """The first lane of a projective point of G2, affine."""
    x0, x1, y0, y1, z0, z1 = fq.to_ints(point.reshape(-1, LIMBS, LANES))[::LANES]
    if z0 == 0 and z1 == 0:
        return None
    factor = pow(z0 * z0 + z1 * z1, -1, Q_MODULUS)
    i0, i1 = z0 * factor, -z1 * factor  # 1/z
    return (
        ((x0 * i0 - x1 * i1) % Q_MODULUS, (x0 * i1 + x1 * i0) % Q_MODULUS),
        ((y0 * i0 - y1 * i1) % Q_MODULUS, (y0 * i1 + y1 * i0) % Q_MODULUS),
    )
