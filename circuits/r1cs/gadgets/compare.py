"""Comparisons: is zero, is equal, less than.

Constraints:
1. is_zero(x): x·i = 1 - z and x·z = 0. For x = 0 the first gives z = 1; else the second gives z = 0. The
   hint i is the inverse of x; for x = 0 it may be anything, and nothing depends on it.                   (2)
2. less_than(a, b), both below 2^n: a - b + 2^n lies in (0, 2^(n+1)); its bit n is 1 exactly where a ≥ b. The
   bits are decomposed as in `bits`, n + 1 ≤ 253, with bit n - 1 written as the remainder.           (n + 1)
3. assert_less_than_constant(x, K), K ≤ 2^253: x and K - 1 - x are below 2^n, n the width of K - 1. For x ≥ K
   the second is r - (x - K + 1) ≥ r - 2^(n-1) > 2^n.                                                     (2n)
"""

from __future__ import annotations

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.r1cs.builder import Builder
from zkroll.circuits.r1cs.gadgets.bits import (
    MOST_BITS,
    Bit,
    Unsigned,
    boolean,
    constant_bit,
    range_check,
    weighted,
)
from zkroll.circuits.r1cs.hints import Bits
from zkroll.circuits.r1cs.hints import inverse as inverse_of
from zkroll.circuits.r1cs.linear import Operand
from zkroll.errors import InputError


def is_zero(c: Builder, value: Operand, name: str = "is zero") -> Bit:
    """Whether a value is 0."""
    held = c.lift(value)
    if held.constant is not None:
        return constant_bit(c, int(held.constant == 0))
    inverse = c.hint_one(inverse_of, [held], f"{name} inverse")
    zero = c.product(-held, inverse, plus=1, name=name)
    c.constrain(held, zero, 0, f"{name} product")
    return Bit(zero)


def is_equal(c: Builder, a: Operand, b: Operand, name: str = "is equal") -> Bit:
    """Whether two values are the same."""
    return is_zero(c, c.lift(a) - b, name)


def assert_nonzero(c: Builder, value: Operand, name: str = "nonzero") -> None:
    """Demand that a value is not 0: it has an inverse.                                                   (1)"""
    held = c.lift(value)
    inverse = c.hint_one(inverse_of, [held], f"{name} inverse")
    c.constrain(held, inverse, 1, name)


def less_than(c: Builder, a: Unsigned, b: Unsigned, name: str = "less than") -> Bit:
    """Whether a < b, for integers of at most 252 bits."""
    for value in (a, b):
        if not isinstance(value, Unsigned) or value.width >= MOST_BITS:
            raise InputError(f"{name}: expected Unsigned of at most {MOST_BITS - 1} bits: see range_check")
    n = max(a.width, b.width, 1)
    shifted = a - b + (1 << n)
    if shifted.constant is not None:
        return constant_bit(c, 1 - (shifted.constant >> n))
    low = c.hint(Bits(n - 1), [shifted], n - 1, name)
    for bit in low:
        boolean(c, bit, name)
    at_least = boolean(c, c.hint_one(lambda x: x >> n & 1, [shifted], f"{name} at least"), name)
    rest = shifted - weighted(c, low) - at_least * (1 << n)
    boolean(c, rest * pow(1 << (n - 1), -1, R_MODULUS), f"{name} rest")
    return Bit(1 - at_least)


def less_or_equal(c: Builder, a: Unsigned, b: Unsigned, name: str = "less or equal") -> Bit:
    """Whether a ≤ b, for integers of at most 252 bits."""
    return Bit(1 - less_than(c, b, a, name))


def assert_less_than_constant(c: Builder, value: Operand, limit: int, name: str = "below") -> Unsigned:
    """Demand that a value is below a constant of [1, 2^253]; return it as an integer of that width."""
    if not 1 <= limit <= 1 << MOST_BITS:
        raise InputError(f"{name}: expected a limit in [1, 2^{MOST_BITS}], got {limit}")
    n = (limit - 1).bit_length()
    result = range_check(c, value, n, name)
    if limit != 1 << n:
        range_check(c, limit - 1 - c.lift(value), n, f"{name} limit")
    return result
