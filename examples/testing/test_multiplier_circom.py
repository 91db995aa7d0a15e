"""Tests of a circom circuit, with the pytest plugin that zkroll installs. Copy this file and run pytest.

The circuit's files lie in the folder `build` beside it. To make them:

    circom multiplier.circom --r1cs --wasm --sym -o build
    zkroll ptau new 4 build/0.ptau
    zkroll ptau contribute build/0.ptau build/1.ptau --name someone
    zkroll ptau prepare build/1.ptau build/p.ptau
    zkroll zkey new build/multiplier.r1cs build/p.ptau build/0.zkey
    zkroll zkey contribute build/0.zkey build/multiplier.zkey --name someone
"""

from pathlib import Path

import pytest

from zkroll.rollup.testing import CircomFiles, assert_proves, assert_rejects

BUILD = Path(__file__).parent / "build"


@pytest.fixture(scope="session")
def zkroll_circuit():
    return CircomFiles(
        zkey=BUILD / "multiplier.zkey",
        wasm=BUILD / "multiplier_js/multiplier.wasm",
        r1cs=BUILD / "multiplier.r1cs",
        sym=BUILD / "multiplier.sym",
    )


def test_factors_are_proven(zkroll_prover, zkroll_l1):
    assert_proves(zkroll_prover, {"p": "3", "q": "11"}, outputs={"n": 33}, l1=zkroll_l1)


def test_one_is_no_factor(zkroll_prover, zkroll_l1):
    assert_rejects(zkroll_prover, {"p": "1", "q": "33"}, l1=zkroll_l1, match="assert failed")


def test_a_dishonest_prover_cannot_claim_another_product(zkroll_prover, zkroll_l1):
    assert_rejects(zkroll_prover, {"p": 3, "q": 11}, tamper={"n": 34}, l1=zkroll_l1, match="n = 34")


def test_a_proof_is_for_its_product_alone(zkroll_prover, zkroll_verifier, zkroll_l1):
    proven = zkroll_prover.prove({"p": 3, "q": 11})
    assert_rejects(zkroll_verifier, proven, public=[35], l1=zkroll_l1)
