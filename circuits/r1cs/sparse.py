"""Sparse matrices over Fr, by rows, and their products with vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra import aligned
from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import Block, PrimeField, address, blocks_for, fr
from zkroll.algebra.kernels.emit import BLOCK_BYTES, LANES, LIMBS
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.kernels.layout import MONTGOMERY_BITS, Backend
from zkroll.algebra.kernels.r1cs_kernels import LANE_ROWS, WORDS, product_kernels
from zkroll.algebra.kernels.threads import map_ranges
from zkroll.algebra.point_encoding import pack
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.coefficients import number_distinct
from zkroll.errors import InputError

Starts = NDArray[np.int64]
Wires = NDArray[np.uint32]
Words = NDArray[np.uint64]

_MOST_TERMS = (1 << 31) - 1
_WINDOW = 1024  # rows that are sorted by length together: near enough to share cache lines of the vector
_GRAIN = 128  # blocks: less is faster on one thread


@dataclass(frozen=True, eq=False)
class SparseMatrix:
    """Rows of terms: row i has the terms starts[i] : starts[i + 1], each a wire and its coefficient.

    starts: (rows + 1,) int64 from 0, never falling; wires: (terms,) uint32, below 2^32 and in any order, one
    that is repeated in a row counts as the sum; coefficients: (terms, 4) uint64, little-endian words, below r.
    Raises InputError for anything else. The arrays must not change while the matrix is in use.
    """

    starts: Starts
    wires: Wires
    coefficients: Words

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Raise InputError unless the arrays are as described above."""
        _check_array("starts", self.starts, 1, "int64")
        _check_array("wires", self.wires, 1, "uint32")
        _check_array("coefficients", self.coefficients, 2, "uint64")
        terms = len(self.wires)
        if terms > _MOST_TERMS or self.coefficients.shape != (terms, WORDS):
            raise InputError(
                f"SparseMatrix: coefficients: expected ({terms}, {WORDS}) for at most {_MOST_TERMS} terms, "
                f"got {self.coefficients.shape}"
            )
        s = self.starts
        if len(s) == 0 or s[0] != 0 or s[-1] != terms or (len(s) > 1 and bool((s[1:] < s[:-1]).any())):
            raise InputError(f"SparseMatrix: starts: expected to rise from 0 to the {terms} terms")
        bad = ~below_r(self.coefficients)
        if bad.any():
            raise InputError(f"SparseMatrix: term {int(np.argmax(bad))}: expected a coefficient below r")

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[int, int] | Iterable[tuple[int, int]]]) -> SparseMatrix:
        """Return the matrix of rows given as mappings or pairs of wire and coefficient (taken modulo r)."""
        listed = [list(row.items()) if isinstance(row, Mapping) else list(row) for row in rows]
        flat = [term for row in listed for term in row]
        for wire, _ in flat:
            if not 0 <= wire < 1 << 32:
                raise InputError(f"SparseMatrix: expected wires of 32 bits, got {wire}")
        starts = np.zeros(len(listed) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in listed], out=starts[1:])
        data = b"".join((value % R_MODULUS).to_bytes(8 * WORDS, "little") for _, value in flat)
        return cls(
            starts,
            np.array([wire for wire, _ in flat], dtype=np.uint32),
            np.frombuffer(data, dtype="<u8").reshape(-1, WORDS),
        )

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return len(self.starts) - 1

    @property
    def n_terms(self) -> int:
        """The number of terms."""
        return len(self.wires)

    @cached_property
    def n_wires(self) -> int:
        """One more than the highest wire of any term."""
        return int(self.wires.max()) + 1 if self.n_terms else 0

    def row(self, i: int) -> list[tuple[int, int]]:
        """Return the terms of a row, pairs of wire and coefficient. Raises InputError when there is none."""
        if not 0 <= i < self.n_rows:
            raise InputError(f"SparseMatrix: expected a row of 0..{self.n_rows - 1}, got {i}")
        begin, end = int(self.starts[i]), int(self.starts[i + 1])
        values = [int.from_bytes(row.tobytes(), "little") for row in self.coefficients[begin:end]]
        return list(zip(self.wires[begin:end].tolist(), values, strict=True))

    def times(
        self, vector: FrVector, threads: int | None = None, *, backend: Backend | None = None
    ) -> FrVector:
        """Return the product with a vector that has an element for each wire.

        Raises InputError when the vector is too short.
        """
        return self.plan.run(vector.to_limbs(), threads, check=False, backend=backend)

    @cached_property
    def plan(self) -> ProductPlan:
        """What products need to know of the matrix; made once, about 16 bytes a term."""
        return ProductPlan(self)


