"""The data chip: the batch data follows its grammar, and every byte that counts is bound."""

from dataclasses import replace

import pytest
from support.chips import broken, broken_buses, cell, names, prank
from support.transactions import (
    CLOSED,
    NOBODY,
    STORER,
    Sender,
    Traces,
    executed,
    mixed_batch,
    stubs,
    traces_of,
    words,
)

from zkroll.circuits.air.mutate import mutate
from zkroll.circuits.buses import WORDS
from zkroll.errors import ProvingError


@pytest.fixture(scope="module")
def traces() -> Traces:
    return traces_of(mixed_batch())


def rows_with(traces: Traces, **cells: int) -> list[int]:
    height = traces["data"].height
    return [
        row for row in range(height) if all(cell(traces, "data", name, row) == v for name, v in cells.items())
    ]


def test_the_data_of_a_mixed_batch_holds(traces: Traces) -> None:
    assert broken(traces, CLOSED) == []


def test_calldata_of_every_alignment_holds() -> None:
    parities: set[tuple[int, int]] = set()
    lengths = [0, 1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65]
    calldata = [bytes((i * 7) % 5 for i in range(length)) for length in lengths for _ in range(2)]
    a, transactions = Sender(0), []
    for data in calldata:
        transactions.append(a.send(STORER, data=data))
        if -(-len(data) // 16) % 2:  # an even number of units: let the next call begin at the other parity
            transactions.append(a.send(NOBODY, value=1, gas_limit=21000))
    made = traces_of(executed(transactions))
    assert broken(made, CLOSED) == []
    for row in rows_with(made, call_a=1):
        parities.add((cell(made, "data", "left", row), row % 2))
        tx = cell(made, "data", "tx", row) - 1
        data = transactions[tx].transaction.data
        assert cell(made, "transaction", "nonzero", tx) == len(data) - data.count(0)
    assert parities == {(length, parity) for length in lengths for parity in (0, 1)}


def test_an_empty_batch_holds() -> None:
    made = traces_of(executed([]))
    assert broken(made, CLOSED) == []
    assert (made["data"].rows, "transaction" in made) == (2, False)


def test_a_transfer_takes_one_row_and_16_bytes() -> None:
    a, known = Sender(0), {Sender(0).address: (0,), NOBODY: (1,)}
    sizes = []
    for count in (1, 2, 9):
        a.nonce = 0
        transfers = [a.send(NOBODY, value=5 * 10**17, gas_limit=21000) for _ in range(count)]
        source = executed(transfers, indices=known)
        assert traces_of(source)["data"].rows == 2 + count
        sizes.append(len(source.data) - 32)
    assert sizes == [16, 32, 144]


@pytest.mark.parametrize(
    ("value", "price"),
    [
        (0, 0),
        (2**35 - 1, 4095),
        ((2**35 - 1) * 10**7, 4095 * 10**7),
        ((2**35 - 1) * 10**8, 4095 * 10**8),
        (3 * 10**15, 4095 * 10**9),
        ((2**35 - 1) * 10**16, 1),
        (7 * 10**24, 10**10),
        ((2**35 - 1) * 10**27, 10**13),
        (10**18, 4095 * 10**15),
    ],
)
def test_every_power_of_ten_is_decoded(value: int, price: int) -> None:
    a = Sender(0)
    rich = {a.address: 2**127 + 2**124}
    source = executed([a.send(NOBODY, value=value, gas_limit=21000, gas_price=price)], balances=rich)
    made = traces_of(source)
    assert broken(made, CLOSED) == []
    row = rows_with(made, transfer=1)[0]
    assert (cell(made, "data", "value", row), cell(made, "data", "price", row)) == (value, price)


TAMPERED: list[tuple[dict[str, int], str, int, str]] = [
    ({"call_a": 1}, "call_b", 1, "at most one kind"),
    ({"header_a": 1}, "header_a", -1, "the first row is the header"),
    ({"call_b": 1}, "header_a", 1, "the header comes once"),
    ({"header_b": 1}, "header_b", -1, "header_b follows header_a"),
    ({"register_b": 1}, "register_b", -1, "register_b follows register_a"),
    ({"call_b": 1}, "call_b", -1, "call_b follows call_a"),
    ({"call_c": 1}, "call_c", -1, "call_c follows call_b"),
    ({"call_c": 1, "ends": 1}, "ends", -1, "calldata follows"),
    ({"body": 1, "ends": 1}, "ends", -1, "calldata follows"),
    ({"body": 1, "ends": 0}, "ends", 1, "a record follows"),
    ({"call_a": 1}, "ends", 1, "only calls end"),
    ({"transfer": 1}, "ends", 1, "only calls end"),
    ({"call_a": 1}, "last", 1, "only a header or record is last"),
    ({"last": 1}, "last", -1, "a row goes on in a used row"),
    ({"body": 1, "ends": 1}, "last", 1, "the data ends with the last unit"),
    ({"register_a": 1}, "index", 1, "index counts units"),
    ({"header_a": 1}, "index", 1, "the header has index 0"),
    ({"transfer": 1}, "even", 1, "even units alternate"),
    ({"body": 1}, "even", 1, "even units alternate"),
    ({"header_a": 1}, "even", -1, "the first unit is even"),
    ({"body": 1}, "tx", 1, "tx counts transactions"),
    ({"header_a": 1}, "tx", 1, "no transaction in the header"),
    ({"call_b": 1}, "ctx", 1, "ctx goes on"),
    ({"call_b": 1}, "before", 1, "the message goes on"),
    ({"body": 1}, "left", 1, "left goes down"),
    ({"body": 1}, "position", 1, "position counts words"),
    ({"body": 1}, "nonzero", 1, "nonzero bytes add up"),
    ({"body": 1}, "zero[3]", 1, "nonzero bytes add up"),
    ({"body": 1, "position": 0, "opens": 1}, "opens", -1, "calldata opens a word"),
    ({"body": 1, "opens": 0}, "opens", 1, "every other unit opens one"),
    ({"transfer": 1}, "opens", 1, "only calldata opens words"),
    ({"call_b": 1}, "after", 1, "only words change the message"),
    ({"transfer": 1}, "after", 1, "only words change the message"),
    ({"body": 1, "opens": 0}, "after", 1, "only words change the message"),
    ({"register_a": 1}, "byte[0]", -1, "kind of a registration"),
    ({"transfer": 1}, "byte[0]", 1, "kind of a transfer"),
    ({"call_a": 1}, "byte[0]", 1, "kind of a call"),
    ({"register_a": 1}, "byte[5]", 1, "zeros of a registration"),
    ({"register_a": 1}, "byte[11]", 1, "zeros of a registration"),
    ({"call_c": 1}, "byte[8]", 1, "zeros of a call"),
    ({"call_c": 1}, "byte[15]", 1, "zeros of a call"),
    ({"call_a": 1}, "byte[3]", 1, "length"),
    ({"transfer": 1}, "left", 1, "a transfer has no calldata"),
    ({"call_a": 1}, "position", 1, "position 0"),
    ({"transfer": 1}, "position", 1, "position 0"),
    ({"call_a": 1}, "nonzero", 1, "no bytes counted"),
    ({"transfer": 1}, "nonzero", 1, "no bytes counted"),
    ({"call_c": 1, "ends": 1}, "left", 1, "calldata is empty where the head ends"),
    ({"body": 1, "ends": 1}, "flag[2]", 1, "one last byte"),
    ({"call_a": 1}, "flag[0]", 1, "one last byte"),
    ({"body": 1, "ends": 1}, "left", -1, "the last byte is number left - 1"),
    ({"transfer": 1}, "byte[13]", 1, "bits of the value"),
    ({"transfer": 1}, "flag[0]", 1, "bits of the value"),
    ({"transfer": 1}, "byte[15]", 1, "bits of the price"),
    ({"transfer": 1}, "flag[15]", 1, "bits of the price"),
    ({"transfer": 1}, "byte[9]", 1, "scaled value"),
    ({"transfer": 1}, "scaled", 1, "scaled value"),
    ({"transfer": 1}, "byte[14]", 1, "scaled price"),
    ({"transfer": 1}, "scaled_price", 1, "scaled price"),
    ({"transfer": 1}, "value", 1, "value"),
    ({"call_b": 1}, "value", 1, "value"),
    ({"call_b": 1}, "byte[15]", 1, "value"),
    ({"transfer": 1}, "price", 1, "price"),
    ({"call_b": 1}, "price", 1, "price"),
    ({"call_c": 1}, "byte[7]", 1, "price"),
    ({"header_a": 1}, "flag[2]", 2, "flag[2] is a bit"),
]


@pytest.mark.parametrize(("at", "column", "delta", "expected"), TAMPERED)
def test_a_tampered_cell_breaks(
    traces: Traces, at: dict[str, int], column: str, delta: int, expected: str
) -> None:
    changed = []
    rows = rows_with(traces, **at)
    for row in {*rows[:3], *rows[-2:]}:
        changed.append(prank(traces, "data", column, row, cell(traces, "data", column, row) + delta))
    assert any(expected in names(broken({"data": t["data"]})) for t in changed)


def test_a_byte_in_the_padding_breaks() -> None:
    made = traces_of(executed([Sender(0).send(STORER, data=b"\x01" * 33)]))
    row = rows_with(made, body=1, ends=1)[0]
    assert cell(made, "data", "byte[0]", row) == 1
    for column in ("byte[1]", "byte[3]", "byte[4]", "byte[15]"):
        assert "padding is zero" in names(broken(prank(made, "data", column, row, 1)))


@pytest.mark.parametrize("exponent", [28, 29, 30, 31])
def test_an_exponent_above_27_breaks(traces: Traces, exponent: int) -> None:
    row = rows_with(traces, transfer=1)[0]
    low = cell(traces, "data", "byte[13]", row) // 32
    changed = prank(traces, "data", "byte[13]", row, 32 * low + exponent)
    for bit in range(5):
        changed = prank(changed, "data", f"flag[{bit}]", row, exponent >> bit & 1)
    assert "exponent at most 27" in names(broken({"data": changed["data"]}))
    fits = prank(traces, "data", "byte[13]", row, 32 * low + 27)
    for bit in range(5):
        fits = prank(fits, "data", f"flag[{bit}]", row, 27 >> bit & 1)
    assert names(broken({"data": fits["data"]})) == {"scaled value", "value"}


def test_a_registration_after_a_transaction_breaks(traces: Traces) -> None:
    row = rows_with(traces, transfer=1)[0] + 1
    changed = prank(traces, "data", "register_a", row, 1)
    assert "registrations come first" in names(broken({"data": changed["data"]}))


def test_a_used_row_after_padding_and_in_the_last_row_breaks(traces: Traces) -> None:
    height = traces["data"].height
    assert "the data ends at the last row" in names(broken(prank(traces, "data", "body", height - 1, 1)))
    gap = prank(traces, "data", "transfer", traces["data"].rows + 2, 1)
    assert "the data ends with the last unit" in names(broken(gap))


@pytest.mark.parametrize(
    ("at", "column", "bus"),
    [
        ({"header_b": 1}, "byte[15]", "frame"),
        ({"header_a": 1}, "byte[11]", "frame"),
        ({"header_a": 1}, "byte[0]", "frame"),
        ({"last": 1}, "index", "frame"),
        ({"call_a": 1}, "byte[7]", "tx_head"),
        ({"call_a": 1}, "byte[11]", "tx_head"),
        ({"call_a": 1}, "byte[15]", "tx_head"),
        ({"transfer": 1}, "byte[4]", "tx_head"),
        ({"transfer": 1}, "byte[8]", "tx_head"),
        ({"call_a": 1}, "ctx", "tx_head"),
        ({"call_a": 1}, "before", "tx_head"),
        ({"transfer": 1}, "before", "tx_head"),
        ({"call_b": 1}, "value", "tx_part"),
        ({"transfer": 1}, "price", "tx_part"),
        ({"ends": 1}, "after", "tx_part"),
        ({"body": 1, "opens": 1}, "byte[0]", "poseidon3"),
        ({"body": 1, "opens": 0}, "byte[0]", "poseidon3"),
        ({"register_a": 1}, "byte[4]", "state"),
        ({"register_a": 1}, "byte[12]", "state"),
        ({"register_b": 1}, "byte[15]", "state"),
        ({"register_a": 1}, "index", "state"),
        ({"even": 1}, "data_reads", "words"),
        ({"body": 1, "opens": 1}, "reads", "words"),
        ({"call_a": 1}, "reads", "length"),
    ],
)
def test_a_tampered_cell_unbalances(traces: Traces, at: dict[str, int], column: str, bus: str) -> None:
    row = rows_with(traces, **at)[-1]
    changed = prank(traces, "data", column, row, cell(traces, "data", column, row) + 1)
    assert bus in broken_buses(broken(changed, CLOSED))


def test_every_byte_of_the_data_is_bound_to_its_hash() -> None:
    a = Sender(0)
    made = traces_of(executed([a.send(NOBODY, gas_limit=21000), a.send(STORER, data=b"\x01" * 20)]))
    own = {name: made[name] for name in ("data", "stub_send_words")}
    assert broken(own, [WORDS]) == []
    for row in range(made["data"].rows):
        for i in range(16):
            value = cell(made, "data", f"byte[{i}]", row)
            assert "words" in broken_buses(broken(prank(own, "data", f"byte[{i}]", row, value ^ 1), [WORDS]))


def test_a_word_beyond_the_last_unit_is_zero() -> None:
    """Three units: the second word is the transfer and zeros, also where the rows around it change."""
    made = traces_of(
        executed([Sender(0).send(NOBODY, gas_limit=21000)], indices={Sender(0).address: (0,), NOBODY: (1,)})
    )
    assert made["data"].rows == 3
    behind = prank(made, "data", "byte[15]", 3, 1)
    assert names(broken(behind, CLOSED)) == {"padding has byte[15] 0"}


@pytest.mark.parametrize("index", [0, 1])
def test_an_index_is_registered_once(index: int) -> None:
    """A batch whose second registration takes a taken index, in the same batch or in the state before it."""
    a = Sender(0)
    source = executed([a.send(NOBODY, gas_limit=21000)], indices={a.address: (0,)})
    made = traces_of(source)
    row = rows_with(made, register_a=1)[0]
    assert cell(made, "data", "byte[4]", row) == 1
    if index:  # once more, in the units of the transfer
        changed = prank(made, "data", "register_a", row + 2, 1)
    else:
        changed = prank(made, "data", "byte[4]", row, index)
    assert "state" in broken_buses(broken(changed, CLOSED))


def test_mutations_of_used_rows_are_noticed() -> None:
    a = Sender(0)
    transactions = [a.send(NOBODY, value=10**18, gas_limit=21000), a.send(STORER, data=words(5, 6)[:40])]
    made = traces_of(executed(transactions, indices={a.address: (9,), NOBODY: (2,)}))
    assert made["data"].rows == 2 + 2 + 1 + 6
    assert mutate(made["data"], range(made["data"].rows + 1)).survivors == ()


def test_cells_that_a_word_does_not_use_are_zero(traces: Traces) -> None:
    own = {"data": traces["data"]}
    outside = {"ctx": "ctx", "before": "fold", "left": "left", "position": "position", "nonzero": "nonzero"}
    for kind in ("header_a", "header_b", "register_a", "register_b"):
        for column in outside:
            own = prank(own, "data", column, rows_with(traces, **{kind: 1})[0], 2)
    own = prank(own, "data", "reads", rows_with(traces, call_b=1)[0], 2)
    own = prank(own, "data", "data_reads", rows_with(traces, header_b=1)[0], 2)
    expected = {f"no {name} outside of transactions" for name in outside.values()}
    expected |= {"reads only of calldata and length", "data reads only of words"}
    assert expected <= names(broken(own))


def test_requests_outside_the_data_are_refused() -> None:
    source = mixed_batch()
    asked = stubs(source)
    for extra, message in (
        ((3, 0, 5000, 0, 0), "beyond the end of the data"),
        ((1, asked.begins[2][1], 4, 0, 0), "beyond the end of calldata"),
        ((1, 4444, 0, 0, 0), "unknown context"),
    ):
        with pytest.raises(ProvingError, match=message):
            traces_of(source, replace(asked, words=[*asked.words, extra]))
