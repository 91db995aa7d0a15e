"""POP, PUSH0–PUSH32, DUP1–16 and SWAP1–16."""

from ..frame import Frame
from . import Instruction


def pop(frame: Frame) -> None:
    """Drop the top."""
    frame.stack.pop()


def push(size: int) -> Instruction:
    """PUSH of the next `size` bytes of code, zeros past its end."""

    def instruction(frame: Frame) -> None:
        start = frame.pc
        frame.pc = start + size
        immediate = frame.code[start : start + size]
        frame.stack.append(int.from_bytes(immediate, "big") << (8 * (size - len(immediate))))

    return instruction


def dup(n: int) -> Instruction:
    """DUPn: push a copy of the n-th word from the top."""

    def instruction(frame: Frame) -> None:
        stack = frame.stack
        stack.append(stack[-n])

    return instruction


def swap(n: int) -> Instruction:
    """SWAPn: exchange the top with the word n below it."""
    place = -1 - n

    def instruction(frame: Frame) -> None:
        stack = frame.stack
        stack[-1], stack[place] = stack[place], stack[-1]

    return instruction


INSTRUCTIONS: dict[int, Instruction] = {
    0x50: pop,
    **{0x5F + n: push(n) for n in range(33)},
    **{0x7F + n: dup(n) for n in range(1, 17)},
    **{0x8F + n: swap(n) for n in range(1, 17)},
}
