"""What users do on L1: deposit, claim withdrawals, force an exit, and leave without the operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zkroll.errors import InputError, RollupError
from zkroll.rollup.l1.bridge import Bridge
from zkroll.rollup.l1.bridge_types import Queued
from zkroll.rollup.l1.exit_proofs import balance_place, prove_balance, sign_digest
from zkroll.rollup.l1.inbox import Node, Receipt
from zkroll.rollup.l1.node import EmbeddedNode
from zkroll.rollup.l1.withdrawals import Withdrawal, WithdrawalTree
from zkroll.rollup.operator.deployment import Deployment
from zkroll.rollup.state.state import State
from zkroll.rollup.wallet import Wallet


@dataclass(frozen=True)
class Claim:
    """A withdrawal of a finalised batch, its place in the batch and whether L1 has paid it."""

    batch: int
    position: int
    withdrawal: Withdrawal
    claimed: bool


def deposit(
    bridge: Bridge, deployment: Deployment, account: int, amount: int, token: int = 0
) -> tuple[Queued, int]:
    """Lock ``amount`` of a token (its L2 address, 0 is ether) for an L2 account; gives the message and the gas."""
    if not token:
        queued = bridge.deposit_ether(account, amount)
        return queued, queued.receipt.gas_used
    l1_token = deployment.l1_token(token)
    approval = bridge.approve(l1_token, amount)
    queued = bridge.deposit_token(l1_token, account, amount)
    return queued, approval.gas_used + queued.receipt.gas_used


def claims(
    bridge: Bridge, batch: int, withdrawals: Sequence[Withdrawal], recipient: int | None = None
) -> list[Claim]:
    """The withdrawals of a batch, or those to one recipient on L1."""
    tree = WithdrawalTree(withdrawals)
    return [
        Claim(batch, i, withdrawal, bridge.is_claimed(batch, tree.generalised_index(i)))
        for i, withdrawal in enumerate(withdrawals)
        if recipient in (None, withdrawal.recipient)
    ]


def claim(bridge: Bridge, batch: int, withdrawals: Sequence[Withdrawal], position: int) -> Receipt:
    """Have one withdrawal of a finalised batch paid. Raises ContractRefused when it was, or is not final yet."""
    tree = WithdrawalTree(withdrawals)
    index, proof = tree.generalised_index(position), tree.proof(position)
    return bridge.withdraw(batch, index, proof, withdrawals[position])


def force_exit(bridge: Bridge, wallet: Wallet | None, token: int, amount: int, recipient: int) -> Queued:
    """Queue an exit that every operator has to execute, signed by the L2 account's own key.

    Without a wallet the account is the address of the node's own account, which needs no other signature.
    """
    if wallet is None:
        return bridge.request_exit(token, amount, recipient)
    nonce = bridge.exit_nonce(wallet.address)
    digest = bridge.signing_domain().exit_message(token, wallet.address, amount, recipient, nonce)
    signature = sign_digest(wallet, digest)
    return bridge.request_exit_signed(token, wallet.address, amount, recipient, signature)


def escape(
    bridge: Bridge, state: State, wallet: Wallet | None, token: int, recipient: int
) -> tuple[int, Receipt]:
    """Leave with the whole balance in the last finalised root; gives the balance and the receipt.

    state: that of the last finalised batch, as a replica has it. Without a wallet the account is the address of the
    node's own account. Raises RollupError for another state, and InputError for an account without a balance.
    """
    account = bridge.node.sender if wallet is None else wallet.address
    status = bridge.status()
    if state.root != status.last_root:
        raise RollupError(
            f"{bridge.node.name}: expected the state of the finalised root {status.last_root:#066x}, "
            f"got {state.root:#066x}; zkroll sync brings it"
        )
    balance = state.word(balance_place(account, token))
    if not balance:
        raise InputError(f"account {account:#042x}: nothing to leave with")
    proof = prove_balance(state, account, token)
    signature = b""
    if wallet is not None:
        digest = bridge.signing_domain().escape_message(account, token, balance, recipient)
        signature = sign_digest(wallet, digest)
    return balance, bridge.escape_withdraw(account, token, balance, recipient, proof.data, signature)


def let_time_pass(node: Node, seconds: int) -> None:
    """Let the next blocks of an embedded L1 come later. Raises InputError for any other L1, unless 0."""
    if not seconds:
        return
    if not isinstance(node, EmbeddedNode):
        raise InputError(f"{node.name}: expected an embedded L1, and its own account, to let time pass")
    node.chain.advance(seconds)
