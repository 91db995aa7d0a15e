"""Long division on Python integers: the oracle for `zkroll.algebra.kernels.division_kernels`."""

from __future__ import annotations

from collections.abc import Sequence


def divide(numerators: Sequence[int], divisors: Sequence[int]) -> list[tuple[int, int]]:
    """Return (quotient, remainder) of each pair, (0, 0) where the divisor is 0."""
    return [divmod(x, n) if n else (0, 0) for x, n in zip(numerators, divisors, strict=True)]
