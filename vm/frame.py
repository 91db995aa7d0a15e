"""One call frame: what the instructions work on."""

from functools import lru_cache

from .environment import Environment, Message
from .gas import memory_expansion
from .halts import HaltKind, OutOfGas
from .memory import Memory
from .state import JournaledState, Snapshot
from .tracer import CopySource, Tracer

_PUSH1, _PUSH32, _JUMPDEST = 0x60, 0x7F, 0x5B


@lru_cache(maxsize=256)
def jump_destinations(code: bytes) -> frozenset[int]:
    """The positions of every JUMPDEST of `code` that is not push data."""
    found = []
    pc = 0
    while pc < len(code):
        byte = code[pc]
        if byte == _JUMPDEST:
            found.append(pc)
        elif _PUSH1 <= byte <= _PUSH32:
            pc += byte - _PUSH1 + 1
        pc += 1
    return frozenset(found)


class Frame:
    """The machine of one message: stack, memory, program counter, gas, and its surroundings.

    `stack` has its top last. An instruction that calls sets `child` to the message to run; the interpreter
    runs it and then calls `resume` with its outcome, which puts the result on the stack. `verdict` is set on
    a frame that ends before its first step.
    """

    __slots__ = (
        "child",
        "child_memory",
        "code",
        "destinations",
        "environment",
        "gas_left",
        "memory",
        "message",
        "output",
        "pc",
        "return_data",
        "snapshot",
        "stack",
        "state",
        "tracer",
        "verdict",
    )

    def __init__(
        self,
        state: JournaledState,
        environment: Environment,
        message: Message,
        tracer: Tracer,
        snapshot: Snapshot,
    ) -> None:
        self.state = state
        self.environment = environment
        self.message = message
        self.tracer = tracer
        self.snapshot = snapshot
        self.code = message.code
        self.destinations = jump_destinations(message.code)
        self.pc = 0
        self.gas_left = message.gas
        self.stack: list[int] = []
        self.memory = Memory()
        self.return_data = b""
        self.output = b""
        self.verdict: HaltKind | None = None
        self.child: Message | None = None
        self.child_memory = (0, 0)

    def charge(self, amount: int) -> None:
        """Take `amount` gas, or halt out of gas with nothing taken."""
        if amount > self.gas_left:
            raise OutOfGas(amount)
        self.gas_left -= amount

    def charge_memory(self, offset: int, length: int, extra: int = 0) -> None:
        """Charge `extra` and the price of reaching `length` bytes at `offset` at once, then grow memory."""
        price, size = memory_expansion(self.memory.size, offset, length)
        self.charge(extra + price)
        self.memory.grow(size)

    def read_memory(self, offset: int, length: int) -> bytes:
        """Bytes of memory that is already paid for."""
        if length and self.tracer.records:
            first, window = self.memory.window(offset, length)
            self.tracer.memory(first, window, window, False)
        return self.memory.read(offset, length)

    def write_memory(self, offset: int, data: bytes) -> None:
        """Write memory that is already paid for."""
        if not data:
            return
        if self.tracer.records:
            first, before = self.memory.window(offset, len(data))
            self.memory.write(offset, data)
            self.tracer.memory(first, before, self.memory.window(offset, len(data))[1], True)
        else:
            self.memory.write(offset, data)

    def copy_to_memory(self, source: CopySource, data: bytes, dst: int, src: int, length: int) -> None:
        """Copy `length` bytes of `data` from `src` to memory (paid for) at `dst`, zeros past its end."""
        if length:
            if self.tracer.records:
                self.tracer.copy(source, dst, src, length)
            piece = data[src : src + length] if src < len(data) else b""
            self.write_memory(dst, piece.ljust(length, b"\0"))

    def resume(self, child: Message, kind: HaltKind, gas_left: int, output: bytes) -> None:
        """Take the child's outcome: gas back, return data, success or the new address on the stack."""
        self.gas_left += gas_left
        self.child = None
        if child.is_create:
            self.return_data = output if kind is HaltKind.REVERT else b""
            self.stack.append(child.address if kind.is_success else 0)
            return
        self.return_data = output
        offset, length = self.child_memory
        self.write_memory(offset, output[:length])
        self.stack.append(1 if kind.is_success else 0)
