"""EdDSA-Poseidon on BabyJubJub, equal to circomlibjs (`signPoseidon`, `verifyPoseidon`).

A secret of bytes is hashed by BLAKE-512: the first half, pruned, is the scalar s (a multiple of 8), the
second half the prefix of the nonce. A = (s/8)·Base8; R8 = k·Base8 with k = BLAKE-512(prefix ‖ message);
S = k + h·s modulo the subgroup order with h = Poseidon(R8, A, message). Accepted when S·Base8 = R8 + 8·h·A.
"""

from __future__ import annotations

from functools import lru_cache

from zkroll.algebra.babyjubjub import (
    BASE8,
    SUBGROUP_ORDER,
    Point,
    add,
    is_on_curve,
    multiply,
    pack_point,
    unpack_point,
)
from zkroll.algebra.blake512 import blake512
from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.reference.poseidon import poseidon_hash
from zkroll.errors import InputError

Signature = tuple[Point, int]

__all__ = ["Point", "Signature", "pack_signature", "public_key", "sign", "unpack_signature", "verify"]


@lru_cache(maxsize=256)
def public_key(secret: bytes) -> Point:
    """Return the point A of a secret (any length; 32 random bytes by custom)."""
    return multiply(BASE8, secret_scalar(secret)[0] >> 3)


def sign(secret: bytes, message: int) -> Signature:
    """Return the signature (R8, S) of a message in [0, r); deterministic.

    Raises InputError for a message outside that range.
    """
    if not 0 <= message < R_MODULUS:
        raise InputError(f"eddsa.sign: expected a message in [0, r), got {message}")
    scalar, prefix = secret_scalar(secret)
    nonce = int.from_bytes(blake512(prefix + message.to_bytes(32, "little")), "little") % SUBGROUP_ORDER
    r8 = multiply(BASE8, nonce)
    challenge = poseidon_hash([*r8, *public_key(secret), message])
    return r8, (nonce + challenge * scalar) % SUBGROUP_ORDER


def verify(key: Point, r8: Point, s: int, message: int) -> bool:
    """Return whether (r8, s) signs `message` for the public key.

    False for anything out of range or off the curve. Like circomlib's circuit this does not require A and R8
    to lie in the subgroup.
    """
    if not (0 <= message < R_MODULUS and 0 <= s < SUBGROUP_ORDER):
        return False
    if not (is_on_curve(key) and is_on_curve(r8)):
        return False
    challenge = poseidon_hash([*r8, *key, message])
    return multiply(BASE8, s) == add(r8, multiply(key, 8 * challenge))


def secret_scalar(secret: bytes) -> tuple[int, bytes]:
    """Return the pruned scalar s of a secret and the 32-byte prefix of its nonces."""
    digest = bytearray(blake512(secret))
    digest[0] &= 0xF8
    digest[31] = digest[31] & 0x7F | 0x40
    return int.from_bytes(digest[:32], "little"), bytes(digest[32:])


def pack_signature(signature: Signature) -> bytes:
    """Return 64 bytes: R8 packed, then S little endian."""
    r8, s = signature
    return pack_point(r8) + s.to_bytes(32, "little")


def unpack_signature(data: bytes) -> Signature:
    """Return the signature of 64 bytes.

    Raises InputError for another length, a bad point or S not below the subgroup order.
    """
    if len(data) != 64:
        raise InputError(f"eddsa signature: expected 64 bytes, got {len(data)}")
    s = int.from_bytes(data[32:], "little")
    if s >= SUBGROUP_ORDER:
        raise InputError(f"eddsa signature: expected S below the subgroup order, got {s:#x}")
    return unpack_point(data[:32]), s
