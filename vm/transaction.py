"""A whole Ethereum transaction under the Cancun rules: checks, fee, message, refund, the coinbase's part.

The rollup's native transactions do not come through here; they have their own rules and call
`zkroll.vm.interpreter.execute_message`. Sources: EIP-155, 1559, 2929, 2930, 3529, 3607, 3651, 3860, 4844.
"""

from dataclasses import dataclass

from ..errors import InputError
from . import gas
from .environment import BlockEnvironment, Environment, Message, TransactionEnvironment
from .halts import HaltKind
from .instructions.call import create_address
from .interpreter import CANCUN, Machine, execute_message
from .state import JournaledState, Log
from .tracer import Tracer

MAX_BLOBS = 6
_BLOB_VERSION = 1


class InvalidTransaction(InputError):
    """A transaction that no block may contain. The state is untouched."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction of any type, with its sender already recovered. Fees are in wei per gas.

    A legacy or EIP-2930 transaction has `max_fee` = `max_priority_fee` = its gas price. `target` is None for
    a creation. `blob_hashes` is None for a transaction that is not of type 3.
    """

    sender: int
    target: int | None
    nonce: int
    gas_limit: int
    max_fee: int
    max_priority_fee: int
    value: int
    data: bytes
    access_list: tuple[tuple[int, tuple[int, ...]], ...] = ()
    blob_hashes: tuple[int, ...] | None = None
    max_blob_fee: int = 0

    @property
    def intrinsic_gas(self) -> int:
        """What the transaction costs before its first step."""
        slots = sum(len(slots) for _, slots in self.access_list)
        return gas.intrinsic_gas(self.data, self.target is None, len(self.access_list), slots)

    @property
    def blob_gas(self) -> int:
        """Blob gas used, 2^17 for each blob."""
        return gas.GAS_PER_BLOB * len(self.blob_hashes or ())


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a transaction did: gas paid for (after the refund), how its message ended, and the events."""

    gas_used: int
    kind: HaltKind
    output: bytes
    logs: tuple[Log, ...]

    @property
    def success(self) -> bool:
        """Whether the message's effects stayed."""
        return self.kind.is_success


def process_transaction(
    state: JournaledState,
    block: BlockEnvironment,
    transaction: Transaction,
    *,
    tracer: Tracer | None = None,
    machine: Machine = CANCUN,
    index: int = 0,
) -> Receipt:
    """Check and run one transaction; InvalidTransaction if no block may contain it.

    MissingOpcode and MissingPrecompile leave the state with the fee taken: the caller drops it then.
    """
    state.begin_transaction()
    price = check_transaction(state, block, transaction)
    sender, target = transaction.sender, transaction.target
    fee = transaction.gas_limit * price + transaction.blob_gas * block.blob_base_fee
    address = create_address(sender, transaction.nonce) if target is None else target
    state.set_nonce(sender, transaction.nonce + 1)
    state.set_balance(sender, state.balance(sender) - fee)
    _warm_up(state, block, transaction, address)
    message = Message(
        caller=sender,
        address=address,
        value=transaction.value,
        data=b"" if target is None else transaction.data,
        gas=transaction.gas_limit - transaction.intrinsic_gas,
        code=transaction.data if target is None else state.code(target),
        code_address=address,
        is_create=target is None,
    )
    env = Environment(block, TransactionEnvironment(index, sender, price, transaction.blob_hashes or ()))
    outcome = execute_message(state, env, message, tracer, machine)
    spent = transaction.gas_limit - outcome.gas_left
    refund = min(state.refund, spent // gas.REFUND_QUOTIENT) if outcome.success else 0
    used = spent - refund
    state.add_balance(sender, (transaction.gas_limit - used) * price)
    state.add_balance(block.coinbase, used * (price - block.base_fee))
    logs = state.logs
    state.end_transaction()
    return Receipt(used, outcome.kind, outcome.output, logs)


def check_transaction(state: JournaledState, block: BlockEnvironment, transaction: Transaction) -> int:
    """The wei per gas that the transaction pays here; InvalidTransaction if it breaks a rule."""
    sender = transaction.sender
    nonce = state.nonce(sender)
    if transaction.nonce != nonce:
        raise InvalidTransaction(f"nonce: expected {nonce}, got {transaction.nonce}")
    if nonce >= gas.MAX_NONCE:
        raise InvalidTransaction(f"nonce: expected less than {gas.MAX_NONCE}, got {nonce}")
    if state.code(sender):
        raise InvalidTransaction(f"sender {sender:#042x}: expected an account without code (EIP-3607)")
    if transaction.gas_limit > block.gas_limit:
        raise InvalidTransaction(
            f"gas limit: expected at most {block.gas_limit}, got {transaction.gas_limit}"
        )
    if transaction.gas_limit < transaction.intrinsic_gas:
        raise InvalidTransaction(
            f"gas limit: expected at least {transaction.intrinsic_gas}, got {transaction.gas_limit}"
        )
    if transaction.target is None and len(transaction.data) > gas.MAX_INIT_CODE_SIZE:
        raise InvalidTransaction(
            f"init code: expected at most {gas.MAX_INIT_CODE_SIZE} bytes, got {len(transaction.data)}"
        )
    if transaction.max_fee < block.base_fee:
        raise InvalidTransaction(f"max fee: expected at least {block.base_fee}, got {transaction.max_fee}")
    if transaction.max_priority_fee > transaction.max_fee:
        raise InvalidTransaction(
            f"priority fee: expected at most {transaction.max_fee}, got {transaction.max_priority_fee}"
        )
    _check_blobs(block, transaction)
    needed = (
        transaction.gas_limit * transaction.max_fee
        + transaction.blob_gas * transaction.max_blob_fee
        + transaction.value
    )
    balance = state.balance(sender)
    if balance < needed:
        raise InvalidTransaction(f"balance of the sender: expected at least {needed} wei, got {balance}")
    return block.base_fee + min(transaction.max_priority_fee, transaction.max_fee - block.base_fee)


def _check_blobs(block: BlockEnvironment, transaction: Transaction) -> None:
    hashes = transaction.blob_hashes
    if hashes is None:
        return
    if transaction.target is None:
        raise InvalidTransaction("blob transaction: expected a target, got a creation")
    if not 1 <= len(hashes) <= MAX_BLOBS:
        raise InvalidTransaction(f"blobs: expected 1 to {MAX_BLOBS}, got {len(hashes)}")
    for i, versioned in enumerate(hashes):
        if versioned >> 248 != _BLOB_VERSION:
            raise InvalidTransaction(
                f"blob {i}: expected hash version {_BLOB_VERSION}, got {versioned >> 248}"
            )
    if transaction.max_blob_fee < block.blob_base_fee:
        raise InvalidTransaction(
            f"max blob fee: expected at least {block.blob_base_fee}, got {transaction.max_blob_fee}"
        )


def _warm_up(state: JournaledState, block: BlockEnvironment, transaction: Transaction, address: int) -> None:
    """Warm at start: sender, target, coinbase, the precompiles and the access list (EIP-2929, 2930, 3651)."""
    for account in (transaction.sender, address, block.coinbase, *range(1, 11)):
        state.warm_address(account)
    for account, slots in transaction.access_list:
        state.warm_address(account)
        for slot in slots:
            state.warm_slot(account, slot)
