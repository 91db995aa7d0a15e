"""The client of the inbox contract: deploy it, post batches to it, read them back, on any kind of L1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.keccak import keccak256
from zkroll.errors import InputError, RollupError
from zkroll.rollup.l1.artifact import inbox_artifact

if TYPE_CHECKING:
    from types import TracebackType


class Reverted(Exception):
    """A call or transaction that the contract reverted, with the data it gave."""

    def __init__(self, data: bytes) -> None:
        super().__init__("0x" + data.hex())
        self.data = data


@dataclass(frozen=True)
class Receipt:
    """A mined transaction: its hash, block number, gas used and the contract it created (or None)."""

    transaction_hash: bytes
    block_number: int
    gas_used: int
    created: int | None


@dataclass(frozen=True)
class Log:
    """One event: topics and data as bytes, and the transaction that emitted it."""

    topics: tuple[bytes, ...]
    data: bytes
    transaction_hash: bytes


class Node(Protocol):
    """What the client needs of an L1; addresses are integers below 2^160."""

    name: str
    chain_id: int

    @property
    def sender(self) -> int:
        """The account that pays for transactions; raises InputError when there is no key."""
        ...

    def call(self, to: int, data: bytes, sender: int | None = None) -> bytes:
        """Run a call on the newest block; raises Reverted."""
        ...

    def code(self, address: int) -> bytes:
        """The code at an address, empty when there is none."""
        ...

    def block_number(self) -> int:
        """Number of the newest block."""
        ...

    def block_timestamp(self, block: int) -> int:
        """Seconds since 1970 in a block."""
        ...

    def balance(self, address: int) -> int:
        """An account's wei in the newest block."""
        ...

    def send(self, to: int | None, data: bytes, value: int = 0) -> Receipt:
        """Sign, send with `value` wei and wait for a transaction; raises Reverted, before sending where it can."""
        ...

    def logs(self, address: int, block: int, topics: tuple[bytes, ...]) -> list[Log]:
        """The logs of one contract in one block whose first topics are these."""
        ...

    def created(self) -> list[int] | None:
        """All contracts that were ever created, in order; None where the node cannot tell."""
        ...

    def close(self) -> None:
        """Give everything back; safe to call twice."""
        ...


@dataclass(frozen=True)
class PostedBatch:
    """A batch as L1 holds it. Roots are integers, `data_hash` is keccak256 of `data` (checked when read).

    `chain_id` is the rollup's, `rollup_address` the inbox contract.
    """

    batch_number: int
    old_root: int
    new_root: int
    data_hash: int
    data: bytes
    timestamp: int
    chain_id: int
    rollup_address: int
    posted_in_block: int
    transaction_hash: bytes


@dataclass(frozen=True)
class Deployment:
    """A fresh inbox: its address, genesis root, the rollup's chain id, its sequencer and the receipt."""

    rollup_address: int
    genesis_root: int
    chain_id: int
    sequencer: int
    receipt: Receipt


class Postable(Protocol):
    """What a batch proof says of its batch."""

    @property
    def batch_number(self) -> int: ...
    @property
    def old_root(self) -> int: ...
    @property
    def new_root(self) -> int: ...
    @property
    def chain_id(self) -> int: ...
    @property
    def rollup_address(self) -> int: ...
    @property
    def data(self) -> bytes: ...


