"""Deposits that no batch took come back by `zkroll escape refund`, once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.verbs import refused, verb_runner

from zkroll.rollup.operator import wrap_prover
from zkroll.rollup.testing.simulated_prover import SimulatedProver


def test_deposit_that_no_batch_took_comes_back_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wrap_prover, "open_prover", lambda *_args, **_options: SimulatedProver())
    monkeypatch.setenv("ZKROLL_DATA", str(tmp_path / "data"))
    call = verb_runner(capsys)
    for arguments in (
        ("l1", "start"),
        ("l1", "deploy", "--escape-delay", "3600", "--forced-deadline", "60"),
        ("deposit", "2.5", "--to", "dev:0", "--token", "ROLL"),
        ("withdraw", "force", "1", "--to", "0x" + "0b" * 20, "--from", "dev:0"),
    ):
        assert call(*arguments).code == 0
    refused(call("escape", "refund", "0"), 1, "NotInEscapeMode")
    assert call("escape", "activate", "--advance", "3700").code == 0
    refused(call("escape", "refund", "1"), 1, "WrongMessage")
    refused(call("escape", "refund", "2"), 1, "message 2: expected one of the 2 queued ones")
    refund = call("escape", "refund", "0", "--json")
    assert refund.code == 0, refund.err
    found = json.loads(refund.out)
    assert (found["message"], found["token"], found["amount"]) == (0, "ROLL", "2.5")
    refused(call("escape", "refund", "0"), 1, "NotRefundable")
    refused(call("escape", "refund", "-1"), 2, "-1")
