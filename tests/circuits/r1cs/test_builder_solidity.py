"""Circuits built here, up to the last level: the Solidity verifier on an EVM in this process."""

from __future__ import annotations

import doctest

import pytest

from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.reference.poseidon import poseidon_hash as plain_poseidon
from zkroll.circuits.r1cs.builder import Builder, compile_circuit
from zkroll.circuits.r1cs.gadgets.bits import range_check
from zkroll.circuits.r1cs.gadgets.poseidon import poseidon_hash
from zkroll.errors import ConstraintViolation, InputError
from zkroll.rollup.testing import Case, Groth16Level, SolidityLevel, check_circuit, levels
from zkroll.rollup.testing.chain import LocalChain


def preimage(c: Builder) -> None:
    x = c.private_input("x")
    range_check(c, x, 16)
    c.output("h", poseidon_hash(c, [x, c.public_input("salt")]))


def square(c: Builder) -> None:
    x = c.private_input("x")
    c.output("y", x * x)


def squares(c: Builder) -> None:
    x = c.private_input("x")
    c.output("y", x * x)
    c.output("z", x * x * x)


HONEST = Case({"x": 77, "salt": 5}, {"h": plain_poseidon([77, 5])})


def test_a_circuit_climbs_to_the_contract() -> None:
    circuit = check_circuit(
        preimage,
        valid=[HONEST, {"x": 0, "salt": R - 1}],
        invalid=[{"x": 1 << 16, "salt": 5}, Case(HONEST.inputs, tamper={"h": 3})],
    )
    assert circuit.r1cs.n_public == 2


def test_a_circuit_without_public_values_climbs_too() -> None:
    def define(c: Builder) -> None:
        x = c.private_input("x")
        c.assert_equal(x * x, 49)

    check_circuit(define, valid=[{"x": 7}, {"x": R - 7}], invalid=[{"x": 8}])


def test_the_climb_stops_where_it_is_told(monkeypatch) -> None:
    asked: list[str] = []
    for level in (Groth16Level, SolidityLevel):
        monkeypatch.setattr(level, "accepts", lambda self, circuit, witness: not asked.append(self.name))
    for last, expected in {
        "r1cs": [],
        "groth16": ["groth16"],
        "solidity": ["groth16", "solidity"],
        "all": ["groth16", "solidity"],
    }.items():
        asked.clear()
        check_circuit(preimage, valid=[HONEST], levels=last)
        assert asked == expected
    asked.clear()
    check_circuit(preimage, valid=[HONEST], levels=[SolidityLevel()])
    assert asked == ["solidity"]
    with pytest.raises(InputError, match="levels: expected r1cs, groth16, solidity, all or a list"):
        check_circuit(preimage, valid=[HONEST], levels="evm")


@pytest.mark.parametrize("level", [Groth16Level, SolidityLevel])
def test_what_is_wrong_at_a_level_is_named(level, monkeypatch) -> None:
    """Verifiers that take everything, and that refuse everything: the case, the level and the reason."""
    place = "zkroll.rollup.testing.levels.verify"
    if level is SolidityLevel:
        place = "zkroll.rollup.testing.chain.DeployedVerifier.accepts"
    broken = Case({"x": 3}, tamper={"y": 10})
    monkeypatch.setattr(place, lambda *_: True)
    with pytest.raises(ConstraintViolation) as caught:
        check_circuit(squares, [{"x": 3}], levels=[level()])
    reason = "public value 0: expected the proof to hold for 9 only, got 10 accepted too"
    assert str(caught.value) == f"valid case 0: {level.name}: {reason}"
    monkeypatch.setattr("zkroll.rollup.testing.levels.other_statements", lambda _: [])
    with pytest.raises(ConstraintViolation) as caught:
        check_circuit(squares, [{"x": 3}], [broken], levels=[level()])
    assert str(caught.value) == f"invalid case 0: {level.name}: expected refusal, got acceptance"
    monkeypatch.setattr(place, lambda *_: False)
    with pytest.raises(ConstraintViolation) as caught:
        check_circuit(squares, [{"x": 3}], [broken], levels=[level()])
    assert str(caught.value) == f"valid case 0: {level.name}: expected acceptance, got refusal"


def test_the_largest_public_value_has_a_neighbour() -> None:
    def define(c: Builder) -> None:
        x = c.public_input("x")
        c.assert_equal(x * x, 1)

    check_circuit(define, valid=[{"x": R - 1}, {"x": 1}], invalid=[{"x": 2}])


@pytest.mark.slow
def test_an_independent_machine_agrees() -> None:
    """py-evm's own precompiles instead of zkroll's, which the level takes for their speed."""
    circuit = compile_circuit(square)
    level = SolidityLevel(chain=LocalChain("py-evm"))
    assert level.accepts(circuit, circuit.witness({"x": 3}))
    assert not level.accepts(circuit, circuit.witness({"x": 3}, {"y": 10}))


def test_the_example_in_the_documentation_runs() -> None:
    assert doctest.testmod(levels).failed == 0
