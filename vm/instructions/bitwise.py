"""Bit operations and shifts (EIP-145)."""

from ..frame import Frame
from .arithmetic import MASK, SIGN, to_signed


def and_(frame: Frame) -> None:
    """a and b."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] &= a


def or_(frame: Frame) -> None:
    """a or b."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] |= a


def xor(frame: Frame) -> None:
    """a xor b."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] ^= a


def not_(frame: Frame) -> None:
    """All bits of a flipped."""
    frame.stack[-1] ^= MASK


def byte(frame: Frame) -> None:
    """Byte i of a word, the highest being byte 0; 0 for i ≥ 32."""
    stack = frame.stack
    i = stack.pop()
    stack[-1] = (stack[-1] >> (248 - 8 * i)) & 0xFF if i < 32 else 0


def shl(frame: Frame) -> None:
    """Shift left; 0 for 256 and more."""
    stack = frame.stack
    shift = stack.pop()
    stack[-1] = (stack[-1] << shift) & MASK if shift < 256 else 0


def shr(frame: Frame) -> None:
    """Shift right; 0 for 256 and more."""
    stack = frame.stack
    shift = stack.pop()
    stack[-1] = stack[-1] >> shift if shift < 256 else 0


def sar(frame: Frame) -> None:
    """Shift right, filling with the sign bit."""
    stack = frame.stack
    shift = stack.pop()
    if shift < 256:
        stack[-1] = (to_signed(stack[-1]) >> shift) & MASK
    else:
        stack[-1] = MASK if stack[-1] & SIGN else 0


INSTRUCTIONS = {
    0x16: and_,
    0x17: or_,
    0x18: xor,
    0x19: not_,
    0x1A: byte,
    0x1B: shl,
    0x1C: shr,
    0x1D: sar,
}
