"""The accesses of state words during a batch, in order: what the circuits' memory argument is built of.

Before all transactions, each L1 message of the batch, then each registration:

    MESSAGE    balance of its account, of ether or in a token's storage; then, of a token, the supply
    REGISTER   registry of its index   0 -> its address

One transaction makes, in this order (every line always, unless said otherwise):

    FROM_INDEX registry of the sender's index, read
    TO_INDEX   registry of the recipient's index, read
    NONCE      sender nonce            n -> n + 1
    FEE        sender balance          b -> b - gas_limit * gas_price
    VALUE_OUT  sender balance          b -> b - value
    VALUE_IN   recipient balance       b -> b + value
    CODE       recipient code_poseidon read
    STEP       what SLOAD, SSTORE, SELFBALANCE and BALANCE look at or write, step by step
    WITHDRAWAL only at the bridge: sender's balance and supply in a token's storage
    UNDO       only where a frame failed: its writes (VALUE_IN and VALUE_OUT too) in reverse, new -> old
    REFUND     sender balance          b -> b + (gas_left + refund) * gas_price
    REWARD     coinbase balance        b -> b + (gas_used - refund) * gas_price
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from zkroll.errors import ProvingError
from zkroll.rollup.state.state import Field, Place
from zkroll.vm.environment import Message
from zkroll.vm.halts import HaltKind
from zkroll.vm.state import Log
from zkroll.vm.tracer import CopySource, StorageAccess, Tracer

if TYPE_CHECKING:
    from zkroll.vm.frame import Frame

NO_STEP = -1
_BALANCE, _SELFBALANCE = 0x31, 0x47


class Cause(enum.IntEnum):
    """Why a word was accessed."""

    NONCE = 0
    FEE = 1
    VALUE_OUT = 2
    VALUE_IN = 3
    CODE = 4
    STEP = 5
    UNDO = 6
    REFUND = 7
    REWARD = 8
    REGISTER = 9
    FROM_INDEX = 10
    TO_INDEX = 11
    MESSAGE = 12
    WITHDRAWAL = 13


class StateAccess(NamedTuple):
    """One access: a read has old == new and `is_write` False; a write may leave the word as it was.

    `step` is the index of the EVM step in the batch's trace, or NO_STEP.
    """

    transaction: int
    cause: Cause
    step: int
    place: Place
    old: int
    new: int
    is_write: bool


class Ledger:
    """Collects accesses and knows the first and the present word of every touched place."""

    def __init__(self, word: Callable[[Place], int]) -> None:
        self._word = word
        self.accesses: list[StateAccess] = []
        self.first: dict[Place, int] = {}
        self.current: dict[Place, int] = {}
        self._undoable: list[StateAccess] = []
        self._transaction = 0

    def begin_transaction(self, index: int) -> None:
        """The accesses that follow belong to transaction `index`; what is before can no longer be undone."""
        self._transaction = index
        self._undoable.clear()

    def now(self, place: Place) -> int:
        """The present word of a place."""
        known = self.current.get(place)
        return self._word(place) if known is None else known

    def read(self, cause: Cause, place: Place, step: int = NO_STEP) -> int:
        """Record a read; gives the word."""
        word = self.now(place)
        self._append(StateAccess(self._transaction, cause, step, place, word, word, False))
        return word

    def write(self, cause: Cause, place: Place, new: int, step: int = NO_STEP) -> None:
        """Record that a place gets the word `new`."""
        access = StateAccess(self._transaction, cause, step, place, self.now(place), new, True)
        self._undoable.append(access)
        self._append(access)

    def mark(self) -> int:
        """A point that `undo` can go back to within this transaction."""
        return len(self._undoable)

    def undo(self, mark: int) -> None:
        """Record that all writes since `mark` are taken back, the last first."""
        while len(self._undoable) > mark:
            access = self._undoable.pop()
            self._append(access._replace(cause=Cause.UNDO, step=NO_STEP, old=access.new, new=access.old))

    def _append(self, access: StateAccess) -> None:
        self.first.setdefault(access.place, access.old)
        self.current[access.place] = access.new
        self.accesses.append(access)


class AccessTracer:
    """A tracer that writes a ledger and passes every event on to another tracer."""

    records = True

    def __init__(self, ledger: Ledger, inner: Tracer) -> None:
        self._ledger = ledger
        self._inner = inner
        self._marks: list[int] = []
        self._step = -1
        self._seen: list[StorageAccess] = []
        self._balance_of: int | None = None

    def begin_transaction(self, index: int) -> None:
        """Pass on."""
        self._inner.begin_transaction(index)

    def begin_context(self, transaction: int, message: Message) -> None:
        """Record the transfer of value and, for a transaction's own message, the look at the code."""
        ledger = self._ledger
        self._marks.append(ledger.mark())
        source, target = Place(message.caller, Field.BALANCE), Place(message.address, Field.BALANCE)
        if message.transfers_value and (message.value or message.depth == 0):
            ledger.write(Cause.VALUE_OUT, source, ledger.now(source) - message.value)
            ledger.write(Cause.VALUE_IN, target, ledger.now(target) + message.value)
        ledger.read(Cause.CODE, Place(message.code_address, Field.CODE_POSEIDON))
        self._inner.begin_context(transaction, message)

    def end_context(self, kind: HaltKind, gas_left: int, output: bytes) -> None:
        """Take back what a failed frame wrote."""
        mark = self._marks.pop()
        if not kind.is_success:
            self._ledger.undo(mark)
        self._inner.end_context(kind, gas_left, output)

    def begin_step(self, frame: Frame, opcode: int) -> None:
        """Count the step; BALANCE needs its operand before it is popped."""
        self._step += 1
        self._seen.clear()
        self._balance_of = None
        if opcode == _SELFBALANCE:
            self._balance_of = frame.message.address
        elif opcode == _BALANCE and frame.stack:
            self._balance_of = frame.stack[-1] & ((1 << 160) - 1)
        if self._inner.records:
            self._inner.begin_step(frame, opcode)

    def end_step(self, frame: Frame, kind: HaltKind, demanded: int) -> None:
        """Record what the step accessed; a step that halts exceptionally has only looked."""
        ledger = self._ledger
        for seen in self._seen:
            place = Place(seen.address, Field.STORAGE, seen.slot)
            if ledger.now(place) != seen.current:
                raise ProvingError(
                    f"step {self._step}: storage of {place} differs from the recorded accesses"
                )
            if seen.is_write and not kind.is_exceptional:
                ledger.write(Cause.STEP, place, seen.new, self._step)
            else:
                ledger.read(Cause.STEP, place, self._step)
        if self._balance_of is not None and not kind.is_exceptional:
            ledger.read(Cause.STEP, Place(self._balance_of, Field.BALANCE), self._step)
        if self._inner.records:
            self._inner.end_step(frame, kind, demanded)

    def resume(self, frame: Frame) -> None:
        """Pass on."""
        if self._inner.records:
            self._inner.resume(frame)

    def storage(self, access: StorageAccess) -> None:
        """Keep until the end of the step tells whether it counts."""
        self._seen.append(access)
        if self._inner.records:
            self._inner.storage(access)

    def memory(self, first_word: int, before: bytes, after: bytes, is_write: bool) -> None:
        """Pass on."""
        if self._inner.records:
            self._inner.memory(first_word, before, after, is_write)

    def copy(self, source: CopySource, dst: int, src: int, length: int) -> None:
        """Pass on."""
        if self._inner.records:
            self._inner.copy(source, dst, src, length)

    def hash(self, data: bytes, digest: int) -> None:
        """Pass on."""
        if self._inner.records:
            self._inner.hash(data, digest)

    def log(self, log: Log) -> None:
        """Pass on."""
        if self._inner.records:
            self._inner.log(log)
