"""Immutable vectors over the two BN254 fields, with operators: `FrVector` and `FqVector`.

A vector owns its blocks or looks at those of another vector or of a file that is mapped into memory
(`save`, `open`); operations read them where they are.

>>> v = FrVector.from_ints([1, 2, 3])
>>> (v * v + 1).to_ints()
[2, 5, 10]
>>> v[1], v[::-1].to_ints(), v.dot(v)
(2, [3, 2, 1], 14)
>>> FrVector.from_bytes(v.to_bytes("big"), "big") == v
True
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, overload

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.field import Block, Bytes, Order, PrimeField, blocks_for, fq, fr
from zkroll.algebra.kernels.conversion_kernels import ROW_BYTES
from zkroll.algebra.kernels.emit import LANES, LIMBS
from zkroll.algebra.vector_file import map_vector, write_vector
from zkroll.errors import InputError


class FieldVector:
    """n elements of one field; see `FrVector` and `FqVector`, which name the field.

    Operators take a vector of the same field and length, or an integer; anything else is an InputError.
    """

    field: ClassVar[PrimeField]
    __slots__ = ("_blocks", "_n")
    __hash__ = None  # type: ignore[assignment]  # equal vectors may differ in their stored residues
    __array_ufunc__ = None  # NumPy leaves operators to this class

    def __init__(self, blocks: Block, n: int):
        """Wrap the first n elements of a block array (nb, 5, 8), which is copied.

        Raises InputError for other arrays, for n out of range, and for a stored residue not below 2p.
        """
        name = type(self).__name__
        if (
            not isinstance(blocks, np.ndarray)
            or blocks.ndim != 3
            or blocks.shape[1:] != (LIMBS, LANES)
            or blocks.dtype != np.uint64
        ):
            got = (
                f"{blocks.shape} {blocks.dtype}" if isinstance(blocks, np.ndarray) else type(blocks).__name__
            )
            raise InputError(f"{name}: expected (nb, 5, 8) uint64, got {got}")
        if not 0 <= n <= len(blocks) * LANES:
            raise InputError(f"{name}: expected 0 <= n <= {len(blocks) * LANES}, got {n}")
        held = blocks[: blocks_for(n)].copy()
        self.field.check_range(held, name)
        self._hold(held, n)

    def _hold(self, blocks: Block, n: int) -> None:
        """Keep `blocks`, which nobody else writes to; sums run over whole blocks, so what is over is zero."""
        if n % LANES and blocks.flags.writeable:
            blocks[-1, :, n % LANES :] = 0
        blocks.setflags(write=False)
        self._blocks, self._n = blocks, n

    @classmethod
    def _of(cls, blocks: Block, n: int) -> Self:
        """Wrap blocks that an operation has just made, or (read-only) those of another vector or a file."""
        vector = cls.__new__(cls)
        vector._hold(blocks, n)
        return vector

    # ---- conversions --------------------------------------------------------------------------------------

    @classmethod
    def from_ints(cls, values: Iterable[int]) -> Self:
        """Make a vector of Python integers, taken modulo p."""
        listed = list(values)
        return cls._of(cls.field.from_ints(listed), len(listed))

    @classmethod
    def from_array(cls, array: NDArray[Any], *, montgomery: bool = False, reduce: bool = False) -> Self:
        """Make a vector of machine integers or of rows of 64-bit words; see `PrimeField.from_array`."""
        array = np.asarray(array)
        return cls._of(cls.field.from_array(array, montgomery=montgomery, reduce=reduce), len(array))

    @classmethod
    def from_bytes(
        cls, data: Bytes, order: Order = "little", *, montgomery: bool = False, reduce: bool = False
    ) -> Self:
        """Make a vector of elements of 32 bytes each, below p or (`reduce`) taken modulo p.

        With `montgomery` the bytes hold x·2^256 mod p, as .zkey and .ptau files do.
        """
        blocks = cls.field.from_bytes(data, order, montgomery=montgomery, reduce=reduce)
        size = data.size if isinstance(data, np.ndarray) else memoryview(data).nbytes
        return cls._of(blocks, size // ROW_BYTES)

    @classmethod
    def powers(cls, x: int, n: int) -> Self:
        """Return 1, x, …, x^(n-1)."""
        return cls._of(cls.field.powers(x, n), n)

    @classmethod
    def full(cls, n: int, value: int) -> Self:
        """Return n elements equal to `value`."""
        return cls._of(cls.field.full(n, value), n)

    @classmethod
    def concatenate(cls, vectors: Sequence[Self]) -> Self:
        """Return the elements of all vectors, one after the other."""
        for vector in vectors:
            if not isinstance(vector, cls):
                raise InputError(f"{cls.__name__}.concatenate: got a {type(vector).__name__}")
        n = sum(len(vector) for vector in vectors)
        if all(len(vector) % LANES == 0 for vector in vectors[:-1]):  # whole blocks, but for the last vector
            return cls._of(np.concatenate([cls.field.zeros(0), *(v._blocks for v in vectors)]), n)
        rows = np.concatenate([vector._rows() for vector in vectors])
        return cls._of(_blocks_of(rows), n)

    @property
    def blocks(self) -> Block:
        """The block array (nb, 5, 8), read-only; what lies beyond n is zero."""
        return self._blocks

    def to_ints(self) -> list[int]:
        """Return the elements as canonical Python integers."""
        return self.field.to_ints(self._blocks, self._n)

    def to_limbs(self, *, montgomery: bool = False) -> NDArray[np.uint64]:
        """Return the elements as (n, 4) uint64, canonical, least significant word first."""
        return self.field.to_limbs(self._blocks, self._n, montgomery=montgomery)

    def to_bytes(self, order: Order = "little", *, montgomery: bool = False) -> bytes:
        """Return the elements as 32 bytes each, canonical, or with `montgomery` x·2^256 mod p."""
        return self.field.to_bytes(self._blocks, self._n, order, montgomery=montgomery)

    # ---- files --------------------------------------------------------------------------------------------

    def save(self, path: Path | str, *, digest: bool = False) -> None:
        """Write the vector to `path`, beside its place first; see `zkroll.algebra.vector_file`."""
        write_vector(path, self.field, self._blocks, self._n, digest=digest)

    @classmethod
    def open(cls, path: Path | str, *, check: bool = True) -> Self:
        """Return a view of a file that `save` wrote; nothing is copied.

        The file must not change while the vector is used. `check=False` skips reading it through (see
        `vector_file.map_vector`). Raises InputError for files that do not hold such a vector.
        """
        return cls._of(*map_vector(path, cls.field, check=check))

    # ---- container ----------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self._n

    def __iter__(self) -> Iterator[int]:
        return iter(self.to_ints())

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> int | Self:
        if isinstance(index, slice):
            start, stop, step = index.indices(self._n)
            if step == 1 and start % LANES == 0 and start < stop and (stop % LANES == 0 or stop == self._n):
                return self._of(self._blocks[start // LANES : blocks_for(stop)], stop - start)
            rows = self._rows()[index]
            return self._of(_blocks_of(rows), len(rows))
        at = range(self._n)[index]
        return self.field.to_ints(self._blocks[at // LANES : at // LANES + 1])[at % LANES]

    def __repr__(self) -> str:
        shown = ", ".join(str(value) for value in self[:4].to_ints())
        return f"{type(self).__name__}([{shown}{', …' if self._n > 4 else ''}], n={self._n})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        return self._n == other._n and self.field.equal(self._blocks, other._blocks)

    def _rows(self) -> NDArray[np.uint64]:
        """The elements as (n, 5) rows of limbs."""
        return np.swapaxes(self._blocks, -1, -2).reshape(-1, LIMBS)[: self._n]

    # ---- arithmetic ---------------------------------------------------------------------------------------

    def _other(self, other: Self | int) -> Block | int:
        if isinstance(other, int | np.integer):
            return int(other)
        if not isinstance(other, type(self)):
            raise InputError(
                f"{type(self).__name__}: expected an integer or a vector of the same field, "
                f"got {type(other).__name__}"
            )
        if len(other) != self._n:
            raise InputError(
                f"{type(self).__name__}: expected vectors of one length, got {self._n}, {len(other)}"
            )
        return other._blocks

    def __add__(self, other: Self | int) -> Self:
        return self._of(self.field.add(self._blocks, self._other(other)), self._n)

    def __sub__(self, other: Self | int) -> Self:
        return self._of(self.field.sub(self._blocks, self._other(other)), self._n)

    def __rsub__(self, other: int) -> Self:
        return self._of(self.field.sub(self._other(other), self._blocks), self._n)

    def __mul__(self, other: Self | int) -> Self:
        return self._of(self.field.mul(self._blocks, self._other(other)), self._n)

    __radd__, __rmul__ = __add__, __mul__

    def __truediv__(self, other: Self | int) -> Self:
        divisor = self._other(other)
        if not isinstance(divisor, int):
            return self * type(self)._of(divisor, self._n).inverse()
        if divisor % self.field.modulus == 0:
            raise InputError(
                f"{type(self).__name__}: division: expected a divisor other than zero, got {other}"
            )
        return self * pow(divisor, -1, self.field.modulus)

    def __rtruediv__(self, other: int) -> Self:
        self._other(other)
        return self.inverse() * other

    def __neg__(self) -> Self:
        return self._of(self.field.neg(self._blocks), self._n)

    def __pow__(self, exponent: int) -> Self:
        if not isinstance(exponent, int | np.integer):
            raise InputError(
                f"{type(self).__name__}: expected an integer exponent, got {type(exponent).__name__}"
            )
        base = self.inverse() if exponent < 0 else self
        return self._of(self.field.pow(base._blocks, abs(int(exponent))), self._n)

    def square(self) -> Self:
        """Return a²."""
        return self._of(self.field.square(self._blocks), self._n)

    def inverse(self) -> Self:
        """Return the inverse of every element; raises InputError when one is zero."""
        zeros = self.field.is_zero(self._blocks, self._n)
        if zeros.any():
            raise InputError(f"{type(self).__name__}.inverse: element {int(np.argmax(zeros))} is zero")
        return self._of(self.field.batch_inverse(self._blocks), self._n)

    def dot(self, other: Self) -> int:
        """Return Σ a_i·b_i as a canonical integer."""
        blocks = self._other(other)
        if isinstance(blocks, int):
            raise InputError(f"{type(self).__name__}.dot: expected a vector, got {other}")
        return self.field.inner_product(self._blocks, blocks)

    def sum(self) -> int:
        """Return Σ a_i as a canonical integer."""
        return self.field.sum(self._blocks)


def _blocks_of(rows: NDArray[np.uint64]) -> Block:
    """(n, 5) rows of limbs as blocks, the last one filled up with zeros."""
    padded = np.zeros((blocks_for(len(rows)) * LANES, LIMBS), dtype=np.uint64)
    padded[: len(rows)] = rows
    return np.ascontiguousarray(np.swapaxes(padded.reshape(-1, LANES, LIMBS), -1, -2))


class FrVector(FieldVector):
    """A vector over the scalar field Fr of BN254."""

    field = fr
    __slots__ = ()


class FqVector(FieldVector):
    """A vector over the base field Fq of BN254."""

    field = fq
    __slots__ = ()


def unwrap(values: Any, n: int | None) -> tuple[Any, int | None]:
    """Return a vector over Fr as its blocks and length (or n, if that is given); other values as they are.

    Raises InputError for a vector over Fq, or when n is more than its length.
    """
    if not isinstance(values, FieldVector):
        return values, n
    if not isinstance(values, FrVector):
        raise InputError(f"scalars: expected a vector over Fr, got {type(values).__name__}")
    if n is not None and n > len(values):
        raise InputError(f"scalars: expected {n}, got a vector of {len(values)}")
    return values.blocks, len(values) if n is None else n
