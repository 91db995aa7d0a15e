"""The stack drain takes what is left over, and nothing that a pop needs."""

from __future__ import annotations

import pytest
from support.chips import broken, broken_buses, cell, fill, names, prank, receives, sends
from support.tamper import unbroken_constraints, unmissed_cells

from zkroll.circuits.buses import STACK
from zkroll.circuits.chips.stack_drain import StackDrainChip
from zkroll.circuits.chips.stack_history import StackHistory
from zkroll.errors import ProvingError

PUSHES = [(1, 0, 2, 0, 10), (1, 1, 3, 5, 11), (1, 0, 4, 0, 12), (9, 0, 10, 0, 13)]


def drained(pushes, pops):
    return fill([sends(STACK, pushes), receives(STACK, pops), StackDrainChip()])


def test_words_that_nobody_popped_are_drained():
    traces = drained(PUSHES, [PUSHES[0], PUSHES[3]])
    assert broken(traces, [STACK]) == []
    assert traces["stack_drain"].rows == 2


def test_a_stack_that_was_emptied_needs_no_drain():
    assert "stack_drain" not in drained(PUSHES, PUSHES)
    assert "stack_drain" not in drained([], [])


def test_draining_a_word_that_was_popped_unbalances_the_stack():
    tampered = prank(drained(PUSHES, PUSHES[:1]), "stack_drain", "clk", 1, 2)
    assert broken_buses(broken(tampered, [STACK])) == {"stack"}


def test_a_pop_of_what_was_never_pushed_is_not_helped():
    assert broken_buses(broken(drained(PUSHES, [(1, 2, 3, 0, 0)]), [STACK])) == {"stack"}


def test_a_row_counts_once():
    tampered = prank(drained(PUSHES, []), "stack_drain", "active", 0, 2)
    assert "active is a bit" in names(broken(tampered))
    assert unbroken_constraints(drained(PUSHES, [])["stack_drain"]) == set()


@pytest.mark.parametrize("column", ["ctx", "slot", "clk", "word.hi", "word.lo"])
def test_padding_is_zero(column):
    tampered = prank(drained(PUSHES, []), "stack_drain", column, 7, 1)
    assert names(broken(tampered)) == {f"padding has {column.removeprefix('word.')} 0"}


def test_no_cell_of_the_interaction_can_change_unseen():
    assert unmissed_cells(drained(PUSHES, PUSHES[:1]), "stack_drain") == []


def test_the_history_finds_the_last_push_before_a_clock():
    history = StackHistory.of([1, 1, 1, 9], [0, 1, 0, 0], [2, 3, 4, 10])
    index, clock = history.before([1, 1, 1, 1, 9, 2, 9], [0, 0, 0, 1, 0, 0, 1], [2, 4, 99, 99, 11, 99, 99])
    assert index.tolist() == [-1, 0, 2, 1, 3, -1, -1]
    assert clock.tolist() == [0, 2, 4, 3, 10, 0, 0]
    empty = StackHistory.of([], [], [])
    assert empty.before([1], [0], [5])[0].tolist() == [-1]


@pytest.mark.parametrize(("context", "slot", "clock"), [(1, 2**11, 1), (1, 0, 2**38), (1, -1, 1)])
def test_a_history_beyond_its_keys_is_refused(context, slot, clock):
    with pytest.raises(ProvingError, match="more contexts, slots or clock ticks"):
        StackHistory.of([context], [slot], [clock])


def test_the_drain_keeps_words_whole():
    traces = drained([(1, 0, 2, 2**128 - 1, 7)], [])
    assert cell(traces, "stack_drain", "word.hi", 0) == 2**128 - 1
