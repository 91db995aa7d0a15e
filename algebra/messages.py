"""Batches of byte strings, laid out for the hash kernels: one buffer, and groups of messages of like length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.kernels.threads import map_ranges, thread_count
from zkroll.errors import InputError

Messages = Sequence[bytes] | NDArray[np.uint8]

_GRAIN = 512  # blocks of a group: less is faster on one thread than handed to another


@dataclass(frozen=True)
class Batch:
    """n messages: message i is data[offsets[i]] on, lengths[i] bytes.

    `order` lists messages by rising number of blocks, so that neighbours are of like length.
    """

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int64]
    blocks: NDArray[np.int64]
    order: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.lengths)


def batch_of(messages: Messages, place: str, block: int, padding: int) -> Batch:
    """Lay out `messages`: a sequence of bytes or bytearrays, or an (n, length) uint8 array of n messages.

    A message of l bytes takes (l + padding) // block + 1 blocks. Raises InputError naming `place`.
    """
    if isinstance(messages, np.ndarray):
        if messages.ndim != 2 or messages.dtype != np.uint8:
            raise InputError(
                f"{place}: expected messages (n, length) uint8, got {messages.shape} {messages.dtype}"
            )
        n, length = messages.shape
        data = np.ascontiguousarray(messages).reshape(-1)
        lengths = np.full(n, length, dtype=np.int64)
        offsets = np.arange(n, dtype=np.int64) * length
    else:
        data, lengths = _joined(messages, place)
        offsets = np.cumsum(lengths) - lengths
    blocks = (lengths + padding) // block + 1
    even = len(blocks) == 0 or int(blocks.min()) == int(blocks.max())
    order = np.arange(len(blocks)) if even else np.argsort(blocks, kind="stable")
    return Batch(data, offsets, lengths, blocks, order.astype(np.int64))


def group_blocks(batch: Batch, lanes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each group of `lanes` messages of the order the most blocks of a message, and of all."""
    if len(batch.order) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    blocks = batch.blocks[batch.order]
    starts = np.arange(0, len(blocks), lanes)
    return np.maximum.reduceat(blocks, starts), np.add.reduceat(blocks, starts)


def run_groups(run: Callable[[int, int], None], batch: Batch, lanes: int, threads: int | None) -> None:
    """Call run(begin, end) on ranges of the groups of `lanes` messages, ranges of like cost in parallel."""
    longest, _ = group_blocks(batch, lanes)
    cost = np.concatenate([[0], np.cumsum(longest)])
    parts = max(1, min(thread_count(threads), int(cost[-1]) // _GRAIN))
    if parts == 1:
        if len(longest):
            run(0, len(longest))
        return
    edges = np.searchsorted(cost, [int(cost[-1]) * i // parts for i in range(parts + 1)])

    def part(begin: int, end: int) -> None:
        if edges[begin] < edges[end]:
            run(int(edges[begin]), int(edges[end]))

    map_ranges(part, parts, parts, 1)


def _joined(messages: Sequence[bytes], place: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    if isinstance(messages, (bytes, bytearray, str)) or not isinstance(messages, Sequence):
        raise InputError(f"{place}: expected a sequence of messages, got {type(messages).__name__}")
    listed = list(messages)
    for kind in set(map(type, listed)):
        if not issubclass(kind, (bytes, bytearray)):
            raise InputError(f"{place}: expected messages of bytes, got {kind.__name__}")
    data = np.frombuffer(b"".join(listed), dtype=np.uint8)
    lengths = np.fromiter(map(len, listed), dtype=np.int64, count=len(listed))
    if int(lengths.sum()) != len(data):
        raise InputError(f"{place}: expected messages that stay as they are, got one changed meanwhile")
    return data, lengths
