"""The chips of statement and transactions: all rules of a native transaction, each broken once."""

from dataclasses import replace

import pytest
from support.chips import broken, broken_buses, cell, fill, names, prank
from support.transactions import (
    CLOSED,
    NOBODY,
    READER,
    SPENDER,
    STORER,
    Sender,
    Traces,
    chips,
    executed,
    mixed_batch,
    stubs,
    traces_of,
    words,
)

from zkroll.algebra.keccak import keccak256
from zkroll.circuits.air.expr import Stage
from zkroll.circuits.air.mutate import mutate
from zkroll.circuits.buses import FIELD_REGISTRY, FIRST_CLOCK, PUBLIC_VALUES
from zkroll.circuits.source import BatchTrace
from zkroll.errors import ProvingError

FAILED, REFUNDED, CALLER = 4, 2, 5  # rows of the mixed batch


@pytest.fixture(scope="module")
def traces() -> Traces:
    return traces_of(mixed_batch())


def test_a_mixed_batch_holds_with_one_row_per_transaction(traces: Traces) -> None:
    assert broken(traces, CLOSED) == []
    assert traces["transaction"].rows == 10
    assert cell(traces, "transaction", "capped", REFUNDED) == 0
    assert cell(traces, "transaction", "success", FAILED) == 0


def test_accounts_that_meet_themselves_hold() -> None:
    a, b = Sender(0), Sender(1)
    batch = executed(
        [
            a.send(a.address, value=10**19),
            b.send(a.address, value=10**18),
            b.send(b.address, value=3, data=b"\x05"),
            a.send(STORER, value=4, data=words(1, 2, 3, 1)),
            a.send(SPENDER, value=4, gas_limit=30_000),
        ],
        coinbase=a.address,
    )
    assert broken(traces_of(batch), CLOSED) == []


def test_a_contract_as_coinbase_holds() -> None:
    a = Sender(0)
    batch = executed([a.send(STORER, value=5, data=words(1, 4, 0, 0)), a.send(READER)], coinbase=STORER)
    assert broken(traces_of(batch), CLOSED) == []


def test_a_refund_above_a_fifth_of_the_gas_is_capped() -> None:
    a = Sender(0)
    batch = executed([a.send(STORER, data=words(0, 4, 0, 0), gas_limit=60_000)], storage={4: 9})
    made = traces_of(batch)
    assert broken(made, CLOSED) == []
    slim = replace(
        stubs(batch), ends=[(0, stubs(batch).ends[0][1], batch.transactions[0].gas_left, 10**6, 1)]
    )
    capped = traces_of(batch, slim)
    assert cell(capped, "transaction", "capped", 0) == 1
    used = batch.transactions[0].gas_limit - batch.transactions[0].gas_left
    assert cell(capped, "transaction", "applied", 0) == used // 5
    assert broken({"transaction": capped["transaction"]}) == []


@pytest.mark.parametrize(
    ("row", "column", "delta", "expected"),
    [
        (1, "active", 1, "active is a bit"),
        (1, "capped", 2, "capped is a bit"),
        (1, "gas[0]", 1, "gas to run"),
        (CALLER, "length", 1, "gas to run"),
        (CALLER, "nonzero", -1, "gas to run"),
        (1, "fifth[0]", 1, "a fifth of the gas"),
        (1, "fifth_rest", 7, "the rest is below 5"),
        (REFUNDED, "applied", -1, "the refund is capped"),
        (REFUNDED, "capped", 1, "the refund is capped"),
        (REFUNDED, "spare[1]", 1, "spare"),
        (1, "payer_after[0]", 1, "payer balance"),
        (1, "payee_after[7]", 1, "payee balance"),
        (1, "reward_after[0]", 1, "reward balance"),
        (1, "nonce_before", 1, "nonce: time goes up"),
        (1, "pay_wait[1]", 1, "pay: time goes up"),
        (1, "credit_before", 1, "credit: time goes up"),
        (1, "undo_before", 1, "undo: time goes up"),
        (1, "settle_before", 1, "settle: time goes up"),
        (1, "reward_before", 1, "reward: time goes up"),
        (1, "code_before", 1, "code: time goes up"),
        (1, "from_before", 1, "from: time goes up"),
        (1, "to_wait[0]", 1, "to: time goes up"),
        (1, "small[0]", 1, "recipient from 0 to 4"),
        (1, "small[1]", 1, "recipient from 0 to 8"),
        (1, "ordinary", 1, "recipient above 10"),
        (1, "to_lo", 1, "recipient from 0 to 4"),
        (1, "not_last", 1, "not the last nonce"),
    ],
)
def test_a_tampered_cell_breaks(traces: Traces, row: int, column: str, delta: int, expected: str) -> None:
    value = cell(traces, "transaction", column, row) + delta
    assert expected in names(broken(prank(traces, "transaction", column, row, value)))


