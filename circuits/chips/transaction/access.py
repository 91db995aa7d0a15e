"""One access to an account field on the STATE bus, and the order of all accesses of a batch for the fills.

Times are 8 clk + k: the BEGIN row's clock has k = 0 … 3, 5 and 6, SELFBALANCE 4, the END row's clock 0 … 2 and,
for storage, 5; the i-th registration of the batch has time 8 (1 + i) + 7, before all clocks. Within a
transaction: sender's nonce, payment by the sender, credit to the recipient, the recipient's code, the registry
of both, what runs, the credit taken back on failure, settlement with the sender, the coinbase's reward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from zkroll.algebra.field import fr
from zkroll.circuits.air.chip import AirBuilder, Word
from zkroll.circuits.air.expr import Expr, ExprLike, weighted
from zkroll.circuits.air.gadgets import limbs16, range16
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import (
    FIELD_BALANCE,
    FIELD_CODE_POSEIDON,
    FIELD_NONCE,
    FIELD_REGISTRY,
    SELFBALANCE,
    STATE,
    TX_BEGIN,
    TX_END,
)
from zkroll.circuits.chips.bridge.places import opening
from zkroll.circuits.chips.limbs import I64, U64, limbs_of, previous, row_keys
from zkroll.errors import ProvingError

BEGIN_NONCE: Final = 0
BEGIN_PAY: Final = 1
BEGIN_CREDIT: Final = 2
BEGIN_CODE: Final = 3
RUN_BALANCE: Final = 4
BEGIN_FROM: Final = 5
BEGIN_TO: Final = 6
END_UNDO: Final = 0
END_SETTLE: Final = 1
END_REWARD: Final = 2
END_STORAGE: Final = 5

WAIT_LIMBS: Final = 3  # times stay below 2^36


def access(
    b: AirBuilder, name: str, place: Sequence[ExprLike], *, time: Expr, old: Word, new: Word, when: Expr
) -> list[Expr]:
    """Take the word ``old`` of ``place`` off the STATE bus and put ``new`` there at ``time`` (``when`` = 1).

    Columns ``name_before`` (time of the access before) and ``name_wait`` (limbs of time - before - 1: time
    goes up, so no access takes its own tuple and the accesses to a place form one chain); they are the result.
    """
    before, wait = b.column(f"{name}_before"), b.columns(f"{name}_wait", WAIT_LIMBS)
    b.constrain(f"{name}: time goes up", weighted(wait, 2**16) - when * (time - before - 1))
    for i, limb in enumerate(wait):
        range16(b, f"{name}_wait[{i}]", limb, when)
    b.receive(f"{name}: word before", STATE, (*place, before, old.hi, old.lo), when)
    b.send(f"{name}: word after", STATE, (*place, time, new.hi, new.lo), when)
    return [before, *wait]


def access_columns(name: str, time: I64, before: I64) -> dict[str, ColumnData]:
    """The columns of ``access``."""
    wait = (time - before - 1).astype(np.uint64)
    return {f"{name}_before": before, f"{name}_wait": limbs16(wait, WAIT_LIMBS)}


@dataclass(frozen=True)
class Access:
    """One kind of access, a row each: its time, the time of the access before and the word before."""

    time: I64
    before: I64
    word: U64


@dataclass(frozen=True)
class Spans:
    """Clocks of the BEGIN and END rows and what END says, by transaction: (n,) each."""

    begin: I64
    end: I64
    gas_left: U64
    refund: U64
    success: U64


def spans(ctx: FillContext) -> Spans:
    """What ``cpu`` says of the transactions' beginnings and ends."""
    count = len(ctx.source.transactions)
    begins, ends = ctx.requests(TX_BEGIN), ctx.requests(TX_END)
    if len(begins) != count or len(ends) != count:
        raise ProvingError(
            f"chip transaction: expected {count} transactions, got {len(begins)} begun and {len(ends)} ended"
        )
    first, last = np.argsort(begins.small("tx")), np.argsort(ends.small("tx"))
    return Spans(
        begins.small("clk")[first].astype(np.int64),
        ends.small("clk")[last].astype(np.int64),
        *(ends.small(name)[last] for name in ("gas_left", "refund", "success")),
    )


@dataclass(frozen=True)
class Amounts:
    """Field elements by transaction, (n, 4) limbs: what moves where."""

    pay: U64  # the sender, negative
    value: U64
    undo: U64  # the recipient, negative or zero
    settle: U64
    reward: U64


def fixed_limbs(value: int, rows: int) -> U64:
    """The same element in every row."""
    return np.repeat(limbs_of([value]), rows, axis=0)


