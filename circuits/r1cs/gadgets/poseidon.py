"""Poseidon over Fr with circomlib's parameters, for 1 to 16 inputs.

Constraints, for each S-box y = x^5:
1. u = x·x   2. v = u·u   3. y = v·x
Everything else is linear: sums with constants and products with matrices, partial rounds in their sparse form
(`zkroll.algebra.reference.poseidon_sparse`). Each wire is the product of earlier ones, so a witness is unique.
The capacity element starts at the constant 0, whose first S-box is folded: 3·(8t + R_P - 1) constraints for
width t = inputs + 1, 240 for two inputs, as many as circomlib's.

Combinations are written down with their coefficients at once (`_coefficients`): 50 terms a partial round of
width 17, which additions one by one would copy again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from zkroll.algebra.reference.poseidon import FULL_ROUNDS, MAX_WIDTH
from zkroll.algebra.reference.poseidon_sparse import Matrix, sparse_form
from zkroll.circuits.r1cs.builder import Builder
from zkroll.circuits.r1cs.linear import LinearCombination, Operand, Terms, accumulate, centred
from zkroll.errors import InputError


def poseidon_hash(c: Builder, inputs: Sequence[Operand], name: str = "poseidon") -> LinearCombination:
    """Return circomlib's Poseidon of 1 to 16 values."""
    if not 1 <= len(inputs) <= 16:
        raise InputError(f"{name}: expected 1 to 16 inputs, got {len(inputs)}")
    return poseidon_permutation(c, [0, *inputs], name, outputs=1)[0]


def poseidon_permutation(
    c: Builder, state: Sequence[Operand], name: str = "poseidon", outputs: int | None = None
) -> list[LinearCombination]:
    """Return the permutation of 2 to 17 values, or its first `outputs` elements."""
    width = len(state)
    matrix, partial, after, constants, scalars = _coefficients(width)
    current = [c.lift(value) + k for value, k in zip(state, constants[0], strict=True)]
    with c.scope(name):
        for index in range(FULL_ROUNDS):
            boxes = _Boxes([_fifth_power(c, x) for x in current])
            rows = matrix
            if index == FULL_ROUNDS // 2 - 1:
                for row, scalar in zip(partial, scalars, strict=True):
                    boxes.append(_fifth_power(c, boxes.combined(c, row, scalar)))
                rows = after
            kept = outputs if index == FULL_ROUNDS - 1 else None
            current = [
                boxes.combined(c, row, k) for row, k in zip(rows[:kept], constants[index + 1], strict=False)
            ]
    return current


class _Boxes:
    """What S-boxes give: wires, all different, or constants where the state was constant."""

    def __init__(self, values: Sequence[LinearCombination]):
        self._values = list(values)
        self._wires = [value.wire for value in values]

    def append(self, value: LinearCombination) -> None:
        """Take one more."""
        self._values.append(value)
        self._wires.append(value.wire)

    def combined(self, c: Builder, factors: Sequence[int], constant: int) -> LinearCombination:
        """Σ factor·value + constant, with factors and constant between -r/2 and r/2."""
        terms: Terms = {0: constant} if constant else {}
        for wire, factor, value in zip(self._wires, factors, self._values, strict=True):
            if wire is None:
                accumulate(c, terms, value, factor)
            elif factor:
                terms[wire] = factor
        return LinearCombination(c, terms)


@lru_cache(maxsize=MAX_WIDTH)
def _coefficients(width: int) -> tuple[Matrix, Matrix, Matrix, Matrix, list[int]]:
    """The matrix of full rounds, two for the partial ones, and the constants, those behind the last round zeros.

    Let x be what the S-boxes of the full round ahead of the partial ones give, and y_k those of the partial
    rounds. Row k of the first matrix for partial rounds gives the element that goes to S-box k of x and y_0 …
    y_(k-1); the second gives the state behind all of them, of x and all y.
    """
    form = sparse_form(width)
    first = [form.before[0]]
    for k, row in enumerate(form.rows):
        x = [sum(r * line[j] for r, line in zip(row[1:], form.before[1:], strict=True)) for j in range(width)]
        y = [sum(r * s for r, s in zip(row[1:], form.columns[m], strict=True)) for m in range(k)]
        first.append([*x, *y, row[0]])
    rest = [[*line, *(column[i] for column in form.columns)] for i, line in enumerate(form.before[1:])]
    tables = (form.matrix, first[:-1], [first[-1], *rest], [*form.constants, [0] * width])
    a, b, after, constants = ([[centred(value) for value in row] for row in table] for table in tables)
    return a, b, after, constants, [centred(value) for value in form.scalars]


def _fifth_power(c: Builder, x: LinearCombination) -> LinearCombination:
    square = c.product(x, x, name="x^2")
    return c.product(c.product(square, square, name="x^4"), x, name="x^5")
