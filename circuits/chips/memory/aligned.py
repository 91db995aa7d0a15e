"""Whole words of memory: MLOAD, MSTORE and windows at offsets that are multiples of 32. A row per access.

Columns:
  is_load, is_store, is_window   bits, one of them in used rows
  ctx, clk, word_index           which word, when
  before, age[2]                 the clock of the access before; clk - before - 1 in 16-bit limbs
  old, value                     the word before, and after (the value of the request)

Constraints:
  1. the flags are bits, at most one is set
  2. clk - before - 1 = age, its limbs in 16 bits: the access before is earlier
  3. value = old unless it is a store
The row takes (ctx, word_index, before, old) from MEMORY and puts (ctx, word_index, clk, value) there, and
answers MEMORY_OP or WINDOW at offset 32 word_index.

Sound because the initial words are the only first tuples and have indices 0, 1, 2, …: a word_index that is no
integer finds no tuple, so the offset is a multiple of 32. Values are words because what is stored is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.gadgets import limbs16, range_limbs
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import MEMORY, MEMORY_OP, SPACE_MEMORY, WINDOW
from zkroll.circuits.chips.memory.replay import MLOAD, MSTORE, bytes_word, timeline


class MemoryAligned(Chip):
    """Serves MEMORY_OP and WINDOW for whole words."""

    name: ClassVar[str] = "memory_aligned"
    context_columns: ClassVar[tuple[str, ...]] = ("ctx", "clk", "word_index")

    def define(self, b: AirBuilder) -> None:
        is_load, is_store, is_window = b.bit("is_load"), b.bit("is_store"), b.bit("is_window")
        active = is_load + is_store + is_window
        b.constrain("one kind of access", active * (active - 1))
        ctx, clk, index, before = (b.column(name) for name in ("ctx", "clk", "word_index", "before"))
        old, value = b.word("old"), b.word("value")
        range_limbs(b, "age", active * (clk - before - 1), 32, active)
        b.constrain("reads keep the high half", (1 - is_store) * (value.hi - old.hi))
        b.constrain("reads keep the low half", (1 - is_store) * (value.lo - old.lo))
        b.receive("word before", MEMORY, (ctx, index, before, old.hi, old.lo), active)
        b.send("word after", MEMORY, (ctx, index, clk, value.hi, value.lo), active)
        op = MLOAD * is_load + MSTORE * is_store
        b.receive("operation", MEMORY_OP, (op, ctx, clk, 32 * index, value.hi, value.lo), is_load + is_store)
        b.receive("window", WINDOW, (SPACE_MEMORY, ctx, clk, 32 * index, value.hi, value.lo), is_window)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        accesses = timeline(ctx)
        mine = accesses.select(accesses.aligned)
        if not len(mine.op):
            return None
        return {
            "is_load": mine.op == MLOAD, "is_store": mine.op == MSTORE, "is_window": mine.op == 0,
            "ctx": mine.ctx, "clk": mine.clk, "word_index": mine.offset // np.uint64(32),
            "before": mine.before[:, 0], "age": limbs16(mine.clk - mine.before[:, 0] - np.uint64(1), 2),
            "old": bytes_word(mine.seen[:, :32]), "value": bytes_word(mine.claimed),
        }  # fmt: skip
