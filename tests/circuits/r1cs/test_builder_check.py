"""check_circuit and the search for under-determined outputs."""

from __future__ import annotations

from typing import Any

import pytest
from support.r1cs import check_constraints

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.builder import Builder, compile_circuit
from zkroll.circuits.r1cs.check import Case
from zkroll.circuits.r1cs.circuit import Circuit
from zkroll.circuits.r1cs.determined import check_determined, determinacy
from zkroll.circuits.r1cs.gadgets.bits import boolean, weighted
from zkroll.circuits.r1cs.gadgets.compare import is_zero
from zkroll.errors import ConstraintViolation, InputError


def cube(c: Builder) -> None:
    x = c.private_input("x")
    c.output("y", c.product(x * x, x))


def test_valid_and_invalid_cases_pass() -> None:
    circuit = check_constraints(cube, valid=[{"x": 0}, Case({"x": 3}, outputs={"y": 27})], invalid=[
        Case({"x": 3}, tamper={"y": 28}), Case({"x": 3}, tamper={"wire#2": 8}),
    ])  # fmt: skip
    assert circuit.r1cs.n_constraints == 2


def test_a_wrong_expectation_is_told() -> None:
    with pytest.raises(ConstraintViolation, match="valid case 1: y: expected 26, got 27"):
        check_constraints(cube, valid=[{"x": 1}, Case({"x": 3}, outputs={"y": 26})])
    with pytest.raises(ConstraintViolation, match="invalid case 0: expected a broken constraint"):
        check_constraints(cube, invalid=[{"x": 1}])
    with pytest.raises(ConstraintViolation, match="valid case 0: product"):
        check_constraints(cube, valid=[Case({"x": 3}, tamper={"y": 2})])


@pytest.mark.parametrize(
    "cases",
    [
        {},
        {"valid": []},
        {"valid": [], "invalid": ()},
        {"valid": {"x": 3}},
        {"valid": Case({"x": 3})},
        {"invalid": {"x": 3}},
        {"valid": ["x"]},
        {"invalid": [None]},
    ],
)
def test_nothing_to_check_is_no_check(cases: dict[str, Any]) -> None:
    with pytest.raises(
        InputError, match=r"expected (a valid or an invalid case|a list of cases|inputs by name)"
    ):
        check_constraints(cube, **cases)


class _Refusing:
    name = "refusing"

    def accepts(self, circuit: Circuit, witness: FrVector) -> bool:
        return False


class _Accepting:
    name = "accepting"

    def accepts(self, circuit: Circuit, witness: FrVector) -> bool:
        return True


def test_levels_are_asked_about_every_case() -> None:
    with pytest.raises(ConstraintViolation, match="valid case 0: refusing: expected acceptance"):
        check_constraints(cube, valid=[{"x": 1}], levels=[_Accepting(), _Refusing()])
    with pytest.raises(ConstraintViolation, match="invalid case 0: accepting: expected refusal"):
        check_constraints(cube, invalid=[Case({"x": 1}, tamper={"y": 2})], levels=[_Refusing(), _Accepting()])


def test_a_free_output_is_found_with_a_second_witness() -> None:
    def circuit(c: Builder) -> None:
        x = c.private_input("x")
        q, rest = c.hint(lambda v: [v // 10, v % 10], [x], 2, "split")
        c.assert_equal(10 * q + rest, x)  # no range for the remainder
        c.output("rest", rest)

    compiled = compile_circuit(circuit)
    found = determinacy(compiled, {"x": 42})
    assert found.moved == ("rest",)
    assert found.second is not None
    compiled.check(found.second)
    assert found.second[compiled.wire("x")] == 42
    with pytest.raises(ConstraintViolation, match="output rest: expected one value for the inputs, got two"):
        check_determined(compiled, {"x": 42})


def test_a_missing_alias_check_is_found() -> None:
    def circuit(c: Builder) -> None:
        x = c.private_input("x")
        bits = c.hint(lambda v: [v >> i & 1 for i in range(254)], [x], 254, "bits")
        for bit in bits:
            boolean(c, bit)
        c.assert_equal(weighted(c, bits), x)
        c.output("low", bits[0])

    assert determinacy(compile_circuit(circuit), {"x": 5}).moved == ("low",)


def test_the_other_square_root_is_found() -> None:
    def circuit(c: Builder) -> None:
        x = c.private_input("x")
        root = c.hint_one(lambda v: {4: 2}.get(v, 0), [x], "root")
        c.constrain(root, root, x)
        c.output("root", root)

    assert determinacy(compile_circuit(circuit), {"x": 4}).moved == ("root",)


def test_an_output_through_a_free_wire_at_zero_is_found() -> None:
    def circuit(c: Builder) -> None:
        x = c.private_input("x")
        inverse = c.hint_one(lambda v: pow(v, -1, R_MODULUS) if v % R_MODULUS else 0, [x], "inverse")
        zero = c.product(-x, inverse, plus=1)
        c.constrain(x, zero, 0)
        c.output("y", inverse * inverse)  # the inverse of zero is anything

    assert determinacy(compile_circuit(circuit), {"x": 3}).moved == ()
    assert determinacy(compile_circuit(circuit), {"x": 0}).moved == ("y",)


def test_a_free_inner_wire_is_no_free_output() -> None:
    compiled = compile_circuit(lambda c: c.output("z", is_zero(c, c.private_input("x"))))
    assert determinacy(compiled, {"x": 5}).free == ()
    found = determinacy(compiled, {"x": 0})
    assert found.moved == found.suspected == ()
    assert found.free == ("is zero inverse",)


def test_entangled_equations_are_solved() -> None:
    def circuit(independent: bool) -> Circuit:
        def define(c: Builder) -> None:
            x = c.private_input("x")
            u, v = c.hint(lambda a: [a, 2 * a], [x], 2, "uv")
            c.assert_equal(u + v, 3 * x)
            c.assert_equal(u - v if independent else 5 * (u + v), -x if independent else 15 * x)
            c.output("u", u)

        return compile_circuit(define)

    check_determined(circuit(True), {"x": 7})
    with pytest.raises(ConstraintViolation, match="got two"):
        check_determined(circuit(False), {"x": 7})


def test_a_tangent_that_is_no_second_witness_is_only_suspected() -> None:
    def circuit(c: Builder) -> None:
        x = c.private_input("x")
        y = c.hint_one(lambda v: v, [x], "y")
        c.constrain(y - x, y - x, 0)  # one solution, twice
        c.output("y", y)

    compiled = compile_circuit(circuit)
    found = determinacy(compiled, {"x": 3})
    assert found.moved == ()
    assert found.suspected == ("y",)
    with pytest.raises(ConstraintViolation, match="moves to first order"):
        check_determined(compiled, {"x": 3})


def test_hints_that_raise_errors_on_false_values_do_not_stop_the_search() -> None:
    table = [3, 1, 4, 1, 5]

    def circuit(c: Builder) -> None:
        x = c.private_input("x")
        y = c.hint_one(lambda v: table[v], [x], "y")
        z = c.hint_one(table.index, [y], "z")
        c.assert_equal(z, x)
        c.constrain(y - 4, y - 4, 0)
        c.output("y", y)

    assert determinacy(compile_circuit(circuit), {"x": 2}).suspected == ("y",)
