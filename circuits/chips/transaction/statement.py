"""Chip ``statement``: ties the public values to the batch's data and to its transactions; one row.

Columns
    active
    batch_number, chain_id, rollup_address, timestamp, hash_hi, hash_lo   the public values of these names
    units, transactions   16-byte units of the data, transactions in it
    coinbase_hi, coinbase_lo   high 32 and low 128 bits of the coinbase
    queue_before, queue_after   hashes of the queue of L1 messages
    messages, exits      L1 messages of the batch, exits among them
    withdrawals, last_ctx   withdrawals with those of transactions; the ctx of the last of these, or 0
    some, level, root    whether there are withdrawals; depth and root of their tree, 0 without any

Constraints
    1. "active is a bit", "some is a bit"; "no unused root"; "padding has … 0"
Interactions, all ``active`` times but for 5. and 8.
    2. receives PUBLIC of each value but the state's roots (those go to ``state_leaf``)
    3. KECCAK: the hash of the 16 ``units`` bytes of the data is the public one
    4. FRAME: the header holds timestamp, transactions and coinbase; the data ends after that many units and
       transactions
    5. receives BLOCK once per transaction
    6. QUEUE: puts (0, 0, queue_before), takes (messages, exits, queue_after)
    7. WITHDRAWAL_COUNT: puts (exits, 0), takes (withdrawals, last_ctx)
    8. ``some`` times takes WITHDRAWAL_NODE (level, 0, root); level and 32 - level have 16 bits

The verifier puts each public value on the bus once, so exactly one row is active, and by 4. there is exactly
one stretch of data. By 6. the messages are a chain between the two hashes, by 7. the withdrawals of transactions
are numbered after the exits. With ``some`` = 0 nobody takes the top of a tree, and with 1 there must be one: so it
says whether there are withdrawals. The public values themselves are checked where they are made: the contract posts a chain
id and a batch number below 2^64, which NUMBER and CHAINID push as words.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.gadgets import range16
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import KECCAK, PUBLIC, PUBLIC_VALUES, SPACE_DATA
from zkroll.circuits.chips.bridge.accounts import unused
from zkroll.circuits.chips.bridge.buses import MAX_LEVEL, QUEUE, WITHDRAWAL_COUNT, WITHDRAWAL_NODE
from zkroll.circuits.chips.limbs import limbs_of
from zkroll.circuits.chips.transaction.access import spans
from zkroll.circuits.chips.transaction.buses import BLOCK, FRAME, FRAME_END, FRAME_HEADER
from zkroll.circuits.source import EXIT


class StatementChip(Chip):
    """The public statement."""

    name = "statement"

    def define(self, b: AirBuilder) -> None:
        active = b.bit("active")
        number, chain_id = b.column("batch_number"), b.column("chain_id")
        rollup, timestamp = b.column("rollup_address"), b.column("timestamp")
        hash_hi, hash_lo = b.column("hash_hi"), b.column("hash_lo")
        units, transactions = b.column("units"), b.column("transactions")
        coinbase = b.column("coinbase_hi"), b.column("coinbase_lo")
        before, after = b.word("queue_before"), b.word("queue_after")
        messages, exits = b.column("messages"), b.column("exits")
        withdrawals, last_ctx = b.column("withdrawals"), b.column("last_ctx")
        some, level, root = b.bit("some"), b.column("level"), b.word("root")

        for name, value in {
            "batch_number": number,
            "chain_id": chain_id,
            "rollup_address": rollup,
            "timestamp": timestamp,
            "data_hash_hi": hash_hi,
            "data_hash_lo": hash_lo,
            "queue_before_hi": before.hi,
            "queue_before_lo": before.lo,
            "queue_after_hi": after.hi,
            "queue_after_lo": after.lo,
            "withdrawals_hi": root.hi,
            "withdrawals_lo": root.lo,
        }.items():
            b.receive(f"public {name}", PUBLIC, (PUBLIC_VALUES.index(name), value), active)
        b.send("hash of the data", KECCAK, (SPACE_DATA, 0, 0, 0, 0, units * 16, hash_hi, hash_lo), active)
        b.send("header of the data", FRAME, (FRAME_HEADER, timestamp, transactions, *coinbase), active)
        b.send("end of the data", FRAME, (FRAME_END, units, transactions, 0, 0), active)
        b.receive("block", BLOCK, (chain_id, number, timestamp, *coinbase), active * transactions)
        b.send("queue before", QUEUE, (0, 0, before.hi, before.lo), active)
        b.receive("queue after", QUEUE, (messages, exits, after.hi, after.lo), active)
        b.send("withdrawals of exits", WITHDRAWAL_COUNT, (exits, 0), active)
        b.receive("withdrawals of transactions", WITHDRAWAL_COUNT, (withdrawals, last_ctx), active)
        b.receive("root of the withdrawals", WITHDRAWAL_NODE, (level, 0, root.hi, root.lo), some)
        range16(b, "level", level, active)
        range16(b, "room above the level", active * MAX_LEVEL - level, active)
        unused(b, "root", some, level, root.hi, root.lo)
        b.zero_in_padding(active)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        source = ctx.source
        leaves = len(source.leaves_withdrawn())
        values = {
            "active": 1,
            "batch_number": source.batch_number,
            "chain_id": source.chain_id,
            "rollup_address": source.rollup_address,
            "timestamp": source.timestamp,
            "hash_hi": source.data_hash >> 128,
            "hash_lo": source.data_hash % 2**128,
            "units": len(source.data) // 16,
            "transactions": len(source.transactions),
            "coinbase_hi": source.coinbase >> 128,
            "coinbase_lo": source.coinbase % 2**128,
            "queue_before": source.queue_before,
            "queue_after": source.queue_after,
            "messages": len(source.messages),
            "exits": sum(message.kind == EXIT for message in source.messages),
            "withdrawals": leaves,
            "last_ctx": int(spans(ctx).begin[source.withdrawals[-1].transaction])
            if source.withdrawals
            else 0,
            "some": int(leaves > 0),
            "level": max(leaves - 1, 0).bit_length(),
            "root": source.withdrawals_root,
        }
        return {name: np.ascontiguousarray(limbs_of([value])) for name, value in values.items()}
