"""The hash that names a circuit in a ceremony: BLAKE2b-512 over its key before any contribution.

Hashed are, uncompressed and big endian: [α]₁, [β]₁, [β]₂, [γ]₂, [δ]₁, [δ]₂ with γ = δ = 1; then IC, H, C, A, B1, B2, each
behind its number of points (4 bytes, big endian). For H these are [τ^(n+i) - τ^i]₁ for i < n - 1.

snarkjs hashes H in chunks of 2^14 points and does not shorten the last one, so that from n = 2^15 on there is one
point more, i = n - 1. If n is the power of the .ptau file, its first operand lies behind the end of the section: 64
bytes that are no point, with coordinates above q, go through snarkjs's arithmetic of 256-bit words, which is
followed here step by step. A file that is used with its whole power has another hash otherwise.
Sources: snarkjs, src/zkey_new.js; wasmcurves, src/build_f1m.js and build_curve_jacobian_a0.js.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from zkroll.algebra.constants import Q_MODULUS
from zkroll.algebra.curve import GENERATOR, GENERATOR_G2, G1Points, G2Points, Points, subtract
from zkroll.algebra.ptau import TAU_G1
from zkroll.prover.ceremony.prepared import PreparedPowers

_CHUNK = 1 << 14  # points of H that snarkjs hashes at once
_HASHED = 1 << 16  # points that are converted at once
_POINT_BYTES = 64
_R = 1 << 256
_NEGATIVE_INVERSE = -pow(Q_MODULUS, -1, _R) % _R


@dataclass(frozen=True)
class KeyParts:
    """The points of a key before any contribution, but for H."""

    ic: G1Points
    c: G1Points
    a: G1Points
    b1: G1Points
    b2: G2Points


def circuit_hash(parts: KeyParts, powers: PreparedPowers, domain: int, threads: int | None = None) -> bytes:
    """Return the hash (64 bytes). Raises InputError when the .ptau file ends behind its section 2."""
    hasher = hashlib.blake2b()
    hasher.update(G1Points.from_ints([powers.alpha, powers.beta]).to_bytes())
    hasher.update(G2Points.from_ints([powers.beta_2, GENERATOR_G2]).to_bytes())
    hasher.update(G1Points.from_ints([GENERATOR]).to_bytes() + G2Points.from_ints([GENERATOR_G2]).to_bytes())

    def add(points: Points) -> None:
        hasher.update(points.n.to_bytes(4, "big"))
        for begin in range(0, points.n, _HASHED):
            hasher.update(type(points)(points.rows[begin : begin + _HASHED]).to_bytes(threads=threads))

    add(parts.ic)
    hasher.update((domain - 1).to_bytes(4, "big"))
    for begin in range(0, domain - 1, _HASHED):
        count = min(_HASHED, domain - 1 - begin)
        low, high = (
            powers.points(G1Points, TAU_G1, first, count, threads) for first in (begin, begin + domain)
        )
        hasher.update(subtract(high, low, threads).to_bytes(threads=threads))
    if domain - 1 > _CHUNK:
        hasher.update(_one_more(powers, domain))
    for points in (parts.c, parts.a, parts.b1, parts.b2):
        add(points)
    return hasher.digest()


def _one_more(powers: PreparedPowers, domain: int) -> bytes:
    """The bytes of the point i = n - 1."""
    low = powers.points(G1Points, TAU_G1, domain - 1, 1)
    if domain < 1 << powers.power:
        high = powers.points(G1Points, TAU_G1, 2 * domain - 1, 1)
        return subtract(high, low).to_bytes()
    return raw_difference(powers.behind(TAU_G1, _POINT_BYTES), low.to_bytes("iden3"))


def raw_difference(left: bytes, right: bytes) -> bytes:
    """Return left - right, uncompressed, as snarkjs has it: 64 bytes each in iden3's form, `left` any at all.

    `right` is a point or zeros; x of the two are different.
    """
    if not any(right) or not any(left):
        other = (_word(left[:32]), _word(left[32:])) if any(left) else _opposite(right)
        return b"".join(_product(part, 1).to_bytes(32, "big") for part in other)
    x, y, z = _sum((_word(left[:32]), _word(left[32:])), _opposite(right))
    if z == 0:
        return bytes(_POINT_BYTES)
    inverse = pow(z, -1, Q_MODULUS) * _R * _R % Q_MODULUS  # Montgomery form of the inverse
    square = _product(inverse, inverse)
    affine = _product(square, x), _product(_product(inverse, y), square)
    return b"".join(_product(part, 1).to_bytes(32, "big") for part in affine)


# ---- arithmetic as the WebAssembly of snarkjs does it, on words of 256 bits that need not be below q ----------


def _word(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _opposite(point: bytes) -> tuple[int, int]:
    return _word(point[:32]), _difference(0, _word(point[32:]))


def _total(a: int, b: int) -> int:
    found = a + b
    return (found - Q_MODULUS) % _R if found >= Q_MODULUS else found


def _difference(a: int, b: int) -> int:
    return a - b if a >= b else (a - b + Q_MODULUS) % _R


def _product(a: int, b: int) -> int:
    """a·b/2^256 modulo q, less than one q too much."""
    whole = a * b
    found = (whole + whole * _NEGATIVE_INVERSE % _R * Q_MODULUS) >> 256
    return (found - Q_MODULUS) % _R if found >= Q_MODULUS else found


def _sum(left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int, int]:
    """The sum of two affine points as X, Y, Z, x = X/Z², y = Y/Z³, for points of different x."""
    (x1, y1), (x2, y2) = left, right
    h = _difference(x2, x1)
    slope = _difference(y2, y1)
    hh = _product(h, h)
    i = _total(hh, hh)
    i = _total(i, i)
    j = _product(h, i)
    r = _total(slope, slope)
    v = _product(x1, i)
    x3 = _difference(_difference(_product(r, r), j), _total(v, v))
    twice = _product(y1, j)
    y3 = _difference(_product(_difference(v, x3), r), _total(twice, twice))
    return x3, y3, _total(h, h)
