"""Proofs that a contributor knew the secret x that was multiplied into a ceremony.

The contributor draws s·G₁ and publishes it with s·x·G₁ and x·Q, where Q in G2 is a hash of those two points and of
all that was said before. e(s·G₁, x·Q) = e(s·x·G₁, Q) shows that the same x stands in both, and who can give x·Q for
a point Q that nobody chose knows x. Every later comparison of the ceremony's own points is with (Q, x·Q).

Source: Bowe, Gabizon, Miers, "Scalable multi-party computation for zk-SNARK parameters in the random beacon model"
(2017), section 4; encodings of snarkjs 0.7.6 (src/keypair.js).
"""

from __future__ import annotations

from collections.abc import Callable

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.curve import G1Points, G2Point, G2Points, Point, multiply
from zkroll.algebra.ptau_records import SecretProof
from zkroll.errors import InputError
from zkroll.prover.ceremony.chacha import ChaCha, from_digest
from zkroll.prover.ceremony.transcript import Transcript

__all__ = [
    "POWERS",
    "delta_digest",
    "digest_challenge",
    "power_challenge",
    "prove_powers",
    "prove_secret",
]

#: The secrets of phase 1, in the order of their personalisation: 0, 1 and 2.
POWERS = ("tau", "alpha", "beta")


def prove_secret(secret: int, rng: ChaCha, g2_sp_of: Callable[[Point, Point], G2Point]) -> SecretProof:
    """Return the proof for `secret`, with s·G₁ from `rng` and Q = g2_sp_of(s·G₁, s·x·G₁).

    Raises InputError unless the secret is 1 to r - 1.
    """
    if not 0 < secret < R_MODULUS:
        raise InputError("secret: expected a number of 1 to r - 1, got another")
    g1_s = rng.g1()
    g1_sx = multiply(G1Points.from_ints([g1_s]), secret)[0]
    g2_spx = multiply(G2Points.from_ints([g2_sp_of(g1_s, g1_sx)]), secret)[0]
    return SecretProof(g1_s, g1_sx, g2_spx)


def prove_powers(rng: ChaCha, challenge: bytes) -> tuple[tuple[int, int, int], tuple[SecretProof, ...]]:
    """Return the secrets τ, α and β of a contribution to phase 1, drawn from `rng`, and their proofs.

    `challenge` is the 64-byte hash that the contribution answers. The same generator gives the same, as the
    verification of a beacon needs.
    """
    secrets = (rng.fr(), rng.fr(), rng.fr())
    proofs = []
    for i, secret in enumerate(secrets):

        def point_of(g1_s: Point, g1_sx: Point, personalization: int = i) -> G2Point:
            return power_challenge(personalization, challenge, g1_s, g1_sx)

        proofs.append(prove_secret(secret, rng, point_of))
    return secrets, tuple(proofs)


def power_challenge(personalization: int, challenge: bytes, g1_s: Point, g1_sx: Point) -> G2Point:
    """Return Q of phase 1; `personalization` is 0 for τ, 1 for α and 2 for β."""
    said = Transcript(bytes([personalization])).update(challenge).g1(g1_s, g1_sx)
    return digest_challenge(said.digest())


def delta_digest(before: Transcript, g1_s: Point, g1_sx: Point) -> bytes:
    """Return the digest that a contribution to phase 2 records as its transcript; `before` stays as it is."""
    return before.copy().g1(g1_s, g1_sx).digest()


def digest_challenge(digest: bytes) -> G2Point:
    """Return the point of G2 that a digest gives: Q of phase 2, where the digest is `delta_digest`."""
    return from_digest(digest).g2()
