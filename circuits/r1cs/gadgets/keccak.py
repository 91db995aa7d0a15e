"""Keccak-f[1600] and Keccak-256 over bits (the Keccak reference, version 3.0; Ethereum's padding).

A lane is 64 bits, lowest first; lane (x, y) is word x + 5·y of the state. Constraints of a round, all of them
functions of three bits in one constraint (`logic`), so that each new bit is determined by earlier ones:
1. θ: the parity of a column is two xor3 (640 in all); a bit and the parities of two columns, one xor3 (1,600).
2. ρ, π: no constraints.
3. χ: one each (1,600).  ι: none, as 1 - a is free.
92,160 constraints for 24 rounds; fewer where the state begins with constants: 91,008 for a message of 32 bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from zkroll.algebra.reference.keccak import RATE, ROTATIONS, ROUND_CONSTANTS
from zkroll.circuits.r1cs.builder import Builder
from zkroll.circuits.r1cs.gadgets.bits import Bit, check_bits, constant_bit, constant_bits
from zkroll.circuits.r1cs.gadgets.logic import chi, not_, xor, xor3
from zkroll.errors import InputError

LANE = 64
LANES = 25
DIGEST_BYTES = 32

Lane = list[Bit]


def keccak256_bytes(c: Builder, data: Sequence[Sequence[Bit]], name: str = "keccak") -> list[list[Bit]]:
    """Return the 32 bytes of the digest of a message of bytes; a byte is eight bits, lowest first."""
    for byte in data:
        check_bits(name, byte)
        if len(byte) != 8:
            raise InputError(f"{name}: expected bytes of eight bits, got {len(byte)}")
    padding = bytearray(RATE - len(data) % RATE)
    padding[0] ^= 0x01
    padding[-1] ^= 0x80
    padded = [*data, *(constant_bits(c, byte, 8) for byte in padding)]
    state: list[Lane] = [[constant_bit(c, 0)] * LANE for _ in range(LANES)]
    with c.scope(name):
        for start in range(0, len(padded), RATE):
            with c.scope(f"block {start // RATE}"):
                bits = [bit for byte in padded[start : start + RATE] for bit in byte]
                for i in range(RATE // 8):
                    lane = bits[LANE * i : LANE * i + LANE]
                    state[i] = [xor(c, a, b, "absorb") for a, b in zip(state[i], lane, strict=True)]
                state = keccak_f1600(c, state)
    out = [bit for lane in state[: DIGEST_BYTES // 8] for bit in lane]
    return [out[i : i + 8] for i in range(0, 8 * DIGEST_BYTES, 8)]


def keccak_f1600(c: Builder, state: Sequence[Lane]) -> list[Lane]:
    """Return the permutation of 25 lanes of 64 bits."""
    if len(state) != LANES or any(len(lane) != LANE for lane in state):
        raise InputError(f"keccak: expected {LANES} lanes of {LANE} bits")
    current = [list(lane) for lane in state]
    for t, constant in enumerate(ROUND_CONSTANTS):
        with c.scope(f"round {t}"):
            current = _round(c, current, constant)
    return current


def _round(c: Builder, state: list[Lane], constant: int) -> list[Lane]:
    parity = []
    for x in range(5):
        half = _xor3(c, state[x], state[x + 5], state[x + 10], "theta column")
        parity.append(_xor3(c, half, state[x + 15], state[x + 20], "theta column"))
    moved: list[Lane] = [[]] * LANES
    for x in range(5):
        left, right = parity[(x - 1) % 5], _rotated(parity[(x + 1) % 5], 1)
        for y in range(5):
            mixed = _xor3(c, state[x + 5 * y], left, right, "theta")
            moved[y + 5 * ((2 * x + 3 * y) % 5)] = _rotated(mixed, ROTATIONS[x + 5 * y])
    out = [
        [
            chi(c, *bits)
            for bits in zip(
                moved[x + 5 * y], moved[(x + 1) % 5 + 5 * y], moved[(x + 2) % 5 + 5 * y], strict=True
            )
        ]
        for y in range(5)
        for x in range(5)
    ]
    out[0] = [not_(bit) if constant >> i & 1 else bit for i, bit in enumerate(out[0])]
    return out


def _xor3(c: Builder, x: Lane, y: Lane, z: Lane, name: str) -> Lane:
    return [xor3(c, *bits, name=name) for bits in zip(x, y, z, strict=True)]


def _rotated(lane: Lane, count: int) -> Lane:
    """A lane turned to the left: bit i goes to i + count."""
    return lane[-count % LANE :] + lane[: -count % LANE]
