"""Packed polynomials: interleaving columns into one polynomial and the arithmetic of the opening rounds.

All arrays are block arrays of Fr (see ``zkroll.algebra.field``); a packed polynomial is kept slot by slot, slots of
one height as (k, n/8, 5, 8) coefficients, and only interleaved for a commitment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra import ntt
from zkroll.algebra.constants import R_MODULUS, root_of_unity
from zkroll.algebra.field import fr
from zkroll.algebra.kernels.emit import LANES
from zkroll.algebra.program import ADD, MUL, STORE, SUB, Program, run
from zkroll.verifier.packing import Group, Slot

Blocks = NDArray[np.uint64]


def slot_runs(group: Group, coefficients: Callable[[Slot], Blocks]) -> list[Blocks]:
    """The coefficients of a group's slots, those of one height together: (k, n/8, 5, 8) each, the tallest first."""
    return [
        np.stack([coefficients(slot) for slot in slots])
        for _, slots in groupby(group.slots, key=lambda slot: slot.height)
    ]


def interleave(runs: Sequence[Blocks]) -> NDArray[np.uint64]:
    """Coefficients of sum_i X^i f_i(X^t) as canonical limbs (t * height, 4).

    ``runs`` are the slots in order, those of one height as (k, n/8, 5, 8), the tallest first.
    """
    arity = sum(len(run) for run in runs)
    out = np.zeros((runs[0].shape[1] * LANES, arity, 4), dtype=np.uint64)
    start = 0
    for slots in runs:
        count, height = len(slots), slots.shape[1] * LANES
        limbs = fr.to_limbs(np.ascontiguousarray(slots)).reshape(count, height, 4)
        out[:height, start : start + count] = limbs.swapaxes(0, 1)
        start += count
    return out.reshape(-1, 4)


