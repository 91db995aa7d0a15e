"""Random lives of a rollup: L2 balances and unclaimed withdrawals always equal what the contract holds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zkroll.circuits.buses import BRIDGE_ADDRESS
from zkroll.rollup.development import TOKEN_ADDRESS
from zkroll.rollup.genesis import export_accounts
from zkroll.rollup.l1 import open_l1
from zkroll.rollup.l1.bridge import Bridge
from zkroll.rollup.l1.exit_proofs import balance_place
from zkroll.rollup.l1.messages import MessageKind
from zkroll.rollup.operator.accounts import sign_transaction, token_transfer, withdrawal_call
from zkroll.rollup.operator.batches import (
    build_batch,
    parse_withdrawals,
    post_batches,
    prove_inner,
    prove_wrap,
)
from zkroll.rollup.operator.deploy import deploy_rollup
from zkroll.rollup.operator.folder import DataFolder
from zkroll.rollup.operator.l1_start import start_l1
from zkroll.rollup.operator.replica import Replica
from zkroll.rollup.operator.users import claim, claims, deposit, escape, force_exit, let_time_pass
from zkroll.rollup.state.state import Field, Place, State
from zkroll.rollup.testing.simulated_prover import SimulatedProver
from zkroll.rollup.wallet import insecure_dev_wallet

PROVER = SimulatedProver()
WALLETS = [insecure_dev_wallet(index) for index in range(3)]
TOKENS = (0, TOKEN_ADDRESS)
COINBASE = insecure_dev_wallet(15).address
GAS = 10**14  # more than any transaction of these costs, in wei

_who = st.integers(0, 2)
_token = st.sampled_from(TOKENS)
_amount = st.integers(1, 10**16)
_action = st.one_of(
    st.tuples(st.just("deposit"), _who, _token, _amount),
    st.tuples(st.just("send"), _who, _token, _amount),
    st.tuples(st.just("withdraw"), _who, _token, _amount),
    st.tuples(st.just("force"), _who, _token, _amount),
)
_lives = st.lists(st.lists(_action, min_size=1, max_size=4), min_size=1, max_size=3)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = DataFolder(tmp_path_factory.mktemp("property") / "data")
    start_l1(folder.path)
    with open_l1(folder.l1_target()) as chain:
        deploy_rollup(folder, chain.node, PROVER.key, PROVER.profile)
    return folder.path


class Life:
    """One rollup, and what is true of it at every moment."""

    def __init__(self, path: Path, bridge: Bridge) -> None:
        self.folder, self.bridge = DataFolder(path), bridge
        self.deployment = self.folder.deployment()

    def act(self, kind: str, who: int, token: int, amount: int) -> None:
        wallet, other = WALLETS[who], WALLETS[(who + 1) % 3].address
        if kind == "deposit":
            deposit(self.bridge, self.deployment, wallet.address, amount + GAS, token)
        elif kind == "force":
            force_exit(self.bridge, wallet, token, amount, 0x1000 + who)
        else:
            to, value, data = other, amount, b""
            if kind == "withdraw":
                to, (value, data) = BRIDGE_ADDRESS, withdrawal_call(token, 0x1000 + who, amount)
            elif token:
                to, value, data = TOKEN_ADDRESS, 0, token_transfer(other, amount)
            self.folder.add_pending(sign_transaction(self.folder, wallet, to, value, data))

    def batch(self) -> None:
        """Everything that waits, in one batch that is finalised; some of its withdrawals are claimed."""
        number = build_batch(self.folder, self.bridge, COINBASE).number
        prove_inner(self.folder, number, PROVER)
        prove_wrap(self.folder, number, PROVER)
        post_batches(self.folder, self.bridge)
        withdrawals = self.withdrawals(number)
        for position in range(0, len(withdrawals), 2):
            claim(self.bridge, number, withdrawals, position)

    def withdrawals(self, number: int):
        return parse_withdrawals(self.folder.withdrawals(number), f"batch {number}")

    def check(self, state: State, escaped: dict[int, int]) -> None:
        """What the contract holds = L2 balances that have not escaped + unclaimed withdrawals + waiting deposits."""
        status = self.bridge.status()
        waiting = self.bridge.messages(status.messages_taken, status.messages)
        accounts = export_accounts(state)
        for token in TOKENS:
            if token:
                held = sum(account.storage.get(0, 0) for account in accounts if account.address == token)
                slots = sum(state.word(balance_place(wallet.address, token)) for wallet in WALLETS)
                assert held == slots
            else:
                # what was withdrawn by transactions stays at the bridge, burnt
                burnt = state.word(Place(BRIDGE_ADDRESS, Field.BALANCE))
                held = sum(account.balance for account in accounts) - burnt
            unclaimed = sum(
                found.withdrawal.amount
                for number in range(1, status.last_finalised + 1)
                for found in claims(self.bridge, number, self.withdrawals(number))
                if not found.claimed and found.withdrawal.token == token
            )
            queued = sum(
                one.message.amount
                for one in waiting
                if one.message.kind == MessageKind.DEPOSIT and one.message.token == token
            )
            locked = self.bridge.locked(self.deployment.l1_token(token))
            assert locked == held - escaped.get(token, 0) + unclaimed + queued

    def escape(self, state: State) -> dict[int, int]:
        """Everybody leaves with everything; what they got, by token."""
        got = dict.fromkeys(TOKENS, 0)
        for wallet in WALLETS:
            for token in TOKENS:
                if state.word(balance_place(wallet.address, token)):
                    got[token] += escape(self.bridge, state, wallet, token, 0x2000)[0]
        return got


@pytest.fixture(scope="module")
def places(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield from (tmp_path_factory.mktemp("lives"),)


@pytest.mark.slow
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=_lives)
def test_the_contract_holds_what_l2_and_unclaimed_withdrawals_add_up_to(
    life: list[list[tuple[str, int, int, int]]], template: Path, places: Path
) -> None:
    path = places / "data"
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(template, path)
    with open_l1(DataFolder(path).l1_target()) as chain:
        bridge = Bridge(chain.node, DataFolder(path).deployment().rollup_address)
        lived = Life(path, bridge)
        with Replica(lived.folder.genesis()) as replica:
            for actions in life:
                for action in actions:
                    lived.act(*action)
                replica.sync(bridge)
                lived.check(replica.state, {})
                lived.batch()
                replica.sync(bridge)
                lived.check(replica.state, {})
            let_time_pass(chain.node, 8 * 86_400)
            bridge.activate_escape()
            lived.check(replica.state, lived.escape(replica.state))
