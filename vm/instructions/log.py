"""LOG0–LOG4."""

from .. import gas
from ..frame import Frame
from ..halts import StaticWrite
from ..state import Log
from . import Instruction


def log(topics: int) -> Instruction:
    """LOG with so many topics; 8 gas per byte of data."""

    def instruction(frame: Frame) -> None:
        stack = frame.stack
        offset = stack.pop()
        length = stack.pop()
        words = tuple(stack.pop() for _ in range(topics))
        frame.charge_memory(offset, length, gas.LOG_DATA_BYTE * length)
        if frame.message.is_static:
            raise StaticWrite
        event = Log(frame.message.address, words, frame.read_memory(offset, length))
        if frame.tracer.records:
            frame.tracer.log(event)
        frame.state.add_log(event)

    return instruction


INSTRUCTIONS: dict[int, Instruction] = {0xA0 + n: log(n) for n in range(5)}
