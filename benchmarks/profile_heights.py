"""Measures what the heights of the profiles are chosen by: the rows of every chip for a demonstration and a full batch.

    python benchmarks/profile_heights.py

Prints, for each chip, its rows in both batches and the binary logarithms of the heights that hold them, beside
those of ``zkroll.circuits.profiles``; then the cells and groups of commitments of every profile.
"""

from __future__ import annotations

from dataclasses import replace

from zkroll.algebra.keccak import keccak256
from zkroll.circuits.air.expr import Stage
from zkroll.circuits.buses import BRIDGE_ADDRESS
from zkroll.circuits.machine import batch_machine
from zkroll.circuits.profiles import PROFILES, profile
from zkroll.rollup.batch import Batch
from zkroll.rollup.development import (
    DEVELOPMENT_CHAIN_ID,
    TOKEN_ADDRESS,
    WALLETS,
    bridge_genesis,
    development_genesis,
)
from zkroll.rollup.l1.messages import L1Message
from zkroll.rollup.operator.accounts import token_transfer, withdrawal_call
from zkroll.rollup.prove import execute, fill
from zkroll.rollup.transaction import SignedTransaction, Transaction
from zkroll.rollup.wallet import insecure_dev_wallet

ETHER = 10**18
GAS_PRICE = 10**9


class Sender:
    """Signs transactions of development wallets with the nonces that are due."""

    def __init__(self) -> None:
        self.signed: list[SignedTransaction] = []
        self._nonces: dict[int, int] = {}

    def add(self, wallet: int, to: int, value: int = 0, data: bytes = b"") -> None:
        key = insecure_dev_wallet(wallet)
        nonce = self._nonces.get(wallet, 0)
        self._nonces[wallet] = nonce + 1
        limit = 21_000 if not data else 100_000 + 16 * len(data)
        transaction = Transaction(key.address, to, value, nonce, limit, GAS_PRICE, data)
        self.signed.append(key.sign(transaction, DEVELOPMENT_CHAIN_ID))


def demo_batch() -> Batch:
    """The first batch of ``zkroll demo``, and two transactions more: deposits, transfers, withdrawals."""
    alice, bob, carol, dave = (insecure_dev_wallet(index).address for index in range(4))
    sender = Sender()
    sender.add(0, bob, ETHER)
    sender.add(0, TOKEN_ADDRESS, data=token_transfer(bob, 25 * ETHER))
    sender.add(1, carol, ETHER // 2)
    sender.add(1, BRIDGE_ADDRESS, *withdrawal_call(0, 0xB0B, ETHER // 4))
    sender.add(0, BRIDGE_ADDRESS, *withdrawal_call(TOKEN_ADDRESS, 0xA11CE, 10 * ETHER))
    sender.add(0, TOKEN_ADDRESS, data=token_transfer(dave, ETHER))
    sender.add(0, dave, ETHER)
    messages = (
        L1Message.deposit(0, alice, 5 * ETHER),
        L1Message.deposit(0, bob, 2 * ETHER),
        L1Message.deposit(TOKEN_ADDRESS, alice, 100 * ETHER),
    )
    return _batch(sender, bridge_genesis, messages)


def full_batch() -> Batch:
    """64 transactions, half of them ERC-20 calls, every one to another account, and 16 messages."""
    sender = Sender()
    for i in range(32):
        sender.add(i % WALLETS, TOKEN_ADDRESS, data=token_transfer(_stranger("token owner", i), 10**15 + i))
    for i in range(28):
        sender.add(i % WALLETS, _stranger("recipient", i), (i + 1) * 10**16)
    for i in range(4):
        token = (0, TOKEN_ADDRESS)[i % 2]
        sender.add(i, BRIDGE_ADDRESS, *withdrawal_call(token, _stranger("l1", i), 10**17))
    messages = [
        L1Message.deposit((0, TOKEN_ADDRESS)[i % 2], _stranger("depositor", i), ETHER) for i in range(12)
    ]
    messages += [
        L1Message.exit((0, TOKEN_ADDRESS)[i % 2], insecure_dev_wallet(i).address, _stranger("exit", i), ETHER)
        for i in range(4)
    ]
    return _batch(sender, development_genesis, tuple(messages))


def _batch(sender: Sender, genesis: object, messages: tuple[L1Message, ...]) -> Batch:
    accounts = genesis()  # type: ignore[operator]
    batch = Batch(DEVELOPMENT_CHAIN_ID, 1, 0xAA, 1_750_000_000, 0xC0FFEE, accounts, tuple(sender.signed))
    return replace(batch, messages=messages)


def _stranger(name: str, index: int) -> int:
    return int.from_bytes(keccak256(f"zkroll profile {name} {index}".encode())[12:], "big")


def rows_of(batch: Batch) -> dict[str, int]:
    """Rows of every chip that the batch uses."""
    return {name: trace.rows for name, trace in fill(execute(batch)[1]).items()}


def cells_of(name: str) -> int:
    """Committed cells of a proof in a profile's heights: main, bus and quotient columns."""
    heights = profile(name)
    return sum(
        heights[layout.name] * (layout.widths[Stage.MAIN] + layout.logup.width + layout.quotient_pieces)
        for layout in batch_machine().layouts
    )


def main() -> None:
    demo, full = rows_of(demo_batch()), rows_of(full_batch())
    print(f"{'chip':18}{'demo':>8}{'log2':>6}{'small':>7}{'full':>10}{'log2':>6}{'medium':>8}")
    for chip in batch_machine().chips:
        small, medium = profile("small")[chip.name], profile("medium")[chip.name]
        cells = [demo.get(chip.name, 0), full.get(chip.name, 0)]
        logs = [max(3, (rows - 1).bit_length()) if rows else 0 for rows in cells]
        marks = ["!" if rows > height else " " for rows, height in zip(cells, (small, medium), strict=True)]
        print(
            f"{chip.name:18}{cells[0]:8}{logs[0]:6}{small.bit_length() - 1:6}{marks[0]}"
            f"{cells[1]:10}{logs[1]:6}{medium.bit_length() - 1:7}{marks[1]}"
        )
    for name in PROFILES:
        print(f"{name}: {cells_of(name):,} cells")


if __name__ == "__main__":
    main()
