"""Copies from calldata and code, windows and CALLDATALOAD against byte arrays, and each relation's prank."""

from __future__ import annotations

import random
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.chips import Stub, broken, broken_buses, cell, fill, names, prank, sends

from zkroll.circuits.air.check import check_constraints
from zkroll.circuits.air.witness import FillContext
from zkroll.circuits.buses import (
    BYTE_AND,
    CALLDATALOAD,
    COPY,
    LENGTH,
    MEMORY,
    MEMORY_OP,
    RANGE16,
    TX_BEGIN,
    WINDOW,
    WORDS,
)
from zkroll.circuits.chips.calldataload import CalldataLoad
from zkroll.circuits.chips.copy import COPY_TAIL, Copy, CopyTail
from zkroll.circuits.chips.memory.aligned import MemoryAligned
from zkroll.circuits.chips.memory.init import MemoryInit
from zkroll.circuits.chips.memory.unaligned import MemoryUnaligned
from zkroll.circuits.chips.tables import Tables
from zkroll.circuits.chips.window import Window
from zkroll.errors import ProvingError

CALLDATA, CODE, MLOAD, MSTORE = 1, 2, 0x51, 0x52
CLOSED = [COPY, COPY_TAIL, WINDOW, MEMORY_OP, MEMORY, WORDS, LENGTH, CALLDATALOAD, BYTE_AND, RANGE16]
DATA = bytes(range(1, 201))
SHORT = bytes(range(50, 86))
HASH = 2**250 + 12345
SPACES = {(CALLDATA, 4): DATA, (CALLDATA, 900): SHORT, (CODE, HASH): DATA[::-1]}
SOURCE = SimpleNamespace(
    transactions=[SimpleNamespace(calldata=DATA), SimpleNamespace(calldata=SHORT)], codes={HASH: DATA[::-1]}
)


def pair(data: bytes) -> tuple[int, int]:
    return int.from_bytes(data[:16], "big"), int.from_bytes(data[16:], "big")


def piece(data: bytes, offset: int, size: int) -> bytes:
    return data[offset : offset + size].ljust(size, b"\0")


class Truth(Stub):
    """Answers every request on WORDS or LENGTH that is true."""

    def __init__(self, bus: Any) -> None:
        super().__init__(bus, [], None, -1)

    def fill(self, ctx: FillContext) -> dict[str, Any] | None:
        asked = ctx.requests(self.bus)
        tuples = [
            tuple(sum(int(x) << (64 * k) for k, x in enumerate(e)) for e in row) for row in asked.values
        ]
        true = np.array([self.is_true(*t) for t in tuples], dtype=bool)
        if not true.any():
            return None
        out: dict[str, Any] = {"multiplicity": asked.multiplicity[true]}
        return out | {name: asked.field(name)[true] for name in self.bus.fields}

    def is_true(self, space: int, id_: int, *rest: int) -> bool:
        data = SPACES.get((space, id_))
        if data is None:
            return False
        if len(rest) == 1:
            return rest[0] == len(data)
        return 32 * rest[0] < len(data) and rest[1:] == pair(piece(data, 32 * rest[0], 32))


def run(copies=(), loads=(), operations=(), windows=()) -> Mapping[str, Any]:
    requests = [(COPY, copies), (CALLDATALOAD, loads), (MEMORY_OP, operations), (WINDOW, windows)]
    callers = [sends(bus, tuples) for bus, tuples in requests if tuples]
    begun = sends(TX_BEGIN, [(0, 4, 1, 1), (1, 900, 1, 1)])
    chips = [CalldataLoad(), Copy(), CopyTail(), Window(), MemoryUnaligned(), MemoryAligned(), MemoryInit()]
    return fill([begun, *callers, *chips, Truth(WORDS), Truth(LENGTH), Tables()], SOURCE)


