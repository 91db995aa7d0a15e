"""From what a verb did or raised to an exit code, a line on stderr and, with --json, a document on stdout."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Final

from zkroll.errors import ConstraintViolation, ProvingError, RollupError, VerificationError, ZkrollError
from zkroll.rollup.cli.console import emit_json, one_line, warn

YES: Final = 0
NO: Final = 1
UNUSABLE: Final = 2
INTERRUPTED: Final = 130

#: shows the traceback of an unexpected error as well
DEBUG_VARIABLE = "ZKROLL_DEBUG"

_NO = (VerificationError, ConstraintViolation, RollupError, ProvingError)


def run_command(arguments: Sequence[str]) -> int:
    """Run one verb; gives the exit code and raises nothing."""
    json_wanted = "--json" in arguments
    try:
        return _invoke(list(arguments))
    except KeyboardInterrupt:
        warn("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of stdout has left; nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return YES
    except Exception as error:  # the last place that can turn it into a line
        code = NO if isinstance(error, _NO) else UNUSABLE
        _report(error, code, json_wanted)
        return code


def _invoke(arguments: list[str]) -> int:
    import typer
    from typer.main import get_command

    from zkroll.rollup.cli.app import app

    # Not typer's own main, which turns interrupts and broken pipes into exits of its own.
    command = get_command(app)
    try:
        with command.make_context("zkroll", arguments) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    finally:
        sys.stdout.flush()
    return YES


def _report(error: Exception, code: int, json_wanted: bool) -> None:
    kind, message = _describe(error)
    unsayable = contextlib.suppress(OSError, ValueError)  # stdout or stderr may be what failed
    if json_wanted:
        with unsayable:
            emit_json({"ok": False, "exit_code": code, "error": kind, "message": message})
    with unsayable:
        warn(message)
    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exception(error)


def _describe(error: Exception) -> tuple[str, str]:
    """The error's kind and its one line."""
    usage = getattr(error, "format_message", None)
    if usage is not None:  # typer's own errors: unknown options, missing arguments
        return "UsageError", one_line(f"{usage()} (see zkroll --help)")
    if isinstance(error, ZkrollError):
        return type(error).__name__, one_line(str(error))
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return "InputError", one_line(f"{place}{error.strerror or error}")
    if isinstance(error, MemoryError):
        return "InputError", "not enough memory; zkroll capacity tells how much a batch needs"
    return "InternalError", one_line(f"internal error: {type(error).__name__}: {error}")
