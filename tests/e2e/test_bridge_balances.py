"""The contract holds what everybody owns, whatever happens: real contracts, real execution, random lives.

Deposits, transfers of ether and tokens, withdrawals, forced exits, batches that are finalised or dropped, claims in any
order and escape, in sequences that hypothesis finds. Batches are executed and not proven: the wrap proofs are made with
known secrets, and the real verifier contract accepts them. After every step, for ether and a token, seen from the last
committed batch and from the last finalised one,

    what the contract holds = what it has locked
                            = balances on L2 + withdrawals not paid + deposits not taken, or given back

and at the end, by exits or by escape, with what a replica rebuilt from L1 alone, everybody leaves with everything.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.l1_world import DELAYS, Double, World, evm_world

from zkroll.circuits.buses import BRIDGE_ADDRESS
from zkroll.circuits.native_rules import TRANSACTION_GAS
from zkroll.errors import InputError
from zkroll.rollup.batch import Batch
from zkroll.rollup.development import DEVELOPMENT_CHAIN_ID, TOKEN_ADDRESS, bridge_genesis
from zkroll.rollup.executor import ExecutedBatch, execute_batch
from zkroll.rollup.genesis import Account, build_state, export_accounts
from zkroll.rollup.l1.bridge import Bridge
from zkroll.rollup.l1.bridge_types import RollupConfig
from zkroll.rollup.l1.exit_proofs import (
    balance_place,
    deploy_exit_proofs,
    deployer,
    prove_balance,
    sign_digest,
)
from zkroll.rollup.l1.inbox import hex_address
from zkroll.rollup.l1.messages import L1Message, MessageKind
from zkroll.rollup.l1.withdrawals import WithdrawalTree
from zkroll.rollup.l1.wrap_verifier import WrapVerifier
from zkroll.rollup.operator.accounts import token_transfer, withdrawal_call
from zkroll.rollup.operator.replica import Replica
from zkroll.rollup.state.state import State
from zkroll.rollup.testing.simulated_wrap import SimulatedWrap
from zkroll.rollup.transaction import SignedTransaction, Transaction
from zkroll.rollup.wallet import insecure_dev_wallet

WALLETS = {insecure_dev_wallet(i).address: insecure_dev_wallet(i) for i in (0, 1, 2)}
OPERATOR = insecure_dev_wallet(15)
ETHER, TOKEN = 0, TOKEN_ADDRESS
TOKENS = (ETHER, TOKEN)
GAS_PRICE = 10**9
EVERYTHING = (1 << 128) - 1
RECIPIENT = 0x1EA5E << 100
PER_BATCH = 4


class Chain:
    """An L1 with a rollup that nobody has used, whose genesis has the token's code and no money."""

    def __init__(self) -> None:
        self.world: World = evm_world()
        self._views: dict[str, Bridge] = {}
        self.wrap = SimulatedWrap(main=1, helper=1, quotient=1)
        self.token: Double = self.world.deploy("MintedToken")
        node = self.world.node("owner")
        verifier, _ = WrapVerifier.deploy(node, self.wrap.key)
        config = RollupConfig(
            genesis_root=build_state(bridge_genesis()).root,
            chain_id=DEVELOPMENT_CHAIN_ID,
            sequencer=self.world.address("sequencer"),
            owner=0,
            verifier=verifier.address,
            exit_proofs=deploy_exit_proofs(deployer(node)),
            delays=replace(DELAYS, finalisation=0),
            tokens=((self.token.address, TOKEN),),
            messages_per_batch=PER_BATCH,
        )
        self.bridge, _ = Bridge.deploy(node, config)
        self.token.send("mint", hex_address(self.world.address("alice")), 1 << 100)
        self.by("alice").approve(self.token.address, 1 << 100)

    def by(self, user: str) -> Bridge:
        if user not in self._views:
            self._views[user] = self.bridge.with_node(self.world.node(user))
        return self._views[user]

    def l1_token(self, token: int) -> int:
        return self.token.address if token else ETHER

    def balance(self, owner: int, token: int) -> int:
        if token:
            return int(self.token.read("balanceOf", hex_address(owner)))
        return self.world.node("alice").balance(owner)


@functools.cache
def chain() -> Chain:
    return Chain()


