"""SDIV and SMOD, put together from unsigned operations of the ALU.

Columns: a flag per opcode; words a, b, their absolute values, the unsigned result u and the result c; the
signs of a, b and c; how often the row is asked for.

    1. the flags are bits, at most one is set; without one the whole row is 0
    2. the sign of x is GT(x, 2^255 - 1), for x = a, b
    3. |x| = SUB(0, x) where the sign is set, else x
    4. u = DIV(|a|, |b|) or MOD(|a|, |b|)
    5. negative = the signs of a and b differ (SDIV), the sign of a (SMOD)
    6. c = SUB(0, u) where negative, else u

Sound: every step is an operation that other chips vouch for, on words that callers or these chips vouch for, so c
is determined by a and b; none of them is SDIV or SMOD, so nothing rests on itself. -2^255 has the absolute value
2^255, so -2^255 / -1 = 2^255 = -2^255 as the EVM has it. Division by zero gives u = 0 and SUB(0, 0) = 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.kernels.division_kernels import divide
from zkroll.circuits.air.chip import AirBuilder, Chip, Word
from zkroll.circuits.air.expr import Expr
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import ALU
from zkroll.circuits.chips.add import GT, SUB, subtract_words
from zkroll.circuits.chips.divmod import DIV, MOD

SDIV: Final = 0x05
SMOD: Final = 0x07
_OPS: Final = {"is_sdiv": SDIV, "is_smod": SMOD}
U64 = NDArray[np.uint64]


class SignedDivision(Chip):
    """Serves ALU for SDIV and SMOD; filled before ``DivMod`` and ``Add``."""

    name: ClassVar[str] = "signed_division"

    def define(self, b: AirBuilder) -> None:
        is_sdiv, is_smod = (b.bit(name) for name in _OPS)
        active = is_sdiv + is_smod
        b.constrain("one opcode", active * (active - 1))
        count = b.column("count")
        x, y, u, c = (b.word(name) for name in ("a", "b", "u", "c"))
        sign_a, abs_a = self._absolute(b, "a", x, active)
        sign_b, abs_b = self._absolute(b, "b", y, active)
        b.send(
            "unsigned division",
            ALU,
            (is_sdiv * DIV + is_smod * MOD, *_pair(abs_a), *_pair(abs_b), *_pair(u)),
            active,
        )

        negative = b.column("negative")
        differ = sign_a + sign_b - 2 * sign_a * sign_b
        b.constrain("sign of the result", is_sdiv * differ + is_smod * sign_a - negative)
        _negate_or_keep(b, "result", u, c, negative)
        b.zero_in_padding(active, but=tuple(_OPS))

        op = is_sdiv * SDIV + is_smod * SMOD
        b.receive("signed division", ALU, (op, *_pair(x), *_pair(y), *_pair(c)), count)

    @staticmethod
    def _absolute(b: AirBuilder, name: str, word: Word, active: Expr) -> tuple[Expr, Word]:
        """The sign and the absolute value of a word."""
        sign, absolute = b.bit(f"sign_{name}"), b.word(f"abs_{name}")
        largest = 2**127 - 1, 2**128 - 1  # the halves of 2^255 - 1
        b.send(f"sign of {name}", ALU, (GT, *_pair(word), *largest, 0, sign), active)
        _negate_or_keep(b, f"absolute value of {name}", word, absolute, sign)
        return sign, absolute

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        asked = ctx.requests(ALU)
        asked = asked.select(np.isin(asked.small("op"), list(_OPS.values()))).unique()
        if not len(asked):
            return None
        is_sdiv = asked.small("op") == SDIV
        a, b = asked.word("a_hi", "a_lo"), asked.word("b_hi", "b_lo")
        sign_a, sign_b = a[:, 3] >> np.uint64(63) == 1, b[:, 3] >> np.uint64(63) == 1
        abs_a, abs_b = _negated(a, sign_a), _negated(b, sign_b)
        rows = len(asked)
        quotient, remainder = np.empty((rows, 8), dtype=np.uint64), np.empty((rows, 4), dtype=np.uint64)
        dividend = np.concatenate([abs_a, np.zeros_like(abs_a)], axis=1)
        divide(dividend, np.ascontiguousarray(abs_b), quotient, remainder)
        u = np.where(is_sdiv[:, None], quotient[:, :4], remainder)
        negative = np.where(is_sdiv, sign_a ^ sign_b, sign_a)
        return {
            "is_sdiv": is_sdiv, "is_smod": ~is_sdiv, "count": asked.multiplicity, "a": a, "b": b, "u": u,
            "c": _negated(u, negative), "sign_a": sign_a, "abs_a": abs_a, "sign_b": sign_b, "abs_b": abs_b,
            "negative": negative,
        }  # fmt: skip


def _pair(word: Word) -> tuple[Expr, Expr]:
    return word.hi, word.lo


def _negate_or_keep(b: AirBuilder, name: str, value: Word, result: Word, negate: Expr) -> None:
    """``result`` is 0 - ``value`` modulo 2^256 where ``negate`` is 1, and ``value`` where it is 0."""
    b.send(f"{name} by negation", ALU, (SUB, 0, 0, *_pair(value), *_pair(result)), negate)
    b.constrain(f"{name} as it is, high", (1 - negate) * (result.hi - value.hi))
    b.constrain(f"{name} as it is, low", (1 - negate) * (result.lo - value.lo))


def _negated(words: U64, where: NDArray[np.bool_]) -> U64:
    """0 - word modulo 2^256 in the rows ``where``, the word in the others."""
    return np.where(where[:, None], subtract_words(np.zeros_like(words), words), words)
