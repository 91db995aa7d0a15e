"""The message, the transaction and other accounts."""

from .. import gas
from ..frame import Frame
from ..halts import ReturnDataBounds
from ..tracer import CopySource

ADDRESS_MASK = (1 << 160) - 1


def charge_account(frame: Frame, address: int, extra: int = 0) -> None:
    """Take the price of looking at an account, which makes it warm (EIP-2929), and `extra`."""
    warm = frame.state.warm_address(address)
    frame.charge((gas.WARM_ACCESS if warm else gas.COLD_ACCOUNT) + extra)


def address(frame: Frame) -> None:
    """The account whose state the code works on."""
    frame.stack.append(frame.message.address)


def balance(frame: Frame) -> None:
    """Balance of any account."""
    account = frame.stack.pop() & ADDRESS_MASK
    charge_account(frame, account)
    frame.stack.append(frame.state.balance(account))


def origin(frame: Frame) -> None:
    """Signer of the transaction."""
    frame.stack.append(frame.environment.transaction.origin)


def caller(frame: Frame) -> None:
    """Sender of the message."""
    frame.stack.append(frame.message.caller)


def callvalue(frame: Frame) -> None:
    """Wei sent with the message."""
    frame.stack.append(frame.message.value)


def calldataload(frame: Frame) -> None:
    """A word of the calldata, zeros past its end."""
    stack = frame.stack
    start = stack[-1]
    data = frame.message.data
    piece = data[start : start + 32] if start < len(data) else b""
    stack[-1] = int.from_bytes(piece.ljust(32, b"\0"), "big")


def calldatasize(frame: Frame) -> None:
    """Length of the calldata."""
    frame.stack.append(len(frame.message.data))


def calldatacopy(frame: Frame) -> None:
    """Copy calldata to memory."""
    _copy(frame, CopySource.CALLDATA, frame.message.data)


def codesize(frame: Frame) -> None:
    """Length of the running code."""
    frame.stack.append(len(frame.code))


def codecopy(frame: Frame) -> None:
    """Copy the running code to memory."""
    _copy(frame, CopySource.CODE, frame.code)


def _copy(frame: Frame, source: CopySource, data: bytes) -> None:
    dst = frame.stack.pop()
    src = frame.stack.pop()
    length = frame.stack.pop()
    frame.charge_memory(dst, length, gas.COPY_WORD * gas.words(length))
    frame.copy_to_memory(source, data, dst, src, length)


def gasprice(frame: Frame) -> None:
    """Wei per gas that the transaction pays."""
    frame.stack.append(frame.environment.transaction.gas_price)


def extcodesize(frame: Frame) -> None:
    """Length of an account's code."""
    account = frame.stack.pop() & ADDRESS_MASK
    charge_account(frame, account)
    frame.stack.append(len(frame.state.code(account)))


def extcodecopy(frame: Frame) -> None:
    """Copy an account's code to memory."""
    stack = frame.stack
    account = stack.pop() & ADDRESS_MASK
    dst = stack.pop()
    src = stack.pop()
    length = stack.pop()
    warm = frame.state.warm_address(account)
    access = gas.WARM_ACCESS if warm else gas.COLD_ACCOUNT
    frame.charge_memory(dst, length, access + gas.COPY_WORD * gas.words(length))
    frame.copy_to_memory(CopySource.EXTERNAL_CODE, frame.state.code(account), dst, src, length)


def returndatasize(frame: Frame) -> None:
    """Length of what the last inner call returned."""
    frame.stack.append(len(frame.return_data))


def returndatacopy(frame: Frame) -> None:
    """Copy return data to memory; reading past its end halts (EIP-211)."""
    stack = frame.stack
    dst = stack.pop()
    src = stack.pop()
    length = stack.pop()
    frame.charge_memory(dst, length, gas.COPY_WORD * gas.words(length))
    if src + length > len(frame.return_data):
        raise ReturnDataBounds
    frame.copy_to_memory(CopySource.RETURN_DATA, frame.return_data, dst, src, length)


def extcodehash(frame: Frame) -> None:
    """Keccak of an account's code, 0 for an empty account."""
    account = frame.stack.pop() & ADDRESS_MASK
    charge_account(frame, account)
    frame.stack.append(frame.state.code_hash(account))


def selfbalance(frame: Frame) -> None:
    """Balance of the running account."""
    frame.stack.append(frame.state.balance(frame.message.address))


INSTRUCTIONS = {
    0x30: address,
    0x31: balance,
    0x32: origin,
    0x33: caller,
    0x34: callvalue,
    0x35: calldataload,
    0x36: calldatasize,
    0x37: calldatacopy,
    0x38: codesize,
    0x39: codecopy,
    0x3A: gasprice,
    0x3B: extcodesize,
    0x3C: extcodecopy,
    0x3D: returndatasize,
    0x3E: returndatacopy,
    0x3F: extcodehash,
    0x47: selfbalance,
}
