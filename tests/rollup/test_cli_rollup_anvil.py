"""The verbs of a rollup against a JSON-RPC node."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.anvil import Anvil, needs_anvil, running_anvil
from support.verbs import refused, verb_runner
from web3 import Web3

from zkroll.rollup.operator import wrap_prover
from zkroll.rollup.testing.simulated_prover import SimulatedProver

pytestmark = [pytest.mark.anvil, needs_anvil]

RECIPIENT = "0x" + "00" * 18 + "0b0b"
#: the key of anvil's first account, which its documentation gives
KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
PROVER = SimulatedProver()


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with running_anvil() as node:
        yield node


@pytest.fixture
def verb(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    monkeypatch.setattr(wrap_prover, "open_prover", lambda *_args, **_options: PROVER)
    monkeypatch.setenv("ZKROLL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ZKROLL_L1_KEY", KEY)
    call = verb_runner(capsys)

    def run(*arguments: object) -> dict[str, Any]:
        result = call(*arguments, "--json")
        assert result.code == 0, result.err
        found: dict[str, Any] = json.loads(result.out)
        return found

    return run


def url_of(anvil: Anvil) -> str:
    provider: Any = anvil.w3.provider
    return str(provider.endpoint_uri)


def test_a_rollups_life_on_a_json_rpc_node(
    anvil: Anvil, verb: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    started = verb("l1", "start", "--l1", url_of(anvil))
    assert started["accounts"] == []
    deployed = verb("l1", "deploy", "--escape-delay", "3600", "--forced-deadline", "60")
    assert deployed["insecure"]
    verb("deposit", "2.5", "--to", "dev:0")
    verb("deposit", "10", "--to", "dev:0", "--token", "ROLL")
    verb("send", "1", "--to", "dev:1", "--from", "dev:0")
    verb("withdraw", "request", "3", "--to", RECIPIENT, "--from", "dev:0", "--token", "ROLL")
    built = verb("batch", "build")
    assert (built["messages"], built["transactions"], built["left_out"]) == (2, 2, [])
    verb("batch", "prove")
    assert verb("verify", tmp_path / "data/batches/000001/wrapped.zkw", "--on-chain")["accepted"]
    assert verb("batch", "post")["root"] == built["new_root"]
    (claimed,) = verb("withdraw", "claim")["claimed"]
    assert (claimed["token"], claimed["amount"]) == ("ROLL", "3")
    fresh = ("--data", tmp_path / "node", "--l1", url_of(anvil), "--contract", deployed["contract"])
    assert verb("sync", *fresh)["root"] == built["new_root"]

    refused(verb_runner(capsys)("escape", "activate"), 1, "StillAlive")
    refused(verb_runner(capsys)("escape", "activate", "--advance", "60"), 2, "expected an embedded L1")
    provider: Any = anvil.w3.provider
    provider.make_request("evm_increaseTime", [4000])
    provider.make_request("evm_mine", [])
    verb("escape", "activate")
    left = verb("escape", "claim", "--to", RECIPIENT, "--from", "dev:1")
    assert (left["token"], left["amount"]) == ("ether", "1")
    assert anvil.w3.eth.get_balance(Web3.to_checksum_address(RECIPIENT)) == 10**18
