"""The Cancun cases of the GeneralStateTests of github.com/ethereum/tests, by state root and hash of the logs.

A case counts as skipped only if it needs an opcode or precompile that the machine lacks.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import rlp
from trie import HexaryTrie

from zkroll.algebra.keccak import keccak256
from zkroll.vm import gas
from zkroll.vm.environment import BlockEnvironment
from zkroll.vm.halts import MissingInstruction
from zkroll.vm.interpreter import CANCUN, CORE, Machine
from zkroll.vm.opcodes import BY_NAME
from zkroll.vm.state import Account, JournaledState, Log, MemoryState
from zkroll.vm.trace import Step, Trace, TraceRecorder
from zkroll.vm.tracer import Tracer
from zkroll.vm.transaction import InvalidTransaction, Transaction, process_transaction

ROOT = Path(__file__).resolve().parents[3] / "shared" / "ethereum-tests" / "GeneralStateTests"


@dataclass(frozen=True)
class Case:
    """One (data, gas, value) choice of one test."""

    name: str
    test: dict[str, Any]
    post: dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """`failure` is empty when roots and logs agree; `missing` names what the machine lacks."""

    failure: str = ""
    missing: str = ""


def files(*families: str) -> list[Path]:
    """The test files of the named families (folders), or of all."""
    if not ROOT.is_dir():
        return []
    roots = [ROOT / family for family in families] if families else [ROOT]
    return sorted(path for root in roots for path in root.rglob("*.json"))


def cases(path: Path) -> Iterator[Case]:
    """Every Cancun case of a file."""
    for name, test in json.loads(path.read_text()).items():
        for post in test["post"].get("Cancun", []):
            index = post["indexes"]
            yield Case(f"{name}[d{index['data']}g{index['gas']}v{index['value']}]", test, post)


def run(case: Case, machine: Machine = CANCUN, tracer: Tracer | None = None) -> Verdict:
    """Run one case and compare the state root and the hash of the logs."""
    store = MemoryState({number(a): account(fields) for a, fields in case.test["pre"].items()})
    state = JournaledState(store)
    logs: tuple[Log, ...] = ()
    refused = ""
    try:
        receipt = process_transaction(
            state, block(case.test["env"]), transaction(case), tracer=tracer, machine=machine
        )
        logs = receipt.logs
        store.apply(state.changes())
    except InvalidTransaction as error:
        refused = str(error)
    except MissingInstruction as error:
        return Verdict(missing=str(error))
    if bool(refused) != ("expectException" in case.post):
        return Verdict(f"expected exception {case.post.get('expectException')}, got {refused or 'none'}")
    root = state_root(store)
    if root.hex() != case.post["hash"][2:]:
        return Verdict(f"state root: expected {case.post['hash']}, got 0x{root.hex()}")
    digest = logs_hash(logs)
    if digest.hex() != case.post["logs"][2:]:
        return Verdict(f"logs hash: expected {case.post['logs']}, got 0x{digest.hex()}")
    return Verdict()


def number(text: str) -> int:
    """A quantity, with or without digits after 0x."""
    return int(text, 16) if text != "0x" else 0


def account(fields: dict[str, Any]) -> Account:
    """An account of the pre-state."""
    storage = {number(slot): number(word) for slot, word in fields["storage"].items() if number(word)}
    return Account(
        number(fields["nonce"]), number(fields["balance"]), bytes.fromhex(fields["code"][2:]), storage
    )


def block(env: dict[str, str]) -> BlockEnvironment:
    """The block of a test; block hashes are what the test generators use, keccak of the decimal number."""
    height = number(env["currentNumber"])
    hashes = {
        n: int.from_bytes(keccak256(str(n).encode()), "big") for n in range(max(0, height - 256), height)
    }
    return BlockEnvironment(
        number=height,
        timestamp=number(env["currentTimestamp"]),
        coinbase=number(env["currentCoinbase"]),
        chain_id=1,
        gas_limit=number(env["currentGasLimit"]),
        base_fee=number(env["currentBaseFee"]),
        prev_randao=number(env["currentRandom"]),
        blob_base_fee=gas.blob_base_fee(number(env["currentExcessBlobGas"])),
        block_hashes=hashes,
    )


def transaction(case: Case) -> Transaction:
    """The transaction that the case's indexes choose."""
    fields, index = case.test["transaction"], case.post["indexes"]
    lists = fields.get("accessLists", [None])
    access = lists[index["data"]] if index["data"] < len(lists) else None
    price = fields.get("gasPrice")
    blobs = fields.get("blobVersionedHashes")
    return Transaction(
        sender=number(fields["sender"]),
        target=number(fields["to"]) if fields["to"] else None,
        nonce=number(fields["nonce"]),
        gas_limit=number(fields["gasLimit"][index["gas"]]),
        max_fee=number(price or fields["maxFeePerGas"]),
        max_priority_fee=number(price or fields["maxPriorityFeePerGas"]),
        value=number(fields["value"][index["value"]]),
        data=bytes.fromhex(fields["data"][index["data"]][2:]),
        access_list=tuple(
            (number(entry["address"]), tuple(number(key) for key in entry["storageKeys"]))
            for entry in access or []
        ),
        blob_hashes=None if blobs is None else tuple(number(item) for item in blobs),
        max_blob_fee=number(fields.get("maxFeePerBlobGas", "0x")),
    )


