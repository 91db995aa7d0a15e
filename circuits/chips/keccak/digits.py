"""Spread numbers: 64-bit words written in base 12 with digits 0 and 1, so that addition counts bits.

``spread(w)`` is the sum of bit_i(w) 12^i. Adding up to eleven spread words leaves each digit the count of set
bits at its place, with no carry between places; XOR is that count's parity, AND a count's carry. A whole lane
stays below 12^64 < 2^230, so sums of lanes do not wrap in the field.

``spread numbers of n digits`` below means exactly the numbers sum_{i<n} b_i 12^i with bits b_i.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from zkroll.circuits.air.chip import Bus

BASE: Final = 12
CHUNK: Final = 16  # digits a table row covers; 12^16 < 2^58
LANE: Final = 64

DIGITS16: Final = Bus("keccak_digits16", 60, ("value",))  # a spread number of 16 digits
DIGITS8: Final = Bus("keccak_digits8", 61, ("byte", "value"))  # value = spread(byte), byte < 256
ROUND: Final = Bus(  # round 1..24, its constant as four spread chunks; round 0 (absorb) has constant 0
    "keccak_round", 62, ("round", "last", "rc0", "rc1", "rc2", "rc3")
)
LANES: Final = Bus("keccak_lanes", 63, ("message", "index", "lane"))  # spread lanes of the padded message
SQUEEZE: Final = Bus(  # the first four lanes of a message's last state, digits 0..3 with the bit as parity
    "keccak_squeeze", 64, ("message", "lane0", "lane1", "lane2", "lane3")
)

U64 = NDArray[np.uint64]


@cache
def spread_table() -> U64:
    """spread(i) for i < 2^16, ascending."""
    i = np.arange(1 << CHUNK, dtype=np.uint64)
    out = np.zeros(i.shape[0], dtype=np.uint64)
    for bit in range(CHUNK):
        out += (i >> np.uint64(bit) & np.uint64(1)) * np.uint64(BASE**bit)
    return out


def spread_bits(words: U64, start: int, size: int) -> U64:
    """The spread number of ``size`` <= 16 bits of uint64 ``words`` from bit ``start``."""
    piece = words >> np.uint64(start) & np.uint64((1 << size) - 1)
    out: U64 = spread_table()[piece]
    return out


@cache
def _quarter_table() -> NDArray[np.int64]:
    """For each number of four base-12 digits: its bits where all digits are 0 or 1, else a large negative."""
    out = np.full(BASE**4, -(1 << CHUNK), dtype=np.int64)
    i = np.arange(16)
    out[sum((i >> bit & 1) * BASE**bit for bit in range(4))] = i
    return out


def chunk_index(values: U64) -> NDArray[np.int64]:
    """The row of each value in ``spread_table``, negative where it is not there; four digits at a time."""
    quarter, table = np.uint64(BASE**4), _quarter_table()
    rest = values
    index = np.zeros(values.shape[0], dtype=np.int64)
    for k in range(3):
        higher = rest // quarter
        index += table[rest - higher * quarter] << (4 * k)
        rest = higher
    outside = rest >= quarter
    index += table[np.where(outside, np.uint64(2), rest)] << 12  # the digit 2 is in no row
    return np.where(index < 0, -1, index)


def spread_lanes(words: U64) -> U64:
    """Whole spread lanes of uint64 ``words`` (rows,) as (rows, 4) limbs."""
    return from_chunks([spread_bits(words, CHUNK * j, CHUNK) for j in range(4)])


def from_chunks(chunks: list[U64]) -> U64:
    """sum_j 12^(16 j) chunks[j] as (rows, 4) limbs, by Horner's rule on 32-bit limbs."""
    digits = [np.zeros(chunks[0].shape[0], dtype=np.uint64) for _ in range(8)]
    mask = np.uint64(0xFFFFFFFF)
    for chunk in reversed(chunks):
        for _ in range(2):  # times 12^16 as twice 12^8 < 2^29
            carry = np.zeros_like(chunk)
            for k in range(8):
                value = digits[k] * np.uint64(BASE**8) + carry
                digits[k], carry = value & mask, value >> np.uint64(32)
        carry = chunk
        for k in range(8):
            value = digits[k] + (carry & mask)
            digits[k], carry = value & mask, (carry >> np.uint64(32)) + (value >> np.uint64(32))
    return np.stack([digits[2 * k] | digits[2 * k + 1] << np.uint64(32) for k in range(4)], axis=1)


def gather_lanes(limbs: NDArray[Any]) -> U64:
    """The uint64 words whose spread lanes are the given (rows, 4) limbs (digits are taken modulo 2)."""
    mask = np.uint64(0xFFFFFFFF)
    digits = [limbs[:, k // 2] >> np.uint64(32 * (k % 2)) & mask for k in range(8)]
    out = np.zeros(limbs.shape[0], dtype=np.uint64)
    for j in range(8):
        rest = np.zeros(limbs.shape[0], dtype=np.uint64)
        for k in reversed(range(8)):
            value = rest << np.uint64(32) | digits[k]
            digits[k], rest = value // np.uint64(BASE**8), value % np.uint64(BASE**8)
        for bit in range(8):
            digit = rest // np.uint64(BASE**bit) % np.uint64(BASE)
            out |= (digit & np.uint64(1)) << np.uint64(8 * j + bit)
    return out
