"""Money on L2 at the address of an L1 account, which has no key there: it comes back by that account's transactions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.verbs import refused, verb_runner

from zkroll.rollup.l1.keys import insecure_development_account
from zkroll.rollup.operator import wrap_prover
from zkroll.rollup.testing.simulated_prover import SimulatedProver

OWN = insecure_development_account(1).address.lower()
RECIPIENT = "0x" + "0b" * 20


def test_account_without_a_key_on_l2_is_forced_out_and_escapes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wrap_prover, "open_prover", lambda *_args, **_options: SimulatedProver())
    monkeypatch.setenv("ZKROLL_DATA", str(tmp_path / "data"))
    call = verb_runner(capsys)

    def verb(*arguments: str) -> dict[str, Any]:
        result = call(*arguments, "--json")
        assert result.code == 0, result.err
        found: dict[str, Any] = json.loads(result.out)
        return found

    verb("l1", "start")
    verb("l1", "deploy", "--escape-delay", "3600", "--forced-deadline", "60")
    verb("deposit", "5", "--to", OWN)
    forced = verb("withdraw", "force", "2", "--to", RECIPIENT, "--l1-account", "1")
    assert (forced["account"], forced["at_most"]) == (OWN, "2")
    verb("batch", "build")
    verb("batch", "prove")
    verb("batch", "post")
    (claimed,) = verb("withdraw", "claim")["claimed"]
    assert (claimed["recipient"], claimed["amount"]) == (RECIPIENT, "2")
    verb("escape", "activate", "--advance", "3700")
    refused(call("escape", "claim", "--to", RECIPIENT), 2, "nothing to leave with")
    left = verb("escape", "claim", "--to", RECIPIENT, "--l1-account", "1")
    assert (left["account"], left["amount"]) == (OWN, "3")
    refused(call("escape", "claim", "--to", RECIPIENT, "--l1-account", "1"), 1, "AlreadyEscaped")
