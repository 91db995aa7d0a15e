"""Check a circuit on cases that must pass and cases that must not, one level after the other.

The levels: the computation of the witness and its outputs; the constraints, with a search for outputs that they do not
determine; Groth16 proofs with a development key; the exported Solidity verifier on an EVM in this process.

>>> from zkroll.circuits.r1cs.builder import Builder
>>> def square(c: Builder) -> None:
...     x = c.private_input("x")
...     c.output("y", x * x)
>>> check_circuit(square, valid=[Case({"x": 3}, outputs={"y": 9})], invalid=[Case({"x": 3}, tamper={"y": 10})])
Circuit of 1 constraints, 3 wires
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol, cast

from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.builder import Builder, compile_circuit
from zkroll.circuits.r1cs.circuit import Circuit, Inputs
from zkroll.circuits.r1cs.determined import check_determined
from zkroll.errors import ConstraintViolation, InputError

#: the module with the levels above the constraints: it is named, as no layer imports from those above it
_LEVELS = "zkroll.rollup.testing.levels"


@dataclass(frozen=True)
class Case:
    """Inputs of a circuit. outputs: what it must give; tamper: wires by name that get other values."""

    inputs: Inputs
    outputs: Mapping[str, int | Sequence[int]] = field(default_factory=dict)
    tamper: Mapping[str, int] = field(default_factory=dict)


class Level(Protocol):
    """A level above satisfied constraints, such as a proof system."""

    name: str

    def accepts(self, circuit: Circuit, witness: FrVector) -> bool:
        """Whether a witness, satisfying or not, is accepted at this level.

        May raise ConstraintViolation for another thing that this level finds wrong.
        """
        ...


def check_circuit(
    circuit: Circuit | Callable[[Builder], object],
    valid: Sequence[Case | Inputs] = (),
    invalid: Sequence[Case | Inputs] = (),
    *,
    levels: str | Sequence[Level] = "all",
    determined: bool = True,
) -> Circuit:
    """Check a circuit (or the function that defines it) at every level, and return it.

    For each valid case: the witness satisfies every constraint, has the outputs given, its outputs are
    determined (see `determined`, which `determined=False` leaves out), and every level accepts it. For each
    invalid case: a constraint is broken, and no level accepts it. `levels` is the last one to go to (r1cs, groth16,
    solidity or all) or those above the constraints themselves. Raises ConstraintViolation with the case, the level and
    the reason of the first that is otherwise, and InputError for inputs that do not fit and for no cases at all.
    """
    valid_cases, invalid_cases = _cases(valid, "valid"), _cases(invalid, "invalid")
    if not valid_cases and not invalid_cases:
        raise InputError(
            "check_circuit: expected a valid or an invalid case, got none: nothing would be checked"
        )
    if isinstance(levels, str):
        levels = cast("Sequence[Level]", import_module(_LEVELS).levels_up_to(levels))
    compiled = circuit if isinstance(circuit, Circuit) else compile_circuit(circuit)
    for number, case in enumerate(valid_cases):
        place = f"valid case {number}"
        witness = compiled.witness(case.inputs, case.tamper)
        try:
            compiled.check(witness)
            if determined:
                check_determined(compiled, case.inputs)
        except ConstraintViolation as error:
            raise ConstraintViolation(f"{place}: {error}") from None
        outputs = compiled.outputs(witness)
        for name, expected in case.outputs.items():
            wanted = expected if isinstance(expected, int) else list(expected)
            if outputs.get(name) != wanted:
                raise ConstraintViolation(f"{place}: {name}: expected {wanted}, got {outputs.get(name)}")
        for level in levels:
            if not _accepts(level, compiled, witness, place):
                raise ConstraintViolation(f"{place}: {level.name}: expected acceptance, got refusal")
    for number, case in enumerate(invalid_cases):
        place = f"invalid case {number}"
        witness = compiled.witness(case.inputs, case.tamper)
        if compiled.first_violation(witness) is None:
            raise ConstraintViolation(f"{place}: expected a broken constraint, got none")
        for level in levels:
            if _accepts(level, compiled, witness, place):
                raise ConstraintViolation(f"{place}: {level.name}: expected refusal, got acceptance")
    return compiled


def _accepts(level: Level, circuit: Circuit, witness: FrVector, place: str) -> bool:
    try:
        return level.accepts(circuit, witness)
    except ConstraintViolation as error:
        raise ConstraintViolation(f"{place}: {level.name}: {error}") from None


def _cases(given: Sequence[Case | Inputs], kind: str) -> list[Case]:
    if isinstance(given, (Mapping, Case)):
        raise InputError(f"check_circuit: {kind}: expected a list of cases, got one without a list around it")
    cases = [each if isinstance(each, Case) else Case(each) for each in given]
    for number, case in enumerate(cases):
        if not isinstance(case.inputs, Mapping):
            raise InputError(
                f"{kind} case {number}: expected inputs by name, got {type(case.inputs).__name__}"
            )
    return cases
