"""Long division of 512-bit by 256-bit numbers, bit by bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from zkroll.algebra.kernels.jit import kernel

ZERO = np.uint64(0)
ONE = np.uint64(1)
TOP = np.uint64(63)


@kernel(
    "void(const_uint64[:, ::1], const_uint64[:, ::1], uint64[:, ::1], uint64[:, ::1])", name="long_division"
)
def divide(numerator: Any, divisor: Any, quotient: Any, remainder: Any) -> None:
    """quotient, remainder = numerator divided by divisor, row by row; both 0 where the divisor is 0.

    numerator, quotient: (m, 8); divisor, remainder: (m, 4) limbs, least significant first. The two outputs
    are overwritten.
    """
    for i in range(numerator.shape[0]):
        d0, d1, d2, d3 = divisor[i, 0], divisor[i, 1], divisor[i, 2], divisor[i, 3]
        r0, r1, r2, r3 = ZERO, ZERO, ZERO, ZERO
        for k in range(8):
            quotient[i, k] = ZERO
        top = 7
        if d0 | d1 | d2 | d3 == ZERO:
            top = -1
        while top >= 0 and numerator[i, top] == ZERO:
            top -= 1
        for k in range(top, -1, -1):
            limb = numerator[i, k]
            digit = ZERO
            for _ in range(64):
                out = r3 >> TOP  # the bit 256 of the shifted remainder
                r3 = (r3 << ONE) | (r2 >> TOP)
                r2 = (r2 << ONE) | (r1 >> TOP)
                r1 = (r1 << ONE) | (r0 >> TOP)
                r0 = (r0 << ONE) | (limb >> TOP)
                limb = limb << ONE
                digit = digit << ONE
                less = r0 < d0
                if r1 != d1:
                    less = r1 < d1
                if r2 != d2:
                    less = r2 < d2
                if r3 != d3:
                    less = r3 < d3
                if out == ZERO and less:
                    continue
                b0 = ONE if r0 < d0 else ZERO
                b1 = ONE if r1 < d1 or (r1 == d1 and b0 == ONE) else ZERO
                b2 = ONE if r2 < d2 or (r2 == d2 and b1 == ONE) else ZERO
                r3 = r3 - d3 - b2
                r2 = r2 - d2 - b1
                r1 = r1 - d1 - b0
                r0 = r0 - d0
                digit = digit | ONE
            quotient[i, k] = digit
        remainder[i, 0], remainder[i, 1], remainder[i, 2], remainder[i, 3] = r0, r1, r2, r3
