"""How frames end, and which of several reasons counts."""

import pytest

from zkroll.errors import UnprovableError
from zkroll.vm.halts import HaltKind, MissingOpcode, MissingPrecompile
from zkroll.vm.interpreter import CANCUN, CORE
from zkroll.vm.opcodes import BY_NAME, OPCODES

CORE_NAMES = """
STOP ADD MUL SUB DIV SDIV MOD SMOD ADDMOD MULMOD EXP SIGNEXTEND LT GT SLT SGT EQ ISZERO AND OR XOR NOT BYTE
SHL SHR SAR KECCAK256 ADDRESS CALLER ORIGIN CALLVALUE CALLDATALOAD CALLDATASIZE CALLDATACOPY CODESIZE CODECOPY
RETURNDATASIZE GASPRICE GAS CHAINID SELFBALANCE NUMBER TIMESTAMP COINBASE POP MLOAD MSTORE MSTORE8 MSIZE SLOAD
SSTORE JUMP JUMPI PC JUMPDEST RETURN REVERT INVALID
"""


def test_the_core_machine_runs_exactly_the_provable_opcodes():
    names = {
        *CORE_NAMES.split(),
        *(f"PUSH{n}" for n in range(33)),
        *(f"DUP{n}" for n in range(1, 17)),
        *(f"SWAP{n}" for n in range(1, 17)),
        *(f"LOG{n}" for n in range(5)),
    }
    assert set(CORE.instructions) == {BY_NAME[name].byte for name in names}


def test_the_ethereum_machine_runs_every_opcode_of_the_table():
    assert set(CANCUN.instructions) == set(OPCODES)


def test_the_opcode_table_is_consistent():
    for byte, opcode in OPCODES.items():
        assert opcode.byte == byte
        assert 0 <= opcode.pops <= 17
        assert 0 <= opcode.pushes <= 17
        assert BY_NAME[opcode.name] is opcode


def test_an_opcode_outside_the_machine_is_an_error_that_names_it_and_changes_nothing(run):
    with pytest.raises(MissingOpcode, match=r"transaction 4: opcode TLOAD \(0x5c\) at pc 6") as caught:
        run("PUSH1 1 PUSH0 SSTORE PUSH1 0 TLOAD", machine=CORE)
    assert (caught.value.transaction, caught.value.opcode, caught.value.pc) == (4, 0x5C, 6)
    assert isinstance(caught.value, UnprovableError)


def test_a_precompile_outside_the_machine_is_an_error_that_names_it(run):
    source = "PUSH0 PUSH0 PUSH0 PUSH0 PUSH1 8 GAS STATICCALL"
    with pytest.raises(MissingPrecompile, match="precompile 0x8"):
        run(source)


def test_a_byte_without_opcode_takes_all_gas(run):
    done = run("PUSH1 1 0x0c")
    assert done.outcome.kind is HaltKind.INVALID_OPCODE
    assert done.outcome.gas_left == 0
    assert (done.last.opcode, done.last.gas_cost, done.last.inputs) == (0x0C, 0, ())


def test_invalid_takes_all_gas(run):
    done = run("INVALID")
    assert (done.outcome.kind, done.outcome.gas_left) == (HaltKind.INVALID_OPCODE, 0)


def test_the_end_of_the_code_stops(run):
    done = run("PUSH1 1")
    assert done.outcome.kind is HaltKind.STOP
    assert (done.last.opcode, done.last.pc, done.outcome.gas_left) == (0, 2, 999_997)


def test_underflow_counts_before_gas(run):
    done = run("PUSH1 1 ADD", gas=3)
    assert done.outcome.kind is HaltKind.STACK_UNDERFLOW
    assert (done.last.gas_cost, done.last.inputs) == (0, ())


def test_overflow_counts_before_gas(run):
    code = "PUSH0 " * 1024
    assert run(code + "STOP").outcome.kind is HaltKind.STOP
    done = run(code + "PUSH0", gas=2 * 1024)
    assert done.outcome.kind is HaltKind.STACK_OVERFLOW
    assert (done.last.stack_before, done.last.gas_cost) == (1024, 0)
    assert run(code + "DUP1").outcome.kind is HaltKind.STACK_OVERFLOW
    assert run(code + "SWAP16 ADD").outcome.kind is HaltKind.STOP


