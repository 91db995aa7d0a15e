"""Groth16 verifying keys, refused unless every proof they accept has a witness."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from zkroll.algebra.curve import GENERATOR_G2, G1Points, G2Point, G2Points, Point, is_in_subgroup
from zkroll.circuits.r1cs.formats.keys import VerificationKey
from zkroll.errors import InputError
from zkroll.verifier.groth16.points import check_g1, check_twist


@dataclass(frozen=True)
class VerifyingKey:
    """[α]₁, [β]₂, [γ]₂, [δ]₂ and ic = [(β·A_i + α·B_i + C_i)(τ)/γ]₁ of wire one and each public input.

    Raises InputError for points that are off their curve, outside G2 or at infinity, and for the δ of a key
    that nobody contributed to: with δ = γ anyone can forge proofs, with δ = [1]₂ whoever did the first phase
    can. An ic at infinity leaves its public input without effect, and is refused as well.
    """

    alpha_1: Point
    beta_2: G2Point
    gamma_2: G2Point
    delta_2: G2Point
    ic: tuple[Point, ...]

    def __post_init__(self) -> None:
        if check_g1(self.alpha_1, "verifying key: alpha_1") is None:
            raise InputError("verifying key: alpha_1: expected a point other than infinity")
        fixed = {"beta_2": self.beta_2, "gamma_2": self.gamma_2, "delta_2": self.delta_2}
        for name, point in fixed.items():
            if check_twist(point, f"verifying key: {name}") is None:
                raise InputError(f"verifying key: {name}: expected a point other than infinity")
        in_group = is_in_subgroup(G2Points.from_ints(fixed.values()), threads=1)
        if not in_group.all():
            name = list(fixed)[int(np.argmin(in_group))]
            raise InputError(f"verifying key: {name}: expected a point of order r, got one outside G2")
        if self.gamma_2 == self.delta_2:
            raise InputError(
                "verifying key: expected delta_2 unlike gamma_2, got them equal: "
                "nobody contributed to this key (phase 2 was skipped), and anyone can forge proofs for it"
            )
        if self.delta_2 == GENERATOR_G2:
            raise InputError(
                "verifying key: delta_2: expected a contribution to the key (phase 2), got the generator of G2"
            )
        if not isinstance(self.ic, tuple) or not self.ic:
            raise InputError("verifying key: ic: expected a tuple of one point and one for each public input")
        for i, entry in enumerate(self.ic):
            if check_g1(entry, f"verifying key: ic {i}") is None:
                raise InputError(f"verifying key: ic {i}: expected a point other than infinity")

    @classmethod
    def from_parts(cls, parts: VerificationKey) -> VerifyingKey:
        """Return the key that was read from a verification_key.json or .zkey file, its points checked."""
        return cls(parts.alpha1, parts.beta2, parts.gamma2, parts.delta2, parts.ic)

    @property
    def parts(self) -> VerificationKey:
        """The key as `zkroll.circuits.r1cs.formats.groth16_json` writes it."""
        return VerificationKey(self.alpha_1, self.beta_2, self.gamma_2, self.delta_2, self.ic)

    @property
    def n_public(self) -> int:
        """The number of public inputs."""
        return len(self.ic) - 1

    @cached_property
    def ic_points(self) -> G1Points:
        """The points of `ic` as a vector."""
        return G1Points.from_ints(self.ic)
