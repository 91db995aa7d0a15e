"""SHA-256 in batches against hashlib and the plain integers, through the kernel and through hashlib."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkroll.algebra import sha256
from zkroll.algebra.reference import sha256 as reference
from zkroll.errors import InputError

EDGES = [0, 1, 3, 4, 5, 54, 55, 56, 57, 59, 60, 61, 63, 64, 65, 118, 119, 120, 121, 127, 128, 129, 183, 184]


@pytest.fixture(params=["kernel", "hashlib", "chosen"], autouse=True)
def way(request, monkeypatch):
    """Force one of the two ways by the assumed costs, or leave the choice to them."""
    if request.param == "kernel":
        monkeypatch.setattr(sha256, "_CALL", 0)
        monkeypatch.setattr(sha256, "_VECTOR_BLOCK", 0)
    if request.param == "hashlib":
        monkeypatch.setattr(sha256, "_CALL", 1 << 60)
    return request.param


def digests(messages):
    return [row.tobytes() for row in sha256.sha256_many(messages)]


def expected(messages):
    return [hashlib.sha256(message).digest() for message in messages]


def test_reference_has_the_published_constants_and_digests():
    assert reference.INITIAL[0] == 0x6A09E667
    assert reference.ROUND_CONSTANTS[63] == 0xC67178F2
    for length in EDGES:
        assert reference.sha256(b"q" * length) == hashlib.sha256(b"q" * length).digest()


def test_digest_of_abc_is_the_published_one(way):
    published = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256.sha256_many([b"abc"] * 17)[16].tobytes().hex() == published


@settings(max_examples=15, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(EDGES), st.integers(0, 400)), max_size=50), st.integers(0, 255))
def test_batch_of_mixed_lengths_equals_hashlib(lengths, seed):
    messages = [bytes((seed + 31 * i + 7 * j) % 256 for j in range(n)) for i, n in enumerate(lengths)]
    assert digests(messages) == expected(messages)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17])
def test_batch_of_equal_lengths_as_an_array(count):
    for length in (0, 1, 55, 56, 64, 130):
        messages = np.arange(count * length, dtype=np.uint8).reshape(count, length)
        messages.setflags(write=False)
        assert digests(messages) == expected([row.tobytes() for row in messages])


def test_one_long_message_among_short_ones():
    messages = [bytes([i % 256]) * 40 for i in range(300)]
    messages[70] = bytes(range(256)) * 500
    assert digests(messages) == expected(messages)


def test_batch_does_not_depend_on_the_number_of_threads():
    messages = [bytes(range(i % 251)) for i in range(4000)]
    alone = sha256.sha256_many(messages, threads=1)
    assert np.array_equal(alone, sha256.sha256_many(messages, threads=3))
    long = [bytes([i]) * 3000 for i in range(5)]
    assert np.array_equal(sha256.sha256_many(long, threads=1), sha256.sha256_many(long, threads=3))


@pytest.mark.parametrize(
    "messages", [b"abc", ["abc"], [b"a", 1], np.zeros((2, 2), np.uint16), np.zeros(4, np.uint8)]
)
def test_what_is_no_batch_of_messages_is_refused(messages):
    with pytest.raises(InputError, match="sha256_many: expected"):
        sha256.sha256_many(messages)