def split(columns: Blocks, pieces: int) -> Blocks:
    """Coefficients f_k of f(Y) = sum_k Y^k f_k(Y^pieces) for columns (w, n/8, 5, 8): (w * pieces, n/pieces/8, 5, 8)."""
    if pieces == 1:
        return columns
    width, blocks = columns.shape[:2]
    rows = columns.swapaxes(-1, -2).reshape(width, blocks * LANES // pieces, pieces, -1)
    parts = rows.swapaxes(1, 2).reshape(width * pieces, -1, LANES, columns.shape[2])
    return np.ascontiguousarray(parts.swapaxes(-1, -2))


def interpolate(values: Blocks) -> Blocks:
    """Columns given by their values on the trace domain, as coefficients (a copy)."""
    coefficients = values.copy()
    ntt.inverse(coefficients)
    return coefficients


def domain_points(height: int, shift: int = 1) -> Blocks:
    """shift * w^i for i < height."""
    points = fr.powers(root_of_unity(height.bit_length() - 1), height)
    return points if shift == 1 else fr.mul(points, shift)


def divide_by_points(
    slots: Blocks, points: Sequence[int], values: Sequence[Sequence[int]], scale: int
) -> Blocks:
    """scale * Y * (f_i - r_i)/prod_p (Y - p) for each slot f_i (k, n/8, 5, 8), r_i interpolating values[p][i] at
    points[p]; coefficients, of which the first is zero: the factor Y leaves them where they are computed.

    ``slots`` is overwritten. There are at least one and, or the result is zero, fewer than n points, none zero.
    """
    if len(points) == 1:
        return _divide_by_one(slots, points[0], values[0], scale)
    height = slots.shape[1] * LANES
    domain = domain_points(height)
    # The divided difference sum_p c_p (f_i - f_i(p))/(Y - p), c_p = 1/prod_(q != p) (p - q), on the trace domain.
    inverses = []
    for p in points:
        weight = scale
        for q in points:
            weight = weight if q == p else weight * pow(p - q, -1, R_MODULUS) % R_MODULUS
        inverses.append(fr.mul(fr.mul(fr.batch_inverse(fr.sub(domain, p)), domain), weight))
    ntt.forward(slots)
    constants = [value for at_point in values for value in at_point]
    out = run(_division_program(len(slots), len(points)), constants, [*slots, *inverses], height)
    ntt.inverse(out)
    return out


def _divide_by_one(slots: Blocks, point: int, values: Sequence[int], scale: int) -> Blocks:
    """For one point, without transforms: coefficient j of Y (f - f(p))/(Y - p) is -p^-j * sum_(i < j) g_i p^i with
    g = f - f(p). The sum of a whole slot is g(p) = 0, so one scan runs through all slots."""
    count, blocks = slots.shape[:2]
    height = blocks * LANES
    program = _scaling_program(count)
    terms = run(program, [], [*slots, fr.powers(point, height)], height)
    constants = np.zeros((count, LANES, 4), dtype=np.uint64)
    constants[:, 0] = fr.to_limbs(fr.from_ints(values), count)
    terms[:, 0] = fr.sub(np.ascontiguousarray(terms[:, 0]), fr.from_array(constants.reshape(-1, 4)))
    below = fr.prefix_sum(terms.reshape(-1, *slots.shape[2:])).reshape(slots.shape)
    weights = fr.mul(fr.powers(pow(point, -1, R_MODULUS), height), -scale % R_MODULUS)
    return run(program, [], [*below, weights], height)


@lru_cache(maxsize=512)
def _scaling_program(slots: int) -> Program:
    """out_i = f_i * w, for columns f_0.., w."""
    code = [row for i in range(slots) for row in ((MUL, 0, 1 + i, 1 + slots), (STORE, i, 0, 0))]
    return Program(
        n_registers=1,
        code=np.array(code, dtype=np.int32),
        n_constants=0,
        n_columns=slots + 1,
        n_outputs=slots,
    )


@lru_cache(maxsize=512)
def _division_program(slots: int, points: int) -> Program:
    """out_i = sum_p (f_i - v_(p,i)) * e_p, for columns f_0.., e_0.."""
    constant, column = 2, 2 + slots * points
    code = []
    for i in range(slots):
        for p in range(points):
            code.append((SUB, min(p, 1), column + i, constant + p * slots + i))
            code.append((MUL, min(p, 1), min(p, 1), column + slots + p))
            if p:
                code.append((ADD, 0, 0, 1))
        code.append((STORE, i, 0, 0))
    return Program(
        n_registers=2, code=np.array(code, dtype=np.int32), n_constants=slots * points, n_columns=slots + points,
        n_outputs=slots,
    )  # fmt: skip


def divide_by_linear(coefficients: Blocks, point: int) -> NDArray[np.uint64]:
    """P/(X - point) for P with P(point) = 0, point nonzero, given by blocks; the quotient's canonical limbs.

    q_(j-1) = sum_(i >= j) P_i point^(i-j) = -point^(-j) * sum_(i < j) P_i point^i.
    """
    size = coefficients.shape[0] * LANES
    below = fr.prefix_sum(fr.mul(coefficients, fr.powers(point, size)))
    quotient = fr.mul(below, fr.neg(fr.powers(pow(point, -1, R_MODULUS), size)))
    return fr.to_limbs(quotient, size)[1:]


def vandermonde_inverse(nodes: Sequence[int]) -> list[list[int]]:
    """The inverse of the matrix nodes[j]^k, row k giving coefficient k from the values (Lagrange)."""
    size = len(nodes)
    rows = [[0] * size for _ in range(size)]
    for j, node in enumerate(nodes):
        basis, denominator = [1], 1
        for other in nodes:
            if other == node:
                continue
            basis = [
                ((basis[k - 1] if k else 0) - other * (basis[k] if k < len(basis) else 0)) % R_MODULUS
                for k in range(len(basis) + 1)
            ]
            denominator = denominator * (node - other) % R_MODULUS
        scale = pow(denominator, -1, R_MODULUS)
        for k in range(size):
            rows[k][j] = basis[k] * scale % R_MODULUS
    return rows
