"""Sub-circuits that several chips declare, each with its filler beside it.

A gadget owns only its auxiliary columns; the caller owns the values it speaks of.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.field import fr
from zkroll.circuits.air.chip import AirBuilder, Word
from zkroll.circuits.air.expr import Expr, ExprLike, weighted
from zkroll.circuits.buses import RANGE16


def range16(b: AirBuilder, name: str, value: ExprLike, when: ExprLike = 1) -> None:
    """``value`` is in [0, 2^16) in rows with ``when`` = 1."""
    b.send(f"{name} in 16 bits", RANGE16, (value,), when)


def range_limbs(b: AirBuilder, name: str, value: ExprLike, bits: int, when: ExprLike = 1) -> list[Expr]:
    """``value`` is in [0, 2^bits), ``bits`` a multiple of 16: columns ``name`` of its 16-bit limbs.

    1. value = sum limb_i 2^(16 i) in every row
    2. each limb is in the 16-bit table in rows with ``when`` = 1
    """
    limbs = b.columns(name, bits // 16)
    b.constrain(f"{name} compose the value", weighted(limbs, 2**16) - value)
    for i, limb in enumerate(limbs):
        range16(b, f"{name}[{i}]", limb, when)
    return limbs


def range_word(b: AirBuilder, name: str, word: Word, when: ExprLike = 1) -> tuple[list[Expr], list[Expr]]:
    """Both halves of ``word`` are in [0, 2^128): limbs ``name.hi`` and ``name.lo``, eight each."""
    hi = range_limbs(b, f"{name}_hi_limbs", word.hi, 128, when)
    lo = range_limbs(b, f"{name}_lo_limbs", word.lo, 128, when)
    return hi, lo


def is_zero(b: AirBuilder, name: str, value: ExprLike, when: ExprLike = 1) -> Expr:
    """A column ``name`` that is ``when`` where ``value`` is 0 and 0 elsewhere; ``name_inverse`` proves it.

    1. value * flag = 0: a nonzero value has flag 0
    2. value * inverse = when - flag: a zero value has flag ``when``
    """
    flag = b.column(name)
    inverse = b.column(f"{name}_inverse")
    b.constrain(f"{name} only at zero", flag * value)
    b.constrain(f"{name} at every zero", inverse * value + flag - when)
    return flag


def limbs16(values: NDArray[Any], count: int) -> NDArray[np.uint16]:
    """(rows,) or (rows, k) uint64 limbs as (rows, count) 16-bit limbs, least significant first."""
    wide = np.ascontiguousarray(values, dtype="<u8").reshape(values.shape[0], -1)
    out = wide.view("<u2")
    if out.shape[1] < count:
        out = np.concatenate([out, np.zeros((out.shape[0], count - out.shape[1]), dtype=out.dtype)], axis=1)
    return np.ascontiguousarray(out[:, :count])


def word_limbs16(words: NDArray[np.uint64]) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """(rows, 4) words as the (rows, 8) 16-bit limbs of their high and low halves, for ``range_word``."""
    return limbs16(words[:, 2:], 8), limbs16(words[:, :2], 8)


def fill_is_zero(
    x: NDArray[np.uint64], y: NDArray[np.uint64]
) -> tuple[NDArray[np.bool_], NDArray[np.uint64]]:
    """The columns of ``is_zero`` for x - y, both (rows, k) limbs: the flag and the inverse (rows, 4)."""
    rows = x.shape[0]
    difference = fr.sub(fr.from_array(x), fr.from_array(y))
    return (x == y).all(axis=1), fr.to_limbs(fr.batch_inverse(difference), rows)
