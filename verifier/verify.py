"""The check of an inner proof, in the order decode, range and curve, shape, transcript, algebra.

Pairings and the curve arithmetic on proof points are py_ecc's: nothing here depends on the prover's kernels
but the Poseidon hash of the transcript.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from py_ecc.optimized_bn128 import FQ, FQ2, FQ12, G1, G2, Z1, add, final_exponentiate, multiply, neg, pairing

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.air.chip import Bus
from zkroll.circuits.air.layout import ChipLayout
from zkroll.circuits.air.logup import ALPHA, BETA, public_term
from zkroll.errors import InputError, VerificationError
from zkroll.verifier.key import G2Point, VerifyingKey
from zkroll.verifier.packing import CommitStage, Group, pack_all
from zkroll.verifier.proof import InnerProof, Reader, read_body, read_log_heights
from zkroll.verifier.protocol import (
    GAMMA,
    GroupEvaluations,
    Rounds,
    chip_challenges,
    identity_difference,
    opening_terms,
)
from zkroll.verifier.transcript import Point, Transcript

PublicTuples = Sequence[tuple[Bus, tuple[int, ...]]]
Groups = dict[CommitStage, list[Group]]


def decode(key: VerifyingKey, data: bytes) -> InnerProof:
    """A proof from its bytes: exact length, scalars below r, points on the curve, shape of this machine."""
    reader = Reader(data)
    limit = key.capacity.bit_length() - 1
    log_heights = read_log_heights(reader, len(key.machine.layouts), limit)
    present = check_heights(key, log_heights)
    groups = proof_groups(key, present)
    sums = sum(1 for layout in present_layouts(key, present) if layout.logup.width)
    return read_body(reader, log_heights, [groups[stage] for stage in CommitStage], sums)


def check_heights(key: VerifyingKey, log_heights: Sequence[int]) -> dict[str, int]:
    """Heights of the present chips by name; VerificationError where a fixed height differs."""
    heights: dict[str, int] = {}
    for layout, log_height in zip(key.machine.layouts, log_heights, strict=True):
        if log_height < 0:
            continue
        height = 1 << log_height
        if layout.air.fixed_height not in (None, height):
            raise VerificationError(
                f"proof: height of chip {layout.name}: expected {layout.air.fixed_height}, got {height}"
            )
        heights[layout.name] = height
    if not heights:
        raise VerificationError("proof: expected at least one chip with rows, got none")
    return heights


def present_layouts(key: VerifyingKey, heights: Mapping[str, int]) -> list[ChipLayout]:
    """The chips with rows, in machine order."""
    return [layout for layout in key.machine.layouts if layout.name in heights]


def proof_groups(key: VerifyingKey, heights: Mapping[str, int]) -> Groups:
    """The commitment groups that these heights fix."""
    try:
        return pack_all(key.machine.layouts, heights, key.capacity)
    except InputError as error:
        raise VerificationError(f"proof: {error}") from error


def verify(
    key: VerifyingKey,
    data: bytes,
    public_values: Sequence[int],
    public_tuples: PublicTuples,
    transcript: Transcript | None = None,
) -> None:
    """Accept a proof that the machine of ``key`` has a witness for this statement, or raise VerificationError.

    public_values are bound into the transcript; public_tuples are what the verifier itself puts on the buses.
    """
    for i, value in enumerate(public_values):
        if not 0 <= value < R_MODULUS:
            raise VerificationError(f"public value {i}: expected an integer in [0, r), got {value}")
    proof = decode(key, data)
    heights = check_heights(key, proof.log_heights)
    layouts = present_layouts(key, heights)
    groups = proof_groups(key, heights)
    ordered = [group for stage in CommitStage for group in groups[stage]]

    rounds = Rounds(transcript or Transcript())
    rounds.statement(key.digest, public_values, proof.log_heights)
    challenges = rounds.main(proof.main)
    challenges[GAMMA] = rounds.helpers(proof.helper, proof.sums)
    zeta = rounds.quotient(proof.quotient)
    nu = rounds.evaluations(proof.evaluations)
    y = rounds.opening(proof.opening)

    try:
        sums = _chip_sums(layouts, proof.sums)
        _check_buses(sums, public_tuples, challenges)
        _check_identities(layouts, heights, ordered, proof.evaluations, challenges, sums, zeta)
        _check_openings(key, groups, ordered, proof, zeta, nu, y)
    except ZeroDivisionError as error:
        raise VerificationError(f"proof: a challenge hit an excluded point ({error})") from error


def _chip_sums(layouts: Sequence[ChipLayout], sums: Sequence[int]) -> dict[str, int]:
    names = [layout.name for layout in layouts if layout.logup.width]
    return dict(zip(names, sums, strict=True))


def _check_buses(sums: Mapping[str, int], public: PublicTuples, challenges: Mapping[str, int]) -> None:
    total = sum(sums.values())
    for bus, values in public:
        total += public_term(bus, values, challenges[ALPHA], challenges[BETA])
    if total % R_MODULUS:
        raise VerificationError(
            f"bus balance: expected the sums of all chips and public tuples to be 0, got {total % R_MODULUS:#x}"
        )


def _check_identities(
    layouts: Sequence[ChipLayout],
    heights: Mapping[str, int],
    groups: Sequence[Group],
    evaluations: Sequence[GroupEvaluations],
    challenges: Mapping[str, int],
    sums: Mapping[str, int],
    zeta: int,
) -> None:
    here: dict[tuple[str, CommitStage, int], int] = {}
    there: dict[tuple[str, CommitStage, int], int] = {}
    for group, (at_zeta, at_next) in zip(groups, evaluations, strict=True):
        for slot, a, b in zip(group.slots, at_zeta, at_next, strict=False):
            here[slot.chip, group.stage, slot.index] = a
            there[slot.chip, group.stage, slot.index] = b
    for layout in layouts:
        height = heights[layout.name]
        if zeta == 0 or pow(zeta, height, R_MODULUS) == 1:
            raise VerificationError(f"challenge zeta is 0 or lies in the domain of chip {layout.name}")
        difference = identity_difference(
            layout, height,
            lambda stage, i, name=layout.name: here[name, stage, i],  # type: ignore[misc]
            lambda stage, i, name=layout.name: there[name, stage, i],  # type: ignore[misc]
            chip_challenges(challenges, sums.get(layout.name, 0), height), zeta,
        )  # fmt: skip
        if difference:
            raise VerificationError(
                f"chip {layout.name}: expected folded constraints - Z_H * quotient = 0 at zeta, got {difference:#x}"
            )


def _check_openings(
    key: VerifyingKey,
    groups: Groups,
    ordered: Sequence[Group],
    proof: InnerProof,
    zeta: int,
    nu: int,
    y: int,
) -> None:
    """e(L + y W', [1]_2) = e(W', [tau]_2), L = sum s_g C_g - (sum s_g r_g(y)) [1]_1 - W."""
    fixed = {name: iter(points) for name, points in key.preprocessed.items()}
    commitments: list[Point] = [next(fixed[g.slots[0].chip]) for g in groups[CommitStage.PREPROCESSED]]
    commitments += [*proof.main, *proof.helper, *proof.quotient]
    terms = opening_terms(ordered, proof.evaluations, zeta, nu, y)
    left: Any = neg(_g1(proof.opening))
    constant = 0
    for commitment, term in zip(commitments, terms, strict=True):
        left = add(left, multiply(_g1(commitment), term.scalar))
        constant = (constant + term.scalar * term.remainder) % R_MODULUS
    left = add(left, multiply(neg(G1), constant))
    left = add(left, multiply(_g1(proof.final), y))
    if not pairing_product_is_one([(left, G2), (neg(_g1(proof.final)), _g2(key.tau_g2))]):
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
