"""What touching a range of memory costs: answers EXPAND (Yellow Paper, appendix H: 3 w + floor(w^2 / 512)).

Columns:
  active, count        1 in used rows; how often the row is asked for
  words_before, offset, length   the request; offset and length are words (256 bits)
  empty, large, grows  bits: length is 0; offset + length reaches 2^32 (and is not empty); memory grows
  high_zero            offset.hi + length.hi = 0 (with an inverse each for it and for empty)
  reach[9]             16-bit limbs of offset.lo + length.lo, or of that - 2^32 in large rows
  end_words, end_pad   32 end_words = offset + length + end_pad, end_pad < 32
  length_words, length_limbs[2], length_pad   the same of the length
  gap[2]               limbs of |end_words - words_before|
  squares: q_before[3], r_before, q_after[3], r_after     w^2 = 512 q + r, q in 16-bit limbs

Constraints, with fits = active - empty - large:
  1. flags are bits; empty and high_zero are what they say; large only where not empty, grows only where it
     fits; count only in active rows
  2. large and high_zero: offset.lo + length.lo = 2^32 + reach;  fits: high halves are 0, the sum is reach and
     its limbs from the third on are 0, so offset + length < 2^32
  3. fits: the equations of end_words, length_words; length_words is 0 elsewhere
  4. fits: gap = end_words - words_before if it grows, else words_before - end_words
  5. grows: words_before^2 and end_words^2 are split
  6. limbs are in 16 bits, pads and remainders below 32 and 512 (x and x * 2^11, x * 2^7 in 16 bits)
The answer: words_after = words_before, or end_words where it grows; length_words; the length in bytes where
it fits; gas = 3 (end_words - words_before) + q_after - q_before where it grows, TOO_LARGE_GAS if large.

Sound because callers give offset and length as words and words_before below 2^28, so nothing wraps; gap
bounds end_words, which makes its equation one between integers, and the limbs do so for length_words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.expr import Expr, total, weighted
from zkroll.circuits.air.gadgets import is_zero, limbs16, range16
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import EXPAND, TOO_LARGE_GAS
from zkroll.circuits.chips.limbs import inverse

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]


class Expansion(Chip):
    """Serves EXPAND."""

    name: ClassVar[str] = "expansion"

    def define(self, b: AirBuilder) -> None:
        active, large, grows = b.bit("active"), b.bit("large"), b.bit("grows")
        count, before = b.column("count"), b.column("words_before")
        offset, length = b.word("offset"), b.word("length")
        empty = is_zero(b, "empty", length.hi + length.lo, active)
        high_zero = is_zero(b, "high_zero", offset.hi + length.hi, active)
        b.constrain("large only where not empty", large * (active - empty - 1))
        fits = active - empty - large
        b.constrain("grows only where it fits", grows * (fits - 1))
        b.constrain("no answers from padding", count * (1 - active))

        reach = self._limbs(b, "reach", 9, active)
        sum_lo = offset.lo + length.lo
        b.constrain("large reaches 2^32", large * high_zero * (sum_lo - 2**32 - weighted(reach, 2**16)))
        b.constrain("fits without high halves", fits * (offset.hi + length.hi))
        b.constrain("reach is the end", fits * (sum_lo - weighted(reach, 2**16)))
        b.constrain("the end is below 2^32", fits * total(reach[2:]))

        end_words, length_words = b.column("end_words"), b.column("length_words")
        end_pad, length_pad = b.column("end_pad"), b.column("length_pad")
        b.constrain("words to the end", fits * (32 * end_words - sum_lo - end_pad))
        b.constrain("words of the length", fits * (32 * length_words - length.lo - length_pad))
        b.constrain("no length where it does not fit", (1 - fits) * length_words)
        length_limbs = self._limbs(b, "length_limbs", 2, active)
        b.constrain("length_limbs compose length_words", weighted(length_limbs, 2**16) - length_words)
        gap = self._limbs(b, "gap", 2, active)
        difference = end_words - before
        b.constrain("gap", fits * ((2 * grows - 1) * difference - weighted(gap, 2**16)))
        self._below(b, "end_pad", end_pad, 5, active)
        self._below(b, "length_pad", length_pad, 5, active)

        quotient: dict[str, Expr] = {}
        for name, words in (("before", before), ("after", end_words)):
            quotient[name] = weighted(self._limbs(b, f"q_{name}", 3, active), 2**16)
            rest = b.column(f"r_{name}")
            self._below(b, f"r_{name}", rest, 9, active)
            b.constrain(f"square of words {name}", grows * (words * words - 512 * quotient[name] - rest))
        gas = grows * (3 * difference + quotient["after"] - quotient["before"]) + TOO_LARGE_GAS * large
        answer = (before + grows * difference, length_words, fits * length.lo, gas)
        request = (before, offset.hi, offset.lo, length.hi, length.lo)
        b.receive("expand", EXPAND, (*request, *answer), count)

    @staticmethod
    def _limbs(b: AirBuilder, name: str, width: int, when: Expr) -> list[Expr]:
        limbs = b.columns(name, width)
        for i, limb in enumerate(limbs):
            range16(b, f"{name}[{i}]", limb, when)
        return limbs

    @staticmethod
    def _below(b: AirBuilder, name: str, value: Expr, bits: int, when: Expr) -> None:
        """value < 2^bits, bits < 16: it and its multiple by 2^(16 - bits) fit 16 bits."""
        range16(b, name, value, when)
        range16(b, f"{name} * 2^{16 - bits}", value * 2 ** (16 - bits), when)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        asked = ctx.requests(EXPAND).unique()
        if not len(asked):
            return None
        before = asked.small("words_before").astype(np.int64)
        offset, length = asked.word("offset_hi", "offset_lo"), asked.word("length_hi", "length_lo")
        high, low = _add(offset[:, 2:], length[:, 2:]), _add(offset[:, :2], length[:, :2])
        size = _add(length[:, :2], length[:, 2:])
        empty, high_zero = (length == 0).all(axis=1), (high == 0).all(axis=1)
        past = high.any(axis=1) | low[:, 1:].any(axis=1) | (low[:, 0] >= 2**32)
        large, fits = past & ~empty, ~past & ~empty
        reach = np.where(large[:, None], _minus_2_32(low), low)
        reach[~(fits | (large & high_zero))] = 0
        end, bytes_ = (np.where(fits, x, 0).astype(np.int64) for x in (low[:, 0], length[:, 0]))
        end_words, length_words = (end + 31) // 32, (bytes_ + 31) // 32
        grows = fits & (end_words > before)
        squares = np.where(grows, before**2, 0), np.where(grows, end_words**2, 0)
        return {
            "active": np.ones(len(asked), dtype=np.int64), "count": asked.multiplicity,
            "words_before": before, "offset": offset, "length": length, "large": large, "grows": grows,
            "empty": empty, "empty_inverse": inverse(size),
            "high_zero": high_zero, "high_zero_inverse": inverse(high),
            "reach": limbs16(reach, 9), "end_words": end_words, "end_pad": 32 * end_words - end,
            "length_words": length_words, "length_pad": 32 * length_words - bytes_,
            "length_limbs": limbs16(length_words, 2),
            "gap": limbs16(np.where(fits, np.abs(end_words - before), 0), 2),
            "q_before": limbs16(squares[0] // 512, 3), "r_before": squares[0] % 512,
            "q_after": limbs16(squares[1] // 512, 3), "r_after": squares[1] % 512,
        }  # fmt: skip


def _add(a: U64, b: U64) -> U64:
    """(rows, 2) + (rows, 2) limbs as (rows, 3)."""
    low = a[:, 0] + b[:, 0]
    carry = (low < a[:, 0]).astype(np.uint64)
    middle = a[:, 1] + b[:, 1]
    top = (middle < a[:, 1]).astype(np.uint64)
    with_carry = middle + carry
    return np.stack([low, with_carry, top + (with_carry < middle).astype(np.uint64)], axis=1)


def _minus_2_32(a: U64) -> NDArray[Any]:
    """(rows, 3) limbs less 2^32 (modulo 2^192)."""
    out = a.copy()
    out[:, 0] = a[:, 0] - np.uint64(2**32)
    borrow = a[:, 0] < 2**32
    out[:, 1] = a[:, 1] - borrow.astype(np.uint64)
    out[:, 2] = a[:, 2] - (borrow & (a[:, 1] == 0)).astype(np.uint64)
    return out
