"""Multiples of one point of G1 from a table of small ones: one affine addition a window of the scalar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zkroll.algebra.kernels.curve_pairs import pair_adder
from zkroll.algebra.kernels.curve_rows import ROW_BYTES
from zkroll.algebra.kernels.emit import Backend
from zkroll.algebra.kernels.jit import family, kernel

WINDOW = 8
TABLE_WIDTH = 1 << (WINDOW - 1)  # multiples a window: 1 to 128, the sign is free
CHUNK = 4096  # points that share inversions, a multiple of eight


@dataclass(frozen=True)
class FixedBaseKernels:
    """The kernel, compiled on first use."""

    multiples: Any  # (out rows, digits (W, n), table address: W·128 rows, begin, end, left, right, scratch)


@family
def fixed_base_kernels(backend: Backend) -> FixedBaseKernels:
    """Return the kernels on `backend`."""
    add_pairs = pair_adder(backend)

    @kernel(
        "void(uint64[:,::1],int16[:,::1],int64,int64,int64,int64[::1],int64[::1],int64[::1])",
        name=f"{backend}_fixed_base",
    )
    def multiples(
        out: Any, digits: Any, table: int, begin: int, end: int, left: Any, right: Any, scratch: Any
    ) -> None:
        """out[i] = Σ_w digits[w, i]·table[w] for i in begin..end.

        begin is a multiple of eight, and `out` has room up to the next one above end.
        """
        infinity = np.zeros((1, ROW_BYTES // 8), dtype=np.uint64)
        for start in range(begin, end, CHUNK):
            size = min(CHUNK, end - start)
            at = out.ctypes.data + ROW_BYTES * start
            for w in range(digits.shape[0]):
                for k in range(size):
                    digit = np.int64(digits[w, start + k])
                    left[k] = infinity.ctypes.data if w == 0 else at + ROW_BYTES * k
                    right[k] = infinity.ctypes.data
                    if digit != 0:
                        row = w * TABLE_WIDTH + abs(digit) - 1
                        right[k] = table + ROW_BYTES * row + np.int64(digit < 0)
                add_pairs(left, right, at, size, scratch)

    return FixedBaseKernels(multiples)
