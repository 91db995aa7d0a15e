"""Multi-scalar multiplication in G1 and G2: Σ s_i·P_i.

Small scalars cost less than large ones: the number of windows follows the largest of min(s, r - s), zero digits
cost next to nothing, and a few large scalars among small ones are summed apart. See
`zkroll.algebra.kernels.msm_kernels` for the method.

Beside points and scalars a sum takes 0.6 MiB for each thread, sorted entries (4 bytes a point and thread) and digits
(at least 4 bytes a point and thread, more as long as all this stays below a third of points and scalars).
Up to 2^20 points are sorted at once; longer sums are made of such slices. Sums are fastest when rows begin on a
cache line (64 bytes): a row across two lines costs a second access to memory, about a tenth of the time at 2^20.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra import aligned
from zkroll.algebra.constants import Q_MODULUS
from zkroll.algebra.curve import G1Points, G2Point, G2Points, Point, Points
from zkroll.algebra.field import fq
from zkroll.algebra.kernels.emit import LANES, LIMBS, Backend
from zkroll.algebra.kernels.groups import G1, G2, Group
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.kernels.msm_kernels import msm_kernels
from zkroll.algebra.kernels.scalar_digits import MOST_BITS, SIZES, window_count
from zkroll.algebra.kernels.threads import map_ranges, thread_count
from zkroll.algebra.msm_scalars import Scalars, ScalarSizes, ScalarSource, measure, scalar_source, select
from zkroll.algebra.msm_windows import best_window, choose_window, sum_windows
from zkroll.algebra.scalar_mul import multiply
from zkroll.errors import InputError

__all__ = [
    "MsmTable",
    "Scalars",
    "choose_window",
    "msm_g1",
    "msm_g1_many",
    "msm_g2",
    "msm_g2_many",
]

Words = NDArray[np.uint64]
P = TypeVar("P", G1Points, G2Points)
R = TypeVar("R")

_SLICE = 1 << 20  # longer sums are cut, which bounds the memory for digits; the cost hardly changes
_WORTH_SPLITTING = 0.9  # of the cost, what summing large scalars apart must reach
_MOST_LARGE = 8  # one scalar in so many, whose points are copied
_MOVE_COST = 2.0  # of such a point, in additions
_MOST_ROWS = 1 << 31  # of a table: a sorted entry is a row and a sign in 32 bits


def msm_g1(
    points: G1Points,
    scalars: Scalars,
    n: int | None = None,
    threads: int | None = None,
    backend: Backend | None = None,
    bits: int | None = None,
) -> Point:
    """Return Σ scalars[i]·points[i], affine, or None for infinity.

    `scalars` is an Fr block array (nb, 5, 8), or (n,) integers or (n, 2..4) uint64 words as `fr.from_array`
    takes them; all arrays may be read-only or mapped from files. n defaults to the number of scalars given as
    integers, and of points for a block array. Points at infinity, repeated and opposite points and zero scalars
    are all allowed.

    With `bits` (0..253), every s or r - s is said to be below 2^bits, which spares a look at all scalars.
    Raises InputError when there are fewer points or scalars than n, or a scalar is larger than stated.
    """
    return _one(points, scalars, n, threads, backend, bits, G1, _g1)


def msm_g2(
    points: G2Points,
    scalars: Scalars,
    n: int | None = None,
    threads: int | None = None,
    backend: Backend | None = None,
    bits: int | None = None,
) -> G2Point:
    """Return Σ scalars[i]·points[i] in G2, affine, or None for infinity; otherwise as `msm_g1`."""
    return _one(points, scalars, n, threads, backend, bits, G2, _g2)


def msm_g1_many(
    points: G1Points,
    scalars: Sequence[Scalars],
    n: int | None = None,
    threads: int | None = None,
    backend: Backend | None = None,
    bits: int | None = None,
) -> list[Point]:
    """Return `msm_g1` of each scalar vector over the same points.

    Vectors are given to threads whole when there are at least as many as threads, which spares them the parts
    that do not run in parallel.
    """
    return _many(lambda vector, t: msm_g1(points, vector, n, t, backend, bits), scalars, threads)


def msm_g2_many(
    points: G2Points,
    scalars: Sequence[Scalars],
    n: int | None = None,
    threads: int | None = None,
    backend: Backend | None = None,
    bits: int | None = None,
) -> list[G2Point]:
    """Return `msm_g2` of each scalar vector over the same points; otherwise as `msm_g1_many`."""
    return _many(lambda vector, t: msm_g2(points, vector, n, t, backend, bits), scalars, threads)


class MsmTable(Generic[P]):
    """Multiples of fixed points that make sums over them faster: 2^(c·d·k)·P_i for k < `tables`.

    All windows w = d·k + j share the buckets of window j, so there are d = ⌈W/tables⌉ final sums instead of W,
    which allows a larger c. This pays for few points, where final sums weigh most: with 8 tables a sum of 2^10 or
    2^12 points of G1 takes 0.7 of the time without, 2^14 takes 0.85, 2^16 takes 0.9. Read-only; `nbytes` is the
    memory held, `tables` times that of the points (64 bytes each in G1, 128 in G2). A sum also takes
    tables · 8 bytes a point and thread while it is made.
    """

    def __init__(
        self,
        points: P,
        tables: int | None = None,
        budget: int | None = None,
        threads: int | None = None,
        backend: Backend | None = None,
    ):
        """Precompute for points of order r. Give the number of tables, or the bytes they may take (default 8).

        Raises InputError for less than one table, for both or for more than 2^31 rows.
        """
        group = points.group
        if tables is not None and budget is not None:
            raise InputError("MsmTable: expected tables or a budget, got both")
        if budget is not None:
            tables = budget // max(1, points.n * group.row_bytes)
        tables = 8 if tables is None else tables
        if tables < 1:
            raise InputError(f"MsmTable: expected at least one table, got {tables}")
        self.n = points.n
        self.tables = min(tables, window_count(MOST_BITS, 2))
        self.window = choose_window(self.n, MOST_BITS, group, self.tables)
        windows = window_count(MOST_BITS, self.window)
        self._distance = -(-windows // self.tables)
        self.tables = -(-windows // self._distance)
        if self.tables * self.n >= _MOST_ROWS:
            raise InputError(f"MsmTable: expected less than 2^31 rows, got {self.tables} times {self.n}")
        words = group.row_bytes // 8
        rows = aligned.zeros((self.tables, self.n, words))
        current = points
        for k in range(self.tables):
            if k:
                factor = 1 << (self.window * self._distance)
                current = multiply(current, factor, threads, backend)
            rows[k] = current.rows
        rows.setflags(write=False)
        self._rows = rows.reshape(-1, words)
        self._group = points.group

    @property
    def nbytes(self) -> int:
        """The memory of the table in bytes."""
        return self._rows.nbytes

    def __repr__(self) -> str:
        return f"MsmTable(n={self.n}, tables={self.tables}, window={self.window}, nbytes={self.nbytes})"

    def msm(
        self,
        scalars: Scalars,
        n: int | None = None,
        threads: int | None = None,
        backend: Backend | None = None,
    ) -> Point | G2Point:
        """Return Σ scalars[i]·points[i] as `msm_g1` or `msm_g2` does, over the first n points."""
        source = scalar_source(self.n, scalars, n)
        backend = backend or host_backend()
        group = self._group
        size = measure(source, threads, backend).bits if source.n else 0
        result, excess = sum_windows(
            *(self._rows, group, source, size, self.window, threads, backend, self.tables, self._distance)
        )
        if excess:
            raise InputError("msm: expected residues below 2r in blocks, got others")
        return _g1(result) if group is G1 else _g2(result)


def _one(
    points: Points,
    scalars: Scalars,
    n: int | None,
    threads: int | None,
    backend: Backend | None,
    bits: int | None,
    group: Group,
    affine: Callable[[Words], R],
) -> R:
    if not isinstance(points, Points) or points.group is not group:
        raise InputError(f"msm_{group.name}: expected points of {group.name}, got {type(points).__name__}")
    if bits is not None and not 0 <= bits <= MOST_BITS:
        raise InputError(f"msm: expected 0 <= bits <= {MOST_BITS}, got {bits}")
    return affine(
        _multiply(points, scalar_source(points.n, scalars, n), threads, backend or host_backend(), bits)
    )


def _many(
    one: Callable[[Scalars, int | None], R], scalars: Sequence[Scalars], threads: int | None
) -> list[R]:
    if len(scalars) < thread_count(threads):
        return [one(vector, threads) for vector in scalars]
    results: dict[int, R] = {}

    def run(begin: int, end: int) -> None:
        for i in range(begin, end):
            results[i] = one(scalars[i], 1)

    map_ranges(run, len(scalars), threads, 1)
    return [results[i] for i in range(len(scalars))]


def _multiply(
    points: Points, source: ScalarSource, threads: int | None, backend: Backend, bits: int | None = None
) -> Words:
    """Return the sum as a projective point, the same in all lanes."""
    group, n, rows = points.group, source.n, points.rows
    if n > _SLICE:
        edges = [*range(0, n, _SLICE), n]
        parts = [
            _multiply(points._slice(slice(i, j)), source.slice(i, j), threads, backend, bits)
            for i, j in pairwise(edges)
        ]
        return _total(group, parts, backend)
    expected = 0  # scalars that are to be left out
    parts = []
    if bits is None:
        sizes = measure(source, threads, backend) if n else ScalarSizes(0, 0, dict.fromkeys(SIZES, 0))
        bits, window, expected = _plan(sizes, group)
        if expected:
            indices = select(source, bits, expected, backend)
            large = type(points)(rows[indices])
            parts.append(_multiply(large, source.take(indices), threads, backend, MOST_BITS))
    else:
        window = choose_window(n, bits, group)
    result, excess = sum_windows(rows, group, source, bits, window, threads, backend)
    if excess and not expected:
        raise InputError(f"msm: expected every scalar s or r - s below 2^{bits}, got larger ones")
    return _total(group, [result, *parts], backend) if parts else result


def _plan(sizes: ScalarSizes, group: Group) -> tuple[int, int, int]:
    """Return the bits and the window for most scalars, and how many larger ones are worth a sum of their own."""
    classes = sizes.classes(sizes.bits)
    least, window = best_window(classes, sizes.n, sizes.bits, group)
    plan = (sizes.bits, window, 0)
    least *= _WORTH_SPLITTING
    for bits in (size for size in SIZES[1:] if size < sizes.bits):
        large = sizes.above[bits]
        if not 0 < large <= sizes.n // _MOST_LARGE:
            continue
        small, window = best_window(sizes.classes(bits), sizes.n, bits, group)
        rest, _ = best_window([(MOST_BITS, large)], large, MOST_BITS, group)
        cost = small + rest + _MOVE_COST * large
        if cost < least:
            least, plan = cost, (bits, window, large)
    return plan


def _total(group: Group, parts: Sequence[Words], backend: Backend) -> Words:
    result = np.empty(group.point_bytes // 8, dtype=np.uint64)
    msm_kernels(group, backend).combine(result, np.stack(parts), np.array([0, len(parts)]), 1)
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
