"""CALLDATACOPY and CODECOPY: windows of the source become stores of 32 bytes.

``copy`` has a row per 32 bytes and one for the rest (0 to 31 bytes). Columns:
  active, first, last    bits: used rows; where a copy begins; its last row, the rest
  space, id, ctx, clk    the source; whose memory; clk + i in the i-th row
  dst_hi, dst, src_hi, src, left   byte offsets, and the bytes still to copy
  limbs[8], near, far    in first rows: limbs of src, whether the source begins below 2^32; far = not near
  value                  the 32 bytes of this row (not in the last)
  even                   in the last row: nothing is left (with its inverse)
Constraints:
  1. flags are bits; first and last only where active; a row that is not last is continued by one that is not
     first; the first row, where active, begins a copy
  2. space, id, ctx, far stay within a copy; clk grows by 1, dst and src by 32, left falls by 32
  3. in first rows limbs compose src, and far = 1 - near; limbs are in 16 bits; far values are 0
  4. last: left is below 32; even says whether it is 0
A row that is not last reads WINDOW (space, id, 0, src) unless far, and does an MSTORE of it at (clk, dst). A
last row that is not even hands its bytes to COPY_TAIL.

``copy_tail`` has a row per such rest. Columns: active; space, id, far, src, ctx, clk, dst; cut[31], one-hot:
how many bytes; source[32], old[32]: the window of the source, and the memory at dst at time clk.
  5. cut is one-hot; bytes are bytes; far only where active, and far sources are zero
It reads both windows and does an MSTORE at (clk + 1, dst) of the first bytes of source and the rest of old.

Sound because left is an integer by its last value and the number of rows, so the rows are exactly those of
the length. Callers give offsets as words, and dst < 2^32 and length < 2^32 wherever length > 0. A far source
is beyond the end of calldata and code, both shorter than 2^32. The clocks used are clk to clk + the words of
the length, which the caller leaves free.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from zkroll.circuits.air.chip import AirBuilder, Bus, Chip
from zkroll.circuits.air.expr import Expr, total, weighted
from zkroll.circuits.air.gadgets import is_zero, limbs16, range16
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import COPY, MEMORY_OP, SPACE_MEMORY, WINDOW
from zkroll.circuits.chips.calldataload import fill_near
from zkroll.circuits.chips.limbs import inverse
from zkroll.circuits.chips.memory.byte_strings import ByteString, byte_columns, chosen, one_hot
from zkroll.circuits.chips.memory.replay import MSTORE, Accesses, bytes_word, operations
from zkroll.circuits.chips.window import ReadOnly

U64 = NDArray[np.uint64]

COPY_TAIL: Final = Bus("copy_tail", 65, ("space", "id", "far", "src", "ctx", "clk", "dst", "bytes"))


class Copy(Chip):
    """Serves COPY."""

    name: ClassVar[str] = "copy"
    context_columns: ClassVar[tuple[str, ...]] = ("ctx", "clk", "dst", "src", "left")

    def define(self, b: AirBuilder) -> None:
        active, first, last = b.bit("active"), b.bit("first"), b.bit("last")
        space, id_, ctx, clk = (b.column(name) for name in ("space", "id", "ctx", "clk"))
        dst_hi, dst, src_hi, src = (b.column(name) for name in ("dst_hi", "dst", "src_hi", "src"))
        left, far, limbs, value = b.column("left"), b.bit("far"), b.columns("limbs", 8), b.word("value")
        b.constrain("first only where active", first * (1 - active))
        b.constrain("last only where active", last * (1 - active))
        b.first("the first row begins a copy or is padding", active - first)
        b.constrain("copies run through", active.next - first.next - active + last)
        goes_on = active - last
        for name, column in (("space", space), ("id", id_), ("ctx", ctx), ("far", far)):
            b.constrain(f"{name} stays", goes_on * (column.next - column))
        for name, column, step in (("clk", clk, 1), ("dst", dst, 32), ("src", src, 32), ("left", left, -32)):
            b.constrain(f"{name} moves on", goes_on * (column.next - column - step))

        near = is_zero(b, "near", src_hi + total(limbs[2:]), first)
        b.constrain("limbs compose src", first * (src - weighted(limbs, 2**16)))
        b.constrain("far is not near", first * (far + near - 1))
        b.constrain("far values are zero, high half", far * value.hi)
        b.constrain("far values are zero, low half", far * value.lo)
        for i, limb in enumerate(limbs):
            range16(b, f"limbs[{i}]", limb, first)
        even = is_zero(b, "even", left, last)
        range16(b, "left", left, last)
        range16(b, "left * 2^11", left * 2**11, last)

        b.receive("copy", COPY, (space, id_, ctx, clk, dst_hi, dst, src_hi, src, left), first)
        b.send("source", WINDOW, (space, id_, 0, src, value.hi, value.lo), goes_on * (1 - far))
        b.send("store", MEMORY_OP, (MSTORE, ctx, clk, dst, value.hi, value.lo), goes_on)
        b.send("rest", COPY_TAIL, (space, id_, far, src, ctx, clk, dst, left), last - even)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        asked = ctx.requests(COPY)
        if not len(asked):
            return None
        length = asked.small("length").astype(np.int64)
        rows = length // 32 + 1
        start = np.cumsum(rows) - rows
        of = np.repeat(np.arange(len(asked)), rows)
        step = np.arange(int(rows.sum())) - start[of]
        source = asked.word("src_hi", "src_lo")
        near, inverses = fill_near(source)
        first, last = step == 0, step == rows[of] - 1
        left = length[of] - 32 * step
        # far offsets and those of empty copies may have any size: they move on as wide numbers
        src, dst = (
            _plus(asked.field(name)[of], (32 * step).astype(np.uint64)) for name in ("src_lo", "dst_lo")
        )
        space, clk = asked.small("space")[of], asked.small("clk")[of] + step.astype(np.uint64)
        value = np.zeros((len(of), 4), dtype=np.uint64)
        reading = np.flatnonzero(~last & near[of])
        if reading.size:
            id_ = asked.field("id")[of[reading]]
            value[reading] = bytes_word(ReadOnly(ctx).read(space[reading], id_, src[reading, 0], 32)[0])
        limbs, near_inverse = limbs16(source[:, :2], 8)[of], inverses[of]
        limbs[~first], near_inverse[~first] = 0, 0
        even = last & (left == 0)
        return {
            "active": np.ones(len(of), dtype=bool), "first": first, "last": last,
            "space": space, "id": asked.field("id")[of], "ctx": asked.field("ctx")[of], "clk": clk,
            "dst_hi": asked.field("dst_hi")[of], "dst": dst, "src": src, "left": left,
            "src_hi": np.where(first[:, None], asked.field("src_hi")[of], 0),
            "far": ~near[of], "limbs": limbs, "value": value,
            "near": first & near[of], "near_inverse": near_inverse,
            "even": even, "even_inverse": inverse(np.where(last, left, 0).astype(np.uint64)),
        }  # fmt: skip


class CopyTail(Chip):
    """Serves COPY_TAIL."""

    name: ClassVar[str] = "copy_tail"
    context_columns: ClassVar[tuple[str, ...]] = ("ctx", "clk", "dst")

    def define(self, b: AirBuilder) -> None:
        active, far = b.bit("active"), b.bit("far")
        space, id_, src = b.column("space"), b.column("id"), b.column("src")
        ctx, clk, dst = b.column("ctx"), b.column("clk"), b.column("dst")
        cut = one_hot(b, "cut", active, 31)
        source, old = ByteString(byte_columns(b, "source", 32)), ByteString(byte_columns(b, "old", 32))
        b.constrain("far only where active", far * (1 - active))
        b.constrain("far sources are zero", far * total(source.bytes))
        halves = [(s.number(0, 16), s.number(16, 32)) for s in (source, old)]
        left = total((k + 1) * flag for k, flag in enumerate(cut))
        b.receive("rest", COPY_TAIL, (space, id_, far, src, ctx, clk, dst, left), active)
        b.send("source", WINDOW, (space, id_, 0, src, *halves[0]), active - far)
        b.send("memory before", WINDOW, (SPACE_MEMORY, ctx, clk, dst, *halves[1]), active)
        merged = [chosen(cut, [_merged(source, old, k + 1, at) for k in range(31)]) for at in (0, 16)]
        b.send("store", MEMORY_OP, (MSTORE, ctx, clk + 1, dst, *merged), active)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        asked = ctx.requests(COPY_TAIL)
        rows = len(asked)
        if not rows:
            return None
        left, far = asked.small("bytes").astype(np.int64), asked.small("far") == 1
        source = np.zeros((rows, 32), dtype=np.uint8)
        near = np.flatnonzero(~far)
        if near.size:
            window = (asked.small("space")[near], asked.field("id")[near], asked.field("src")[near, 0])
            source[near] = ReadOnly(ctx).read(*window, 32)[0]
        tails = Accesses(asked.small("ctx"), asked.small("clk"), asked.small("dst"), left, source)
        others = operations(ctx)
        old = others.joined(tails).windows()[len(others) :]
        return {
            "active": np.ones(rows, dtype=bool), "far": far,
            **{name: asked.field(name) for name in ("space", "id", "src", "ctx", "clk", "dst")},
            "cut": np.arange(1, 32) == left[:, None], "source": source, "old": old,
        }  # fmt: skip


def _merged(source: ByteString, old: ByteString, count: int, start: int) -> Expr:
    """Bytes start to start + 16 of: the first ``count`` bytes of source, then old."""
    stop = start + 16
    edge = min(max(count, start), stop)
    tail = old.number(edge, stop) if edge < stop else 0
    return (
        (source.number(start, edge) * 256 ** (stop - edge) + tail)
        if edge > start
        else old.number(start, stop)
    )


def _plus(a: U64, b: U64) -> U64:
    """(rows, 4) limbs of numbers below 2^253, plus (rows,)."""
    out = a.copy()
    carry = b
    for k in range(4):
        out[:, k] = a[:, k] + carry
        carry = (out[:, k] < carry).astype(np.uint64)
    return out
