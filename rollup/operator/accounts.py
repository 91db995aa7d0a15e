"""Who acts: wallets and addresses on L2 by what a command line names, and their transactions.

``dev:3`` is the INSECURE development wallet 3, whose key anybody can derive; a wallet file holds a secret of 64
hex digits; ``0x`` and 40 digits is an address.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from zkroll.algebra.files import read_regular_file
from zkroll.algebra.keccak import keccak256
from zkroll.circuits.native_rules import LAST_PRECOMPILE, TRANSACTION_GAS
from zkroll.errors import InputError
from zkroll.rollup.bridge import requested_withdrawal, withdraw_ether_data, withdraw_token_data
from zkroll.rollup.l1 import parse_address
from zkroll.rollup.l1.exit_proofs import balance_place
from zkroll.rollup.operator.amounts import amount_text
from zkroll.rollup.operator.folder import BATCH_NUMBER, DataFolder
from zkroll.rollup.state.state import Field, Place, State
from zkroll.rollup.transaction import SignedTransaction, Transaction
from zkroll.rollup.wallet import Wallet, insecure_dev_wallet, new_wallet

DEVELOPMENT: Final = "dev:"
CALL_GAS: Final = 100_000
GAS_PRICE: Final = 10**9  # wei
TRANSFER: Final = keccak256(b"transfer(address,uint256)")[:4]
_LARGEST_WALLET: Final = 1 << 12  # bytes
_MOST_DEVELOPMENT: Final = 1 << 16


def load_wallet(name: str) -> Wallet:
    """The wallet that ``dev:N`` or a file of 64 hex digits names. Raises InputError for anything else."""
    if name.startswith(DEVELOPMENT):
        return insecure_dev_wallet(_index(name))
    if not name or (_looks_like_address(name) and not Path(name).exists()):
        raise InputError(f"wallet: expected dev:N or a file with a secret, got {name!r:.90}")
    text = read_regular_file(name, _LARGEST_WALLET).decode("ascii", "replace").strip().removeprefix("0x")
    try:
        secret = bytes.fromhex(text) if len(text) == 64 and text.isalnum() else b""
    except ValueError:
        secret = b""
    if not secret:
        raise InputError(f"{name}: expected a secret of 64 hex digits, or dev:N for a development wallet")
    return Wallet(secret)


def make_wallet(path: str) -> Wallet:
    """A wallet of a fresh secret, kept in a new file that only its owner ever could read.

    Raises InputError where something is at the path already, or nothing can be written there.
    """
    wallet = new_wallet()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(wallet.secret.hex().encode() + b"\n")
                file.flush()
                os.fsync(handle)
        except BaseException:
            os.unlink(path)
            raise
    except FileExistsError:
        raise InputError(f"{path}: expected no file there, a key would be lost") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from error
    return wallet


def parse_account(name: str) -> int:
    """The L2 address that ``dev:N``, an address or a wallet file names."""
    return parse_address(name) if _looks_like_address(name) else load_wallet(name).address


def token_transfer(to: int, amount: int) -> bytes:
    """Calldata of ERC-20's transfer."""
    return TRANSFER + to.to_bytes(32, "big") + amount.to_bytes(32, "big")


def withdrawal_call(token: int, recipient: int, amount: int) -> tuple[int, bytes]:
    """Value and calldata of a transaction to the bridge that withdraws ``amount`` of a token, 0 being ether.

    Raises InputError for the zero address as recipient, which nobody could be paid at.
    """
    if not recipient:
        raise InputError("withdrawal: recipient: expected an address on L1 other than zero")
    if not token:
        return amount, withdraw_ether_data(recipient)
    return 0, withdraw_token_data(recipient, token, amount)


def next_nonce(folder: DataFolder, state: State, sender: int) -> int:
    """The nonce of the sender's next transaction, behind those that are pending."""
    waiting = [
        signed.transaction.nonce for _, signed in folder.pending() if signed.transaction.sender == sender
    ]
    return max([state.word(Place(sender, Field.NONCE)), *(nonce + 1 for nonce in waiting)])


def balances(folder: DataFolder, account: int) -> dict[str, object]:
    """The batch after which the folder's state is, and the account's nonce, ether and tokens in it."""
    tokens = {"ether": 0, **{pair.name: int(pair.l2, 16) for pair in folder.deployment().tokens}}
    state = folder.open_state()
    try:
        held = {
            name: amount_text(state.word(balance_place(account, token))) for name, token in tokens.items()
        }
        nonce = state.word(Place(account, Field.NONCE))
        return {"after_batch": state.meta_number(BATCH_NUMBER, 0), "nonce": nonce, **held}
    finally:
        state.store.close()


def sign_transaction(
    folder: DataFolder,
    wallet: Wallet,
    to: int,
    value: int = 0,
    data: bytes = b"",
    *,
    gas_limit: int | None = None,
    gas_price: int = GAS_PRICE,
    nonce: int | None = None,
) -> SignedTransaction:
    """A transaction with the sender's next nonce, signed for the rollup of the folder.

    The gas limit is 21,000 for a plain transfer, else ``CALL_GAS`` and what the calldata costs, unless given.
    """
    chain_id = folder.deployment().chain_id
    if nonce is None:
        state = folder.open_state()
        try:
            nonce = next_nonce(folder, state, wallet.address)
        finally:
            state.store.close()
    limit = gas_limit
    if limit is None:
        limit = TRANSACTION_GAS if not data else CALL_GAS + 16 * len(data)
    return wallet.sign(Transaction(wallet.address, to, value, nonce, limit, gas_price, data), chain_id)


def add_transaction(
    folder: DataFolder, wallet: Wallet, to: int, value: int = 0, data: bytes = b"", **options: Any
) -> tuple[SignedTransaction, Path]:
    """Sign a transaction as ``sign_transaction`` does and keep it for the next batch.

    Two processes that do so at once do not take the same nonce: the second waits. Raises InputError for a transaction
    that no batch can have, whatever the state is.
    """
    if to <= LAST_PRECOMPILE:
        raise InputError(f"transaction: to: expected neither zero nor a precompile, got {to:#042x}")
    with folder.pending_lock():
        signed = sign_transaction(folder, wallet, to, value, data, **options)
        requested_withdrawal(signed.transaction)
        return signed, folder.add_pending(signed)


def _looks_like_address(name: str) -> bool:
    return name[:2] in ("0x", "0X")


def _index(name: str) -> int:
    digits = name.removeprefix(DEVELOPMENT)
    if not digits.isdigit() or not digits.isascii() or len(digits) > 6 or int(digits) >= _MOST_DEVELOPMENT:
        raise InputError(f"wallet: expected dev:0 to dev:{_MOST_DEVELOPMENT - 1}, got {name!r:.60}")
    return int(digits)
