"""Chip ``selfbalance``: what SELFBALANCE pushes, one row per step.

Columns
    active, ctx, clk     the step and its context
    address, end, success  whose context it is, and its end (from ``transaction``)
    balance              the balance of that account at the step; always below 2^128
    balance_before, balance_wait[3]  the access before

Constraints
    1. "active is a bit"; "balance: time goes up"; "padding has … 0"
Interactions
    2. receives SELFBALANCE (ctx, clk, 0, balance)
    3. TX_SPAN for the context's address
    4. reads STATE at 8 clk + 4; limbs of the wait are in the 16-bit table

A balance on the STATE bus has high half 0 and a low half that was checked when it was written, so the pushed
halves are below 2^128. Padding rows are zero.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zkroll.circuits.air.chip import AirBuilder, Chip, Word
from zkroll.circuits.air.expr import lift
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import FIELD_BALANCE, SELFBALANCE, TX_SPAN
from zkroll.circuits.chips.limbs import limbs_of
from zkroll.circuits.chips.transaction.access import RUN_BALANCE, access, access_columns, schedule, spans
from zkroll.circuits.chips.transaction.amounts import amounts


class SelfbalanceChip(Chip):
    """Balance of the running account."""

    name = "selfbalance"
    context_columns = ("ctx", "clk")

    def define(self, b: AirBuilder) -> None:
        active, ctx, clk = b.bit("active"), b.column("ctx"), b.column("clk")
        address, end, success = b.column("address"), b.column("end"), b.column("success")
        balance = Word(lift(0), b.column("balance"))
        b.receive("answers a step", SELFBALANCE, (ctx, clk, 0, balance.lo), active)
        b.send("span of the context", TX_SPAN, (ctx, address, end, success), active)
        place = (address, FIELD_BALANCE, 0, 0)
        time = clk * 8 + RUN_BALANCE
        access(b, "balance", place, time=time, old=balance, new=balance, when=active)
        b.zero_in_padding(active)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        requests = ctx.requests(SELFBALANCE)
        if not len(requests):
            return None
        span = spans(ctx)
        read = schedule(ctx, span, amounts(ctx, span))["balance"]
        tx = np.searchsorted(span.begin, requests.small("clk").astype(np.int64), side="right") - 1
        return {
            "active": np.ones(len(requests), dtype=np.uint8),
            "ctx": requests.small("ctx"),
            "clk": requests.small("clk"),
            "address": limbs_of(t.to for t in ctx.source.transactions)[tx],
            "end": span.end[tx],
            "success": span.success[tx],
            "balance": read.word,
            **access_columns("balance", read.time, read.before),
        }
