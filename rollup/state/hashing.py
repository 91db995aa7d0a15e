"""Poseidon for the state layer: one hash at a time, or many of one arity in one kernel call."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.reference.poseidon import poseidon_hash
from zkroll.errors import InputError

# Below this many hashes the big-integer reference is quicker than loading and calling the kernel.
BATCH_THRESHOLD = 24


@lru_cache(maxsize=1 << 16)
def poseidon(*inputs: int) -> int:
    """circomlib's Poseidon of 1 to 16 field elements (each in [0, r))."""
    return poseidon_hash(list(inputs))


def poseidon_many(rows: Sequence[tuple[int, ...]]) -> list[int]:
    """Poseidon of every row; all rows have the same number of inputs.

    Raises InputError when the rows differ in length.
    """
    if not rows:
        return []
    arity = len(rows[0])
    if any(len(row) != arity for row in rows):
        raise InputError(f"poseidon_many: expected rows of {arity} inputs, got rows of different lengths")
    if len(rows) < BATCH_THRESHOLD:
        return [poseidon(*row) for row in rows]
    from zkroll.algebra.field import fr
    from zkroll.algebra.poseidon import poseidon_hash as poseidon_kernel

    columns = [fr.from_ints(list(column)) for column in zip(*rows, strict=True)]
    return list(fr.to_ints(poseidon_kernel(columns, len(rows)), len(rows)))


def halves(word: int) -> tuple[int, int]:
    """A 256-bit word as its (high, low) 128-bit halves."""
    return word >> 128, word & ((1 << 128) - 1)


def is_field_element(value: int) -> bool:
    """Whether the integer is a canonical element of Fr."""
    return 0 <= value < R_MODULUS