@pytest.mark.parametrize(
    ("row", "column", "bus"),
    [
        (1, "tx", "tx_begin"),
        (1, "begin", "tx_begin"),
        (1, "end", "tx_end"),
        (1, "gas_left", "tx_end"),
        (1, "refund", "tx_end"),
        (FAILED, "success", "tx_end"),
        (1, "chain_id", "poseidon3"),
        (1, "number", "block"),
        (1, "timestamp", "block"),
        (1, "coinbase_lo", "block"),
        (1, "gas_limit", "tx_head"),
        (1, "nonce", "poseidon3"),
        (1, "nonce", "state"),
        (1, "from_index", "tx_head"),
        (1, "from_index", "state"),
        (1, "to_index", "tx_head"),
        (1, "to_index", "state"),
        (1, "from_hi", "state"),
        (1, "from_lo", "poseidon3"),
        (1, "to_hi", "state"),
        (1, "to_lo", "poseidon3"),
        (1, "fold[0]", "poseidon3"),
        (1, "fold[1]", "poseidon3"),
        (1, "fold[2]", "tx_head"),
        (1, "gas_price", "poseidon3"),
        (1, "gas_price", "tx_part"),
        (1, "length", "tx_head"),
        (1, "value", "tx_part"),
        (1, "message", "signature"),
        (1, "key_x", "poseidon2"),
        (1, "key_y", "signature"),
        (1, "key_hash", "canonical"),
        (1, "key_rest[5]", "canonical"),
        (1, "payer", "state"),
        (1, "payee", "state"),
        (1, "undone", "state"),
        (1, "settled", "state"),
        (1, "rewarded", "state"),
        (CALLER, "code.lo", "tx_begin"),
        (CALLER, "code_size", "context"),
        (CALLER, "asked[0]", "context"),
        (REFUNDED, "spans", "tx_span"),
    ],
)
def test_a_tampered_cell_unbalances(traces: Traces, row: int, column: str, bus: str) -> None:
    changed = prank(traces, "transaction", column, row, cell(traces, "transaction", column, row) + 1)
    assert bus in broken_buses(broken(changed, CLOSED))


def test_a_failed_transfer_that_stays_is_refused() -> None:
    """The value of a failed call goes back: claiming success for it breaks with what END says."""
    source = mixed_batch()
    asked = stubs(source)
    ends = [(*e[:4], 1) if e[0] == FAILED else e for e in asked.ends]
    found = broken(traces_of(source, replace(asked, ends=ends)), CLOSED)
    assert "state" in broken_buses(found)


def test_a_payer_without_the_money_asks_for_a_balance_that_no_limbs_make() -> None:
    """Signed and well-formed, but the sender owns too little: the balance after would be negative."""
    source = executed([Sender(0).send(NOBODY, value=10**19)])
    poor = [
        replace(x, old_word=10**18) if x.old_word == 10**20 and x.field == 1 else x for x in source.leaves
    ]
    assert sum(a is not b for a, b in zip(poor, source.leaves, strict=True)) == 1
    assert "payer balance" in names(broken(traces_of(replace(source, leaves=poor))))


