"""Runs snippets of EVM code: `run("PUSH1 2 PUSH1 3 ADD STOP")` gives the outcome, the trace and the state."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from zkroll.vm.environment import BlockEnvironment, Environment, Message, TransactionEnvironment
from zkroll.vm.interpreter import CANCUN, Machine, Outcome, execute_message
from zkroll.vm.opcodes import BY_NAME
from zkroll.vm.state import Account, JournaledState, MemoryState
from zkroll.vm.trace import Step, Trace, TraceRecorder

SELF, CALLER, ORIGIN, OTHER = 0xC0DE, 0xCA11, 0x0619, 0x07E8

ENVIRONMENT = Environment(
    BlockEnvironment(
        number=1000,
        timestamp=1_700_000_000,
        coinbase=0xC01B,
        chain_id=77,
        gas_limit=30_000_000,
        base_fee=7,
        prev_randao=0xABCD,
        blob_base_fee=3,
        block_hashes={n: n + 5 for n in range(744, 1000)},
    ),
    TransactionEnvironment(index=4, origin=ORIGIN, gas_price=11, blob_hashes=(0x01AA, 0x01BB)),
)


def assemble(source: str) -> bytes:
    """Opcode names and numbers to bytes; a number after PUSHn fills n bytes, 0x… elsewhere is raw bytes."""
    code = bytearray()
    width = 0
    for token in source.split():
        if width:
            code += int(token, 0).to_bytes(width, "big")
            width = 0
        elif token.startswith("0x"):
            code += bytes.fromhex(token[2:])
        else:
            opcode = BY_NAME[token]
            code.append(opcode.byte)
            width = opcode.byte - 0x5F if 0x60 <= opcode.byte <= 0x7F else 0
    return bytes(code)


def push(*words: int) -> str:
    """Source that leaves the words on the stack, the first on top."""
    return " ".join(f"PUSH32 {word}" for word in reversed(words))


@dataclass
class Run:
    """What a snippet did."""

    outcome: Outcome
    trace: Trace
    state: JournaledState

    @property
    def steps(self) -> list[Step]:
        """All steps."""
        return self.trace.steps

    @property
    def last(self) -> Step:
        """The last step, often the one in question."""
        return self.trace.steps[-1]

    def step(self, name: str) -> Step:
        """The first step of that opcode."""
        return next(step for step in self.steps if step.name == name)


Runner = Callable[..., Run]


@pytest.fixture(scope="session")
def run() -> Runner:
    """The function that runs a snippet; see `Run`."""

    def runner(
        source: str,
        *,
        gas: int = 1_000_000,
        data: bytes = b"",
        value: int = 0,
        storage: dict[int, int] | None = None,
        accounts: dict[int, Account] | None = None,
        is_static: bool = False,
        machine: Machine = CANCUN,
    ) -> Run:
        code = assemble(source)
        store = MemoryState(
            {
                SELF: Account(1, 500, code, dict(storage or {})),
                CALLER: Account(1, 10**18),
                **(accounts or {}),
            }
        )
        state = JournaledState(store)
        state.begin_transaction()
        recorder = TraceRecorder()
        message = Message(CALLER, SELF, value, data, gas, code, SELF, is_static=is_static)
        outcome = execute_message(state, ENVIRONMENT, message, recorder, machine)
        return Run(outcome, recorder.trace, state)

    return runner


@pytest.fixture(scope="session")
def asm() -> Callable[[str], bytes]:
    """The assembler of the snippets."""
    return assemble


@pytest.fixture(scope="session")
def result_of(run: Runner) -> Callable[..., int]:
    """The word that one opcode leaves for given operands (first on top)."""

    def result(name: str, *operands: int) -> int:
        step = run(f"{push(*operands)} {name} STOP").step(name)
        assert step.inputs == operands
        (word,) = step.outputs
        return word

    return result
