"""Multiples of one base in both groups, with tables of each width."""

from __future__ import annotations

import random
from typing import Any

import pytest
from support.groups import GROUPS, outside

from zkroll.algebra import fixed_base
from zkroll.algebra.constants import Q_MODULUS as Q
from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.curve import GENERATOR_G2, fixed_base_g1, fixed_base_g2, multiply
from zkroll.algebra.field import fr
from zkroll.algebra.kernels.emit import Backend
from zkroll.algebra.kernels.jit import host_backend
from zkroll.errors import InputError

BACKENDS: list[Backend] = sorted({"portable", host_backend()})
FIXED: dict[str, Any] = {"g1": fixed_base_g1, "g2": fixed_base_g2}
EDGES = [0, 1, 2, 127, 128, 129, 255, 256, 512, 513, R - 1, R // 2, R // 2 + 1, 1 << 253]


@pytest.mark.parametrize("name", ["g1", "g2"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_multiples_of_the_generator_equal_py_ecc(name: str, backend: Backend) -> None:
    numbers = random.Random(5)
    scalars = EDGES + [numbers.randrange(R) for _ in range(4)]
    got = FIXED[name](fr.from_ints(scalars), len(scalars), backend=backend)
    assert got.to_ints() == [GROUPS[name].multiple(k) for k in scalars]


@pytest.mark.parametrize("name", ["g1", "g2"])
def test_wide_and_narrow_tables_give_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scalars, n = fr.powers(R // 7, 40), 40
    scalars[:1] = fr.from_ints(EDGES[:8])
    expected = FIXED[name](scalars, n).to_bytes()
    monkeypatch.setattr(fixed_base, "_MANY_FROM", 1)
    assert FIXED[name](scalars, n).to_bytes() == expected


@pytest.mark.parametrize("name", ["g1", "g2"])
def test_another_base_gives_its_own_multiples(name: str) -> None:
    group, n = GROUPS[name], 1000
    scalars = fr.powers(3, n)
    base = group.multiple(99)
    got = FIXED[name](scalars, n, base, threads=2)
    assert got.to_bytes() == multiply(FIXED[name](scalars, n), 99).to_bytes()


@pytest.mark.parametrize("base", [None, (1, 3), (0, 0), (Q + 1, 2), (1,), (-1, 2), (1, 2, 3)], ids=str)
def test_bases_that_are_no_point_of_g1_are_refused(base: Any) -> None:
    with pytest.raises(InputError, match="fixed_base_g1: base"):
        fixed_base_g1(fr.from_ints([1]), 1, base)


@pytest.mark.parametrize(
    "base", [None, ((0, 0), (0, 0)), (GENERATOR_G2[1], GENERATOR_G2[0]), "outside", ((1, 2), (3, 4))], ids=str
)
def test_bases_that_are_no_point_of_g2_are_refused(base: Any) -> None:
    with pytest.raises(InputError, match="fixed_base_g2: base"):
        fixed_base_g2(fr.from_ints([1]), 1, outside(1)[0] if base == "outside" else base)


def test_more_multiples_than_scalars_are_refused() -> None:
    with pytest.raises(InputError):
        fixed_base_g1(fr.from_ints([1]), 9)
