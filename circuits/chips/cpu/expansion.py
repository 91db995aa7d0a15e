"""What EXPAND answers, over arrays: the price of memory (Yellow Paper, appendix H: 3w + w²/512)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from zkroll.circuits.buses import TOO_LARGE_GAS

I64 = NDArray[np.int64]

_LIMIT: Final = 2**32


@dataclass(frozen=True)
class Expansion:
    """Memory words after, words and bytes of the range, and gas; (n,) each."""

    words_after: I64
    length_words: I64
    length_bytes: I64
    gas: I64


def memory_cost(words: I64) -> I64:
    """Total price of a memory of so many words (below 2^27)."""
    cost: I64 = 3 * words + words * words // 512
    return cost


def expand(words_before: I64, offset: NDArray[np.uint64], length: NDArray[np.uint64]) -> Expansion:
    """Touch ``length`` bytes at ``offset``, (n, 4) limbs, of memories of ``words_before`` words, (n,)."""
    touches = length.any(axis=1)
    fits = ~offset[:, 1:].any(axis=1) & ~length[:, 1:].any(axis=1)
    fits &= (offset[:, 0] < _LIMIT) & (length[:, 0] < _LIMIT)
    o, n = np.where(fits, offset[:, 0], 0).astype(np.int64), np.where(fits, length[:, 0], 0).astype(np.int64)
    fits &= o + n < _LIMIT
    small = touches & fits
    needed = np.where(small, (o + n + 31) // 32, 0)
    after = np.maximum(words_before, needed)
    gas = np.where(touches & ~fits, TOO_LARGE_GAS, memory_cost(after) - memory_cost(words_before))
    return Expansion(after, np.where(small, (n + 31) // 32, 0), np.where(small, n, 0), gas)
