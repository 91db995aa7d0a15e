"""Buses between the chips of the statement, the batch data and the transactions."""

from __future__ import annotations

from typing import Final

from zkroll.circuits.air.chip import Bus

#: what the first word of a transaction says; ``start`` is the message fold's start, the chain id
TX_HEAD: Final = Bus(
    "tx_head",
    74,
    ("tx", "ctx", "start", "length", "gas_limit", "nonce", "from_hi", "to_hi", "gas_price"),
)
#: part 1: low halves of sender and recipient; 2: value, 0; 3: message, nonzero bytes of calldata
TX_PART: Final = Bus("tx_part", 75, ("tx", "part", "a", "b"))
#: what all transactions of the batch share; once per transaction
BLOCK: Final = Bus("block", 76, ("chain_id", "number", "timestamp", "coinbase_hi", "coinbase_lo"))
#: part 0: timestamp, transactions, coinbase halves (the header word); part 1: words, transactions, 0, 0
FRAME: Final = Bus("frame", 77, ("part", "a", "b", "c", "d"))

PART_ADDRESSES: Final = 1
PART_VALUE: Final = 2
PART_MESSAGE: Final = 3
FRAME_HEADER: Final = 0
FRAME_END: Final = 1
