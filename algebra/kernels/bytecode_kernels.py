"""Bytecodes read byte by byte: where code ends and pushed data begins, and the words that bytes belong to."""

from __future__ import annotations

from typing import Any

import numpy as np

from zkroll.algebra.kernels.jit import kernel


@kernel(
    "void(const_uint8[::1], const_int64[::1], int64[::1], int64[::1], uint64[:,::1], uint64[:,::1], uint64[:,::1])",
    name="bytecode_scan",
)
def bytecode_scan(
    byte: Any,
    index: Any,
    pc: Any,
    left: Any,
    push: Any,
    word: Any,
    chunk: Any,
) -> None:
    """Gather instructions, words and chunks of padded codes; see `zkroll.circuits.chips.bytecode.scan`.

    `index` is 0 where a code starts; all arrays have a row for each byte.
    """
    eight, top = np.uint64(8), np.uint64(56)
    for i in range(byte.shape[0]):
        place, value = index[i], byte[i]
        if place == 0 or left[i - 1] == 0:
            pc[i] = place
            left[i] = value - 0x5F if 0x60 <= value <= 0x7F else 0
        else:
            pc[i] = pc[i - 1]
            left[i] = left[i - 1] - 1
            half = 2 if left[i] >= 16 else 0
            push[i] = push[i - 1]
            push[i, half + 1] = push[i - 1, half + 1] << eight | push[i - 1, half] >> top
            push[i, half] = push[i - 1, half] << eight | np.uint64(value)
        half = 2 if place % 32 < 16 else 0
        if place % 32 != 0:
            word[i] = word[i - 1]
        word[i, half + 1] = word[i, half + 1] << eight | word[i, half] >> top
        word[i, half] = word[i, half] << eight | np.uint64(value)
        if place % 31 != 0:
            for k in range(3, 0, -1):
                chunk[i, k] = chunk[i - 1, k] << eight | chunk[i - 1, k - 1] >> top
            chunk[i, 0] = chunk[i - 1, 0] << eight
        chunk[i, 0] |= np.uint64(value)
