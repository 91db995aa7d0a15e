"""The queue of the rollup contract: deposits, forced exits, their hashes, and the deadline for batches to take them."""

from __future__ import annotations

import pytest
from support.l1_world import CHAIN_ID, DELAYS, L2_TOKEN, L2_TOKENS, MESSAGES_PER_BATCH, Rollup

from zkroll.errors import RollupError
from zkroll.rollup.l1.bridge_types import ContractRefused
from zkroll.rollup.l1.inbox import Reverted, hex_address
from zkroll.rollup.l1.messages import L1Message, queue_hash

LIMIT = 2**127
HIGH = (1 << 160) - 0xABCDEF  # every part of an address has bits of its own
SIGNATURE = bytes(range(160))


def exit_signed(rollup: Rollup, account: int, amount: int, recipient: int, nonce: int = 0) -> bytes:
    """Have the double take a signature of the account for this exit; gives what was signed."""
    message = rollup.bridge.signing_domain().exit_message(0, account, amount, recipient, nonce)
    rollup.exits.send("allowSignature", hex_address(account), message, SIGNATURE)
    return message


# ---- what is queued ----------------------------------------------------------------------------------------------


def test_every_kind_of_message_is_queued_as_it_was_sent(rollup: Rollup) -> None:
    alice = rollup.by("alice")
    token = rollup.fund_token("alice", 50)
    exit_signed(rollup, HIGH, 7, HIGH - 1)
    queued = [
        alice.deposit_ether(HIGH, 10**18),
        alice.deposit_token(token.address, HIGH - 5, 50),
        alice.request_exit(0, 2**128 - 1, HIGH),
        alice.request_exit(L2_TOKEN, 3, 1),
        rollup.by("bob").request_exit_signed(0, HIGH, 7, HIGH - 1, SIGNATURE),
    ]
    assert [one.index for one in queued] == [0, 1, 2, 3, 4]
    user = rollup.world.address("alice")
    messages = rollup.bridge.messages(0, 5)
    assert [one.message for one in messages] == [
        L1Message.deposit(0, HIGH, 10**18),
        L1Message.deposit(L2_TOKEN, HIGH - 5, 50),
        L1Message.exit(0, user, HIGH, 2**128 - 1),
        L1Message.exit(L2_TOKEN, user, 1, 3),
        L1Message.exit(0, HIGH, HIGH - 1, 7),
    ]
    assert [one.sender for one in messages] == [user] * 4 + [rollup.world.address("bob")]
    assert messages[-1].hash_after == queue_hash(one.message for one in messages)


def test_deposits_are_locked(rollup: Rollup) -> None:
    token = rollup.fund_token("alice", 50)
    rollup.by("alice").deposit_token(token.address, 5, 30)
    rollup.by("alice").deposit_ether(5, 10)
    assert (rollup.bridge.locked(), rollup.world.node("bob").balance(rollup.bridge.address)) == (10, 10)
    assert rollup.bridge.locked(token.address) == 30
    assert token.read("balanceOf", hex_address(rollup.bridge.address)) == 30


def test_messages_that_are_not_there_are_refused(rollup: Rollup) -> None:
    rollup.by("alice").deposit_ether(5, 10)
    for start, end in ((0, 2), (1, 0), (-1, 1), (2, 2)):
        with pytest.raises(RollupError, match="messages: expected a part of 0 to 1"):
            rollup.bridge.messages(start, end)


# ---- what is refused -------------------------------------------------------------------------------------------


def test_deposit_of_nothing_or_for_nobody_is_refused(rollup: Rollup) -> None:
    token = rollup.fund_token("alice", 50)
    alice = rollup.by("alice")
    for refused, error in (
        (lambda: alice.deposit_ether(5, 0), "ZeroAmount"),
        (lambda: alice.deposit_token(token.address, 5, 0), "ZeroAmount"),
        (lambda: alice.deposit_ether(0, 1), "ZeroAddress"),
        (lambda: alice.deposit_token(token.address, 0, 1), "ZeroAddress"),
        (lambda: alice.deposit_token(0, 5, 1), "UnknownToken"),
        (lambda: alice.deposit_token(L2_TOKEN, 5, 1), "UnknownToken"),
        (lambda: alice.deposit_token(rollup.exits.address, 5, 1), "UnknownToken"),
    ):
        with pytest.raises(ContractRefused, match=error):
            refused()
    assert rollup.bridge.status().messages == 0


