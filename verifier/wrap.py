"""Wrap proofs: statements and digest as L1 computes them, the proof's bytes, and the check in Python.

A wrap proof covers k >= 1 inner proofs of one machine and one set of heights (chunks). Its Groth16 circuit has
one public input,

    digest = SHA-256(key digest | per chunk: statement | digests of main, helper, quotient, opening | y | rho | s_g ...) >> 3

with every number as 32 bytes, big-endian, below r, and the statement packed by ``packed_statement``. The circuit
says: these digests, y, rho and s_g are those of a run of ``zkroll.verifier.protocol`` on this statement. What it
leaves to the verifier is that the digests are those of the commitments, and per chunk, with C_g all groups'
commitments (the key's preprocessed ones first),

    L = sum_g s_g C_g - rho [1]_1 - W        e(L + y W', [1]_2) = e(W', [tau]_2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.algebra.curve import GENERATOR, GENERATOR_G2, G1Points, combination
from zkroll.algebra.pairing import pairing_product_is_one
from zkroll.errors import InputError, VerificationError
from zkroll.verifier import groth16
from zkroll.verifier.groth16 import PROOF_BYTES, Proof
from zkroll.verifier.key import G2Point
from zkroll.verifier.proof import Reader
from zkroll.verifier.transcript import DROPPED_BITS, Point, points_digest

MOST_CHUNKS: Final = 64


@dataclass(frozen=True)
class WrapShape:
    """What a wrap proof looks like. public_bits: the width of each public value of a chunk; preprocessed, main,
    helper, quotient: groups of each stage; chunks: inner proofs in one wrap proof."""

    public_bits: tuple[int, ...]
    preprocessed: int
    main: int
    helper: int
    quotient: int
    chunks: int

    def __post_init__(self) -> None:
        if not 1 <= self.chunks <= MOST_CHUNKS:
            raise InputError(f"wrap: expected 1 to {MOST_CHUNKS} chunks, got {self.chunks}")
        if min(self.preprocessed, self.main, self.helper, self.quotient) < 0 or not self.scalars:
            raise InputError("wrap: expected groups of commitments, got none")

    @property
    def scalars(self) -> int:
        """The number of s_g of a chunk: one a group."""
        return self.preprocessed + self.main + self.helper + self.quotient

    @property
    def statement_bytes(self) -> int:
        """The length of a packed statement."""
        return sum(map(byte_width, self.public_bits))

    @property
    def chunk_bytes(self) -> int:
        """The length of a chunk in the proof."""
        return 64 * (self.main + self.helper + self.quotient + 2) + 32 * (2 + self.scalars)

    @property
    def proof_bytes(self) -> int:
        """The length of the proof."""
        return PROOF_BYTES + self.chunks * self.chunk_bytes


@dataclass(frozen=True)
class WrapChunk:
    """One inner proof as L1 sees it: commitments of three stages, W, W', and the opening's scalars."""

    main: tuple[Point, ...]
    helper: tuple[Point, ...]
    quotient: tuple[Point, ...]
    opening: Point
    final: Point
    y: int
    rho: int
    scalars: tuple[int, ...]

    @property
    def digests(self) -> tuple[int, int, int, int]:
        """The digests of main, helper and quotient commitments and of W."""
        return (
            points_digest(self.main), points_digest(self.helper),
            points_digest(self.quotient), points_digest([self.opening]),
        )  # fmt: skip

    def to_bytes(self) -> bytes:
        """main | helper | quotient | W | W' (64 bytes a point) | y | rho | s_g (32 bytes each), big-endian."""
        points = (*self.main, *self.helper, *self.quotient, self.opening, self.final)
        return b"".join(
            number.to_bytes(32, "big")
            for number in (*(part for point in points for part in point), self.y, self.rho, *self.scalars)
        )


@dataclass(frozen=True)
class WrapProof:
    """A Groth16 proof and the chunks that its digest binds."""

    groth16: Proof
    chunks: tuple[WrapChunk, ...]

    def to_bytes(self) -> bytes:
        """A (64) | B (128, imaginary parts first) | C (64) | the chunks."""
        return self.groth16.to_bytes() + b"".join(chunk.to_bytes() for chunk in self.chunks)

    @staticmethod
    def from_bytes(data: bytes, shape: WrapShape) -> WrapProof:
        """Read a proof of exactly this shape.

        Raises VerificationError for another length, coordinates not below q, points off the curve or at
        infinity, and scalars not below r.
        """
        if len(data) != shape.proof_bytes:
            raise VerificationError(f"wrap proof: expected {shape.proof_bytes} bytes, got {len(data)}")
        reader = Reader(data)
        try:
            proof = Proof.from_bytes(reader.take(PROOF_BYTES, "Groth16 proof"))
        except InputError as error:
            raise VerificationError(f"wrap {error}") from error
        if proof.a is None or proof.b is None or proof.c is None:
            raise VerificationError("wrap proof: expected points other than infinity in A, B and C")
        chunks = tuple(_read_chunk(reader, shape, f"chunk {k}") for k in range(shape.chunks))
        reader.finish()
        return WrapProof(proof, chunks)


