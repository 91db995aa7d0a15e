"""What the owner of a rollup may change, after which delay, and what nobody may."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.l1_world import CHAIN_ID, DELAYS, L2_TOKEN, Rollup, World, deploy_rollup, evm_world

from zkroll.rollup.l1.bridge_types import Change, ContractRefused, rollup_artifact

NEW_L2_TOKEN = 0x999


@pytest.mark.parametrize("change", [Change.SEQUENCER, Change.OWNER])
def test_scheduled_change_is_made_after_its_delay(rollup: Rollup, change: Change) -> None:
    bob, owner = rollup.world.address("bob"), rollup.by("owner")
    owner.schedule_change(change, bob)
    rollup.world.advance(DELAYS.upgrade - 10)
    with pytest.raises(ContractRefused, match="TooEarly"):
        owner.execute_change(change, bob)
    rollup.world.advance(10)
    owner.execute_change(change, bob)
    status = rollup.bridge.status()
    assert (status.sequencer if change == Change.SEQUENCER else status.owner) == bob


def test_new_sequencer_commits_and_the_old_one_does_not(rollup: Rollup) -> None:
    owner, bob = rollup.by("owner"), rollup.world.address("bob")
    owner.schedule_change(Change.SEQUENCER, bob)
    rollup.world.advance(DELAYS.upgrade)
    owner.execute_change(Change.SEQUENCER, bob)
    with pytest.raises(ContractRefused, match="NotSequencer"):
        rollup.commit()
    rollup.by("bob").commit(1, 0, rollup.data())


def test_new_verifier_decides(rollup: Rollup) -> None:
    other = rollup.world.deploy("AllowedStatements", True)
    owner = rollup.by("owner")
    owner.schedule_change(Change.VERIFIER, other.address)
    rollup.world.advance(DELAYS.upgrade)
    owner.execute_change(Change.VERIFIER, other.address)
    rollup.commit()
    with pytest.raises(ContractRefused):
        rollup.prove(1, 22)
    replace(rollup, verifier=other).prove(1, 22)


def test_new_token_is_bound(rollup: Rollup) -> None:
    token, owner = rollup.world.deploy("MintedToken"), rollup.by("owner")
    owner.schedule_change(Change.TOKEN, token.address, NEW_L2_TOKEN)
    rollup.world.advance(DELAYS.upgrade)
    owner.execute_change(Change.TOKEN, token.address, NEW_L2_TOKEN)
    assert rollup.bridge.l1_token(NEW_L2_TOKEN) == token.address
    rollup.by("alice").request_exit(NEW_L2_TOKEN, 1, 5)


def test_bound_token_cannot_be_bound_again(rollup: Rollup) -> None:
    """A second contract on L2 for a token would let whoever wrote it withdraw other users' tokens."""
    owner, token = rollup.by("owner"), rollup.world.deploy("MintedToken")
    for l1_token, l2_token in ((rollup.token.address, NEW_L2_TOKEN), (token.address, L2_TOKEN)):
        owner.schedule_change(Change.TOKEN, l1_token, l2_token)
        take_back = rollup.world.snapshot()
        rollup.world.advance(DELAYS.upgrade)
        with pytest.raises(ContractRefused, match="TokenAlreadyBound"):
            owner.execute_change(Change.TOKEN, l1_token, l2_token)
        take_back()


def test_change_that_was_not_scheduled_is_not_made(rollup: Rollup) -> None:
    owner, bob, carol = rollup.by("owner"), rollup.world.address("bob"), rollup.world.address("carol")
    owner.schedule_change(Change.SEQUENCER, bob)
    rollup.world.advance(DELAYS.upgrade)
    for change, subject, l2_token in (
        (Change.OWNER, bob, 0),
        (Change.SEQUENCER, carol, 0),
        (Change.SEQUENCER, bob, 1),
    ):
        with pytest.raises(ContractRefused, match="NotScheduled"):
            owner.execute_change(change, subject, l2_token)
    owner.execute_change(Change.SEQUENCER, bob)
    with pytest.raises(ContractRefused, match="NotScheduled"):
        owner.execute_change(Change.SEQUENCER, bob)


def test_cancelled_change_is_not_made(rollup: Rollup) -> None:
    owner, bob = rollup.by("owner"), rollup.world.address("bob")
    with pytest.raises(ContractRefused, match="NotScheduled"):
        owner.cancel_change(Change.SEQUENCER, bob)
    owner.schedule_change(Change.SEQUENCER, bob)
    owner.cancel_change(Change.SEQUENCER, bob)
    rollup.world.advance(DELAYS.upgrade)
    with pytest.raises(ContractRefused, match="NotScheduled"):
        owner.execute_change(Change.SEQUENCER, bob)


