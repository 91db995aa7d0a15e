"""Small batches with L1 messages, withdrawals and a token, and the chips that see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from support.chips import fill, names
from support.tamper import net
from zkroll.algebra.keccak import keccak256
from zkroll.circuits.air.check import check_constraints
from zkroll.circuits.air.chip import Bus
from zkroll.circuits.air.witness import ChipTrace
from zkroll.circuits.buses import (
    BRIDGE_ADDRESS,
    KECCAK,
    LENGTH,
    PUBLIC,
    STATE,
    STORAGE,
    STORAGE_CELL,
    TX_BEGIN,
    TX_END,
    TX_SPAN,
    WORDS,
)
from zkroll.circuits.chips.bridge.buses import (
    BRIDGE_CALL,
    QUEUE,
    WITHDRAWAL,
    WITHDRAWAL_COUNT,
    WITHDRAWAL_NODE,
)
from zkroll.circuits.chips.keccak.digits import LANES, SQUEEZE
from zkroll.circuits.chips.transaction.buses import BLOCK, FRAME, TX_HEAD, TX_PART
from zkroll.circuits.machine import batch_machine
from zkroll.circuits.source import BatchTrace
from zkroll.rollup.batch import Batch
from zkroll.rollup.bridge import balance_slot, withdraw_ether_data, withdraw_token_data
from zkroll.rollup.development import token_code
from zkroll.rollup.executor import ExecutedBatch, execute_batch
from zkroll.rollup.genesis import Account
from zkroll.rollup.l1.messages import L1Message
from zkroll.rollup.transaction import SignedTransaction, Transaction
from zkroll.rollup.wallet import insecure_dev_wallet
from zkroll.rollup.witness import batch_trace

CHAIN = 1337
TOKEN = 0x70CE17 << 136
OTHER = 0x07E5  # storage of other words than amounts
ALICE, BOB, CAROL, DAVE = (insecure_dev_wallet(i).address for i in range(4))
FEED, BEEF = 0xFEED << 140, 0xBEEF  # recipients on L1
START = int.from_bytes(keccak256(b"queue"), "big")

_TABLES = {"tables", "pow2", "opcodes", "keccak_bytes", "keccak_digits", "signature", "signature_ladder"}
_HASHES = {"poseidon2", "poseidon3", "poseidon4", "poseidon5", "canonical"}

#: buses whose both sides are among ``traces_of``
CLOSED: list[Bus] = [
    STATE, STORAGE, STORAGE_CELL, TX_BEGIN, TX_END, TX_SPAN, WORDS, LENGTH, KECCAK, LANES, SQUEEZE, PUBLIC, TX_HEAD,
    TX_PART, BLOCK, FRAME, QUEUE, BRIDGE_CALL, WITHDRAWAL, WITHDRAWAL_COUNT, WITHDRAWAL_NODE,
]  # fmt: skip


class Wallets:
    """Signs for development wallets and counts their nonces."""

    def __init__(self) -> None:
        self._nonces: dict[int, int] = {}

    def send(
        self, wallet: int, to: int, *, value: int = 0, data: bytes = b"", gas_limit: int = 100_000
    ) -> SignedTransaction:
        key = insecure_dev_wallet(wallet)
        nonce = self._nonces.get(wallet, 0)
        self._nonces[wallet] = nonce + 1
        return key.sign(Transaction(key.address, to, value, nonce, gas_limit, 3, data), CHAIN)

    def forget(self, wallet: int) -> None:
        """Give back the last nonce of a wallet."""
        self._nonces[wallet] -= 1

    def ether(self, wallet: int, recipient: int, amount: int) -> SignedTransaction:
        """Withdraw ether."""
        return self.send(wallet, BRIDGE_ADDRESS, value=amount, data=withdraw_ether_data(recipient))

    def token(self, wallet: int, recipient: int, amount: int, token: int = TOKEN) -> SignedTransaction:
        """Withdraw tokens."""
        return self.send(wallet, BRIDGE_ADDRESS, data=withdraw_token_data(recipient, token, amount))

    def transfer(self, wallet: int, to: int, amount: int) -> SignedTransaction:
        """An ERC-20 transfer by the token's own code."""
        selector = keccak256(b"transfer(address,uint256)")[:4]
        return self.send(wallet, TOKEN, data=selector + to.to_bytes(32, "big") + amount.to_bytes(32, "big"))


def accounts(
    balances: Mapping[int, int] | None = None, tokens: Mapping[int, int] | None = None, *, code: bytes = b""
) -> tuple[Account, ...]:
    """Alice and Bob with ether, and a token of which Alice has 500; OTHER holds huge words."""
    held = dict(tokens or {ALICE: 500})
    storage = {balance_slot(owner): amount for owner, amount in held.items()} | {0: sum(held.values())}
    huge = {balance_slot(BOB): 2**256 - 1, balance_slot(ALICE): 2**130, 0: 3}
    return (
        *(Account(a, balance=b) for a, b in ({ALICE: 10**18, BOB: 10**18} | dict(balances or {})).items()),
        Account(TOKEN, storage=storage, code=code),
        Account(OTHER, storage=huge),
    )


