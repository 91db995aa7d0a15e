"""The cpu: one row per step, with a BEGIN and an END row around each transaction's steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.chips.cpu.air import constrain
from zkroll.circuits.chips.cpu.columns import declare
from zkroll.circuits.chips.cpu.services import interact
from zkroll.circuits.chips.cpu.trace import fill


class CpuChip(Chip):
    """Columns in ``columns``, constraints in ``air``, buses in ``services``, witness in ``trace``."""

    name: ClassVar[str] = "cpu"
    context_columns: ClassVar[tuple[str, ...]] = ("tx", "pc", "opcode")

    def define(self, b: AirBuilder) -> None:
        """Declare everything."""
        columns = declare(b)
        constrain(b, columns)
        interact(b, columns)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        """From the batch's recorded steps."""
        return fill(ctx.source)


__all__ = ["CpuChip"]
