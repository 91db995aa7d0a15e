"""Storage and transient storage."""

from .. import gas
from ..frame import Frame
from ..halts import OutOfGas, StaticWrite
from ..tracer import StorageAccess


def sload(frame: Frame) -> None:
    """The word of a slot: 2100 gas when cold, 100 when warm (EIP-2929)."""
    stack = frame.stack
    slot = stack[-1]
    address = frame.message.address
    state = frame.state
    warm = state.warm_slot(address, slot)
    word = state.storage(address, slot)
    if frame.tracer.records:
        original = state.original_storage(address, slot)
        frame.tracer.storage(StorageAccess(address, slot, original, word, word, warm, False, 0))
    frame.charge(gas.WARM_ACCESS if warm else gas.COLD_SLOAD)
    stack[-1] = word


def sstore(frame: Frame) -> None:
    """Write a slot; priced by its original, current and new word (EIP-2200, EIP-2929, EIP-3529)."""
    slot = frame.stack.pop()
    word = frame.stack.pop()
    if frame.gas_left <= gas.SSTORE_SENTRY:
        raise OutOfGas(gas.SSTORE_SENTRY + 1)
    address = frame.message.address
    state = frame.state
    warm = state.warm_slot(address, slot)
    original = state.original_storage(address, slot)
    current = state.storage(address, slot)
    refund = gas.sstore_refund(original, current, word)
    if frame.tracer.records:
        frame.tracer.storage(StorageAccess(address, slot, original, current, word, warm, True, refund))
    frame.charge(gas.sstore_cost(original, current, word) + (0 if warm else gas.COLD_SLOAD))
    if frame.message.is_static:
        raise StaticWrite
    if refund:
        state.add_refund(refund)
    if current != word:
        state.set_storage(address, slot, word)


def tload(frame: Frame) -> None:
    """The word of a transient slot (EIP-1153)."""
    stack = frame.stack
    stack[-1] = frame.state.transient(frame.message.address, stack[-1])


def tstore(frame: Frame) -> None:
    """Write a transient slot (EIP-1153)."""
    slot = frame.stack.pop()
    word = frame.stack.pop()
    if frame.message.is_static:
        raise StaticWrite
    frame.state.set_transient(frame.message.address, slot, word)


INSTRUCTIONS = {0x54: sload, 0x55: sstore, 0x5C: tload, 0x5D: tstore}
