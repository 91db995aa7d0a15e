"""The windows of a multi-scalar multiplication: which, in which thread, and in which order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra import aligned
from zkroll.algebra.field import address
from zkroll.algebra.kernels.emit import BLOCK_BYTES, LANES, Backend
from zkroll.algebra.kernels.groups import G1, Group
from zkroll.algebra.kernels.msm_kernels import MAX_WINDOW, STAGE, msm_kernels
from zkroll.algebra.kernels.scalar_digits import digit_rule, scalar_kernels, window_count
from zkroll.algebra.kernels.threads import map_ranges, thread_count
from zkroll.algebra.msm_scalars import ScalarSource

Words = NDArray[np.uint64]

_MIN_WINDOW = 2
_PARTS = 16  # a window may be cut at so many places, to share it between threads
_WORTH_CUTTING = 1 << 14  # points of a window that may be cut
_TOGETHER = 1 << 15  # entries of small windows that are sorted together
# Costs in additions: of a digit that is sorted, and of a bucket in the final sums
_ENTRY_COST = 0.12
_BUCKET_COST = {"g1": 2.8, "g2": 2.8}


def choose_window(n: int, bits: int, group: Group = G1, tables: int = 1) -> int:
    """Return the window of least cost for n scalars of so many bits."""
    return best_window([(bits, n)], n, bits, group, tables)[1]


def best_window(
    classes: Sequence[tuple[int, int]], n: int, bits: int, group: Group, tables: int = 1
) -> tuple[float, int]:
    """Return the least cost, in additions, and its window."""

    def cost(window: int) -> float:
        windows = window_count(bits, window)
        sums = -(-windows // tables) * _BUCKET_COST[group.name] * 2.0 ** (window - 1)
        digits = sum(count * min(windows, window_count(size, window)) for size, count in classes)
        return windows * n * _ENTRY_COST + sums + digits

    return min((cost(window), window) for window in range(_MIN_WINDOW, MAX_WINDOW + 1))


_idle: dict[str, deque[NDArray[np.int64]]] = {}


def _with_workspace(group: Group, words: int, use: Callable[[NDArray[np.int64]], None]) -> None:
    """Call `use` with the workspace of an earlier call, or a new one."""
    idle = _idle.setdefault(f"{group.name}_{words}", deque())
    try:
        workspace = idle.pop()
    except IndexError:
        workspace = aligned.zeros(words, np.int64)
    use(workspace)
    idle.append(workspace)


@dataclass(frozen=True)
class _Job:
    """The points begin..end in one window (of each table)."""

    window: int
    begin: int
    end: int


def _share(windows: int, n: int, threads: int) -> list[list[_Job]]:
    """Return each thread's jobs, in order of the windows: all points in all windows."""
    parts = _PARTS if n >= _WORTH_CUTTING else 1
    total = windows * parts
    threads = min(threads, total)
    shares = []
    for t in range(threads):
        first, last = total * t // threads, total * (t + 1) // threads
        jobs = []
        while first < last:
            window, part = divmod(first, parts)
            stop = min(last, (window + 1) * parts)
            edges = [
                n * p // (parts * LANES) * LANES if p < parts else n for p in (part, stop - window * parts)
            ]
            jobs.append(_Job(window, *edges))
            first = stop
        shares.append(jobs)
    return shares


def sum_windows(
    rows: Words,
    group: Group,
    source: ScalarSource,
    bits: int,
    window: int,
    threads: int | None,
    backend: Backend,
    tables: int = 1,
    distance: int | None = None,
) -> tuple[Words, bool]:
    """Return Σ of the scalars below 2^bits, and whether there are others.

    `rows` has the multiples 2^(c·W'·k) of the points for k < tables, one table after the other, where W' is `distance`, by
    default all windows.
    """
    kernels, cut = msm_kernels(group, backend), scalar_kernels(backend).cut
    n, points_n, point_words = source.n, len(rows) // tables, group.point_bytes // 8
    windows = window_count(bits, window)
    distance = distance or windows
    used = min(windows, distance)
    rule = digit_rule(bits, window)
    workers = thread_count(threads)
    shares = _share(used, n, workers) if n else []
    jobs = [job for share in shares for job in share]
    firsts = np.cumsum([0, *(len(share) for share in shares)])
    sums = aligned.zeros((len(jobs), point_words))
    # Digits take what is left of a third of the memory of points and scalars
    room = n * (group.row_bytes + BLOCK_BYTES // LANES) // 3 - 8 * kernels.work_words * workers
    budget = max(0, room - 4 * n * tables * workers)
    at_once = max(2, budget // (2 * n * tables * workers)) if n else 1
    excess: list[int] = []
    base = address(rows)

    def windows_of(job: _Job) -> list[int]:
        return list(range(job.window, windows, distance))

    def work_off(workspace: NDArray[np.int64], share: Sequence[_Job], at: int) -> None:
        for group_at in range(0, len(share), at_once):
            batch = share[group_at : group_at + at_once]
            low = min(job.begin for job in batch)
            high = max(job.end for job in batch)
            offsets = np.array([window * w for job in batch for w in windows_of(job)], dtype=np.int64)
            digits = np.empty((len(offsets), high - low), dtype=np.int16)
            for first, last, blocks in source.pieces(low, high, 1):
                excess.append(
                    cut(
                        *(digits, first - low, offsets, address(blocks), last - first),
                        *(window, rule, window * (windows - 1)),
                    )
                )
            job_at = row_at = 0
            while job_at < len(batch):
                pieces, entries, stop = [], 0, job_at
                while stop < len(batch):
                    job = batch[stop]
                    size = (job.end - job.begin) * len(windows_of(job))
                    if entries and entries + size > _TOGETHER:
                        break
                    entries += size
                    for w in windows_of(job):
                        first_row = w // distance * points_n + job.begin
                        pieces.append((stop - job_at, row_at, job.begin - low, job.end - low, first_row))
                        row_at += 1
                    stop += 1
                kernels.buckets(
                    *(sums[at + group_at + job_at : at + group_at + stop], base, digits),
                    *(np.array(pieces, dtype=np.int64), np.empty(entries + STAGE, dtype=np.uint32)),
                    np.empty((stop - job_at, (1 << (window - 1)) + 1), dtype=np.uint32),
                    np.empty(LANES * entries // kernels.segments + 64, dtype=np.int64),
                    workspace,
                )
                job_at = stop

    def run(begin: int, end: int) -> None:
        def use(workspace: NDArray[np.int64]) -> None:
            for t in range(begin, end):
                work_off(workspace, shares[t], int(firsts[t]))

        _with_workspace(group, kernels.work_words, use)

    map_ranges(run, len(shares), threads, 1)
    result = np.empty(point_words, dtype=np.uint64)
    edges = np.searchsorted([job.window for job in jobs], range(used + 1)).astype(np.int64)
    kernels.combine(result, sums, edges, window)
    return result, any(excess)