def test_a_wrong_nonce_is_refused_by_the_state() -> None:
    source = executed([Sender(0, nonce=0).send(NOBODY)])
    off = [replace(x, old_word=1, new_word=2) if x.field == 0 else x for x in source.leaves]
    assert "state" in broken_buses(broken(traces_of(replace(source, leaves=off)), CLOSED))


def alone(source: BatchTrace, **changes: int) -> Traces:
    """The chip of transactions for a batch with its only transaction changed."""
    changed = replace(source, transactions=[replace(source.transactions[0], **changes)])  # type: ignore[arg-type]
    kept = [chip for chip in chips(source) if chip.name.startswith("stub") or chip.name == "transaction"]
    return {"transaction": fill(kept, changed)["transaction"]}


@pytest.mark.parametrize("to", range(11))
def test_the_zero_address_and_precompiles_are_no_recipients(to: int) -> None:
    source = executed([Sender(0).send(NOBODY)])
    assert names(broken(alone(source, to=to))) == {"recipient above 10"}
    for other in (11, 2**160 - 1):
        assert broken(alone(source, to=other)) == []


def test_the_last_nonce_is_never_used() -> None:
    source = executed([Sender(0).send(NOBODY)])
    assert broken(alone(source, nonce=2**64 - 2)) == []
    assert names(broken(alone(source, nonce=2**64 - 1))) == {"not the last nonce"}


def test_indices_of_earlier_batches_and_of_this_one_are_read_from_the_state() -> None:
    a, b = Sender(0), Sender(1)
    source = executed(
        [a.send(b.address, value=1, gas_limit=21000), b.send(a.address), a.send(a.address), a.send(NOBODY)],
        indices={a.address: (7, 2**32 - 1), STORER: (0,)},
    )
    assert source.registrations == ((1, b.address), (2, NOBODY))
    assert [(tx.from_index, tx.to_index) for tx in source.transactions] == [(7, 1), (1, 7), (7, 7), (7, 2)]
    assert broken(traces_of(source), CLOSED) == []


def test_another_index_of_the_same_address_is_taken_too() -> None:
    """Which of its indices names an account is the prover's choice, as the address is what is signed."""
    a = Sender(0)
    source = executed([a.send(NOBODY, gas_limit=21000)], indices={a.address: (3,), NOBODY: (4, 6)})
    assert source.data[32:48].hex() == "01000000030000000400000000000030"
    read = next(leaf for leaf in source.leaves if (leaf.address, leaf.field) == (4, FIELD_REGISTRY))
    assert (read.old_word, read.new_word) == (NOBODY, NOBODY)
    with pytest.raises(ProvingError, match="not among the touched leaves"):
        traces_of(replace(source, transactions=[replace(source.transactions[0], to_index=6)]))


def test_an_unregistered_index_is_refused_by_the_state() -> None:
    """The place of the index holds zero: an address that is not zero is not there."""
    source = executed([Sender(0).send(NOBODY, gas_limit=21000)])
    emptied = [
        replace(leaf, old_word=0, new_word=0) if leaf.field == FIELD_REGISTRY else leaf
        for leaf in source.leaves
    ]
    data = source.data[:32] + source.data[32 + 64 :]
    digest = int.from_bytes(keccak256(data), "big")
    forged = replace(source, registrations=(), leaves=emptied, data=data, data_hash=digest)
    assert "state" in broken_buses(broken(traces_of(forged), CLOSED))


