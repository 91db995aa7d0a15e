"""Verbs of the command line: called in this process, or in one that is interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from zkroll.rollup.cli import run

Verb = Callable[..., SimpleNamespace]


def verb_runner(capsys: pytest.CaptureFixture[str], *verb: str) -> Verb:
    """What calls `zkroll VERB …`: gives the exit code, stdout, stderr and the lines there that zkroll itself says."""

    def call(*arguments: object) -> SimpleNamespace:
        capsys.readouterr()
        code = run([*verb, *map(str, arguments)])
        out, err = capsys.readouterr()
        lines = [line for line in err.splitlines() if line.startswith("zkroll: ")]
        return SimpleNamespace(code=code, out=out, err=err, lines=lines)

    return call


def refused(result: Any, code: int, text: str) -> None:
    """Expect this exit code and one line of an error, which has `text`."""
    assert (result.code, result.out, len(result.lines)) == (code, "", 1)
    assert text in result.lines[0]
    assert "Traceback" not in result.err


def interrupted(arguments: list[str], folder: Path, stage: str) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of `zkroll ARGUMENTS`, interrupted when it shows the stage."""
    # a process in the background may ignore interrupts, and those that it starts with it
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "zkroll", *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        assert process.stderr is not None
        assert any(stage in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err
