"""Vectors of points of G1 (y² = x³ + 3 over Fq) and G2 (y² = x³ + 3/(9 + u) over Fq2), both of prime order r."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import ClassVar, Self, overload

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.field import Block, address, blocks_for, fq, fr
from zkroll.algebra.kernels.curve_pairs import SCRATCH
from zkroll.algebra.kernels.emit import LANES, LIMB_MASK, LIMBS, Backend
from zkroll.algebra.kernels.fixed_base_kernels import CHUNK, TABLE_WIDTH, WINDOW, fixed_base_kernels
from zkroll.algebra.kernels.groups import G1, G2, Group
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.kernels.msm_kernels import digit_kernels, digit_offset, window_count
from zkroll.algebra.kernels.threads import map_ranges
from zkroll.algebra.reference import curve as reference
from zkroll.algebra.reference.curve import GENERATOR, B, Point
from zkroll.algebra.reference.pairing import G2Point
from zkroll.errors import InputError

__all__ = [
    "GENERATOR",
    "ROW_WORDS",
    "B",
    "G1Points",
    "G2Point",
    "G2Points",
    "Point",
    "Points",
    "fixed_base_g1",
    "is_on_curve",
    "to_affine",
]

ROW_WORDS = 8
Rows = NDArray[np.uint64]
_PART_WORDS = 4
_GRAIN = 32  # blocks of points that are worth a thread


class Points:
    """n affine points of one group; slices share memory. See `G1Points` and `G2Points`.

    They are kept as rows of uint64: x then y, each part of a coordinate in four little-endian words of the
    Montgomery residue below 2q (R = 2^260). Infinity is the row of zeros. The points are taken to be on the
    curve.
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
        rows = np.concatenate([_pack(part) for part in parts], axis=1)[:n]
        rows[np.logical_and.reduce([fq.is_zero(part, n) for part in parts])] = 0
        return cls(rows)

    @property
    def coordinates(self) -> list[Block]:
        """The parts of x and of y as Fq block arrays, padded with zeros."""
        parts = range(0, self.row_words(), _PART_WORDS)
        return [_unpack(self.rows[:, at : at + _PART_WORDS]) for at in parts]

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


def is_on_curve(points: G1Points, threads: int | None = None) -> NDArray[np.bool_]:
    """Return for each point whether it is infinity or y² = x³ + 3."""
    x, y = points.x, points.y
    cubic = fq.mul(fq.square(x, threads=threads), x, threads=threads)
    difference = fq.sub(fq.square(y, threads=threads), fq.add(cubic, B, threads=threads), threads=threads)
    infinity = ~points.rows.any(axis=1)
    on_curve: NDArray[np.bool_] = fq.is_zero(difference, points.n) | infinity
    return on_curve


def to_affine(x: Block, y: Block, z: Block, n: int, threads: int | None = None) -> G1Points:
    """Return the n points x = X/Z, y = Y/Z of projective Fq block arrays; Z = 0 is infinity."""
    inverse = fq.batch_inverse(z, threads=threads)
    return G1Points.from_blocks(fq.mul(x, inverse, threads=threads), fq.mul(y, inverse, threads=threads), n)


def fixed_base_g1(
    scalars: Block,
    n: int,
    base: tuple[int, int] = GENERATOR,
    threads: int | None = None,
    backend: Backend | None = None,
) -> G1Points:
    """Return scalars[i]·base for the first n scalars of an Fr block array; base defaults to (1, 2)."""
    kernels, cutter = fixed_base_kernels(G1, backend or host_backend()), digit_kernels()
    limbs = fr.to_limbs(scalars, n, threads)
    windows = window_count(fr.modulus.bit_length() - 1, WINDOW)
    offset = digit_offset(windows, WINDOW)
    digits = np.empty((windows, n), dtype=np.int16)
    out = np.empty((blocks_for(n) * LANES, ROW_WORDS), dtype=np.uint64)
    table = _table(base, windows)

    def run(begin: int, end: int) -> None:
        first, last = LANES * begin, min(n, LANES * end)
        cutter.digits(digits, limbs, offset, WINDOW, first, last)
        left, right = np.empty(CHUNK, dtype=np.int64), np.empty(CHUNK, dtype=np.int64)
        scratch = np.empty(SCRATCH, dtype=np.int64)
        kernels.multiples(out, digits, address(table), first, last, left, right, scratch)

    map_ranges(run, blocks_for(n), threads, _GRAIN)
    return G1Points(out[:n])


@lru_cache(maxsize=4)
def _table(base: tuple[int, int], windows: int) -> Rows:
    """The rows of j·2^(8·w)·base at 128·w + j - 1, for j in 1..128."""
    multiples: list[reference.Jacobian] = []
    start = reference.to_jacobian(base)
    for _ in range(windows):
        current = start
        for _ in range(TABLE_WIDTH):
            multiples.append(current)
            current = reference.jacobian_add(current, start)
        start = reference.jacobian_double(multiples[-1])
    x, y, z = (fq.from_ints(point[i] for point in multiples) for i in range(3))
    inverse = fq.batch_inverse(z)
    square = fq.square(inverse)
    x, y = fq.mul(x, square), fq.mul(y, fq.mul(square, inverse))
    return G1Points.from_blocks(x, y, len(multiples)).rows


def _pack(block: Block) -> Rows:
    """Block array (nb, 5, 8) of residues below 2q to rows of four words."""
    limbs = np.swapaxes(block, 1, 2).reshape(-1, LIMBS)
    rows = np.empty((len(limbs), 4), dtype=np.uint64)
    for j in range(4):
        rows[:, j] = limbs[:, j] >> np.uint64(12 * j) | limbs[:, j + 1] << np.uint64(52 - 12 * j)
    return rows


def _unpack(rows: Rows) -> Block:
    """Rows of four words to a block array, padded with zeros."""
    n = len(rows)
    limbs = np.zeros((blocks_for(n) * LANES, LIMBS), dtype=np.uint64)
    mask = np.uint64(LIMB_MASK)
    limbs[:n, 0] = rows[:, 0] & mask
    for j in range(1, 4):
        limbs[:n, j] = (rows[:, j - 1] >> np.uint64(64 - 12 * j) | rows[:, j] << np.uint64(12 * j)) & mask
    limbs[:n, 4] = rows[:, 3] >> np.uint64(16)
    return np.ascontiguousarray(np.swapaxes(limbs.reshape(-1, LANES, LIMBS), 1, 2))
