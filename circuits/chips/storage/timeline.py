"""What every storage operation finds in its slot, computed for the fills from the requests on STORAGE."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zkroll.circuits.air.witness import FillContext, Requests
from zkroll.circuits.buses import FIELD_STORAGE, STORAGE
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
    requests = ctx.requests(STORAGE)
    rows = len(requests)
    if not rows:
        return None
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
    cells = _chain(
        ctx,
        Cells(
            ctx=context[head],
            end=span.end[tx],
            success=span.success[tx],
            address=address,
            slot=slot[head],
            original=np.zeros_like(new[last]),
            final=new[last],
            last=clk[last],
            before=np.zeros_like(context[head]),
        ),
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
    return operations, cells


def _chain(ctx: FillContext, cells: Cells) -> Cells:
    """The cells with their original words and the times of the accesses before them."""
    last, order = previous([cells.address, cells.slot], cells.ctx)
    rows = order.shape[0]
    place = np.arange(rows)
    start = np.maximum.accumulate(np.where(last[order] < 0, place, 0))
    # the word left by the latest successful transaction before, else the one from before the batch
    success = np.maximum.accumulate(np.where(cells.success[order] == 1, place, -1))
    writer = np.concatenate([[-1], success[:-1]])
    written = writer >= start
    original = np.empty_like(cells.final)
    original[order] = np.where(
        written[:, None], cells.final[order][writer], _words_before(ctx, cells.address, cells.slot)[order]
    )
    before = np.where(last < 0, 0, 8 * cells.end[last] + END_STORAGE)
    return Cells(
        cells.ctx,
        cells.end,
        cells.success,
        cells.address,
        cells.slot,
        original,
        cells.final,
        cells.last,
        before,
    )


def _words_before(ctx: FillContext, address: U64, slot: U64) -> U64:
    """The words of slots before the batch."""
    leaves = [leaf for leaf in ctx.source.leaves if leaf.field == FIELD_STORAGE]
    places = row_keys(limbs_of(leaf.address for leaf in leaves), limbs_of(leaf.slot for leaf in leaves))
    distinct, index = np.unique(np.concatenate([places, row_keys(address, slot)]), return_inverse=True)
    words = np.zeros((distinct.shape[0], 4), dtype=np.uint64)
    words[index[: len(leaves)]] = limbs_of(leaf.old_word for leaf in leaves)
    return words[index[len(leaves) :]]
