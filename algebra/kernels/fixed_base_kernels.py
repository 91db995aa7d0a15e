"""Multiples of one point from a table of small ones: one affine addition a window of the scalar."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from zkroll.algebra.kernels.curve_pairs import pair_adder
from zkroll.algebra.kernels.emit import Backend
from zkroll.algebra.kernels.groups import G1, G2, Group
from zkroll.algebra.kernels.jit import family, kernel

WINDOW = 8
TABLE_WIDTH = 1 << (WINDOW - 1)  # multiples a window: 1 to 128, the sign is free
CHUNK = 4096  # points that share inversions, a multiple of eight


@dataclass(frozen=True)
class FixedBaseKernels:
    """The kernel, compiled on first use."""

    multiples: Any  # (out rows, digits (W, n), table address: W·128 rows, begin, end, left, right, scratch)


@cache
def fixed_base_kernels(group: Group, backend: Backend) -> FixedBaseKernels:
    """Return the kernels of `group` on `backend`."""
    add_pairs = pair_adder(group, backend)
    row_bytes = group.row_bytes

    @kernel(
        "void(uint64[:,::1],int16[:,::1],int64,int64,int64,int64[::1],int64[::1],int64[::1])",
        name=f"{backend}_{group.name}_fixed_base",
    )
    def multiples(
        out: Any, digits: Any, table: int, begin: int, end: int, left: Any, right: Any, scratch: Any
    ) -> None:
        """out[i] = Σ_w digits[w, i]·table[w] for i in begin..end.

        begin is a multiple of eight, and `out` has room up to the next one above end.
        """
        infinity = np.zeros((1, row_bytes // 8), dtype=np.uint64)
        for start in range(begin, end, CHUNK):
            size = min(CHUNK, end - start)
            at = out.ctypes.data + row_bytes * start
            for w in range(digits.shape[0]):
                for k in range(size):
                    digit = np.int64(digits[w, start + k])
                    left[k] = infinity.ctypes.data if w == 0 else at + row_bytes * k
                    right[k] = infinity.ctypes.data
                    if digit != 0:
                        row = w * TABLE_WIDTH + abs(digit) - 1
                        right[k] = table + row_bytes * row + np.int64(digit < 0)
                add_pairs(left, right, at, size, scratch)

    return FixedBaseKernels(multiples)


@family
def both_fixed_base_kernels(backend: Backend) -> list[FixedBaseKernels]:
    """The kernels of both groups."""
    return [fixed_base_kernels(group, backend) for group in (G1, G2)]
