"""The trace of a batch: what a `TraceRecorder` collects, readable step by step or as arrays.

Record layout. Every step, the one that halts its frame included, is one `Step`:

- `gas_cost` is what the step demanded: static plus dynamic gas, memory expansion and gas handed to a callee
  included. A step that runs out of gas is the only one whose cost exceeds `gas_before`; where the static gas
  alone exceeds it the cost is the static gas, and where SSTORE's sentry does it is 2301 (2300 must remain).
  Other exceptional halts show what was charged before they failed, not the loss of the rest: 0 for an
  undefined opcode, an underflow or an overflow, the full price for an invalid jump.
- `inputs` are the operands, top of the stack first, whenever the stack holds them; `outputs` the results, top
  first, empty if the step halts. DUPn has inputs (x,) and outputs (x,), x being the n-th word. SWAPn has
  inputs (top, n-th below) and outputs (n-th below, top). PUSHn has its immediate as output.
- `memory_before` and `memory_after` are sizes in words; they are equal when the step halts exceptionally.
- The end of the code is a STOP step at that pc.

What steps touch lies in tables of its own, each row naming its step: storage, memory words, copies, hashes,
logs. Rows are in order of execution; a call's output is written when it returns, under the call's own step.
Rows of a step that then ran out of gas are kept (SLOAD and SSTORE looked at the slot to know their price),
and rows undone by a later revert are kept too: `contexts[...].kind` tells.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .arrays import (
    U64_MAX,
    CopyArrays,
    HashArrays,
    LogArrays,
    MemoryArrays,
    StepArrays,
    StorageArrays,
    TraceArrays,
    limbs,
    memory_limbs,
    offsets,
    padded,
    u64,
)
from .environment import Message
from .halts import HaltKind
from .opcodes import OPCODES
from .opcodes import name as opcode_name
from .state import Log
from .tracer import CopySource, StorageAccess

if TYPE_CHECKING:
    from .frame import Frame

MAX_INPUTS = 7
MAX_OUTPUTS = 2


class Step(NamedTuple):
    """One executed opcode; the module's docstring gives the fields' exact meaning."""

    transaction: int
    context: int
    depth: int
    pc: int
    opcode: int
    gas_before: int
    gas_cost: int
    refund_before: int
    stack_before: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    memory_before: int
    memory_after: int
    halt: HaltKind

    @property
    def name(self) -> str:
        """The opcode's name."""
        return opcode_name(self.opcode)


class MemoryRow(NamedTuple):
    """Consecutive whole words that a step read (`before` = `after`) or wrote; bytes in memory order."""

    step: int
    first_word: int
    before: bytes
    after: bytes
    is_write: bool


class CopyRow(NamedTuple):
    """Bytes that a step copied into memory; `dst` and `src` are byte offsets."""

    step: int
    source: CopySource
    dst: int
    src: int
    length: int


@dataclass(slots=True)
class Context:
    """One frame: its message, where its steps are, and its end. `parent` is −1 for a transaction's own."""

    transaction: int
    parent: int
    message: Message
    first_step: int
    end_step: int = -1
    kind: HaltKind = HaltKind.NONE
    gas_left: int = 0
    output: bytes = b""

    @property
    def success(self) -> bool:
        """Whether the frame's effects stay, as far as it decides."""
        return self.kind.is_success


