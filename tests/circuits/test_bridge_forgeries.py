"""Forgeries of whole rows in the bridge's chips: two servers of one id, counters that wrap, trees of other shapes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from support.bridge import (
    ALICE,
    BOB,
    FEED,
    TOKEN,
    changed,
    noticed,
    small_source,
    source_of,
    traces_of,
)
from support.chips import cell, prank
from support.tamper import sent

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.air.expr import Stage
from zkroll.circuits.air.witness import ChipTrace
from zkroll.circuits.buses import RANGE16
from zkroll.circuits.source import BatchTrace
from zkroll.rollup.l1.messages import L1Message

Traces = Mapping[str, ChipTrace]


@pytest.fixture(scope="module")
def small() -> BatchTrace:
    return small_source()


@pytest.fixture(scope="module")
def filled(small: BatchTrace) -> Traces:
    return traces_of(small)


def copied(traces: Traces, chip: str, row: int, to: int) -> Traces:
    """A row once more, in a row of the padding."""
    assert to >= traces[chip].rows
    for column in traces[chip].chip.air.column_names[Stage.MAIN]:
        traces = prank(traces, chip, column, to, cell(traces, chip, column, row))
    return traces


def test_a_second_server_of_a_messages_words_is_noticed(filled: Traces, small: BatchTrace) -> None:
    """Both rows ask for a hash of id 0: each could be given the other's words."""
    twice = copied(filled, "l1_message", 0, 5)
    assert {"queue", "keccak", "words", "state"} <= changed(filled, twice)
    other = prank(twice, "l1_message", "amount", 5, 1)
    assert {"queue", "words"} <= noticed(other, small.public_values())


def test_a_chain_of_messages_beside_the_queue_is_noticed(small: BatchTrace) -> None:
    """Numbers that go down from 0 would need the message before them, and that one a number of 16 bits."""
    traces = traces_of(small)
    below = prank(copied(traces, "l1_message", 2, 5), "l1_message", "index", 5, -1)
    below = prank(copied(below, "l1_message", 2, 6), "l1_message", "index", 6, -2)
    assert "queue" in noticed(below, small.public_values())
    assert (R_MODULUS - 1,) in sent(below["l1_message"], RANGE16)


def test_a_withdrawal_twice_under_one_transaction_is_noticed(filled: Traces) -> None:
    twice = copied(filled, "withdrawal", 0, 5)
    for column in ("count", "last_ctx"):
        twice = prank(twice, "withdrawal", column, 5, cell(filled, "withdrawal", "count", 1) + 1)
    assert {"bridge_call", "withdrawal_count", "withdrawal", "state"} <= changed(filled, twice)


def test_a_leaf_cannot_be_hidden_under_a_fraction() -> None:
    """Position 1 is also twice 1/2: a single node there takes the leaf, and nobody above takes the node."""
    source = source_of([L1Message.exit(0, ALICE, FEED, i) for i in range(3)])
    traces = traces_of(source)
    half = pow(2, -1, R_MODULUS)
    hidden = prank(traces, "withdrawal_node", "position", 1, half)
    hidden = prank(hidden, "withdrawal_node", "position_inverse", 1, 2)
    for part in ("hi", "lo"):
        leaf = cell(traces, "withdrawal_leaf", f"hash.{part}", 1)
        hidden = prank(hidden, "withdrawal_node", f"left.{part}", 1, leaf)
    found = noticed(hidden, source.public_values())
    assert "withdrawal_node" in found
    assert "the first node has two children" not in found


@pytest.mark.parametrize("owner", [BOB, TOKEN])
def test_a_balance_of_another_owner_is_noticed(filled: Traces, owner: int) -> None:
    """The owner's id names the words that are hashed for the slot."""
    other = filled
    for part, value in (("hi", owner >> 128), ("lo", owner % 2**128)):
        other = prank(other, "withdrawal", f"sender.{part}", 0, value + 1)
    assert {"bridge_call", "keccak", "words"} <= changed(filled, other)


def test_the_supply_taken_for_a_balance_is_noticed(filled: Traces) -> None:
    """Both accesses of a message have one time, so they are to two places; the slot is a hash besides."""
    merged = prank(prank(filled, "l1_message", "slot.hi", 0, 0), "l1_message", "slot.lo", 0, 0)
    assert {"keccak", "state"} <= changed(filled, merged)
