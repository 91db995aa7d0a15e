"""The hash that binds what the wrap circuit used: SHA-256 over canonical bits, as the L1 contract computes it.

Preimage (`zkroll.verifier.wrap.wrap_preimage`): key digest, then per chunk the packed statement, four digests of
commitments, y, rho and all s_g. Every value has one bit string:

1. a public value of n <= 253 bits: `to_bits` holds it below 2^n.
2. a digest of commitments: 253 bits, as 1.
3. a public value of 254 bits, y, rho, s_g: `to_bits_canonical`, the bits of the representative below r and of no
   other (x + r would be another preimage for the same value).

The key digest is a constant. The public input is the first 253 of the 256 bits, highest first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zkroll.circuits.r1cs.builder import Builder
from zkroll.circuits.r1cs.gadgets.bits import (
    FIELD_BITS,
    Bit,
    constant_bits,
    to_bits,
    to_bits_canonical,
)
from zkroll.circuits.r1cs.gadgets.sha256 import DIGEST_BITS, sha256
from zkroll.circuits.r1cs.linear import LinearCombination
from zkroll.verifier.transcript import DROPPED_BITS
from zkroll.verifier.wrap import byte_width

WORD_BITS = 256
POINTS_DIGEST_BITS = DIGEST_BITS - DROPPED_BITS


@dataclass(frozen=True)
class Item:
    """One value of the preimage: its name, the value and how many bits it may have."""

    name: str
    value: LinearCombination
    bits: int


def statement_bits(c: Builder, items: Sequence[Item]) -> list[Bit]:
    """Public values in as few bytes as their widths need, highest bit first."""
    return [bit for item in items for bit in _big_endian(c, item, 8 * byte_width(item.bits))]


def word_bits(c: Builder, items: Sequence[Item]) -> list[Bit]:
    """Values as 32 bytes each, highest bit first."""
    return [bit for item in items for bit in _big_endian(c, item, WORD_BITS)]


def digest_of(c: Builder, bits: Sequence[Bit]) -> LinearCombination:
    """The first 253 bits of SHA-256 of these bits, as a field element."""
    hashed = sha256(c, bits, "digest")[:POINTS_DIGEST_BITS]
    return c.sum(hashed, [1 << i for i in reversed(range(len(hashed)))])


def constant_word(c: Builder, value: int) -> list[Bit]:
    """A constant as 32 bytes, highest bit first."""
    return constant_bits(c, value, WORD_BITS)[::-1]


def _big_endian(c: Builder, item: Item, width: int) -> list[Bit]:
    if item.bits == FIELD_BITS:
        bits = to_bits_canonical(c, item.value, item.name)
    else:
        bits = to_bits(c, item.value, item.bits, item.name)
    return [*bits, *constant_bits(c, 0, width - len(bits))][::-1]
