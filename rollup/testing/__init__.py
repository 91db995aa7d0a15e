"""Test circuits, proofs and verifiers: at every level up to the Solidity contract, and in pytest.

`check_circuit` is for circuits of the builder; `assert_proves` and `assert_rejects` are for tests of your own,
with the fixtures of `zkroll.rollup.testing.plugin`, which pytest loads by itself. Everything here works with
circuits of the builder and with files of circom and snarkjs. Names are imported when they are used, so that the
plugin costs nothing at the start of pytest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from zkroll.circuits.r1cs.check import Case as Case
    from zkroll.rollup.testing.chain import DeployedVerifier as DeployedVerifier
    from zkroll.rollup.testing.chain import LocalChain as LocalChain
    from zkroll.rollup.testing.levels import Groth16Level as Groth16Level
    from zkroll.rollup.testing.levels import SolidityLevel as SolidityLevel
    from zkroll.rollup.testing.levels import check_circuit as check_circuit

_PLACES: Final = {
    "Case": "zkroll.circuits.r1cs.check",
    "DeployedVerifier": "zkroll.rollup.testing.chain",
    "Groth16Level": "zkroll.rollup.testing.levels",
    "LocalChain": "zkroll.rollup.testing.chain",
    "SolidityLevel": "zkroll.rollup.testing.levels",
    "check_circuit": "zkroll.rollup.testing.levels",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
