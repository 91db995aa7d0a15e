"""Memory."""

from .. import gas
from ..frame import Frame
from ..tracer import CopySource


def mload(frame: Frame) -> None:
    """The word at a byte offset."""
    stack = frame.stack
    offset = stack[-1]
    frame.charge_memory(offset, 32)
    stack[-1] = int.from_bytes(frame.read_memory(offset, 32), "big")


def mstore(frame: Frame) -> None:
    """Write a word at a byte offset."""
    offset = frame.stack.pop()
    word = frame.stack.pop()
    frame.charge_memory(offset, 32)
    frame.write_memory(offset, word.to_bytes(32, "big"))


def mstore8(frame: Frame) -> None:
    """Write the lowest byte of a word."""
    offset = frame.stack.pop()
    word = frame.stack.pop()
    frame.charge_memory(offset, 1)
    frame.write_memory(offset, bytes((word & 0xFF,)))


def msize(frame: Frame) -> None:
    """Size of the memory in bytes, always whole words."""
    frame.stack.append(frame.memory.size << 5)


def mcopy(frame: Frame) -> None:
    """Copy within memory as if through a buffer (EIP-5656)."""
    dst = frame.stack.pop()
    src = frame.stack.pop()
    length = frame.stack.pop()
    frame.charge_memory(max(dst, src), length, gas.COPY_WORD * gas.words(length))
    data = frame.read_memory(src, length)
    if length and frame.tracer.records:
        frame.tracer.copy(CopySource.MEMORY, dst, src, length)
    frame.write_memory(dst, data)


INSTRUCTIONS = {0x51: mload, 0x52: mstore, 0x53: mstore8, 0x59: msize, 0x5E: mcopy}
