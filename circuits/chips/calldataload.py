"""CALLDATALOAD at any 256-bit offset: the window there, or zero from 2^32 on. A row per (context, offset).

Columns: active, count; ctx; offset, value (words); limbs[8] of offset.lo in 16 bits; near, with its inverse:
1 where offset < 2^32.

Constraints:
  1. active is a bit; no answers from padding
  2. limbs compose offset.lo and are in 16 bits
  3. near says whether offset.hi and the limbs from the third on are all 0
  4. a near value is WINDOW (calldata, ctx, offset.lo); a far value is 0

Sound because calldata is shorter than 2^24 bytes, so all of it is near; offset.hi + the upper limbs is below
2^129, so it is zero only where each of them is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.expr import total
from zkroll.circuits.air.gadgets import is_zero, limbs16, range_limbs
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import CALLDATALOAD, SPACE_CALLDATA, WINDOW
from zkroll.circuits.chips.limbs import inverse, wide

U64 = NDArray[np.uint64]


class CalldataLoad(Chip):
    """Serves CALLDATALOAD."""

    name: ClassVar[str] = "calldataload"
    context_columns: ClassVar[tuple[str, ...]] = ("ctx",)

    def define(self, b: AirBuilder) -> None:
        active, count, ctx = b.bit("active"), b.column("count"), b.column("ctx")
        offset, value = b.word("offset"), b.word("value")
        b.constrain("no answers from padding", count * (1 - active))
        limbs = range_limbs(b, "limbs", offset.lo, 128, active)
        near = is_zero(b, "near", offset.hi + total(limbs[2:]), active)
        b.constrain("far values are zero, high half", (1 - near) * value.hi)
        b.constrain("far values are zero, low half", (1 - near) * value.lo)
        b.send("calldata", WINDOW, (SPACE_CALLDATA, ctx, 0, offset.lo, value.hi, value.lo), near)
        b.receive("load", CALLDATALOAD, (ctx, offset.hi, offset.lo, value.hi, value.lo), count)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        asked = ctx.requests(CALLDATALOAD).unique()
        if not len(asked):
            return None
        offset = asked.word("offset_hi", "offset_lo")
        near, inverses = fill_near(offset)
        return {
            "active": np.ones(len(asked), dtype=bool), "count": asked.multiplicity, "ctx": asked.field("ctx"),
            "offset": offset, "value": asked.word("hi", "lo"), "limbs": limbs16(offset[:, :2], 8),
            "near": near, "near_inverse": inverses,
        }  # fmt: skip


def fill_near(offset: U64) -> tuple[NDArray[np.bool_], U64]:
    """For (rows, 4) offsets: whether they are below 2^32, and the inverse of what says so if they are not."""
    upper = limbs16(offset[:, :2], 8)[:, 2:].astype(np.uint64).sum(axis=1)
    rest = wide(offset[:, 2:])
    low = rest[:, 0] + upper
    carry = (low < upper).astype(np.uint64)
    rest[:, 0] = low
    middle = rest[:, 1] + carry
    rest[:, 2] = (middle < carry).astype(np.uint64)
    rest[:, 1] = middle
    return (rest == 0).all(axis=1), inverse(rest)
