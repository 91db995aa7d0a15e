"""SHA-256 in plain integers, from FIPS 180-4 (sections 4.1.2, 4.2.2, 5.1.1, 5.3.3, 6.2)."""

from __future__ import annotations

from collections.abc import Sequence

_MASK = (1 << 32) - 1
BLOCK = 64  # bytes


def _primes(count: int) -> list[int]:
    found: list[int] = []
    candidate = 2
    while len(found) < count:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return found


def _root_fraction(value: int, degree: int) -> int:
    """The first 32 bits of the fraction of value^(1/degree): floor(value^(1/degree)·2^32) mod 2^32."""
    target, low, high = value << (32 * degree), 0, 1 << 64
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**degree <= target else (low, middle)
    return low & _MASK


ROUND_CONSTANTS = tuple(_root_fraction(prime, 3) for prime in _primes(64))
INITIAL = tuple(_root_fraction(prime, 2) for prime in _primes(8))


def compress(state: Sequence[int], block: bytes) -> list[int]:
    """Return the eight words after one block of 64 bytes."""
    w = [int.from_bytes(block[i : i + 4], "big") for i in range(0, BLOCK, 4)]
    for t in range(16, 64):
        newer = _rotate(w[t - 2], 17) ^ _rotate(w[t - 2], 19) ^ w[t - 2] >> 10
        older = _rotate(w[t - 15], 7) ^ _rotate(w[t - 15], 18) ^ w[t - 15] >> 3
        w.append((newer + w[t - 7] + older + w[t - 16]) & _MASK)
    a, b, c, d, e, f, g, h = state
    for word, constant in zip(w, ROUND_CONSTANTS, strict=True):
        choice = (e & f) ^ (~e & g)
        majority = (a & b) ^ (a & c) ^ (b & c)
        first = h + (_rotate(e, 6) ^ _rotate(e, 11) ^ _rotate(e, 25)) + choice + constant + word
        second = (_rotate(a, 2) ^ _rotate(a, 13) ^ _rotate(a, 22)) + majority
        a, b, c, d, e, f, g, h = (first + second) & _MASK, a, b, c, (d + first) & _MASK, e, f, g
    return [(x + y) & _MASK for x, y in zip(state, (a, b, c, d, e, f, g, h), strict=True)]


def sha256(data: bytes) -> bytes:
    """Return the 32-byte digest."""
    padded = data + b"\x80" + bytes(-(len(data) + 9) % BLOCK) + (8 * len(data)).to_bytes(8, "big")
    state: Sequence[int] = INITIAL
    for start in range(0, len(padded), BLOCK):
        state = compress(state, padded[start : start + BLOCK])
    return b"".join(word.to_bytes(4, "big") for word in state)


def _rotate(word: int, count: int) -> int:
    return (word >> count | word << (32 - count)) & _MASK
