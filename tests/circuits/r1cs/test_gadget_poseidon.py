"""Poseidon in a circuit, against the plain one."""

from __future__ import annotations

import pytest
from support.r1cs import check_constraints, survivors

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.reference.poseidon import PARTIAL_ROUNDS
from zkroll.algebra.reference.poseidon import poseidon_hash as expected_hash
from zkroll.algebra.reference.poseidon import poseidon_permutation as expected_permutation
from zkroll.circuits.r1cs.builder import Builder, compile_circuit
from zkroll.circuits.r1cs.check import Case
from zkroll.circuits.r1cs.gadgets.poseidon import poseidon_hash, poseidon_permutation
from zkroll.errors import InputError


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 6, 9, 16])
def test_hashes_equal_circomlibs_with_as_many_constraints(k: int) -> None:
    def define(c: Builder) -> None:
        c.assert_equal(poseidon_hash(c, c.private_inputs("x", k)), c.private_input("h"))

    circuit = compile_circuit(define)
    assert circuit.r1cs.n_constraints == 3 * (8 * (k + 1) + PARTIAL_ROUNDS[k + 1] - 1) + 1
    for x in ([0] * k, [R_MODULUS - 1 - i for i in range(k)]):
        witness = circuit.witness({"x": x, "h": expected_hash(x)})
        circuit.check(witness)
        assert circuit.first_violation(circuit.witness({"x": x, "h": expected_hash(x) ^ 1})) is not None


def test_no_wire_of_a_hash_is_free() -> None:
    circuit = check_constraints(
        lambda c: c.output("h", poseidon_hash(c, c.private_inputs("x", 2))),
        valid=[Case({"x": [1, 2]}, {"h": expected_hash([1, 2])}), {"x": [0, 0]}],
        invalid=[Case({"x": [1, 2]}, tamper={"h": 0})],
    )
    assert not survivors(circuit, circuit.witness({"x": [1, 2]}))


def test_permutations_equal_the_plain_one() -> None:
    state = [5, R_MODULUS - 1, 0]
    circuit = compile_circuit(lambda c: c.outputs("s", poseidon_permutation(c, c.private_inputs("x", 3))))
    assert circuit.outputs(circuit.witness({"x": state})) == {"s": expected_permutation(state)}


def test_constants_are_hashed_without_constraints() -> None:
    c = Builder()
    assert poseidon_hash(c, [1, 2]).constant == expected_hash([1, 2])
    assert not c.constraints


@pytest.mark.parametrize("k", [0, 17])
def test_other_counts_of_inputs_are_refused(k: int) -> None:
    c = Builder()
    with pytest.raises(InputError, match="expected 1 to 16 inputs"):
        poseidon_hash(c, c.private_inputs("x", k))
