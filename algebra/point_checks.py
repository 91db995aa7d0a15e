"""Checks of points given as rows; `zkroll.algebra.curve` has them for vectors of points."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.field import address, blocks_for
from zkroll.algebra.kernels.curve_check_kernels import SUBGROUP_DIGITS, check_kernels
from zkroll.algebra.kernels.emit import Backend
from zkroll.algebra.kernels.groups import G1, Group
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.kernels.threads import map_ranges

Rows = NDArray[np.uint64]

_GRAIN = 64  # blocks that are worth a thread


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
    in_subgroup = _check(check_kernels(backend or host_backend()).in_subgroup, rows, threads, SUBGROUP_DIGITS)
    both: NDArray[np.bool_] = on_curve & in_subgroup
    return both


def _check(kernel: Any, rows: Rows, threads: int | None, *extra: NDArray[np.int8]) -> NDArray[np.bool_]:
    masks = np.zeros(blocks_for(len(rows)), dtype=np.uint8)
    map_ranges(
        lambda begin, end: kernel(masks, address(rows), len(rows), begin, end, *extra),
        len(masks),
        threads,
        _GRAIN,
    )
    return np.unpackbits(masks, bitorder="little")[: len(rows)].astype(np.bool_)
