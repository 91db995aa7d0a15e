"""The demo with real proofs: every step accepted by the contracts, every balance out."""

from __future__ import annotations

import json

import pytest
from support.verbs import verb_runner

pytestmark = pytest.mark.slow


def test_the_demo_runs_with_no_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    result = verb_runner(capsys)("demo", "--json")
    assert result.code == 0, result.err
    document = json.loads(result.out)
    steps = {step["step"]: step for step in document["steps"]}
    for number in (1, 2):
        assert steps[f"prove batch {number}"]["note"].startswith("inner proof of")
        assert steps[f"prove batch {number} on L1"]["gas_used"] < 500_000
    assert document["data"] is None