_who = st.integers(0, 3)
_token = st.sampled_from(TOKENS)
_amount = st.one_of(st.integers(1, 10**15), st.just(0), st.integers(1, 5).map(lambda i: i * 10**14))
_action = st.tuples(st.sampled_from(["send", "send", "withdraw"]), _who, _who, _token, _amount)


class Life(RuleBasedStateMachine):
    """One life of the rollup. Of the accounts, the last is an L1 account's own address, without a key on L2."""

    def __init__(self) -> None:
        super().__init__()
        self.chain = chain()
        self._take_back = self.chain.world.snapshot()
        self.bridge = self.chain.bridge
        self.accounts = [*WALLETS, self.chain.world.address("bob")]
        # of each batch from the genesis on: accounts after it, messages taken, withdrawals, execution
        self.after: list[tuple[Account, ...]] = [bridge_genesis()]
        self.taken = [0]
        self.trees = [WithdrawalTree([])]
        self.executed: list[ExecutedBatch | None] = [None]
        self.proven = self.finalised = 0
        self.messages: list[L1Message] = []
        self.queue_hashes = [0]
        self.claimed: set[tuple[int, int]] = set()
        self.refunded: set[int] = set()
        self.left = {token: dict[int, int]() for token in TOKENS}
        self.escaped = False
        self.peaceful = False
        self.replica = Replica(bridge_genesis())

    # ---- what happens ----------------------------------------------------------------------------------------------

    @initialize(peaceful=st.booleans())
    def begin(self, peaceful: bool) -> None:
        """How the life will end, and the first money."""
        self.peaceful = peaceful
        for account, token in zip(self.accounts, (ETHER, TOKEN, ETHER, TOKEN), strict=True):
            self._deposit(account, token, 10**15)
        self._batch([])
        self._deposit(self.accounts[0], TOKEN, 10**15)
        self.settle()

    @rule(who=_who, token=_token, amount=_amount)
    def deposit(self, who: int, token: int, amount: int) -> None:
        self._deposit(self.accounts[who], token, amount + 1)

    @rule(who=_who, token=_token, amount=_amount)
    def exit(self, who: int, token: int, amount: int) -> None:
        self._exit(self.accounts[who], token, amount + 1)

    @rule(actions=st.lists(_action, min_size=1, max_size=4))
    def batch(self, actions: list[tuple[str, int, int, int, int]]) -> None:
        self._batch(actions)

    @precondition(lambda self: len(self.after) - 1 > self.proven)
    @rule()
    def drop(self) -> None:
        number = len(self.after) - 1
        self.chain.by("sequencer").revert(number)
        for history in (self.after, self.taken, self.trees, self.executed):
            del history[number:]

    @precondition(lambda self: len(self.after) - 1 > self.proven)
    @rule()
    def prove(self) -> None:
        number = self.proven + 1
        executed = self.executed[number]
        assert executed is not None
        proof = self.chain.wrap.prove([executed.public_values()]).to_bytes()
        self.chain.by("carol").prove(number, [executed.new_root], [self.trees[number].root], proof)
        self.proven = number

    @precondition(lambda self: self.proven > self.finalised)
    @rule()
    def finalise(self) -> None:
        """A replica that reads L1 alone comes to the finalised root."""
        self.chain.by("carol").finalise(self.proven)
        self.finalised = self.proven
        synced = self.replica.sync(self.bridge)
        assert synced.number == self.finalised
        assert export_accounts(self.replica.state) == self.after[self.finalised]
        for number, withdrawals in synced.withdrawals.items():
            assert WithdrawalTree(withdrawals).root == self.trees[number].root

    @precondition(lambda self: len(self.after) - 1 > self.finalised)
    @rule()
    def settle(self) -> None:
        """Whatever was committed becomes final."""
        while self.proven < len(self.after) - 1:
            self.prove()
        self.finalise()

    @precondition(lambda self: self._unpaid())
    @rule(pick=st.integers(0, 50))
    def claim(self, pick: int) -> None:
        unpaid = self._unpaid()
        self._claim(*unpaid[pick % len(unpaid)])

    # ---- what holds ------------------------------------------------------------------------------------------------

    @invariant()
    def contract_holds_what_everybody_owns(self) -> None:
        for token in TOKENS:
            held = self.chain.balance(self.bridge.address, token)
            assert held == self.bridge.locked(self.chain.l1_token(token))
            assert held == self._owned(self.finalised, token)
            if not self.escaped:
                assert held == self._owned(len(self.after) - 1, token)

    def _owned(self, number: int, token: int) -> int:
        """What belongs to anybody, with L2 as of a batch."""
        accounts = {account.address: account for account in self.after[number]}
        if token:
            state = build_state(self.after[number])
            owners = [*self.accounts, OPERATOR.address]
            on_l2 = sum(state.word(balance_place(owner, token)) for owner in owners)
            assert on_l2 == accounts[token].storage.get(0, 0)
        else:
            on_l2 = sum(one.balance for address, one in accounts.items() if address != BRIDGE_ADDRESS)
        unpaid = sum(
            withdrawal.amount
            for batch in range(number + 1)
            for position, withdrawal in enumerate(self.trees[batch].withdrawals)
            if withdrawal.token == token and (batch, position) not in self.claimed
        )
        waiting = sum(
            message.amount
            for index, message in enumerate(self.messages)
            if index >= self.taken[number] and index not in self.refunded
            and message.kind == MessageKind.DEPOSIT and message.token == token
        )  # fmt: skip
        return on_l2 + unpaid + waiting - sum(self.left[token].values())

    # ---- how it ends -----------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            if self.messages:
                self._leave_in_peace() if self.peaceful else self._escape()
                for token in TOKENS:
                    assert self.chain.balance(self.bridge.address, token) == 0
                    assert self.bridge.locked(self.chain.l1_token(token)) == 0
        finally:
            self.replica.close()
            self._take_back()

    def _leave_in_peace(self) -> None:
        """Everyone is forced out of the living rollup, the operator last, and every withdrawal is claimed."""
        for owner in [*self.accounts, OPERATOR.address]:
            for token in TOKENS:
                self._exit(owner, token, EVERYTHING)
        while self.taken[-1] < len(self.messages):
            self._batch([])
        self.settle()
        for unpaid in self._unpaid():
            self._claim(*unpaid)
            self.contract_holds_what_everybody_owns()

    def _escape(self) -> None:
        """Nobody runs the rollup any more: deposits go back, and balances leave by proofs from the replica's state."""
        self.chain.world.advance(DELAYS.forced + DELAYS.escape + 1)
        self.chain.by("carol").activate_escape()
        self.escaped = True
        self.contract_holds_what_everybody_owns()
        self.replica.sync(self.bridge)
        for owner in [*self.accounts, OPERATOR.address]:
            for token in TOKENS:
                self._escape_one(self.replica.state, owner, token)
        for index, message in enumerate(self.messages):
            if index >= self.taken[self.finalised] and message.kind == MessageKind.DEPOSIT:
                self.chain.by("carol").cancel_deposit(index)
                self.refunded.add(index)
        self.contract_holds_what_everybody_owns()
        for unpaid in reversed(self._unpaid()):
            self._claim(*unpaid)
        self.contract_holds_what_everybody_owns()

    def _escape_one(self, state: State, owner: int, token: int) -> None:
        balance = state.word(balance_place(owner, token))
        if not balance:
            return
        proof = prove_balance(state, owner, token).data
        wallet = WALLETS.get(owner) or (OPERATOR if owner == OPERATOR.address else None)
        before = self.chain.balance(RECIPIENT, token)
        if wallet is None:
            self.chain.by("bob").escape_withdraw(owner, token, balance, RECIPIENT, proof)
        else:
            digest = self.bridge.signing_domain().escape_message(owner, token, balance, RECIPIENT)
            signature = sign_digest(wallet, digest)
            self.chain.by("carol").escape_withdraw(owner, token, balance, RECIPIENT, proof, signature)
        assert self.chain.balance(RECIPIENT, token) == before + balance
        self.left[token][owner] = balance

    # ---- steps -----------------------------------------------------------------------------------------------------

    def _deposit(self, account: int, token: int, amount: int) -> None:
        alice = self.chain.by("alice")
        if token:
            alice.deposit_token(self.chain.token.address, account, amount)
        else:
            alice.deposit_ether(account, amount)
        self._queued(L1Message.deposit(token, account, amount))

    def _exit(self, account: int, token: int, amount: int) -> None:
        wallet = WALLETS.get(account) or (OPERATOR if account == OPERATOR.address else None)
        if wallet is None:
            self.chain.by("bob").request_exit(token, amount, RECIPIENT)
        else:
            nonce = self.bridge.exit_nonce(account)
            digest = self.bridge.signing_domain().exit_message(token, account, amount, RECIPIENT, nonce)
            signature = sign_digest(wallet, digest)
            self.chain.by("carol").request_exit_signed(token, account, amount, RECIPIENT, signature)
        self._queued(L1Message.exit(token, account, RECIPIENT, amount))

    def _queued(self, message: L1Message) -> None:
        index = len(self.messages)
        queued = self.bridge.message(index)
        assert queued.message == message
        self.messages.append(message)
        self.queue_hashes.append(int.from_bytes(queued.hash_after, "big"))

    def _batch(self, actions: list[tuple[str, int, int, int, int]]) -> None:
        """Commit a batch of the messages that wait, and those of the actions that their senders can pay."""
        start = self.taken[-1]
        end = min(len(self.messages), start + PER_BATCH)
        node = self.chain.world.node("sequencer")
        number = len(self.after)
        batch = Batch(
            chain_id=DEVELOPMENT_CHAIN_ID,
            batch_number=number,
            rollup_address=self.bridge.address,
            timestamp=node.block_timestamp(node.block_number()),
            coinbase=OPERATOR.address,
            pre_state=self.after[-1],
            transactions=(),
            messages=tuple(self.messages[start:end]),
            queue_before=self.queue_hashes[start],
        )
        state = build_state(batch.pre_state)
        executed = self._execute(batch, state, [self._transaction(*action) for action in actions])
        assert executed.queue_after == self.queue_hashes[end]
        self.chain.by("sequencer").commit(number, end, executed.data)
        self.after.append(export_accounts(state))
        self.taken.append(end)
        self.trees.append(WithdrawalTree(executed.withdrawals))
        self.executed.append(executed)

    def _execute(
        self, batch: Batch, state: State, makers: list[Callable[[dict[int, int]], SignedTransaction]]
    ) -> ExecutedBatch:
        """Execute what can be executed: who cannot pay is left out, and the nonces behind move up."""
        while True:
            nonces = {account.address: account.nonce for account in batch.pre_state}
            signed = tuple(make(nonces) for make in makers)
            try:
                return execute_batch(replace(batch, transactions=signed), state)
            except InputError as error:
                named = re.match(r"transaction (\d+): (balance|withdrawal)", str(error))
                if named is None:
                    raise
                del makers[int(named[1])]

    def _transaction(
        self, kind: str, who: int, whom: int, token: int, amount: int
    ) -> Callable[[dict[int, int]], SignedTransaction]:
        wallet = insecure_dev_wallet(who) if who < len(WALLETS) else OPERATOR
        target, value, data = self.accounts[whom], amount, b""
        if kind == "withdraw":
            target, (value, data) = BRIDGE_ADDRESS, withdrawal_call(token, RECIPIENT + whom, amount)
        elif token:
            target, value, data = TOKEN, 0, token_transfer(target, amount)
        gas = TRANSACTION_GAS if not data else 100_000

        def make(nonces: dict[int, int]) -> SignedTransaction:
            nonce = nonces.get(wallet.address, 0)
            nonces[wallet.address] = nonce + 1
            plain = Transaction(wallet.address, target, value, nonce, gas, GAS_PRICE, data)
            return wallet.sign(plain, DEVELOPMENT_CHAIN_ID)

        return make

    def _unpaid(self) -> list[tuple[int, int]]:
        """The withdrawals of finalised batches that nobody has claimed."""
        return [
            (number, position)
            for number in range(self.finalised + 1)
            for position in range(len(self.trees[number].withdrawals))
            if (number, position) not in self.claimed
        ]

    def _claim(self, number: int, position: int) -> None:
        tree = self.trees[number]
        withdrawal = tree.withdrawals[position]
        before = self.chain.balance(withdrawal.recipient, withdrawal.token)
        self.chain.by("carol").withdraw(
            number, tree.generalised_index(position), tree.proof(position), withdrawal
        )
        assert self.chain.balance(withdrawal.recipient, withdrawal.token) == before + withdrawal.amount
        self.claimed.add((number, position))


_SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck))


def test_contract_holds_what_everybody_owns_and_everybody_can_leave() -> None:
    run_state_machine_as_test(Life, settings=settings(_SETTINGS, max_examples=6, stateful_step_count=12))


@pytest.mark.slow
def test_contract_holds_what_everybody_owns_through_long_lives() -> None:
    run_state_machine_as_test(Life, settings=settings(_SETTINGS, max_examples=25, stateful_step_count=30))
