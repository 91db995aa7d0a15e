"""One tampered cell per constraint of the cpu, and whole forged executions: each is refused by name."""

from __future__ import annotations

import dataclasses

import pytest
from support.chips import broken, broken_buses, cell, fill, names, prank
from support.programs import Call, assemble, run
from support.tamper import sent

from zkroll.circuits.buses import BYTECODE, CODE_BYTE, LENGTH, LOG_TOPICS, OPCODE, RANGE16, STACK
from zkroll.circuits.chips.bad_jump import BAD_JUMP, BadJumpChip
from zkroll.circuits.chips.bytecode import BytecodeChip
from zkroll.circuits.chips.cpu import CpuChip
from zkroll.circuits.chips.cpu.columns import flag_name
from zkroll.circuits.chips.log import LogChip
from zkroll.circuits.chips.opcode_families import FLAGS, Family
from zkroll.circuits.chips.opcodes import LEFT, PUSH_SIZE, OpcodesChip
from zkroll.circuits.chips.stack_drain import StackDrainChip
from zkroll.vm.halts import HaltKind
from zkroll.vm.opcodes import BY_NAME

CLOSED = (STACK, BYTECODE, CODE_BYTE, LENGTH, OPCODE, LOG_TOPICS, BAD_JUMP, PUSH_SIZE, LEFT)


def chips():
    return [CpuChip(), LogChip(), BadJumpChip(), StackDrainChip(), BytecodeChip(), OpcodesChip()]


CALLS = [
    assemble("1 2 ADD NOT DUP1 2 SWAP1 PC GAS MSIZE 0 0 RETURN"),  # 0
    assemble("5 JUMP .fe .fe JUMPDEST 1 12 JUMPI .fe JUMPDEST 0 99 JUMPI STOP"),  # 1
    assemble("0 1 SSTORE STOP"),  # 2
    assemble("1 2 0 0 REVERT"),  # 3
    b"",  # 4
    assemble("1 ADD"),  # 5: underflow
    assemble("PUSH0 " * 1025),  # 6: overflow
    Call(assemble("0x40 0xffffffffffff KECCAK256"), gas=5000),  # 7: out of gas
    Call(assemble("1 0 SSTORE"), gas=2306),  # 8: out of gas by the sentry
    assemble("3 JUMP"),  # 9: bad jump
    assemble(".fe"),  # 10
]
KINDS = ("is_begin", "is_end", "out_of_gas", "underflow", "overflow", "bad_jump", "sentry")
BEGIN, END, AFTER = "BEGIN", "END", 1


@pytest.fixture(scope="module")
def traces():
    traces = fill(chips(), run(CALLS, {1: 5}))
    assert broken(traces, CLOSED) == []
    return traces


def row_of(traces, tx: int, what: str, nth: int = 0) -> int:
    """The row of a transaction's BEGIN, END or n-th step of an opcode."""
    cpu = traces["cpu"]
    for row in range(cpu.rows):
        if cell(traces, "cpu", "tx", row) != tx:
            continue
        kind = (cell(traces, "cpu", "is_begin", row), cell(traces, "cpu", "is_end", row))
        wanted = {BEGIN: (1, 0), END: (0, 1)}.get(what, (0, 0))
        if kind == wanted and (
            what in (BEGIN, END) or cell(traces, "cpu", "opcode", row) == BY_NAME[what].byte
        ):
            if nth == 0:
                return row
            nth -= 1
    raise AssertionError(f"no {what} in transaction {tx}")


STATE = ("clk", "tx", "ctx", "code_hash", "gas")
INSTRUCTION = ("pc", "sp", "opcode", "pops", "pushes", "static_gas", "stack_limb")
SECOND = ("b.hi", "b.lo", "b_age[0]", "b_age[1]")

