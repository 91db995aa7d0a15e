"""Tests of a circuit written in Python, with the pytest plugin that zkroll installs. Copy this file and run pytest.

Every proof goes before the Python verifier and, through `l1`, before the exported Solidity contract on an EVM in
this process.
"""

import pytest

from zkroll.circuits.r1cs.builder import Builder
from zkroll.circuits.r1cs.gadgets.bits import range_check
from zkroll.circuits.r1cs.gadgets.compare import assert_nonzero
from zkroll.rollup.testing import Case, assert_proves, assert_rejects, check_circuit


def multiplier(c: Builder) -> None:
    """n = p * q with p and q of 32 bits, neither of them 1: whoever proves it knows factors of n."""
    p, q = c.private_input("p"), c.private_input("q")
    for name, factor in (("p", p), ("q", q)):
        range_check(c, factor, 32, f"{name} has 32 bits")
        assert_nonzero(c, factor - 1, f"{name} is not 1")
    c.output("n", p * q)


@pytest.fixture(scope="session")
def zkroll_circuit():
    return multiplier


def test_every_level():
    check_circuit(
        multiplier,
        valid=[Case({"p": 3, "q": 11}, outputs={"n": 33})],
        invalid=[{"p": 1, "q": 33}, {"p": 1 << 32, "q": 2}, Case({"p": 3, "q": 11}, tamper={"n": 34})],
    )


def test_factors_are_proven(zkroll_prover, zkroll_l1):
    assert_proves(zkroll_prover, {"p": 3, "q": 11}, outputs={"n": 33}, l1=zkroll_l1)


def test_one_is_no_factor(zkroll_prover, zkroll_l1):
    assert_rejects(zkroll_prover, {"p": 1, "q": 33}, l1=zkroll_l1, match="p is not 1")


def test_a_dishonest_prover_cannot_claim_another_product(zkroll_prover, zkroll_l1):
    assert_rejects(zkroll_prover, {"p": 3, "q": 11}, tamper={"n": 34}, l1=zkroll_l1)


def test_a_proof_is_for_its_product_alone(zkroll_prover, zkroll_verifier, zkroll_l1):
    proven = zkroll_prover.prove({"p": 3, "q": 11})
    assert_rejects(zkroll_verifier, proven, public=[35], l1=zkroll_l1)
    other = zkroll_prover.prove({"p": 5, "q": 7})
    assert_rejects(zkroll_verifier, proven, proof=other.proof, l1=zkroll_l1)
