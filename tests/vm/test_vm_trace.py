"""The recorder's records and their arrays."""

import numpy as np

from zkroll.vm.arrays import limbs, memory_limbs
from zkroll.vm.halts import HaltKind
from zkroll.vm.state import Account
from zkroll.vm.trace import TraceRecorder

WORD = 0x1122334455667788_99AABBCCDDEEFF00_0102030405060708_090A0B0C0D0E0F10
SOURCE = f"""
PUSH32 {WORD} PUSH1 33 MSTORE PUSH1 5 SLOAD PUSH1 6 PUSH1 5 SSTORE PUSH1 3 PUSH1 9 PUSH1 64 CALLDATACOPY
PUSH1 40 PUSH1 30 KECCAK256 PUSH1 8 PUSH1 2 PUSH1 32 LOG1 DUP1 SWAP1 PUSH1 4 PUSH1 1 REVERT
"""


def word(row: np.ndarray) -> int:
    return sum(int(limb) << (64 * i) for i, limb in enumerate(row))


def test_limbs_are_little_endian_and_halves_are_pairs_of_them():
    (row,) = limbs([WORD])
    assert word(row[:2]) == WORD % 2**128
    assert word(row[2:]) == WORD >> 128
    assert (memory_limbs(WORD.to_bytes(32, "big")) == row).all()
    assert limbs([]).shape == memory_limbs(b"").shape == (0, 4)


def test_arrays_say_what_the_records_say(run):
    trace = run(SOURCE, data=bytes(range(20)), storage={5: 7}).trace
    arrays = trace.arrays()
    steps = arrays.steps
    for i, step in enumerate(trace.steps):
        assert steps.transaction[i] == step.transaction == 4
        assert (steps.context[i], steps.depth[i], steps.pc[i]) == (step.context, step.depth, step.pc)
        assert (steps.opcode[i], steps.halt[i]) == (step.opcode, step.halt)
        assert (steps.gas_before[i], steps.gas_cost[i]) == (step.gas_before, step.gas_cost)
        assert (steps.refund_before[i], steps.stack_before[i]) == (step.refund_before, step.stack_before)
        assert (steps.memory_before[i], steps.memory_after[i]) == (step.memory_before, step.memory_after)
        assert (steps.input_count[i], steps.output_count[i]) == (len(step.inputs), len(step.outputs))
        assert [word(row) for row in steps.inputs[i]][: len(step.inputs)] == list(step.inputs)
        assert [word(row) for row in steps.outputs[i]][: len(step.outputs)] == list(step.outputs)
        assert not steps.inputs[i, len(step.inputs) :].any()
        assert not steps.outputs[i, len(step.outputs) :].any()


def test_arrays_of_storage_memory_copies_hashes_and_logs_say_what_the_records_say(run):
    trace = run(SOURCE, data=bytes(range(20)), storage={5: 7}).trace
    arrays = trace.arrays()
    storage = arrays.storage
    assert [word(row) for row in storage.new] == [7, 6]
    assert [word(row) for row in storage.original] == [7, 7]
    assert [word(row) for row in storage.slot] == [5, 5]
    assert [word(row) for row in storage.address] == [0xC0DE, 0xC0DE]
    assert storage.was_warm.tolist() == [False, True]
    assert storage.is_write.tolist() == [False, True]
    assert storage.refund_delta.tolist() == [0, 0]

    expected = [
        (
            row.step,
            row.first_word + k,
            *(int.from_bytes(side[32 * k : 32 * k + 32], "big") for side in row[2:4]),
        )
        for row in trace.memory
        for k in range(len(row.before) // 32)
    ]
    memory = arrays.memory
    found = zip(memory.step, memory.word_index, map(word, memory.old), map(word, memory.new), strict=True)
    assert [tuple(map(int, row)) for row in found] == expected
    assert memory.is_write.tolist() == [True, True, True, False, False, False, False, False]

    assert [int(column[0]) for column in (arrays.copies.dst, arrays.copies.src, arrays.copies.length)] == [
        64,
        9,
        3,
    ]
    (step, data, digest), hashes = trace.hashes[0], arrays.hashes
    assert (hashes.step.tolist(), hashes.start.tolist()) == ([step], [0, 40])
    assert (hashes.data.tobytes(), word(hashes.digest[0])) == (data, digest)
    logs = arrays.logs
    assert (logs.topic_count.tolist(), logs.start.tolist(), word(logs.address[0])) == ([1], [0, 2], 0xC0DE)
    assert word(logs.topics[0, 0]) == 8
    assert logs.data.tobytes() == trace.logs[0][1].data


def test_an_empty_trace_gives_empty_arrays():
    arrays = TraceRecorder().trace.arrays()
    assert arrays.steps.inputs.shape == (0, 7, 4)
    assert arrays.memory.old.shape == (0, 4)
    assert arrays.hashes.start.tolist() == [0]


def test_a_gas_demand_beyond_64_bits_is_cut_in_the_arrays_only(run):
    trace = run(f"PUSH32 {2**256 - 1} MLOAD").trace
    assert trace.steps[-1].gas_cost > 2**64
    assert trace.arrays().steps.gas_cost[-1] == 2**64 - 1
    far = run(f"PUSH1 1 PUSH32 {2**256 - 1} PUSH0 CALLDATACOPY").trace
    assert far.arrays().copies.src.tolist() == [2**64 - 1]


def test_a_context_knows_its_message_steps_and_end(run):
    trace = run("PUSH1 1 PUSH0 REVERT", data=b"abc").trace
    (context,) = trace.contexts
    assert (context.transaction, context.parent, context.message.data) == (4, -1, b"abc")
    assert (context.first_step, context.end_step, context.kind) == (0, 3, HaltKind.REVERT)
    assert context.output == b"\0"
    assert not context.success


def test_inner_calls_are_contexts_of_their_own_and_the_call_step_gets_their_result(run, asm):
    callee = asm("PUSH1 42 PUSH0 MSTORE PUSH1 32 PUSH0 RETURN")
    source = "PUSH1 32 PUSH1 5 PUSH0 PUSH0 PUSH0 PUSH2 0x07e8 GAS CALL PUSH1 5 MLOAD STOP"
    done = run(source, accounts={0x07E8: Account(1, 0, callee)})
    outer, inner = done.trace.contexts
    assert (outer.parent, inner.parent, inner.message.depth) == (-1, 0, 1)
    assert (inner.first_step, inner.end_step) == (8, 14)
    assert done.step("CALL").outputs == (1,)
    assert done.step("MLOAD").outputs == (42,)
    assert [step.context for step in done.steps] == [0] * 8 + [1] * 6 + [0] * 3
    written = next(row for row in done.trace.memory if row.step == 7)
    assert written.is_write


def test_steps_of_one_transaction_can_be_picked(run):
    trace = run("PUSH0 STOP").trace
    assert [i for i, _ in trace.transaction_steps(4)] == [0, 1]
    assert list(trace.transaction_steps(5)) == []
