"""Inner proofs as values and as canonical bytes: one encoding per proof, one proof per encoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.errors import VerificationError
from zkroll.verifier.packing import CommitStage
from zkroll.verifier.shape import ProofShape
from zkroll.verifier.transcript import Point

MAGIC: Final = b"zkroll-air-2"
_ABSENT: Final = 255


@dataclass(frozen=True)
class InnerProof:
    """log_heights: per chip of the machine, -1 where absent. evaluations: per group, in transcript order of
    the groups (preprocessed, main, helper, quotient), per point of the group (z, then z * w_h), the slots."""

    log_heights: tuple[int, ...]
    main: tuple[Point, ...]
    helper: tuple[Point, ...]
    quotient: tuple[Point, ...]
    sums: tuple[int, ...]
    evaluations: tuple[tuple[tuple[int, ...], ...], ...]
    opening: Point
    final: Point

    def to_bytes(self) -> bytes:
        """magic | chip count (1) | log heights (1 each, 255 absent) | points | sums | evaluations | W | W'.

        Points are x, y and scalars are 32 bytes each, big-endian.
        """
        parts = [MAGIC, bytes([len(self.log_heights)])]
        parts.append(bytes(_ABSENT if h < 0 else h for h in self.log_heights))
        for point in (*self.main, *self.helper, *self.quotient):
            parts.append(_point_bytes(point))
        parts.extend(s.to_bytes(32, "big") for s in self.sums)
        for group in self.evaluations:
            parts.extend(value.to_bytes(32, "big") for point in group for value in point)
        parts.extend((_point_bytes(self.opening), _point_bytes(self.final)))
        return b"".join(parts)


def _point_bytes(point: Point) -> bytes:
    return point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


class Reader:
    """Takes fixed-size pieces from bytes; VerificationError names what is missing or out of range."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int, what: str) -> bytes:
        piece = self._data[self._at : self._at + size]
        if len(piece) != size:
            raise VerificationError(
                f"proof: {what} at byte {self._at}: expected {size} bytes, got {len(piece)}"
            )
        self._at += size
        return piece

    def scalar(self, what: str) -> int:
        """A field element below r."""
        value = int.from_bytes(self.take(32, what), "big")
        if value >= R_MODULUS:
            raise VerificationError(f"proof: {what}: expected a scalar below r, got {value:#x}")
        return value

    def point(self, what: str) -> Point:
        """A finite affine point of G1; G1 has prime order, so the curve equation is the subgroup check."""
        x = int.from_bytes(self.take(32, what), "big")
        y = int.from_bytes(self.take(32, what), "big")
        if x >= Q_MODULUS or y >= Q_MODULUS:
            raise VerificationError(f"proof: {what}: expected coordinates below q, got ({x:#x}, {y:#x})")
        if (y * y - x * x * x - 3) % Q_MODULUS:
            raise VerificationError(f"proof: {what}: the point ({x:#x}, {y:#x}) is not on the curve")
        return x, y

    def rest(self) -> bytes:
        """Everything that is left."""
        return self.take(len(self._data) - self._at, "rest")

    def finish(self) -> None:
        """No bytes may be left."""
        left = len(self._data) - self._at
        if left:
            raise VerificationError(f"proof: expected the end at byte {self._at}, got {left} more bytes")


def read_log_heights(reader: Reader, chips: int, max_log_height: int) -> tuple[int, ...]:
    """The header up to the heights."""
    if reader.take(len(MAGIC), "magic") != MAGIC:
        raise VerificationError(f"proof: expected the magic {MAGIC!r}")
    count = reader.take(1, "chip count")[0]
    if count != chips:
        raise VerificationError(f"proof: expected {chips} chips, got {count}")
    heights = []
    for i, byte in enumerate(reader.take(chips, "heights")):
        if byte != _ABSENT and not 3 <= byte <= max_log_height:
            raise VerificationError(
                f"proof: height of chip {i}: expected 3..{max_log_height} or absent, got {byte}"
            )
        heights.append(-1 if byte == _ABSENT else byte)
    return tuple(heights)


def read_body(reader: Reader, shape: ProofShape) -> InnerProof:
    """Everything after the heights."""
    points = []
    for stage in (CommitStage.MAIN, CommitStage.HELPER, CommitStage.QUOTIENT):
        count = len(shape.groups[stage])
        points.append(tuple(reader.point(f"{stage.name.lower()} commitment {i}") for i in range(count)))
    sums = tuple(reader.scalar(f"sum of chip {layout.name}") for layout in shape.summed)
    evaluations = []
    for g, group in enumerate(shape.ordered):
        evaluations.append(
            tuple(
                tuple(reader.scalar(f"group {g}, point {p}, evaluation {i}") for i in range(group.arity))
                for p in range(group.points)
            )
        )
    opening, final = reader.point("opening commitment"), reader.point("final commitment")
    reader.finish()
    return InnerProof(
        shape.log_heights, points[0], points[1], points[2], sums, tuple(evaluations), opening, final
    )
