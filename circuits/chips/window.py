"""Windows of 32 bytes at any byte offset of calldata and code: zero beyond the end. A row per window.

Columns:
  active, count            1 in used rows; how often the window is asked for
  space, id, word_index    whose bytes; the word in which the window begins
  shift[32]                one-hot: the byte of that word where it begins
  has_first, has_second    bits: that word, and the one after, are there (the rest of a word is zero by WORDS)
  first[32], second[32]    their bytes, most significant first, zero where the word is not there
  length, past[3]          the bytes of the space; how far a missing word begins beyond them, 16-bit limbs

Constraints:
  1. flags are bits, shift is one-hot in used rows; no second word without the first, none in padding
  2. a word that is there is read from WORDS; one that is not is zero
  3. where the second word is missing, 32 (word_index + has_first) - length = past: the first missing word
     begins at or beyond the end (LENGTH)
  4. bytes are bytes, limbs of past are in 16 bits; no answers from padding
Serves WINDOW (space, id, clk 0, 32 word_index + shift, bytes): a read-only space needs no clock.

Sound because WORDS has integer indices only; where even the first word is missing, the offset is
length + past + shift, beyond the end whatever word_index is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.expr import total, weighted
from zkroll.circuits.air.gadgets import limbs16, range16
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import LENGTH, SPACE_CALLDATA, SPACE_CODE, SPACE_MEMORY, TX_BEGIN, WINDOW, WORDS
from zkroll.circuits.chips.memory.byte_strings import ByteString, byte_columns, chosen, one_hot
from zkroll.errors import ProvingError

U8 = NDArray[np.uint8]
U64 = NDArray[np.uint64]


class Window(Chip):
    """Serves WINDOW for calldata and code."""

    name: ClassVar[str] = "window"
    context_columns: ClassVar[tuple[str, ...]] = ("space", "word_index")

    def define(self, b: AirBuilder) -> None:
        active, count = b.bit("active"), b.column("count")
        space, id_, index = b.column("space"), b.column("id"), b.column("word_index")
        shift = one_hot(b, "shift", active)
        has_first, has_second = b.bit("has_first"), b.bit("has_second")
        first, second = byte_columns(b, "first", 32), byte_columns(b, "second", 32)
        length, past = b.column("length"), b.columns("past", 3)
        b.constrain("no answers from padding", count * (1 - active))
        b.constrain("no words in padding", has_first * (1 - active))
        b.constrain("no second word alone", has_second * (1 - has_first))
        b.constrain("a missing first word is zero", (1 - has_first) * total(first))
        b.constrain("a missing second word is zero", (1 - has_second) * total(second))
        missing = active - has_second
        begins = 32 * (index + has_first)
        b.constrain("a missing word is beyond the end", missing * (begins - length - weighted(past, 2**16)))
        for i, limb in enumerate(past):
            range16(b, f"past[{i}]", limb, missing)

        span = ByteString([*first, *second])
        words = [(span.number(k, k + 16), span.number(k + 16, k + 32)) for k in (0, 32)]
        b.send("first word", WORDS, (space, id_, index, *words[0]), has_first)
        b.send("second word", WORDS, (space, id_, index + 1, *words[1]), has_second)
        b.send("end", LENGTH, (space, id_, length), missing)
        offset = 32 * index + total(s * flag for s, flag in enumerate(shift))
        halves = [chosen(shift, [span.number(s + at, s + at + 16) for s in range(32)]) for at in (0, 16)]
        b.receive("window", WINDOW, (space, id_, 0, offset, *halves), count)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        asked = ctx.requests(WINDOW)
        asked = asked.select(asked.small("space") != SPACE_MEMORY).unique()
        if not len(asked):
            return None
        if asked.small("clk").any():
            raise ProvingError("chip window: a window of calldata or code has a clock, expected 0")
        space, offset = asked.small("space"), asked.small("offset")
        start = offset & ~np.uint64(31)
        spaces = ReadOnly(ctx)
        bytes_, length = spaces.read(space, asked.field("id"), start, 64)
        has_first, has_second = start < length, start + np.uint64(32) < length
        past = start + np.uint64(32) * has_first.astype(np.uint64) - length
        past[has_second] = 0
        return {
            "active": np.ones(len(asked), dtype=bool), "count": asked.multiplicity, "space": space,
            "id": asked.field("id"), "word_index": offset // np.uint64(32),
            "shift": np.arange(32) == (offset & np.uint64(31)).astype(np.int64)[:, None],
            "has_first": has_first, "has_second": has_second, "length": length, "past": limbs16(past, 3),
            "first": bytes_[:, :32], "second": bytes_[:, 32:],
        }  # fmt: skip


class ReadOnly:
    """Calldata by context and code by its hash, as the source of the batch has them."""

    def __init__(self, ctx: FillContext) -> None:
        begun = ctx.requests(TX_BEGIN)
        self._transaction = dict(zip(begun.small("clk").tolist(), begun.small("tx").tolist(), strict=True))
        self._source = ctx.source

    def bytes(self, space: int, id_: int) -> bytes:
        """The bytes of one space; ProvingError where there is none."""
        if space == SPACE_CALLDATA and id_ in self._transaction:
            return bytes(self._source.transactions[self._transaction[id_]].calldata)
        if space == SPACE_CODE and id_ in self._source.codes:
            return bytes(self._source.codes[id_])
        raise ProvingError(f"chip window: there are no bytes of space {space}, id {id_:#x}")

    def read(self, space: U64, id_: U64, offset: U64, size: int) -> tuple[U8, U64]:
        """(m, size) bytes from each offset, zero beyond the end, and the lengths (m,) of the spaces.

        space, offset: (m,); id_: (m, 4) limbs.
        """
        keys = np.concatenate([space[:, None], id_], axis=1)
        distinct, which = np.unique(keys, axis=0, return_inverse=True)
        strings = [
            self.bytes(int(row[0]), sum(int(limb) << (64 * k) for k, limb in enumerate(row[1:])))
            for row in distinct
        ]
        lengths = np.array([len(s) for s in strings], dtype=np.int64)
        flat = np.frombuffer(b"".join([*strings, b"\0"]), dtype=np.uint8)
        base = np.cumsum(lengths) - lengths
        which = which.reshape(-1)
        at = offset.astype(np.int64)[:, None] + np.arange(size)
        inside = at < lengths[which][:, None]
        found: NDArray[Any] = np.where(inside, flat[np.where(inside, base[which][:, None] + at, 0)], 0)
        return found.astype(np.uint8), lengths[which].astype(np.uint64)
