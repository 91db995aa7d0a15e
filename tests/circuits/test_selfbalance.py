"""The selfbalance chip reads the state at the right time, from the right account."""

from dataclasses import replace

import pytest
from support.chips import broken, broken_buses, cell, names, prank
from support.transactions import CLOSED, Traces, mixed_batch, stubs, traces_of

from zkroll.circuits.air.mutate import mutate


@pytest.fixture(scope="module")
def traces() -> Traces:
    return traces_of(mixed_batch())


def test_balances_include_the_value_received(traces: Traces) -> None:
    assert broken(traces, CLOSED) == []
    assert [cell(traces, "selfbalance", "balance", row) for row in range(4)] == [10, 12, 21, 8 + 2**66]


def test_another_balance_is_refused() -> None:
    source = mixed_batch()
    asked = stubs(source)
    wrong = [(*asked.balances[0][:3], 11), *asked.balances[1:]]
    assert "selfbalance" in broken_buses(broken(traces_of(source, replace(asked, balances=wrong)), CLOSED))


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("active", "active is a bit"),
        ("balance_wait[0]", "balance: time goes up"),
        ("balance_before", "balance: time goes up"),
    ],
)
def test_a_tampered_cell_breaks(traces: Traces, column: str, expected: str) -> None:
    value = cell(traces, "selfbalance", column, 1) + 1
    assert expected in names(broken(prank(traces, "selfbalance", column, 1, value)))


@pytest.mark.parametrize(
    ("column", "bus"),
    [
        ("ctx", "tx_span"),
        ("clk", "selfbalance"),
        ("address", "tx_span"),
        ("end", "tx_span"),
        ("success", "tx_span"),
        ("balance", "state"),
    ],
)
def test_a_tampered_cell_unbalances(traces: Traces, column: str, bus: str) -> None:
    value = cell(traces, "selfbalance", column, 1) + 1
    assert bus in broken_buses(broken(prank(traces, "selfbalance", column, 1, value), CLOSED))


def test_mutations_are_noticed(traces: Traces) -> None:
    assert mutate(traces["selfbalance"], range(6)).survivors == ()
