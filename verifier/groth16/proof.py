"""Groth16 proofs as values and as 256 bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zkroll.algebra.curve import G2Point, Point
from zkroll.circuits.r1cs.formats.keys import Groth16Proof
from zkroll.errors import InputError
from zkroll.verifier.groth16.points import check_g1, check_twist

PROOF_BYTES: Final = 256
_PART = 32


@dataclass(frozen=True)
class Proof:
    """A and C in G1 as (x, y), B on the twist as ((x0, x1), (y0, y1)) for x = x0 + x1·u; None is infinity.

    Raises InputError for coordinates that are not in 0..q-1 and for points off their curve. Whether B is of
    order r is checked where the proof is verified.

    Proofs are malleable: from one that is valid anyone makes others for the same statement (t·A, B/t, C), so
    bytes of a proof identify nothing. Protection against replay belongs to the statement.
    """

    a: Point
    b: G2Point
    c: Point

    def __post_init__(self) -> None:
        check_g1(self.a, "proof: A")
        check_twist(self.b, "proof: B")
        check_g1(self.c, "proof: C")

    @classmethod
    def from_parts(cls, parts: Groth16Proof) -> Proof:
        """Return the proof that was read from a proof.json, its points checked."""
        return cls(parts.a, parts.b, parts.c)

    @property
    def parts(self) -> Groth16Proof:
        """The proof as `zkroll.circuits.r1cs.formats.groth16_json` writes it."""
        return Groth16Proof(self.a, self.b, self.c)

    def to_bytes(self) -> bytes:
        """Return A, B, C as the precompiled contracts take them: 32 bytes a coordinate, big endian, the
        imaginary part before the real one, zeros for infinity. Sources: EIP-196, EIP-197."""
        a, c = self.a or (0, 0), self.c or (0, 0)
        (x0, x1), (y0, y1) = self.b or ((0, 0), (0, 0))
        return b"".join(part.to_bytes(_PART, "big") for part in (*a, x1, x0, y1, y0, *c))

    @classmethod
    def from_bytes(cls, data: bytes) -> Proof:
        """Return the proof of 256 bytes as `to_bytes` writes them; every proof has just one such form.

        Raises InputError for another length, and as the class does.
        """
        if len(data) != PROOF_BYTES:
            raise InputError(f"proof: expected {PROOF_BYTES} bytes, got {len(data)}")
        parts = [int.from_bytes(data[i : i + _PART], "big") for i in range(0, PROOF_BYTES, _PART)]
        ax, ay, bx1, bx0, by1, by0, cx, cy = parts
        return cls(
            (ax, ay) if ax or ay else None,
            ((bx0, bx1), (by0, by1)) if any(parts[2:6]) else None,
            (cx, cy) if cx or cy else None,
        )
