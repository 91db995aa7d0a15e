"""Executing batches: results, fees, accesses in order, tree steps, and batches refused as a whole."""

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rollup_batches import CHAIN, COINBASE, ETHER, alice, batch, signed

from zkroll.errors import InputError, UnprovableError
from zkroll.rollup.accesses import Cause, StateAccess
from zkroll.rollup.batch import Batch
from zkroll.rollup.executor import ExecutedBatch, execute_batch
from zkroll.rollup.genesis import Account, build_state
from zkroll.rollup.state.smt import Touch
from zkroll.rollup.state.state import Field, Place, code_poseidon
from zkroll.vm.halts import HaltKind
from zkroll.vm.tracer import NullTracer

CONTRACT = 0xC0DE
STORE = bytes.fromhex("60003560203555")  # storage[calldata[32:64]] = calldata[0:32]
REVERT = bytes.fromhex("6001600055475060006000fd")  # storage[0] = 1, look at the own balance, revert
LOOP = bytes.fromhex("5b600056")
CLEAR = bytes.fromhex("6000600055")  # storage[0] = 0
CALLS = bytes.fromhex("600060006000600060006000355af1")


def words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def with_code(code: bytes, **storage: int) -> list[Account]:
    slots = {int(name[1:]): word for name, word in storage.items()}
    return [Account(alice(0), balance=ETHER), Account(CONTRACT, code=code, storage=slots)]


def check_consistency(executed: ExecutedBatch) -> None:
    """Accesses chain word by word, frame the touched words, and the tree steps lead from root to root."""
    current: dict[Place, int] = {}
    first: dict[Place, int] = {}
    for access in executed.accesses:
        assert access.old == current.get(access.place, access.old)
        assert access.is_write or access.old == access.new
        first.setdefault(access.place, access.old)
        current[access.place] = access.new
    assert {word.place: (word.first, word.last) for word in executed.touched} == {
        place: (first[place], current[place]) for place in current
    }
    keys = [word.update.key for word in executed.touched]
    assert keys == sorted(set(keys))
    root = executed.old_root
    for word in executed.touched:
        assert word.update.old_root == root
        assert word.update.recompute() == (root, word.update.new_root)
        root = word.update.new_root
    assert root == executed.new_root
    assert sum(word.last - word.first for word in executed.touched if word.place.field is Field.BALANCE) == 0


def last_words(executed: ExecutedBatch) -> dict[Place, int]:
    return {word.place: word.last for word in executed.touched}


def steps_of(executed: ExecutedBatch, transaction: int = 0) -> list[StateAccess]:
    return [access for access in executed.accesses if access.transaction == transaction]


def test_a_transfer_moves_value_pays_the_fee_and_makes_the_fixed_accesses() -> None:
    executed = execute_batch(batch([signed(to=0xB0B, value=7, gas_limit=30_000, gas_price=3)]))
    (result,) = executed.results
    assert (result.success, result.halt, result.gas_used, result.gas_left, result.refund) == (
        True,
        HaltKind.STOP,
        21_000,
        9_000,
        0,
    )
    sender, recipient = Place(alice(), Field.BALANCE), Place(0xB0B, Field.BALANCE)
    fee = 90_000
    assert executed.published.registrations == ((0, alice()), (1, 0xB0B))
    indices = Place(0, Field.REGISTRY), Place(1, Field.REGISTRY)
    assert executed.accesses == (
        StateAccess(0, Cause.REGISTER, -1, indices[0], 0, alice(), True),
        StateAccess(0, Cause.REGISTER, -1, indices[1], 0, 0xB0B, True),
        StateAccess(0, Cause.FROM_INDEX, -1, indices[0], alice(), alice(), False),
        StateAccess(0, Cause.TO_INDEX, -1, indices[1], 0xB0B, 0xB0B, False),
        StateAccess(0, Cause.NONCE, -1, Place(alice(), Field.NONCE), 0, 1, True),
        StateAccess(0, Cause.FEE, -1, sender, ETHER, ETHER - fee, True),
        StateAccess(0, Cause.VALUE_OUT, -1, sender, ETHER - fee, ETHER - fee - 7, True),
        StateAccess(0, Cause.VALUE_IN, -1, recipient, 0, 7, True),
        StateAccess(0, Cause.CODE, -1, Place(0xB0B, Field.CODE_POSEIDON), 0, 0, False),
        StateAccess(0, Cause.REFUND, -1, sender, ETHER - fee - 7, ETHER - 63_007, True),
        StateAccess(0, Cause.REWARD, -1, Place(COINBASE, Field.BALANCE), 0, 63_000, True),
    )
    assert executed.codes == {}
    check_consistency(executed)