class ProductPlan:
    """A matrix made ready for products: codes for its coefficients, rows of like length side by side."""

    def __init__(self, matrix: SparseMatrix):
        matrix.check()
        codes, values = number_distinct(matrix.coefficients)
        entries = np.zeros(matrix.n_terms + 1, dtype=np.uint64)
        entries[1:] = codes
        entries <<= np.uint64(32)
        entries[1:] |= matrix.wires
        self._set(matrix.starts + 1, entries, values, int(matrix.wires.max()) + 1 if matrix.n_terms else 1)

    @classmethod
    def of_entries(cls, starts: Starts, entries: Words, values: Words, n_wires: int) -> ProductPlan:
        """Return the plan of a matrix of `coefficients.collect`, with its values below r as they are.

        `n_wires` is above every wire.
        """
        plan = cls.__new__(cls)
        plan._set(starts, entries, values, n_wires)
        return plan

    def _set(self, starts: Starts, entries: Words, values: Words, n_wires: int) -> None:
        self.n_rows, self.n_wires = len(starts) - 1, n_wires
        self._entries, self._values = entries, values
        padded = blocks_for(self.n_rows) * LANES
        if padded > self.n_rows:
            starts = np.concatenate([starts, np.full(padded - self.n_rows, len(entries), dtype=np.int64)])
        self._starts = starts
        self._order = _order(np.diff(starts))
        self._tables: dict[Backend, Words] = {}

    def run(
        self,
        words: Words,
        threads: int | None = None,
        *,
        check: bool = True,
        backend: Backend | None = None,
    ) -> FrVector:
        """Return the product with a vector given as rows of four words, each below r (`check` looks).

        Raises InputError for another shape, too short a vector, or a value that is not below r.
        """
        return FrVector._of(
            self.blocks(words, self.n_rows, threads, check=check, backend=backend), self.n_rows
        )

    def blocks(
        self,
        words: Words,
        n: int,
        threads: int | None = None,
        *,
        check: bool = True,
        backend: Backend | None = None,
    ) -> Block:
        """Return what `run` does as the blocks of n elements, as many as rows or more: zeros behind."""
        if words.ndim != 2 or words.shape[1] != WORDS or words.dtype != np.uint64:
            raise InputError(
                f"sparse product: expected rows (n, {WORDS}) uint64, got {words.shape} {words.dtype}"
            )
        if len(words) < self.n_wires:
            raise InputError(f"sparse product: expected at least {self.n_wires} elements, got {len(words)}")
        below = below_r(words) if check else np.ones(1, dtype=np.bool_)
        if not below.all():
            raise InputError(f"sparse product: element {int(np.argmin(below))}: expected a value below r")
        held = np.require(words, requirements=["C", "A"])
        chosen = backend or host_backend()
        table, kernel = self._table(chosen), product_kernels(chosen).rows
        if n < self.n_rows:
            raise InputError(f"sparse product: expected room for {self.n_rows} rows, got {n}")
        out = aligned.empty((blocks_for(n), LIMBS, LANES))
        used = blocks_for(self.n_rows)
        out[used:] = 0

        def part(begin: int, end: int) -> None:
            lanes = np.empty((LANE_ROWS, LANES), dtype=np.int64)
            total = np.empty(BLOCK_BYTES // 8, dtype=np.uint64)
            kernel(
                address(out),
                address(held),
                address(table),
                address(self._entries),
                self._starts,
                self._order,
                lanes,
                address(lanes),
                address(total),
                begin,
                end,
            )

        map_ranges(part, used, threads, _GRAIN)
        return out

    def _table(self, backend: Backend) -> Words:
        """A row of four words for each coefficient c: c·R² below 2r."""
        if backend not in self._tables:
            field = fr if backend == fr.backend else PrimeField(fr.params, backend)
            blocks = field.mul(field.from_array(self._values), 1 << MONTGOMERY_BITS)
            self._tables[backend] = pack(blocks)[: len(self._values)]
        return self._tables[backend]


def _check_array(name: str, array: NDArray[Any], ndim: int, dtype: str) -> None:
    if array.ndim != ndim or array.dtype != dtype or not array.flags.c_contiguous or not array.flags.aligned:
        raise InputError(
            f"SparseMatrix: {name}: expected a contiguous array of {dtype} in {ndim} dimension(s), "
            f"got {array.dtype} {array.shape}"
        )


def below_r(words: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows of four little-endian words are below r."""
    less = np.zeros(len(words), dtype=np.bool_)
    for i in range(WORDS):
        limit = np.uint64(R_MODULUS >> (64 * i) & (2**64 - 1))
        less = (words[:, i] < limit) | ((words[:, i] == limit) & less)
    return less


def _order(lengths: Starts) -> Starts:
    """Rows sorted by length within windows, so that eight neighbours have about as many terms."""
    order = np.arange(len(lengths), dtype=np.int64)
    few = len(lengths) == 0 or int(lengths.max()) < 256  # then one pass sorts a window
    short = lengths.astype(np.uint8) if few else np.minimum(lengths, 65535).astype(np.uint16)
    whole = len(lengths) // _WINDOW * _WINDOW
    windows, places = short[:whole].reshape(-1, _WINDOW), order[:whole].reshape(-1, _WINDOW)
    mixed = np.flatnonzero(windows.max(axis=1) > windows.min(axis=1))
    places[mixed] = np.argsort(windows[mixed], axis=1, kind="stable") + _WINDOW * mixed.reshape(-1, 1)
    order[whole:] = whole + np.argsort(short[whole:], kind="stable")
    return order