def run(
    messages: Sequence[L1Message] = (),
    transactions: Sequence[SignedTransaction] = (),
    state: tuple[Account, ...] | None = None,
    *,
    queue_before: int = START,
) -> ExecutedBatch:
    """A batch executed on these accounts."""
    batch = Batch(
        chain_id=CHAIN,
        batch_number=3,
        rollup_address=0x1B0C,
        timestamp=1_700_000_000,
        coinbase=0xC0FFEE,
        pre_state=accounts() if state is None else state,
        transactions=tuple(transactions),
        messages=tuple(messages),
        queue_before=queue_before,
    )
    return execute_batch(batch)


def source_of(*args: Any, **kwargs: Any) -> BatchTrace:
    """``run`` as the chips see it."""
    return batch_trace(run(*args, **kwargs))


def mixed_messages() -> list[L1Message]:
    """Deposits to known and new accounts, exits of all, of more, of less and of nothing."""
    return [
        L1Message.deposit(0, BOB, 77),
        L1Message.deposit(TOKEN, BOB, 1000),
        L1Message.exit(TOKEN, ALICE, FEED, 600),  # has 500
        L1Message.exit(0, DAVE, BEEF, 5),  # has nothing
        L1Message.deposit(0, CAROL, 10**17),
        L1Message.exit(TOKEN, BOB, BEEF, 100),
        L1Message.deposit(TOKEN, ALICE, 50),
        L1Message.exit(0, BOB, FEED, 10**18 + 77),  # has exactly this
        L1Message.deposit(0, BOB, 10**17),
    ]


def small_source() -> BatchTrace:
    """Two deposits, two exits, a withdrawal of tokens, one of ether, a transfer with calldata of such a one."""
    w = Wallets()
    messages = [
        L1Message.deposit(TOKEN, BOB, 1000),
        L1Message.exit(TOKEN, ALICE, FEED, 600),
        L1Message.deposit(0, CAROL, 10**17),
        L1Message.exit(0, BOB, BEEF, 9),
    ]
    return source_of(
        messages,
        [
            w.token(1, FEED, 400),
            w.ether(2, BEEF, 5),
            w.send(0, DAVE, value=1, data=withdraw_ether_data(FEED)),
        ],
    )


def mixed_source() -> BatchTrace:
    """Messages, withdrawals of both kinds and transfers of the token between them; 7 leaves."""
    w = Wallets()
    transactions = [
        w.ether(0, FEED, 123),
        w.transfer(1, CAROL, 300),
        w.token(2, BEEF, 120),
        w.transfer(2, ALICE, 10**6),  # reverts
        w.send(0, DAVE, value=9),
        w.token(1, FEED, 600),
        w.transfer(2, ALICE, 20),
    ]
    return source_of(mixed_messages(), transactions, accounts(code=token_code()))


def traces_of(source: BatchTrace, public: Sequence[int] | None = None) -> dict[str, ChipTrace]:
    """The machine's chips but for tables, signatures and Poseidon."""
    chips = [chip for chip in batch_machine().chips if chip.name not in _TABLES | _HASHES]
    return fill(chips, source, public if public is not None else source.public_values())


def noticed(traces: Mapping[str, ChipTrace], public: Sequence[int]) -> set[str]:
    """Names of broken constraints (``keccak_f`` fills what it is asked for) and of unbalanced buses in CLOSED."""
    found = names(v for name, trace in traces.items() if name != "keccak_f" for v in check_constraints(trace))
    totals = {bus.name: Counter[tuple[int, ...]]() for bus in CLOSED}
    totals[PUBLIC.name].update((i, value) for i, value in enumerate(public))
    for trace in traces.values():
        for bus in {i.bus.name: i.bus for i in trace.chip.air.interactions if i.bus.name in totals}.values():
            totals[bus.name].update(net(trace, bus))
    return found | {name for name, total in totals.items() if any(total.values())}


def forged(source: BatchTrace, **changes: Any) -> set[str]:
    """What notices a witness made from a changed source, under the public values of the honest one."""
    return noticed(traces_of(replace(source, **changes)), source.public_values())


def changed(honest: Mapping[str, ChipTrace], tampered: Mapping[str, ChipTrace]) -> set[str]:
    """What notices tampered cells in traces that hold: broken constraints, and buses that get other tuples."""
    found: set[str] = set()
    for name, trace in tampered.items():
        if trace is honest[name]:
            continue
        found |= names(check_constraints(trace))
        for bus in {i.bus.name: i.bus for i in trace.chip.air.interactions}.values():
            before, after = net(honest[name], bus), net(trace, bus)
            if before != after:
                found.add(bus.name)
    return found
