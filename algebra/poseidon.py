"""Poseidon over Fr with circomlib's parameters, on whole columns of inputs.

The partial rounds use the equivalent form with sparse matrices (Poseidon paper, appendix B): additions of
constants to elements without S-box are carried forward past the S-boxes, and each M = S·D is split so that
D = diag(1, M̂), which commutes with the S-box of the first element, moves to the round before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import Block, address, blocks_for, fr
from zkroll.algebra.kernels.emit import LANES, LIMBS
from zkroll.algebra.kernels.poseidon_kernels import GROUPS, WIDEST, poseidon_kernels
from zkroll.algebra.kernels.threads import map_ranges
from zkroll.algebra.reference.poseidon import FULL_ROUNDS, mds, round_constants
from zkroll.errors import InputError

Matrix = list[list[int]]


def poseidon_hash(inputs: Sequence[Block], n: int, threads: int | None = None) -> Block:
    """Return circomlib's Poseidon of k inputs, row by row, as a block array of n elements.

    `inputs` are k = 1..16 block arrays of n elements each, (nb, 5, 8). Raises InputError otherwise.
    """
    if not 1 <= len(inputs) < WIDEST:
        raise InputError(f"poseidon_hash: expected 1..{WIDEST - 1} inputs, got {len(inputs)}")
    blocks = blocks_for(n)
    held = []
    for i, column in enumerate(inputs):
        if column.shape != (blocks, LIMBS, LANES) or column.dtype != np.uint64:
            raise InputError(
                f"poseidon_hash: input {i}: expected ({blocks}, 5, 8) uint64, "
                f"got {column.shape} {column.dtype}"
            )
        held.append(np.ascontiguousarray(column))
    width = len(held) + 1
    tables = _tables(width)
    addresses = np.array([address(column) for column in held], dtype=np.int64)
    out = np.empty((blocks, LIMBS, LANES), dtype=np.uint64)
    kernel = poseidon_kernels(fr.backend).hash

    def run(begin: int, end: int) -> None:
        scratch = np.empty((2 * GROUPS * width, LIMBS, LANES), dtype=np.uint64)
        kernel(
            address(out),
            addresses,
            address(scratch),
            address(tables.constants),
            address(tables.matrices),
            address(tables.scalars),
            address(tables.rows),
            address(tables.columns),
            len(tables.scalars),
            begin,
            end,
        )

    map_ranges(run, blocks, threads, GROUPS)
    return out


@dataclass(frozen=True)
class _Tables:
    """Compact tables (rows of five limbs), as the kernel reads them."""

    constants: NDArray[np.uint64]
    matrices: NDArray[np.uint64]
    scalars: NDArray[np.uint64]
    rows: NDArray[np.uint64]
    columns: NDArray[np.uint64]


@lru_cache(maxsize=WIDEST)
def _tables(width: int) -> _Tables:
    matrix = [list(row) for row in mds(width)]
    constants = [list(row) for row in round_constants(width)]
    half = FULL_ROUNDS // 2
    full, scalars = _carry_constants(constants, matrix, half)
    before, rows, columns = _sparse(matrix, len(scalars))
    return _Tables(
        constants=_compact([c for row in full for c in row]),
        matrices=_compact([c for part in (matrix, before) for row in part for c in row]),
        scalars=_compact(scalars),
        rows=_compact([c for row in rows for c in row]),
        columns=_compact([c for column in columns for c in column]),
    )


def _carry_constants(constants: Matrix, matrix: Matrix, half: int) -> tuple[Matrix, list[int]]:
    """The constants of the full rounds, and the one constant left in each partial round.

    M·(S-box(x_0 + c_0), x' + c') = M·(S-box(x_0 + c_0), x') + M·(0, c'), whose last term joins the next row.
    """
    p = R_MODULUS
    carried = [0] * len(matrix)
    scalars = []
    for row in constants[half:-half]:
        total = [(c + d) % p for c, d in zip(row, carried, strict=True)]
        scalars.append(total[0])
        carried = [sum(m * c for m, c in zip(line[1:], total[1:], strict=True)) % p for line in matrix]
    after = [(c + d) % p for c, d in zip(constants[-half], carried, strict=True)]
    return [*constants[:half], after, *constants[len(constants) - half + 1 :]], scalars


def _sparse(matrix: Matrix, count: int) -> tuple[Matrix, Matrix, Matrix]:
    """The matrix before the partial rounds, and first rows and first columns of the `count` sparse ones.

    [[m, v], [w, M̂]] = [[m, v·M̂⁻¹], [w, 1]]·diag(1, M̂), from the last partial round to the first.
    """
    p = R_MODULUS
    rows, columns = [], []
    current = matrix
    for _ in range(count):
        inner = [line[1:] for line in current[1:]]
        rows.append([current[0][0], *_solve_left(inner, current[0][1:])])
        columns.append([line[0] for line in current[1:]])
        # diag(1, M̂)·M becomes the matrix of the round before
        turned = [
            [
                sum(x * y for x, y in zip(line, column, strict=True)) % p
                for column in zip(*matrix[1:], strict=True)
            ]
            for line in inner
        ]
        current = [matrix[0], *turned]
    return current, rows[::-1], columns[::-1]


def _solve_left(matrix: Matrix, target: list[int]) -> list[int]:
    """Return u with u·matrix = target modulo r, by elimination on the transposed system."""
    p, size = R_MODULUS, len(target)
    system = [[matrix[j][i] for j in range(size)] + [target[i]] for i in range(size)]
    for i in range(size):
        pivot = next(k for k in range(i, size) if system[k][i] % p)
        system[i], system[pivot] = system[pivot], system[i]
        inverse = pow(system[i][i], -1, p)
        system[i] = [value * inverse % p for value in system[i]]
        for k in range(size):
            if k != i and system[k][i]:
                factor = system[k][i]
                system[k] = [(x - factor * y) % p for x, y in zip(system[k], system[i], strict=True)]
    return [line[-1] for line in system]


def _compact(values: Sequence[int]) -> NDArray[np.uint64]:
    blocks = fr.from_ints(values)
    return np.ascontiguousarray(np.swapaxes(blocks, -1, -2).reshape(-1, LIMBS)[: len(values)])
