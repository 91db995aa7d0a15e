"""The groups G1 and G2 of BN254: vectors of points and what is done with them, element by element.

>>> from zkroll.algebra.field import fr
>>> points = fixed_base_g1(fr.from_ints([1, 2, 3]), 3)
>>> add(points[:2], points[1:]).to_ints() == fixed_base_g1(fr.from_ints([3, 5]), 2).to_ints()
True
>>> G1Points.from_bytes(points.to_bytes("compressed"), "compressed")[0]
(1, 2)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.field import Block, fq
from zkroll.algebra.fixed_base import fixed_base_g1, fixed_base_g2
from zkroll.algebra.kernels.emit import Backend
from zkroll.algebra.point_checks import rows_in_group, rows_on_curve
from zkroll.algebra.points import G1Points, G2Points, Points
from zkroll.algebra.reference.curve import GENERATOR, B, Point
from zkroll.algebra.reference.pairing import GENERATOR_G2, G2Point
from zkroll.algebra.scalar_mul import (
    Scalars,
    add,
    clear_cofactor,
    combination,
    double,
    multiply,
    negate,
    subtract,
)

__all__ = [
    "GENERATOR",
    "GENERATOR_G2",
    "ROW_WORDS",
    "B",
    "G1Points",
    "G2Point",
    "G2Points",
    "Point",
    "Points",
    "Scalars",
    "add",
    "clear_cofactor",
    "combination",
    "double",
    "fixed_base_g1",
    "fixed_base_g2",
    "is_in_subgroup",
    "is_on_curve",
    "multiply",
    "negate",
    "subtract",
    "to_affine",
]

ROW_WORDS = 8  # of a point of G1


def is_on_curve(
    points: Points, threads: int | None = None, backend: Backend | None = None
) -> NDArray[np.bool_]:
    """Return for each point whether it is infinity or satisfies its group's equation."""
    return rows_on_curve(points.group, points.rows, threads, backend)


def is_in_subgroup(
    points: Points, threads: int | None = None, backend: Backend | None = None
) -> NDArray[np.bool_]:
    """Return for each point whether it is on its curve and of order dividing r (infinity is).

    On the curve of G1 all points are; those of G2 are found by their endomorphism, for about a multiplication
    by 63 bits each.
    """
    return rows_in_group(points.group, points.rows, threads, backend)


def to_affine(x: Block, y: Block, z: Block, n: int, threads: int | None = None) -> G1Points:
    """Return the n points x = X/Z, y = Y/Z of projective Fq block arrays; Z = 0 is infinity."""
    inverse = fq.batch_inverse(z, threads=threads)
    return G1Points.from_blocks(fq.mul(x, inverse, threads=threads), fq.mul(y, inverse, threads=threads), n)
