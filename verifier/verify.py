"""The check of an inner proof, in the order decode, range and curve, shape, transcript, algebra.

Pairings and the curve arithmetic on proof points are py_ecc's: nothing here depends on the prover's kernels
but the Poseidon hash of the transcript.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from py_ecc.optimized_bn128 import FQ, FQ2, FQ12, G1, G2, Z1, add, final_exponentiate, multiply, neg, pairing

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.air.chip import Bus
from zkroll.errors import InputError, VerificationError
from zkroll.verifier.arithmetic import ELEMENTS, Element, elements
from zkroll.verifier.key import G2Point, VerifyingKey
from zkroll.verifier.proof import InnerProof, Reader, read_body, read_log_heights
from zkroll.verifier.protocol import Messages, Opening, Statement, replay
from zkroll.verifier.shape import ProofShape, proof_shape
from zkroll.verifier.transcript import Point, points_digest

PublicTuples = Sequence[tuple[Bus, tuple[int, ...]]]


def decode(key: VerifyingKey, data: bytes) -> tuple[ProofShape, InnerProof]:
    """A proof from its bytes: exact length, scalars below r, points on the curve, shape of this machine."""
    reader = Reader(data)
    limit = key.capacity.bit_length() - 1
    log_heights = read_log_heights(reader, len(key.machine.layouts), limit)
    heights = {
        layout.name: 1 << log_height
        for layout, log_height in zip(key.machine.layouts, log_heights, strict=True)
        if log_height >= 0
    }
    try:
        shape = proof_shape(key.machine, heights, key.capacity)
    except InputError as error:
        raise VerificationError(f"proof: {error}") from error
    return shape, read_body(reader, shape)


def messages_of(proof: InnerProof) -> Messages[Element]:
    """A proof as the field side reads it: its points as digests."""
    return Messages(
        main=Element(points_digest(proof.main)),
        helper=Element(points_digest(proof.helper)),
        quotient=Element(points_digest(proof.quotient)),
        opening=Element(points_digest([proof.opening])),
        sums=elements(proof.sums),
        evaluations=[[elements(point) for point in group] for group in proof.evaluations],
    )


def replay_proof(
    key: VerifyingKey,
    shape: ProofShape,
    proof: InnerProof,
    public_values: Sequence[int],
    public_tuples: PublicTuples,
) -> Opening[Element]:
    """The field side of the check: what is left for the curve, or VerificationError."""
    for i, value in enumerate(public_values):
        if not 0 <= value < R_MODULUS:
            raise VerificationError(f"public value {i}: expected an integer in [0, r), got {value}")
    statement = Statement(
        Element(key.digest),
        elements(public_values),
        [(bus, elements(values)) for bus, values in public_tuples],
    )
    return replay(ELEMENTS, shape, statement, messages_of(proof))


def verify(key: VerifyingKey, data: bytes, public_values: Sequence[int], public_tuples: PublicTuples) -> None:
    """Accept a proof that the machine of ``key`` has a witness for this statement, or raise VerificationError.

    public_values are bound into the transcript; public_tuples are what the verifier itself puts on the buses.
    """
    shape, proof = decode(key, data)
    opening = replay_proof(key, shape, proof, public_values, public_tuples)
    check_opening(
        key, proof.main + proof.helper + proof.quotient, proof.opening, proof.final,
        int(opening.y), int(opening.rho), [int(s) for s in opening.scalars],
    )  # fmt: skip


def check_opening(
    key: VerifyingKey,
    commitments: Sequence[Point],
    opening: Point,
    final: Point,
    y: int,
    rho: int,
    scalars: Sequence[int],
) -> None:
    """e(L + y W', [1]_2) = e(W', [tau]_2), L = sum_g s_g C_g - rho [1]_1 - W, or VerificationError.

    ``commitments`` are those of the proof (main, helper, quotient), the key's come first; ``scalars`` are for all.
    """
    all_commitments = [*key.preprocessed, *commitments]
    if len(all_commitments) != len(scalars):
        raise VerificationError(f"openings: expected {len(all_commitments)} scalars, got {len(scalars)}")
    left: Any = neg(_g1(opening))
    for commitment, scalar in zip(all_commitments, scalars, strict=True):
        left = add(left, multiply(_g1(commitment), scalar))
    left = add(left, multiply(neg(G1), rho))
    left = add(left, multiply(_g1(final), y))
    if not pairing_product_is_one([(left, G2), (neg(_g1(final)), _g2(key.tau_g2))]):
        raise VerificationError("openings: expected e(L + y W', [1]_2) = e(W', [tau]_2), they differ")


def pairing_product_is_one(pairs: Sequence[tuple[Any, Any]]) -> bool:
    """prod e(P, Q) = 1 for py_ecc points, with one final exponentiation."""
    product = FQ12.one()
    for p, q in pairs:
        product = product * pairing(q, p, final_exponentiate=False)
    return bool(final_exponentiate(product) == FQ12.one())


def _g1(point: Point) -> Any:
    return (FQ(point[0]), FQ(point[1]), FQ(1)) if point != (0, 0) else Z1


def _g2(point: G2Point) -> Any:
    return FQ2(point[0]), FQ2(point[1]), FQ2.one()
