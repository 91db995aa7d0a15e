"""Batch data on L1: 16 bytes a transfer, one meaning for every byte string, nothing else read."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rollup_batches import COINBASE, ETHER, alice, batch, signed

from zkroll.algebra.keccak import keccak256
from zkroll.errors import InputError
from zkroll.rollup.batch import Batch
from zkroll.rollup.batch_data import (
    BatchData,
    CallRecord,
    Record,
    TransferRecord,
    decode_data,
    encode_data,
    record_of,
    resolve,
)
from zkroll.rollup.executor import execute_batch
from zkroll.rollup.genesis import Account, build_state, export_accounts
from zkroll.rollup.registry import Registry, register_accounts
from zkroll.rollup.state.state import Field, Place, State
from zkroll.rollup.state.store import MemoryStore
from zkroll.rollup.transaction import Transaction

BOB = 0xB0B << 120
INDEX = st.integers(0, 2**32 - 1)


@st.composite
def transfers(draw: st.DrawFn) -> TransferRecord:
    packed = draw(st.integers(0, 2**35 - 1)) << 5 | draw(st.integers(0, 27))
    return TransferRecord(draw(INDEX), draw(INDEX), packed, draw(st.integers(0, 2**16 - 1)))


calls = st.builds(
    CallRecord,
    sender=INDEX,
    to=INDEX,
    value=st.integers(0, 2**128 - 1),
    gas_limit=INDEX,
    gas_price=st.integers(0, 2**64 - 1),
    data=st.binary(max_size=70),
)
batches = st.builds(
    BatchData,
    timestamp=st.integers(0, 2**64 - 1),
    coinbase=st.integers(0, 2**160 - 1),
    registrations=st.lists(st.tuples(INDEX, st.integers(0, 2**160 - 1)), max_size=3).map(tuple),
    records=st.lists(st.one_of(transfers(), calls), max_size=4).map(tuple),
)


def transfer(value: int = 3, gas_price: int = 2, **changes: int | bytes) -> Transaction:
    plain = Transaction(alice(), BOB, value, 0, 21_000, gas_price)
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def registry() -> Registry:
    return Registry([(1, alice()), (2, BOB)])


@pytest.fixture(scope="module")
def example() -> Batch:
    transactions = [
        signed(to=BOB, value=3 * 10**17, gas_limit=21_000, gas_price=10**9),
        signed(to=BOB, nonce=1, value=5, data=b"\x01" * 17),
        signed(1, to=alice(), gas_limit=21_000, value=1),
    ]
    return batch(transactions, [Account(alice(i), balance=ETHER) for i in range(2)])


def test_a_transfer_takes_16_bytes() -> None:
    accounts = [Account(alice(), balance=ETHER, indices=(0,)), Account(BOB, indices=(1,))]
    for count in (0, 1, 100):
        made = [
            signed(to=BOB, nonce=n, value=10**15, gas_limit=21_000, gas_price=10**9) for n in range(count)
        ]
        assert len(batch(made, accounts).encode_data()) == 32 + 16 * count


def test_the_bytes_are_the_published_layout(example: Batch) -> None:
    data = example.encode_data()
    header = (1_700_000_000).to_bytes(8, "big") + (3).to_bytes(4, "big") + COINBASE.to_bytes(20, "big")
    registrations = b"".join(
        b"\x03" + index.to_bytes(4, "big") + bytes(7) + address.to_bytes(20, "big")
        for index, address in enumerate((alice(0), BOB, alice(1)))
    )
    first = "010000000000000001" + f"{3 * 10**10 << 5 | 7:010x}" + f"{1000 << 4 | 6:04x}"
    second = "02000011000186a00000000000000001" + f"{5:032x}" + f"{2:016x}" + "00" * 8 + "01" * 17 + "00" * 15
    third = "010000000200000000" + f"{1 << 5:010x}" + f"{2 << 4:04x}"
    assert data == header + registrations + bytes.fromhex(first + second + third)
    assert example.data_hash() == keccak256(data)
    executed = execute_batch(example)
    assert (executed.data, executed.published) == (data, decode_data(data))
    assert executed.data_hash == int.from_bytes(keccak256(data), "big")


@settings(max_examples=200, deadline=None)
@given(batches)
def test_decoding_gives_back_what_was_encoded(data: BatchData) -> None:
    encoded = encode_data(data)
    assert len(encoded) % 16 == 0
    assert decode_data(encoded) == data


@settings(max_examples=200, deadline=None)
@given(batches, st.data())
def test_spoiled_data_is_refused_or_means_exactly_what_it_says(data: BatchData, draw: st.DataObject) -> None:
    text = bytearray(encode_data(data))
    position = draw.draw(st.integers(0, len(text) - 1))
    text[position] ^= draw.draw(st.integers(1, 255))
    try:
        decoded = decode_data(bytes(text))
    except InputError:
        return
    assert decoded != data
    assert encode_data(decoded) == text


@settings(max_examples=200, deadline=None)
@given(st.one_of(transfers(), calls))
def test_a_record_says_what_its_transaction_says(record: Record) -> None:
    plain = Transaction(alice(), BOB, record.value, 0, record.gas_limit, record.gas_price, record.data)
    again = record_of(plain, registry())
    assert (again.value, again.gas_limit, again.gas_price, again.data) == (
        record.value, record.gas_limit, record.gas_price, record.data,
    )  # fmt: skip
    assert record.value < 2**128
    assert record.gas_price < 2**64
    if isinstance(record, TransferRecord):
        assert isinstance(again, TransferRecord)


@pytest.mark.parametrize(
    ("changes", "short"),
    [
        ({}, True),
        ({"value": 0, "gas_price": 0}, True),
        ({"value": 2**35 - 1, "gas_price": 4095}, True),
        ({"value": (2**35 - 1) * 10**27, "gas_price": 4095 * 10**15}, True),
        ({"value": 2**35}, False),
        ({"value": 2**35 * 10}, False),
        ({"value": (2**35 - 1) * 10 + 1}, False),
        ({"value": 2**128 - 1}, False),
        ({"gas_price": 4096}, False),
        ({"gas_price": 40951}, False),
        ({"gas_price": 2**64 - 1}, False),
        ({"gas_limit": 21_001}, False),
        ({"gas_limit": 20_999}, False),
        ({"data": b"\0"}, False),
    ],
)
def test_a_transaction_is_published_short_exactly_where_it_can_be(
    changes: dict[str, int | bytes], short: bool
) -> None:
    plain = transfer(**changes)  # type: ignore[arg-type]
    record = record_of(plain, registry())
    assert isinstance(record, TransferRecord) is short
    assert (record.value, record.gas_price) == (plain.value, plain.gas_price)


TRANSFER = TransferRecord(1, 2, 7 << 5 | 3, 9 << 4)
CALL = CallRecord(1, 2, 3, 50_000, 4, b"\x05" * 17)
EVERYTHING = encode_data(BatchData(5, 6, ((7, 8),), (TRANSFER, CALL)))  # 2 + 2 + 1 + 5 units


def replaced(position: int, *values: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:position] + bytes(values) + data[position + len(values) :]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: data[:31], "expected a header"),
        (lambda data: data[:-1], "units of 16, got 159"),
        (lambda data: data + b"\0", "units of 16, got 161"),
        (lambda data: data + bytes(16), "expected 160 bytes of 2 transactions, got 176"),
        (lambda data: data[:-16], "expected 17 bytes of calldata, got fewer"),
        (lambda data: data[:-64], "expected 3 units of 16 bytes, got 16 bytes"),
        (replaced(11, 1), "expected 80 bytes of 1 transactions"),
        (replaced(11, 3), "transaction at byte 160: expected 1 units"),
        (replaced(8, 255, 255, 255, 255), "cannot hold the 4294967295 transactions"),
        (replaced(37, 1), "registration at byte 32: expected 7 zero bytes"),
        (replaced(43, 1), "registration at byte 32: expected 7 zero bytes"),
        (replaced(64, 0), "transaction at byte 64: expected kind 1 or 2, got 0"),
        (replaced(64, 4), "transaction at byte 64: expected kind 1 or 2, got 4"),
        (replaced(80, 3), "transaction at byte 80: expected kind 1 or 2, got 3"),
        (replaced(77, 7 << 5 | 28), "transfer at byte 64: expected an exponent of at most 27, got 28"),
        (replaced(77, 31), "exponent of at most 27, got 31"),
        (replaced(120, 1), "call at byte 80: expected 8 zero bytes"),
        (replaced(127, 1), "call at byte 80: expected 8 zero bytes"),
        (replaced(145, 1), "call at byte 80: expected zero padding"),
        (replaced(159, 1), "call at byte 80: expected zero padding"),
        (replaced(83, 16), "expected zero padding|expected 144 bytes"),
    ],
)
def test_data_that_no_encoder_writes_is_refused(spoil: Callable[[bytes], bytes], message: str) -> None:
    with pytest.raises(InputError, match=message):
        decode_data(spoil(EVERYTHING))


def test_registrations_after_a_transaction_are_refused() -> None:
    late = EVERYTHING[:32] + EVERYTHING[64:80] + EVERYTHING[32:64] + EVERYTHING[80:]
    with pytest.raises(InputError, match="expected kind 1 or 2, got 3"):
        decode_data(late)


def test_the_data_resolves_to_the_transactions_on_the_state_before_the_batch(example: Batch) -> None:
    state = build_state(example.pre_state)
    root = state.root
    assert resolve(decode_data(example.encode_data()), state) == example.plain()
    assert (state.root, state.registrations()) == (root, {})
    execute_batch(example, state)
    second = batch(
        [signed(1, to=BOB, nonce=1), signed(to=BOB, nonce=2, gas_limit=21_000), signed(to=BOB, nonce=3)]
    )
    data = second.encode_data(Registry.of_state(state))
    assert decode_data(data).registrations == ()
    assert resolve(decode_data(data), state) == second.plain()


def test_indices_that_the_state_forbids_do_not_resolve() -> None:
    state = build_state([Account(alice(), indices=(1,))])
    for data, message in (
        (BatchData(1, 2, (), (TransferRecord(1, 2, 0, 0),)), "transaction 0: registry: expected a registered index, got 2"),
        (BatchData(1, 2, ((1, 5),), ()), "index 1 stands for"),
        (BatchData(1, 2, ((3, 5), (3, 5)), ()), "index 3 stands for"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            resolve(data, state)


def test_accounts_get_the_lowest_free_indices_in_their_order_of_appearance() -> None:
    state = build_state([Account(alice(), indices=(1, 4)), Account(BOB, indices=(0,))])
    known = Registry.of_state(state)
    assert (known.index(alice()), known.address(4), len(known)) == (1, alice(), 3)
    new = [
        transfer(to=7 << 90),
        transfer(sender=6 << 90),
        transfer(to=5 << 90, sender=7 << 90),
        transfer(to=4 << 90),
    ]
    expected = ((2, 7 << 90), (3, 6 << 90), (5, 5 << 90), (6, 4 << 90))
    assert register_accounts(state, new) == register_accounts(state, new) == expected
    with pytest.raises(InputError, match="transaction 1: to: the zero address"):
        register_accounts(state, [transfer(), transfer(to=0)])


@pytest.mark.parametrize("entry", [(-1, 5), (2**32, 5), (3, -1), (3, 2**160), (2, 9)])
def test_entries_that_no_registry_holds_are_refused(entry: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="registry: "):
        registry().add(*entry)


def test_an_account_without_an_index_has_no_record() -> None:
    with pytest.raises(InputError, match="expected an account with an index"):
        record_of(transfer(to=5 << 90), registry())
    with pytest.raises(InputError, match="expected an account with an index"):
        record_of(transfer(to=0), registry())


def test_a_state_knows_its_registry_through_batches_and_stores(example: Batch) -> None:
    store = MemoryStore()
    state = build_state(example.pre_state, store)
    assert state.registrations() == {}
    executed = execute_batch(example, state)
    expected = {0: alice(0), 1: BOB, 2: alice(1)}
    assert state.registrations() == expected == dict(executed.published.registrations)
    state.commit()
    assert State(store).registrations() == expected
    again = build_state(export_accounts(state))
    assert (again.root, again.registrations()) == (state.root, expected)


def test_a_batch_makes_the_registrations_it_needs_once(example: Batch) -> None:
    state = build_state(example.pre_state)
    one = execute_batch(example, state)
    assert one.batch.registrations == ((0, alice(0)), (1, BOB), (2, alice(1)))
    written = [
        access.place for access in one.accesses if access.place.field is Field.REGISTRY and access.is_write
    ]
    assert written == [Place(index, Field.REGISTRY) for index in range(3)]
    two = execute_batch(batch([signed(to=BOB, nonce=2)]), state)
    assert two.published.registrations == ()
    with pytest.raises(InputError, match="index 0 stands for"):
        execute_batch(dataclasses.replace(one.batch, batch_number=2, transactions=()), state)
    assert execute_batch(one.batch).new_root == one.new_root


@pytest.mark.parametrize("registrations", [(), ((0, alice()),), ((0, BOB),)])
def test_a_batch_without_the_registrations_it_needs_is_refused(
    registrations: tuple[tuple[int, int], ...],
) -> None:
    made = dataclasses.replace(batch([signed(to=BOB)]), registrations=registrations)
    with pytest.raises(InputError, match="transaction 0: registry: expected an account with an index"):
        execute_batch(made)


def test_an_index_given_twice_in_a_genesis_is_refused() -> None:
    with pytest.raises(InputError, match="an index is given twice"):
        build_state([Account(5, indices=(1,)), Account(6, indices=(1,))])
    with pytest.raises(InputError, match="indices: expected at most 32 bits"):
        build_state([Account(5, indices=(2**32,))])
