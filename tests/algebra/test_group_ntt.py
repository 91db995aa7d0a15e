"""Transforms of points against the definition, transforms of their logarithms, and commitments."""

from __future__ import annotations

from typing import Any

import pytest
from support.groups import GROUPS

from zkroll.algebra import group_ntt, kzg
from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.constants import root_of_unity
from zkroll.algebra.curve import G1Points, fixed_base_g1, fixed_base_g2
from zkroll.algebra.field import fr
from zkroll.algebra.kernels.emit import Backend
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.msm import msm_g1
from zkroll.algebra.reference import group_ntt as reference
from zkroll.errors import InputError

BACKENDS: list[Backend] = sorted({"portable", host_backend()})
FIXED: dict[str, Any] = {"g1": fixed_base_g1, "g2": fixed_base_g2}


def transformed(values: list[int]) -> list[int]:
    root, n = root_of_unity(len(values).bit_length() - 1), len(values)
    return [sum(v * pow(root, i * j % n, R) for i, v in enumerate(values)) % R for j in range(n)]


@pytest.mark.parametrize("name", ["g1", "g2"])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("log_n", [0, 1, 2, 3, 5])
def test_transforms_follow_those_of_the_logarithms(name: str, backend: Backend, log_n: int) -> None:
    n = 1 << log_n
    logs = [0 if i % 5 == 3 else pow(3, i, R) for i in range(n)]
    points = FIXED[name](fr.from_ints(logs), n)
    result = group_ntt.forward(points, backend=backend)
    assert result.to_bytes() == FIXED[name](fr.from_ints(transformed(logs)), n).to_bytes()
    assert group_ntt.inverse(result, backend=backend).to_bytes() == points.to_bytes()


def test_both_directions_equal_the_definition() -> None:
    points = [GROUPS["g1"].multiple(k) for k in (5, 0, -5, 1, 1, 1, 77, R - 2)]
    assert group_ntt.forward(G1Points.from_ints(points)).to_ints() == reference.forward(points)
    assert group_ntt.inverse(G1Points.from_ints(points)).to_ints() == reference.inverse(points)


@pytest.mark.parametrize("threads", [1, 2])
def test_slices_and_threads_change_nothing(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    n = 256
    points = fixed_base_g1(fr.powers(11, n), n)
    expected = group_ntt.inverse(points).to_bytes()
    monkeypatch.setattr(group_ntt, "_SLICE", 24)
    assert group_ntt.inverse(points, threads).to_bytes() == expected


def test_values_and_coefficients_commit_to_the_same_point() -> None:
    n = 64
    srs = kzg.development_srs(n)
    coefficients = [pow(7, i * i, R) for i in range(n)]
    basis = group_ntt.lagrange_basis(srs)
    assert msm_g1(basis, fr.from_ints(transformed(coefficients))) == kzg.commit(
        srs, fr.from_ints(coefficients), n
    )
    # the basis sums to the commitment of 1
    assert msm_g1(basis, fr.full(n, 1)) == srs.g1[0]
    assert group_ntt.lagrange_basis(srs.g1, 8).to_bytes() == group_ntt.inverse(srs.g1[:8]).to_bytes()


def test_equal_and_infinite_points_transform_too() -> None:
    for points in ([None] * 8, [(1, 2)] * 8, [(1, 2), *[None] * 7]):
        assert group_ntt.forward(G1Points.from_ints(points)).to_ints() == reference.forward(points)


@pytest.mark.parametrize("n", [0, 3, 6, 100])
def test_numbers_of_points_that_are_no_power_of_two_are_refused(n: int) -> None:
    points = G1Points.from_ints([(1, 2)] * n)
    for transform in (group_ntt.forward, group_ntt.inverse):
        with pytest.raises(InputError, match="expected a power of two"):
            transform(points)


def test_more_powers_than_there_are_cannot_be_asked_for() -> None:
    srs = kzg.development_srs(4)
    for n in (0, -1, 5, 8):
        with pytest.raises(InputError, match="lagrange_basis: expected 1 to 4 powers"):
            group_ntt.lagrange_basis(srs, n)
