"""What an execution is told about its surroundings: the block, the transaction and the message."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class BlockEnvironment:
    """The block in which a transaction runs. Words and addresses are integers, `timestamp` is in seconds."""

    number: int
    timestamp: int
    coinbase: int
    chain_id: int
    gas_limit: int = 0
    base_fee: int = 0
    prev_randao: int = 0
    blob_base_fee: int = 1
    block_hashes: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TransactionEnvironment:
    """The transaction of a message: its index in the batch, its signer and its price in wei per gas."""

    index: int
    origin: int
    gas_price: int
    blob_hashes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Environment:
    """Block and transaction together, the same for every frame of one transaction."""

    block: BlockEnvironment
    transaction: TransactionEnvironment


@dataclass(frozen=True, slots=True)
class Message:
    """One call: `address` is the account whose state the code works on, `code` what runs.

    `value` wei is moved from `caller` to `address` if `transfers_value`; CALLVALUE shows it either way. `gas`
    is the gas at the first step. `code_address` tells where the code comes from, for traces and precompiles.
    With `is_create` the code is init code whose output becomes the account's code.
    """

    caller: int
    address: int
    value: int
    data: bytes
    gas: int
    code: bytes
    code_address: int
    depth: int = 0
    is_static: bool = False
    is_create: bool = False
    transfers_value: bool = True
