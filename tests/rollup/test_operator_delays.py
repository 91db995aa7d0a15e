"""Posting to a rollup that makes batches wait between their proof and their finalisation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from zkroll.rollup.l1 import open_l1
from zkroll.rollup.l1.bridge import Bridge
from zkroll.rollup.operator.batches import build_batch, post_batches, prove_inner, prove_wrap
from zkroll.rollup.operator.deploy import DEFAULT_DELAYS, Terms, deploy_rollup
from zkroll.rollup.operator.folder import DataFolder
from zkroll.rollup.operator.l1_start import start_l1
from zkroll.rollup.operator.users import let_time_pass
from zkroll.rollup.testing.simulated_prover import SimulatedProver

PROVER = SimulatedProver()
DELAY = 3600


def test_batches_are_finalised_when_their_delay_is_over_whatever_is_proven_since(tmp_path: Path) -> None:
    """The newest batch has only just been proven whenever something is posted, and must not hold up the older ones."""
    folder = DataFolder(tmp_path / "data")
    start_l1(folder.path)
    terms = Terms(delays=replace(DEFAULT_DELAYS, finalisation=DELAY))
    with open_l1(folder.l1_target()) as chain:
        deployment = deploy_rollup(folder, chain.node, PROVER.key, PROVER.profile, terms)
        bridge = Bridge(chain.node, deployment.rollup_address)

        def post() -> list[tuple[str, tuple[int, ...]]]:
            return [(posted.step, posted.batches) for posted in post_batches(folder, bridge)]

        for number in (1, 2, 3):
            build_batch(folder, bridge, 5, allow_empty=True)
            prove_inner(folder, number, PROVER)
            prove_wrap(folder, number, PROVER)
            if number == 2:
                assert post() == [("commit", (2,)), ("prove", (2,))]
                let_time_pass(chain.node, DELAY + 60)
            elif number == 1:
                assert post() == [("commit", (1,)), ("prove", (1,))]
            else:
                assert post() == [("commit", (3,)), ("prove", (3,)), ("finalise", (1, 2))]
        assert bridge.status().last_finalised == 2
        assert post() == []
        let_time_pass(chain.node, DELAY + 60)
        assert post() == [("finalise", (3,))]
