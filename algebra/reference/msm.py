"""Multi-scalar multiplication in plain integers: unsigned Pippenger, one bucket a digit; in G2 by py_ecc."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from py_ecc import optimized_bn128

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
from zkroll.algebra.reference.pairing import G2Point

_bn: Any = optimized_bn128  # it re-exports its names without saying so


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


def msm_g2(points: Sequence[G2Point], scalars: Sequence[int]) -> G2Point:
    """Return Σ scalars[i]·points[i] over as many terms as there are scalars; scalars are taken modulo r."""
    total = _bn.Z2
    for point, scalar in zip(points, scalars, strict=False):
        if point is not None:
            lifted = (_bn.FQ2(point[0]), _bn.FQ2(point[1]), _bn.FQ2.one())
            total = _bn.add(total, _bn.multiply(lifted, scalar % R_MODULUS))
    if _bn.is_inf(total):
        return None
    x, y = ((int(value.coeffs[0]), int(value.coeffs[1])) for value in _bn.normalize(total))
    return (x, y)
