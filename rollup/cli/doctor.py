"""zkroll doctor: what this machine offers, and compiling the kernels ahead of time."""

from __future__ import annotations

import os
import platform
import sys
from typing import Annotated, Any

import typer

from zkroll import __version__
from zkroll.rollup.cli.arguments import JsonOption
from zkroll.rollup.cli.console import emit, facts, progress_lines


def doctor_command(
    warm_up: Annotated[
        bool,
        typer.Option("--warm-up", help="Compile every kernel now, so that the next command starts quickly."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show versions, cores, the arithmetic's back end and the folders that zkroll keeps things in."""
    import time
    from importlib.metadata import version

    from zkroll.algebra.kernels import jit
    from zkroll.algebra.kernels.threads import core_count

    found: dict[str, Any] = {
        "zkroll": __version__,
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
        "numba": version("numba"),
        "llvmlite": version("llvmlite"),
        "numpy": version("numpy"),
        "cores": core_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "backend": jit.host_backend(),
        "kernel_cache": str(jit.cache_folder()),
    }
    if warm_up:
        report = progress_lines()
        start = time.perf_counter()

        def progress(name: str, done: int, total: int) -> None:
            del name
            report("compile kernels", 100.0 * done / max(total, 1), time.perf_counter() - start)

        jit.warm_up(progress)
        found["warm_up_seconds"] = time.perf_counter() - start
    emit(found, as_json, lambda: facts(found))
