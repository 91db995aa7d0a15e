"""Keccak-f[1600] and Keccak-256 in plain integers, from the Keccak reference (version 3.0, section 1).

Lane (x, y) of the state is word x + 5·y. Ethereum's Keccak-256 pads with 0x01, not with SHA-3's 0x06.
"""

from __future__ import annotations

from collections.abc import Sequence

_MASK = (1 << 64) - 1
RATE = 136  # bytes


def _make_round_constants() -> tuple[int, ...]:
    """Bit 2^j - 1 of constant i is bit j + 7i of the LFSR x^8 + x^6 + x^5 + x^4 + 1."""
    register, constants = 1, []
    for _ in range(24):
        word = 0
        for j in range(7):
            word |= (register & 1) << ((1 << j) - 1)
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        constants.append(word)
    return tuple(constants)


def _make_rotations() -> tuple[int, ...]:
    """Offset (t+1)(t+2)/2 for the t-th lane on the walk (x, y) -> (y, 2x + 3y) from (1, 0)."""
    rotations, x, y = [0] * 25, 1, 0
    for t in range(24):
        rotations[x + 5 * y] = (t + 1) * (t + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return tuple(rotations)


ROUND_CONSTANTS = _make_round_constants()
ROTATIONS = _make_rotations()


def keccak_round(state: Sequence[int], constant: int) -> list[int]:
    """Return the 25 words after one round (theta, rho, pi, chi, iota)."""
    parity = [state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20] for x in range(5)]
    mix = [parity[(x - 1) % 5] ^ _rotate(parity[(x + 1) % 5], 1) for x in range(5)]
    moved = [0] * 25
    for x in range(5):
        for y in range(5):
            moved[y + 5 * ((2 * x + 3 * y) % 5)] = _rotate(state[x + 5 * y] ^ mix[x], ROTATIONS[x + 5 * y])
    out = [
        moved[x + 5 * y] ^ (~moved[(x + 1) % 5 + 5 * y] & _MASK & moved[(x + 2) % 5 + 5 * y])
        for y in range(5)
        for x in range(5)
    ]
    out[0] ^= constant
    return out


def keccak_f1600(state: Sequence[int]) -> list[int]:
    """Return the permutation of 25 64-bit words."""
    current = list(state)
    for constant in ROUND_CONSTANTS:
        current = keccak_round(current, constant)
    return current


def keccak256(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 digest."""
    padded = bytearray(data) + bytearray(RATE - len(data) % RATE)
    padded[len(data)] ^= 0x01
    padded[-1] ^= 0x80
    state = [0] * 25
    for start in range(0, len(padded), RATE):
        for i in range(RATE // 8):
            state[i] ^= int.from_bytes(padded[start + 8 * i : start + 8 * i + 8], "little")
        state = keccak_f1600(state)
    return b"".join(word.to_bytes(8, "little") for word in state[:4])


def _rotate(word: int, count: int) -> int:
    return (word << count | word >> (64 - count)) & _MASK
