"""Witness programs: the kernel computes what the circuit's own steps do, and files are checked before it runs."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.r1cs.builder import Builder, compile_circuit
from zkroll.circuits.r1cs.circuit import Circuit
from zkroll.circuits.r1cs.gadgets.bits import boolean, to_bits, to_bits_canonical
from zkroll.circuits.r1cs.gadgets.compare import is_zero
from zkroll.circuits.r1cs.gadgets.keccak import keccak256_bytes
from zkroll.circuits.r1cs.gadgets.logic import chi, majority, xor3
from zkroll.circuits.r1cs.gadgets.poseidon import poseidon_hash
from zkroll.circuits.r1cs.gadgets.sha256 import sha256_bytes
from zkroll.circuits.r1cs.program import WitnessProgram, witness_program
from zkroll.errors import InputError

EDGES = [0, 1, 2, R_MODULUS - 1, R_MODULUS - 2, 1 << 253, (1 << 253) - 1, 1 << 128, (1 << 64) - 1]
elements = st.one_of(st.sampled_from(EDGES), st.integers(0, R_MODULUS - 1))


def arithmetic(c: Builder) -> None:
    """Products, squares, sums that are used again, bits, an inverse that may be that of 0."""
    x, y = c.private_inputs("x", 2)
    z = c.private_input("z")
    long = c.sum([x, y, z, x * y, y * z, x * z], [3, -5, 1 << 200, 7, -1, R_MODULUS // 2])
    again = c.product(long, long, plus=x) + c.product(long, y, plus=long) + long * z
    c.output("zero", is_zero(c, x - y))
    c.output("again", again * again * again)
    bits = to_bits_canonical(c, z)
    c.output("low", c.sum(bits[:64], [1 << i for i in range(64)]))


def logic(c: Builder) -> None:
    a, b, d = (boolean(c, bit) for bit in c.private_inputs("bits", 3))
    c.outputs("out", [xor3(c, a, b, d), majority(c, a, b, d), chi(c, a, b, d)])


ARITHMETIC = compile_circuit(arithmetic)
PROGRAM = witness_program(ARITHMETIC, {"for": "tests"})


def same(circuit: Circuit, program: WitnessProgram, inputs: dict[str, Any]) -> None:
    found = program.run(inputs)
    assert (found == circuit.witness(inputs).to_limbs()).all()


@settings(max_examples=60, deadline=None)
@given(x=elements, y=elements, z=elements)
def test_programs_compute_what_circuits_do(x: int, y: int, z: int) -> None:
    same(ARITHMETIC, PROGRAM, {"x": [x, y], "z": z})


def test_functions_of_bits_are_those_of_the_gadgets() -> None:
    circuit = compile_circuit(logic)
    program = witness_program(circuit)
    for k in range(8):
        same(circuit, program, {"bits": [k & 1, k >> 1 & 1, k >> 2]})


def test_hashes_are_computed() -> None:
    def define(c: Builder) -> None:
        data = c.private_inputs("data", 5)
        octets = [to_bits(c, value, 8) for value in data]
        for name, digest in (("sha", sha256_bytes(c, octets)), ("keccak", keccak256_bytes(c, octets))):
            c.outputs(name, [c.sum(octet, [1 << i for i in range(8)]) for octet in digest])
        c.output("poseidon", poseidon_hash(c, data))

    circuit = compile_circuit(define)
    rng = random.Random(1)
    same(circuit, witness_program(circuit), {"data": [rng.randrange(256) for _ in range(5)]})


def test_sums_of_many_terms_are_reduced() -> None:
    """A sum of n products of nearly r each needs about n/5 subtractions of r behind its reduction."""

    def define(c: Builder) -> None:
        values = c.private_inputs("v", 600)
        c.output("sum", c.sum(values, [R_MODULUS // 2 - i for i in range(600)]) * values[0])

    circuit = compile_circuit(define)
    same(circuit, witness_program(circuit), {"v": [R_MODULUS - 1 - i for i in range(600)]})


def test_programs_come_back_from_files(tmp_path: Path) -> None:
    PROGRAM.save(tmp_path / "p")
    again = WitnessProgram.load(tmp_path / "p")
    assert again.note == {"for": "tests"}
    same(ARITHMETIC, again, {"x": [3, 3], "z": 9})


def test_hints_that_the_kernel_does_not_know_are_refused() -> None:
    def define(c: Builder) -> None:
        x = c.private_input("x")
        root = c.hint_one(lambda value: value + 1, [x], "other")
        c.assert_equal(root, x + 1)

    with pytest.raises(InputError, match="expected a known hint"):
        witness_program(compile_circuit(define))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"x": [1, 2]}, "input z: expected a value"),
        ({"x": [1, 2], "z": 3, "q": 4}, "inputs: expected x, z, got 'q'"),
        ({"x": [1], "z": 3}, "input x: expected 2 values, got 1"),
        ({"x": 5, "z": 3}, "input x: expected 2 values, got int"),
        ({"x": [1, R_MODULUS], "z": 3}, r"input x\[1\]: expected an integer in \[0, r\)"),
        ({"x": [1, True], "z": 3}, r"input x\[1\]: expected an integer"),
        ({"x": [1, 2], "z": -1}, "input z: expected an integer"),
    ],
)
def test_malformed_inputs_are_refused(inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        PROGRAM.run(inputs)


def test_files_cut_short_are_refused(tmp_path: Path) -> None:
    PROGRAM.save(tmp_path / "p")
    content = (tmp_path / "p").read_bytes()
    for end in [0, 1, 30, len(content) // 2, len(content) - 1]:
        (tmp_path / "cut").write_bytes(content[:end])
        with pytest.raises(InputError, match="not a witness program"):
            WitnessProgram.load(tmp_path / "cut")
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(InputError, match="expected an archive of arrays"):
        WitnessProgram.load(tmp_path / "array.npy")
    with pytest.raises(InputError, match="cannot read"):
        WitnessProgram.load(tmp_path / "none")


@pytest.mark.parametrize("name", ["steps", "starts", "entries", "table", "order"])
def test_arrays_whose_numbers_lie_outside_are_refused(tmp_path: Path, name: str) -> None:
    """The kernel trusts its indices: every one of them is looked at when a file is read."""
    arrays = {key: getattr(PROGRAM, key).copy() for key in ("steps", "starts", "entries", "table", "order")}
    if name == "table":
        arrays["table"] = arrays["table"][:1]
    else:
        arrays[name].reshape(-1)[-1] = 1 << 40
    head = np.frombuffer(
        f'{{"inputs": {{"x": [1, 2], "z": 3}}, "n_values": {PROGRAM.n_values}, "note": {{}}}}'.encode(),
        dtype=np.uint8,
    )
    with (tmp_path / "p").open("wb") as file:
        np.savez(file, head=head, **arrays)
    with pytest.raises(InputError, match="not a witness program"):
        WitnessProgram.load(tmp_path / "p")


def test_inputs_outside_the_values_are_refused(tmp_path: Path) -> None:
    arrays = {key: getattr(PROGRAM, key) for key in ("steps", "starts", "entries", "table", "order")}
    for wire in ("-1", str(PROGRAM.n_values), '"1"', "1.5"):
        head = f'{{"inputs": {{"x": [1, 2], "z": {wire}}}, "n_values": {PROGRAM.n_values}, "note": {{}}}}'
        with (tmp_path / "p").open("wb") as file:
            np.savez(file, head=np.frombuffer(head.encode(), dtype=np.uint8), **arrays)
        with pytest.raises(InputError, match="not a witness program"):
            WitnessProgram.load(tmp_path / "p")
