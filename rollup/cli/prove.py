"""zkroll prove: execute a batch, trace it, prove it, and write the proof."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Annotated

import typer

from zkroll.algebra.files import check_writable, write_atomically
from zkroll.algebra.progress import Progress
from zkroll.rollup.cli.arguments import BatchArgument, JsonOption, ProfileOption, SrsOption, load_srs
from zkroll.rollup.cli.console import bytes_text, emit, facts, table
from zkroll.rollup.cli.progress import work_progress

#: share of the time before each stage, for a batch of a few hundred thousand gas
_BEFORE = {
    "setup": 0.0,
    "execute": 0.12,
    "witness": 0.17,
    "main columns": 0.3,
    "main commitments": 0.32,
    "bus columns": 0.53,
    "bus commitments": 0.58,
    "quotients": 0.67,
    "quotient commitments": 0.79,
    "evaluations": 0.82,
    "openings": 0.85,
}


def prove_command(
    batch: BatchArgument,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="PROOF.zkp", help="Where to write the proof.")
    ] = "proof.zkp",
    srs: SrsOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Execute, trace and prove a batch; progress goes to stderr."""
    from zkroll.rollup.batch import read_batch

    check_writable(output)
    loaded = read_batch(batch)
    reference_string = load_srs(srs)

    from zkroll.rollup.prove import prove_batch

    with work_progress() as progress:
        proof = prove_batch(loaded, reference_string, _of_the_whole(progress), profile)
    content = proof.to_bytes()
    write_atomically(output, content)
    report = {**proof.report, "proof": output, "proof_file_bytes": len(content)}

    def show() -> None:
        table("seconds by stage", ("stage", "seconds"), list(proof.report["stages"].items()))
        steps, seconds = proof.report["evm_steps"], proof.report["seconds"]
        facts(
            {
                "old root": proof.report["old_root"],
                "new root": proof.report["new_root"],
                "transactions": proof.report["transactions"],
                "EVM steps": f"{steps} ({steps / seconds / proof.report['cores']:.1f} per second and core)",
                "cells committed": proof.report["cells"],
                "seconds": f"{seconds:.1f} on {proof.report['cores']} cores",
                "peak memory": bytes_text(proof.report["peak_memory_bytes"]),
                "proof": f"{output}, {bytes_text(len(content))}",
            }
        )

    emit(report, as_json, show)


def _of_the_whole(report: Progress) -> Callable[[str, float, float], None]:
    """What the prover reports to, (stage, percent of the stage, seconds), as fractions of the whole."""
    ends = dict(pairwise([*_BEFORE.values(), 1.0]))
    done = 0.0

    def stage_report(stage: str, percent: float, _seconds: float) -> None:
        nonlocal done
        if stage in _BEFORE:
            begin = _BEFORE[stage]
            done = begin + (ends[begin] - begin) * percent / 100
        report(stage, done, "")

    return stage_report
