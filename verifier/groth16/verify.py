"""Verification with the pairing kernels: e(A, B) = e([α]₁, [β]₂)·e(L, [γ]₂)·e(C, [δ]₂), L = ic_0 + Σ x_i·ic_i."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

import numpy as np

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.algebra.curve import G1Points, G2Point, G2Points, Point, combination, is_in_subgroup, multiply
from zkroll.algebra.field import fr
from zkroll.algebra.kernels.emit import Backend
from zkroll.algebra.msm import msm_g1
from zkroll.algebra.pairing import pairing_product_is_one
from zkroll.errors import InputError
from zkroll.verifier.groth16.key import VerifyingKey
from zkroll.verifier.groth16.proof import Proof

COMBINER_BITS = 128

_FEW = 128  # points whose multiples are added faster than buckets are


def check_public(key: VerifyingKey, public: Sequence[int], place: str = "public inputs") -> list[int]:
    """Return the public inputs if they are as many integers in 0..r-1 as the key has; raises InputError."""
    values = list(public)
    if len(values) != key.n_public:
        raise InputError(f"{place}: expected {key.n_public}, got {len(values)}")
    for i, value in enumerate(values):
        if type(value) is not int or not 0 <= value < R_MODULUS:
            got = hex(value) if isinstance(value, int) else type(value).__name__
            raise InputError(f"{place}: input {i}: expected an integer in 0..r-1, got {got}")
    return values


def verify(key: VerifyingKey, public: Sequence[int], proof: Proof, *, backend: Backend | None = None) -> bool:
    """Return whether the proof shows that there is a witness for these public inputs.

    Raises InputError for public inputs that are too few, too many or not below r, and for a B outside G2.
    """
    values = check_public(key, public)
    L = _sum(key.ic_points, [1, *values], backend)
    pairs = [
        (_negated(proof.a), proof.b),
        (key.alpha_1, key.beta_2),
        (L, key.gamma_2),
        (proof.c, key.delta_2),
    ]
    return _is_one(pairs, [proof], lambda _: "proof: B", backend)


def verify_batch(
    key: VerifyingKey,
    items: Sequence[tuple[Sequence[int], Proof]],
    *,
    threads: int | None = None,
    backend: Backend | None = None,
) -> bool:
    """Return whether all proofs (public inputs, proof) are valid; a false yes has a chance below 2^-127.

    With fresh random ρ_k of 128 bits, Π e(ρ_k·A_k, B_k) = e((Σρ_k)·[α]₁, [β]₂)·e(Σρ_k·L_k, [γ]₂)·e(Σρ_k·C_k, [δ]₂).
    Raises InputError as `verify` does, with the number of the proof, and for no proofs at all.
    """
    if not items:
        raise InputError("verify_batch: expected at least one proof, got none")
    publics = [check_public(key, public, f"proof {k}: public inputs") for k, (public, _) in enumerate(items)]
    proofs = [proof for _, proof in items]
    rho = [1 + secrets.randbelow((1 << COMBINER_BITS) - 1) for _ in proofs]
    total = sum(rho)
    inputs = [total % R_MODULUS]
    for column in zip(*publics, strict=True):
        inputs.append(sum(x * y for x, y in zip(rho, column, strict=True)) % R_MODULUS)
    turned = multiply(G1Points.from_ints(_negated(proof.a) for proof in proofs), rho, threads, backend)
    pairs = [
        *zip(turned.to_ints(), (proof.b for proof in proofs), strict=True),
        (_sum(G1Points.from_ints([key.alpha_1]), [total % R_MODULUS], backend), key.beta_2),
        (_sum(key.ic_points, inputs, backend), key.gamma_2),
        (_sum(G1Points.from_ints(proof.c for proof in proofs), rho, backend), key.delta_2),
    ]
    return _is_one(pairs, proofs, lambda k: f"proof {k}: B", backend, threads)


def _is_one(
    pairs: Sequence[tuple[Point, G2Point]],
    proofs: Sequence[Proof],
    place: Callable[[int], str],
    backend: Backend | None,
    threads: int | None = None,
) -> bool:
    try:
        return pairing_product_is_one(pairs, threads=threads, backend=backend)
    except InputError as error:
        # all points but B have been found in their groups before
        in_group = is_in_subgroup(G2Points.from_ints(proof.b for proof in proofs), threads, backend)
        if in_group.all():
            raise
        where = place(int(np.argmin(in_group)))
        raise InputError(f"{where}: expected a point of order r, got one outside G2") from error


def _sum(points: G1Points, scalars: Sequence[int], backend: Backend | None) -> Point:
    if points.n <= _FEW:
        return combination(points, scalars, backend=backend)[0]
    return msm_g1(points, fr.from_ints(scalars), backend=backend)


def _negated(point: Point) -> Point:
    return None if point is None else (point[0], -point[1] % Q_MODULUS)
