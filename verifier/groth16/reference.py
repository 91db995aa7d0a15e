"""The verifier on plain integers with py_ecc's pairing: short enough to be read, and slow (some 0.5 s)."""

from __future__ import annotations

from collections.abc import Sequence

from zkroll.algebra.reference import curve
from zkroll.algebra.reference.pairing import is_in_g2, pairing_product_is_one
from zkroll.errors import InputError
from zkroll.verifier.groth16.key import VerifyingKey
from zkroll.verifier.groth16.proof import Proof
from zkroll.verifier.groth16.verify import check_public


def verify_reference(key: VerifyingKey, public: Sequence[int], proof: Proof) -> bool:
    """Return what `verify` does, and raise InputError where it does."""
    values = check_public(key, public)
    held = {"proof: B": proof.b, "beta_2": key.beta_2, "gamma_2": key.gamma_2, "delta_2": key.delta_2}
    for place, q in held.items():
        if not is_in_g2(q):
            raise InputError(f"{place}: expected a point of order r, got one outside G2")
    L = key.ic[0]
    for x, point in zip(values, key.ic[1:], strict=True):
        L = curve.add(L, curve.multiply(point, x))
    return pairing_product_is_one(
        [
            (curve.negate(proof.a), proof.b),
            (key.alpha_1, key.beta_2),
            (L, key.gamma_2),
            (proof.c, key.delta_2),
        ]
    )
