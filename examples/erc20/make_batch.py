"""Makes batch.json: one L2 block of ERC-20 and native transfers on the development genesis.

    python examples/erc20/make_batch.py [BATCH.json]

The block has 34 transactions, all signed by development wallets whose secrets are public (INSECURE):

    0, 2, .., 30   an ERC-20 transfer each, from every wallet: the first four to the neighbour, the others to
                   owners that had no tokens, so that new leaves appear in the state tree
    1, 3, .., 31   a native transfer each, half of them to accounts that did not exist
    32             an ERC-20 transfer of more than the sender owns: it reverts, and pays for the gas it used
    33             an ERC-20 transfer with too little gas: it runs out, and pays for all of it

Everything is deterministic, signatures included, so running this again gives the same file. The batch is
number 1 of the rollup that `zkroll l1 deploy` makes on a fresh embedded L1.
"""

from __future__ import annotations

import sys
from pathlib import Path

from zkroll.algebra.files import write_atomically
from zkroll.algebra.keccak import keccak256
from zkroll.rollup.batch import Batch
from zkroll.rollup.development import (
    DEVELOPMENT_CHAIN_ID,
    TOKEN_ADDRESS,
    WALLET_TOKENS,
    development_genesis,
)
from zkroll.rollup.executor import execute_batch
from zkroll.rollup.l1 import development_rollup_address
from zkroll.rollup.transaction import SignedTransaction, Transaction
from zkroll.rollup.wallet import Wallet, insecure_dev_wallet

TRANSFERS = 16
TIMESTAMP = 1_750_000_000
GAS_PRICE = 2 * 10**9  # wei
CALL_GAS = 100_000
TRANSFER_SELECTOR = keccak256(b"transfer(address,uint256)")[:4]


def make_batch() -> Batch:
    """The example batch."""
    maker = _Maker()
    for i in range(TRANSFERS):
        wallet, neighbour = insecure_dev_wallet(i), insecure_dev_wallet((i + 1) % TRANSFERS)
        owner = neighbour.address if i < 4 else _stranger(f"token owner {i}")
        maker.call_token(wallet, owner, (3 * i + 1) * 10**15 + i, CALL_GAS)
        recipient = neighbour.address if i % 2 else _stranger(f"recipient {i}")
        maker.add(wallet, recipient, (i + 1) * 10**16, 21_000, b"")
    maker.call_token(insecure_dev_wallet(3), insecure_dev_wallet(4).address, 2 * WALLET_TOKENS, CALL_GAS)
    # Enough for the calldata and the dispatch, not for the first storage read of 2,100 gas.
    maker.call_token(insecure_dev_wallet(5), insecure_dev_wallet(6).address, 10**18, 23_300)
    return Batch(
        chain_id=DEVELOPMENT_CHAIN_ID,
        batch_number=1,
        rollup_address=development_rollup_address(),
        timestamp=TIMESTAMP,
        coinbase=_stranger("coinbase"),
        pre_state=development_genesis(),
        transactions=tuple(maker.signed),
    )


class _Maker:
    """Signs transactions with the nonces that are due."""

    def __init__(self) -> None:
        self.signed: list[SignedTransaction] = []
        self._nonces: dict[int, int] = {}

    def add(self, wallet: Wallet, to: int, value: int, gas_limit: int, data: bytes) -> None:
        nonce = self._nonces.get(wallet.address, 0)
        self._nonces[wallet.address] = nonce + 1
        transaction = Transaction(wallet.address, to, value, nonce, gas_limit, GAS_PRICE, data)
        self.signed.append(wallet.sign(transaction, DEVELOPMENT_CHAIN_ID))

    def call_token(self, wallet: Wallet, to: int, amount: int, gas_limit: int) -> None:
        data = TRANSFER_SELECTOR + to.to_bytes(32, "big") + amount.to_bytes(32, "big")
        self.add(wallet, TOKEN_ADDRESS, 0, gas_limit, data)


def _stranger(name: str) -> int:
    """The address of an account that nobody has a key of."""
    return int.from_bytes(keccak256(b"zkroll example " + name.encode())[12:], "big")


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("batch.json")
    batch = make_batch()
    executed = execute_batch(batch)
    write_atomically(path, batch.to_json())
    print(f"{path}: {len(batch.transactions)} transactions, {len(executed.trace.steps)} EVM steps")
    print(f"old root 0x{executed.old_root:064x}\nnew root 0x{executed.new_root:064x}")
    for result in executed.results:
        print(f"  {result.index:2}  {result.halt.name:12} gas used {result.gas_used}, refund {result.refund}")


if __name__ == "__main__":
    main()
