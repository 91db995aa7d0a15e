"""Signed digits of scalars that are given as canonical words (n, 4); see `scalar_digits` for block arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.kernels.emit import Backend
from zkroll.algebra.kernels.jit import family, helper, kernel

_R0, _R1, _R2, _R3 = (np.uint64((R_MODULUS >> (64 * i)) & (2**64 - 1)) for i in range(4))
_H0, _H1, _H2, _H3 = (np.uint64((R_MODULUS >> 1 >> (64 * i)) & (2**64 - 1)) for i in range(4))
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_STRETCH = 256  # scalars whose digits are cut together


@helper
def _exceeds_half(s0: Any, s1: Any, s2: Any, s3: Any) -> bool:
    """s > (r - 1)/2"""
    if s3 != _H3:
        return bool(s3 > _H3)
    if s2 != _H2:
        return bool(s2 > _H2)
    if s1 != _H1:
        return bool(s1 > _H1)
    return bool(s0 > _H0)


@helper
def _opposite(s0: Any, s1: Any, s2: Any, s3: Any) -> tuple[Any, Any, Any, Any]:
    """r - s for s <= r."""
    d0 = _R0 - s0
    borrow = _ONE if s0 > _R0 else _ZERO
    d1 = _R1 - s1 - borrow
    borrow = _ONE if s1 > _R1 or (s1 == _R1 and borrow) else _ZERO
    d2 = _R2 - s2 - borrow
    borrow = _ONE if s2 > _R2 or (s2 == _R2 and borrow) else _ZERO
    return d0, d1, d2, _R3 - s3 - borrow


def digit_offset(windows: int, window: int) -> NDArray[np.uint64]:
    """Return 2^(c-1) in every window but the last, as four words."""
    offset = sum(1 << (window * (w + 1) - 1) for w in range(windows - 1))
    return np.array([offset >> (64 * i) & (2**64 - 1) for i in range(4)], dtype=np.uint64)


@dataclass(frozen=True)
class DigitKernels:
    """The kernels on scalars, compiled on first use; scalars are (n, 4) uint64, canonical."""

    digits: Any  # (out int16 (W, n), scalars, offset: 4 words, c, begin, end)


@cache
def digit_kernels() -> DigitKernels:
    """Return the kernels, which are the same for every group and back end."""

    @kernel("void(int16[:,::1],const_uint64[:,::1],const_uint64[::1],int64,int64,int64)", name="msm_digits")
    def digits(out: Any, scalars: Any, offset: Any, window: int, begin: int, end: int) -> None:
        windows = out.shape[0]
        half = np.int64(1) << (window - 1)
        mask = np.uint64((np.int64(1) << window) - 1)
        words = np.zeros((5, _STRETCH), dtype=np.uint64)
        negative = np.zeros(_STRETCH, dtype=np.int64)  # -1 or 0
        for start in range(begin, end, _STRETCH):
            size = min(_STRETCH, end - start)
            for k in range(size):
                i = start + k
                s0, s1, s2, s3 = scalars[i, 0], scalars[i, 1], scalars[i, 2], scalars[i, 3]
                negative[k] = 0
                if _exceeds_half(s0, s1, s2, s3):
                    s0, s1, s2, s3 = _opposite(s0, s1, s2, s3)
                    negative[k] = -1
                words[0, k] = s0 + offset[0]
                carry = _ONE if words[0, k] < s0 else _ZERO
                words[1, k] = s1 + offset[1] + carry
                carry = _ONE if words[1, k] < s1 or (words[1, k] == s1 and carry) else _ZERO
                words[2, k] = s2 + offset[2] + carry
                carry = _ONE if words[2, k] < s2 or (words[2, k] == s2 and carry) else _ZERO
                words[3, k] = s3 + offset[3] + carry
            for w in range(windows):
                bit = window * w
                low, high, target = words[bit >> 6], words[(bit >> 6) + 1], out[w]
                shift = np.uint64(bit & 63)
                # two shifts, because a shift by 64 is none
                rest = np.uint64(63 - (bit & 63))
                bias = half if w < windows - 1 else np.int64(0)
                for k in range(size):
                    field = (low[k] >> shift | high[k] << rest << _ONE) & mask
                    digit = np.int64(field) - bias
                    target[start + k] = (digit ^ negative[k]) - negative[k]

    return DigitKernels(digits)


@family
def declared_digit_kernels(backend: Backend) -> DigitKernels:  # noqa: ARG001 (the same for all)
    """Declare the kernels."""
    return digit_kernels()
