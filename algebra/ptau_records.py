"""The records of contributions in the .ptau files of snarkjs.

One is five points ([τ]₁, [τ]₂, [α]₁, [β]₁, [β]₂ after it), the proofs of the three secrets, the state of Blake2b
over the response before them, the next challenge, and what `contribution_parameters` reads.
Source: snarkjs, src/powersoftau_utils.js.
"""

from __future__ import annotations

from dataclasses import dataclass

from zkroll.algebra.contribution_parameters import Parameters, read_parameters
from zkroll.algebra.curve import G1Points, G2Point, G2Points, Point, Points
from zkroll.algebra.iden3 import Fields
from zkroll.errors import InputError

HASH_BYTES, PARTIAL_HASH_BYTES = 64, 216


@dataclass(frozen=True)
class SecretProof:
    """That someone knows x: s·G and s·x·G of G1, and x·sp of G2, where sp is a hash of what came before."""

    g1_s: Point
    g1_sx: Point
    g2_spx: G2Point


@dataclass(frozen=True)
class Contribution:
    """What one contribution leaves in the file.

    tau_g1 … beta_g2: [τ]₁, [τ]₂, [α]₁, [β]₁, [β]₂ after it; tau, alpha, beta: proofs of the secrets multiplied in;
    partial_hash: the state of Blake2b over the response before the proofs (216 bytes); next_challenge: the hash
    that the next contribution answers (64 bytes); exponent, beacon: of a beacon, 2^exponent hashes of bytes.
    """

    tau_g1: Point
    tau_g2: G2Point
    alpha_g1: Point
    beta_g1: Point
    beta_g2: G2Point
    tau: SecretProof
    alpha: SecretProof
    beta: SecretProof
    partial_hash: bytes
    next_challenge: bytes
    name: str = ""
    exponent: int | None = None
    beacon: bytes | None = None

    @property
    def is_beacon(self) -> bool:
        """Whether the secrets come from a public value."""
        return self.exponent is not None

    @property
    def proofs(self) -> tuple[SecretProof, SecretProof, SecretProof]:
        """The proofs for τ, α and β."""
        return self.tau, self.alpha, self.beta

    def proof_points(self) -> tuple[G1Points, G2Points]:
        """Return the points of the proofs in the order of files: s, s·x for τ, α, β, and the three x·sp."""
        pairs = [point for proof in self.proofs for point in (proof.g1_s, proof.g1_sx)]
        return G1Points.from_ints(pairs), G2Points.from_ints(proof.g2_spx for proof in self.proofs)

    def to_bytes(self) -> bytes:
        """Return the record."""

        def octets(points: Points) -> bytes:
            return points.to_bytes("iden3")

        return b"".join(
            [
                octets(G1Points.from_ints([self.tau_g1])),
                octets(G2Points.from_ints([self.tau_g2])),
                octets(G1Points.from_ints([self.alpha_g1, self.beta_g1])),
                octets(G2Points.from_ints([self.beta_g2])),
                *map(octets, self.proof_points()),
                self.partial_hash,
                self.next_challenge,
                Parameters(self.name, self.exponent, self.beacon).to_bytes(),
            ]
        )


_G1_BYTES, _G2_BYTES = G1Points.group.row_bytes, G2Points.group.row_bytes
#: of a record: (kind, points), in order; the first five are the state, the others the proofs
_RECORD_POINTS: tuple[tuple[type[Points], int], ...] = (
    (G1Points, 1),
    (G2Points, 1),
    (G1Points, 2),
    (G2Points, 1),
    (G1Points, 6),
    (G2Points, 3),
)
_LEAST_RECORD = 9 * _G1_BYTES + 5 * _G2_BYTES + PARTIAL_HASH_BYTES + HASH_BYTES + 8


def read_contributions(fields: Fields) -> list[Contribution]:
    """Return the records of the section of contributions. Raises InputError unless they fill it exactly."""
    count = fields.u32("number of contributions")
    if count * _LEAST_RECORD > fields.left:
        raise fields.error(
            f"expected {count} contributions of at least {_LEAST_RECORD} bytes, got {fields.left}"
        )
    records = [_read_contribution(fields, f"contribution {i + 1}") for i in range(count)]
    fields.end()
    return records


def _read_contribution(fields: Fields, place: str) -> Contribution:
    g1: list[Point] = []
    g2: list[G2Point] = []
    for kind, n in _RECORD_POINTS:
        octets = fields.octets(n * kind.group.row_bytes, place)
        try:
            if kind is G1Points:
                g1 += G1Points.from_bytes(octets, "iden3", check=False).to_ints()
            else:
                g2 += G2Points.from_bytes(octets, "iden3", check=False).to_ints()
        except InputError as error:
            raise fields.error(f"{place}: {error}") from error
    partial_hash = fields.octets(PARTIAL_HASH_BYTES, place).tobytes()
    next_challenge = fields.octets(HASH_BYTES, place).tobytes()
    parameters = read_parameters(fields, place)
    return Contribution(
        tau_g1=g1[0],
        tau_g2=g2[0],
        alpha_g1=g1[1],
        beta_g1=g1[2],
        beta_g2=g2[1],
        tau=SecretProof(g1[3], g1[4], g2[2]),
        alpha=SecretProof(g1[5], g1[6], g2[3]),
        beta=SecretProof(g1[7], g1[8], g2[4]),
        partial_hash=partial_hash,
        next_challenge=next_challenge,
        name=parameters.name,
        exponent=parameters.exponent,
        beacon=parameters.seed,
    )
