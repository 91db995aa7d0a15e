"""The development chain: INSECURE wallets that anyone can derive, and the example token.

The example batch and `zkroll l1 deploy` start from this genesis. The token's code is the runtime bytecode of
examples/erc20, whose storage has the total supply in slot 0 and the balance of an owner in slot
keccak256(owner, 1), both as 32-byte words.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from zkroll.algebra.keccak import keccak256
from zkroll.errors import InputError
from zkroll.rollup.genesis import Account, build_state
from zkroll.rollup.wallet import insecure_dev_wallet

DEVELOPMENT_CHAIN_ID = 271828
WALLETS = 16
WALLET_BALANCE = 1000 * 10**18  # wei
WALLET_TOKENS = 1_000_000 * 10**18
TOKEN_ADDRESS = int.from_bytes(keccak256(b"zkroll development token")[12:], "big")

_BALANCES_SLOT = 1


@lru_cache(maxsize=1)
def development_genesis() -> tuple[Account, ...]:
    """The accounts of the development genesis, sorted by address: wallets 0 to 15 and the token."""
    owners = [insecure_dev_wallet(index).address for index in range(WALLETS)]
    storage = {0: WALLETS * WALLET_TOKENS}
    storage |= {token_balance_slot(owner): WALLET_TOKENS for owner in owners}
    token = Account(TOKEN_ADDRESS, code=token_code(), storage=storage)
    accounts = [token, *[Account(owner, balance=WALLET_BALANCE) for owner in owners]]
    return tuple(sorted(accounts, key=lambda account: account.address))


@lru_cache(maxsize=1)
def development_genesis_root() -> int:
    """The state root of the development genesis."""
    return build_state(development_genesis()).root


@lru_cache(maxsize=1)
def bridge_genesis() -> tuple[Account, ...]:
    """The genesis of a rollup that holds money: the token's code and nothing else; all money comes from L1."""
    return (Account(TOKEN_ADDRESS, code=token_code()),)


def token_balance_slot(owner: int) -> int:
    """The storage slot of an owner's balance in the example token."""
    if not 0 <= owner < 1 << 160:
        raise InputError(f"token: expected a 160-bit address, got {owner:#x}")
    return int.from_bytes(keccak256(owner.to_bytes(32, "big") + _BALANCES_SLOT.to_bytes(32, "big")), "big")


def token_code() -> bytes:
    """The example token's runtime bytecode."""
    return bytes.fromhex((files("zkroll.rollup") / "data" / "token_runtime.hex").read_text().strip())
