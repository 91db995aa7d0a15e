"""A toy machine: a squaring chip that asks a small table, with one public tuple. All protocol features, few rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from support.chips import limbs
from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.air.chip import AirBuilder, Bus, Chip
from zkroll.circuits.air.expr import Stage
from zkroll.circuits.air.layout import Machine
from zkroll.circuits.air.witness import FillContext

TABLE = Bus("table", 1, ("value",))
RESULT = Bus("result", 2, ("index", "value"))


class Power(Chip):
    """x_{i+1} = x_i^5 + step_i, step_i from the table; the last x is public."""

    name = "power"

    def define(self, b: AirBuilder) -> None:
        x = b.column("x")
        step = b.column("step")
        last = b.bit("is_last")
        live = b.bit("live")
        b.first("starts at two", x - 2)
        b.constrain("power step", live * (1 - last) * (x.next - x * x * x - step))
        b.send("step from table", TABLE, (step,), live)
        b.receive("public result", RESULT, (7, x), last)

    def fill(self, ctx: FillContext) -> dict[str, Any]:
        rows: int = ctx.source
        xs, steps = [2], [(3 * i) % 16 for i in range(rows)]
        for step in steps[:-1]:
            xs.append((xs[-1] ** 3 + step) % R_MODULUS)
        is_last = np.zeros(rows, dtype=np.uint8)
        is_last[-1] = 1
        return {
            "x": limbs(xs), "step": np.array(steps), "is_last": is_last, "live": np.ones(rows, dtype=np.uint8),
        }  # fmt: skip


class Table(Chip):
    """The numbers 0..15 with how often they are asked for."""

    name = "table"
    fixed_height = 16

    def define(self, b: AirBuilder) -> None:
        value = b.column("value", Stage.PREPROCESSED)
        b.receive("table", TABLE, (value,), b.column("count"))

    def preprocessed(self) -> dict[str, Any]:
        return {"value": np.arange(16)}

    def fill(self, ctx: FillContext) -> dict[str, Any]:
        asked = ctx.requests(TABLE)
        counts = np.zeros(16, dtype=np.int64)
        np.add.at(counts, asked.small("value").astype(np.int64), asked.multiplicity)
        return {"count": counts}


def result(rows: int) -> int:
    """The public result of ``rows`` rows."""
    x = 2
    for i in range(rows - 1):
        x = (x**3 + (3 * i) % 16) % R_MODULUS
    return x


def machine() -> Machine:
    """The toy machine."""
    return Machine("toy", [Power(), Table()])
