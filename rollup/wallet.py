"""Keys of L2 accounts: a 32-byte secret, its BabyJubJub public key, its address, and signing."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from functools import lru_cache

from zkroll.algebra.eddsa import public_key, sign
from zkroll.errors import InputError
from zkroll.rollup.transaction import Point, Signature, SignedTransaction, Transaction, address_of

SECRET_BYTES = 32
INSECURE_SEED = b"zkroll insecure development wallet"


@dataclass(frozen=True, slots=True)
class Wallet:
    """One account's key; the secret never shows in its text form. Raises InputError unless it is 32 bytes."""

    secret: bytes = field(repr=False)
    public_key: Point = field(init=False)
    address: int = field(init=False)

    def __post_init__(self) -> None:
        if len(self.secret) != SECRET_BYTES:
            raise InputError(f"wallet: expected a secret of {SECRET_BYTES} bytes, got {len(self.secret)}")
        key = Point(*public_key(self.secret))
        object.__setattr__(self, "public_key", key)
        object.__setattr__(self, "address", address_of(key))

    def sign(self, transaction: Transaction, chain_id: int) -> SignedTransaction:
        """The transaction signed for one chain; raises InputError when its sender is another account."""
        if transaction.sender != self.address:
            raise InputError(f"wallet {self.address:#042x}: the sender is {transaction.sender:#042x}")
        r8, s = sign(self.secret, transaction.message(chain_id))
        return SignedTransaction(transaction, self.public_key, Signature(Point(*r8), s))


def new_wallet() -> Wallet:
    """A wallet of a fresh random secret."""
    return Wallet(secrets.token_bytes(SECRET_BYTES))


def wallet_from_environment(variable: str) -> Wallet:
    """The wallet whose secret stands in an environment variable as 64 hex digits."""
    text = os.environ.get(variable, "")
    digits = text.removeprefix("0x")
    if len(digits) != 2 * SECRET_BYTES or not digits.isascii() or not digits.isalnum():
        raise InputError(f"{variable}: expected a secret of 64 hex digits")
    try:
        return Wallet(bytes.fromhex(digits))
    except ValueError as error:
        raise InputError(f"{variable}: expected a secret of 64 hex digits") from error


@lru_cache(maxsize=256)
def insecure_dev_wallet(index: int) -> Wallet:
    """Development wallet number `index`: INSECURE, anyone can derive its secret from a public text."""
    from zkroll.algebra.keccak import keccak256

    if index < 0:
        raise InputError(f"development wallet: expected an index from 0, got {index}")
    return Wallet(keccak256(INSECURE_SEED + index.to_bytes(8, "big")))
