"""Whole Ethereum transactions: every rule that refuses one, the fee, the refund; and calls and creations."""

from dataclasses import replace

import pytest

from zkroll.errors import InputError
from zkroll.vm.environment import BlockEnvironment
from zkroll.vm.gas import blob_base_fee, intrinsic_gas
from zkroll.vm.halts import HaltKind
from zkroll.vm.state import Account, JournaledState, MemoryState
from zkroll.vm.transaction import InvalidTransaction, Transaction, process_transaction

SENDER, TARGET, COINBASE = 0x5E4D, 0x7A60, 0xC01B
BLOCK = BlockEnvironment(
    number=9, timestamp=1, coinbase=COINBASE, chain_id=1, gas_limit=1_000_000, base_fee=7, blob_base_fee=2
)
PLAIN = Transaction(
    sender=SENDER,
    target=TARGET,
    nonce=3,
    gas_limit=100_000,
    max_fee=20,
    max_priority_fee=2,
    value=5,
    data=b"",
)


def ledger(code: bytes = b"", storage: dict[int, int] | None = None) -> MemoryState:
    return MemoryState({SENDER: Account(3, 10**9), TARGET: Account(1, 0, code, storage or {})})


def test_a_transfer_pays_the_base_fee_to_nobody_and_the_tip_to_the_coinbase():
    store = ledger()
    state = JournaledState(store)
    receipt = process_transaction(state, BLOCK, PLAIN)
    store.apply(state.changes())
    assert (receipt.success, receipt.gas_used) == (True, 21000)
    assert store.accounts[SENDER] == Account(4, 10**9 - 5 - 21000 * 9)
    assert store.accounts[TARGET].balance == 5
    assert store.accounts[COINBASE].balance == 21000 * 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"nonce": 2}, "nonce: expected 3, got 2"),
        ({"nonce": 4}, "nonce: expected 3, got 4"),
        ({"gas_limit": 20_999}, "gas limit: expected at least 21000"),
        ({"gas_limit": 1_000_001}, "gas limit: expected at most 1000000"),
        ({"max_fee": 6, "max_priority_fee": 0}, "max fee: expected at least 7"),
        ({"max_priority_fee": 21}, "priority fee: expected at most 20"),
        ({"value": 10**9}, "balance of the sender"),
        ({"value": 10**9 - 20 * 100_000 + 1}, "balance of the sender"),
        ({"target": None, "data": bytes(49153), "gas_limit": 900_000}, "init code: expected at most 49152"),
        ({"target": None, "blob_hashes": (1 << 248,), "max_blob_fee": 9}, "expected a target"),
        ({"blob_hashes": (), "max_blob_fee": 9}, "blobs: expected 1 to 6, got 0"),
        ({"blob_hashes": (1 << 248,) * 7, "max_blob_fee": 9}, "blobs: expected 1 to 6, got 7"),
        ({"blob_hashes": (2 << 248,), "max_blob_fee": 9}, "expected hash version 1, got 2"),
        ({"blob_hashes": (1 << 248,), "max_blob_fee": 1}, "max blob fee: expected at least 2"),
    ],
)
def test_a_transaction_that_breaks_a_rule_is_refused_with_the_reason(change, reason):
    state = JournaledState(ledger())
    with pytest.raises(InvalidTransaction, match=reason) as caught:
        process_transaction(state, BLOCK, replace(PLAIN, **change))
    assert isinstance(caught.value, InputError)
    assert state.changes().balances == {}


def test_an_account_with_code_cannot_send():
    store = ledger()
    store.accounts[SENDER].code = b"\0"
    with pytest.raises(InvalidTransaction, match="EIP-3607"):
        process_transaction(JournaledState(store), BLOCK, PLAIN)


def test_the_last_nonce_cannot_be_used():
    store = ledger()
    store.accounts[SENDER].nonce = 2**64 - 1
    with pytest.raises(InvalidTransaction, match="nonce: expected less than"):
        process_transaction(JournaledState(store), BLOCK, replace(PLAIN, nonce=2**64 - 1))


def test_blob_gas_is_burnt():
    store = ledger()
    state = JournaledState(store)
    blobs = replace(PLAIN, blob_hashes=(1 << 248, 1 << 248), max_blob_fee=2)
    process_transaction(state, BLOCK, blobs)
    assert state.balance(SENDER) == 10**9 - 5 - 21000 * 9 - 2 * 2**17 * 2


def test_intrinsic_gas_counts_bytes_lists_and_init_code():
    assert intrinsic_gas(b"\0\x01\0") == 21000 + 4 + 16 + 4
    assert intrinsic_gas(b"\x01" * 33, is_create=True) == 21000 + 33 * 16 + 32000 + 2 * 2
    assert intrinsic_gas(b"", addresses=2, slots=3) == 21000 + 2 * 2400 + 3 * 1900


def test_a_refund_is_at_most_a_fifth_of_the_gas_used(asm):
    code = asm("PUSH0 PUSH0 SSTORE PUSH0 PUSH1 1 SSTORE")
    store = ledger(code, {0: 1, 1: 1})
    receipt = process_transaction(JournaledState(store), BLOCK, PLAIN)
    spent = 21000 + 4 * 2 + 1 + 2 * 5000
    assert receipt.gas_used == spent - spent // 5


