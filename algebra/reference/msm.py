"""Multi-scalar multiplication in plain integers: unsigned Pippenger, one bucket a digit."""

from __future__ import annotations

from collections.abc import Sequence

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.reference.curve import (
    JACOBIAN_INFINITY,
    Jacobian,
    Point,
    jacobian_add,
    jacobian_double,
    to_affine,
    to_jacobian,
)


def msm_g1(points: Sequence[Point], scalars: Sequence[int]) -> Point:
    """Return Σ scalars[i]·points[i] over as many terms as there are scalars; scalars are taken modulo r."""
    bits = max(2, min(12, len(scalars).bit_length() - 2))
    bases = [to_jacobian(point) for point in points[: len(scalars)]]
    reduced = [scalar % R_MODULUS for scalar in scalars]
    result = JACOBIAN_INFINITY
    for shift in range((253 // bits) * bits, -1, -bits):
        for _ in range(bits):
            result = jacobian_double(result)
        buckets: list[Jacobian] = [JACOBIAN_INFINITY] * (1 << bits)
        for base, scalar in zip(bases, reduced, strict=True):
            digit = scalar >> shift & ((1 << bits) - 1)
            if digit:
                buckets[digit] = jacobian_add(buckets[digit], base)
        running = total = JACOBIAN_INFINITY
        for bucket in reversed(buckets[1:]):
            running = jacobian_add(running, bucket)
            total = jacobian_add(total, running)
        result = jacobian_add(result, total)
    return to_affine(result)
