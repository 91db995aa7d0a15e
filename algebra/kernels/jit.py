"""Declaring kernels: which back end they are for, how they are compiled, and compiling all of them ahead.

A kernel is a function on flat arrays and addresses with one declared signature; a helper is jitted code that
kernels share. See `jit_compiler` for what Numba makes of them, and `jit_cache` for where the results stay.
With NUMBA_DISABLE_JIT=1 all of them are the plain Python functions (see `interpreted`).
"""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

import llvmlite.binding

from zkroll.algebra.kernels import interpreted
from zkroll.algebra.kernels.jit_cache import cache_folder, can_write
from zkroll.algebra.kernels.jit_compiler import HelperDispatcher, KernelDispatcher, parse_signature
from zkroll.algebra.kernels.jit_pool import compile_in_processes
from zkroll.algebra.kernels.layout import Backend
from zkroll.algebra.kernels.threads import core_count
from zkroll.errors import InputError

__all__ = [
    "MOST_PROCESSES",
    "able_to_run_ifma",
    "backend_reason",
    "cache_folder",
    "count_compiled",
    "declare_all",
    "family",
    "helper",
    "host_backend",
    "kernel",
    "warm_up",
]

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")
Progress = Callable[[str, int, int], None]

MOST_PROCESSES = 8  # each takes about 200 MiB and half a second to start
_WORTH_PROCESSES = 4  # kernels

IFMA_FEATURES = ("avx512f", "avx512dq", "avx512vl", "avx512ifma")
_CHOICES = ("ZKROLL_BACKEND", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")  # variables that have a say

_REGISTRY: dict[str, Any] = {}
_FAMILIES: list[Callable[[Backend], object]] = []


def able_to_run_ifma() -> bool:
    """Return whether this processor has what the `ifma` back end needs.

    A processor chosen by NUMBA_CPU_NAME or NUMBA_CPU_FEATURES counts as one that has not.
    """
    if any(os.environ.get(name) for name in _CHOICES[1:]):
        return False
    features = llvmlite.binding.get_host_cpu_features()
    return all(features.get(name, False) for name in IFMA_FEATURES)


@cache
def host_backend() -> Backend:
    """Return `ifma` on a processor with AVX-512 IFMA, else `portable`; ZKROLL_BACKEND overrides.

    Raises InputError when ZKROLL_BACKEND names no back end, or one that this processor cannot run.
    """
    wanted = os.environ.get("ZKROLL_BACKEND", "")
    able = able_to_run_ifma()
    if wanted not in ("", "ifma", "portable"):
        raise InputError(f"ZKROLL_BACKEND: expected ifma or portable, got {wanted!r}")
    if wanted == "ifma" and not able:
        raise InputError("ZKROLL_BACKEND: expected a processor with avx512ifma for ifma, got one without")
    return "ifma" if wanted != "portable" and able else "portable"


def backend_reason() -> str:
    """Return why `host_backend` is what it is, in a few words."""
    chosen = next((name for name in _CHOICES if os.environ.get(name)), None)
    if chosen == _CHOICES[0]:
        return f"forced by {chosen}"
    missing = [
        name for name in IFMA_FEATURES if not llvmlite.binding.get_host_cpu_features().get(name, False)
    ]
    if chosen is not None and not missing:
        return f"{chosen} is set"
    return f"the processor has no {', '.join(missing)}" if missing else "the processor has avx512ifma"


def kernel(signature: str, *, name: str) -> Callable[[F], F]:
    """Declare a kernel: compiled for `signature` (on first call or by `warm_up`), cached, GIL released.

    `const_uint64[:, ::1]` and its like stand for arrays that the kernel does not write to: read-only arrays
    (and memory-mapped files) are accepted for them, as are writable ones; `uint64[:, ::1]` refuses read-only
    ones. Arguments of other types raise TypeError.

    `name` (lower case, digits, _) must be unique among kernels; it names the cache entry and the progress
    line. Kernels are declared at module level in this folder, or inside a function marked `family`, or
    `warm_up` misses them.
    """
    declared = parse_signature(signature)

    def declare(function: F) -> F:
        if interpreted.enabled():
            return interpreted.kernel(function, declared)
        dispatcher = KernelDispatcher(name, function, declared)
        _REGISTRY[name] = dispatcher
        return cast(F, dispatcher)

    return declare


def family(declare: Callable[[Backend], R]) -> Callable[[Backend], R]:
    """Mark a function that declares the kernels of one back end; it runs once per back end, on first use."""
    once = cache(declare)
    _FAMILIES.append(once)
    return once


def helper(function: F) -> F:
    """Compile `function` for use inside kernels only; it is linked into each of them and cached with them."""
    return function if interpreted.enabled() else cast(F, HelperDispatcher(function))


def declare_all() -> dict[str, Any]:
    """Declare every kernel of the chosen back end, without compiling, and return them all by name.

    With the compiler off there are none.
    """
    package = importlib.import_module(__package__ or "zkroll.algebra.kernels")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    for declare in _FAMILIES:
        declare(host_backend())
    return dict(_REGISTRY)


def count_compiled() -> tuple[int, int]:
    """Return how many kernels of the chosen back end are loaded or in the cache, and how many there are."""
    kernels = declare_all().values()
    return sum(1 for item in kernels if item.overloads or item.is_cached), len(kernels)


def warm_up(progress: Progress | None = None, processes: int | None = None) -> None:
    """Compile or load every kernel of the chosen back end, so that no later call has to.

    `progress(name, done, total)` is called before each kernel that must be compiled, and once with
    done = total. Where there are many, up to `processes` processes (default: one per core, at most
    MOST_PROCESSES) compile them into the cache; this one compiles what is missing after that.
    Raises InputError when `processes` is below one.
    """
    if processes is not None and processes < 1:
        raise InputError(f"processes: expected at least 1 or None, got {processes}")
    kernels = declare_all()
    missing = {name: item for name, item in kernels.items() if not item.overloads and not item.is_cached}
    ready, total = len(kernels) - len(missing), len(kernels)

    def started(name: str, finished: int) -> None:
        if progress is not None:
            progress(name, ready + finished, total)

    wanted = min(processes or core_count(), MOST_PROCESSES, len(missing))
    if wanted > 1 and len(missing) >= _WORTH_PROCESSES and can_write():
        compile_in_processes(missing, wanted, started)
    collects = gc.isenabled()
    gc.disable()  # it would look through all that Numba keeps, again and again: a fifth of the time
    try:
        for done, (name, item) in enumerate(kernels.items()):
            if name in missing and not item.is_cached:
                started(name, done - ready)
            item.ready()
    finally:
        if collects:
            gc.enable()
    if progress is not None:
        progress("done", total, total)
