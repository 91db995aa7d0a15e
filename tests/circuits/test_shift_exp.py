"""Shifts, BYTE, SIGNEXTEND and EXP against the EVM's definition, and each relation's prank."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.chips import broken, broken_buses, cell, fill, limbs, names, prank, sends

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.witness import FillContext
from zkroll.circuits.buses import ALU, ALU3, BYTE_AND, EXP, POW2, RANGE16
from zkroll.circuits.chips.add import Add
from zkroll.circuits.chips.divmod import DivMod
from zkroll.circuits.chips.exp import Exp
from zkroll.circuits.chips.extract import Extract
from zkroll.circuits.chips.limbs import bit_length, multiply, shift_left, shift_right
from zkroll.circuits.chips.mul import Mul
from zkroll.circuits.chips.shift import Shift
from zkroll.circuits.chips.tables import Pow2, Tables

MASK = 2**256 - 1
HALF = 2**128 - 1
PRODUCTS = {
    0x02: lambda a, b: a * b & MASK,
    0x04: lambda a, b: a // b if b else 0,
    0x06: lambda a, b: a % b if b else 0,
}


def signed(x: int) -> int:
    return x - 2**256 if x >> 255 else x


def byte(i: int, x: int) -> int:
    return x >> 8 * (31 - i) & 255 if i < 32 else 0


def signextend(k: int, x: int) -> int:
    if k > 30:
        return x
    bits = 8 * k + 8
    low = x % 2**bits
    return (low - 2**bits if low >> (bits - 1) else low) & MASK


SEMANTICS = {
    0x0B: signextend,
    0x1A: byte,
    0x1B: lambda s, v: v << s & MASK if s < 256 else 0,
    0x1C: lambda s, v: v >> s if s < 256 else 0,
    0x1D: lambda s, v: signed(v) >> min(s, 256) & MASK,
}
SHIFTS = (0x1B, 0x1C, 0x1D)
EDGES = [0, 1, 0x80, 0xFF80, 2**127, 2**128 - 1, 2**128, 2**255 - 1, 2**255, 2**255 + 1, MASK - 1, MASK,
         int.from_bytes(bytes(range(0x71, 0x91)))]  # fmt: skip
AMOUNTS = [0, 1, 63, 64, 127, 128, 129, 254, 255, 256, 257, 2**64, 2**128, 2**128 + 3, 2**255, MASK]
words = st.one_of(st.sampled_from(EDGES), st.integers(0, MASK))
places = st.one_of(st.sampled_from(AMOUNTS), st.integers(0, 40), st.integers(0, 260))


class Products(Chip):
    """Answers MUL, DIV and MOD rightly, whatever was asked: a wrong request stays open on the bus."""

    name = "products"

    def define(self, b: AirBuilder) -> None:
        b.receive("product", ALU, [b.column(f) for f in ALU.fields], b.column("count"))

    def fill(self, ctx: FillContext) -> dict[str, Any] | None:
        asked = ctx.requests(ALU)
        asked = asked.select(np.isin(asked.small("op"), list(PRODUCTS)))
        if not len(asked):
            return None
        rows = []
        for entries in asked.values:
            op, *halves = (sum(int(x) << (64 * k) for k, x in enumerate(e)) for e in entries)
            rows.append(alu(op, *((halves[i] << 128) + halves[i + 1] for i in (0, 2)), PRODUCTS))
        columns = {name: limbs([row[k] for row in rows]) for k, name in enumerate(ALU.fields)}
        return {**columns, "count": asked.multiplicity}


CHIPS = [Exp(), Shift(), Extract(), Products(), Add(), Tables(), Pow2()]
CLOSED = [ALU, EXP, POW2, BYTE_AND, RANGE16]


def alu(op: int, a: int, b: int, semantics: Any = SEMANTICS, c: int | None = None) -> tuple[int, ...]:
    c = semantics[op](a, b) if c is None else c
    return (op, a >> 128, a & HALF, b >> 128, b & HALF, c >> 128, c & HALF)


def power(a: int, e: int, c: int | None = None, size: int | None = None) -> tuple[int, ...]:
    c = pow(a, e, 2**256) if c is None else c
    size = (e.bit_length() + 7) // 8 if size is None else size
    return (a >> 128, a & HALF, e >> 128, e & HALF, c >> 128, c & HALF, size)


def run(alu_tuples: Any = (), exp_tuples: Any = ()) -> Any:
    return fill([sends(ALU, alu_tuples), sends(EXP, exp_tuples), *CHIPS])


# what the chips answer


@pytest.mark.parametrize("op", SHIFTS)
def test_shifts_of_edge_words_by_edge_amounts(op: int) -> None:
    assert broken(run([alu(op, s, v) for s in AMOUNTS for v in EDGES]), CLOSED) == []


@pytest.mark.parametrize("op", [0x0B, 0x1A])
def test_every_place_of_edge_words_and_places_beyond(op: int) -> None:
    asked = [alu(op, i, v) for i in [*range(34), 255, 256, 2**64, 2**128, 2**255, MASK] for v in EDGES]
    assert broken(run(asked), CLOSED) == []


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(SEMANTICS)), places, words), min_size=1, max_size=20))
def test_random_shifts_and_extractions_are_served(cases: list[tuple[int, int, int]]) -> None:
    assert broken(run([alu(*case) for case in cases]), CLOSED) == []


EXPONENTS = [0, 1, 2, 3, 127, 128, 255, 256, 2**127, 2**128 - 1, 2**128, 2**128 + 1, 2**255, MASK]


def test_powers_of_edge_bases_to_edge_exponents() -> None:
    asked = [power(a, e) for a in (0, 1, 2, 3, MASK, 2**128) for e in EXPONENTS]
    assert broken(run(exp_tuples=asked), CLOSED) == []


def test_exponent_bytes_change_at_each_byte_boundary() -> None:
    asked = [power(5, e) for k in range(1, 32, 3) for e in (2 ** (8 * k) - 1, 2 ** (8 * k))]
    assert broken(run(exp_tuples=asked), CLOSED) == []
    assert [t[-1] for t in asked[:2]] == [1, 2]


@settings(max_examples=6, deadline=None)
@given(st.lists(st.tuples(words, st.one_of(words, st.integers(0, 70))), min_size=1, max_size=4))
def test_random_powers_are_served(cases: list[tuple[int, int]]) -> None:
    assert broken(run(exp_tuples=[power(*case) for case in cases]), CLOSED) == []


def test_the_multiplication_and_division_chips_answer_the_products() -> None:
    asked = [
        alu(op, place, v)
        for op in SEMANTICS
        for place in (0, 1, 30, 200, 256)
        for v in (2**200 + 0x8234, MASK - 7)
    ]
    chips = [Exp(), Shift(), Extract(), DivMod(), Mul(), Add(), Tables(), Pow2()]
    traces = fill([sends(ALU, asked), sends(EXP, [power(MASK - 2, 2**20 - 3), power(0, 0)]), *chips])
    assert broken(traces, [*CLOSED, ALU3]) == []


def test_repeated_requests_share_their_rows() -> None:
    traces = run([alu(0x1B, 3, 4)] * 4 + [alu(0x1A, 31, 4)] * 3, [power(3, 5)] * 5)
    assert (traces["shift"].rows, traces["extract"].rows, traces["exp"].rows) == (1, 1, 3)
    assert broken(traces, CLOSED) == []


def test_tables_without_padding_rows_hold() -> None:
    traces = run([alu(0x1D, s, MASK) for s in range(8)], [power(3, 255)])
    assert traces["exp"].rows == traces["exp"].height == 8
    assert traces["shift"].rows == traces["shift"].height
    assert broken(traces, CLOSED) == []


@pytest.mark.parametrize("op", sorted(SEMANTICS))
@pytest.mark.parametrize("a", [0, 1, 30, 31, 255, 256, 2**128])
def test_a_wrong_result_is_not_served(op: int, a: int) -> None:
    for v in (EDGES[-1], MASK - 2):
        for flip in (1, 2**128, 2**255):
            assert broken(run([alu(op, a, v, c=SEMANTICS[op](a, v) ^ flip)]), CLOSED)


@pytest.mark.parametrize("e", [0, 1, 2, 255, 256, 2**200])
def test_a_wrong_power_or_byte_length_is_not_served(e: int) -> None:
    right = pow(7, e, 2**256)
    size = (e.bit_length() + 7) // 8
    wrong = [
        power(7, e, c=right ^ 1),
        power(7, e, c=right ^ 2**128),
        power(7, e, size=size + 1),
        power(7, e, size=size - 1),
    ]
    for asked in wrong:
        assert "exp" in broken_buses(broken(run(exp_tuples=[asked]), CLOSED))


# pranks: rows of unique() are sorted, so each trace holds few requests of one kind

TRACES = {
    "shift": lambda: run([alu(0x1B, 3, 2**130 + 5)]),
    "sar": lambda: run([alu(0x1D, 3, MASK - 2**200)]),
    "far": lambda: run([alu(0x1D, 2**128, MASK - 2**200)]),
    "byte": lambda: run([alu(0x1A, 30, 2**200 + 0x1234)]),
    "extend": lambda: run([alu(0x0B, 1, 2**200 + 0x8234)]),
    "beyond": lambda: run([alu(0x0B, 31, 2**200 + 0x8234)]),
    "byte beyond": lambda: run([alu(0x1A, 32, 2**200 + 0x8234)]),
    "exp": lambda: run(exp_tuples=[power(3, 0b1011)]),
    "one": lambda: run(exp_tuples=[power(3, 0)]),
    "two": lambda: run(exp_tuples=[power(3, 2), power(5, 2)]),
}

PRANKS = [
    ("shift", "shift", "is_shl", 0, 2, "is_shl is a bit"),
    ("shift", "shift", "is_shr", 0, 2, "is_shr is a bit"),
    ("shift", "shift", "is_sar", 0, 2, "is_sar is a bit"),
    ("shift", "shift", "large", 0, 2, "large is a bit"),
    ("sar", "shift", "negative", 0, 2, "negative is a bit"),
    ("shift", "shift", "is_shr", 0, 1, "one opcode"),
    ("shift", "shift", "negative", 0, 1, "only SAR has a sign"),
    ("far", "shift", "power.hi", 0, 1, "a large shift leaves no power, high"),
    ("far", "shift", "power.lo", 0, 1, "a large shift leaves no power, low"),
    ("far", "shift", "u.hi", 0, 1, "a large shift leaves no shifted, high"),
    ("far", "shift", "u.lo", 0, 1, "a large shift leaves no shifted, low"),
    ("byte", "extract", "is_byte", 0, 2, "is_byte is a bit"),
    ("byte", "extract", "is_signextend", 0, 2, "is_signextend is a bit"),
    ("byte", "extract", "large", 0, 2, "large is a bit"),
    ("byte", "extract", "is_signextend", 0, 1, "one opcode"),
    *(("beyond", "extract", f"{w}.{h[:2]}", 0, 1, f"no {w} beyond the word, {h}")
      for w in ("power", "modulus", "shifted", "rest") for h in ("high", "low") if h == "high"),
    *(("beyond", "extract", f"{w}.lo", 0, 1, f"no {w} beyond the word, low")
      for w in ("power", "modulus", "shifted", "rest")),
    ("byte", "extract", "c.hi", 0, 1, "the byte, high"),
    ("byte", "extract", "c.lo", 0, 1, "the byte, low"),
    ("byte beyond", "extract", "c.lo", 0, 1, "the byte, low"),
    ("beyond", "extract", "c.hi", 0, 1, "nothing to extend, high"),
    ("beyond", "extract", "c.lo", 0, 1, "nothing to extend, low"),
    ("exp", "exp", "active", 1, 2, "active is a bit"),
    ("exp", "exp", "is_first", 0, 2, "is_first is a bit"),
    ("exp", "exp", "is_last", 3, 2, "is_last is a bit"),
    ("exp", "exp", "bit", 0, 2, "bit is a bit"),
    ("exp", "exp", "is_first", 0, 0, "requests follow each other"),
    ("exp", "exp", "is_first", 2, 1, "requests follow each other"),
    ("exp", "exp", "is_last", 3, 0, "requests follow each other"),
    ("two", "exp", "is_last", 1, 0, "requests follow each other"),
    ("exp", "exp", "active", 4, 1, "requests follow each other"),
    ("exp", "exp", "count", 1, 1, "answers on last rows only"),
    ("exp", "exp", "count", 5, 1, "answers on last rows only"),
    ("exp", "exp", "square.hi", 0, 1, "first square is one, high"),
    ("exp", "exp", "square.lo", 0, 2, "first square is one, low"),
    ("exp", "exp", "prefix.hi", 0, 1, "first prefix, high"),
    ("exp", "exp", "prefix.lo", 0, 1, "first prefix, low"),
    ("exp", "exp", "bit", 0, 0, "top bit is set"),
    ("one", "exp", "position", 0, 5, "top bit is set"),
    ("exp", "exp", "position", 1, 7, "position falls"),
    ("exp", "exp", "a.hi", 1, 7, "same base, high"),
    ("exp", "exp", "a.lo", 1, 7, "same base, low"),
    ("exp", "exp", "bytes", 1, 7, "same bytes"),
    ("exp", "exp", "prefix.hi", 2, 7, "next prefix, high"),
    ("exp", "exp", "prefix.lo", 2, 7, "next prefix, low"),
    ("exp", "exp", "power.hi", 1, 1, "no power of a clear bit, high"),
    ("exp", "exp", "power.lo", 1, 1, "no power of a clear bit, low"),
    ("exp", "exp", "out.hi", 1, 7, "no product for a clear bit, high"),
    ("exp", "exp", "out.lo", 1, 7, "no product for a clear bit, low"),
    ("exp", "exp", "position", 3, 1, "last bit is bit 0"),
]  # fmt: skip


@pytest.mark.parametrize(("trace", "chip", "column", "row", "value", "expected"), PRANKS)
def test_each_constraint_catches_its_cell(
    trace: str, chip: str, column: str, row: int, value: int, expected: str
) -> None:
    assert expected in names(broken(prank(TRACES[trace](), chip, column, row, value), []))


def test_every_constraint_has_a_prank() -> None:
    pranked = {(chip, expected) for _, chip, _, _, _, expected in PRANKS}
    for chip in (Shift(), Extract(), Exp()):
        stated = {(chip.name, c.name) for c in chip.air.constraints if not c.name.startswith("padding has ")}
        assert stated <= pranked


@pytest.mark.parametrize(("chip", "trace"), [(Shift(), "shift"), (Extract(), "byte"), (Exp(), "exp")])
def test_padding_cells_are_zero(chip: Chip, trace: str) -> None:
    traces = TRACES[trace]()
    for name in (c.name for c in chip.air.constraints if c.name.startswith("padding has ")):
        column = name.removeprefix("padding has ").removesuffix(" 0")
        assert name in names(broken(prank(traces, chip.name, column, 7, 1), []))


# each interaction: a consistent lie that breaks no constraint leaves the interaction's tuple open

LIES = [
    ("far", "shift", {"large": 0}, "alu"),
    ("shift", "shift", {"large": 1, "power.lo": 0, "u.lo": 0, "u.hi": 0}, "alu"),
    ("sar", "shift", {"negative": 0}, "alu"),
    ("shift", "shift", {"power.lo": 4}, "pow2"),
    ("shift", "shift", {"u.lo": 4}, "alu"),
    ("shift", "shift", {"s.lo": 4}, "pow2"),
    ("shift", "shift", {"s.hi": 1}, "alu"),
    ("shift", "shift", {"count": 0}, "alu"),
    ("shift", "shift", {"is_shl": 0, "is_shr": 1}, "alu"),
    ("beyond", "extract", {"large": 0}, "alu"),
    ("byte", "extract", {"large": 1, "power.lo": 0, "modulus.lo": 0, "shifted.hi": 0, "shifted.lo": 0, "rest.lo": 0,
                         "c.lo": 0}, "alu"),
    ("byte", "extract", {"power.lo": 1}, "pow2"),
    ("byte", "extract", {"modulus.lo": 2**16}, "pow2"),
    ("byte", "extract", {"shifted.lo": 0}, "alu"),
    ("byte", "extract", {"rest.lo": 0, "c.lo": 0}, "alu"),
    ("extend", "extract", {"modulus.lo": 2**17}, "pow2"),
    ("extend", "extract", {"power.lo": 2**14}, "pow2"),
    ("extend", "extract", {"shifted.lo": 3}, "alu"),
    ("extend", "extract", {"rest.lo": 3}, "alu"),
    ("extend", "extract", {"c.lo": 3}, "alu"),
    ("extend", "extract", {"count": 2}, "alu"),
    ("exp", "exp", {f"bytes@{i}": 2 for i in range(4)}, "byte_and"),
    ("exp", "exp", {f"bytes@{i}": 0 for i in range(4)}, "byte_and"),
    ("exp", "exp", {f"bytes@{i}": pow(8, -1, R_MODULUS) for i in range(4)}, "byte_and"),
    ("exp", "exp", {"square.lo@1": 10, "out.lo@1": 10}, "alu"),
    ("exp", "exp", {"out.lo@3": 10}, "alu"),
    ("exp", "exp", {"power.lo@3": 2, "prefix.lo@3": 12}, "pow2"),
    ("exp", "exp", {"power.hi@3": 2, "prefix.hi@3": 2}, "pow2"),
    ("exp", "exp", {"count@3": 0}, "exp"),
]  # fmt: skip


@pytest.mark.parametrize(("trace", "chip", "cells", "bus"), LIES)
def test_each_interaction_refuses_a_consistent_lie(
    trace: str, chip: str, cells: dict[str, int], bus: str
) -> None:
    traces = TRACES[trace]()
    assert broken(traces, CLOSED) == []
    for place, value in cells.items():
        column, _, row = place.partition("@")
        traces = prank(traces, chip, column, int(row or 0), value)
    found = broken(traces, CLOSED)
    assert [v for v in found if v.kind == "constraint"] == []
    assert bus in broken_buses(found)


def test_a_request_cannot_borrow_the_rows_of_the_next() -> None:
    traces = TRACES["two"]()
    assert cell(traces, "exp", "is_last", 1) == 1
    bad = prank(prank(traces, "exp", "is_last", 1, 0), "exp", "is_first", 2, 0)
    assert "position falls" in names(broken(bad, []))


# the word arithmetic of the fills


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(words, words, st.integers(0, 255)), min_size=1, max_size=8))
def test_word_arithmetic_agrees_with_integers(cases: list[tuple[int, int, int]]) -> None:
    x, y, n = limbs([c[0] for c in cases]), limbs([c[1] for c in cases]), np.array([c[2] for c in cases])
    assert (multiply(x, y) == limbs([a * b & MASK for a, b, _ in cases])).all()
    assert (shift_left(x, n) == limbs([a << s & MASK for a, _, s in cases])).all()
    assert (shift_right(x, n) == limbs([a >> s for a, _, s in cases])).all()
    assert bit_length(x).tolist() == [a.bit_length() for a, _, _ in cases]
