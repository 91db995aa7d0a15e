"""Buses between the chips of the statement, the batch data and the transactions."""

from __future__ import annotations

from typing import Final

from zkroll.circuits.air.chip import Bus

#: what begins a transaction in the data; ``start`` is the message's fold over its three head words
TX_HEAD: Final = Bus("tx_head", 74, ("tx", "ctx", "start", "length", "gas_limit", "from_index", "to_index"))
#: part 1: value, gas price; 2: message, nonzero bytes of calldata
TX_PART: Final = Bus("tx_part", 75, ("tx", "part", "a", "b"))
#: what all transactions of the batch share; once per transaction
BLOCK: Final = Bus("block", 76, ("chain_id", "number", "timestamp", "coinbase_hi", "coinbase_lo"))
#: part 0: timestamp, transactions, coinbase halves (the header); part 1: units, transactions, 0, 0
FRAME: Final = Bus("frame", 77, ("part", "a", "b", "c", "d"))

PART_AMOUNTS: Final = 1
PART_MESSAGE: Final = 2
FRAME_HEADER: Final = 0
FRAME_END: Final = 1