def copy(space: int, id_: int, clk: int, dst: int, src: int, length: int, ctx: int = 4) -> tuple[int, ...]:
    return (space, id_, ctx, clk, dst >> 128, dst % 2**128, src >> 128, src % 2**128, length)


SOURCES = st.sampled_from([0, 1, 4, 32, 36, 150, 190, 200, 201, 2**32 - 1, 2**32, 2**128, 2**256 - 1])


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(SPACES)), st.sampled_from([0, 5, 31, 32, 64, 70]), SOURCES,
            st.sampled_from([0, 1, 5, 31, 32, 33, 64, 75]),
        ),
        min_size=1, max_size=4,
    )
)  # fmt: skip
def test_copies_leave_memory_as_the_vm_does(cases) -> None:
    memory, copies, clk = bytearray(256), [], 5
    for (space, id_), dst, src, length in cases:
        copies.append(copy(space, id_, clk, dst, src, length))
        memory[dst : dst + length] = piece(SPACES[space, id_], min(src, 10**6), length)
        clk += 1 + (length + 31) // 32
    reads = [(MLOAD, 4, clk + i, 32 * i, *pair(memory[32 * i : 32 * i + 32])) for i in range(6)]
    assert broken(run(copies, operations=reads), CLOSED) == []


def test_copies_keep_what_stood_around_them() -> None:
    stores = [(MSTORE, 4, 1 + i, 32 * i, *pair(bytes([0xEE] * 32))) for i in range(3)]
    memory = bytearray([0xEE] * 96)
    memory[7:47] = DATA[3:43]
    reads = [(MLOAD, 4, 90 + i, 32 * i, *pair(memory[32 * i : 32 * i + 32])) for i in range(3)]
    traces = run([copy(CALLDATA, 4, 10, 7, 3, 40)], operations=[*stores, *reads])
    assert broken(traces, CLOSED) == []


def test_an_empty_copy_may_name_any_offsets() -> None:
    traces = run([copy(CODE, HASH, 10, 2**256 - 1, 2**256 - 1, 0), copy(CODE, HASH, 11, 2**200, 7, 0)])
    assert broken(traces, CLOSED) == []
    assert set(traces) & {"copy_tail", "memory_init"} == set()


@pytest.mark.parametrize(
    "offset", [0, 1, 4, 36, 31, 168, 190, 199, 200, 10**6, 2**32 - 1, 2**32, 2**128, 2**256 - 1]
)
def test_calldataload_reads_zero_beyond_the_end(offset: int) -> None:
    for ctx, data in ((4, DATA), (900, SHORT)):
        value = pair(piece(data, min(offset, 10**7), 32))
        load = (ctx, offset >> 128, offset % 2**128, *value)
        assert broken(run(loads=[load, load]), CLOSED) == []
        wrong = (*load[:-1], load[-1] ^ 1)
        assert broken(run(loads=[wrong]), CLOSED)


def test_windows_are_shared_by_callers() -> None:
    load = (4, 0, 36, *pair(piece(DATA, 36, 32)))
    traces = run([copy(CALLDATA, 4, 10, 0, 36, 32)], [load])
    assert traces["window"].rows == 1
    assert broken(traces, CLOSED) == []


def test_unknown_spaces_and_clocks_are_refused() -> None:
    with pytest.raises(ProvingError, match="no bytes of space 1"):
        run(windows=[(CALLDATA, 5, 0, 0, 0, 0)])
    with pytest.raises(ProvingError, match="has a clock"):
        run(windows=[(CALLDATA, 4, 3, 0, 0, 0)])


@pytest.fixture(scope="module")
def traces():
    """Copies: rows 0..2 of ``copy`` 75 bytes near, 3..4 of 40 bytes far, 5 of none. Tails: near, far."""
    copies = [
        copy(CALLDATA, 4, 10, 7, 150, 75), copy(CODE, HASH, 20, 64, 2**40, 40),
        copy(CODE, HASH, 30, 0, 2**200, 0),
    ]  # fmt: skip
    loads = [(4, 0, 36, *pair(piece(DATA, 36, 32))), (4, 0, 2**32, 0, 0), (4, 1, 0, 0, 0), (4, 0, 300, 0, 0)]
    out = run(copies, loads)
    assert broken(out, CLOSED) == []
    return out


