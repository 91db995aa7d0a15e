"""Amounts as people write them: ``1.5`` ether or tokens of 18 decimals, ``1500wei`` in the smallest unit."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

from zkroll.errors import InputError

DECIMALS: Final = 18
_LIMIT: Final = 1 << 128
_LONGEST: Final = 80  # characters


def parse_amount(text: str) -> int:
    """The amount in the smallest unit; raises InputError for anything but a decimal number or a number of wei."""
    body, unit = (text[:-3], "wei") if text.endswith("wei") else (text, "")
    plain = body.isascii() and body.replace(".", "", 1).isdigit() and len(body) <= _LONGEST
    if not plain or (unit and "." in body):
        raise InputError(f"amount: expected a number such as 1.5 or 1500wei, got {text!r:.90}")
    try:
        scaled = Decimal(body) if unit else Decimal(body).scaleb(DECIMALS)
    except InvalidOperation as error:
        raise InputError(f"amount: expected a number such as 1.5 or 1500wei, got {text!r:.90}") from error
    amount = int(scaled)
    if not unit and len(body.partition(".")[2].rstrip("0")) > DECIMALS:
        raise InputError(f"amount: expected at most {DECIMALS} decimals, got {text}")
    if amount >= _LIMIT:
        raise InputError(f"amount: expected less than 2^128 of the smallest unit, got {text}")
    return amount


def amount_text(amount: int) -> str:
    """The amount with its decimals, without needless zeros."""
    whole, rest = divmod(amount, 10**DECIMALS)
    return f"{whole}.{rest:0{DECIMALS}d}".rstrip("0").rstrip(".")


__all__ = ["DECIMALS", "amount_text", "parse_amount"]
