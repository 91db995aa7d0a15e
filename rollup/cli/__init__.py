"""The command line, ``zkroll``: one module per verb, each a thin shell over a library call.

Exit codes: 0 yes; 1 a clean no (proof rejected, constraint violated, step refused by the rollup); 2 unusable
input; 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main", "run"]


def main() -> None:
    """Run the command line on this process's arguments and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command line on these arguments; gives the exit code."""
    from zkroll.rollup.cli.outcome import run_command

    return run_command(arguments)
