"""Attacks on the rollup contract: terms that trap users, clocks that stand still, money that nobody could get."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.l1_evm import EvmNode
from support.l1_world import (
    CHAIN_ID,
    DELAYS,
    GENESIS,
    L2_TOKEN,
    L2_TOKENS,
    MESSAGES_PER_BATCH,
    Rollup,
    World,
    deploy_rollup,
    evm_world,
)

from zkroll.algebra.constants import Q_MODULUS
from zkroll.algebra.curve import GENERATOR_G2
from zkroll.circuits.buses import BRIDGE_ADDRESS
from zkroll.rollup.l1.bridge_types import Change, ContractRefused, Delays
from zkroll.rollup.l1.inbox import Reverted, hex_address
from zkroll.rollup.l1.withdrawals import EMPTY_ROOT, Withdrawal
from zkroll.rollup.l1.wrap_verifier import constructor_arguments, wrap_verifier_artifact
from zkroll.rollup.testing.simulated_wrap import SimulatedWrap

ROOT, NEXT = 22, 33
RECIPIENT = 0xBEEF0000
PROOF, SIGNATURE = b"the path to a balance", bytes(range(160))
YEAR = 365 * 86_400


@pytest.fixture(scope="module")
def evm() -> World:
    return evm_world()


# ---- terms -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "delays",
    [
        pytest.param(replace(DELAYS, upgrade=2 * 6000 - 1), id="no time to notice a change"),
        pytest.param(replace(DELAYS, forced=0), id="any message keeps a batch out"),
        pytest.param(replace(DELAYS, forced=59), id="a message a block keeps all batches out"),
        pytest.param(Delays(86_400, YEAR - 86_399, 2**64 - 1, 0), id="escape after more than a year"),
        pytest.param(Delays(YEAR, 3600, 2**64 - 1, 0), id="exit after more than a year"),
        pytest.param(Delays(2**63, 2**63, 2**64 - 1, 0), id="never"),
        pytest.param(Delays(60, 0, 2**64 - 1, 0), id="dead at once"),
    ],
)
def test_rollup_that_would_trap_its_users_cannot_be_deployed(evm: World, delays: Delays) -> None:
    with pytest.raises(ContractRefused, match="SenselessDelays"):
        deploy_rollup(evm, delays=delays)


@pytest.mark.parametrize(
    "delays",
    [
        replace(DELAYS, upgrade=2 * 6000),
        Delays(60, 1, 122, 0),
        Delays(86_400, YEAR - 86_400, 2**64 - 1, YEAR // 2),
    ],
)
def test_terms_at_their_limits_are_taken(evm: World, delays: Delays) -> None:
    status = deploy_rollup(evm, delays=delays).bridge.status()
    assert (status.delays, status.escape_from) == (delays, evm.now() + delays.escape)


def test_owner_gives_users_as_long_to_leave_as_leaving_takes(rollup: Rollup) -> None:
    """An exit that is asked for at the last sensible moment is overdue for escape when the change comes."""
    rollup.by("owner").schedule_change(Change.VERIFIER, rollup.verifier.address)
    at = rollup.read(
        "executableFrom", rollup.read("changeId", 0, hex_address(rollup.verifier.address), hex_address(0))
    )
    rollup.world.advance(DELAYS.upgrade - DELAYS.forced - DELAYS.escape - 10)
    rollup.by("alice").request_exit(0, 10, RECIPIENT)
    assert rollup.world.now() - (at - DELAYS.upgrade) >= DELAYS.forced + DELAYS.escape
    assert rollup.bridge.status().escape_from < at


# ---- the sequencer -----------------------------------------------------------------------------------------------


def test_sequencer_cannot_stop_the_clock(rollup: Rollup) -> None:
    start = rollup.world.now()
    rollup.commit(0, rollup.data(start))
    rollup.world.advance(DELAYS.escape + 10)
    with pytest.raises(ContractRefused, match="TimestampTooOld") as refused:
        rollup.commit(0, rollup.data(start))
    assert refused.value.values["got"] == start
    for timestamp in (0, start + 1):
        with pytest.raises(ContractRefused, match="Timestamp"):
            rollup.commit(0, rollup.data(timestamp))
    rollup.commit(0, rollup.data(start + 60))


def test_first_batch_cannot_begin_the_clock_in_the_past(rollup: Rollup) -> None:
    for timestamp in (0, 1, rollup.world.now() - DELAYS.escape - 1):
        with pytest.raises(ContractRefused, match="TimestampTooOld"):
            rollup.commit(0, rollup.data(timestamp))


def test_empty_batches_do_not_keep_a_rollup_alive_that_takes_no_messages(rollup: Rollup) -> None:
    """Batches committed in advance, before the message is due, and finalised one by one."""
    for _ in range(6):
        rollup.commit(0)
    rollup.by("alice").request_exit(0, 10, RECIPIENT)
    for number in range(1, 6):
        rollup.prove(number, ROOT + number)
        rollup.finalise(number)
        rollup.world.advance((DELAYS.forced + DELAYS.escape) // 5)
    with pytest.raises(ContractRefused, match="OverdueMessage"):
        rollup.commit(0)
    rollup.by("carol").activate_escape()
    with pytest.raises(ContractRefused, match="EscapeMode"):
        rollup.by("carol").finalise(6)


def test_committing_and_dropping_does_not_delay_a_message(rollup: Rollup) -> None:
    rollup.by("alice").request_exit(0, 10, RECIPIENT)
    due = rollup.bridge.status().escape_from
    for _ in range(3):
        rollup.commit()
        rollup.by("sequencer").revert(1)
        rollup.world.advance(DELAYS.escape // 4)
    assert rollup.bridge.status().escape_from == due


def test_garbage_that_cannot_be_proven_ends_in_escape_and_loses_nothing(rollup: Rollup) -> None:
    rollup.by("alice").deposit_ether(5, 100)
    batch, tree = rollup.settle(ROOT, [Withdrawal(0, RECIPIENT, 30)])
    rollup.by("alice").deposit_ether(5, 20)
    rollup.commit(data=rollup.data(units=7))
    rollup.escape()
    alice, carol = rollup.world.address("alice"), rollup.by("carol")
    rollup.allow_balance(ROOT, alice, 0, 70, PROOF)
    rollup.by("alice").escape_withdraw(alice, 0, 70, RECIPIENT, PROOF)
    carol.cancel_deposit(1)
    carol.withdraw(batch, 1, [], tree.withdrawals[0])
    assert rollup.bridge.locked() == rollup.world.node("alice").balance(rollup.bridge.address) == 0


def test_new_sequencer_drops_what_the_old_one_left(rollup: Rollup) -> None:
    rollup.world.advance(1)
    rollup.by("owner").schedule_change(Change.SEQUENCER, rollup.world.address("bob"))
    rollup.world.advance(DELAYS.upgrade)
    rollup.commit(data=rollup.data(units=7))
    rollup.by("owner").execute_change(Change.SEQUENCER, rollup.world.address("bob"))
    with pytest.raises(ContractRefused, match="NotSequencer"):
        rollup.by("sequencer").revert(1)
    rollup.by("bob").revert(1)
    rollup.by("bob").commit(1, 0, rollup.data())


def test_queue_in_front_of_a_message_does_not_delay_its_escape(rollup: Rollup) -> None:
    """Whoever fills the queue, the sequencer too, has to have all of it executed in the same time."""
    for _ in range(7):
        rollup.by("bob").request_exit(0, 1, RECIPIENT)
    rollup.by("alice").request_exit(0, 10, RECIPIENT)
    due = rollup.world.now() + DELAYS.forced + DELAYS.escape
    rollup.world.advance(DELAYS.forced + 10)
    for taken in (0, 3, 6):
        assert rollup.bridge.status().escape_from <= due
        with pytest.raises(ContractRefused, match="OverdueMessage"):
            rollup.commit(queue_end=min(taken + MESSAGES_PER_BATCH, 8) - 1)
        rollup.settle(ROOT + taken, queue_end=min(taken + MESSAGES_PER_BATCH, 8))
    assert rollup.bridge.status().messages_taken == 8


def test_batches_proven_before_a_verifier_is_replaced_are_finalised_after_it(rollup: Rollup) -> None:
    other = rollup.world.deploy("AllowedStatements", True)
    rollup.by("owner").schedule_change(Change.VERIFIER, other.address)
    rollup.world.advance(DELAYS.upgrade)
    rollup.commit()
    rollup.prove(1, ROOT)
    rollup.commit()
    rollup.by("owner").execute_change(Change.VERIFIER, other.address)
    rollup.finalise(1)
    with pytest.raises(ContractRefused):
        rollup.prove(2, NEXT)
    replace(rollup, verifier=other).prove(2, NEXT)


def test_change_announced_while_alive_or_later_is_not_made_in_escape_mode(rollup: Rollup) -> None:
    owner, bob = rollup.by("owner"), rollup.world.address("bob")
    owner.schedule_change(Change.OWNER, bob)
    rollup.escape()
    owner.schedule_change(Change.SEQUENCER, bob)
    rollup.world.advance(DELAYS.upgrade)
    for change in (Change.OWNER, Change.SEQUENCER):
        with pytest.raises(ContractRefused, match=r"EscapeMode\(\)"):
            owner.execute_change(change, bob)


# ---- batch 0 -----------------------------------------------------------------------------------------------------


def test_genesis_pays_no_withdrawal(rollup: Rollup) -> None:
    rollup.by("alice").deposit_ether(5, 100)
    for index, proof in ((1, []), (2, [EMPTY_ROOT]), (3, [EMPTY_ROOT])):
        with pytest.raises(ContractRefused, match="WrongWithdrawalProof"):
            rollup.by("bob").withdraw(0, index, proof, Withdrawal(0, RECIPIENT, 10))


def test_escape_before_the_first_batch_is_from_the_genesis(rollup: Rollup) -> None:
    alice = rollup.world.address("alice")
    rollup.by("alice").deposit_ether(5, 100)
    rollup.escape()
    rollup.allow_balance(GENESIS, alice, 0, 1, PROOF)
    rollup.by("carol").cancel_deposit(0)
    with pytest.raises(ContractRefused, match="NotEnoughLocked"):
        rollup.by("alice").escape_withdraw(alice, 0, 1, RECIPIENT, PROOF)


# ---- deposits that nobody could use ------------------------------------------------------------------------------


@pytest.mark.parametrize("account", [BRIDGE_ADDRESS, *L2_TOKENS])
def test_deposit_for_an_account_without_owner_is_refused(rollup: Rollup, account: int) -> None:
    token = rollup.fund_token("alice", 10)
    with pytest.raises(ContractRefused, match="NobodysAccount"):
        rollup.by("alice").deposit_ether(account, 10)
    with pytest.raises(ContractRefused, match="NobodysAccount"):
        rollup.by("alice").deposit_token(token.address, account, 10)
    assert rollup.bridge.status().messages == rollup.bridge.locked() == 0


# ---- tokens ------------------------------------------------------------------------------------------------------


def test_token_that_is_gone_keeps_its_withdrawals_for_later() -> None:
    rollup = deploy_rollup(evm_world())
    node = rollup.world.node("alice")
    assert isinstance(node, EvmNode)
    token = rollup.fund_token("alice", 10)
    rollup.by("alice").deposit_token(token.address, 5, 10)
    batch, tree = rollup.settle(ROOT, [Withdrawal(L2_TOKEN, RECIPIENT, 10)])
    code = node.code(token.address)
    at = token.address.to_bytes(20, "big")
    node.machine.state.set_code(at, b"")
    with pytest.raises(ContractRefused, match="NoCode"):
        rollup.by("bob").withdraw(batch, 1, [], tree.withdrawals[0])
    node.machine.state.set_code(at, code)
    rollup.by("bob").withdraw(batch, 1, [], tree.withdrawals[0])
    assert token.read("balanceOf", hex_address(RECIPIENT)) == 10


def test_token_that_calls_back_cannot_end_or_finalise_its_own_deposit(rollup: Rollup) -> None:
    """Neither is forbidden in the middle of a deposit, and neither gains anything: a deposit is whole or not at all."""
    token = rollup.fund_token("alice", 10)
    rollup.world.advance(DELAYS.escape + 10)
    call = rollup.bridge._artifact.encode_call("activateEscape")
    token.send("callBack", hex_address(rollup.bridge.address), call)
    rollup.by("alice").deposit_token(token.address, 5, 10)
    assert rollup.bridge.status().escaped_at
    token.send("behave", 0)
    rollup.by("carol").cancel_deposit(0)
    assert token.read("balanceOf", hex_address(rollup.world.address("alice"))) == 10
    assert rollup.bridge.locked(token.address) == 0


# ---- signatures --------------------------------------------------------------------------------------------------


def test_signature_for_another_rollup_or_fork_is_no_exit_here(rollup: Rollup) -> None:
    here = rollup.bridge.signing_domain()
    for domain in (
        replace(here, rollup=here.rollup + 1),
        replace(here, l1_chain_id=here.l1_chain_id + 1),
        replace(here, l2_chain_id=CHAIN_ID + 1),
    ):
        exit_, leave = (
            domain.exit_message(0, 0xACC, 10, RECIPIENT, 0),
            domain.escape_message(0xACC, 0, 10, RECIPIENT),
        )
        for message in (exit_, leave):
            rollup.exits.send("allowSignature", hex_address(0xACC), message, SIGNATURE)
    with pytest.raises(ContractRefused, match="unknown error"):
        rollup.by("bob").request_exit_signed(0, 0xACC, 10, RECIPIENT, SIGNATURE)
    rollup.allow_balance(GENESIS, 0xACC, 0, 10, PROOF)
    rollup.by("alice").deposit_ether(5, 100)
    rollup.escape()
    with pytest.raises(ContractRefused, match="unknown error"):
        rollup.by("bob").escape_withdraw(0xACC, 0, 10, RECIPIENT, PROOF, SIGNATURE)


def test_pending_exit_and_escape_do_not_pay_twice(rollup: Rollup) -> None:
    """The exit's batch was proven, not finalised: the balance in the last finalised root is all there is."""
    alice = rollup.world.address("alice")
    rollup.by("alice").deposit_ether(alice, 100)
    rollup.settle(ROOT)
    rollup.by("alice").request_exit(0, 100, RECIPIENT)
    number = rollup.commit()
    gone = Withdrawal(0, RECIPIENT, 100)
    rollup.prove(number, NEXT, gone.leaf())
    rollup.escape()
    rollup.allow_balance(ROOT, alice, 0, 100, PROOF)
    rollup.by("alice").escape_withdraw(alice, 0, 100, RECIPIENT, PROOF)
    with pytest.raises(ContractRefused, match="NotFinalised"):
        rollup.by("bob").withdraw(number, 1, [], gone)
    for index in (0, 1):
        with pytest.raises(ContractRefused, match=r"NotRefundable|WrongMessage"):
            rollup.by("alice").cancel_deposit(index)
    assert rollup.world.node("alice").balance(RECIPIENT) == 100