@dataclass(slots=True)
class Trace:
    """Everything recorded, as lists in order of execution; a table's rows begin with their step's index."""

    steps: list[Step] = field(default_factory=list)
    contexts: list[Context] = field(default_factory=list)
    storage: list[tuple[int, StorageAccess]] = field(default_factory=list)
    memory: list[MemoryRow] = field(default_factory=list)
    copies: list[CopyRow] = field(default_factory=list)
    hashes: list[tuple[int, bytes, int]] = field(default_factory=list)
    logs: list[tuple[int, Log]] = field(default_factory=list)

    def transaction_steps(self, index: int) -> Iterator[tuple[int, Step]]:
        """(index in the trace, step) for every step of one transaction."""
        return ((i, step) for i, step in enumerate(self.steps) if step.transaction == index)

    def arrays(self) -> TraceArrays:
        """The trace as NumPy arrays."""
        return TraceArrays(
            self._step_arrays(),
            self._storage_arrays(),
            self._memory_arrays(),
            self._copy_arrays(),
            self._hash_arrays(),
            self._log_arrays(),
        )

    def _step_arrays(self) -> StepArrays:
        steps = self.steps
        numbers = np.array(
            [
                (s[0], s[1], s[2], s[3], s[4], s[5], min(s[6], U64_MAX), s[7], s[8], s[11], s[12], s[13])
                for s in steps
            ],
            dtype=np.uint64,
        ).reshape(-1, 12)
        tx, context, depth, pc, opcode, before, cost, refund, stack, memory_before, memory_after, halt = (
            np.ascontiguousarray(column) for column in numbers.T
        )
        return StepArrays(
            tx,
            context,
            depth,
            pc,
            opcode.astype(np.uint8),
            before,
            cost,
            refund,
            stack,
            memory_before,
            memory_after,
            halt.astype(np.uint8),
            np.array([len(s.inputs) for s in steps], dtype=np.uint8),
            np.array([len(s.outputs) for s in steps], dtype=np.uint8),
            padded([s.inputs for s in steps], MAX_INPUTS),
            padded([s.outputs for s in steps], MAX_OUTPUTS),
        )

    def _storage_arrays(self) -> StorageArrays:
        rows = [access for _, access in self.storage]
        return StorageArrays(
            np.array([step for step, _ in self.storage], dtype=np.int64),
            limbs(row.address for row in rows),
            limbs(row.slot for row in rows),
            limbs(row.original for row in rows),
            limbs(row.current for row in rows),
            limbs(row.new for row in rows),
            np.array([row.was_warm for row in rows], dtype=np.bool_),
            np.array([row.is_write for row in rows], dtype=np.bool_),
            np.array([row.refund_delta for row in rows], dtype=np.int64),
        )

    def _memory_arrays(self) -> MemoryArrays:
        rows = self.memory
        counts = np.array([len(row.before) >> 5 for row in rows], dtype=np.int64)
        ends = np.cumsum(counts)
        within = np.arange(int(counts.sum()), dtype=np.int64) - np.repeat(ends - counts, counts)
        first = np.array([row.first_word for row in rows], dtype=np.int64)
        return MemoryArrays(
            np.repeat(np.array([row.step for row in rows], dtype=np.int64), counts),
            (np.repeat(first, counts) + within).astype(np.uint64),
            memory_limbs(b"".join([row.before for row in rows])),
            memory_limbs(b"".join([row.after for row in rows])),
            np.repeat(np.array([row.is_write for row in rows], dtype=np.bool_), counts),
        )

    def _copy_arrays(self) -> CopyArrays:
        rows = self.copies
        return CopyArrays(
            np.array([row.step for row in rows], dtype=np.int64),
            np.array([row.source for row in rows], dtype=np.uint8),
            u64(row.dst for row in rows),
            u64(row.src for row in rows),
            u64(row.length for row in rows),
        )

    def _hash_arrays(self) -> HashArrays:
        rows = self.hashes
        return HashArrays(
            np.array([step for step, _, _ in rows], dtype=np.int64),
            offsets(len(data) for _, data, _ in rows),
            np.frombuffer(b"".join([data for _, data, _ in rows]), dtype=np.uint8),
            limbs(digest for _, _, digest in rows),
        )

    def _log_arrays(self) -> LogArrays:
        rows = [log for _, log in self.logs]
        return LogArrays(
            np.array([step for step, _ in self.logs], dtype=np.int64),
            limbs(log.address for log in rows),
            np.array([len(log.topics) for log in rows], dtype=np.uint8),
            padded([log.topics for log in rows], 4),
            offsets(len(log.data) for log in rows),
            np.frombuffer(b"".join([log.data for log in rows]), dtype=np.uint8),
        )


