"""Whatever users, sequencer and time do in whatever order: the rollup contract holds what it owes.

A model of L2 is run beside the contract: balances, the queue, withdrawals. After every step, for ether and a token,

    what the contract holds = what it has locked
                            = balances on L2 + deposits not taken by a batch + withdrawals not claimed

with L2 as of the last committed batch, and, once the rollup is in escape mode, as of the last finalised one. At the
end everyone leaves, and the contract is empty.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from support.l1_world import L2_TOKEN, Rollup, deploy_rollup, evm_world

from zkroll.rollup.l1.bridge_types import ContractRefused
from zkroll.rollup.l1.inbox import hex_address
from zkroll.rollup.l1.messages import L1Message, MessageKind
from zkroll.rollup.l1.withdrawals import Withdrawal, WithdrawalTree

USERS = ("alice", "bob", "carol")
TOKENS = (0, L2_TOKEN)
PROOF = b"proof"
MONEY = 1 << 64


@dataclass
class L2:
    """L2 after a batch: balances by (account, token), messages taken, and the batch's withdrawals."""

    balances: dict[tuple[int, int], int] = field(default_factory=dict)
    taken: int = 0
    withdrawals: list[Withdrawal] = field(default_factory=list)

    def take(self, message: L1Message) -> None:
        place = (message.account, message.token)
        balance = self.balances.get(place, 0)
        if message.kind == MessageKind.DEPOSIT:
            self.balances[place] = balance + message.amount
        else:
            amount = min(balance, message.amount)
            self.balances[place] = balance - amount
            self.withdrawals.append(Withdrawal(message.token, message.recipient, amount))
        self.taken += 1


class Model:
    """The contract, and what is known about it."""

    def __init__(self, rollup: Rollup) -> None:
        self.rollup = rollup
        self.users = {name: rollup.world.address(name) for name in USERS}
        self.queue: list[tuple[L1Message, str]] = []
        self.batches = [L2()]
        self.proven = self.finalised = 0
        self.claimed: set[tuple[int, int]] = set()
        self.left: set[tuple[int, int]] = set()
        self.refunded: set[int] = set()
        self.escaped = False
        for user in USERS:
            rollup.fund_token(user, MONEY)

    # ---- steps: each does something to both, and is refused by the contract where the model says so ------------

    def deposit(self, user: str, other: str, token: int, amount: int) -> None:
        account = self.users[other]
        by = self.rollup.by(user)
        with Expected(not self.escaped):
            if token == 0:
                by.deposit_ether(account, amount)
            else:
                by.deposit_token(self.rollup.token.address, account, amount)
            self.queue.append((L1Message.deposit(token, account, amount), user))

    def exit(self, user: str, other: str, token: int, amount: int) -> None:
        with Expected(not self.escaped):
            self.rollup.by(user).request_exit(token, amount, self.users[other])
            self.queue.append((L1Message.exit(token, self.users[user], self.users[other], amount), user))

    def batch(self, user: str, other: str, token: int, amount: int) -> None:
        """A batch that takes all messages, moves what `user` has to `other`, and lets `other` withdraw."""
        after = L2(dict(self.batches[-1].balances), self.batches[-1].taken)
        for message, _ in self.queue[after.taken :]:
            after.take(message)
        source, target = (self.users[user], token), (self.users[other], token)
        moved = min(amount, after.balances.get(source, 0))
        after.balances[source] = after.balances.get(source, 0) - moved
        after.balances[target] = after.balances.get(target, 0) + moved
        withdrawn = moved // 2
        after.balances[target] -= withdrawn
        after.withdrawals.append(Withdrawal(token, self.users[other], withdrawn))
        with Expected(not self.escaped):
            self.rollup.commit(after.taken)
            self.batches.append(after)

    def drop(self) -> None:
        if len(self.batches) - 1 > self.proven:
            with Expected(not self.escaped):
                self.rollup.by("sequencer").revert(self.proven + 1)
                del self.batches[self.proven + 1 :]

    def prove(self) -> None:
        number = self.proven + 1
        if number < len(self.batches):
            tree = WithdrawalTree(self.batches[number].withdrawals)
            with Expected(not self.escaped):
                self.rollup.prove(number, 1000 + number, tree.root)
                self.proven = number

    def finalise(self) -> None:
        if self.proven > self.finalised:
            with Expected(not self.escaped):
                self.rollup.finalise(self.proven)
                self.finalised = self.proven

    def claim(self, number: int, position: int) -> None:
        """Claim a withdrawal of a batch, the first time and again."""
        number %= len(self.batches)
        withdrawals = self.batches[number].withdrawals
        if not withdrawals:
            return
        position %= len(withdrawals)
        tree = WithdrawalTree(withdrawals)
        with Expected(number <= self.finalised and (number, position) not in self.claimed):
            self.rollup.by("carol").withdraw(
                number, tree.generalised_index(position), tree.proof(position), withdrawals[position]
            )
            self.claimed.add((number, position))

    def escape(self) -> None:
        """Let time pass until the rollup can be given up, and give it up."""
        with Expected(not self.escaped):
            self.rollup.escape()
            self.escaped = True

    def leave(self, user: str, token: int) -> None:
        account = self.users[user]
        balance = self.batches[self.finalised].balances.get((account, token), 0)
        root = 1000 + self.finalised if self.finalised else 11
        self.rollup.allow_balance(root, account, token, balance, PROOF)
        with Expected(self.escaped and (account, token) not in self.left):
            self.rollup.by(user).escape_withdraw(account, token, balance, account, PROOF)
            self.left.add((account, token))

    def refund(self, index: int) -> None:
        if not self.queue:
            return
        index %= len(self.queue)
        kind = self.queue[index][0].kind
        waiting = index >= self.batches[self.finalised].taken and index not in self.refunded
        with Expected(self.escaped and waiting and kind == MessageKind.DEPOSIT):
            self.rollup.by("carol").cancel_deposit(index)
            self.refunded.add(index)

    # ---- what has to hold ----------------------------------------------------------------------------------------

    def owed(self, token: int) -> int:
        """What the contract owes to all."""
        last = self.finalised if self.escaped else len(self.batches) - 1
        state = self.batches[last]
        accounts = sum(
            balance
            for (account, held), balance in state.balances.items()
            if held == token and (account, token) not in self.left
        )
        waiting = sum(
            message.amount
            for index, (message, _) in enumerate(self.queue)
            if index >= state.taken and index not in self.refunded
            and message.token == token and message.kind == MessageKind.DEPOSIT
        )  # fmt: skip
        unclaimed = sum(
            withdrawal.amount
            for number in range(last + 1)
            for position, withdrawal in enumerate(self.batches[number].withdrawals)
            if withdrawal.token == token and (number, position) not in self.claimed
        )
        return accounts + waiting + unclaimed

    def check(self) -> None:
        bridge = self.rollup.bridge
        ether = self.rollup.world.node("alice").balance(bridge.address)
        tokens = self.rollup.token.read("balanceOf", hex_address(bridge.address))
        assert ether == bridge.locked() == self.owed(0)
        assert tokens == bridge.locked(self.rollup.token.address) == self.owed(L2_TOKEN)

    def everyone_leaves(self) -> None:
        """The end: all that is owed is paid, with no sequencer and no prover."""
        for number in range(self.finalised + 1):
            for position in range(len(self.batches[number].withdrawals)):
                self.claim(number, position)
        for index in range(len(self.queue)):
            self.refund(index)
        for user in USERS:
            for token in TOKENS:
                self.leave(user, token)
        self.check()
        assert self.rollup.bridge.locked() == self.rollup.bridge.locked(self.rollup.token.address) == 0


