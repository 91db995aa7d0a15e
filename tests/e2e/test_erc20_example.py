"""The committed example is what its script makes, and does what its description says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from zkroll.rollup.batch import Batch, read_batch
from zkroll.rollup.batch_data import decode_data, resolve
from zkroll.rollup.development import (
    DEVELOPMENT_CHAIN_ID,
    TOKEN_ADDRESS,
    development_genesis_root,
    token_balance_slot,
)
from zkroll.rollup.executor import ExecutedBatch, execute_batch
from zkroll.rollup.genesis import build_state
from zkroll.rollup.l1 import development_rollup_address
from zkroll.rollup.state.state import Field, Place, State
from zkroll.vm.halts import HaltKind

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/erc20"
TRANSFER = bytes.fromhex("a9059cbb")
TRANSFER_EVENT = 0xDDF252AD1BE2C89B69C2B068FC378DAA952BA7F163C4A11628F55A4DF523B3EF


@pytest.fixture(scope="module")
def batch() -> Batch:
    return read_batch(EXAMPLE / "batch.json")


@pytest.fixture(scope="module")
def outcome(batch: Batch) -> tuple[State, ExecutedBatch]:
    state = build_state(batch.pre_state)
    return state, execute_batch(batch, state)


def test_batch_file_is_what_the_script_makes() -> None:
    made = runpy.run_path(str(EXAMPLE / "make_batch.py"))["make_batch"]()
    assert made.to_json() == (EXAMPLE / "batch.json").read_bytes()


def test_example_is_batch_1_of_the_development_rollup(batch: Batch) -> None:
    assert (batch.batch_number, batch.chain_id) == (1, DEVELOPMENT_CHAIN_ID)
    assert batch.rollup_address == development_rollup_address()
    assert build_state(batch.pre_state).root == development_genesis_root()


def test_example_has_16_of_each_transfer_a_revert_and_an_out_of_gas(
    outcome: tuple[State, ExecutedBatch],
) -> None:
    _, executed = outcome
    halts = [result.halt for result in executed.results]
    calls = [signed.transaction for signed in executed.batch.transactions]
    assert halts.count(HaltKind.RETURN) == 16
    assert halts.count(HaltKind.STOP) == 16
    assert halts[32:] == [HaltKind.REVERT, HaltKind.OUT_OF_GAS]
    for call, halt in zip(calls, halts, strict=True):
        if halt is HaltKind.STOP:
            assert call.value > 0
            assert not call.data
        else:
            assert call.to == TOKEN_ADDRESS
            assert call.data[:4] == TRANSFER


def test_failed_calls_pay_gas_and_move_no_tokens(outcome: tuple[State, ExecutedBatch]) -> None:
    state, executed = outcome
    for result in executed.results[32:]:
        assert not result.success
        assert result.gas_used > result.intrinsic_gas
        assert not result.logs
    assert executed.results[33].gas_left == 0
    coinbase = state.word(Place(executed.batch.coinbase, Field.BALANCE))
    price = executed.batch.transactions[0].transaction.gas_price
    assert coinbase == price * sum(result.gas_used - result.refund for result in executed.results)


def test_ether_and_tokens_are_neither_made_nor_lost(outcome: tuple[State, ExecutedBatch]) -> None:
    state, executed = outcome
    ether = sum(state.word(place) for place in state.places() if place.field is Field.BALANCE)
    assert ether == sum(account.balance for account in executed.batch.pre_state)
    tokens = {
        place.slot: state.word(place)
        for place in state.places()
        if place.address == TOKEN_ADDRESS and place.field is Field.STORAGE
    }
    supply = tokens.pop(0)
    assert sum(tokens.values()) == supply
    for result in executed.results:
        for log in result.logs:
            assert log.topics[0] == TRANSFER_EVENT
            assert {token_balance_slot(log.topics[1]), token_balance_slot(log.topics[2])} <= tokens.keys()


def test_batch_data_on_l1_holds_exactly_the_transactions(batch: Batch) -> None:
    data = decode_data(batch.encode_data())
    assert resolve(data, build_state(batch.pre_state)) == batch.plain()
    registered = [address for _, address in data.registrations]
    assert len(registered) == len(set(registered))
    assert set(registered) == {address for tx in batch.plain() for address in (tx.sender, tx.to)}
    assert (data.timestamp, data.coinbase) == (batch.timestamp, batch.coinbase)
