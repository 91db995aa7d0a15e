"""Tampering with witnesses of circuits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.check import check_circuit
from zkroll.circuits.r1cs.circuit import Circuit

#: without proofs and contracts, which say nothing more of one gadget
check_constraints = partial(check_circuit, levels="r1cs")


def survivors(circuit: Circuit, witness: FrVector, deltas: Sequence[int] = (1, -1, 1 << 128)) -> set[str]:
    """The wires (no inputs) that can be changed, each alone by one of the deltas, and break no constraint."""
    system = circuit.r1cs
    sides = [vector.to_ints() for vector in system.evaluate(witness)]
    places: dict[int, dict[int, list[int]]] = {}
    for k, matrix in enumerate(system.matrices):
        rows = np.repeat(np.arange(matrix.n_rows), np.diff(matrix.starts)).tolist()
        data = matrix.coefficients.astype("<u8").tobytes()
        for at, (i, wire) in enumerate(zip(rows, matrix.wires.tolist(), strict=True)):
            value = int.from_bytes(data[32 * at : 32 * at + 32], "little")
            places.setdefault(wire, {}).setdefault(i, [0, 0, 0])[k] += value
    first, last = 1 + system.n_outputs, 1 + system.n_public + system.n_private_inputs
    found = set()
    for wire in range(1, system.n_wires):
        if first <= wire < last:
            continue
        for delta in deltas:
            broken = False
            for i, row in places[wire].items():
                a, b, c = (side[i] + delta * value for side, value in zip(sides, row, strict=True))
                if (a * b - c) % R_MODULUS:
                    broken = True
                    break
            if not broken:
                found.add(circuit.wire_name(wire))
    return found
