"""Compiling many kernels at once in processes of their own, because Numba compiles one at a time in each.

The processes write to the cache, from which this one then loads. What a process leaves undone, for whatever
reason, is left to the caller.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from types import CellType, FunctionType
from typing import Any

from zkroll.algebra.kernels.jit_cache import remove_unfinished

_START = (
    "import sys; sys.path[:] = sys.argv[1:]; "
    "from zkroll.algebra.kernels.jit_worker import main; main()"
)  # with this process's search path, and without the working folder in front of it
_EMITTED = 1_000  # bytes of bytecode that take as long to compile as a typical emitted block function


Parts = dict[int, int]


def parts_of(item: Any) -> Parts:
    """Return the functions that a jitted one is made of (itself, helpers, intrinsics): bytes by identity."""
    parts: Parts = {}
    rest = [item]
    while rest:
        part = rest.pop()
        function = getattr(part, "py_func", None)
        if id(part) in parts or (function is None and not hasattr(part, "_defn")):  # `_defn`: an intrinsic
            continue
        parts[id(part)] = _EMITTED
        if isinstance(function, FunctionType):
            parts[id(part)] = len(function.__code__.co_code)
            rest += [function.__globals__.get(name) for name in function.__code__.co_names]
            rest += map(_content, function.__closure__ or ())
    return parts


def _content(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # empty
        return None


class _Jobs:
    """What is to be compiled: the longest first, and near to what it shares helpers with."""

    def __init__(self, kernels: Mapping[str, Any]):
        parts = {name: parts_of(kernel) for name, kernel in kernels.items()}
        self._pending = dict(sorted(parts.items(), key=lambda job: -sum(job[1].values())))
        self._compiled: list[set[int]] = []
        self._lock = threading.Lock()

    def worker(self) -> set[int]:
        """Register one more process; returns the parts that it will have compiled."""
        self._compiled.append(set())
        return self._compiled[-1]

    def take(self, compiled: set[int]) -> str | None:
        """The next kernel for the process that has compiled these parts; None when there is no more."""
        with self._lock:
            name = next((name for name in self._pending if self._belongs(name, compiled)), None)
            name = next(iter(self._pending), None) if name is None else name
            if name is not None:
                compiled.update(self._pending.pop(name))
            return name

    def _belongs(self, name: str, compiled: set[int]) -> bool:
        """Whether no other process would take half the time for this kernel, having compiled its helpers."""
        parts = self._pending[name]

        def cost(known: set[int]) -> int:
            return sum(size for part, size in parts.items() if part not in known)

        return all(cost(compiled) <= 2 * cost(other) for other in self._compiled)


def compile_in_processes(
    kernels: Mapping[str, Any], processes: int, started: Callable[[str, int], None]
) -> None:
    """Compile declared kernels, by name, in so many processes.

    `started(name, finished)` is called when one is begun, with how many are finished. Returns when all are
    done or no process is left; an exception that is raised meanwhile (an interrupt, say) ends the processes.
    """
    jobs = _Jobs(kernels)
    events: SimpleQueue[tuple[str, str]] = SimpleQueue()
    workers: list[subprocess.Popen[str]] = []
    try:
        for _ in range(processes):
            worker = _start()
            workers.append(worker)
            threading.Thread(target=_drive, args=(worker, jobs, jobs.worker(), events), daemon=True).start()
        running, finished = len(workers), 0
        while running:
            kind, name = events.get()
            if kind == "started":
                started(name, finished)
            elif kind == "finished":
                finished += 1
            else:
                running -= 1
    except OSError:  # no more processes can be started
        return
    finally:
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.wait()
            remove_unfinished(worker.pid)


def _start() -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 (this interpreter)
        [sys.executable, "-c", _START, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _drive(
    worker: subprocess.Popen[str], jobs: _Jobs, compiled: set[int], events: SimpleQueue[tuple[str, str]]
) -> None:
    """Give a process one kernel after the other, until there are none or it has ended."""
    orders, answers = worker.stdin, worker.stdout
    try:
        while orders is not None and answers is not None and (name := jobs.take(compiled)) is not None:
            events.put(("started", name))
            orders.write(f"{name}\n")
            orders.flush()
            if answers.readline() != f"{name}\n":
                return
            events.put(("finished", name))
    except (OSError, ValueError):  # a broken pipe, a closed one
        return
    finally:
        events.put(("ended", ""))
