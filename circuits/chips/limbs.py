"""Integers and 64-bit limbs, as the fills of the chips use them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import fr

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]


def limbs_of(values: Iterable[int]) -> U64:
    """Integers in [0, 2^256) as (rows, 4) little-endian limbs."""
    data = b"".join([value.to_bytes(32, "little") for value in values])
    return np.frombuffer(data, dtype="<u8").reshape(-1, 4)


def constant(value: int) -> U64:
    """One integer modulo r as (4,) limbs."""
    return limbs_of([value % R_MODULUS]).reshape(4)


def wide(values: NDArray[Any]) -> U64:
    """(rows,) unsigned integers or (rows, k) limbs as (rows, 4) limbs."""
    narrow = np.asarray(values, dtype=np.uint64)
    narrow = narrow[:, None] if narrow.ndim == 1 else narrow
    out = np.zeros((narrow.shape[0], 4), dtype=np.uint64)
    out[:, : narrow.shape[1]] = narrow
    return out


def halves(elements: U64) -> tuple[U64, U64]:
    """(rows, 4) limbs as the (rows, 2) limbs of their high and low 128 bits."""
    return np.ascontiguousarray(elements[:, 2:]), np.ascontiguousarray(elements[:, :2])


def join(hi: U64, lo: U64) -> U64:
    """(rows, >= 2) limbs of two 128-bit halves as (rows, 4) limbs."""
    return np.concatenate([lo[:, :2], hi[:, :2]], axis=1)


def subtract(a: U64, b: U64) -> tuple[U64, U64]:
    """a - b modulo 2^(64 k) for (rows, k) limbs, and whether it borrowed (rows,) as 0 or 1."""
    out = np.empty_like(a)
    borrow = np.zeros(a.shape[0], dtype=np.uint64)
    for k in range(a.shape[1]):
        first = a[:, k] - b[:, k]
        out[:, k] = first - borrow
        borrow = ((a[:, k] < b[:, k]) | (first < borrow)).astype(np.uint64)
    return out, borrow


def row_keys(*columns: NDArray[Any]) -> NDArray[np.void]:
    """Columns, (rows,) or (rows, k), as one opaque key per row: equal keys where all columns are equal."""
    flat = np.ascontiguousarray(np.concatenate([wide(c) for c in columns], axis=1))
    return flat.view([("", flat.dtype)] * flat.shape[1]).ravel()


def inverse(values: NDArray[Any]) -> U64:
    """The inverses modulo r of (rows,) integers or (rows, k) limbs; zero for zero."""
    rows = values.shape[0]
    return fr.to_limbs(fr.batch_inverse(fr.from_array(values)), rows) if rows else np.zeros((0, 4), np.uint64)


def extend(column: NDArray[Any], height: int) -> NDArray[Any]:
    """A column with zero rows up to ``height``."""
    out = np.zeros((height, *column.shape[1:]), dtype=column.dtype)
    out[: column.shape[0]] = column
    return out


def previous(groups: Sequence[NDArray[Any]], times: I64) -> tuple[I64, I64]:
    """For each access the row of the access before it in its group (-1 for the first), and the sorted order.

    ``groups`` are columns whose equality makes a group; within it ``times`` (rows,) are different.
    """
    keys = row_keys(*groups)
    _, group = np.unique(keys, return_inverse=True)
    order = np.lexsort((times, group))
    before = np.full(times.shape[0], -1, dtype=np.int64)
    same = group[order][1:] == group[order][:-1]
    before[order[1:][same]] = order[:-1][same]
    return before, order


def multiply(x: U64, y: U64) -> U64:
    """x y modulo 2^256 for (rows, 4) limbs."""
    left, right = (np.ascontiguousarray(w, dtype="<u8").view("<u2").astype(np.uint64) for w in (x, y))
    sums = np.zeros_like(left)  # 16 products below 2^32 in each column: no overflow
    for i in range(16):
        sums[:, i:] += left[:, i : i + 1] * right[:, : 16 - i]
    digits = np.empty(sums.shape, dtype="<u2")
    carry = np.zeros(sums.shape[0], dtype=np.uint64)
    for i in range(16):
        carry += sums[:, i]
        digits[:, i] = carry & np.uint64(0xFFFF)
        carry >>= np.uint64(16)
    return digits.view("<u8").astype(np.uint64)


def shift_left(words: U64, amounts: NDArray[Any]) -> U64:
    """words 2^amounts modulo 2^256 for (rows, 4) limbs; amounts (rows,) in [0, 256)."""
    return np.ascontiguousarray(_shift(words[:, ::-1], amounts, up=True)[:, ::-1])


def shift_right(words: U64, amounts: NDArray[Any]) -> U64:
    """words / 2^amounts rounded down for (rows, 4) limbs; amounts (rows,) in [0, 256)."""
    return _shift(words, amounts, up=False)


def _shift(words: U64, amounts: NDArray[Any], *, up: bool) -> U64:
    """Move limbs to lower places by amounts // 64, and bits by amounts % 64 (``up``: in the other direction)."""
    limb, bits = (
        np.asarray(amounts, dtype=np.int64) // 64,
        (np.asarray(amounts) % 64).astype(np.uint64)[:, None],
    )
    padded_words = np.concatenate([words, np.zeros((words.shape[0], 5), dtype=np.uint64)], axis=1)
    places = limb[:, None] + np.arange(5)
    picked = np.take_along_axis(padded_words, places, axis=1)
    near, far = picked[:, :4], picked[:, 1:]
    rest = (np.uint64(64) - bits) % np.uint64(64)
    if up:
        return near << bits | np.where(bits == 0, np.uint64(0), far >> rest)
    return near >> bits | np.where(bits == 0, np.uint64(0), far << rest)


def bit_length(words: U64) -> I64:
    """The number of bits of (rows, 4) limbs; 0 for zero."""
    digits = np.ascontiguousarray(words, dtype="<u8").view(np.uint8)
    nonzero = digits[:, ::-1] != 0
    top = np.where(nonzero.any(axis=1), 31 - np.argmax(nonzero, axis=1), 0)
    digit = digits[np.arange(words.shape[0]), top]
    length: I64 = 8 * top + np.frexp(digit.astype(np.float64))[1].astype(np.int64)
    return length