def test_a_call_stores_a_word_and_its_code_is_kept_for_the_circuits() -> None:
    executed = execute_batch(batch([signed(to=CONTRACT, data=words(9, 4))], with_code(STORE)))
    (result,) = executed.results
    assert result.success
    slot = Place(CONTRACT, Field.STORAGE, 4)
    assert last_words(executed)[slot] == 9
    (access,) = [access for access in executed.accesses if access.cause is Cause.STEP]
    assert (access.place, access.old, access.new, access.is_write) == (slot, 0, 9, True)
    assert executed.trace.steps[access.step].name == "SSTORE"
    assert executed.codes == {code_poseidon(STORE): STORE}
    read = next(access for access in executed.accesses if access.cause is Cause.CODE)
    assert read.new == code_poseidon(STORE)
    check_consistency(executed)


def test_a_revert_undoes_storage_and_value_in_reverse_but_keeps_nonce_and_fee() -> None:
    executed = execute_batch(batch([signed(to=CONTRACT, value=5)], with_code(REVERT)))
    (result,) = executed.results
    assert (result.success, result.halt, result.refund) == (False, HaltKind.REVERT, 0)
    assert result.gas_left > 0
    slot, sender, contract = (
        Place(CONTRACT, Field.STORAGE, 0),
        Place(alice(), Field.BALANCE),
        Place(CONTRACT, Field.BALANCE),
    )
    undone = [(a.place, a.old, a.new) for a in executed.accesses if a.cause is Cause.UNDO]
    before = ETHER - 200_000
    assert undone == [(slot, 1, 0), (contract, 5, 0), (sender, before - 5, before)]
    looked = [(a.place, a.new) for a in executed.accesses if a.cause is Cause.STEP and not a.is_write]
    assert looked == [(contract, 5)]
    last = last_words(executed)
    assert (last[slot], last[contract], last[Place(alice(), Field.NONCE)]) == (0, 0, 1)
    assert last[sender] == ETHER - 2 * result.gas_used
    assert last[Place(COINBASE, Field.BALANCE)] == 2 * result.gas_used
    kinds = {word.place: word.update.kind for word in executed.touched}
    assert kinds[slot] in (Touch.ABSENT_EMPTY, Touch.ABSENT_BESIDE)
    check_consistency(executed)


def test_running_out_of_gas_takes_all_of_it() -> None:
    executed = execute_batch(batch([signed(to=CONTRACT, value=5, gas_limit=25_000)], with_code(LOOP)))
    (result,) = executed.results
    assert (result.success, result.halt, result.gas_left, result.gas_used) == (
        False,
        HaltKind.OUT_OF_GAS,
        0,
        25_000,
    )
    assert last_words(executed)[Place(alice(), Field.BALANCE)] == ETHER - 50_000
    check_consistency(executed)


def test_a_store_that_cannot_be_paid_is_only_a_read() -> None:
    data = words(9, 4)
    limit = 21_000 + 62 * 4 + 2 * 16 + 12 + 5_000
    executed = execute_batch(batch([signed(to=CONTRACT, data=data, gas_limit=limit)], with_code(STORE)))
    assert executed.results[0].halt is HaltKind.OUT_OF_GAS
    (access,) = [access for access in executed.accesses if access.cause is Cause.STEP]
    assert (access.is_write, access.old, access.new) == (False, 0, 0)
    check_consistency(executed)


