"""Splitting scalars along an endomorphism in plain integers; see `zkroll.algebra.kernels.endomorphism`."""

from __future__ import annotations

from zkroll.algebra.kernels.endomorphism import basis, coordinates_of_one, signed_digits, splitting
from zkroll.algebra.kernels.groups import Group


def split(scalar: int, group: Group) -> list[int]:
    """Return short k_j with Σ k_j·μ^j = scalar mod r."""
    nearest = [round(scalar * c) for c in coordinates_of_one(group)]
    rows = list(zip(nearest, basis(group), strict=True))
    return [(scalar if j == 0 else 0) - sum(c * row[j] for c, row in rows) for j in range(len(basis(group)))]


def digits(part: int, group: Group) -> list[int]:
    """Return the signed digits of one part, least significant first."""
    return signed_digits(part, splitting(group).windows)
