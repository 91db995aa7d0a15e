"""SLT, SGT, EQ, ISZERO and NOT.

Columns: one flag per opcode; words a, b, c; signs and the other 127 bits of a.hi and b.hi in 16-bit limbs; the
unsigned comparison; whether the halves of a and b agree; how often the row is asked for.

    1. the flags are bits, at most one is set; the count is 0 where none is
    2. SLT, SGT: x.hi = sign_x 2^127 + rest_x with rest_x in 127 bits, for x = a, b
    3. SLT: c = unsigned + sign_a - sign_b;  SGT: c = unsigned + sign_b - sign_a, unsigned from ALU LT or GT
       (equal signs: two's complement orders like unsigned; else the negative number has the larger unsigned)
    4. EQ, ISZERO: c = same_hi * same_lo; ISZERO compares with b = 0
    5. NOT: c = 2^128 - 1 - a half by half
    6. the high half of c is 0 but for NOT
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.expr import Expr, total, weighted
from zkroll.circuits.air.gadgets import fill_is_zero, is_zero, limbs16, range16
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import ALU
from zkroll.circuits.chips.add import GT, LT

SLT: Final = 0x12
SGT: Final = 0x13
EQ: Final = 0x14
ISZERO: Final = 0x15
NOT: Final = 0x19
_OPS: Final = {"is_slt": SLT, "is_sgt": SGT, "is_eq": EQ, "is_iszero": ISZERO, "is_not": NOT}


class Compare(Chip):
    """Serves ALU for SLT, SGT, EQ, ISZERO, NOT."""

    name: ClassVar[str] = "compare"

    def define(self, b: AirBuilder) -> None:
        flags = {name: b.bit(name) for name in _OPS}
        is_slt, is_sgt, is_eq, is_iszero, is_not = flags.values()
        x, y, c = b.word("a"), b.word("b"), b.word("c")
        count = b.column("count")
        active = total(flags.values())
        b.constrain("one opcode", active * (active - 1))
        b.constrain("no answers from padding", count * (1 - active))

        signed = is_slt + is_sgt
        sign_a, sign_b = self._sign(b, "a", x.hi, signed), self._sign(b, "b", y.hi, signed)
        unsigned = b.column("unsigned")
        order = is_slt * LT + is_sgt * GT
        b.send("unsigned order", ALU, (order, x.hi, x.lo, y.hi, y.lo, 0, unsigned), signed)
        b.constrain("signed less", is_slt * (unsigned + sign_a - sign_b - c.lo))
        b.constrain("signed greater", is_sgt * (unsigned + sign_b - sign_a - c.lo))

        same_hi = is_zero(b, "same_hi", x.hi - y.hi, active)
        same_lo = is_zero(b, "same_lo", x.lo - y.lo, active)
        b.constrain("equal", (is_eq + is_iszero) * (same_hi * same_lo - c.lo))
        b.constrain("compares with zero, high", is_iszero * y.hi)
        b.constrain("compares with zero, low", is_iszero * y.lo)
        b.constrain("complement of the high half", is_not * (x.hi + c.hi - (2**128 - 1)))
        b.constrain("complement of the low half", is_not * (x.lo + c.lo - (2**128 - 1)))
        b.constrain("high half of a truth value", (1 - is_not) * c.hi)

        op = total(flag * _OPS[name] for name, flag in flags.items())
        b.receive("comparison", ALU, (op, x.hi, x.lo, y.hi, y.lo, c.hi, c.lo), count)

    @staticmethod
    def _sign(b: AirBuilder, name: str, half: Expr, when: Expr) -> Expr:
        """The top bit of a 128-bit half; the top limb of the rest is below 2^15."""
        sign = b.bit(f"sign_{name}")
        limbs = b.columns(f"rest_{name}", 8)
        b.constrain(f"sign and rest of {name}", when * (sign * 2**127 + weighted(limbs, 2**16) - half))
        for i, limb in enumerate(limbs):
            range16(b, f"rest_{name}[{i}]", limb if i < 7 else 2 * limb, when)
        # a limb that only doubles into range could be half an odd number, which is huge: bound it itself too
        range16(b, f"rest_{name}[7] itself", limbs[7], when)
        return sign

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        asked = ctx.requests(ALU)
        asked = asked.select(np.isin(asked.small("op"), list(_OPS.values()))).unique()
        if not len(asked):
            return None
        op = asked.small("op")
        a, b, c = (asked.word(f"{x}_hi", f"{x}_lo") for x in "abc")
        signed = (op == SLT) | (op == SGT)
        sign_a, rest_a = _split(a, signed)
        sign_b, rest_b = _split(b, signed)
        difference = sign_a.astype(np.int64) - sign_b.astype(np.int64)
        unsigned = np.where(
            signed, c[:, 0].astype(np.int64) - np.where(op == SLT, difference, -difference), 0
        )
        same_hi, inverse_hi = fill_is_zero(a[:, 2:], b[:, 2:])
        same_lo, inverse_lo = fill_is_zero(a[:, :2], b[:, :2])
        return {
            **{name: op == code for name, code in _OPS.items()},
            "a": a, "b": b, "c": c, "count": asked.multiplicity, "sign_a": sign_a, "rest_a": rest_a,
            "sign_b": sign_b, "rest_b": rest_b, "unsigned": unsigned,
            "same_hi": same_hi, "same_hi_inverse": inverse_hi, "same_lo": same_lo, "same_lo_inverse": inverse_lo,
        }  # fmt: skip


def _split(
    words: NDArray[np.uint64], signed: NDArray[np.bool_]
) -> tuple[NDArray[np.uint64], NDArray[np.uint16]]:
    """Sign and 16-bit limbs of the rest of the high half; zeros where not signed."""
    hi = np.where(signed[:, None], words[:, 2:], np.uint64(0))
    sign = hi[:, 1] >> np.uint64(63)
    rest = hi.copy()
    rest[:, 1] &= np.uint64(2**63 - 1)
    return sign, limbs16(rest, 8)
