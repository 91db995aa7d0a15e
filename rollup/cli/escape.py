"""zkroll escape: leave a rollup whose operator has stopped, with no operator and no prover."""

from __future__ import annotations

from typing import Annotated

import typer

from zkroll.rollup.cli.arguments import JsonOption, KeyFileOption
from zkroll.rollup.cli.console import emit, facts
from zkroll.rollup.cli.session import (
    DEFAULT_DATA,
    DataOption,
    LeaverOption,
    OtherL1Option,
    PayerOption,
    TokenOption,
    open_rollup,
    spent,
)

app = typer.Typer(help="Leave with a proof of the balance in the last finalised root.", no_args_is_help=False)


@app.command("activate")
def activate_command(
    advance: Annotated[
        int,
        typer.Option("--advance", min=0, metavar="SECONDS", help="Let time pass first, on an embedded L1."),
    ] = 0,
    *,
    data: DataOption = DEFAULT_DATA,
    l1: OtherL1Option = None,
    l1_account: PayerOption = None,
    key_file: KeyFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a rollup that has finalised nothing for its escape delay."""
    from zkroll.rollup.operator.users import let_time_pass

    with open_rollup(data, l1, key_file, l1_account) as session:
        let_time_pass(session.node, advance)
        receipt = session.bridge.activate_escape()
        status = session.bridge.status()
    document = {
        "last_finalised": status.last_finalised,
        "root": f"0x{status.last_root:064x}",
        "escaped_at": status.escaped_at,
        **spent(receipt),
    }
    emit(document, as_json, lambda: facts(document))


@app.command("claim")
def claim_command(
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Who gets it on L1.")],
    *,
    wallet: LeaverOption = None,
    token: TokenOption = None,
    data: DataOption = DEFAULT_DATA,
    l1: OtherL1Option = None,
    l1_account: PayerOption = None,
    key_file: KeyFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rebuild the last finalised state from L1 and leave with the account's whole balance in it."""
    from zkroll.rollup.l1 import parse_address
    from zkroll.rollup.operator.accounts import load_wallet
    from zkroll.rollup.operator.amounts import amount_text
    from zkroll.rollup.operator.replica import open_replica
    from zkroll.rollup.operator.users import escape

    recipient, signer = parse_address(to), None if wallet is None else load_wallet(wallet)
    with open_rollup(data, l1, key_file, l1_account) as session, open_replica(session.folder) as replica:
        replica.sync(session.bridge)
        l2_token = session.deployment.l2_token(token)
        balance, receipt = escape(session.bridge, replica.state, signer, l2_token, recipient)
        account = session.node.sender if signer is None else signer.address
        name = session.deployment.token_name(l2_token)
    document = {
        "account": f"0x{account:040x}",
        "recipient": f"0x{recipient:040x}",
        "token": name,
        "amount": amount_text(balance),
        **spent(receipt),
    }
    emit(document, as_json, lambda: facts(document))


@app.command("refund")
def refund_command(
    message: Annotated[
        int, typer.Argument(min=0, metavar="MESSAGE", help="The deposit's number, as zkroll deposit gave it.")
    ],
    *,
    data: DataOption = DEFAULT_DATA,
    l1: OtherL1Option = None,
    l1_account: PayerOption = None,
    key_file: KeyFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a deposit that no finalised batch took back to whoever made it. Anyone may."""
    from zkroll.rollup.operator.amounts import amount_text

    with open_rollup(data, l1, key_file, l1_account) as session:
        queued = session.bridge.message(message)
        receipt = session.bridge.cancel_deposit(message)
        name = session.deployment.token_name(queued.message.token)
    document = {
        "message": message,
        "depositor": f"0x{queued.sender:040x}",
        "token": name,
        "amount": amount_text(queued.message.amount),
        **spent(receipt),
    }
    emit(document, as_json, lambda: facts(document))
