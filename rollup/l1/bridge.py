"""The client of the rollup contract: deploy it, move batches and money through it, read it back, on any L1.

Every step is a transaction of the node's account. What the contract refuses raises ContractRefused with its reason;
what a node gives is checked against the contract's own storage, so that a node that leaves something out of its
logs, or changes it, is found out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zkroll.algebra.keccak import keccak256
from zkroll.errors import InputError, RollupError
from zkroll.rollup.l1.bridge_types import (
    Change,
    CommittedBatch,
    Delays,
    Queued,
    QueuedMessage,
    RollupConfig,
    RollupStatus,
    SigningDomain,
    refusal,
    rollup_artifact,
)
from zkroll.rollup.l1.inbox import Log, Node, Receipt, Reverted, hex_address
from zkroll.rollup.l1.messages import EMPTY_QUEUE, L1Message, MessageKind, next_hash
from zkroll.rollup.l1.withdrawals import Withdrawal


class Bridge:
    """The rollup at an address of an L1, as the node's account sees it."""

    def __init__(self, node: Node, address: int) -> None:
        """Raises RollupError when another contract than this version's rollup lies at the address."""
        self.node = node
        self.address = address
        self._artifact = rollup_artifact()
        code = node.code(address)
        if not code:
            raise RollupError(
                f"{node.name}: {hex_address(address)}: expected the rollup, there is no contract"
            )
        if not self._artifact.is_code(code):
            raise RollupError(f"{node.name}: {hex_address(address)} is not this version's rollup contract")

    @classmethod
    def deploy(cls, node: Node, config: RollupConfig) -> tuple[Bridge, Receipt]:
        """Deploy a new rollup. Raises ContractRefused for a configuration that the contract refuses."""
        data = rollup_artifact().encode_constructor(config.constructor())
        try:
            receipt = node.send(None, data)
        except Reverted as error:
            raise refusal(f"{node.name}: deployment", error.data) from None
        if receipt.created is None:
            raise RollupError(f"{node.name}: the deployment created no contract")
        return cls(node, receipt.created), receipt

    def with_node(self, node: Node) -> Bridge:
        """The same rollup, as another account or node sees it."""
        return Bridge(node, self.address)

    # ---- batches -----------------------------------------------------------------------------------------------

    def commit(self, number: int, queue_end: int, data: bytes) -> Receipt:
        """Make the data of the next batch public; it takes the messages up to `queue_end` (excluded)."""
        return self._send("commitBatch", number, queue_end, data)

    def revert(self, first: int) -> Receipt:
        """Drop the committed, unproven batches from number `first` on."""
        return self._send("revertBatches", first)

    def prove(
        self, first: int, new_roots: Sequence[int], withdrawals_roots: Sequence[bytes], proof: bytes
    ) -> Receipt:
        """Prove the batches from number `first` on, one for each root."""
        roots = [root.to_bytes(32, "big") for root in new_roots]
        return self._send("proveBatches", first, roots, list(withdrawals_roots), proof)

    def finalise(self, up_to: int) -> Receipt:
        """Finalise the proven batches up to this number."""
        return self._send("finaliseBatches", up_to)

    # ---- messages ----------------------------------------------------------------------------------------------

    def deposit_ether(self, account: int, amount: int) -> Queued:
        """Lock `amount` wei for an account on L2."""
        return self._queued(self._send("depositEther", hex_address(account), value=amount))

    def approve(self, l1_token: int, amount: int) -> Receipt:
        """Let the rollup take `amount` of a token on L1, as `deposit_token` needs."""
        data = keccak256(b"approve(address,uint256)")[:4] + b"".join(
            word.to_bytes(32, "big") for word in (self.address, amount)
        )
        try:
            return self.node.send(l1_token, data)
        except Reverted as error:
            raise refusal(f"{self.node.name}: approve", error.data) from None

    def deposit_token(self, l1_token: int, account: int, amount: int) -> Queued:
        """Lock `amount` of a token on L1, approved before, for an account on L2."""
        return self._queued(self._send("depositToken", hex_address(l1_token), hex_address(account), amount))

    def request_exit(self, token: int, amount: int, recipient: int) -> Queued:
        """Force up to `amount` of a token on L2 (0 is ether) of the node's own account out to `recipient`."""
        return self._queued(self._send("requestExit", hex_address(token), amount, hex_address(recipient)))

    def request_exit_signed(
        self, token: int, account: int, amount: int, recipient: int, signature: bytes
    ) -> Queued:
        """Force another account out, by its signature of `signing_domain().exit_message`."""
        return self._queued(
            self._send(
                "requestExitSigned",
                hex_address(token),
                hex_address(account),
                amount,
                hex_address(recipient),
                signature,
            )
        )

    def exit_nonce(self, account: int) -> int:
        """The nonce that the account's next signed exit has to contain."""
        return int(self._read("exitNonces", hex_address(account))[0])

    def signing_domain(self) -> SigningDomain:
        """What signatures for this rollup contain."""
        return SigningDomain(self.node.chain_id, self.address, int(self._read("l2ChainId")[0]))

    # ---- ways out ----------------------------------------------------------------------------------------------

    def withdraw(
        self, batch: int, generalised_index: int, proof: Sequence[bytes], withdrawal: Withdrawal
    ) -> Receipt:
        """Have a withdrawal of a finalised batch paid to its recipient."""
        return self._send(
            "withdraw",
            batch,
            generalised_index,
            list(proof),
            hex_address(withdrawal.token),
            hex_address(withdrawal.recipient),
            withdrawal.amount,
        )

    def is_claimed(self, batch: int, generalised_index: int) -> bool:
        """Whether a withdrawal was paid."""
        return bool(self._read("isClaimed", batch, generalised_index)[0])

    def activate_escape(self) -> Receipt:
        """Switch to escape mode, once the rollup has stood still for long enough."""
        return self._send("activateEscape")

    def escape_withdraw(
        self, account: int, token: int, balance: int, recipient: int, proof: bytes, signature: bytes = b""
    ) -> Receipt:
        """Leave with the whole balance in the last finalised root.

        `proof` shows the balance; `signature` is of `signing_domain().escape_message`, empty where the node's
        account is the account itself.
        """
        return self._send(
            "escapeWithdraw",
            hex_address(account),
            hex_address(token),
            balance,
            hex_address(recipient),
            proof,
            signature,
        )

    def has_escaped(self, account: int, token: int) -> bool:
        """Whether an account has left with its balance of a token on L2."""
        return bool(self._read("escaped", hex_address(account), hex_address(token))[0])

    def cancel_deposit(self, index: int) -> Receipt:
        """In escape mode, give a deposit that no finalised batch took back to its depositor."""
        message = self.message(index).message
        return self._send(
            "cancelDeposit", index, hex_address(message.token), hex_address(message.account), message.amount
        )

    # ---- governance --------------------------------------------------------------------------------------------

    def schedule_change(self, change: Change, subject: int, l2_token: int = 0) -> Receipt:
        """Announce a change: a new verifier, sequencer or owner, or the token `subject` on L1 for one on L2."""
        return self._send("scheduleChange", int(change), hex_address(subject), hex_address(l2_token))

    def cancel_change(self, change: Change, subject: int, l2_token: int = 0) -> Receipt:
        """Give up an announced change."""
        return self._send("cancelChange", int(change), hex_address(subject), hex_address(l2_token))

    def execute_change(self, change: Change, subject: int, l2_token: int = 0) -> Receipt:
        """Make an announced change whose delay is over."""
        return self._send("executeChange", int(change), hex_address(subject), hex_address(l2_token))

    # ---- reading -----------------------------------------------------------------------------------------------

    def status(self) -> RollupStatus:
        """Where the rollup stands."""
        last = self._number("lastFinalised")
        finalised = self._read("batches", last)
        return RollupStatus(
            address=self.address,
            chain_id=self._number("l2ChainId"),
            sequencer=self._address("sequencer"),
            owner=self._address("owner"),
            verifier=self._address("verifier"),
            exit_proofs=self._address("exitProofs"),
            delays=Delays(
                self._number("forcedDeadline"),
                self._number("escapeDelay"),
                self._number("upgradeDelay"),
                self._number("finalisationDelay"),
            ),
            messages_per_batch=self._number("maxMessagesPerBatch"),
            genesis_root=int.from_bytes(self._read("batches", 0)[0], "big"),
            last_committed=self._number("lastCommitted"),
            last_proven=self._number("lastProven"),
            last_finalised=last,
            last_finalised_at=self._number("lastFinalisedAt"),
            last_root=int.from_bytes(finalised[0], "big"),
            messages=self._number("messageCount"),
            messages_taken=int(finalised[4]),
            escaped_at=self._number("escapedAt"),
            escape_from=self._number("escapeFrom"),
        )

    def locked(self, l1_token: int = 0) -> int:
        """What is locked of a token on L1 (0 is ether): deposits that were not paid out."""
        return int(self._read("locked", hex_address(l1_token))[0])

    def l1_token(self, l2_token: int) -> int:
        """The token on L1 of a bridged token on L2; 0 for one that is not bridged."""
        return int(self._read("l1TokenOf", hex_address(l2_token))[0], 16)

    def message(self, index: int) -> QueuedMessage:
        """A message of the queue. Raises RollupError when there is none, or when L1 contradicts itself."""
        count = self._number("messageCount")
        if not 0 <= index < count:
            raise RollupError(f"{self.node.name}: message {index}: expected one of the {count} queued ones")
        return self.messages(index, index + 1)[0]

    def messages(self, start: int, end: int) -> tuple[QueuedMessage, ...]:
        """The messages from number `start` to `end` (excluded). Raises RollupError as `message` does."""
        count = self._number("messageCount")
        if not 0 <= start <= end <= count:
            raise RollupError(
                f"{self.node.name}: messages: expected a part of 0 to {count}, got {start} to {end}"
            )
        current = self._queue_hash(start)
        found = []
        for index in range(start, end):
            queued = self._message(index, current)
            current = queued.hash_after
            found.append(queued)
        return tuple(found)

    def batch(self, number: int) -> CommittedBatch:
        """A committed batch with its data and messages: all that a node needs to run it.

        Raises RollupError when there is none, or when L1 contradicts itself.
        """
        place = f"{self.node.name}: batch {number}"
        last = self._number("lastCommitted")
        if not 1 <= number <= last:
            raise RollupError(f"{place} is not committed; committed are 1 to {last}")
        parent = self._read("batches", number - 1)
        root, data_hash, withdrawals, timestamp, queue_end, block, proven_at, queue_start = self._read(
            "batches", number
        )
        log = self._last_log("BatchCommitted", block, number.to_bytes(32, "big"), place)
        logged_end, data = self._artifact.decode_event("BatchCommitted", log.data)
        if keccak256(data) != data_hash or logged_end != queue_end:
            raise RollupError(f"{place}: the logged data is not what the contract stores a hash of")
        finalised = number <= self._number("lastFinalised")
        messages = self.messages(queue_start, queue_end)
        before = self._queue_hash(queue_start)
        return CommittedBatch(
            number=number,
            stage="finalised" if finalised else "proven" if proven_at else "committed",
            data=data,
            data_hash=data_hash,
            timestamp=timestamp,
            old_root=int.from_bytes(parent[0], "big") if number == 1 or parent[6] else None,
            new_root=int.from_bytes(root, "big") if proven_at else None,
            withdrawals_root=withdrawals if proven_at else None,
            queue_start=queue_start,
            queue_end=queue_end,
            queue_before=before,
            queue_after=messages[-1].hash_after if messages else before,
            messages=messages,
            in_block=block,
            transaction_hash=log.transaction_hash,
        )

    # ---- plumbing ----------------------------------------------------------------------------------------------

    def _message(self, index: int, hash_before: bytes) -> QueuedMessage:
        place = f"{self.node.name}: message {index}"
        hash_after, sender, time, block, refunded = self._read("messages", index)
        log = self._last_log("MessageQueued", block, index.to_bytes(32, "big"), place)
        kind, token, recipient, amount, _ = self._artifact.decode_event("MessageQueued", log.data)
        try:
            account = int.from_bytes(log.topics[2], "big")
            message = L1Message(MessageKind(kind), int(token, 16), account, int(recipient, 16), amount)
        except (InputError, ValueError, IndexError) as error:
            raise RollupError(f"{place}: the log has no message: {error}") from error
        if next_hash(hash_before, message) != hash_after:
            raise RollupError(f"{place}: the logged message is not what the contract stores a hash of")
        return QueuedMessage(index, message, int(sender, 16), hash_after, time, block, refunded)

    def _last_log(self, event: str, block: int, topic: bytes, place: str) -> Log:
        found = self.node.logs(self.address, block, (self._artifact.event_topic(event), topic))
        if not found:
            raise RollupError(f"{place}: expected its event in block {block}, got none")
        # A batch can be committed, reverted and committed again in one block: the last one counts.
        return found[-1]

    def _queued(self, receipt: Receipt) -> Queued:
        topics = (self._artifact.event_topic("MessageQueued"),)
        for log in self.node.logs(self.address, receipt.block_number, topics):
            if log.transaction_hash == receipt.transaction_hash:
                return Queued(receipt, int.from_bytes(log.topics[1], "big"))
        raise RollupError(f"{self.node.name}: the transaction queued no message")

    def _queue_hash(self, count: int) -> bytes:
        return bytes(self._read("queueHash", count)[0]) if count else EMPTY_QUEUE

    def _number(self, function: str) -> int:
        return int(self._read(function)[0])

    def _address(self, function: str) -> int:
        return int(self._read(function)[0], 16)

    def _read(self, function: str, *arguments: object) -> tuple[Any, ...]:
        try:
            data = self.node.call(self.address, self._artifact.encode_call(function, *arguments))
        except Reverted as error:
            raise refusal(f"{self.node.name}: {function}", error.data) from None
        return self._artifact.decode_result(function, data)

    def _send(self, function: str, *arguments: object, value: int = 0) -> Receipt:
        data = self._artifact.encode_call(function, *arguments)
        try:
            return self.node.send(self.address, data, value)
        except Reverted as error:
            raise refusal(f"{self.node.name}: {function} refused by the contract", error.data) from None
