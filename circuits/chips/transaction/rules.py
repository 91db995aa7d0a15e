"""Numbers that a native transaction is bound by, for the chips and their fills."""

from __future__ import annotations

from typing import Final

NATIVE_TYPE: Final = 1
HEAD_WORDS: Final = 3  # 32-byte words of the signed message before the calldata
LAST_PRECOMPILE: Final = 10  # Cancun
LARGEST_NONCE: Final = 2**64 - 1  # EIP-2681: never used
TRANSACTION_GAS: Final = 21000  # yellow paper, G_transaction; the gas limit of a published transfer
