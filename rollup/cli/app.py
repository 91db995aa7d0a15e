"""The verbs, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from zkroll import __version__
from zkroll.rollup.cli import (
    batch,
    capacity,
    check,
    demo,
    deposit,
    doctor,
    escape,
    groth16,
    inspect,
    l1,
    prove,
    ptau,
    r1cs,
    send,
    setup,
    sync,
    trace,
    verify,
    wallet,
    withdraw,
    wrap,
    wtns,
    zkey,
)

app = typer.Typer(
    name="zkroll",
    help="Prove EVM rollup batches, and check proofs against the state roots posted on L1.",
    no_args_is_help=False,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"zkroll {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before the verb."""


app.command("prove")(prove.prove_command)
app.command("wrap")(wrap.wrap_command)
app.command("verify")(verify.verify_command)
app.command("trace")(trace.trace_command)
app.command("check")(check.check_command)
app.command("inspect")(inspect.inspect_command)
app.command("capacity")(capacity.capacity_command)
app.command("doctor")(doctor.doctor_command)
app.command("demo")(demo.demo_command)
app.command("deposit")(deposit.deposit_command)
app.command("send")(send.send_command)
app.command("sync")(sync.sync_command)
app.add_typer(wallet.app, name="wallet")
app.add_typer(batch.app, name="batch")
app.add_typer(withdraw.app, name="withdraw")
app.add_typer(escape.app, name="escape")
app.add_typer(setup.app, name="setup")
app.add_typer(l1.app, name="l1")
app.add_typer(r1cs.app, name="r1cs")
app.add_typer(wtns.app, name="wtns")
app.add_typer(ptau.app, name="ptau")
app.add_typer(groth16.app, name="groth16")
app.add_typer(zkey.app, name="zkey")