class L1:
    """An L1 with the rollup's inbox on it. Use as a context manager, or call `close`.

    `contract` is the inbox that the user insists on, or None.
    """

    def __init__(self, node: Node, contract: int | None = None) -> None:
        self.node = node
        self.name = node.name
        self.contract = contract
        self._artifact = inbox_artifact()

    def __enter__(self) -> L1:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the folder or connection back."""
        self.node.close()

    def deploy(self, genesis_root: int, chain_id: int, sequencer: int | None = None) -> Deployment:
        """Deploy a new inbox; the sequencer is the deploying account unless named. Raises RollupError."""
        if sequencer is None:
            sequencer = self.node.sender
        if not 0 <= chain_id < 1 << 64:
            raise InputError(f"chain id: expected 64 bits, got {chain_id}")
        data = self._artifact.encode_constructor(_root(genesis_root), chain_id, hex_address(sequencer))
        receipt = self._send(None, data, "deployment")
        if receipt.created is None:
            raise RollupError(f"{self.name}: the deployment created no contract")
        self._require_inbox(receipt.created)
        return Deployment(receipt.created, genesis_root, chain_id, sequencer, receipt)

    def post(self, proof: Postable) -> Receipt:
        """Post the batch of a proof to the inbox that it names; raises RollupError with the reason."""
        address = self.resolve(proof.rollup_address)
        chain_id = self._read(address, "l2ChainId")[0]
        if chain_id != proof.chain_id:
            raise RollupError(f"{self.name}: chain id: the inbox has {chain_id}, the proof {proof.chain_id}")
        return self.post_batch(
            address,
            proof.batch_number,
            proof.old_root,
            proof.new_root,
            data_hash=keccak256(proof.data),
            data=proof.data,
        )

    def post_batch(
        self, address: int, batch_number: int, old_root: int, new_root: int, *, data_hash: bytes, data: bytes
    ) -> Receipt:
        """Call postBatch with these very arguments; the contract decides. Raises RollupError."""
        call = self._artifact.encode_call(
            "postBatch", batch_number, _root(old_root), _root(new_root), data_hash, data
        )
        # The contract takes one encoding only, and whole words need no padding behind them.
        return self._send(address, call, f"batch {batch_number}")

    def read_batch(self, batch_number: int, contract: int | None = None) -> PostedBatch:
        """A posted batch with its data, from the inbox `contract` (see `resolve`).

        Raises RollupError when it was not posted, or when L1 gives data that its own storage contradicts.
        """
        address = self.resolve(contract)
        last = self._read(address, "nextBatchNumber")[0] - 1
        if not 1 <= batch_number <= last:
            raise RollupError(f"{self.name}: batch {batch_number} is not posted; posted are 1 to {last}")
        old_root = int.from_bytes(self._read(address, "batches", batch_number - 1)[0], "big")
        root, data_hash, timestamp, block = self._read(address, "batches", batch_number)
        topics = (self._artifact.event_topic("BatchPosted"), batch_number.to_bytes(32, "big"))
        found = self.node.logs(address, block, topics)
        if len(found) != 1:
            raise RollupError(
                f"{self.name}: batch {batch_number}: expected one event in block {block}, got {len(found)}"
            )
        (log,) = found
        logged_hash, data = self._artifact.decode_event("BatchPosted", log.data)
        if log.topics[2:] != (_root(old_root), root) or logged_hash != data_hash:
            raise RollupError(f"{self.name}: batch {batch_number}: the event contradicts the stored roots")
        if keccak256(data) != data_hash:
            raise RollupError(f"{self.name}: batch {batch_number}: the data is not of the stored hash")
        return PostedBatch(
            batch_number=batch_number,
            old_root=old_root,
            new_root=int.from_bytes(root, "big"),
            data_hash=int.from_bytes(data_hash, "big"),
            data=data,
            timestamp=timestamp,
            chain_id=self._read(address, "l2ChainId")[0],
            rollup_address=address,
            posted_in_block=block,
            transaction_hash=log.transaction_hash,
        )

    def status(self, contract: int | None = None) -> dict[str, Any]:
        """Where the rollup stands here: contract, sequencer, genesis root, batches posted, last root."""
        address = self.resolve(contract)
        last = self._read(address, "nextBatchNumber")[0] - 1
        return {
            "l1": self.name,
            "l1_chain_id": self.node.chain_id,
            "l1_block": self.node.block_number(),
            "contract": hex_address(address),
            "chain_id": self._read(address, "l2ChainId")[0],
            "sequencer": hex_address(int(self._read(address, "sequencer")[0], 16)),
            "genesis_root": "0x" + self._read(address, "batches", 0)[0].hex(),
            "batches": last,
            "last_root": "0x" + self._read(address, "batches", last)[0].hex(),
        }

    def inboxes(self) -> list[int]:
        """All inboxes on this L1 in order of deployment; empty where the node cannot tell."""
        return [a for a in self.node.created() or [] if self._artifact.is_code(self.node.code(a))]

    def resolve(self, claimed: int | None = None) -> int:
        """The inbox to use: the one the user insists on, else the claimed one, else the only one there is.

        Raises RollupError when the claimed inbox is another than the one insisted on, or none; InputError
        when there is nothing to go by.
        """
        if self.contract is not None and claimed not in (None, self.contract):
            wanted, got = hex_address(self.contract), hex_address(claimed or 0)
            raise RollupError(f"{self.name}: contract: expected {wanted}, got {got}")
        address = self.contract if self.contract is not None else claimed
        if address is None:
            known = self.inboxes()
            if len(known) != 1:
                raise InputError(f"{self.name}: {len(known)} inboxes known here: name one with --contract")
            return known[0]
        self._require_inbox(address)
        return address

    def _require_inbox(self, address: int) -> None:
        if not self._artifact.is_code(self.node.code(address)):
            raise RollupError(f"{self.name}: {hex_address(address)} is not this version's inbox contract")

    def _read(self, address: int, function: str, *arguments: object) -> tuple[Any, ...]:
        try:
            data = self.node.call(address, self._artifact.encode_call(function, *arguments))
        except Reverted as error:
            raise RollupError(
                f"{self.name}: {function}: {self._artifact.describe_error(error.data)}"
            ) from None
        return self._artifact.decode_result(function, data)

    def _send(self, to: int | None, data: bytes, what: str) -> Receipt:
        try:
            return self.node.send(to, data)
        except Reverted as error:
            reason = self._artifact.describe_error(error.data)
            raise RollupError(f"{self.name}: {what} refused by the contract: {reason}") from None


def hex_address(address: int) -> str:
    """An address as 0x and 40 hex digits."""
    return f"0x{address:040x}"


def parse_address(text: str) -> int:
    """The address in a text of 0x and 40 hex digits; raises InputError, also for capitals that are no checksum (EIP-55)."""
    digits = text[2:] if text.startswith(("0x", "0X")) else ""
    if len(digits) != 40 or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
        raise InputError(f"address: expected 0x and 40 hex digits, got {text[:80]!r}")
    if digits not in (digits.lower(), digits.upper(), _checksummed(digits.lower())):
        raise InputError(
            f"address: expected the capitals of its checksum (EIP-55), a digit may be wrong: {text}"
        )
    return int(digits, 16)


def _checksummed(digits: str) -> str:
    """EIP-55: a letter is a capital where the Keccak hash of the digits has a nibble of 8 or more."""
    nibbles = keccak256(digits.encode()).hex()
    return "".join(
        digit.upper() if int(nibble, 16) >= 8 else digit
        for digit, nibble in zip(digits, nibbles, strict=False)
    )


def _root(root: int) -> bytes:
    """A root as the contract takes it; roots out of the field are left to the contract to refuse."""
    if not 0 <= root < 1 << 256:
        raise InputError(f"root: expected an element of the field below {R_MODULUS:#x}, got {root:#x}")
    return root.to_bytes(32, "big")


def receipt_report(receipt: Receipt) -> Mapping[str, Any]:
    """A receipt for people and ``--json``."""
    return {
        "transaction": "0x" + receipt.transaction_hash.hex(),
        "block": receipt.block_number,
        "gas_used": receipt.gas_used,
    }