def test_a_failing_transaction_pays_all_its_gas_and_gets_no_refund(asm):
    store = ledger(asm("PUSH0 PUSH0 SSTORE INVALID"), {0: 1})
    state = JournaledState(store)
    receipt = process_transaction(state, BLOCK, PLAIN)
    store.apply(state.changes())
    assert (receipt.kind, receipt.gas_used) == (HaltKind.INVALID_OPCODE, 100_000)
    assert store.accounts[SENDER] == Account(4, 10**9 - 100_000 * 9)
    assert store.accounts[TARGET].storage == {0: 1}


def test_an_access_list_warms_its_slots(asm):
    store = ledger(asm("PUSH0 SLOAD"))
    listed = replace(PLAIN, access_list=((TARGET, (0,)),))
    assert process_transaction(JournaledState(store), BLOCK, listed).gas_used == 21000 + 2400 + 1900 + 2 + 100
    assert process_transaction(JournaledState(store), BLOCK, PLAIN).gas_used == 21000 + 2 + 2100


def test_sender_target_coinbase_and_precompiles_are_warm(asm):
    for address in (SENDER, TARGET, COINBASE, 1, 10):
        store = ledger(asm(f"PUSH2 {address} BALANCE"))
        assert process_transaction(JournaledState(store), BLOCK, PLAIN).gas_used == 21000 + 3 + 100
    store = ledger(asm("PUSH2 11 BALANCE"))
    assert process_transaction(JournaledState(store), BLOCK, PLAIN).gas_used == 21000 + 3 + 2600


def test_a_creation_deploys_its_output_and_pays_for_it(asm):
    init = asm("PUSH1 7 PUSH0 MSTORE8 PUSH1 2 PUSH0 RETURN")
    store = ledger()
    state = JournaledState(store)
    create = replace(PLAIN, target=None, data=init, value=11)
    receipt = process_transaction(state, BLOCK, create)
    store.apply(state.changes())
    (address,) = set(store.accounts) - {SENDER, TARGET, COINBASE}
    assert store.accounts[address] == Account(1, 11, b"\x07\0")
    assert receipt.gas_used == create.intrinsic_gas + 3 + 2 + 6 + 3 + 2 + 2 * 200


@pytest.mark.parametrize(
    ("init", "kind"),
    [
        ("PUSH1 0xef PUSH0 MSTORE8 PUSH1 1 PUSH0 RETURN", HaltKind.INVALID_CODE),
        ("PUSH2 24577 PUSH0 RETURN", HaltKind.INVALID_CODE),
        ("PUSH2 400 PUSH0 RETURN", HaltKind.OUT_OF_GAS),
        ("INVALID", HaltKind.INVALID_OPCODE),
    ],
)
def test_a_creation_that_fails_leaves_no_account(asm, init, kind):
    state = JournaledState(ledger())
    receipt = process_transaction(state, BLOCK, replace(PLAIN, target=None, data=asm(init)))
    assert (receipt.kind, receipt.gas_used) == (kind, 100_000)
    assert set(state.changes().codes) == set()


def test_blob_base_fee_grows_with_the_excess():
    assert blob_base_fee(0) == 1
    assert blob_base_fee(2314057) == 1
    assert blob_base_fee(2314058) == 2
    assert blob_base_fee(10 * 1024 * 1024) == 23


def test_a_call_keeps_a_64th_of_the_gas_and_value_brings_a_stipend(run):
    source = "PUSH0 PUSH0 PUSH0 PUSH0 PUSH1 1 PUSH2 0x07e8 GAS CALL"
    done = run(source, accounts={0x07E8: Account(1, 0, b"\x5a\x00")}, gas=100_000)
    base = 2600 + 9000
    left = 100_000 - 4 * 2 - 3 - 3 - 2 - base
    forwarded = left - left // 64
    call, inner = done.step("CALL"), done.steps[8]
    assert (call.gas_cost, inner.gas_before) == (base + forwarded, forwarded + 2300)
    assert done.state.balance(0x07E8) == 1


@pytest.mark.parametrize("value", [501, 2**255])
def test_a_call_beyond_the_balance_fails_without_a_frame(run, value):
    done = run(f"PUSH0 PUSH0 PUSH0 PUSH0 PUSH32 {value} PUSH2 0x07e8 GAS CALL")
    assert done.step("CALL").outputs == (0,)
    assert len(done.trace.contexts) == 1


def test_calls_go_1024_deep_and_no_deeper(run):
    done = run("PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 PUSH2 0xc0de GAS DELEGATECALL", gas=10**12)
    assert max(context.message.depth for context in done.trace.contexts) == 1024
    assert done.outcome.success


def test_a_failed_inner_call_undoes_only_its_own_effects(run, asm):
    callee = asm("PUSH1 1 PUSH0 SSTORE PUSH0 PUSH0 LOG0 PUSH0 PUSH0 REVERT")
    source = "PUSH1 2 PUSH0 SSTORE PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 PUSH2 0x07e8 GAS CALL PUSH0 PUSH0 LOG0"
    done = run(source, accounts={0x07E8: Account(1, 0, callee)})
    assert done.step("CALL").outputs == (0,)
    assert (done.state.storage(0xC0DE, 0), done.state.storage(0x07E8, 0)) == (2, 0)
    assert len(done.state.logs) == 1


def test_only_an_account_of_this_transaction_can_vanish(run):
    done = run("PUSH2 0x07e8 SELFDESTRUCT")
    done.state.end_transaction()
    assert done.outcome.kind is HaltKind.SELF_DESTRUCT
    assert (done.state.balance(0xC0DE), done.state.balance(0x07E8)) == (0, 500)
    assert done.state.code(0xC0DE) != b""
