"""BabyJubJub over whole columns: a x^2 + y^2 = 1 + d x^2 y^2, a a square and d none, so additions are
complete.

Points in fills are projective (x = X/Z, y = Y/Z), block arrays of one shape each. Formulas: Bernstein,
Birkner, Joye, Lange, Peters, "Twisted Edwards curves" (2008), section 6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.field import fr
from zkroll.algebra.reference.babyjubjub import A, D
from zkroll.circuits.air.expr import Expr, ExprLike

Block = NDArray[np.uint64]
Projective = tuple[Block, Block, Block]


def on_curve(x: Expr, y: Expr, one: ExprLike) -> Expr:
    """Zero where (x, y) is on the curve; ``one`` is 1 there, and 0 in rows of zeros."""
    xx, yy = x * x, y * y
    return xx * A + yy - one - xx * yy * D


def double(point: Projective) -> Projective:
    """2P."""
    x, y, z = point
    xx, yy = fr.square(x), fr.square(y)
    axx = fr.mul(xx, A)
    f = fr.add(axx, yy)
    j = fr.sub(f, fr.mul(fr.square(z), 2))
    twice_xy = fr.sub(fr.square(fr.add(x, y)), fr.add(xx, yy))
    return fr.mul(twice_xy, j), fr.mul(f, fr.sub(axx, yy)), fr.mul(f, j)


def add_affine(point: Projective, x: Block, y: Block) -> Projective:
    """P + (x, y)."""
    px, py, z = point
    zz, xx, yy = fr.square(z), fr.mul(px, x), fr.mul(py, y)
    e = fr.mul(fr.mul(xx, yy), D)
    f, g = fr.sub(zz, e), fr.add(zz, e)
    cross = fr.sub(fr.mul(fr.add(px, py), fr.add(x, y)), fr.add(xx, yy))
    return (
        fr.mul(fr.mul(z, f), cross),
        fr.mul(fr.mul(z, g), fr.sub(yy, fr.mul(xx, A))),
        fr.mul(f, g),
    )


def affine(point: Projective) -> tuple[Block, Block]:
    """x and y; (0, 0) where Z is zero (padding lanes only)."""
    inverted = fr.batch_inverse(point[2])
    return fr.mul(point[0], inverted), fr.mul(point[1], inverted)


def lanes(flags: NDArray[Any], blocks: int) -> NDArray[np.bool_]:
    """(…, n) flags as masks (…, blocks, 1, 8) that select elements of block arrays."""
    out = np.zeros((*flags.shape[:-1], blocks * 8), dtype=np.bool_)
    out[..., : flags.shape[-1]] = flags
    return out.reshape(*flags.shape[:-1], blocks, 1, 8)
