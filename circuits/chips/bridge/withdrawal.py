"""Chip ``withdrawal``: one row per transaction to BRIDGE_ADDRESS, in the order of the batch.

Calldata of 32 bytes names a recipient on L1 and withdraws the transaction's value: the transaction itself moves
it to the bridge, whose balance nobody can spend. Calldata of 96 bytes (recipient, token, amount) withdraws from
the sender's balance of a token, and the transaction has no value.

Columns
    active, of_token     a withdrawal; one of a token
    ctx, sender, value   the transaction
    recipient, token     addresses on L1, of the token's contract on L2; recipient_top[2], token_top[2]: limbs of
                         the high 32 bits; token_inverse
    amount               of the token, 0 for ether
    slot, balance, supply   of a token: slot of the sender's balance, words before; all 0 for ether
    left_hi[8], left_lo[8], left_carry, left_top_carry     the balance after, and likewise total_… the supply
    (access)_before, (access)_wait[3]   of the accesses to balance and supply
    count, last_ctx, step[2]   withdrawals before; the ctx of the one before; limbs of ctx - last_ctx - 1

Constraints
    1. "… is a bit", "only withdrawals are of tokens"; "… compose the value" of the addresses' high halves
    2. "a token is withdrawn without value"; "a token is not ether": its address has an inverse
    3. "balance after, …": balance - amount; "a balance covers the amount": nothing is borrowed beyond the top
    4. "supply after, …": supply - amount modulo 2^256
    5. "withdrawals are in order": ctx - last_ctx - 1 = step; "…: time goes up" of both accesses
    6. "no unused …" for ether, "padding has … 0"
Interactions
    7. receives BRIDGE_CALL (ctx, sender, value, length): length = 32, or 96 for a token
    8. WORDS of the calldata: (recipient), and of a token (token), (0, amount)
    9. KECCAK for the token's slot (``token_slot``), with the sender as its owner
   10. STATE at 8 ctx + 7: (token, storage, slot) and (token, storage, 0)
   11. WITHDRAWAL number ``count`` of value + amount
   12. WITHDRAWAL_COUNT: takes (count, last_ctx), puts (count + 1, ctx)
   13. limbs are in the 16-bit table

Why it is sound. ``transaction`` sends BRIDGE_CALL once for each transaction to the bridge and for no other, so
rows and such transactions match. Its length is that of the calldata, so all words are there, and their halves are
below 2^128. One of value and amount is 0. Nothing runs at the bridge, which has no code: the transaction cannot
fail and take the value back, and within its context no other access to storage happens. Too small a balance has
no limbs. ``statement`` puts (exits, 0) on WITHDRAWAL_COUNT and takes its end, so the rows are one chain in which
ctx grows: the order of the transactions, numbered after the exits of messages. Padding rows are zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.expr import Expr, lift
from zkroll.circuits.air.gadgets import limbs16, range_limbs
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import FIELD_STORAGE, SPACE_CALLDATA, WORDS
from zkroll.circuits.chips.bridge.accounts import (
    SUPPLY_SLOT,
    Changed,
    address,
    address_columns,
    change,
    change_columns,
    changed,
    joined,
    token_slot,
    unused,
)
from zkroll.circuits.chips.bridge.buses import BRIDGE_CALL, WITHDRAWAL, WITHDRAWAL_COUNT
from zkroll.circuits.chips.bridge.places import WITHDRAW
from zkroll.circuits.chips.limbs import inverse, limbs_of
from zkroll.circuits.chips.storage.timeline import histories
from zkroll.circuits.chips.transaction.access import access, access_columns, spans
from zkroll.circuits.source import EXIT, WithdrawalTrace

RECIPIENT_BYTES = 32  # calldata of a withdrawal of ether
TOKEN_BYTES = 96


class WithdrawalChip(Chip):
    """Withdrawals by transactions."""

    name = "withdrawal"
    context_columns = ("ctx",)

    def define(self, b: AirBuilder) -> None:
        active, of_token = b.bit("active"), b.bit("of_token")
        b.constrain("only withdrawals are of tokens", of_token * (1 - active))
        ctx, sender, value = b.column("ctx"), b.word("sender"), b.column("value")
        recipient, token = address(b, "recipient", active), address(b, "token", of_token)
        inverted, amount = b.column("token_inverse"), b.column("amount")
        b.constrain("a token is withdrawn without value", of_token * value)
        b.constrain("a token is not ether", joined(token) * inverted - of_token)
        length = active * RECIPIENT_BYTES + of_token * (TOKEN_BYTES - RECIPIENT_BYTES)
        b.receive(
            "transaction to the bridge", BRIDGE_CALL, (ctx, sender.hi, sender.lo, value, length), active
        )
        b.send("recipient", WORDS, (SPACE_CALLDATA, ctx, 0, recipient.hi, recipient.lo), active)
        b.send("token", WORDS, (SPACE_CALLDATA, ctx, 1, token.hi, token.lo), of_token)
        b.send("amount", WORDS, (SPACE_CALLDATA, ctx, 2, 0, amount), of_token)

        slot = b.word("slot")
        token_slot(b, sender, slot, of_token)
        time = ctx * 8 + WITHDRAW
        place = (joined(token), FIELD_STORAGE)
        left = self._debit(b, ("balance", "left"), (*place, slot.hi, slot.lo), amount, time, of_token)
        b.constrain("a balance covers the amount", left.top_carry)
        self._debit(b, ("supply", "total"), (*place, 0, SUPPLY_SLOT), amount, time, of_token)
        unused(b, "token", of_token, token.hi, token.lo, inverted, amount, slot.hi, slot.lo)

        count, last_ctx = b.column("count"), b.column("last_ctx")
        range_limbs(b, "step", active * (ctx - last_ctx - 1), 32, active)
        b.receive("withdrawals before", WITHDRAWAL_COUNT, (count, last_ctx), active)
        b.send("withdrawals after", WITHDRAWAL_COUNT, (count + 1, ctx), active)
        b.send(
            "withdrawal",
            WITHDRAWAL,
            (count, token.hi, token.lo, recipient.hi, recipient.lo, value + amount),
            active,
        )
        b.zero_in_padding(active)

    @staticmethod
    def _debit(
        b: AirBuilder,
        names: tuple[str, str],
        place: Sequence[Expr | int],
        amount: Expr,
        time: Expr,
        when: Expr,
    ) -> Changed:
        """The word at a place of the state goes down by the amount, modulo 2^256."""
        name, name_after = names
        old, after = b.word(name), changed(b, name_after, when)
        wanted = change(old, amount, lift(-1), after)
        b.constrain(f"{name} after, high half", after.word.hi - wanted.hi)
        b.constrain(f"{name} after, low half", after.word.lo - wanted.lo)
        cells = access(b, name, place, time=time, old=old, new=after.word, when=when)
        unused(b, name, when, old.hi, old.lo, *after.cells, *cells)
        return after

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        withdrawals: Sequence[WithdrawalTrace] = ctx.source.withdrawals
        if not withdrawals:
            return None
        span = spans(ctx)
        rows = len(withdrawals)
        by = np.array([w.transaction for w in withdrawals], dtype=np.int64)
        clocks = span.begin[by]
        transactions = [ctx.source.transactions[i] for i in by]
        token = limbs_of(w.token for w in withdrawals)
        of_token = token.any(axis=1)
        amount = limbs_of(w.amount if w.token else 0 for w in withdrawals)
        balance, supply = (
            limbs_of(getattr(w, f"old_{name}") for w in withdrawals) for name in ("balance", "supply")
        )
        negative = np.ones(rows, dtype=bool)
        time = np.where(of_token, 8 * clocks + WITHDRAW, 0)
        before = np.zeros((2, rows), dtype=np.int64)
        before[:, of_token] = histories(ctx)[2].reshape(2, -1)
        accesses: dict[str, ColumnData] = {}
        for name, times in zip(("balance", "supply"), before, strict=True):
            accesses |= access_columns(name, time, np.where(of_token, times, -1))
            accesses[f"{name}_before"] = times
        exits = sum(m.kind == EXIT for m in ctx.source.messages)
        last = np.concatenate([[0], clocks[:-1]])
        return {
            "active": np.ones(rows, dtype=np.uint8),
            "of_token": of_token,
            "ctx": clocks,
            "sender": limbs_of(t.sender for t in transactions),
            "value": limbs_of(t.value for t in transactions),
            **address_columns("recipient", limbs_of(w.recipient for w in withdrawals)),
            **address_columns("token", token),
            "token_inverse": inverse(token),
            "amount": amount,
            "slot": limbs_of(w.slot for w in withdrawals),
            "balance": balance,
            **change_columns("left", balance, amount, negative)[0],
            "supply": supply,
            **change_columns("total", supply, amount, negative)[0],
            **accesses,
            "count": exits + np.arange(rows),
            "last_ctx": last,
            "step": limbs16((clocks - last - 1).astype(np.uint64), 2),
        }
