"""Small constraint systems with witnesses, for tests of Groth16."""

from __future__ import annotations

from hypothesis import strategies as st

from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.sparse import SparseMatrix
from zkroll.circuits.r1cs.system import R1CS


def system(constraints, n_wires, n_outputs=0, n_public_inputs=0):
    """The system of constraints (a, b, c), each a mapping from wires to coefficients."""
    a, b, c = (SparseMatrix.from_rows([row[i] for row in constraints]) for i in range(3))
    return R1CS(n_wires, n_outputs, n_public_inputs, 0, a, b, c)


def chain(length, x=3, modified=None):
    """y_1 = x·(x + 1), y_2 = y_1·(y_1 + 1), …: the last is public output, x a public input.

    Wires: one, output, x, y_1, …. `modified` changes the witness at wires.
    """
    n_wires = length + 2
    wires = [2, *range(3, length + 2), 1]
    constraints = [({wires[i]: 1}, {wires[i]: 1, 0: 1}, {wires[i + 1]: 1}) for i in range(length)]
    witness = [1] + [0] * (n_wires - 1)
    witness[2] = x
    for i in range(length):
        value = witness[wires[i]]
        witness[wires[i + 1]] = value * (value + 1) % R
    for wire, value in (modified or {}).items():
        witness[wire] = value
    return system(constraints, n_wires, 1, 1), FrVector.from_ints(witness)


@st.composite
def random_systems(draw):
    """A random satisfied system: each constraint defines a wire of its own as a product of combinations."""
    n_free, n_constraints = draw(st.integers(1, 4)), draw(st.integers(1, 12))
    values = st.one_of(st.sampled_from([0, 1, 2, R - 1]), st.integers(0, R - 1))
    witness = [1, *draw(st.lists(values, min_size=n_free, max_size=n_free))]
    constraints = []
    for _ in range(n_constraints):
        known = st.dictionaries(st.integers(0, len(witness) - 1), values, max_size=4)
        a, b = draw(known), draw(known)
        product = 1
        for side in (a, b):
            product = product * sum(v * witness[w] for w, v in side.items()) % R
        c = draw(known)
        rest = sum(v * witness[w] for w, v in c.items())
        witness.append((product - rest) % R)
        constraints.append((a, b, {**c, len(witness) - 1: 1}))
    n_public = draw(st.integers(0, n_free))
    return system(constraints, len(witness), 0, n_public), FrVector.from_ints(witness)