#: constraint, transaction, step, rows behind it, column, value (None: one more)
PRANKS = [
    ("a row has at most one kind", 0, "ADD", 0, "is_begin", 1),
    ("a row has at most one kind", 0, "ADD", 0, "is_alu1", 1),
    ("the first row is a BEGIN or padding", 0, BEGIN, 0, "is_end", 1),
    ("BEGIN follows END", 0, END, 0, "is_end", 0),
    ("a step follows what goes on", 0, "ADD", 0, "is_alu2", 0),
    ("a step follows what goes on", 0, "ADD", 0, "halts", 1),
    ("a step follows what goes on", 4, BEGIN, 0, "verdict", 1),
    ("END follows what ends", 0, END, 0, "is_end", 0),
    ("END follows what ends", 0, "RETURN", 0, "halts", 0),
    ("the first clock", 0, BEGIN, 0, "clk", 0),
    ("the clock advances", 0, "ADD", 0, "clk", None),
    ("the clock advances to a BEGIN", 1, BEGIN, 0, "clk", None),
    ("transactions count from 0", 0, BEGIN, 0, "tx", 1),
    ("the transaction stays", 0, "ADD", 0, "tx", 1),
    ("the next transaction", 0, END, 0, "tx", 1),
    ("a context is named by its BEGIN", 1, BEGIN, 0, "ctx", None),
    ("the context stays", 0, "ADD", 0, "ctx", None),
    ("the code stays", 0, "ADD", 0, "code_hash", None),
    ("BEGIN hands over its gas", 0, BEGIN, 0, "gas", None),
    ("pc starts at 0", 0, BEGIN, AFTER, "pc", 1),
    ("refund starts at 0", 0, BEGIN, AFTER, "refund", 1),
    ("stack starts at 0", 0, BEGIN, AFTER, "sp", 1),
    ("memory starts at 0", 0, BEGIN, AFTER, "memory_words", 1),
    ("memory grows only by expansion", 0, "ADD", AFTER, "memory_words", 1),
    ("the next pc", 0, "ADD", AFTER, "pc", None),
    ("the next pc", 1, "JUMP", AFTER, "pc", None),
    ("a jump goes to no high word", 1, "JUMP", 0, "a.hi", 1),
    ("a jump lands on a JUMPDEST", 1, "JUMP", AFTER, "opcode", 0x5A),
    ("JUMP is taken", 1, "JUMP", 0, "verdict", 0),
    ("a nonzero test is true", 1, "JUMPI", 0, "verdict", 0),
    ("a nonzero test is true", 0, BEGIN, 0, "verdict", 0),
    ("a true test is nonzero", 4, BEGIN, 0, "verdict", 1),
    ("verdict is for tests only", 0, "ADD", 0, "verdict", 1),
    ("the stack moves", 0, "ADD", AFTER, "sp", None),
    ("at most 1024 words", 0, "ADD", 0, "stack_limb", None),
    ("an overflow is true", 6, "PUSH0", 0, "overflow", 1),
    ("an underflow is true", 5, "ADD", 0, "stack_limb", None),
    ("gas is paid", 0, "ADD", 0, "gas_limbs[0]", None),
    ("gas is paid", 0, "ADD", 0, "static_gas", 2),
    ("gas left fits 32 bits", 0, "ADD", 0, "gas_limbs[2]", 1),
    ("gas goes on", 0, "ADD", AFTER, "gas", None),
    ("gas goes on", 10, END, 0, "gas", 1),
    ("out of gas is true", 7, "KECCAK256", 0, "gas_limbs[0]", None),
    ("the sentry is SSTORE's", 0, "ADD", 0, "sentry", 1),
    ("the sentry is out of gas", 2, "SSTORE", 0, "sentry", 1),
    ("the sentry is true", 8, "SSTORE", 0, "n_age[0]", None),
    ("SSTORE has more than its sentry", 2, "SSTORE", 0, "n_age[0]", None),
    ("at most one exception", 5, "ADD", 0, "out_of_gas", 1),
    ("exceptions are of steps", 0, END, 0, "out_of_gas", 1),
    ("exceptions are of steps", 10, "INVALID", 0, "underflow", 1),
    ("a bad jump is a jump", 0, "ADD", 0, "bad_jump", 1),
    ("a bad jump is taken", 1, "JUMPI", 0, "bad_jump", 1),
    ("what halts", 0, "RETURN", 0, "halts", 0),
    ("what halts", 10, "INVALID", 0, "halts", 0),
    ("what halts", 5, "ADD", 0, "halts", 0),
    ("what succeeds", 3, END, 0, "verdict", 1),
    ("what succeeds", 5, END, 0, "verdict", 1),
    ("what succeeds", 0, END, 0, "verdict", 0),
    ("without code it succeeds", 4, END, 0, "verdict", 0),
    ("the refund counts SSTORE", 2, "SSTORE", AFTER, "refund", None),
    ("the refund counts SSTORE", 0, "ADD", AFTER, "refund", 1),
    ("the refund survives success", 2, END, 0, "refund", None),
    ("the refund survives success", 3, END, 0, "refund", 1),
    ("one operand leaves no second, hi", 0, "NOT", 0, "b.hi", 1),
    ("one operand leaves no second, lo", 0, "NOT", 0, "b.lo", 1),
    ("DUP and SWAP bring up the deep word, hi", 0, "SWAP1", 0, "c.hi", 1),
    ("DUP and SWAP bring up the deep word, lo", 0, "SWAP1", 0, "c.lo", None),
    ("DUP puts the deep word back, hi", 0, "DUP1", 0, "a.hi", None),
    ("DUP puts the deep word back, lo", 0, "DUP1", 0, "a.lo", None),
    ("pc, memory size, gas, no return data, hi", 0, "PC", 0, "c.hi", 1),
    ("pc, memory size, gas, no return data, lo", 0, "PC", 0, "c.lo", None),
    ("pc, memory size, gas, no return data, lo", 0, "GAS", 0, "c.lo", None),
    ("pc, memory size, gas, no return data, lo", 0, "MSIZE", 0, "c.lo", None),
    # cells that a row does not use: padding is the row behind the last END
    *((f"unused row state is 0 [{i}]", 10, END, AFTER, c, 1) for i, c in enumerate(STATE)),
    ("unused refund and memory is 0 [0]", 0, BEGIN, 0, "refund", 1),
    ("unused refund and memory is 0 [1]", 0, BEGIN, 0, "memory_words", 1),
    *((f"unused instruction is 0 [{i}]", 0, END, 0, c, 1) for i, c in enumerate(INSTRUCTION)),
    *((f"unused top is 0 [{i}]", 0, "PC", 0, c, 1) for i, c in enumerate(("a.hi", "a.lo"))),
    *((f"unused age of the top is 0 [{i}]", 0, "DUP1", 0, f"a_age[{i}]", 1) for i in range(2)),
    *((f"unused second is 0 [{i}]", 0, "NOT", 0, c, 1) for i, c in enumerate(SECOND)),
    *((f"unused second is 0 [{i}]", 5, "ADD", 0, c, 1) for i, c in enumerate(SECOND)),
    *((f"unused third is 0 [{i}]", 0, "ADD", 0, c, 1) for i, c in enumerate(("n.hi", "n.lo"))),
    *((f"unused age of the third is 0 [{i}]", 0, "ADD", 0, f"n_age[{i}]", 1) for i in range(2)),
    *((f"unused result is 0 [{i}]", 0, "RETURN", 0, c, 1) for i, c in enumerate(("c.hi", "c.lo"))),
    *((f"unused result is 0 [{i}]", 7, "KECCAK256", 0, c, 1) for i, c in enumerate(("c.hi", "c.lo"))),
    ("unused price is 0 [0]", 0, "ADD", 0, "dynamic_gas", 1),
    ("unused price is 0 [0]", 8, "SSTORE", 0, "dynamic_gas", 1),
    ("unused words is 0 [0]", 0, "ADD", 0, "words", 1),
    ("unused amount is 0 [0]", 0, "ADD", 0, "amount", 1),
    ("unused inverse is 0 [0]", 0, "ADD", 0, "inverse", 1),
    ("unused inverse is 0 [0]", 4, BEGIN, 0, "inverse", 1),
    *((f"unused gas limbs is 0 [{i}]", 10, "INVALID", 0, f"gas_limbs[{i}]", 1) for i in range(2)),
]


