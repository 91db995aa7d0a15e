"""Calls and creations: what they cost, and the message that they leave for the interpreter to run.

A caller keeps a 64th of its gas (EIP-150). A call that cannot start (balance, depth, nonce) costs its base
price, gives the forwarded gas back and leaves 0 on the stack.
"""

from dataclasses import dataclass

from ...algebra.keccak import keccak256
from .. import gas
from ..environment import Message
from ..frame import Frame
from ..halts import OutOfGas, StaticWrite
from .environment import ADDRESS_MASK


@dataclass(frozen=True, slots=True)
class _Call:
    """Operands that all four calls share."""

    gas: int
    target: int
    value: int
    input: tuple[int, int]
    output: tuple[int, int]


def _operands(frame: Frame, has_value: bool) -> _Call:
    pop = frame.stack.pop
    requested, target = pop(), pop() & ADDRESS_MASK
    value = pop() if has_value else 0
    return _Call(requested, target, value, (pop(), pop()), (pop(), pop()))


def _charge(frame: Frame, call: _Call, creates_account: bool) -> int:
    """Take the price of a call and return the callee's gas: the requested, at most 63/64 of what is left."""
    warm = frame.state.warm_address(call.target)
    price = gas.WARM_ACCESS if warm else gas.COLD_ACCOUNT
    if call.value:
        price += gas.CALL_VALUE + (gas.NEW_ACCOUNT if creates_account else 0)
    read, size = gas.memory_expansion(frame.memory.size, *call.input)
    written, size = gas.memory_expansion(size, *call.output)
    price += read + written
    if price > frame.gas_left:
        raise OutOfGas(price)
    left = frame.gas_left - price
    forwarded = min(call.gas, left - left // 64)
    frame.charge(price + forwarded)
    frame.memory.grow(size)
    return forwarded + (gas.CALL_STIPEND if call.value else 0)


def _start(frame: Frame, call: _Call, message: Message) -> None:
    """Leave the message for the interpreter, or fail at once for want of balance or depth."""
    frame.return_data = b""
    short = message.transfers_value and frame.state.balance(message.caller) < message.value
    if short or message.depth > gas.CALL_DEPTH_LIMIT:
        frame.gas_left += message.gas
        frame.stack.append(0)
        return
    frame.child_memory = call.output
    frame.child = message


def _message(frame: Frame, call: _Call, callee_gas: int, *, to_target: bool, is_static: bool) -> Message:
    target = call.target
    return Message(
        caller=frame.message.address,
        address=target if to_target else frame.message.address,
        value=call.value,
        data=frame.read_memory(*call.input),
        gas=callee_gas,
        code=frame.state.code(target),
        code_address=target,
        depth=frame.message.depth + 1,
        is_static=is_static,
    )


def call(frame: Frame) -> None:
    """Run another account's code on its own state."""
    operands = _operands(frame, has_value=True)
    callee_gas = _charge(frame, operands, frame.state.is_empty(operands.target))
    if frame.message.is_static and operands.value:
        raise StaticWrite
    static = frame.message.is_static
    _start(frame, operands, _message(frame, operands, callee_gas, to_target=True, is_static=static))


def callcode(frame: Frame) -> None:
    """Run another account's code on this account's state."""
    operands = _operands(frame, has_value=True)
    callee_gas = _charge(frame, operands, creates_account=False)
    static = frame.message.is_static
    _start(frame, operands, _message(frame, operands, callee_gas, to_target=False, is_static=static))


def delegatecall(frame: Frame) -> None:
    """Run another account's code in this account's place, with this message's caller and value (EIP-7)."""
    operands = _operands(frame, has_value=False)
    callee_gas = _charge(frame, operands, creates_account=False)
    message = Message(
        caller=frame.message.caller,
        address=frame.message.address,
        value=frame.message.value,
        data=frame.read_memory(*operands.input),
        gas=callee_gas,
        code=frame.state.code(operands.target),
        code_address=operands.target,
        depth=frame.message.depth + 1,
        is_static=frame.message.is_static,
        transfers_value=False,
    )
    _start(frame, operands, message)


def staticcall(frame: Frame) -> None:
    """Run another account's code, which must not change any state (EIP-214)."""
    operands = _operands(frame, has_value=False)
    callee_gas = _charge(frame, operands, creates_account=False)
    _start(frame, operands, _message(frame, operands, callee_gas, to_target=True, is_static=True))


def create_address(sender: int, nonce: int) -> int:
    """Address of what `sender` creates with `nonce`: the low 160 bits of keccak(rlp([sender, nonce]))."""
    import rlp  # slow to import, and only creations need it

    encoded: bytes = rlp.encode([sender.to_bytes(20, "big"), rlp.sedes.big_endian_int.serialize(nonce)])
    return int.from_bytes(keccak256(encoded)[12:], "big")


def create2_address(sender: int, salt: int, init_code: bytes) -> int:
    """Address of a CREATE2: the low 160 bits of keccak(0xff ‖ sender ‖ salt ‖ keccak(init code))."""
    parts = b"\xff" + sender.to_bytes(20, "big") + salt.to_bytes(32, "big") + keccak256(init_code)
    return int.from_bytes(keccak256(parts)[12:], "big")


def create(frame: Frame) -> None:
    """Create an account at an address from sender and nonce."""
    pop = frame.stack.pop
    value, offset, length = pop(), pop(), pop()
    _create(frame, value, offset, length, None)


def create2(frame: Frame) -> None:
    """Create an account at an address from sender, salt and init code (EIP-1014)."""
    pop = frame.stack.pop
    value, offset, length, salt = pop(), pop(), pop(), pop()
    _create(frame, value, offset, length, salt)


def _create(frame: Frame, value: int, offset: int, length: int, salt: int | None) -> None:
    per_word = gas.INIT_CODE_WORD + (0 if salt is None else gas.KECCAK256_WORD)
    frame.charge_memory(offset, length, per_word * gas.words(length))
    if length > gas.MAX_INIT_CODE_SIZE:
        raise OutOfGas(frame.gas_left + 1)  # EIP-3860: too long counts as out of gas, whatever is left
    if frame.message.is_static:
        raise StaticWrite
    state, creator = frame.state, frame.message.address
    init_code = frame.read_memory(offset, length)
    frame.return_data = b""
    nonce = state.nonce(creator)
    depth = frame.message.depth + 1
    if state.balance(creator) < value or nonce >= gas.MAX_NONCE or depth > gas.CALL_DEPTH_LIMIT:
        frame.stack.append(0)
        return
    forwarded = frame.gas_left - frame.gas_left // 64
    frame.charge(forwarded)
    address = create_address(creator, nonce) if salt is None else create2_address(creator, salt, init_code)
    state.set_nonce(creator, nonce + 1)
    state.warm_address(address)
    frame.child = Message(
        caller=creator,
        address=address,
        value=value,
        data=b"",
        gas=forwarded,
        code=init_code,
        code_address=address,
        depth=depth,
        is_create=True,
    )


INSTRUCTIONS = {
    0xF0: create,
    0xF1: call,
    0xF2: callcode,
    0xF4: delegatecall,
    0xF5: create2,
    0xFA: staticcall,
}
