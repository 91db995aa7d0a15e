"""L1s with a rollup contract, its test doubles and some users, for tests: in this process, and on anvil.

What the doubles are: tests/fixtures/l1/Doubles.sol; its artifact beside it is made by `python tests/support/l1_world.py`.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from support.anvil import running_anvil
from support.l1_evm import EvmMachine, EvmNode
from zkroll.algebra.keccak import keccak256
from zkroll.rollup.l1.artifact import Artifact
from zkroll.rollup.l1.bridge import Bridge
from zkroll.rollup.l1.bridge_types import Delays, RollupConfig, rollup_artifact
from zkroll.rollup.l1.inbox import Node, Receipt, hex_address
from zkroll.rollup.l1.node import AccountNode
from zkroll.rollup.l1.withdrawals import Withdrawal, WithdrawalTree

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures/l1"
DOUBLES = ("AllowedStatements", "AllowedExits", "MintedToken", "Caller")
USERS = ("sequencer", "owner", "alice", "bob", "carol")
FUNDS = 100 * 10**18

GENESIS = 11
CHAIN_ID = 271828
L2_TOKEN = 0x70CE
L2_TOKENS = (L2_TOKEN, (1 << 160) - 0x70CF)
DELAYS = Delays(forced=1000, escape=5000, upgrade=20_000, finalisation=100)
MESSAGES_PER_BATCH = 3


@functools.cache
def doubles() -> dict[str, Artifact]:
    """The compiled test doubles by name."""
    raw = json.loads((FIXTURES / "doubles.json").read_bytes())
    return {
        name: Artifact(name, tuple(one["abi"]), bytes.fromhex(one["bytecode"]), b"", ())
        for name, one in raw.items()
    }


class World:
    """An L1 whose clock stands still between blocks, for accounts that are named.

    `advance` lets seconds pass; `snapshot` gives what takes everything back.
    """

    def __init__(
        self,
        view: Callable[[str], Node],
        *,
        advance: Callable[[int], None],
        snapshot: Callable[[], Callable[[], None]],
    ) -> None:
        self.node = functools.cache(view)
        self.advance = advance
        self.snapshot = snapshot

    def address(self, user: str) -> int:
        return self.node(user).sender

    def now(self) -> int:
        node = self.node("alice")
        return node.block_timestamp(node.block_number())

    def deploy(self, double: str, *arguments: object) -> Double:
        artifact = doubles()[double]
        has_arguments = any(entry["type"] == "constructor" for entry in artifact.abi)
        data = artifact.encode_constructor(*arguments) if has_arguments else artifact.bytecode
        created = self.node("owner").send(None, data).created
        assert created is not None
        return Double(self, artifact, created)


@dataclass(frozen=True)
class Double:
    """A deployed test double."""

    world: World
    artifact: Artifact
    address: int

    def send(self, function: str, *arguments: object, by: str = "owner", value: int = 0) -> Receipt:
        data = self.artifact.encode_call(function, *arguments)
        return self.world.node(by).send(self.address, data, value)

    def read(self, function: str, *arguments: object) -> Any:
        node = self.world.node("owner")
        data = node.call(self.address, self.artifact.encode_call(function, *arguments))
        return self.artifact.decode_result(function, data)[0]


@functools.cache
def key_of(user: str) -> LocalAccount:
    """The account of a user, of the hash of the name."""
    account: LocalAccount = Account.from_key(keccak256(b"test user " + user.encode()))
    return account


def evm_world(chain_id: int | None = None) -> World:
    """A machine in this process."""
    machine = EvmMachine(chain_id)

    def view(user: str) -> Node:
        return EvmNode(machine, int(key_of(user).address, 16))

    for user in USERS:
        machine.state.set_balance(bytes.fromhex(key_of(user).address[2:]), FUNDS)
    return World(view, advance=machine.advance, snapshot=machine.snapshot)


@contextmanager
def anvil_world() -> Iterator[World]:
    """A node that runs while the context lasts."""
    with running_anvil() as anvil:
        w3 = anvil.w3
        w3.eth.wait_for_transaction_receipt = functools.partial(  # type: ignore[method-assign]
            w3.eth.wait_for_transaction_receipt, poll_latency=0.005
        )

        def ask(method: str, *params: object) -> Any:
            return w3.manager.request_blocking(method, list(params))  # type: ignore[arg-type]

        def advance(seconds: int) -> None:
            ask("evm_increaseTime", seconds)
            ask("evm_mine")

        def snapshot() -> Callable[[], None]:
            taken = ask("evm_snapshot")
            return lambda: ask("evm_revert", taken)

        def submit(raw: bytes) -> bytes:
            return bytes(w3.eth.send_raw_transaction(raw))

        def view(user: str) -> Node:
            return AccountNode("anvil", w3, submit, key_of(user))

        for user in USERS:
            ask("anvil_setBalance", key_of(user).address, hex(FUNDS))
        yield World(view, advance=advance, snapshot=snapshot)


@dataclass
class Rollup:
    """A rollup contract with its doubles, and shorthands for what tests do with it."""

    world: World
    bridge: Bridge
    verifier: Double
    exits: Double
    tokens: tuple[Double, ...]
    _views: dict[str, Bridge] = field(default_factory=dict)

    @property
    def token(self) -> Double:
        return self.tokens[0]

    def by(self, user: str) -> Bridge:
        """The rollup as a user sees it."""
        if user not in self._views:
            self._views[user] = self.bridge.with_node(self.world.node(user))
        return self._views[user]

    def read(self, function: str, *arguments: object) -> Any:
        """What a function of the contract returns."""
        call = rollup_artifact().encode_call(function, *arguments)
        return rollup_artifact().decode_result(function, self.bridge.node.call(self.bridge.address, call))[0]

    def data(self, timestamp: int | None = None, units: int = 2) -> bytes:
        """Batch data: a header of this time (now), then units that mean nothing."""
        header = (self.world.now() if timestamp is None else timestamp).to_bytes(8, "big") + bytes(24)
        return header + bytes(range(1, 17)) * units

    def commit(self, queue_end: int | None = None, data: bytes | None = None) -> int:
        """Commit the next batch with all messages, or up to `queue_end`; gives its number."""
        number = int(self.read("lastCommitted")) + 1
        end = self.read("messageCount") if queue_end is None else queue_end
        self.by("sequencer").commit(number, end, self.data() if data is None else data)
        return number

    def statement(
        self, number: int, new_root: int, withdrawals_root: bytes = bytes(32), **changed: Any
    ) -> bytes:
        """The packed statement of a batch, made of what L1 says; `changed` replaces fields by name."""
        batch = self.bridge.batch(number)
        fields: dict[str, Any] = {
            "old_root": batch.old_root,
            "new_root": new_root,
            "batch_number": number,
            "chain_id": CHAIN_ID,
            "rollup_address": self.bridge.address,
            "timestamp": batch.timestamp,
            "data_hash": keccak256(batch.data),
            "queue_before": batch.queue_before,
            "queue_after": batch.queue_after,
            "withdrawals_root": withdrawals_root,
        } | changed
        widths = (32, 32, 8, 8, 20, 8, 32, 32, 32, 32)
        return b"".join(
            value.to_bytes(width, "big") if isinstance(value, int) else value
            for value, width in zip(fields.values(), widths, strict=True)
        )

    def allow(self, statements: bytes) -> None:
        self.verifier.send("allow", keccak256(statements))

    def prove(self, number: int, new_root: int, withdrawals_root: bytes = bytes(32)) -> None:
        self.allow(self.statement(number, new_root, withdrawals_root))
        self.by("carol").prove(number, [new_root], [withdrawals_root], b"proof")

    def finalise(self, number: int) -> None:
        self.world.advance(DELAYS.finalisation)
        self.by("carol").finalise(number)

    def settle(
        self, new_root: int, withdrawals: Sequence[Withdrawal] = (), queue_end: int | None = None
    ) -> tuple[int, WithdrawalTree]:
        """Commit, prove and finalise the next batch; gives its number and withdrawals."""
        tree = WithdrawalTree(list(withdrawals))
        number = self.commit(queue_end)
        self.prove(number, new_root, tree.root)
        self.finalise(number)
        return number, tree

    def fund_token(self, user: str, amount: int, token: int = 0) -> Double:
        """Give a user tokens on L1 and let the rollup take them."""
        double = self.tokens[token]
        double.send("mint", hex_address(self.world.address(user)), amount)
        self.by(user).approve(double.address, amount)
        return double

    def escape(self) -> None:
        """Let the rollup stand still for too long and switch to escape mode."""
        self.world.advance(DELAYS.escape + DELAYS.forced + 1)
        self.by("carol").activate_escape()

    def allow_balance(self, root: int, account: int, token: int, balance: int, proof: bytes) -> None:
        self.exits.send(
            "allowBalance", root.to_bytes(32, "big"), hex_address(account), hex_address(token), balance, proof
        )


def configuration(world: World, verifier: int, exits: int, tokens: Sequence[int]) -> RollupConfig:
    """The configuration of the tests' rollups."""
    return RollupConfig(
        genesis_root=GENESIS,
        chain_id=CHAIN_ID,
        sequencer=world.address("sequencer"),
        owner=world.address("owner"),
        verifier=verifier,
        exit_proofs=exits,
        delays=DELAYS,
        tokens=tuple(zip(tokens, L2_TOKENS, strict=False)),
        messages_per_batch=MESSAGES_PER_BATCH,
    )


def deploy_rollup(world: World, **changed: Any) -> Rollup:
    """Deploy a rollup with its doubles; `changed` replaces parts of the configuration."""
    verifier = world.deploy("AllowedStatements", True)
    exits = world.deploy("AllowedExits")
    tokens = tuple(world.deploy("MintedToken") for _ in L2_TOKENS)
    config = configuration(world, verifier.address, exits.address, [token.address for token in tokens])
    node: Node = world.node("owner")
    bridge, _ = Bridge.deploy(node, replace(config, **changed))
    return Rollup(world, bridge, verifier, exits, tokens)


def compiled_doubles() -> str:
    """The artifact of the test doubles, made by the compiler."""
    from support.solc import compile_contracts

    text = (FIXTURES / "Doubles.sol").read_text()
    compiled = compile_contracts(dict.fromkeys(DOUBLES, text))
    artifact = {name: {"abi": one.abi, "bytecode": one.init.hex()} for name, one in compiled.items()}
    return json.dumps(artifact, indent=1) + "\n"


if __name__ == "__main__":
    sys.path.insert(0, os.fspath(Path(__file__).resolve().parents[1]))
    (FIXTURES / "doubles.json").write_text(compiled_doubles())
