"""Quotients: constraint evaluation over cosets, and the two rounds of columns that depend on challenges.

A chip of degree d is evaluated on d - 1 cosets s_j H. There Z_H is the constant c_j - 1 with c_j = s_j^n, and
the quotient q = sum_k X^(k n) q_k restricts to p_j = sum_k c_j^k q_k, of degree below n: an inverse transform
per coset and a (d-1) x (d-1) Vandermonde system give the pieces, whatever d is.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zkroll.algebra import ntt
from zkroll.algebra.constants import FR_GENERATOR, R_MODULUS, root_of_unity
from zkroll.algebra.field import fr
from zkroll.algebra.program import run
from zkroll.circuits.air.layout import ChipLayout
from zkroll.circuits.air.witness import ChipTrace, selectors_on_trace
from zkroll.prover.polynomials import Blocks, domain_points, vandermonde_inverse


def helper_columns(layout: ChipLayout, trace: ChipTrace, challenges: Mapping[str, int]) -> tuple[Blocks, int]:
    """The chip's bus helper columns as values (width, n/8, 5, 8), and its sum over all rows."""
    n = trace.height
    compiled = layout.helper_program
    placeholders = fr.zeros(n)
    columns = [
        *trace.preprocessed, *trace.main, *[placeholders] * layout.logup.width, *selectors_on_trace(n),
    ]  # fmt: skip
    fractions = run(compiled.program, compiled.resolve(challenges), columns, n)
    denominators = np.ascontiguousarray(fractions[0::2])
    numerators = np.ascontiguousarray(fractions[1::2])
    flat = fr.batch_inverse(denominators.reshape(-1, 5, 8)).reshape(denominators.shape)
    terms = fr.mul(numerators, flat)
    row_sum = terms[0]
    for term in terms[1:]:
        row_sum = fr.add(row_sum, term)
    chip_sum = fr.sum(row_sum)
    per_row = chip_sum * pow(n, -1, R_MODULUS) % R_MODULUS
    out = terms.copy()
    out[-1] = fr.prefix_sum(fr.sub(row_sum, per_row), n)
    return out, chip_sum


def coset_selectors(height: int, shift: int) -> list[Blocks]:
    """First, last and transition selectors on shift * H, as the verifier evaluates them."""
    points = domain_points(height, shift)
    last_root = pow(root_of_unity(height.bit_length() - 1), -1, R_MODULUS)
    vanishing = (pow(shift, height, R_MODULUS) - 1) * pow(height, -1, R_MODULUS) % R_MODULUS
    transition = fr.sub(points, last_root)
    first = fr.mul(fr.batch_inverse(fr.sub(points, 1)), vanishing)
    last = fr.mul(fr.batch_inverse(transition), vanishing * last_root % R_MODULUS)
    return [first, last, transition]


def quotient_pieces(
    layout: ChipLayout, coefficients: list[Blocks], height: int, challenges: Mapping[str, int]
) -> Blocks:
    """Coefficients of the pieces (pieces, n/8, 5, 8); ``coefficients`` are all columns' in program order,
    given as one (width, n/8, 5, 8) array per stage."""
    compiled = layout.folded_program
    constants = compiled.resolve(challenges)
    shifts = [pow(FR_GENERATOR, j + 1, R_MODULUS) for j in range(layout.quotient_pieces)]
    nodes = [pow(shift, height, R_MODULUS) for shift in shifts]
    parts = []
    for shift, node in zip(shifts, nodes, strict=True):
        values: list[Blocks] = []
        for stage in coefficients:
            on_coset = stage.copy()
            if on_coset.shape[0]:
                ntt.forward(on_coset, shift)
            values.extend(on_coset)
        (folded,) = run(compiled.program, constants, [*values, *coset_selectors(height, shift)], height)
        part = fr.mul(folded, pow(node - 1, -1, R_MODULUS))
        ntt.inverse(part[None], shift)
        parts.append(part)
    pieces = []
    for row in vandermonde_inverse(nodes):
        piece = fr.mul(parts[0], row[0])
        for part, weight in zip(parts[1:], row[1:], strict=True):
            piece = fr.add(piece, fr.mul(part, weight))
        pieces.append(piece)
    return np.stack(pieces)