def test_less_than_2_127_of_a_token_can_be_locked(rollup: Rollup) -> None:
    token = rollup.fund_token("alice", 2**256 - 1)
    alice = rollup.by("alice")
    alice.deposit_token(token.address, 5, LIMIT - 1)
    for amount in (1, LIMIT, 2**128, 2**256 - 1):
        with pytest.raises(ContractRefused, match="TooMuchLocked"):
            alice.deposit_token(token.address, 5, amount)


@pytest.mark.parametrize(("behaviour", "error"), [(2, "WrongAmountReceived"), (3, "TransferFailed")])
def test_token_that_keeps_a_fee_or_answers_false_is_refused(
    rollup: Rollup, behaviour: int, error: str
) -> None:
    token = rollup.fund_token("alice", 50)
    token.send("behave", behaviour)
    with pytest.raises(ContractRefused, match=error):
        rollup.by("alice").deposit_token(token.address, 5, 50)
    assert rollup.bridge.locked(token.address) == 0


@pytest.mark.parametrize("behaviour", [4, 6, 7, 8])
def test_token_that_reverts_or_answers_otherwise_is_refused(rollup: Rollup, behaviour: int) -> None:
    token = rollup.fund_token("alice", 50)
    token.send("behave", behaviour)
    with pytest.raises(ContractRefused, match="TransferFailed"):
        rollup.by("alice").deposit_token(token.address, 5, 50)


def test_token_that_answers_nothing_is_taken(rollup: Rollup) -> None:
    token = rollup.fund_token("alice", 50)
    token.send("behave", 1)
    rollup.by("alice").deposit_token(token.address, 5, 50)
    assert rollup.bridge.locked(token.address) == 50


def test_token_without_allowance_is_refused(rollup: Rollup) -> None:
    rollup.token.send("mint", hex_address(rollup.world.address("alice")), 50)
    with pytest.raises(ContractRefused, match="TransferFailed"):
        rollup.by("alice").deposit_token(rollup.token.address, 5, 50)


def test_exit_has_an_amount_a_recipient_and_a_bridged_token(rollup: Rollup) -> None:
    alice = rollup.by("alice")
    for refused, error in (
        (lambda: alice.request_exit(0, 0, 1), "ZeroAmount"),
        (lambda: alice.request_exit(0, 2**128, 1), "AmountTooLarge"),
        (lambda: alice.request_exit(0, 1, 0), "ZeroAddress"),
        (lambda: alice.request_exit(0x999, 1, 1), "UnknownToken"),
        (lambda: alice.request_exit(rollup.token.address, 1, 1), "UnknownToken"),
    ):
        with pytest.raises(ContractRefused, match=error):
            refused()


# ---- signed exits ----------------------------------------------------------------------------------------------


def test_signed_message_is_computed_here_as_in_the_contract(rollup: Rollup) -> None:
    domain = rollup.bridge.signing_domain()
    assert (domain.rollup, domain.l2_chain_id) == (rollup.bridge.address, CHAIN_ID)
    arguments = (L2_TOKEN, HIGH, 12, HIGH - 3, 4)
    shown = [hex_address(L2_TOKEN), hex_address(HIGH), 12, hex_address(HIGH - 3), 4]
    assert rollup.read("exitMessage", *shown) == domain.exit_message(*arguments)
    shown = [hex_address(HIGH), hex_address(L2_TOKEN), 12, hex_address(HIGH - 3)]
    assert rollup.read("escapeMessage", *shown) == domain.escape_message(HIGH, L2_TOKEN, 12, HIGH - 3)


def test_signed_exit_is_good_once(rollup: Rollup) -> None:
    exit_signed(rollup, 5, 7, 8)
    bob = rollup.by("bob")
    bob.request_exit_signed(0, 5, 7, 8, SIGNATURE)
    assert bob.exit_nonce(5) == 1
    with pytest.raises(ContractRefused, match="unknown error"):
        bob.request_exit_signed(0, 5, 7, 8, SIGNATURE)
    exit_signed(rollup, 5, 7, 8, nonce=1)
    bob.request_exit_signed(0, 5, 7, 8, SIGNATURE)


@pytest.mark.parametrize(
    ("token", "account", "amount", "recipient"),
    [(L2_TOKEN, 5, 7, 8), (0, 6, 7, 8), (0, 5, 8, 8), (0, 5, 7, 9)],
    ids=["token", "account", "amount", "recipient"],
)
def test_signature_is_good_for_its_own_exit_only(
    rollup: Rollup, token: int, account: int, amount: int, recipient: int
) -> None:
    exit_signed(rollup, 5, 7, 8)
    with pytest.raises(ContractRefused, match="unknown error"):
        rollup.by("bob").request_exit_signed(token, account, amount, recipient, SIGNATURE)
    with pytest.raises(ContractRefused, match="unknown error"):
        rollup.by("bob").request_exit_signed(0, 5, 7, 8, SIGNATURE + b"\0")


