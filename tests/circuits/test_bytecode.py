"""The bytecode chip: what it serves of a code, and that every column is bound to the code's hash."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest
from support.chips import broken, broken_buses, cell, fill, names, prank, receives, sends
from support.programs import assemble, code_hash
from support.tamper import sent, unbroken_constraints, unmissed_cells

from zkroll.circuits.buses import BYTECODE, CODE_BYTE, LENGTH, POSEIDON2, WORDS
from zkroll.circuits.chips.bytecode import BytecodeChip, is_instruction, scan
from zkroll.circuits.chips.opcodes import LEFT, PUSH_SIZE, OpcodesChip
from zkroll.errors import ProvingError
from zkroll.vm.frame import jump_destinations

ASKED = (BYTECODE, CODE_BYTE, WORDS, LENGTH)
CLOSED = (*ASKED, PUSH_SIZE, LEFT)
CODES = [
    assemble("1 PUSH2 0x0203 PUSH17 0x0102030405060708090a0b0c0d0e0f1011 JUMPDEST STOP"),
    b"\x5b",
    bytes(range(0x60, 0x80)) + b"\x5b",
    b"\x00" * 31,
    b"\x01" * 32,
    b"\x7f",
    b"\x7f" + b"\xff" * 20,
    bytes(random.Random(1).randbytes(300)),
]


def instructions(code: bytes):
    """(pc, opcode, push data) of every instruction, and the STOPs behind the end; the oracle."""
    pc = 0
    while pc < len(code) + 1:
        opcode = code[pc] if pc < len(code) else 0
        size = opcode - 0x5F if 0x60 <= opcode <= 0x7F else 0
        data = code[pc + 1 : pc + 1 + size].ljust(size, b"\0")
        yield pc, opcode, int.from_bytes(data, "big")
        pc += 1 + size


def halves(value: int) -> tuple[int, int]:
    return value >> 128, value % 2**128


def requests(codes):
    """Every true tuple about the codes, by bus."""
    asked = {bus: [] for bus in ASKED}
    for code in codes:
        key = code_hash(code)
        destinations = {pc for pc, _, _ in instructions(code)}
        asked[BYTECODE] += [(key, pc, opcode, *halves(data)) for pc, opcode, data in instructions(code)]
        asked[CODE_BYTE] += [(key, i, byte, int(i in destinations)) for i, byte in enumerate(code)]
        asked[LENGTH].append((2, key, len(code)))
        for w in range(-(-len(code) // 32)):
            word = int.from_bytes(code[32 * w : 32 * w + 32].ljust(32, b"\0"), "big")
            asked[WORDS].append((2, key, w, *halves(word)))
    return asked


def served(asked, codes, known=None):
    source = SimpleNamespace(codes=known if known is not None else {code_hash(c): c for c in codes})
    callers = [sends(bus, tuples) for bus, tuples in asked.items() if tuples]
    return fill([*callers, BytecodeChip(), OpcodesChip()], source)


@pytest.fixture(scope="module")
def traces():
    return served(requests(CODES), CODES)


def test_every_instruction_byte_word_and_length_is_served(traces):
    assert broken(traces, CLOSED) == []


def test_the_sponge_is_asked_for_every_chunk_and_ends_at_the_hash(traces):
    asked = sent(traces["bytecode"], POSEIDON2)
    assert len(asked) == sum(-(-len(code) // 31) for code in CODES)
    assert {out for _, _, out in asked} >= {code_hash(code) for code in CODES}


def test_a_request_asked_twice_is_served_twice():
    asked = requests(CODES[:1])
    asked[BYTECODE] *= 2
    assert broken(served(asked, CODES), CLOSED) == []


def test_only_codes_that_are_asked_for_get_rows():
    traces = served(requests(CODES[1:2]), CODES)
    assert traces["bytecode"].rows == 1 + 33
    assert "bytecode" not in served({BYTECODE: []}, CODES)


def test_requests_about_other_spaces_are_left_alone():
    traces = served({WORDS: [(1, 5, 0, 1, 2)], LENGTH: [(1, 5, 7)]}, CODES)
    assert "bytecode" not in traces


def test_an_unknown_code_is_an_error():
    with pytest.raises(ProvingError, match="no code with hash 0x5"):
        served({BYTECODE: [(5, 0, 0, 0, 0)]}, CODES)


KEY = code_hash(CODES[0])
FALSE = [
    (BYTECODE, (KEY, 1, 1, 0, 0)),  # push data is no instruction
    (BYTECODE, (KEY, 0, 0x60, 0, 2)),  # other push data
    (BYTECODE, (KEY, 0, 0x61, 0, 1)),  # another opcode
    (BYTECODE, (KEY, 60, 0, 0, 0)),  # past the rows behind the end
    (BYTECODE, (KEY, 2**64, 0, 0, 0)),
    (CODE_BYTE, (KEY, 0, 0x60, 0)),
    (CODE_BYTE, (KEY, 1, 1, 1)),
    (CODE_BYTE, (KEY, 0, 0x5B, 1)),
    (WORDS, (2, KEY, 0, 1, 1)),
    (WORDS, (2, KEY, 9, 0, 0)),
    (LENGTH, (2, KEY, len(CODES[0]) + 1)),
]


@pytest.mark.parametrize(("bus", "request_"), FALSE)
def test_a_false_request_is_not_served(bus, request_):
    assert bus.name in broken_buses(broken(served({bus: [request_]}, CODES), CLOSED))


def test_a_hash_that_is_not_the_codes_does_not_hold():
    wrong = code_hash(CODES[1]) + 1
    asked = {BYTECODE: [(wrong, 0, 0x5B, 0, 0)]}
    traces = served(asked, CODES, {wrong: CODES[1]})
    assert "the sponge ends at the code hash" in names(broken(traces))


def test_another_byte_changes_the_requests_to_the_sponge():
    """Rows of another code under the hash of this one are consistent only with another POSEIDON2 answer."""
    code, other = b"\x60\x01", b"\x60\x02"
    honest = served(requests([code]), [code])
    forged = served({BYTECODE: [(code_hash(code), 0, 0x60, 0, 2)]}, [other], {code_hash(code): other})
    honest_asked, forged_asked = (sent(t["bytecode"], POSEIDON2) for t in (honest, forged))
    assert honest_asked != forged_asked
    assert "the sponge ends at the code hash" in names(broken(forged))


def test_the_sponge_requests_balance_with_a_server_of_true_hashes(traces):
    server = receives(POSEIDON2, sent(traces["bytecode"], POSEIDON2))
    both = {**traces, **fill([server])}
    assert "poseidon2" not in broken_buses(broken(both, [POSEIDON2]))
    tampered = prank(both, "bytecode", "h", 31, cell(both, "bytecode", "h", 31) + 1)
    assert "poseidon2" in broken_buses(broken(tampered, [POSEIDON2]))


PADDED = (
    "real", "code_hash", "length", "index", "byte", "pc", "opcode", "is_code", "push_size", "left", "high",
    "last", "push.hi", "push.lo", "word_left", "word_high", "word_last", "word.hi", "word.lo", "chunk_left",
    "chunk_high", "chunk_last", "chunk", "absorbing", "h",
)  # fmt: skip
#: constraint, row of the first code (its length is 26), column, value (None: one more)
LENGTH0 = len(CODES[0])
PRANKS = [
    ("active is a bit", 0, "active", 2),
    ("start is a bit", 0, "start", 2),
    ("end is a bit", 3, "end", 2),
    ("real is a bit", 3, "real", 2),
    ("the first row starts a code or is padding", 0, "start", 0),
    ("rows continue or start", 3, "start", 1),
    ("rows continue or start", 3, "active", 0),
    ("a code starts behind another", 3, "start", 1),
    ("the start is active", 0, "active", 0),
    ("the end is active", LENGTH0 + 32, "active", 0),
    ("the index starts at 0", 0, "index", 1),
    ("the index counts", 3, "index", None),
    ("the code hash stays", 3, "code_hash", None),
    ("the length stays", 3, "length", None),
    ("the first byte is real", 0, "real", 0),
    ("the code ends at its length", 3, "real", 0),
    ("the code ends at its length", LENGTH0, "real", 1),
    ("the end is behind the code", LENGTH0 + 32, "real", 1),
    ("the end is 32 behind the length", LENGTH0 + 31, "end", 1),
    ("zeros behind the code", LENGTH0 + 1, "byte", 1),
    ("bytes are served in active rows", -1, "byte_uses", 1),
    ("the length is served at the start", 3, "length_uses", 1),
    ("the first byte is an instruction", 0, "is_code", 0),
    ("an instruction follows the last byte", 3, "is_code", 1),
    ("the first instruction's size", 0, "left", 2),
    ("bytes left", 3, "left", None),
    ("the first instruction's pc", 0, "pc", 1),
    ("pc", 3, "pc", None),
    ("the first opcode", 0, "opcode", None),
    ("opcode", 3, "opcode", None),
    ("push data starts at 0, hi", 0, "push.hi", 1),
    ("push data starts at 0, lo", 0, "push.lo", 1),
    ("push data, hi", 6, "push.hi", None),
    ("push data, lo", 6, "push.lo", None),
    ("instructions are served at their last byte", 2, "fetches", 1),
    ("the first word", 0, "word_left", 30),
    ("word bytes left", 3, "word_left", None),
    ("the first word's byte, hi", 0, "word.hi", None),
    ("the first word's byte, lo", 0, "word.lo", 1),
    ("word, hi", 3, "word.hi", None),
    ("word, lo", 3, "word.lo", None),
    ("words are served at their last byte", 3, "word_uses", 1),
    ("the first chunk", 0, "chunk_left", 29),
    ("chunk bytes left", 3, "chunk_left", None),
    ("the first chunk's byte", 0, "chunk", None),
    ("chunk", 3, "chunk", None),
    ("the first chunk is absorbed", 0, "absorbing", 0),
    ("chunks that begin in the code are absorbed", 3, "absorbing", 0),
    ("chunks that begin in the code are absorbed", 31, "absorbing", 1),
    ("the sponge starts at the length", 0, "h", None),
    ("the sponge waits", 3, "h", None),
    ("the sponge ends at the code hash", LENGTH0 + 32, "h", None),
    *((f"padding has {column} 0", -1, column, 1) for column in PADDED),
]


@pytest.mark.parametrize(("name", "row", "column", "value"), PRANKS)
def test_a_tampered_cell_breaks_its_constraint(name, row, column, value):
    traces = served(requests(CODES[:1]), CODES)
    row = row if row >= 0 else traces["bytecode"].height - 1
    new = cell(traces, "bytecode", column, row) + 1 if value is None else value
    tampered = prank(traces, "bytecode", column, row, new)
    assert name in names(broken({"bytecode": tampered["bytecode"]}))


def test_a_code_cut_off_by_the_end_of_the_table_is_refused():
    code = b"\x01" * 31  # exactly 64 rows
    traces = served(requests([code]), [code])
    assert traces["bytecode"].rows == traces["bytecode"].height
    tampered = prank(traces, "bytecode", "end", 63, 0)
    assert "the last row ends a code" in names(broken({"bytecode": tampered["bytecode"]}))


def test_every_constraint_has_its_prank_and_is_alive():
    every = {c.name for c in BytecodeChip().air.constraints}
    assert every == {p[0] for p in PRANKS} | {"the last row ends a code"}
    assert unbroken_constraints(served(requests(CODES[:2]), CODES)["bytecode"]) == set()


def test_no_cell_of_an_interaction_can_change_unseen(traces):
    assert unmissed_cells(served(requests(CODES[:3]), CODES), "bytecode") == []


@pytest.mark.parametrize(
    "column", ["push_size", "left", "high", "last", "word_left", "word_high", "chunk_left", "byte"]
)
def test_a_place_or_size_unlike_the_table_unbalances_it(column):
    traces = served(requests(CODES[:1]), CODES)
    tampered = prank(traces, "bytecode", column, 4, cell(traces, "bytecode", column, 4) + 1)
    assert broken_buses(broken(tampered, CLOSED)) & {"push_size", "left"}


@pytest.mark.parametrize("code", CODES)
def test_the_scan_finds_instructions_words_and_chunks(code):
    padded = np.frombuffer(code + bytes(33), dtype=np.uint8)
    got = scan(padded, np.arange(len(padded)))
    starts = [pc for pc, _, _ in instructions(code)]
    assert np.flatnonzero(got["pc"] == np.arange(len(padded)))[: len(starts)].tolist() == starts
    places = is_instruction(code)
    assert {int(i) for i in np.flatnonzero(places) if code[i] == 0x5B} == jump_destinations(code)
    for size, key in ((31, "chunk"), (32, "word")):
        for start in range(0, len(code), size):
            piece = bytes(padded[start : start + size])
            assert int.from_bytes(got[key][start + size - 1].tobytes(), "little") == int.from_bytes(
                piece, "big"
            )
