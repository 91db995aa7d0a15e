"""Number-theoretic transforms of points of G1 in plain integers, by the definition."""

from __future__ import annotations

from collections.abc import Sequence

from zkroll.algebra.constants import R_MODULUS, root_of_unity
from zkroll.algebra.reference.curve import Point, add, multiply


def forward(points: Sequence[Point]) -> list[Point]:
    """Return Σ_i ω^(ij)·P_i for each j."""
    return _sums(points, root_of_unity(len(points).bit_length() - 1))


def inverse(points: Sequence[Point]) -> list[Point]:
    """Return 1/n·Σ_j ω^(-ij)·Q_j for each i."""
    root = pow(root_of_unity(len(points).bit_length() - 1), -1, R_MODULUS)
    factor = pow(len(points), -1, R_MODULUS)
    return [multiply(point, factor) for point in _sums(points, root)]


def _sums(points: Sequence[Point], root: int) -> list[Point]:
    result = []
    for j in range(len(points)):
        total: Point = None
        for i, point in enumerate(points):
            total = add(total, multiply(point, pow(root, i * j, R_MODULUS)))
        result.append(total)
    return result
