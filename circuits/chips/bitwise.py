"""AND, OR and XOR on bytes.

Columns: one flag per opcode; the 32 bytes of a, of b and of a AND b, least significant first; how often the
row is asked for.

    1. the flags are bits, at most one is set; the count is 0 where none is
    2. (a_i, b_i, both_i) is a row of the byte table, for each of the 32 bytes
    3. c = both,  a + b - both  or  a + b - 2 both, half by half

The words are sums of bytes by construction, so a caller's a and b fix the bytes and 2 fixes the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.expr import Expr, total, weighted
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import ALU, BYTE_AND

AND: Final = 0x16
OR: Final = 0x17
XOR: Final = 0x18
_OPS: Final = {"is_and": AND, "is_or": OR, "is_xor": XOR}


class Bitwise(Chip):
    """Serves ALU for AND, OR, XOR."""

    name: ClassVar[str] = "bitwise"

    def define(self, b: AirBuilder) -> None:
        flags = {name: b.bit(name) for name in _OPS}
        x, y, both = b.columns("a", 32), b.columns("b", 32), b.columns("both", 32)
        count = b.column("count")
        active = total(flags.values())
        b.constrain("one opcode", active * (active - 1))
        b.constrain("no answers from padding", count * (1 - active))
        for i in range(32):
            b.send(f"byte {i}", BYTE_AND, (x[i], y[i], both[i]), active)

        is_and, is_or, is_xor = flags.values()
        op = total(flag * _OPS[name] for name, flag in flags.items())
        a_half, b_half, and_half = (_halves(column) for column in (x, y, both))
        c_half = [
            is_and * z + is_or * (u + v - z) + is_xor * (u + v - 2 * z)
            for u, v, z in zip(a_half, b_half, and_half, strict=True)
        ]
        b.receive("bitwise", ALU, (op, *a_half, *b_half, *c_half), count)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        asked = ctx.requests(ALU)
        asked = asked.select(np.isin(asked.small("op"), list(_OPS.values()))).unique()
        if not len(asked):
            return None
        op = asked.small("op")
        a, b = word_bytes(asked.word("a_hi", "a_lo")), word_bytes(asked.word("b_hi", "b_lo"))
        return {
            **{name: op == code for name, code in _OPS.items()},
            "a": a, "b": b, "both": a & b, "count": asked.multiplicity,
        }  # fmt: skip


def _halves(column: Sequence[Expr]) -> list[Expr]:
    return [weighted(column[16:], 256), weighted(column[:16], 256)]


def word_bytes(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """(rows, 4) words as their (rows, 32) bytes, least significant first."""
    return np.ascontiguousarray(words, dtype="<u8").view(np.uint8)
