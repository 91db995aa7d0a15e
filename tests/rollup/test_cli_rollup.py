"""The verbs of a rollup, one after the other on an embedded L1, with a prover that knows its key's secrets."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.verbs import refused, verb_runner

from zkroll.prover.wrap import key
from zkroll.rollup.operator import wrap_prover
from zkroll.rollup.operator.demo import Demo, Step
from zkroll.rollup.testing.simulated_prover import SimulatedProver
from zkroll.rollup.wallet import insecure_dev_wallet

RECIPIENT = "0x" + "00" * 18 + "0b0b"
PROVER = SimulatedProver()


@pytest.fixture
def prover(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrap_prover, "open_prover", lambda *_args, **_options: PROVER)


@pytest.fixture
def verb(
    prover: None, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    """Runs a verb on one data folder, expects success and gives its document."""
    monkeypatch.setenv("ZKROLL_DATA", str(tmp_path / "data"))
    call = verb_runner(capsys)

    def run(*arguments: object) -> dict[str, Any]:
        result = call(*arguments, "--json")
        assert result.code == 0, result.err
        found: dict[str, Any] = json.loads(result.out)
        return found

    return run


def test_the_status_compares_the_verifier_on_l1_with_a_wrap_key(
    verb: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = PROVER.key
    monkeypatch.setattr(wrap_prover, "batch_target", lambda *_arguments: None)
    monkeypatch.setattr(key, "open_verifying_key", lambda _path, _target: held)
    verb("l1", "start")
    verb("l1", "deploy")
    assert verb("l1", "status", "--key", "mine.zkey")["verifier_is_of_key"]
    held = replace(PROVER.key, key_digest=PROVER.key.key_digest ^ 1)
    answer = verb_runner(capsys)("l1", "status", "--key", "other.zkey")
    assert (answer.code, "expected the wrap verifier of this key" in answer.err) == (1, True)


def test_a_rollups_life_verb_by_verb(verb: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    assert len(verb("l1", "start")["accounts"]) == 4
    deployed = verb("l1", "deploy", "--escape-delay", "3600", "--forced-deadline", "60")
    assert [row["contract"] for row in deployed["contracts"]] == [
        "exit proofs",
        "wrap verifier",
        "demo token",
        "rollup",
    ]
    assert verb("deposit", "2.5", "--to", "dev:0", "--l1-account", "1")["message"] == 0
    assert verb("deposit", "10", "--to", "dev:0", "--token", "ROLL")["token"] == "ROLL"
    assert verb("send", "1", "--to", "dev:1", "--from", "dev:0")["nonce"] == 0
    assert verb("send", "4", "--to", "dev:1", "--from", "dev:0", "--token", "ROLL")["nonce"] == 1
    verb("withdraw", "request", "0.25", "--to", RECIPIENT, "--from", "dev:1")
    built = verb("batch", "build")
    assert (built["batch_number"], built["messages"], built["transactions"]) == (1, 2, 3)
    assert verb("wallet", "show", "dev:1") == {
        "address": f"0x{insecure_dev_wallet(1).address:040x}",
        "after_batch": 1, "nonce": 1, "ether": verb("wallet", "show", "dev:1")["ether"], "ROLL": "4",
    }  # fmt: skip
    assert verb("wallet", "show", verb("wallet", "new", tmp_path / "key")["address"])["ether"] == "0"
    proven = verb("batch", "prove")
    assert (proven["batch_number"], proven["wrapped_from"]) == (1, 1)
    proof = tmp_path / "data/batches/000001/wrapped.zkw"
    assert verb("verify", proof, "--on-chain")["accepted"]
    posted = verb("batch", "post")
    assert [step["step"] for step in posted["done"]] == ["commit", "prove", "finalise"]
    (claimed,) = verb("withdraw", "claim")["claimed"]
    assert (claimed["amount"], claimed["recipient"]) == ("0.25", RECIPIENT)
    assert verb("withdraw", "claim", "--batch", "1")["claimed"] == []
    status = verb("l1", "status")
    assert (status["last_finalised"], status["root"]) == (1, built["new_root"])
    assert (status["locked ether"], status["locked ROLL"]) == ("2.25", "10")

    fresh = ("--data", tmp_path / "node", "--l1", tmp_path / "data/l1", "--contract", deployed["contract"])
    synced = verb("sync", *fresh)
    assert (synced["batches_read"], synced["root"]) == (1, built["new_root"])
    assert verb("sync", *fresh)["batches_read"] == 0
    ours = json.loads((tmp_path / "data/deployment.json").read_text())
    theirs = json.loads((tmp_path / "node/deployment.json").read_text())
    assert theirs == ours | {"profile": "unknown", "block": 0}

    assert verb("withdraw", "force", "0.1", "--to", RECIPIENT, "--from", "dev:1")["message"] == 2
    assert verb("escape", "activate", "--advance", "3700")["last_finalised"] == 1
    node = ("--data", tmp_path / "node")  # has never seen the operator's folder
    left = verb("escape", "claim", "--to", RECIPIENT, "--from", "dev:1", "--token", "ROLL", *node)
    assert (left["amount"], left["token"]) == ("4", "ROLL")


def test_what_is_not_the_rollups_does_not_get_into_a_folder_that_follows_it(
    verb: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    contract = verb("l1", "deploy")["contract"]
    call = verb_runner(capsys, "sync", "--data", str(tmp_path / "node"), "--l1", str(tmp_path / "data/l1"))
    refused(call(), 2, "name it with --contract")
    genesis = json.loads((tmp_path / "data/genesis.json").read_text())
    next(iter(genesis["accounts"].values()))["balance"] = "5"
    (tmp_path / "wrong.json").write_text(json.dumps(genesis))
    refused(call("--contract", contract, "--genesis", tmp_path / "wrong.json"), 1, "genesis: L1 has root")
    refused(call("--contract", "0x" + "0b" * 20), 1, "there is no contract")
    assert not (tmp_path / "node").exists()
    assert call("--contract", contract).code == 0
    refused(call("--contract", "0x" + "0b" * 20), 2, "expected its rollup")


def test_the_demo_prints_a_table_with_gas_and_seconds(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [Step("start", None, 0.5, "here"), Step("deploy the contracts", 19_000_000, 1.25, "")]
    folders: list[Path] = []

    def run(demo: Demo) -> list[Step]:
        folders.append(demo.folder.path)
        demo.folder.set_l1(None)
        return steps

    monkeypatch.setattr(Demo, "run", run)
    call = verb_runner(capsys, "demo")
    result = call("--data", tmp_path / "demo")
    assert (result.code, folders) == (0, [tmp_path / "demo"])
    assert "deploy the contracts  19,000,000    1.250" in result.out
    assert f"kept in  {tmp_path / 'demo'}" in result.out
    refused(call("--data", tmp_path / "demo"), 2, "expected an empty folder")
    document = json.loads(call("--json").out)
    assert document["steps"][1]["gas_used"] == 19_000_000
    assert not folders[-1].exists()  # thrown away


@pytest.mark.parametrize(
    "arguments",
    [
        ("l1", "start"), ("l1", "deploy"), ("l1", "status"), ("deposit",), ("send",), ("batch",), ("batch", "build"),
        ("batch", "prove"), ("batch", "post"), ("withdraw", "request"), ("withdraw", "claim"), ("withdraw", "force"),
        ("escape", "activate"), ("escape", "claim"), ("wallet", "new"), ("wallet", "show"), ("sync",), ("demo",), ("verify",),
    ],
)  # fmt: skip
def test_every_verb_of_a_rollup_has_help(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    result = verb_runner(capsys)(*arguments, "--help")
    assert result.code == 0
    assert result.out.startswith("Usage: zkroll")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("deposit", "1", "--to", "dev:0"), "zkroll l1 start"),
        (("deposit", "one", "--to", "dev:0"), "amount: expected"),
        (("deposit", "1", "--to", "0x12"), "address: expected"),
        (("send", "1", "--to", "dev:0", "--from", "dev:1"), "zkroll l1 deploy"),
        (("send", "1", "--to", "dev:0", "--from", "nobody"), "expected"),
        (("batch", "build"), "zkroll l1 start"),
        (("batch", "prove"), "zkroll l1 deploy"),
        (("batch", "post"), "zkroll l1 start"),
        (("l1", "status"), "zkroll l1 start"),
        (("l1", "deploy", "--batch", "x.json"), "--batch is for an inbox"),
        (("sync",), "zkroll l1 start"),
        (("wallet", "show", "dev:0"), "zkroll l1 deploy"),
        (("wallet", "new", "/nowhere/key"), "/nowhere"),
        (("escape", "claim", "--to", "0x12", "--from", "dev:1"), "expected"),
        (("withdraw", "request", "1", "--to", RECIPIENT, "--from", "dev:0"), "zkroll l1 deploy"),
    ],
)
def test_what_is_missing_is_named_with_the_verb_that_makes_it(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    text: str,
) -> None:
    monkeypatch.setenv("ZKROLL_DATA", str(tmp_path / "data"))
    refused(verb_runner(capsys)(*arguments), 2, text)


def test_a_second_rollup_in_one_folder_is_refused(
    verb: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    verb("l1", "deploy")
    refused(verb_runner(capsys)("l1", "deploy"), 2, "a rollup is deployed already")
    call = verb_runner(capsys)
    refused(call("batch", "build"), 2, "nothing to put into batch 1")
    refused(call("batch", "prove"), 2, "make one with zkroll batch build")
    refused(call("escape", "activate"), 1, "StillAlive")
    refused(
        call("send", "1", "--to", "dev:1", "--from", "dev:0", "--token", "DAI"),
        2,
        "token: expected one of ether, ROLL",
    )
    refused(
        call("send", "1", "--to", "dev:1", "--from", "dev:0", "--token", "ROLL", "--calldata", "0x"),
        2,
        "got both",
    )
    refused(
        call("send", "1", "--to", "dev:1", "--from", "dev:0", "--calldata", "0x1"), 2, "calldata: expected"
    )
