"""The tables of the instruction set against the VM's own."""

from __future__ import annotations

import pytest
from support.chips import broken, broken_buses, fill, sends

from zkroll.circuits.buses import OPCODE
from zkroll.circuits.chips.opcode_families import FLAGS, OPCODE_ROWS, Family
from zkroll.circuits.chips.opcodes import LEFT, PUSH_SIZE, OpcodesChip
from zkroll.vm.opcodes import BY_NAME, CORE, OPCODES

BUSES = (OPCODE, PUSH_SIZE, LEFT)


def answered(bus, tuples, multiplicities=None):
    traces = fill([sends(bus, tuples, multiplicities), OpcodesChip()])
    return broken_buses(broken(traces, BUSES)) == set()


def test_every_core_opcode_is_served_with_its_stack_effect_and_gas():
    rows = [
        (byte, int(OPCODE_ROWS[byte].family), OPCODES[byte].pops, OPCODES[byte].pushes, OPCODES[byte].gas)
        for byte in sorted(CORE - {0xFE})
    ]
    assert answered(OPCODE, rows, [3] * len(rows))


def test_undefined_bytes_and_invalid_are_one_family_without_effect():
    undefined = [b for b in range(256) if b not in OPCODES]
    assert answered(OPCODE, [(byte, int(Family.INVALID), 0, 0, 0) for byte in [*undefined, 0xFE]])


def test_every_family_has_an_opcode_and_opcodes_without_a_chip_have_none():
    assert {row.family for row in OPCODE_ROWS} == {*FLAGS, Family.UNSUPPORTED}
    assert {row.opcode for row in OPCODE_ROWS if row.family is Family.UNSUPPORTED} == set(OPCODES) - CORE


def test_push_sizes_and_places_are_served():
    assert answered(PUSH_SIZE, [(b, b - 0x5F if 0x60 <= b <= 0x7F else 0) for b in range(256)])
    assert answered(LEFT, [(n, int(n >= 16), int(n == 0)) for n in range(33)])


ADD = BY_NAME["ADD"].byte


@pytest.mark.parametrize(
    ("bus", "entry"),
    [
        (OPCODE, (ADD, int(Family.ALU2), 2, 1, 2)),
        (OPCODE, (ADD, int(Family.ALU2), 2, 0, 3)),
        (OPCODE, (ADD, int(Family.ALU1), 2, 1, 3)),
        (OPCODE, (0xF1, int(Family.INVALID), 0, 0, 0)),
        (OPCODE, (256, 0, 0, 0, 0)),
        (PUSH_SIZE, (0x5F, 1)),
        (PUSH_SIZE, (256, 0)),
        (LEFT, (16, 0, 0)),
        (LEFT, (0, 0, 0)),
        (LEFT, (33, 1, 0)),
        (LEFT, (-1, 0, 0)),
    ],
)
def test_what_is_not_in_a_table_is_not_served(bus, entry):
    assert not answered(bus, [entry])


def test_the_tables_are_preprocessed_and_have_no_constraints():
    air = OpcodesChip().air
    assert air.constraints == ()
    assert air.fixed_height == 256
