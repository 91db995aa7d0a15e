"""SHA-256 (FIPS 180-4) over bits.

A word is 32 bits, lowest first. Constraints of a block:
1. Σ and σ: `xor3` of rotated words, one constraint a bit; σ0 and σ1 shift, so that some of their bits are xors
   of two.                                                                                     (32 for each)
2. Ch: `choose`, Maj: `majority`, one constraint a bit.                                         (32 for each)
3. Sums modulo 2^32: the sum of k words, as an integer, is decomposed into 32 bits and the carries' bits, whose
   highest is written as the remainder: exact, as the sum is far below r.           (32 and the carries' bits)
Message words 62 and 63 are only added, never rotated, and stay sums: their bits are not needed.
17,576 constraints for a block, 17,064 for a message of 32 bytes (circomlib: 29,380). The bits of a digest are held by 3 to the one integer below 2^32 that the inputs give, word by word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.reference.sha256 import INITIAL, ROUND_CONSTANTS
from zkroll.circuits.r1cs.builder import Builder
from zkroll.circuits.r1cs.gadgets.bits import (
    Bit,
    boolean,
    check_bits,
    constant_bit,
    constant_bits,
    weighted,
)
from zkroll.circuits.r1cs.gadgets.logic import choose, majority, xor3
from zkroll.circuits.r1cs.hints import Bits
from zkroll.circuits.r1cs.linear import LinearCombination
from zkroll.errors import InputError

WORD = 32
BLOCK_BITS = 512
DIGEST_BITS = 256
_LONGEST = 1 << 32  # bits of a message

Word = list[Bit]


@dataclass(frozen=True)
class _Sum:
    """A sum of words as an integer of [0, most]."""

    value: LinearCombination
    most: int

    def __add__(self, other: _Sum) -> _Sum:
        return _Sum(self.value + other.value, self.most + other.most)


def sha256(c: Builder, bits: Sequence[Bit], name: str = "sha256") -> list[Bit]:
    """Return the 256 bits of the digest of a message of bits.

    Both are in the order of the standard (and of circomlib): the highest bit of the first byte first.
    """
    check_bits(name, bits)
    if len(bits) >= _LONGEST:
        raise InputError(f"{name}: expected less than 2^32 bits, got {len(bits)}")
    length = constant_bits(c, len(bits), 64)[::-1]
    zeros = [constant_bit(c, 0)] * (-(len(bits) + 65) % BLOCK_BITS)
    padded = [*bits, constant_bit(c, 1), *zeros, *length]
    state = [constant_bits(c, word, WORD) for word in INITIAL]
    with c.scope(name):
        for start in range(0, len(padded), BLOCK_BITS):
            state = compress(c, state, _words(padded[start : start + BLOCK_BITS]))
    return [bit for word in state for bit in reversed(word)]


def sha256_bytes(c: Builder, data: Sequence[Sequence[Bit]], name: str = "sha256") -> list[list[Bit]]:
    """Return the 32 bytes of the digest of a message of bytes; a byte is eight bits, lowest first."""
    if any(len(byte) != 8 for byte in data):
        raise InputError(f"{name}: expected bytes of eight bits")
    bits = sha256(c, [bit for byte in data for bit in reversed(byte)], name)
    return [bits[i : i + 8][::-1] for i in range(0, DIGEST_BITS, 8)]


def compress(c: Builder, state: Sequence[Word], block: Sequence[Word]) -> list[Word]:
    """Return the eight words after a block of sixteen."""
    if len(state) != 8 or len(block) != 16 or any(len(word) != WORD for word in (*state, *block)):
        raise InputError("sha256: expected a state of 8 words and a block of 16, each of 32 bits")
    with c.scope("block"):
        schedule = _schedule(c, block)
        a, b, d, e, f, g, h, i = state
        for t, constant in enumerate(ROUND_CONSTANTS):
            with c.scope(f"round {t}"):
                first = _of(c, i) + _of(c, _upper(c, f, (6, 11, 25), "Sigma1"))
                first += _of(c, [choose(c, *bits, name="Ch") for bits in zip(f, g, h, strict=True)])
                first += schedule[t] + _Sum(c.constant(constant), constant)
                second = _of(c, _upper(c, a, (2, 13, 22), "Sigma0"))
                second += _of(c, [majority(c, *bits, name="Maj") for bits in zip(a, b, d, strict=True)])
                new_f = _reduced(c, _of(c, e) + first, "e")
                a, b, d, e, f, g, h, i = _reduced(c, first + second, "a"), a, b, d, new_f, f, g, h
        ends = (a, b, d, e, f, g, h, i)
        return [
            _reduced(c, _of(c, old) + _of(c, new), "digest") for old, new in zip(state, ends, strict=True)
        ]


def _schedule(c: Builder, block: Sequence[Word]) -> list[_Sum]:
    """The 64 message words, as numbers."""
    words: list[Word] = list(block)
    sums = [_of(c, word) for word in words]
    for t in range(16, 64):
        with c.scope(f"word {t}"):
            older = _of(c, _lower(c, words[t - 15], (7, 18, 3), "sigma0"))
            newer = _of(c, _lower(c, words[t - 2], (17, 19, 10), "sigma1"))
            total = newer + sums[t - 7] + older + sums[t - 16]
            if t < 62:
                words.append(_reduced(c, total, "word"))
                total = _of(c, words[t])
            sums.append(total)
    return sums


def _upper(c: Builder, word: Word, turns: tuple[int, int, int], name: str) -> Word:
    """The xor of three rotations to the right."""
    p, q, r = (word[turn:] + word[:turn] for turn in turns)
    return [xor3(c, *bits, name=name) for bits in zip(p, q, r, strict=True)]


def _lower(c: Builder, word: Word, turns: tuple[int, int, int], name: str) -> Word:
    """The xor of two rotations and, last, a shift to the right."""
    p, q = (word[turn:] + word[:turn] for turn in turns[:2])
    shifted = word[turns[2] :] + [constant_bit(c, 0)] * turns[2]
    return [xor3(c, *bits, name=name) for bits in zip(p, q, shifted, strict=True)]


def _of(c: Builder, word: Word) -> _Sum:
    return _Sum(weighted(c, word), (1 << WORD) - 1)


def _reduced(c: Builder, total: _Sum, name: str) -> Word:
    """The bits of a sum modulo 2^32."""
    known = total.value.constant
    if known is not None:
        return constant_bits(c, known % (1 << WORD), WORD)
    n = total.most.bit_length()
    made = c.hint(Bits(n - 1), [total.value], n - 1, name)
    bits = [boolean(c, bit, name) for bit in made]
    top = (total.value - weighted(c, bits)) * pow(1 << (n - 1), -1, R_MODULUS)
    bits.append(boolean(c, top, f"{name} carry"))
    return bits[:WORD]


def _words(bits: Sequence[Bit]) -> list[Word]:
    return [list(reversed(bits[i : i + WORD])) for i in range(0, len(bits), WORD)]
