"""Rank-1 constraint systems: a builder for circuits, their constraints, and the files of circom and snarkjs.

>>> from zkroll.circuits.r1cs import Builder, Case, check_circuit
>>> from zkroll.circuits.r1cs.gadgets import poseidon_hash
>>> def commitment(c: Builder) -> None:
...     c.output("hash", poseidon_hash(c, [c.private_input("secret"), c.public_input("nonce")]))
>>> check_circuit(commitment, valid=[{"secret": 1, "nonce": 2}],
...     invalid=[Case({"secret": 1, "nonce": 2}, tamper={"hash": 3})])
Circuit of 241 constraints, 244 wires

The names below are loaded on first use. Files are read and written in `formats`, one module each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zkroll.lazy import lazy_names

if TYPE_CHECKING:
    from zkroll.circuits.r1cs.builder import Builder as Builder
    from zkroll.circuits.r1cs.builder import compile_circuit as compile_circuit
    from zkroll.circuits.r1cs.check import Case as Case
    from zkroll.circuits.r1cs.check import Level as Level
    from zkroll.circuits.r1cs.check import check_circuit as check_circuit
    from zkroll.circuits.r1cs.circuit import Circuit as Circuit
    from zkroll.circuits.r1cs.determined import check_determined as check_determined
    from zkroll.circuits.r1cs.determined import determinacy as determinacy
    from zkroll.circuits.r1cs.formats.r1cs import read_r1cs as read_r1cs
    from zkroll.circuits.r1cs.formats.r1cs import write_r1cs as write_r1cs
    from zkroll.circuits.r1cs.formats.sym import read_names as read_names
    from zkroll.circuits.r1cs.formats.wtns import read_wtns as read_wtns
    from zkroll.circuits.r1cs.formats.wtns import write_wtns as write_wtns
    from zkroll.circuits.r1cs.formats.zkey import read_zkey as read_zkey
    from zkroll.circuits.r1cs.formats.zkey import write_zkey as write_zkey
    from zkroll.circuits.r1cs.linear import LinearCombination as LinearCombination
    from zkroll.circuits.r1cs.sparse import SparseMatrix as SparseMatrix
    from zkroll.circuits.r1cs.system import R1CS as R1CS
    from zkroll.circuits.r1cs.witness_calculator import WitnessCalculator as WitnessCalculator

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "builder": ["Builder", "compile_circuit"],
        "check": ["Case", "Level", "check_circuit"],
        "circuit": ["Circuit"],
        "determined": ["check_determined", "determinacy"],
        "formats.r1cs": ["read_r1cs", "write_r1cs"],
        "formats.sym": ["read_names"],
        "formats.wtns": ["read_wtns", "write_wtns"],
        "formats.zkey": ["read_zkey", "write_zkey"],
        "linear": ["LinearCombination"],
        "sparse": ["SparseMatrix"],
        "system": ["R1CS"],
        "witness_calculator": ["WitnessCalculator"],
    },
)
