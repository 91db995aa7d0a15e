"""Batch proofs: the statement, the batch data that goes to L1 and the inner proof, as one canonical file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from zkroll.circuits.buses import PUBLIC_BITS, PUBLIC_VALUES
from zkroll.circuits.machine import batch_machine
from zkroll.errors import VerificationError
from zkroll.verifier.proof import Reader, read_log_heights

MAGIC: Final = b"zkroll-batch-proof-1"
_LENGTH_BYTES: Final = 4


@dataclass(frozen=True)
class BatchProof:
    """key_digest: which verifying key it was made for; public_values in the order of ``PUBLIC_VALUES``; data:
    the batch data; inner: the inner proof's bytes; report: the prover's account of its work (not encoded)."""

    key_digest: int
    public_values: tuple[int, ...]
    data: bytes
    inner: bytes
    report: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __getattr__(self, name: str) -> int:
        """The public values by name: ``proof.old_root``."""
        if name in PUBLIC_VALUES:
            return self.public_values[PUBLIC_VALUES.index(name)]
        raise AttributeError(name)

    @property
    def data_hash(self) -> int:
        """keccak256 of the data, as the proof claims it."""
        return self.data_hash_hi << 128 | self.data_hash_lo

    def to_bytes(self) -> bytes:
        """magic | key digest (32) | public values (32 each) | data length (4) | data | inner proof."""
        parts = [MAGIC, self.key_digest.to_bytes(32, "big")]
        parts.extend(value.to_bytes(32, "big") for value in self.public_values)
        parts.extend((len(self.data).to_bytes(_LENGTH_BYTES, "big"), self.data, self.inner))
        return b"".join(parts)

    @staticmethod
    def from_bytes(data: bytes) -> BatchProof:
        """Read a proof file; raises VerificationError with the place of what is wrong.

        The inner proof is decoded when it is verified, against a key.
        """
        reader = Reader(data)
        if reader.take(len(MAGIC), "magic") != MAGIC:
            raise VerificationError(f"proof: expected the magic {MAGIC!r}")
        digest = int.from_bytes(reader.take(32, "key digest"), "big")
        values = tuple(reader.scalar(f"public value {name}") for name in PUBLIC_VALUES)
        for value, (name, bits) in zip(values, PUBLIC_BITS.items(), strict=True):
            if value >> bits:
                raise VerificationError(f"proof: {name}: expected at most {bits} bits, got {value:#x}")
        length = int.from_bytes(reader.take(_LENGTH_BYTES, "data length"), "big")
        batch_data = reader.take(length, "batch data")
        return BatchProof(digest, values, batch_data, reader.rest())

    def describe(self) -> dict[str, Any]:
        """What is in it, for people and ``--json``."""
        named = {name: hex(value) for name, value in zip(PUBLIC_VALUES, self.public_values, strict=True)}
        named["data_hash"] = f"0x{self.data_hash:064x}"
        return {
            "kind": "batch proof",
            "key_digest": f"0x{self.key_digest:064x}",
            "public_values": named,
            "data_bytes": len(self.data),
            "inner_proof_bytes": len(self.inner),
            "heights": self.heights(),
        }

    def heights(self) -> dict[str, int]:
        """Rows of each present chip, padding included, as the inner proof's header says.

        Raises VerificationError for an inner proof of another machine.
        """
        layouts = batch_machine().layouts
        log_heights = read_log_heights(Reader(self.inner), len(layouts), 63)
        return {
            layout.name: 1 << log_height
            for layout, log_height in zip(layouts, log_heights, strict=True)
            if log_height >= 0
        }
