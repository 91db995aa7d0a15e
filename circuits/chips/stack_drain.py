"""Takes the stack words that nobody popped when their context ended.

Columns: ``active`` (bit), ``ctx``, ``slot``, ``clk``, ``word``. An active row takes the tuple (ctx, slot,
clk, word) from STACK, whatever it is; other rows are 0.

Why the STACK bus is a stack although this chip takes freely. Consider one context (ctx is the clock of its
BEGIN, hence unique) and the order of its steps. Every tuple that the cpu pushes names the clock of its row
and a slot that the row pushes to once (DUP and SWAP push to two different slots), so no two pushed tuples
are equal, and each is received exactly once, here or by a pop. Pops prove a push clock smaller than their
own.

Claim: before each step with ``sp`` = s, exactly the slots 0 … s - 1 have been pushed one time more than
popped, the others equally often; and each pop took the latest push of its slot. The first step has s = 0
and no pushes. A step pops slots below s (a pop of a slot with as many pops as pushes before it would need a
tuple of an earlier clock, and by the claim the earlier pops have taken them all, one each) and pushes the
slots from s - pops on that its family replaces, so the claim holds with the next height. For a slot pushed
k times and popped k - 1 times, the k - 1 earlier pops took pushes 1 … k - 1, so the pop has only push k
left. This chip cannot take a tuple that a pop takes too; if it takes one that a pop needs, that pop finds
none and the bus does not balance. So it can only take what is left over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.witness import ColumnData, FillContext, tuples_of
from zkroll.circuits.buses import STACK
from zkroll.circuits.chips.stack_history import StackHistory


class StackDrainChip(Chip):
    """One row per word left on a stack."""

    name: ClassVar[str] = "stack_drain"

    def define(self, b: AirBuilder) -> None:
        """A free receiver."""
        active = b.bit("active")
        ctx, slot, clk = (b.column(name) for name in ("ctx", "slot", "clk"))
        word = b.word("word")
        for name, cell in (("ctx", ctx), ("slot", slot), ("clk", clk), ("hi", word.hi), ("lo", word.lo)):
            b.constrain(f"padding has {name} 0", (1 - active) * cell)
        b.receive("drain a word", STACK, (ctx, slot, clk, word.hi, word.lo), active)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        """The pushes that no chip before this one has popped."""
        pushes = ctx.requests(STACK)
        if not len(pushes):
            return None
        history = StackHistory.of_requests(pushes)
        left = np.ones(len(pushes), dtype=np.bool_)
        for trace in ctx.traces.values():
            pops = [i for i in trace.chip.air.interactions if i.bus.name == STACK.name and i.sign < 0]
            popped = tuples_of(trace, pops, STACK)
            if len(popped):
                clock = popped.small("clk").astype(np.int64)
                at, pushed = history.before(popped.small("ctx"), popped.small("slot"), clock + 1)
                left[at[(at >= 0) & (pushed == clock)]] = False
        rest = pushes.select(left)
        if not len(rest):
            return None
        return {
            "active": np.ones(len(rest), dtype=np.int64),
            "ctx": rest.field("ctx"),
            "slot": rest.field("slot"),
            "clk": rest.field("clk"),
            "word": rest.word("hi", "lo"),
        }
