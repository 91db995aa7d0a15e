"""Keys that pay for L1 transactions: a public one for embedded chains, the user's own for an endpoint.

A key never comes from the command line, where every process of the machine can read it.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from zkroll.algebra.files import read_regular_file
from zkroll.errors import InputError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

KEY_VARIABLE = "ZKROLL_L1_KEY"
PASSWORD_VARIABLE = "ZKROLL_L1_PASSWORD"  # noqa: S105 - the variable's name
LARGEST_KEY_FILE = 1 << 16  # bytes

INSECURE_DEVELOPMENT_SEED = b"zkroll insecure development deployer, public on purpose"
INSECURE_ACCOUNT_SEED = b"zkroll insecure development account, public on purpose"


def insecure_development_deployer() -> LocalAccount:
    """The account that owns all ether of every embedded chain. Its key is public: never fund it elsewhere."""
    from Crypto.Hash import keccak
    from eth_account import Account

    account: LocalAccount = Account.from_key(
        keccak.new(digest_bits=256, data=INSECURE_DEVELOPMENT_SEED).digest()
    )
    return account


def insecure_development_account(index: int) -> LocalAccount:
    """One of the accounts that ``zkroll l1 start`` gives ether on an embedded chain. Its key is public.

    Raises InputError for a negative index.
    """
    from Crypto.Hash import keccak
    from eth_account import Account

    if index < 0:
        raise InputError(f"L1 account: expected an index from 0, got {index}")
    seed = INSECURE_ACCOUNT_SEED + index.to_bytes(8, "big")
    account: LocalAccount = Account.from_key(keccak.new(digest_bits=256, data=seed).digest())
    return account


def load_key(key_file: str | os.PathLike[str] | None = None) -> LocalAccount:
    """The user's account: from a key file if one is named, else from the variable ZKROLL_L1_KEY.

    A key file holds 32 bytes in hexadecimal, or an encrypted keystore (version 3) whose password is in
    ZKROLL_L1_PASSWORD. Raises InputError, which never shows the key.
    """
    if key_file is None:
        text = os.environ.get(KEY_VARIABLE, "")
        if not text:
            raise InputError(f"L1 key: expected one in the variable {KEY_VARIABLE} or in a key file")
        return _from_hex(text, KEY_VARIABLE)
    place = os.fspath(key_file)
    try:
        text = read_regular_file(key_file, LARGEST_KEY_FILE).decode("ascii")
    except UnicodeDecodeError as error:
        raise InputError(f"{place}: expected a key in hexadecimal or a JSON keystore") from error
    return _from_keystore(text, place) if text.lstrip().startswith("{") else _from_hex(text, place)


def _from_hex(text: str, place: str) -> LocalAccount:
    from eth_account import Account
    from eth_utils.exceptions import ValidationError

    digits = text.strip().removeprefix("0x")
    try:
        if len(digits) != 64 or not digits.isalnum():
            raise InputError(f"{place}: expected a private key of 32 bytes in hexadecimal")
        account: LocalAccount = Account.from_key(bytes.fromhex(digits))
    except (ValueError, ValidationError) as error:
        raise InputError(f"{place}: expected a private key of the curve secp256k1 in hexadecimal") from error
    return account


def _from_keystore(text: str, place: str) -> LocalAccount:
    from eth_account import Account

    password = os.environ.get(PASSWORD_VARIABLE)
    if password is None:
        raise InputError(f"{place}: expected the keystore's password in the variable {PASSWORD_VARIABLE}")
    try:
        account: LocalAccount = Account.from_key(Account.decrypt(json.loads(text), password))
    except (ValueError, KeyError, TypeError, NotImplementedError, RecursionError) as error:
        raise InputError(f"{place}: expected a keystore of version 3 and its password: {error}") from error
    return account
