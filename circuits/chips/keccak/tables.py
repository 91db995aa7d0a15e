"""The tables of the keccak chips: spread numbers of 16 digits, spread bytes, round constants.

``keccak_digits`` has 2^16 rows; row i serves DIGITS16 (spread(i)): membership in the set of spread numbers.
``keccak_bytes`` has 256 rows; row i serves DIGITS8 (i, spread(i)) and, for i <= 24, ROUND (i, i = 24, the
four 16-bit chunks of round i's constant, spread); row 0 of ROUND has constant 0 and stands for absorbing.

The contents are preprocessed columns; the only witness is how often a row is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.reference.keccak import ROUND_CONSTANTS
from zkroll.circuits.air.chip import AirBuilder, Bus, Chip
from zkroll.circuits.air.expr import Stage
from zkroll.circuits.air.witness import ColumnData, FillContext, Requests
from zkroll.circuits.chips.keccak.digits import (
    CHUNK,
    DIGITS8,
    DIGITS16,
    ROUND,
    chunk_index,
    spread_bits,
    spread_table,
)
from zkroll.errors import ProvingError

_ROUNDS = 25


def _counts(bus: Bus, index: NDArray[np.int64], asked: Requests, rows: int) -> NDArray[np.int64]:
    """How often each row is asked for; ProvingError where a request is in no row."""
    outside = (index < 0) | (index >= rows)
    if outside.any():
        at = int(np.flatnonzero(outside)[0])
        raise ProvingError(
            f"bus {bus.name}: request {at} is not in the table: {asked.values[at, :, 0].tolist()}"
        )
    counts: NDArray[Any] = np.bincount(index, weights=asked.multiplicity, minlength=rows)
    return counts.astype(np.int64)


class KeccakDigits(Chip):
    """All spread numbers of 16 digits."""

    name: ClassVar[str] = "keccak_digits"
    fixed_height: ClassVar[int | None] = 1 << CHUNK

    def define(self, b: AirBuilder) -> None:
        value = b.column("value", Stage.PREPROCESSED)
        b.receive("spread chunk", DIGITS16, (value,), b.column("count"))

    def preprocessed(self) -> Mapping[str, ColumnData]:
        return {"value": spread_table()}

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        asked = ctx.requests(DIGITS16)
        if not len(asked):
            return None
        return {"count": _counts(DIGITS16, chunk_index(asked.small("value")), asked, 1 << CHUNK)}


class KeccakBytes(Chip):
    """Spread bytes and round constants."""

    name: ClassVar[str] = "keccak_bytes"
    fixed_height: ClassVar[int | None] = 256

    def define(self, b: AirBuilder) -> None:
        index = b.column("index", Stage.PREPROCESSED)
        value = b.column("value", Stage.PREPROCESSED)
        is_round = b.column("is_round", Stage.PREPROCESSED)
        last = b.column("last", Stage.PREPROCESSED)
        constant = b.columns("constant", 4, Stage.PREPROCESSED)
        b.receive("spread byte", DIGITS8, (index, value), b.column("byte_count"))
        b.receive("round constant", ROUND, (index, last, *constant), is_round * b.column("round_count"))

    def preprocessed(self) -> Mapping[str, ColumnData]:
        index = np.arange(256, dtype=np.uint64)
        words = np.zeros(256, dtype=np.uint64)
        words[1:_ROUNDS] = ROUND_CONSTANTS
        return {
            "index": index, "value": spread_table()[:256],
            "is_round": index < _ROUNDS, "last": index == _ROUNDS - 1,
            "constant": np.stack([spread_bits(words, CHUNK * j, CHUNK) for j in range(4)], axis=1),
        }  # fmt: skip

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        single, rounds = ctx.requests(DIGITS8), ctx.requests(ROUND)
        if not len(single) and not len(rounds):
            return None
        round_count = np.zeros(256, dtype=np.int64)
        round_count[:_ROUNDS] = _counts(ROUND, rounds.small("round").astype(np.int64), rounds, _ROUNDS)
        return {
            "byte_count": _counts(DIGITS8, single.small("byte").astype(np.int64), single, 256),
            "round_count": round_count,
        }
