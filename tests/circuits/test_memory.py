"""Memory chips against a byte array, and each relation's prank."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.chips import broken, broken_buses, cell, fill, names, prank, sends

from zkroll.circuits.air.check import check_constraints
from zkroll.circuits.buses import BYTE_AND, MEMORY, MEMORY_OP, RANGE16, WINDOW
from zkroll.circuits.chips.memory.aligned import MemoryAligned
from zkroll.circuits.chips.memory.init import MemoryInit
from zkroll.circuits.chips.memory.unaligned import MemoryUnaligned
from zkroll.circuits.chips.tables import Tables

MLOAD, MSTORE, MSTORE8, READ = 0x51, 0x52, 0x53, 0
CLOSED = [MEMORY, MEMORY_OP, WINDOW, RANGE16, BYTE_AND]


def pair(data: bytes) -> tuple[int, int]:
    return int.from_bytes(data[:16], "big"), int.from_bytes(data[16:], "big")


class Script:
    """Accesses with the values that an honest byte array gives."""

    def __init__(self) -> None:
        self.memory: dict[int, bytearray] = {}
        self.operations: list[tuple[int, ...]] = []
        self.reads: list[tuple[int, ...]] = []

    def __call__(self, op: int, ctx: int, clk: int, offset: int, value: int = 0) -> None:
        memory = self.memory.setdefault(ctx, bytearray(2**16))
        data = value.to_bytes(32, "big")
        if op == MSTORE:
            memory[offset : offset + 32] = data
        elif op == MSTORE8:
            memory[offset] = data[31]
        else:
            data = bytes(memory[offset : offset + 32])
        if op == READ:
            self.reads.append((0, ctx, clk, offset, *pair(data)))
        else:
            self.operations.append((op, ctx, clk, offset, *pair(data)))

    def run(self):
        stubs = [sends(MEMORY_OP, self.operations), sends(WINDOW, self.reads)]
        return fill([*stubs, MemoryUnaligned(), MemoryAligned(), MemoryInit(), Tables()])


access = st.tuples(
    st.sampled_from([MLOAD, MSTORE, MSTORE8, READ]), st.sampled_from([1, 5]), st.integers(0, 130),
    st.integers(0, 2**256 - 1),
)  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(st.lists(access, min_size=1, max_size=40))
def test_accesses_in_time_order_balance(accesses) -> None:
    script = Script()
    for clk, (op, ctx, offset, value) in enumerate(accesses, 1):
        script(op, ctx, clk, offset, value)
    assert broken(script.run(), CLOSED) == []


def test_every_shift_reads_and_writes_back() -> None:
    script, clk = Script(), 1
    for shift in range(32):
        for op in (MSTORE, MLOAD, MSTORE8, READ):
            script(op, 3, clk, 64 + shift, random.Random(shift).getrandbits(256))
            clk += 1
    assert broken(script.run(), CLOSED) == []


def test_requests_may_come_in_any_order() -> None:
    script = Script()
    for clk, op in enumerate([MSTORE, MSTORE, READ, MSTORE8, MLOAD], 1):
        script(op, 1, clk, 40 * (clk % 2), 7**80)
    script.operations.reverse()
    assert broken(script.run(), CLOSED) == []


def test_distant_words_have_all_words_below() -> None:
    script = Script()
    script(MSTORE, 1, 1, 32 * 100, 5)
    traces = script.run()
    assert traces["memory_init"].rows == 101
    assert broken(traces, CLOSED) == []


def test_a_value_that_memory_does_not_hold_is_not_served() -> None:
    for offset in (64, 70):
        script = Script()
        script(MSTORE, 1, 1, offset, 12345)
        script.operations.append((MLOAD, 1, 2, offset, 0, 12346))
        assert broken(script.run(), CLOSED)


def test_two_accesses_at_one_time_are_refused() -> None:
    script = Script()
    script(MSTORE, 1, 4, 64, 1)
    script(MLOAD, 1, 4, 64)
    assert broken(script.run(), CLOSED)


@pytest.fixture(scope="module")
def traces():
    script, rng = Script(), random.Random(3)
    for clk, (op, ctx, offset) in enumerate(
        [
            (MSTORE, 1, 0), (MSTORE, 1, 32), (MLOAD, 1, 32), (READ, 1, 0), (MSTORE, 1, 69), (MLOAD, 1, 70),
            (MSTORE8, 1, 33), (READ, 1, 31), (MSTORE, 9, 5), (MLOAD, 9, 32),
        ],
        1,
    ):  # fmt: skip
        script(op, ctx, clk, offset, rng.getrandbits(256))
    out = script.run()
    assert broken(out, CLOSED) == []
    return out


# rows of memory_unaligned: 0 store at 69, 1 load at 70, 2 store8 at 33, 3 store at 5 (ctx 9), 4 window at 31
UNALIGNED = [
    *((flag, row, 2, f"{flag} is a bit") for row, flag in
      ((1, "is_load"), (0, "is_store"), (2, "is_store8"), (4, "is_window"))),
    ("is_load", 0, 1, "one kind of access"), ("shift[5]", 0, 0, "shift is one-hot"),
    ("shift[7]", 0, 1, "shift is one-hot"), ("shift[7]", 6, 1, "shift is one-hot"),
    *((f"shift[{s}]", 0, 2, f"shift[{s}] is a bit") for s in range(32)),
    ("before", 0, 4, "age compose the value"), ("before_second", 1, 3, "age_second compose the value"),
    ("value[3]", 1, 1, "what is read, high half"), ("value[30]", 4, 1, "what is read, low half"),
    ("new_first.hi", 0, 1, "first word after, high half"), ("new_first.lo", 2, 1,
    "first word after, low half"),
    ("new_second.hi", 3, 1, "second word after, high half"), ("new_second.lo", 1, 1,
    "second word after, low half"),
    ("value[31]", 2, 1, "first word after, high half"), ("first[2]", 0, 1, "first word after, high half"),
]  # fmt: skip
ALIGNED = [
    ("is_load", 1, 2, "is_load is a bit"), ("is_store", 0, 2, "is_store is a bit"),
    ("is_window", 4, 2, "is_window is a bit"), ("is_load", 0, 1, "one kind of access"),
    ("before", 2, 0, "age compose the value"), ("old.hi", 2, 1, "reads keep the high half"),
    ("value.lo", 2, 1, "reads keep the low half"), ("value.lo", 7, 1, "reads keep the low half"),
]  # fmt: skip
INIT = [
    ("active", 0, 2, "active is a bit"), ("starts", 0, 2, "starts is a bit"), ("active", 7, 1,
    "active rows come first"),
    ("starts", 6, 1, "starts only where active"), ("starts", 0, 0, "the first row starts a context or is padding"),
    ("word_index", 4, 1, "words start at 0"), ("ctx", 4, 1, "contexts increase"), ("gap[0]", 4, 8,
    "contexts increase"),
    ("ctx", 2, 3, "the context goes on"), ("word_index", 2, 1, "words count up"), ("starts", 2, 1,
    "words start at 0"),
]  # fmt: skip
PRANKS = [
    *(("memory_unaligned", *p) for p in UNALIGNED), *(("memory_aligned", *p) for p in ALIGNED),
    *(("memory_init", *p) for p in INIT),
]  # fmt: skip


@pytest.mark.parametrize(("chip", "column", "row", "value", "name"), PRANKS, ids=str)
def test_each_constraint_notices_its_prank(
    traces, chip, column: str, row: int, value: int, name: str
) -> None:
    old = cell(traces, chip, column, row)
    tampered = prank(traces, chip, column, row, value if value != old else value + 1)
    assert name in names(check_constraints(tampered[chip]))


BUS = [
    *(("memory_unaligned", f"{name}[{k}]", 0, 256, "byte_and") for name in ("first", "second", "value")
      for k in (0, 31)),
    *(("memory_unaligned", f"{name}[{k}]", 0, 2**16, "range16") for name in ("age", "age_second")
      for k in (0, 1)),
    *(("memory_unaligned", column, 0, None, "memory") for column in
      ("ctx", "clk", "word_index", "before", "before_second", "first[0]", "first[31]", "second[0]",
      "second[31]",
       "new_first.hi", "new_first.lo", "new_second.hi", "new_second.lo")),
    *(("memory_unaligned", column, 0, None, "memory_op") for column in ("ctx", "clk", "value[0]",
      "value[31]")),
    *(("memory_unaligned", column, 4, None, "window") for column in ("ctx", "clk", "value[0]", "value[31]")),
    ("memory_unaligned", "is_store8", 0, None, "memory_op"), ("memory_unaligned", "shift[6]", 0, None,
    "memory_op"),
    *(("memory_aligned", f"age[{k}]", 0, 2**16, "range16") for k in (0, 1)),
    *(("memory_aligned", column, 0, None, "memory") for column in
      ("ctx", "clk", "word_index", "before", "old.hi", "old.lo", "value.hi", "value.lo")),
    *(("memory_aligned", column, 0, None, "memory_op") for column in
      ("is_load", "ctx", "clk", "word_index", "value.hi", "value.lo")),
    *(("memory_aligned", column, 4, None, "window") for column in
      ("is_window", "ctx", "clk", "word_index", "value.hi", "value.lo")),
    ("memory_init", "gap[0]", 4, 2**16, "range16"), ("memory_init", "gap[1]", 4, 2**16, "range16"),
    *(("memory_init", column, 1, None, "memory") for column in
      ("active", "ctx", "word_index", "clk", "value.hi", "value.lo")),
]  # fmt: skip


@pytest.mark.parametrize(("chip", "column", "row", "value", "bus"), BUS, ids=str)
def test_each_interaction_notices_its_prank(traces, chip, column: str, row: int, value, bus: str) -> None:
    value = cell(traces, chip, column, row) + 1 if value is None else value
    assert bus in broken_buses(broken(prank(traces, chip, column, row, value), CLOSED))
