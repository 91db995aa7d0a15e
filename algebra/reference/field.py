"""Vectors over a prime field as lists of Python integers: the oracle for `zkroll.algebra.field`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate


def add(a: Sequence[int], b: Sequence[int], p: int) -> list[int]:
    """Return a + b."""
    return [(x + y) % p for x, y in zip(a, b, strict=True)]


def sub(a: Sequence[int], b: Sequence[int], p: int) -> list[int]:
    """Return a - b."""
    return [(x - y) % p for x, y in zip(a, b, strict=True)]


def mul(a: Sequence[int], b: Sequence[int], p: int) -> list[int]:
    """Return a·b."""
    return [x * y % p for x, y in zip(a, b, strict=True)]


def neg(a: Sequence[int], p: int) -> list[int]:
    """Return -a."""
    return [-x % p for x in a]


def square(a: Sequence[int], p: int) -> list[int]:
    """Return a²."""
    return [x * x % p for x in a]


def power(a: Sequence[int], exponent: int, p: int) -> list[int]:
    """Return a^exponent."""
    return [pow(x, exponent, p) for x in a]


def batch_inverse(a: Sequence[int], p: int) -> list[int]:
    """Return the inverses, zero for zero."""
    return [pow(x, -1, p) if x % p else 0 for x in a]


def inner_product(a: Sequence[int], b: Sequence[int], p: int) -> int:
    """Return Σ a_i·b_i."""
    return sum(x * y for x, y in zip(a, b, strict=True)) % p


def powers(x: int, n: int, p: int) -> list[int]:
    """Return 1, x, …, x^(n-1)."""
    return [pow(x, i, p) for i in range(n)]


def prefix_sum(a: Sequence[int], p: int) -> list[int]:
    """Return the exclusive prefix sums."""
    return [total % p for total in accumulate([0, *a])][: len(a)]


def roll(a: Sequence[int], shift: int) -> list[int]:
    """Return `a` with element i moved to (i + shift) mod n."""
    n = len(a)
    return [a[(i - shift) % n] for i in range(n)]
