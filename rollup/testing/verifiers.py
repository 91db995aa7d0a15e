"""Verifiers for tests: the one of this package, and what it shares with the contract."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from zkroll.errors import InputError
from zkroll.rollup.testing.provers import Proven
from zkroll.verifier.groth16 import PROOF_BYTES, Proof, VerifyingKey, verify


class ProofVerifier(Protocol):
    """Something that accepts proofs of one key, or does not."""

    name: str
    key: VerifyingKey

    def accepts(self, proof: Proof | Proven | bytes, public: Sequence[int] | None = None) -> bool:
        """Whether the proof is valid for these public values; a `Proven` brings its own."""
        ...


class Verifier:
    """The verifier of this package, for one key. What it says is said as the contract does: by yes and no."""

    name = "groth16"

    def __init__(self, key: VerifyingKey) -> None:
        self.key = key

    @classmethod
    def from_file(cls, path: Path | str) -> Verifier:
        """The verifier of a verification_key.json. Raises InputError for a file that is none, or a bad key."""
        from zkroll.circuits.r1cs.formats.groth16_json import read_verification_key

        return cls(VerifyingKey.from_parts(read_verification_key(path)))

    def accepts(self, proof: Proof | Proven | bytes, public: Sequence[int] | None = None) -> bool:
        """Whether the proof (or its 256 bytes) is valid for these public values.

        Raises InputError for bytes of another length, another number of public values and values that are not
        integers of 256 bits, none of which could be asked of the contract.
        """
        data, values = question(self.key, proof, public)
        try:
            return verify(self.key, values, Proof.from_bytes(data))
        except InputError:  # a coordinate or value out of range, a point off its curve or outside its group
            return False


def question(
    key: VerifyingKey, proof: Proof | Proven | bytes, public: Sequence[int] | None
) -> tuple[bytes, list[int]]:
    """The 256 bytes and the public values that a verifier of the key is asked about; see `Verifier.accepts`."""
    if isinstance(proof, Proven):
        if public is not None:
            raise InputError("public inputs: expected those of the Proven alone, got others beside them")
        public, proof = proof.public, proof.proof
    if public is None:
        raise InputError("public inputs: expected them beside the proof, got none")
    data = proof.to_bytes() if isinstance(proof, Proof) else bytes(proof)
    if len(data) != PROOF_BYTES:
        raise InputError(f"proof: expected {PROOF_BYTES} bytes, got {len(data)}")
    if len(public) != key.n_public:
        raise InputError(f"public inputs: expected {key.n_public}, got {len(public)}")
    for i, value in enumerate(public):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 256:
            raise InputError(f"public input {i}: expected an integer of 256 bits, got {value!r:.90}")
    return data, list(public)