def test_change_that_nobody_made_lapses(rollup: Rollup) -> None:
    owner, bob = rollup.by("owner"), rollup.world.address("bob")
    owner.schedule_change(Change.SEQUENCER, bob)
    rollup.world.advance(2 * DELAYS.upgrade + 1)
    with pytest.raises(ContractRefused, match="Lapsed"):
        owner.execute_change(Change.SEQUENCER, bob)


def test_announcing_again_starts_the_delay_again(rollup: Rollup) -> None:
    owner, bob = rollup.by("owner"), rollup.world.address("bob")
    owner.schedule_change(Change.SEQUENCER, bob)
    rollup.world.advance(DELAYS.upgrade)
    owner.schedule_change(Change.SEQUENCER, bob)
    with pytest.raises(ContractRefused, match="TooEarly"):
        owner.execute_change(Change.SEQUENCER, bob)


@pytest.mark.parametrize("user", ["sequencer", "alice"])
def test_only_the_owner_changes_anything(rollup: Rollup, user: str) -> None:
    bob = rollup.world.address("bob")
    rollup.by("owner").schedule_change(Change.SEQUENCER, bob)
    rollup.world.advance(DELAYS.upgrade)
    stranger = rollup.by(user)
    for step in (stranger.schedule_change, stranger.cancel_change, stranger.execute_change):
        with pytest.raises(ContractRefused, match="NotOwner"):
            step(Change.SEQUENCER, bob)


@pytest.mark.parametrize(
    ("change", "subject", "error"),
    [
        (Change.VERIFIER, 0x1234, "NoCode"),
        (Change.SEQUENCER, 0, "ZeroAddress"),
        (Change.TOKEN, 0x1234, "NoCode"),
    ],
)
def test_senseless_change_is_not_made(rollup: Rollup, change: Change, subject: int, error: str) -> None:
    owner = rollup.by("owner")
    owner.schedule_change(change, subject, NEW_L2_TOKEN)
    rollup.world.advance(DELAYS.upgrade)
    with pytest.raises(ContractRefused, match=error):
        owner.execute_change(change, subject, NEW_L2_TOKEN)


def test_rollup_without_owner_never_changes(rollup: Rollup) -> None:
    owner = rollup.by("owner")
    owner.schedule_change(Change.OWNER, 0)
    rollup.world.advance(DELAYS.upgrade)
    owner.execute_change(Change.OWNER, 0)
    with pytest.raises(ContractRefused, match="NotOwner"):
        owner.schedule_change(Change.OWNER, rollup.world.address("owner"))


def test_user_who_disagrees_is_out_before_the_change(rollup: Rollup) -> None:
    """An exit that is asked for when a change is announced is paid, or escape mode open, before it is made."""
    rollup.by("owner").schedule_change(Change.SEQUENCER, rollup.world.address("bob"))
    announced = rollup.world.now()
    rollup.by("alice").request_exit(0, 10, 5)
    assert rollup.bridge.status().escape_from < announced + DELAYS.upgrade


# ---- insecure verifiers ------------------------------------------------------------------------------------------


def on_chain(chain_id: int) -> World:
    return evm_world(chain_id)


@pytest.mark.parametrize("chain_id", [1, 10, 11155111, CHAIN_ID])
def test_insecure_verifier_is_refused_on_chains_with_money(chain_id: int) -> None:
    world = on_chain(chain_id)
    with pytest.raises(ContractRefused, match=rf"InsecureVerifier\(l1ChainId={chain_id}\)"):
        deploy_rollup(world)
    secure = world.deploy("AllowedStatements", False)
    rollup = deploy_rollup(world, verifier=secure.address)
    owner = rollup.by("owner")
    owner.schedule_change(Change.VERIFIER, rollup.verifier.address)
    world.advance(DELAYS.upgrade)
    with pytest.raises(ContractRefused, match="InsecureVerifier"):
        owner.execute_change(Change.VERIFIER, rollup.verifier.address)


@pytest.mark.parametrize("chain_id", [1337, 31337, 131277322940537])
def test_insecure_verifier_is_taken_on_development_chains(chain_id: int) -> None:
    rollup = deploy_rollup(on_chain(chain_id))
    assert rollup.bridge.signing_domain().l1_chain_id == chain_id


def test_no_function_sets_a_root_or_a_delay() -> None:
    """What changes state, in full: whoever adds a function has to say here who may call it."""
    writing = {
        entry["name"]
        for entry in rollup_artifact().abi
        if entry["type"] == "function" and entry["stateMutability"] in ("nonpayable", "payable")
    }
    sequencer = {"commitBatch", "revertBatches"}
    owner = {"scheduleChange", "cancelChange", "executeChange"}
    with_a_proof = {"proveBatches", "withdraw", "escapeWithdraw", "requestExitSigned", "cancelDeposit"}
    anyone = {"finaliseBatches", "activateEscape", "depositEther", "depositToken", "requestExit"}
    assert writing == sequencer | owner | with_a_proof | anyone
