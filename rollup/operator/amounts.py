"""Amounts as people write them: ``1.5`` ether or tokens of 18 decimals, ``1500wei`` in the smallest unit."""

from __future__ import annotations

from typing import Final

from zkroll.errors import InputError

DECIMALS: Final = 18
_LIMIT: Final = 1 << 128
_LONGEST: Final = 80  # characters


def parse_amount(text: str) -> int:
    """The amount in the smallest unit; raises InputError for anything but a decimal number or a number of wei."""
    body, unit = (text[:-3], True) if text.endswith("wei") else (text, False)
    whole, point, fraction = body.partition(".")
    digits = whole + fraction
    if not digits.isdigit() or not digits.isascii() or len(body) > _LONGEST or (unit and point) or not whole:
        raise InputError(f"amount: expected a number such as 1.5 or 1500wei, got {text!r:.90}")
    fraction = fraction.rstrip("0")
    if len(fraction) > DECIMALS:
        raise InputError(f"amount: expected at most {DECIMALS} decimals, got {text}")
    amount = int(whole) if unit else int(whole + fraction.ljust(DECIMALS, "0"))
    if amount >= _LIMIT:
        raise InputError(f"amount: expected less than 2^128 of the smallest unit, got {text}")
    return amount


def amount_text(amount: int) -> str:
    """The amount with its decimals, without needless zeros."""
    whole, rest = divmod(amount, 10**DECIMALS)
    return f"{whole}.{rest:0{DECIMALS}d}".rstrip("0").rstrip(".")


__all__ = ["DECIMALS", "amount_text", "parse_amount"]
