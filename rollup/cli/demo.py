"""zkroll demo: a rollup's whole life on an embedded L1, each step with its gas and seconds."""

from __future__ import annotations

import shutil
import tempfile
import time
from typing import Annotated

import typer

from zkroll.errors import InputError
from zkroll.rollup.cli.arguments import JsonOption
from zkroll.rollup.cli.console import emit, facts, say, table
from zkroll.rollup.cli.progress import work_progress


def demo_command(
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="DIR", help="Keep everything in this folder; else it is thrown away."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Deploy a rollup, deposit, transact, prove, finalise, withdraw and escape, with INSECURE development keys."""
    from zkroll.rollup.operator.demo import PROFILE, Demo, Step
    from zkroll.rollup.operator.folder import DataFolder
    from zkroll.rollup.operator.wrap_prover import open_prover

    folder = DataFolder(data if data is not None else tempfile.mkdtemp(prefix="zkroll-demo-"))
    if folder.has_l1():
        raise InputError(f"{folder.path}: expected an empty folder, this one has an L1 already")
    begun = time.perf_counter()
    try:
        with work_progress() as progress:
            demo = Demo(folder, lambda work: open_prover(PROFILE, progress=work), progress=progress)
            steps = demo.run()
    finally:
        if data is None:
            shutil.rmtree(folder.path, ignore_errors=True)
    seconds = time.perf_counter() - begun

    def row(step: Step) -> tuple[object, ...]:
        return step.name, "" if step.gas is None else f"{step.gas:,}".rjust(10), step.seconds, step.note

    def show() -> None:
        table("zkroll demo", ("step", "gas on L1", "seconds", ""), [row(step) for step in steps])
        say()
        facts(
            {
                "seconds": f"{seconds:.1f}",
                "kept in": str(folder.path) if data is not None else "nowhere; --data DIR keeps it",
            }
        )

    document = {
        "steps": [
            {"step": step.name, "gas_used": step.gas, "seconds": round(step.seconds, 3), "note": step.note}
            for step in steps
        ],
        "seconds": round(seconds, 3),
        "data": str(folder.path) if data is not None else None,
    }
    emit(document, as_json, show)
