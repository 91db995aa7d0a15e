"""zkroll check: the debug checker over a batch's trace."""

from __future__ import annotations

import typer

from zkroll.rollup.cli.arguments import BatchArgument, JsonOption
from zkroll.rollup.cli.console import emit, say, warn
from zkroll.rollup.cli.outcome import NO


def check_command(batch: BatchArgument, as_json: JsonOption = False) -> None:
    """List every violated constraint and every unbalanced bus tuple of a batch; exit 1 if there is one."""
    from zkroll.rollup.batch import read_batch

    loaded = read_batch(batch)

    from zkroll.rollup.prove import check_batch

    violations = check_batch(loaded)

    def show() -> None:
        for violation in violations:
            say(str(violation))
        if not violations:
            say("every constraint holds and every bus is balanced")

    document = {"ok": not violations, "violations": [violation.to_dict() for violation in violations]}
    emit(document, as_json, show)
    if violations:
        warn(f"{batch}: {len(violations)} violations")
        raise typer.Exit(NO)