class Expected:
    """A step that has to be refused unless it is allowed."""

    def __init__(self, allowed: bool) -> None:
        self.allowed = allowed

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        if self.allowed:
            return False
        assert isinstance(error, ContractRefused), f"expected a refusal, got {error!r}"
        return True


users = st.sampled_from(USERS)
tokens = st.sampled_from(TOKENS)
small = st.integers(0, 7)
steps = st.one_of(
    st.tuples(
        st.sampled_from(["deposit", "deposit", "exit", "batch", "batch"]),
        st.tuples(users, users, tokens, st.integers(1, 1000)),
    ),
    st.tuples(st.sampled_from(["prove", "finalise", "prove", "finalise", "drop"]), st.just(())),
    st.tuples(st.just("claim"), st.tuples(small, small)),
    st.tuples(st.just("leave"), st.tuples(users, tokens)),
    st.tuples(st.just("refund"), st.tuples(small)),
)
Steps = list[tuple[str, tuple[object, ...]]]


@functools.cache
def fresh_rollup() -> Rollup:
    return deploy_rollup(evm_world())


@settings(max_examples=25, deadline=None)
@given(living=st.lists(steps, min_size=5, max_size=30), escaped=st.lists(steps, max_size=10))
def test_contract_holds_what_it_owes_whatever_happens(living: Steps, escaped: Steps) -> None:
    rollup = fresh_rollup()
    take_back = rollup.world.snapshot()
    try:
        model = Model(rollup)
        for name, arguments in [*living, ("escape", ()), *escaped]:
            getattr(model, name)(*arguments)
            model.check()
        model.everyone_leaves()
    finally:
        take_back()