def quantity(value: int) -> bytes:
    """Big-endian bytes without leading zeros."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def state_root(store: MemoryState) -> bytes:
    """Root of Ethereum's hexary state trie."""
    trie = HexaryTrie({}, prune=True)
    for address, entry in store.accounts.items():
        storage = HexaryTrie({}, prune=True)
        for slot, word in entry.storage.items():
            storage[keccak256(slot.to_bytes(32, "big"))] = rlp.encode(quantity(word))
        leaf = [quantity(entry.nonce), quantity(entry.balance), storage.root_hash, keccak256(entry.code)]
        trie[keccak256(address.to_bytes(20, "big"))] = rlp.encode(leaf)
    return bytes(trie.root_hash)


def logs_hash(logs: tuple[Log, ...]) -> bytes:
    """Keccak of the RLP list of events."""
    return keccak256(
        rlp.encode(
            [
                [
                    log.address.to_bytes(20, "big"),
                    [topic.to_bytes(32, "big") for topic in log.topics],
                    log.data,
                ]
                for log in logs
            ]
        )
    )


FAMILIES = sorted(path.name for path in ROOT.iterdir()) if ROOT.is_dir() else []
SLOW = {"stStackTests", "vmPerformance"}
HOURS = {"loopMul[d0g0v0]", "loopMul[d1g0v0]"}  # hundreds of millions of steps each
CORE_CASES = Machine(CORE.instructions, CANCUN.precompiles)
CALLS = {
    BY_NAME[name].byte for name in ["CREATE", "CALL", "CALLCODE", "DELEGATECALL", "CREATE2", "STATICCALL"]
}

needs_tests = pytest.mark.skipif(not ROOT.is_dir(), reason="ethereum-tests are not beside the repository")


def is_slow(path: Path) -> bool:
    return not SLOW.isdisjoint(path.parts)


def tally(paths: list[Path], machine: Machine) -> tuple[Counter[str], list[str]]:
    """Numbers of passed, failed and skipped cases, and a line for each failure."""
    counts: Counter[str] = Counter()
    failures = []
    for path in paths:
        for case in cases(path):
            if case.name in HOURS:
                counts["left out"] += 1
                continue
            verdict = run(case, machine)
            counts["failed" if verdict.failure else "skipped" if verdict.missing else "passed"] += 1
            if verdict.failure:
                failures.append(f"{path.name}: {case.name}: {verdict.failure}")
    return counts, failures


