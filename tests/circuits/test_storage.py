"""The storage chips: gas and refunds of every case of the EIPs, and words that survive as they should."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.chips import broken, broken_buses, cell, fill, names, prank, sends
from support.transactions import (
    CLOSED,
    STORER,
    Sender,
    Traces,
    executed,
    halves,
    mixed_batch,
    stubs,
    traces_of,
    words,
)

from zkroll.circuits.air.expr import Stage
from zkroll.circuits.air.mutate import mutate
from zkroll.circuits.buses import STORAGE, STORAGE_CELL, TX_BEGIN, TX_END
from zkroll.circuits.chips.storage import StorageCellChip, StorageOperationsChip
from zkroll.vm import gas

LOAD, STORE = 0x54, 0x55
BIG = 2**255 + 5


@pytest.fixture(scope="module")
def traces() -> Traces:
    return traces_of(mixed_batch())


def priced(original: int, steps: list[tuple[int, int]]) -> list[tuple[int, int, int, int]]:
    """(op, word, gas, refund) of steps (op, word) on one slot that starts cold, by the vm's gas rules."""
    current, warm, out = original, False, []
    for op, word in steps:
        if op == LOAD:
            out.append((op, current, gas.WARM_ACCESS if warm else gas.COLD_SLOAD, 0))
        else:
            price = gas.sstore_cost(original, current, word) + (0 if warm else gas.COLD_SLOAD)
            out.append((op, word, price, gas.sstore_refund(original, current, word)))
            current = word
        warm = True
    return out


def run_slot(original: int, steps: list[tuple[int, int, int, int]]) -> Traces:
    """Storage operations on slot 4 of one transaction, clocks 3, 4, …"""
    source = executed([Sender(0).send(STORER, data=words(1, 4, 1, 0))], storage={4: original})
    requests = [
        (op, 1, 3 + i, *halves(4), *halves(word), price, refund)
        for i, (op, word, price, refund) in enumerate(steps)
    ]
    chips = [
        sends(TX_BEGIN, [(0, 1, source.transactions[0].code_hash, 10**5)]),
        sends(TX_END, [(0, 3 + len(steps), 1000, 0, 1)]),
        sends(STORAGE, requests),
        StorageOperationsChip(),
        StorageCellChip(),
    ]
    return fill(chips, source)


WORDS = st.sampled_from([0, 1, 2, BIG, BIG + 2**128, 2**256 - 1])


@settings(max_examples=25, deadline=None)
@given(WORDS, st.lists(st.tuples(st.sampled_from([LOAD, STORE, STORE]), WORDS), min_size=1, max_size=8))
def test_gas_and_refunds_are_those_of_the_vm(original: int, steps: list[tuple[int, int]]) -> None:
    assert broken(run_slot(original, priced(original, steps)), [STORAGE, STORAGE_CELL]) == []


@settings(max_examples=10, deadline=None)
@given(WORDS, st.lists(st.tuples(st.just(STORE), WORDS), min_size=1, max_size=4), st.sampled_from([-1, 1]))
def test_any_other_gas_or_refund_is_refused(original: int, steps: list[tuple[int, int]], by: int) -> None:
    true = priced(original, steps)
    op, word, price, refund = true[-1]
    for wrong in ((op, word, price + by, refund), (op, word, price, refund + by)):
        assert broken_buses(broken(run_slot(original, [*true[:-1], wrong]), [STORAGE])) == {"storage"}


def test_a_load_of_another_word_is_refused() -> None:
    true = priced(5, [(LOAD, 0), (STORE, 7), (LOAD, 0)])
    assert [word for _, word, _, _ in true] == [5, 7, 7]
    false = [*true[:-1], (LOAD, 5, *true[-1][2:])]
    assert "a load keeps the low half" in names(broken(run_slot(5, false)))
    false = [*true[:-1], (LOAD, 7 + 2**128, *true[-1][2:])]
    assert "a load keeps the high half" in names(broken(run_slot(5, false)))


def test_words_pass_from_transaction_to_transaction_but_not_from_failed_ones() -> None:
    a, b = Sender(0), Sender(1)
    calls = [(11, 0), (12, 1), (13, 1), (14, 0), (15, 1)]
    batch = executed(
        [
            s.send(STORER, data=words(w, 4, w, fail))
            for s, (w, fail) in zip((a, b, a, b, a), calls, strict=True)
        ]
    )
    made = traces_of(batch)
    assert broken(made, CLOSED) == []
    originals = [cell(made, "storage_cell", "original.lo", row) for row in range(5)]
    assert originals == [0, 11, 11, 11, 14]


def test_a_failed_write_that_stays_is_refused() -> None:
    batch = executed([Sender(0).send(STORER, data=words(3, 4, 5, 1))])
    asked = stubs(batch)
    assert asked.ends[0][4] == 0
    made = traces_of(batch, replace(asked, ends=[(*asked.ends[0][:4], 1)]))
    assert "state" in broken_buses(broken(made, CLOSED))


