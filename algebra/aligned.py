"""Arrays that begin on a cache line, so that no row of a block and no point straddles two.

NumPy's own begin 16 bytes behind one when they are large; kernels take them too, and are up to a tenth slower.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

LINE_BYTES = 64


def empty(shape: int | Sequence[int], dtype: DTypeLike = np.uint64) -> NDArray[Any]:
    """Return an array as `numpy.empty` does."""
    return _cut(np.empty(_room(shape, dtype), dtype=np.uint8), shape, dtype)


def zeros(shape: int | Sequence[int], dtype: DTypeLike = np.uint64) -> NDArray[Any]:
    """Return an array as `numpy.zeros` does."""
    return _cut(np.zeros(_room(shape, dtype), dtype=np.uint8), shape, dtype)


def _size(shape: int | Sequence[int], dtype: DTypeLike) -> int:
    return prod((shape,) if isinstance(shape, int) else shape) * np.dtype(dtype).itemsize


def _room(shape: int | Sequence[int], dtype: DTypeLike) -> int:
    return _size(shape, dtype) + LINE_BYTES


def _cut(memory: NDArray[np.uint8], shape: int | Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
    start = -int(memory.__array_interface__["data"][0]) % LINE_BYTES
    return memory[start : start + _size(shape, dtype)].view(dtype).reshape(shape)
