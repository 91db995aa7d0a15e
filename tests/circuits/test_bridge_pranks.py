"""Every constraint and every cell of the bridge's chips: what is tampered with is noticed."""

from __future__ import annotations

import pytest
from support.bridge import changed, mixed_source, noticed, traces_of
from support.chips import broken, cell, names, prank
from support.tamper import unbroken_constraints, unmissed_cells

from zkroll.circuits.air.check import check_constraints
from zkroll.circuits.air.expr import Stage
from zkroll.circuits.air.mutate import mutate

CHIPS = ("l1_message", "withdrawal", "withdrawal_leaf", "withdrawal_node")
TO_ETHER, TO_TOKEN, SHORT, EXACT = 0, 1, 2, 7  # messages of the mixed batch
OF_ETHER, OF_TOKEN = 0, 1  # its withdrawals


@pytest.fixture(scope="module")
def traces():
    source = mixed_source()
    made = traces_of(source)
    assert noticed(made, source.public_values()) == set()
    return made


@pytest.mark.parametrize("chip", CHIPS)
def test_every_constraint_is_broken_by_noise_in_some_column(traces, chip: str) -> None:
    trace = traces[chip]
    left = unbroken_constraints(trace)
    flags = {n for n in left if n.startswith("padding has ")}  # of columns that are the activity itself
    assert left - flags == set()
    assert flags <= {"padding has active 0", "padding has deposit 0", "padding has exit 0"}


@pytest.mark.parametrize("chip", CHIPS)
def test_every_flag_is_a_bit(traces, chip: str) -> None:
    for name in [c.name for c in traces[chip].chip.air.constraints if c.name.endswith(" is a bit")]:
        tampered = prank(traces, chip, name.removesuffix(" is a bit"), 0, 2)
        assert name in names(check_constraints(tampered[chip]))


@pytest.mark.parametrize("chip", CHIPS)
def test_every_cell_of_every_interaction_is_missed_somewhere(traces, chip: str) -> None:
    assert unmissed_cells(traces, chip) == []


@pytest.mark.parametrize("chip", CHIPS)
def test_no_cell_of_a_padding_row_is_free(traces, chip: str) -> None:
    trace = traces[chip]
    assert trace.rows < trace.height
    columns = set(trace.chip.air.column_names[Stage.MAIN]) - {"active", "deposit", "exit"}
    own = {chip: trace}
    for column in columns:
        own = prank(own, chip, column, trace.height - 1, 2)
    assert {f"padding has {column} 0" for column in columns} <= names(broken(own))


@pytest.mark.parametrize(
    ("chip", "rows"),
    [
        ("l1_message", (TO_ETHER, TO_TOKEN, SHORT, EXACT)),
        ("withdrawal", (OF_ETHER, OF_TOKEN)),
        ("withdrawal_leaf", (0, 6)),
        ("withdrawal_node", (0, 3, 6)),
    ],
)
def test_every_mutation_is_noticed(traces, chip: str, rows: tuple[int, ...]) -> None:
    assert mutate(traces[chip], rows).survivors == ()


