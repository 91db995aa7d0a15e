"""Both groups of BN254 in one interface for tests: integers, py_ecc and points outside the group of order r."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from py_ecc import optimized_bn128 as bn

from zkroll.algebra.constants import Q_MODULUS as Q
from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.curve import GENERATOR, GENERATOR_G2, G1Points, G2Points

TWIST_COFACTOR = 2 * Q - R
SMALL_ORDER = 10069  # divides the cofactor


@dataclass(frozen=True)
class TestGroup:
    """Points are what `kind.from_ints` takes."""

    __test__ = False
    name: str
    kind: Any
    generator: Any

    def lift(self, point: Any) -> Any:
        """The point as py_ecc has it."""
        if point is None:
            return bn.Z1 if self.name == "g1" else bn.Z2
        if self.name == "g1":
            return (bn.FQ(point[0]), bn.FQ(point[1]), bn.FQ.one())
        return (bn.FQ2(point[0]), bn.FQ2(point[1]), bn.FQ2.one())

    def lower(self, point: Any) -> Any:
        """The reverse of `lift`."""
        if bn.is_inf(point):
            return None
        x, y = bn.normalize(point)
        if self.name == "g1":
            return (int(x), int(y))
        return tuple(tuple(int(part) for part in value.coeffs) for value in (x, y))

    def multiply(self, point: Any, scalar: int) -> Any:
        """scalar·point by py_ecc, for scalar >= 0."""
        return self.lower(bn.multiply(self.lift(point), scalar))

    def add(self, left: Any, right: Any) -> Any:
        """left + right by py_ecc."""
        return self.lower(bn.add(self.lift(left), self.lift(right)))

    def negate(self, point: Any) -> Any:
        """-point."""
        return self.lower(bn.neg(self.lift(point)))

    def multiple(self, k: int) -> Any:
        """k times the generator."""
        return _multiple(self.name, k % R)


GROUPS = {
    "g1": TestGroup("g1", G1Points, GENERATOR),
    "g2": TestGroup("g2", G2Points, GENERATOR_G2),
}


@cache
def _multiple(name: str, k: int) -> Any:
    return GROUPS[name].multiply(GROUPS[name].generator, k)


def square_root(value: tuple[int, int]) -> tuple[int, int] | None:
    """A root in Fq2, or None."""

    def base(n: int) -> int | None:
        root = pow(n, (Q + 1) // 4, Q)
        return root if root * root % Q == n % Q else None

    a, b = value
    if b == 0:
        real = base(a)
        return (real, 0) if real is not None else (0, base(-a % Q) or 0)
    norm = base((a * a + b * b) % Q)
    if norm is None:
        return None
    half = pow(2, -1, Q)
    for sign in (1, -1):
        real = base((a + sign * norm) * half % Q)
        if real:
            return (real, b * pow(2 * real, -1, Q) % Q)
    return None


@cache
def outside(count: int) -> list[Any]:
    """Points of the twist, of which hardly one has order r: the first with x = k + (k + 3)·u."""
    found: list[Any] = []
    k = 0
    while len(found) < count:
        k += 1
        x = bn.FQ2([k, k + 3])
        root = square_root(tuple(int(part) for part in (x * x * x + bn.b2).coeffs))
        if root is not None:
            found.append(((k, k + 3), root))
    return found
