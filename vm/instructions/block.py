"""The block."""

from ..frame import Frame


def blockhash(frame: Frame) -> None:
    """Hash of one of the last 256 blocks, 0 for any other."""
    stack = frame.stack
    block = frame.environment.block
    number = stack[-1]
    recent = block.number - 256 <= number < block.number
    stack[-1] = block.block_hashes.get(number, 0) if recent else 0


def coinbase(frame: Frame) -> None:
    """Who receives the fees."""
    frame.stack.append(frame.environment.block.coinbase)


def timestamp(frame: Frame) -> None:
    """Seconds since 1970."""
    frame.stack.append(frame.environment.block.timestamp)


def number(frame: Frame) -> None:
    """Number of the block."""
    frame.stack.append(frame.environment.block.number)


def prevrandao(frame: Frame) -> None:
    """The beacon chain's randomness (EIP-4399)."""
    frame.stack.append(frame.environment.block.prev_randao)


def gaslimit(frame: Frame) -> None:
    """Gas limit of the block."""
    frame.stack.append(frame.environment.block.gas_limit)


def chainid(frame: Frame) -> None:
    """The chain's id (EIP-1344)."""
    frame.stack.append(frame.environment.block.chain_id)


def basefee(frame: Frame) -> None:
    """Base fee of the block in wei (EIP-3198)."""
    frame.stack.append(frame.environment.block.base_fee)


def blobhash(frame: Frame) -> None:
    """Versioned hash of one of the transaction's blobs, 0 past the last (EIP-4844)."""
    stack = frame.stack
    hashes = frame.environment.transaction.blob_hashes
    index = stack[-1]
    stack[-1] = hashes[index] if index < len(hashes) else 0


def blobbasefee(frame: Frame) -> None:
    """Wei per blob gas (EIP-7516)."""
    frame.stack.append(frame.environment.block.blob_base_fee)


INSTRUCTIONS = {
    0x40: blockhash,
    0x41: coinbase,
    0x42: timestamp,
    0x43: number,
    0x44: prevrandao,
    0x45: gaslimit,
    0x46: chainid,
    0x48: basefee,
    0x49: blobhash,
    0x4A: blobbasefee,
}
