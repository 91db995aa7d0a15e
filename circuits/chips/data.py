"""Chip ``data``: the batch data as published on L1, one 32-byte word a row, in order.

The first word is the header [timestamp 8 bytes | transactions 4 | coinbase 20], then follow the words of each
transaction: two of head, one of value, the calldata padded with zeros.

    first    type = 1 (1 byte), calldata length (3), gas limit (4), nonce (8),
             sender >> 128 (4), recipient >> 128 (4), gas price (8)
    second   sender mod 2^128 (16), recipient mod 2^128 (16)
    third    0 (16), value (16)

Columns
    header, first, second, third, body   what the word is; one of them in used rows, none in padding
    ends, last           the last word of a transaction; the last word of all
    index, tx, ctx       the word's number; transactions begun so far; clock of the transaction's BEGIN row
    byte[32], zero[32]   the bytes, big-endian, and whether each is zero
    before, after        the signed message's fold before and after this word
    left, position       bytes of calldata from this word on; words of calldata before this one
    nonzero              nonzero bytes of calldata before this word
    end_group[8], end_byte[4]  in the last calldata word: its last byte is number 4 group + byte
    data_reads, reads    how often this word is asked for as data; as calldata (first word: the length)

Constraints
    1. "… is a bit", "at most one kind"; "the first row is the header"; "the header comes once"
    2. "a row goes on in a used row" unless it is last; "the data ends at the last row", "… with the last
       word"
    3. "the second word follows", "the third word follows", "calldata follows" where third or body do not end,
       "a transaction follows" a header or an end; "only third and body rows end", "… an end or the header is
       last"
    4. "index counts words", "the header has index 0"; "tx counts first words", "no transaction in the header"
    5. within a transaction: "ctx goes on", "the message goes on" (before' = after), "left goes down" by 32 in
       body rows, "position goes up", "nonzero bytes add up"
    6. first: "type 1", "length", "position 0", "no bytes counted"; third: "value below 2^128", "calldata is
       empty where the value ends"
    7. unused cells: "the header has … 0", "reads only of calldata and length", "padding has … 0"
    8. body ends: "one last group", "one last byte", "the last byte is number left - 1", "padding is zero"
Interactions
    9. BYTE for each byte
   10. serves WORDS and LENGTH of the calldata (space 1, id ctx) and WORDS of the data (space 3)
   11. POSEIDON3 for the fold
   12. receives TX_HEAD, TX_PART from ``transaction``, FRAME from ``statement``

Rows form one stretch by 1. and 2. Its kinds follow the grammar by 3.; ``left`` starts below 2^24, drops by
32 a row and must be 1 … 32 where the body ends (0 where it is empty), so the number of rows is the length's.
``tx`` numbers the transactions 0, 1, … and ``transaction`` asks for each number once. The padding's bytes
are checked only for being zero in the last word, and zero bytes do not count as nonzero: the intrinsic gas
needs only length and nonzero bytes. Read counts are free: an unasked answer unbalances the bus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zkroll.circuits.air.chip import AirBuilder, Chip, Word
from zkroll.circuits.air.expr import Expr, ExprLike, total, weighted
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import BYTE, LENGTH, POSEIDON3, SPACE_CALLDATA, SPACE_DATA, WORDS
from zkroll.circuits.chips.limbs import I64, U64, limbs_of
from zkroll.circuits.chips.poseidon import poseidon_limbs
from zkroll.circuits.chips.transaction.buses import (
    FRAME,
    FRAME_END,
    FRAME_HEADER,
    PART_ADDRESSES,
    PART_MESSAGE,
    PART_VALUE,
    TX_HEAD,
    TX_PART,
)
from zkroll.errors import ProvingError

HEAD_WORDS = 3


def _number(octets: Sequence[Expr]) -> Expr:
    """Big-endian bytes as a number."""
    return weighted(octets[::-1], 256)


class DataChip(Chip):
    """The published batch data."""

    name = "data"
    context_columns = ("index", "tx")

    def define(self, b: AirBuilder) -> None:
        header, first, second = b.bit("header"), b.bit("first"), b.bit("second")
        third, body = b.bit("third"), b.bit("body")
        ends, last = b.bit("ends"), b.bit("last")
        used = total((header, first, second, third, body))
        used_next = total(kind.next for kind in (header, first, second, third, body))
        index, tx, ctx = b.column("index"), b.column("tx"), b.column("ctx")
        octets, zero = b.columns("byte", 32), b.columns("zero", 32)
        before, after = b.column("before"), b.column("after")
        left, position, nonzero = b.column("left"), b.column("position"), b.column("nonzero")
        word = Word(_number(octets[:16]), _number(octets[16:]))
        counted = nonzero + body * total(1 - flag for flag in zero)

        b.constrain("at most one kind", used * (used - 1))
        b.first("the first row is the header", 1 - header)
        b.transition("the header comes once", header.next)
        goes_on = used - last
        b.constrain("a row goes on in a used row", goes_on * (1 - used_next))
        b.transition("the data ends with the last word", (1 - goes_on) * used_next)
        b.last("the data ends at the last row", goes_on)
        b.constrain("the second word follows", first * (1 - second.next))
        b.constrain("the third word follows", second * (1 - third.next))
        b.constrain("calldata follows", (third + body - ends) * (1 - body.next))
        b.constrain("a transaction follows", (header + ends - last) * (1 - first.next))
        b.constrain("only third and body rows end", ends * (1 - third - body))
        b.constrain("an end or the header is last", last * (1 - ends - header))

        b.constrain("index counts words", goes_on * (index.next - index - 1))
        b.constrain("the header has index 0", header * index)
        b.constrain("tx counts first words", goes_on * (tx.next - tx - first.next))
        b.constrain("no transaction in the header", header * tx)
        inside = first + second + third + body - ends
        b.constrain("ctx goes on", inside * (ctx.next - ctx))
        b.constrain("the message goes on", inside * (before.next - after))
        b.constrain("left goes down", inside * (left.next - left + body * 32))
        b.constrain("position goes up", inside * (position.next - position - body))
        b.constrain("nonzero bytes add up", inside * (nonzero.next - counted))

        b.constrain("type 1", first * (octets[0] - 1))
        b.constrain("length", first * (left - _number(octets[1:4])))
        b.constrain("position 0", first * position)
        b.constrain("no bytes counted", first * nonzero)
        b.constrain("value below 2^128", third * word.hi)
        b.constrain("calldata is empty where the value ends", third * ends * left)
        self._padding(b, octets, left, body * ends)

        for i in range(32):
            b.send(f"byte {i}", BYTE, (octets[i], zero[i]), used)
        data_reads, reads = b.column("data_reads"), b.column("reads")
        b.receive("a word of the data", WORDS, (SPACE_DATA, 0, index, word.hi, word.lo), used * data_reads)
        b.receive(
            "a word of calldata", WORDS, (SPACE_CALLDATA, ctx, position, word.hi, word.lo), body * reads
        )
        b.receive("length of calldata", LENGTH, (SPACE_CALLDATA, ctx, left), first * reads)
        b.send("message fold", POSEIDON3, (before, word.hi, word.lo, after), used - header)
        head = (*(_number(octets[i:j]) for i, j in ((4, 8), (8, 16), (16, 20), (20, 24), (24, 32))),)
        b.receive("head", TX_HEAD, (tx - 1, ctx, before, left, *head), first)
        b.receive("addresses", TX_PART, (tx - 1, PART_ADDRESSES, word.hi, word.lo), second)
        b.receive("value", TX_PART, (tx - 1, PART_VALUE, word.lo, 0), third)
        b.receive("message and bytes", TX_PART, (tx - 1, PART_MESSAGE, after, counted), ends)
        frame = tuple(_number(octets[i:j]) for i, j in ((0, 8), (8, 12), (12, 16), (16, 32)))
        b.receive("header of the data", FRAME, (FRAME_HEADER, *frame), header)
        b.receive("end of the data", FRAME, (FRAME_END, index + 1, tx, 0, 0), last)

        for name, column in (
            ("ctx", ctx),
            ("fold before", before),
            ("fold after", after),
            ("left", left),
            ("position", position),
            ("nonzero", nonzero),
        ):
            b.constrain(f"the header has {name} 0", header * column)
        b.constrain("reads only of calldata and length", (used - first - body) * reads)
        b.zero_in_padding(used)

    @staticmethod
    def _padding(b: AirBuilder, octets: Sequence[Expr], left: Expr, closes: Expr) -> None:
        """The last calldata byte of a transaction, by group of four and within it; zeros after it."""
        group, within = b.bits("end_group", 8), b.bits("end_byte", 4)
        b.constrain("one last group", total(group) - closes)
        b.constrain("one last byte", total(within) - closes)
        number = total(flag * (4 * i) for i, flag in enumerate(group))
        number = number + total(flag * i for i, flag in enumerate(within))
        b.constrain("the last byte is number left - 1", closes * (left - 1) - number)
        behind: ExprLike = 0
        for i, octet in enumerate(octets):
            g, r = divmod(i, 4)
            after_last = total(group[:g]) + group[g] * total(within[:r])
            behind = behind + octet * after_last
        b.constrain("padding is zero", behind)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        source = ctx.source
        octets = np.frombuffer(source.data, dtype=np.uint8).reshape(-1, 32)
        rows = octets.shape[0]
        lengths = np.array([len(tx.calldata) for tx in source.transactions], dtype=np.int64)
        sizes = HEAD_WORDS + (lengths + 31) // 32
        if int(sizes.sum()) + 1 != rows:
            raise ProvingError(f"chip data: expected {int(sizes.sum()) + 1} words, got {rows}")
        starts = 1 + np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)  # and the end
        owner = np.repeat(np.arange(len(sizes)), sizes)
        offset = np.arange(1, rows) - starts[owner]
        clocks = _clocks(ctx, len(sizes))

        def per_word(values: NDArray[Any]) -> NDArray[Any]:
            """Values of the transactions' words with a 0 for the header."""
            return np.concatenate([np.zeros((1, *values.shape[1:]), dtype=values.dtype), values])

        body = per_word(offset >= HEAD_WORDS)
        ends = per_word(offset == sizes[owner] - 1) if len(sizes) else body
        position = per_word(np.maximum(offset - HEAD_WORDS, 0))
        left = per_word(lengths[owner] - 32 * np.maximum(offset - HEAD_WORDS, 0))
        before, after = fold(octets, starts, sizes, source.chain_id)
        nonzero = _counted((octets != 0).sum(axis=1) * body, owner, starts)
        closing = (body & ends).nonzero()[0]
        final = left[closing] - 1
        groups, within = np.zeros((rows, 8), dtype=np.uint8), np.zeros((rows, 4), dtype=np.uint8)
        groups[closing, final // 4] = 1
        within[closing, final % 4] = 1
        data_reads, reads = _reads(ctx, rows, starts, sizes, clocks)
        return {
            "header": (np.arange(rows) == 0).astype(np.uint8),
            "first": per_word(offset == 0).astype(np.uint8),
            "second": per_word(offset == 1).astype(np.uint8),
            "third": per_word(offset == 2).astype(np.uint8),
            "body": body.astype(np.uint8),
            "ends": ends.astype(np.uint8),
            "last": (np.arange(rows) == rows - 1).astype(np.uint8),
            "index": np.arange(rows),
            "tx": per_word(owner + 1),
            "ctx": per_word(clocks[owner]),
            "byte": octets,
            "zero": (octets == 0).astype(np.uint8),
            "before": before,
            "after": after,
            "left": left,
            "position": position,
            "nonzero": nonzero,
            "end_group": groups,
            "end_byte": within,
            "data_reads": data_reads,
            "reads": reads,
        }


def _clocks(ctx: FillContext, count: int) -> I64:
    """The clock of each transaction's BEGIN row, as ``transaction`` has it."""
    heads = ctx.requests(TX_HEAD)
    if len(heads) != count:
        raise ProvingError(f"chip data: expected {count} transactions, got {len(heads)} requests")
    clocks = np.zeros(count, dtype=np.int64)
    if count:
        clocks[heads.small("tx").astype(np.int64)] = heads.small("ctx").astype(np.int64)
    return clocks


def word_limbs(octets: NDArray[np.uint8]) -> U64:
    """Big-endian words (rows, 32) as (rows, 4) little-endian limbs."""
    return np.ascontiguousarray(octets[:, ::-1]).view("<u8")


def fold(octets: NDArray[np.uint8], starts: I64, sizes: I64, chain_id: int) -> tuple[U64, U64]:
    """The fold of each transaction's message before and after every word (zero in the header)."""
    words = word_limbs(octets)
    before, after = np.zeros_like(words), np.zeros_like(words)
    if not sizes.size:
        return before, after
    before[starts[:-1]] = limbs_of([chain_id])
    for step in range(int(sizes.max())):
        at = starts[:-1][sizes > step] + step
        after[at] = poseidon_limbs(before[at], words[at, 2:], words[at, :2])
        onward = at[sizes[sizes > step] > step + 1]
        before[onward + 1] = after[onward]
    return before, after


def _counted(per_row: I64, owner: I64, starts: I64) -> I64:
    """Nonzero calldata bytes of the same transaction before each row."""
    exclusive = np.cumsum(per_row) - per_row
    exclusive[1:] -= exclusive[starts[owner]]
    return exclusive


def _reads(ctx: FillContext, rows: int, starts: I64, sizes: I64, clocks: I64) -> tuple[I64, I64]:
    """How often each row is asked for as data, and as calldata (first words: as its length)."""
    data_reads, reads = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64)
    words = ctx.requests(WORDS)
    space, number = words.field("space")[:, 0], words.field("word_index")[:, 0].astype(np.int64)
    mine = space == SPACE_DATA
    if (number[mine] >= rows).any():
        raise ProvingError("chip data: a word beyond the end of the data is asked for")
    np.add.at(data_reads, number[mine], words.multiplicity[mine])
    mine = space == SPACE_CALLDATA
    tx = _transactions(words.field("id")[mine, 0], clocks)
    if (number[mine] >= sizes[tx] - HEAD_WORDS).any():
        raise ProvingError("chip data: a word beyond the end of calldata is asked for")
    np.add.at(reads, starts[tx] + HEAD_WORDS + number[mine], words.multiplicity[mine])
    lengths = ctx.requests(LENGTH)
    mine = lengths.field("space")[:, 0] == SPACE_CALLDATA
    tx = _transactions(lengths.field("id")[mine, 0], clocks)
    np.add.at(reads, starts[tx], lengths.multiplicity[mine])
    return data_reads, reads


def _transactions(contexts: U64, clocks: I64) -> I64:
    """The transaction of each context."""
    asked = contexts.astype(np.int64)
    if not np.isin(asked, clocks).all():
        raise ProvingError("chip data: calldata of an unknown context is asked for")
    return np.searchsorted(clocks, asked)
