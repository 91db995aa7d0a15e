"""Poseidon over Fr with circomlib's parameters, for 1 to 16 inputs.

Constraints, for each S-box y = x^5:
1. u = x·x   2. v = u·u   3. y = v·x
Everything else is linear: sums with constants and products with matrices, partial rounds in their sparse form
(`zkroll.algebra.reference.poseidon_sparse`). Each wire is the product of earlier ones, so a witness is unique.
The capacity element starts at the constant 0, whose first S-box is folded: 3·(8t + R_P - 1) constraints for
width t = inputs + 1, 240 for two inputs, as many as circomlib's.
"""

from __future__ import annotations

from collections.abc import Sequence

from zkroll.algebra.reference.poseidon import FULL_ROUNDS
from zkroll.algebra.reference.poseidon_sparse import sparse_form
from zkroll.circuits.r1cs.builder import Builder
from zkroll.circuits.r1cs.linear import LinearCombination, Operand
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
    form = sparse_form(len(state))
    current = [c.lift(value) for value in state]
    with c.scope(name):
        for index, constants in enumerate(form.constants):
            boxed = [_fifth_power(c, x + k) for x, k in zip(current, constants, strict=True)]
            last = index == FULL_ROUNDS - 1
            if index == FULL_ROUNDS // 2 - 1:
                current = [c.sum(boxed, row) for row in form.before]
                for scalar, row, column in zip(form.scalars, form.rows, form.columns, strict=True):
                    first = _fifth_power(c, current[0] + scalar)
                    rest = [
                        c.sum((x, first), (1, factor)) for x, factor in zip(current[1:], column, strict=True)
                    ]
                    # the row applies to the state before the column is added
                    current = [c.sum([first, *current[1:]], row), *rest]
            else:
                wanted = form.matrix[:outputs] if last and outputs is not None else form.matrix
                current = [c.sum(boxed, row) for row in wanted]
    return current


def _fifth_power(c: Builder, x: LinearCombination) -> LinearCombination:
    square = c.product(x, x, name="x^2")
    return c.product(c.product(square, square, name="x^4"), x, name="x^5")
