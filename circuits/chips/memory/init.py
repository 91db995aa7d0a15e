"""First and last tuple of every memory word: the words of a context are 0, 1, 2, … and start as zero.

Columns: active, starts (bits); ctx, word_index; gap[2]; clk, value: the word's last access.

Constraints:
  1. active and starts are bits; active rows come first; starts only where active, and in an active first row
  2. a row that starts has word_index 0, and its ctx exceeds the row's above by gap + 1
  3. another active row has the ctx of the row above and the next word_index
  4. gap's limbs are in 16 bits
An active row puts (ctx, word_index, clk 0, zero) on MEMORY and takes (ctx, word_index, clk, value) back.

Sound because contexts strictly increase (by less than 2^33 a row, so they cannot wrap), so every address has
one first tuple. Clocks start at 1, so no access is at clk 0. Words that no chip touches take back what they
put.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.expr import weighted
from zkroll.circuits.air.gadgets import limbs16, range16
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import MEMORY


class MemoryInit(Chip):
    """Initial and final words of memory."""

    name: ClassVar[str] = "memory_init"
    context_columns: ClassVar[tuple[str, ...]] = ("ctx", "word_index")

    def define(self, b: AirBuilder) -> None:
        active, starts = b.bit("active"), b.bit("starts")
        ctx, index, gap = b.column("ctx"), b.column("word_index"), b.columns("gap", 2)
        clk, value = b.column("clk"), b.word("value")
        b.transition("active rows come first", active.next * (1 - active))
        b.constrain("starts only where active", starts * (1 - active))
        b.first("the first row starts a context or is padding", active - starts)
        b.constrain("words start at 0", starts * index)
        above = weighted([limb.next for limb in gap], 2**16)
        b.transition("contexts increase", starts.next * (ctx.next - ctx - 1 - above))
        goes_on = active.next - starts.next
        b.transition("the context goes on", goes_on * (ctx.next - ctx))
        b.transition("words count up", goes_on * (index.next - index - 1))
        for i, limb in enumerate(gap):
            range16(b, f"gap[{i}]", limb, starts)
        b.send("initial word", MEMORY, (ctx, index, 0, 0, 0), active)
        b.receive("final word", MEMORY, (ctx, index, clk, value.hi, value.lo), active)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        asked = ctx.requests(MEMORY)
        if not len(asked):
            return None
        context, word, clk = asked.small("ctx"), asked.small("word_index"), asked.small("clk")
        order = np.lexsort((clk, word, context))
        context, word, clk = context[order], word[order], clk[order]
        last = np.ones(len(order), dtype=bool)
        last[:-1] = (context[1:] != context[:-1]) | (word[1:] != word[:-1])
        value = asked.word("hi", "lo")[order][last]
        context, word, clk = context[last], word[last], clk[last]

        contexts, first = np.unique(context, return_index=True)
        sizes = np.maximum.reduceat(word, first).astype(np.int64) + 1
        start = np.cumsum(sizes) - sizes
        rows = int(sizes.sum())
        at = start[np.searchsorted(contexts, context)] + word.astype(np.int64)
        clks, values = np.zeros(rows, dtype=np.uint64), np.zeros((rows, 4), dtype=np.uint64)
        clks[at], values[at] = clk, value
        starts, gap = np.zeros(rows, dtype=bool), np.zeros(rows, dtype=np.uint64)
        starts[start] = True
        gap[start[1:]] = contexts[1:] - contexts[:-1] - np.uint64(1)
        return {
            "active": np.ones(rows, dtype=bool), "starts": starts, "ctx": np.repeat(contexts, sizes),
            "word_index": np.arange(rows) - np.repeat(start, sizes), "gap": limbs16(gap, 2),
            "clk": clks, "value": values,
        }  # fmt: skip
