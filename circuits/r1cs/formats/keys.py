"""What Groth16's JSON files hold: a proof and a verification key, as points of integers."""

from __future__ import annotations

from dataclasses import dataclass

from zkroll.algebra.reference.curve import Point
from zkroll.algebra.reference.pairing import G2Point


@dataclass(frozen=True)
class Groth16Proof:
    """A ∈ G1, B ∈ G2, C ∈ G1; None is infinity. Whether they lie on their curves is for the verifier to check."""

    a: Point
    b: G2Point
    c: Point


@dataclass(frozen=True)
class VerificationKey:
    """[α]₁, [β]₂, [γ]₂, [δ]₂ and IC, one point more than there are public signals; None is infinity."""

    alpha1: Point
    beta2: G2Point
    gamma2: G2Point
    delta2: G2Point
    ic: tuple[Point, ...]

    @property
    def n_public(self) -> int:
        """The number of public signals."""
        return len(self.ic) - 1
