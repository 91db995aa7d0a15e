"""Messages from L1: their words have one reading, and the queue's hash binds every bit and their order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zkroll.algebra.keccak import keccak256
from zkroll.errors import InputError
from zkroll.rollup.l1.messages import EMPTY_QUEUE, L1Message, MessageKind, next_hash, queue_hash

addresses = st.integers(0, (1 << 160) - 1)
amounts = st.integers(0, (1 << 128) - 1)
messages = st.one_of(
    st.builds(L1Message.deposit, addresses, addresses, amounts),
    st.builds(L1Message.exit, addresses, addresses, addresses, amounts),
)

ADDRESS = 0x00112233_445566778899AABBCCDDEEFF01234567
MESSAGE = L1Message.exit(ADDRESS, ADDRESS + 1, ADDRESS + 2, 5)


def test_words_are_laid_out_as_documented() -> None:
    low = "445566778899aabbccddeeff0123456"
    assert MESSAGE.words().hex() == (
        "00000002" + "00112233" * 3 + low + "7" + low + "8" + low + "9" + "0" * 63 + "5"
    )


@given(messages)
def test_message_is_read_back_from_its_words(message: L1Message) -> None:
    assert L1Message.from_words(message.words()) == message
    assert b"".join(half.to_bytes(16, "big") for half in message.halves()) == message.words()


@given(st.integers(0, 767))
def test_every_bit_of_the_words_is_read(bit: int) -> None:
    words = bytearray(MESSAGE.words())
    words[bit // 8] ^= 0x80 >> bit % 8
    try:
        assert L1Message.from_words(bytes(words)) != MESSAGE
    except InputError as error:
        assert str(error).startswith("L1 message: ")  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (b"", "expected 96 bytes, got 0"),
        (bytes(95), "expected 96 bytes, got 95"),
        (bytes(97), "expected 96 bytes, got 97"),
        (bytes(96), "kind"),
        (b"\0\0\0\3" + bytes(92), "kind"),
        (b"\1\0\0\1" + bytes(92), "kind"),
        (b"\0\0\0\1" + bytes(75) + b"\1" + bytes(16), "amount"),
        (b"\0\0\0\1" + bytes(11) + b"\1" + bytes(80), "recipient"),
        (b"\0\0\0\1" + bytes(59) + b"\1" + bytes(32), "recipient"),
    ],
)
def test_words_of_no_message_are_refused(words: bytes, error: str) -> None:
    with pytest.raises(InputError, match=error):
        L1Message.from_words(words)


@pytest.mark.parametrize("field", ["token", "account", "recipient", "amount"])
@pytest.mark.parametrize("value", [-1, 1 << 160])
def test_values_out_of_range_are_refused(field: str, value: int) -> None:
    values = {"token": 1, "account": 2, "recipient": 3, "amount": 4} | {field: value}
    with pytest.raises(InputError, match=field):
        L1Message.exit(**values)


def test_deposit_has_no_recipient_and_kinds_are_two() -> None:
    with pytest.raises(InputError, match="recipient of a deposit"):
        L1Message(MessageKind.DEPOSIT, 0, 1, 2, 3)
    with pytest.raises(InputError, match="kind"):
        L1Message(3, 0, 1, 0, 3)  # type: ignore[arg-type]


def test_queue_hash_is_the_chain_of_keccak_hashes() -> None:
    first, second = L1Message.deposit(0, 7, 8), MESSAGE
    one = keccak256(bytes(32) + first.words())
    assert queue_hash([]) == EMPTY_QUEUE == bytes(32)
    assert queue_hash([first]) == one
    assert queue_hash([first, second]) == keccak256(one + second.words()) == queue_hash([second], one)


@given(st.lists(messages, max_size=4), st.lists(messages, max_size=4))
def test_other_queues_have_other_hashes(one: list[L1Message], other: list[L1Message]) -> None:
    assert (queue_hash(one) == queue_hash(other)) == (one == other)


@pytest.mark.parametrize("previous", [b"", bytes(31), bytes(33)])
def test_hash_of_another_length_is_refused(previous: bytes) -> None:
    with pytest.raises(InputError, match="queue hash: expected 32 bytes"):
        next_hash(previous, MESSAGE)
