"""The sponge and the permutation together against Keccak-256, and each relation's prank."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.chips import broken, broken_buses, cell, fill, names, prank, receives, sends

from zkroll.algebra.reference.keccak import keccak256
from zkroll.circuits.air.check import check_constraints
from zkroll.circuits.buses import KECCAK, MEMORY_OP, RANGE16, WINDOW, WORDS
from zkroll.circuits.chips.keccak.digits import DIGITS8, DIGITS16, LANES, ROUND, SQUEEZE
from zkroll.circuits.chips.keccak.keccak_f import KeccakF
from zkroll.circuits.chips.keccak.sponge import KeccakSponge
from zkroll.circuits.chips.keccak.tables import KeccakBytes, KeccakDigits
from zkroll.errors import ProvingError

CLOSED = [KECCAK, LANES, SQUEEZE, DIGITS8, DIGITS16, ROUND]
MSTORE = 0x52


def memory(data: bytes, offset: int, ctx: int = 1) -> list[tuple[int, ...]]:
    """MSTOREs at clocks 1, 2, … that put ``data`` (padded to words) at ``offset``."""
    words = [data[i : i + 32].ljust(32, b"\xee") for i in range(0, len(data), 32)]
    return [
        (MSTORE, ctx, 1 + i, offset + 32 * i, int.from_bytes(w[:16], "big"), int.from_bytes(w[16:], "big"))
        for i, w in enumerate(words)
    ]


def request(data: bytes, clk: int, offset: int, ctx: int = 1, digest: bytes | None = None) -> tuple[int, ...]:
    digest = digest or keccak256(data)
    return (
        0,
        ctx,
        clk,
        0,
        offset,
        len(data),
        *(int.from_bytes(h, "big") for h in (digest[:16], digest[16:])),
    )


def run(stores: list[Any], requests: list[Any], source: Any = None):
    chips = [sends(MEMORY_OP, stores), sends(KECCAK, requests)]
    return fill([*chips, KeccakSponge(), KeccakF(), KeccakBytes(), KeccakDigits()], source)


DATA = bytes(range(1, 251)) + bytes(255 - i for i in range(250))


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 64, 135, 136, 137, 272, 300])
def test_digests_are_keccak256_at_every_edge_of_padding(length: int) -> None:
    traces = run(memory(DATA[:length], 7), [request(DATA[:length], 100, 7)])
    assert broken(traces, CLOSED) == []


@settings(max_examples=5, deadline=None)
@given(st.lists(st.binary(max_size=200), min_size=1, max_size=5))
def test_messages_of_a_batch_are_told_apart(messages: list[bytes]) -> None:
    stores = [s for i, m in enumerate(messages) for s in memory(m, 64, ctx=10 + i)]
    requests = [request(m, 200 + 50 * i, 64, ctx=10 + i) for i, m in enumerate(messages)]
    assert broken(run(stores, requests), CLOSED) == []


def test_equal_messages_share_a_permutation() -> None:
    stores = memory(DATA[:64], 0)
    requests = [request(DATA[:64], 50 + 5 * i, 0) for i in range(4)] + [request(DATA[:63], 90, 0)]
    traces = run(stores, requests)
    assert traces["keccak_f"].rows == 2 * 25
    assert broken(traces, CLOSED) == []


def test_a_message_cannot_take_the_name_of_another() -> None:
    traces = run(memory(DATA[:64], 0), [request(DATA[:64], 50, 0), request(DATA[:63], 90, 0)])
    for row in range(6, 12):
        assert cell(traces, "keccak_sponge", "message", row) == 1
        traces = prank(traces, "keccak_sponge", "message", row, 0)
    assert "keccak_lanes" in broken_buses(broken(traces, CLOSED))


def test_the_batch_data_is_read_as_words() -> None:
    data = DATA[:320]
    source = SimpleNamespace(data=data, data_hash=int.from_bytes(keccak256(data), "big"))
    traces = run([], [], source)
    found = broken(traces, [*CLOSED, WORDS, WINDOW])
    words = [v for v in found if v.name == "read-only word"]
    assert [v.cells["hi"] << 128 | v.cells["lo"] for v in words] == [
        int.from_bytes(data[i : i + 32], "big") for i in range(0, 320, 32)
    ]
    assert broken_buses(found) == {"words", "keccak"}


def test_windows_are_asked_for_at_successive_times() -> None:
    found = broken(run(memory(DATA[:70], 5), [request(DATA[:70], 40, 5)]), [WINDOW])
    assert [(v.cells["clk"], v.cells["offset"]) for v in found] == [(40, 5), (41, 37), (42, 69)]


def test_a_wrong_digest_is_not_served() -> None:
    wrong = keccak256(b"other")
    assert broken(run(memory(DATA[:40], 0), [request(DATA[:40], 9, 0, digest=wrong)]), CLOSED)


def test_words_that_nobody_serves_are_refused() -> None:
    with pytest.raises(ProvingError, match="no chip before it serves"):
        run([], [(1, 0, 0, 0, 0, 5, 1, 2)])


@pytest.fixture(scope="module")
def two():
    """Messages of 40 bytes (rows 0..5), 137 bytes (rows 6..15) and none (rows 16..21)."""
    stores = [*memory(DATA[:40], 0), *memory(DATA[:137], 0, ctx=2)]
    return run(stores, [request(DATA[:40], 50, 0), request(DATA[:137], 60, 0, ctx=2), request(b"", 70, 9)])


SPONGE_PRANKS = [
    ("absorb", 1, 2, "absorb is a bit"), ("digest", 5, 2, "digest is a bit"),
    ("first", 0, 2, "first is a bit"),
    ("full", 0, 2, "full is a bit"), ("read", 0, 2, "read is a bit"), ("of_words", 0, 2, "of_words is a bit"),
    ("last_lane[0]", 4, 2, "last_lane[0] is a bit"), ("last_lane[1]", 4, 2, "last_lane[1] is a bit"),
    ("last_lane[2]", 4, 2, "last_lane[2] is a bit"), ("last_lane[3]", 4, 2, "last_lane[3] is a bit"),
    *((f"end[{k}]", 1, 2, f"end[{k}] is a bit") for k in range(32)),
    ("digest", 1, 1, "absorb or digest"), ("first", 5, 1, "first only when absorbing"),
    ("full", 5, 1, "full only when absorbing"), ("end[3]", 25, 1, "no end in padding"),
    ("last_lane[2]", 5, 1, "last lane only when absorbing"),
    ("first", 0, 0, "the first row starts a message or is padding"),
    ("absorb", 3, 0, "messages run through"),
    ("digest", 5, 0, "messages run through"), ("first", 2, 1, "messages run through"),
    ("last_lane[0]", 4, 0, "the digest follows the last lane"), ("word", 0, 1, "word starts at 0"),
    ("message", 2, 1, "message stays"), ("id", 1, 7, "id stays"),
    ("clk", 1, 7, "clk stays"), ("offset", 1, 7, "offset stays"), ("offset_hi", 1, 7, "offset_hi stays"),
    ("length", 1, 7, "length stays"), ("of_words", 1, 1, "of_words stays"), ("space", 1, 4, "space stays"), ("word", 6, 1, "word starts at 0"),
    ("word", 2, 5, "word counts up"), ("full", 0, 0, "full or ending at the start"),
    ("end[8]", 1, 0, "full or ending after full"), ("full", 2, 1, "nothing after the end"),
    ("end[9]", 1, 1, "one end"), ("end[2]", 0, 1, "full or ending"),
    ("length", 1, 41, "the end is at length"),
    ("read", 0, 0, "read where a byte is message"), ("offset_hi", 0, 1, "offsets fit"),
    ("space", 0, 3, "memory is space 0"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "row", "value", "name"), SPONGE_PRANKS, ids=str)
def test_each_sponge_constraint_notices_its_prank(two, column: str, row: int, value: int, name: str) -> None:
    assert cell(two, "keccak_sponge", column, row) != value
    tampered = prank(two, "keccak_sponge", column, row, value)
    assert name in names(check_constraints(tampered["keccak_sponge"]))


def test_words_must_be_hashed_from_their_start() -> None:
    data = DATA[:64]
    traces = run([], [], SimpleNamespace(data=data, data_hash=int.from_bytes(keccak256(data), "big")))
    assert "words are hashed from their start" in names(
        broken(prank(traces, "keccak_sponge", "offset", 0, 32))
    )


SPONGE_BUS_PRANKS = [
    ("bytes[4]", 0, 256, "keccak_digits8"), ("spread[4]", 0, 5, "keccak_digits8"),
    ("word", 0, 9, "keccak_lanes"),
    ("last_lane[0]", 4, 2, "keccak_lanes"), ("end[0]", 5, 2, "keccak_digits16"),
    ("message", 5, 7, "keccak_squeeze"),
    ("clk", 5, 7, "keccak"), ("length", 5, 7, "keccak"), ("bytes[0]", 5, 7, "keccak"), ("id", 5, 9, "keccak"),
    ("offset", 5, 9, "keccak"), ("offset_hi", 5, 9, "keccak"), ("space", 5, 3, "keccak"),
    ("spread[31]", 0, 0, "keccak_lanes"), ("end[7]", 1, 1, "keccak_lanes"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "row", "value", "bus"), SPONGE_BUS_PRANKS, ids=str)
def test_each_sponge_interaction_notices_its_prank(two, column: str, row: int, value: int, bus: str) -> None:
    assert bus in broken_buses(broken(prank(two, "keccak_sponge", column, row, value), CLOSED))


def test_the_message_words_are_those_of_memory(two) -> None:
    honest = broken(two, [WINDOW])
    tampered = broken(prank(two, "keccak_sponge", "bytes[0]", 0, 99), [WINDOW])
    assert honest[0].cells["hi"] != tampered[0].cells["hi"]


def test_another_number_of_blocks_is_refused(two) -> None:
    """A shorter length at the last lane leaves a whole empty block; a longer one leaves no room."""
    outside = lambda traces: [  # noqa: E731
        v for v in broken(traces, [RANGE16]) if v.cells.get("value", 0) >= 2**16
    ]
    assert outside(two) == []
    assert outside(prank(two, "keccak_sponge", "length", 4, 136))
    assert outside(prank(two, "keccak_sponge", "length", 14, 135))


def served(data: bytes, space: int, id_: int) -> list[tuple[int, ...]]:
    """The words of ``data`` as a chip would serve them, zeros after its end."""
    words = [data[i : i + 32].ljust(32, b"\0") for i in range(0, len(data), 32)]
    return [
        (space, id_, i, int.from_bytes(w[:16], "big"), int.from_bytes(w[16:], "big"))
        for i, w in enumerate(words)
    ]


def test_words_of_any_space_are_hashed_and_each_read_once() -> None:
    one, other = DATA[:128], DATA[100:164]
    requests = [
        (space, id_, 0, 0, 0, len(data), *(int.from_bytes(h, "big") for h in (d[:16], d[16:])))
        for space, id_, data in ((4, 0, one), (5, 2**159, other), (4, 1, one))
        for d in (keccak256(data),)
    ]
    words = served(one, 4, 0) + served(other, 5, 2**159) + served(one, 4, 1)
    chips = [receives(WORDS, words), sends(KECCAK, requests)]
    traces = fill([*chips, KeccakSponge(), KeccakF(), KeccakBytes(), KeccakDigits()])
    assert broken(traces, [*CLOSED, WORDS, WINDOW]) == []
    elsewhere = prank(traces, "keccak_sponge", "space", 5, 5)
    assert "keccak" in broken_buses(broken(elsewhere, CLOSED))
    assert "words" in broken_buses(broken(prank(traces, "keccak_sponge", "id", 0, 1), [WORDS]))
    with pytest.raises(ProvingError, match="no chip before it serves"):
        fill([receives(WORDS, words[:-1]), sends(KECCAK, requests), KeccakSponge()])