# rows of window: offsets 36, 150, 182, 214, 300 of calldata; of calldataload: 36, 300, 2^32, 2^128
PRANKS = [
    ("copy", "active", 0, 2, "active is a bit"), ("copy", "first", 0, 2, "first is a bit"),
    ("copy", "last", 2, 2, "last is a bit"), ("copy", "far", 3, 2, "far is a bit"),
    ("copy", "first", 7, 1, "first only where active"), ("copy", "last", 7, 1, "last only where active"),
    ("copy", "first", 0, 0, "the first row begins a copy or is padding"), ("copy", "active", 1, 0, "copies run through"),
    ("copy", "last", 2, 0, "copies run through"), ("copy", "first", 1, 1, "copies run through"),
    ("copy", "space", 1, 2, "space stays"), ("copy", "id", 1, 9, "id stays"), ("copy", "ctx", 1, 9,
    "ctx stays"),
    ("copy", "far", 1, 1, "far stays"), ("copy", "clk", 1, 9, "clk moves on"), ("copy", "dst", 1, 9,
    "dst moves on"),
    ("copy", "src", 1, 9, "src moves on"), ("copy", "left", 1, 9, "left moves on"),
    ("copy", "near", 3, 1, "near only at zero"), ("copy", "near", 0, 0, "near at every zero"),
    ("copy", "limbs[2]", 0, 1, "limbs compose src"), ("copy", "far", 0, 1, "far is not near"),
    ("copy", "value.hi", 3, 1, "far values are zero, high half"),
    ("copy", "value.lo", 3, 1, "far values are zero, low half"),
    ("copy", "even", 2, 1, "even only at zero"), ("copy", "even", 5, 0, "even at every zero"),
    ("copy_tail", "active", 0, 2, "active is a bit"), ("copy_tail", "far", 1, 2, "far is a bit"),
    *(("copy_tail", f"cut[{k}]", 0, 2, f"cut[{k}] is a bit") for k in range(31)),
    ("copy_tail", "cut[3]", 0, 1, "cut is one-hot"), ("copy_tail", "cut[10]", 0, 0, "cut is one-hot"),
    ("copy_tail", "far", 5, 1, "far only where active"), ("copy_tail", "source[4]", 1, 1,
    "far sources are zero"),
    ("calldataload", "active", 0, 2, "active is a bit"), ("calldataload", "count", 5, 1,
    "no answers from padding"),
    ("calldataload", "limbs[3]", 0, 1, "limbs compose the value"), ("calldataload", "near", 2, 1,
    "near only at zero"),
    ("calldataload", "near", 0, 0, "near at every zero"),
    ("calldataload", "value.hi", 2, 1, "far values are zero, high half"),
    ("calldataload", "value.lo", 3, 1, "far values are zero, low half"),
    ("window", "active", 0, 2, "active is a bit"), ("window", "has_first", 0, 2, "has_first is a bit"),
    ("window", "has_second", 0, 2, "has_second is a bit"), ("window", "count", 7, 1,
    "no answers from padding"),
    *(("window", f"shift[{k}]", 0, 2, f"shift[{k}] is a bit") for k in range(32)),
    ("window", "shift[9]", 0, 1, "shift is one-hot"), ("window", "has_first", 7, 1, "no words in padding"),
    ("window", "has_second", 4, 1, "no second word alone"), ("window", "first[3]", 4, 1,
    "a missing first word is zero"),
    ("window", "second[3]", 3, 1, "a missing second word is zero"),
    ("window", "past[0]", 3, 1, "a missing word is beyond the end"),
    ("window", "has_second", 0, 0, "a missing word is beyond the end"),
    ("window", "has_first", 3, 0, "a missing word is beyond the end"),
]  # fmt: skip


