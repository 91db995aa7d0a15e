"""zkroll prove: execute a batch, trace it, prove it, and write the proof."""

from __future__ import annotations

from typing import Annotated

import typer

from zkroll.algebra.files import check_writable, write_atomically
from zkroll.rollup.cli.arguments import BatchArgument, JsonOption, SrsOption, load_srs
from zkroll.rollup.cli.console import bytes_text, emit, facts, progress_lines, table


def prove_command(
    batch: BatchArgument,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="PROOF.zkp", help="Where to write the proof.")
    ] = "proof.zkp",
    srs: SrsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Execute, trace and prove a batch; progress goes to stderr."""
    from zkroll.rollup.batch import read_batch

    check_writable(output)
    loaded = read_batch(batch)
    reference_string = load_srs(srs)

    from zkroll.rollup.prove import prove_batch

    proof = prove_batch(loaded, reference_string, progress_lines())
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
