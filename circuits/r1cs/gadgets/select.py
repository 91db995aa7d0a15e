"""Selection: one of two values, one of 2^k, and a conditional swap.

Constraints:
1. select(b, x, y) = b ? x : y: b·(x - y) = out - y.                                                      (1)
2. swap(b, x, y): d = b·(y - x); (x + d, y - d).                                                          (1)
3. mux(bits, values) of 2^k values: a tree of selections over the lowest bit first.                 (2^k - 1)
4. lookup(bits, rows of constants): each output is Σ coefficient·monomial over products of the lowest k - 1
   bits, which all outputs share, and one product with the highest bit. (2^(k-1) - k, and 1 for each output)
"""

from __future__ import annotations

from collections.abc import Sequence

from zkroll.circuits.r1cs.builder import Builder
from zkroll.circuits.r1cs.gadgets.bits import Bit, check_bits
from zkroll.circuits.r1cs.linear import LinearCombination, Operand
from zkroll.errors import InputError


def select(
    c: Builder, bit: Bit, if_one: Operand, if_zero: Operand, name: str = "select"
) -> LinearCombination:
    """Return `if_one` where the bit is 1, else `if_zero`."""
    check_bits(name, [bit])
    return c.product(bit, c.lift(if_one) - if_zero, plus=if_zero, name=name)


def swap(
    c: Builder, bit: Bit, x: Operand, y: Operand, name: str = "swap"
) -> tuple[LinearCombination, LinearCombination]:
    """Return (y, x) where the bit is 1, else (x, y)."""
    check_bits(name, [bit])
    left = c.product(bit, c.lift(y) - x, plus=x, name=name)
    return left, c.sum((x, y, left), (1, 1, -1))


def mux(c: Builder, bits: Sequence[Bit], values: Sequence[Operand], name: str = "mux") -> LinearCombination:
    """Return values[Σ 2^i·bits[i]] of 2^k values."""
    check_bits(name, bits)
    if len(values) != 1 << len(bits):
        raise InputError(f"{name}: expected {1 << len(bits)} values for {len(bits)} bits, got {len(values)}")
    row = [c.lift(value) for value in values]
    for bit in bits:
        row = [select(c, bit, row[i + 1], row[i], name) for i in range(0, len(row), 2)]
    return row[0]


def lookup(
    c: Builder, bits: Sequence[Bit], tables: Sequence[Sequence[int]], name: str = "lookup"
) -> list[LinearCombination]:
    """Return table[Σ 2^i·bits[i]] for each table of 2^k constants, k ≥ 1."""
    check_bits(name, bits)
    if not bits or any(len(table) != 1 << len(bits) for table in tables):
        raise InputError(f"{name}: expected at least one bit and tables of {1 << len(bits)} constants")
    *low, top = bits
    monomials: list[LinearCombination] = [c.one]
    for bit in low:
        monomials += [c.product(monomial, bit, name=f"{name} monomial") for monomial in monomials]
    half = len(monomials)
    results = []
    for table in tables:
        zeros, ones = _coefficients(table[:half]), _coefficients(table[half:])
        differ = c.sum(monomials, [x - y for x, y in zip(ones, zeros, strict=True)])
        results.append(c.product(top, differ, plus=c.sum(monomials, zeros), name=name))
    return results


def _coefficients(table: Sequence[int]) -> list[int]:
    """The coefficients of the multilinear polynomial with these values on bits, by subsets of the bits."""
    values = list(table)
    step = 1
    while step < len(values):
        for i in range(len(values)):
            if i & step:
                values[i] -= values[i ^ step]
        step *= 2
    return values
