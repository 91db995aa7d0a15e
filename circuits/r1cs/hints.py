"""Hints that witness programs know: the functions that most gadgets' hints are.

`Builder.hint` takes any function; steps with one of these can run in the kernel (`program`).
"""

from __future__ import annotations

from zkroll.algebra.constants import R_MODULUS


class Bits:
    """The lowest n bits of a value, lowest first."""

    __slots__ = ("n",)

    def __init__(self, n: int):
        self.n = n

    def __call__(self, value: int) -> list[int]:
        return [value >> i & 1 for i in range(self.n)]


def same(value: int) -> int:
    """The value."""
    return value


def inverse(value: int) -> int:
    """1/value, and 0 for 0."""
    return pow(value % R_MODULUS, R_MODULUS - 2, R_MODULUS)


def xor3(x: int, y: int, z: int) -> int:
    """Whether one or three of three bits are 1."""
    return (x + y + z) & 1


def majority(x: int, y: int, z: int) -> int:
    """Whether two or three of three bits are 1."""
    return 1 if x + y + z >= 2 else 0


def chi(x: int, y: int, z: int) -> int:
    """x xor (not y and z), of bits."""
    return x ^ ((1 - y) & z)
