"""Multi-scalar multiplication in G1: Σ s_i·P_i."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.curve import G1Points, Point
from zkroll.algebra.field import Block, fr
from zkroll.algebra.reference import msm as reference
from zkroll.errors import InputError

Scalars = Block | NDArray[Any]


def msm_g1(points: G1Points, scalars: Scalars, n: int | None = None, threads: int | None = None) -> Point:
    """Return Σ scalars[i]·points[i] over the first n terms (default: all points, or all scalar rows).

    `scalars` is an Fr block array (nb, 5, 8), or (n,) integers or (n, 2..4) uint64 words as `fr.from_array`
    takes them. Raises InputError when there are fewer points or scalars than n.
    """
    limbs = _canonical(scalars, points.n if n is None else n, n is None)
    if len(limbs) > points.n:
        raise InputError(f"msm_g1: expected at most {points.n} scalars, one a point, got {len(limbs)}")
    data = limbs.tobytes()
    values = [int.from_bytes(data[i : i + 32], "little") for i in range(0, len(data), 32)]
    return reference.msm_g1(points[: len(values)].to_ints(), values)


def msm_g1_many(points: G1Points, scalars: Sequence[Scalars], threads: int | None = None) -> list[Point]:
    """Return msm_g1 of each scalar vector over the same points."""
    return [msm_g1(points, vector, threads=threads) for vector in scalars]


def _canonical(scalars: Scalars, n: int, all_rows: bool) -> NDArray[np.uint64]:
    if scalars.ndim >= 3:
        return fr.to_limbs(scalars, min(n, len(scalars) * 8) if all_rows else n)
    rows = scalars if all_rows else scalars[:n]
    return fr.to_limbs(fr.from_array(rows), len(rows))
