"""What ceremonies hash: BLAKE2b over bytes and points, in the encodings of snarkjs.

- `uncompressed`: x then y, big endian, in G2 the imaginary part of each first; zeros are infinity. That is
  `eip196` of `zkroll.algebra.point_encoding`.
- `compressed`: x as above; the highest bit says that y is the larger one of y and -y (above (q - 1)/2; in G2 its
  imaginary part, or the real one if that is zero), the next one, alone, that the point is infinity. It is used in
  the hash of a response of phase 1 and nowhere else.

Source: ffjavascript's wasmcurves (LEMtoU, LEMtoC).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.blake2b import Blake2b
from zkroll.algebra.constants import Q_MODULUS
from zkroll.algebra.conversion import Bytes
from zkroll.algebra.curve import G1Points, G2Point, G2Points, Point
from zkroll.algebra.field import fq
from zkroll.algebra.kernels.groups import G1, G2, Group
from zkroll.errors import InputError

Octets = NDArray[np.uint8]
Words = NDArray[np.uint64]
PointRows = G1Points | G2Points | Octets
PointForm = Literal["uncompressed", "compressed"]

#: Points are hashed in pieces of so many bytes of a section: of 16384 points in G1, 8192 in G2.
PIECE_BYTES = 1 << 20

_PART_WORDS = 4
_HALF = tuple((Q_MODULUS - 1) // 2 >> 64 * i & (2**64 - 1) for i in range(_PART_WORDS))
_LARGER, _INFINITY = 0x80, 0x40


class Transcript:
    """A hash over what was said so far; every method that appends returns the transcript itself.

    `state` as of `Blake2b.state` continues another one.
    """

    __slots__ = ("_hash",)

    def __init__(self, data: Bytes = b"", *, state: Bytes | None = None):
        self._hash = Blake2b() if state is None else Blake2b.from_state(state)
        self._hash.update(data)

    def update(self, data: Bytes) -> Self:
        """Append bytes."""
        self._hash.update(data)
        return self

    def g1(self, *points: Point) -> Self:
        """Append points of G1, uncompressed."""
        return self.update(b"".join(_plain(point, 1) for point in points))

    def g2(self, *points: G2Point) -> Self:
        """Append points of G2, uncompressed."""
        flat = [None if point is None else (*point[0][::-1], *point[1][::-1]) for point in points]
        return self.update(b"".join(_plain(parts, 2) for parts in flat))

    def points(self, points: PointRows, form: PointForm = "uncompressed", threads: int | None = None) -> Self:
        """Append many points: a vector, or the octets (n, 64) or (n, 128) of a section in iden3's form.

        They are encoded in pieces of PIECE_BYTES, so there is never a second copy of them all. Raises InputError
        for octets of another shape, and coordinates that are not below q.
        """
        for piece in encoded_pieces(points, form, threads):
            self._hash.update(piece)
        return self

    def digest(self) -> bytes:
        """Return the 64 bytes of the hash so far; the transcript may go on."""
        return self._hash.digest()

    def state(self) -> bytes:
        """Return the 216 bytes that `state=` takes up."""
        return self._hash.state()

    def copy(self) -> Transcript:
        """Return a transcript that has said the same and goes on by itself."""
        other = Transcript()
        other._hash = self._hash.copy()
        return other


def encoded_pieces(
    points: PointRows, form: PointForm = "uncompressed", threads: int | None = None
) -> Iterator[Octets]:
    """Yield the bytes of the points, PIECE_BYTES of a section at a time; see `Transcript.points`."""
    if form not in ("uncompressed", "compressed"):
        raise InputError(f"points: form: expected uncompressed or compressed, got {form!r}")
    group = _group_of(points)
    step = PIECE_BYTES // group.row_bytes
    for at in range(0, len(points), step):
        words = _canonical(group, points[at : at + step], threads)
        yield _uncompressed(words) if form == "uncompressed" else _compressed(group, words)


def encode(points: PointRows, form: PointForm = "uncompressed", threads: int | None = None) -> bytes:
    """Return the bytes of the points: 64 each in G1 and 128 in G2, compressed half of that."""
    return b"".join(piece.tobytes() for piece in encoded_pieces(points, form, threads))


def _plain(parts: tuple[int, ...] | None, degree: int) -> bytes:
    """The coordinates of a point, in this order."""
    size = 2 * degree
    if parts is None:
        return bytes(32 * size)
    if len(parts) != size or any(not 0 <= part < Q_MODULUS for part in parts):
        raise InputError(f"transcript: expected {size} coordinates below q, got {parts}")
    return b"".join(part.to_bytes(32, "big") for part in parts)


def _group_of(points: PointRows) -> Group:
    if isinstance(points, G1Points | G2Points):
        return points.group
    if isinstance(points, np.ndarray) and points.dtype == np.uint8 and points.ndim == 2:
        for group in (G1, G2):
            if points.shape[1] == group.row_bytes:
                return group
    got = f"{points.shape} {points.dtype}" if isinstance(points, np.ndarray) else type(points).__name__
    raise InputError(f"transcript: expected points, or octets (n, 64) or (n, 128) of uint8, got {got}")


def _canonical(group: Group, points: PointRows, threads: int | None) -> Words:
    """The coordinates (n, 2, 4·degree), words from the least significant, the real part first."""
    n = len(points)
    if isinstance(points, np.ndarray):
        words = np.ascontiguousarray(points).view("<u8").reshape(-1, _PART_WORDS)
        residues = fq.from_array(words, threads, montgomery=True)
        canonical = fq.to_limbs(residues, len(words), threads)
    else:
        parts = [fq.to_limbs(part, n, threads) for part in points.coordinates]
        canonical = np.concatenate(parts, axis=1)
    return canonical.reshape(n, 2, _PART_WORDS * group.degree)


def _uncompressed(words: Words) -> Octets:
    """The coordinates big endian: with all words of one turned round, the imaginary part is first."""
    return np.ascontiguousarray(words[..., ::-1], dtype=">u8").view(np.uint8).reshape(-1)


def _compressed(group: Group, words: Words) -> Octets:
    octets = _uncompressed(words[:, 0]).reshape(-1, 32 * group.degree)
    octets[_is_larger(group, words[:, 1]), 0] |= _LARGER
    octets[~words.any(axis=(1, 2)), 0] = _INFINITY
    return octets.reshape(-1)


def _is_larger(group: Group, y: Words) -> NDArray[np.bool_]:
    """Whether y (n, 4·degree) is above its opposite."""
    larger = _above_half(y[:, -_PART_WORDS:])
    if group is G2:
        real = ~y[:, _PART_WORDS:].any(axis=1)
        larger[real] = _above_half(y[real, :_PART_WORDS])
    return larger


def _above_half(words: Words) -> NDArray[np.bool_]:
    """Which numbers (n, 4) are above (q - 1)/2; all words are looked at only where the highest one is equal."""
    limits = [np.uint64(limb) for limb in _HALF]
    larger: NDArray[np.bool_] = words[:, -1] > limits[-1]
    ties = np.flatnonzero(words[:, -1] == limits[-1])
    if len(ties):
        above = np.zeros(len(ties), dtype=np.bool_)
        for i in range(_PART_WORDS):
            word = words[ties, i]
            above = np.where(word == limits[i], above, word > limits[i])
        larger[ties] = above
    return larger
