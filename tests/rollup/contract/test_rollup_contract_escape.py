"""Escape mode of the rollup contract: when it begins, what it ends, and how everyone leaves, each once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.l1_world import DELAYS, GENESIS, L2_TOKEN, Rollup

from zkroll.rollup.l1.bridge_types import Change, ContractRefused
from zkroll.rollup.l1.inbox import hex_address
from zkroll.rollup.l1.withdrawals import EMPTY_ROOT, Withdrawal, WithdrawalTree

ROOT, NEXT = 22, 33
RECIPIENT = 0xBEEF0000
PROOF, SIGNATURE = b"the path to a balance", bytes(range(160))


def balance_of(rollup: Rollup, recipient: int = RECIPIENT) -> int:
    return rollup.world.node("alice").balance(recipient)


# ---- when it begins ----------------------------------------------------------------------------------------------


def test_living_rollup_is_not_escaped(rollup: Rollup) -> None:
    with pytest.raises(ContractRefused, match="StillAlive"):
        rollup.by("carol").activate_escape()
    rollup.world.advance(DELAYS.escape - 1000)
    rollup.settle(ROOT)
    rollup.world.advance(DELAYS.escape - 10)
    with pytest.raises(ContractRefused, match="StillAlive"):
        rollup.by("carol").activate_escape()


def test_anyone_can_escape_when_nothing_is_finalised(rollup: Rollup) -> None:
    rollup.world.advance(DELAYS.escape + 1)
    rollup.by("carol").activate_escape()
    status = rollup.bridge.status()
    assert status.escaped_at == rollup.world.now() > status.escape_from


def test_batches_that_are_not_finalised_do_not_keep_the_rollup_alive(rollup: Rollup) -> None:
    rollup.world.advance(DELAYS.escape)
    rollup.commit()
    rollup.prove(1, ROOT)
    rollup.world.advance(1)
    rollup.by("carol").activate_escape()
    assert rollup.bridge.status().last_root == GENESIS


def test_message_that_waits_too_long_ends_the_rollup_whatever_else_is_finalised(rollup: Rollup) -> None:
    rollup.by("alice").request_exit(0, 10, RECIPIENT)
    sent = rollup.world.now()
    rollup.commit(queue_end=0)  # within the deadline, so the message may wait
    rollup.prove(1, ROOT)
    rollup.world.advance(DELAYS.forced + DELAYS.escape - 10 * DELAYS.finalisation)
    rollup.by("carol").finalise(1)
    status = rollup.bridge.status()
    assert (
        status.escape_from == sent + DELAYS.forced + DELAYS.escape < status.last_finalised_at + DELAYS.escape
    )
    with pytest.raises(ContractRefused, match="StillAlive"):
        rollup.by("carol").activate_escape()
    rollup.world.advance(10 * DELAYS.finalisation + 1)
    rollup.by("carol").activate_escape()


def test_message_of_a_finalised_batch_does_not_end_the_rollup(rollup: Rollup) -> None:
    rollup.by("alice").request_exit(0, 10, RECIPIENT)
    rollup.settle(ROOT)
    status = rollup.bridge.status()
    assert status.escape_from == status.last_finalised_at + DELAYS.escape


# ---- what it ends ------------------------------------------------------------------------------------------------

ENDED: dict[str, Callable[[Rollup], object]] = {
    "commit": lambda rollup: rollup.by("sequencer").commit(3, 0, rollup.data()),
    "revert": lambda rollup: rollup.by("sequencer").revert(2),
    "prove": lambda rollup: rollup.by("carol").prove(2, [NEXT], [EMPTY_ROOT], b""),
    "finalise": lambda rollup: rollup.by("carol").finalise(1),
    "deposit of ether": lambda rollup: rollup.by("alice").deposit_ether(5, 10),
    "deposit of a token": lambda rollup: rollup.by("alice").deposit_token(rollup.token.address, 5, 10),
    "exit": lambda rollup: rollup.by("alice").request_exit(0, 10, RECIPIENT),
    "escape again": lambda rollup: rollup.by("alice").activate_escape(),
    "change": lambda rollup: rollup.by("owner").execute_change(Change.SEQUENCER, rollup.world.address("bob")),
}


@pytest.mark.parametrize("step", ENDED)
def test_escape_mode_ends_everything_but_leaving(rollup: Rollup, step: str) -> None:
    rollup.by("owner").schedule_change(Change.SEQUENCER, rollup.world.address("bob"))
    rollup.fund_token("alice", 50)
    rollup.world.advance(DELAYS.upgrade)
    rollup.commit()
    rollup.prove(1, ROOT)
    rollup.commit()
    rollup.allow(rollup.statement(2, NEXT))
    rollup.by("carol").activate_escape()
    with pytest.raises(ContractRefused, match=r"EscapeMode\(\)"):
        ENDED[step](rollup)


def test_finalised_withdrawals_are_paid_in_escape_mode_too(rollup: Rollup) -> None:
    rollup.by("alice").deposit_ether(5, 100)
    batch, tree = rollup.settle(ROOT, [Withdrawal(0, RECIPIENT, 10)])
    lost = WithdrawalTree([Withdrawal(0, RECIPIENT, 20)])
    number = rollup.commit()
    rollup.prove(number, NEXT, lost.root)
    rollup.escape()
    rollup.by("carol").withdraw(batch, 1, [], tree.withdrawals[0])
    assert balance_of(rollup) == 10
    with pytest.raises(ContractRefused, match="NotFinalised"):
        rollup.by("carol").withdraw(number, 1, [], lost.withdrawals[0])


# ---- leaving with a balance --------------------------------------------------------------------------------------


def in_escape(rollup: Rollup) -> int:
    """A rollup in escape mode with 100 wei and 100 tokens locked; gives alice's address."""
    rollup.by("alice").deposit_ether(5, 100)
    token = rollup.fund_token("alice", 100)
    rollup.by("alice").deposit_token(token.address, 5, 100)
    rollup.settle(ROOT)
    rollup.escape()
    return rollup.world.address("alice")