@pytest.mark.parametrize(("name", "tx", "what", "behind", "column", "value"), PRANKS)
def test_a_tampered_cell_breaks_its_constraint(traces, name, tx, what, behind, column, value):
    row = row_of(traces, tx, what) + behind
    # the first JUMPI of transaction 1 is taken, its second is not
    if name == "a bad jump is taken":
        row = row_of(traces, tx, what, 1)
    new = cell(traces, "cpu", column, row) + 1 if value is None else value
    tampered = prank(traces, "cpu", column, row, new)
    assert name in names(broken({"cpu": tampered["cpu"]}))


def test_every_constraint_has_its_prank():
    bits = {f"{flag_name(f)} is a bit" for f in FLAGS}
    bits |= {f"{n} is a bit" for n in KINDS}
    assert {c.name for c in CpuChip().air.constraints} == bits | {p[0] for p in PRANKS}


@pytest.mark.parametrize("family", FLAGS)
def test_a_flag_of_two_is_no_bit(traces, family):
    tampered = prank(traces, "cpu", flag_name(family), 3, 2)
    assert f"{flag_name(family)} is a bit" in names(broken({"cpu": tampered["cpu"]}))


@pytest.mark.parametrize("column", KINDS)
def test_a_kind_or_exception_of_two_is_no_bit(traces, column):
    tampered = prank(traces, "cpu", column, 3, 2)
    assert f"{column} is a bit" in names(broken({"cpu": tampered["cpu"]}))


