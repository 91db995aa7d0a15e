"""The data of a batch as it is published on L1: units of 16 bytes, big-endian, nothing between or after them.

    header        [timestamp 8 | transactions 4 | coinbase 20]                                      2 units
    registration  [kind 3 | index 4 | zero 7 | address >> 128, 4] [address mod 2^128]               2 units
    transfer      [kind 1 | from 4 | to 4 | amount 5 | gas price 2]                                 1 unit
    call          [kind 2 | calldata length 3 | gas limit 4 | from 4 | to 4]
                  [value 16] [gas price 8 | zero 8] [calldata, zeros to whole units]         3 + ⌈n/16⌉ units

All registrations come before the transactions. ``from`` and ``to`` are indices of the registry. An amount is a
mantissa of 35 bits and an exponent of ten of 5 bits (at most 27), a gas price one of 12 and one of 4 bits: no
amount reaches 2^128, no gas price 2^64. A transfer's gas limit is 21,000. Nonces are not in the data: a
transaction has the nonce that its sender has in the state.

`decode_data` takes exactly the data that the circuit takes, so that a node can read whatever was proven; the
circuit besides refuses what the state forbids (a taken or unknown index), as `resolve` does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from zkroll.circuits.native_rules import TRANSACTION_GAS
from zkroll.errors import InputError
from zkroll.rollup.registry import Registration, Registry
from zkroll.rollup.state.state import Field, Place, State
from zkroll.rollup.transaction import Transaction

UNIT_BYTES = 16
HEADER_BYTES = 2 * UNIT_BYTES
TRANSFER, CALL, REGISTRATION = 1, 2, 3
LARGEST_EXPONENT = 27

_AMOUNT = (35, 5, LARGEST_EXPONENT)  # bits of mantissa and exponent, largest exponent
_PRICE = (12, 4, 15)


@dataclass(frozen=True, slots=True)
class TransferRecord:
    """A transfer as published: indices, and the packed numbers of 40 and 16 bits."""

    sender: int
    to: int
    packed_value: int
    packed_price: int

    @property
    def value(self) -> int:
        """In wei."""
        return unpack(self.packed_value, _AMOUNT[1])

    @property
    def gas_price(self) -> int:
        """In wei."""
        return unpack(self.packed_price, _PRICE[1])

    @property
    def gas_limit(self) -> int:
        """What a transfer costs."""
        return TRANSACTION_GAS

    @property
    def data(self) -> bytes:
        """A transfer has no calldata."""
        return b""

    def encode(self) -> bytes:
        """One unit."""
        packed = self.packed_value << 16 | self.packed_price
        return (TRANSFER << 120 | self.sender << 88 | self.to << 56 | packed).to_bytes(UNIT_BYTES, "big")


@dataclass(frozen=True, slots=True)
class CallRecord:
    """Any other transaction as published."""

    sender: int
    to: int
    value: int
    gas_limit: int
    gas_price: int
    data: bytes

    def encode(self) -> bytes:
        """Three units and the calldata."""
        first = CALL << 120 | len(self.data) << 96 | self.gas_limit << 64 | self.sender << 32 | self.to
        head = first << 256 | self.value << 128 | self.gas_price << 64
        return head.to_bytes(3 * UNIT_BYTES, "big") + self.data + bytes(-len(self.data) % UNIT_BYTES)


Record: TypeAlias = TransferRecord | CallRecord


@dataclass(frozen=True, slots=True)
class BatchData:
    """What L1 holds of a batch: header, registrations (index, address), transactions by index."""

    timestamp: int
    coinbase: int
    registrations: tuple[Registration, ...]
    records: tuple[Record, ...]


def pack(number: int, form: tuple[int, int, int]) -> int | None:
    """Mantissa and exponent with the least exponent that fits, or None where the number has no such form."""
    bits, exponent_bits, largest = form
    for exponent in range(largest + 1):
        mantissa, rest = divmod(number, int(10**exponent))
        if rest:
            return None
        if mantissa < 1 << bits:
            return mantissa << exponent_bits | exponent
    return None


def unpack(packed: int, exponent_bits: int) -> int:
    """The number that mantissa and exponent stand for."""
    return int((packed >> exponent_bits) * 10 ** (packed % (1 << exponent_bits)))


def record_of(transaction: Transaction, registry: Registry) -> Record:
    """The shortest record of a transaction; raises InputError for an account without an index."""
    sender, to = registry.index(transaction.sender), registry.index(transaction.to)
    value, price = pack(transaction.value, _AMOUNT), pack(transaction.gas_price, _PRICE)
    plain = transaction.gas_limit == TRANSACTION_GAS and not transaction.data
    if plain and value is not None and price is not None:
        return TransferRecord(sender, to, value, price)
    return CallRecord(
        sender, to, transaction.value, transaction.gas_limit, transaction.gas_price, transaction.data
    )


def publish(
    timestamp: int,
    coinbase: int,
    registrations: Iterable[Registration],
    transactions: Iterable[Transaction],
    registry: Registry,
) -> BatchData:
    """The data of a batch on a state with this registry, to which the registrations are added.

    Raises InputError for a taken index, and for a sender or recipient without one.
    """
    new = tuple(registrations)
    for index, address in new:
        registry.add(index, address)
    return BatchData(timestamp, coinbase, new, tuple(record_of(t, registry) for t in transactions))


def encode_data(data: BatchData) -> bytes:
    """Batch data as bytes, a multiple of 16; raises InputError for a header field out of range."""
    if not 0 <= data.timestamp < 1 << 64 or not 0 <= data.coinbase < 1 << 160:
        raise InputError("batch data: expected a 64-bit timestamp and a 160-bit coinbase")
    header = data.timestamp << 192 | len(data.records) << 160 | data.coinbase
    parts = [header.to_bytes(HEADER_BYTES, "big")]
    parts += [
        (REGISTRATION << 248 | index << 216 | address).to_bytes(2 * UNIT_BYTES, "big")
        for index, address in data.registrations
    ]
    return b"".join([*parts, *(record.encode() for record in data.records)])


def decode_data(data: bytes) -> BatchData:
    """Read batch data; raises InputError for anything but what `encode_data` writes."""
    if len(data) < HEADER_BYTES or len(data) % UNIT_BYTES:
        raise InputError(
            f"batch data: expected a header of {HEADER_BYTES} bytes and units of {UNIT_BYTES}, got {len(data)} bytes"
        )
    header = int.from_bytes(data[:HEADER_BYTES], "big")
    count = header >> 160 & 0xFFFFFFFF
    if count * UNIT_BYTES > len(data):
        raise InputError(f"batch data: {len(data)} bytes cannot hold the {count} transactions of the header")
    offset = HEADER_BYTES
    registrations: list[Registration] = []
    while data[offset : offset + 1] == bytes([REGISTRATION]):
        registrations.append(_registration(data, offset))
        offset += 2 * UNIT_BYTES
    records: list[Record] = []
    for _ in range(count):
        record, offset = _record(data, offset)
        records.append(record)
    if offset != len(data):
        raise InputError(f"batch data: expected {offset} bytes of {count} transactions, got {len(data)}")
    return BatchData(header >> 192, header & ((1 << 160) - 1), tuple(registrations), tuple(records))


def resolve(data: BatchData, state: State) -> tuple[Transaction, ...]:
    """The unsigned transactions that the data stands for on the state before the batch, which stays as it is.

    Raises InputError for an index that is registered twice or not at all.
    """
    registry = Registry.of_state(state)
    for index, address in data.registrations:
        registry.add(index, address)
    nonces: dict[int, int] = {}
    transactions = []
    for number, record in enumerate(data.records):
        try:
            sender, to = registry.address(record.sender), registry.address(record.to)
        except InputError as error:
            raise InputError(f"transaction {number}: {error}") from error
        nonce = nonces.get(sender)
        nonce = state.word(Place(sender, Field.NONCE)) if nonce is None else nonce
        nonces[sender] = nonce + 1
        transactions.append(
            Transaction(sender, to, record.value, nonce, record.gas_limit, record.gas_price, record.data)
        )
    return tuple(transactions)


def _units(data: bytes, offset: int, count: int, what: str) -> int:
    """So many units as one number."""
    end = offset + count * UNIT_BYTES
    if end > len(data):
        raise InputError(
            f"{what} at byte {offset}: expected {count} units of {UNIT_BYTES} bytes, got {len(data) - offset} bytes"
        )
    return int.from_bytes(data[offset:end], "big")


def _registration(data: bytes, offset: int) -> Registration:
    number = _units(data, offset, 2, "registration")
    if number >> 160 & ((1 << 56) - 1):
        raise InputError(f"registration at byte {offset}: expected 7 zero bytes after the index")
    return number >> 216 & 0xFFFFFFFF, number & ((1 << 160) - 1)


def _record(data: bytes, offset: int) -> tuple[Record, int]:
    """The record at a byte, and the byte after it."""
    first = _units(data, offset, 1, "transaction")
    kind = first >> 120
    if kind == TRANSFER:
        value = first >> 16 & ((1 << 40) - 1)
        if value % 32 > LARGEST_EXPONENT:
            raise InputError(
                f"transfer at byte {offset}: expected an exponent of at most {LARGEST_EXPONENT}, got {value % 32}"
            )
        record = TransferRecord(first >> 88 & 0xFFFFFFFF, first >> 56 & 0xFFFFFFFF, value, first & 0xFFFF)
        return record, offset + UNIT_BYTES
    if kind != CALL:
        raise InputError(f"transaction at byte {offset}: expected kind {TRANSFER} or {CALL}, got {kind}")
    return _call(data, offset)


def _call(data: bytes, offset: int) -> tuple[CallRecord, int]:
    head = _units(data, offset, 3, "call")
    if head & ((1 << 64) - 1):
        raise InputError(f"call at byte {offset}: expected 8 zero bytes after the gas price")
    length = head >> 352 & 0xFFFFFF
    start = offset + 3 * UNIT_BYTES
    end = start + length + -length % UNIT_BYTES
    if end > len(data):
        raise InputError(f"call at byte {offset}: expected {length} bytes of calldata, got fewer")
    if any(data[start + length : end]):
        raise InputError(f"call at byte {offset}: expected zero padding after the calldata")
    record = CallRecord(
        sender=head >> 288 & 0xFFFFFFFF,
        to=head >> 256 & 0xFFFFFFFF,
        value=head >> 128 & ((1 << 128) - 1),
        gas_limit=head >> 320 & 0xFFFFFFFF,
        gas_price=head >> 64 & ((1 << 64) - 1),
        data=bytes(data[start : start + length]),
    )
    return record, end
