"""Vectors over Fr as scalars of everything that takes scalars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from zkroll.algebra import FqVector, FrVector, fixed_base_g1, fixed_base_g2, msm_g1, msm_g2
from zkroll.algebra.curve import multiply
from zkroll.errors import InputError

SCALARS = FrVector.powers(7, 19)
POINTS = fixed_base_g1(SCALARS)
TWISTED = fixed_base_g2(SCALARS)


def test_a_vector_stands_for_its_blocks_and_its_length() -> None:
    blocks = SCALARS.blocks
    assert np.array_equal(POINTS.rows, fixed_base_g1(blocks, 19).rows)
    assert np.array_equal(TWISTED.rows, fixed_base_g2(blocks, 19).rows)
    assert msm_g1(POINTS, SCALARS) == msm_g1(POINTS, blocks, 19)
    assert msm_g2(TWISTED, SCALARS) == msm_g2(TWISTED, blocks, 19)
    assert multiply(POINTS, SCALARS).to_ints() == multiply(POINTS, blocks).to_ints()


def test_the_sum_over_multiples_of_one_point_is_the_inner_product() -> None:
    assert msm_g1(POINTS, SCALARS) == fixed_base_g1(FrVector.from_ints([SCALARS.dot(SCALARS)]))[0]


def test_fewer_scalars_than_a_vector_has_may_be_used() -> None:
    assert msm_g1(POINTS, SCALARS, 5) == msm_g1(POINTS[:5], SCALARS[:5])
    assert fixed_base_g1(SCALARS, 5).to_ints() == POINTS[:5].to_ints()


@pytest.mark.parametrize(
    "use",
    [
        lambda: msm_g1(POINTS, FqVector.powers(7, 19)),
        lambda: multiply(POINTS, FqVector.powers(7, 19)),
        lambda: fixed_base_g1(FqVector.powers(7, 19)),
        lambda: msm_g1(POINTS, SCALARS, 20),
        lambda: fixed_base_g1(SCALARS, 20),
        lambda: msm_g1(POINTS[:18], SCALARS),
        lambda: multiply(POINTS[:18], SCALARS),
    ],
)
def test_vectors_of_the_other_field_and_of_another_length_are_refused(use: Callable[[], Any]) -> None:
    with pytest.raises(InputError):
        use()
