"""One thread pool for all kernels: they release the GIL, so threads work on shared arrays."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache

from zkroll.errors import InputError

_inside = threading.local()  # .range is true on a thread that works on a range


def core_count() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this platform
        return os.cpu_count() or 1


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=workers, thread_name_prefix="zkroll")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # the parent's threads do not exist in the child


def thread_count(threads: int | None) -> int:
    """Return the number of threads that `threads` stands for (None: every core).

    Raises InputError below one.
    """
    if threads is None:
        return core_count()
    if threads < 1:
        raise InputError(f"threads: expected at least 1 or None, got {threads}")
    return threads


def map_ranges(fn: Callable[[int, int], object], n: int, threads: int | None = None, grain: int = 64) -> None:
    """Call fn(begin, end) on ranges that cover 0..n, in parallel, and return when all have ended.

    Ranges hold at least `grain` items (blocks, columns, …), so small work stays on the calling thread, as
    does work started from inside another range. The first error of a range is raised here, after all ended.
    """
    wanted = thread_count(threads)
    if n <= 0:
        return
    parts = min(wanted, max(1, n // max(1, grain)))
    if parts == 1 or getattr(_inside, "range", False):
        fn(0, n)
        return
    edges = [n * i // parts for i in range(parts + 1)]

    def run(begin: int, end: int) -> None:
        _inside.range = True
        try:
            fn(begin, end)
        finally:
            _inside.range = False

    pool = _pool(max(core_count(), wanted))
    others = [pool.submit(run, edges[i], edges[i + 1]) for i in range(1, parts)]
    try:
        run(edges[0], edges[1])
    finally:
        wait(others)
    for other in others:
        other.result()
