"""Jumps, the program counter and the gas left."""

from ..frame import Frame
from ..halts import InvalidJump


def jump(frame: Frame) -> None:
    """Go on at a JUMPDEST."""
    _go_to(frame, frame.stack.pop())


def jumpi(frame: Frame) -> None:
    """Go on at a JUMPDEST if the condition is not zero; otherwise the destination does not matter."""
    destination = frame.stack.pop()
    if frame.stack.pop():
        _go_to(frame, destination)


def _go_to(frame: Frame, destination: int) -> None:
    if destination not in frame.destinations:
        raise InvalidJump
    frame.pc = destination


def pc(frame: Frame) -> None:
    """Position of this opcode."""
    frame.stack.append(frame.pc - 1)


def gas(frame: Frame) -> None:
    """Gas left after this opcode is paid."""
    frame.stack.append(frame.gas_left)


def jumpdest(frame: Frame) -> None:
    """Nothing: marks where a jump may go."""


INSTRUCTIONS = {0x56: jump, 0x57: jumpi, 0x58: pc, 0x5A: gas, 0x5B: jumpdest}
