"""Random inputs of the kernel benchmark, kept between rows, and their files for peers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.curve import G1Points, G2Point, G2Points, Point, fixed_base_g1, fixed_base_g2
from zkroll.algebra.field import Block, PrimeField, fq, fr
from zkroll.algebra.reference import curve as reference_g1
from zkroll.algebra.reference import pairing as reference_g2

SEED = 2026
Words = NDArray[np.uint64]


def hex_words(values: list[int]) -> str:
    """The hex of integers as 32-byte little-endian words."""
    return b"".join(value.to_bytes(32, "little") for value in values).hex()


def hex_point(point: Point) -> str:
    """The hex of an affine point of G1; zeros for infinity."""
    return hex_words([0, 0] if point is None else list(point))


def checksum(field: PrimeField, values: Block, n: int) -> str:
    """The hex of Σ (i+1)·values[i] over the first n elements."""
    weights = field.from_array(np.arange(1, n + 1, dtype=np.uint64))
    return hex_words([field.inner_product(values.reshape(weights.shape), weights)])


def hex_point_g2(point: G2Point) -> str:
    """The hex of an affine point of G2; zeros for infinity."""
    return hex_words([0, 0, 0, 0] if point is None else [*point[0], *point[1]])


class Inputs:
    """Makes inputs on first use, from one seed, and writes each file once into `folder`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._g1 = G1Points.from_ints([])
        self._g2 = G2Points.from_ints([])
        self._pairs: dict[int, list[tuple[Point, G2Point]]] = {}

    def elements(self, field: PrimeField, n: int, label: str) -> Block:
        """n random elements, the same for the same field, n and label."""
        seed = [SEED, n, *label.encode(), *field.params.name.encode()]
        words = np.random.default_rng(seed).integers(0, 1 << 64, (n, 4), dtype=np.uint64)
        words[:, 3] >>= np.uint64(3)  # below 2^253, which is below both primes
        return field.from_array(words)

    def element_file(self, field: PrimeField, values: Block, n: int, label: str) -> str:
        return self._write(f"{field.params.name}-{label}-{n}", field.to_limbs(values, n))

    def points_g1(self, n: int) -> G1Points:
        """n random points; fewer are the first of more."""
        if len(self._g1) < n:
            self._g1 = fixed_base_g1(self.elements(fr, n, "points"), n)
        return self._g1[:n]

    def points_g1_file(self, n: int) -> str:
        points = self.points_g1(n)
        return self._write(
            f"g1-{n}", np.concatenate([fq.to_limbs(points.x, n), fq.to_limbs(points.y, n)], axis=1)
        )

    def points_g2(self, n: int) -> G2Points:
        """n random points; fewer are the first of more."""
        if len(self._g2) < n:
            self._g2 = fixed_base_g2(self.elements(fr, n, "points"), n)
        return self._g2[:n]

    def points_g2_file(self, n: int) -> str:
        parts = [fq.to_limbs(part, n) for part in self.points_g2(n).coordinates]
        return self._write(f"g2-{n}", np.concatenate(parts, axis=1))

    def pairs(self, count: int) -> list[tuple[Point, G2Point]]:
        """`count` pairs of points whose pairings have the product one, count >= 2."""
        if count not in self._pairs:
            p, q = reference_g1.GENERATOR, reference_g2.GENERATOR_G2
            factors = [(1234567 * i + 89, 7654321 * i + 98) for i in range(1, count)]
            pairs = [(reference_g1.multiply(p, a), reference_g2.multiply_g2(q, b)) for a, b in factors]
            rest = -sum(a * b for a, b in factors) % R_MODULUS
            self._pairs[count] = [*pairs, (reference_g1.multiply(p, rest), q)]
        return self._pairs[count]

    def pair_file(self, count: int, times: int = 1) -> str:
        words = "".join(hex_point(p) + hex_point_g2(q) for p, q in self.pairs(count)) * times
        return self._write(f"pairs-{count}-{times}", np.frombuffer(bytes.fromhex(words), dtype=np.uint64))

    def _write(self, name: str, words: Words) -> str:
        path = self.folder / f"{name}.bin"
        if not path.exists():
            words.tofile(path)
        return str(path)