@pytest.mark.parametrize(
    ("tx", "what", "column", "value"),
    [
        (0, "ADD", "opcode", 0x02),
        (0, "ADD", "pops", 1),
        (0, "ADD", "pushes", 2),
        (0, "ADD", "static_gas", 2),
        (1, "STOP", "opcode", 0x01),
    ],
)
def test_an_opcode_unlike_code_or_table_unbalances_a_bus(traces, tx, what, column, value):
    tampered = prank(traces, "cpu", column, row_of(traces, tx, what), value)
    assert broken_buses(broken(tampered, CLOSED)) & {"bytecode", "opcode"}


@pytest.mark.parametrize("column", ["a.lo", "a.hi", "b.lo", "a_age[0]", "b_age[1]", "c.lo"])
def test_a_word_unlike_the_stack_unbalances_it(traces, column):
    row = row_of(traces, 0, "ADD")
    tampered = prank(traces, "cpu", column, row, cell(traces, "cpu", column, row) + 1)
    assert "stack" in broken_buses(broken(tampered, CLOSED))


# --- whole executions that did not happen, filled as if they had


def forged(code: bytes, edit, slots=None, success=False, gas=100_000):
    """The traces of one call after ``edit`` changed its steps; the gas left is the last step's."""
    source = run([Call(code, gas)], slots)
    steps = source.steps.steps
    edit(steps)
    last = steps[-1]
    left = last.gas_before - last.gas_cost if success else 0
    transaction = dataclasses.replace(
        source.transactions[0], end_step=len(steps), success=success, gas_left=left, refund=0
    )
    return fill(chips(), dataclasses.replace(source, transactions=[transaction]))


def test_out_of_gas_cannot_be_claimed_with_enough_gas():
    def edit(steps):
        del steps[3:]
        steps[2] = steps[2]._replace(halt=HaltKind.OUT_OF_GAS, outputs=())

    assert "out of gas is true" in names(broken(forged(assemble("1 2 ADD STOP"), edit)))


@pytest.mark.parametrize("kind", [HaltKind.STACK_UNDERFLOW, HaltKind.STACK_OVERFLOW])
def test_an_exception_of_the_stack_cannot_be_claimed_where_it_is_not(kind):
    def edit(steps):
        del steps[3:]
        steps[2] = steps[2]._replace(halt=kind, outputs=())

    ranges = sent(forged(assemble("1 2 ADD STOP"), edit)["cpu"], RANGE16)
    assert max(value for (value,) in ranges) >= 2**16  # the height is on the wrong side of the limit


def test_a_defined_opcode_cannot_be_claimed_invalid():
    def edit(steps):
        del steps[3:]
        steps[2] = steps[2]._replace(halt=HaltKind.INVALID_OPCODE, outputs=())

    assert "what halts" in names(broken(forged(assemble("1 2 ADD STOP"), edit)))


def test_a_valid_jump_cannot_be_claimed_bad():
    def edit(steps):
        del steps[2:]
        steps[1] = steps[1]._replace(halt=HaltKind.INVALID_JUMP)

    assert "the byte is no JUMPDEST" in names(broken(forged(assemble("3 JUMP JUMPDEST STOP"), edit)))


