"""Chips ``withdrawal_leaf`` and ``withdrawal_node``: the Keccak tree over a batch's withdrawals, a row per hash.

    leaf = keccak256(token . recipient . amount), 96 bytes      node = keccak256(left . right), 64 bytes

Levels are paired from the left; a node without a right child has right = 0. The root of one withdrawal is its
leaf; without withdrawals there is no root, and ``statement`` says 0.

Columns of ``withdrawal_leaf``: active; position, token, recipient, amount: the withdrawal; hash.
Columns of ``withdrawal_node``: active; single: there is no right child; level (of the children, leaves have 0),
position (of the node), position_inverse; left, right, hash.

Constraints
    1. "active is a bit", "single is a bit", "only nodes are single"
    2. "no right child, high/low half": right is 0 where single
    3. "the first node has two children": single * 1 = position * position_inverse, so position is not 0 where
       single; "no unused inverse of the position"; "padding has … 0"
Interactions
    4. leaf: receives WITHDRAWAL, puts WITHDRAWAL_NODE (0, position, hash)
    5. node: takes WITHDRAWAL_NODE (level, 2 position, left) and, unless single, (level, 2 position + 1, right);
       puts (level + 1, position, hash)
    6. KECCAK of the words that the row serves under position, or under 64 position + level

Why the root is that of the one tree over the withdrawals in their order. Those who send WITHDRAWAL number it
0, 1, …, n - 1, once each, and ``statement`` takes exactly one node, (L, 0, root) with 0 <= L <= 32, if there is
any. Each tuple of WITHDRAWAL_NODE is put once and taken once, level going up by one on the way, so from every
leaf one path of L nodes leads to the root. Going down from position 0, each step doubles the position and adds 0
or 1: positions at level l are integers below 2^(L - l), nothing wraps. By induction each (l, position) is there
once: a node takes its left child, so two nodes of one position would need it twice. Position 2 p + 1 can only be
taken by the node p above it, so that node has a right child wherever there is one; without one, it is single and
by 3. not the first. So level l + 1 has as many nodes as half the nodes below, rounded up, and there is no level
above that of a single node: L is the depth. WORDS have one server for each id: positions of leaves are distinct,
and so are pairs (level, position) of nodes, level being below 64.

On L1 a claim is a path of Keccak preimages down from the root: those of 64 bytes are nodes, those of 96 bytes
leaves, so an inner node is no leaf; nothing hashes to the 0 of a missing child; and as the leaf of a withdrawal
stands at one place, it has one generalised index. Everybody can build the tree from the batch and claim.
Padding rows are zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np

from zkroll.algebra.keccak import keccak256
from zkroll.circuits.air.chip import AirBuilder, Chip, Word
from zkroll.circuits.air.expr import lift
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import KECCAK, SPACE_WITHDRAWAL, SPACE_WITHDRAWAL_NODE, WORDS
from zkroll.circuits.chips.bridge.buses import WITHDRAWAL, WITHDRAWAL_NODE
from zkroll.circuits.chips.limbs import inverse, limbs_of

LEAF_BYTES: Final = 96
NODE_BYTES: Final = 64
LEVELS: Final = 64  # ids of nodes are 64 position + level


class WithdrawalLeafChip(Chip):
    """Leaves of the tree of withdrawals."""

    name: ClassVar[str] = "withdrawal_leaf"
    context_columns: ClassVar[tuple[str, ...]] = ("position",)

    def define(self, b: AirBuilder) -> None:
        active, position = b.bit("active"), b.column("position")
        token, recipient, amount = b.word("token"), b.word("recipient"), b.column("amount")
        digest = b.word("hash")
        entry = (position, token.hi, token.lo, recipient.hi, recipient.lo, amount)
        b.receive("withdrawal", WITHDRAWAL, entry, active)
        asked = (SPACE_WITHDRAWAL, position, 0, 0, 0, LEAF_BYTES, digest.hi, digest.lo)
        b.send("hash of the leaf", KECCAK, asked, active)
        for i, word in enumerate((token, recipient, Word(lift(0), amount))):
            served = (SPACE_WITHDRAWAL, position, i, word.hi, word.lo)
            b.receive(f"word {i} of the leaf", WORDS, served, active)
        b.send("leaf", WITHDRAWAL_NODE, (0, position, digest.hi, digest.lo), active)
        b.zero_in_padding(active)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        leaves = ctx.source.leaves_withdrawn()
        if not leaves:
            return None
        return {
            "active": np.ones(len(leaves), dtype=np.uint8),
            "position": np.arange(len(leaves)),
            "token": limbs_of(token for token, _, _ in leaves),
            "recipient": limbs_of(recipient for _, recipient, _ in leaves),
            "amount": limbs_of(amount for _, _, amount in leaves),
            "hash": limbs_of(tree_levels(leaves)[0]),
        }


class WithdrawalNodeChip(Chip):
    """Inner nodes of the tree of withdrawals."""

    name: ClassVar[str] = "withdrawal_node"
    context_columns: ClassVar[tuple[str, ...]] = ("level", "position")

    def define(self, b: AirBuilder) -> None:
        active, single = b.bit("active"), b.bit("single")
        level, position, inverted = b.column("level"), b.column("position"), b.column("position_inverse")
        left, right, digest = b.word("left"), b.word("right"), b.word("hash")
        b.constrain("only nodes are single", single * (1 - active))
        b.constrain("no right child, high half", single * right.hi)
        b.constrain("no right child, low half", single * right.lo)
        b.constrain("the first node has two children", position * inverted - single)
        b.constrain("no unused inverse of the position", (1 - single) * inverted)
        id_ = position * LEVELS + level
        asked = (SPACE_WITHDRAWAL_NODE, id_, 0, 0, 0, NODE_BYTES, digest.hi, digest.lo)
        b.send("hash of the node", KECCAK, asked, active)
        for i, child in enumerate((left, right)):
            word = (SPACE_WITHDRAWAL_NODE, id_, i, child.hi, child.lo)
            b.receive(f"word {i} of the node", WORDS, word, active)
        b.receive("left child", WITHDRAWAL_NODE, (level, position * 2, left.hi, left.lo), active)
        above = (level, position * 2 + 1, right.hi, right.lo)
        b.receive("right child", WITHDRAWAL_NODE, above, active - single)
        b.send("node", WITHDRAWAL_NODE, (level + 1, position, digest.hi, digest.lo), active)
        b.zero_in_padding(active)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        levels = tree_levels(ctx.source.leaves_withdrawn())
        if len(levels) < 2:
            return None
        counts = [len(level) for level in levels[1:]]
        position = np.concatenate([np.arange(count) for count in counts])
        single = np.zeros(position.shape[0], dtype=np.uint64)
        single[np.cumsum(counts) - 1] = [len(level) % 2 for level in levels[:-1]]
        pairs = [pair for level in levels[:-1] for pair in _pairs(level)]
        inverted = inverse(position)
        inverted[single == 0] = 0
        return {
            "active": np.ones(position.shape[0], dtype=np.uint8),
            "single": single,
            "level": np.repeat(np.arange(len(counts)), counts),
            "position": position,
            "position_inverse": inverted,
            "left": limbs_of(left for left, _ in pairs),
            "right": limbs_of(right for _, right in pairs),
            "hash": limbs_of(node for level in levels[1:] for node in level),
        }


def tree_levels(leaves: list[tuple[int, int, int]]) -> list[list[int]]:
    """Hashes of the leaves, then of the nodes of each level up to the root; empty without leaves."""
    levels = [[_hash(leaf) for leaf in leaves]] if leaves else []
    while levels and len(levels[-1]) > 1:
        levels.append([_hash(pair) for pair in _pairs(levels[-1])])
    return levels


def _pairs(level: list[int]) -> list[tuple[int, int]]:
    """The children of the nodes above a level; a missing right one is 0."""
    return list(zip(level[::2], [*level[1::2], 0] if len(level) % 2 else level[1::2], strict=True))


def _hash(words: tuple[int, ...]) -> int:
    return int.from_bytes(keccak256(b"".join(word.to_bytes(32, "big") for word in words)), "big")
