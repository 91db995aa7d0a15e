"""Straight-line programs on lists of Python integers: the oracle for `zkroll.algebra.program`."""

from __future__ import annotations

from collections.abc import Sequence

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.program import ADD, MUL, NEG, STORE, SUB, Program


def run(
    program: Program, constants: Sequence[int], columns: Sequence[Sequence[int]], n: int
) -> list[list[int]]:
    """Return the outputs, row by row; an output never stored is zero."""
    outputs = [[0] * n for _ in range(program.n_outputs)]
    for row in range(n):
        here = [column[row] for column in columns]
        following = [column[(row + 1) % n] for column in columns]
        space = [0] * program.n_registers + [*constants, *here, *following]
        for op, dst, a, b in program.code.tolist():
            if op == STORE:
                outputs[dst][row] = space[a] % R_MODULUS
            elif op == NEG:
                space[dst] = -space[a] % R_MODULUS
            else:
                x, y = space[a], space[b]
                space[dst] = {ADD: x + y, SUB: x - y, MUL: x * y}[op] % R_MODULUS
    return outputs
