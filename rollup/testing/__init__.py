"""Test circuits, proofs and verifiers: at every level up to the Solidity contract, and in pytest.

`check_circuit` is for circuits of the builder; `assert_proves` and `assert_rejects` are for tests of your own,
with the fixtures of `zkroll.rollup.testing.plugin`, which pytest loads by itself. Everything here works with
circuits of the builder and with files of circom and snarkjs. Names are imported when they are used, so that the
plugin costs nothing at the start of pytest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zkroll.lazy import lazy_names

if TYPE_CHECKING:
    from zkroll.circuits.r1cs.check import Case as Case
    from zkroll.circuits.r1cs.check import check_circuit as check_circuit
    from zkroll.rollup.testing.assertions import assert_proves as assert_proves
    from zkroll.rollup.testing.assertions import assert_rejects as assert_rejects
    from zkroll.rollup.testing.batches import assert_batch_proves as assert_batch_proves
    from zkroll.rollup.testing.batches import assert_batch_rejects as assert_batch_rejects
    from zkroll.rollup.testing.chain import DeployedVerifier as DeployedVerifier
    from zkroll.rollup.testing.chain import LocalChain as LocalChain
    from zkroll.rollup.testing.levels import Groth16Level as Groth16Level
    from zkroll.rollup.testing.levels import SolidityLevel as SolidityLevel
    from zkroll.rollup.testing.provers import CircomFiles as CircomFiles
    from zkroll.rollup.testing.provers import CircomProver as CircomProver
    from zkroll.rollup.testing.provers import CircuitProver as CircuitProver
    from zkroll.rollup.testing.provers import Proven as Proven
    from zkroll.rollup.testing.provers import Prover as Prover
    from zkroll.rollup.testing.provers import prover_of as prover_of
    from zkroll.rollup.testing.verifiers import Verifier as Verifier

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "assertions": ["assert_proves", "assert_rejects"],
        "batches": ["assert_batch_proves", "assert_batch_rejects"],
        "chain": ["DeployedVerifier", "LocalChain"],
        "levels": ["Groth16Level", "SolidityLevel"],
        "provers": ["CircomFiles", "CircomProver", "CircuitProver", "Proven", "Prover", "prover_of"],
        "verifiers": ["Verifier"],
        "zkroll.circuits.r1cs.check": ["Case", "check_circuit"],
    },
)
