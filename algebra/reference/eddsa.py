"""EdDSA-Poseidon with affine arithmetic: the oracle of `zkroll.algebra.eddsa`."""

from __future__ import annotations

from zkroll.algebra.blake512 import blake512
from zkroll.algebra.reference.babyjubjub import BASE8, SUBGROUP_ORDER, Point, add, is_on_curve, multiply
from zkroll.algebra.reference.poseidon import poseidon_hash


def public_key(secret: bytes) -> Point:
    """Return the point A = (s/8)·Base8."""
    return multiply(BASE8, _scalar(secret) // 8)


def sign(secret: bytes, message: int) -> tuple[Point, int]:
    """Return (R8, S) of a message in [0, r)."""
    prefix = blake512(secret)[32:]
    nonce = int.from_bytes(blake512(prefix + message.to_bytes(32, "little")), "little") % SUBGROUP_ORDER
    r8 = multiply(BASE8, nonce)
    challenge = poseidon_hash([*r8, *public_key(secret), message])
    return r8, (nonce + challenge * _scalar(secret)) % SUBGROUP_ORDER


def verify(key: Point, r8: Point, s: int, message: int) -> bool:
    """Return whether S·Base8 = R8 + 8·h·A, points on the curve and S below the subgroup order."""
    if s >= SUBGROUP_ORDER or not is_on_curve(key) or not is_on_curve(r8):
        return False
    challenge = poseidon_hash([*r8, *key, message])
    return multiply(BASE8, s) == add(r8, multiply(key, 8 * challenge))


def _scalar(secret: bytes) -> int:
    """The first half of the hash with its lowest three bits cleared, bit 255 cleared and bit 254 set."""
    half = int.from_bytes(blake512(secret)[:32], "little")
    return (half & ((1 << 255) - 8)) | 1 << 254