# ---- the deadline ----------------------------------------------------------------------------------------------


def test_batch_may_leave_messages_within_their_deadline(rollup: Rollup) -> None:
    rollup.by("alice").deposit_ether(5, 10)
    rollup.world.advance(DELAYS.forced // 2)
    rollup.commit(queue_end=0)
    assert rollup.bridge.batch(1).messages == ()


def test_ignored_forced_message_stops_the_sequencer(rollup: Rollup) -> None:
    rollup.by("alice").request_exit(0, 10, 5)
    rollup.world.advance(DELAYS.forced + 1)
    with pytest.raises(ContractRefused, match=r"OverdueMessage\(index=0\)"):
        rollup.commit(queue_end=0)
    rollup.commit(queue_end=1)


def test_only_overdue_messages_have_to_be_taken(rollup: Rollup) -> None:
    alice = rollup.by("alice")
    alice.deposit_ether(5, 10)
    rollup.world.advance(DELAYS.forced + 1)
    alice.deposit_ether(5, 11)
    rollup.commit(queue_end=1)


def test_full_batch_may_leave_overdue_messages_to_the_next(rollup: Rollup) -> None:
    for _ in range(MESSAGES_PER_BATCH + 2):
        rollup.by("alice").deposit_ether(5, 10)
    rollup.world.advance(DELAYS.forced + 1)
    with pytest.raises(ContractRefused, match=rf"OverdueMessage\(index={MESSAGES_PER_BATCH - 1}\)"):
        rollup.commit(queue_end=MESSAGES_PER_BATCH - 1)
    rollup.commit(queue_end=MESSAGES_PER_BATCH)
    with pytest.raises(ContractRefused, match="OverdueMessage"):
        rollup.commit(queue_end=MESSAGES_PER_BATCH + 1)
    rollup.commit(queue_end=MESSAGES_PER_BATCH + 2)


def test_dropped_batch_does_not_serve_a_forced_message(rollup: Rollup) -> None:
    rollup.by("alice").request_exit(0, 10, 5)
    rollup.commit(queue_end=1)
    rollup.by("sequencer").revert(1)
    rollup.world.advance(DELAYS.forced + 1)
    with pytest.raises(ContractRefused, match="OverdueMessage"):
        rollup.commit(queue_end=0)


@pytest.mark.parametrize("end", [0, 3, 2**64, 2**256 - 1])
def test_queue_is_taken_in_order_and_not_invented(rollup: Rollup, end: int) -> None:
    alice = rollup.by("alice")
    alice.deposit_ether(5, 10)
    rollup.commit(queue_end=1)
    alice.deposit_ether(5, 10)
    with pytest.raises(ContractRefused, match="WrongQueueEnd") as refused:
        rollup.commit(queue_end=end)
    assert refused.value.values == {"least": 1, "most": 2, "got": end}


# ---- reentrancy ------------------------------------------------------------------------------------------------


def test_token_cannot_deposit_within_a_deposit(rollup: Rollup) -> None:
    """A token that calls back could have one transfer counted for two deposits."""
    outer, inner = rollup.tokens
    rollup.fund_token("alice", 50)
    call = rollup.bridge._artifact.encode_call("depositToken", hex_address(inner.address), hex_address(9), 1)
    inner.send("mint", hex_address(outer.address), 1)
    outer.send("callBack", hex_address(rollup.bridge.address), call)
    with pytest.raises(ContractRefused, match="TransferFailed"):
        rollup.by("alice").deposit_token(outer.address, 5, 50)


def test_message_of_a_second_token_names_it(rollup: Rollup) -> None:
    token = rollup.fund_token("alice", 50, token=1)
    queued = rollup.by("alice").deposit_token(token.address, 5, 50)
    assert rollup.bridge.message(queued.index).message.token == L2_TOKENS[1]


def test_ether_cannot_come_in_without_a_message(rollup: Rollup) -> None:
    call = rollup.bridge._artifact.encode_call("requestExit", hex_address(0), 1, hex_address(1))
    with pytest.raises(Reverted):
        rollup.world.node("alice").send(rollup.bridge.address, call, 1)
