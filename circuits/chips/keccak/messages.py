"""Filling ``keccak_sponge``: all rows of all messages at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zkroll.circuits.air.witness import ColumnData, FillContext, Requests
from zkroll.circuits.buses import KECCAK, SPACE_DATA, SPACE_MEMORY, WORDS
from zkroll.circuits.chips.keccak.digits import CHUNK, spread_bits, spread_table
from zkroll.circuits.chips.keccak.permutations import absorbed_states, digest_carries
from zkroll.circuits.chips.keccak.sponge import RATE
from zkroll.circuits.chips.limbs import row_keys
from zkroll.circuits.chips.memory.replay import Accesses, operations, word_bytes
from zkroll.errors import ProvingError

U8 = NDArray[np.uint8]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]


def fill_messages(ctx: FillContext) -> dict[str, ColumnData] | None:
    """The columns for every KECCAK request, and for the batch data if the source has some."""
    asked = _messages(ctx)
    if not len(asked):
        return None
    space, length = asked.small("space"), asked.small("length").astype(np.int64)
    blocks = length // RATE + 1
    absorbing = (17 * blocks + 3) // 4
    rows = absorbing + 1
    start = np.cumsum(rows) - rows
    of = np.repeat(np.arange(len(asked)), rows)
    word = np.arange(int(rows.sum())) - start[of]
    digest = word == absorbing[of]
    end = length[of] - 32 * word
    full = ~digest & (end >= 32)
    ending = ~digest & (end >= 0) & (end < 32)
    read = full | (ending & (end > 0))
    of_words = space[of] != SPACE_MEMORY

    data = np.zeros((len(of), 32), dtype=np.uint8)
    in_memory = np.flatnonzero(read & ~of_words)
    data[in_memory] = _read_memory(ctx, asked, of[in_memory], word[in_memory].astype(np.uint64))
    _read_data(ctx, word, read & (space[of] == SPACE_DATA), data)
    served = np.flatnonzero(read & of_words & (space[of] != SPACE_DATA))
    data[served] = _read_words(ctx, asked, of[served], word[served])
    kept = np.where(np.arange(32) < np.where(full, 32, np.where(ending, end, 0))[:, None], data, 0)
    kept = kept.astype(np.uint8)
    ended = np.flatnonzero(ending)
    kept[ended, end[ended]] = 1
    carries = _digest_carries(kept, start, blocks)
    data[digest] = word_bytes(asked.word("hash_hi", "hash_lo"))

    marks = np.zeros((len(of), 32), dtype=np.uint64)
    marks[ended, end[ended]] = 1
    marks[digest, :16] = carries
    last_lane = np.zeros((len(of), 4), dtype=np.uint64)
    last_lane[start + absorbing - 1, (17 * blocks - 1) % 4] = 1
    return {
        "absorb": ~digest, "digest": digest, "first": word == 0, "full": full, "read": read,
        "of_words": of_words, "end": marks, "last_lane": last_lane, "bytes": data,
        "spread": spread_table()[data],
        "message": _names(kept, start, rows)[of], "word": word,
        **{name: asked.field(name)[of] for name in ("space", "id", "clk", "offset_hi", "length")},
        "offset": asked.field("offset_lo")[of],
    }  # fmt: skip


def _messages(ctx: FillContext) -> Requests:
    """The KECCAK requests; the batch data is hashed whether its own request is already there or not."""
    asked = ctx.requests(KECCAK)
    asked = asked.select(np.repeat(np.arange(len(asked)), asked.multiplicity))
    data = getattr(ctx.source, "data", None)
    if data is None or bool((asked.small("space") == SPACE_DATA).any()):
        return asked
    digest = int(ctx.source.data_hash)
    entries = (SPACE_DATA, 0, 0, 0, 0, len(data), digest >> 128, digest % 2**128)
    own = np.frombuffer(b"".join(v.to_bytes(32, "little") for v in entries), dtype="<u8").reshape(1, -1, 4)
    return Requests(
        KECCAK,
        np.concatenate([own, asked.values]),
        np.concatenate([[1], asked.multiplicity]).astype(np.int64),
    )


def _read_memory(ctx: FillContext, asked: Requests, message: I64, word: U64) -> U8:
    """The windows (rows, 32) that reading rows see, as memory is at their times."""
    offset = asked.field("offset_lo")[message, 0] + np.uint64(32) * word
    reads = Accesses.reads(asked.field("id")[message, 0], asked.small("clk")[message] + word, offset)
    others = operations(ctx)
    return others.joined(reads).windows()[len(others) :]


def _read_data(ctx: FillContext, word: I64, rows: NDArray[Any], data: U8) -> None:
    """The words of the batch data."""
    at = np.flatnonzero(rows)
    if at.size:
        whole = ctx.source.data + bytes(-len(ctx.source.data) % 32)
        data[at] = np.frombuffer(whole, dtype=np.uint8).reshape(-1, 32)[word[at]]


def _read_words(ctx: FillContext, asked: Requests, message: I64, word: I64) -> U8:
    """The words (rows, 32) of other read-only spaces, as the chips filled so far serve them."""
    if not message.size:
        return np.zeros((0, 32), dtype=np.uint8)
    served = ctx.answers(WORDS)
    keys = row_keys(*(served.field(name) for name in ("space", "id", "word_index")))
    wanted = row_keys(asked.field("space")[message], asked.field("id")[message], word.astype(np.uint64))
    _, first, group = np.unique(np.concatenate([keys, wanted]), return_index=True, return_inverse=True)
    at = first[group[keys.shape[0] :]]  # the first of its equals: a served word, if there is one
    if (at >= keys.shape[0]).any():
        raise ProvingError("chip keccak_sponge: a word is hashed that no chip before it serves")
    return word_bytes(served.word("hi", "lo")[at])


def _names(kept: U8, start: I64, rows: I64) -> I64:
    """A number per message, 0, 1, 2, … by first appearance; equal padded messages have equal numbers."""
    known: dict[bytes, int] = {}
    return np.array(
        [
            known.setdefault(kept[begin : begin + count].tobytes(), len(known))
            for begin, count in zip(start.tolist(), rows.tolist(), strict=True)
        ],
        dtype=np.int64,
    )


def _digest_carries(kept: U8, start: I64, blocks: I64) -> U64:
    """(messages, 16) spread carry chunks of the digest lanes.

    ``kept`` (rows, 32) is the padded message but for its last byte's 0x80.
    """
    message = np.repeat(np.arange(blocks.shape[0]), blocks)
    block = np.arange(message.shape[0]) - (np.cumsum(blocks) - blocks)[message]
    first_byte = 32 * start[message] + RATE * block
    flat = kept.reshape(-1)[first_byte[:, None] + np.arange(RATE)]
    final = np.cumsum(blocks) - 1
    flat[final, RATE - 1] |= 0x80
    lanes = np.ascontiguousarray(flat).view("<u8").astype(np.uint64)
    inputs = absorbed_states(block.astype(np.uint64), lanes)
    carries = digest_carries(inputs[final])
    return np.stack([spread_bits(carries[:, j // 4], CHUNK * (j % 4), CHUNK) for j in range(16)], axis=1)
