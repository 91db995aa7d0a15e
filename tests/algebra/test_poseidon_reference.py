"""The integer Poseidon against circomlibjs."""

import json
from pathlib import Path

import pytest

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.reference.poseidon import (
    PARTIAL_ROUNDS,
    mds,
    poseidon_hash,
    poseidon_permutation,
    round_constants,
)
from zkroll.algebra.reference.poseidon_sparse import poseidon_permutation as sparse_permutation
from zkroll.algebra.reference.poseidon_sparse import sparse_form
from zkroll.errors import InputError

VECTORS = json.loads((Path(__file__).parents[1] / "fixtures/circomlibjs/poseidon.json").read_text())


def test_hash_of_one_and_two_is_the_published_value() -> None:
    expected = 7853200120776062878684798364095072458815029376092732009249414926327459813530
    assert poseidon_hash([1, 2]) == expected


def test_hash_equals_circomlibjs_for_every_number_of_inputs() -> None:
    assert {len(vector["inputs"]) for vector in VECTORS} == set(range(1, 17))
    for vector in VECTORS:
        assert poseidon_hash([int(x) for x in vector["inputs"]]) == int(vector["hash"])


@pytest.mark.parametrize("width", [2, 3, 9, 17])
def test_constants_have_the_shape_of_their_width(width: int) -> None:
    constants, matrix = round_constants(width), mds(width)
    assert len(constants) == 8 + PARTIAL_ROUNDS[width]
    assert all(len(row) == width and all(0 <= c < R_MODULUS for c in row) for row in constants)
    assert len(matrix) == width
    assert len({entry for row in matrix for entry in row}) > width


def test_permutation_changes_every_element() -> None:
    before = [0, 1, 2]
    assert all(a != b for a, b in zip(poseidon_permutation(before), before, strict=True))


@pytest.mark.parametrize("inputs", [[], [0] * 17, [R_MODULUS], [-1], [1, R_MODULUS + 1]])
def test_bad_inputs_are_refused(inputs: list[int]) -> None:
    with pytest.raises(InputError, match="poseidon"):
        poseidon_hash(inputs)


@pytest.mark.parametrize("width", [0, 1, 18])
def test_unknown_widths_are_refused(width: int) -> None:
    with pytest.raises(InputError, match="width"):
        round_constants(width)


@pytest.mark.parametrize("width", range(2, 18))
def test_sparse_form_is_the_same_permutation(width: int) -> None:
    state = [pow(7, i, R_MODULUS) for i in range(width)]
    assert sparse_permutation(state) == poseidon_permutation(state)


def test_sparse_form_saves_multiplications() -> None:
    assert [sparse_form(width).multiplications for width in (2, 3, 17)] == [416, 600, 5168]
    assert all(len(column) == 2 for column in sparse_form(3).columns)
