"""Small batches for the tests of rollup/."""

from collections.abc import Sequence

from zkroll.rollup.batch import Batch
from zkroll.rollup.genesis import Account
from zkroll.rollup.transaction import SignedTransaction, Transaction
from zkroll.rollup.wallet import insecure_dev_wallet

CHAIN, COINBASE, INBOX = 1337, 0xC0FFEE, 0x1B0C
ETHER = 10**18


def alice(index: int = 0) -> int:
    """The address of a development wallet."""
    return insecure_dev_wallet(index).address


def signed(
    wallet: int = 0,
    *,
    to: int,
    value: int = 0,
    nonce: int = 0,
    gas_limit: int = 100_000,
    gas_price: int = 2,
    data: bytes = b"",
) -> SignedTransaction:
    """A transaction signed by a development wallet."""
    key = insecure_dev_wallet(wallet)
    return key.sign(Transaction(key.address, to, value, nonce, gas_limit, gas_price, data), CHAIN)


def batch(transactions: Sequence[SignedTransaction], accounts: Sequence[Account] | None = None) -> Batch:
    """A batch over the given accounts (by default two funded wallets)."""
    if accounts is None:
        accounts = [Account(alice(0), balance=ETHER), Account(alice(1), balance=ETHER)]
    return Batch(
        chain_id=CHAIN,
        batch_number=1,
        rollup_address=INBOX,
        timestamp=1_700_000_000,
        coinbase=COINBASE,
        pre_state=tuple(sorted(accounts, key=lambda account: account.address)),
        transactions=tuple(transactions),
    )
