"""KECCAK256."""

from ...algebra.keccak import keccak256
from .. import gas
from ..frame import Frame


def keccak(frame: Frame) -> None:
    """Hash a piece of memory; 6 gas a word."""
    stack = frame.stack
    offset = stack.pop()
    length = stack.pop()
    frame.charge_memory(offset, length, gas.KECCAK256_WORD * gas.words(length))
    data = frame.read_memory(offset, length)
    digest = int.from_bytes(keccak256(data), "big")
    if frame.tracer.records:
        frame.tracer.hash(data, digest)
    stack.append(digest)


INSTRUCTIONS = {0x20: keccak}
