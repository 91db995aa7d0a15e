"""A machine of many heights: a tall table that is split, tables of few rows, chips of variable height that read
the next row; every kind of commitment group in few rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from zkroll.circuits.air.chip import AirBuilder, Bus, Chip
from zkroll.circuits.air.expr import Stage
from zkroll.circuits.air.layout import Machine
from zkroll.circuits.air.witness import FillContext

SMALL = Bus("small", 1, ("value",))
LARGE = Bus("large", 2, ("value",))
TOTAL = Bus("total", 3, ("value",))
TALL = 4096
TINY = 8


class Walk(Chip):
    """x counts by steps from a small table; the last x is public."""

    name = "walk"

    def define(self, b: AirBuilder) -> None:
        x, step, live, last = b.column("x"), b.column("step"), b.bit("live"), b.bit("is_last")
        b.first("starts at zero", x)
        b.constrain("step", live * (1 - last) * (x.next - x - step))
        b.send("small step", SMALL, (step,), live)
        b.send("large place", LARGE, (x,), live)
        b.receive("total", TOTAL, (x,), last)

    def fill(self, ctx: FillContext) -> dict[str, Any]:
        rows: int = ctx.source
        steps = np.arange(rows) % TINY
        x = np.concatenate([[0], np.cumsum(steps)[:-1]])
        last = np.zeros(rows, dtype=np.uint8)
        last[-1] = 1
        return {"x": x, "step": steps, "live": np.ones(rows, dtype=np.uint8), "is_last": last}


class Echo(Chip):
    """Asks the large table for the squares of a counter; absent where there are fewer than 16 rows to walk."""

    name = "echo"

    def define(self, b: AirBuilder) -> None:
        n, live = b.column("n"), b.bit("live")
        b.constrain("counts", live * live.next * (n.next - n - 1))
        b.send("square", LARGE, (n * n,), live)

    def fill(self, ctx: FillContext) -> dict[str, Any] | None:
        if ctx.source < 16:
            return None
        return {"n": np.arange(12), "live": np.ones(12, dtype=np.uint8)}


class _Table(Chip):
    bus: Bus

    def define(self, b: AirBuilder) -> None:
        value = b.column("value", Stage.PREPROCESSED)
        count = b.column("count")
        b.receive("table", self.bus, (value,), count)
        if self.fixed_height == TALL:  # a running total, so that a tall main column is read at the next row
            total = b.column("total")
            b.first("nothing counted", total)
            b.transition("counted", total.next - total - count)

    def preprocessed(self) -> dict[str, Any]:
        return {"value": np.arange(self.fixed_height or 0)}

    def fill(self, ctx: FillContext) -> dict[str, Any]:
        asked = ctx.requests(self.bus)
        count = np.zeros(self.fixed_height or 0, dtype=np.int64)
        np.add.at(count, asked.small("value").astype(np.int64), asked.multiplicity)
        filled: dict[str, Any] = {"count": count}
        if self.fixed_height == TALL:
            filled["total"] = np.concatenate([[0], np.cumsum(count)[:-1]])
        return filled


class Tiny(_Table):
    """The numbers 0..7."""

    name = "tiny"
    fixed_height = TINY
    bus = SMALL


class Tall(_Table):
    """The numbers 0..4095."""

    name = "tall"
    fixed_height = TALL
    bus = LARGE


def total(rows: int) -> int:
    """The public total of a walk."""
    return sum(i % TINY for i in range(rows - 1))


def machine() -> Machine:
    """The machine of many heights."""
    return Machine("mixed", [Walk(), Echo(), Tiny(), Tall()])
