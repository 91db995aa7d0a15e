"""What the client of the rollup contract takes and gives: configuration, batches, messages, and what users sign."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Literal

from zkroll.algebra.keccak import keccak256
from zkroll.errors import RollupError
from zkroll.rollup.l1.artifact import Artifact, load_artifact
from zkroll.rollup.l1.inbox import Receipt, hex_address
from zkroll.rollup.l1.messages import L1Message

#: contracts whose errors can come out of a call of the rollup, the rollup's own first
_REFUSING: Final = ("Rollup", "WrapVerifier", "ExitProofs")


def rollup_artifact() -> Artifact:
    """The rollup contract, `contracts/Rollup.sol`."""
    return load_artifact("Rollup")


class ContractRefused(RollupError):
    """A call that the rollup contract, or one that it asks, reverted.

    `error` is the custom error's name, None where there is none; `values` are its values by name.
    """

    def __init__(self, message: str, error: str | None, values: dict[str, Any]) -> None:
        super().__init__(message)
        self.error = error
        self.values = values


def refusal(place: str, data: bytes) -> ContractRefused:
    """The error for revert data; `place` says which L1 and what was tried."""
    for artifact in map(load_artifact, _REFUSING):
        found = artifact.decode_error(data)
        if found is not None:
            return ContractRefused(f"{place}: {artifact.describe_error(data)}", *found)
    return ContractRefused(f"{place}: {rollup_artifact().describe_error(data)}", None, {})


@dataclass(frozen=True)
class Delays:
    """The rollup's times, in seconds, fixed for ever.

    forced: after which a message has to be in the next batch; escape: without a finalised batch, or of a message
    beyond its deadline, after which anyone can switch to escape mode; upgrade: between announcing a change and
    making it, longer than forced and escape together; finalisation: after a batch's proof, shorter than escape.
    """

    forced: int
    escape: int
    upgrade: int
    finalisation: int


@dataclass(frozen=True)
class RollupConfig:
    """What a rollup is deployed with. Addresses are integers; `owner` 0 means that nothing can ever change.

    tokens: pairs of a token's address on L1 and on L2. messages_per_batch: a batch that takes so many may leave
    overdue ones to the next.
    """

    genesis_root: int
    chain_id: int
    sequencer: int
    owner: int
    verifier: int
    exit_proofs: int
    delays: Delays
    tokens: tuple[tuple[int, int], ...] = ()
    messages_per_batch: int = 16

    def constructor(self) -> tuple[object, ...]:
        """The constructor's argument, as the ABI has it; what is senseless is left to the contract to refuse."""
        return (
            self.genesis_root.to_bytes(32, "big"),
            self.chain_id,
            hex_address(self.sequencer),
            hex_address(self.owner),
            hex_address(self.verifier),
            hex_address(self.exit_proofs),
            [(hex_address(l1), hex_address(l2)) for l1, l2 in self.tokens],
            (self.delays.forced, self.delays.escape, self.delays.upgrade, self.delays.finalisation),
            self.messages_per_batch,
        )


@dataclass(frozen=True)
class QueuedMessage:
    """A message as L1 holds it: its place in the queue, who paid for it, and the queue's hash after it."""

    index: int
    message: L1Message
    sender: int
    hash_after: bytes
    time: int
    in_block: int
    refunded: bool


@dataclass(frozen=True)
class CommittedBatch:
    """A batch as L1 holds it, checked against the contract's storage.

    It takes the messages `queue_start` to `queue_end` (excluded); the queue's hashes before and after them are
    `queue_before` and `queue_after`. `new_root` and `withdrawals_root` are None until it is proven.
    """

    number: int
    stage: Literal["committed", "proven", "finalised"]
    data: bytes
    data_hash: bytes
    timestamp: int
    old_root: int | None
    new_root: int | None
    withdrawals_root: bytes | None
    queue_start: int
    queue_end: int
    queue_before: bytes
    queue_after: bytes
    messages: tuple[QueuedMessage, ...]
    in_block: int
    transaction_hash: bytes


@dataclass(frozen=True)
class Queued:
    """A message that was sent: the receipt of its transaction, and its place in the queue."""

    receipt: Receipt
    index: int


@dataclass(frozen=True)
class RollupStatus:
    """Where a rollup stands. Times in seconds since 1970; `escaped_at` is 0 while the rollup is alive.

    last_root: of the last finalised batch. escape_from: the time after which anyone can switch to escape mode if
    nothing happens.
    """

    address: int
    chain_id: int
    sequencer: int
    owner: int
    verifier: int
    exit_proofs: int
    delays: Delays
    messages_per_batch: int
    genesis_root: int
    last_committed: int
    last_proven: int
    last_finalised: int
    last_finalised_at: int
    last_root: int
    messages: int
    messages_taken: int
    escaped_at: int
    escape_from: int


class Change(IntEnum):
    """What governance can set; the numbers are the contract's."""

    VERIFIER = 0
    SEQUENCER = 1
    OWNER = 2
    TOKEN = 3


@dataclass(frozen=True)
class SigningDomain:
    """The one rollup that a user's signature is good for: chain id of L1, the contract, chain id of L2."""

    l1_chain_id: int
    rollup: int
    l2_chain_id: int

    def exit_message(self, token: int, account: int, amount: int, recipient: int, nonce: int) -> bytes:
        """What `account` signs to be forced out, 32 bytes: `Rollup.exitMessage`. `nonce`: its signed exits so far."""
        return self._message("requestExitSigned", (token, account, amount, recipient, nonce))

    def escape_message(self, account: int, token: int, balance: int, recipient: int) -> bytes:
        """What `account` signs to leave in escape mode, 32 bytes: `Rollup.escapeMessage`."""
        return self._message("escapeWithdraw", (account, token, balance, recipient))

    def _message(self, function: str, values: tuple[int, ...]) -> bytes:
        selector = rollup_artifact().selector(function).ljust(32, b"\0")
        words = (self.l1_chain_id, self.rollup, self.l2_chain_id, *values)
        return keccak256(selector + b"".join(word.to_bytes(32, "big") for word in words))
