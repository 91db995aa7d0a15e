"""Immutable vectors over the two BN254 fields, with operators: `FrVector` and `FqVector`.

>>> v = FrVector.from_ints([1, 2, 3])
>>> (v * v + 1).to_ints()
[2, 5, 10]
>>> v[1], v[::-1].to_ints(), v.dot(v)
(2, [3, 2, 1], 14)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Self, overload

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.field import Block, PrimeField, fq, fr
from zkroll.algebra.kernels.emit import LANES, LIMBS
from zkroll.errors import InputError


class FieldVector:
    """n elements of one field; see `FrVector` and `FqVector`, which name the field."""

    field: ClassVar[PrimeField]
    __slots__ = ("_blocks", "_n")
    __hash__ = None  # type: ignore[assignment]  # equal vectors may differ in their stored residues

    def __init__(self, blocks: Block, n: int):
        """Wrap the first n elements of a block array (nb, 5, 8), which is copied."""
        if blocks.ndim != 3 or blocks.shape[1:] != (LIMBS, LANES) or blocks.dtype != np.uint64:
            raise InputError(
                f"{type(self).__name__}: expected (nb, 5, 8) uint64, got {blocks.shape} {blocks.dtype}"
            )
        if not 0 <= n <= len(blocks) * LANES:
            raise InputError(f"{type(self).__name__}: expected 0 <= n <= {len(blocks) * LANES}, got {n}")
        held = blocks[: -(-n // LANES)].copy()
        if n % LANES:
            held[-1, :, n % LANES :] = 0  # sums run over whole blocks
        held.setflags(write=False)
        self._blocks, self._n = held, n

    # ---- conversions --------------------------------------------------------------------------------------

    @classmethod
    def from_ints(cls, values: Iterable[int]) -> Self:
        """Make a vector of Python integers, taken modulo p."""
        listed = list(values)
        return cls(cls.field.from_ints(listed), len(listed))

    @classmethod
    def from_array(cls, array: NDArray[Any]) -> Self:
        """Make a vector of machine integers or of rows of 64-bit words; see `PrimeField.from_array`."""
        return cls(cls.field.from_array(array), len(array))

    @classmethod
    def powers(cls, x: int, n: int) -> Self:
        """Return 1, x, …, x^(n-1)."""
        return cls(cls.field.powers(x, n), n)

    @property
    def blocks(self) -> Block:
        """The block array (nb, 5, 8), read-only; what lies beyond n is zero."""
        return self._blocks

    def to_ints(self) -> list[int]:
        """Return the elements as canonical Python integers."""
        return self.field.to_ints(self._blocks, self._n)

    def to_limbs(self) -> NDArray[np.uint64]:
        """Return the elements as (n, 4) uint64, canonical, least significant word first."""
        return self.field.to_limbs(self._blocks, self._n)

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
            rows = np.swapaxes(self._blocks, -1, -2).reshape(-1, LIMBS)[: self._n][index]
            padded = np.zeros((-(-len(rows) // LANES) * LANES, LIMBS), dtype=np.uint64)
            padded[: len(rows)] = rows
            return type(self)(np.swapaxes(padded.reshape(-1, LANES, LIMBS), -1, -2), len(rows))
        at = range(self._n)[index]
        return self.field.to_ints(self._blocks[at // LANES : at // LANES + 1])[at % LANES]

    def __repr__(self) -> str:
        shown = ", ".join(str(value) for value in self[:4].to_ints())
        return f"{type(self).__name__}([{shown}{', …' if self._n > 4 else ''}], n={self._n})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        return self._n == other._n and self.field.equal(self._blocks, other._blocks)

    # ---- arithmetic ---------------------------------------------------------------------------------------

    def _other(self, other: Self | int) -> Block | int:
        if isinstance(other, int):
            return other
        if len(other) != self._n:
            raise InputError(
                f"{type(self).__name__}: expected vectors of one length, got {self._n}, {len(other)}"
            )
        return other._blocks

    def __add__(self, other: Self | int) -> Self:
        return type(self)(self.field.add(self._blocks, self._other(other)), self._n)

    def __sub__(self, other: Self | int) -> Self:
        return type(self)(self.field.sub(self._blocks, self._other(other)), self._n)

    def __rsub__(self, other: int) -> Self:
        return type(self)(self.field.sub(other, self._blocks), self._n)

    def __mul__(self, other: Self | int) -> Self:
        return type(self)(self.field.mul(self._blocks, self._other(other)), self._n)

    __radd__, __rmul__ = __add__, __mul__

    def __truediv__(self, other: Self | int) -> Self:
        if isinstance(other, int):
            if other % self.field.modulus == 0:
                raise InputError(
                    f"{type(self).__name__}: division: expected a divisor other than zero, got {other}"
                )
            return self * pow(other, -1, self.field.modulus)
        return self * other.inverse()

    def __neg__(self) -> Self:
        return type(self)(self.field.neg(self._blocks), self._n)

    def __pow__(self, exponent: int) -> Self:
        return type(self)(self.field.pow(self._blocks, exponent), self._n)

    def inverse(self) -> Self:
        """Return the inverse of every element; raises InputError when one is zero."""
        zeros = self.field.is_zero(self._blocks, self._n)
        if zeros.any():
            raise InputError(f"{type(self).__name__}.inverse: element {int(np.argmax(zeros))} is zero")
        return type(self)(self.field.batch_inverse(self._blocks), self._n)

    def dot(self, other: Self) -> int:
        """Return Σ a_i·b_i as a canonical integer."""
        blocks = self._other(other)
        if isinstance(blocks, int):
            raise InputError(f"{type(self).__name__}.dot: expected a vector, got {other}")
        return self.field.inner_product(self._blocks, blocks)

    def sum(self) -> int:
        """Return Σ a_i as a canonical integer."""
        return self.field.sum(self._blocks)


class FrVector(FieldVector):
    """A vector over the scalar field Fr of BN254."""

    field = fr
    __slots__ = ()


class FqVector(FieldVector):
    """A vector over the base field Fq of BN254."""

    field = fq
    __slots__ = ()
