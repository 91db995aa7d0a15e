"""The data chip: the batch data follows its grammar, and every byte that counts is bound."""

from dataclasses import replace

import pytest
from support.chips import broken, broken_buses, cell, names, prank
from support.transactions import (
    CLOSED,
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


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 63, 64, 65])
def test_calldata_of_every_alignment_holds(length: int) -> None:
    data = bytes((i * 7) % 5 for i in range(length))
    made = traces_of(executed([Sender(0).send(STORER, data=data)]))
    assert broken(made, CLOSED) == []
    assert cell(made, "transaction", "nonzero", 0) == length - data.count(0)


def test_an_empty_batch_holds() -> None:
    made = traces_of(executed([]))
    assert broken(made, CLOSED) == []
    assert "transaction" not in made


@pytest.mark.parametrize(
    ("at", "column", "delta", "expected"),
    [
        ({"first": 1}, "second", 1, "at most one kind"),
        ({"header": 1}, "header", -1, "the first row is the header"),
        ({"second": 1}, "header", 1, "the header comes once"),
        ({"second": 1}, "second", -1, "the second word follows"),
        ({"third": 1}, "third", -1, "the third word follows"),
        ({"third": 1, "ends": 1}, "ends", -1, "calldata follows"),
        ({"body": 1, "ends": 1}, "ends", -1, "calldata follows"),
        ({"body": 1, "ends": 0}, "ends", 1, "a transaction follows"),
        ({"first": 1}, "ends", 1, "only third and body rows end"),
        ({"second": 1}, "last", 1, "an end or the header is last"),
        ({"last": 1}, "last", -1, "a row goes on in a used row"),
        ({"body": 1, "ends": 1}, "last", 1, "the data ends with the last word"),
        ({"second": 1}, "index", 1, "index counts words"),
        ({"header": 1}, "index", 1, "the header has index 0"),
        ({"body": 1}, "tx", 1, "tx counts first words"),
        ({"header": 1}, "tx", 1, "no transaction in the header"),
        ({"second": 1}, "ctx", 1, "ctx goes on"),
        ({"second": 1}, "before", 1, "the message goes on"),
        ({"body": 1}, "left", 1, "left goes down"),
        ({"body": 1}, "position", 1, "position goes up"),
        ({"body": 1}, "nonzero", 1, "nonzero bytes add up"),
        ({"body": 1}, "zero[3]", 1, "nonzero bytes add up"),
        ({"first": 1}, "byte[0]", 1, "type 1"),
        ({"first": 1}, "byte[3]", 1, "length"),
        ({"first": 1}, "position", 1, "position 0"),
        ({"first": 1}, "nonzero", 1, "no bytes counted"),
        ({"third": 1}, "byte[15]", 1, "value below 2^128"),
        ({"third": 1, "ends": 1}, "left", 1, "calldata is empty where the value ends"),
        ({"body": 1, "ends": 1}, "end_group[2]", 1, "one last group"),
        ({"body": 1, "ends": 1}, "end_byte[1]", 1, "one last byte"),
        ({"body": 1, "ends": 1}, "left", -1, "the last byte is number left - 1"),
        ({"header": 1}, "end_group[2]", 2, "end_group[2] is a bit"),
    ],
)
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
    for column in ("byte[1]", "byte[3]", "byte[4]", "byte[31]"):
        assert "padding is zero" in names(broken(prank(made, "data", column, row, 1)))


def test_a_used_row_after_padding_and_in_the_last_row_breaks(traces: Traces) -> None:
    height = traces["data"].height
    assert "the data ends at the last row" in names(broken(prank(traces, "data", "body", height - 1, 1)))
    gap = prank(traces, "data", "third", traces["data"].rows + 2, 1)
    assert "the data ends with the last word" in names(broken(gap))


@pytest.mark.parametrize(
    ("at", "column", "bus"),
    [
        ({"header": 1}, "byte[31]", "frame"),
        ({"header": 1}, "byte[11]", "frame"),
        ({"last": 1}, "index", "frame"),
        ({"first": 1}, "byte[7]", "tx_head"),
        ({"first": 1}, "byte[15]", "tx_head"),
        ({"first": 1}, "ctx", "tx_head"),
        ({"first": 1}, "before", "tx_head"),
        ({"second": 1}, "byte[0]", "tx_part"),
        ({"third": 1}, "byte[31]", "tx_part"),
        ({"ends": 1}, "after", "tx_part"),
        ({"body": 1}, "byte[0]", "poseidon3"),
        ({"body": 1}, "data_reads", "words"),
        ({"body": 1}, "reads", "words"),
        ({"first": 1}, "reads", "length"),
    ],
)
def test_a_tampered_cell_unbalances(traces: Traces, at: dict[str, int], column: str, bus: str) -> None:
    row = rows_with(traces, **at)[-1]
    changed = prank(traces, "data", column, row, cell(traces, "data", column, row) + 1)
    assert bus in broken_buses(broken(changed, CLOSED))


def test_mutations_of_used_rows_are_noticed() -> None:
    made = traces_of(executed([Sender(0).send(STORER, data=words(5, 6)[:40])]))
    assert mutate(made["data"], range(made["data"].rows + 1)).survivors == ()


def test_cells_that_a_word_does_not_use_are_zero(traces: Traces) -> None:
    own = {"data": traces["data"]}
    for column in ("ctx", "before", "after", "left", "position", "nonzero"):
        own = prank(own, "data", column, 0, 2)
    own = prank(own, "data", "reads", rows_with(traces, third=1)[0], 2)
    expected = {
        f"the header has {n} 0" for n in ("ctx", "fold before", "fold after", "left", "position", "nonzero")
    }
    assert expected | {"reads only of calldata and length"} <= names(broken(own))


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