@needs_tests
@pytest.mark.parametrize("family", FAMILIES)
def test_every_quick_case_of_a_family_gives_the_expected_root(family: str) -> None:
    counts, failures = tally([path for path in files(family) if not is_slow(path)], CANCUN)
    print(family, dict(counts))
    assert failures == []


@needs_tests
def test_cases_within_the_core_opcodes_pass_on_the_core_machine(capsys: pytest.CaptureFixture[str]) -> None:
    counts, failures = tally([path for path in files() if not is_slow(path)], CORE_CASES)
    with capsys.disabled():
        print(f"\nstate tests on the core machine: {dict(counts)} of {counts.total()}")
    assert failures == []
    assert counts["passed"] > 1500


@needs_tests
@pytest.mark.slow
def test_every_case_gives_the_expected_root(capsys: pytest.CaptureFixture[str]) -> None:
    counts, failures = tally(files(), CANCUN)
    with capsys.disabled():
        print(f"\nstate tests on the Ethereum machine: {dict(counts)} of {counts.total()}")
    assert failures == []


@needs_tests
def test_a_wrong_gas_price_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = files("stSLoadTest", "stExample")
    assert tally(paths, CANCUN)[1] == []
    monkeypatch.setattr(gas, "COLD_SLOAD", 2101)
    assert tally(paths, CANCUN)[1] != []


REPLAYED = ["stExample", "stMemoryTest", "stRefundTest", "stReturnDataTest", "stSStoreTest"]


@needs_tests
@pytest.mark.parametrize("family", REPLAYED)
def test_recorded_steps_replay_to_the_same_stacks_gas_and_memory(family: str) -> None:
    for path in files(family):
        for case in cases(path):
            recorder = TraceRecorder()
            verdict = run(case, tracer=recorder)
            assert verdict == run(case)
            if not verdict.missing and len(recorder.trace.steps) < 5000:
                replay(recorder.trace)


def replay(trace: Trace) -> None:
    """Rebuild stack, gas and memory of every frame from the records alone."""
    stacks: dict[int, list[int]] = {}
    gas_left: dict[int, int] = {}
    for step in trace.steps:
        stack = stacks.setdefault(step.context, [])
        assert len(stack) == step.stack_before
        if step.context in gas_left:
            assert step.gas_before == gas_left[step.context]
        assert (step.gas_cost > step.gas_before) == (step.halt.name == "OUT_OF_GAS")
        if step.opcode in CALLS:
            gas_left.pop(step.context, None)
        else:
            gas_left[step.context] = step.gas_before - step.gas_cost
        if not step.halt:
            apply(step, stack)
    memories: dict[int, bytearray] = {}
    for row in trace.memory:
        step = trace.steps[row.step]
        memory = memories.setdefault(step.context, bytearray())
        memory.extend(bytes(max(0, 32 * row.first_word + len(row.before) - len(memory))))
        start = 32 * row.first_word
        assert memory[start : start + len(row.before)] == row.before
        assert row.is_write or row.after == row.before
        memory[start : start + len(row.after)] = row.after
    arrays = trace.arrays()
    assert len(arrays.steps.pc) == len(trace.steps)
    assert len(arrays.memory.step) == sum(len(row.before) // 32 for row in trace.memory)


def apply(step: Step, stack: list[int]) -> None:
    """One step's effect on the stack, by its record."""
    if 0x80 <= step.opcode <= 0x8F:
        assert stack[-(step.opcode - 0x7F)] == step.inputs[0] == step.outputs[0]
        stack.append(step.outputs[0])
    elif 0x90 <= step.opcode <= 0x9F:
        place = -1 - (step.opcode - 0x8F)
        assert (stack[-1], stack[place]) == step.inputs
        stack[-1], stack[place] = step.outputs
    else:
        for word in step.inputs:
            assert stack.pop() == word
        stack.extend(step.outputs)
