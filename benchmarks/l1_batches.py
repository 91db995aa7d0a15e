"""What L1 takes for full batches of a profile: bytes of data and gas, in all and for each transfer.

The contracts are the real ones, on an EVM in this process. The wrap proofs are simulated ones of the profile's shape
(`zkroll.rollup.testing.simulated_wrap`), for which the contracts do what they do for all others. Every account has its
index already, as far from 0 as in a rollup of a million accounts, and amounts have long mantissas, so that the data
has few zero bytes, which L1 takes less for.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from zkroll.circuits.buses import BRIDGE_ADDRESS
from zkroll.circuits.machine import batch_machine
from zkroll.circuits.native_rules import TRANSACTION_GAS
from zkroll.circuits.profiles import misfits
from zkroll.circuits.profiles import profile as heights
from zkroll.rollup.batch import Batch, accounts_to_json
from zkroll.rollup.development import TOKEN_ADDRESS, token_balance_slot, token_code
from zkroll.rollup.executor import execute_batch
from zkroll.rollup.genesis import Account, build_state
from zkroll.rollup.l1 import open_l1
from zkroll.rollup.l1.bridge import Bridge
from zkroll.rollup.l1.inbox import Node
from zkroll.rollup.l1.messages import L1Message
from zkroll.rollup.operator.accounts import token_transfer, withdrawal_call
from zkroll.rollup.operator.batches import prove_on_l1
from zkroll.rollup.operator.deploy import deploy_demo_token, deploy_rollup
from zkroll.rollup.operator.folder import DataFolder
from zkroll.rollup.operator.l1_start import start_l1
from zkroll.rollup.proof import BatchProof
from zkroll.rollup.prove import DEVELOPMENT_POWERS, fill
from zkroll.rollup.state.state import Field, Place, State
from zkroll.rollup.testing.simulated_prover import SimulatedProver
from zkroll.rollup.testing.simulated_wrap import SimulatedWrap
from zkroll.rollup.transaction import Transaction
from zkroll.rollup.wallet import insecure_dev_wallet
from zkroll.rollup.witness import batch_trace
from zkroll.rollup.wrapped import WrappedBatches
from zkroll.verifier.packing import CommitStage
from zkroll.verifier.shape import proof_shape

PROFILE = "medium"
#: as many signatures as the profile holds
TRANSACTIONS = 64
#: each sends and receives; more would touch more places of the state than the profile holds
ACCOUNTS = 48

_ETHER = 10**18
_GAS_PRICE = 3_210_000_000  # wei, on L2
_CALL_GAS = 100_000
_TOKENS = 10**6 * _ETHER
_FIRST_INDEX, _INDEX_STEP = 1_234_567, 7_919


@dataclass(frozen=True)
class Posted:
    """What one batch took on L1. data_bytes: in the calldata of the commitment; the others are gas of transactions."""

    name: str
    transactions: int
    data_bytes: int
    commit: int
    prove: int
    finalise: int

    @property
    def total(self) -> int:
        return self.commit + self.prove + self.finalise

    @property
    def each(self) -> float:
        """Gas for one transaction of the batch."""
        return self.total / self.transactions

    @property
    def bytes_each(self) -> float:
        """Bytes of data for one transaction, the batch's header among them."""
        return self.data_bytes / self.transactions


@dataclass(frozen=True)
class Plain:
    """Gas of transfers on L1 itself: of ether, and of a token to an owner who had some or who had none."""

    ether: int
    token: int
    token_first: int


#: recipient, value and calldata of the i-th transaction, given an account to pay
Payment = Callable[[int, int], tuple[int, int, bytes]]


def native(i: int, payee: int) -> tuple[int, int, bytes]:
    """Native transfers only."""
    return payee, (123_456_789 + i) * 10**7, b""


def half_calls(i: int, payee: int) -> tuple[int, int, bytes]:
    """Transfers of ERC-20 tokens and native ones in turn."""
    to, value, _ = native(i, payee)
    return (to, value, b"") if i % 2 else (TOKEN_ADDRESS, 0, token_transfer(to, value))


def some_withdrawals(i: int, payee: int) -> tuple[int, int, bytes]:
    """Native transfers, every 16th of them out of the rollup."""
    to, value, _ = native(i, payee)
    return native(i, payee) if i % 16 else (BRIDGE_ADDRESS, *withdrawal_call(0, to, value))


