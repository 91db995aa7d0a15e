"""How a frame ends by its own will."""

from ..frame import Frame
from ..halts import InvalidOpcode, Returned, Reverted, Stopped


def stop(_frame: Frame) -> None:
    """End with no output."""
    raise Stopped


def return_(frame: Frame) -> None:
    """End with a piece of memory as output."""
    _output(frame)
    raise Returned


def revert(frame: Frame) -> None:
    """End with output and undo all effects; the gas left stays (EIP-140)."""
    _output(frame)
    raise Reverted


def _output(frame: Frame) -> None:
    offset = frame.stack.pop()
    length = frame.stack.pop()
    frame.charge_memory(offset, length)
    frame.output = frame.read_memory(offset, length)


def invalid(_frame: Frame) -> None:
    """End and lose all gas (EIP-141)."""
    raise InvalidOpcode


INSTRUCTIONS = {0x00: stop, 0xF3: return_, 0xFD: revert, 0xFE: invalid}
