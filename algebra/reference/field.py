"""Vectors over a prime field as lists of Python integers: the oracle for `zkroll.algebra.field`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Literal


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


def from_bytes(
    data: bytes, p: int, order: Literal["little", "big"] = "little", *, montgomery: bool = False
) -> list[int]:
    """Return the elements of 32 bytes each, modulo p; with `montgomery` the bytes hold x·2^256 mod p."""
    factor = pow(1 << 256, -1, p) if montgomery else 1
    return [int.from_bytes(data[i : i + 32], order) * factor % p for i in range(0, len(data), 32)]


def to_bytes(
    a: Sequence[int], p: int, order: Literal["little", "big"] = "little", *, montgomery: bool = False
) -> bytes:
    """Return the elements as 32 bytes each, or with `montgomery` those of x·2^256 mod p."""
    factor = 1 << 256 if montgomery else 1
    return b"".join((x * factor % p).to_bytes(32, order) for x in a)
