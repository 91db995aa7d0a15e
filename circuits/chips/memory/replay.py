"""What memory holds at each access, for the fills of the chips that read or write it.

The requests themselves say everything: which bytes are written, when and where. Nothing is taken from the
recorded trace, so the columns follow the requests even where a test tampers with those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.kernels.memory_kernels import SPAN, replay
from zkroll.circuits.air.witness import FillContext
from zkroll.circuits.buses import MEMORY_OP, SPACE_MEMORY, WINDOW

MLOAD: Final = 0x51
MSTORE: Final = 0x52
MSTORE8: Final = 0x53

U8 = NDArray[np.uint8]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]


def word_bytes(words: U64) -> U8:
    """(rows, 4) limbs as (rows, 32) bytes in memory order, most significant first."""
    flipped = np.ascontiguousarray(words, dtype="<u8").view(np.uint8).reshape(-1, 32)
    return np.ascontiguousarray(flipped[:, ::-1])


def bytes_word(data: U8) -> U64:
    """(rows, 32) bytes in memory order as (rows, 4) limbs."""
    return np.ascontiguousarray(data[:, ::-1]).view("<u8").astype(np.uint64)


@dataclass(frozen=True)
class Accesses:
    """Accesses in any order; ``data`` (m, 32) holds the ``count`` bytes written, first byte first."""

    ctx: U64
    clk: U64
    offset: U64
    count: I64
    data: U8

    def __len__(self) -> int:
        return int(self.ctx.shape[0])

    @staticmethod
    def reads(ctx: U64, clk: U64, offset: U64) -> Accesses:
        """Windows of 32 bytes."""
        rows = ctx.shape[0]
        return Accesses(ctx, clk, offset, np.zeros(rows, np.int64), np.zeros((rows, 32), np.uint8))

    def joined(self, other: Accesses) -> Accesses:
        """These, then the others."""
        return Accesses(
            np.concatenate([self.ctx, other.ctx]), np.concatenate([self.clk, other.clk]),
            np.concatenate([self.offset, other.offset]), np.concatenate([self.count, other.count]),
            np.concatenate([self.data, other.data]),
        )  # fmt: skip

    def seen(self) -> U8:
        """(m, 64): before each access, the bytes of the word that its offset lies in and of the next word."""
        rows = len(self)
        if not rows:
            return np.zeros((0, SPAN), dtype=np.uint8)
        order = np.lexsort((self.clk, self.ctx))
        contexts, which = np.unique(self.ctx, return_inverse=True)
        sizes = np.zeros(contexts.shape[0], dtype=np.int64)
        offset = self.offset.astype(np.int64)
        np.maximum.at(sizes, which, (offset & ~31) + SPAN)
        base = np.cumsum(sizes) - sizes
        memory = np.zeros(int(sizes.sum()), dtype=np.uint8)
        address = base[which] + offset
        out = np.empty((rows, SPAN), dtype=np.uint8)
        replay(
            memory, np.ascontiguousarray(address[order]), np.ascontiguousarray(self.count[order]),
            np.ascontiguousarray(self.data[order]), out,
        )  # fmt: skip
        seen = np.empty_like(out)
        seen[order] = out
        return seen

    def windows(self) -> U8:
        """(m, 32): before each access, the 32 bytes from its offset."""
        return windows(self.seen(), self.offset)


def windows(seen: U8, offset: U64) -> U8:
    """The 32 bytes from each offset out of the 64 that ``Accesses.seen`` gives."""
    at = (offset.astype(np.int64) & 31)[:, None] + np.arange(32)
    return np.take_along_axis(seen, at, axis=1)


def operations(ctx: FillContext) -> Accesses:
    """MLOAD, MSTORE and MSTORE8 as requested so far."""
    asked = ctx.requests(MEMORY_OP)
    op = asked.small("op")
    data = word_bytes(asked.word("hi", "lo"))
    data[:, 0] = np.where(op == MSTORE8, data[:, 31], data[:, 0])
    count = np.select([op == MSTORE, op == MSTORE8], [32, 1], 0).astype(np.int64)
    return Accesses(asked.small("ctx"), asked.small("clk"), asked.small("offset"), count, data)


def memory_windows(ctx: FillContext) -> tuple[Any, Accesses]:
    """The WINDOW requests for memory so far, and as accesses."""
    asked = ctx.requests(WINDOW)
    asked = asked.select(asked.small("space") == SPACE_MEMORY)
    return asked, Accesses.reads(asked.small("id"), asked.small("clk"), asked.small("offset"))


@dataclass(frozen=True)
class Timeline:
    """Every access to memory: operations, then windows (op 0), in the order of their requests.

    ``claimed`` (m, 32) are the bytes that the request names: written, loaded or read. ``seen`` (m, 64) is
    what stands in the word of the offset and in the next one. ``before`` (m, 2) are the clocks of the
    accesses before to those two words (0 where there is none, or the access has no second word).
    """

    op: U64
    ctx: U64
    clk: U64
    offset: U64
    claimed: U8
    seen: U8
    before: U64

    @property
    def aligned(self) -> NDArray[np.bool_]:
        """Those that touch exactly one whole word."""
        whole: NDArray[np.bool_] = (self.offset % np.uint64(32) == 0) & (self.op != MSTORE8)
        return whole

    def select(self, rows: NDArray[Any]) -> Timeline:
        """The accesses at a mask or index array."""
        return Timeline(
            self.op[rows], self.ctx[rows], self.clk[rows], self.offset[rows], self.claimed[rows],
            self.seen[rows], self.before[rows],
        )  # fmt: skip


def timeline(ctx: FillContext) -> Timeline:
    """All accesses to memory that have been requested so far."""
    asked, (reading, reads) = ctx.requests(MEMORY_OP), memory_windows(ctx)
    everything = operations(ctx).joined(reads)
    op = np.concatenate([asked.small("op"), np.zeros(len(reading), dtype=np.uint64)])
    claimed = np.concatenate([word_bytes(asked.word("hi", "lo")), word_bytes(reading.word("hi", "lo"))])
    second = (everything.offset % np.uint64(32) != 0) & (op != MSTORE8)
    before = _clocks_before(everything, second)
    return Timeline(op, everything.ctx, everything.clk, everything.offset, claimed, everything.seen(), before)


def _clocks_before(accesses: Accesses, second: NDArray[np.bool_]) -> U64:
    """The clock of the access before to the first and, where ``second``, the second word of each access."""
    rows, word = len(accesses), accesses.offset // np.uint64(32)
    place = np.concatenate([np.arange(rows), np.flatnonzero(second)])
    ctx, clk = accesses.ctx[place], accesses.clk[place]
    word = np.concatenate([word, word[second] + np.uint64(1)])
    order = np.lexsort((clk, word, ctx))
    same = (ctx[order][1:] == ctx[order][:-1]) & (word[order][1:] == word[order][:-1])
    before = np.zeros(place.shape[0], dtype=np.uint64)
    before[order[1:]] = np.where(same, clk[order][:-1], 0)
    out = np.zeros((rows, 2), dtype=np.uint64)
    out[:, 0] = before[:rows]
    out[second, 1] = before[rows:]
    return out
