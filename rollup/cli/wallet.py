"""zkroll wallet: make a key of an account on L2, and see what an account has."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zkroll.rollup.cli.arguments import JsonOption
from zkroll.rollup.cli.console import emit, facts
from zkroll.rollup.cli.session import DEFAULT_DATA, DataOption

app = typer.Typer(help="Accounts on L2.", no_args_is_help=False)


@app.command("new")
def new_command(
    path: Annotated[str, typer.Argument(metavar="FILE", help="Where to write the secret.")],
    as_json: JsonOption = False,
) -> None:
    """Write a fresh secret into a new file that only you can read."""
    from zkroll.rollup.operator.accounts import make_wallet

    wallet = make_wallet(path)
    document = {"file": path, "address": f"0x{wallet.address:040x}"}
    emit(document, as_json, lambda: facts(document))


@app.command("show")
def show_command(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="An address, dev:N or a wallet file.")],
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Show an account's nonce and balances after the last batch that was built."""
    from zkroll.rollup.operator.accounts import balances, parse_account
    from zkroll.rollup.operator.folder import DataFolder

    address = parse_account(account)
    found = balances(DataFolder(data), address)
    document: dict[str, Any] = {"address": f"0x{address:040x}", **found}
    emit(document, as_json, lambda: facts(document))