class TraceRecorder:
    """A tracer that collects a `Trace`; one recorder takes a whole batch."""

    records = True

    def __init__(self) -> None:
        self.trace = Trace()
        self._open: list[int] = []
        self._call_steps: list[int] = []
        self._transaction = 0
        self._inputs: tuple[int, ...] = ()
        self._start = (0, 0, 0, 0, 0, 0)

    def begin_transaction(self, index: int) -> None:
        """The messages that follow belong to transaction `index`."""
        self._transaction = index

    def begin_context(self, transaction: int, message: Message) -> None:
        """Open a context."""
        parent = self._open[-1] if self._open else -1
        self._transaction = transaction
        self._open.append(len(self.trace.contexts))
        self.trace.contexts.append(Context(transaction, parent, message, len(self.trace.steps)))

    def end_context(self, kind: HaltKind, gas_left: int, output: bytes) -> None:
        """Close the innermost context."""
        context = self.trace.contexts[self._open.pop()]
        context.end_step = len(self.trace.steps)
        context.kind = kind
        context.gas_left = gas_left
        context.output = output

    def begin_step(self, frame: "Frame", opcode: int) -> None:
        """Note how the frame is before the step."""
        stack = frame.stack
        if 0x80 <= opcode <= 0x8F:
            n = opcode - 0x7F
            self._inputs = (stack[-n],) if len(stack) >= n else ()
        elif 0x90 <= opcode <= 0x9F:
            n = opcode - 0x8F
            self._inputs = (stack[-1], stack[-1 - n]) if len(stack) > n else ()
        else:
            known = OPCODES.get(opcode)
            pops = known.pops if known else 0
            self._inputs = tuple(stack[: -pops - 1 : -1]) if 0 < pops <= len(stack) else ()
        self._start = (frame.pc, opcode, frame.gas_left, frame.state.refund, len(stack), frame.memory.size)

    def end_step(self, frame: "Frame", kind: HaltKind, demanded: int) -> None:
        """Append the step."""
        pc, opcode, gas_before, refund, stack_before, memory_before = self._start
        if kind is not HaltKind.NONE or frame.child is not None:
            outputs: tuple[int, ...] = ()
        elif 0x80 <= opcode <= 0x8F:
            outputs = (frame.stack[-1],)
        elif 0x90 <= opcode <= 0x9F:
            outputs = self._inputs[::-1]
        else:
            outputs = (frame.stack[-1],) if OPCODES[opcode].pushes else ()
        if frame.child is not None:
            self._call_steps.append(len(self.trace.steps))
        context = self._open[-1]
        self.trace.steps.append(
            Step(
                self._transaction,
                context,
                frame.message.depth,
                pc,
                opcode,
                gas_before,
                gas_before - frame.gas_left + demanded,
                refund,
                stack_before,
                self._inputs,
                outputs,
                memory_before,
                memory_before if kind.is_exceptional else frame.memory.size,
                kind,
            )
        )

    def resume(self, frame: "Frame") -> None:
        """Give the call's step the result it left on the stack."""
        index = self._call_steps.pop()
        self.trace.steps[index] = self.trace.steps[index]._replace(outputs=(frame.stack[-1],))
        rows = self.trace.memory
        if rows and rows[-1].step == len(self.trace.steps):  # the output that the call wrote just now
            rows[-1] = rows[-1]._replace(step=index)

    def storage(self, access: StorageAccess) -> None:
        """Append a row."""
        self.trace.storage.append((len(self.trace.steps), access))

    def memory(self, first_word: int, before: bytes, after: bytes, is_write: bool) -> None:
        """Append a row."""
        self.trace.memory.append(MemoryRow(len(self.trace.steps), first_word, before, after, is_write))

    def copy(self, source: CopySource, dst: int, src: int, length: int) -> None:
        """Append a row."""
        self.trace.copies.append(CopyRow(len(self.trace.steps), source, dst, src, length))

    def hash(self, data: bytes, digest: int) -> None:
        """Append a row."""
        self.trace.hashes.append((len(self.trace.steps), data, digest))

    def log(self, log: Log) -> None:
        """Append a row."""
        self.trace.logs.append((len(self.trace.steps), log))
