"""Native transactions: fixed layout in words, message hash, EdDSA-Poseidon signature.

A transaction is a list of 32-byte words, big-endian, each seen by the circuits as (hi, lo) 128-bit halves:

    word 0   hi  type = 1 (8 bits) | calldata length (24) | gas limit (32) | nonce (64)
             lo  from >> 128 (32)  | to >> 128 (32)       | gas price (64)
    word 1   hi  from mod 2^128       lo  to mod 2^128
    word 2   hi  0                    lo  value
    then     calldata, zero-padded at the end to whole words

The signed message folds these words: M_0 = chain id, M_{i+1} = Poseidon(M_i, hi_i, lo_i). They are signed, not
published: `zkroll.rollup.batch_data` has the shorter form that goes to L1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.eddsa import verify
from zkroll.circuits.native_rules import (
    NATIVE_TYPE,
    NONZERO_BYTE_GAS,
    TRANSACTION_GAS,
    ZERO_BYTE_GAS,
)
from zkroll.errors import InputError
from zkroll.rollup.state.hashing import halves, poseidon

WORD_BYTES = 32


_BITS = {
    "sender": 160,
    "to": 160,
    "value": 128,
    "nonce": 64,
    "gas_limit": 32,
    "gas_price": 64,
}
_MASK128 = (1 << 128) - 1


class Point(NamedTuple):
    """An affine BabyJubJub point, coordinates in Fr."""

    x: int
    y: int


class Signature(NamedTuple):
    """An EdDSA-Poseidon signature: the commitment R8 and the response S."""

    r8: Point
    s: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """An unsigned native transaction; amounts in wei, gas in gas, addresses as integers below 2^160.

    Raises InputError when a field is out of its range.
    """

    sender: int
    to: int
    value: int
    nonce: int
    gas_limit: int
    gas_price: int
    data: bytes = b""

    def __post_init__(self) -> None:
        for name, bits in _BITS.items():
            number = getattr(self, name)
            if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 1 << bits:
                raise InputError(
                    f"transaction: {name}: expected an integer of at most {bits} bits, got {number}"
                )
        if not isinstance(self.data, bytes) or len(self.data) >= 1 << 24:
            raise InputError("transaction: data: expected fewer than 2^24 bytes of calldata")

    def encode(self) -> bytes:
        """The transaction's words as bytes; always a multiple of 32 of them."""
        w0 = NATIVE_TYPE << 120 | len(self.data) << 96 | self.gas_limit << 64 | self.nonce
        w0 = w0 << 128 | (self.sender >> 128) << 96 | (self.to >> 128) << 64 | self.gas_price
        w1 = (self.sender & _MASK128) << 128 | self.to & _MASK128
        head = b"".join(word.to_bytes(WORD_BYTES, "big") for word in (w0, w1, self.value))
        return head + self.data + bytes(-len(self.data) % WORD_BYTES)

    def words(self) -> list[tuple[int, int]]:
        """The same words as (hi, lo) halves."""
        return split_words(self.encode())

    def message(self, chain_id: int) -> int:
        """The field element that is signed; it binds the chain id and every word."""
        folded = check_chain_id(chain_id)
        for hi, lo in self.words():
            folded = poseidon(folded, hi, lo)
        return folded

    def intrinsic_gas(self) -> int:
        """Gas charged before the first opcode."""
        zeros = self.data.count(0)
        return TRANSACTION_GAS + ZERO_BYTE_GAS * zeros + NONZERO_BYTE_GAS * (len(self.data) - zeros)

    def up_front_cost(self) -> int:
        """What the sender must own: the value and all the gas it may use, in wei."""
        return self.value + self.gas_limit * self.gas_price


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A native transaction with its sender's public key and signature."""

    transaction: Transaction
    public_key: Point
    signature: Signature

    def check_signature(self, chain_id: int) -> None:
        """Raise InputError unless the key is the sender's and has signed this transaction for this chain."""
        expected = address_of(self.public_key)
        if expected != self.transaction.sender:
            sender = self.transaction.sender
            raise InputError(
                f"signature: expected a key of sender {sender:#042x}, got one of {expected:#042x}"
            )
        r8, s = self.signature
        if not verify(self.public_key, r8, s, self.transaction.message(chain_id)):
            raise InputError(
                f"signature: not made by {expected:#042x} over this transaction and chain id {chain_id}"
            )


def address_of(public_key: Point) -> int:
    """The account address of a public key: the low 160 bits of Poseidon(Ax, Ay)."""
    for name, coordinate in zip("xy", public_key, strict=True):
        if not 0 <= coordinate < R_MODULUS:
            raise InputError(f"public key: expected {name} in [0, r), got {coordinate:#x}")
    return poseidon(*public_key) & ((1 << 160) - 1)


def check_chain_id(chain_id: int) -> int:
    """The chain id itself, once it is known to be a 64-bit number above zero."""
    if not 0 < chain_id < 1 << 64:
        raise InputError(f"chain id: expected 1 to 2^64 - 1, got {chain_id}")
    return chain_id


def split_words(data: bytes) -> list[tuple[int, int]]:
    """Whole 32-byte words as (hi, lo) 128-bit halves."""
    if len(data) % WORD_BYTES:
        raise InputError(f"words: expected a multiple of {WORD_BYTES} bytes, got {len(data)}")
    return [halves(int.from_bytes(data[i : i + WORD_BYTES], "big")) for i in range(0, len(data), WORD_BYTES)]
