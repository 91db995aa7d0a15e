"""Boolean functions of bits, each of two or three inputs in one constraint.

With a' = 1 - 2a for bits (so a' is 1 or -1), a function f of three bits costs one constraint where there are
affine d, l, m with d·(f' - l) = m for all eight inputs and d never zero: f is then determined, and is a bit.
Such forms exist for the functions below (s = a + b + c, S = a' + b' + c' = 3 - 2s, never zero as it is odd):

1. and: a·b = f.  or: a·b = a + b - f.  xor: 2a·b = a + b - f.
2. xor3: S·(S - 2f') = 3: for S = ±3, f' = ±1; for S = ±1, f' = ∓1.
3. majority: S·(4f' - S) = 3: f' is the sign of S.
4. choose(a, b, c) = a ? b : c: a·(b - c) = f - c.
5. chi(a, b, c) = a xor (not b and c): (4a' + b' + c')·(f' + 3a' - b' - c') = 12 - 2b' + 2c'; the first factor
   is 4a' plus one of -2, 0, 2.
"""

from __future__ import annotations

from zkroll.circuits.r1cs import hints
from zkroll.circuits.r1cs.builder import Builder
from zkroll.circuits.r1cs.gadgets.bits import Bit, check_bits, constant_bit
from zkroll.circuits.r1cs.linear import LinearCombination


def not_(a: Bit) -> Bit:
    """1 - a, at no cost."""
    check_bits("not", [a])
    return Bit(1 - a)


def and_(c: Builder, a: Bit, b: Bit, name: str = "and") -> Bit:
    """Whether both are 1."""
    check_bits(name, [a, b])
    return Bit(c.product(a, b, name=name))


def or_(c: Builder, a: Bit, b: Bit, name: str = "or") -> Bit:
    """Whether at least one is 1."""
    check_bits(name, [a, b])
    return Bit(c.product(-a, b, plus=a + b, name=name))


def xor(c: Builder, a: Bit, b: Bit, name: str = "xor") -> Bit:
    """Whether exactly one is 1."""
    check_bits(name, [a, b])
    return Bit(c.product(-2 * a, b, plus=a + b, name=name))


def xor3(c: Builder, x: Bit, y: Bit, z: Bit, name: str = "xor3") -> Bit:
    """Whether one or three are 1."""
    check_bits(name, [x, y, z])
    folded = _constant_last(x, y, z)
    if folded is not None:
        a, b, known = folded
        return not_(xor(c, a, b, name)) if known else xor(c, a, b, name)
    out = c.hint_one(hints.xor3, [x, y, z], name)
    odd = 3 - 2 * c.sum((x, y, z))
    c.constrain(odd, odd - 2 + 4 * out, 3, name)
    return Bit(out)


def majority(c: Builder, x: Bit, y: Bit, z: Bit, name: str = "majority") -> Bit:
    """Whether two or three are 1."""
    check_bits(name, [x, y, z])
    folded = _constant_last(x, y, z)
    if folded is not None:
        a, b, known = folded
        return or_(c, a, b, name) if known else and_(c, a, b, name)
    out = c.hint_one(hints.majority, [x, y, z], name)
    odd = 3 - 2 * c.sum((x, y, z))
    c.constrain(odd, 4 - 8 * out - odd, 3, name)
    return Bit(out)


def choose(c: Builder, a: Bit, b: Bit, d: Bit, name: str = "choose") -> Bit:
    """b where a is 1, else d."""
    check_bits(name, [a, b, d])
    return Bit(c.product(a, b - d, plus=d, name=name))


def chi(c: Builder, x: Bit, y: Bit, z: Bit, name: str = "chi") -> Bit:
    """x xor (not y and z), Keccak's step χ."""
    check_bits(name, [x, y, z])
    if x.constant is not None:
        masked = and_(c, not_(y), z, name)
        return not_(masked) if x.constant else masked
    if y.constant is not None:
        return x if y.constant else xor(c, x, z, name)
    if z.constant is not None:
        return xor(c, x, not_(y), name) if z.constant else x
    out = c.hint_one(hints.chi, [x, y, z], name)
    # equation 5 with a' = 1 - 2a, both factors halved
    left = c.sum((3, x, y, z), (1, -4, -1, -1))
    right = c.sum((1, out, x, y, z), (1, -1, -3, 1, 1))
    c.constrain(left, right, c.sum((3, y, z), (1, 1, -1)), name)
    return Bit(out)


def _constant_last(x: Bit, y: Bit, z: Bit) -> tuple[Bit, Bit, int] | None:
    """Two bits and the value of a constant third, where there is one."""
    for a, b, known in ((x, y, z), (x, z, y), (y, z, x)):
        if known.constant is not None:
            return a, b, known.constant
    return None


def all_of(c: Builder, bits: list[Bit], name: str = "all") -> Bit:
    """Whether all bits are 1."""
    result: LinearCombination = constant_bit(c, 1)
    for bit in bits:
        result = and_(c, Bit(result), bit, name)
    return Bit(result)
