"""The log chip pops exactly the topics of a LOG, with words and clocks from the stack."""

from __future__ import annotations

import pytest
from support.chips import broken, broken_buses, cell, fill, names, prank, sends
from support.tamper import unbroken_constraints, unmissed_cells

from zkroll.circuits.buses import LOG_TOPICS, STACK
from zkroll.circuits.chips.log import LogChip
from zkroll.circuits.chips.stack_drain import StackDrainChip

CLOSED = (LOG_TOPICS, STACK)
PUSHES = [(5, slot, 6 + slot, slot, 100 + slot) for slot in range(6)]


def served(requests, pushes=PUSHES):
    return fill([sends(STACK, pushes), sends(LOG_TOPICS, requests), LogChip(), StackDrainChip()])


@pytest.mark.parametrize("count", range(5))
def test_a_log_pops_its_topics_and_leaves_the_rest(count):
    traces = served([(5, 20, 3, count)])
    assert broken(traces, CLOSED) == []
    assert traces["log"].rows == count + 1
    assert traces["stack_drain"].rows == 6 - count


def test_a_log_of_the_whole_stack_names_slots_below_it():
    assert broken(served([(5, 20, 3, 4), (5, 21, -1, 0)]), CLOSED) == []


def test_the_latest_push_is_popped():
    pushes = [(5, 0, 2, 0, 1), (5, 0, 9, 0, 2), (7, 0, 3, 0, 3), (5, 0, 70_000, 0, 4)]
    traces = served([(5, 69_999, 0, 1)], pushes)
    assert broken(traces, CLOSED) == []
    assert cell(traces, "log", "topic.lo", 0) == 2
    assert cell(traces, "log", "age[0]", 0) + 2**16 * cell(traces, "log", "age[1]", 0) == 69_999 - 9 - 1


def test_without_logs_there_are_no_rows():
    assert "log" not in fill([sends(STACK, PUSHES), LogChip()])


def test_a_topic_that_was_never_pushed_unbalances_the_stack():
    assert broken_buses(broken(served([(5, 20, 7, 2)]), CLOSED)) == {"stack"}


PRANKS = [
    ("active is a bit", 0, "active", 2),
    ("pops is a bit", 0, "pops", 2),
    ("pops only in active rows", 7, "pops", 1),
    ("a row that pops nothing has count 0", 0, "pops", 0),
    *((f"padding has {column} 0", 7, column, 1) for column in ("ctx", "clk", "slot", "count")),
    ("what is not popped is 0 [0]", 2, "topic.hi", 1),
    ("what is not popped is 0 [1]", 2, "topic.lo", 1),
    ("what is not popped is 0 [2]", 2, "age[0]", 1),
    ("what is not popped is 0 [3]", 2, "age[1]", 1),
]


@pytest.mark.parametrize(("name", "row", "column", "value"), PRANKS)
def test_a_tampered_cell_breaks_its_constraint(name, row, column, value):
    tampered = prank(served([(5, 20, 3, 2)]), "log", column, row, value)
    assert name in names(broken({"log": tampered["log"]}))


def test_every_constraint_has_its_prank_and_is_alive():
    assert {c.name for c in LogChip().air.constraints} == {p[0] for p in PRANKS}
    assert unbroken_constraints(served([(5, 20, 3, 2)])["log"]) == set()


def test_no_cell_of_an_interaction_can_change_unseen():
    assert unmissed_cells(served([(5, 20, 3, 2)]), "log") == []


def test_a_topic_more_or_less_unbalances_the_requests():
    for row, value in ((0, 1), (0, 3)):
        tampered = prank(served([(5, 20, 3, 2)]), "log", "count", row, value)
        assert "log_topics" in broken_buses(broken(tampered, CLOSED))
    extra = prank(served([(5, 20, 3, 2)]), "log", "pops", 2, 1)  # pops at count 0 and asks for -1 more
    assert broken_buses(broken(extra, CLOSED)) == {"log_topics", "stack"}
