"""The wrap circuit: the field side of k verifications of inner proofs, and one hash of all that was used.

For each chunk `zkroll.verifier.protocol.replay` runs on wires: the transcript, the balance of the buses, the identity
of every chip, and the scalars of the opening. What it is given and what it leaves (public values, digests of
commitments, y, rho, s_g) is hashed (`digest`), and that hash is the public input. Sums and evaluations are
hashed nowhere but in the transcript, which binds them: y is a hash of them.

Soundness: heights, presence of chips and the inner key's digest are constants of the circuit. Every wire behind the
private inputs follows from them (products, inverses, S-boxes, canonical bits); for one public input the hash fixes
what L1 sees, and the rest of the private inputs is the inner proof itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from zkroll.circuits.r1cs.builder import Builder, compile_circuit
from zkroll.circuits.r1cs.circuit import Circuit
from zkroll.circuits.r1cs.gadgets.bits import FIELD_BITS, Bit
from zkroll.circuits.r1cs.linear import LinearCombination
from zkroll.circuits.wrap.arithmetic import CircuitArithmetic
from zkroll.circuits.wrap.digest import (
    POINTS_DIGEST_BITS,
    Item,
    constant_word,
    digest_of,
    statement_bits,
    word_bits,
)
from zkroll.circuits.wrap.publics import Publics
from zkroll.errors import InputError
from zkroll.verifier.packing import CommitStage
from zkroll.verifier.protocol import Messages, Statement, replay
from zkroll.verifier.shape import ProofShape
from zkroll.verifier.wrap import MOST_CHUNKS, WrapShape

#: the four digests of commitments, in the order of the preimage
DIGESTS = ("main", "helper", "quotient", "opening")


@dataclass(frozen=True)
class ChunkItems:
    """What the preimage holds of one chunk: packed statement, then words of 32 bytes."""

    statement: tuple[Item, ...]
    words: tuple[Item, ...]


def wrap_circuit(shape: ProofShape, key_digest: int, publics: Publics, chunks: int = 1) -> Circuit:
    """Return the circuit for `chunks` inner proofs of one shape, made for the key with this digest.

    Public input: digest. Private inputs of chunk k: those of `zkroll.circuits.wrap.inputs`. Raises InputError
    for another number of chunks than 1 to 64.
    """
    if not 1 <= chunks <= MOST_CHUNKS:
        raise InputError(f"wrap circuit: expected 1 to {MOST_CHUNKS} chunks, got {chunks}")

    def define(c: Builder) -> None:
        digest = c.public_input("digest")
        items = [chunk_items(c, shape, key_digest, publics, k) for k in range(chunks)]
        c.assert_equal(bound(c, key_digest, items), digest, "digest")

    return compile_circuit(define)


def wrap_shape(shape: ProofShape, publics: Publics, chunks: int) -> WrapShape:
    """What verifiers know of a wrap proof of such chunks."""
    counts = {stage.name.lower(): len(shape.groups[stage]) for stage in CommitStage}
    return WrapShape(public_bits=publics.bits, chunks=chunks, **counts)


def chunk_scope(k: int) -> str:
    """The scope of the wires of chunk k."""
    return f"chunk {k}"


def chunk_items(c: Builder, shape: ProofShape, key_digest: int, publics: Publics, k: int) -> ChunkItems:
    """Replay the verification of one inner proof, and return what it used and left."""
    with c.scope(chunk_scope(k)):
        values = c.private_inputs("public values", len(publics.bits))
        digests = c.private_inputs("digests", len(DIGESTS))
        sums = c.private_inputs("sums", len(shape.summed))
        count = sum(group.points * group.arity for group in shape.ordered)
        flat = iter(c.private_inputs("evaluations", count))
        evaluations = [
            [[next(flat) for _ in range(group.arity)] for _ in range(group.points)] for group in shape.ordered
        ]
        opening = replay(
            CircuitArithmetic(c),
            shape,
            Statement(c.constant(key_digest), values, publics.tuples(values)),
            Messages(digests[0], digests[1], digests[2], digests[3], sums, evaluations),
        )
        return ChunkItems(
            tuple(
                Item(name, value, bits)
                for name, value, bits in zip(publics.names, values, publics.bits, strict=True)
            ),
            tuple(_words(digests, opening.y, opening.rho, opening.scalars)),
        )


def bound(c: Builder, key_digest: int, chunks: Sequence[ChunkItems]) -> LinearCombination:
    """The digest of what all chunks used, the key's digest first."""
    bits: list[Bit] = constant_word(c, key_digest)
    for k, items in enumerate(chunks):
        with c.scope(f"preimage {k}"):
            bits += statement_bits(c, items.statement)
            bits += word_bits(c, items.words)
    return digest_of(c, bits)


def _words(
    digests: Sequence[LinearCombination],
    y: LinearCombination,
    rho: LinearCombination,
    scalars: Sequence[LinearCombination],
) -> Iterator[Item]:
    for name, digest in zip(DIGESTS, digests, strict=True):
        yield Item(f"{name} digest", digest, POINTS_DIGEST_BITS)
    yield Item("y", y, FIELD_BITS)
    yield Item("rho", rho, FIELD_BITS)
    for i, scalar in enumerate(scalars):
        yield Item(f"s {i}", scalar, FIELD_BITS)