def test_a_jump_into_push_data_finds_no_instruction():
    code = assemble("4 JUMP PUSH1 0x5b STOP")

    def edit(steps):
        steps[1] = steps[1]._replace(halt=HaltKind.NONE)
        landing = steps[1]._replace(
            pc=4, opcode=0x5B, gas_before=99_989, gas_cost=1, stack_before=0, inputs=()
        )
        steps.append(landing)
        steps.append(landing._replace(pc=5, opcode=0, gas_before=99_988, gas_cost=0, halt=HaltKind.STOP))

    found = broken(forged(code, edit, success=True), CLOSED)
    assert broken_buses(found) == {"bytecode"}
    assert {v.cells["pc"] for v in found} == {3, 4}  # 4 is fetched, the instruction around it stands at 3


def test_stopping_early_is_not_the_code():
    def edit(steps):
        del steps[2:]
        steps[1] = steps[1]._replace(opcode=0, halt=HaltKind.STOP, outputs=(), gas_cost=0)

    assert broken_buses(broken(forged(assemble("1 2 ADD"), edit, success=True), CLOSED)) == {"bytecode"}


def test_steps_behind_a_halt_are_refused():
    def edit(steps):
        steps[1] = steps[1]._replace(halt=HaltKind.NONE)
        steps.append(steps[1]._replace(pc=3, opcode=0, halt=HaltKind.STOP))

    assert "what halts" in names(broken(forged(assemble("1 STOP STOP"), edit, success=True)))


def test_a_skipped_step_breaks_the_program_counter():
    def edit(steps):
        del steps[2]

    assert "the next pc" in names(broken(forged(assemble("1 2 JUMPDEST ADD"), edit, success=True)))


@pytest.mark.parametrize(("opcode", "wrong"), [("DUP2", (3,)), ("SWAP2", (3, 2))])
def test_a_word_from_the_wrong_slot_unbalances_the_stack(opcode, wrong):
    def edit(steps):
        outputs = wrong if len(wrong) == 1 else wrong[::-1]
        steps[3] = steps[3]._replace(inputs=wrong, outputs=outputs)

    found = broken(forged(assemble(f"1 2 3 {opcode}"), edit, success=True), CLOSED)
    assert broken_buses(found) == {"stack"}


def test_an_out_of_gas_cannot_become_a_success():
    def edit(steps):
        steps[1] = steps[1]._replace(halt=HaltKind.NONE, outputs=(0,))
        steps.append(steps[1]._replace(pc=3, opcode=0, halt=HaltKind.STOP, gas_before=0, gas_cost=0))

    traces = forged(assemble("0 SLOAD STOP"), edit, success=True, gas=500)
    limbs = [cell(traces, "cpu", f"gas_limbs[{i}]", 2) for i in range(3)]
    assert "gas is paid" in names(broken(traces))  # 500 - 3 - 2100 has no three limbs
    assert max(limbs) < 2**16


def test_a_refund_cannot_be_inflated():
    source = run([assemble("0 1 SSTORE")], {1: 5})
    traces = fill(chips(), source)
    row = row_of(traces, 0, END)
    assert cell(traces, "cpu", "refund", row) == 4800
    tampered = prank(traces, "cpu", "refund", row, 19900)
    assert "the refund survives success" in names(broken(tampered))


def test_a_cold_slot_cannot_be_paid_as_warm():
    traces = fill(chips(), run([assemble("1 SLOAD")]))
    row = row_of(traces, 0, "SLOAD")
    tampered = prank(traces, "cpu", "dynamic_gas", row, 100)
    assert "gas is paid" in names(broken(tampered))


def test_real_rows_cannot_hide_in_the_padding(traces):
    cpu = traces["cpu"]
    assert cpu.rows < cpu.height
    tampered = prank(traces, "cpu", flag_name(Family.ALU2), cpu.height - 1, 1)
    assert names(broken({"cpu": tampered["cpu"]}))
    tampered = prank(traces, "cpu", "is_begin", cpu.height - 1, 1)
    assert "BEGIN follows END" in names(broken({"cpu": tampered["cpu"]}))
