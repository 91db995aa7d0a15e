"""How a frame ends by its own will."""

from .. import gas
from ..frame import Frame
from ..halts import InvalidOpcode, Returned, Reverted, SelfDestructed, StaticWrite, Stopped
from .environment import ADDRESS_MASK


def stop(_frame: Frame) -> None:
    """End with no output."""
    raise Stopped


def return_(frame: Frame) -> None:
    """End with a piece of memory as output."""
    _output(frame)
    raise Returned


def revert(frame: Frame) -> None:
    """End with output and undo all effects; the gas left stays (EIP-140)."""
    _output(frame)
    raise Reverted


def _output(frame: Frame) -> None:
    offset = frame.stack.pop()
    length = frame.stack.pop()
    frame.charge_memory(offset, length)
    frame.output = frame.read_memory(offset, length)


def invalid(_frame: Frame) -> None:
    """End and lose all gas (EIP-141)."""
    raise InvalidOpcode


def selfdestruct(frame: Frame) -> None:
    """Send the whole balance away; the account itself goes only if this transaction created it (EIP-6780)."""
    heir = frame.stack.pop() & ADDRESS_MASK
    state, account = frame.state, frame.message.address
    balance = state.balance(account)
    price = 0 if state.warm_address(heir) else gas.COLD_ACCOUNT
    if balance and state.is_empty(heir):
        price += gas.NEW_ACCOUNT
    frame.charge(price)
    if frame.message.is_static:
        raise StaticWrite
    state.transfer(account, heir, balance)
    if state.is_created(account):
        state.set_balance(account, 0)
        state.mark_destroyed(account)
    raise SelfDestructed


INSTRUCTIONS = {0x00: stop, 0xF3: return_, 0xFD: revert, 0xFE: invalid, 0xFF: selfdestruct}
