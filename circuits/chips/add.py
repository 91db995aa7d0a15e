"""ADD, SUB, LT and GT: one addition with carry serves all four.

Columns: one flag per opcode; words p, q, r; a carry bit per half; 16-bit limbs of one of the words; how often
the row is asked for.

    1. the flags are bits, at most one is set; the count is 0 where none is
    2. p.lo + q.lo = r.lo + carry_lo 2^128,  p.hi + q.hi + carry_lo = r.hi + carry_hi 2^128
    3. ADD: the halves of r are in 128 bits; else those of q

    ADD  c = a + b mod 2^256      (p, q, r) = (a, b, c)
    SUB  c = a - b mod 2^256      (p, q, r) = (b, c, a)
    LT   c = carry_hi             (p, q, r) = (b, -, a): b + q = a + 2^256 carry_hi, so carry_hi = 1 iff a < b
    GT   c = carry_hi             (p, q, r) = (a, -, b)

Sound: callers send words, so two of p, q, r are in range by assumption and 3 bounds the third; then both
equations of 2 hold over the integers (no side reaches 2^130) and determine the third word and the carries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.expr import total
from zkroll.circuits.air.gadgets import range_limbs, word_limbs16
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import ALU

ADD: Final = 0x01
SUB: Final = 0x03
LT: Final = 0x10
GT: Final = 0x11
_OPS: Final = {"is_add": ADD, "is_sub": SUB, "is_lt": LT, "is_gt": GT}


class Add(Chip):
    """Serves ALU for ADD, SUB, LT, GT."""

    name: ClassVar[str] = "add"

    def define(self, b: AirBuilder) -> None:
        flags = {name: b.bit(name) for name in _OPS}
        p, q, r = b.word("p"), b.word("q"), b.word("r")
        carry_lo, carry_hi = b.bit("carry_lo"), b.bit("carry_hi")
        count = b.column("count")
        active = total(flags.values())
        b.constrain("one opcode", active * (active - 1))
        b.constrain("no answers from padding", count * (1 - active))
        b.constrain("low halves add up", p.lo + q.lo - r.lo - carry_lo * 2**128)
        b.constrain("high halves add up", p.hi + q.hi + carry_lo - r.hi - carry_hi * 2**128)

        is_add, is_sub, is_lt, is_gt = flags.values()
        range_limbs(b, "hi_limbs", is_add * r.hi + (1 - is_add) * q.hi, 128, active)
        range_limbs(b, "lo_limbs", is_add * r.lo + (1 - is_add) * q.lo, 128, active)

        op = total(flag * _OPS[name] for name, flag in flags.items())
        from_p, from_r = is_add + is_gt, is_sub + is_lt
        a = [from_p * p.hi + from_r * r.hi, from_p * p.lo + from_r * r.lo]
        second = [
            is_add * getattr(q, half) + from_r * getattr(p, half) + is_gt * getattr(r, half)
            for half in ("hi", "lo")
        ]
        c = [is_add * r.hi + is_sub * q.hi, is_add * r.lo + is_sub * q.lo + (is_lt + is_gt) * carry_hi]
        b.receive("addition", ALU, (op, *a, *second, *c), count)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        asked = ctx.requests(ALU)
        asked = asked.select(np.isin(asked.small("op"), list(_OPS.values()))).unique()
        if not len(asked):
            return None
        op = asked.small("op")
        a, b, c = (asked.word(f"{x}_hi", f"{x}_lo") for x in "abc")
        is_add, is_sub, _, is_gt = ((op == code)[:, None] for code in _OPS.values())
        p = np.where(is_add | is_gt, a, b)
        r = np.where(is_add, c, np.where(is_gt, b, a))
        q = np.where(is_add, b, np.where(is_sub, c, subtract_words(r, p)))
        low = add_carry(p[:, :2], q[:, :2], np.zeros(len(asked), dtype=np.uint64))
        high = add_carry(p[:, 2:], q[:, 2:], low)
        hi, lo = word_limbs16(np.where(is_add, r, q))
        return {
            **{name: op == code for name, code in _OPS.items()},
            "p": p, "q": q, "r": r, "carry_lo": low, "carry_hi": high, "count": asked.multiplicity,
            "hi_limbs": hi, "lo_limbs": lo,
        }  # fmt: skip


def add_carry(x: NDArray[np.uint64], y: NDArray[np.uint64], carry: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The carry out of x + y + carry, limb by limb; x, y (rows, k), carry (rows,) of 0 and 1."""
    for k in range(x.shape[1]):
        partial = x[:, k] + y[:, k]
        carry = (partial < x[:, k]).astype(np.uint64) | ((partial + carry) < partial).astype(np.uint64)
    return carry


def subtract_words(x: NDArray[np.uint64], y: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """x - y modulo 2^256, (rows, 4) limbs."""
    out = np.empty_like(x)
    borrow = np.zeros(x.shape[0], dtype=np.uint64)
    for k in range(4):
        difference = x[:, k] - y[:, k]
        out[:, k] = difference - borrow
        borrow = (x[:, k] < y[:, k]).astype(np.uint64) | (difference < borrow).astype(np.uint64)
    return out
