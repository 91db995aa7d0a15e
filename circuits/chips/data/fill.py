"""Fills the chip ``data``: where each unit of the batch data lies in its record, then all columns at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import LENGTH, SPACE_CALLDATA, SPACE_DATA, WORDS
from zkroll.circuits.chips.limbs import I64, U64, limbs_of, multiply, wide
from zkroll.circuits.chips.poseidon import poseidon_limbs
from zkroll.circuits.chips.transaction.buses import TX_HEAD
from zkroll.errors import ProvingError

TRANSFER: Final = 1  # kinds of records
CALL: Final = 2
REGISTRATION: Final = 3

UNIT: Final = 16  # bytes
HEADER_UNITS: Final = 2
HEAD_UNITS: Final = 3  # of a call

_TENS: Final = np.array([10**k for k in range(16)], dtype=np.uint64)
_EIGHTS: Final = limbs_of(10 ** (8 * k) for k in range(4))

U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Layout:
    """Where the units of each transaction are: (transactions,) arrays, then (units,) arrays.

    ``owner`` is the transaction of a unit (0 before the first), ``offset`` the unit's number in it (-1 before
    the first), ``body`` its number in the calldata (negative outside).
    """

    starts: I64
    sizes: I64
    lengths: I64
    transfers: NDArray[np.bool_]
    owner: I64
    offset: I64
    body: I64


def fill_data(ctx: FillContext) -> dict[str, ColumnData]:
    """All columns of the chip."""
    source = ctx.source
    if len(source.data) % UNIT:
        raise ProvingError(f"chip data: expected whole units of {UNIT} bytes, got {len(source.data)} bytes")
    octets = np.frombuffer(source.data, dtype=np.uint8).reshape(-1, UNIT)
    rows = octets.shape[0]
    first = HEADER_UNITS + 2 * len(source.registrations)
    at = layout(octets, first, np.array([len(tx.calldata) for tx in source.transactions], dtype=np.int64))
    clocks, folds = _heads(ctx, at.sizes.shape[0])
    number = np.arange(rows)
    inside = at.offset >= 0
    transfer = _of(at.transfers, at) & inside
    call = inside & ~transfer
    body = call & (at.body >= 0)
    final = call & (at.offset == _of(at.sizes, at) - 1)
    before, after = fold(octets, at, folds)
    register = (number >= HEADER_UNITS) & (number < first)
    data_reads, reads = _reads(ctx, rows, at, clocks)
    return {
        "header_a": number == 0,
        "header_b": number == 1,
        "register_a": register & (number % 2 == 0),
        "register_b": register & (number % 2 == 1),
        "transfer": transfer,
        "call_a": call & (at.offset == 0),
        "call_b": call & (at.offset == 1),
        "call_c": call & (at.offset == 2),
        "body": body,
        "ends": final,
        "last": number == rows - 1,
        "even": number % 2 == 0,
        "opens": body & (at.body % 2 == 0),
        "index": number,
        "tx": np.where(inside, at.owner + 1, 0),
        "ctx": np.where(inside, _of(clocks, at), 0),
        "byte": octets,
        "zero": octets == 0,
        "flag": _flags(octets, at, transfer, body & final),
        "before": before,
        "after": after,
        "left": np.where(inside, _of(at.lengths, at) - UNIT * np.maximum(at.body, 0), 0),
        "position": np.where(body, at.body // 2, 0),
        "nonzero": _counted((octets != 0).sum(axis=1) * body, at, inside),
        "data_reads": data_reads,
        "reads": reads,
        **_amounts(octets, transfer, call & (at.offset == 1)),
    }


def layout(octets: U8, first: int, lengths: I64) -> Layout:
    """Where the transactions are that begin at unit ``first``; the kind of each is read from its first byte."""
    units, count = octets.shape[0], lengths.shape[0]
    calls = HEAD_UNITS + -(-lengths // UNIT)
    starts = np.zeros(count, dtype=np.int64)
    kinds = octets[:, 0].tolist()
    place, known = first, 0
    while known < count and place < units:
        starts[known] = place
        place += 1 if kinds[place] == TRANSFER else int(calls[known])
        known += 1
    if known < count or place != units:
        raise ProvingError(f"chip data: expected {count} transactions in {units} units, got other data")
    transfers = octets[starts, 0] == TRANSFER
    sizes = np.where(transfers, 1, calls)
    owner = np.repeat(np.arange(count), sizes)
    offset = np.arange(first, units) - starts[owner]
    body = np.where(transfers[owner], -1, offset - HEAD_UNITS)
    outside = np.full(first, -1, dtype=np.int64)
    return Layout(
        starts, sizes, lengths, transfers, np.concatenate([np.zeros(first, dtype=np.int64), owner]),
        np.concatenate([outside, offset]), np.concatenate([outside, body]),
    )  # fmt: skip


def _of(values: NDArray[Any], at: Layout) -> NDArray[Any]:
    """A value of each unit's transaction; anything outside of transactions."""
    return values[at.owner] if values.shape[0] else np.zeros(at.owner.shape[0], dtype=values.dtype)


