"""Look for under-determined outputs: the same inputs, two witnesses.

Two methods, on a satisfying witness w:

1. The linearised system. A change v of the wires that are not inputs keeps constraint i to first order where
   (B_i·w)·(A_i·v) + (A_i·w)·(B_i·v) = C_i·v. Constraints with a single undetermined wire settle it, again and
   again; what is left is solved by elimination over Fr. When no solution moves an output, the outputs cannot
   be changed continuously: in a neighbourhood of w there is no family of witnesses with other outputs.
   Where a solution moves one, w + t·v is tried as a second witness; where it passes, the output is proven to
   be under-determined, else it is only suspected (the second-order terms may still forbid the change).
   Wires that are free but move no output are given random values, and the search is repeated from there.
2. Other values of hints. Hints are given other answers (those for x + r instead of x, negated, random), the
   later wires are computed from them and the constraints checked: this finds distant second witnesses, such as
   the bits of x + r where an alias check is missing, or the other square root.

What it does not prove: that no second witness exists. One may be found only by changing several hints at once
in a way that no tangent shows, and a circuit may be sound at w and not elsewhere: give it several inputs,
edge cases first.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.circuit import Circuit, Inputs
from zkroll.errors import ConstraintViolation, InputError

_ROUNDS = 2  # of moving free wires and looking again
_MOST_CORE = 3000  # undetermined wires that elimination is tried on
_MOST_WITNESSES = 60_000  # wires of witnesses computed with other hints, in all

Row = dict[int, int]


@dataclass(frozen=True)
class Determinacy:
    """What was found: outputs with a second value (proven), outputs that may have one, and free inner wires.

    second: the second witness, where there is one.
    """

    moved: tuple[str, ...]
    suspected: tuple[str, ...]
    free: tuple[str, ...]
    second: FrVector | None = None


def determinacy(circuit: Circuit, inputs: Inputs, seed: int = 0) -> Determinacy:
    """Look for a second witness to the same inputs. Raises ConstraintViolation where the first is none."""
    witness = circuit.witness(inputs)
    circuit.check(witness)
    rng = random.Random(seed)
    outputs = range(1, 1 + circuit.r1cs.n_outputs)
    suspected: set[int] = set()
    free: set[int] = set()
    current = witness
    for _ in range(_ROUNDS):
        kernel = list(_kernel(circuit, current, rng))
        suspected |= {wire for vector in kernel for wire in outputs if vector.get(wire)}
        free |= {wire for vector in kernel for wire in vector}
        moved = _move(circuit, current, kernel, rng)
        if moved is None:
            break
        current = moved
        if _changed(witness, current, outputs):
            break
    for second in (current, *_with_other_hints(circuit, inputs, rng)):
        changed = _changed(witness, second, outputs)
        if changed:
            names = tuple(circuit.wire_name(wire) for wire in changed)
            return Determinacy(names, (), (), second)
    names = tuple(circuit.wire_name(wire) for wire in sorted(suspected))
    inner = tuple(circuit.wire_name(wire) for wire in sorted(free - suspected))
    return Determinacy((), names, inner)


def check_determined(circuit: Circuit, inputs: Inputs, seed: int = 0) -> None:
    """Raise ConstraintViolation where an output has, or may have, another value for the same inputs."""
    found = determinacy(circuit, inputs, seed)
    if found.moved and found.second is not None:
        name = found.moved[0]
        wire = circuit.wire(name)
        first = circuit.witness(inputs)[wire]
        raise ConstraintViolation(
            f"output {name}: expected one value for the inputs, got two: {first} and {found.second[wire]}"
        )
    if found.suspected:
        raise ConstraintViolation(
            f"output {found.suspected[0]}: expected a determined value, got one that moves to first order"
        )


# ---- the linearised system ---------------------------------------------------------------------------------


def _kernel(circuit: Circuit, witness: FrVector, rng: random.Random) -> Iterator[Row]:
    """Give a basis of the changes that keep all constraints to first order, as wire: change.

    Raises InputError when too many wires are left for the elimination.
    """
    rows = _jacobian(circuit, witness)
    unknown = _peel(rows, circuit)
    left = [row for row in rows if row]
    touched = {wire for row in left for wire in row}
    for wire in sorted(unknown - touched):
        yield {wire: 1}
    if len(touched) > _MOST_CORE:
        raise InputError(f"determinacy: expected at most {_MOST_CORE} entangled wires, got {len(touched)}")
    rng.shuffle(left)
    yield from _null_space(left, touched)


def _jacobian(circuit: Circuit, witness: FrVector) -> list[Row]:
    """Rows (B·w)·A + (A·w)·B - C, without the columns of inputs and of wire 0."""
    system = circuit.r1cs
    a, b, _ = (vector.to_ints() for vector in system.evaluate(witness))
    first, last = 1 + system.n_outputs, 1 + system.n_public + system.n_private_inputs
    rows: list[Row] = [{} for _ in range(system.n_constraints)]
    for matrix, factors in ((system.A, b), (system.B, a), (system.C, None)):
        owners = np.repeat(np.arange(matrix.n_rows), np.diff(matrix.starts))
        unknown = (matrix.wires != 0) & ((matrix.wires < first) | (matrix.wires >= last))
        data = matrix.coefficients[unknown].astype("<u8").tobytes()
        for k, (i, wire) in enumerate(
            zip(owners[unknown].tolist(), matrix.wires[unknown].tolist(), strict=True)
        ):
            factor = -1 if factors is None else factors[i]
            if factor:
                value = int.from_bytes(data[32 * k : 32 * k + 32], "little")
                rows[i][wire] = rows[i].get(wire, 0) + factor * value
    return [_reduced(row) for row in rows]


def _reduced(row: Row) -> Row:
    """The row modulo r, without zeros."""
    kept = {wire: value % R_MODULUS for wire, value in row.items()}
    return {wire: value for wire, value in kept.items() if value}


def _peel(rows: list[Row], circuit: Circuit) -> set[int]:
    """Settle wires that are alone in a row, dropping them from all rows; returns the wires that stay unknown."""
    system = circuit.r1cs
    inputs = range(1 + system.n_outputs, 1 + system.n_public + system.n_private_inputs)
    unknown = set(range(1, system.n_wires)) - set(inputs)
    where: dict[int, list[int]] = {}
    for i, row in enumerate(rows):
        for wire in row:
            where.setdefault(wire, []).append(i)
    ready = [i for i, row in enumerate(rows) if len(row) == 1]
    while ready:
        row = rows[ready.pop()]
        if len(row) != 1:
            continue
        (wire,) = row
        unknown.discard(wire)
        for i in where.pop(wire):
            if rows[i].pop(wire, None) is not None and len(rows[i]) == 1:
                ready.append(i)
    return unknown


def _null_space(rows: list[Row], columns: set[int]) -> Iterator[Row]:
    """Give a basis of the solutions of rows·v = 0 over these columns."""
    pivots: dict[int, Row] = {}
    for given in sorted(rows, key=len):
        row = dict(given)
        for wire in sorted(row):
            value = row.get(wire)
            if value and wire in pivots:
                _subtract(row, pivots[wire], value)
        if not row:
            continue
        # the newest wire is the likeliest to be in few rows
        pivot = max(row)
        inverse = pow(row[pivot], -1, R_MODULUS)
        row = {wire: value * inverse % R_MODULUS for wire, value in row.items()}
        for other in pivots.values():
            value = other.get(pivot)
            if value:
                _subtract(other, row, value)
        pivots[pivot] = row
    for wire in sorted(columns - pivots.keys()):
        vector = {wire: 1}
        for pivot, row in pivots.items():
            value = row.get(wire)
            if value:
                vector[pivot] = -value % R_MODULUS
        yield vector


def _subtract(row: Row, other: Row, factor: int) -> None:
    """row -= factor·other."""
    for wire, value in other.items():
        total = (row.get(wire, 0) - factor * value) % R_MODULUS
        if total:
            row[wire] = total
        else:
            row.pop(wire, None)


def _move(circuit: Circuit, witness: FrVector, kernel: Sequence[Row], rng: random.Random) -> FrVector | None:
    """Another witness along the kernel, one that changes outputs where one is found, or None."""
    values = witness.to_ints()
    outputs = range(1, 1 + circuit.r1cs.n_outputs)
    best: FrVector | None = None
    promising = [vector for vector in kernel if any(vector.get(wire) for wire in outputs)]
    together: Row = {}
    for vector in kernel:
        _subtract(together, vector, rng.randrange(1, R_MODULUS))
    for vector in [together, *promising[:20]] if kernel else []:
        moved = list(values)
        factor = rng.randrange(1, R_MODULUS)
        for wire, value in vector.items():
            moved[wire] = (moved[wire] + factor * value) % R_MODULUS
        candidate = FrVector.from_ints(moved)
        if circuit.first_violation(candidate) is None:
            best = candidate
            if _changed(witness, candidate, outputs):
                break
    return best


def _changed(first: FrVector, second: FrVector, wires: range) -> list[int]:
    if first is second or not wires:
        return []
    part = slice(wires.start, wires.stop)
    differ = (first[part].to_limbs() != second[part].to_limbs()).any(axis=1)
    return [wires.start + int(i) for i in np.flatnonzero(differ)]


# ---- other values of hints ---------------------------------------------------------------------------------


def _with_other_hints(circuit: Circuit, inputs: Inputs, rng: random.Random) -> Iterator[FrVector]:
    """Give witnesses of the same inputs in which one hint has answered otherwise."""
    steps = list(circuit.hint_steps())
    most = 10 + _MOST_WITNESSES // (3 * circuit.r1cs.n_wires)
    if len(steps) > most:
        steps = rng.sample(steps, most)
    for step in steps:
        for candidate in circuit.other_witnesses(inputs, step, rng):
            if circuit.first_violation(candidate) is None:
                yield candidate
