"""BLAKE2b is hashlib's, and its kept states are those of snarkjs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkroll.algebra.blake2b import Blake2b
from zkroll.errors import InputError

VALUES = json.loads(
    (Path(__file__).resolve().parents[1] / "fixtures/snarkjs/ceremony_values.json").read_text()
)
MESSAGE = np.random.default_rng(1).integers(0, 256, 5000, dtype=np.uint8).tobytes()


def octets(count: int, seed: int) -> bytes:
    """As in ceremony_values.mjs."""
    return bytes((i * i + 7 * i + seed) % 251 for i in range(count))


@pytest.mark.parametrize("length", [0, 1, 63, 64, 127, 128, 129, 255, 256, 257, 1000, 5000])
def test_digest_is_that_of_hashlib(length):
    expected = hashlib.blake2b(MESSAGE[:length]).digest()
    assert Blake2b(MESSAGE[:length]).digest() == expected
    array = np.frombuffer(MESSAGE, dtype=np.uint8)[:length]
    assert Blake2b().update(array).digest() == expected
    assert Blake2b().update(memoryview(MESSAGE)[:length]).digest() == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 700), max_size=7))
def test_pieces_and_kept_states_do_not_change_the_digest(pieces):
    expected, hashed, at = hashlib.blake2b(), Blake2b(), 0
    for count in pieces:
        piece, at = MESSAGE[at : at + count], at + count
        expected.update(piece)
        hashed.update(piece)
        assert hashed.digest() == expected.digest()
        hashed = Blake2b.from_state(hashed.state())
    assert hashed.digest() == expected.digest()


def test_a_copy_goes_on_by_itself():
    first = Blake2b(MESSAGE[:300])
    second = first.copy()
    first.update(b"a")
    assert second.digest() == hashlib.blake2b(MESSAGE[:300]).digest()
    assert second.update(b"a").state() == first.state()


def test_an_array_with_gaps_is_hashed_in_its_order():
    array = np.frombuffer(MESSAGE, dtype=np.uint8).reshape(-1, 8)[:, ::2]
    assert Blake2b(array).digest() == hashlib.blake2b(array.tobytes()).digest()


@pytest.mark.parametrize("case", VALUES["states"], ids=lambda case: str(case["pieces"]))
def test_states_are_those_of_snarkjs(case):
    hashed = Blake2b()
    for i, count in enumerate(case["pieces"]):
        hashed.update(octets(count, i))
    theirs = bytes.fromhex(case["state"])
    assert hashed.digest().hex() == case["digest"]
    assert Blake2b.from_state(theirs).digest().hex() == case["digest"]
    assert hashed.state()[128:] == theirs[128:]
    filled = int.from_bytes(theirs[200:208], "little")
    assert hashed.state()[:filled] == theirs[:filled]
    if all(count % 4 == 0 for count in case["pieces"]):  # else, what lies behind differs and means nothing
        assert hashed.state() == theirs


def changed(place: int, value: int) -> bytes:
    state = Blake2b(MESSAGE[:300]).state()
    return state[:place] + value.to_bytes(8, "little") + state[place + 8 :]


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (b"", "expected 216 bytes, got 0"),
        (bytes(215), "got 215"),
        (bytes(217), "got 217"),
        (changed(200, 129), "expected 1 to 128 bytes in the block, got 129"),
        (changed(200, 2**64 - 1), "in the block"),
        (changed(200, 0), "expected 1 to 128 bytes in the block, got 0"),
        (changed(192, 255), "expected a multiple of 128 bytes hashed"),
        (changed(192, 2**63), "up to 2^53"),
    ],
)
def test_impossible_states_are_refused(state, text):
    with pytest.raises(InputError, match="state of Blake2b") as caught:
        Blake2b.from_state(state)
    assert text in str(caught.value)


def test_words_in_place_of_bytes_are_refused():
    with pytest.raises(InputError, match="uint8"):
        Blake2b(np.zeros(4, dtype=np.uint64))
