"""Vectors of points of G1 (y² = x³ + 3 over Fq) and G2 (y² = x³ + 3/(9 + u) over Fq2), both of prime order r."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, Self, overload

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from zkroll.algebra import aligned
from zkroll.algebra.conversion import Bytes
from zkroll.algebra.field import Block, blocks_for, fq
from zkroll.algebra.files import replace_file
from zkroll.algebra.kernels.emit import LANES, LIMBS
from zkroll.algebra.kernels.groups import G1, G2, Group
from zkroll.algebra.point_encoding import Form, decode, encode, pack, unpack
from zkroll.algebra.reference.curve import Point
from zkroll.algebra.reference.pairing import G2Point
from zkroll.errors import InputError

Rows = NDArray[np.uint64]
_PART_WORDS = 4


class Points:
    """n affine points of one group; slices share memory. See `G1Points` and `G2Points`.

    They are kept as rows of uint64: x then y, each part of a coordinate in four little-endian words of the
    Montgomery residue below 2q (R = 2^260). Infinity is the row of zeros. The points are taken to be on the
    curve. Rows are only read: they may be read-only or mapped from a file.
    """

    group: ClassVar[Group]
    __slots__ = ("rows",)

    def __init__(self, rows: Rows):
        words = self.row_words()
        if rows.ndim != 2 or rows.shape[1] != words or rows.dtype != np.uint64:
            raise InputError(
                f"{type(self).__name__}: expected rows (n, {words}) uint64, got {rows.shape} {rows.dtype}"
            )
        self.rows = np.ascontiguousarray(rows)

    @classmethod
    def row_words(cls) -> int:
        """Return the number of 64-bit words of a point."""
        return cls.group.row_bytes // 8

    # ---- other forms --------------------------------------------------------------------------------------

    @classmethod
    def from_coordinates(cls, parts: Sequence[Block], n: int) -> Self:
        """Return n points of Fq block arrays (nb, 5, 8): x and y in G1; x0, x1, y0, y1 in G2.

        Infinity is a point of zeros.
        """
        if len(parts) != 2 * cls.group.degree or any(p.shape != (blocks_for(n), LIMBS, LANES) for p in parts):
            raise InputError(
                f"{cls.__name__}: expected {2 * cls.group.degree} block arrays of {n} elements, "
                f"got {[part.shape for part in parts]}"
            )
        rows = aligned.empty((blocks_for(n) * LANES, cls.row_words()))
        np.concatenate([pack(part) for part in parts], axis=1, out=rows)
        rows = rows[:n]
        rows[np.logical_and.reduce([fq.is_zero(part, n) for part in parts])] = 0
        return cls(rows)

    @property
    def coordinates(self) -> list[Block]:
        """The parts of x and of y as Fq block arrays, padded with zeros."""
        parts = range(0, self.row_words(), _PART_WORDS)
        return [unpack(self.rows[:, at : at + _PART_WORDS]) for at in parts]

    @classmethod
    def from_bytes(
        cls, data: Bytes, form: Form = "eip196", *, check: bool = True, threads: int | None = None
    ) -> Self:
        """Return the points of bytes in one of the forms of `zkroll.algebra.point_encoding`.

        Coordinates must be below q and, unless `check` is false, points on the curve and of order r.
        Raises InputError with the first point that is not so.
        """
        return cls(decode(cls.group, data, form, check=check, threads=threads))

    def to_bytes(self, form: Form = "eip196", threads: int | None = None) -> bytes:
        """Return the points as bytes: 64 each in G1, 128 in G2, half of that in the compressed form."""
        return encode(self.group, self.rows, form, threads)

    # ---- files --------------------------------------------------------------------------------------------

    def save(self, path: Path | str) -> None:
        """Write the rows to a file, in NumPy's .npy format. Raises InputError when that fails."""
        with replace_file(path) as file:
            np.save(file, self.rows, allow_pickle=False)

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Return the points of a file that `save` wrote, mapped: they are read as they are used.

        Nothing is checked but the shape. Raises InputError for a file of another kind.
        """
        try:
            if not Path(path).is_file():
                raise InputError(f"{path}: expected a file of points")
            rows = open_memmap(path, mode="r")
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: expected a file of points: {error}") from error
        return cls(rows)

    # ---- sequences ----------------------------------------------------------------------------------------

    @property
    def n(self) -> int:
        """The number of points."""
        return len(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(n={self.n})"

    def _slice(self, index: int | slice) -> Self:
        return type(self)(self.rows[index] if isinstance(index, slice) else self.rows[index][None, :])


class G1Points(Points):
    """n points of G1, rows (n, 8): a point is one cache line. `x` and `y` give block arrays."""

    group = G1
    __slots__ = ()

    @classmethod
    def from_blocks(cls, x: Block, y: Block, n: int) -> G1Points:
        """Return the n points of two Fq block arrays of shape (nb, 5, 8); infinity is x = y = 0."""
        return cls.from_coordinates([x, y], n)

    @classmethod
    def from_ints(cls, points: Iterable[Point]) -> G1Points:
        """Return the points (x, y) of integers, None for infinity; not checked to be on the curve."""
        pairs = [(0, 0) if point is None else point for point in points]
        return cls.from_coordinates([fq.from_ints(pair[i] for pair in pairs) for i in range(2)], len(pairs))

    def to_ints(self) -> list[Point]:
        """Return the points as canonical (x, y), None for infinity."""
        xs, ys = (fq.to_ints(part, self.n) for part in self.coordinates)
        return [None if x == 0 and y == 0 else (x, y) for x, y in zip(xs, ys, strict=True)]

    @property
    def x(self) -> Block:
        """The x coordinates as a block array, padded with zeros."""
        return self.coordinates[0]

    @property
    def y(self) -> Block:
        """The y coordinates as a block array, padded with zeros."""
        return self.coordinates[1]

    @overload
    def __getitem__(self, index: int) -> Point: ...
    @overload
    def __getitem__(self, index: slice) -> G1Points: ...
    def __getitem__(self, index: int | slice) -> Point | G1Points:
        part = self._slice(index)
        return part if isinstance(index, slice) else part.to_ints()[0]


class G2Points(Points):
    """n points of G2, rows (n, 16): x0, x1, y0, y1 for x = x0 + x1·u and y = y0 + y1·u."""

    group = G2
    __slots__ = ()

    @classmethod
    def from_ints(cls, points: Iterable[G2Point]) -> G2Points:
        """Return the points ((x0, x1), (y0, y1)) of integers, None for infinity; not checked in any way."""
        flat = [(0, 0, 0, 0) if point is None else (*point[0], *point[1]) for point in points]
        return cls.from_coordinates([fq.from_ints(parts[i] for parts in flat) for i in range(4)], len(flat))

    def to_ints(self) -> list[G2Point]:
        """Return the points as canonical ((x0, x1), (y0, y1)), None for infinity."""
        flat = zip(*(fq.to_ints(part, self.n) for part in self.coordinates), strict=True)
        return [None if not any(parts) else (parts[:2], parts[2:]) for parts in flat]

    @overload
    def __getitem__(self, index: int) -> G2Point: ...
    @overload
    def __getitem__(self, index: slice) -> G2Points: ...
    def __getitem__(self, index: int | slice) -> G2Point | G2Points:
        part = self._slice(index)
        return part if isinstance(index, slice) else part.to_ints()[0]