@pytest.mark.parametrize(("chip", "column", "row", "value", "name"), PRANKS, ids=str)
def test_each_constraint_notices_its_prank(
    traces, chip, column: str, row: int, value: int, name: str
) -> None:
    old = cell(traces, chip, column, row)
    tampered = prank(traces, chip, column, row, value if value != old else value + 1)
    assert name in names(check_constraints(tampered[chip]))


BUS = [
    *(("copy", c, 0, None, "copy") for c in
      ("space", "id", "ctx", "clk", "dst_hi", "dst", "src_hi", "src", "left", "first")),
    *(("copy", c, 0, None, "window") for c in ("space", "id", "src", "value.hi", "value.lo", "far")),
    *(("copy", c, 0, None, "memory_op") for c in ("ctx", "clk", "dst", "value.hi", "value.lo")),
    *(("copy", c, 2, None, "copy_tail") for c in ("space", "id", "far", "src", "ctx", "clk", "dst", "left",
      "even")),
    *(("copy", f"limbs[{k}]", 0, 2**16, "range16") for k in range(8)), ("copy", "left", 2, 32, "range16"),
    ("copy", "left", 2, 2**16, "range16"),
    *(("copy_tail", c, 0, None, "copy_tail") for c in ("space", "id", "far", "src", "ctx", "clk", "dst",
      "cut[4]")),
    *(("copy_tail", c, 0, None, "window") for c in
      ("space", "id", "src", "source[0]", "source[31]", "old[0]", "old[31]", "ctx", "clk", "dst")),
    *(("copy_tail", c, 0, None, "memory_op") for c in ("ctx", "clk", "dst", "source[0]", "old[31]")),
    *(("copy_tail", c, 0, 256, "byte_and") for c in ("source[5]", "old[5]")),
    *(("calldataload", c, 0, None, "calldataload") for c in
      ("ctx", "offset.hi", "offset.lo", "value.hi", "value.lo", "count")),
    *(("calldataload", c, 0, None, "window") for c in ("ctx", "offset.lo", "value.hi", "value.lo", "near")),
    *(("calldataload", f"limbs[{k}]", 0, 2**16, "range16") for k in range(8)),
    *(("window", c, 0, None, "words") for c in ("space", "id", "word_index", "first[0]", "first[31]",
      "second[0]",
      "second[31]", "has_second")),
    *(("window", c, 3, None, "length") for c in ("space", "id", "length")),
    *(("window", c, 0, None, "window") for c in
      ("space", "id", "word_index", "count", "shift[5]", "first[4]", "second[3]")),
    *(("window", f"past[{k}]", 3, 2**16, "range16") for k in range(3)),
    *(("window", c, 0, 256, "byte_and") for c in ("first[5]", "second[5]")),
]  # fmt: skip


@pytest.mark.parametrize(("chip", "column", "row", "value", "bus"), BUS, ids=str)
def test_each_interaction_notices_its_prank(traces, chip, column: str, row: int, value, bus: str) -> None:
    value = cell(traces, chip, column, row) + 1 if value is None else value
    assert bus in broken_buses(broken(prank(traces, chip, column, row, value), CLOSED))


def test_every_cut_and_shift_of_a_copy_is_right() -> None:
    rng = random.Random(8)
    for length in range(1, 32, 3):
        dst, src = rng.randrange(40), rng.randrange(210)
        memory = bytearray(96)
        memory[dst : dst + length] = piece(DATA, src, length)
        reads = [(MLOAD, 4, 90 + i, 32 * i, *pair(memory[32 * i : 32 * i + 32])) for i in range(3)]
        assert broken(run([copy(CALLDATA, 4, 10, dst, src, length)], operations=reads), CLOSED) == []