# ---- keys --------------------------------------------------------------------------------------------------------

GENERATOR = [*GENERATOR_G2[0][::-1], *GENERATOR_G2[1][::-1]]
NO_KEY = {
    "alpha at infinity": (0, [0, 0]),
    "beta at infinity": (2, [0] * 4),
    "delta at infinity": (6, [0] * 4),
    "delta of 1": (6, GENERATOR),
    "delta of -1": (6, [*GENERATOR[:2], *(Q_MODULUS - y for y in GENERATOR[2:])]),
    "nothing of one": (10, [0, 0]),
    "nothing of the digest": (12, [0, 0]),
    "tau of 0": (14, [0] * 4),
    "tau of 1": (14, GENERATOR),
}


@pytest.mark.parametrize("name", NO_KEY)
def test_verifier_of_a_key_that_anybody_can_forge_for_cannot_be_deployed(evm: World, name: str) -> None:
    """Whatever the client checks, the chain's verifier is refused where it could accept everything."""
    points, *rest = constructor_arguments(SimulatedWrap().key)
    at, words = NO_KEY[name]
    weak = [*points[:at], *words, *points[at + len(words) :]]
    artifact = wrap_verifier_artifact()
    node = evm.node("owner")
    with pytest.raises(Reverted) as refused:
        node.send(None, artifact.encode_constructor(weak, *rest))
    assert "BadConstants" in artifact.describe_error(refused.value.data)
    assert node.send(None, artifact.encode_constructor(points, *rest)).created


def test_preprocessed_commitment_outside_the_field_cannot_be_deployed(evm: World) -> None:
    points, preprocessed, *rest = constructor_arguments(SimulatedWrap().key)
    for weak in ([Q_MODULUS, preprocessed[0][1]], [preprocessed[0][0], 2**256 - 1]):
        with pytest.raises(Reverted) as refused:
            evm.node("owner").send(None, wrap_verifier_artifact().encode_constructor(points, [weak], *rest))
        assert "BadConstants" in wrap_verifier_artifact().describe_error(refused.value.data)
