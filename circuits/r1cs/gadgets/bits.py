"""Booleans, decompositions into bits and ranges.

A `Bit` is a combination that constraints hold to 0 or 1, an `Unsigned` one that they hold below 2^width.
Gadgets that need such values take these types, so that a forgotten range shows as a type error.

Constraints:
1. boolean: b·(b - 1) = 0.                                                                              (1)
2. to_bits(x, n), n ≤ 253: 1 for each bit, and Σ 2^i·b_i = x. Both sides are integers below r, so the
   bits are those of x and no others.                                                                  (n + 1)
3. to_bits_canonical(x): 254 bits; both x and x + r could have the same sum modulo r, so that the bits must
   also be at most those of r - 1 (`assert_at_most`).                                                   (407)
4. range_check(x, n): as 2, the top bit written as (x - Σ 2^i·b_i)/2^(n-1) and held boolean.             (n)
5. assert_at_most(bits, K): e says whether the bits seen so far, from the top, equal those of K. In a run of
   ones of K: e' = e·b for each bit, since a zero there makes the number smaller for good. In a run of zeros:
   e·Σ b = 0, as the sum of the run's bits is zero only if all of them are. (ones above K's last zero, and one
   for each run of zeros)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.r1cs.builder import Builder
from zkroll.circuits.r1cs.hints import Bits
from zkroll.circuits.r1cs.linear import LinearCombination, Operand
from zkroll.errors import InputError

FIELD_BITS = R_MODULUS.bit_length()
MOST_BITS = FIELD_BITS - 1  # integers of so many bits are below r


class Unsigned(LinearCombination):
    """A combination that constraints hold to [0, 2^width), width ≤ 253. Make them with `range_check`."""

    __slots__ = ("width",)

    def __init__(self, value: LinearCombination, width: int):
        """Take it on the caller's word that `value` is below 2^width."""
        super().__init__(value.builder, value.terms)
        if not 0 <= width <= MOST_BITS:
            raise InputError(f"Unsigned: expected a width of 0 to {MOST_BITS}, got {width}")
        self.width = width


class Bit(Unsigned):
    """A combination that constraints hold to 0 or 1. Make them with `boolean`, `to_bits` or other gadgets."""

    __slots__ = ()

    def __init__(self, value: LinearCombination):
        """Take it on the caller's word that `value` is 0 or 1."""
        super().__init__(value, 1)


def boolean(c: Builder, value: Operand, name: str = "boolean") -> Bit:
    """Demand that a value is 0 or 1, and return it."""
    held = c.lift(value)
    if not isinstance(held, Bit):
        c.constrain(held, held - 1, 0, name)
        held = Bit(held)
    return held


def constant_bit(c: Builder, value: int) -> Bit:
    """Return the constant 0 or 1."""
    if value not in (0, 1):
        raise InputError(f"constant_bit: expected 0 or 1, got {value}")
    return Bit(c.constant(value))


def constant_bits(c: Builder, value: int, n: int) -> list[Bit]:
    """Return the n bits of a constant in [0, 2^n), lowest first."""
    if not 0 <= value < 1 << n:
        raise InputError(f"constant_bits: expected an integer of {n} bits, got {value}")
    return [constant_bit(c, value >> i & 1) for i in range(n)]


def unsigned(c: Builder, value: int) -> Unsigned:
    """Return a constant integer of at most 253 bits."""
    if not 0 <= value < 1 << MOST_BITS:
        raise InputError(f"unsigned: expected an integer of {MOST_BITS} bits, got {value}")
    return Unsigned(c.constant(value), value.bit_length())


def weighted(c: Builder, bits: Sequence[Operand]) -> LinearCombination:
    """Return Σ 2^i·bits[i]."""
    return c.sum(bits, [1 << i for i in range(len(bits))])


def from_bits(c: Builder, bits: Sequence[Bit]) -> Unsigned:
    """Return the integer of at most 253 bits, lowest first."""
    check_bits("from_bits", bits)
    return Unsigned(weighted(c, bits), len(bits))


def to_bits(c: Builder, value: Operand, n: int, name: str = "bits") -> list[Bit]:
    """Demand that a value is below 2^n, n ≤ 253, and return its n bits, lowest first."""
    if not 0 <= n <= MOST_BITS:
        raise InputError(f"to_bits: expected 0 to {MOST_BITS} bits, got {n}: see to_bits_canonical")
    return _decompose(c, value, n, name)


def to_bits_canonical(c: Builder, value: Operand, name: str = "bits") -> list[Bit]:
    """Return the 254 bits, lowest first, of the value's representative in [0, r)."""
    held = c.lift(value)
    bits = _decompose(c, held, FIELD_BITS, name)
    if held.constant is None:
        assert_at_most(c, bits, R_MODULUS - 1, f"{name} alias")
    return bits


def range_check(c: Builder, value: Operand, n: int, name: str = "range") -> Unsigned:
    """Demand that a value is below 2^n, n ≤ 253, and return it."""
    held = c.lift(value)
    if not 0 <= n <= MOST_BITS:
        raise InputError(f"range_check: expected 0 to {MOST_BITS} bits, got {n}")
    if isinstance(held, Unsigned) and held.width <= n:
        return held
    known = held.constant
    if known is not None:
        if known >> n:
            raise InputError(f"{name}: expected a constant of {n} bits, got {known}")
    elif n == 0:
        c.assert_zero(held, name)
    else:
        low = c.hint(Bits(n - 1), [held], n - 1, name)
        for bit in low:
            boolean(c, bit, name)
        top = (held - weighted(c, low)) * pow(1 << (n - 1), -1, R_MODULUS)
        boolean(c, top, f"{name} top")
    return Unsigned(held, n)


def assert_at_most(c: Builder, bits: Sequence[Bit], limit: int, name: str = "at most") -> None:
    """Demand that the integer of `bits`, lowest first, of any length, is at most a constant."""
    check_bits(name, bits)
    if not 0 <= limit < 1 << len(bits):
        raise InputError(f"{name}: expected a limit of {len(bits)} bits, got {limit}")
    equal: Operand = 1
    runs = [(one, list(run)) for one, run in groupby(reversed(range(len(bits))), lambda i: limit >> i & 1)]
    for k, (one, run) in enumerate(runs):
        if one and k < len(runs) - 1:
            for i in run:
                equal = c.product(equal, bits[i], name=name)
        elif not one:
            c.constrain(equal, c.sum(bits[i] for i in run), 0, name)


def check_bits(place: str, bits: Sequence[LinearCombination]) -> None:
    """Raise InputError unless every combination is a Bit."""
    for i, bit in enumerate(bits):
        if not isinstance(bit, Bit):
            raise InputError(f"{place}: expected a Bit at {i}, got {type(bit).__name__}")


def _decompose(c: Builder, value: Operand, n: int, name: str) -> list[Bit]:
    held = c.lift(value)
    known = held.constant
    if known is not None:
        return constant_bits(c, known, n)
    if n == 1:
        return [boolean(c, held, name)]
    made = c.hint(Bits(n), [held], n, name)
    bits = [boolean(c, bit, name) for bit in made]
    c.assert_equal(weighted(c, bits), held, f"{name} sum")
    return bits
