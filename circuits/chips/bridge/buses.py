"""Buses of the bridge: the queue of L1 messages, the withdrawals and their tree."""

from __future__ import annotations

from typing import Final

from zkroll.circuits.air.chip import Bus

#: memory bus: the queue when message ``index`` of the batch is next, after so many exits
QUEUE: Final = Bus("queue", 100, ("index", "exits", "hash_hi", "hash_lo"))
#: a transaction to BRIDGE_ADDRESS; once each
BRIDGE_CALL: Final = Bus("bridge_call", 101, ("ctx", "from_hi", "from_lo", "value", "length"))
#: leaf number ``position`` of the batch's withdrawals; once each
WITHDRAWAL: Final = Bus(
    "withdrawal",
    102,
    ("position", "token_hi", "token_lo", "recipient_hi", "recipient_lo", "amount"),
)
#: memory bus: withdrawals counted so far, and the ctx of the last one by a transaction
WITHDRAWAL_COUNT: Final = Bus("withdrawal_count", 103, ("count", "ctx"))
#: a node of the tree of withdrawals, leaves having level 0: put once, taken once by its parent or as the root
WITHDRAWAL_NODE: Final = Bus("withdrawal_node", 104, ("level", "position", "hash_hi", "hash_lo"))

#: the deepest tree of withdrawals, as L1 takes it
MAX_LEVEL: Final = 32
