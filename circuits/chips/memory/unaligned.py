"""Bytes of memory across two words: MLOAD, MSTORE and windows at any offset, and MSTORE8. A row per access.

Columns:
  is_load, is_store, is_store8, is_window   bits, one of them in used rows
  shift[32]                one-hot: the byte of the first word where the access begins
  ctx, clk, word_index     the first word; the second is the one after
  first[32], second[32]    the bytes of the two words before the access, most significant first
  value[32]                the bytes of the request's value
  before, age[2], before_second, age_second[2]   clocks of the accesses before, as in ``aligned``
  new_first, new_second    the words after the access

Constraints:
  1. the flags are bits, at most one is set; shift is one-hot in used rows
  2. the clocks before are earlier, for the second word unless it is not touched (MSTORE8)
  3. every byte is a byte: (x, x, x) is in the table of AND
  4. reads: value is the 32 bytes from ``shift`` of first ++ second
  5. new_first, new_second are first, second; a store puts value over the 32 bytes from ``shift``; MSTORE8
     puts the value's last byte over the byte at ``shift``
The row takes the words before from MEMORY and puts the words after there, and answers MEMORY_OP or WINDOW at
offset 32 word_index + shift.

Sound as ``aligned``: only integers are word indices, so offset and index fix the shift.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.expr import Expr, total
from zkroll.circuits.air.gadgets import limbs16, range_limbs
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import MEMORY, MEMORY_OP, SPACE_MEMORY, WINDOW
from zkroll.circuits.chips.memory.byte_strings import ByteString, byte_columns, chosen, one_hot
from zkroll.circuits.chips.memory.replay import MLOAD, MSTORE, MSTORE8, bytes_word, timeline


class MemoryUnaligned(Chip):
    """Serves MEMORY_OP and WINDOW for everything that is not one whole word."""

    name: ClassVar[str] = "memory_unaligned"
    context_columns: ClassVar[tuple[str, ...]] = ("ctx", "clk", "word_index")

    def define(self, b: AirBuilder) -> None:
        flags = [b.bit(name) for name in ("is_load", "is_store", "is_store8", "is_window")]
        is_load, is_store, is_store8, is_window = flags
        active = total(flags)
        b.constrain("one kind of access", active * (active - 1))
        shift = one_hot(b, "shift", active)
        ctx, clk, index = (b.column(name) for name in ("ctx", "clk", "word_index"))
        first, second = byte_columns(b, "first", 32), byte_columns(b, "second", 32)
        value = ByteString(byte_columns(b, "value", 32))
        before, before_second = b.column("before"), b.column("before_second")
        range_limbs(b, "age", active * (clk - before - 1), 32, active)
        both = active - is_store8
        range_limbs(b, "age_second", both * (clk - before_second - 1), 32, active)

        span = ByteString([*first, *second])
        value_halves = (value.number(0, 16), value.number(16, 32))
        for name, at, half in (("high", 0, value_halves[0]), ("low", 16, value_halves[1])):
            read = chosen(shift, [span.number(s + at, s + at + 16) for s in range(32)])
            b.constrain(f"what is read, {name} half", (is_load + is_window) * (half - read))

        new = [b.word("new_first"), b.word("new_second")]
        after = _halves_after(span, value, shift, (is_store, is_store8))
        names = tuple(
            f"{word} word after, {half} half" for word in ("first", "second") for half in ("high", "low")
        )
        columns = (new[0].hi, new[0].lo, new[1].hi, new[1].lo)
        for name, column, half in zip(names, columns, after, strict=True):
            b.constrain(name, column - half)
        words = [(span.number(k, k + 16), span.number(k + 16, k + 32)) for k in (0, 32)]
        b.receive("first word before", MEMORY, (ctx, index, before, *words[0]), active)
        b.send("first word after", MEMORY, (ctx, index, clk, new[0].hi, new[0].lo), active)
        b.receive("second word before", MEMORY, (ctx, index + 1, before_second, *words[1]), both)
        b.send("second word after", MEMORY, (ctx, index + 1, clk, new[1].hi, new[1].lo), both)
        offset = 32 * index + total(s * flag for s, flag in enumerate(shift))
        op = MLOAD * is_load + MSTORE * is_store + MSTORE8 * is_store8
        b.receive("operation", MEMORY_OP, (op, ctx, clk, offset, *value_halves), active - is_window)
        b.receive("window", WINDOW, (SPACE_MEMORY, ctx, clk, offset, *value_halves), is_window)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        accesses = timeline(ctx)
        mine = accesses.select(~accesses.aligned)
        rows = len(mine.op)
        if not rows:
            return None
        shift = (mine.offset % np.uint64(32)).astype(np.int64)
        after = mine.seen.copy()
        stores, bytes_ = np.flatnonzero(mine.op == MSTORE), np.flatnonzero(mine.op == MSTORE8)
        after[stores[:, None], shift[stores][:, None] + np.arange(32)] = mine.claimed[stores]
        after[bytes_, shift[bytes_]] = mine.claimed[bytes_, 31]
        one = mine.op == MSTORE8
        second = mine.seen[:, 32:]
        age = mine.clk[:, None] - mine.before - np.uint64(1)
        age[one, 1] = 0
        return {
            "is_load": mine.op == MLOAD, "is_store": mine.op == MSTORE, "is_store8": one,
            "is_window": mine.op == 0, "shift": np.arange(32) == shift[:, None],
            "ctx": mine.ctx, "clk": mine.clk, "word_index": mine.offset // np.uint64(32),
            "first": mine.seen[:, :32], "second": second, "value": mine.claimed,
            "before": mine.before[:, 0], "before_second": mine.before[:, 1],
            "age": limbs16(np.ascontiguousarray(age[:, 0]), 2),
            "age_second": limbs16(np.ascontiguousarray(age[:, 1]), 2),
            "new_first": bytes_word(after[:, :32]), "new_second": bytes_word(after[:, 32:]),
        }  # fmt: skip


def _halves_after(
    span: ByteString, value: ByteString, shift: Sequence[Expr], stores: tuple[Expr, Expr]
) -> list[Expr]:
    """The four halves of the two words after the access."""
    is_store, is_store8 = stores
    halves = []
    for start in (0, 16, 32, 48):
        stop = start + 16
        old = span.number(start, stop)
        stored = chosen(shift, [span.overlaid(value, s, start, stop) for s in range(32)])
        touched = range(start, min(stop, 32))
        one_byte = total(
            shift[s] * (value.bytes[31] - span.bytes[s]) * 256 ** (stop - 1 - s) for s in touched
        )
        halves.append(old + is_store * (stored - old) + is_store8 * one_byte)
    return halves
