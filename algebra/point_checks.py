"""Checks of points given as rows; `zkroll.algebra.curve` has them for vectors of points."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.field import address, blocks_for
from zkroll.algebra.kernels.curve_check_kernels import check_kernels
from zkroll.algebra.kernels.curve_multiply_kernels import MULTIPLES
from zkroll.algebra.kernels.emit import Backend
from zkroll.algebra.kernels.endomorphism import CURVE_X, signed_digits
from zkroll.algebra.kernels.groups import G1, Group
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.kernels.threads import map_ranges
from zkroll.algebra.point_rows import Digits, combine_multiples, combine_rows, empty_rows

Rows = NDArray[np.uint64]

_GRAIN = 64  # blocks that are worth a thread
_X_DIGITS = np.array(signed_digits(CURVE_X, 13), dtype=np.int8)
_RELATION = np.array([1, 1, 1, -2], dtype=np.int8)


def rows_on_curve(
    group: Group, rows: Rows, threads: int | None = None, backend: Backend | None = None
) -> NDArray[np.bool_]:
    """Return for each row of `group` whether it is infinity or satisfies the equation."""
    return _check(check_kernels(backend or host_backend()).on_curve[group.name], rows, threads)


def rows_in_group(
    group: Group, rows: Rows, threads: int | None = None, backend: Backend | None = None
) -> NDArray[np.bool_]:
    """Return for each row whether it is on the curve and of order dividing r."""
    on_curve = rows_on_curve(group, rows, threads, backend)
    if group is G1:  # all of the curve
        return on_curve
    both: NDArray[np.bool_] = on_curve & _in_subgroup(group, rows, threads, backend or host_backend())
    return both


def _in_subgroup(group: Group, rows: Rows, threads: int | None, backend: Backend) -> NDArray[np.bool_]:
    """Which points of the twist satisfy A + ψ(A) + ψ²(A) - ψ³(2A) = -Q for A = [x]Q: those of order r alone.

    1 + x + x·ψ + x·ψ² - 2x·ψ³ is zero in Z/r for ψ = q, and its norm in Z[ψ] has no factor in common with the
    cofactor 2q - r. A sum in which equal points meet (not for points of order r) comes out as infinity, for
    which the equation does not hold unless Q is infinity.
    Source: El Housni, Guillevic, Piellard, "Co-factor clearing and subgroup membership testing on
    pairing-friendly curves" (2022), section 3.2.
    """
    n = len(rows)
    multiple, left = empty_rows(group, n), empty_rows(group, n)

    def fill_x(digits: Digits, first: int, last: int) -> None:
        digits[: len(_X_DIGITS), : last - first] = _X_DIGITS[:, None]

    def fill_relation(digits: Digits, first: int, last: int) -> None:
        digits[:, : last - first] = _RELATION[:, None]

    combine_multiples(group, multiple, rows, fill_x, len(_X_DIGITS), MULTIPLES, threads, backend)
    combine_multiples(group, left, multiple[:n], fill_relation, 1, 2, threads, backend)
    combine_rows(group, left, left, rows, 0, threads, backend)
    return np.logical_not(left[:n].any(axis=1))


def _check(kernel: Any, rows: Rows, threads: int | None) -> NDArray[np.bool_]:
    masks = np.zeros(blocks_for(len(rows)), dtype=np.uint8)
    map_ranges(
        lambda begin, end: kernel(masks, address(rows), len(rows), begin, end),
        len(masks),
        threads,
        _GRAIN,
    )
    return np.unpackbits(masks, bitorder="little")[: len(rows)].astype(np.bool_)
