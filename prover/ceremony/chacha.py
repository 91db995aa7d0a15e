"""The generator of random numbers that snarkjs draws secrets and points from: ChaCha20 without a nonce.

It must give what ffjavascript gives, number for number, because a beacon's contribution and the points of G2 that
contributions are proved at can be recomputed by everyone. Elements of a field are drawn as Montgomery residues
(x·2^256), four 64-bit words from the least significant, with bits above 254 cleared and what is not below the
modulus drawn again. Points are drawn by x and the sign of y; in G2 they are then multiplied by the cofactor.

Source: RFC 8439, section 2.3, with a counter of 128 bits; ffjavascript 0.3.1 (chacha.js, wasm_field1.js,
wasm_curve.js) and snarkjs 0.7.6 (misc.js).

>>> ChaCha([0] * 8).u32() == 0xade0b876
True
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from zkroll.algebra.blake2b import Blake2b
from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.algebra.curve import B, G2Points, clear_cofactor
from zkroll.algebra.kernels.curve_check_kernels import TWIST_B
from zkroll.algebra.reference.blake import QUARTERS
from zkroll.algebra.reference.pairing import G2Pair
from zkroll.errors import InputError

__all__ = ["ChaCha", "G1Pair", "G2Pair", "fresh", "from_digest"]

G1Pair = tuple[int, int]  # a point of G1 that is not infinity
Fq2 = tuple[int, int]

_SIGMA = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)  # "expand 32-byte k"
_SEED_WORDS = 8
_WORD = 0xFFFFFFFF
_DOUBLE_ROUNDS = 10
_FIELD_BITS = 254
_MONTGOMERY = 1 << 256
_HALF_Q = (Q_MODULUS - 1) // 2
_ROOT = (Q_MODULUS + 1) // 4  # q = 3 mod 4
_ENTROPY_BYTES = 64


class ChaCha:
    """The stream of numbers of a seed of eight 32-bit words. Raises InputError for another seed."""

    def __init__(self, seed: Sequence[int]):
        if len(seed) != _SEED_WORDS or any(not 0 <= word <= _WORD for word in seed):
            raise InputError(f"ChaCha: expected a seed of {_SEED_WORDS} words of 32 bits")
        self._seed = tuple(seed)
        self._counter = 0
        self._ready: list[int] = []  # numbers still to be given, the next one last

    def u32(self) -> int:
        """Return the next 32-bit number."""
        if not self._ready:
            self._ready = self._block()[::-1]
            self._counter += 1
        return self._ready.pop()

    def u64(self) -> int:
        """Return the next two 32-bit numbers as one of 64 bits, the first of them its high half."""
        high = self.u32()
        return high << 32 | self.u32()

    def boolean(self) -> bool:
        """Return the lowest bit of the next 32-bit number."""
        return self.u32() & 1 == 1

    def fr(self) -> int:
        """Return the next element of Fr."""
        return self._element(R_MODULUS)

    def g1(self) -> G1Pair:
        """Return the next point of G1, which is not infinity."""
        while True:
            x, is_larger = self._element(Q_MODULUS), self.boolean()
            square = (x * x * x + B) % Q_MODULUS
            y = pow(square, _ROOT, Q_MODULUS)
            if y * y % Q_MODULUS == square:
                return (x, y if (y > _HALF_Q) == is_larger else Q_MODULUS - y)

    def g2(self) -> G2Pair:
        """Return the next point of G2, of order r."""
        while True:
            x = (self._element(Q_MODULUS), self._element(Q_MODULUS))
            is_larger = self.boolean()
            y = _fq2_root(_twist(x))
            if y is None:
                continue
            if ((y[1] or y[0]) > _HALF_Q) != is_larger:
                y = (-y[0] % Q_MODULUS, -y[1] % Q_MODULUS)
            point = clear_cofactor(G2Points.from_ints([(x, y)]), threads=1)[0]
            if point is not None:  # one in r draws is infinity, for which there is no challenge
                return point

    def _element(self, modulus: int) -> int:
        while True:
            value = sum(self.u64() << 64 * i for i in range(4)) & ((1 << _FIELD_BITS) - 1)
            if value < modulus:
                return value * pow(_MONTGOMERY, -1, modulus) % modulus

    def _block(self) -> list[int]:
        count = [self._counter >> 32 * i & _WORD for i in range(4)]
        start = [*_SIGMA, *self._seed, *count]
        state = list(start)
        for _ in range(_DOUBLE_ROUNDS):
            for a, b, c, d in QUARTERS:
                for of_d, of_b in ((16, 12), (8, 7)):
                    state[a] = (state[a] + state[b]) & _WORD
                    state[d] = _rotated(state[d] ^ state[a], of_d)
                    state[c] = (state[c] + state[d]) & _WORD
                    state[b] = _rotated(state[b] ^ state[c], of_b)
        return [(before + after) & _WORD for before, after in zip(start, state, strict=True)]


def from_digest(digest: bytes) -> ChaCha:
    """Return the generator seeded with the first 32 bytes of a digest, words big endian.

    Raises InputError for a shorter one.
    """
    if len(digest) < 4 * _SEED_WORDS:
        raise InputError(f"ChaCha: expected a digest of at least {4 * _SEED_WORDS} bytes, got {len(digest)}")
    return ChaCha([int.from_bytes(digest[4 * i : 4 * i + 4], "big") for i in range(_SEED_WORDS)])


def fresh(entropy: str = "") -> ChaCha:
    """Return a generator that nobody can repeat: seeded with 64 bytes of the system's randomness, and `entropy`.

    Words of the user's own can only add to it.
    """
    hashed = Blake2b(secrets.token_bytes(_ENTROPY_BYTES)).update(entropy.encode("utf-8", "surrogatepass"))
    return from_digest(hashed.digest())


def _rotated(word: int, count: int) -> int:
    return (word << count | word >> 32 - count) & _WORD


def _twist(x: Fq2) -> Fq2:
    """x³ + 3/(9 + u)."""
    a, b = x
    real, imaginary = a * (a * a - 3 * b * b), b * (3 * a * a - b * b)
    return ((real + TWIST_B[0]) % Q_MODULUS, (imaginary + TWIST_B[1]) % Q_MODULUS)


def _fq2_root(square: Fq2) -> Fq2 | None:
    """A square root in Fq2, or None: see `zkroll.algebra.point_encoding`."""
    a, b = square
    s = pow(a * a + b * b, _ROOT, Q_MODULUS)
    half = pow(2, -1, Q_MODULUS)
    for norm in (s, -s):
        c = pow((a + norm) * half, _ROOT, Q_MODULUS)
        # c = 0: b = 0 and a is no square, or a = 0 as well
        root = (c, b * half * pow(c, -1, Q_MODULUS) % Q_MODULUS) if c else (0, pow(-a, _ROOT, Q_MODULUS))
        x, y = root
        if (x * x - y * y - a) % Q_MODULUS == 0 and (2 * x * y - b) % Q_MODULUS == 0:
            return root
    return None