def test_living_rollup_lets_nobody_escape(rollup: Rollup) -> None:
    alice = rollup.world.address("alice")
    queued = rollup.by("alice").deposit_ether(5, 100)
    rollup.allow_balance(GENESIS, alice, 0, 40, PROOF)
    with pytest.raises(ContractRefused, match="NotInEscapeMode"):
        rollup.by("alice").escape_withdraw(alice, 0, 40, RECIPIENT, PROOF)
    with pytest.raises(ContractRefused, match="NotInEscapeMode"):
        rollup.by("alice").cancel_deposit(queued.index)


def test_account_leaves_with_its_balances_once_each(rollup: Rollup) -> None:
    alice = in_escape(rollup)
    rollup.allow_balance(ROOT, alice, 0, 40, PROOF)
    rollup.allow_balance(ROOT, alice, L2_TOKEN, 30, PROOF)
    by_alice = rollup.by("alice")
    by_alice.escape_withdraw(alice, 0, 40, RECIPIENT, PROOF)
    by_alice.escape_withdraw(alice, L2_TOKEN, 30, RECIPIENT, PROOF)
    assert balance_of(rollup) == 40
    assert rollup.token.read("balanceOf", hex_address(RECIPIENT)) == 30
    assert (rollup.bridge.locked(), rollup.bridge.locked(rollup.token.address)) == (60, 70)
    assert by_alice.has_escaped(alice, 0)
    for token, balance in ((0, 40), (L2_TOKEN, 30)):
        with pytest.raises(ContractRefused, match="AlreadyEscaped"):
            by_alice.escape_withdraw(alice, token, balance, RECIPIENT, PROOF)


def test_escape_needs_a_proof_in_the_last_finalised_root(rollup: Rollup) -> None:
    alice = in_escape(rollup)
    rollup.allow_balance(ROOT, alice, 0, 40, PROOF)
    rollup.allow_balance(GENESIS, alice, 0, 41, PROOF)
    by_alice = rollup.by("alice")
    for token, balance, proof in ((0, 41, PROOF), (0, 40, b""), (L2_TOKEN, 40, PROOF)):
        with pytest.raises(ContractRefused, match="unknown error"):
            by_alice.escape_withdraw(alice, token, balance, RECIPIENT, proof)
    by_alice.escape_withdraw(alice, 0, 40, RECIPIENT, PROOF)


def test_only_the_account_leaves_with_its_balance(rollup: Rollup) -> None:
    alice = in_escape(rollup)
    rollup.allow_balance(ROOT, alice, 0, 40, PROOF)
    with pytest.raises(ContractRefused, match="NotAccount"):
        rollup.by("bob").escape_withdraw(alice, 0, 40, rollup.world.address("bob"), PROOF)
    with pytest.raises(ContractRefused, match="ZeroAddress"):
        rollup.by("alice").escape_withdraw(alice, 0, 40, 0, PROOF)


def test_account_of_another_key_leaves_by_its_signature(rollup: Rollup) -> None:
    in_escape(rollup)
    account = 0xACC
    rollup.allow_balance(ROOT, account, 0, 40, PROOF)
    message = rollup.bridge.signing_domain().escape_message(account, 0, 40, RECIPIENT)
    rollup.exits.send("allowSignature", hex_address(account), message, SIGNATURE)
    bob = rollup.by("bob")
    for recipient, signature in ((RECIPIENT + 1, SIGNATURE), (RECIPIENT, SIGNATURE[:-1])):
        with pytest.raises(ContractRefused, match="unknown error"):
            bob.escape_withdraw(account, 0, 40, recipient, PROOF, signature)
    bob.escape_withdraw(account, 0, 40, RECIPIENT, PROOF, SIGNATURE)
    assert balance_of(rollup) == 40


