"""The inputs of the wrap circuit, from inner proofs: by running the same protocol on numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zkroll.circuits.r1cs.circuit import Inputs
from zkroll.circuits.wrap.circuit import chunk_scope
from zkroll.circuits.wrap.publics import Publics
from zkroll.errors import InputError
from zkroll.verifier.arithmetic import ELEMENTS, Element, elements
from zkroll.verifier.proof import InnerProof
from zkroll.verifier.protocol import Messages, Statement, replay
from zkroll.verifier.shape import ProofShape
from zkroll.verifier.wrap import WrapChunk, packed_statement, wrap_digest


@dataclass(frozen=True)
class WrapInputs:
    """inputs: of the circuit by name; digest: its public input; chunks: what L1 gets of each inner proof."""

    inputs: Inputs
    digest: int
    chunks: tuple[WrapChunk, ...]


def wrap_inputs(
    shape: ProofShape,
    key_digest: int,
    publics: Publics,
    proofs: Sequence[tuple[InnerProof, Sequence[int]]],
) -> WrapInputs:
    """What it takes to wrap these inner proofs with their public values, in order.

    Raises InputError for a proof of another shape, VerificationError for one that does not hold and for public values
    that are too wide.
    """
    chunks, statements = [], []
    inputs: dict[str, int | Sequence[int]] = {}
    for k, (proof, values) in enumerate(proofs):
        if proof.log_heights != shape.log_heights:
            raise InputError(f"{chunk_scope(k)}: expected an inner proof of the key's heights, got others")
        statements.append(packed_statement(values, publics.bits))
        chunk = wrap_chunk(shape, key_digest, publics, proof, values)
        chunks.append(chunk)
        own: dict[str, Sequence[int]] = {
            "public values": list(values),
            "digests": chunk.digests,
            "sums": list(proof.sums),
            "evaluations": [v for group in proof.evaluations for point in group for v in point],
        }
        inputs |= {f"{chunk_scope(k)}/{name}": part for name, part in own.items()}
    digest = wrap_digest(key_digest, statements, chunks)
    return WrapInputs({"digest": digest, **inputs}, digest, tuple(chunks))


def wrap_chunk(
    shape: ProofShape, key_digest: int, publics: Publics, proof: InnerProof, values: Sequence[int]
) -> WrapChunk:
    """What L1 gets of one inner proof. Raises VerificationError for one that does not hold."""
    unopened = WrapChunk(proof.main, proof.helper, proof.quotient, proof.opening, proof.final, 0, 0, ())
    known = elements(values)
    statement: Statement[Element] = Statement(Element(key_digest), known, publics.tuples(known))
    evaluations = [[elements(point) for point in group] for group in proof.evaluations]
    digests = elements(unopened.digests)
    opening = replay(
        ELEMENTS,
        shape,
        statement,
        Messages(digests[0], digests[1], digests[2], digests[3], elements(proof.sums), evaluations),
    )
    return WrapChunk(
        proof.main, proof.helper, proof.quotient, proof.opening, proof.final,
        int(opening.y), int(opening.rho), tuple(int(scalar) for scalar in opening.scalars),
    )  # fmt: skip
