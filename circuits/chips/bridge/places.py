"""Where L1 messages and withdrawals meet the state, for the fills: times and words of every place they use.

Message i uses its places at time 8 (1 + i); a withdrawal uses those of its token at 8 ctx + WITHDRAW.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from zkroll.circuits.buses import FIELD_BALANCE, FIELD_STORAGE
from zkroll.circuits.chips.bridge.accounts import SUPPLY_SLOT
from zkroll.circuits.chips.limbs import I64, U64, limbs_of
from zkroll.circuits.source import DEPOSIT, MessageTrace

WITHDRAW: Final = 7

Place = tuple[int, int, int]  # address, field, slot


@dataclass(frozen=True)
class Before:
    """Times of the accesses before those of one message; 0 where there is none."""

    account: int
    supply: int


def message_times(messages: Sequence[MessageTrace]) -> list[Before]:
    """The times of the accesses before those of each message."""
    last: dict[Place, int] = {}
    out = []
    for index, message in enumerate(messages):
        changed = list(_changed(message))
        before = [last.get(place, 0) for place, _ in changed]
        out.append(Before(before[0], before[1] if len(before) > 1 else 0))
        last.update((place, 8 * (1 + index)) for place, _ in changed)
    return out


def opening(source: Any) -> dict[Place, tuple[int, int]]:
    """Places that messages used: time of the last access and the word that the transactions find there."""
    out: dict[Place, tuple[int, int]] = {}
    for index, message in enumerate(getattr(source, "messages", ())):
        out.update((place, (8 * (1 + index), word)) for place, word in _changed(message))
    return out


def _changed(message: MessageTrace) -> list[tuple[Place, int]]:
    """What a message leaves: the balance, and the supply of a token."""
    moved = message.moved if message.kind == DEPOSIT else -message.moved
    balance = (message.old_balance + moved) % 2**256
    if not message.token:
        return [((message.account, FIELD_BALANCE, 0), balance)]
    supply = (message.old_supply + moved) % 2**256
    return [
        ((message.token, FIELD_STORAGE, message.slot), balance),
        ((message.token, FIELD_STORAGE, SUPPLY_SLOT), supply),
    ]


@dataclass(frozen=True)
class Writes:
    """Writes of storage words, a row each, in any order: where, when, whether they stay, and what they leave."""

    address: U64
    slot: U64
    time: I64
    success: U64
    final: U64

    def joined(self, other: Writes) -> Writes:
        """These, then the others."""
        return Writes(
            *(
                np.concatenate([getattr(self, name), getattr(other, name)])
                for name in ("address", "slot", "time", "success", "final")
            )
        )


def withdrawal_writes(source: Any, begin: I64) -> Writes:
    """The writes of the withdrawals of tokens: all balances, then all supplies; ``begin`` is by transaction."""
    tokens = [w for w in getattr(source, "withdrawals", ()) if w.token]
    clocks = begin[np.array([w.transaction for w in tokens], dtype=np.int64)]
    count = len(tokens)
    return Writes(
        address=limbs_of([w.token for w in tokens] * 2),
        slot=limbs_of([w.slot for w in tokens] + [SUPPLY_SLOT] * count),
        time=np.tile(8 * clocks + WITHDRAW, 2),
        success=np.ones(2 * count, dtype=np.uint64),
        final=limbs_of(
            [(w.old_balance - w.amount) % 2**256 for w in tokens]
            + [(w.old_supply - w.amount) % 2**256 for w in tokens]
        ),
    )
