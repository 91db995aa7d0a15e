"""Chip ``storage_cell``: one slot during one transaction; opened on its first use, closed at the END row.

Columns
    active, ctx, address, slot   whose slot it is
    end, success         clock of the END row, and whether the transaction's effects stay
    original, final      the word before the transaction and after its last operation
    last, warm           clock of the last operation; 1 after one
    state_before, state_wait[3]  the access before on the STATE bus

Constraints
    1. "active is a bit"; "state: time goes up"; "padding has … 0"
Interactions
    2. TX_SPAN for address, end and success of the context
    3. STORAGE_CELL: sends (clk = ctx, original, original, cold), receives (last, original, final, warm)
    4. STATE: takes ``original`` and leaves, at 8 end + 5, ``final`` on success and ``original`` on failure
    5. limbs of the wait are in the 16-bit table

No slot is used outside cells, and a context's accesses to STATE for storage all carry the time of its END
row. Times go strictly up along the chain of a place, so a slot has at most one cell per context, and its
word from before the transaction is still the live one when the cell closes. Padding rows are zero.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zkroll.circuits.air.chip import AirBuilder, Chip, Word
from zkroll.circuits.air.expr import Expr
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import FIELD_STORAGE, STORAGE_CELL, TX_SPAN
from zkroll.circuits.chips.storage.timeline import timeline
from zkroll.circuits.chips.transaction.access import END_STORAGE, access, access_columns


class StorageCellChip(Chip):
    """Slots by transaction."""

    name = "storage_cell"
    context_columns = ("ctx",)

    def define(self, b: AirBuilder) -> None:
        active, ctx, address, slot = b.bit("active"), b.column("ctx"), b.column("address"), b.word("slot")
        end, success = b.column("end"), b.column("success")
        original, final = b.word("original"), b.word("final")
        last, warm = b.column("last"), b.column("warm")
        b.send("span of the context", TX_SPAN, (ctx, address, end, success), active)
        opened = (ctx, address, slot.hi, slot.lo, ctx, *_pair(original), *_pair(original), 0)
        closed = (ctx, address, slot.hi, slot.lo, last, *_pair(original), *_pair(final), warm)
        b.send("opens", STORAGE_CELL, opened, active)
        b.receive("closes", STORAGE_CELL, closed, active)
        kept = Word(
            original.hi + success * (final.hi - original.hi), original.lo + success * (final.lo - original.lo)
        )
        place = (address, FIELD_STORAGE, slot.hi, slot.lo)
        access(b, "state", place, time=end * 8 + END_STORAGE, old=original, new=kept, when=active)
        b.zero_in_padding(active)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        found = timeline(ctx)
        if found is None:
            return None
        cells = found[1]
        return {
            "active": np.ones(cells.ctx.shape[0], dtype=np.uint8),
            "ctx": cells.ctx,
            "address": cells.address,
            "slot": cells.slot,
            "end": cells.end,
            "success": cells.success,
            "original": cells.original,
            "final": cells.final,
            "last": cells.last,
            "warm": np.ones(cells.ctx.shape[0], dtype=np.uint8),
            **access_columns("state", 8 * cells.end + END_STORAGE, cells.before),
        }


def _pair(word: Word) -> tuple[Expr, Expr]:
    return word.hi, word.lo
