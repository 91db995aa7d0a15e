"""What each transaction pays, moves and gets back, computed for the fills."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zkroll.algebra.field import fr
from zkroll.circuits.air.witness import FillContext
from zkroll.circuits.chips.limbs import U64, limbs_of
from zkroll.circuits.chips.transaction.access import Amounts, Spans
from zkroll.circuits.native_rules import REFUND_QUOTIENT


@dataclass(frozen=True)
class Gas:
    """Gas by transaction, (n,) each: used before the refund, a fifth of it and the rest, the refund paid."""

    used: U64
    quotient: U64
    remainder: U64
    capped: U64
    applied: U64


def gas(ctx: FillContext, span: Spans) -> Gas:
    """Gas used and refunded."""
    limit = np.array([tx.gas_limit for tx in ctx.source.transactions], dtype=np.uint64)
    used = limit - span.gas_left
    quotient, remainder = used // REFUND_QUOTIENT, used % REFUND_QUOTIENT
    capped = (span.refund > quotient).astype(np.uint64)
    return Gas(used, quotient, remainder, capped, np.minimum(span.refund, quotient))


def amounts(ctx: FillContext, span: Spans) -> Amounts:
    """The balance changes of every transaction as field elements."""
    transactions = ctx.source.transactions
    count = len(transactions)
    if not count:
        none = np.zeros((0, 4), dtype=np.uint64)
        return Amounts(none, none, none, none, none)
    spent = gas(ctx, span)
    limit = np.array([tx.gas_limit for tx in transactions], dtype=np.uint64)
    price = fr.from_array(np.array([tx.gas_price for tx in transactions], dtype=np.uint64))
    value = limbs_of(tx.value for tx in transactions)
    failed = value * (span.success == 0)[:, None]
    moved, undone = fr.from_array(value), fr.from_array(failed)
    fee = fr.mul(fr.from_array(limit), price)
    back = fr.mul(fr.from_array(span.gas_left + spent.applied), price)
    kept = fr.mul(fr.from_array(spent.used - spent.applied), price)
    return Amounts(
        pay=fr.to_limbs(fr.neg(fr.add(fee, moved)), count),
        value=value,
        undo=fr.to_limbs(fr.neg(undone), count),
        settle=fr.to_limbs(fr.add(back, undone), count),
        reward=fr.to_limbs(kept, count),
    )