@pytest.mark.parametrize(
    "chip",
    [
        "transaction", "statement", "data", "selfbalance", "storage_ops", "storage_cell", "state_leaf",
        "state_path", "canonical", "signature", "signature_ladder",
    ],
)  # fmt: skip
def test_every_flag_of_every_chip_is_a_bit(traces: Traces, chip: str) -> None:
    flags = [c.name for c in traces[chip].chip.air.constraints if c.name.endswith(" is a bit")]
    own = {chip: traces[chip]}
    for name in flags:
        if name != "bit 256 is a bit":  # of a column that has other values in other rows
            assert name in names(broken(prank(own, chip, name.removesuffix(" is a bit"), 0, 2)))


@pytest.mark.parametrize(
    ("chip", "but"),
    [
        *((name, set()) for name in ("transaction", "statement", "data", "selfbalance", "storage_ops")),
        *((name, set()) for name in ("storage_cell", "state_path", "signature", "signature_ladder")),
        ("state_leaf", {"root_before", "root_after"}),
    ],
)
def test_no_cell_of_a_padding_row_is_free(traces: Traces, chip: str, but: set[str]) -> None:
    trace = traces[chip]
    assert trace.rows < trace.height or chip == "state_leaf"
    columns = set(trace.chip.air.column_names[Stage.MAIN])
    activity = {n for n in columns if f"{n} is a bit" in {c.name for c in trace.chip.air.constraints}}
    own = {chip: trace}
    for column in columns - activity:  # the flags left alone: the row stays padding
        own = prank(own, chip, column, trace.height - 1, 2)
    found = names(broken(own))
    assert {f"padding has {column} 0" for column in columns - activity - but} <= found


@pytest.mark.parametrize("name", ["batch_number", "chain_id", "rollup_address", "timestamp"])
def test_other_public_values_are_refused(traces: Traces, name: str) -> None:
    changed = prank(traces, "statement", name, 0, cell(traces, "statement", name, 0) + 1)
    assert "public" in broken_buses(broken(changed, CLOSED))


@pytest.mark.parametrize(
    ("column", "bus"),
    [
        ("active", "public"),
        ("hash_hi", "keccak"),
        ("hash_lo", "keccak"),
        ("units", "keccak"),
        ("units", "frame"),
        ("transactions", "frame"),
        ("coinbase_hi", "frame"),
        ("coinbase_lo", "block"),
    ],
)
def test_a_tampered_statement_unbalances(traces: Traces, column: str, bus: str) -> None:
    value = 0 if column == "active" else cell(traces, "statement", column, 0) + 1
    assert bus in broken_buses(broken(prank(traces, "statement", column, 0, value), CLOSED))
    if column == "active":
        assert "active is a bit" in names(broken(prank(traces, "statement", column, 0, 2)))


def test_a_second_statement_is_refused(traces: Traces) -> None:
    assert "public" in broken_buses(broken(prank(traces, "statement", "active", 1, 1), CLOSED))


@pytest.mark.parametrize("name", ["queue_before_hi", "queue_after_lo", "withdrawals_lo"])
def test_public_values_without_a_meaning_yet_are_zero(name: str) -> None:
    source = executed([])
    made = traces_of(source)
    wrong = prank(made, "stub_send_public", "value", PUBLIC_VALUES.index(name), 1)
    assert "public" in broken_buses(broken(wrong, CLOSED))


def test_mutations_of_transactions_are_noticed(traces: Traces) -> None:
    score = mutate(traces["transaction"], [1, REFUNDED, FAILED, CALLER])
    # code_size is free where the transaction never asks for it
    assert {(m.column, m.row == CALLER) for m in score.survivors} == {("code_size", False)}


def test_questions_about_other_contexts_or_opcodes_are_refused() -> None:
    source = mixed_batch()
    asked = stubs(source)
    for extra, message in (
        ((9999, 0x30, 0, 1), "no transaction opened"),
        ((FIRST_CLOCK, 0x31, 0, 1), "opcode 0x31"),
    ):
        with pytest.raises(ProvingError, match=message):
            traces_of(source, replace(asked, context=[*asked.context, extra]))
    with pytest.raises(ProvingError, match="begun"):
        traces_of(source, replace(asked, begins=asked.begins[1:]))
