"""Wrapped batches as a file: which key they are for, the statement and data of each batch, and the wrap proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from zkroll.circuits.buses import PUBLIC_BITS, PUBLIC_VALUES
from zkroll.errors import InputError, VerificationError
from zkroll.rollup.proof import BatchProof
from zkroll.rollup.verify import verify_statement
from zkroll.verifier.proof import Reader
from zkroll.verifier.wrap import MOST_CHUNKS, WrapVerifyingKey, verify_wrap

MAGIC: Final = b"zkroll-wrapped-1"
_LENGTH_BYTES: Final = 4
_LONGEST_NAME: Final = 32


@dataclass(frozen=True)
class WrappedBatches:
    """profile: of the key; key_digest: of the inner machine; public_values and data: of each batch, in order;
    proof: the wrap proof as L1 takes it."""

    profile: str
    key_digest: int
    public_values: tuple[tuple[int, ...], ...]
    data: tuple[bytes, ...]
    proof: bytes

    @staticmethod
    def of(profile: str, proofs: Sequence[BatchProof], proof: bytes) -> WrappedBatches:
        """The batches of these inner proofs under a wrap proof of them."""
        return WrappedBatches(
            profile, proofs[0].key_digest,
            tuple(inner.public_values for inner in proofs), tuple(inner.data for inner in proofs), proof,
        )  # fmt: skip

    def to_bytes(self) -> bytes:
        """magic | length and name of the profile (1 + n) | key digest (32) | batches (1) | per batch: public values
        (32 each), data length (4), data | wrap proof."""
        name = self.profile.encode()
        parts = [
            MAGIC,
            bytes([len(name)]),
            name,
            self.key_digest.to_bytes(32, "big"),
            bytes([len(self.data)]),
        ]
        for values, data in zip(self.public_values, self.data, strict=True):
            parts += [value.to_bytes(32, "big") for value in values]
            parts += [len(data).to_bytes(_LENGTH_BYTES, "big"), data]
        return b"".join([*parts, self.proof])

    @staticmethod
    def from_bytes(content: bytes) -> WrappedBatches:
        """Read a file; raises VerificationError with the place of what is wrong. The proof is decoded against a key."""
        reader = Reader(content)
        if reader.take(len(MAGIC), "magic") != MAGIC:
            raise VerificationError(f"wrapped batches: expected the magic {MAGIC!r}")
        length = reader.take(1, "length of the profile's name")[0]
        name = reader.take(length, "profile")
        if not 0 < length <= _LONGEST_NAME or not name.isascii() or not name.isalnum():
            raise VerificationError(
                f"wrapped batches: profile: expected 1 to {_LONGEST_NAME} letters, got {name!r:.80}"
            )
        digest = reader.scalar("key digest")
        count = reader.take(1, "number of batches")[0]
        if not 1 <= count <= MOST_CHUNKS:
            raise VerificationError(f"wrapped batches: expected 1 to {MOST_CHUNKS} batches, got {count}")
        values, data = [], []
        for k in range(count):
            values.append(tuple(reader.scalar(f"batch {k}, {name}") for name in PUBLIC_VALUES))
            for value, (field, bits) in zip(values[-1], PUBLIC_BITS.items(), strict=True):
                if value >> bits:
                    raise VerificationError(
                        f"wrapped batches: batch {k}, {field}: expected at most {bits} bits, got {value:#x}"
                    )
            size = int.from_bytes(reader.take(_LENGTH_BYTES, f"batch {k}, data length"), "big")
            data.append(reader.take(size, f"batch {k}, data"))
        return WrappedBatches(name.decode(), digest, tuple(values), tuple(data), reader.rest())

    def describe(self) -> dict[str, Any]:
        """What is in it, for people and ``--json``."""
        return {
            "kind": "wrapped batches",
            "profile": self.profile,
            "key_digest": f"0x{self.key_digest:064x}",
            "proof_bytes": len(self.proof),
            "batches": [
                {
                    "batch_number": values[PUBLIC_VALUES.index("batch_number")],
                    "old_root": f"0x{values[0]:064x}",
                    "new_root": f"0x{values[1]:064x}",
                    "data_bytes": len(data),
                }
                for values, data in zip(self.public_values, self.data, strict=True)
            ],
        }


def check_consecutive(public_values: Sequence[Sequence[int]]) -> None:
    """Raise InputError unless batches follow each other: number, root, queue, chain and contract."""
    names = {name: i for i, name in enumerate(PUBLIC_VALUES)}
    links = {
        "new_root": "old_root", "queue_after_hi": "queue_before_hi", "queue_after_lo": "queue_before_lo",
        "chain_id": "chain_id", "rollup_address": "rollup_address",
    }  # fmt: skip
    for k, (before, after) in enumerate(pairwise(public_values)):
        number = names["batch_number"]
        if after[number] != before[number] + 1:
            raise InputError(f"proof {k + 1}: expected batch {before[number] + 1}, got {after[number]}")
        for left, right in links.items():
            if before[names[left]] != after[names[right]]:
                raise InputError(
                    f"proof {k + 1}: {right}: expected {before[names[left]]:#x} of the batch before, "
                    f"got {after[names[right]]:#x}"
                )


def verify_wrapped(wrapped: WrappedBatches, key: WrapVerifyingKey) -> None:
    """Accept wrapped batches by their own claims: each statement against its data, then the wrap proof.

    Raises VerificationError.
    """
    if wrapped.key_digest != key.key_digest:
        raise VerificationError(
            f"key digest: expected {key.key_digest:#066x}, got {wrapped.key_digest:#066x}"
        )
    try:
        check_consecutive(wrapped.public_values)
    except InputError as error:
        raise VerificationError(str(error)) from error
    for values, data in zip(wrapped.public_values, wrapped.data, strict=True):
        verify_statement(values, data)
    verify_wrap(key, wrapped.public_values, wrapped.proof)
