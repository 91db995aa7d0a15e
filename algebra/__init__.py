"""BN254 in vectors: fields, both groups, transforms, multi-scalar multiplication, pairing and hashes.

The names below are loaded on first use, so importing the package costs nothing. `ntt`, `group_ntt`, `pairing`,
`kzg` and the other modules are used by their own names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zkroll.lazy import lazy_names

if TYPE_CHECKING:
    from zkroll.algebra.field import fq as fq
    from zkroll.algebra.field import fr as fr
    from zkroll.algebra.fixed_base import fixed_base_g1 as fixed_base_g1
    from zkroll.algebra.fixed_base import fixed_base_g2 as fixed_base_g2
    from zkroll.algebra.group_ntt import lagrange_basis as lagrange_basis
    from zkroll.algebra.keccak import keccak256 as keccak256
    from zkroll.algebra.keccak import keccak256_many as keccak256_many
    from zkroll.algebra.merkle import MerkleTree as MerkleTree
    from zkroll.algebra.merkle import verify_path as verify_path
    from zkroll.algebra.merkle import verify_paths as verify_paths
    from zkroll.algebra.msm import msm_g1 as msm_g1
    from zkroll.algebra.msm import msm_g1_many as msm_g1_many
    from zkroll.algebra.msm import msm_g2 as msm_g2
    from zkroll.algebra.pairing import pairing_product_is_one as pairing_product_is_one
    from zkroll.algebra.pairing import pairing_products_are_one as pairing_products_are_one
    from zkroll.algebra.points import G1Points as G1Points
    from zkroll.algebra.points import G2Points as G2Points
    from zkroll.algebra.poseidon import poseidon_hash as poseidon_hash
    from zkroll.algebra.sha256 import sha256_many as sha256_many
    from zkroll.algebra.vector import FqVector as FqVector
    from zkroll.algebra.vector import FrVector as FrVector

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "field": ["fq", "fr"],
        "fixed_base": ["fixed_base_g1", "fixed_base_g2"],
        "group_ntt": ["lagrange_basis"],
        "keccak": ["keccak256", "keccak256_many"],
        "merkle": ["MerkleTree", "verify_path", "verify_paths"],
        "msm": ["msm_g1", "msm_g1_many", "msm_g2"],
        "pairing": ["pairing_product_is_one", "pairing_products_are_one"],
        "points": ["G1Points", "G2Points"],
        "poseidon": ["poseidon_hash"],
        "sha256": ["sha256_many"],
        "vector": ["FqVector", "FrVector"],
    },
)
