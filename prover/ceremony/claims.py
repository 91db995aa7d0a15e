"""What ceremonies claim, that points were multiplied by one secret, and how pairings check it.

e(a_1, b_2) = e(b_1, a_2) holds exactly if the factor from a_1 to b_1 is that from a_2 to b_2, of points of order r
other than infinity. Many claims of one factor are one: Σ ρ_i·a_i and Σ ρ_i·b_i for random ρ_i of 128 bits, which a
false one among them passes with probability 2^-128.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.curve import (
    GENERATOR,
    GENERATOR_G2,
    G1Points,
    G2Point,
    G2Points,
    Point,
    is_in_subgroup,
)
from zkroll.algebra.pairing import pairing_products_are_one
from zkroll.algebra.reference.curve import negate
from zkroll.errors import VerificationError

Words = NDArray[np.uint64]

WEIGHT_WORDS = 2  # of 64 bits


@dataclass(frozen=True)
class Claim:
    """That b_1 = x·a_1 and b_2 = x·a_2 for one x other than zero; `text` says what is wrong if not."""

    text: str
    a_1: Point
    b_1: Point
    a_2: G2Point
    b_2: G2Point


def require(place: str, claims: Sequence[Claim], threads: int | None = None) -> None:
    """Raise VerificationError with the first claim that does not hold, or whose points are not of the groups."""
    if not claims:
        return
    g1 = G1Points.from_ints(point for claim in claims for point in (claim.a_1, claim.b_1))
    g2 = G2Points.from_ints(point for claim in claims for point in (claim.a_2, claim.b_2))
    good = is_in_subgroup(g1, threads) & is_in_subgroup(g2, threads)
    good &= g1.rows.any(axis=1) & g2.rows.any(axis=1)
    usable = [bool(pair.all()) for pair in good.reshape(-1, 2)]
    groups = [
        [(claim.a_1, claim.b_2), (negate(claim.b_1), claim.a_2)] if use else [(GENERATOR, GENERATOR_G2)]
        for claim, use in zip(claims, usable, strict=True)
    ]
    for claim, holds in zip(claims, pairing_products_are_one(groups, threads=threads), strict=True):
        if not holds:
            raise VerificationError(f"{place}: {claim.text}")


def random_weights(n: int) -> Words:
    """Return n random factors of 128 bits, (n, WEIGHT_WORDS), which nobody could foresee."""
    words = np.frombuffer(secrets.token_bytes(8 * WEIGHT_WORDS * n), dtype="<u8")
    return words.astype(np.uint64).reshape(n, WEIGHT_WORDS)
