"""Arithmetic modulo 2^256. Division and remainder by zero give zero."""

from .. import gas
from ..frame import Frame

MASK = (1 << 256) - 1
SIGN = 1 << 255


def to_signed(word: int) -> int:
    """The word as a two's complement number."""
    return word - (1 << 256) if word & SIGN else word


def add(frame: Frame) -> None:
    """a + b."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] = (a + stack[-1]) & MASK


def mul(frame: Frame) -> None:
    """a · b."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] = (a * stack[-1]) & MASK


def sub(frame: Frame) -> None:
    """a − b."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] = (a - stack[-1]) & MASK


def div(frame: Frame) -> None:
    """a / b, rounded down."""
    stack = frame.stack
    a = stack.pop()
    b = stack[-1]
    stack[-1] = a // b if b else 0


def sdiv(frame: Frame) -> None:
    """a / b of signed words, rounded towards zero; −2^255 / −1 wraps to −2^255."""
    stack = frame.stack
    a = to_signed(stack.pop())
    b = to_signed(stack[-1])
    if b == 0:
        stack[-1] = 0
        return
    quotient = abs(a) // abs(b)
    stack[-1] = (quotient if (a < 0) == (b < 0) else -quotient) & MASK


def mod(frame: Frame) -> None:
    """a mod b."""
    stack = frame.stack
    a = stack.pop()
    b = stack[-1]
    stack[-1] = a % b if b else 0


def smod(frame: Frame) -> None:
    """Remainder of signed words, with the sign of a."""
    stack = frame.stack
    a = to_signed(stack.pop())
    b = to_signed(stack[-1])
    if b == 0:
        stack[-1] = 0
        return
    remainder = abs(a) % abs(b)
    stack[-1] = (-remainder if a < 0 else remainder) & MASK


def addmod(frame: Frame) -> None:
    """(a + b) mod n, the sum not wrapped."""
    stack = frame.stack
    a = stack.pop()
    b = stack.pop()
    n = stack[-1]
    stack[-1] = (a + b) % n if n else 0


def mulmod(frame: Frame) -> None:
    """(a · b) mod n, the product not wrapped."""
    stack = frame.stack
    a = stack.pop()
    b = stack.pop()
    n = stack[-1]
    stack[-1] = (a * b) % n if n else 0


def exp(frame: Frame) -> None:
    """a^b; 50 gas per byte of b (EIP-160)."""
    stack = frame.stack
    a = stack.pop()
    b = stack[-1]
    frame.charge(gas.EXP_BYTE * ((b.bit_length() + 7) >> 3))
    stack[-1] = pow(a, b, MASK + 1)


def signextend(frame: Frame) -> None:
    """Copy the sign bit of byte k (the lowest is 0) to all the bits above."""
    stack = frame.stack
    k = stack.pop()
    if k < 31:
        low = (1 << (8 * k + 8)) - 1
        value = stack[-1] & low
        stack[-1] = value | (MASK ^ low) if value >> (8 * k + 7) else value


INSTRUCTIONS = {
    0x01: add,
    0x02: mul,
    0x03: sub,
    0x04: div,
    0x05: sdiv,
    0x06: mod,
    0x07: smod,
    0x08: addmod,
    0x09: mulmod,
    0x0A: exp,
    0x0B: signextend,
}
