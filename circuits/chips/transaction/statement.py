"""Chip ``statement``: ties the public values to the batch's data and to its transactions; one row.

Columns
    active
    batch_number, chain_id, rollup_address, timestamp, hash_hi, hash_lo   the public values of these names
    units, transactions   16-byte units of the data, transactions in it
    coinbase_hi, coinbase_lo   high 32 and low 128 bits of the coinbase

Constraint
    1. "active is a bit"; "padding has … 0"
Interactions, all ``active`` times but for 5.
    2. receives PUBLIC of each value but the roots (those go to ``state_leaf``); the queue and
       withdrawal hashes are 0
    3. KECCAK: the hash of the 16 ``units`` bytes of the data is the public one
    4. FRAME: the header holds timestamp, transactions and coinbase; the data ends after that many units and
       transactions
    5. receives BLOCK once per transaction

The verifier puts each public value on the bus once, so exactly one row is active, and by 4. there is exactly
one stretch of data. The public values themselves are checked where they are made: the contract posts a chain
id and a batch number below 2^64, which NUMBER and CHAINID push as words.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.expr import lift
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import KECCAK, PUBLIC, PUBLIC_VALUES, SPACE_DATA
from zkroll.circuits.chips.limbs import limbs_of
from zkroll.circuits.chips.transaction.buses import BLOCK, FRAME, FRAME_END, FRAME_HEADER


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

        for name, value in {
            "batch_number": number,
            "chain_id": chain_id,
            "rollup_address": rollup,
            "timestamp": timestamp,
            "data_hash_hi": hash_hi,
            "data_hash_lo": hash_lo,
            "queue_before_hi": lift(0),
            "queue_before_lo": lift(0),
            "queue_after_hi": lift(0),
            "queue_after_lo": lift(0),
            "withdrawals_hi": lift(0),
            "withdrawals_lo": lift(0),
        }.items():
            b.receive(f"public {name}", PUBLIC, (PUBLIC_VALUES.index(name), value), active)
        b.send("hash of the data", KECCAK, (SPACE_DATA, 0, 0, 0, 0, units * 16, hash_hi, hash_lo), active)
        b.send("header of the data", FRAME, (FRAME_HEADER, timestamp, transactions, *coinbase), active)
        b.send("end of the data", FRAME, (FRAME_END, units, transactions, 0, 0), active)
        b.receive("block", BLOCK, (chain_id, number, timestamp, *coinbase), active * transactions)
        b.zero_in_padding(active)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        source = ctx.source
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
        }
        return {name: np.ascontiguousarray(limbs_of([value])) for name, value in values.items()}
