"""What every storage operation finds in its slot, computed for the fills from the requests on STORAGE."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zkroll.circuits.air.witness import FillContext, Requests
from zkroll.circuits.buses import FIELD_STORAGE, STORAGE
from zkroll.circuits.chips.bridge.places import Writes, opening, withdrawal_writes
from zkroll.circuits.chips.limbs import I64, U64, limbs_of, previous, row_keys
from zkroll.circuits.chips.transaction.access import END_STORAGE, spans
from zkroll.errors import ProvingError


@dataclass(frozen=True)
class Operations:
    """One row per request. ``before`` is the clock of the operation before in the cell, or the ctx."""

    requests: Requests
    ctx: I64
    clk: I64
    before: I64
    warm: U64
    address: U64
    original: U64
    current: U64
    new: U64


@dataclass(frozen=True)
class Cells:
    """One row per slot and context, in the order of context and slot."""

    ctx: I64
    end: I64
    success: U64
    address: U64
    slot: U64
    original: U64
    final: U64
    last: I64  # clock of the last operation
    before: I64  # time of the access before on the STATE bus


def timeline(ctx: FillContext) -> tuple[Operations, Cells] | None:
    """All operations and cells; None where storage is not used."""
    if not len(ctx.requests(STORAGE)):
        return None
    operations, cells, _ = histories(ctx)
    return operations, cells


def histories(ctx: FillContext) -> tuple[Operations, Cells, I64]:
    """All operations and cells, and the times of the accesses before those of ``withdrawal_writes``."""
    requests = ctx.requests(STORAGE)
    context, clk = requests.small("ctx").astype(np.int64), requests.small("clk").astype(np.int64)
    slot, new = requests.word("slot_hi", "slot_lo"), requests.word("value_hi", "value_lo")
    before, order = previous([context, slot], clk)
    _, head, cell = np.unique(row_keys(context, slot), return_index=True, return_inverse=True)
    last = np.empty(head.shape[0], dtype=np.int64)
    last[cell[order]] = order  # the latest of each cell is written last

    span = spans(ctx)
    known = np.isin(context[head], span.begin)
    if not known.all():
        raise ProvingError("chip storage: a context is named that no transaction opened")
    tx = np.searchsorted(span.begin, context[head])
    address = limbs_of(t.to for t in ctx.source.transactions)[tx]
    end, success = span.end[tx], span.success[tx]
    writes = Writes(address, slot[head], 8 * end + END_STORAGE, success, new[last])
    withdrawals = withdrawal_writes(ctx.source, span.begin)
    original, time_before = _chain(ctx, writes.joined(withdrawals))
    count = head.shape[0]
    cells = Cells(
        ctx=context[head],
        end=end,
        success=success,
        address=address,
        slot=slot[head],
        original=original[:count],
        final=new[last],
        last=clk[last],
        before=time_before[:count],
    )
    first = before < 0
    operations = Operations(
        requests=requests,
        ctx=context,
        clk=clk,
        before=np.where(first, context, clk[before]),
        warm=1 - first.astype(np.uint64),
        address=address[cell],
        original=cells.original[cell],
        current=np.where(first[:, None], cells.original[cell], new[before]),
        new=new,
    )
    return operations, cells, time_before[count:]


def _chain(ctx: FillContext, writes: Writes) -> tuple[U64, I64]:
    """The words that the writes find and the times of the accesses before them."""
    last, order = previous([writes.address, writes.slot], writes.time)
    place = np.arange(order.shape[0])
    start = np.maximum.accumulate(np.where(last[order] < 0, place, 0))
    # the word left by the latest successful write before, else the one from before the transactions
    success = np.maximum.accumulate(np.where(writes.success[order] == 1, place, -1))
    writer = np.concatenate([[-1], success[:-1]]).astype(np.int64)[: order.shape[0]]
    written = writer >= start
    times, words = _opening(ctx, writes.address, writes.slot)
    original = np.empty_like(writes.final)
    original[order] = np.where(written[:, None], writes.final[order][writer], words[order])
    return original, np.where(last < 0, times, writes.time[last])


def _opening(ctx: FillContext, address: U64, slot: U64) -> tuple[I64, U64]:
    """What the transactions find in slots: the time of the last access before them, and the word."""
    leaves = [leaf for leaf in ctx.source.leaves if leaf.field == FIELD_STORAGE]
    known = opening(ctx.source)
    found = [known.get((leaf.address, FIELD_STORAGE, leaf.slot), (0, leaf.old_word)) for leaf in leaves]
    places = row_keys(limbs_of(leaf.address for leaf in leaves), limbs_of(leaf.slot for leaf in leaves))
    distinct, index = np.unique(np.concatenate([places, row_keys(address, slot)]), return_inverse=True)
    times, words = np.zeros(distinct.shape[0], np.int64), np.zeros((distinct.shape[0], 4), np.uint64)
    times[index[: len(leaves)]] = [time for time, _ in found]
    words[index[: len(leaves)]] = limbs_of(word for _, word in found)
    asked = index[len(leaves) :]
    return times[asked], words[asked]
