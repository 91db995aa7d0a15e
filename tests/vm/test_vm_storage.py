"""Storage gas and refunds, warmth, transient storage, and the journal under them."""

import pytest

from zkroll.errors import InputError
from zkroll.vm.gas import sstore_cost, sstore_refund
from zkroll.vm.state import Account, JournaledState, MemoryState

# EIP-3529's own table for one slot: original, words written, gas of the writes without the 2100 of the first
# access, refund
EIP_3529 = [
    (0, (0, 0), 200, 0),
    (0, (0, 1), 20100, 0),
    (0, (1, 0), 20100, 19900),
    (0, (1, 2), 20100, 0),
    (0, (1, 1), 20100, 0),
    (1, (0, 0), 3000, 4800),
    (1, (0, 1), 3000, 2800),
    (1, (0, 2), 3000, 0),
    (1, (2, 0), 3000, 4800),
    (1, (2, 3), 3000, 0),
    (1, (2, 1), 3000, 2800),
    (1, (2, 2), 3000, 0),
    (1, (1, 0), 3000, 4800),
    (1, (1, 2), 3000, 0),
    (1, (1, 1), 200, 0),
    (0, (1, 0, 1), 40100, 19900),
    (1, (0, 1, 0), 5900, 7600),
]


@pytest.mark.parametrize(("original", "writes", "cost", "refund"), EIP_3529)
def test_sstore_costs_and_refunds_as_eip_3529_lists(run, original, writes, cost, refund):
    source = " ".join(f"PUSH1 {word} PUSH0 SSTORE" for word in writes)
    done = run(source, storage={0: original} if original else {})
    paid = sum(step.gas_cost for step in done.steps if step.name == "SSTORE")
    assert paid == cost + 2100
    assert done.state.refund == refund
    assert sum(access.refund_delta for _, access in done.trace.storage) == refund


def test_sload_is_cold_once(run):
    done = run("PUSH1 3 SLOAD PUSH1 3 SLOAD PUSH1 4 SLOAD", storage={3: 77})
    loads = [step for step in done.steps if step.name == "SLOAD"]
    assert [step.gas_cost for step in loads] == [2100, 100, 2100]
    assert [step.outputs[0] for step in loads] == [77, 77, 0]


def test_a_storage_access_tells_original_current_and_new(run):
    done = run("PUSH1 6 PUSH1 3 SSTORE PUSH1 7 PUSH1 3 SSTORE PUSH1 3 SLOAD", storage={3: 5})
    first, second, third = (access for _, access in done.trace.storage)
    assert (first.original, first.current, first.new, first.was_warm, first.is_write) == (
        5,
        5,
        6,
        False,
        True,
    )
    assert (second.original, second.current, second.new, second.was_warm) == (5, 6, 7, True)
    assert (third.original, third.current, third.new, third.is_write) == (5, 7, 7, False)


def test_an_sstore_that_runs_out_of_gas_still_tells_what_it_looked_at(run):
    done = run("PUSH1 1 PUSH0 SSTORE", gas=10_000)
    ((index, access),) = done.trace.storage
    assert (index, access.original, access.new) == (2, 0, 1)
    assert done.state.storage(0xC0DE, 0) == 0
    assert run("PUSH1 1 PUSH0 SSTORE", gas=2305).trace.storage == []


def test_the_refund_counter_before_a_step_is_told(run):
    done = run("PUSH0 PUSH0 SSTORE STOP", storage={0: 5})
    assert [step.refund_before for step in done.steps] == [0, 0, 0, 4800]


def test_transient_storage_is_not_storage_and_ends_with_the_transaction(run):
    done = run("PUSH1 9 PUSH1 1 TSTORE PUSH1 1 TLOAD PUSH1 1 SLOAD")
    assert done.step("TLOAD").outputs == (9,)
    assert done.step("SLOAD").outputs == (0,)
    done.state.begin_transaction()
    assert done.state.transient(0xC0DE, 1) == 0


@pytest.mark.parametrize("original", [0, 1])
@pytest.mark.parametrize("current", [0, 1, 2])
@pytest.mark.parametrize("new", [0, 1, 2, 3])
def test_refunds_never_exceed_what_the_writes_cost(original, current, new):
    there = sstore_cost(original, original, current) + sstore_cost(original, current, new)
    back = sstore_refund(original, original, current) + sstore_refund(original, current, new)
    assert back >= 0
    assert back < there + 2100


def state() -> JournaledState:
    journaled = JournaledState(MemoryState({1: Account(3, 100, b"\x60", {5: 6})}))
    journaled.begin_transaction()
    return journaled


def test_a_revert_returns_every_kind_of_change():
    journaled = state()
    journaled.set_storage(1, 5, 9)
    snapshot = journaled.snapshot()
    journaled.set_nonce(1, 4)
    journaled.set_balance(1, 1)
    journaled.set_code(2, b"\x00")
    journaled.set_storage(1, 5, 0)
    journaled.set_transient(1, 5, 8)
    journaled.warm_address(7)
    journaled.warm_slot(7, 7)
    journaled.add_refund(4800)
    journaled.mark_created(2)
    inner = journaled.snapshot()
    journaled.set_storage(1, 5, 77)
    journaled.revert(inner)
    assert journaled.storage(1, 5) == 0
    journaled.revert(snapshot)
    assert (journaled.nonce(1), journaled.balance(1), journaled.code(2)) == (3, 100, b"")
    assert (journaled.storage(1, 5), journaled.transient(1, 5), journaled.refund) == (9, 0, 0)
    assert not journaled.is_warm_address(7)
    assert not journaled.is_warm_slot(7, 7)
    assert not journaled.is_created(2)
    assert journaled.original_storage(1, 5) == 6
    assert journaled.changes().storage == {(1, 5): 9}
    assert journaled.changes().nonces == {}


def test_original_words_and_warmth_begin_anew_with_each_transaction():
    journaled = state()
    journaled.set_storage(1, 5, 9)
    journaled.warm_slot(1, 5)
    journaled.begin_transaction()
    assert journaled.original_storage(1, 5) == 9
    assert not journaled.is_warm_slot(1, 5)


def test_a_transfer_without_balance_is_refused():
    journaled = state()
    with pytest.raises(InputError, match="expected a balance of 101 wei, got 100"):
        journaled.transfer(1, 2, 101)
    journaled.transfer(1, 2, 100)
    assert (journaled.balance(1), journaled.balance(2)) == (0, 100)


def test_applied_changes_drop_zero_words_and_touched_empty_accounts():
    store = MemoryState({1: Account(3, 100, b"\x60", {5: 6}), 2: Account(0, 7), 3: Account()})
    journaled = JournaledState(store)
    journaled.begin_transaction()
    journaled.set_storage(1, 5, 0)
    journaled.transfer(2, 1, 7)
    store.apply(journaled.changes())
    assert store.accounts == {1: Account(3, 107, b"\x60", {}), 3: Account()}
