"""zkroll send: sign a transaction on L2 and leave it for the next batch."""

from __future__ import annotations

from typing import Annotated

import typer

from zkroll.errors import InputError
from zkroll.rollup.cli.arguments import JsonOption
from zkroll.rollup.cli.console import emit, facts
from zkroll.rollup.cli.session import DEFAULT_DATA, DataOption, TokenOption, WalletOption


def send_command(
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="Such as 1.5, or 1500wei.")],
    to: Annotated[str, typer.Option("--to", metavar="ACCOUNT", help="An address, dev:N or a wallet file.")],
    wallet: WalletOption,
    *,
    token: TokenOption = None,
    calldata: Annotated[
        str | None, typer.Option("--calldata", metavar="0xHEX", help="Call a contract with this data.")
    ] = None,
    gas_limit: Annotated[int | None, typer.Option("--gas-limit", min=21_000, metavar="GAS")] = None,
    gas_price: Annotated[int, typer.Option("--gas-price", min=0, metavar="WEI")] = 10**9,
    nonce: Annotated[
        int | None, typer.Option("--nonce", min=0, help="Else the sender's next one.", show_default=False)
    ] = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Sign a transfer of ether or tokens, or a call, and keep it in the folder's pending transactions."""
    from zkroll.rollup.operator.accounts import add_transaction, load_wallet, parse_account, token_transfer
    from zkroll.rollup.operator.amounts import parse_amount
    from zkroll.rollup.operator.folder import DataFolder

    folder = DataFolder(data)
    value, recipient, content = parse_amount(amount), parse_account(to), b""
    l2_token = folder.deployment().l2_token(token)
    if l2_token:
        if calldata is not None:
            raise InputError("send: expected --token or --calldata, got both")
        value, recipient, content = 0, l2_token, token_transfer(recipient, value)
    elif calldata is not None:
        content = _bytes(calldata)
    signed, place = add_transaction(
        folder, load_wallet(wallet), recipient, value, content,
        gas_limit=gas_limit, gas_price=gas_price, nonce=nonce,
    )  # fmt: skip
    transaction = signed.transaction
    document = {
        "from": f"0x{transaction.sender:040x}",
        "to": f"0x{transaction.to:040x}",
        "value_wei": str(transaction.value),
        "nonce": transaction.nonce,
        "gas_limit": transaction.gas_limit,
        "pending": str(place),
    }
    emit(document, as_json, lambda: facts(document))


def _bytes(text: str) -> bytes:
    body = text.removeprefix("0x")
    if not text.startswith("0x") or (body and not body.isalnum()) or not body.isascii():
        raise InputError(f"calldata: expected bytes as 0x hex, got {text!r:.60}")
    try:
        return bytes.fromhex(body)
    except ValueError as error:
        raise InputError(f"calldata: expected bytes as 0x hex, got {text!r:.60}") from error
