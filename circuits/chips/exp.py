"""EXP by square and multiply, from the exponent's top bit down: one row per bit.

Columns: ``active``, ``is_first`` and ``is_last`` row of a request; the base a and the byte length of the
exponent (both carried along the request); the bit and its position; ``power`` = 2^position if the bit is
set, else 0; ``prefix``, the exponent down to this bit; ``square``, the square of the result so far; ``out``
= a^(prefix >> position); how often the request is asked for.

    1. active, is_first, is_last and the bit are bits; padding rows are 0
    2. a row continues if it is active and not last; is_first.next = active.next - continues: an active row
       follows either a row that continues or is a first row, and nothing else follows a row that continues
    3. first row: square = 1, prefix = power, and the bit is set unless position = 0 (exponents 0 and 1);
       BYTE_AND(position, 7, position - 8 (bytes - bit)): 8 (bytes - bit) is position rounded down to a multiple
       of 8, so bytes = floor(position / 8) + 1 for a nonzero exponent, and 0 for exponent 0
    4. continuing: position.next = position - 1; a and bytes stay; prefix.next = prefix + power.next
       and square.next = MUL(out, out)
    5. bit set: power = POW2(position) and out = MUL(square, a);  clear: power = 0 and out = square
    6. last row: position = 0; only here EXP(a, prefix, out, bytes) is answered

Sound: ``next`` runs around the table. Rows that continue cannot close a circle, for position falls by one
on each and the height is no multiple of r; so every run of rows begins with a first row, whose position is
a byte, and ends with a last row at position 0. Its positions are distinct and below 256, so each half of
prefix is a sum of distinct powers below 2^128: no wrap, and the bits are those of the exponent. Products
are words because MUL answers with words. Every cell but the count is a function of the request.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import ALU, BYTE_AND, EXP, POW2
from zkroll.circuits.chips.limbs import I64, U64, bit_length, limbs_of, multiply, shift_left, shift_right
from zkroll.circuits.chips.mul import MUL


class Exp(Chip):
    """Serves EXP."""

    name: ClassVar[str] = "exp"

    def define(self, b: AirBuilder) -> None:
        active, is_first, is_last = b.bit("active"), b.bit("is_first"), b.bit("is_last")
        a, size = b.word("a"), b.column("bytes")
        bit, position = b.bit("bit"), b.column("position")
        power, prefix, square, out = b.word("power"), b.word("prefix"), b.word("square"), b.word("out")
        count = b.column("count")
        b.zero_in_padding(active, but=("active", "is_first"))
        continues = active - is_last
        b.constrain("requests follow each other", is_first.next - active.next + continues)
        b.constrain("answers on last rows only", count * (1 - is_last))

        b.constrain("first square is one, high", is_first * square.hi)
        b.constrain("first square is one, low", is_first * (square.lo - 1))
        b.constrain("first prefix, high", is_first * (prefix.hi - power.hi))
        b.constrain("first prefix, low", is_first * (prefix.lo - power.lo))
        b.constrain("top bit is set", is_first * (1 - bit) * position)
        b.send("bytes of the exponent", BYTE_AND, (position, 7, position - 8 * size + 8 * bit), is_first)

        b.constrain("position falls", continues * (position.next - position + 1))
        b.constrain("same base, high", continues * (a.next.hi - a.hi))
        b.constrain("same base, low", continues * (a.next.lo - a.lo))
        b.constrain("same bytes", continues * (size.next - size))
        b.constrain("next prefix, high", continues * (prefix.next.hi - prefix.hi - power.next.hi))
        b.constrain("next prefix, low", continues * (prefix.next.lo - prefix.lo - power.next.lo))
        b.send(
            "square", ALU, (MUL, out.hi, out.lo, out.hi, out.lo, square.next.hi, square.next.lo), continues
        )

        b.constrain("no power of a clear bit, high", (1 - bit) * power.hi)
        b.constrain("no power of a clear bit, low", (1 - bit) * power.lo)
        b.constrain("no product for a clear bit, high", (1 - bit) * (out.hi - square.hi))
        b.constrain("no product for a clear bit, low", (1 - bit) * (out.lo - square.lo))
        b.send("power of a set bit", POW2, (position, power.hi, power.lo), bit)
        b.send("product for a set bit", ALU, (MUL, square.hi, square.lo, a.hi, a.lo, out.hi, out.lo), bit)

        b.constrain("last bit is bit 0", is_last * position)
        b.receive("power", EXP, (a.hi, a.lo, prefix.hi, prefix.lo, out.hi, out.lo, size), count)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        asked = ctx.requests(EXP).unique()
        if not len(asked):
            return None
        base, exponent = asked.word("a_hi", "a_lo"), asked.word("e_hi", "e_lo")
        bits = bit_length(exponent)
        rows = np.maximum(bits, 1)
        owner = np.repeat(np.arange(len(asked)), rows)
        start = np.cumsum(rows) - rows
        step = np.arange(owner.shape[0]) - start[owner]
        position = rows[owner] - 1 - step
        is_first, is_last = step == 0, position == 0
        prefix = shift_right(exponent[owner], position)
        bit = prefix[:, 0] & np.uint64(1)
        one = np.repeat(limbs_of([1]), owner.shape[0], axis=0)
        square, out = _powers(base, bit.astype(np.bool_), start, rows)
        return {
            "active": np.ones_like(bit), "is_first": is_first, "is_last": is_last, "a": base[owner],
            "bytes": ((bits + 7) // 8)[owner], "bit": bit, "position": position,
            "power": shift_left(one, position) * bit[:, None], "prefix": shift_left(prefix, position),
            "square": square, "out": out, "count": np.where(is_last, asked.multiplicity[owner], 0),
        }  # fmt: skip


def _powers(base: U64, bit: NDArray[np.bool_], start: I64, rows: I64) -> tuple[U64, U64]:
    """Columns square and out: base (requests, 4); request i has the rows from start[i], rows[i] of them."""
    square = np.zeros((bit.shape[0], 4), dtype=np.uint64)
    out = np.zeros_like(square)
    for step in range(int(rows.max())):  # the bits of all requests side by side, at most 256
        going = np.flatnonzero(rows > step)
        at = start[going] + step
        square[at] = limbs_of([1]) if step == 0 else multiply(out[at - 1], out[at - 1])
        out[at] = np.where(bit[at, None], multiply(square[at], base[going]), square[at])
    return square, out
