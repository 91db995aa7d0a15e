"""Powers of tau whose largest Lagrange basis hides a point, and the forgery that it is for.

The quotient of Groth16 has degree n - 2 at most, so the n points H_j = [L_(2j+1)(τ)/δ]₁ may have ω^(2j+1)·P added
to them without any honest proof noticing it: no comparison with the powers τ^i, i < 2n - 1, does either. Whoever
prepares the powers chooses P; after all honest contributions, Σ_j ω^-(2j+1)·H_j gives them n·P/δ, the C of a false
proof.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from support.section_files import content, with_section
from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.constants import root_of_unity
from zkroll.algebra.curve import GENERATOR, GENERATOR_G2, G1Points, G2Points
from zkroll.algebra.field import fr
from zkroll.algebra.msm import msm_g1, msm_g2
from zkroll.algebra.ptau import TAU_G1, open_ptau
from zkroll.circuits.r1cs.formats.zkey import ZKey, read_zkey
from zkroll.verifier.groth16 import Proof

SHIFTS = (5, 7)  # A = α + 5, B = β + 7


def combined(points, scalars):
    """Σ scalars[i]·points[i] of a few points of G1."""
    return msm_g1(G1Points.from_ints(points), fr.from_ints([s % R for s in scalars]))


def _added(octets, point, factors):
    """The points, in the form of files, with factors[j]·point added to each."""
    old = G1Points.from_bytes(octets, "iden3").to_ints()
    new = [combined([p, point], [1, factor]) for p, factor in zip(old, factors, strict=True)]
    return G1Points.from_ints(new).to_bytes("iden3")


def hidden_point(first: ZKey, powers, public):
    """P such that n·P is C·δ of the false proof, and what an honest basis itself gives is taken away."""
    n, (a, b) = first.domain_size, SHIFTS
    known = G1Points.from_bytes(open_ptau(powers).octets(TAU_G1, n - 1, 1), "iden3")[0]
    half = pow(2, -1, R)
    points = [first.alpha1, first.beta1, GENERATOR, *first.ic, known]
    wanted = [b, a, a * b, -1, *(-x for x in public), half]
    return combined(points, [value * pow(n, -1, R) for value in wanted])


def with_hidden_point(data: bytes, power: int, point) -> bytes:
    """A prepared .ptau file of this power that hides the point in its largest basis."""
    n = 2 << power
    old, begin = content(data, 12), (n - 1) * 64
    root = root_of_unity(power + 1)
    return with_section(
        data, 12, old[:begin] + _added(old[begin:], point, [pow(root, j, R) for j in range(n)])
    )


def with_hidden_point_in_key(first: ZKey, point) -> ZKey:
    """A first key whose H hides the point."""
    root = root_of_unity(first.power + 1)
    octets = _added(first.h, point, [pow(root, 2 * j + 1, R) for j in range(first.domain_size)])
    return dataclasses.replace(first, h=np.frombuffer(octets, np.uint8).reshape(first.h.shape))


def forged(path) -> Proof:
    """The false proof for a key that was made from such powers and contributed to by others."""
    key = read_zkey(path)
    root, (a, b) = root_of_unity(key.power + 1), SHIFTS
    h = G1Points.from_bytes(key.h, "iden3").to_ints()
    C = combined(h, [pow(root, -(2 * j + 1), R) for j in range(len(h))])
    B = msm_g2(G2Points.from_ints([key.beta2, GENERATOR_G2]), fr.from_ints([1, b]))
    return Proof(combined([key.alpha1, GENERATOR], [1, a]), B, C)
