"""How the pairs of many products are laid out on the lanes of the pairing kernels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.kernels.emit import LANES

PARTS = 6  # coordinates of a pair: x, y, x0, x1, y0, y1
WORDS = 4  # 64-bit words of a coordinate
Words = NDArray[np.uint64]
Flags = NDArray[np.bool_]

# Relative costs: the squarings of a Miller loop, the rest of it for a pair, the final exponentiation
_SQUARINGS, _PAIR, _FINAL = 12, 23, 33
_MOST_ROUNDS = 32  # pairs in a lane, whose states should stay in the second-level cache


@dataclass(frozen=True)
class Layout:
    """Each of `groups` products of `size` pairs is spread over `lanes` lanes, a power of two.

    Below eight lanes a block serves several groups; above, a group takes `depth` blocks. A lane takes
    `rounds` pairs, one after the other. A task is what ends in one final exponentiation.
    """

    groups: int
    size: int
    lanes: int

    @property
    def inner(self) -> int:
        return min(self.lanes, LANES)

    @property
    def depth(self) -> int:
        return max(1, self.lanes // LANES)

    @property
    def per_block(self) -> int:
        return LANES // self.inner

    @property
    def tasks(self) -> int:
        return -(-self.groups // self.per_block)

    @property
    def blocks(self) -> int:
        return self.tasks * self.depth

    @property
    def rounds(self) -> int:
        return -(-self.size // self.lanes)

    def cost(self, threads: int) -> int:
        """Return the time it takes on so many threads, in arbitrary units."""
        share, tail = -(-self.blocks // threads), -(-self.tasks // threads)
        return share * (_SQUARINGS + self.rounds * _PAIR) + tail * _FINAL

    def arrange(self, words: Words) -> Words:
        """Bring the words of groups·size pairs, (pairs, 6, 4), in the order of lanes, (·, 4)."""
        padded = np.zeros(
            (self.tasks * self.per_block, self.rounds * self.lanes, PARTS, WORDS), dtype=np.uint64
        )
        padded[: self.groups, : self.size] = words.reshape(self.groups, self.size, PARTS, WORDS)
        split = padded.reshape(self.tasks, self.per_block, self.rounds, self.depth, self.inner, PARTS, WORDS)
        return split.transpose(0, 3, 2, 5, 1, 4, 6).reshape(-1, WORDS)

    def restore(self, status: NDArray[np.int64]) -> Flags:
        """Bring lane masks (blocks, rounds, k) into flags of the pairs, (groups·size, k)."""
        bits = np.unpackbits(status.astype(np.uint8)[..., None], axis=-1, bitorder="little")
        k = status.shape[-1]
        split = bits.reshape(self.tasks, self.depth, self.rounds, k, self.per_block, self.inner)
        ordered = split.transpose(0, 4, 2, 1, 5, 3).reshape(-1, self.rounds * self.lanes, k)
        flags: Flags = ordered[: self.groups, : self.size].reshape(-1, k).astype(np.bool_)
        return flags


@lru_cache(maxsize=64)
def best_layout(groups: int, size: int, threads: int) -> Layout:
    candidates = []
    lanes = 1
    while True:
        layout = Layout(groups, size, lanes)
        if layout.rounds <= _MOST_ROUNDS:
            candidates.append(layout)
        if lanes >= size:
            return min(candidates, key=lambda one: one.cost(threads))
        lanes *= 2
