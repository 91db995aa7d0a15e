"""Keccak-256 and the vectorised permutation against the plain integers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkroll.algebra import keccak
from zkroll.algebra.reference import keccak as reference
from zkroll.errors import InputError


def test_digest_of_nothing_is_ethereums() -> None:
    assert keccak.keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


@pytest.mark.parametrize("length", [0, 1, 7, 8, 135, 136, 137, 271, 272, 273])
def test_digest_equals_the_reference_around_block_edges(length: int) -> None:
    data = bytes(i * 7 % 256 for i in range(length))
    assert keccak.keccak256(data) == reference.keccak256(data)


def test_round_constants_and_rotations_are_the_published_ones() -> None:
    assert reference.ROUND_CONSTANTS[:3] == (1, 0x8082, 0x800000000000808A)
    assert reference.ROUND_CONSTANTS[23] == 0x8000000080008008
    assert reference.ROTATIONS[:6] == (0, 1, 62, 28, 27, 36)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.lists(st.integers(0, 2**64 - 1), min_size=25, max_size=25), min_size=1, max_size=4))
def test_permutation_of_many_states_equals_the_reference(states: list[list[int]]) -> None:
    array = np.array(states, dtype=np.uint64)
    assert keccak.keccak_f1600(array).tolist() == [reference.keccak_f1600(state) for state in states]


def test_rounds_start_at_the_input_and_lead_to_the_output() -> None:
    states = np.arange(75, dtype=np.uint64).reshape(3, 25)
    rounds = keccak.keccak_f_rounds(states)
    assert rounds.shape == (3, 24, 25)
    assert np.array_equal(rounds[:, 0], states)
    last = [
        reference.keccak_round([int(x) for x in row], reference.ROUND_CONSTANTS[23]) for row in rounds[:, 23]
    ]
    assert keccak.keccak_f1600(states).tolist() == last


def test_no_states_give_no_states() -> None:
    assert keccak.keccak_f1600(np.zeros((0, 25), dtype=np.uint64)).shape == (0, 25)


@pytest.mark.parametrize(
    "states", [np.zeros((2, 24), np.uint64), np.zeros(25, np.uint64), np.zeros((1, 25), np.int64)]
)
def test_other_shapes_and_dtypes_are_refused(states: np.ndarray) -> None:
    with pytest.raises(InputError, match="keccak: expected states"):
        keccak.keccak_f_rounds(states)