@dataclass(frozen=True)
class Rollup:
    """A new rollup on L1 with as many registered accounts, that have ether and tokens on L2; `prover` proves nothing."""

    bridge: Bridge
    prover: SimulatedProver
    state: State
    accounts: int
    chain_id: int

    def post(self, number: int, name: str, transactions: int, payment: Payment, deposits: int = 0) -> Posted:
        """Commit, prove and finalise the next batch, which takes new deposits, the first of the queue.

        Raises SystemExit when it does not fit the profile.
        """
        payees = [insecure_dev_wallet(i).address for i in range(deposits)]
        for payee in payees:
            self.bridge.deposit_ether(payee, _ETHER)
        messages = tuple(L1Message.deposit(0, payee, _ETHER) for payee in payees)
        batch = replace(self._batch(number, transactions, payment), messages=messages)
        executed = execute_batch(batch, self.state)
        profile = self.prover.profile
        for chip, rows, height in misfits(profile, fill(batch_trace(executed))):
            raise SystemExit(f"{name}: chip {chip} needs {rows:,} rows, profile {profile} has {height:,}")
        proof = BatchProof(self.prover.key.key_digest, executed.public_values(), executed.data, b"")
        wrapped = WrappedBatches.of(profile, [proof], self.prover.wrap([proof]))
        return Posted(
            name=name,
            transactions=transactions,
            data_bytes=len(executed.data),
            commit=self.bridge.commit(number, deposits, executed.data).gas_used,
            prove=prove_on_l1(self.bridge, wrapped).receipt.gas_used,
            finalise=self.bridge.finalise(number).gas_used,
        )

    def _batch(self, number: int, transactions: int, payment: Payment) -> Batch:
        node = self.bridge.node
        sent: Counter[int] = Counter()
        signed = []
        for i in range(transactions):
            wallet = insecure_dev_wallet(i % self.accounts)
            to, value, data = payment(i, insecure_dev_wallet((7 * i + 1) % self.accounts).address)
            nonce = self.state.word(Place(wallet.address, Field.NONCE)) + sent[wallet.address]
            sent[wallet.address] += 1
            limit = _CALL_GAS if data else TRANSACTION_GAS
            transaction = Transaction(wallet.address, to, value, nonce, limit, _GAS_PRICE, data)
            signed.append(wallet.sign(transaction, self.chain_id))
        return Batch(
            chain_id=self.chain_id,
            batch_number=number,
            rollup_address=self.bridge.address,
            timestamp=node.block_timestamp(node.block_number()),
            coinbase=insecure_dev_wallet(0).address,
            pre_state=(),
            transactions=tuple(signed),
        )


def genesis(accounts: int) -> tuple[Account, ...]:
    """The development token, and development wallets with ether, tokens and an index each."""
    owners = [insecure_dev_wallet(i).address for i in range(accounts)]
    storage = {0: accounts * _TOKENS} | {token_balance_slot(owner): _TOKENS for owner in owners}
    indices = [_FIRST_INDEX + _INDEX_STEP * i for i in range(accounts + 1)]
    found = [Account(TOKEN_ADDRESS, code=token_code(), storage=storage, indices=(indices.pop(),))]
    found += [
        Account(owner, balance=1000 * _ETHER, indices=(i,)) for owner, i in zip(owners, indices, strict=True)
    ]
    return tuple(sorted(found, key=lambda account: account.address))


def simulated_wrap(profile: str, chunks: int = 1, powers: int = DEVELOPMENT_POWERS) -> SimulatedWrap:
    """A key of known secrets, of the shape that the profile's own has under a string of so many powers of tau."""
    groups = proof_shape(batch_machine(), heights(profile), powers).groups
    return SimulatedWrap(*(len(groups[stage]) for stage in CommitStage), chunks)


def full_batches(
    transactions: int = TRANSACTIONS, accounts: int = ACCOUNTS, profile: str = PROFILE
) -> tuple[list[Posted], Plain]:
    """Post batches of native transfers, of ERC-20 calls too, and with deposits and withdrawals, and pay on L1 itself."""
    prover = SimulatedProver(profile, simulated_wrap(profile))
    with tempfile.TemporaryDirectory(prefix="zkroll-bench-") as place:
        folder = DataFolder(f"{place}/data")
        start_l1(folder.path)
        folder.set_genesis(accounts_to_json(genesis(accounts)))
        with open_l1(folder.l1_target()) as chain:
            deployment = deploy_rollup(folder, chain.node, prover.key, profile)
            bridge = Bridge(chain.node, deployment.rollup_address)
            rollup = Rollup(bridge, prover, build_state(genesis(accounts)), accounts, deployment.chain_id)
            posted = [
                rollup.post(1, f"{transactions} native transfers", transactions, native),
                rollup.post(2, f"{transactions}, half of them ERC-20 calls", transactions, half_calls),
                rollup.post(3, f"{transactions}, withdrawals, 2 deposits", transactions, some_withdrawals, 2),
            ]
            return posted, plain_transfers(chain.node)


def plain_transfers(node: Node) -> Plain:
    """Pay ether and tokens on L1."""
    token, _ = deploy_demo_token(node)
    somebody = 0xB0B0 << 140
    ether = [node.send(somebody, b"", 123_456_789 * 10**7).gas_used for _ in range(2)]
    call = token_transfer(somebody, 123_456_789 * 10**7)
    first, again = (node.send(token, call).gas_used for _ in range(2))
    return Plain(ether[1], again, first)
