"""Runs messages: a stack of frames, the checks of every step, and the machine's table of instructions.

A frame ends by a `Halt`. One that calls leaves the message in `frame.child`; the loop then runs the child's
frame and hands its outcome back, so the depth of calls never becomes depth of Python's own stack.
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
    MissingPrecompile,
    OutOfGas,
    StackOverflow,
    StackUnderflow,
)
from .instructions import (
    Instruction,
    arithmetic,
    bitwise,
    block,
    call,
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
    call,
):
    _ALL.update(_family.INSTRUCTIONS)


@dataclass(frozen=True)
class Machine:
    """Which opcodes and precompiles run. Other opcodes of Cancun raise MissingOpcode.

    `precompiles` holds by address what answers instead of code; None there raises MissingPrecompile.
    """

    instructions: Mapping[int, Instruction]
    precompiles: Mapping[int, Precompile | None] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
    def table(self) -> list[tuple[Opcode, Instruction] | None]:
        """By byte: record and instruction, None where this machine runs nothing."""
        return [
            (OPCODES[byte], self.instructions[byte]) if byte in self.instructions else None
            for byte in range(256)
        ]


CORE = Machine({byte: _ALL[byte] for byte in opcodes.CORE})
"""The rollup's machine: the opcodes that have chips."""

CANCUN = Machine(_ALL, dict.fromkeys(range(1, 11)))
"""Ethereum's machine: every opcode that has an instruction."""


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

    Nothing is checked or charged that belongs to the transaction: call `state.begin_transaction()` before,
    and take the fee and the intrinsic gas. Refund counter and logs are left in the state. Code of no bytes
    succeeds with all its gas. Raises MissingOpcode or MissingPrecompile, and InputError if the caller lacks
    the value; the state is then as it was before the message.
    """
    start = state.snapshot()
    try:
        return _run(state, env, message, NullTracer() if tracer is None else tracer, machine)
    except BaseException:
        state.revert(start)
        raise


def _run(
    state: JournaledState, env: Environment, message: Message, tracer: Tracer, machine: Machine
) -> Outcome:
    frames = [_open(state, env, message, tracer, machine)]
    while True:
        frame = frames[-1]
        kind = _run_frame(frame, machine.table)
        if frame.child is not None:
            frames.append(_open(state, env, frame.child, tracer, machine))
            continue
        frames.pop()
        if frame.message.is_create and kind.is_success:
            kind = _deploy(frame, kind)
        if not kind.is_success:
            state.revert(frame.snapshot)
        tracer.end_context(kind, frame.gas_left, frame.output)
        if not frames:
            return Outcome(kind, frame.gas_left, frame.output)
        frames[-1].resume(frame.message, kind, frame.gas_left, frame.output)
        tracer.resume(frames[-1])


def _open(
    state: JournaledState, env: Environment, message: Message, tracer: Tracer, machine: Machine
) -> Frame:
    """Enter a message: its value moves, a created account begins, a precompile answers at once."""
    frame = Frame(state, env, message, tracer, state.snapshot())
    tracer.begin_context(env.transaction.index, message)
    address = message.address
    if message.is_create:
        if state.nonce(address) or state.code(address) or state.has_storage(address):
            _fail(frame, HaltKind.ADDRESS_COLLISION)
            return frame
        state.mark_created(address)
        state.set_nonce(address, 1)
    if message.transfers_value:
        if message.value:
            state.transfer(message.caller, address, message.value)
        state.touch(address)
    if message.code_address in machine.precompiles and not message.is_create:
        _precompiled(frame, machine.precompiles[message.code_address])
    return frame


def _precompiled(frame: Frame, precompile: Precompile | None) -> None:
    if precompile is None:
        raise MissingPrecompile(frame.environment.transaction.index, frame.message.code_address)
    try:
        price, output = precompile(frame.message.data, frame.gas_left)
        frame.charge(price)
    except ExceptionalHalt as halt:
        _fail(frame, halt.kind)
    else:
        frame.output = output
        frame.verdict = HaltKind.RETURN


def _deploy(frame: Frame, kind: HaltKind) -> HaltKind:
    """Make the output of init code the account's code: 200 gas per byte (EIP-170, EIP-3541)."""
    code = frame.output
    if len(code) > gas.MAX_CODE_SIZE or code[:1] == b"\xef":
        return _fail(frame, HaltKind.INVALID_CODE)
    if gas.CODE_DEPOSIT_BYTE * len(code) > frame.gas_left:
        return _fail(frame, HaltKind.OUT_OF_GAS)
    frame.charge(gas.CODE_DEPOSIT_BYTE * len(code))
    frame.state.set_code(frame.message.address, code)
    return kind


def _fail(frame: Frame, kind: HaltKind) -> HaltKind:
    """End a frame exceptionally: its gas and its output are lost."""
    frame.gas_left = 0
    frame.output = b""
    frame.verdict = kind
    return kind


def _run_frame(frame: Frame, table: list[tuple[Opcode, Instruction] | None]) -> HaltKind:
    """Step until the frame halts (its kind) or wants a child run (NONE)."""
    if frame.verdict is not None:
        return frame.verdict
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
            return _fail(frame, halt.kind) if isinstance(halt, ExceptionalHalt) else halt.kind
        if records:
            tracer.end_step(frame, HaltKind.NONE, 0)
        if frame.child is not None:
            return HaltKind.NONE


def _unknown(frame: Frame, byte: int) -> Exception:
    if byte in OPCODES:
        return MissingOpcode(frame.environment.transaction.index, byte, opcodes.name(byte), frame.pc)
    return InvalidOpcode()
