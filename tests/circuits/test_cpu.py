"""The cpu against the VM: every kind of step and halt holds, and its requests are those of the steps."""

from __future__ import annotations

import random

import numpy as np
import pytest
from support.chips import broken, cell, fill
from support.programs import CONTRACT, SENDER, Call, assemble, run
from support.tamper import sent, unbroken_constraints, unmissed_cells

from zkroll.circuits.air.layout import chip_layout
from zkroll.circuits.buses import (
    ALU,
    ALU3,
    BYTECODE,
    CODE_BYTE,
    CONTEXT,
    COPY,
    EXP,
    EXPAND,
    FIRST_CLOCK,
    KECCAK,
    LENGTH,
    LOG_TOPICS,
    MEMORY_OP,
    OPCODE,
    STACK,
    STORAGE,
    TOO_LARGE_GAS,
    TX_BEGIN,
    TX_END,
)
from zkroll.circuits.chips.bad_jump import BAD_JUMP, BadJumpChip
from zkroll.circuits.chips.bytecode import BytecodeChip
from zkroll.circuits.chips.cpu import CpuChip
from zkroll.circuits.chips.cpu.expansion import expand
from zkroll.circuits.chips.cpu.support import check_supported, supported_opcodes
from zkroll.circuits.chips.log import LogChip
from zkroll.circuits.chips.opcodes import LEFT, PUSH_SIZE, OpcodesChip
from zkroll.circuits.chips.stack_drain import StackDrainChip
from zkroll.errors import ProvingError, UnprovableError
from zkroll.vm.gas import memory_expansion
from zkroll.vm.halts import HaltKind
from zkroll.vm.opcodes import CORE, OPCODES

T = FIRST_CLOCK  # the first BEGIN
CLOSED = (STACK, BYTECODE, CODE_BYTE, LENGTH, OPCODE, LOG_TOPICS, BAD_JUMP, PUSH_SIZE, LEFT)

#: one program per way to end, and together every family
PROGRAMS = {
    "return": "1 2 ADD 3 MUL DUP1 SWAP1 POP PC MSIZE GAS RETURNDATASIZE 5 0 MSTORE 32 0 RETURN",
    "revert": "1 0 MSTORE8 64 32 KECCAK256 0 SSTORE 0 SLOAD CALLER 7 300 EXP 10 20 30 4 0 LOG3 0 0 REVERT",
    "jumps": "5 JUMP .fe .fe JUMPDEST 1 12 JUMPI .fe JUMPDEST 0 99 JUMPI STOP",
    "copies": "7 0 5 CALLDATACOPY 9 1 64 CODECOPY 3 CALLDATALOAD SELFBALANCE 8 MLOAD 0 0 LOG0",
    "log": "1 2 3 4 1 33 LOG4",
    "words": "1 2 3 ADDMOD NOT ISZERO 5 6 7 MULMOD 3 SLT 1 2 3 SWAP3 DUP3 31 BYTE 0 POP",
    "storage": "1 0 SSTORE 0 0 SSTORE 3 1 SSTORE 1 SLOAD 9 1 SSTORE",
    "truncated": "PUSH32 0x0102030405060708091011121314151617181920212223242526272829303132 .7f01",
    "jump beyond": "200 JUMP",
    "jump far beyond": "0xffffffffffffffffffffffffffffffffffffffff JUMP",
    "jump into push data": "4 JUMP 0x5b STOP",
    "jump to no destination": "1 2 JUMPI",
    "underflow": "1 ADD",
    "undefined": ".0c",
    "invalid": ".fe",
    "endless": "JUMPDEST 0 JUMP",
    "overflow by push": "PUSH0 " * 1025,
    "overflow by dup": "PUSH0 " * 1024 + "DUP16",
}
CALLS = [
    b"",
    *(Call(assemble(t), 20_000 if name == "endless" else 200_000, b"abc") for name, t in PROGRAMS.items()),
    Call(assemble("0 SLOAD"), gas=1000),
    Call(assemble("1 0 SSTORE"), gas=2306),  # 2300 left at the SSTORE
    Call(assemble("1 0 SSTORE"), gas=2307),
    Call(assemble("1 0xffffffffffffffffffffffff MSTORE"), gas=5000),
    Call(assemble("1 0x1000000 MSTORE"), gas=5000),
    Call(assemble("7 0xffffff EXP"), gas=100),
    Call(assemble("0x1234 POP PUSH2 0xabcd"), gas=7),
    Call(assemble("0x100000000 0 LOG0"), gas=5000),
    Call(assemble("0 0 0xffffff LOG1"), gas=5000),
]  # fmt: skip


def chips():
    return [CpuChip(), LogChip(), BadJumpChip(), StackDrainChip(), BytecodeChip(), OpcodesChip()]