@pytest.mark.parametrize(
    ("chip", "row", "column", "delta", "expected"),
    [
        ("l1_message", TO_ETHER, "exit", 1, "at most one kind"),
        ("l1_message", TO_TOKEN, "token_top[0]", 1, "token_top compose the value"),
        ("l1_message", TO_TOKEN, "account_top[1]", 1, "account_top compose the value"),
        ("l1_message", SHORT, "recipient_top[0]", 1, "recipient_top compose the value"),
        ("l1_message", TO_TOKEN, "ether", 1, "ether only at zero"),
        ("l1_message", TO_ETHER, "ether", -1, "ether at every zero"),
        ("l1_message", TO_ETHER, "ether_inverse", 1, "ether: no unused inverse"),
        ("l1_message", TO_TOKEN, "short", 1, "only exits are short"),
        ("l1_message", SHORT, "balance.hi", 1, "a short balance is small"),
        ("l1_message", SHORT, "left_carry", 1, "a short balance carries nothing"),
        ("l1_message", EXACT, "left_top_carry", 1, "an exit takes what is there"),
        ("l1_message", TO_ETHER, "left_hi[0]", 1, "ether stays below 2^128"),
        ("l1_message", TO_TOKEN, "left_hi[3]", 1, "balance after, high half"),
        ("l1_message", SHORT, "left_lo[0]", 1, "balance after, low half"),
        ("l1_message", EXACT, "left_lo[0]", 1, "balance after, low half"),
        ("l1_message", TO_TOKEN, "left_carry", 1, "balance after, low half"),
        ("l1_message", TO_TOKEN, "total_lo[7]", 1, "supply after, low half"),
        ("l1_message", SHORT, "total_hi[0]", 1, "supply after, high half"),
        ("l1_message", TO_TOKEN, "total_carry", 1, "supply after, low half"),
        ("l1_message", TO_TOKEN, "total_top_carry", 1, "supply after, high half"),
        ("l1_message", TO_ETHER, "slot.hi", 1, "no unused slot [0]"),
        ("l1_message", TO_ETHER, "slot.lo", 1, "no unused slot [1]"),
        ("l1_message", TO_ETHER, "supply.lo", 1, "no unused supply [1]"),
        ("l1_message", TO_ETHER, "supply_before", 1, "no unused supply [20]"),
        ("l1_message", TO_TOKEN, "account_before", 1, "account: time goes up"),
        ("l1_message", TO_TOKEN, "supply_wait[0]", 1, "supply: time goes up"),
        ("withdrawal", OF_ETHER, "of_token", 1, "a token is not ether"),
        ("withdrawal", OF_TOKEN, "token_inverse", 1, "a token is not ether"),
        ("withdrawal", OF_TOKEN, "value", 1, "a token is withdrawn without value"),
        ("withdrawal", OF_TOKEN, "active", -1, "only withdrawals are of tokens"),
        ("withdrawal", OF_TOKEN, "left_top_carry", 1, "a balance covers the amount"),
        ("withdrawal", OF_TOKEN, "left_lo[0]", 1, "balance after, low half"),
        ("withdrawal", OF_TOKEN, "left_hi[0]", 1, "balance after, high half"),
        ("withdrawal", OF_TOKEN, "total_lo[0]", 1, "supply after, low half"),
        ("withdrawal", OF_TOKEN, "total_hi[0]", 1, "supply after, high half"),
        ("withdrawal", OF_TOKEN, "step[0]", 1, "step compose the value"),
        ("withdrawal", OF_TOKEN, "recipient_top[0]", 1, "recipient_top compose the value"),
        ("withdrawal", OF_TOKEN, "token_top[0]", 1, "token_top compose the value"),
        ("withdrawal", OF_ETHER, "token.lo", 1, "no unused token [1]"),
        ("withdrawal", OF_ETHER, "amount", 1, "no unused token [3]"),
        ("withdrawal", OF_ETHER, "slot.lo", 1, "no unused token [5]"),
        ("withdrawal", OF_ETHER, "balance.lo", 1, "no unused balance [1]"),
        ("withdrawal", OF_ETHER, "supply.hi", 1, "no unused supply [0]"),
        ("withdrawal", OF_TOKEN, "balance_before", 1, "balance: time goes up"),
        ("withdrawal", OF_TOKEN, "supply_before", 1, "supply: time goes up"),
        ("withdrawal_node", 3, "right.hi", 1, "no right child, high half"),
        ("withdrawal_node", 3, "right.lo", 1, "no right child, low half"),
        ("withdrawal_node", 3, "position", 1, "the first node has two children"),
        ("withdrawal_node", 0, "position_inverse", 1, "no unused inverse of the position"),
        ("withdrawal_node", 7, "single", 1, "only nodes are single"),
    ],
)
def test_a_tampered_cell_breaks(traces, chip: str, row: int, column: str, delta: int, expected: str) -> None:
    tampered = prank(traces, chip, column, row, cell(traces, chip, column, row) + delta)
    assert expected in names(check_constraints(tampered[chip]))


@pytest.mark.parametrize(
    ("chip", "row", "column", "buses"),
    [
        ("l1_message", SHORT, "index", {"queue", "keccak", "words", "state"}),
        ("l1_message", SHORT, "exits", {"queue", "withdrawal"}),
        ("l1_message", SHORT, "prev.hi", {"queue", "words"}),
        ("l1_message", SHORT, "hash.lo", {"queue", "keccak"}),
        ("l1_message", SHORT, "token.lo", {"words", "state", "withdrawal"}),
        ("l1_message", SHORT, "account.lo", {"words", "keccak"}),
        ("l1_message", TO_ETHER, "account.lo", {"words", "state"}),
        ("l1_message", SHORT, "recipient.lo", {"words", "withdrawal"}),
        ("l1_message", EXACT, "amount", {"words", "withdrawal"}),
        ("l1_message", SHORT, "balance.lo", {"state", "withdrawal"}),
        ("l1_message", TO_TOKEN, "supply.hi", {"state"}),
        ("l1_message", TO_TOKEN, "slot.lo", {"keccak", "state"}),
        ("withdrawal", OF_TOKEN, "ctx", {"bridge_call", "words", "state", "withdrawal_count"}),
        ("withdrawal", OF_TOKEN, "sender.lo", {"bridge_call", "keccak", "words"}),
        ("withdrawal", OF_ETHER, "value", {"bridge_call", "withdrawal"}),
        ("withdrawal", OF_TOKEN, "recipient.lo", {"words", "withdrawal"}),
        ("withdrawal", OF_TOKEN, "amount", {"words", "withdrawal"}),
        ("withdrawal", OF_TOKEN, "count", {"withdrawal", "withdrawal_count"}),
        ("withdrawal", OF_TOKEN, "last_ctx", {"withdrawal_count"}),
        ("withdrawal_leaf", 2, "token.hi", {"withdrawal", "words"}),
        ("withdrawal_leaf", 2, "recipient.lo", {"withdrawal", "words"}),
        ("withdrawal_leaf", 2, "amount", {"withdrawal", "words"}),
        ("withdrawal_node", 1, "level", {"withdrawal_node", "keccak", "words"}),
        ("withdrawal_node", 1, "left.hi", {"withdrawal_node", "words"}),
        ("withdrawal_node", 1, "right.lo", {"withdrawal_node", "words"}),
    ],
)
def test_a_tampered_cell_unbalances(traces, chip: str, row: int, column: str, buses: set[str]) -> None:
    tampered = prank(traces, chip, column, row, cell(traces, chip, column, row) + 1)
    assert buses <= changed(traces, tampered)
