"""Sums and multiples of vectors of points, element by element, in G1 and G2; sums of a few multiples.

Multiples: the scalar splits along the endomorphism of the group into two parts of 127 bits (G1) or four of 65
(G2), see `zkroll.algebra.kernels.endomorphism`; per point that takes about 125 (65) doublings, 52 (56)
additions to a Jacobian sum and 15 affine additions for the table of small multiples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.algebra.field import blocks_for, fr
from zkroll.algebra.kernels.curve_multiply_kernels import MULTIPLES
from zkroll.algebra.kernels.emit import LANES, LIMBS, Backend
from zkroll.algebra.kernels.endomorphism import signed_digits
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.point_rows import (
    Digits,
    Words,
    combine_multiples,
    combine_rows,
    empty_rows,
    multiply_rows,
)
from zkroll.algebra.points import G2Points, Points
from zkroll.algebra.vector import FieldVector, FrVector, unwrap
from zkroll.errors import InputError

Scalars = int | Sequence[int] | FrVector | NDArray[Any]
P = TypeVar("P", bound=Points)

_COFACTOR_DIGITS = np.array(signed_digits(2 * Q_MODULUS - R_MODULUS, 52), dtype=np.int8)  # in base 32


def add(a: P, b: P, threads: int | None = None, backend: Backend | None = None) -> P:
    """Return a[i] + b[i], whatever the points are (equal, opposite, infinity)."""
    return _combine("add", a, b, 0, threads, backend)


def subtract(a: P, b: P, threads: int | None = None, backend: Backend | None = None) -> P:
    """Return a[i] - b[i], whatever the points are."""
    return _combine("subtract", a, b, 1, threads, backend)


def double(a: P, threads: int | None = None, backend: Backend | None = None) -> P:
    """Return 2·a[i]."""
    return _combine("double", a, a, 0, threads, backend)


def negate(a: P, threads: int | None = None, backend: Backend | None = None) -> P:
    """Return -a[i]."""
    out = empty_rows(a.group, a.n)
    combine_rows(a.group, out, None, a.rows, 1, threads, backend or host_backend())
    return type(a)(out[: a.n])


def multiply(points: P, scalars: Scalars, threads: int | None = None, backend: Backend | None = None) -> P:
    """Return scalars[i]·points[i], or scalars·points[i] for one integer.

    Scalars are integers of any size, taken modulo r, or what `fr.from_array` takes, or a vector or block array
    over Fr, one for each point. The points must be of order r: of G2, not only of its curve.
    Raises InputError when there are not as many scalars as points.
    """
    backend = backend or host_backend()
    n, group = points.n, points.group
    limbs = scalar_words(scalars, n, threads)
    out = empty_rows(group, n)
    multiply_rows(group, out, points.rows, limbs, threads, backend)
    return type(points)(out[:n])


def clear_cofactor(points: G2Points, threads: int | None = None, backend: Backend | None = None) -> G2Points:
    """Return (2q - r)·points[i], of order r or infinity, for points of the twist of whatever order.

    Equal points may meet in the sum, which gives infinity, only for points whose order is no multiple of r, and
    of those infinity is the right multiple: the twist has r·(2q - r) points.
    """
    out = empty_rows(points.group, points.n)

    def fill(digits: Digits, first: int, last: int) -> None:
        digits[:, : last - first] = 0
        digits[: len(_COFACTOR_DIGITS), : last - first] = _COFACTOR_DIGITS[:, None]

    windows = len(_COFACTOR_DIGITS)
    combine_multiples(
        points.group, out, points.rows, fill, windows, MULTIPLES, threads, backend or host_backend()
    )
    return G2Points(out[: points.n])


def combination(points: P, scalars: Scalars, threads: int | None = 1, backend: Backend | None = None) -> P:
    """Return Σ scalars[i]·points[i] as a vector of one point; for up to some 64 points faster than `msm`.

    Raises as `multiply` does, whose conditions hold, and InputError for no points.
    """
    if points.n == 0:
        raise InputError("combination: expected at least one point, got none")
    terms = multiply(points, scalars, threads, backend)
    while terms.n > 1:
        half = -(-terms.n // 2)
        upper = np.zeros((half, terms.rows.shape[1]), dtype=np.uint64)  # infinity where there is no partner
        upper[: terms.n - half] = terms.rows[half:]
        terms = add(type(points)(terms.rows[:half]), type(points)(upper), threads, backend)
    return terms


def scalar_words(scalars: Scalars, n: int, threads: int | None = None) -> Words:
    """Return n scalars, or one n times, as canonical words (n, 4)."""
    if isinstance(scalars, FieldVector):
        blocks, given = unwrap(scalars, None)
        if given != n:
            raise InputError(f"multiply: expected {n} scalars, one a point, got {given}")
        return fr.to_limbs(blocks, n, threads)
    if isinstance(scalars, int | np.integer):
        return np.repeat(fr.to_limbs(fr.from_ints([int(scalars)]), 1), n, axis=0)
    if not isinstance(scalars, np.ndarray):
        values = list(scalars)
        if not all(isinstance(value, int | np.integer) for value in values):
            raise InputError("multiply: expected integers for scalars, got others")
        scalars = fr.from_ints(int(value) for value in values) if len(values) == n else np.array(values[:0])
        given = len(values)
    elif scalars.ndim >= 3:
        given = n if scalars.shape == (blocks_for(n), LIMBS, LANES) else scalars.size // LIMBS
    else:
        given = len(scalars)
    if given != n:
        raise InputError(f"multiply: expected {n} scalars, one a point, got {given}")
    if scalars.ndim < 3:
        scalars = fr.from_array(scalars, threads)
    return fr.to_limbs(scalars, n, threads)


def _combine(place: str, a: P, b: P, sign: int, threads: int | None, backend: Backend | None) -> P:
    if type(a) is not type(b) or a.n != b.n:
        raise InputError(f"{place}: expected as many points of one group on both sides, got {a} and {b}")
    out = empty_rows(a.group, a.n)
    combine_rows(a.group, out, a.rows, b.rows, sign, threads, backend or host_backend())
    return type(a)(out[: a.n])