@pytest.mark.parametrize(
    ("source", "gas", "demanded"),
    [
        ("PUSH1 1", 2, 3),  # static gas
        ("PUSH1 1 PUSH1 0 MSTORE", 11, 6),  # static and memory
        ("PUSH1 1 PUSH1 0 MSTORE", 8, 3),  # not even the static part
        ("PUSH1 255 PUSH1 2 EXP", 65, 60),
        ("PUSH0 SLOAD", 2101, 2100),
        ("PUSH1 1 PUSH0 SSTORE", 2305, 2301),  # the sentry
        ("PUSH1 1 PUSH0 SSTORE", 22104, 22100),
        ("PUSH1 9 PUSH0 LOG0", 454, 375 + 3 + 72),
        ("PUSH1 33 PUSH0 KECCAK256", 51, 30 + 12 + 6),
    ],
)
def test_out_of_gas_demands_more_than_there_is(run, source, gas, demanded):
    done = run(source, gas=gas)
    assert done.outcome.kind is HaltKind.OUT_OF_GAS
    assert done.outcome.gas_left == 0
    assert done.last.gas_cost == demanded > done.last.gas_before
    assert done.last.memory_after == done.last.memory_before


@pytest.mark.parametrize(
    ("source", "exact"),
    [
        ("PUSH1 1 PUSH1 0 MSTORE", 12),
        ("PUSH1 255 PUSH1 2 EXP", 66),
        ("PUSH0 SLOAD", 2102),
        ("PUSH1 1 PUSH0 SSTORE", 22105),
        ("PUSH1 33 PUSH0 KECCAK256", 3 + 2 + 30 + 12 + 6),
        ("PUSH1 64 PUSH0 RETURN", 11),
    ],
)
def test_exact_gas_suffices_and_one_less_does_not(run, source, exact):
    assert run(source, gas=exact).outcome.success
    assert run(source, gas=exact).outcome.gas_left == 0
    assert run(source, gas=exact - 1).outcome.kind is HaltKind.OUT_OF_GAS


def test_memory_beyond_any_gas_is_out_of_gas_without_allocating(run):
    far = (1 << 256) - 1
    assert run(f"PUSH32 {far} MLOAD").outcome.kind is HaltKind.OUT_OF_GAS
    assert run(f"PUSH32 {far} PUSH0 RETURN").outcome.kind is HaltKind.OUT_OF_GAS


def test_touching_nothing_far_away_is_free(run):
    done = run(f"PUSH0 PUSH32 {(1 << 256) - 1} RETURN")
    assert (done.outcome.kind, done.last.gas_cost) == (HaltKind.RETURN, 0)


@pytest.mark.parametrize(
    "source",
    [
        "PUSH1 3 JUMP STOP",  # a STOP
        "PUSH1 4 JUMP PUSH1 0x5b",  # push data
        "PUSH1 9 JUMP",  # past the end
        f"PUSH32 {(1 << 256) - 1} JUMP",
        "PUSH1 1 PUSH1 0 JUMPI",
    ],
)
def test_jumps_go_only_to_jumpdests_outside_push_data(run, source):
    done = run(source)
    assert done.outcome.kind is HaltKind.INVALID_JUMP
    assert done.last.gas_cost == (10 if "JUMPI" in source else 8)


def test_an_invalid_jump_without_gas_is_out_of_gas(run):
    assert run("PUSH1 3 JUMP STOP", gas=10).outcome.kind is HaltKind.OUT_OF_GAS


def test_jumpi_without_condition_ignores_its_destination(run):
    assert run("PUSH1 0 PUSH1 77 JUMPI").outcome.success


def test_jump_lands_on_a_jumpdest(run):
    done = run("PUSH1 4 JUMP INVALID JUMPDEST PC STOP")
    assert done.outcome.success
    assert done.step("PC").outputs == (5,)


def test_revert_keeps_gas_and_output_and_undoes_everything(run):
    done = run("PUSH1 7 PUSH0 SSTORE PUSH0 PUSH0 LOG0 PUSH1 5 PUSH0 MSTORE PUSH1 32 PUSH0 REVERT", value=9)
    assert done.outcome.kind is HaltKind.REVERT
    assert done.outcome.output == (5).to_bytes(32, "big")
    assert done.outcome.gas_left == 1_000_000 - sum(step.gas_cost for step in done.steps)
    assert done.state.storage(0xC0DE, 0) == 0
    assert done.state.balance(0xC0DE) == 500
    assert done.state.logs == ()
    assert not done.state.is_warm_slot(0xC0DE, 0)
    assert len(done.trace.logs) == 1


def test_an_exceptional_halt_undoes_storage_value_and_refund(run):
    done = run("PUSH0 PUSH0 SSTORE INVALID", storage={0: 5}, value=9)
    assert done.state.storage(0xC0DE, 0) == 5
    assert done.state.balance(0xC0DE) == 500
    assert done.state.refund == 0
    assert done.outcome.output == b""


def test_value_moves_on_success(run):
    done = run("STOP", value=9)
    assert done.state.balance(0xC0DE) == 509


def test_code_of_no_bytes_succeeds_without_a_step(run):
    done = run("", value=3, gas=17)
    assert (done.outcome.kind, done.outcome.gas_left, done.steps) == (HaltKind.STOP, 17, [])
    assert len(done.trace.contexts) == 1