def _heads(ctx: FillContext, count: int) -> tuple[I64, U64]:
    """The clock of each transaction's BEGIN row and the fold of its head, as ``transaction`` has them."""
    heads = ctx.requests(TX_HEAD)
    if len(heads) != count:
        raise ProvingError(f"chip data: expected {count} transactions, got {len(heads)} requests")
    clocks, folds = np.zeros(count, dtype=np.int64), np.zeros((count, 4), dtype=np.uint64)
    if count:
        order = heads.small("tx").astype(np.int64)
        clocks[order], folds[order] = heads.small("ctx").astype(np.int64), heads.field("start")
    return clocks, folds


def unit_limbs(octets: U8) -> U64:
    """Big-endian units (rows, 16) as (rows, 2) little-endian limbs."""
    return np.ascontiguousarray(octets[:, ::-1]).view("<u8")


def fold(octets: U8, at: Layout, folds: U64) -> tuple[U64, U64]:
    """The fold of each transaction's message before and after every unit (zero outside), from ``folds`` on."""
    units = unit_limbs(octets)
    before = np.zeros((octets.shape[0], 4), dtype=np.uint64)
    if not at.sizes.size:
        return before, before
    inside = at.offset >= 0
    before[inside] = folds[at.owner[inside]]
    after = before.copy()
    words = np.where(at.transfers, 0, -(-at.lengths // (2 * UNIT)))
    state = folds.copy()
    for word in range(int(words.max())):
        chosen = np.flatnonzero(words > word)
        place = at.starts[chosen] + HEAD_UNITS + 2 * word
        paired = 2 * word + 1 < at.sizes[chosen] - HEAD_UNITS
        lo = np.zeros((chosen.shape[0], 2), dtype=np.uint64)
        lo[paired] = units[place[paired] + 1]
        before[place] = state[chosen]
        state[chosen] = poseidon_limbs(state[chosen], units[place], lo)
        after[place] = state[chosen]
        before[place[paired] + 1] = after[place[paired] + 1] = state[chosen[paired]]
    return before, after


def _flags(octets: U8, at: Layout, transfer: NDArray[np.bool_], closing: NDArray[np.bool_]) -> U8:
    """(rows, 16): the bits of bytes 13 and 15 in transfers, the place of the last byte where calldata ends."""
    flags: U8 = np.unpackbits(octets[:, [13, 15]], axis=1, bitorder="little") * transfer[:, None]
    ending = np.flatnonzero(closing)
    flags[ending, (at.lengths[at.owner[ending]] - 1) % UNIT] = 1
    return flags


def _counted(per_unit: I64, at: Layout, inside: NDArray[np.bool_]) -> I64:
    """Nonzero calldata bytes of the same transaction before each unit."""
    exclusive = np.cumsum(per_unit) - per_unit
    counted: I64 = np.where(inside, exclusive - _of(exclusive[at.starts], at), 0)
    return counted


def _amounts(octets: U8, transfer: NDArray[np.bool_], middle: NDArray[np.bool_]) -> dict[str, ColumnData]:
    """Values and gas prices of transfers and calls, and what they are made of."""
    units = unit_limbs(octets)
    packed = units[:, 0] & np.uint64(2**16 - 1), (units[:, 0] >> np.uint64(16)) & np.uint64(2**40 - 1)
    price, value = (np.where(transfer, number, 0) for number in packed)
    scaled = (value >> np.uint64(5)) * _TENS[value & np.uint64(7)]
    scaled_price = (price >> np.uint64(4)) * _TENS[price & np.uint64(7)]
    values = multiply(wide(scaled), _EIGHTS[(value >> np.uint64(3)) & np.uint64(3)])
    prices = scaled_price * _TENS[price & np.uint64(8)]
    place = np.flatnonzero(middle)
    values[place, :2] = units[place]
    prices[place] = units[place + 1, 1]
    return {"scaled": scaled, "scaled_price": scaled_price, "value": values, "price": prices}


def _reads(ctx: FillContext, rows: int, at: Layout, clocks: I64) -> tuple[I64, I64]:
    """How often each unit is asked for as data, and as calldata (first units: as its length)."""
    data_reads, reads = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64)
    words = ctx.requests(WORDS)
    space, number = words.field("space")[:, 0], words.field("word_index")[:, 0].astype(np.int64)
    mine = space == SPACE_DATA
    if (2 * number[mine] >= rows).any():
        raise ProvingError("chip data: a word beyond the end of the data is asked for")
    np.add.at(data_reads, 2 * number[mine], words.multiplicity[mine])
    mine = space == SPACE_CALLDATA
    tx = _transactions(words.field("id")[mine, 0], clocks)
    if (2 * UNIT * number[mine] >= at.lengths[tx]).any():
        raise ProvingError("chip data: a word beyond the end of calldata is asked for")
    np.add.at(reads, at.starts[tx] + HEAD_UNITS + 2 * number[mine], words.multiplicity[mine])
    lengths = ctx.requests(LENGTH)
    mine = lengths.field("space")[:, 0] == SPACE_CALLDATA
    tx = _transactions(lengths.field("id")[mine, 0], clocks)
    np.add.at(reads, at.starts[tx], lengths.multiplicity[mine])
    return data_reads, reads


def _transactions(contexts: U64, clocks: I64) -> I64:
    """The transaction of each context."""
    asked = contexts.astype(np.int64)
    if not np.isin(asked, clocks).all():
        raise ProvingError("chip data: calldata of an unknown context is asked for")
    return np.searchsorted(clocks, asked)
