"""The digest covers what is used: each field left out of the hash lets a false statement through, and none does else.

The forger runs the protocol on commitments to random polynomials, with evaluations that solve every equation of
the field for a wrong result. What then fails is L(y) = 0: the commitments do not open as claimed. Whoever may change
one number behind the circuit's back repairs just that.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import pytest
from support.wrapped import (
    PUBLICS,
    FalseRun,
    a_root,
    add,
    broken,
    circuit,
    commit,
    divided,
    false_run,
    honest_inputs,
    inner_key,
    masked_circuit,
    program,
    target,
    value_at,
    values,
    wrap_key,
)

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.wrap.circuit import DIGESTS, wrap_circuit
from zkroll.errors import VerificationError
from zkroll.verifier.packing import CommitStage
from zkroll.verifier.wrap import WrapChunk, check_opening, packed_statement, wrap_digest, wrap_preimage

SCALARS = len(target().shape.ordered)
WORDS = [f"{name} digest" for name in DIGESTS] + ["y", "rho"] + [f"s {i}" for i in range(SCALARS)]
FIELDS = [*PUBLICS.names, *WORDS]


@dataclass(frozen=True)
class Forgery:
    """What L1 is given, and the run that the circuit is given."""

    claimed: list[int]
    chunk: WrapChunk
    run: FalseRun


def masked_digest(claimed: Sequence[int], chunk: WrapChunk, left_out: str) -> int:
    """The digest that a contract computes which hashes zeros in the place of one field."""
    n = FIELDS.index(left_out)
    bits = [*PUBLICS.bits, *[256] * len(WORDS)]
    widths = [-(-width // 8) for width in bits]
    start = 32 + sum(widths[:n])
    preimage = bytearray(preimage_of(claimed, chunk))
    preimage[start : start + widths[n]] = bytes(widths[n])
    return int.from_bytes(sha256(preimage).digest(), "big") >> 3


def preimage_of(claimed: Sequence[int], chunk: WrapChunk) -> bytes:
    return wrap_preimage(target().inner.digest, [packed_statement(claimed, PUBLICS.bits)], [chunk])


def real_digest(claimed: Sequence[int], chunk: WrapChunk) -> int:
    return wrap_digest(target().inner.digest, [packed_statement(claimed, PUBLICS.bits)], [chunk])


def opened(run: FalseRun, chunk: WrapChunk, combined: Sequence[int]) -> WrapChunk:
    """The chunk with the W' that proves L(y) = 0 for these coefficients of L."""
    return replace(chunk, final=commit(divided(combined, chunk.y)))


def forgery(left_out: str, seed: int = 1) -> Forgery:
    """A false statement that passes where a field is left out."""
    if left_out in PUBLICS.names:
        i = PUBLICS.names.index(left_out)
        honest = honest_inputs()
        claimed = [value + (k == i) for k, value in enumerate(values())]
        inputs = dict(honest.inputs)
        flat = inputs["chunk 0/evaluations"]
        sums = inputs["chunk 0/sums"]
        assert not isinstance(flat, int)
        assert not isinstance(sums, int)
        return Forgery(
            claimed, honest.chunks[0], FalseRun(values(), list(sums), [[list(flat)]], [], honest.chunks[0])
        )
    run = false_run(seed)
    chunk, excess = run.chunk, run.excess
    combined = run.combined(chunk)
    lower = add(combined, [1], -excess)
    groups = target().shape.ordered
    if left_out == "rho":
        return Forgery(
            run.values, opened(run, replace(chunk, rho=(chunk.rho + excess) % R_MODULUS), lower), run
        )
    if left_out == "opening digest":
        moved = commit(add(run.polynomials[-1], [1], excess))
        return Forgery(run.values, opened(run, replace(chunk, opening=moved), lower), run)
    if left_out == "y":
        root = a_root(combined, random.Random(seed))
        if root is None:
            return forgery(left_out, seed + 1)
        return Forgery(run.values, opened(run, replace(chunk, y=root), combined), run)
    if left_out.startswith("s "):
        g = int(left_out[2:])
        step = -excess * pow(value_at(run.polynomials[g], chunk.y), -1, R_MODULUS) % R_MODULUS
        scalars = list(chunk.scalars)
        scalars[g] = (scalars[g] + step) % R_MODULUS
        turned = replace(chunk, scalars=tuple(scalars))
        return Forgery(run.values, opened(run, turned, run.combined(turned)), run)
    stage = left_out.removesuffix(" digest")
    g = next(g for g, group in enumerate(groups) if group.stage is CommitStage[stage.upper()])
    moved = commit(add(run.polynomials[g], [1], -excess * pow(chunk.scalars[g], -1, R_MODULUS)))
    points = (moved, *getattr(chunk, stage)[1:])
    return Forgery(run.values, opened(run, replace(chunk, **{stage: points}), lower), run)


def test_the_forger_satisfies_the_field_side_and_fails_the_pairing() -> None:
    run = false_run(1)
    assert run.excess != 0
    digest = real_digest(run.values, run.chunk)
    assert broken(circuit(), program(), run.inputs(digest)) is None
    for final in (run.chunk.final, inner_key().srs.g1.to_ints()[3]):
        with pytest.raises(VerificationError, match="openings"):
            check_opening(wrap_key().vk, replace(run.chunk, final=final), "chunk")


def test_with_all_fields_kept_the_masked_circuit_is_the_real_one() -> None:
    honest = honest_inputs()
    made, steps = masked_circuit()
    assert broken(made, steps, {**honest.inputs, "keep": [1] * len(FIELDS)}) is None


@pytest.mark.parametrize("left_out", FIELDS)
def test_a_hash_without_a_field_admits_a_forgery_that_the_real_one_refuses(left_out: str) -> None:
    forged = forgery(left_out)
    check_opening(wrap_key().vk, forged.chunk, "chunk")
    digest = masked_digest(forged.claimed, forged.chunk, left_out)
    keep = [int(name != left_out) for name in FIELDS]
    made, steps = masked_circuit()
    assert broken(made, steps, {**forged.run.inputs(digest), "keep": keep}) is None
    real = real_digest(forged.claimed, forged.chunk)
    assert broken(circuit(), program(), forged.run.inputs(real)) == "digest"


def test_the_key_digest_is_part_of_the_hash_and_of_the_circuit() -> None:
    """Another machine's contract hashes another constant, so that no proof serves two of them."""
    honest = honest_inputs()
    statement = packed_statement(values(), PUBLICS.bits)
    other = wrap_digest(target().inner.digest + 1, [statement], honest.chunks)
    assert broken(circuit(), program(), {**honest.inputs, "digest": other}) == "digest"


@pytest.mark.slow
def test_a_circuit_for_another_key_refuses_the_proof() -> None:
    goal = target()
    other = wrap_circuit(goal.shape, goal.inner.digest + 1, PUBLICS)
    witness = other.witness(honest_inputs().inputs)
    assert other.first_violation(witness) is not None
