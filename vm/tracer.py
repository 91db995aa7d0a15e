"""The events of an execution, as methods of a tracer that the caller hands in.

One step gives `begin_step`, then what the instruction touches (`storage`, `memory`, `copy`, `hash`, `log`),
then `end_step`. A frame gives `begin_context` before its first step and `end_context` after its last. Touches
of a step that then halts are told too: that step read them to know what it costs.
"""

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .environment import Message
from .halts import HaltKind
from .state import Log

if TYPE_CHECKING:
    from .frame import Frame


class CopySource(IntEnum):
    """Where the bytes of a copy come from."""

    CALLDATA = 0
    CODE = 1
    RETURN_DATA = 2
    MEMORY = 3
    EXTERNAL_CODE = 4


class StorageAccess(NamedTuple):
    """One SLOAD or SSTORE: the word at the transaction's start, before and after; the refund in gas."""

    address: int
    slot: int
    original: int
    current: int
    new: int
    was_warm: bool
    is_write: bool
    refund_delta: int


class Tracer(Protocol):
    """What an execution tells. With `records` false it calls none of the step events."""

    records: bool

    def begin_transaction(self, index: int) -> None:
        """The messages that follow belong to transaction `index`."""
        ...

    def begin_context(self, transaction: int, message: Message) -> None:
        """A frame starts."""
        ...

    def end_context(self, kind: HaltKind, gas_left: int, output: bytes) -> None:
        """The innermost frame ended; `gas_left` is what its caller gets back."""
        ...

    def begin_step(self, frame: "Frame", opcode: int) -> None:
        """A step starts: the frame is as it was before it."""
        ...

    def end_step(self, frame: "Frame", kind: HaltKind, demanded: int) -> None:
        """A step ended. `demanded` is the charge that could not be paid, 0 unless out of gas."""
        ...

    def resume(self, frame: "Frame") -> None:
        """The step that started a child frame now has its result on the stack."""
        ...

    def storage(self, access: StorageAccess) -> None:
        """SLOAD or SSTORE looked at a slot."""
        ...

    def memory(self, first_word: int, before: bytes, after: bytes, is_write: bool) -> None:
        """Whole words from index `first_word` on were read, or written from `before` to `after`."""
        ...

    def copy(self, source: CopySource, dst: int, src: int, length: int) -> None:
        """`length` > 0 bytes were copied into memory at byte `dst`, from byte `src` of the source."""
        ...

    def hash(self, data: bytes, digest: int) -> None:
        """KECCAK256 hashed `data`."""
        ...

    def log(self, log: Log) -> None:
        """A LOG emitted an event, which a later revert may still undo."""
        ...


class NullTracer:
    """Listens to nothing."""

    records = False

    def begin_transaction(self, index: int) -> None:
        """Ignore."""

    def begin_context(self, transaction: int, message: Message) -> None:
        """Ignore."""

    def end_context(self, kind: HaltKind, gas_left: int, output: bytes) -> None:
        """Ignore."""

    def begin_step(self, frame: "Frame", opcode: int) -> None:
        """Ignore."""

    def end_step(self, frame: "Frame", kind: HaltKind, demanded: int) -> None:
        """Ignore."""

    def resume(self, frame: "Frame") -> None:
        """Ignore."""

    def storage(self, access: StorageAccess) -> None:
        """Ignore."""

    def memory(self, first_word: int, before: bytes, after: bytes, is_write: bool) -> None:
        """Ignore."""

    def copy(self, source: CopySource, dst: int, src: int, length: int) -> None:
        """Ignore."""

    def hash(self, data: bytes, digest: int) -> None:
        """Ignore."""

    def log(self, log: Log) -> None:
        """Ignore."""
