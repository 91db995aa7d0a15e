"""The R1CS builder: wires, constraints, names, hints, witnesses, files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.builder import Builder, compile_circuit
from zkroll.circuits.r1cs.formats.r1cs import read_r1cs, write_r1cs
from zkroll.circuits.r1cs.formats.sym import read_names, write_sym
from zkroll.circuits.r1cs.linear import LinearCombination
from zkroll.errors import ConstraintViolation, InputError


def quadratic(c: Builder) -> None:
    x, (a, b) = c.private_input("x"), c.public_inputs("ab", 2)
    with c.scope("poly"):
        y = (x * x) + 3 * x - a + 5
        z = c.product(y, b, plus=x, name="z")
    c.output("z", z)
    c.output("y", y)


def test_linear_combinations_cost_no_constraints_and_fold_constants() -> None:
    c = Builder()
    x, y = c.private_input("x"), c.private_input("y")
    made = 5 * (x + y - 3) - (x * 2) + c.constant(7) * y + (2 - x)
    assert made.terms == {1: 2, 2: 12, 0: -13}
    assert (x - x).constant == 0
    assert (x - x + R_MODULUS + 4).constant == 4
    assert (c.constant(3) * 5).constant == 15
    assert not c.constraints


def test_wires_have_the_order_of_circom() -> None:
    circuit = compile_circuit(quadratic)
    assert [circuit.wire_name(i) for i in range(circuit.r1cs.n_wires)] == [
        "one", "z", "y", "ab[0]", "ab[1]", "x", "poly/wire#4",
    ]  # fmt: skip
    system = circuit.r1cs
    assert (system.n_outputs, system.n_public_inputs, system.n_private_inputs) == (2, 2, 1)
    witness = circuit.witness({"x": 2, "ab": [1, 10]})
    assert circuit.outputs(witness) == {"z": 142, "y": 14}
    assert circuit.public_values(witness) == [142, 14, 1, 10]
    circuit.check(witness)


def test_values_are_canonical() -> None:
    circuit = compile_circuit(lambda c: c.output("y", c.private_input("x") * -1 - 1))
    assert circuit.outputs(circuit.witness({"x": 0})) == {"y": R_MODULUS - 1}
    assert circuit.outputs(circuit.witness({"x": R_MODULUS - 1})) == {"y": 0}


@pytest.mark.parametrize(
    ("inputs", "part"),
    [
        ({"x": 2}, "ab: expected a value"),
        ({"x": 2, "ab": [1, 2], "w": 1}, "'w'"),
        ({"x": 2, "ab": [1]}, "expected 2 values, got 1"),
        ({"x": 2, "ab": 5}, "expected 2 values, got int"),
        ({"x": R_MODULUS, "ab": [1, 2]}, "input x"),
        ({"x": -1, "ab": [1, 2]}, "input x"),
        ({"x": True, "ab": [1, 2]}, "input x"),
        ({"x": "3", "ab": [1, 2]}, "input x"),
        ({"x": 1, "ab": [1, 2.0]}, r"input ab\[1\]"),
        ({"x": [1], "ab": [1, 2]}, "input x"),
        ({"x": 1, "ab": "12"}, "expected 2 values"),
    ],
)
def test_malformed_inputs_are_refused(inputs: dict[str, object], part: str) -> None:
    with pytest.raises(InputError, match=part):
        compile_circuit(quadratic).witness(inputs)  # type: ignore[arg-type]


def test_a_broken_constraint_is_told_by_name_with_its_values() -> None:
    def circuit(c: Builder) -> None:
        a, b = c.private_input("a"), c.private_input("b")
        with c.scope("merkle/3"), c.scope("node"):
            c.constrain(a, b + 1, 12, "area")

    compiled = compile_circuit(circuit)
    compiled.check(compiled.witness({"a": 3, "b": 3}))
    with pytest.raises(ConstraintViolation) as error:
        compiled.check(compiled.witness({"a": 3, "b": 4}))
    line = str(error.value)
    assert line.startswith("merkle/3/node/area: ")
    for part in ("A = 3", "B = 5", "15", "12", "a = 3", "b = 4"):
        assert part in line


def test_a_scope_used_again_gets_a_number() -> None:
    def circuit(c: Builder) -> None:
        x = c.private_input("x")
        for _ in range(2):
            with c.scope("step"):
                x = c.product(x, x, name="square")
        c.assert_equal(x, 16, "result")

    compiled = compile_circuit(circuit)
    assert [compiled.constraint_name(i) for i in range(3)] == ["step/square", "step#2/square", "result"]
    assert compiled.witness({"x": 2})[compiled.wire("step#2/square")] == 16


def test_a_hint_without_a_constraint_is_refused() -> None:
    def circuit(c: Builder) -> None:
        x = c.private_input("x")
        inverse, _ = c.hint(lambda v: [pow(v, -1, R_MODULUS), 1], [x], 2, "inverse")
        c.constrain(x, inverse, 1)

    with pytest.raises(InputError, match=r"inverse\[1\]: expected a constraint that uses it"):
        compile_circuit(circuit)


def test_a_hint_that_becomes_an_output_needs_a_constraint_too() -> None:
    with pytest.raises(InputError, match="wire y"):
        compile_circuit(lambda c: c.output("y", c.hint_one(lambda: 5, [])))


def test_hints_of_another_length_are_refused() -> None:
    def circuit(c: Builder) -> None:
        for bit in c.hint(lambda: [1], [], 2, "pair"):
            c.assert_equal(bit, 1)

    with pytest.raises(InputError, match=r"pair\[0\]: expected 2 values, got 1"):
        compile_circuit(circuit).witness({})


def test_overrides_reach_the_wires_computed_from_them() -> None:
    def circuit(c: Builder) -> None:
        x = c.private_input("x")
        root = c.hint_one(lambda v: {49: 7}.get(v, 0), [x], "root")
        c.constrain(root, root, x, "square")
        c.output("double", root + root)

    compiled = compile_circuit(circuit)
    other = compiled.witness({"x": 49}, {"root": -7})
    compiled.check(other)
    assert compiled.outputs(other) == {"double": R_MODULUS - 14}
    with pytest.raises(InputError, match="'rooot'"):
        compiled.witness({"x": 49}, {"rooot": 1})


def test_outputs_do_not_share_a_wire() -> None:
    def circuit(c: Builder) -> None:
        x = c.public_input("x")
        square = x * x
        c.output("a", square)
        c.outputs("b", [square, x, 5])

    compiled = compile_circuit(circuit)
    witness = compiled.witness({"x": 3})
    compiled.check(witness)
    assert compiled.outputs(witness) == {"a": 9, "b": [9, 3, 5]}
    assert compiled.public_values(witness) == [9, 9, 3, 5, 3]


@pytest.mark.parametrize("name", ["", "a,b", "a/b", "a\n"])
def test_names_that_files_cannot_hold_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="expected a name"):
        Builder().private_input(name)


def test_names_are_used_once() -> None:
    c = Builder()
    c.private_input("x")
    with pytest.raises(InputError, match="x twice"):
        c.public_input("x")
    with c.scope("inner"):
        c.public_input("x")


def test_wires_of_two_circuits_do_not_mix() -> None:
    x, y = Builder().private_input("x"), Builder().private_input("y")
    for mix in (lambda: x + y, lambda: x * y, lambda: x - y):
        with pytest.raises(InputError, match="one circuit"):
            mix()


def test_python_cannot_test_a_combination() -> None:
    x = Builder().private_input("x")
    with pytest.raises(InputError, match="Python test"):
        assert x
    for odd in (1.5, True, None, "1"):
        with pytest.raises(InputError, match="expected an integer"):
            x + odd  # type: ignore[operator]


def test_constants_that_never_satisfy_a_constraint_are_refused() -> None:
    c = Builder()
    c.constrain(2, 3, 6)
    c.constrain(0, c.private_input("x"), 0)
    assert not c.constraints
    with pytest.raises(InputError, match="got 2·3"):
        c.constrain(2, 3, 7)
    with pytest.raises(InputError, match="constraint equal"):
        c.assert_equal(1, 2)


def test_a_circuit_goes_through_files(tmp_path: Path) -> None:
    circuit = compile_circuit(quadratic)
    write_r1cs(circuit.r1cs, tmp_path / "c.r1cs")
    read = read_r1cs(tmp_path / "c.r1cs")
    read.check(circuit.witness({"x": 5, "ab": [7, 9]}))
    with (tmp_path / "c.sym").open("wb") as file:
        write_sym(circuit.symbols(), file)
    assert read_names(tmp_path / "c.sym")[3] == "main.ab[0]"
    assert read_names(tmp_path / "c.sym")[6] == "main.poly.wire#4"


def test_a_witness_of_another_length_is_refused() -> None:
    circuit = compile_circuit(quadratic)
    for use in (circuit.check, circuit.outputs):
        with pytest.raises(InputError, match="expected 7 values"):
            use(FrVector.from_ints([1, 2]))


def test_a_sum_of_many_is_one_combination() -> None:
    c = Builder()
    xs = c.private_inputs("x", 5)
    assert isinstance(c.sum(xs), LinearCombination)
    assert c.sum(xs, [1, 2, 3, 4, 0]).terms == {1: 1, 2: 2, 3: 3, 4: 4}
    assert c.sum([xs[0], 3, xs[0]]).terms == {1: 2, 0: 3}


operations = st.lists(
    st.tuples(st.sampled_from("+-*ch"), st.integers(0, 100), st.integers(0, 100), st.integers(-9, R_MODULUS)),
    min_size=1,
    max_size=30,
)


@given(operations, st.lists(st.integers(0, R_MODULUS - 1), min_size=3, max_size=3))
@settings(max_examples=60, deadline=None)
def test_any_program_computes_what_integers_do(
    program: list[tuple[str, int, int, int]], given_x: list[int]
) -> None:
    c = Builder()
    wires, values = list(c.private_inputs("x", 3)), list(given_x)
    for kind, i, j, constant in program:
        i, j = i % len(wires), j % len(wires)
        a, b, x, y = wires[i], wires[j], values[i], values[j]
        if kind == "h":
            made = c.hint_one(lambda u, v: u + 2 * v, [a, b])
            c.assert_equal(made, a + 2 * b)
            value = x + 2 * y
        elif kind == "+":
            made, value = a + b, x + y
        elif kind == "-":
            made, value = constant - a - b, constant - x - y
        elif kind == "*":
            made, value = c.product(a, b, plus=a - constant), x * y + x - constant
        else:
            made, value = constant * a + constant, constant * x + constant
        wires.append(made)
        values.append(value % R_MODULUS)
    c.outputs("y", wires)
    circuit = c.compile()
    witness = circuit.witness({"x": given_x})
    circuit.check(witness)
    assert circuit.outputs(witness) == {"y": values}
