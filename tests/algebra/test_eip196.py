"""Addition and multiplication as the precompiled contracts define them: published vectors and failures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.groups import GROUPS

from zkroll.algebra.constants import Q_MODULUS as Q
from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.eip196 import eip196_add, eip196_mul
from zkroll.errors import InputError

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "precompile-vectors"
GENERATOR = (1).to_bytes(32, "big") + (2).to_bytes(32, "big")


def encoded(k: int) -> bytes:
    point = GROUPS["g1"].multiple(k)
    return bytes(64) if point is None else b"".join(value.to_bytes(32, "big") for value in point)


@pytest.mark.skipif(not VECTORS.is_dir(), reason="the published vectors are not there")
@pytest.mark.parametrize("name", ["Add", "ScalarMul"])
def test_published_vectors(name: str) -> None:
    run = eip196_add if name == "Add" else eip196_mul
    cases = json.loads((VECTORS / f"bn256{name}.json").read_text())
    assert len(cases) > 10
    for case in cases:
        assert run(bytes.fromhex(case["Input"])).hex() == case["Expected"], case["Name"]


def test_short_input_is_padded_with_zeros_and_long_input_cut() -> None:
    assert eip196_add(b"") == eip196_mul(b"") == bytes(64)
    assert eip196_add(GENERATOR) == GENERATOR
    assert eip196_add(GENERATOR + GENERATOR + b"\xff" * 9) == encoded(2)
    assert eip196_mul(GENERATOR) == bytes(64)
    assert eip196_mul(GENERATOR + b"\x01") == encoded(1 << 248)
    assert eip196_mul(GENERATOR + (3).to_bytes(32, "big") + b"\xff") == encoded(3)


@pytest.mark.parametrize("scalar", [0, 1, R - 1, R, R + 1, 2**256 - 1])
def test_scalars_are_taken_modulo_r(scalar: int) -> None:
    assert eip196_mul(GENERATOR + scalar.to_bytes(32, "big")) == encoded(scalar)


def test_opposite_points_cancel() -> None:
    assert eip196_add(encoded(5) + encoded(-5)) == bytes(64)


@pytest.mark.parametrize("point", [(1, 3), (0, 1), (1, Q + 2), (Q + 1, 2), (2**256 - 1, 0), (Q, 0)])
def test_points_off_the_curve_or_not_canonical_fail(point: tuple[int, int]) -> None:
    data = b"".join(value.to_bytes(32, "big") for value in point)
    for run in (eip196_add, eip196_mul):
        with pytest.raises(InputError, match="g1 points: point 0"):
            run(data)
    with pytest.raises(InputError, match="g1 points: point 1"):
        eip196_add(GENERATOR + data)