def schedule(ctx: FillContext, span: Spans, amounts: Amounts) -> dict[str, Access]:
    """All accesses to account fields: "nonce", "pay", "credit", "code", "undo", "settle", "reward" and, of the
    registry, "from", "to" with a row per transaction, "balance" with a row per SELFBALANCE request."""
    transactions = ctx.source.transactions
    count = len(transactions)
    sender = limbs_of(tx.sender for tx in transactions)
    to = limbs_of(tx.to for tx in transactions)
    coinbase = fixed_limbs(ctx.source.coinbase, count)
    asked = ctx.requests(SELFBALANCE)
    clocks = asked.field("clk")[:, 0].astype(np.int64)
    owner = np.searchsorted(span.begin, clocks, side="right") - 1
    one, zero = fixed_limbs(1, count), fixed_limbs(0, count)
    from_index = limbs_of(tx.from_index for tx in transactions)
    to_index = limbs_of(tx.to_index for tx in transactions)
    registered = limbs_of(index for index, _ in ctx.source.registrations)
    made = registration_times(registered.shape[0])
    begin, end = 8 * span.begin, 8 * span.end
    kinds: dict[str, tuple[U64, int, I64, U64]] = {
        "nonce": (sender, FIELD_NONCE, begin + BEGIN_NONCE, one),
        "pay": (sender, FIELD_BALANCE, begin + BEGIN_PAY, amounts.pay),
        "credit": (to, FIELD_BALANCE, begin + BEGIN_CREDIT, amounts.value),
        "code": (to, FIELD_CODE_POSEIDON, begin + BEGIN_CODE, zero),
        "undo": (to, FIELD_BALANCE, end + END_UNDO, amounts.undo),
        "settle": (sender, FIELD_BALANCE, end + END_SETTLE, amounts.settle),
        "reward": (coinbase, FIELD_BALANCE, end + END_REWARD, amounts.reward),
        "balance": (to[owner], FIELD_BALANCE, 8 * clocks + RUN_BALANCE, fixed_limbs(0, len(owner))),
        "from": (from_index, FIELD_REGISTRY, begin + BEGIN_FROM, zero),
        "to": (to_index, FIELD_REGISTRY, begin + BEGIN_TO, zero),
        "register": (registered, FIELD_REGISTRY, made, fixed_limbs(0, made.shape[0])),
    }
    address = np.concatenate([a for a, _, _, _ in kinds.values()])
    field = np.concatenate([np.full(t.shape[0], f, dtype=np.uint64) for _, f, t, _ in kinds.values()])
    time = np.concatenate([t for _, _, t, _ in kinds.values()])
    change = np.concatenate([c for _, _, _, c in kinds.values()])
    before, words = _running_words(ctx, address, field, time, change)
    out, at = {}, 0
    for name, (_, _, times, _) in kinds.items():
        rows = slice(at, at + times.shape[0])
        out[name] = Access(times, before[rows], words[rows])
        at += times.shape[0]
    return out


def registration_times(count: int) -> I64:
    """The times of the batch's registrations, which begin behind the header and take two units each."""
    return 8 * (1 + np.arange(count)) + 7


def _running_words(ctx: FillContext, address: U64, field: U64, time: I64, change: U64) -> tuple[I64, U64]:
    """For each access the time of the one before it (0: none) and the word before it (not of the registry)."""
    rows = time.shape[0]
    if not rows:
        return time, change
    last, order = previous([address, field], time)
    leaves = [leaf for leaf in ctx.source.leaves if leaf.field in (0, 1, 2)]
    known = opening(ctx.source)
    found = [known.get((leaf.address, leaf.field, 0), (0, leaf.old_word)) for leaf in leaves]
    places = row_keys(
        limbs_of(leaf.address for leaf in leaves), np.array([leaf.field for leaf in leaves], dtype=np.uint64)
    )
    words = limbs_of(word for _, word in found)
    wanted = row_keys(address, field)
    distinct, index = np.unique(np.concatenate([places, wanted]), return_inverse=True)
    initial = np.zeros((distinct.shape[0], 4), dtype=np.uint64)
    initial[index[: len(leaves)]] = words
    group = index[len(leaves) :]
    opened = np.zeros(distinct.shape[0], dtype=np.int64)
    opened[index[: len(leaves)]] = [at for at, _ in found]
    before = np.where(last >= 0, time[last], opened[group])

    # word before = initial word + changes before it in its group: prefix sums over the sorted accesses
    sums = fr.to_limbs(fr.prefix_sum(fr.from_array(np.ascontiguousarray(change[order]))), rows)
    heads = np.flatnonzero(last[order] < 0)
    head = heads[np.cumsum(last[order] < 0) - 1]
    is_code = field == FIELD_CODE_POSEIDON  # a word, not an amount
    base = np.where(is_code[order][:, None], 0, initial[group[order]])
    value = fr.sub(fr.from_array(sums), fr.from_array(np.ascontiguousarray(sums[head])))
    value = fr.add(value, fr.from_array(np.ascontiguousarray(base)))
    out = np.empty((rows, 4), dtype=np.uint64)
    out[order] = fr.to_limbs(value, rows)
    out[is_code] = initial[group[is_code]]
    return before.astype(np.int64), out