def test_a_cleared_slot_keeps_its_leaf_and_gives_a_refund() -> None:
    executed = execute_batch(batch([signed(to=CONTRACT)], with_code(CLEAR, s0=8)))
    (result,) = executed.results
    assert (result.gas_used, result.refund) == (21_000 + 6 + 5_000, 4_800)
    assert last_words(executed)[Place(COINBASE, Field.BALANCE)] == 2 * (26_006 - 4_800)
    touched = {word.place: word for word in executed.touched}[Place(CONTRACT, Field.STORAGE, 0)]
    assert (touched.update.kind, touched.first, touched.last, touched.update.new_value) == (
        Touch.UPDATE,
        8,
        0,
        0,
    )
    check_consistency(executed)


def test_logs_of_failed_transactions_are_dropped() -> None:
    log = "60006000a0"
    executed = execute_batch(
        batch(
            [signed(to=CONTRACT), signed(to=CONTRACT + 1, nonce=1)],
            [
                Account(alice(0), balance=ETHER),
                Account(CONTRACT, code=bytes.fromhex(log)),
                Account(CONTRACT + 1, code=bytes.fromhex(log + "fe")),
            ],
        )
    )
    assert [len(result.logs) for result in executed.results] == [1, 0]
    check_consistency(executed)


def test_the_block_is_as_the_header_says() -> None:
    # storage[0..4] = NUMBER, TIMESTAMP, COINBASE, CHAINID, GASPRICE
    code = bytes.fromhex("436000554260015541600255466003553a600455")
    executed = execute_batch(batch([signed(to=CONTRACT, gas_limit=200_000, gas_price=5)], with_code(code)))
    last = last_words(executed)
    stored = [last[Place(CONTRACT, Field.STORAGE, slot)] for slot in range(5)]
    assert stored == [1, 1_700_000_000, COINBASE, CHAIN, 5]


@pytest.mark.parametrize("sender_is_coinbase", [False, True])
def test_sender_recipient_and_coinbase_may_be_one_account(sender_is_coinbase: bool) -> None:
    one = batch([signed(to=alice(), value=5), signed(to=alice(1), value=5, nonce=1)])
    if sender_is_coinbase:
        one = dataclasses.replace(one, coinbase=alice())
    executed = execute_batch(one)
    fee = 0 if sender_is_coinbase else 2 * 2 * 21_000
    assert last_words(executed)[Place(alice(), Field.BALANCE)] == ETHER - 5 - fee
    check_consistency(executed)


def test_an_empty_batch_changes_nothing() -> None:
    executed = execute_batch(batch([]))
    assert executed.new_root == executed.old_root != 0
    assert (executed.accesses, executed.touched, executed.results) == ((), (), ())


def test_public_values_stand_in_the_fixed_order() -> None:
    one = batch([signed(to=0xB0B)])
    executed = execute_batch(one)
    digest = one.data_hash()
    assert executed.public_values() == (
        executed.old_root,
        executed.new_root,
        1,
        CHAIN,
        0x1B0C,
        1_700_000_000,
        int.from_bytes(digest[:16], "big"),
        int.from_bytes(digest[16:], "big"),
        *[0] * 6,
    )


def test_two_batches_on_one_state_equal_the_second_on_the_first_ones_accounts() -> None:
    first, second = (
        batch([signed(to=CONTRACT, data=words(1, 2))], with_code(STORE)),
        signed(to=0xB0B, value=1, nonce=1),
    )
    state = build_state(first.pre_state)
    one = execute_batch(first, state)
    two = execute_batch(dataclasses.replace(first, batch_number=2, transactions=(second,)), state)
    assert two.old_root == one.new_root
    assert two.new_root == state.root


def test_an_injected_tracer_hears_the_execution_and_the_result_does_not_depend_on_it() -> None:
    one = batch([signed(to=CONTRACT, data=words(1, 2))], with_code(STORE))
    silent = execute_batch(one, tracer=NullTracer())
    recorded = execute_batch(one)
    assert silent.trace.steps == []
    assert len(recorded.trace.steps) == 6
    assert (silent.accesses, silent.touched) == (recorded.accesses, recorded.touched)


