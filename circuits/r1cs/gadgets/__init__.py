"""Gadgets: what circuits are made of, one file each, with their constraints and why they are sound.

The names below are loaded on first use; `select.select`, `sha256.sha256` and the rest are in their modules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zkroll.lazy import lazy_names

if TYPE_CHECKING:
    from zkroll.circuits.r1cs.gadgets.babyjubjub import Point as Point
    from zkroll.circuits.r1cs.gadgets.babyjubjub import assert_equal_points as assert_equal_points
    from zkroll.circuits.r1cs.gadgets.babyjubjub import constant_point as constant_point
    from zkroll.circuits.r1cs.gadgets.babyjubjub import on_curve as on_curve
    from zkroll.circuits.r1cs.gadgets.babyjubjub import select_point as select_point
    from zkroll.circuits.r1cs.gadgets.bits import Bit as Bit
    from zkroll.circuits.r1cs.gadgets.bits import Unsigned as Unsigned
    from zkroll.circuits.r1cs.gadgets.bits import boolean as boolean
    from zkroll.circuits.r1cs.gadgets.bits import constant_bits as constant_bits
    from zkroll.circuits.r1cs.gadgets.bits import from_bits as from_bits
    from zkroll.circuits.r1cs.gadgets.bits import range_check as range_check
    from zkroll.circuits.r1cs.gadgets.bits import to_bits as to_bits
    from zkroll.circuits.r1cs.gadgets.bits import to_bits_canonical as to_bits_canonical
    from zkroll.circuits.r1cs.gadgets.compare import assert_less_than_constant as assert_less_than_constant
    from zkroll.circuits.r1cs.gadgets.compare import assert_nonzero as assert_nonzero
    from zkroll.circuits.r1cs.gadgets.compare import is_equal as is_equal
    from zkroll.circuits.r1cs.gadgets.compare import is_zero as is_zero
    from zkroll.circuits.r1cs.gadgets.compare import less_or_equal as less_or_equal
    from zkroll.circuits.r1cs.gadgets.compare import less_than as less_than
    from zkroll.circuits.r1cs.gadgets.eddsa import verify_eddsa as verify_eddsa
    from zkroll.circuits.r1cs.gadgets.keccak import keccak256_bytes as keccak256_bytes
    from zkroll.circuits.r1cs.gadgets.logic import all_of as all_of
    from zkroll.circuits.r1cs.gadgets.logic import and_ as and_
    from zkroll.circuits.r1cs.gadgets.logic import choose as choose
    from zkroll.circuits.r1cs.gadgets.logic import majority as majority
    from zkroll.circuits.r1cs.gadgets.logic import not_ as not_
    from zkroll.circuits.r1cs.gadgets.logic import or_ as or_
    from zkroll.circuits.r1cs.gadgets.logic import xor as xor
    from zkroll.circuits.r1cs.gadgets.mimc import mimc7 as mimc7
    from zkroll.circuits.r1cs.gadgets.mimc import mimc7_hash as mimc7_hash
    from zkroll.circuits.r1cs.gadgets.mimc import mimc_feistel as mimc_feistel
    from zkroll.circuits.r1cs.gadgets.mimc import mimc_sponge as mimc_sponge
    from zkroll.circuits.r1cs.gadgets.poseidon import poseidon_hash as poseidon_hash
    from zkroll.circuits.r1cs.gadgets.poseidon import poseidon_permutation as poseidon_permutation
    from zkroll.circuits.r1cs.gadgets.scalar_mul import LargePoint as LargePoint
    from zkroll.circuits.r1cs.gadgets.scalar_mul import clear_cofactor as clear_cofactor
    from zkroll.circuits.r1cs.gadgets.scalar_mul import multiply as multiply
    from zkroll.circuits.r1cs.gadgets.scalar_mul import multiply_base as multiply_base
    from zkroll.circuits.r1cs.gadgets.scalar_mul import multiply_large as multiply_large
    from zkroll.circuits.r1cs.gadgets.select import lookup as lookup
    from zkroll.circuits.r1cs.gadgets.select import mux as mux
    from zkroll.circuits.r1cs.gadgets.select import swap as swap
    from zkroll.circuits.r1cs.gadgets.sha256 import sha256_bytes as sha256_bytes
    from zkroll.circuits.r1cs.gadgets.smt import leaf_hash as leaf_hash
    from zkroll.circuits.r1cs.gadgets.smt import process_smt as process_smt
    from zkroll.circuits.r1cs.gadgets.smt import verify_smt as verify_smt

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "babyjubjub": ["Point", "assert_equal_points", "constant_point", "on_curve", "select_point"],
        "bits": [
            "Bit",
            "Unsigned",
            "boolean",
            "constant_bits",
            "from_bits",
            "range_check",
            "to_bits",
            "to_bits_canonical",
        ],
        "compare": [
            "assert_less_than_constant",
            "assert_nonzero",
            "is_equal",
            "is_zero",
            "less_or_equal",
            "less_than",
        ],
        "eddsa": ["verify_eddsa"],
        "keccak": ["keccak256_bytes"],
        "logic": ["all_of", "and_", "choose", "majority", "not_", "or_", "xor"],
        "mimc": ["mimc7", "mimc7_hash", "mimc_feistel", "mimc_sponge"],
        "poseidon": ["poseidon_hash", "poseidon_permutation"],
        "scalar_mul": ["LargePoint", "clear_cofactor", "multiply", "multiply_base", "multiply_large"],
        "select": ["lookup", "mux", "swap"],
        "sha256": ["sha256_bytes"],
        "smt": ["leaf_hash", "process_smt", "verify_smt"],
    },
)
