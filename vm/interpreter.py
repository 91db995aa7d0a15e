"""Runs messages: a stack of frames, the checks of every step, and the machine's table of instructions.

A frame ends by a `Halt`. One that calls leaves the message in `frame.child`; the loop then runs the child's frame
and hands its outcome back, so the depth of calls never becomes depth of Python's own stack.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from . import gas, opcodes
from .environment import Environment, Message
from .frame import Frame
from .halts import (
    ExceptionalHalt,
    Halt,
    HaltKind,
    InvalidOpcode,
    MissingOpcode,
    OutOfGas,
    StackOverflow,
    StackUnderflow,
)
from .instructions import (
    Instruction,
    arithmetic,
    bitwise,
    block,
    comparison,
    environment,
    flow,
    keccak,
    log,
    memory,
    stack,
    storage,
    system,
)
from .opcodes import OPCODES, Opcode
from .state import JournaledState
from .tracer import NullTracer, Tracer

Precompile = Callable[[bytes, int], tuple[int, bytes]]
"""(input, gas) → (gas price, output); raises an ExceptionalHalt where it refuses its input."""

_ALL: dict[int, Instruction] = {}
for _family in (
    arithmetic,
    comparison,
    bitwise,
    keccak,
    environment,
    block,
    stack,
    memory,
    storage,
    flow,
    log,
    system,
):
    _ALL.update(_family.INSTRUCTIONS)


@dataclass(frozen=True)
class Machine:
    """Which opcodes and precompiles run. Others of Cancun raise MissingOpcode or MissingPrecompile."""

    instructions: Mapping[int, Instruction]
    precompiles: Mapping[int, Precompile] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
    def table(self) -> list[tuple[Opcode, Instruction] | None]:
        """By byte: record and instruction, None where this machine runs nothing."""
        return [
            (OPCODES[byte], self.instructions[byte]) if byte in self.instructions else None
            for byte in range(256)
        ]


CORE = Machine({byte: _ALL[byte] for byte in opcodes.CORE})
"""The rollup's machine: the opcodes that have chips."""

CANCUN = Machine(_ALL)
"""Every opcode that has an instruction."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a message ended: gas left for its caller, and the output of RETURN or REVERT."""

    kind: HaltKind
    gas_left: int
    output: bytes

    @property
    def success(self) -> bool:
        """Whether the message's effects stay."""
        return self.kind.is_success


def execute_message(
    state: JournaledState,
    env: Environment,
    message: Message,
    tracer: Tracer | None = None,
    machine: Machine = CORE,
) -> Outcome:
    """Move the message's value and run its code; on failure everything it did is undone, the value included.

    Nothing is checked or charged that belongs to the transaction: call `state.begin_transaction()` before, and take
    the fee and the intrinsic gas. Refund counter and logs are left in the state. Code of no bytes succeeds with all
    its gas. Raises MissingOpcode or MissingPrecompile, and InputError if the caller lacks the value; the state is
    then as it was before the message.
    """
    tracer = NullTracer() if tracer is None else tracer
    table = machine.table
    start = state.snapshot()
    try:
        return _run(state, env, message, tracer, table)
    except BaseException:
        state.revert(start)
        raise


def _run(
    state: JournaledState,
    env: Environment,
    message: Message,
    tracer: Tracer,
    table: list[tuple[Opcode, Instruction] | None],
) -> Outcome:
    frames = [_open(state, env, message, tracer)]
    while True:
        frame = frames[-1]
        kind = _run_frame(frame, table)
        if frame.child is not None:
            frames.append(_open(state, env, frame.child, tracer))
            continue
        frames.pop()
        if not kind.is_success:
            state.revert(frame.snapshot)
        output = frame.output
        tracer.end_context(kind, frame.gas_left, output)
        if not frames:
            return Outcome(kind, frame.gas_left, output)
        parent = frames[-1]
        parent.resume(kind, frame.gas_left, output, None)
        tracer.resume(parent)


def _open(state: JournaledState, env: Environment, message: Message, tracer: Tracer) -> Frame:
    snapshot = state.snapshot()
    tracer.begin_context(env.transaction.index, message)
    if message.transfers_value:
        if message.value:
            state.transfer(message.caller, message.address, message.value)
        state.touch(message.address)
    return Frame(state, env, message, tracer, snapshot)


def _run_frame(frame: Frame, table: list[tuple[Opcode, Instruction] | None]) -> HaltKind:
    """Step until the frame halts (its kind) or wants a child run (NONE)."""
    code = frame.code
    if not code:
        return HaltKind.STOP
    end = len(code)
    operands = frame.stack
    tracer = frame.tracer
    records = tracer.records
    demanded = 0
    while True:
        pc = frame.pc
        byte = code[pc] if pc < end else 0  # code is followed by endless STOPs
        if records:
            tracer.begin_step(frame, byte)
        try:
            entry = table[byte]
            if entry is None:
                raise _unknown(frame, byte)
            opcode, instruction = entry
            depth = len(operands)
            if depth < opcode.pops:
                raise StackUnderflow
            if depth - opcode.pops + opcode.pushes > gas.STACK_LIMIT:
                raise StackOverflow
            frame.charge(opcode.gas)
            frame.pc = pc + 1
            instruction(frame)
        except Halt as halt:
            if isinstance(halt, OutOfGas):
                demanded = halt.demanded
            if records:
                tracer.end_step(frame, halt.kind, demanded)
            if isinstance(halt, ExceptionalHalt):
                frame.gas_left = 0
                frame.output = b""
            return halt.kind
        if records:
            tracer.end_step(frame, HaltKind.NONE, 0)
        if frame.child is not None:
            return HaltKind.NONE


def _unknown(frame: Frame, byte: int) -> Exception:
    if byte in OPCODES:
        return MissingOpcode(frame.environment.transaction.index, byte, opcodes.name(byte), frame.pc)
    return InvalidOpcode()
