"""What the bridge's chips share: addresses with a checked top, token slots, and the debit or credit of a word.

A token's balances lie on L2 where the ERC-20 contract of the examples keeps them: the balance of ``owner`` in
slot keccak256(owner . 1), the supply in slot 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from zkroll.circuits.air.chip import AirBuilder, Word
from zkroll.circuits.air.expr import Expr, ExprLike, weighted
from zkroll.circuits.air.gadgets import limbs16, range16, range_limbs
from zkroll.circuits.air.witness import ColumnData
from zkroll.circuits.buses import KECCAK, SPACE_OWNER, WORDS
from zkroll.circuits.chips.limbs import U64

#: slots of a token contract: number of its mapping of balances, and the slot of its supply
BALANCES_SLOT: Final = 1
SUPPLY_SLOT: Final = 0

BASE: Final = 2**128


def joined(word: Word) -> Expr:
    """The word as one field element; for addresses, whose halves are below 2^32 and 2^128."""
    return word.hi * BASE + word.lo


def address(b: AirBuilder, name: str, when: Expr) -> Word:
    """A word ``name`` whose high half has 32 bits: limbs ``name_top``. Who sends or takes it bounds the low half."""
    word = b.word(name)
    range_limbs(b, f"{name}_top", word.hi, 32, when)
    return word


def address_columns(name: str, words: U64) -> dict[str, ColumnData]:
    """The columns of ``address``."""
    return {name: words, f"{name}_top": limbs16(words[:, 2:], 2)}


def token_slot(b: AirBuilder, owner: Word, slot: Word, when: Expr) -> None:
    """``slot`` is keccak256(owner . 1).

    The words are served under the owner's address, of which they are a function: whichever row serves them,
    they are the right ones.
    """
    b.send("slot of the balance", KECCAK, (SPACE_OWNER, joined(owner), 0, 0, 0, 64, slot.hi, slot.lo), when)
    b.receive("owner hashed for the slot", WORDS, (SPACE_OWNER, joined(owner), 0, owner.hi, owner.lo), when)
    number = (SPACE_OWNER, joined(owner), 1, 0, BALANCES_SLOT)
    b.receive("mapping hashed for the slot", WORDS, number, when)


def zero_flag(b: AirBuilder, name: str, value: Expr, when: Expr) -> Expr:
    """A column ``name`` that is 1 where ``value`` is 0 in rows with ``when``; 0 elsewhere. Nothing is free in it."""
    flag, inverted = b.column(name), b.column(f"{name}_inverse")
    b.constrain(f"{name} only at zero", flag * value)
    b.constrain(f"{name} at every zero", inverted * value + flag - when)
    b.constrain(f"{name}: no unused inverse", flag * inverted)
    return flag


@dataclass(frozen=True)
class Changed:
    """A word after a change: limbs of its halves, and the carries out of them."""

    word: Word
    cells: tuple[Expr, ...]
    carry: Expr
    top_carry: Expr


def changed(b: AirBuilder, name: str, when: Expr) -> Changed:
    """The columns of a word that a change leaves: ``name_hi[8]``, ``name_lo[8]``, ``name_carry``, ``name_top_carry``."""
    hi, lo = b.columns(f"{name}_hi", 8), b.columns(f"{name}_lo", 8)
    for half, limbs in (("hi", hi), ("lo", lo)):
        for i, limb in enumerate(limbs):
            range16(b, f"{name}_{half}[{i}]", limb, when)
    word = Word(weighted(hi, 2**16), weighted(lo, 2**16))
    carry, top_carry = b.bit(f"{name}_carry"), b.bit(f"{name}_top_carry")
    return Changed(word, (*hi, *lo, carry, top_carry), carry, top_carry)


def change(old: Word, amount: ExprLike, sign: Expr, after: Changed) -> Word:
    """old + sign * amount modulo 2^256, for sign 1 or -1 and an amount below 2^128, with these carries.

    hi' = hi + sign (carry - 2^128 top_carry), lo' = lo + sign (amount - 2^128 carry). The halves after are in
    range for one choice of carries only.
    """
    return Word(
        old.hi + sign * (after.carry - after.top_carry * BASE),
        old.lo + sign * (amount - after.carry * BASE),
    )


def change_columns(
    name: str, old: U64, amount: U64, negative: NDArray[np.bool_]
) -> tuple[dict[str, ColumnData], U64]:
    """The columns of ``changed`` for old -/+ amount, (rows, 4) limbs each, and the words after."""
    rows = old.shape[0]
    after, carry, top = np.zeros_like(old), np.zeros(rows, np.uint64), np.zeros(rows, np.uint64)
    running = np.zeros(rows, dtype=np.uint64)
    for k in range(4):
        total = old[:, k] + amount[:, k]
        grown = total + running
        over = ((total < old[:, k]) | (grown < total)).astype(np.uint64)
        less = old[:, k] - amount[:, k]
        shrunk = less - running
        under = ((old[:, k] < amount[:, k]) | (less < running)).astype(np.uint64)
        after[:, k] = np.where(negative, shrunk, grown)
        running = np.where(negative, under, over)
        if k == 1:
            carry = running
    top = running
    return {
        f"{name}_hi": limbs16(after[:, 2:], 8),
        f"{name}_lo": limbs16(after[:, :2], 8),
        f"{name}_carry": carry,
        f"{name}_top_carry": top,
    }, after


def unused(b: AirBuilder, name: str, when: Expr, *cells: Expr) -> None:
    """The cells are 0 in rows without ``when``, so that nothing is free there."""
    for i, value in enumerate(cells):
        b.constrain(f"no unused {name}" + (f" [{i}]" if len(cells) > 1 else ""), (1 - when) * value)
