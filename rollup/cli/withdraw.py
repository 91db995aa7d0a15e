"""zkroll withdraw: ask for a withdrawal on L2, claim it on L1, or force an exit that no operator can refuse."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zkroll.rollup.cli.arguments import JsonOption, KeyFileOption
from zkroll.rollup.cli.console import emit, facts, say, table
from zkroll.rollup.cli.session import (
    DEFAULT_DATA,
    DataOption,
    LeaverOption,
    OtherL1Option,
    PayerOption,
    TokenOption,
    WalletOption,
    open_rollup,
    spent,
)

app = typer.Typer(help="Ways from L2 to L1, with the operator or without.", no_args_is_help=False)

_AmountArgument = Annotated[str, typer.Argument(metavar="AMOUNT", help="Such as 1.5, or 1500wei.")]
_RecipientOption = Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Who gets it on L1.")]


@app.command("request")
def request_command(
    amount: _AmountArgument,
    to: _RecipientOption,
    wallet: WalletOption,
    *,
    token: TokenOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Sign a withdrawal on L2 and leave it for the next batch."""
    from zkroll.circuits.buses import BRIDGE_ADDRESS
    from zkroll.rollup.l1 import parse_address
    from zkroll.rollup.operator.accounts import add_transaction, load_wallet, withdrawal_call
    from zkroll.rollup.operator.amounts import amount_text, parse_amount
    from zkroll.rollup.operator.folder import DataFolder

    folder = DataFolder(data)
    number, recipient = parse_amount(amount), parse_address(to)
    l2_token = folder.deployment().l2_token(token)
    value, content = withdrawal_call(l2_token, recipient, number)
    signed, place = add_transaction(folder, load_wallet(wallet), BRIDGE_ADDRESS, value, content)
    document = {
        "from": f"0x{signed.transaction.sender:040x}",
        "recipient": f"0x{recipient:040x}",
        "token": folder.deployment().token_name(l2_token),
        "amount": amount_text(number),
        "nonce": signed.transaction.nonce,
        "pending": str(place),
    }
    emit(document, as_json, lambda: facts(document))


@app.command("claim")
def claim_command(
    batch: Annotated[
        int | None, typer.Option("--batch", min=1, metavar="N", help="Only of this batch.")
    ] = None,
    recipient: Annotated[
        str | None, typer.Option("--recipient", metavar="ADDRESS", help="Only those to this address.")
    ] = None,
    *,
    data: DataOption = DEFAULT_DATA,
    l1: OtherL1Option = None,
    l1_account: PayerOption = None,
    key_file: KeyFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have every unclaimed withdrawal of finalised batches paid on L1."""
    from zkroll.rollup.l1 import parse_address
    from zkroll.rollup.operator.amounts import amount_text
    from zkroll.rollup.operator.batches import parse_withdrawals
    from zkroll.rollup.operator.users import claim, claims

    wanted = None if recipient is None else parse_address(recipient)
    rows: list[dict[str, Any]] = []
    with open_rollup(data, l1, key_file, l1_account) as session:
        last = session.bridge.status().last_finalised
        for number in range(1, last + 1) if batch is None else [batch]:
            withdrawals = parse_withdrawals(session.folder.withdrawals(number), f"batch {number}")
            for found in claims(session.bridge, number, withdrawals, wanted):
                if found.claimed:
                    continue
                receipt = claim(session.bridge, number, withdrawals, found.position)
                rows.append(
                    {
                        "batch": number,
                        "position": found.position,
                        "recipient": f"0x{found.withdrawal.recipient:040x}",
                        "token": session.deployment.token_name(found.withdrawal.token),
                        "amount": amount_text(found.withdrawal.amount),
                        **spent(receipt),
                    }
                )

    def show() -> None:
        if not rows:
            say("nothing to claim")
            return
        columns = ("batch", "recipient", "token", "amount", "gas_used")
        table("claimed", columns, [tuple(row[name] for name in columns) for row in rows])

    emit({"claimed": rows}, as_json, show)


@app.command("force")
def force_command(
    amount: _AmountArgument,
    to: _RecipientOption,
    *,
    wallet: LeaverOption = None,
    token: TokenOption = None,
    data: DataOption = DEFAULT_DATA,
    l1: OtherL1Option = None,
    l1_account: PayerOption = None,
    key_file: KeyFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Queue an exit on L1 by the L2 account's signature or address: a batch takes it, or none is taken any more."""
    from zkroll.rollup.l1 import parse_address
    from zkroll.rollup.operator.accounts import load_wallet
    from zkroll.rollup.operator.amounts import amount_text, parse_amount
    from zkroll.rollup.operator.users import force_exit

    number, recipient = parse_amount(amount), parse_address(to)
    signer = None if wallet is None else load_wallet(wallet)
    with open_rollup(data, l1, key_file, l1_account) as session:
        l2_token = session.deployment.l2_token(token)
        queued = force_exit(session.bridge, signer, l2_token, number, recipient)
        account = session.node.sender if signer is None else signer.address
        name = session.deployment.token_name(l2_token)
    document = {
        "message": queued.index,
        "account": f"0x{account:040x}",
        "recipient": f"0x{recipient:040x}",
        "token": name,
        "at_most": amount_text(number),
        **spent(queued.receipt),
    }
    emit(document, as_json, lambda: facts(document))
