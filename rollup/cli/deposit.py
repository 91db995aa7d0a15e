"""zkroll deposit: lock ether or tokens on L1 for an account on L2."""

from __future__ import annotations

from typing import Annotated

import typer

from zkroll.rollup.cli.arguments import JsonOption, KeyFileOption
from zkroll.rollup.cli.console import emit, facts
from zkroll.rollup.cli.session import (
    DEFAULT_DATA,
    DataOption,
    OtherL1Option,
    PayerOption,
    TokenOption,
    open_rollup,
    spent,
)


def deposit_command(
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="Such as 1.5, or 1500wei.")],
    to: Annotated[
        str, typer.Option("--to", metavar="ACCOUNT", help="On L2: an address, dev:N or a wallet file.")
    ],
    *,
    token: TokenOption = None,
    data: DataOption = DEFAULT_DATA,
    l1: OtherL1Option = None,
    l1_account: PayerOption = None,
    key_file: KeyFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lock an amount in the rollup's contract; the next batch credits it to the account on L2."""
    from zkroll.rollup.operator.accounts import parse_account
    from zkroll.rollup.operator.amounts import amount_text, parse_amount
    from zkroll.rollup.operator.users import deposit

    number, account = parse_amount(amount), parse_account(to)
    with open_rollup(data, l1, key_file, l1_account) as session:
        l2_token = session.deployment.l2_token(token)
        queued, gas = deposit(session.bridge, session.deployment, account, number, l2_token)
        name = session.deployment.token_name(l2_token)
    document = {
        "message": queued.index,
        "account": f"0x{account:040x}",
        "token": name,
        "amount": amount_text(number),
        **spent(queued.receipt),
        "gas_used": gas,
    }
    emit(document, as_json, lambda: facts(document))
