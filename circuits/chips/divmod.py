"""DIV, MOD, ADDMOD and MULMOD: one identity q n + z = w over the integers serves all four.

Columns: a flag per opcode; words a and b (b = 0 for DIV and MOD); the divisor n, the remainder z and the
slack s = n - z - 1 in 16 limbs of 16 bits each, the quotient q in 32; the dividend w in four parts; carries
k_0, k_1, k_2, each in 5 limbs that hold k_j + 1; the borrow of the slack; whether n is 0; how often the row is
asked for.

With q_i, n_i the 64-bit limbs and col_m = sum_(i+j=m) q_i n_j:

    1. the flags are bits, at most one is set; without one the whole row is 0
    2. MULMOD: (w_3, w_2, w_1, w_0) is the product of a and b by WIDE_MUL; else w_0 = a.lo + b.lo,
       w_1 = a.hi + b.hi, w_2 = w_3 = 0 (w_0, w_1 may exceed 128 bits); DIV, MOD: b = 0
    3. n = 0: zero_divisor = 1, q = 0
    4. col_2j + 2^64 col_(2j+1) + z_j + k_(j-1) = (1 - zero_divisor) w_j + 2^128 k_j  for j = 0 … 3, where
       z_0, z_1 are the halves of z, z_2 = z_3 = 0, k_-1 = k_3 = 0;  col_8 + 2^64 col_9 + col_10 = 0
    5. s = n - z - 1 (n - z where n = 0) by halves with a borrow
    6. every limb is in 16 bits

    DIV     c = q (a < 2^256, so its upper limbs are 0)        MOD, ADDMOD, MULMOD    c = z

Sound: callers send words, so n determines its limbs. Each side of 4 is below 2^210 in absolute value, so 4
holds over the integers; its parts times 2^(128 j) add up to q n + z = w, whatever the carries are (the upper
columns, sums of nonnegative numbers, all vanish). 5 says z < n, so q and z are the quotient and the remainder.
Where n = 0 that sum is z = 0; the inverse that ``is_zero`` keeps for n is free there and nothing reads it.
Honest carries are in [-1, 2^68): w_j < 2^129, and what stands on the left of 4 is at least -1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.kernels.division_kernels import divide
from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.expr import ZERO, total
from zkroll.circuits.air.gadgets import is_zero, limbs16
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import ALU, ALU3
from zkroll.circuits.chips.add import add_carry
from zkroll.circuits.chips.limbs import inverse, limbs_of, subtract
from zkroll.circuits.chips.mul import (
    CARRY_LIMBS,
    WIDE_MUL,
    carry_digits,
    compose,
    limb_columns,
    multiply,
    pair_columns,
    pair_products,
)

DIV: Final = 0x04
MOD: Final = 0x06
ADDMOD: Final = 0x08
MULMOD: Final = 0x09
_TWO: Final = {"is_div": DIV, "is_mod": MOD}
_THREE: Final = {"is_addmod": ADDMOD, "is_mulmod": MULMOD}
_PART: Final = 8  # 16-bit limbs of 128 bits
U64 = NDArray[np.uint64]


class DivMod(Chip):
    """Serves ALU for DIV and MOD, ALU3 for ADDMOD and MULMOD."""

    name: ClassVar[str] = "divmod"

    def define(self, b: AirBuilder) -> None:
        is_div, is_mod, is_addmod, is_mulmod = (b.bit(name) for name in (*_TWO, *_THREE))
        active = is_div + is_mod + is_addmod + is_mulmod
        b.constrain("one opcode", active * (active - 1))
        count = b.column("count")
        x, y = b.word("a"), b.word("b")
        w = b.columns("w", 4)
        quotient, divisor = limb_columns(b, "q", 32, active), limb_columns(b, "n", 16, active)
        remainder, slack = limb_columns(b, "z", 16, active), limb_columns(b, "slack", 16, active)
        carries = limb_columns(b, "carry", 3 * CARRY_LIMBS, active)
        borrow = b.bit("borrow")
        (n_lo, n_hi), (z_lo, z_hi), (s_lo, s_hi) = (compose(v, _PART) for v in (divisor, remainder, slack))
        zero = is_zero(b, "zero_divisor", n_hi + n_lo, active)
        b.zero_in_padding(active, but=(*_TWO, *_THREE))

        b.constrain("no second summand, high", (is_div + is_mod) * y.hi)
        b.constrain("no second summand, low", (is_div + is_mod) * y.lo)
        for j, part in enumerate((x.lo + y.lo, x.hi + y.hi, ZERO, ZERO)):
            b.constrain(f"part {j} of the sum", (1 - is_mulmod) * (w[j] - part))
        b.send("product to be reduced", WIDE_MUL, (x.hi, x.lo, y.hi, y.lo, *reversed(w)), is_mulmod)

        b.constrain(
            "no quotient by zero", zero * total(quotient)
        )  # 32 limbs in range: a sum of 0 has only zeros
        *pairs, upper, top = pair_products(compose(quotient, 4), compose(divisor, 4))
        k = [ZERO, *(value - active for value in compose(carries, CARRY_LIMBS)), ZERO]
        for j, (pair, z) in enumerate(zip(pairs, (z_lo, z_hi, ZERO, ZERO), strict=True)):
            b.constrain(f"part {j} of the identity", pair + z + k[j] - (1 - zero) * w[j] - k[j + 1] * 2**128)
        b.constrain("the product has 512 bits", upper + top)
        b.constrain("remainder below divisor, low", n_lo - z_lo - (active - zero) + borrow * 2**128 - s_lo)
        b.constrain("remainder below divisor, high", n_hi - z_hi - borrow - s_hi)

        q_lo, q_hi, _, _ = compose(quotient, _PART)
        c = [is_div * q_hi + (1 - is_div) * z_hi, is_div * q_lo + (1 - is_div) * z_lo]
        op = is_div * DIV + is_mod * MOD
        b.receive("division", ALU, (op, x.hi, x.lo, n_hi, n_lo, *c), (is_div + is_mod) * count)
        op = is_addmod * ADDMOD + is_mulmod * MULMOD
        values = (op, x.hi, x.lo, y.hi, y.lo, n_hi, n_lo, z_hi, z_lo)
        b.receive("modular operation", ALU3, values, (is_addmod + is_mulmod) * count)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        two, three = ctx.requests(ALU), ctx.requests(ALU3)
        two = two.select(np.isin(two.small("op"), list(_TWO.values()))).unique()
        three = three.select(np.isin(three.small("op"), list(_THREE.values()))).unique()
        rows = len(two) + len(three)
        if not rows:
            return None
        op = np.concatenate([two.small("op"), three.small("op")])
        a = np.concatenate([two.word("a_hi", "a_lo"), three.word("a_hi", "a_lo")])
        b = np.concatenate([np.zeros((len(two), 4), dtype=np.uint64), three.word("b_hi", "b_lo")])
        n = np.concatenate([two.word("b_hi", "b_lo"), three.word("n_hi", "n_lo")])

        w, digits = _dividend(a, b, op == MULMOD)
        q, z = np.empty((rows, 8), dtype=np.uint64), np.empty((rows, 4), dtype=np.uint64)
        divide(_limbs64(carry_digits(digits)), n, q, z)
        zero = np.logical_not(n.any(axis=1))
        digits[zero] = 0
        difference, _ = subtract(n, z)
        slack, _ = subtract(difference, limbs_of([1]) * ~zero[:, None])
        low, less = subtract(n[:, :2], z[:, :2])
        borrow = (less == 1) | (~low.any(axis=1) & ~zero)  # n.lo - z.lo - 1 is negative
        sum_of_halves = np.zeros((rows, 4), dtype=np.uint64)
        sum_of_halves[:, :3] = _add_parts(n[:, 2:], n[:, :2])
        return {
            **{name: op == code for name, code in (_TWO | _THREE).items()},
            "count": np.concatenate([two.multiplicity, three.multiplicity]),
            "a": a, "b": b, "w": list(w), "q": limbs16(q, 32), "n": limbs16(n, 16), "z": limbs16(z, 16),
            "slack": limbs16(slack, 16), "carry": _carries(limbs16(q, 32), limbs16(n, 16), limbs16(z, 16), digits),
            "borrow": borrow, "zero_divisor": zero, "zero_divisor_inverse": inverse(sum_of_halves),
        }  # fmt: skip


def _add_parts(x: U64, y: U64) -> U64:
    """x + y for (rows, 2) limbs: (rows, 3)."""
    low = x[:, 0] + y[:, 0]
    carry = (low < x[:, 0]).astype(np.uint64)
    top = add_carry(x, y, np.zeros(x.shape[0], dtype=np.uint64))
    return np.stack([low, x[:, 1] + y[:, 1] + carry, top], axis=1)


def _limbs64(digits: NDArray[np.int64]) -> U64:
    """(rows, 32) digits in range as (rows, 8) limbs."""
    return np.ascontiguousarray(digits.astype("<u2")).view("<u8").astype(np.uint64, copy=False)


def _dividend(a: U64, b: U64, product: NDArray[np.bool_]) -> tuple[U64, NDArray[np.int64]]:
    """The four parts of w as (4, rows, 3) limbs, and w as (rows, 32) digits of base 2^16 (sums not carried)."""
    x, y = limbs16(a, 16), limbs16(b, 16)
    w = np.zeros((4, a.shape[0], 3), dtype=np.uint64)
    digits = np.zeros((a.shape[0], 32), dtype=np.int64)
    digits[:, :16] = x.astype(np.int64) + y
    w[0], w[1] = _add_parts(a[:, :2], b[:, :2]), _add_parts(a[:, 2:], b[:, 2:])
    digits[product] = multiply(x[product], y[product])[0]
    parts = _limbs64(digits[product]).reshape(-1, 4, 2)
    w[:, product, :2] = parts.transpose(1, 0, 2)
    w[:, product, 2] = 0
    return w, digits


def _carries(
    q: NDArray[np.uint16], n: NDArray[np.uint16], z: NDArray[np.uint16], w: NDArray[np.int64]
) -> NDArray[np.uint16]:
    """The limbs (rows, 15) of k_j + 1 that balance q n + z = w part by part."""
    found = []
    before = np.zeros((q.shape[0], CARRY_LIMBS), dtype=np.int64)
    before[:, 0] = 1  # k_-1 + 1
    for j, digits in enumerate(pair_columns(q, n)[:3]):
        digits[:, :CARRY_LIMBS] += before
        digits[:, 0] -= 1
        digits[:, _PART] += 1  # holds k_j + 1, which is not negative
        at = slice(_PART * j, _PART * j + _PART)
        digits[:, :_PART] += z[:, at].astype(np.int64) - w[:, at] if j < 2 else -w[:, at]
        before = carry_digits(digits)[:, _PART:]
        found.append(before)
    return np.concatenate(found, axis=1).astype(np.uint16)