@pytest.mark.parametrize(
    ("at", "column", "delta", "expected"),
    [
        ("store", "load", 1, "one operation"),
        ("store", "store", 1, "store is a bit"),
        ("load", "load", 1, "load is a bit"),
        ("load", "current.hi", 1, "a load keeps the high half"),
        ("load", "current.lo", 1, "a load keeps the low half"),
        ("store", "before", 1, "clock goes up"),
        ("store", "wait[0]", 1, "clock goes up"),
        ("store", "original_zero", 1, "original_zero: low half"),
        ("store", "current_zero", 1, "current_zero: low half"),
        ("store", "new_zero", 1, "new_zero: low half"),
        ("store", "original_zero_inverse", 1, "not original_zero"),
        ("store", "current_zero_inverse", 1, "not current_zero"),
        ("store", "new_zero_inverse", 1, "not new_zero"),
        ("store", "same", 1, "same: low halves agree"),
        ("store", "unchanged", 1, "unchanged: low halves agree"),
        ("store", "restored", 1, "restored: low halves agree"),
        ("store", "same_inverse_lo", 1, "not same"),
        ("store", "unchanged_inverse_lo", 1, "not unchanged"),
        ("store", "restored_inverse_hi", 1, "not restored"),
        ("store", "gas", 1, "gas"),
        ("load", "gas", 1, "gas"),
        ("store", "refund", 1, "refund"),
        ("load", "warm", -1, "gas"),
    ],
)
def test_a_tampered_operation_breaks(slot: Traces, at: str, column: str, delta: int, expected: str) -> None:
    row = {"store": 2, "load": 1}[at]
    value = cell(slot, "storage_ops", column, row) + delta
    assert expected in names(broken(prank(slot, "storage_ops", column, row, value)))


@pytest.fixture(scope="module")
def slot() -> Traces:
    """original 9 -> 5, load, 5 -> BIG + 3, load: in row 2 all six comparisons are false."""
    made = run_slot(9, priced(9, [(STORE, 5), (LOAD, 0), (STORE, BIG + 3), (LOAD, 0)]))
    assert broken(made, [STORAGE, STORAGE_CELL]) == []
    return made


@pytest.mark.parametrize("name", ["original_zero", "current_zero", "new_zero"])
def test_a_word_with_only_a_high_half_is_not_zero(name: str) -> None:
    word = 7 << 128
    made = run_slot(word, priced(word, [(STORE, word)]))
    assert f"{name}: high half" in names(broken(prank(made, "storage_ops", name, 0, 1)))


@pytest.mark.parametrize("name", ["same", "unchanged", "restored"])
def test_words_that_differ_in_the_high_half_only_are_not_equal(name: str) -> None:
    made = run_slot(5, priced(5, [(STORE, 5 + 2**128), (STORE, 5 + 2**129)]))
    assert f"{name}: high halves agree" in names(broken(prank(made, "storage_ops", name, 1, 1)))


@pytest.mark.parametrize(
    ("chip", "column", "bus"),
    [
        ("storage_ops", "ctx", "storage"),
        ("storage_ops", "address", "storage_cell"),
        ("storage_ops", "slot.lo", "storage"),
        ("storage_ops", "clk", "storage"),
        ("storage_ops", "original.hi", "storage_cell"),
        ("storage_ops", "current.lo", "storage_cell"),
        ("storage_ops", "new.lo", "storage"),
        ("storage_ops", "warm", "storage_cell"),
        ("storage_cell", "ctx", "tx_span"),
        ("storage_cell", "address", "tx_span"),
        ("storage_cell", "end", "tx_span"),
        ("storage_cell", "success", "tx_span"),
        ("storage_cell", "slot.hi", "state"),
        ("storage_cell", "original.lo", "state"),
        ("storage_cell", "final.lo", "storage_cell"),
        ("storage_cell", "last", "storage_cell"),
        ("storage_cell", "warm", "storage_cell"),
    ],
)
def test_a_tampered_cell_unbalances(traces: Traces, chip: str, column: str, bus: str) -> None:
    changed = prank(traces, chip, column, 1, cell(traces, chip, column, 1) + 1)
    assert bus in broken_buses(broken(changed, CLOSED))


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("active", "active is a bit"),
        ("state_before", "state: time goes up"),
        ("state_wait[2]", "state: time goes up"),
    ],
)
def test_a_tampered_cell_breaks(traces: Traces, column: str, expected: str) -> None:
    value = cell(traces, "storage_cell", column, 1) + 1
    assert expected in names(broken(prank(traces, "storage_cell", column, 1, value)))


def test_mutations_are_noticed(traces: Traces, slot: Traces) -> None:
    assert mutate(traces["storage_cell"], range(4)).survivors == ()
    assert mutate(slot["storage_ops"], range(5)).survivors == ()


def test_idle_inverses_are_zero(slot: Traces) -> None:
    own = {"storage_ops": slot["storage_ops"]}
    columns = slot["storage_ops"].chip.air.column_names[Stage.MAIN]
    for column in columns:
        if "_inverse" in column:
            own = prank(own, "storage_ops", column, 1, 2)
    found = names(broken(own))
    for flag in ("original_zero", "current_zero", "new_zero"):
        assert f"{flag}: no unused inverse" in found
    for flag in ("same", "unchanged", "restored"):
        expected = {
            f"{flag}: one inverse",
            f"{flag}: no unused high inverse",
            f"{flag}: no unused low inverse",
        }
        assert expected <= found


def test_clocks_of_a_slot_go_up(slot: Traces) -> None:
    befores = [cell(slot, "storage_ops", "before", row) for row in range(4)]
    assert befores == [1, 3, 4, 5]
    assert all(x < y for x, y in pairwise(befores))
