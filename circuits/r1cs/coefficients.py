"""The coefficients of a .zkey file: checked, and collected into matrices that are ready for products."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra import aligned
from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import fr
from zkroll.algebra.kernels.coefficient_kernels import (
    COEFFICIENT_WORDS,
    FALLING,
    GATHER_STATUS,
    NO_ROOM,
    distinct,
    gather,
)
from zkroll.algebra.kernels.r1cs_kernels import FINE, WORDS
from zkroll.algebra.kernels.threads import map_ranges
from zkroll.errors import InputError

Words = NDArray[np.uint64]
Halves = NDArray[np.uint32]

PARTS = ("matrix", "constraint", "wire", "value")
MATRICES = 2

_GRAIN = 1 << 14  # coefficients that are worth a thread
_FEW = 1 << 12  # distinct values that are tried first
_NO_MATRIX = MATRICES


class Table:
    """Room for distinct coefficients, and the secrets that place them."""

    def __init__(self, most: int):
        log_size = (2 * most - 1).bit_length()
        self.factors = np.array([secrets.randbits(64) | 1 for _ in range(WORDS)], dtype=np.uint64)
        self.slots = np.full(1 << log_size, -1, dtype=np.int32)
        self.values = np.empty((most, WORDS), dtype=np.uint64)
        self.shift = 64 - log_size

    def numbered(self, found: int) -> Words:
        """The row of each number, zero first."""
        return np.concatenate([np.zeros((1, WORDS), dtype=np.uint64), self.values[:found]])


def tables(count: int) -> Iterator[Table]:
    """Yield larger and larger tables, the last with room for so many values."""
    most = _FEW
    while most < count:
        yield Table(most)
        most *= 8
    yield Table(max(1, count))


def number_distinct(rows: Words) -> tuple[NDArray[np.uint32], Words]:
    """Return the numbers of the rows, from 1, and the row that each number stands for, zero first."""
    codes = np.empty(len(rows), dtype=np.uint32)
    for table in tables(len(rows)):
        found = distinct(rows, table.factors, table.shift, table.slots, codes, table.values)
        if found >= 0:
            break
    return codes, table.numbered(found)


def first_wrong(
    rows: NDArray[Any], n_rows: int, n_wires: int, threads: int | None = None
) -> tuple[str, int] | None:
    """Return which of PARTS is out of range in the first coefficient that has such a part, and its number.

    rows: a structured array of 44 bytes each, a matrix, a constraint and a wire of 32 bits and a value.
    """
    halves = _halves(rows)
    table = Table(1)
    found: list[tuple[int, int]] = []

    def run(begin: int, end: int) -> None:
        status = np.zeros(GATHER_STATUS, dtype=np.int64)
        starts, entries = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.uint64)
        gather(
            *(halves, _NO_MATRIX, n_rows, n_wires, table.factors, table.shift, table.slots, table.values),
            *(starts, entries, status, begin, end),
        )
        if status[0] != FINE:
            found.append((int(status[1]), int(status[0])))

    map_ranges(run, len(halves), threads, _GRAIN)
    if not found:
        return None
    at, what = min(found)
    return PARTS[what - 1], at


def collect(
    rows: NDArray[Any], n_rows: int, n_wires: int, threads: int | None = None
) -> list[tuple[NDArray[np.int64], Words, Words]]:
    """Return the matrices A and B: where each row's entries begin, the entries, and the values c·2^512.

    Entries are as `kernels.r1cs_kernels.product_kernels` wants them: 0 stands for nothing, the others are a
    wire and 2^32 times a row of the values, whose row 0 is zero; starts (n_rows + 1,) count from 1.
    Coefficients may stand in any order. Raises InputError for a part that is out of range.
    """
    halves = _halves(rows)
    found: dict[int, tuple[NDArray[np.int64], Words, Words]] = {}

    def run(begin: int, end: int) -> None:
        for matrix in range(begin, end):
            found[matrix] = _collect(halves, matrix, n_rows, n_wires)

    map_ranges(run, MATRICES, threads if len(halves) >= _GRAIN else 1, 1)
    return [found[matrix] for matrix in range(MATRICES)]


def _collect(
    halves: Halves, matrix: int, n_rows: int, n_wires: int
) -> tuple[NDArray[np.int64], Words, Words]:
    starts, entries = np.empty(n_rows + 1, dtype=np.int64), aligned.empty(len(halves) + 1)
    starts[0], entries[0] = 1, 0
    status = np.zeros(GATHER_STATUS, dtype=np.int64)
    for table in tables(len(halves)):
        while True:
            status[0] = FINE
            count = gather(
                *(halves, matrix, n_rows, n_wires, table.factors, table.shift, table.slots, table.values),
                *(starts, entries, status, 0, len(halves)),
            )
            if status[0] != FALLING:
                break
            halves = halves[np.argsort(halves[:, 1], kind="stable")]
            table.slots[:] = -1
        if status[0] != NO_ROOM:
            break
    if status[0] != FINE:
        raise InputError(f"coefficient {status[1]}: the {PARTS[status[0] - 1]} is out of range")
    return starts, entries[: count + 1], table.numbered(int(status[1]))


def scaled(words: Words, factor: int) -> Words:
    """Return factor·x for each row of words below r."""
    blocks = fr.from_array(np.ascontiguousarray(words, dtype=np.uint64))
    return fr.to_limbs(fr.mul(blocks, factor % R_MODULUS), len(words))


def _halves(rows: NDArray[Any]) -> Halves:
    """The coefficients as words of 32 bits, copied only where they are not aligned to those."""
    words = np.ascontiguousarray(rows).view("<u4").reshape(-1, COEFFICIENT_WORDS)
    return np.require(words, requirements=["C", "A"])
