"""MUL, and the exact product of two words for those who need all of its 512 bits.

Columns: a flag per service; 16-bit limbs of a, b (16 each), of the product w (4 parts of 128 bits, 8 limbs
each) and of the carries k_0, k_1, k_2 (5 limbs each); how often the row is asked for.

With a_i, b_i the 64-bit limbs (sums of four 16-bit ones), col_m = sum_(i+j=m) a_i b_j and k_-1 = k_3 = 0:

    1. the flags are bits, at most one is set; without one the whole row is 0
    2. col_2j + 2^64 col_(2j+1) + k_(j-1) = w_j + 2^128 k_j  for j = 0 … 3
    3. every limb is in 16 bits

    MUL       c = w_1 2^128 + w_0
    WIDE_MUL  (w3, w2, w1, w0)

Sound: callers send words, so the limbs of a and b are determined by them. The left side of 2 is below 2^196
and the right side below 2^209, so it holds over the integers, and w_j < 2^128 makes w_j and k_j its remainder
and quotient. An honest k_j is below 2^68 and fits its 80 bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from zkroll.circuits.air.chip import AirBuilder, Bus, Chip
from zkroll.circuits.air.expr import ZERO, Expr, total, weighted
from zkroll.circuits.air.gadgets import limbs16, range16
from zkroll.circuits.air.witness import ColumnData, FillContext, Requests
from zkroll.circuits.buses import ALU

MUL: Final = 0x02
CARRY_LIMBS: Final = 5
_PART: Final = 8  # 16-bit limbs of 128 bits
I64 = NDArray[np.int64]

#: a * b = sum w_i 2^(128 i), every w_i in 128 bits; a and b must be words
WIDE_MUL: Final = Bus("wide_mul", 90, ("a_hi", "a_lo", "b_hi", "b_lo", "w3", "w2", "w1", "w0"))


class Mul(Chip):
    """Serves ALU for MUL, and WIDE_MUL."""

    name: ClassVar[str] = "mul"

    def define(self, b: AirBuilder) -> None:
        is_mul, is_wide = b.bit("is_mul"), b.bit("is_wide")
        active = is_mul + is_wide
        b.constrain("one service", active * (active - 1))
        count = b.column("count")
        x, y = limb_columns(b, "a", 16, active), limb_columns(b, "b", 16, active)
        product = limb_columns(b, "w", 32, active)
        carries = limb_columns(b, "carry", 3 * CARRY_LIMBS, active)
        b.zero_in_padding(active, but=("is_mul", "is_wide"))

        w = compose(product, _PART)
        k = [ZERO, *compose(carries, CARRY_LIMBS), ZERO]
        for j, pair in enumerate(pair_products(compose(x, 4), compose(y, 4))):
            b.constrain(f"part {j} of the product", pair + k[j] - w[j] - k[j + 1] * 2**128)

        (a_lo, a_hi), (b_lo, b_hi) = compose(x, _PART), compose(y, _PART)
        b.receive("product", ALU, (MUL, a_hi, a_lo, b_hi, b_lo, w[1], w[0]), is_mul * count)
        b.receive("wide product", WIDE_MUL, (a_hi, a_lo, b_hi, b_lo, *reversed(w)), is_wide * count)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        products = ctx.requests(ALU)
        products = products.select(products.small("op") == MUL).unique()
        asked: list[Requests] = [products, ctx.requests(WIDE_MUL).unique()]
        is_mul = np.repeat([True, False], [len(part) for part in asked])
        if not len(is_mul):
            return None
        x, y = (
            limbs16(np.concatenate([part.word(f"{name}_hi", f"{name}_lo") for part in asked]), 16)
            for name in "ab"
        )
        w, carries = multiply(x, y)
        return {
            "is_mul": is_mul, "is_wide": ~is_mul, "count": np.concatenate([part.multiplicity for part in asked]),
            "a": x, "b": y, "w": w, "carry": carries,
        }  # fmt: skip


def limb_columns(b: AirBuilder, name: str, width: int, when: Expr) -> list[Expr]:
    """Columns ``name`` in [0, 2^16) in rows with ``when`` = 1."""
    limbs = b.columns(name, width)
    for i, limb in enumerate(limbs):
        range16(b, f"{name}[{i}]", limb, when)
    return limbs


def compose(limbs: Sequence[Expr], size: int) -> list[Expr]:
    """The numbers made of ``size`` 16-bit limbs each."""
    return [weighted(limbs[i : i + size], 2**16) for i in range(0, len(limbs), size)]


def pair_products(x: Sequence[Expr], y: Sequence[Expr]) -> list[Expr]:
    """The columns of the product of two numbers of 64-bit limbs, two at a time: col_2j + 2^64 col_(2j+1)."""
    columns = [
        total(x[i] * y[m - i] for i in range(len(x)) if 0 <= m - i < len(y)) for m in range(len(x) + len(y))
    ]
    return [columns[m] + columns[m + 1] * 2**64 for m in range(0, len(columns), 2)]


def pair_columns(x: NDArray[np.uint16], y: NDArray[np.uint16]) -> I64:
    """The values of ``pair_products`` for (rows, 4 n) 16-bit limbs: (pairs, rows, 13) digits of base 2^16.

    The digits are sums of at most 32 products, below 2^37, and not yet carried.
    """
    p, q = x.shape[1] // 4, y.shape[1] // 4
    first = x.astype(np.int64).reshape(-1, p, 4)
    second = y.astype(np.int64).reshape(-1, q, 4)
    out = np.zeros(((p + q) // 2, x.shape[0], _PART + CARRY_LIMBS), dtype=np.int64)
    for i in range(p):
        for j in range(q):
            pair, odd = divmod(i + j, 2)
            for k in range(4):
                at = 4 * odd + k
                out[pair, :, at : at + 4] += first[:, i, k, None] * second[:, j]
    return out


def carry_digits(digits: I64) -> I64:
    """The same nonnegative numbers with every digit (of base 2^16) in range; (rows, k)."""
    out = np.empty_like(digits)
    carry = np.zeros(digits.shape[0], dtype=np.int64)
    for k in range(digits.shape[1]):
        value = digits[:, k] + carry
        out[:, k] = value & 0xFFFF
        carry = value >> 16
    return out


def multiply(x: NDArray[np.uint16], y: NDArray[np.uint16]) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Product (rows, 32) and carries (rows, 15) of (rows, 16) 16-bit limbs, as the chip's columns."""
    parts, carries = [], []
    carry = np.zeros((x.shape[0], CARRY_LIMBS), dtype=np.int64)
    for digits in pair_columns(x, y):
        digits[:, :CARRY_LIMBS] += carry
        value = carry_digits(digits)
        parts.append(value[:, :_PART])
        carry = value[:, _PART:]
        carries.append(carry)
    return np.concatenate(parts, axis=1).astype(np.uint16), np.concatenate(carries[:3], axis=1).astype(
        np.uint16
    )
