"""BN254 in vectors: fields, both groups, transforms, multi-scalar multiplication, pairing and hashes.

The names below are loaded on first use, so importing the package costs nothing. `ntt`, `group_ntt`, `pairing`,
`kzg` and the other modules are used by their own names.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zkroll.algebra.field import fq, fr
    from zkroll.algebra.fixed_base import fixed_base_g1, fixed_base_g2
    from zkroll.algebra.group_ntt import lagrange_basis
    from zkroll.algebra.keccak import keccak256, keccak256_many
    from zkroll.algebra.merkle import MerkleTree, verify_path, verify_paths
    from zkroll.algebra.msm import msm_g1, msm_g1_many, msm_g2
    from zkroll.algebra.pairing import pairing_product_is_one, pairing_products_are_one
    from zkroll.algebra.points import G1Points, G2Points
    from zkroll.algebra.poseidon import poseidon_hash
    from zkroll.algebra.sha256 import sha256_many
    from zkroll.algebra.vector import FqVector, FrVector

__all__ = [
    "FqVector",
    "FrVector",
    "G1Points",
    "G2Points",
    "MerkleTree",
    "fixed_base_g1",
    "fixed_base_g2",
    "fq",
    "fr",
    "keccak256",
    "keccak256_many",
    "lagrange_basis",
    "msm_g1",
    "msm_g1_many",
    "msm_g2",
    "pairing_product_is_one",
    "pairing_products_are_one",
    "poseidon_hash",
    "sha256_many",
    "verify_path",
    "verify_paths",
]

_HOMES = {
    "FqVector": "vector",
    "FrVector": "vector",
    "G1Points": "points",
    "G2Points": "points",
    "MerkleTree": "merkle",
    "fixed_base_g1": "fixed_base",
    "fixed_base_g2": "fixed_base",
    "fq": "field",
    "fr": "field",
    "keccak256": "keccak",
    "keccak256_many": "keccak",
    "lagrange_basis": "group_ntt",
    "msm_g1": "msm",
    "msm_g1_many": "msm",
    "msm_g2": "msm",
    "pairing_product_is_one": "pairing",
    "pairing_products_are_one": "pairing",
    "poseidon_hash": "poseidon",
    "sha256_many": "sha256",
    "verify_path": "merkle",
    "verify_paths": "merkle",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
