"""Fixed tables: 16-bit numbers, bytes with their AND, powers of two.

``tables`` has 2^16 rows; row i serves three buses:

    RANGE16   (i)                      for every i
    BYTE_AND  (i >> 8, i & 255, AND)   for every i: all pairs of bytes
    BYTE      (i, i == 0)              for i < 256

``pow2`` has 256 rows and serves POW2 (i, 2^i as a word).

The contents are preprocessed columns, so the only witness is how often a row is asked for; a caller's tuple
that is no row cannot be balanced, whatever the counts are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zkroll.circuits.air.chip import AirBuilder, Bus, Chip
from zkroll.circuits.air.expr import Stage
from zkroll.circuits.air.witness import ColumnData, FillContext, Requests
from zkroll.circuits.buses import BYTE, BYTE_AND, POW2, RANGE16
from zkroll.errors import ProvingError

_ROWS = 1 << 16


def _counts(bus: Bus, index: NDArray[Any], requests: Requests, rows: int) -> NDArray[np.int64]:
    """How often each row is asked for; ProvingError where a request is in no row."""
    outside = index >= rows
    if outside.any():
        at = int(np.flatnonzero(outside)[0])
        raise ProvingError(f"bus {bus.name}: {int(index[at]):#x} is not in the table (request {at})")
    counts = np.zeros(rows, dtype=np.int64)
    np.add.at(counts, index.astype(np.int64), requests.multiplicity)
    return counts


class Tables(Chip):
    """The 2^16-row table."""

    name: ClassVar[str] = "tables"
    fixed_height: ClassVar[int | None] = _ROWS

    def define(self, b: AirBuilder) -> None:
        value = b.column("value", Stage.PREPROCESSED)
        left = b.column("left", Stage.PREPROCESSED)
        right = b.column("right", Stage.PREPROCESSED)
        both = b.column("both", Stage.PREPROCESSED)
        is_byte = b.column("is_byte", Stage.PREPROCESSED)
        is_zero = b.column("is_zero", Stage.PREPROCESSED)
        b.receive("16-bit number", RANGE16, (value,), b.column("range16_count"))
        b.receive("bytes and their AND", BYTE_AND, (left, right, both), b.column("byte_and_count"))
        b.receive("byte", BYTE, (value, is_zero), is_byte * b.column("byte_count"))

    def preprocessed(self) -> Mapping[str, ColumnData]:
        i = np.arange(_ROWS, dtype=np.uint64)
        left, right = i >> np.uint64(8), i & np.uint64(255)
        return {
            "value": i, "left": left, "right": right, "both": left & right, "is_byte": i < 256, "is_zero": i == 0,
        }  # fmt: skip

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData]:
        numbers, pairs, single = ctx.requests(RANGE16), ctx.requests(BYTE_AND), ctx.requests(BYTE)
        for entry in ("a", "b"):
            _counts(BYTE_AND, pairs.small(entry), pairs, 256)
        index = pairs.small("a") << np.uint64(8) | pairs.small("b")
        byte_counts = np.zeros(_ROWS, dtype=np.int64)
        byte_counts[:256] = _counts(BYTE, single.small("value"), single, 256)
        return {
            "range16_count": _counts(RANGE16, numbers.small("value"), numbers, _ROWS),
            "byte_and_count": _counts(BYTE_AND, index, pairs, _ROWS),
            "byte_count": byte_counts,
        }


class Pow2(Chip):
    """2^i as a word, i < 256."""

    name: ClassVar[str] = "pow2"
    fixed_height: ClassVar[int | None] = 256

    def define(self, b: AirBuilder) -> None:
        exponent = b.column("exponent", Stage.PREPROCESSED)
        power = b.word("power", Stage.PREPROCESSED)
        b.receive("power of two", POW2, (exponent, power.hi, power.lo), b.column("count"))

    def preprocessed(self) -> Mapping[str, ColumnData]:
        i = np.arange(256)
        words = np.zeros((256, 4), dtype=np.uint64)
        words[i, i // 64] = np.uint64(1) << (i % 64).astype(np.uint64)
        return {"exponent": i, "power": words}

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        asked = ctx.requests(POW2)
        return {"count": _counts(POW2, asked.small("exponent"), asked, 256)} if len(asked) else None
