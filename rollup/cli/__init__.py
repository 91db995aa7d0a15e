"""The command line, ``zkroll``: one module per verb, each a thin shell over a library call.

Exit codes: 0 yes; 1 a clean no (proof rejected, constraint violated, step refused by the rollup); 2 unusable
input; 130 interrupted.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["main", "run"]


def main() -> None:
    """Run the command line on this process's arguments and exit."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started the process; the exit code still tells
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    _leave(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command line on these arguments; gives the exit code."""
    from zkroll.rollup.cli.outcome import run_command

    return run_command(arguments)


def _leave(code: int) -> NoReturn:
    """End the process, but not by taking its objects apart: with Numba loaded that is a quarter of a second."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed, or its reader has left
            stream.flush()
    os._exit(code)
