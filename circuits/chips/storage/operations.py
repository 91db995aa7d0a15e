"""Chip ``storage_ops``: SLOAD and SSTORE with gas and refund (EIP-2929, EIP-2200, EIP-3529), one row each.

Columns
    load, store          which; none in padding
    ctx, address, slot, clk   the step
    before, wait[2]      clock of the slot's operation before in this context (the ctx for the first); limbs
    of
                         clk - before - 1
    original, current, new   the word before the transaction, before and after the step
    warm                 the slot was used before
    original_zero, current_zero, new_zero (+ _inverse)   that word is zero
    same, unchanged, restored (+ _inverse_hi, _inverse_lo)   current = original; new = current; new = original
    gas, refund          what the step costs (all of it) and adds to the refund counter (possibly negative)

Constraints, in store rows unless said otherwise
    1. "load/store is a bit", "one operation"; "a load keeps the word" (load)
    2. "clock goes up"
    3. zero flags: "… zero: high/low half", "not … zero"; equalities: "…: high/low halves agree", "not …";
       "… no unused (high/low) inverse", "…: one inverse", "padding has … 0" for idle cells
    4. "gas": load 100 warm, 2100 cold; store 2100 if cold, and
           100 if unchanged or not same, else 20000 if original_zero, else 2900
    5. "refund": 0 if load or unchanged; else 4800 (new_zero - current_zero) if the original is not zero,
       plus, where restored and not same, 19900 if original_zero, else 2800
Interactions
    6. receives STORAGE (op, ctx, clk, slot, new, gas, refund)
    7. STORAGE_CELL: takes the slot's state after the operation before, puts the one after this, now warm
    8. limbs of the wait are in the 16-bit table

All words are pairs of halves below 2^128 (``new`` by its sender, the others from this bus or the state), so a
word is zero iff its halves add up to 0. ``warm`` is 0 or 1 since a cell opens cold and operations leave it
warm. Clocks go strictly up from the cell's opening, so no row takes its own tuple. 4. and 5. are the sums of
the EIPs' case tables: in 5. "unchanged" needs no case of its own in the second term, as restored and not
same excludes it. Padding rows are zero.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.field import fr
from zkroll.circuits.air.chip import AirBuilder, Chip, Word
from zkroll.circuits.air.expr import Expr, weighted
from zkroll.circuits.air.gadgets import limbs16, range16
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import STORAGE, STORAGE_CELL
from zkroll.circuits.chips.limbs import U64, inverse
from zkroll.circuits.chips.storage.timeline import Operations, timeline

Mask = NDArray[np.bool_]

SLOAD, SSTORE = 0x54, 0x55
COLD, WARM, SET, RESET, CLEAR_REFUND = 2100, 100, 20000, 2900, 4800


class StorageOperationsChip(Chip):
    """SLOAD and SSTORE."""

    name = "storage_ops"
    context_columns = ("ctx", "clk")

    def define(self, b: AirBuilder) -> None:
        load, store = b.bit("load"), b.bit("store")
        active = load + store
        ctx, address, slot, clk = b.column("ctx"), b.column("address"), b.word("slot"), b.column("clk")
        before, wait = b.column("before"), b.columns("wait", 2)
        original, current, new = b.word("original"), b.word("current"), b.word("new")
        warm, gas, refund = b.column("warm"), b.column("gas"), b.column("refund")
        b.constrain("one operation", load * store)
        b.constrain("a load keeps the high half", load * (new.hi - current.hi))
        b.constrain("a load keeps the low half", load * (new.lo - current.lo))
        b.constrain("clock goes up", weighted(wait, 2**16) - active * (clk - before - 1))
        for i, limb in enumerate(wait):
            range16(b, f"wait[{i}]", limb, active)

        original_zero = self._zero(b, "original_zero", original, store)
        current_zero = self._zero(b, "current_zero", current, store)
        new_zero = self._zero(b, "new_zero", new, store)
        same = self._equal(b, "same", current, original, store)
        unchanged = self._equal(b, "unchanged", new, current, store)
        restored = self._equal(b, "restored", new, original, store)

        first_write = (1 - unchanged) * same * (RESET - WARM + original_zero * (SET - RESET))
        cold = (1 - warm) * COLD
        load_gas = load * (cold + warm * WARM)
        b.constrain("gas", gas - load_gas - store * (cold + WARM + first_write))
        cleared = (1 - unchanged) * (1 - original_zero) * (new_zero - current_zero) * CLEAR_REFUND
        undone = (1 - same) * restored * (RESET - WARM + original_zero * (SET - RESET))
        b.constrain("refund", refund - store * (cleared + undone))

        op = load * SLOAD + store * SSTORE
        b.receive("answers a step", STORAGE, (op, ctx, clk, *_pair(slot), *_pair(new), gas, refund), active)
        here = (ctx, address, *_pair(slot))
        b.receive(
            "slot before", STORAGE_CELL, (*here, before, *_pair(original), *_pair(current), warm), active
        )
        b.send("slot after", STORAGE_CELL, (*here, clk, *_pair(original), *_pair(new), 1), active)
        b.zero_in_padding(active)

    @staticmethod
    def _zero(b: AirBuilder, name: str, word: Word, when: Expr) -> Expr:
        """A word of two checked halves is zero; 0 outside rows with ``when``."""
        flag, inverted = b.column(name), b.column(f"{name}_inverse")
        b.constrain(f"{name}: high half", flag * word.hi)
        b.constrain(f"{name}: low half", flag * word.lo)
        b.constrain(f"not {name}", (word.hi + word.lo) * inverted + flag - when)
        b.constrain(f"{name}: no unused inverse", (1 - when + flag) * inverted)
        return flag

    @staticmethod
    def _equal(b: AirBuilder, name: str, x: Word, y: Word, when: Expr) -> Expr:
        """Two words are equal; 0 outside rows with ``when``."""
        flag, inverses = b.column(name), (b.column(f"{name}_inverse_hi"), b.column(f"{name}_inverse_lo"))
        hi, lo = x.hi - y.hi, x.lo - y.lo
        b.constrain(f"{name}: high halves agree", flag * hi)
        b.constrain(f"{name}: low halves agree", flag * lo)
        b.constrain(f"not {name}", hi * inverses[0] + lo * inverses[1] + flag - when)
        b.constrain(f"{name}: one inverse", inverses[0] * inverses[1])
        for half, inverted in zip(("high", "low"), inverses, strict=True):
            b.constrain(f"{name}: no unused {half} inverse", (1 - when + flag) * inverted)
        return flag

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        found = timeline(ctx)
        if found is None:
            return None
        ops = found[0]
        op = ops.requests.small("op")
        store = op == SSTORE
        return {
            "load": (op == SLOAD).astype(np.uint8),
            "store": store.astype(np.uint8),
            "ctx": ops.ctx,
            "address": ops.address,
            "slot": ops.requests.word("slot_hi", "slot_lo"),
            "clk": ops.clk,
            "before": ops.before,
            "wait": limbs16((ops.clk - ops.before - 1).astype(np.uint64), 2),
            "original": ops.original,
            "current": ops.current,
            "new": ops.new,
            "warm": ops.warm,
            **_flags(ops, store),
            **_prices(ops, store),
        }


def _pair(word: Word) -> tuple[Expr, Expr]:
    return word.hi, word.lo


def _flags(ops: Operations, store: Mask) -> dict[str, ColumnData]:
    columns: dict[str, ColumnData] = {}
    for name, word in (("original", ops.original), ("current", ops.current), ("new", ops.new)):
        columns[f"{name}_zero"] = (store & ~word.any(axis=1)).astype(np.uint8)
        columns[f"{name}_zero_inverse"] = _masked(_inverse_of_sum(word[:, 2:], word[:, :2]), store)
    for name, x, y in (
        ("same", ops.current, ops.original),
        ("unchanged", ops.new, ops.current),
        ("restored", ops.new, ops.original),
    ):
        high = (x[:, 2:] != y[:, 2:]).any(axis=1)
        low = (x[:, :2] != y[:, :2]).any(axis=1)
        columns[name] = (store & ~high & ~low).astype(np.uint8)
        columns[f"{name}_inverse_hi"] = _masked(_inverse_of_difference(x[:, 2:], y[:, 2:]), store & high)
        columns[f"{name}_inverse_lo"] = _masked(_inverse_of_difference(x[:, :2], y[:, :2]), store & ~high)
    return columns


def _prices(ops: Operations, store: Mask) -> dict[str, ColumnData]:
    """Gas and refund by the cases of the EIPs."""
    same, unchanged = _agree(ops.current, ops.original), _agree(ops.new, ops.current)
    restored = _agree(ops.new, ops.original)
    zero = ~ops.original.any(axis=1)
    cold = np.where(ops.warm == 0, COLD, 0)
    write = np.where(same & ~unchanged, np.where(zero, SET, RESET), WARM)
    gas = np.where(store, cold + write, np.where(ops.warm == 1, WARM, COLD))
    emptied = (~ops.new.any(axis=1)).astype(np.int64) - (~ops.current.any(axis=1)).astype(np.int64)
    refund = np.where(~unchanged & ~zero, CLEAR_REFUND * emptied, 0)
    refund = refund + np.where(restored & ~same, np.where(zero, SET, RESET) - WARM, 0)
    return {"gas": gas, "refund": np.where(store, refund, 0)}


def _agree(x: U64, y: U64) -> Mask:
    equal: Mask = (x == y).all(axis=1)
    return equal


def _masked(values: U64, rows: Mask) -> U64:
    return np.where(rows[:, None], values, np.uint64(0))


def _inverse_of_sum(a: U64, b: U64) -> U64:
    return inverse(fr.to_limbs(fr.add(fr.from_array(a), fr.from_array(b)), a.shape[0]))


def _inverse_of_difference(a: U64, b: U64) -> U64:
    return inverse(fr.to_limbs(fr.sub(fr.from_array(a), fr.from_array(b)), a.shape[0]))
