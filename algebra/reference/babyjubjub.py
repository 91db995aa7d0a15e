"""BabyJubJub in affine coordinates: the plainest group law, the oracle of `zkroll.algebra.babyjubjub`.

a·x² + y² = 1 + d·x²·y² over Fr with a = 168700 and d = 168696 (EIP-2494, circomlib). d is no square in Fr, so
the addition law is complete: no denominator vanishes.
"""

from __future__ import annotations

from zkroll.algebra.constants import R_MODULUS as P

Point = tuple[int, int]

A = 168700
D = 168696
IDENTITY: Point = (0, 1)
BASE8: Point = (
    5299619240641551281634865583518297030282874472190772894086521144482721001553,
    16950150798460657717958625567821834550301663161624707787222815936182638968203,
)
ORDER = 21888242871839275222246405745257275088614511777268538073601725287587578984328
SUBGROUP_ORDER = ORDER // 8


def is_on_curve(point: Point) -> bool:
    """Return whether (x, y) satisfies the curve equation, both coordinates in [0, r)."""
    x, y = point
    if not (0 <= x < P and 0 <= y < P):
        return False
    return (A * x * x + y * y - 1 - D * x * x * y * y) % P == 0


def add(left: Point, right: Point) -> Point:
    """Return left + right.

    x = (x1·y2 + y1·x2)/(1 + d·x1·x2·y1·y2), y = (y1·y2 - a·x1·x2)/(1 - d·x1·x2·y1·y2)
    """
    (x1, y1), (x2, y2) = left, right
    cross = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + y1 * x2) * pow(1 + cross, -1, P)
    y = (y1 * y2 - A * x1 * x2) * pow(1 - cross, -1, P)
    return x % P, y % P


def multiply(point: Point, scalar: int) -> Point:
    """Return scalar·point for scalar >= 0, one bit after the other."""
    result, power = IDENTITY, point
    while scalar:
        if scalar & 1:
            result = add(result, power)
        power = add(power, power)
        scalar >>= 1
    return result
