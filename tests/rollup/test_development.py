"""The development genesis: funded wallets and the committed example token."""

import json
from pathlib import Path

import pytest
from rollup_batches import batch

from zkroll.errors import InputError
from zkroll.rollup.development import (
    DEVELOPMENT_CHAIN_ID,
    TOKEN_ADDRESS,
    WALLET_TOKENS,
    development_genesis,
    development_genesis_root,
    token_balance_slot,
    token_code,
)
from zkroll.rollup.executor import execute_batch
from zkroll.rollup.genesis import build_state
from zkroll.rollup.state.state import Field, Place
from zkroll.rollup.transaction import Transaction
from zkroll.rollup.wallet import insecure_dev_wallet

ARTIFACT = Path(__file__).parents[2] / "examples" / "erc20" / "Token.json"


def test_the_packaged_token_is_the_one_of_the_example() -> None:
    assert token_code().hex() == json.loads(ARTIFACT.read_text())["runtime_bytecode"].removeprefix("0x")


def test_a_token_transfer_moves_the_balances_of_the_genesis() -> None:
    sender, recipient = insecure_dev_wallet(0), insecure_dev_wallet(1).address
    data = bytes.fromhex("a9059cbb") + recipient.to_bytes(32, "big") + (5).to_bytes(32, "big")
    transfer = sender.sign(Transaction(sender.address, TOKEN_ADDRESS, 0, 0, 100_000, 1, data), 1337)
    executed = execute_batch(batch([transfer], development_genesis()))
    assert executed.results[0].success
    assert executed.results[0].output == (1).to_bytes(32, "big")
    assert len(executed.results[0].logs) == 1
    last = {word.place: word.last for word in executed.touched}
    assert last[Place(TOKEN_ADDRESS, Field.STORAGE, token_balance_slot(sender.address))] == WALLET_TOKENS - 5
    assert last[Place(TOKEN_ADDRESS, Field.STORAGE, token_balance_slot(recipient))] == WALLET_TOKENS + 5


def test_the_genesis_root_is_that_of_its_accounts() -> None:
    assert development_genesis_root() == build_state(reversed(development_genesis())).root
    assert 0 < DEVELOPMENT_CHAIN_ID < 1 << 64


def test_bad_owners_and_wallet_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="160-bit"):
        token_balance_slot(1 << 160)
    with pytest.raises(InputError, match="index"):
        insecure_dev_wallet(-1)