def filled(calls, slots=None):
    source = run(calls, slots)
    return source, fill(chips(), source)


@pytest.fixture(scope="module")
def sample():
    return filled(CALLS, {1: 5})


def test_every_way_to_end_a_context_satisfies_the_chips_and_balances_their_buses(sample):
    source, traces = sample
    halts = {step.halt for step in source.steps.steps}
    assert halts >= {
        HaltKind.STOP, HaltKind.RETURN, HaltKind.REVERT, HaltKind.OUT_OF_GAS, HaltKind.STACK_UNDERFLOW,
        HaltKind.STACK_OVERFLOW, HaltKind.INVALID_JUMP, HaltKind.INVALID_OPCODE,
    }  # fmt: skip
    assert broken(traces, CLOSED) == []


@pytest.mark.parametrize("seed", range(3))
def test_random_programs_satisfy_the_chips(seed):
    rng = random.Random(seed)
    plain = sorted(b for b in CORE if not 0x60 <= b <= 0x7F and b not in (0x00, 0xF3, 0xFD, 0xFE))

    def program() -> bytes:
        out = bytearray()
        for _ in range(rng.randrange(1, 80)):
            kind = rng.random()
            if kind < 0.5:
                out += bytes([0x60, rng.choice([0, 1, 2, 31, 32, 33, rng.randrange(256)])])
            elif kind < 0.55:
                out += bytes([0x7F]) + rng.randbytes(32)
            elif kind < 0.57:
                out.append(rng.choice([0x00, 0xF3, 0xFD, 0xFE, 0x0C]))
            else:
                out.append(rng.choice(plain))
        return bytes(out)

    gas = (100, 3000, 10_000, 100_000)
    _, traces = filled(
        [Call(program(), rng.choice(gas), rng.randbytes(rng.randrange(50))) for _ in range(60)]
    )
    assert broken(traces, CLOSED) == []


@pytest.mark.parametrize("calls", [[b""], [b"\0"], [b"", b"", b""], [b"\0" * 3] * 3])
def test_transactions_without_code_and_of_one_step_satisfy_the_chips(calls):
    source, traces = filled(calls)
    assert traces["cpu"].rows == 2 * len(calls) + len(source.steps.steps)
    assert broken(traces, CLOSED) == []


@pytest.mark.parametrize("steps", [4, 5, 6, 7])
def test_a_table_that_is_full_or_one_row_short_or_over_holds(steps):
    _, traces = filled([assemble("JUMPDEST " * steps)])
    assert traces["cpu"].rows == steps + 3
    assert broken(traces, CLOSED) == []


def test_a_batch_without_transactions_has_no_rows():
    assert fill([CpuChip()], run([])) == {}


def test_a_source_whose_transactions_do_not_cover_the_steps_is_refused():
    source = run([assemble("1 2 ADD")])
    source.steps.steps.pop()
    with pytest.raises(ProvingError, match="cover the 3 steps"):
        fill([CpuChip()], source)


def test_begin_and_end_tell_gas_refund_and_success():
    source, traces = filled([assemble("0 1 SSTORE"), b"", assemble(".fe")], {1: 5})
    first, second, third = source.transactions
    assert first.refund == 4800
    begins, ends = sent(traces["cpu"], TX_BEGIN), sent(traces["cpu"], TX_END)
    assert begins == [
        (0, T, first.code_hash, 100_000),
        (1, T + 6, 0, 100_000),
        (2, T + 8, third.code_hash, 100_000),
    ]
    assert ends == [(0, T + 5, first.gas_left, 4800, 1), (1, T + 7, 100_000, 0, 1), (2, T + 10, 0, 0, 0)]
    assert second.gas_left == 100_000


def test_requests_are_those_of_the_steps():
    source, traces = filled(
        [Call(assemble("7 3 SUB ISZERO 1 2 3 ADDMOD 2 9 EXP CALLER 5 33 MSTORE 40 1 KECCAK256"), data=b"xy")]
    )
    cpu = traces["cpu"]
    digest = source.steps.hashes[0][2]
    halves = (digest >> 128, digest % 2**128)
    assert sent(cpu, ALU) == [
        (0x03, 0, 3, 0, 7, 2**128 - 1, 2**128 - 4),
        (0x15, 2**128 - 1, 2**128 - 4, 0, 0, 0, 0),
    ]
    assert sent(cpu, ALU3) == [(0x08, 0, 3, 0, 2, 0, 1, 0, 0)]
    assert sent(cpu, EXP) == [(0, 9, 0, 2, 0, 81, 1)]
    assert sent(cpu, CONTEXT) == [(T, 0x33, SENDER >> 128, SENDER)]
    assert sent(cpu, MEMORY_OP) == [(0x52, T, T + 15, 33, 0, 5)]
    assert sent(cpu, EXPAND) == [(0, 0, 33, 0, 32, 3, 1, 32, 9), (3, 0, 1, 0, 40, 3, 2, 40, 0)]
    assert sent(cpu, KECCAK) == [(0, T, T + 18, 0, 1, 40, *halves)]
    assert CONTRACT != SENDER


