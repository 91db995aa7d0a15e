"""Comparisons: 1 or 0."""

from ..frame import Frame
from .arithmetic import SIGN


def lt(frame: Frame) -> None:
    """a < b."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] = int(a < stack[-1])


def gt(frame: Frame) -> None:
    """a > b."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] = int(a > stack[-1])


def slt(frame: Frame) -> None:
    """a < b of signed words; flipping the sign bit maps signed order onto unsigned order."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] = int(a ^ SIGN < stack[-1] ^ SIGN)


def sgt(frame: Frame) -> None:
    """a > b of signed words."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] = int(a ^ SIGN > stack[-1] ^ SIGN)


def eq(frame: Frame) -> None:
    """a = b."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] = int(a == stack[-1])


def iszero(frame: Frame) -> None:
    """a = 0."""
    stack = frame.stack
    stack[-1] = int(stack[-1] == 0)


INSTRUCTIONS = {0x10: lt, 0x11: gt, 0x12: slt, 0x13: sgt, 0x14: eq, 0x15: iszero}
