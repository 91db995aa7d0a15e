"""L1 messages and withdrawals in the circuit: batches that hold, and every way to cheat that somebody notices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bridge import (
    ALICE,
    BEEF,
    BOB,
    CAROL,
    DAVE,
    FEED,
    OTHER,
    START,
    TOKEN,
    Wallets,
    accounts,
    forged,
    mixed_messages,
    mixed_source,
    noticed,
    run,
    small_source,
    source_of,
    traces_of,
)
from support.bridge import changed as tampered
from support.chips import cell, prank
from support.tamper import sent

from zkroll.circuits.air.check import check
from zkroll.circuits.air.witness import FillContext, fill_chips
from zkroll.circuits.buses import FIELD_BALANCE, FIELD_STORAGE, PUBLIC, PUBLIC_VALUES, RANGE16
from zkroll.circuits.machine import batch_machine
from zkroll.circuits.source import DEPOSIT, EXIT, BatchTrace
from zkroll.errors import InputError
from zkroll.rollup.bridge import balance_slot
from zkroll.rollup.development import token_code
from zkroll.rollup.l1.messages import L1Message, queue_hash
from zkroll.rollup.l1.withdrawals import Withdrawal, WithdrawalTree
from zkroll.rollup.transaction import SignedTransaction

HUGE = 2**256


@pytest.fixture(scope="module")
def small() -> BatchTrace:
    return small_source()


@pytest.fixture(scope="module")
def filled(small: BatchTrace):
    return traces_of(small)


def value(source: BatchTrace, name: str) -> int:
    """A 256-bit public value."""
    at = PUBLIC_VALUES.index(name + "_hi")
    hi, lo = source.public_values()[at : at + 2]
    return hi << 128 | lo


def word(source: BatchTrace, address: int, field: int = FIELD_BALANCE, slot: int = 0) -> int:
    """The word of a touched place after the batch."""
    return next(x.new_word for x in source.leaves if (x.address, x.field, x.slot) == (address, field, slot))


# valid batches


@pytest.mark.parametrize("make", [mixed_source, lambda: source_of(mixed_messages())])
def test_a_whole_batch_holds_with_every_chip(make) -> None:
    """Also without a transaction: then nothing but messages makes rows."""
    source = make()
    traces = fill_chips(batch_machine().chips, FillContext(source, source.public_values()))
    public = [(PUBLIC, (i, v)) for i, v in enumerate(source.public_values())]
    assert check(traces, public) == []


def test_public_values_are_those_of_queue_and_tree() -> None:
    source = mixed_source()
    messages = mixed_messages()
    withdrawals = [
        Withdrawal(TOKEN, FEED, 500),
        Withdrawal(0, BEEF, 0),
        Withdrawal(TOKEN, BEEF, 100),
        Withdrawal(0, FEED, 10**18 + 77),
        Withdrawal(0, FEED, 123),
        Withdrawal(TOKEN, BEEF, 120),
        Withdrawal(TOKEN, FEED, 600),
    ]
    after = queue_hash(messages, START.to_bytes(32, "big"))
    assert value(source, "queue_before") == START
    assert value(source, "queue_after") == int.from_bytes(after, "big")
    assert value(source, "withdrawals") == int.from_bytes(WithdrawalTree(withdrawals).root, "big")


def test_a_batch_without_messages_leaves_the_queue_and_has_no_root() -> None:
    source = source_of()
    assert value(source, "queue_before") == value(source, "queue_after") == START
    assert value(source, "withdrawals") == run().withdrawals_root == 0
    traces = traces_of(source)
    assert noticed(traces, source.public_values()) == set()
    assert not {"l1_message", "withdrawal", "withdrawal_leaf", "withdrawal_node"} & set(traces)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6])
def test_trees_of_every_shape_hold(count: int) -> None:
    source = source_of([L1Message.exit(0, ALICE, FEED + i, i) for i in range(count)])
    assert noticed(traces_of(source), source.public_values()) == set()
    tree = WithdrawalTree([Withdrawal(0, FEED + i, i) for i in range(count)])
    assert value(source, "withdrawals") == int.from_bytes(tree.root, "big")


@pytest.mark.parametrize(
    ("message", "account", "left"),
    [
        (L1Message.exit(0, BOB, FEED, 10**18 + 1), BOB, 0),
        (L1Message.exit(0, BOB, FEED, 10**18), BOB, 0),
        (L1Message.exit(0, BOB, FEED, 10**18 - 1), BOB, 1),
        (L1Message.exit(0, BOB, FEED, 0), BOB, 10**18),
        (L1Message.exit(0, DAVE, FEED, 2**128 - 1), DAVE, 0),
        (L1Message.deposit(0, BOB, 0), BOB, 10**18),
        (L1Message.deposit(0, BOB, 2**128 - 1 - 10**18), BOB, 2**128 - 1),
    ],
)
def test_ether_messages_hold_at_their_edges(message: L1Message, account: int, left: int) -> None:
    source = source_of([message])
    assert noticed(traces_of(source), source.public_values()) == set()
    assert word(source, account) == left


@pytest.mark.parametrize(
    ("message", "left", "supply"),
    [
        (L1Message.exit(OTHER, BOB, FEED, 2**128 - 1), HUGE - 2**128, HUGE + 3 - (2**128 - 1)),
        (L1Message.exit(OTHER, BOB, FEED, 2), HUGE - 3, 1),
        (L1Message.deposit(OTHER, BOB, 5), 4, 8),
        (L1Message.deposit(OTHER, BOB, 2**128 - 1), 2**128 - 2, 2**128 + 2),
        (L1Message.exit(OTHER, ALICE, FEED, 2**128 - 1), 2**130 - 2**128 + 1, HUGE + 3 - (2**128 - 1)),
        (L1Message.exit(OTHER, CAROL, FEED, 7), 0, 3),
    ],
)
def test_no_word_of_a_contract_makes_a_message_fail(message: L1Message, left: int, supply: int) -> None:
    """Words of storage that no bridge wrote: sums and differences are taken modulo 2^256."""
    source = source_of([message])
    assert noticed(traces_of(source), source.public_values()) == set()
    assert word(source, OTHER, FIELD_STORAGE, balance_slot(message.account)) == left
    assert word(source, OTHER, FIELD_STORAGE, 0) == supply


def test_messages_to_one_account_and_its_transactions_share_the_balance() -> None:
    w = Wallets()
    messages = [
        L1Message.deposit(0, ALICE, 5),
        L1Message.exit(0, ALICE, FEED, 7),
        L1Message.deposit(0, ALICE, 1),
    ]
    source = source_of(messages, [w.send(0, ALICE, value=3), w.ether(0, FEED, 4)])
    assert noticed(traces_of(source), source.public_values()) == set()


_AMOUNTS = st.one_of(st.integers(0, 3), st.integers(0, 600), st.integers(0, 2**127))
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["deposit", "exit", "withdraw", "transfer"]),
        st.integers(0, 2),
        st.booleans(),
        _AMOUNTS,
    ),
    max_size=9,
)


@given(steps=_STEPS)
@settings(max_examples=12, deadline=None)
def test_any_mixture_of_messages_and_transactions_holds(steps: list[tuple[str, int, bool, int]]) -> None:
    """Transactions that the executor refuses are left out, as a sequencer does."""
    people, w = (ALICE, BOB, CAROL), Wallets()
    messages = [
        L1Message.deposit(TOKEN * token, people[who], amount)
        if kind == "deposit"
        else L1Message.exit(TOKEN * token, people[who], FEED, amount)
        for kind, who, token, amount in steps
        if kind in ("deposit", "exit")
    ]
    state = accounts({ALICE: 10**18, BOB: 10**18, CAROL: 10**18}, code=token_code())
    transactions: list[SignedTransaction] = []
    for kind, who, token, amount in steps:
        if kind == "withdraw":
            tried = w.token(who, BEEF, amount) if token else w.ether(who, BEEF, amount)
        elif kind == "transfer":
            tried = w.transfer(who, ALICE, amount) if token else w.send(who, BOB, value=amount)
        else:
            continue
        try:
            run(messages, [*transactions, tried], state)
        except InputError:
            w.forget(who)
        else:
            transactions.append(tried)
    source = source_of(messages, transactions, state)
    assert noticed(traces_of(source), source.public_values()) == set()


# the queue


@pytest.mark.parametrize("dropped", range(4))
def test_a_dropped_message_is_noticed(small: BatchTrace, dropped: int) -> None:
    kept = [m for i, m in enumerate(small.messages) if i != dropped]
    assert forged(small, messages=kept) & {"queue", "public"}


def test_dropping_the_last_message_under_the_old_hash_unbalances_the_queue(small: BatchTrace) -> None:
    traces = traces_of(replace(small, messages=small.messages[:-1]))
    for half, number in (("hi", small.queue_after >> 128), ("lo", small.queue_after % 2**128)):
        traces = prank(traces, "statement", f"queue_after.{half}", 0, number)
    assert "queue" in noticed(traces, small.public_values())


def test_reordered_messages_are_noticed(small: BatchTrace) -> None:
    first, second, *rest = small.messages
    assert "queue" in forged(small, messages=[second, first, *rest])


def test_reordered_messages_with_a_hash_of_their_own_end_in_another_queue(small: BatchTrace) -> None:
    swapped = [small_messages()[i] for i in (1, 0, 2, 3)]
    other = source_of(swapped)
    assert "public" in forged(small, messages=other.messages)


def small_messages() -> list[L1Message]:
    return [
        L1Message(m.kind, m.token, m.account, m.recipient, m.amount)  # type: ignore[arg-type]
        for m in small_source().messages
    ]


def test_an_invented_message_is_noticed(small: BatchTrace) -> None:
    last = small.messages[-1]
    invented = replace(
        last,
        kind=DEPOSIT,
        account=ALICE,
        recipient=0,
        amount=1,
        old_balance=10**18,
        hash_before=last.hash_after,
    )
    assert "keccak_squeeze" in forged(small, messages=[*small.messages, invented])


@pytest.mark.parametrize(
    ("row", "changes"),
    [
        (0, {"amount": 1001}),
        (0, {"account": ALICE, "slot": balance_slot(ALICE)}),
        (0, {"token": 0, "slot": 0, "old_balance": 10**18, "old_supply": 0}),
        (0, {"recipient": 5}),
        (0, {"kind": EXIT}),
        (1, {"amount": 601}),
        (1, {"recipient": BEEF}),
        (1, {"recipient": FEED ^ 1 << 159}),
        (3, {"account": CAROL}),
        (3, {"kind": DEPOSIT}),
    ],
)
def test_another_message_than_the_hashed_one_is_noticed(
    small: BatchTrace, row: int, changes: dict[str, Any]
) -> None:
    messages = list(small.messages)
    messages[row] = replace(messages[row], **changes)
    assert "keccak_squeeze" in forged(small, messages=messages)


def test_parts_of_addresses_cannot_move_into_each_other(small: BatchTrace, filled) -> None:
    """account >> 128 one less and recipient >> 128 2^32 more hash the same, but have no 16-bit limbs."""
    row = 1
    top, other = (cell(filled, "l1_message", f"{name}.hi", row) for name in ("account", "recipient"))
    moved = prank(filled, "l1_message", "account.hi", row, top - 1)
    moved = prank(moved, "l1_message", "recipient.hi", row, other + 2**32)
    found = tampered(filled, moved)
    assert {"account_top compose the value", "recipient_top compose the value"} <= found


def test_an_index_of_16_bits_bounds_the_times_of_messages(filled) -> None:
    late = prank(filled, "l1_message", "index", 0, 2**16 - 1)["l1_message"]
    assert (2**16,) in sent(late, RANGE16)


# balances


def tampered_leaf(source: BatchTrace, address: int, field: int, slot: int, delta: int) -> dict[str, Any]:
    return {
        "leaves": [
            replace(x, new_word=x.new_word + delta)
            if (x.address, x.field, x.slot) == (address, field, slot)
            else x
            for x in source.leaves
        ]
    }


@pytest.mark.parametrize(
    ("address", "field", "slot", "delta"),
    [
        (CAROL, FIELD_BALANCE, 0, 10**17),  # credited twice
        (CAROL, FIELD_BALANCE, 0, -(10**16)),  # not all credited
        (BOB, FIELD_BALANCE, 0, 9),  # the exit is not debited
        (TOKEN, FIELD_STORAGE, balance_slot(BOB), 1000),
        (TOKEN, FIELD_STORAGE, balance_slot(BOB), 400),  # the withdrawal is not debited
        (TOKEN, FIELD_STORAGE, balance_slot(ALICE), 500),
        (TOKEN, FIELD_STORAGE, 0, 400),
    ],
)
def test_another_balance_after_the_batch_is_noticed(
    small: BatchTrace, address: int, field: int, slot: int, delta: int
) -> None:
    assert "state" in forged(small, **tampered_leaf(small, address, field, slot, delta))


def test_an_exit_that_takes_more_than_the_balance_is_refused(small: BatchTrace, filled) -> None:
    """Row 1 asks for 600 of 500: without ``short`` it would borrow."""
    greedy = prank(filled, "l1_message", "short", 1, 0)
    assert "balance after, low half" in tampered(filled, greedy)
    messages = list(small.messages)
    messages[1] = replace(messages[1], old_balance=600)
    assert "state" in forged(small, messages=messages)
    for name, limb in (("left_lo[0]", 2**16 - 100), *((f"left_lo[{i}]", 2**16 - 1) for i in range(1, 8))):
        greedy = prank(greedy, "l1_message", name, 1, limb)
    for i in range(8):
        greedy = prank(greedy, "l1_message", f"left_hi[{i}]", 1, 2**16 - 1)
    greedy = prank(greedy, "l1_message", "left_carry", 1, 1)
    greedy = prank(greedy, "l1_message", "left_top_carry", 1, 1)
    assert "an exit takes what is there" in tampered(filled, greedy)


def test_an_exit_that_takes_less_than_it_can_is_refused(small: BatchTrace, filled) -> None:
    """Row 3 asks for 9 wei of 10^18: calling that short has no limbs for amount - balance - 1."""
    stingy = prank(filled, "l1_message", "short", 3, 1)
    assert "balance after, low half" in tampered(filled, stingy)


def test_ether_beyond_128_bits_is_refused(small: BatchTrace) -> None:
    messages = list(small.messages)
    messages[2] = replace(messages[2], amount=2**128 - 1, old_balance=1)
    assert "ether stays below 2^128" in forged(small, messages=messages)


# withdrawals of transactions


def test_a_dropped_withdrawal_is_noticed(small: BatchTrace) -> None:
    """The tree without its leaf has another root; kept, that root is of no tree."""
    assert {"bridge_call", "withdrawal_node"} <= forged(small, withdrawals=small.withdrawals[:1])


def test_a_doubled_withdrawal_is_noticed(small: BatchTrace) -> None:
    """Two rows for one transaction have no distance between their clocks."""
    twice = [*small.withdrawals, small.withdrawals[-1]]
    assert {"bridge_call", "step compose the value"} <= forged(small, withdrawals=twice)


def test_an_invented_withdrawal_is_noticed(small: BatchTrace) -> None:
    invented = replace(small.withdrawals[1], transaction=2)
    assert "bridge_call" in forged(small, withdrawals=[*small.withdrawals, invented])


def test_withdrawals_in_another_order_are_noticed(small: BatchTrace) -> None:
    assert "step compose the value" in forged(small, withdrawals=small.withdrawals[::-1])


@pytest.mark.parametrize(
    ("row", "changes"),
    [
        (0, {"amount": 401}),
        (0, {"recipient": BEEF}),
        (1, {"recipient": FEED}),
        (1, {"recipient": BEEF + (1 << 128)}),
    ],
)
def test_another_withdrawal_than_the_signed_one_is_noticed(
    small: BatchTrace, row: int, changes: dict[str, Any]
) -> None:
    made = list(small.withdrawals)
    made[row] = replace(made[row], **changes)
    assert "words" in forged(small, withdrawals=made)


def test_another_token_than_the_signed_one_is_noticed(filled) -> None:
    other = prank(filled, "withdrawal", "token.lo", 0, 7)
    assert {"words", "state", "withdrawal", "a token is not ether"} <= tampered(filled, other)


def test_another_value_than_the_transactions_is_noticed(small: BatchTrace, filled) -> None:
    more = prank(filled, "withdrawal", "value", 1, 6)
    assert {"bridge_call", "withdrawal"} <= tampered(filled, more)


def test_a_withdrawal_of_more_tokens_than_there_are_is_refused(small: BatchTrace) -> None:
    made = list(small.withdrawals)
    made[0] = replace(made[0], old_balance=399)
    found = forged(small, withdrawals=made)
    assert {"a balance covers the amount", "state"} <= found


@pytest.mark.parametrize(
    ("row", "flag", "expected"), [(0, 0, "bridge at every zero"), (2, 1, "bridge only at zero")]
)
def test_exactly_the_transactions_to_the_bridge_withdraw(filled, row: int, flag: int, expected: str) -> None:
    changed = prank(filled, "transaction", "bridge", row, flag)
    assert {expected, "bridge_call"} <= tampered(filled, changed)


@pytest.mark.parametrize("half", ["hi", "lo"])
def test_a_bridge_with_code_is_refused(filled, small: BatchTrace, half: str) -> None:
    changed = prank(filled, "transaction", f"code.{half}", 0, 9)
    name = {"hi": "the bridge has no code, high half", "lo": "the bridge has no code, low half"}[half]
    assert name in tampered(filled, changed)


# the tree


class Permuted(BatchTrace):
    """A batch whose prover puts the leaves in another order."""

    def leaves_withdrawn(self) -> list[tuple[int, int, int]]:
        return super().leaves_withdrawn()[::-1]


def test_leaves_in_another_order_are_noticed(small: BatchTrace) -> None:
    changed = Permuted(**{name: getattr(small, name) for name in small.__dataclass_fields__})
    assert {"withdrawal", "withdrawal_node"} <= noticed(traces_of(changed), small.public_values())


@pytest.mark.parametrize("chip", ["withdrawal_leaf", "withdrawal_node"])
@pytest.mark.parametrize("column", ["position", "hash.hi", "hash.lo"])
def test_other_hashes_and_places_are_noticed(filled, small: BatchTrace, chip: str, column: str) -> None:
    changed = prank(filled, chip, column, 0, cell(filled, chip, column, 0) + 1)
    assert {"withdrawal_node", "keccak"} <= tampered(filled, changed)


def test_a_leaf_without_a_withdrawal_and_the_converse_are_noticed(filled, small: BatchTrace) -> None:
    without = prank(filled, "withdrawal_leaf", "active", 3, 0)
    assert {"withdrawal", "withdrawal_node"} <= tampered(filled, without)
    invented = prank(filled, "withdrawal_leaf", "active", 4, 1)
    assert {"withdrawal", "withdrawal_node"} <= tampered(filled, invented)


def test_a_root_above_the_root_is_refused() -> None:
    """A first node without a right child could stand on the root: the first of a level needs two children."""
    traces = traces_of(source_of([L1Message.exit(0, ALICE, FEED, 1)] * 2))
    single = prank(traces, "withdrawal_node", "single", 0, 1)
    for half in ("hi", "lo"):
        single = prank(single, "withdrawal_node", f"right.{half}", 0, 0)
    assert "the first node has two children" in tampered(traces, single)


def test_a_missing_right_child_beside_an_existing_one_is_noticed() -> None:
    source = source_of([L1Message.exit(0, ALICE, FEED, i) for i in range(4)])
    traces = traces_of(source)
    single = prank(traces, "withdrawal_node", "single", 1, 1)
    single = prank(single, "withdrawal_node", "position_inverse", 1, 1)
    for half in ("hi", "lo"):
        single = prank(single, "withdrawal_node", f"right.{half}", 1, 0)
    assert tampered(traces, single) >= {"withdrawal_node", "words"}


def test_a_statement_without_a_root_is_noticed(filled, small: BatchTrace) -> None:
    changed = prank(filled, "statement", "some", 0, 0)
    assert {"no unused root [0]", "withdrawal_node"} <= tampered(filled, changed)
    silent = changed
    for column in ("level", "root.hi", "root.lo"):
        silent = prank(silent, "statement", column, 0, 0)
    assert {"withdrawal_node", "public"} <= tampered(filled, silent)


def test_a_root_without_withdrawals_is_noticed() -> None:
    source = source_of()
    claimed = traces_of(source)
    for column in ("some", "root.hi"):
        claimed = prank(claimed, "statement", column, 0, 1)
    assert {"withdrawal_node", "public"} <= noticed(claimed, source.public_values())


@pytest.mark.parametrize("level", [33, -1])
def test_trees_are_at_most_32_levels_deep(filled, level: int) -> None:
    changed = prank(filled, "statement", "level", 0, level)["statement"]
    assert any(number >= 2**16 for (number,) in sent(changed, RANGE16))


@pytest.mark.parametrize(
    ("column", "bus"),
    [
        ("queue_before.hi", "public"),
        ("queue_before.lo", "queue"),
        ("queue_after.hi", "queue"),
        ("queue_after.lo", "public"),
        ("messages", "queue"),
        ("exits", "withdrawal_count"),
        ("withdrawals", "withdrawal_count"),
        ("last_ctx", "withdrawal_count"),
        ("level", "withdrawal_node"),
        ("root.hi", "public"),
        ("root.lo", "withdrawal_node"),
    ],
)
def test_a_tampered_statement_unbalances(filled, small: BatchTrace, column: str, bus: str) -> None:
    changed = prank(filled, "statement", column, 0, cell(filled, "statement", column, 0) + 1)
    assert bus in tampered(filled, changed)


@pytest.mark.parametrize(
    "name",
    [
        "queue_before_hi",
        "queue_before_lo",
        "queue_after_hi",
        "queue_after_lo",
        "withdrawals_hi",
        "withdrawals_lo",
    ],
)
def test_other_public_values_are_refused(filled, small: BatchTrace, name: str) -> None:
    public = list(small.public_values())
    public[PUBLIC_VALUES.index(name)] ^= 1
    assert noticed(filled, public) == {"public"}
