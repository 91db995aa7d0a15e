"""Numbers that a native transaction is bound by, for execution, chips and their fills."""

from __future__ import annotations

from typing import Final

NATIVE_TYPE: Final = 1
HEAD_WORDS: Final = 3  # 32-byte words of the signed message before the calldata
LAST_PRECOMPILE: Final = 10  # Cancun
LARGEST_NONCE: Final = 2**64 - 1  # EIP-2681: never used
TRANSACTION_GAS: Final = 21000  # yellow paper, G_transaction; the gas limit of a published transfer
ZERO_BYTE_GAS: Final = 4  # yellow paper, G_txdatazero
NONZERO_BYTE_GAS: Final = 16  # EIP-2028
REFUND_QUOTIENT: Final = 5  # EIP-3529: at most a fifth of the gas used comes back
