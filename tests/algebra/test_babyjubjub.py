"""BabyJubJub against circomlibjs and against plain affine arithmetic."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkroll.algebra import babyjubjub
from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.reference import babyjubjub as reference
from zkroll.errors import InputError

VECTORS = json.loads((Path(__file__).parents[1] / "fixtures/circomlibjs/eddsa.json").read_text())
B = babyjubjub.BASE8


@pytest.mark.parametrize("vector", VECTORS["multiples_of_base8"], ids=lambda v: f"scalar {v['scalar'][:8]}")
def test_multiples_and_packing_equal_circomlibjs(vector: dict) -> None:
    point = (int(vector["point"][0]), int(vector["point"][1]))
    assert babyjubjub.multiply(B, int(vector["scalar"])) == point
    assert babyjubjub.pack_point(point).hex() == vector["packed"]
    assert babyjubjub.unpack_point(bytes.fromhex(vector["packed"])) == point


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**255))
def test_multiply_equals_the_reference(scalar: int) -> None:
    assert babyjubjub.multiply(B, scalar) == reference.multiply(B, scalar)


def test_addition_covers_identity_doubling_and_opposites() -> None:
    double = babyjubjub.multiply(B, 2)
    assert babyjubjub.add(B, B) == double == reference.add(B, B)
    assert babyjubjub.add(B, babyjubjub.IDENTITY) == B
    assert babyjubjub.add(B, babyjubjub.negate(B)) == babyjubjub.IDENTITY
    assert babyjubjub.add(babyjubjub.negate(double), B) == babyjubjub.negate(B)


def test_subgroup_holds_base8_and_not_a_point_of_order_two() -> None:
    assert babyjubjub.in_subgroup(B)
    order_two = (0, R_MODULUS - 1)
    assert babyjubjub.is_on_curve(order_two)
    assert not babyjubjub.in_subgroup(order_two)


@pytest.mark.parametrize("point", [(0, 0), (1, 1), (B[0], B[1] + 1), (B[0] + R_MODULUS, B[1]), (-1, 1)])
def test_points_off_the_curve_or_out_of_range_are_seen(point: tuple[int, int]) -> None:
    assert not babyjubjub.is_on_curve(point)


def _bad_encodings() -> list[bytes]:
    no_point = next(y for y in range(2, 50) if not _decodes(y.to_bytes(32, "little")))
    sign_of_zero = (1 | 1 << 255).to_bytes(32, "little")
    return [
        b"",
        bytes(31),
        bytes(33),
        R_MODULUS.to_bytes(32, "little"),
        no_point.to_bytes(32, "little"),
        sign_of_zero,
    ]


def _decodes(data: bytes) -> bool:
    try:
        babyjubjub.unpack_point(data)
    except InputError:
        return False
    return True


@pytest.mark.parametrize("data", _bad_encodings(), ids=lambda d: f"{len(d)} bytes {d[:1].hex()}")
def test_bad_encodings_are_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="babyjubjub point"):
        babyjubjub.unpack_point(data)


def test_negative_scalars_are_refused() -> None:
    with pytest.raises(InputError, match="scalar"):
        babyjubjub.multiply(B, -1)