def test_signature_of_a_forced_exit_is_none_of_an_escape(rollup: Rollup) -> None:
    in_escape(rollup)
    account = 0xACC
    rollup.allow_balance(ROOT, account, 0, 40, PROOF)
    message = rollup.bridge.signing_domain().exit_message(0, account, 40, RECIPIENT, 0)
    rollup.exits.send("allowSignature", hex_address(account), message, SIGNATURE)
    with pytest.raises(ContractRefused, match="unknown error"):
        rollup.by("bob").escape_withdraw(account, 0, 40, RECIPIENT, PROOF, SIGNATURE)


def test_escape_pays_bridged_tokens_up_to_what_is_locked(rollup: Rollup) -> None:
    alice = in_escape(rollup)
    rollup.allow_balance(ROOT, alice, 0x999, 1, PROOF)
    rollup.allow_balance(ROOT, alice, 0, 101, PROOF)
    with pytest.raises(ContractRefused, match="UnknownToken"):
        rollup.by("alice").escape_withdraw(alice, 0x999, 1, RECIPIENT, PROOF)
    with pytest.raises(ContractRefused, match="NotEnoughLocked"):
        rollup.by("alice").escape_withdraw(alice, 0, 101, RECIPIENT, PROOF)


def test_reentering_escape_is_stopped(rollup: Rollup) -> None:
    in_escape(rollup)
    thief = rollup.world.deploy("Caller")
    rollup.allow_balance(ROOT, thief.address, 0, 40, PROOF)
    call = rollup.bridge._artifact.encode_call(
        "escapeWithdraw",
        hex_address(thief.address),
        hex_address(0),
        40,
        hex_address(thief.address),
        PROOF,
        b"",
    )
    thief.send("whenPaid", hex_address(rollup.bridge.address), call)
    thief.send("run", hex_address(rollup.bridge.address), call)
    assert balance_of(rollup, thief.address) == 40
    assert not thief.read("calledBack")


# ---- deposits that no batch took ---------------------------------------------------------------------------------


def test_deposits_that_no_finalised_batch_took_go_back_once(rollup: Rollup) -> None:
    alice = rollup.by("alice")
    alice.deposit_ether(5, 10)
    rollup.settle(ROOT)
    token = rollup.fund_token("alice", 100)
    alice.deposit_token(token.address, 5, 100)
    alice.deposit_ether(5, 20)
    number = rollup.commit()
    rollup.prove(number, NEXT)
    last = alice.deposit_ether(5, 30)
    rollup.escape()
    before = balance_of(rollup, rollup.world.address("alice"))
    carol = rollup.by("carol")
    for index in (1, 2, last.index):
        carol.cancel_deposit(index)
        with pytest.raises(ContractRefused, match="NotRefundable"):
            carol.cancel_deposit(index)
    assert balance_of(rollup, rollup.world.address("alice")) == before + 50
    assert token.read("balanceOf", hex_address(rollup.world.address("alice"))) == 100
    assert rollup.bridge.locked() == 10
    with pytest.raises(ContractRefused, match="NotRefundable"):
        carol.cancel_deposit(0)  # its money is in the finalised root


def test_refund_is_of_the_message_that_was_queued(rollup: Rollup) -> None:
    alice = rollup.by("alice")
    alice.deposit_ether(5, 10)
    alice.request_exit(0, 20, RECIPIENT)
    rollup.by("bob").deposit_ether(6, 30)
    rollup.escape()
    carol = rollup.by("carol")
    for index, token, account, amount in ((0, 0, 5, 11), (0, 0, 6, 10), (0, L2_TOKEN, 5, 10), (2, 0, 5, 10)):
        with pytest.raises(ContractRefused, match="WrongMessage"):
            carol._send("cancelDeposit", index, hex_address(token), hex_address(account), amount)
    with pytest.raises(ContractRefused, match="WrongMessage"):
        carol.cancel_deposit(1)  # an exit
    with pytest.raises(ContractRefused, match="NotRefundable"):
        carol._send("cancelDeposit", 3, hex_address(0), hex_address(5), 10)


def test_depositor_that_refuses_its_refund_harms_only_itself(rollup: Rollup) -> None:
    stubborn = rollup.world.deploy("Caller")
    deposit = rollup.bridge._artifact.encode_call("depositEther", hex_address(5))
    stubborn.send("run", hex_address(rollup.bridge.address), deposit, value=10)
    other = rollup.by("alice").deposit_ether(5, 20)
    stubborn.send("refuse", True)
    rollup.escape()
    with pytest.raises(ContractRefused, match="TransferFailed"):
        rollup.by("carol").cancel_deposit(0)
    rollup.by("carol").cancel_deposit(other.index)
    assert rollup.bridge.locked() == 10
