"""Chip ``l1_message``: one row per message of L1's queue that the batch consumes, before its transactions.

A deposit (kind 1) credits ``amount`` of a token to an account, an exit (kind 2) takes the smaller of ``amount``
and the account's balance and makes a withdrawal of it. Neither can fail, whatever the state holds.

Columns
    deposit, exit        which; none in padding
    index, exits         number of the message in the batch; exits among those before it
    token, account, recipient, amount   the message; token 0 is ether, others are contracts on L2
    token_top[2], account_top[2], recipient_top[2]   limbs of the addresses' high 32 bits
    prev, hash           the queue's hash before and after the message
    ether (+ _inverse)   the token is 0
    slot                 storage slot of a token's balance, 0 for ether
    balance, supply      words before the message (supply: of tokens)
    short                the balance is below the amount of an exit
    left_hi[8], left_lo[8], left_carry, left_top_carry   balance -/+ amount, modulo 2^256; if short,
                         amount - balance - 1
    total_hi[8], total_lo[8], total_carry, total_top_carry   the supply after
    (access)_before, (access)_wait[3]   of the accesses to balance and supply

Constraints, with active = deposit + exit, moved = short ? balance : amount, sign = deposit - exit
    1. "… is a bit", "at most one kind"; "… compose the value" of the addresses' high halves
    2. "ether …": ether is 1 where the token is 0 and 0 elsewhere, "ether: no unused inverse"
    3. "only exits are short", "a short balance is small": its high half is 0
    4. "balance after, high/low half": short ? 0, amount - balance - 1 : balance + sign * amount with the carries,
       "a short balance carries nothing"; "an exit takes what is there": without short it has no top carry
    5. "ether stays below 2^128": the high half after is 0
    6. "supply after, high/low half": supply + sign * moved; "no unused slot/supply …" for ether
    7. "…: time goes up" of both accesses; "padding has … 0"
Interactions
    8. QUEUE: takes (index, exits, prev), puts (index + 1, exits + exit, hash); index + 1 has 16 bits
    9. KECCAK: hash is that of the four words that this row serves under its index: prev, then
       kind << 224 | token >> 128 << 192 | account >> 128 << 160 | recipient >> 128 << 128 | token mod 2^128,
       account mod 2^128 << 128 | recipient mod 2^128, amount
   10. KECCAK for the token's slot (``token_slot``)
   11. STATE at 8 (index + 1): the balance, of ether at (account, balance), else at (token, storage, slot)
   12. STATE at the same time: slot 0 of the token, its supply
   13. WITHDRAWAL number ``exits`` of ``moved`` for an exit
   14. limbs are in the 16-bit table

Why it is sound. ``statement`` puts (0, 0, queue_before) on QUEUE and takes (count, exits, queue_after); an index
is reached only from the one before it, so the rows are messages 0, 1, … once each and in order, and their hashes
one chain between public values that L1 holds. Keccak is collision-resistant, so the words are those that L1
hashed, and their parts those that it put there: high halves have 32 bits by their limbs, low halves and amounts
are halves of hashed words, below 2^128. WORDS under an index have one server. 3. and 4.: with short, limbs of
amount - balance - 1 prove amount > balance; without it, those of balance - amount with no carry out of the top
prove the converse. Words of the state are below 2^128 in each half, and so are those that go back. What goes
beyond 2^256 is dropped, as nothing may fail; the contract on L1 keeps tokens below 2^128, of ether there is less.
Times from 8 to 8 (2^16 - 1) stand before those of the transactions, as clocks start at FIRST_CLOCK = 2^16.
Padding rows are zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from zkroll.circuits.air.chip import AirBuilder, Chip, Word
from zkroll.circuits.air.expr import Expr, lift
from zkroll.circuits.air.gadgets import range16
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import FIELD_BALANCE, FIELD_STORAGE, KECCAK, SPACE_MESSAGE, WORDS
from zkroll.circuits.chips.bridge.accounts import (
    SUPPLY_SLOT,
    address,
    address_columns,
    change,
    change_columns,
    changed,
    joined,
    token_slot,
    unused,
    zero_flag,
)
from zkroll.circuits.chips.bridge.buses import QUEUE, WITHDRAWAL
from zkroll.circuits.chips.bridge.places import message_times
from zkroll.circuits.chips.limbs import U64, inverse, limbs_of
from zkroll.circuits.chips.transaction.access import access, access_columns
from zkroll.circuits.source import DEPOSIT, EXIT, MessageTrace

MESSAGE_BYTES: Final = 128  # the hash before and three words


class L1MessageChip(Chip):
    """Messages of L1's queue."""

    name = "l1_message"
    context_columns = ("index",)

    def define(self, b: AirBuilder) -> None:
        deposit, exit_ = b.bit("deposit"), b.bit("exit")
        active, sign = deposit + exit_, deposit - exit_
        b.constrain("at most one kind", deposit * exit_)
        index, exits = b.column("index"), b.column("exits")
        token, account, recipient = (address(b, name, active) for name in ("token", "account", "recipient"))
        amount, prev, digest = b.column("amount"), b.word("prev"), b.word("hash")
        ether = zero_flag(b, "ether", joined(token), active)
        of_token = active - ether

        range16(b, "index below 2^16 - 1", index + 1, active)
        b.receive("queue before", QUEUE, (index, exits, prev.hi, prev.lo), active)
        b.send("queue after", QUEUE, (index + 1, exits + exit_, digest.hi, digest.lo), active)
        tops = token.hi * 2**64 + account.hi * 2**32 + recipient.hi
        kind = deposit * DEPOSIT + exit_ * EXIT
        words = (
            prev,
            Word(kind * 2**96 + tops, token.lo),
            Word(account.lo, recipient.lo),
            Word(lift(0), amount),
        )
        asked = (SPACE_MESSAGE, index, 0, 0, 0, MESSAGE_BYTES, digest.hi, digest.lo)
        b.send("hash of the queue", KECCAK, asked, active)
        for i, word in enumerate(words):
            b.receive(f"word {i} of the queue", WORDS, (SPACE_MESSAGE, index, i, word.hi, word.lo), active)

        slot, balance, short = b.word("slot"), b.word("balance"), b.bit("short")
        token_slot(b, account, slot, of_token)
        left = changed(b, "left", active)
        b.constrain("only exits are short", short * (1 - exit_))
        b.constrain("a short balance is small", short * balance.hi)
        b.constrain("a short balance carries nothing", short * left.carry)
        b.constrain("an exit takes what is there", exit_ * left.top_carry)
        b.constrain("ether stays below 2^128", ether * left.word.hi)
        whole = change(balance, amount, sign, left)
        missing = amount - balance.lo - 1
        b.constrain("balance after, high half", left.word.hi - (1 - short) * whole.hi)
        b.constrain("balance after, low half", left.word.lo - (1 - short) * whole.lo - short * missing)
        place = (
            joined(account) + of_token * (joined(token) - joined(account)),
            active * FIELD_BALANCE + of_token * (FIELD_STORAGE - FIELD_BALANCE),
            slot.hi,
            slot.lo,
        )
        after = Word((1 - short) * left.word.hi, (1 - short) * left.word.lo)
        time = (index + 1) * 8
        access(b, "account", place, time=time, old=balance, new=after, when=active)

        moved = amount + short * (balance.lo - amount)
        self._supply(b, token, moved, sign, time, of_token)
        unused(b, "slot", 1 - ether, slot.hi, slot.lo)
        b.send(
            "withdrawal",
            WITHDRAWAL,
            (exits, token.hi, token.lo, recipient.hi, recipient.lo, moved),
            exit_,
        )
        b.zero_in_padding(active)

    @staticmethod
    def _supply(b: AirBuilder, token: Word, moved: Expr, sign: Expr, time: Expr, when: Expr) -> None:
        """A token's supply goes with the balance."""
        supply = b.word("supply")
        total = changed(b, "total", when)
        grown = change(supply, moved, sign, total)
        b.constrain("supply after, high half", total.word.hi - when * grown.hi)
        b.constrain("supply after, low half", total.word.lo - when * grown.lo)
        place = (joined(token), FIELD_STORAGE, 0, SUPPLY_SLOT)
        cells = access(b, "supply", place, time=time, old=supply, new=total.word, when=when)
        unused(b, "supply", when, supply.hi, supply.lo, *total.cells, *cells)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        messages: Sequence[MessageTrace] = ctx.source.messages
        if not messages:
            return None
        rows = len(messages)
        kind = np.array([m.kind for m in messages])
        exits = (kind == EXIT).astype(np.int64)
        token, account, recipient, amount = (
            limbs_of(getattr(m, name) for m in messages)
            for name in ("token", "account", "recipient", "amount")
        )
        balance, supply = (
            limbs_of(getattr(m, f"old_{name}") for m in messages) for name in ("balance", "supply")
        )
        moved = limbs_of(m.moved for m in messages)
        of_token: NDArray[np.bool_] = np.any(token, axis=1)
        short = np.array([m.kind == EXIT and m.old_balance < m.amount for m in messages])
        left, _ = change_columns("left", balance, amount, exits == 1)
        missing, _ = change_columns(
            "left", amount, limbs_of((m.old_balance + 1) % 2**256 for m in messages), short
        )
        total, _ = change_columns("total", supply, moved * of_token[:, None], exits == 1)
        times = message_times(messages)
        account_before = np.array([at.account for at in times], dtype=np.int64)
        supply_before = np.array([at.supply for at in times], dtype=np.int64)
        time = 8 * (1 + np.arange(rows))
        supply_access = access_columns("supply", time, np.where(of_token, supply_before, time - 1))
        return {
            "deposit": (kind == DEPOSIT).astype(np.uint8),
            "exit": exits,
            "index": np.arange(rows),
            "exits": np.cumsum(exits) - exits,
            **address_columns("token", token),
            **address_columns("account", account),
            **address_columns("recipient", recipient),
            "amount": amount,
            "prev": limbs_of(m.hash_before for m in messages),
            "hash": limbs_of(m.hash_after for m in messages),
            "ether": ~of_token,
            "ether_inverse": inverse(token),
            "slot": limbs_of(m.slot for m in messages),
            "balance": balance,
            "supply": supply,
            "short": short,
            **{name: _chosen(short, missing[name], column) for name, column in left.items()},
            **total,
            **access_columns("account", time, account_before),
            **supply_access,
            "supply_before": np.where(of_token, supply_before, 0),
        }


def _chosen(rows: NDArray[np.bool_], yes: ColumnData, no: ColumnData) -> U64:
    one, other = np.asarray(yes), np.asarray(no)
    picked: U64 = np.where(rows.reshape(-1, *[1] * (one.ndim - 1)), one, other)
    return picked
