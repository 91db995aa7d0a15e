"""The pairing of BN254 through py_ecc, on integer points.

G1 points are (x, y), G2 points ((x0, x1), (y0, y1)) with x = x0 + x1·i and i² = -1, both affine; None is
infinity.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zkroll.algebra.constants import Q_MODULUS


class _PyEcc:
    """py_ecc's curve, imported when it is first used: it computes tables on import, and provers do without."""

    def __getattr__(self, name: str) -> Any:
        from py_ecc import optimized_bn128

        return getattr(optimized_bn128, name)


bn: Any = _PyEcc()

G1Point = tuple[int, int] | None
G2Pair = tuple[tuple[int, int], tuple[int, int]]
G2Point = G2Pair | None

GENERATOR_G2: G2Pair = (
    (
        10857046999023057135944570762232829481370756359578518086990519993285655852781,
        11559732032986387107991004021392285783925812861821192530917403151452391805634,
    ),
    (
        8495653923123431417604973247489272438418190587263600148770280649306958101930,
        4082367875863433681332203403145435568316851327593401208105741076214120093531,
    ),
)


def is_in_g2(point: G2Point) -> bool:
    """Return whether the point is canonical, on the twist and of order dividing r (infinity is)."""
    if point is None:
        return True
    if any(not 0 <= part < Q_MODULUS for pair in point for part in pair):
        return False
    lifted = _g2(point)
    return bool(bn.is_on_curve(lifted, bn.b2) and bn.is_inf(bn.multiply(lifted, bn.curve_order)))


def multiply_g2(point: G2Pair, scalar: int) -> G2Point:
    """Return scalar·point for scalar >= 0."""
    product = bn.multiply(_g2(point), scalar)
    if bn.is_inf(product):
        return None
    x, y = bn.normalize(product)
    return ((int(x.coeffs[0]), int(x.coeffs[1])), (int(y.coeffs[0]), int(y.coeffs[1])))


def pairing_product_is_one(pairs: Iterable[tuple[G1Point, G2Point]]) -> bool:
    """Return whether Π e(P_i, Q_i) = 1; the points must be on their curves and in their groups."""
    product = bn.FQ12.one()
    for left, right in pairs:
        product *= bn.pairing(_g2(right), _g1(left), final_exponentiate=False)
    return bool(bn.final_exponentiate(product) == bn.FQ12.one())


def _g1(point: G1Point) -> Any:
    if point is None:
        return bn.Z1
    return (bn.FQ(point[0]), bn.FQ(point[1]), bn.FQ.one())


def _g2(point: G2Point) -> Any:
    if point is None:
        return bn.Z2
    return (bn.FQ2(point[0]), bn.FQ2(point[1]), bn.FQ2.one())
