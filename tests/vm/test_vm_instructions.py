"""Environment, block, stack, memory, hashing and logs: results, gas and what the trace tells."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zkroll.algebra.keccak import keccak256
from zkroll.vm.halts import HaltKind
from zkroll.vm.interpreter import CORE
from zkroll.vm.state import Account
from zkroll.vm.trace import CopyRow
from zkroll.vm.tracer import CopySource

SELF, CALLER, ORIGIN, OTHER = 0xC0DE, 0xCA11, 0x0619, 0x07E8
FAR = (1 << 256) - 1
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize(
    ("name", "word", "cost"),
    [
        ("ADDRESS", SELF, 2),
        ("CALLER", CALLER, 2),
        ("ORIGIN", ORIGIN, 2),
        ("CALLVALUE", 9, 2),
        ("CALLDATASIZE", 5, 2),
        ("CODESIZE", 2, 2),
        ("RETURNDATASIZE", 0, 2),
        ("GASPRICE", 11, 2),
        ("SELFBALANCE", 509, 5),
        ("COINBASE", 0xC01B, 2),
        ("TIMESTAMP", 1_700_000_000, 2),
        ("NUMBER", 1000, 2),
        ("PREVRANDAO", 0xABCD, 2),
        ("GASLIMIT", 30_000_000, 2),
        ("CHAINID", 77, 2),
        ("BASEFEE", 7, 2),
        ("BLOBBASEFEE", 3, 2),
        ("MSIZE", 0, 2),
        ("PC", 0, 2),
        ("GAS", 999_998, 2),
        ("PUSH0", 0, 2),
    ],
)
def test_an_opcode_without_operands_pushes_its_word(run, name, word, cost):
    step = run(f"{name} STOP", data=b"12345", value=9).steps[0]
    assert (step.inputs, step.outputs, step.gas_cost) == ((), (word,), cost)


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        (0, b"abcdefgh" + bytes(24)),
        (3, b"defgh" + bytes(27)),
        (7, b"h" + bytes(31)),
        (8, bytes(32)),
        (FAR, bytes(32)),
    ],
)
def test_calldataload_reads_zeros_past_the_end(result_of, run, offset, expected):
    step = run(f"PUSH32 {offset} CALLDATALOAD", data=b"abcdefgh").step("CALLDATALOAD")
    assert step.outputs == (int.from_bytes(expected, "big"),)


@pytest.mark.parametrize("name", ["CALLDATACOPY", "CODECOPY"])
@pytest.mark.parametrize(
    ("dst", "src", "length"), [(0, 0, 4), (5, 2, 40), (33, 1000, 3), (0, FAR, 1), (64, 3, 64)]
)
def test_copies_fill_with_zeros_past_the_end(run, asm, name, dst, src, length):
    source = f"PUSH1 {length} PUSH32 {src} PUSH1 {dst} {name} MSIZE PUSH0 RETURN"
    data = bytes(range(1, 51))
    done = run(source, data=data, machine=CORE)
    origin = data if name == "CALLDATACOPY" else asm(source)
    piece = (origin[src : src + length] if src < len(origin) else b"").ljust(length, b"\0")
    assert done.outcome.output[dst : dst + length] == piece
    assert not any(done.outcome.output[:dst])
    size = (dst + length + 31) // 32
    words = (length + 31) // 32
    assert done.step(name).gas_cost == 3 + 3 * words + 3 * size
    kind = CopySource.CALLDATA if name == "CALLDATACOPY" else CopySource.CODE
    assert done.trace.copies == [CopyRow(3, kind, dst, src, length)]


def test_a_copy_of_nothing_costs_and_traces_nothing(run):
    done = run(f"PUSH0 PUSH0 PUSH32 {FAR} CALLDATACOPY")
    assert done.step("CALLDATACOPY").gas_cost == 3
    assert done.trace.copies == done.trace.memory == []


def test_return_data_cannot_be_read_past_its_end(run):
    assert run("PUSH0 PUSH0 PUSH0 RETURNDATACOPY").outcome.success
    assert run("PUSH1 1 PUSH0 PUSH0 RETURNDATACOPY").outcome.kind is HaltKind.RETURN_DATA_BOUNDS
    assert run(f"PUSH0 PUSH32 {FAR} PUSH0 RETURNDATACOPY").outcome.kind is HaltKind.RETURN_DATA_BOUNDS


@pytest.mark.parametrize("name", ["BALANCE", "EXTCODESIZE", "EXTCODEHASH"])
def test_looking_at_an_account_is_cold_once(run, name):
    other = {OTHER: Account(1, 5, b"\x01\x02")}
    done = run(f"PUSH2 {OTHER} {name} PUSH2 {OTHER} {name}", accounts=other)
    first, second = (step for step in done.steps if step.name == name)
    word = {"BALANCE": 5, "EXTCODESIZE": 2, "EXTCODEHASH": int.from_bytes(keccak256(b"\x01\x02"), "big")}[
        name
    ]
    assert (first.outputs, first.gas_cost, second.gas_cost) == ((word,), 2600, 100)


def test_extcodehash_of_an_empty_account_is_zero_and_of_no_code_is_not(result_of):
    assert result_of("EXTCODEHASH", 0xDEAD) == 0
    assert result_of("EXTCODEHASH", CALLER) == int.from_bytes(keccak256(b""), "big")


@pytest.mark.parametrize(("number", "word"), [(999, 1004), (744, 749), (743, 0), (1000, 0), (FAR, 0)])
def test_blockhash_knows_the_last_256_blocks(result_of, number, word):
    assert result_of("BLOCKHASH", number) == word


def test_blobhash_is_zero_past_the_last_blob(result_of):
    assert [result_of("BLOBHASH", i) for i in (0, 1, 2, FAR)] == [0x01AA, 0x01BB, 0, 0]


@pytest.mark.parametrize("size", range(1, 33))
def test_push_reads_its_bytes_and_zeros_past_the_end_of_the_code(run, size):
    immediate = bytes(range(1, size + 1))
    whole = run(f"PUSH{size} {int.from_bytes(immediate, 'big')} STOP").steps[0]
    assert whole.outputs == (int.from_bytes(immediate, "big"),)
    cut = run(f"0x{0x5F + size:02x}{immediate[:-1].hex()}").steps[0]
    assert cut.outputs == (int.from_bytes(immediate[:-1] + b"\0", "big"),)


@pytest.mark.parametrize("n", range(1, 17))
def test_dup_and_swap_reach_the_nth_word(run, n):
    fill = " ".join(f"PUSH1 {i}" for i in range(17, 0, -1))
    dup = run(f"{fill} DUP{n}").step(f"DUP{n}")
    assert (dup.inputs, dup.outputs) == ((n,), (n,))
    swap = run(f"{fill} SWAP{n}").step(f"SWAP{n}")
    assert (swap.inputs, swap.outputs) == ((1, n + 1), (n + 1, 1))
    assert run("PUSH0 " * (n - 1) + f"DUP{n}").outcome.kind is HaltKind.STACK_UNDERFLOW
    assert run("PUSH0 " * n + f"SWAP{n}").outcome.kind is HaltKind.STACK_UNDERFLOW


@quick
@given(
    st.lists(
        st.tuples(st.sampled_from(["MSTORE", "MSTORE8", "MLOAD"]), st.integers(0, 200), st.integers(0, FAR)),
        max_size=12,
    )
)
def test_memory_behaves_like_a_byte_array(run, operations):
    source = []
    expected = bytearray(1024)
    loads = []
    for name, offset, word in operations:
        if name == "MLOAD":
            source.append(f"PUSH2 {offset} MLOAD POP")
            loads.append(int.from_bytes(expected[offset : offset + 32], "big"))
        else:
            source.append(f"PUSH32 {word} PUSH2 {offset} {name}")
            piece = word.to_bytes(32, "big") if name == "MSTORE" else bytes([word & 0xFF])
            expected[offset : offset + len(piece)] = piece
    done = run(" ".join([*source, "MSIZE PUSH0 RETURN"]))
    assert [step.outputs[0] for step in done.steps if step.name == "MLOAD"] == loads
    assert done.outcome.output == expected[: len(done.outcome.output)]
    assert len(done.outcome.output) == 32 * done.last.memory_before


def test_unaligned_words_touch_two_words_of_memory(run):
    done = run("PUSH2 0x1234 PUSH1 33 MSTORE PUSH1 33 MLOAD")
    store, load = done.trace.memory
    assert (store.first_word, len(store.before), store.is_write) == (1, 64, True)
    assert store.before == bytes(64)
    assert store.after == bytes(1) + (0x1234).to_bytes(32, "big") + bytes(31)
    assert (load.first_word, load.before, load.after, load.is_write) == (1, store.after, store.after, False)


def test_mstore8_keeps_only_the_lowest_byte(run):
    done = run("PUSH2 0x1234 PUSH1 31 MSTORE8 PUSH0 MLOAD")
    assert done.step("MLOAD").outputs == (0x34,)


@pytest.mark.parametrize(
    ("dst", "src", "length"), [(1, 0, 40), (0, 1, 40), (64, 0, 32), (0, 100, 8), (5, 5, 5)]
)
def test_mcopy_copies_as_if_through_a_buffer(run, dst, src, length):
    fill = f"PUSH32 {int.from_bytes(bytes(range(1, 33)), 'big')} PUSH0 MSTORE"
    done = run(f"{fill} PUSH1 {length} PUSH1 {src} PUSH1 {dst} MCOPY MSIZE PUSH0 RETURN")
    before = (bytes(range(1, 33)) + bytes(200))[:200]
    after = before[:dst] + before[src : src + length] + before[dst + length :]
    assert done.outcome.output == after[: len(done.outcome.output)]


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 135, 136, 137])
def test_keccak_hashes_memory_and_tells_its_input(run, length):
    data = bytes(range(1, length + 1))
    done = run(f"PUSH1 {length} PUSH0 PUSH0 CALLDATACOPY PUSH1 {length} PUSH0 KECCAK256", data=data)
    step = done.step("KECCAK256")
    digest = int.from_bytes(keccak256(data), "big")
    assert (step.outputs, step.gas_cost) == ((digest,), 30 + 6 * ((length + 31) // 32))
    ((index, hashed, told),) = done.trace.hashes
    assert (done.steps[index], hashed, told) == (step, data, digest)


@pytest.mark.parametrize("topics", range(5))
def test_log_keeps_topics_in_order_and_pays_for_bytes(run, topics):
    words = " ".join(f"PUSH1 {100 + i}" for i in reversed(range(topics)))
    done = run(f"PUSH1 7 PUSH0 MSTORE8 {words} PUSH1 3 PUSH0 LOG{topics}")
    (event,) = done.state.logs
    assert event == (SELF, tuple(100 + i for i in range(topics)), b"\x07\0\0")
    assert done.step(f"LOG{topics}").gas_cost == 375 * (topics + 1) + 8 * 3
    assert done.trace.logs == [(done.steps.index(done.step(f"LOG{topics}")), event)]


@pytest.mark.parametrize(
    "source", ["PUSH0 PUSH0 LOG0", "PUSH0 PUSH0 SSTORE", "PUSH0 PUSH0 TSTORE", "PUSH0 SELFDESTRUCT"]
)
def test_a_static_message_cannot_write(run, source):
    assert run(source, is_static=True).outcome.kind is HaltKind.STATIC_WRITE
    assert run(source).outcome.success
