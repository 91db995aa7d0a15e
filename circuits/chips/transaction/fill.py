"""Fills the chip ``transaction``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import fr
from zkroll.circuits.air.gadgets import limbs16
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import BRIDGE_ADDRESS, CONTEXT, TX_SPAN
from zkroll.circuits.chips.limbs import I64, U64, inverse, limbs_of
from zkroll.circuits.chips.poseidon import poseidon_limbs
from zkroll.circuits.chips.transaction.access import (
    Spans,
    access_columns,
    fixed_limbs,
    schedule,
    spans,
)
from zkroll.circuits.chips.transaction.amounts import amounts, gas
from zkroll.circuits.native_rules import HEAD_WORDS, LARGEST_NONCE, LAST_PRECOMPILE
from zkroll.circuits.source import BatchTrace, TransactionTrace
from zkroll.errors import ProvingError


def fill_transactions(ctx: FillContext, opcodes: Sequence[int]) -> dict[str, ColumnData] | None:
    """All columns of the chip; ``opcodes`` is the order of ``asked``."""
    source = ctx.source
    transactions: Sequence[TransactionTrace] = source.transactions
    count = len(transactions)
    if not count:
        return None
    span = spans(ctx)
    columns: dict[str, ColumnData] = {}
    spent, moved = gas(ctx, span), amounts(ctx, span)
    accesses = schedule(ctx, span, moved)
    for name in ("nonce", "pay", "credit", "undo", "settle", "reward", "code", "from", "to"):
        columns.update(access_columns(name, accesses[name].time, accesses[name].before))
    balances = {name: accesses[name].word for name in ("pay", "credit", "undo", "settle", "reward")}
    after = {
        name: limbs16(_sum(balances[name], change)[:, :2], 8)
        for name, change in (("pay", moved.pay), ("credit", moved.value), ("reward", moved.reward))
    }

    key_x = limbs_of(tx.public_key[0] for tx in transactions)
    key_y = limbs_of(tx.public_key[1] for tx in transactions)
    key_hash = poseidon_limbs(key_x, key_y)
    rest = np.zeros((count, 2), dtype=np.uint64)  # the hash's bits from 160 up
    rest[:, 0] = key_hash[:, 2] >> np.uint64(32) | key_hash[:, 3] << np.uint64(32)
    rest[:, 1] = key_hash[:, 3] >> np.uint64(32)
    sender, to = limbs_of(tx.sender for tx in transactions), limbs_of(tx.to for tx in transactions)
    bridge = fixed_limbs(BRIDGE_ADDRESS, count)
    intrinsic = np.array([tx.intrinsic_gas for tx in transactions], dtype=np.uint64)
    limit = np.array([tx.gas_limit for tx in transactions], dtype=np.uint64)
    spare = np.maximum(span.refund, spent.quotient) - np.minimum(span.refund, spent.quotient)
    small, ordinary = _recipients(to)
    nonce = limbs_of(tx.nonce for tx in transactions)
    asked, asked_spans = _counts(ctx, span, opcodes)
    return {
        **columns,
        "active": np.ones(count, dtype=np.uint8),
        "tx": np.arange(count),
        "begin": span.begin,
        "end": span.end,
        "chain_id": fixed_limbs(source.chain_id, count),
        "number": fixed_limbs(source.batch_number, count),
        "timestamp": fixed_limbs(source.timestamp, count),
        "coinbase_hi": fixed_limbs(source.coinbase >> 128, count),
        "coinbase_lo": fixed_limbs(source.coinbase % 2**128, count),
        "length": np.array([len(tx.calldata) for tx in transactions], dtype=np.uint64),
        "gas_limit": limit,
        "from_index": np.array([tx.from_index for tx in transactions], dtype=np.uint64),
        "to_index": np.array([tx.to_index for tx in transactions], dtype=np.uint64),
        "nonce": nonce,
        "from_hi": sender[:, 2:],
        "from_lo": sender[:, :2],
        "to_hi": to[:, 2:],
        "to_lo": to[:, :2],
        "gas_price": np.array([tx.gas_price for tx in transactions], dtype=np.uint64),
        "value": limbs_of(tx.value for tx in transactions),
        "message": limbs_of(tx.message for tx in transactions),
        "nonzero": np.array(
            [len(tx.calldata) - tx.calldata.count(0) for tx in transactions], dtype=np.uint64
        ),
        "fold": _folds(source),
        "small": small,
        "ordinary": ordinary,
        "not_last": inverse(_sum(nonce, fixed_limbs(R_MODULUS - LARGEST_NONCE, count))),
        "key_x": key_x,
        "key_y": key_y,
        "key_hash": key_hash,
        "key_rest": limbs16(rest, 6),
        "gas": limbs16(limit - intrinsic, 2),
        "gas_left": span.gas_left,
        "refund": span.refund,
        "success": span.success,
        "fifth": limbs16(spent.quotient, 2),
        "fifth_rest": spent.remainder,
        "capped": spent.capped,
        "applied": spent.applied,
        "spare": limbs16(spare, 3),
        "payer": balances["pay"],
        "payee": balances["credit"],
        "undone": balances["undo"],
        "settled": balances["settle"],
        "rewarded": balances["reward"],
        "payer_after": after["pay"],
        "payee_after": after["credit"],
        "reward_after": after["reward"],
        "bridge": (to == bridge).all(axis=1),
        "bridge_inverse": _inverse_of_difference(to, bridge),
        "code": accesses["code"].word,
        "code_size": np.array([len(tx.code) for tx in transactions], dtype=np.uint64),
        "spans": asked_spans,
        "asked": asked,
    }


def _folds(source: BatchTrace) -> list[U64]:
    """The message's fold after each word of the head, (n, 4) limbs each."""
    folds, before = [], fixed_limbs(source.chain_id, len(source.transactions))
    for i in range(HEAD_WORDS):
        word = limbs_of(tx.words[i] for tx in source.transactions)
        before = poseidon_limbs(before, word[:, 2:], word[:, :2])
        folds.append(before)
    return folds


