"""The form of Poseidon that the kernel computes: partial rounds with sparse matrices, in plain integers.

Source: the Poseidon paper (see `zkroll.algebra.reference.poseidon`), appendix B. Additions of constants to
elements without S-box are carried forward past the S-boxes, and each M = S·D is split so that D = diag(1, M̂),
which commutes with the S-box of the first element, moves to the round before. S costs 2t - 1 products, M t².
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from zkroll.algebra.constants import R_MODULUS as MODULUS
from zkroll.algebra.reference.poseidon import FULL_ROUNDS, MAX_WIDTH, mds, round_constants

Matrix = list[list[int]]


@dataclass(frozen=True)
class SparseForm:
    """Poseidon of one width t with R_P partial rounds; `matrix` is the MDS matrix.

    constants: 8 rows of t for the full rounds; before: the matrix of the last full round ahead of the partial
    ones. Partial round k is x_0 = (x_0 + scalars[k])^5, then (rows[k]·x, x_1 + columns[k][0]·x_0, …).
    """

    matrix: Matrix
    constants: Matrix
    before: Matrix
    scalars: list[int]
    rows: Matrix
    columns: Matrix

    @property
    def multiplications(self) -> int:
        """Field multiplications of one permutation, three for each S-box."""
        width, partial = len(self.matrix), len(self.scalars)
        boxes = FULL_ROUNDS * width + partial
        return 3 * boxes + FULL_ROUNDS * width * width + partial * (2 * width - 1)


@lru_cache(maxsize=MAX_WIDTH)
def sparse_form(width: int) -> SparseForm:
    """Return the form of width t = 2..17; raises InputError otherwise."""
    matrix = [list(row) for row in mds(width)]
    constants = [list(row) for row in round_constants(width)]
    full, scalars = _carry_constants(constants, matrix, FULL_ROUNDS // 2)
    before, rows, columns = _sparse(matrix, len(scalars))
    return SparseForm(matrix, full, before, scalars, rows, columns)


def poseidon_permutation(state: Sequence[int]) -> list[int]:
    """Return the permutation of t = 2..17 elements of [0, r), as the kernel computes it."""
    p, form = MODULUS, sparse_form(len(state))
    current = list(state)
    for index, row in enumerate(form.constants):
        boxed = [pow(x + c, 5, p) for x, c in zip(current, row, strict=True)]
        matrix = form.before if index == FULL_ROUNDS // 2 - 1 else form.matrix
        current = [_inner(line, boxed) for line in matrix]
        if index != FULL_ROUNDS // 2 - 1:
            continue
        for scalar, line, column in zip(form.scalars, form.rows, form.columns, strict=True):
            current[0] = pow(current[0] + scalar, 5, p)
            rest = [(x + c * current[0]) % p for x, c in zip(current[1:], column, strict=True)]
            current = [_inner(line, current), *rest]
    return current


def _inner(left: Sequence[int], right: Sequence[int]) -> int:
    return sum(x * y for x, y in zip(left, right, strict=True)) % MODULUS


def _carry_constants(constants: Matrix, matrix: Matrix, half: int) -> tuple[Matrix, list[int]]:
    """The constants of the full rounds, and the one constant left in each partial round.

    M·(S-box(x_0 + c_0), x' + c') = M·(S-box(x_0 + c_0), x') + M·(0, c'), whose last term joins the next row.
    """
    p = MODULUS
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
    p = MODULUS
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
    p, size = MODULUS, len(target)
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
