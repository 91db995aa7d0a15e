"""Messages from L1 to the rollup: deposits and forced exits, their words, and the rolling hash of the queue.

A message is six 128-bit halves, packed in three 256-bit words (`|` joins bits, the left ones above):

    w1 = kind << 224 | token[159:128] << 192 | account[159:128] << 160 | recipient[159:128] << 128 | token[127:0]
    w2 = account[127:0] | recipient[127:0]
    w3 = amount

    hash_0 = 0,  hash_{i+1} = keccak256(hash_i | w1 | w2 | w3)

One message is 128 hashed bytes: one Keccak permutation. Every bit of every field has one place, so two messages
never share words. `Rollup.sol` computes the same chain, and a proof's public values name two of its links.

>>> deposit = L1Message.deposit(token=0, account=0xA11CE, amount=10**18)
>>> len(deposit.words()), next_hash(EMPTY_QUEUE, deposit).hex()[:16]
(96, '0999f9dee54d7d85')
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from zkroll.algebra.keccak import keccak256
from zkroll.errors import InputError

ETHER: Final = 0
"""The token of ether, where any other token is the address of its contract on L2."""

EMPTY_QUEUE: Final = bytes(32)
"""hash_0, the hash of a queue before its first message."""

MESSAGE_BYTES: Final = 96
HASH_BYTES: Final = 32

_ADDRESS_BITS: Final = 160
_AMOUNT_BITS: Final = 128
_LOW: Final = (1 << 128) - 1


class MessageKind(IntEnum):
    """What a message asks for; the numbers are part of its words."""

    DEPOSIT = 1
    EXIT = 2


@dataclass(frozen=True)
class L1Message:
    """One message. Addresses are integers below 2^160, `amount` wei or token units below 2^128.

    DEPOSIT credits `amount` of `token` to the L2 `account`; its recipient is 0. EXIT takes the smaller of
    `amount` and the account's balance from it and makes a withdrawal of that to the L1 `recipient`.
    Raises InputError for anything else.
    """

    kind: MessageKind
    token: int
    account: int
    recipient: int
    amount: int

    def __post_init__(self) -> None:
        if self.kind not in (MessageKind.DEPOSIT, MessageKind.EXIT):
            raise InputError(f"L1 message: kind: expected 1 (deposit) or 2 (exit), got {self.kind!r:.40}")
        for field in ("token", "account", "recipient"):
            _require_bits(field, getattr(self, field), _ADDRESS_BITS)
        _require_bits("amount", self.amount, _AMOUNT_BITS)
        if self.kind == MessageKind.DEPOSIT and self.recipient:
            raise InputError(f"L1 message: recipient of a deposit: expected 0, got {self.recipient:#x}")

    @classmethod
    def deposit(cls, token: int, account: int, amount: int) -> L1Message:
        """Credit `amount` of `token` (its L2 address, 0 for ether) to `account` on L2."""
        return cls(MessageKind.DEPOSIT, token, account, 0, amount)

    @classmethod
    def exit(cls, token: int, account: int, recipient: int, amount: int) -> L1Message:
        """Withdraw up to `amount` of `token` from `account` on L2 to `recipient` on L1."""
        return cls(MessageKind.EXIT, token, account, recipient, amount)

    def halves(self) -> tuple[int, int, int, int, int, int]:
        """The words as (high, low) pairs of 128 bits: w1 high, w1 low, w2 high, w2 low, w3 high, w3 low."""
        top = (
            int(self.kind) << 96 | self.token >> 128 << 64 | self.account >> 128 << 32 | self.recipient >> 128
        )
        return top, self.token & _LOW, self.account & _LOW, self.recipient & _LOW, 0, self.amount

    def words(self) -> bytes:
        """w1 | w2 | w3, 96 bytes big-endian."""
        return b"".join(half.to_bytes(16, "big") for half in self.halves())

    @classmethod
    def from_words(cls, words: bytes) -> L1Message:
        """The message of 96 bytes; raises InputError when no message has these words."""
        if len(words) != MESSAGE_BYTES:
            raise InputError(f"L1 message: expected {MESSAGE_BYTES} bytes, got {len(words)}")
        top, token, account, recipient, zero, amount = (
            int.from_bytes(words[at : at + 16], "big") for at in range(0, MESSAGE_BYTES, 16)
        )
        kind = top >> 96
        if kind not in (MessageKind.DEPOSIT, MessageKind.EXIT):
            raise InputError(f"L1 message: kind: expected 1 (deposit) or 2 (exit), got {kind}")
        if zero:
            raise InputError(f"L1 message: amount: expected {_AMOUNT_BITS} bits, got more")
        tops = [top >> shift & 0xFFFFFFFF for shift in (64, 32, 0)]
        addresses = [high << 128 | low for high, low in zip(tops, (token, account, recipient), strict=True)]
        return cls(MessageKind(kind), addresses[0], addresses[1], addresses[2], amount)


def next_hash(previous: bytes, message: L1Message) -> bytes:
    """hash_{i+1} from hash_i and message i; 32 bytes each. Raises InputError for a hash of another length."""
    if len(previous) != HASH_BYTES:
        raise InputError(f"queue hash: expected {HASH_BYTES} bytes, got {len(previous)}")
    return keccak256(previous + message.words())


def queue_hash(messages: Iterable[L1Message], start: bytes = EMPTY_QUEUE) -> bytes:
    """The hash after `messages`, from the hash `start` before the first of them."""
    current = start
    for message in messages:
        current = next_hash(current, message)
    return current


def _require_bits(field: str, value: int, bits: int) -> None:
    if not 0 <= value < 1 << bits:
        raise InputError(f"L1 message: {field}: expected {bits} bits, got {value:#x}")
