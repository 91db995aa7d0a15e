"""KZG commitments over BN254.

Source: Kate, Zaverucha, Goldberg, "Constant-Size Commitments to Polynomials and Their Applications" (2010).
"""

from __future__ import annotations

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.curve import GENERATOR, Point
from zkroll.algebra.field import Block, fr
from zkroll.algebra.msm import msm_g1
from zkroll.algebra.ntt import evaluate
from zkroll.algebra.ptau import import_ptau
from zkroll.algebra.reference import curve as reference
from zkroll.algebra.reference.pairing import pairing_product_is_one
from zkroll.algebra.srs import SRS, check, development_srs, load, make_srs, save
from zkroll.errors import InputError

__all__ = [
    "SRS",
    "check",
    "commit",
    "development_srs",
    "import_ptau",
    "load",
    "make_srs",
    "open_single",
    "save",
    "verify_single",
]


def commit(srs: SRS, coefficients: Block, n: int, threads: int | None = None) -> Point:
    """Return Σ coefficients[i]·[τ^i]₁ over the first n coefficients, an Fr block array.

    Raises InputError when the string has fewer than n powers.
    """
    if n > srs.n:
        raise InputError(f"commit: expected at most {srs.n} coefficients, one a power, got {n}")
    return msm_g1(srs.g1, coefficients, n, threads)


def open_single(srs: SRS, coefficients: Block, n: int, point: int) -> tuple[int, Point]:
    """Return f(point) and the commitment of (f(X) - f(point))/(X - point)."""
    values = fr.to_ints(coefficients, n)
    quotient = [0] * n
    carry = 0
    for i in range(n - 1, 0, -1):
        carry = quotient[i - 1] = (values[i] + point * carry) % R_MODULUS
    value = evaluate(coefficients[None], point)[0]
    return value, commit(srs, fr.from_ints(quotient), n)


def verify_single(srs: SRS, commitment: Point, point: int, value: int, proof: Point) -> bool:
    """Return whether e(C - [value]₁ + point·W, [1]₂) = e(W, [τ]₂): an opening made by `open_single`.

    False for points off the curve and for a point or value outside [0, r).
    """
    if not (0 <= point < R_MODULUS and 0 <= value < R_MODULUS):
        return False
    if not (reference.is_on_curve(commitment) and reference.is_on_curve(proof)):
        return False
    left = reference.add(commitment, reference.multiply(GENERATOR, -value))
    left = reference.add(left, reference.multiply(proof, point))
    return pairing_product_is_one([(left, srs.g2[0]), (reference.negate(proof), srs.g2[1])])
