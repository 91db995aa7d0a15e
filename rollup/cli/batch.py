"""zkroll batch: build a batch of messages and transactions, prove it, and move it through L1."""

from __future__ import annotations

from typing import Annotated

import typer

from zkroll.rollup.cli.arguments import JsonOption, KeyFileOption
from zkroll.rollup.cli.console import bytes_text, emit, facts, table
from zkroll.rollup.cli.progress import work_progress
from zkroll.rollup.cli.session import (
    DEFAULT_DATA,
    DataOption,
    OtherL1Option,
    PayerOption,
    open_rollup,
    spent,
)

app = typer.Typer(help="The operator's batches: build, prove, post.", no_args_is_help=False)

_NumberArgument = Annotated[
    int | None, typer.Argument(min=1, metavar="[NUMBER]", help="Which batch; else the last one built.")
]


@app.command("build")
def build_command(
    coinbase: Annotated[
        str, typer.Option("--coinbase", metavar="ACCOUNT", help="Who gets the fees on L2.")
    ] = "dev:15",
    limit: Annotated[
        int | None, typer.Option("--limit", min=0, metavar="N", help="At most so many transactions.")
    ] = None,
    *,
    empty: Annotated[
        bool, typer.Option("--empty", help="Also of nothing, to fill up a wrap proof of several batches.")
    ] = False,
    data: DataOption = DEFAULT_DATA,
    l1: OtherL1Option = None,
    as_json: JsonOption = False,
) -> None:
    """Build the next batch of the messages that wait on L1 and the pending transactions."""
    from zkroll.rollup.operator.accounts import parse_account
    from zkroll.rollup.operator.batches import build_batch, withdrawals_json

    with open_rollup(data, l1) as session:
        built = build_batch(session.folder, session.bridge, parse_account(coinbase), limit, allow_empty=empty)
    document = {
        "batch_number": built.number,
        "old_root": f"0x{built.old_root:064x}",
        "new_root": f"0x{built.new_root:064x}",
        "messages": built.messages,
        "transactions": built.transactions,
        "postponed": built.postponed,
        "data_bytes": built.data_bytes,
        "withdrawals": withdrawals_json(built.withdrawals),
        "left_out": [
            {
                "from": f"0x{signed.transaction.sender:040x}",
                "nonce": signed.transaction.nonce,
                "reason": reason,
            }
            for signed, reason in built.left_out
        ],
        "damaged_files": list(built.damaged),
    }

    def show() -> None:
        counted = {name: len(document[name]) for name in ("withdrawals", "left_out", "damaged_files")}  # type: ignore[arg-type]
        facts({**document, **counted})
        if built.left_out:
            rows = [(row["from"], row["nonce"], row["reason"]) for row in document["left_out"]]  # type: ignore[attr-defined]
            table("left out", ("from", "nonce", "reason"), rows, grouped=False)

    emit(document, as_json, show)


@app.command("prove")
def prove_command(
    number: _NumberArgument = None,
    *,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="KEY.zkey", help="Wrap key; else the INSECURE development one."),
    ] = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Prove a batch, and wrap the proof once every batch that it covers is proven."""
    from zkroll.rollup.operator.batches import last_built, prove_inner, prove_wrap, wrapped_from
    from zkroll.rollup.operator.folder import DataFolder
    from zkroll.rollup.operator.wrap_prover import open_prover

    folder = DataFolder(data)
    deployment = folder.deployment()
    chosen = last_built(folder) if number is None else number
    folder.batch(chosen)  # refused before any key is read
    with work_progress() as progress:

        def report(stage: str, percent: float, _seconds: float) -> None:
            progress(stage, percent / 100, "")

        prover = open_prover(deployment.profile, deployment.chunks, key, progress=progress)
        proof = prove_inner(folder, chosen, prover, report)
        first = wrapped_from(folder, chosen, deployment.chunks)
        wrapped = prove_wrap(folder, first, prover, report).proof if first is not None else b""
    document = {
        "batch_number": chosen,
        "old_root": f"0x{proof.old_root:064x}",
        "new_root": f"0x{proof.new_root:064x}",
        "inner_proof_bytes": len(proof.inner),
        "inner_seconds": round(float(proof.report.get("seconds", 0.0)), 3),
        "wrapped_from": first,
        "wrap_proof_bytes": len(wrapped),
    }
    emit(
        document,
        as_json,
        lambda: facts({**document, "wrap_proof_bytes": bytes_text(len(wrapped)) if wrapped else "not yet"}),
    )


@app.command("post")
def post_command(
    data: DataOption = DEFAULT_DATA,
    l1: OtherL1Option = None,
    l1_account: PayerOption = None,
    key_file: KeyFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Commit, prove and finalise on L1 whatever the folder has and L1 has not."""
    from zkroll.rollup.operator.batches import post_batches

    with open_rollup(data, l1, key_file, l1_account) as session:
        done = post_batches(session.folder, session.bridge)
        status = session.bridge.status()
    document = {
        "done": [{"step": step.step, "batches": list(step.batches), **spent(step.receipt)} for step in done],
        "last_committed": status.last_committed,
        "last_proven": status.last_proven,
        "last_finalised": status.last_finalised,
        "root": f"0x{status.last_root:064x}",
    }

    def show() -> None:
        if done:
            table(
                "on L1",
                ("step", "batches", "gas"),
                [(step.step, _range(step.batches), step.receipt.gas_used) for step in done],
            )
        facts({name: value for name, value in document.items() if name != "done"})

    emit(document, as_json, show)


@app.command("revert")
def revert_command(
    data: DataOption = DEFAULT_DATA,
    l1: OtherL1Option = None,
    l1_account: PayerOption = None,
    key_file: KeyFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Drop the batches that L1 has no proof of; their transactions and messages wait for the next one."""
    from zkroll.rollup.operator.batches import last_built, revert_batches

    with open_rollup(data, l1, key_file, l1_account) as session:
        done = revert_batches(session.folder, session.bridge)
        pending = len(session.folder.pending())
        last = last_built(session.folder)
    document = {
        "done": [{"step": step.step, "batches": list(step.batches), **spent(step.receipt)} for step in done],
        "last_built": last,
        "pending": pending,
    }
    emit(document, as_json, lambda: facts({"last built": last, "pending": pending}))


def _range(numbers: tuple[int, ...]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