def _read_chunk(reader: Reader, shape: WrapShape, place: str) -> WrapChunk:
    stages = []
    for name, count in (("main", shape.main), ("helper", shape.helper), ("quotient", shape.quotient)):
        stages.append(tuple(reader.point(f"{place}, {name} commitment {i}") for i in range(count)))
    opening, final = reader.point(f"{place}, W"), reader.point(f"{place}, W'")
    y, rho = reader.scalar(f"{place}, y"), reader.scalar(f"{place}, rho")
    scalars = tuple(reader.scalar(f"{place}, s {i}") for i in range(shape.scalars))
    return WrapChunk(stages[0], stages[1], stages[2], opening, final, y, rho, scalars)


@dataclass(frozen=True)
class WrapVerifyingKey:
    """What the L1 contract holds: the shape, the inner key's digest, preprocessed commitments and [tau]_2, and
    the Groth16 key of the wrap circuit. insecure: a secret of one of the keys is publicly known."""

    shape: WrapShape
    key_digest: int
    preprocessed: tuple[Point, ...]
    tau_g2: G2Point
    groth16: groth16.VerifyingKey
    insecure: bool

    def __post_init__(self) -> None:
        if len(self.preprocessed) != self.shape.preprocessed:
            raise InputError(
                f"wrap key: expected {self.shape.preprocessed} preprocessed commitments, got {len(self.preprocessed)}"
            )
        if self.groth16.n_public != 1:
            raise InputError(f"wrap key: expected one public input, got {self.groth16.n_public}")
        if not 0 <= self.key_digest < R_MODULUS:
            raise InputError(f"wrap key: key digest: expected a field element, got {self.key_digest:#x}")


def byte_width(bits: int) -> int:
    """Bytes that a public value takes in the packed statement."""
    return -(-bits // 8)


def packed_statement(values: Sequence[int], bits: Sequence[int]) -> bytes:
    """The public values one behind the other, big-endian, each in as few bytes as its width in bits needs.

    Halves of a hash follow each other and make it whole: this is Solidity's abi.encodePacked. Raises
    VerificationError for a value that is too wide or not below r.
    """
    if len(values) != len(bits):
        raise VerificationError(f"public values: expected {len(bits)}, got {len(values)}")
    for i, (value, width) in enumerate(zip(values, bits, strict=True)):
        if not 0 <= value < min(1 << width, R_MODULUS):
            raise VerificationError(
                f"public value {i}: expected a field element of {width} bits, got {value:#x}"
            )
    return b"".join(
        value.to_bytes(byte_width(width), "big") for value, width in zip(values, bits, strict=True)
    )


def wrap_preimage(key_digest: int, statements: Sequence[bytes], chunks: Sequence[WrapChunk]) -> bytes:
    """What the digest is of; ``statements`` are packed. Raises VerificationError unless there is one a chunk."""
    if len(statements) != len(chunks):
        raise VerificationError(f"wrap proof: expected {len(chunks)} statements, got {len(statements)}")
    parts = [key_digest.to_bytes(32, "big")]
    for statement, chunk in zip(statements, chunks, strict=True):
        numbers = (*chunk.digests, chunk.y, chunk.rho, *chunk.scalars)
        parts += [statement, *(number.to_bytes(32, "big") for number in numbers)]
    return b"".join(parts)


def wrap_digest(key_digest: int, statements: Sequence[bytes], chunks: Sequence[WrapChunk]) -> int:
    """The public input of the wrap circuit: 253 bits of SHA-256 over ``wrap_preimage``."""
    digest = hashlib.sha256(wrap_preimage(key_digest, statements, chunks)).digest()
    return int.from_bytes(digest, "big") >> DROPPED_BITS


def verify_wrap(key: WrapVerifyingKey, public_values: Sequence[Sequence[int]], data: bytes) -> WrapProof:
    """Accept a wrap proof of these statements (the public values of each chunk), or raise VerificationError.

    The order is that of the contract: decode, digest, Groth16, openings. Gives the decoded proof.
    """
    shape = key.shape
    if len(public_values) != shape.chunks:
        raise VerificationError(f"wrap proof: expected {shape.chunks} statements, got {len(public_values)}")
    proof = WrapProof.from_bytes(data, shape)
    statements = [packed_statement(values, shape.public_bits) for values in public_values]
    digest = wrap_digest(key.key_digest, statements, proof.chunks)
    try:
        accepted = groth16.verify(key.groth16, [digest], proof.groth16)
    except InputError as error:
        raise VerificationError(f"wrap {error}") from error
    if not accepted:
        raise VerificationError(f"wrap proof: the Groth16 proof is not one for the digest {digest:#066x}")
    for k, chunk in enumerate(proof.chunks):
        check_opening(key, chunk, f"wrap proof: chunk {k}")
    return proof


def check_opening(key: WrapVerifyingKey, chunk: WrapChunk, place: str) -> None:
    """Raise VerificationError unless e(L + y W', [1]_2) = e(W', [tau]_2)."""
    commitments = (*key.preprocessed, *chunk.main, *chunk.helper, *chunk.quotient)
    points = [*commitments, GENERATOR, chunk.opening, chunk.final]
    factors = [*chunk.scalars, -chunk.rho % R_MODULUS, R_MODULUS - 1, chunk.y]
    left = combination(G1Points.from_ints(points), factors)[0]
    opposite = (chunk.final[0], -chunk.final[1] % Q_MODULUS)
    if not pairing_product_is_one([(left, GENERATOR_G2), (opposite, key.tau_g2)]):
        raise VerificationError(
            f"{place}: openings: expected e(L + y W', [1]_2) = e(W', [tau]_2), they differ"
        )
