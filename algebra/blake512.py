"""BLAKE-512, the SHA-3 finalist (not BLAKE2), as circomlibjs uses it to derive EdDSA secrets.

Source: Aumasson, Henzen, Meier, Phan, "SHA-3 proposal BLAKE" version 1.3 (2010), section 2.3, without salt.
"""

from __future__ import annotations

from zkroll.algebra.reference.blake import INITIAL, PERMUTATIONS, QUARTERS

_MASK = (1 << 64) - 1
_ROUNDS = 16
_BLOCK = 128

# The first 1024 bits of the fraction of pi.
_CONSTANTS = (
    0x243F6A8885A308D3,
    0x13198A2E03707344,
    0xA4093822299F31D0,
    0x082EFA98EC4E6C89,
    0x452821E638D01377,
    0xBE5466CF34E90C6C,
    0xC0AC29B7C97C50DD,
    0x3F84D5B5B5470917,
    0x9216D5D98979FB1B,
    0xD1310BA698DFB5AC,
    0x2FFD72DBD01ADFB7,
    0xB8E1AFED6A267E96,
    0xBA7C9045F12C7F99,
    0x24A19947B3916CF7,
    0x0801F2E2858EFC16,
    0x636920D871574E69,
)


def blake512(data: bytes) -> bytes:
    """Return the 64-byte BLAKE-512 digest of `data`."""
    bits = 8 * len(data)
    filling = -(len(data) + 17) % _BLOCK
    tail = bytearray(1 + filling)
    tail[0] |= 0x80
    tail[-1] |= 0x01
    padded = data + bytes(tail) + bits.to_bytes(16, "big")
    state = list(INITIAL)
    for start in range(0, len(padded), _BLOCK):
        # The counter holds the message bits hashed so far, and zero for a block of padding alone.
        counter = 0 if start >= len(data) else min(bits, 8 * (start + _BLOCK))
        state = _compress(state, padded[start : start + _BLOCK], counter)
    return b"".join(word.to_bytes(8, "big") for word in state)


def _compress(state: list[int], block: bytes, counter: int) -> list[int]:
    message = [int.from_bytes(block[i : i + 8], "big") for i in range(0, _BLOCK, 8)]
    low, high = counter & _MASK, counter >> 64
    v = state + [c ^ t for c, t in zip(_CONSTANTS, (0, 0, 0, 0, low, low, high, high), strict=False)]
    for round_index in range(_ROUNDS):
        order = PERMUTATIONS[round_index % len(PERMUTATIONS)]
        for i, (a, b, c, d) in enumerate(QUARTERS):
            first, second = order[2 * i], order[2 * i + 1]
            v[a] = (v[a] + v[b] + (message[first] ^ _CONSTANTS[second])) & _MASK
            v[d] = _rotate(v[d] ^ v[a], 32)
            v[c] = (v[c] + v[d]) & _MASK
            v[b] = _rotate(v[b] ^ v[c], 25)
            v[a] = (v[a] + v[b] + (message[second] ^ _CONSTANTS[first])) & _MASK
            v[d] = _rotate(v[d] ^ v[a], 16)
            v[c] = (v[c] + v[d]) & _MASK
            v[b] = _rotate(v[b] ^ v[c], 11)
    return [h ^ v[i] ^ v[i + 8] for i, h in enumerate(state)]


def _rotate(word: int, count: int) -> int:
    return (word >> count | word << (64 - count)) & _MASK
