"""Picking unrelated elements out of a block array."""

from __future__ import annotations

from typing import Any

from zkroll.algebra.kernels.jit import kernel
from zkroll.algebra.kernels.layout import LANES, LIMBS


@kernel("void(const_uint64[:, :, ::1], const_int64[::1], const_uint64[::1], uint64[:, :, ::1])", name="pick")
def pick(source: Any, indices: Any, missing: Any, out: Any) -> None:
    """Element i of out (nb, 5, 8) becomes element indices[i] of `source`, or `missing` (5) where there is none.

    Elements of `out` beyond the indices become `missing` too. out must not overlap the source.
    """
    size = LANES * len(source)
    for i in range(LANES * len(out)):
        block, lane = i // LANES, i % LANES
        at = indices[i] if i < len(indices) else -1
        if 0 <= at < size:
            for limb in range(LIMBS):
                out[block, limb, lane] = source[at // LANES, limb, at % LANES]
        else:
            for limb in range(LIMBS):
                out[block, limb, lane] = missing[limb]
