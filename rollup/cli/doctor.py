"""zkroll doctor: what this machine offers, whether the kernels compute rightly on it, and compiling them ahead."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zkroll import __version__
from zkroll.rollup.cli.arguments import JsonOption
from zkroll.rollup.cli.console import bytes_text, emit, facts, printable, warn
from zkroll.rollup.cli.outcome import NO

if TYPE_CHECKING:
    from zkroll.algebra.selftest import Outcome

#: features of processors that matter to the kernels: the back ends' vectors, and multiplication with carries
_FEATURES = ("avx2", "bmi2", "adx", "avx512f", "avx512dq", "avx512vl", "avx512ifma", "neon", "sve", "sve2")
_GAP = 0.5  # seconds between two lines of progress


def doctor_command(
    warm_up: Annotated[
        bool,
        typer.Option("--warm-up", help="Compile every kernel now, so that the next command starts quickly."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show versions, processor, arithmetic and caches, and test the compiled kernels; exit 1 if one is wrong.

    The test runs once every kernel is compiled, which --warm-up sees to.
    """
    from zkroll.algebra import selftest
    from zkroll.algebra.kernels import jit

    found = {**_versions(), **_machine()}
    if warm_up:
        start = time.perf_counter()
        jit.warm_up(_progress())
        found["warm_up_seconds"] = round(time.perf_counter() - start, 3)
    found |= _cache()
    compiled, total = jit.count_compiled()
    found["kernels_compiled"], found["kernels"] = compiled, total
    outcomes: list[Outcome] | None = None
    if compiled == total:
        start = time.perf_counter()
        jit.warm_up()
        found["load_seconds"] = round(time.perf_counter() - start, 3)
        found["start_seconds"] = _process_seconds()
        outcomes = selftest.run()
    wrong = {outcome.name: outcome.message for outcome in outcomes or () if not outcome.ok}
    found["self_test"] = {
        "ok": None if outcomes is None else not wrong,
        "checks": len(outcomes or ()),
        "seconds": round(sum(outcome.seconds for outcome in outcomes or ()), 3),
        "wrong": wrong,
    }
    emit(found, as_json, lambda: facts(_readable(found)))
    if wrong:
        warn(f"self-test: {len(wrong)} of {len(outcomes or ())} checks failed: {', '.join(wrong)}")
        raise typer.Exit(NO)


def _versions() -> dict[str, Any]:
    from importlib.metadata import version

    packages = {name: version(name) for name in ("numba", "llvmlite", "numpy")}
    return {"zkroll": __version__, "python": platform.python_version(), **packages}


def _machine() -> dict[str, Any]:
    import llvmlite.binding

    from zkroll.algebra.kernels import interpreted, jit
    from zkroll.algebra.kernels.threads import core_count

    features = llvmlite.binding.get_host_cpu_features()
    return {
        "platform": f"{sys.platform} {platform.machine()}",
        "processor": llvmlite.binding.get_host_cpu_name(),
        "processor_features": [name for name in _FEATURES if features.get(name, False)],
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "cores": core_count(),
        "backend": jit.host_backend(),
        "backend_reason": jit.backend_reason(),
        "compiler": "off (NUMBA_DISABLE_JIT)" if interpreted.enabled() else "on",
    }


def _cache() -> dict[str, Any]:
    from zkroll.algebra.kernels import jit_cache

    usage = jit_cache.usage()
    return {
        "kernel_cache": str(jit_cache.cache_folder()),
        "kernel_cache_writable": jit_cache.can_write(),
        "kernel_cache_entries": usage.entries,
        "kernel_cache_bytes": usage.size,
    }


def _progress() -> Callable[[str, int, int], None]:
    """Lines on stderr with the seconds, the kernels that are ready, and the one begun; not too many."""
    start = time.perf_counter()
    last = start - _GAP

    def report(name: str, done: int, total: int) -> None:
        nonlocal last
        now = time.perf_counter()
        if done < total and now - last < _GAP:
            return
        last = now
        sys.stderr.write(f"{now - start:8.1f} s  {done:>4} of {total} kernels  {printable(name)}\n")
        sys.stderr.flush()

    return report


def _process_seconds() -> float | None:
    """Seconds since this process started, to a hundredth; None where the system does not tell."""
    try:
        with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
            started = int(file.read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
        return round(time.clock_gettime(time.CLOCK_BOOTTIME) - started, 2)
    except (OSError, ValueError, IndexError, AttributeError):
        return None


def _readable(found: dict[str, Any]) -> dict[str, Any]:
    shown = dict(found)
    shown["processor"] = f"{found['processor']} ({' '.join(shown.pop('processor_features'))})"
    shown["memory"] = bytes_text(shown.pop("memory_bytes"))
    shown["backend"] = f"{found['backend']}: {shown.pop('backend_reason')}"
    shown["kernel_cache"] = (
        f"{found['kernel_cache']} ({'' if shown.pop('kernel_cache_writable') else 'not writable, '}"
        f"{shown.pop('kernel_cache_entries')} entries, {bytes_text(shown.pop('kernel_cache_bytes'))})"
    )
    shown["kernels"] = f"{shown.pop('kernels_compiled')} of {found['kernels']} compiled"
    for name, what in (("warm_up", "to compile"), ("load", "to load"), ("start", "from the process's start")):
        seconds = shown.pop(f"{name}_seconds", None)
        if seconds is not None:
            shown["kernels"] += f", {seconds:.2f} s {what}"
    test = found["self_test"]
    shown["self_test"] = {
        None: "not run: some kernels are not compiled (--warm-up compiles them)",
        True: f"passed: {test['checks']} checks in {test['seconds']:.2f} s",
        False: "; ".join(f"FAILED {name}: {message}" for name, message in test["wrong"].items()),
    }[test["ok"]]
    return shown
