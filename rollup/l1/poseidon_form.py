"""Poseidon with partial rounds that all have the same few constants: the form that the EVM computes.

A partial round is x_0 = (x_0 + c_k)^5, then x = M·x. With M = [[m, v], [w, N]] and s = x_0 after the S-box, the
partial rounds are a linear system with one input s and one output u, the next x_0, over a state of t - 1 elements:

    u' = m·s + v·x        x' = N·x + w·s

Only c_k changes from round to round, so a change of basis fits all of them at once. In the basis x = B·y with the
columns b_1 = w, b_{i+1} = N·b_i + p_i·w, where p_i are the coefficients of N's characteristic polynomial
z^n + p_1·z^(n-1) + … + p_n, the system is a shift register (its controllable canonical form; Kailath, "Linear
Systems", 1980, section 2.1):

    u' = m·s + Σ taps_i·y_i        y' = (s + Σ feedback_i·y_i, y_1, …, y_{n-1})

with taps = v·B and feedback = -p. A round costs 2t - 1 products, as with the sparse matrices of
`zkroll.algebra.reference.poseidon_sparse`, but by 2t - 1 constants in all instead of 2t - 1 a round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from zkroll.algebra.constants import R_MODULUS as P
from zkroll.algebra.reference.poseidon import FULL_ROUNDS, MAX_WIDTH
from zkroll.algebra.reference.poseidon_sparse import Matrix, sparse_form
from zkroll.errors import InputError

HALF = FULL_ROUNDS // 2


@dataclass(frozen=True)
class ShiftForm:
    """Poseidon of one width t = n + 1; every matrix is a list of rows over Fr.

    constants: 8 rows of t for the full rounds; matrix: the MDS matrix; enter: diag(1, B⁻¹)·matrix, the matrix of
    the last full round ahead of the partial ones; scalars: c_k; direct: m; taps, feedback: n each; basis: B.
    """

    matrix: Matrix
    constants: Matrix
    enter: Matrix
    scalars: list[int]
    direct: int
    taps: list[int]
    feedback: list[int]
    basis: Matrix


@lru_cache(maxsize=MAX_WIDTH)
def shift_form(width: int) -> ShiftForm:
    """The form of width t = 3..17; raises InputError otherwise."""
    if not 3 <= width <= MAX_WIDTH:
        raise InputError(f"poseidon form: expected a width of 3 to {MAX_WIDTH}, got {width}")
    sparse = sparse_form(width)
    matrix = sparse.matrix
    inner = [row[1:] for row in matrix[1:]]
    column = [row[0] for row in matrix[1:]]
    coefficients = characteristic_polynomial(inner)
    columns = [column]
    for coefficient in coefficients[:-1]:
        turned = [_inner(row, columns[-1]) for row in inner]
        columns.append([(x + coefficient * w) % P for x, w in zip(turned, column, strict=True)])
    basis = [list(row) for row in zip(*columns, strict=True)]
    rest = _multiply(inverse(basis), matrix[1:])
    return ShiftForm(
        matrix=matrix,
        constants=sparse.constants,
        enter=[matrix[0], *rest],
        scalars=sparse.scalars,
        direct=matrix[0][0],
        taps=[_inner(matrix[0][1:], b) for b in columns],
        feedback=[-p % P for p in coefficients],
        basis=basis,
    )


def poseidon_permutation(state: Sequence[int]) -> list[int]:
    """The permutation of t = 3..17 elements of [0, r), in this form: the plan of the generated code."""
    form = shift_form(len(state))
    current = list(state)
    for index, row in enumerate(form.constants):
        boxed = [pow(x + c, 5, P) for x, c in zip(current, row, strict=True)]
        matrix = form.enter if index == HALF - 1 else form.matrix
        current = [_inner(line, boxed) for line in matrix]
        if index != HALF - 1:
            continue
        u, y = current[0], current[1:]
        for scalar in form.scalars:
            s = pow(u + scalar, 5, P)
            u = (form.direct * s + _inner(form.taps, y)) % P
            y = [(s + _inner(form.feedback, y)) % P, *y[:-1]]
        current = [u, *[_inner(line, y) for line in form.basis]]
    return current


def characteristic_polynomial(matrix: Matrix) -> list[int]:
    """The coefficients p_1..p_n of det(z - N) = z^n + p_1·z^(n-1) + … + p_n, by Faddeev and LeVerrier."""
    size = len(matrix)
    coefficients: list[int] = []
    power = [[0] * size for _ in range(size)]
    last = 1
    for k in range(1, size + 1):
        shifted = [[x + (last if i == j else 0) for j, x in enumerate(row)] for i, row in enumerate(power)]
        power = _multiply(matrix, shifted)
        last = -sum(power[i][i] for i in range(size)) * pow(k, -1, P) % P
        coefficients.append(last)
    return coefficients


def inverse(matrix: Matrix) -> Matrix:
    """The inverse of a square matrix over Fr; raises InputError for a singular one."""
    size = len(matrix)
    system = [[*row, *(int(i == j) for j in range(size))] for i, row in enumerate(matrix)]
    for i in range(size):
        pivot = next((k for k in range(i, size) if system[k][i] % P), None)
        if pivot is None:
            raise InputError(f"matrix of {size} rows: expected an invertible one, got rank {i}")
        system[i], system[pivot] = system[pivot], system[i]
        scale = pow(system[i][i], -1, P)
        system[i] = [x * scale % P for x in system[i]]
        for k in range(size):
            if k != i and system[k][i]:
                factor = system[k][i]
                system[k] = [(x - factor * y) % P for x, y in zip(system[k], system[i], strict=True)]
    return [row[size:] for row in system]


def _multiply(left: Matrix, right: Matrix) -> Matrix:
    return [[_inner(row, column) for column in zip(*right, strict=True)] for row in left]


def _inner(left: Sequence[int], right: Sequence[int]) -> int:
    return sum(x * y for x, y in zip(left, right, strict=True)) % P
