"""The contributions recorded in a .zkey: their hashes, and whether each follows from those before.

A contribution multiplies δ by a secret x and proves that its author knew x (`zkroll.prover.ceremony.keypair`). What
it answers is the hash of the circuit and of all contributions before, each as [δ]₁ after it, [s]₁, [s·x]₁, [s'·x]₂ and
its own digest. Source: snarkjs 0.7.6, src/zkey_utils.js and src/zkey_verify_frominit.js.
"""

from __future__ import annotations

from dataclasses import dataclass

from zkroll.algebra.curve import GENERATOR, GENERATOR_G2, G1Points, Point, multiply
from zkroll.algebra.progress import Progress, quiet
from zkroll.circuits.r1cs.formats.zkey import Ceremony, Contribution, ZKey
from zkroll.errors import InputError, VerificationError
from zkroll.prover.ceremony.beacon import DEFAULT_MAX_EXPONENT, beacon_rng, check_beacons
from zkroll.prover.ceremony.claims import Claim, require
from zkroll.prover.ceremony.keypair import delta_digest, digest_challenge
from zkroll.prover.ceremony.transcript import Transcript


@dataclass(frozen=True)
class CheckedContribution:
    """A contribution that holds, and the hash that its author was shown (64 bytes)."""

    record: Contribution
    digest: bytes


def contribution_hash(record: Contribution) -> bytes:
    """Return the hash of a contribution that snarkjs prints for it."""
    return _said(Transcript(), record).digest()


def transcript_of(ceremony: Ceremony) -> Transcript:
    """Return the transcript that the next contribution goes on with."""
    said = Transcript(ceremony.circuit_hash)
    for record in ceremony.contributions:
        _said(said, record)
    return said


def check_chain(
    key: ZKey,
    *,
    max_exponent: int = DEFAULT_MAX_EXPONENT,
    progress: Progress = quiet,
) -> tuple[CheckedContribution, ...]:
    """Return the contributions of a key, checked from the first to the last, and that they end at its δ, with γ = 1.

    Raises VerificationError with the first thing that does not hold, also when there is no contribution, and
    InputError when beacons would take more than 2^max_exponent hashes.
    """
    records = key.ceremony.contributions
    if not records:
        raise VerificationError(
            "zkey: phase 2 was skipped: expected contributions, got none, and anyone can forge proofs"
        )
    check_beacons("zkey", records, max_exponent)
    said = Transcript(key.ceremony.circuit_hash)
    checked: list[CheckedContribution] = []
    delta: Point = GENERATOR
    for i, record in enumerate(records):
        place = f"zkey: contribution {i + 1}"
        report = _from(progress, i / len(records), 1 / len(records))
        report("contributions", 0.0, f"{i + 1} of {len(records)}")
        _check_one(record, said, delta, place, report)
        _said(said, record)
        delta = record.delta_after
        checked.append(CheckedContribution(record, contribution_hash(record)))
    if key.delta1 != delta:
        raise VerificationError(
            f"zkey: delta1: expected that after the last contribution, {delta}, got {key.delta1}"
        )
    same_delta = "delta2: expected the delta of delta1 in G2, got another point"
    require("zkey", [Claim(same_delta, GENERATOR, delta, GENERATOR_G2, key.delta2)])
    if key.delta2 == key.gamma2:
        raise VerificationError(
            "zkey: phase 2 was skipped: delta2 is gamma2 after all contributions, and anyone can forge proofs"
        )
    if key.gamma2 != GENERATOR_G2:  # a multiple of delta that somebody knows would do as well as delta itself
        raise VerificationError("zkey: gamma2: expected the generator of G2, got another point")
    progress("contributions", 1.0, "")
    return tuple(checked)


def _check_one(record: Contribution, said: Transcript, delta: Point, place: str, progress: Progress) -> None:
    digest = delta_digest(said, record.g1_s, record.g1_sx)
    if digest != record.transcript:
        raise VerificationError(
            f"{place}: transcript: expected the hash of all that was before, {digest.hex()[:32]}…, "
            f"got {record.transcript.hex()[:32]}…"
        )
    g2_sp = digest_challenge(digest)
    known = "expected a proof of its secret, got one that does not hold"
    multiplied = "expected delta times its secret after it, got another delta"
    claims = [
        Claim(known, record.g1_s, record.g1_sx, g2_sp, record.g2_spx),
        Claim(multiplied, delta, record.delta_after, g2_sp, record.g2_spx),
    ]
    require(place, claims)
    if record.is_beacon:
        _check_beacon(record, place, progress)


def _check_beacon(record: Contribution, place: str, progress: Progress) -> None:
    if record.beacon is None or record.exponent is None:
        raise VerificationError(f"{place}: expected the seed and the exponent of a beacon")
    try:
        rng = beacon_rng(record.beacon, record.exponent, progress)
    except InputError as error:
        raise VerificationError(f"{place}: {error}") from error
    secret, g1_s = rng.fr(), rng.g1()
    expected = (g1_s, multiply(G1Points.from_ints([g1_s]), secret)[0])
    if expected != (record.g1_s, record.g1_sx):
        raise VerificationError(f"{place}: expected the key that its beacon gives, got another one")


def _from(progress: Progress, begin: float, size: float) -> Progress:
    return lambda stage, fraction, detail: progress(stage, begin + size * fraction, detail)


def _said(transcript: Transcript, record: Contribution) -> Transcript:
    transcript.g1(record.delta_after, record.g1_s, record.g1_sx).g2(record.g2_spx)
    return transcript.update(record.transcript)
