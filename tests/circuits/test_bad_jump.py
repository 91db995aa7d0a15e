"""The bad jump chip: every destination that is no JUMPDEST, and no other, can be proven bad."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from support.chips import broken, broken_buses, cell, fill, names, prank, receives, sends
from support.programs import assemble, code_hash
from support.tamper import sent, unbroken_constraints, unmissed_cells

from zkroll.circuits.buses import ALU, CODE_BYTE, LENGTH
from zkroll.circuits.chips.bad_jump import BAD_JUMP, BadJumpChip
from zkroll.circuits.chips.bytecode import BytecodeChip

CODE = assemble("PUSH1 0x5b JUMPDEST ADD .5b60")
KEY = code_hash(CODE)
BAD = [0, 1, 3, 5, 6, 1000, 2**64, 2**128, 2**200 + 2, 2**256 - 1]
CLOSED = (BAD_JUMP, CODE_BYTE, LENGTH, ALU)


def proven(destinations):
    requests = [(KEY, d >> 128, d % 2**128) for d in destinations]
    compare = receives(
        ALU, [(0x10, d >> 128, d % 2**128, 0, len(CODE), 0, 0) for d in destinations if d >= len(CODE)]
    )
    source = SimpleNamespace(codes={KEY: CODE})
    return fill([sends(BAD_JUMP, requests), BadJumpChip(), BytecodeChip(), compare], source)


def test_bad_destinations_are_proven():
    assert broken(proven(BAD), CLOSED) == []


@pytest.mark.parametrize("good", [2, 4])
def test_a_jumpdest_cannot_be_proven_bad(good):
    assert names(broken(proven([good]))) == {"the byte is no JUMPDEST"}


def test_a_jumpdest_cannot_be_claimed_to_lie_beyond_the_code_or_in_push_data():
    traces = proven([2])
    beyond = traces
    for column, value in (("beyond", 1), ("value", len(CODE)), ("is_code", 0), ("inverse", 0)):
        beyond = prank(beyond, "bad_jump", column, 0, value)
    assert broken(beyond) == []
    assert (0x10, 0, 2, 0, len(CODE), 0, 0) in sent(beyond["bad_jump"], ALU)  # which says 2 >= 6: not so
    assert "alu" in broken_buses(broken(beyond, CLOSED))
    data = prank(traces, "bad_jump", "is_code", 0, 0)
    assert broken_buses(broken(data, CLOSED)) == {"code_byte"}


def test_no_jumps_no_rows():
    assert "bad_jump" not in proven([])


PRANKS = [
    ("active is a bit", 0, "active", 2),
    ("beyond is a bit", 0, "beyond", 2),
    ("beyond only in active rows", 7, "beyond", 1),
    ("inside there is no high word", 0, "destination.hi", 1),
    ("the byte is no JUMPDEST", 0, "inverse", 0),
    ("the byte is no JUMPDEST", 0, "value", 0x5B),
    ("there is no instruction beyond", 7, "is_code", 1),
    ("an unused inverse is 0", 7, "inverse", 1),
    *((f"padding has {c} 0", 7, c, 1) for c in ("code_hash", "destination.hi", "destination.lo", "value")),
]


@pytest.mark.parametrize(("name", "row", "column", "value"), PRANKS)
def test_a_tampered_cell_breaks_its_constraint(name, row, column, value):
    tampered = prank(proven([3]), "bad_jump", column, row, value)
    assert name in names(broken({"bad_jump": tampered["bad_jump"]}))


def test_every_constraint_has_its_prank_and_is_alive():
    assert {c.name for c in BadJumpChip().air.constraints} == {p[0] for p in PRANKS}
    assert unbroken_constraints(proven(BAD)["bad_jump"]) == set()


def test_no_cell_of_an_interaction_can_change_unseen():
    traces = proven(BAD)
    assert cell(traces, "bad_jump", "beyond", 4) == 1
    assert unmissed_cells(traces, "bad_jump") == []
