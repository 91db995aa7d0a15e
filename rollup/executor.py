"""Executes a batch on a state and keeps everything that the circuits need to prove it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from zkroll.algebra.keccak import keccak256
from zkroll.circuits.buses import BRIDGE_ADDRESS
from zkroll.circuits.native_rules import LARGEST_NONCE, LAST_PRECOMPILE, REFUND_QUOTIENT
from zkroll.circuits.source import statement_values
from zkroll.errors import InputError, ProvingError, UnprovableError
from zkroll.rollup.accesses import AccessTracer, Cause, Ledger, StateAccess
from zkroll.rollup.batch import Batch
from zkroll.rollup.batch_data import BatchData, Record, encode_data, record_of
from zkroll.rollup.bridge import Bridge, MessageResult, WithdrawalResult, requested_withdrawal
from zkroll.rollup.genesis import build_state
from zkroll.rollup.l1.messages import L1Message, queue_hash
from zkroll.rollup.l1.withdrawals import Withdrawal, withdrawals_root
from zkroll.rollup.registry import Registry
from zkroll.rollup.state.state import Field, Place, State, TouchedWord
from zkroll.rollup.transaction import SignedTransaction, Transaction
from zkroll.vm.environment import BlockEnvironment, Environment, Message, TransactionEnvironment
from zkroll.vm.halts import HaltKind, MissingPrecompile
from zkroll.vm.interpreter import Outcome, execute_message
from zkroll.vm.state import JournaledState, Log
from zkroll.vm.trace import Trace, TraceRecorder
from zkroll.vm.tracer import Tracer


@dataclass(frozen=True, slots=True)
class TransactionResult:
    """What became of one transaction; gas in gas, `refund` as paid out (0 on failure)."""

    index: int
    success: bool
    halt: HaltKind
    gas_used: int
    gas_left: int
    refund: int
    intrinsic_gas: int
    message: int
    output: bytes
    logs: tuple[Log, ...]


@dataclass(frozen=True)
class ExecutedBatch:
    """A batch with its execution; its registrations are those that were made.

    `trace` is the recorder's (empty when another kind of tracer was injected); `accesses` are in order;
    `touched` has one entry per place, sorted by tree key, each with its path from the root that the entry
    before it left; `codes` has the code of every contract that ran, by its Poseidon hash; `published` is its
    data on L1; `messages` and `withdrawals_made` are what its L1 messages and its withdrawing transactions did.
    """

    batch: Batch
    results: tuple[TransactionResult, ...]
    trace: Trace
    accesses: tuple[StateAccess, ...]
    touched: tuple[TouchedWord, ...]
    codes: Mapping[int, bytes]
    old_root: int
    new_root: int
    published: BatchData
    messages: tuple[MessageResult, ...] = ()
    withdrawals_made: tuple[WithdrawalResult, ...] = ()

    @cached_property
    def withdrawals(self) -> tuple[Withdrawal, ...]:
        """All withdrawals in the order of their tree: those of exits, then those of transactions."""
        exits = (result.withdrawal for result in self.messages)
        return (*(exit_ for exit_ in exits if exit_), *(made.withdrawal for made in self.withdrawals_made))

    @cached_property
    def queue_after(self) -> int:
        """The hash of the queue of L1 messages after the batch."""
        before = self.batch.queue_before.to_bytes(32, "big")
        return int.from_bytes(queue_hash(self.batch.messages, before), "big")

    @cached_property
    def withdrawals_root(self) -> int:
        """The root of the tree of withdrawals, 0 without any."""
        return int.from_bytes(withdrawals_root(self.withdrawals), "big")

    @cached_property
    def data(self) -> bytes:
        """The data on L1."""
        return encode_data(self.published)

    @cached_property
    def data_hash(self) -> int:
        """keccak256 of the data on L1."""
        return int.from_bytes(keccak256(self.data), "big")

    def public_values(self) -> tuple[int, ...]:
        """What the proof is about, as field elements, in the fixed order of the protocol."""
        batch = self.batch
        return statement_values(
            old_root=self.old_root,
            new_root=self.new_root,
            batch_number=batch.batch_number,
            chain_id=batch.chain_id,
            rollup_address=batch.rollup_address,
            timestamp=batch.timestamp,
            data_hash=self.data_hash,
            queue_before=batch.queue_before,
            queue_after=self.queue_after,
            withdrawals_root=self.withdrawals_root,
        )


def execute_batch(
    batch: Batch, state: State | None = None, tracer: Tracer | None = None, *, proven: bool = False
) -> ExecutedBatch:
    """Execute every L1 message and transaction; the state (built from the batch's pre-state when none is given) is advanced.

    Nothing is committed to the store. Raises InputError for an invalid transaction, which refuses the whole
    batch, and UnprovableError for one that needs what has no chip; both name the index, and the
    state is then as it was. Signatures are not looked at in a `proven` batch, read from L1, which has none.
    """
    if state is None:
        state = build_state(batch.pre_state)
    tracer = TraceRecorder() if tracer is None else tracer
    registry = Registry.of_state(state)
    if batch.registrations is None:
        batch = replace(batch, registrations=registry.copy().register(batch.plain()))
    execution = _Execution(batch, state, tracer, registry)
    execution.signed = not proven
    messages = tuple(execution.consume(index, message) for index, message in enumerate(batch.messages))
    execution.register()
    results = tuple(execution.run(index, signed) for index, signed in enumerate(batch.transactions))
    execution.check_accesses()
    old_root = state.root
    touched = state.apply(execution.ledger.current.items())
    return ExecutedBatch(
        batch=batch,
        results=results,
        trace=tracer.trace if isinstance(tracer, TraceRecorder) else Trace(),
        accesses=tuple(execution.ledger.accesses),
        touched=touched,
        codes=execution.codes,
        old_root=old_root,
        new_root=state.root,
        published=execution.published(),
        messages=messages,
        withdrawals_made=tuple(execution.withdrawals),
    )


class _StateWords:
    """The state as the vm reads it."""

    def __init__(self, state: State) -> None:
        self._state = state

    def nonce(self, address: int) -> int:
        return self._state.word(Place(address, Field.NONCE))

    def balance(self, address: int) -> int:
        return self._state.word(Place(address, Field.BALANCE))

    def code(self, address: int) -> bytes:
        return self._state.code(address)

    def storage(self, address: int, slot: int) -> int:
        return self._state.word(Place(address, Field.STORAGE, slot))


class _Execution:
    """One pass over the transactions of a batch."""

    def __init__(self, batch: Batch, state: State, tracer: Tracer, registry: Registry) -> None:
        self.signed = True  # whether signatures are checked
        self._batch = batch
        self._registry = registry
        self._records: list[Record] = []
        self._state = state
        self._journal = JournaledState(_StateWords(state))
        self._block = BlockEnvironment(
            number=batch.batch_number,
            timestamp=batch.timestamp,
            coinbase=batch.coinbase,
            chain_id=batch.chain_id,
        )
        self.ledger = Ledger(state.word)
        self.codes: dict[int, bytes] = {}
        self.withdrawals: list[WithdrawalResult] = []
        self._bridge = Bridge(self._journal, self.ledger)
        self._tracer = AccessTracer(self.ledger, tracer)

    def consume(self, index: int, message: L1Message) -> MessageResult:
        """Do what an L1 message says."""
        try:
            return self._bridge.consume(message)
        except UnprovableError as error:
            raise UnprovableError(f"message {index}: {error}") from error

    def register(self) -> None:
        """Make the registrations of the batch; each index is free before it."""
        for index, address in self._batch.registrations or ():
            self._registry.add(index, address)
            self.ledger.write(Cause.REGISTER, Place(index, Field.REGISTRY), address)

    def published(self) -> BatchData:
        """The data of the batch, once all transactions ran."""
        batch = self._batch
        new = batch.registrations or ()
        return BatchData(batch.timestamp, batch.coinbase, new, tuple(self._records))

    def run(self, index: int, signed: SignedTransaction) -> TransactionResult:
        transaction = signed.transaction
        place = f"transaction {index}"
        if self.signed:
            try:
                signed.check_signature(self._batch.chain_id)
            except InputError as error:
                raise InputError(f"{place}: {error}") from error
        self._check(place, transaction)
        if 1 <= transaction.to <= LAST_PRECOMPILE:
            raise MissingPrecompile(index, transaction.to)
        try:
            withdrawal = self._withdrawal(transaction)
            record = record_of(transaction, self._registry)
        except InputError as error:
            raise InputError(f"{place}: {error}") from error
        self._journal.begin_transaction()
        self.ledger.begin_transaction(index)
        self._tracer.begin_transaction(index)
        self._records.append(record)
        self.ledger.read(Cause.FROM_INDEX, Place(record.sender, Field.REGISTRY))
        self.ledger.read(Cause.TO_INDEX, Place(record.to, Field.REGISTRY))
        self._take_fee(transaction)
        outcome = self._call(index, transaction)
        if withdrawal is not None:
            self.withdrawals.append(self._bridge.withdraw(index, transaction.sender, withdrawal))
        used = transaction.gas_limit - outcome.gas_left
        refund = min(self._journal.refund, used // REFUND_QUOTIENT) if outcome.success else 0
        self._credit(Cause.REFUND, transaction.sender, (outcome.gas_left + refund) * transaction.gas_price)
        self._credit(Cause.REWARD, self._batch.coinbase, (used - refund) * transaction.gas_price)
        return TransactionResult(
            index=index,
            success=outcome.success,
            halt=outcome.kind,
            gas_used=used,
            gas_left=outcome.gas_left,
            refund=refund,
            intrinsic_gas=transaction.intrinsic_gas(),
            message=transaction.message(self._batch.chain_id),
            output=outcome.output,
            logs=self._journal.logs,
        )

    def check_accesses(self) -> None:
        """Raise ProvingError unless the recorded accesses end in the very words that the vm ended with."""
        changes = self._journal.changes()
        ended = {Place(address, Field.NONCE): word for address, word in changes.nonces.items()}
        ended |= {Place(address, Field.BALANCE): word for address, word in changes.balances.items()}
        ended |= {Place(slot[0], Field.STORAGE, slot[1]): word for slot, word in changes.storage.items()}
        for place, word in ended.items():
            if self.ledger.now(place) != word:
                raise ProvingError(
                    f"{place}: accesses end in {self.ledger.now(place):#x}, the vm in {word:#x}"
                )

    def _check(self, place: str, transaction: Transaction) -> None:
        nonce = self._journal.nonce(transaction.sender)
        if transaction.nonce != nonce:
            raise InputError(f"{place}: nonce: expected {nonce}, got {transaction.nonce}")
        if nonce == LARGEST_NONCE:
            raise InputError(f"{place}: nonce: the account has used its last one")
        balance = self._journal.balance(transaction.sender)
        if balance < transaction.up_front_cost():
            raise InputError(
                f"{place}: balance: expected at least {transaction.up_front_cost()} wei, got {balance}"
            )
        intrinsic = transaction.intrinsic_gas()
        if transaction.gas_limit < intrinsic:
            raise InputError(
                f"{place}: gas limit: expected at least {intrinsic}, got {transaction.gas_limit}"
            )

    def _withdrawal(self, transaction: Transaction) -> Withdrawal | None:
        """What the transaction withdraws, which its sender has."""
        withdrawal = requested_withdrawal(transaction)
        if withdrawal is not None:
            if self._state.code(BRIDGE_ADDRESS):
                raise InputError("withdrawal: expected a bridge without code, the state has some there")
            self._bridge.check(transaction.sender, withdrawal)
        return withdrawal

    def _take_fee(self, transaction: Transaction) -> None:
        sender = transaction.sender
        self._journal.set_nonce(sender, transaction.nonce + 1)
        self.ledger.write(Cause.NONCE, Place(sender, Field.NONCE), transaction.nonce + 1)
        balance = self._journal.balance(sender) - transaction.gas_limit * transaction.gas_price
        self._journal.set_balance(sender, balance)
        self.ledger.write(Cause.FEE, Place(sender, Field.BALANCE), balance)

    def _call(self, index: int, transaction: Transaction) -> Outcome:
        code = self._state.code(transaction.to)
        if code:
            self.codes[self._state.word(Place(transaction.to, Field.CODE_POSEIDON))] = code
        message = Message(
            caller=transaction.sender,
            address=transaction.to,
            value=transaction.value,
            data=transaction.data,
            gas=transaction.gas_limit - transaction.intrinsic_gas(),
            code=code,
            code_address=transaction.to,
        )
        around = TransactionEnvironment(
            index=index, origin=transaction.sender, gas_price=transaction.gas_price
        )
        return execute_message(self._journal, Environment(self._block, around), message, self._tracer)

    def _credit(self, cause: Cause, address: int, amount: int) -> None:
        self._journal.add_balance(address, amount)
        place = Place(address, Field.BALANCE)
        self.ledger.write(cause, place, self._journal.balance(address))
