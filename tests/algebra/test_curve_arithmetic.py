"""Sums and multiples of vectors of points, in both groups and on both back ends, against py_ecc."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.groups import GROUPS

from zkroll.algebra import point_rows
from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.curve import (
    G1Points,
    G2Points,
    add,
    combination,
    double,
    fixed_base_g1,
    fixed_base_g2,
    multiply,
    negate,
    subtract,
)
from zkroll.algebra.field import fr
from zkroll.algebra.kernels.emit import Backend
from zkroll.algebra.kernels.endomorphism import LAMBDA, PSI_EIGENVALUE, eigenvalue
from zkroll.algebra.kernels.jit import host_backend
from zkroll.errors import InputError

BACKENDS: list[Backend] = sorted({"portable", host_backend()})
RANDOM = random.Random(3)
FIXED: dict[str, Any] = {"g1": fixed_base_g1, "g2": fixed_base_g2}
SCALARS = [
    *(0, 1, 2, 3, 15, 16, 17, 31, 32, 33, R - 1, R - 2, R, R + 1, 2**256 - 1, -1, -5, 10 * R + 7),
    *(R // 2, R // 2 + 1, 1 << 253, LAMBDA, R - LAMBDA, LAMBDA + 1, PSI_EIGENVALUE, PSI_EIGENVALUE**2),
    *(RANDOM.randrange(R) for _ in range(6)),
]

both_groups = pytest.mark.parametrize("name", ["g1", "g2"])
both_backends = pytest.mark.parametrize("backend", BACKENDS)


@both_groups
@both_backends
def test_sums_hold_for_equal_opposite_and_infinite_points(name: str, backend: Backend) -> None:
    group = GROUPS[name]
    numbers = range(-3, 4)
    pairs = [(i, j) for i in numbers for j in numbers]
    a, b = (group.kind.from_ints(group.multiple(pair[side]) for pair in pairs) for side in (0, 1))
    assert add(a, b, backend=backend).to_ints() == [group.multiple(i + j) for i, j in pairs]
    assert subtract(a, b, backend=backend).to_ints() == [group.multiple(i - j) for i, j in pairs]
    assert double(a, backend=backend).to_ints() == [group.multiple(2 * i) for i, _ in pairs]
    assert negate(a, backend=backend).to_ints() == [group.multiple(-i) for i, _ in pairs]


@both_groups
@both_backends
def test_multiples_equal_py_ecc(name: str, backend: Backend) -> None:
    group = GROUPS[name]
    factors = [RANDOM.randrange(1, R) for _ in SCALARS]
    points = group.kind.from_ints(group.multiple(factor) for factor in factors)
    expected = [group.multiply(group.multiple(f), s % R) for f, s in zip(factors, SCALARS, strict=True)]
    assert multiply(points, SCALARS, backend=backend).to_ints() == expected


@both_groups
@settings(max_examples=15, deadline=None)
@given(
    scalars=st.lists(
        st.one_of(st.sampled_from([0, 1, R - 1, R, R + 1, 2**256 - 1]), st.integers(0, 2**256 - 1)),
        min_size=1,
        max_size=12,
    ),
    zeros=st.sets(st.integers(0, 11)),
)
def test_multiples_of_any_points_by_any_scalars(name: str, scalars: list[int], zeros: set[int]) -> None:
    group, n = GROUPS[name], len(scalars)
    factors = [0 if i in zeros else 3 + i for i in range(n)]
    points = group.kind.from_ints(group.multiple(factor) for factor in factors)
    expected = FIXED[name](fr.from_ints(f * s for f, s in zip(factors, scalars, strict=True)), n)
    assert multiply(points, scalars).to_ints() == expected.to_ints()


@both_groups
@pytest.mark.parametrize("threads", [1, 2])
def test_many_multiples_on_any_number_of_threads(
    name: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(point_rows, "_TOGETHER", 256)
    n = 1001
    factors, scalars = fr.powers(5, n), fr.powers(7, n)
    points = FIXED[name](factors, n)
    expected = FIXED[name](fr.mul(factors, scalars), n).to_bytes()
    assert multiply(points, scalars, threads).to_bytes() == expected
    total = FIXED[name](fr.add(factors, fr.mul(factors, scalars)), n).to_bytes()
    assert add(points, multiply(points, scalars, threads), threads).to_bytes() == total


@both_groups
def test_scalars_near_powers_of_the_endomorphism_meet_no_special_addition(name: str) -> None:
    """d·μ^j and their sums have few digits in one basis of the lattice and could have equal summands in another."""
    group = GROUPS[name]
    mu = eigenvalue(group.kind.group)
    scalars = [sign * d * mu**j for j in range(4) for d in range(40) for sign in (1, -1)]
    scalars += [
        mu**i + d * mu**j for i in range(4) for j in range(4) for d in (-33, -32, -2, -1, 1, 2, 32, 33)
    ]
    n = len(scalars)
    points = group.kind.from_ints([group.generator] * n)
    expected = FIXED[name](fr.from_ints(scalars), n)
    assert multiply(points, scalars).to_bytes() == expected.to_bytes()


@both_groups
@both_backends
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 13])
def test_combinations_are_sums_of_multiples(name: str, backend: Backend, n: int) -> None:
    group, random_ = GROUPS[name], random.Random(n)
    known = [random_.choice([0, 1, -1, 5, 7]) for _ in range(n)]
    scalars = [random_.choice(SCALARS) for _ in range(n)]
    points = group.kind.from_ints(map(group.multiple, known))
    total = combination(points, scalars, backend=backend)
    assert total.to_ints() == [group.multiple(sum(k * s for k, s in zip(known, scalars, strict=True)) % R)]


@both_groups
def test_combinations_whose_terms_cancel_are_infinity(name: str) -> None:
    group = GROUPS[name]
    points = group.kind.from_ints(map(group.multiple, (3, -3, 6)))
    assert combination(points, [2, 4, 1])[0] is None
    with pytest.raises(InputError, match="at least one point, got none"):
        combination(points[:0], [])


@both_groups
def test_one_scalar_serves_all_points(name: str) -> None:
    group = GROUPS[name]
    points = group.kind.from_ints(group.multiple(k) for k in range(10))
    assert multiply(points, 12345).to_ints() == [group.multiple(12345 * k) for k in range(10)]
    assert multiply(points, -2).to_ints() == [group.multiple(-2 * k) for k in range(10)]


@both_groups
def test_scalars_come_as_integers_words_or_blocks(name: str) -> None:
    group = GROUPS[name]
    points = group.kind.from_ints([group.multiple(9)] * 5)
    values = [3, 1, 4, 1, 5]
    expected = [group.multiple(9 * value) for value in values]
    words = np.zeros((5, 4), dtype=np.uint64)
    words[:, 0] = values
    for scalars in (
        values,
        tuple(values),
        np.array(values),
        np.array(values, np.uint8),
        words,
        fr.from_ints(values),
    ):
        assert multiply(points, scalars).to_ints() == expected


@both_groups
def test_read_only_and_mapped_rows_serve_every_function(name: str, tmp_path: Path) -> None:
    group = GROUPS[name]
    points = group.kind.from_ints(group.multiple(k) for k in range(9))
    points.save(tmp_path / "points.npy")
    mapped = group.kind.open(tmp_path / "points.npy")
    assert not mapped.rows.flags.writeable
    assert mapped.to_ints() == points.to_ints()
    assert add(mapped, mapped[::-1]).to_ints() == [group.multiple(8)] * 9
    assert multiply(mapped, 3).to_ints() == [group.multiple(3 * k) for k in range(9)]
    assert mapped.to_bytes("compressed") == points.to_bytes("compressed")


@both_groups
def test_no_points_give_no_points(name: str) -> None:
    empty = GROUPS[name].kind.from_ints([])
    for result in (add(empty, empty), double(empty), negate(empty), multiply(empty, []), multiply(empty, 5)):
        assert result.n == 0


def test_points_of_other_groups_or_numbers_are_refused() -> None:
    g1, g2 = G1Points.from_ints([(1, 2)]), G2Points.from_ints([GROUPS["g2"].generator])
    with pytest.raises(InputError, match="add: expected as many points of one group"):
        add(g1, g2)  # type: ignore[type-var]
    with pytest.raises(InputError, match="subtract: expected as many"):
        subtract(g1, G1Points.from_ints([(1, 2)] * 2))


@pytest.mark.parametrize(
    "scalars",
    [
        [1],
        [1, 2, 3],
        np.zeros(3, np.int64),
        np.zeros((1, 4), np.uint64),
        np.zeros((0, 5, 8), np.uint64),
        np.zeros((2, 5, 8), np.uint64),
        [1.0, 2.0],
        ["1", "2"],
        np.zeros(2, np.float64),
        np.full((2, 4), 2**64 - 1, np.uint64),
        np.zeros((2, 5), np.uint64),
    ],
    ids=str,
)
def test_scalars_that_do_not_fit_are_refused(scalars: Any) -> None:
    with pytest.raises(InputError):
        multiply(G1Points.from_ints([(1, 2)] * 2), scalars)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"\0" * 64, b"PK\3\4" + b"\0" * 60])
def test_files_of_another_kind_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "points.npy"
    path.write_bytes(content)
    with pytest.raises(InputError, match="expected a file of points"):
        G1Points.open(path)


def test_files_of_the_other_group_and_truncated_ones_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "points.npy"
    G1Points.from_ints([(1, 2)] * 4).save(path)
    with pytest.raises(InputError, match="G2Points: expected rows"):
        G2Points.open(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="expected a file of points"):
        G1Points.open(path)
    with pytest.raises(InputError, match="expected a file of points"):
        G1Points.open(tmp_path)
    with pytest.raises(InputError, match="cannot be written"):
        G1Points.from_ints([]).save(tmp_path / "none" / "points.npy")
