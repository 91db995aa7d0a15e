"""The two groups that curve kernels are made for: G1 over Fq and G2, on the twist, over Fq2.

Both are y² = x³ + b. Formulas are written once for a `CoordinateEmitter`, which is `emit.Emitter` in G1 and
`quadratic.QuadraticEmitter` in G2: they share their interface.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from zkroll.algebra.kernels.emit import BLOCK_BYTES, FQ, Backend, Emitter, block_intrinsic
from zkroll.algebra.kernels.quadratic import QuadraticEmitter

CoordinateEmitter: TypeAlias = Any  # Emitter or QuadraticEmitter
Coordinate: TypeAlias = Any  # Value or Pair, as its emitter has it


@dataclass(frozen=True)
class Group:
    """A short name and the degree over Fq of the field of coordinates."""

    name: Literal["g1", "g2"]
    degree: int
    extension: Callable[[Emitter], QuadraticEmitter] | None

    @property
    def row_bytes(self) -> int:
        """The size of an affine point in memory."""
        return 64 * self.degree

    @property
    def element_bytes(self) -> int:
        """The size of the block of eight coordinates."""
        return BLOCK_BYTES * self.degree

    @property
    def point_bytes(self) -> int:
        """The size of eight projective points (X, Y, Z)."""
        return 3 * self.element_bytes

    def intrinsic(
        self, emit: Callable[..., Any], backend: Backend, *, inline: bool = True, returns_mask: bool = False
    ) -> Any:
        """Return the Numba intrinsic that `emit` describes, on this group's coordinates."""
        return block_intrinsic(
            FQ, emit, backend=backend, inline=inline, returns_mask=returns_mask, extension=self.extension
        )


G1 = Group("g1", 1, None)
G2 = Group("g2", 2, QuadraticEmitter)
