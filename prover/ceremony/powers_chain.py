"""Verification of the contributions to a ceremony's powers of τ, by the points that each of them recorded.

Whoever made one knew its secrets (see `keypair`), and its [τ]₁, [τ]₂, [α]₁, [β]₁, [β]₂ are those before it times
these secrets. A beacon's secrets are computed again. What the file itself holds is for `powers_check`.

Source: snarkjs 0.7.6, src/powersoftau_verify.js.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zkroll.algebra.curve import (
    GENERATOR,
    GENERATOR_G2,
    G2Point,
    Point,
)
from zkroll.algebra.progress import Progress
from zkroll.algebra.ptau import PtauFile
from zkroll.algebra.ptau_records import Contribution
from zkroll.errors import InputError, VerificationError
from zkroll.prover.ceremony.beacon import beacon_rng, check_beacons
from zkroll.prover.ceremony.claims import Claim, require
from zkroll.prover.ceremony.keypair import POWERS as SECRETS
from zkroll.prover.ceremony.keypair import power_challenge, prove_powers
from zkroll.prover.ceremony.powers import first_challenge, response_of

#: (stage, detail): what is being done
Step = Callable[[str, str], None]


@dataclass(frozen=True)
class CheckedContribution:
    """A contribution that was found to be sound, with the hash of its response."""

    contribution: Contribution
    response_hash: bytes


# ---- contributions -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class State:
    """The points of a ceremony that its contributions record, and the challenge."""

    tau_g1: Point
    tau_g2: G2Point
    alpha_g1: Point
    beta_g1: Point
    beta_g2: G2Point
    challenge: bytes

    @classmethod
    def after(cls, file: PtauFile, number: int, progress: Progress) -> State:
        """Return the state after so many contributions."""
        if number:
            made = file.contributions[number - 1]
            points = (made.tau_g1, made.tau_g2, made.alpha_g1, made.beta_g1, made.beta_g2)
            return cls(*points, made.next_challenge)
        challenge = first_challenge(file.ceremony_power, progress)
        return cls(GENERATOR, GENERATOR_G2, GENERATOR, GENERATOR, GENERATOR_G2, challenge)


def contribution_claims(number: int, made: Contribution, before: State) -> list[Claim]:
    """Return what must hold of a contribution, except that a beacon's secrets are the right ones."""
    place = f"contribution {number}"
    claims, seen = [], []
    for i, (name, proof) in enumerate(zip(SECRETS, made.proofs, strict=True)):
        sp = power_challenge(i, before.challenge, proof.g1_s, proof.g1_sx)
        seen.append((proof, sp))
        text = f"{place}: expected a proof that its {name} is known, got one that does not hold"
        claims.append(Claim(text, proof.g1_s, proof.g1_sx, sp, proof.g2_spx))

    def follows(name: str) -> str:
        return f"{place}: expected {name} to be that before it times its secret, got another"

    (tau, tau_sp), (alpha, alpha_sp), (beta, beta_sp) = seen
    return [
        *claims,
        Claim(follows("tauG1"), before.tau_g1, made.tau_g1, tau_sp, tau.g2_spx),
        Claim(follows("tauG2"), tau.g1_s, tau.g1_sx, before.tau_g2, made.tau_g2),
        Claim(follows("alphaG1"), before.alpha_g1, made.alpha_g1, alpha_sp, alpha.g2_spx),
        Claim(follows("betaG1"), before.beta_g1, made.beta_g1, beta_sp, beta.g2_spx),
        Claim(follows("betaG2"), beta.g1_s, beta.g1_sx, before.beta_g2, made.beta_g2),
    ]


def check_chain(
    file: PtauFile, max_exponent: int, step: Step, threads: int | None
) -> list[CheckedContribution]:
    """Check every contribution against the one before it, and beacons against their seeds.

    Raises VerificationError with the first that is wrong, InputError for beacons of too many hashes.
    """
    place, checked = str(file.path), []
    check_beacons(place, file.contributions, max_exponent)
    for i, made in enumerate(file.contributions):
        number = i + 1
        step("contributions", f"{number} of {len(file.contributions)}")
        before = State.after(file, i, lambda stage, done, text: step(stage, f"{text}, {done:.0%}"))
        require(place, contribution_claims(number, made, before), threads)
        try:
            response = response_of(made)
        except InputError as error:
            raise VerificationError(f"{place}: contribution {number}: {error}") from error
        checked.append(CheckedContribution(made, response))
    for i, made in enumerate(file.contributions):  # what may take long comes after what does not
        if made.exponent is not None and made.beacon is not None:
            challenge = State.after(file, i, lambda stage, _, text: step(stage, text)).challenge
            _check_beacon(place, i + 1, made, made.beacon, made.exponent, challenge, step)
    return checked


def _check_beacon(
    place: str,
    number: int,
    made: Contribution,
    seed: bytes,
    exponent: int,
    challenge: bytes,
    step: Step,
) -> None:
    try:
        rng = beacon_rng(seed, exponent, lambda stage, _, text: step(stage, text))
    except InputError as error:
        raise VerificationError(f"{place}: contribution {number}: {error}") from error
    _, proofs = prove_powers(rng, challenge)
    for name, proof, found in zip(SECRETS, proofs, made.proofs, strict=True):
        if proof != found:
            raise VerificationError(
                f"{place}: contribution {number}: expected the {name} of the beacon, got another"
            )
