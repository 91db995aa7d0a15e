"""The embedded chain's time and its users: what calls see, what advancing does, who pays."""

from __future__ import annotations

from pathlib import Path

import pytest
from eth_account import Account

from zkroll.errors import InputError
from zkroll.rollup.l1.embedded import EmbeddedChain
from zkroll.rollup.l1.inbox import Reverted
from zkroll.rollup.l1.node import EmbeddedNode, Web3Node

NOW = 1_800_000_000


def clock_contract() -> bytes:
    """Creation code of a contract that returns block.timestamp."""
    runtime = bytes.fromhex("425f5260205ff3")  # TIMESTAMP PUSH0 MSTORE PUSH1 32 PUSH0 RETURN
    return bytes.fromhex("60078060095f395ff3") + runtime


def opened(folder: Path, now: list[int]) -> tuple[EmbeddedChain, Web3Node]:
    chain = EmbeddedChain(folder, create=True, clock=lambda: now[0])
    node = EmbeddedNode.__new__(EmbeddedNode)
    node.chain = chain
    Web3Node.__init__(node, str(folder), chain.w3, chain.submit)
    return chain, node


def seen(node: Web3Node, contract: int) -> int:
    return int.from_bytes(node.call(contract, b""), "big")


def test_calls_see_the_time_of_the_next_block(tmp_path: Path) -> None:
    now = [NOW]
    chain, node = opened(tmp_path / "L1", now)
    contract = node.send(None, clock_contract()).created
    assert contract is not None
    assert node.block_timestamp(1) == NOW
    assert seen(node, contract) == NOW + 1
    now[0] += 100
    assert seen(node, contract) == NOW + 100
    chain.close()


def test_advanced_time_is_kept_in_the_blocks_and_replayed(tmp_path: Path) -> None:
    now = [NOW]
    chain, node = opened(tmp_path / "L1", now)
    contract = node.send(None, clock_contract()).created
    assert contract is not None
    chain.advance(1000)
    assert seen(node, contract) == NOW + 1000
    node.send(contract, b"")
    chain.close()
    chain, node = opened(tmp_path / "L1", now)
    assert node.block_timestamp(2) == NOW + 1000
    assert seen(node, contract) == NOW + 1001
    chain.close()


def test_time_does_not_go_back(tmp_path: Path) -> None:
    chain, _ = opened(tmp_path / "L1", [NOW])
    with pytest.raises(InputError, match="expected 0 or more, got -1"):
        chain.advance(-1)
    chain.close()


def test_other_accounts_pay_for_themselves(tmp_path: Path) -> None:
    chain, node = opened(tmp_path / "L1", [NOW])
    user = Account.from_key(b"\x07" * 32)
    address = int(user.address, 16)
    node.send(address, b"", 10**18)
    assert node.balance(address) == 10**18
    receipt = node.for_account(user).send(0x1234, b"", 5)
    assert node.balance(0x1234) == 5
    assert receipt.gas_used == 21_000
    assert 10**18 - 10**16 < node.balance(address) < 10**18
    chain.close()


def test_revert_keeps_its_data_in_calls_and_estimates(tmp_path: Path) -> None:
    chain, node = opened(tmp_path / "L1", [NOW])
    runtime = bytes.fromhex("60075f5260205ffd")  # reverts with the word 7
    contract = node.send(None, bytes.fromhex("60088060095f395ff3") + runtime).created
    assert contract is not None
    for step in (lambda: node.call(contract, b""), lambda: node.send(contract, b"")):
        with pytest.raises(Reverted) as refused:
            step()
        assert refused.value.data == (7).to_bytes(32, "big")
    assert node.block_number() == 1
    chain.close()
