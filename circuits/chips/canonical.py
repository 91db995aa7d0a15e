"""Chip ``canonical``: field elements as integers below r, in 128-bit halves, one row per distinct element.

Columns
    count            how many callers ask for this row
    hi[8], lo[8]     16-bit limbs of the halves
    borrow           1 where the low half is above that of r - 1
    below_hi[8], below_lo[8]  16-bit limbs of the halves of r - 1 - element

Constraints, with HI and LO the halves of r - 1
    1. "borrow is a bit"
    2. "low half of the distance":  below_lo = LO - lo + 2^128 borrow
    3. "high half of the distance": below_hi = HI - hi - borrow
Interactions
    4. each of the 32 limbs is in the 16-bit table (padding rows too: they hold the element 0)
    5. receives (2^128 hi + lo, hi, lo) ``count`` times

By 2. to 4. the integer hi 2^128 + lo is r - 1 minus a non-negative integer, so it is the canonical one and
the halves are a function of the element. ``count`` is free: a tuple that nobody asks for unbalances the bus.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.air.chip import AirBuilder, Bus, Chip
from zkroll.circuits.air.expr import weighted
from zkroll.circuits.air.gadgets import limbs16, range16
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.chips.limbs import extend, halves, limbs_of, subtract

CANONICAL: Final = Bus("canonical", 70, ("value", "hi", "lo"))

TOP_HI: Final = (R_MODULUS - 1) >> 128
TOP_LO: Final = (R_MODULUS - 1) % 2**128


class CanonicalChip(Chip):
    """Halves of field elements."""

    name = "canonical"

    def define(self, b: AirBuilder) -> None:
        count = b.column("count")
        hi, lo = b.columns("hi", 8), b.columns("lo", 8)
        borrow = b.bit("borrow")
        below_hi, below_lo = b.columns("below_hi", 8), b.columns("below_lo", 8)
        high, low = weighted(hi, 2**16), weighted(lo, 2**16)
        b.constrain("low half of the distance", weighted(below_lo, 2**16) - TOP_LO + low - borrow * 2**128)
        b.constrain("high half of the distance", weighted(below_hi, 2**16) - TOP_HI + high + borrow)
        for name, limbs in (("hi", hi), ("lo", lo), ("below_hi", below_hi), ("below_lo", below_lo)):
            for i, limb in enumerate(limbs):
                range16(b, f"{name}[{i}]", limb)
        b.receive("answers with the halves", CANONICAL, (high * 2**128 + low, high, low), count)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        requests = ctx.requests(CANONICAL).unique()
        if not len(requests) and self.name not in ctx.shape.heights:
            return None
        height = ctx.shape.height(self, len(requests))
        values = extend(requests.field("value"), height)
        hi, lo = halves(values)
        below, _ = subtract(limbs_of([R_MODULUS - 1] * height), values)
        below_hi, below_lo = halves(below)
        _, borrow = subtract(halves(limbs_of([TOP_LO] * height))[1], lo)
        return {
            "count": extend(requests.multiplicity, height),
            "hi": limbs16(hi, 8),
            "lo": limbs16(lo, 8),
            "borrow": borrow,
            "below_hi": limbs16(below_hi, 8),
            "below_lo": limbs16(below_lo, 8),
        }