def test_the_clock_leaves_room_for_every_word_of_a_copy_or_hash():
    _, traces = filled([Call(assemble("70 0 5 CALLDATACOPY 65 1 KECCAK256 0 0 0 CODECOPY STOP"))])
    rows = traces["cpu"].rows
    clocks = [cell(traces, "cpu", "clk", row) for row in range(rows)]
    assert np.diff(clocks).tolist() == [1, 1, 1, 1, 1 + 3, 1, 1, 1 + 3, 1, 1, 1, 1, 1]
    assert sent(traces["cpu"], COPY)[0][:4] == (1, T, T, T + 4)


def test_a_step_out_of_gas_asks_for_prices_and_does_nothing():
    _, traces = filled(
        [Call(assemble("0x40 0xffffffffffff KECCAK256"), gas=5000), Call(assemble("1 0 SSTORE"), gas=3000)]
    )
    cpu = traces["cpu"]
    assert sent(cpu, KECCAK) == []
    assert sent(cpu, MEMORY_OP) == []
    assert sent(cpu, EXPAND) == [(0, 0, 2**48 - 1, 0, 0x40, 0, 0, 0, TOO_LARGE_GAS)]
    assert sent(cpu, STORAGE) == [(0x55, T + 5, T + 8, 0, 0, 0, 1, 22100, 0)]


def test_sstore_with_2300_gas_left_does_not_look_at_the_slot():
    _, traces = filled([Call(assemble("1 0 SSTORE"), gas=2306)])
    assert sent(traces["cpu"], STORAGE) == []
    assert broken(traces, CLOSED) == []


def test_every_constraint_is_broken_by_noise_in_some_column():
    texts = ("1 0 SSTORE PC POP", ".fe", "1 6 JUMPI .fe JUMPDEST 1 NOT DUP1", "ADD")
    small = [b"", *map(assemble, texts), b""]
    _, traces = filled(small)
    assert unbroken_constraints(traces["cpu"]) == set()


def test_no_cell_of_an_interaction_can_change_unseen():
    picked = [c for c in CALLS if isinstance(c, Call) and len(c.code) < 200 and c.gas != 20_000]
    _, traces = filled(picked, {1: 5})
    assert unmissed_cells(traces, "cpu") == []


def test_expansion_prices_are_those_of_the_vm():
    rng = random.Random(5)
    picks = [0, 1, 31, 32, 33, 2**20, 2**32 - 33, 2**32 - 32, 2**32 - 1, 2**32, 2**64, 2**255]
    cases = [(rng.choice((0, 1, 700, 40_000)), o, n) for o in picks for n in picks]
    words = np.array([c[0] for c in cases])

    def limbs(values):
        return np.frombuffer(b"".join(v.to_bytes(32, "little") for v in values), "<u8").reshape(-1, 4)

    answer = expand(words, limbs([c[1] for c in cases]), limbs([c[2] for c in cases]))
    for i, (before, offset, length) in enumerate(cases):
        got = tuple(
            int(column[i])
            for column in (answer.gas, answer.words_after, answer.length_words, answer.length_bytes)
        )
        if length and offset + length >= 2**32:
            assert got == (TOO_LARGE_GAS, before, 0, 0)
        else:
            assert got == (*memory_expansion(before, offset, length), -(-length // 32), length)


def test_supported_opcodes_are_those_of_the_core_machine_and_the_undefined():
    assert supported_opcodes() == CORE | {b for b in range(256) if b not in OPCODES}


def test_an_opcode_without_a_chip_is_refused_with_its_place():
    source = run([assemble("1 POP"), assemble("1 2 ADD")])
    check_supported(source.steps)
    source.steps.steps[5] = source.steps.steps[5]._replace(opcode=0xF1)
    with pytest.raises(UnprovableError, match=r"transaction 1: opcode CALL \(0xf1\) at pc 4 has no chip"):
        check_supported(source.steps)
    source.steps.steps[5] = source.steps.steps[5]._replace(opcode=0x01, depth=1)
    with pytest.raises(UnprovableError, match="in an inner call"):
        check_supported(source.steps)


def test_the_table_stays_as_wide_as_planned():
    layout = chip_layout(CpuChip())
    assert sum(layout.widths.values()) <= 100
    assert layout.degree <= 5
