"""Number-theoretic transforms of points: Σ_i ω^(ij)·P_i, in G1 and G2.

The inverse transform of the powers [τ^i] gives the Lagrange basis [L_j(τ)] of a domain, with which values are
committed to without interpolation.

Decimation in time, radix two: a layer takes (x, y) to (x + w·y, x - w·y). For n = 2^k points that is
n/2·k - (n - 1) multiplications by a scalar, because w = 1 costs nothing, and n·k additions. The factor 1/n of
the inverse costs k + 1 multiplications: in every layer the outputs of one block alone are to be scaled, whose
x are scaled already and whose w take the factor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import R_MODULUS, root_of_unity
from zkroll.algebra.field import fr
from zkroll.algebra.kernels.emit import Backend
from zkroll.algebra.kernels.groups import Group
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.point_rows import Words, combine_rows, empty_rows, multiply_rows
from zkroll.algebra.points import G1Points, Points
from zkroll.algebra.srs import SRS
from zkroll.errors import InputError

P = TypeVar("P", bound=Points)

MAX_LOG = 28  # r - 1 is a multiple of 2^28
_SLICE = 1 << 15  # butterflies that are computed together: the memory beyond the points


def forward(points: P, threads: int | None = None, backend: Backend | None = None) -> P:
    """Return Q_j = Σ_i ω^(ij)·P_i for n points, ω = root_of_unity(log2 n), natural order on both sides.

    n is a power of two up to 2^28. The points must be of order r. Raises InputError for another n.
    """
    return _transform(points, 1, "group_ntt.forward", threads, backend)


def inverse(
    points: P,
    threads: int | None = None,
    backend: Backend | None = None,
    report: Callable[[float], None] = lambda _fraction: None,
) -> P:
    """Return P_i = 1/n·Σ_j ω^(-ij)·Q_j; the reverse of `forward`.

    `report` is called now and then with the fraction of the work that is done.
    """
    return _transform(points, -1, "group_ntt.inverse", threads, backend, report)


def lagrange_basis(
    source: SRS | G1Points, n: int | None = None, threads: int | None = None, backend: Backend | None = None
) -> G1Points:
    """Return [L_j(τ)]₁, j < n, from the first n powers [τ^i]₁ (default: all); L_j is 1 at ω^j, 0 at other ω^i.

    Raises InputError when there are fewer powers than n, or n is no power of two.
    """
    powers = source.g1 if isinstance(source, SRS) else source
    count = powers.n if n is None else n
    if not 1 <= count <= powers.n:
        raise InputError(f"lagrange_basis: expected 1 to {powers.n} powers to be asked for, got {n}")
    return inverse(powers[:count], threads, backend)


def _transform(
    points: P,
    sign: int,
    place: str,
    threads: int | None,
    backend: Backend | None,
    report: Callable[[float], None] = lambda _fraction: None,
) -> P:
    n, group = points.n, points.group
    if n < 1 or n & (n - 1) or n > 1 << MAX_LOG:
        raise InputError(f"{place}: expected a power of two of points up to 2^{MAX_LOG}, got {n}")
    backend = backend or host_backend()
    log_n = n.bit_length() - 1
    rows = np.ascontiguousarray(points.rows[_bit_reversal(log_n)])
    scale = pow(n, -1, R_MODULUS) if sign < 0 else 1
    twiddles = _powers(pow(root_of_unity(log_n), sign, R_MODULUS), max(1, n // 2))
    if scale != 1:
        rows[:1] = _multiplied(group, rows[:1], _powers(scale, 2)[1:], threads, backend)
    for log_m in range(log_n):
        for begin in range(0, n // 2, _SLICE):
            numbers = np.arange(begin, min(n // 2, begin + _SLICE))
            _butterflies(group, rows, numbers, log_m, twiddles, scale, threads, backend)
            report((log_m + (begin + len(numbers)) / (n // 2)) / log_n)
    return type(points)(rows)


def _butterflies(
    group: Group,
    rows: Words,
    numbers: NDArray[np.int64],
    log_m: int,
    twiddles: Words,
    scale: int,
    threads: int | None,
    backend: Backend,
) -> None:
    """The butterflies of these numbers in the layer that joins transforms of length m = 2^log_m."""
    m = 1 << log_m
    j = numbers & (m - 1)
    left_at = ((numbers >> log_m) << (log_m + 1)) + j
    right_at = left_at + m
    turned, exponents = j != 0, j * (len(twiddles) >> log_m)
    factors = twiddles[exponents]
    if scale != 1 and numbers[0] < m:
        scaled = numbers < m
        turned |= scaled
        block = fr.mul(fr.from_array(factors[scaled]), scale)
        factors[scaled] = fr.to_limbs(block, int(scaled.sum()))
    left, right = rows[left_at], rows[right_at]
    if turned.any():
        right[turned] = _multiplied(group, right[turned], factors[turned], threads, backend)
    out = empty_rows(group, len(numbers))
    for sign, at in ((0, left_at), (1, right_at)):
        combine_rows(group, out, left, right, sign, threads, backend)
        rows[at] = out[: len(numbers)]


def _multiplied(group: Group, rows: Words, limbs: Words, threads: int | None, backend: Backend) -> Words:
    out = empty_rows(group, len(rows))
    multiply_rows(group, out, rows, limbs, threads, backend)
    return out[: len(rows)]


def _powers(base: int, n: int) -> Words:
    """The canonical words of the first n powers of `base`."""
    return fr.to_limbs(fr.powers(base, n), n)


def _bit_reversal(log_n: int) -> NDArray[np.int64]:
    """Each index below 2^log_n with its bits in reverse order."""
    result = np.zeros(1, dtype=np.int64)
    for _ in range(log_n):
        result = np.concatenate([2 * result, 2 * result + 1])
    return result
