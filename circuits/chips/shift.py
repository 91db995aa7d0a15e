"""SHL, SHR and SAR by powers of two: a shift is a product or a quotient that another chip vouches for.

Columns: one flag per opcode; the shift s and the value v; whether s > 255 (``large``) and whether v counts
as negative (``negative``, SAR only); power = 2^s; u, the shifted magnitude; how often the row is asked for.

    1. the flags are bits, at most one is set; ``large`` and ``negative`` are bits; padding rows are 0
    2. large = GT(s, 255);  SAR: negative = GT(v, 2^255 - 1), else negative = 0
    3. not large: power = POW2(s.lo);  large: power = 0
    4. not large: u = MUL(x, power) for SHL, DIV(x, power) for SHR and SAR;  large: u = 0
       where x = NOT v if negative, else v
    5. the answer is NOT u if negative, else u

An arithmetic shift rounds towards minus infinity, and NOT turns that into the quotient of a nonnegative
number: floor(-(n + 1) / 2^s) = -(floor(n / 2^s) + 1). NOT is 2^128 - 1 - half in both halves.

Sound: callers send words, so 2 fixes the bits and with large = 0 makes s.hi = 0 and s.lo <= 255, the
exponent of POW2; u is a word because MUL and DIV answer with words, and its complement is one as well.
Every cell but the count is a function of the request; the count is what the bus balances.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np

from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.expr import Expr, total
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import ALU, POW2
from zkroll.circuits.chips.add import GT
from zkroll.circuits.chips.divmod import DIV
from zkroll.circuits.chips.limbs import limbs_of, shift_left, shift_right
from zkroll.circuits.chips.mul import MUL

SHL: Final = 0x1B
SHR: Final = 0x1C
SAR: Final = 0x1D
_OPS: Final = {"is_shl": SHL, "is_shr": SHR, "is_sar": SAR}
_HALF: Final = 2**128 - 1


class Shift(Chip):
    """Serves ALU for SHL, SHR, SAR."""

    name: ClassVar[str] = "shift"

    def define(self, b: AirBuilder) -> None:
        flags = {name: b.bit(name) for name in _OPS}
        is_shl, is_shr, is_sar = flags.values()
        s, v, power, u = b.word("s"), b.word("v"), b.word("power"), b.word("u")
        large, negative = b.bit("large"), b.bit("negative")
        count = b.column("count")
        active = total(flags.values())
        b.constrain("one opcode", active * (active - 1))
        b.zero_in_padding(active, but=tuple(flags))
        b.constrain("only SAR has a sign", negative * (1 - is_sar))
        for name, word in (("power", power), ("shifted", u)):
            b.constrain(f"a large shift leaves no {name}, high", large * word.hi)
            b.constrain(f"a large shift leaves no {name}, low", large * word.lo)

        b.send("shift above 255", ALU, (GT, s.hi, s.lo, 0, 255, 0, large), active)
        b.send("sign", ALU, (GT, v.hi, v.lo, 2**127 - 1, _HALF, 0, negative), is_sar)
        b.send("power of two", POW2, (s.lo, power.hi, power.lo), active - large)
        scale = is_shl * MUL + (is_shr + is_sar) * DIV
        x = [_flip(v.hi, negative), _flip(v.lo, negative)]
        b.send("scaling", ALU, (scale, *x, power.hi, power.lo, u.hi, u.lo), active - large)

        op = total(flag * _OPS[name] for name, flag in flags.items())
        c = [_flip(u.hi, negative), _flip(u.lo, negative)]
        b.receive("shift", ALU, (op, s.hi, s.lo, v.hi, v.lo, *c), count)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        asked = ctx.requests(ALU)
        asked = asked.select(np.isin(asked.small("op"), list(_OPS.values()))).unique()
        if not len(asked):
            return None
        op = asked.small("op")
        s, v = asked.word("a_hi", "a_lo"), asked.word("b_hi", "b_lo")
        large = s[:, 1:].any(axis=1) | (s[:, 0] > 255)
        negative = (op == SAR) & (v[:, 3] >> np.uint64(63)).astype(np.bool_)
        amount = np.where(large, 0, s[:, 0].astype(np.int64))
        x = np.where(negative[:, None], ~v, v)
        u = np.where((op == SHL)[:, None], shift_left(x, amount), shift_right(x, amount))
        power = shift_left(np.repeat(limbs_of([1]), len(asked), axis=0), amount)
        nothing = np.uint64(0)
        return {
            **{name: op == code for name, code in _OPS.items()},
            "s": s, "v": v, "large": large, "negative": negative, "count": asked.multiplicity,
            "power": np.where(large[:, None], nothing, power), "u": np.where(large[:, None], nothing, u),
        }  # fmt: skip


def _flip(half: Expr, when: Expr) -> Expr:
    """The complement of a 128-bit half where ``when`` is 1, the half itself where it is 0."""
    return half + when * (_HALF - 2 * half)
