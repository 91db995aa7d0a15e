"""Constraint systems and witnesses as JSON, as snarkjs exports them, and constraints as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.files import replace_file
from zkroll.algebra.iden3 import FIELD_BYTES
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.system import R1CS, combination

_SLICE = 1 << 14  # values or constraints that are text at a time


def export_r1cs_json(system: R1CS, path: Path | str) -> None:
    """Write a constraint system as JSON, a piece at a time. Raises InputError when the file cannot be written."""
    with replace_file(path) as file:
        for piece in r1cs_json(system):
            file.write(piece.encode())


def export_wtns_json(witness: FrVector, path: Path | str) -> None:
    """Write a witness as JSON: an array of decimal strings. Raises InputError when that fails."""
    with replace_file(path) as file:
        for piece in wtns_json(witness):
            file.write(piece.encode())


def r1cs_json(system: R1CS) -> Iterator[str]:
    """Give the text of `snarkjs r1cs export json`, in pieces.

    A linear combination is an object of wires, in rising order, and coefficients.
    """
    head = {
        "n8": FIELD_BYTES,
        "prime": f'"{R_MODULUS}"',
        "nVars": system.n_wires,
        "nOutputs": system.n_outputs,
        "nPubInputs": system.n_public_inputs,
        "nPrvInputs": system.n_private_inputs,
        "nLabels": system.n_labels,
        "nConstraints": system.n_constraints,
        "useCustomGates": "false",
    }
    yield "{" + ",".join(f'\n "{name}": {value}' for name, value in head.items()) + ',\n "constraints": ['
    for i in range(system.n_constraints):
        sides = ",".join(_combination_json(matrix.row(i)) for matrix in system.matrices)
        yield ("," if i else "") + "\n  [" + sides + "\n  ]"
    yield '\n ],\n "map": ['
    for begin in range(0, len(system.labels), _SLICE):
        listed = system.labels[begin : begin + _SLICE].tolist()
        yield ("," if begin else "") + ",".join(f"\n  {label}" for label in listed)
    yield '\n ],\n "customGates": [\n ],\n "customGatesUses": [\n ]\n}'


def _combination_json(terms: list[tuple[int, int]]) -> str:
    summed: dict[int, int] = {}
    for wire, value in terms:
        summed[wire] = (summed.get(wire, 0) + value) % R_MODULUS
    return "\n   {" + ",".join(f'\n    "{wire}": "{summed[wire]}"' for wire in sorted(summed)) + "\n   }"


def wtns_json(witness: FrVector) -> Iterator[str]:
    """Give the text of `snarkjs wtns export json`, in pieces."""
    yield "["
    for begin in range(0, len(witness), _SLICE):
        values = witness[begin : begin + _SLICE].to_ints()
        yield ("," if begin else "") + ",".join(f'\n "{value}"' for value in values)
    yield "\n]"


def constraint_lines(system: R1CS, names: Mapping[int, str] | None = None) -> Iterator[str]:
    """Give each constraint as a line, with the names of the wires where known."""
    for i in range(system.n_constraints):
        a, b, c = (
            combination(matrix.row(i), names, most=max(1, matrix.n_terms)) for matrix in system.matrices
        )
        yield f"{i}: ({a}) · ({b}) = {c}"
