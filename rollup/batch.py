"""A batch: its header, its signed transactions and the state before it.

data_hash = keccak256 of the batch data (`zkroll.rollup.batch_data`). Signatures and the state are not in it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import msgspec

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.files import read_regular_file
from zkroll.algebra.keccak import keccak256
from zkroll.errors import InputError
from zkroll.rollup import batch_format as form
from zkroll.rollup.batch_data import BatchData, encode_data, publish
from zkroll.rollup.files import path_inside
from zkroll.rollup.genesis import Account
from zkroll.rollup.l1.messages import L1Message, MessageKind
from zkroll.rollup.registry import INDEX_BITS, Registration, Registry
from zkroll.rollup.state.state import Field, Place
from zkroll.rollup.transaction import (
    Point,
    Signature,
    SignedTransaction,
    Transaction,
    address_of,
    check_chain_id,
)

_LIMITS = {"batch_number": 64, "rollup_address": 160, "timestamp": 64, "coinbase": 160, "queue_before": 256}


@dataclass(frozen=True, slots=True)
class Batch:
    """One L2 block with all that is needed to execute and prove it.

    Timestamp in seconds; addresses as integers below 2^160. `registrations` are made before the transactions,
    as (index, address); None stands for those that the transactions need on the state that the batch is
    executed on. `messages` of L1's queue run before everything else; `queue_before` is the queue's hash before
    them. Raises InputError when a field is out of range.
    """

    chain_id: int
    batch_number: int
    rollup_address: int
    timestamp: int
    coinbase: int
    pre_state: tuple[Account, ...]
    transactions: tuple[SignedTransaction, ...]
    registrations: tuple[Registration, ...] | None = None
    messages: tuple[L1Message, ...] = ()
    queue_before: int = 0

    def __post_init__(self) -> None:
        check_chain_id(self.chain_id)
        for name, bits in _LIMITS.items():
            if not 0 <= getattr(self, name) < 1 << bits:
                raise InputError(f"batch: {name}: expected at most {bits} bits, got {getattr(self, name)}")
        if len(self.transactions) > form.LARGEST_TRANSACTIONS:
            raise InputError(f"batch: expected at most {form.LARGEST_TRANSACTIONS} transactions")
        if len(self.registrations or ()) > form.LARGEST_REGISTRATIONS:
            raise InputError(f"batch: expected at most {form.LARGEST_REGISTRATIONS} registrations")
        if len(self.messages) > form.LARGEST_MESSAGES:
            raise InputError(f"batch: expected at most {form.LARGEST_MESSAGES} L1 messages")

    def plain(self) -> tuple[Transaction, ...]:
        """The transactions without their signatures."""
        return tuple(signed.transaction for signed in self.transactions)

    def data(self, registry: Registry | None = None) -> BatchData:
        """The part that goes to L1, on a state with this registry (that of the pre-state when none is given).

        Raises InputError for an index that is taken and for an account without one.
        """
        if registry is None:
            registry = Registry((i, account.address) for account in self.pre_state for i in account.indices)
        else:
            registry = registry.copy()
        plain, new = self.plain(), self.registrations
        if new is None:
            new = registry.copy().register(plain)
        return publish(self.timestamp, self.coinbase, new, plain, registry)

    def encode_data(self, registry: Registry | None = None) -> bytes:
        """The batch data as bytes; raises InputError as `data` does."""
        return encode_data(self.data(registry))

    def data_hash(self) -> bytes:
        """keccak256 of the batch data."""
        return keccak256(self.encode_data())

    def to_json(self) -> bytes:
        """The batch as the bytes of a batch file with the state inline."""
        return form.to_text(_to_file(self))


def read_batch(path: str | os.PathLike[str]) -> Batch:
    """The batch in a file; its state may be a file in the same folder. Raises InputError."""
    return parse_batch(read_regular_file(path, form.LARGEST_FILE), Path(path).parent)


def parse_batch(text: bytes, folder: Path | None = None) -> Batch:
    """The batch in the bytes of a batch file; `folder` is where a named state file is looked for."""
    file = form.parse_batch_file(text)
    if isinstance(file.pre_state, form.StateFile):
        state = file.pre_state
    elif folder is None:
        raise InputError("batch: pre_state: expected accounts, got a file name and no folder to find it in")
    else:
        state = form.parse_state_file(
            read_regular_file(path_inside(folder, file.pre_state), form.LARGEST_FILE)
        )
    return Batch(
        chain_id=form.number(file.chain_id, 64, "batch: chain_id"),
        batch_number=form.number(file.batch_number, 64, "batch: batch_number"),
        rollup_address=form.address(file.rollup_address, "batch: rollup_address"),
        timestamp=form.number(file.timestamp, 64, "batch: timestamp"),
        coinbase=form.address(file.coinbase, "batch: coinbase"),
        pre_state=_accounts(state),
        transactions=tuple(
            _signed(tx, f"batch: transactions[{i}]") for i, tx in enumerate(file.transactions)
        ),
        registrations=_registrations(file.registrations),
        messages=tuple(_message(entry, f"batch: messages[{i}]") for i, entry in enumerate(file.messages)),
        queue_before=int.from_bytes(form.raw_bytes(file.queue_before, "batch: queue_before"), "big"),
    )


def _message(file: form.MessageFile, place: str) -> L1Message:
    try:
        return L1Message(
            MessageKind[file.kind.upper()],
            token=form.address(file.token, f"{place}: token"),
            account=form.address(file.account, f"{place}: account"),
            recipient=form.address(file.recipient, f"{place}: recipient"),
            amount=form.number(file.amount, 128, f"{place}: amount"),
        )
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(place) else f"{place}: {text}") from error


def parse_transaction(text: bytes) -> SignedTransaction:
    """The signed transaction in the bytes of its file."""
    return _signed(form.parse_transaction_file(text), "transaction")


def transaction_to_json(signed: SignedTransaction) -> bytes:
    """A signed transaction as the bytes of a file."""
    return form.to_text(_transaction_file(signed))


def parse_accounts(text: bytes) -> tuple[Account, ...]:
    """The accounts in the bytes of a state file (`{"accounts": {...}}`), sorted by address."""
    return _accounts(form.parse_state_file(text))


def accounts_to_json(accounts: Sequence[Account]) -> bytes:
    """Accounts as the bytes of a state file."""
    return form.to_text(_state_file(accounts))


def _registrations(file: list[form.RegistrationFile] | msgspec.UnsetType) -> tuple[Registration, ...] | None:
    if file is msgspec.UNSET:
        return None
    place = "batch: registrations"
    return tuple(
        (
            form.number(entry.index, INDEX_BITS, f"{place}[{i}]: index"),
            form.address(entry.address, f"{place}[{i}]: address"),
        )
        for i, entry in enumerate(file)
    )


def _signed(file: form.TransactionFile, place: str) -> SignedTransaction:
    public_key = _point(file.public_key, f"{place}: public_key")
    transaction = Transaction(
        sender=address_of(public_key),
        to=form.address(file.to, f"{place}: to"),
        value=form.number(file.value, 128, f"{place}: value"),
        nonce=form.number(file.nonce, 64, f"{place}: nonce"),
        gas_limit=form.number(file.gas_limit, 32, f"{place}: gas_limit"),
        gas_price=form.number(file.gas_price, 64, f"{place}: gas_price"),
        data=form.raw_bytes(file.data, f"{place}: data"),
    )
    r8 = _point(file.signature.r8, f"{place}: signature.r8")
    return SignedTransaction(
        transaction, public_key, Signature(r8, form.number(file.signature.s, 254, f"{place}: signature.s"))
    )


def _point(file: form.PointFile, place: str) -> Point:
    point = Point(form.number(file.x, 254, f"{place}.x"), form.number(file.y, 254, f"{place}.y"))
    if max(point) >= R_MODULUS:
        raise InputError(f"{place}: expected coordinates below r")
    return point


def _accounts(file: form.StateFile) -> tuple[Account, ...]:
    accounts = [_account(name, account) for name, account in file.accounts.items()]
    accounts.sort(key=lambda account: account.address)
    for one, other in pairwise(accounts):
        if one.address == other.address:
            raise InputError(f"batch: pre_state: account {one.address:#042x} is given twice")
    return tuple(accounts)


def _account(name: str, file: form.AccountFile) -> Account:
    place = f"batch: pre_state: {name}"
    address = form.address(name, place)
    storage: dict[int, int] = {}
    for key, word in file.storage.items():
        slot = form.number(key, 256, f"{place}: storage")
        if slot in storage:
            raise InputError(f"{place}: storage: slot {slot:#x} is given twice")
        storage[slot] = form.number(word, 256, f"{place}: storage[{key}]")
    emptied = {
        Place(address, Field.STORAGE, form.number(slot, 256, f"{place}: emptied"))
        for slot in file.emptied.slots
    }
    if len(emptied) != len(file.emptied.slots):
        raise InputError(f"{place}: emptied: a slot is given twice")
    if file.emptied.nonce:
        emptied.add(Place(address, Field.NONCE))
    if file.emptied.balance:
        emptied.add(Place(address, Field.BALANCE))
    return Account(
        address=address,
        balance=form.number(file.balance, 128, f"{place}: balance"),
        nonce=form.number(file.nonce, 64, f"{place}: nonce"),
        code=form.raw_bytes(file.code, f"{place}: code"),
        storage=storage,
        emptied=frozenset(emptied),
        indices=tuple(form.number(index, INDEX_BITS, f"{place}: indices") for index in file.indices),
    )


def _to_file(batch: Batch) -> form.BatchFile:
    return form.BatchFile(
        format=form.FORMAT,
        chain_id=str(batch.chain_id),
        batch_number=str(batch.batch_number),
        rollup_address=_hex_address(batch.rollup_address),
        timestamp=str(batch.timestamp),
        coinbase=_hex_address(batch.coinbase),
        pre_state=_state_file(batch.pre_state),
        transactions=[_transaction_file(signed) for signed in batch.transactions],
        registrations=msgspec.UNSET
        if batch.registrations is None
        else [
            form.RegistrationFile(str(index), _hex_address(address)) for index, address in batch.registrations
        ],
        messages=[_message_file(message) for message in batch.messages],
        queue_before=f"0x{batch.queue_before:064x}" if batch.queue_before else form.NO_HASH,
    )


def _message_file(message: L1Message) -> form.MessageFile:
    return form.MessageFile(
        kind="deposit" if message.kind == MessageKind.DEPOSIT else "exit",
        token=_hex_address(message.token),
        account=_hex_address(message.account),
        amount=str(message.amount),
        recipient=_hex_address(message.recipient) if message.recipient else form.NO_ADDRESS,
    )


def _state_file(accounts: Sequence[Account]) -> form.StateFile:
    ordered = sorted(accounts, key=lambda account: account.address)
    return form.StateFile({_hex_address(account.address): _account_file(account) for account in ordered})


def _account_file(account: Account) -> form.AccountFile:
    fields = {place.field for place in account.emptied}
    slots = sorted(place.slot for place in account.emptied if place.field is Field.STORAGE)
    return form.AccountFile(
        balance=str(account.balance),
        nonce=str(account.nonce),
        code="0x" + account.code.hex(),
        storage={hex(slot): hex(word) for slot, word in sorted(account.storage.items())},
        emptied=form.EmptiedFile(
            Field.NONCE in fields, Field.BALANCE in fields, [hex(slot) for slot in slots]
        ),
        indices=[str(index) for index in account.indices],
    )


def _transaction_file(signed: SignedTransaction) -> form.TransactionFile:
    transaction, signature = signed.transaction, signed.signature
    return form.TransactionFile(
        public_key=_point_file(signed.public_key),
        to=_hex_address(transaction.to),
        value=str(transaction.value),
        nonce=str(transaction.nonce),
        gas_limit=str(transaction.gas_limit),
        gas_price=str(transaction.gas_price),
        data="0x" + transaction.data.hex(),
        signature=form.SignatureFile(_point_file(signature.r8), str(signature.s)),
    )


def _point_file(point: Point) -> form.PointFile:
    return form.PointFile(str(point.x), str(point.y))


def _hex_address(address: int) -> str:
    return f"0x{address:040x}"
