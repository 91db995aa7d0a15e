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


LENGTHS = st.one_of(
    st.sampled_from([0, 1, 7, 8, 127, 128, 135, 136, 137, 143, 271, 272, 273, 407, 408]), st.integers(0, 600)
)


@settings(max_examples=30, deadline=None)
@given(st.lists(LENGTHS, max_size=40), st.integers(0, 255))
def test_batch_of_mixed_lengths_equals_one_by_one(lengths: list[int], seed: int) -> None:
    messages = [bytes((seed + 31 * i + 7 * j) % 256 for j in range(n)) for i, n in enumerate(lengths)]
    digests = keccak.keccak256_many(messages)
    assert digests.shape == (len(messages), 32)
    assert digests.dtype == np.uint8
    assert [row.tobytes() for row in digests] == [keccak.keccak256(message) for message in messages]


@pytest.mark.parametrize("length", [0, 1, 64, 135, 136, 137, 300])
@pytest.mark.parametrize("count", [0, 1, 7, 8, 9])
def test_batch_of_equal_lengths_as_an_array(length: int, count: int) -> None:
    messages = np.arange(count * length, dtype=np.uint8).reshape(count, length)
    messages.setflags(write=False)
    expected = [reference.keccak256(row.tobytes()) for row in messages]
    assert [row.tobytes() for row in keccak.keccak256_many(messages)] == expected


def test_batch_takes_bytearrays_and_columns_of_larger_arrays() -> None:
    wide = np.arange(40 * 20, dtype=np.uint8).reshape(40, 20)
    narrow = keccak.keccak256_many(wide[::2, 3:11])
    assert np.array_equal(narrow, keccak.keccak256_many([bytearray(row[3:11]) for row in wide[::2]]))


def test_batch_does_not_depend_on_the_number_of_threads() -> None:
    messages = [bytes(range(i % 251)) * (1 + i % 3) for i in range(2500)]
    alone = keccak.keccak256_many(messages, threads=1)
    assert np.array_equal(alone, keccak.keccak256_many(messages, threads=3))
    states = np.arange(25 * 1300, dtype=np.uint64).reshape(-1, 25)
    assert np.array_equal(keccak.keccak_f1600(states, threads=1), keccak.keccak_f1600(states, threads=3))


def test_states_may_be_read_only_and_strided() -> None:
    states = np.arange(100, dtype=np.uint64).reshape(4, 25)
    states.setflags(write=False)
    assert np.array_equal(keccak.keccak_f1600(states[::2]), keccak.keccak_f1600(states)[::2])


@pytest.mark.parametrize(
    "messages",
    [b"abc", "abc", ["abc"], [b"a", None], [memoryview(b"abc")], 3, {b"a"}, iter([b"a"])],
    ids=["bytes", "text", "texts", "none", "view", "number", "set", "iterator"],
)
def test_what_is_no_list_of_messages_is_refused(messages: object) -> None:
    with pytest.raises(InputError, match="keccak256_many: expected"):
        keccak.keccak256_many(messages)  # type: ignore[arg-type]


@pytest.mark.parametrize(("shape", "dtype"), [((3,), np.uint8), ((2, 2, 2), np.uint8), ((2, 4), np.int8)])
def test_arrays_of_other_shapes_and_dtypes_are_refused(shape: tuple[int, ...], dtype: type) -> None:
    with pytest.raises(InputError, match=r"expected messages \(n, length\) uint8"):
        keccak.keccak256_many(np.zeros(shape, dtype=dtype))


def test_messages_that_misstate_their_length_are_refused() -> None:
    class Longer(bytes):
        def __len__(self) -> int:
            return 1 << 40

    with pytest.raises(InputError, match="stay as they are"):
        keccak.keccak256_many([b"abc", Longer(b"d")])


def test_fewer_than_one_thread_is_refused() -> None:
    with pytest.raises(InputError, match="threads"):
        keccak.keccak256_many([b""] * 20, threads=0)
