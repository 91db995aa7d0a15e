"""Poseidon over Fr with circomlib's parameters, in plain integers.

Source: Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon" (USENIX Security 2021), section 4 and
appendix F (the Grain LFSR). circomlib takes t = k + 1 for k inputs, the S-box x^5, eight full rounds and the
number of partial rounds in PARTIAL_ROUNDS. The constants come out of the LFSR on first use of a width, so no
table has to be trusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import R_MODULUS as MODULUS
from zkroll.errors import InputError

FIELD_BITS = 254
FULL_ROUNDS = 8
MIN_WIDTH = 2
MAX_WIDTH = 17
_PARTIAL = (56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68)
PARTIAL_ROUNDS = dict(enumerate(_PARTIAL, start=MIN_WIDTH))

_LFSR_BITS = 80
_LFSR_TAPS = (62, 51, 38, 23, 13, 0)
_LFSR_FREE = 80 - max(_LFSR_TAPS)  # new bits that depend on old bits only
_LFSR_WARM_UP = 160


def poseidon_hash(inputs: Sequence[int]) -> int:
    """Return circomlib's Poseidon(k) of k = 1..16 integers in [0, r).

    Raises InputError on another count or a value outside that range.
    """
    if not MIN_WIDTH - 1 <= len(inputs) <= MAX_WIDTH - 1:
        raise InputError(f"poseidon: expected 1 to 16 inputs, got {len(inputs)}")
    for index, value in enumerate(inputs):
        if not 0 <= value < MODULUS:
            raise InputError(f"poseidon input {index}: expected an integer in [0, r), got {value}")
    return poseidon_permutation([0, *inputs])[0]


def poseidon_permutation(state: Sequence[int]) -> list[int]:
    """Return the permutation of t = 2..17 elements of [0, r).

    Each round adds its constants, takes x^5 of every element (full) or of the first (partial) and applies
    the MDS matrix.
    """
    width = len(state)
    constants, matrix = round_constants(width), mds(width)
    half = FULL_ROUNDS // 2
    last = half + PARTIAL_ROUNDS[width]
    current = list(state)
    for index, row in enumerate(constants):
        current = [x + c for x, c in zip(current, row, strict=True)]
        if half <= index < last:
            current[0] = pow(current[0], 5, MODULUS)
        else:
            current = [pow(x, 5, MODULUS) for x in current]
        current = [sum(m * x for m, x in zip(line, current, strict=True)) % MODULUS for line in matrix]
    return current


@lru_cache(maxsize=MAX_WIDTH)
def round_constants(width: int) -> tuple[tuple[int, ...], ...]:
    """Round constants of width t: one tuple of t integers for each of the 8 + R_P rounds."""
    flat = _parameters(width)[0]
    return tuple(flat[i : i + width] for i in range(0, len(flat), width))


@lru_cache(maxsize=MAX_WIDTH)
def mds(width: int) -> tuple[tuple[int, ...], ...]:
    """The t x t Cauchy matrix M[i][j] = 1 / (x_i + y_j); the next state is M times the state column."""
    points = _parameters(width)[1]
    xs, ys = points[:width], points[width:]
    return tuple(tuple(pow(x + y, -1, MODULUS) for y in ys) for x in xs)


@lru_cache(maxsize=MAX_WIDTH)
def _parameters(width: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The round constants of a width, then the 2t points of its Cauchy matrix, from one Grain stream."""
    if width not in PARTIAL_ROUNDS:
        raise InputError(f"poseidon width: expected {MIN_WIDTH} to {MAX_WIDTH}, got {width}")
    wanted = (FULL_ROUNDS + PARTIAL_ROUNDS[width]) * width
    # Three of four words are below r; the factor leaves room, and a short stream is simply made longer.
    words_needed = wanted * 3 // 2 + 8 * width
    while True:
        words = _grain_words(width, words_needed)
        constants: list[int] = []
        position = 0
        while len(constants) < wanted and position < len(words):
            if words[position] < MODULUS:
                constants.append(words[position])
            position += 1
        # The matrix takes words modulo r, without rejection, until 2t of them are distinct.
        while len(constants) == wanted and position + 2 * width <= len(words):
            points = tuple(word % MODULUS for word in words[position : position + 2 * width])
            position += 2 * width
            sums_vanish = any((x + y) % MODULUS == 0 for x in points[:width] for y in points[width:])
            if len(set(points)) == 2 * width and not sums_vanish:
                return tuple(constants), points
        words_needed *= 2


def _grain_words(width: int, count: int) -> list[int]:
    """At least `count` words of 254 bits, most significant bit first, of the self-shrinking Grain stream."""
    fields = ((1, 2), (0, 4), (FIELD_BITS, 12), (width, 12), (FULL_ROUNDS, 10), (PARTIAL_ROUNDS[width], 10))
    seed = [(value >> (size - 1 - i)) & 1 for value, size in fields for i in range(size)] + [1] * 30
    # Half of the pairs are kept: four raw bits for an output bit, and a margin over its deviation.
    raw = _lfsr_stream(seed, _LFSR_BITS + _LFSR_WARM_UP + 4 * FIELD_BITS * count + 200 * FIELD_BITS)
    pairs = raw[_LFSR_BITS + _LFSR_WARM_UP :]
    pairs = pairs[: len(pairs) // 2 * 2].reshape(-1, 2)
    kept = pairs[pairs[:, 0] == 1, 1]
    kept = kept[: len(kept) // FIELD_BITS * FIELD_BITS].reshape(-1, FIELD_BITS)
    padded = np.concatenate([np.zeros((len(kept), 2), dtype=np.uint8), kept], axis=1)
    data = np.packbits(padded, axis=1).tobytes()
    return [int.from_bytes(data[start:end], "big") for start, end in pairwise(range(0, len(data) + 1, 32))]


def _lfsr_stream(seed: Sequence[int], length: int) -> NDArray[np.uint8]:
    """The first bits b_0, b_1, ... of b[n+80] = xor of b[n+tap], the seed included, as an array of 0 and 1.

    Over GF(2) the square of the recurrence's polynomial has the same terms at doubled exponents, so the
    stream also obeys the recurrence with all offsets times 2^j: long runs are a few shifts of a big integer.
    """
    stream = sum(bit << i for i, bit in enumerate(seed))
    known, scale = len(seed), 1
    while known < length:
        if known >= 2 * _LFSR_BITS * scale:
            scale *= 2
        base = known - _LFSR_BITS * scale
        new = 0
        for tap in _LFSR_TAPS:
            new ^= stream >> (base + tap * scale)
        new &= (1 << (_LFSR_FREE * scale)) - 1
        stream |= new << known
        known += _LFSR_FREE * scale
    data = np.frombuffer(stream.to_bytes((known + 7) // 8, "little"), dtype=np.uint8)
    return np.unpackbits(data, bitorder="little")[:length]
