"""Packed polynomials: interleaving columns into one polynomial and the arithmetic of the opening rounds.

All arrays are block arrays of Fr (see ``zkroll.algebra.field``); a packed polynomial of arity t and height n
is kept slot by slot as (t, n/8, 5, 8) coefficients and only interleaved for a commitment.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra import ntt
from zkroll.algebra.constants import R_MODULUS, root_of_unity
from zkroll.algebra.field import fr
from zkroll.algebra.program import Program, run

Blocks = NDArray[np.uint64]


def interleave(slots: Sequence[Blocks], height: int) -> NDArray[np.uint64]:
    """Coefficients of sum_i X^i f_i(X^t) as canonical limbs (t * height, 4)."""
    arity = len(slots)
    out = np.empty((height, arity, 4), dtype=np.uint64)
    for i, slot in enumerate(slots):
        out[:, i] = fr.to_limbs(slot, height)
    return out.reshape(height * arity, 4)


def interpolate(values: Blocks) -> Blocks:
    """Columns given by their values on the trace domain, as coefficients (a copy)."""
    coefficients = values.copy()
    ntt.inverse(coefficients)
    return coefficients


def domain_points(height: int, shift: int = 1) -> Blocks:
    """shift * w^i for i < height."""
    points = fr.powers(root_of_unity(height.bit_length() - 1), height)
    return points if shift == 1 else fr.mul(points, shift)


def divide_by_pair(
    slots: Blocks, height: int, here: Sequence[int], there: Sequence[int], zeta: int
) -> Blocks:
    """Slot by slot (f_i - r_i)/((Y - zeta)(Y - zeta w)), r_i the line through the given values; coefficients.

    Done on the values over the trace domain, where the divisor is one vector for all slots: no recurrence.
    """
    shifted = zeta * root_of_unity(height.bit_length() - 1) % R_MODULUS
    points = domain_points(height)
    distance = fr.sub(points, zeta)
    inverse = fr.batch_inverse(fr.mul(distance, fr.sub(points, shifted)))
    values = slots.copy()
    ntt.forward(values)
    span = pow(shifted - zeta, -1, R_MODULUS)
    constants = [*here, *((b - a) * span % R_MODULUS for a, b in zip(here, there, strict=True))]
    out = run(_division_program(len(here)), constants, [*values, distance, inverse], height)
    ntt.inverse(out)
    return out


def _division_program(slots: int) -> Program:
    """out_i = (f_i - a_i - m_i * distance) * inverse, for columns f_0.., distance, inverse."""
    constant, column = 2, 2 + 2 * slots
    code = []
    for i in range(slots):
        code += [
            (2, 0, constant + slots + i, column + slots),
            (1, 1, column + i, constant + i),
            (1, 0, 1, 0),
            (2, 0, 0, column + slots + 1),
            (3, i, 0, 0),
        ]
    return Program(
        n_registers=2, code=np.array(code, dtype=np.int32), n_constants=2 * slots, n_columns=slots + 2,
        n_outputs=slots,
    )  # fmt: skip


def divide_by_linear(coefficients: Blocks, size: int, point: int) -> Blocks:
    """P/(X - point) for a polynomial of ``size`` coefficients (a power of two) with P(point) = 0."""
    values = coefficients.copy()
    ntt.forward(values[None])
    inverse = fr.batch_inverse(fr.sub(domain_points(size), point))
    quotient = fr.mul(values, inverse)
    ntt.inverse(quotient[None])
    return quotient


def pad(limbs: NDArray[np.uint64], size: int) -> Blocks:
    """Canonical limbs (m, 4) as a block array of ``size`` elements, zero-padded."""
    out = fr.zeros(size)
    part = fr.from_array(limbs)
    out[: part.shape[0]] = part
    return out


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