REFUSED = {
    "nonce too high": (signed(to=1 << 100, nonce=2), "nonce: expected 1, got 2"),
    "nonce repeated": (signed(to=1 << 100, nonce=0), "nonce: expected 1, got 0"),
    "balance too low": (signed(to=1 << 100, nonce=1, value=ETHER), "balance: expected at least"),
    "gas below intrinsic": (
        signed(to=1 << 100, nonce=1, gas_limit=20_999),
        "gas limit: expected at least 21000",
    ),
    "data not paid": (
        signed(to=1, nonce=1, gas_limit=21_019, data=b"\x00\x01"),
        "gas limit: expected at least 21020",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_invalid_transaction_refuses_the_batch_by_its_index(name: str) -> None:
    bad, message = REFUSED[name]
    one = batch([signed(to=1 << 100), bad])
    state = build_state(one.pre_state)
    root = state.root
    with pytest.raises(InputError, match=f"transaction 1: {message}"):
        execute_batch(one, state)
    assert state.root == root
    assert state.word(Place(alice(), Field.NONCE)) == 0


def test_a_bad_signature_refuses_the_batch_by_its_index() -> None:
    good = signed(to=0xB0B)
    forged = dataclasses.replace(signed(1, to=0xB0B), signature=good.signature)
    with pytest.raises(InputError, match="transaction 1: signature"):
        execute_batch(batch([good, forged]))
    with pytest.raises(InputError, match="transaction 0: signature"):
        execute_batch(dataclasses.replace(batch([good]), chain_id=CHAIN + 1))


def test_an_account_at_its_last_nonce_is_refused() -> None:
    last = 2**64 - 1
    with pytest.raises(InputError, match="transaction 0: nonce"):
        execute_batch(batch([signed(to=0xB0B, nonce=last)], [Account(alice(), balance=ETHER, nonce=last)]))


def test_an_opcode_without_a_chip_is_refused_with_transaction_opcode_and_pc() -> None:
    one = batch([signed(to=0xB0B), signed(to=CONTRACT, nonce=1)], with_code(CALLS))
    state = build_state(one.pre_state)
    root = state.root
    with pytest.raises(UnprovableError, match=r"transaction 1: opcode CALL \(0xf1\) at pc 14"):
        execute_batch(one, state)
    assert state.root == root


def test_the_zero_address_is_no_recipient() -> None:
    with pytest.raises(InputError, match="transaction 1: to: the zero address"):
        execute_batch(batch([signed(to=0xB0B), signed(to=0, nonce=1)]))


@pytest.mark.parametrize("address", [1, 10])
def test_a_call_of_a_precompile_is_refused(address: int) -> None:
    with pytest.raises(UnprovableError, match="transaction 0: precompile"):
        execute_batch(batch([signed(to=address)]))
    assert execute_batch(batch([signed(to=11)])).results[0].success


def dropped(one: Batch) -> Batch:
    return dataclasses.replace(one, transactions=one.transactions[1:])


def doubled(one: Batch) -> Batch:
    return dataclasses.replace(one, transactions=one.transactions[:1] + one.transactions)


def reordered(one: Batch) -> Batch:
    return dataclasses.replace(one, transactions=one.transactions[::-1])


@pytest.mark.parametrize("tamper", [dropped, doubled, reordered])
def test_transactions_of_one_sender_cannot_be_dropped_doubled_or_reordered(
    tamper: Callable[[Batch], Batch],
) -> None:
    with pytest.raises(InputError, match="nonce"):
        execute_batch(tamper(batch([signed(to=0xB0B), signed(to=0xB0B, nonce=1)])))


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=5))
def test_any_mix_of_calls_keeps_accesses_words_and_roots_consistent(
    calls: list[tuple[int, int, int]],
) -> None:
    targets = [CONTRACT, CONTRACT + 1, CONTRACT + 2, alice(0)]
    accounts = [
        Account(alice(0), balance=ETHER),
        Account(CONTRACT, code=STORE, storage={1: 1}),
        Account(CONTRACT + 1, code=REVERT),
        Account(CONTRACT + 2, code=CLEAR, storage={0: 5}),
    ]
    transactions = [
        signed(to=targets[target], value=slot, nonce=nonce, data=words(word, slot))
        for nonce, (target, word, slot) in enumerate(calls)
    ]
    check_consistency(execute_batch(batch(transactions, accounts)))
