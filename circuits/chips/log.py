"""Pops the topics of LOG1 … LOG4: a row per topic, and one row that ends each LOG.

LOG_TOPICS (ctx, clk, slot, count) asks for ``count`` pops from ``slot`` downwards at ``clk``. Columns:
``active``, ``ctx``, ``clk``, ``slot``, ``count`` (from the request), ``pops`` (count is not 0), ``topic``
(the word), ``age`` (two 16-bit limbs of clk - clk_push - 1).

1. ``active`` and ``pops`` are bits, and pops only in active rows
2. a row that does not pop has count 0
3. cells of padding, and topic and age where nothing is popped, are 0

A row with ``pops`` = 1 takes the word of its slot and asks for (ctx, clk, slot - 1, count - 1) in turn. A
row with count 0 cannot do so usefully: its request has count -1, and no chain of fewer than r rows ends at
0 again. So exactly ``count`` words are popped. Events are not part of the state root, so nothing else is
done with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.expr import weighted
from zkroll.circuits.air.gadgets import limbs16, range16
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import LOG_TOPICS, STACK
from zkroll.circuits.chips.stack_history import StackHistory


class LogChip(Chip):
    """One row per topic and one per LOG."""

    name: ClassVar[str] = "log"

    def define(self, b: AirBuilder) -> None:
        """A chain of requests that counts down."""
        active, pops = b.bit("active"), b.bit("pops")
        ctx, clk, slot, count = (b.column(name) for name in ("ctx", "clk", "slot", "count"))
        topic = b.word("topic")
        age = b.columns("age", 2)
        b.constrain("pops only in active rows", pops * (1 - active))
        b.constrain("a row that pops nothing has count 0", (active - pops) * count)
        for name, cell in (("ctx", ctx), ("clk", clk), ("slot", slot), ("count", count)):
            b.constrain(f"padding has {name} 0", (1 - active) * cell)
        for i, cell in enumerate((topic.hi, topic.lo, *age)):
            b.constrain(f"what is not popped is 0 [{i}]", (1 - pops) * cell)
        b.receive("serve topics", LOG_TOPICS, (ctx, clk, slot, count), active)
        b.send("pop the other topics", LOG_TOPICS, (ctx, clk, slot - 1, count - 1), pops)
        b.receive("pop a topic", STACK, (ctx, slot, clk - 1 - weighted(age, 2**16), topic.hi, topic.lo), pops)
        for i, limb in enumerate(age):
            range16(b, f"age[{i}]", limb, active)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        """Each request of the cpu becomes count + 1 rows; words and clocks come from the pushes."""
        requests = ctx.requests(LOG_TOPICS)
        if not len(requests):
            return None
        counts = requests.small("count").astype(np.int64)
        owner = np.repeat(np.arange(len(requests)), counts + 1)
        ends = np.cumsum(counts + 1)
        done = np.arange(owner.size) - (ends - counts - 1)[owner]  # topics popped before the row
        left = counts[owner] - done
        context = requests.small("ctx").astype(np.int64)[owner]
        clk = requests.small("clk").astype(np.int64)[owner]
        # the row behind the last topic names a slot that it does not pop; it may lie below the stack
        slot = requests.field("slot")[:, 0].view(np.int64)[owner]
        negative = np.asarray(requests.field("slot")[:, 1:].any(axis=1))[owner]
        slot = np.where(negative, -1, slot) - np.where(negative, 0, done)
        pushes = ctx.requests(STACK)
        at, pushed = StackHistory.of_requests(pushes).before(context, np.maximum(slot, 0), clk)
        pops = left > 0
        words = pushes.word("hi", "lo")
        topic = np.where((pops & (at >= 0))[:, None], words[at], 0)
        age = np.where(pops, clk - pushed - 1, 0).astype(np.uint64)
        return {
            "active": np.ones(owner.size, dtype=np.int64),
            "pops": pops,
            "ctx": context,
            "clk": clk,
            "slot": slot,
            "count": left,
            "topic": topic.astype(np.uint64),
            "age": limbs16(age, 2),
        }
