"""What an executed batch looks like to the chips: plain data, made by the rollup layer from a VM trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

#: kinds of L1 messages
DEPOSIT: Final = 1
EXIT: Final = 2


def statement_values(
    *,
    old_root: int,
    new_root: int,
    batch_number: int,
    chain_id: int,
    rollup_address: int,
    timestamp: int,
    data_hash: int,
    queue_before: int = 0,
    queue_after: int = 0,
    withdrawals_root: int = 0,
) -> tuple[int, ...]:
    """The public values in the order of ``buses.PUBLIC_VALUES``.

    The hashes are 256-bit Keccak digests: of the batch data, of the queue of L1 messages before and after the
    batch, and the root of its withdrawals.
    """
    numbers = (old_root, new_root, batch_number, chain_id, rollup_address, timestamp)
    hashes = (data_hash, queue_before, queue_after, withdrawals_root)
    return (*numbers, *(half for digest in hashes for half in (digest >> 128, digest % 2**128)))


@dataclass(frozen=True)
class TransactionTrace:
    """One native transaction and its outcome. ``words`` are its 256-bit data words (integers) in order."""

    index: int
    nonce: int
    gas_limit: int
    gas_price: int
    sender: int
    to: int
    value: int
    calldata: bytes
    words: Sequence[int]
    public_key: tuple[int, int]
    signature: tuple[int, int, int]  # R8x, R8y, S
    message: int
    code_hash: int  # Poseidon code hash of ``to``; 0 without code
    code: bytes
    intrinsic_gas: int
    gas_left: int  # after execution, before the refund
    refund: int  # the refund counter at the end (uncapped; 0 on failure)
    success: bool
    first_step: int  # range of rows in the VM trace; equal where no code runs
    end_step: int
    from_index: int = 0  # the registry's indices of sender and recipient
    to_index: int = 0


@dataclass(frozen=True)
class LeafUpdate:
    """One touched (address, field, slot), in the order in which the tree is updated (ascending key).

    ``kind``: "update" (the leaf exists), "insert_empty" (its place is empty), "insert_split" (another leaf is
    there), "absent" (stays absent: word zero before and after). ``siblings`` from the root downwards, as long
    as the path to where the search ended. ``other`` is the (key, value) of the leaf found there for
    "insert_split", and for "absent" where the place is taken; None where it is empty.
    """

    address: int
    field: int
    slot: int
    key: int
    old_word: int
    new_word: int
    kind: str
    siblings: Sequence[int]
    other: tuple[int, int] | None
    old_root: int
    new_root: int


@dataclass(frozen=True)
class MessageTrace:
    """One L1 message and what it found: words before it, token slot and supply 0 for ether.

    ``kind`` 1 credits ``amount``, 2 takes up to it and withdraws what it took; hashes are 256-bit integers.
    """

    kind: int
    token: int
    account: int
    recipient: int
    amount: int
    hash_before: int
    hash_after: int
    slot: int
    old_balance: int
    old_supply: int

    @property
    def moved(self) -> int:
        """What is credited or taken."""
        return self.amount if self.kind == DEPOSIT else min(self.amount, self.old_balance)


@dataclass(frozen=True)
class WithdrawalTrace:
    """What transaction number ``transaction`` withdraws; slot and words before it are 0 for ether."""

    transaction: int
    token: int
    recipient: int
    amount: int
    slot: int
    old_balance: int
    old_supply: int


@dataclass(frozen=True)
class BatchTrace:
    """An executed batch. ``steps`` is the VM's recorded trace (``zkroll.vm.trace``)."""

    chain_id: int
    batch_number: int
    rollup_address: int
    timestamp: int
    coinbase: int
    old_root: int
    new_root: int
    data: bytes
    data_hash: int
    transactions: Sequence[TransactionTrace]
    steps: Any
    leaves: Sequence[LeafUpdate]
    codes: Mapping[int, bytes] = field(default_factory=dict)  # Poseidon code hash -> code
    registrations: Sequence[tuple[int, int]] = ()  # (index, address), made before the transactions
    messages: Sequence[MessageTrace] = ()  # consumed before the first transaction
    queue_before: int = 0
    withdrawals: Sequence[WithdrawalTrace] = ()  # of transactions
    withdrawals_root: int = 0

    @property
    def queue_after(self) -> int:
        """The queue's hash after the last consumed message."""
        return self.messages[-1].hash_after if self.messages else self.queue_before

    def leaves_withdrawn(self) -> list[tuple[int, int, int]]:
        """(token, recipient, amount) of all withdrawals in the order of their tree."""
        exits = [(m.token, m.recipient, m.moved) for m in self.messages if m.kind == EXIT]
        return exits + [(w.token, w.recipient, w.amount) for w in self.withdrawals]

    def public_values(self) -> tuple[int, ...]:
        """What the proof of this batch is about."""
        return statement_values(
            old_root=self.old_root,
            new_root=self.new_root,
            batch_number=self.batch_number,
            chain_id=self.chain_id,
            rollup_address=self.rollup_address,
            timestamp=self.timestamp,
            data_hash=self.data_hash,
            queue_before=self.queue_before,
            queue_after=self.queue_after,
            withdrawals_root=self.withdrawals_root,
        )
