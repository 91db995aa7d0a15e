"""The endomorphisms and the splitting of scalars: eigenvalues, lattices, bounds, digits."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.groups import GROUPS, TWIST_COFACTOR

from zkroll.algebra.constants import Q_MODULUS as Q
from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.field import address, fr
from zkroll.algebra.kernels.decomposition_kernels import decomposition_kernels
from zkroll.algebra.kernels.emit import LANES, Backend
from zkroll.algebra.kernels.endomorphism import (
    BETA,
    CURVE_X,
    LAMBDA,
    PSI_EIGENVALUE,
    WINDOW,
    basis,
    coordinates_of_one,
    eigenvalue,
    psi_factors,
    splitting,
)
from zkroll.algebra.kernels.groups import G1, G2, Group
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.reference import endomorphism as reference

BACKENDS: list[Backend] = sorted({"portable", host_backend()})
EDGES = [
    0,
    1,
    2,
    15,
    16,
    31,
    32,
    R // 2,
    R // 2 + 1,
    R - 2,
    R - 1,
    LAMBDA,
    R - LAMBDA,
    PSI_EIGENVALUE,
    PSI_EIGENVALUE**3 % R,
    1 << 253,
]


def determinant(rows: Sequence[Sequence[int]]) -> int:
    if not rows:
        return 1
    minors = ([row[:j] + row[j + 1 :] for row in map(list, rows[1:])] for j in range(len(rows)))
    return sum((-1) ** j * rows[0][j] * determinant(minor) for j, minor in enumerate(minors))


def test_the_curve_is_the_member_x_of_its_family() -> None:
    x = CURVE_X
    assert 36 * x**4 + 36 * x**3 + 24 * x**2 + 6 * x + 1 == Q
    assert Q - 6 * x**2 == R


def test_phi_multiplies_by_lambda() -> None:
    x, y = GROUPS["g1"].generator
    assert (LAMBDA * LAMBDA + LAMBDA + 1) % R == 0
    assert GROUPS["g1"].multiple(LAMBDA) == (BETA * x % Q, y)


@pytest.mark.parametrize("power", [1, 2, 3])
def test_psi_multiplies_by_its_eigenvalue(power: int) -> None:
    group = GROUPS["g2"]
    factors = psi_factors(power)
    point = []
    for (a, b), (c, d) in zip(group.generator, factors, strict=True):
        b = -b if power % 2 else b
        point.append(((a * c - b * d) % Q, (a * d + b * c) % Q))
    assert group.multiple(PSI_EIGENVALUE**power) == tuple(point)
    assert PSI_EIGENVALUE % R == Q % R


@pytest.mark.parametrize("group", [G1, G2], ids=lambda group: group.name)
def test_basis_vectors_lie_in_the_lattice_and_span_it(group: Group) -> None:
    mu = eigenvalue(group)
    assert all(sum(v * mu**j for j, v in enumerate(row)) % R == 0 for row in basis(group))
    # the lattice has index r, and so has what a basis with determinant ±r spans
    assert abs(determinant(basis(group))) == R
    one = coordinates_of_one(group)
    assert all((c * R).denominator == 1 for c in one)


@pytest.mark.parametrize("group", [G1, G2], ids=lambda group: group.name)
def test_parts_stay_below_what_the_digits_hold(group: Group) -> None:
    windows = splitting(group).windows
    columns = zip(*basis(group), strict=True)
    largest = max(sum(abs(v) for v in column) for column in columns) * 0.501
    # the highest digit takes what the others, of 16 each, leave
    others = sum(16 << (WINDOW * w) for w in range(windows - 1))
    assert (largest + others) / (1 << (WINDOW * (windows - 1))) < 16


@pytest.mark.parametrize("group", [G1, G2], ids=lambda group: group.name)
@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=30, deadline=None)
@given(scalars=st.lists(st.one_of(st.sampled_from(EDGES), st.integers(0, R - 1)), min_size=8, max_size=16))
def test_digits_make_up_the_scalar(group: Group, backend: Backend, scalars: list[int]) -> None:
    scalars = scalars[: len(scalars) // LANES * LANES]
    n, tables = len(scalars), splitting(group)
    digits = np.zeros((tables.parts * tables.windows, n), dtype=np.int8)
    words = fr.to_limbs(fr.from_ints(scalars), n)
    decomposition_kernels(group, backend).digits(address(digits), n, address(words), 0, n // LANES)
    assert abs(digits.astype(int)).max() <= 16
    for i, scalar in enumerate(scalars):
        rows = digits[:, i].reshape(tables.parts, tables.windows).tolist()
        parts = [sum(digit << (WINDOW * w) for w, digit in enumerate(row)) for row in rows]
        assert sum(part * eigenvalue(group) ** j for j, part in enumerate(parts)) % R == scalar
        assert [reference.digits(part, group) for part in parts] == rows
        for part, column in zip(parts, zip(*basis(group), strict=True), strict=True):
            assert abs(part) <= 0.501 * sum(abs(v) for v in column)


def test_zero_has_no_digits() -> None:
    for group in (G1, G2):
        tables = splitting(group)
        digits = np.ones((tables.parts * tables.windows, LANES), dtype=np.int8)
        words = np.zeros((LANES, 4), dtype=np.uint64)
        decomposition_kernels(group, host_backend()).digits(address(digits), LANES, address(words), 0, 1)
        assert not digits.any()


def test_the_subgroup_relation_has_no_factor_in_common_with_the_cofactor() -> None:
    """With trace t = 6x² + 1, ψ² = t·ψ - q: f(ψ) = a + b·ψ has the norm a² + t·a·b + q·b²."""
    t, x = 6 * CURVE_X**2 + 1, CURVE_X
    power, coefficients = (1, 0), (x + 1, x, x, -2 * x)
    a = b = 0
    for coefficient in coefficients:
        a, b = a + coefficient * power[0], b + coefficient * power[1]
        power = (-Q * power[1], power[0] + t * power[1])
    norm = a * a + t * a * b + Q * b * b
    assert norm % R == 0
    assert gcd(norm, TWIST_COFACTOR) == 1
    assert TWIST_COFACTOR % R != 0
