"""Executing L1 messages and withdrawals: balances, what is refused, batch files, and a proof of all of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bridge import (
    ALICE,
    BEEF,
    BOB,
    CAROL,
    CHAIN,
    DAVE,
    FEED,
    OTHER,
    START,
    TOKEN,
    Wallets,
    accounts,
    mixed_messages,
    run,
)

from zkroll.circuits.buses import BRIDGE_ADDRESS
from zkroll.errors import InputError, UnprovableError, VerificationError
from zkroll.rollup.accesses import Cause
from zkroll.rollup.batch import parse_batch
from zkroll.rollup.bridge import balance_slot, withdraw_ether_data, withdraw_token_data
from zkroll.rollup.executor import ExecutedBatch, execute_batch
from zkroll.rollup.genesis import Account, build_state
from zkroll.rollup.l1.messages import L1Message, queue_hash
from zkroll.rollup.l1.withdrawals import Withdrawal, withdrawals_root
from zkroll.rollup.state.state import Field, Place


def after(executed: ExecutedBatch, place: Place) -> int:
    """The word of a place after the batch."""
    return next((t.last for t in executed.touched if t.place == place), -1)


def balance(executed: ExecutedBatch, account: int) -> int:
    return after(executed, Place(account, Field.BALANCE))


def tokens(executed: ExecutedBatch, owner: int, token: int = TOKEN) -> int:
    return after(executed, Place(token, Field.STORAGE, balance_slot(owner)))


def supply(executed: ExecutedBatch, token: int = TOKEN) -> int:
    return after(executed, Place(token, Field.STORAGE, 0))


def test_deposits_credit_before_the_first_transaction() -> None:
    """Carol has nothing but her deposit, out of which she pays."""
    w = Wallets()
    executed = run([L1Message.deposit(0, CAROL, 10**18)], [w.send(2, DAVE, value=10**17)])
    assert balance(executed, DAVE) == 10**17
    assert executed.accesses[0].cause == Cause.MESSAGE
    assert executed.accesses[0].place == Place(CAROL, Field.BALANCE)


def test_token_messages_move_balance_and_supply() -> None:
    executed = run([L1Message.deposit(TOKEN, BOB, 1000), L1Message.exit(TOKEN, ALICE, FEED, 600)])
    assert (tokens(executed, BOB), tokens(executed, ALICE), supply(executed)) == (1000, 0, 1000)
    assert executed.withdrawals == (Withdrawal(TOKEN, FEED, 500),)


@pytest.mark.parametrize(("amount", "moved"), [(0, 0), (499, 499), (500, 500), (501, 500), (2**128 - 1, 500)])
def test_an_exit_takes_the_smaller_of_amount_and_balance(amount: int, moved: int) -> None:
    executed = run([L1Message.exit(TOKEN, ALICE, FEED, amount)])
    assert executed.messages[0].moved == moved
    assert tokens(executed, ALICE) == supply(executed) == 500 - moved
    assert executed.withdrawals == (Withdrawal(TOKEN, FEED, moved),)


def test_an_exit_of_an_unknown_account_withdraws_nothing_and_makes_no_leaf_in_the_state() -> None:
    executed = run([L1Message.exit(0, DAVE, FEED, 5)])
    assert executed.withdrawals == (Withdrawal(0, FEED, 0),)
    assert executed.new_root == executed.old_root


def test_queue_and_root_follow_messages_and_withdrawals_in_order() -> None:
    w = Wallets()
    executed = run(mixed_messages(), [w.ether(0, FEED, 5), w.token(2, BEEF, 0)])
    assert executed.queue_after == int.from_bytes(
        queue_hash(mixed_messages(), START.to_bytes(32, "big")), "big"
    )
    assert [x.recipient for x in executed.withdrawals] == [FEED, BEEF, BEEF, FEED, FEED, BEEF]
    assert executed.withdrawals_root == int.from_bytes(withdrawals_root(executed.withdrawals), "big")


def test_withdrawn_ether_stays_at_the_bridge() -> None:
    w = Wallets()
    executed = run([], [w.ether(0, FEED, 7), w.ether(1, BEEF, 5)])
    assert balance(executed, BRIDGE_ADDRESS) == 12
    assert executed.withdrawals == (Withdrawal(0, FEED, 7), Withdrawal(0, BEEF, 5))
    assert all(result.success for result in executed.results)


def test_withdrawn_tokens_leave_balance_and_supply() -> None:
    executed = run([], [Wallets().token(0, FEED, 120)])
    assert (tokens(executed, ALICE), supply(executed)) == (380, 380)
    assert [a.cause for a in executed.accesses if a.place.address == TOKEN] == [Cause.WITHDRAWAL] * 2


@pytest.mark.parametrize(
    ("data", "value", "said"),
    [
        (b"", 5, "32 or 96 bytes of calldata, got 0"),
        (bytes(31), 5, "32 or 96 bytes of calldata, got 31"),
        (bytes(33), 5, "32 or 96 bytes of calldata, got 33"),
        (bytes(64), 0, "32 or 96 bytes of calldata, got 64"),
        (bytes(128), 0, "32 or 96 bytes of calldata, got 128"),
        (withdraw_ether_data(1 << 160), 5, "recipient: expected 160 bits"),
        (withdraw_token_data(FEED, TOKEN, 5), 1, "value: expected 0, got 1"),
        (withdraw_token_data(FEED, 0, 5), 0, "token: expected the address of a contract, got 0"),
        (withdraw_token_data(FEED, TOKEN + (1 << 160), 5), 0, "token: expected 160 bits"),
        (withdraw_token_data(FEED, TOKEN, 1 << 128), 0, "amount: expected 128 bits"),
        (withdraw_token_data(1 << 255, TOKEN, 5), 0, "recipient: expected 160 bits"),
        (withdraw_token_data(FEED, TOKEN, 501), 0, "expected at least 501, got 500"),
    ],
)
def test_a_malformed_withdrawal_is_refused(data: bytes, value: int, said: str) -> None:
    transaction = Wallets().send(0, BRIDGE_ADDRESS, value=value, data=data)
    with pytest.raises(InputError, match=f"transaction 0: withdrawal.*{said}"):
        run([], [transaction])


def test_a_refused_withdrawal_leaves_the_state_alone() -> None:
    state = build_state(accounts())
    root = state.root
    w = Wallets()
    batch = run([L1Message.deposit(0, BOB, 1)]).batch
    transactions = (w.token(0, FEED, 400), w.token(0, FEED, 101))
    with pytest.raises(InputError, match="transaction 1: withdrawal: balance"):
        execute_batch(replace(batch, transactions=transactions, registrations=None), state)
    assert state.root == root


def test_a_bridge_with_code_is_refused() -> None:
    with pytest.raises(InputError, match="bridge without code"):
        run([], [Wallets().ether(0, FEED, 1)], (*accounts(), Account(BRIDGE_ADDRESS, code=b"\0")))


def test_ether_beyond_128_bits_is_unprovable() -> None:
    with pytest.raises(UnprovableError, match=r"message 1: .*less than 2\^128"):
        run([L1Message.deposit(0, ALICE, 1), L1Message.deposit(0, BOB, 2**128 - 10**18)])


def test_words_of_contracts_wrap_at_256_bits() -> None:
    executed = run([L1Message.deposit(OTHER, BOB, 5), L1Message.exit(OTHER, ALICE, FEED, 2**128 - 1)])
    assert tokens(executed, BOB, OTHER) == 4
    assert supply(executed, OTHER) == (8 - (2**128 - 1)) % 2**256


@given(
    kinds=st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from([0, TOKEN]),
            st.sampled_from([ALICE, BOB, CAROL]),
            st.one_of(st.integers(0, 1000), st.integers(0, 2**100)),
        ),
        max_size=8,
    )
)
@settings(max_examples=25, deadline=None)
def test_what_is_held_is_what_was_deposited_less_what_was_withdrawn(kinds) -> None:
    messages = [
        L1Message.deposit(token, account, amount) if deposit else L1Message.exit(token, account, FEED, amount)
        for deposit, token, account, amount in kinds
    ]
    executed = run(messages)
    for token, held in ((0, 2 * 10**18), (TOKEN, 500)):
        put = sum(m.amount for m in messages if m.kind == 1 and m.token == token)
        taken = sum(w.amount for w in executed.withdrawals if w.token == token)
        places = [t for t in executed.touched if (t.place.field is Field.BALANCE) == (token == 0)]
        change = sum(t.last - t.first for t in places if t.place.slot or token == 0)
        assert held + change == held + put - taken >= 0


# batch files


def test_a_batch_file_keeps_messages_and_queue() -> None:
    batch = run(mixed_messages(), [Wallets().ether(0, FEED, 5)]).batch
    again = parse_batch(batch.to_json())
    assert again.messages == batch.messages == tuple(mixed_messages())
    assert again.queue_before == START
    assert again.to_json() == batch.to_json()


def test_a_batch_file_without_messages_does_not_name_them() -> None:
    text = json.loads(run(queue_before=0).batch.to_json())
    assert "messages" not in text
    assert "queue_before" not in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"messages": [{"kind": "gift", "token": "0x" + "00" * 20}]}, "messages"),
        ({"queue_before": "0x12"}, "queue_before"),
        ({"queue_before": "0x" + "0" * 63 + "\n"}, "queue_before"),
    ],
)
def test_a_malformed_batch_file_is_refused(change: dict[str, object], said: str) -> None:
    text = json.loads(run().batch.to_json()) | change
    with pytest.raises(InputError, match=said):
        parse_batch(json.dumps(text).encode())


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("recipient", "0x" + "01" * 20, r"messages\[0\]: .*recipient of a deposit"),
        ("amount", str(2**128), r"messages\[0\]: amount: expected a number of at most 128 bits"),
        ("account", "0x01", "account"),
        ("kind", "transfer", "kind"),
        ("fee", "1", "fee"),
    ],
)
def test_a_malformed_message_is_refused(field: str, value: str, said: str) -> None:
    text = json.loads(run([L1Message.deposit(0, ALICE, 1)]).batch.to_json())
    text["messages"][0][field] = value
    with pytest.raises(InputError, match=said):
        parse_batch(json.dumps(text).encode())


def test_a_batch_holds_at_most_65535_messages_and_a_queue_hash_of_256_bits() -> None:
    batch = run().batch
    with pytest.raises(InputError, match="at most 65535 L1 messages"):
        replace(batch, messages=(L1Message.deposit(0, ALICE, 1),) * 65536)
    with pytest.raises(InputError, match="queue_before: expected at most 256 bits"):
        replace(batch, queue_before=1 << 256)


@pytest.mark.slow
def test_a_batch_with_messages_and_withdrawals_is_proven_and_verified() -> None:
    from zkroll.rollup.proof import BatchProof
    from zkroll.rollup.prove import prove_batch
    from zkroll.rollup.verify import verify_proof

    w = Wallets()
    batch = run(mixed_messages(), [w.ether(0, FEED, 5), w.token(1, BEEF, 7)]).batch
    assert batch.chain_id == CHAIN
    proof = BatchProof.from_bytes(prove_batch(batch).to_bytes())
    verify_proof(proof)
    values = list(proof.public_values)
    values[-1] ^= 1
    with pytest.raises(VerificationError):
        verify_proof(replace(proof, public_values=tuple(values)))
