"""The whole life of a rollup in one run: deploy, deposit, transact, prove, finalise, withdraw, sync, escape.

Everything is what the single verbs do, on the embedded L1 of a folder, with development keys.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from zkroll.algebra.progress import Progress as Work
from zkroll.algebra.progress import quiet
from zkroll.circuits.buses import BRIDGE_ADDRESS
from zkroll.errors import RollupError
from zkroll.rollup.development import TOKEN_ADDRESS
from zkroll.rollup.l1 import open_l1
from zkroll.rollup.l1.bridge import Bridge
from zkroll.rollup.l1.inbox import Node
from zkroll.rollup.l1.withdrawals import Withdrawal
from zkroll.rollup.operator.accounts import add_transaction, token_transfer, withdrawal_call
from zkroll.rollup.operator.amounts import amount_text
from zkroll.rollup.operator.batches import (
    build_batch,
    commit_batch,
    finalise,
    parse_withdrawals,
    prove_inner,
    prove_on_l1,
    prove_wrap,
)
from zkroll.rollup.operator.deploy import DEFAULT_DELAYS, DEMO_SYMBOL, deploy_rollup
from zkroll.rollup.operator.folder import DataFolder
from zkroll.rollup.operator.l1_start import start_l1
from zkroll.rollup.operator.provers import BatchProver
from zkroll.rollup.operator.replica import Replica
from zkroll.rollup.operator.users import claim, deposit, escape, force_exit, let_time_pass
from zkroll.rollup.wallet import insecure_dev_wallet

ETHER: Final = 10**18
PROFILE: Final = "small"
STEPS: Final = 34

#: makes the prover, telling its progress
MakeProver = Callable[[Work], BatchProver]


@dataclass(frozen=True)
class Step:
    """One step of the demo: what was done, gas on L1 (None without a transaction), seconds, and what to know of it."""

    name: str
    gas: int | None
    seconds: float
    note: str


@dataclass
class Demo:
    """A run of the demo. ``report`` is told of each step when it is done, ``progress`` of work within one."""

    folder: DataFolder
    make_prover: MakeProver
    report: Callable[[Step], None] = lambda _step: None
    progress: Work = quiet
    steps: list[Step] = field(default_factory=list)

    def run(self) -> list[Step]:
        """All steps, in order. Raises RollupError where the outcome is not what it has to be."""
        with self._step("start an embedded L1") as done:
            started = start_l1(self.folder.path)
            done.note = f"{len(started.accounts)} development accounts"
        with self._step("keys of inner and wrap proofs") as done:
            self.prover = self.make_prover(self._within)
            done.note = "INSECURE development keys" if self.prover.key.insecure else "keys of a ceremony"
        with open_l1(self.folder.l1_target()) as chain:
            self.node = chain.node
            self._deploy()
            self._deposits()
            self._transactions()
            first = self._batch(1)
            self._claims(1, first)
            self._forced_exit()
            second = self._batch(2)
            self._claims(2, second)
            self._escape()
        return self.steps

    # ---- the parts

    def _deploy(self) -> None:
        with self._step("deploy the contracts") as done:
            self.deployment = deploy_rollup(
                self.folder, self.node, self.prover.key, self.prover.profile,
                report=lambda _name, _address, gas: done.spend(gas),
            )  # fmt: skip
            done.note = f"rollup at {self.deployment.rollup}"
        self.bridge = Bridge(self.node, self.deployment.rollup_address)

    def _deposits(self) -> None:
        for name, token, amount in (("alice", 0, 5), ("bob", 0, 2), ("alice", TOKEN_ADDRESS, 100)):
            symbol = DEMO_SYMBOL if token else "ether"
            with self._step(f"deposit {amount} {symbol} for {name}") as done:
                account = insecure_dev_wallet(_WALLETS[name]).address
                _, gas = deposit(self.bridge, self.deployment, account, amount * ETHER, token)
                done.spend(gas)

    def _transactions(self) -> None:
        alice, bob, carol = (insecure_dev_wallet(_WALLETS[name]) for name in ("alice", "bob", "carol"))
        ether, tokens = (
            withdrawal_call(0, _L1_BOB, ETHER // 4),
            withdrawal_call(TOKEN_ADDRESS, _L1_ALICE, 10 * ETHER),
        )
        wanted = (
            ("alice sends bob 1 ether", alice, bob.address, ETHER, b""),
            (
                "alice sends bob 25 ROLL (ERC-20)",
                alice,
                TOKEN_ADDRESS,
                0,
                token_transfer(bob.address, 25 * ETHER),
            ),
            ("bob sends carol 0.5 ether", bob, carol.address, ETHER // 2, b""),
            ("bob withdraws 0.25 ether", bob, BRIDGE_ADDRESS, *ether),
            ("alice withdraws 10 ROLL", alice, BRIDGE_ADDRESS, *tokens),
        )
        for name, wallet, to, value, data in wanted:
            with self._step(name) as done:
                add_transaction(self.folder, wallet, to, value, data)
                done.note = "signed on L2"

    def _batch(self, number: int) -> tuple[Withdrawal, ...]:
        with self._step(f"build batch {number}") as done:
            built = build_batch(self.folder, self.bridge, insecure_dev_wallet(_COINBASE).address)
            done.note = f"{built.messages} messages, {built.transactions} transactions, {built.data_bytes} bytes of data"
        if built.left_out or built.postponed:
            raise RollupError(f"batch {number}: expected every transaction in it, {built.left_out} are not")
        with self._step(f"prove batch {number}") as done:
            proof = prove_inner(self.folder, number, self.prover, self._percent)
            done.note = f"inner proof of {len(proof.inner):,} bytes"
        with self._step(f"wrap the proof of batch {number}") as done:
            wrapped = prove_wrap(self.folder, number, self.prover, self._percent)
            done.note = f"{len(wrapped.proof):,} bytes"
        with self._step(f"commit batch {number} on L1") as done:
            done.spend(commit_batch(self.folder, self.bridge, number).receipt.gas_used)
        with self._step(f"prove batch {number} on L1") as done:
            done.spend(prove_on_l1(self.bridge, wrapped).receipt.gas_used)
        with self._step(f"finalise batch {number}") as done:
            done.spend(finalise(self.bridge, number).receipt.gas_used)
            done.note = f"root 0x{built.new_root:064x}"[:24] + "…"
        return parse_withdrawals(self.folder.withdrawals(number), f"batch {number}")

    def _claims(self, batch: int, withdrawals: tuple[Withdrawal, ...]) -> None:
        for position, withdrawal in enumerate(withdrawals):
            name = self.deployment.token_name(withdrawal.token)
            with self._step(f"claim {amount_text(withdrawal.amount)} {name} on L1") as done:
                done.spend(claim(self.bridge, batch, withdrawals, position).gas_used)

    def _forced_exit(self) -> None:
        with self._step("carol forces an exit of 0.1 ether") as done:
            carol = insecure_dev_wallet(_WALLETS["carol"])
            done.spend(force_exit(self.bridge, carol, 0, ETHER // 10, _L1_CAROL).receipt.gas_used)
            done.note = "signed by her key on L2, checked on L1"

    def _escape(self) -> None:
        with Replica(self.folder.genesis()) as replica:
            with self._step("rebuild the state from L1 alone") as done:
                synced = replica.sync(self.bridge)
                done.note = f"{synced.number} batches, at the finalised root"
            with self._step("escape mode, a week later") as done:
                let_time_pass(self.node, DEFAULT_DELAYS.escape + 60)
                done.spend(self.bridge.activate_escape().gas_used)
                done.note = "the operator has stopped"
            for name, token in (
                ("alice", 0),
                ("bob", 0),
                ("carol", 0),
                ("alice", TOKEN_ADDRESS),
                ("bob", TOKEN_ADDRESS),
            ):
                with self._step(f"{name} leaves with {DEMO_SYMBOL if token else 'ether'}") as done:
                    wallet = insecure_dev_wallet(_WALLETS[name])
                    balance, receipt = escape(self.bridge, replica.state, wallet, token, _L1[name])
                    done.spend(receipt.gas_used)
                    done.note = f"{amount_text(balance)}, with a Merkle proof"
        if self.bridge.locked(int(self.deployment.tokens[0].l1, 16)):
            raise RollupError("demo: expected every token to have left the rollup")

    # ---- plumbing

    @contextmanager
    def _step(self, name: str) -> Iterator[_Doing]:
        doing = _Doing()
        begun = time.perf_counter()
        self._doing = name
        self.progress(name, self._fraction, "")
        yield doing
        step = Step(name, doing.gas, time.perf_counter() - begun, doing.note)
        self.steps.append(step)
        self.report(step)
        if len(self.steps) == STEPS:
            self.progress("done", 1.0, "")

    @property
    def _fraction(self) -> float:
        """Of the steps, whatever each takes."""
        return min(len(self.steps) / STEPS, 0.99)

    def _within(self, stage: str, _fraction: float, detail: str) -> None:
        """What work within a step reports to."""
        self.progress(self._doing, self._fraction, ", ".join(part for part in (stage, detail) if part))

    def _percent(self, stage: str, percent: float, _seconds: float) -> None:
        self._within(stage, percent / 100, "")

    node: Node = field(init=False)
    bridge: Bridge = field(init=False)
    _doing: str = ""


@dataclass
class _Doing:
    """What a step says of itself while it is done."""

    gas: int | None = None
    note: str = ""

    def spend(self, gas: int) -> None:
        self.gas = (self.gas or 0) + gas


_WALLETS: Final = {"alice": 0, "bob": 1, "carol": 2}
_COINBASE: Final = 15
_L1_ALICE, _L1_BOB, _L1_CAROL = 0xA11CE, 0xB0B, 0xCA201
_L1: Final = {"alice": _L1_ALICE, "bob": _L1_BOB, "carol": _L1_CAROL}
