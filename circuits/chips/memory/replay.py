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