def _recipients(to: U64) -> tuple[list[U64], U64]:
    """The products of to - i for i = 0 … 4 and for i = 0 … 8, and the inverse of that for i = 0 … 10."""
    count = to.shape[0]
    products, product = [], fr.from_array(np.ones(count, dtype=np.uint64))
    for root in range(LAST_PRECOMPILE + 1):
        product = fr.mul(product, fr.sub(fr.from_array(to), fr.from_array(fixed_limbs(root, count))))
        products.append(fr.to_limbs(product, count))
    return [products[4], products[8]], inverse(products[LAST_PRECOMPILE])


def _inverse_of_difference(a: U64, b: U64) -> U64:
    return inverse(fr.to_limbs(fr.sub(fr.from_array(a), fr.from_array(b)), a.shape[0]))


def _sum(a: U64, b: U64) -> U64:
    return fr.to_limbs(fr.add(fr.from_array(a), fr.from_array(b)), a.shape[0])


def _counts(ctx: FillContext, span: Spans, opcodes: Sequence[int]) -> tuple[I64, I64]:
    """How often each word of CONTEXT (n, opcodes) and TX_SPAN (n,) are asked for."""
    count = span.begin.shape[0]
    asked, asked_spans = np.zeros((count, len(opcodes)), dtype=np.int64), np.zeros(count, dtype=np.int64)
    words = ctx.requests(CONTEXT)
    column = np.full(256, -1, dtype=np.int64)
    column[list(opcodes)] = np.arange(len(opcodes))
    which = column[words.small("op").astype(np.int64)]
    if (which < 0).any():
        opcode = int(words.small("op")[np.argmin(which)])
        raise ProvingError(f"chip transaction: no context word for opcode {opcode:#x}")
    np.add.at(asked, (_rows(words.small("ctx"), span.begin), which), words.multiplicity)
    requests = ctx.requests(TX_SPAN)
    np.add.at(asked_spans, _rows(requests.small("ctx"), span.begin), requests.multiplicity)
    return asked, asked_spans


def _rows(contexts: U64, begin: I64) -> I64:
    """The transaction that each context belongs to."""
    wanted = contexts.astype(np.int64)
    if not np.isin(wanted, begin).all():
        raise ProvingError("chip transaction: a context is asked for that no transaction opened")
    return np.searchsorted(begin, wanted)
