"""Chip ``state_path``: tree paths, one row per level, from the root (or what was the root) down to a leaf.

A path belongs to one touched leaf and is hashed twice, with the node before and after the change of that
leaf. Where the new leaf pushes another one down (``split`` in ``state_leaf``) the levels that exist only
afterwards are *extended* rows: the old node passes through them unhashed.

Columns
    active, start, end   a row of a path; its first (root) and last (lowest) row
    extended             the level exists only in the new tree
    key                  the leaf's key: the name of the path
    depth                1 at the root's level
    weight, bit          2^(depth - 1) and the key's bit at this level: 0 goes left
    low                  the bits of the levels above: sum of bit * weight
    sibling              the other child
    old_parent, new_parent, old_child, new_child   the nodes on the path, before and after

Constraints; a row *goes on* where it is active and not the end
    1. "… is a bit"; "start, end and extended rows are active"
    2. "the last row does not go on"; "a path goes on in an active row", "… does not start again"
    3. "a path starts with its start row": an active row after one that does not go on is a start
    4. "… at the start": depth 1, weight 1, low 0
    5. "… goes on": the next row has the same key, depth + 1, twice the weight, low + bit * weight, the
       parents that were children here, and is extended if this one is
    6. "an extended level keeps the old node": old_parent = old_child; "… has an empty sibling" above the
       lowest; "the lowest extended sibling is the old node"; "padding has … 0"
Interactions
    7. start: receives TREE_TOP (key, old root, new root)
    8. end: receives TREE_BOTTOM (key, old node, new node, bits of the path, 2^levels, last bit, extended)
    9. sends POSEIDON2 of the children in their order for the parents (old: not where extended)
   10. end: 124 - depth is in the 16-bit table

By 2. and 3. paths are runs of rows from a start to an end, each with one key; ``state_leaf`` asks once for
the top and once for the bottom of a key, and keys are different there, so both come from the same run. Depth
counts rows, far fewer than r, so 10. means what it says: 2^levels <= 2^124, and the bits form an integer
below that. Padding rows are zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from zkroll.circuits.air.chip import AirBuilder, Bus, Chip
from zkroll.circuits.air.expr import Expr
from zkroll.circuits.air.gadgets import range16
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import POSEIDON2
from zkroll.circuits.chips.limbs import I64, U64, limbs_of
from zkroll.circuits.chips.poseidon import poseidon_limbs
from zkroll.circuits.source import LeafUpdate
from zkroll.errors import UnprovableError

TREE_TOP: Final = Bus("tree_top", 71, ("key", "old_root", "new_root"))
TREE_BOTTOM: Final = Bus(
    "tree_bottom", 72, ("key", "old_node", "new_node", "bits", "weight", "last_bit", "extended")
)

MAX_DEPTH: Final = 124


class StatePathChip(Chip):
    """Merkle paths of the touched leaves."""

    name = "state_path"
    context_columns = ("depth",)

    def define(self, b: AirBuilder) -> None:
        active, start, end, extended = b.bit("active"), b.bit("start"), b.bit("end"), b.bit("extended")
        key, depth, weight, bit = b.column("key"), b.column("depth"), b.column("weight"), b.bit("bit")
        low, sibling = b.column("low"), b.column("sibling")
        old_parent, new_parent = b.column("old_parent"), b.column("new_parent")
        old_child, new_child = b.column("old_child"), b.column("new_child")
        for name, flag in (("start", start), ("end", end), ("extended", extended)):
            b.constrain(f"{name} rows are active", flag * (1 - active))

        goes_on = active - end
        b.last("the last row does not go on", goes_on)
        b.constrain("a path goes on in an active row", goes_on * (1 - active.next))
        b.constrain("a path that goes on does not start again", goes_on * start.next)
        b.constrain("a path starts with its start row", (1 - goes_on) * active.next * (1 - start.next))

        b.constrain("depth is 1 at the start", start * (depth - 1))
        b.constrain("weight is 1 at the start", start * (weight - 1))
        b.constrain("no bits at the start", start * low)

        b.constrain("the key goes on", goes_on * (key.next - key))
        b.constrain("depth goes on", goes_on * (depth.next - depth - 1))
        b.constrain("weight goes on", goes_on * (weight.next - weight * 2))
        b.constrain("bits go on", goes_on * (low.next - low - bit * weight))
        b.constrain("the old node goes on", goes_on * (old_parent.next - old_child))
        b.constrain("the new node goes on", goes_on * (new_parent.next - new_child))
        b.constrain("extension goes on", goes_on * extended * (1 - extended.next))

        b.constrain("an extended level keeps the old node", extended * (old_parent - old_child))
        b.constrain("an extended level has an empty sibling", extended * (1 - end) * sibling)
        b.constrain("the lowest extended sibling is the old node", extended * end * (sibling - old_child))

        b.receive("top of the path", TREE_TOP, (key, old_parent, new_parent), start)
        bottom = (key, old_child, new_child, low + bit * weight, weight * 2, bit, extended)
        b.receive("bottom of the path", TREE_BOTTOM, bottom, end)
        b.send("old parent", POSEIDON2, (*_ordered(bit, old_child, sibling), old_parent), active - extended)
        b.send("new parent", POSEIDON2, (*_ordered(bit, new_child, sibling), new_parent), active)
        range16(b, "levels left", MAX_DEPTH - depth, end)
        b.zero_in_padding(active)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        return fill_paths(ctx.source.leaves)


def _ordered(bit: Expr, child: Expr, sibling: Expr) -> tuple[Expr, Expr]:
    """(left, right): the child goes left where ``bit`` is 0."""
    swap = bit * (sibling - child)
    return child + swap, sibling - swap


def first_difference(a: int, b: int) -> int:
    """The lowest bit in which two different integers differ."""
    return ((a ^ b) & -(a ^ b)).bit_length() - 1


def path_levels(leaf: LeafUpdate) -> int:
    """Rows of the path of a leaf: in the new tree where it is an insertion beside another leaf."""
    if leaf.kind == "insert_split" and leaf.other is not None:
        return first_difference(leaf.key, leaf.other[0]) + 1
    return len(leaf.siblings)


def leaf_hashes(keys: U64, values: U64) -> U64:
    """Poseidon(key, value, 1) of (rows, 4) limbs."""
    return poseidon_limbs(keys, values, np.ones(keys.shape[0], dtype=np.uint64))


def value_of_words(words: U64) -> U64:
    """The tree's value of (rows, 4) words: 0 for 0, else Poseidon(hi, lo)."""
    hashed = poseidon_limbs(words[:, 2:], words[:, :2])
    hashed[~words.any(axis=1)] = 0
    return hashed


def bottoms(leaves: Sequence[LeafUpdate]) -> tuple[U64, U64, U64, U64, U64]:
    """Leaf hashes before, after and of the other leaf; then the lowest nodes of the path before and after."""
    kinds = np.array([leaf.kind for leaf in leaves])
    keys = limbs_of(leaf.key for leaf in leaves)
    old = leaf_hashes(keys, value_of_words(limbs_of(leaf.old_word for leaf in leaves)))
    new = leaf_hashes(keys, value_of_words(limbs_of(leaf.new_word for leaf in leaves)))
    others = [leaf.other or (0, 0) for leaf in leaves]
    other = leaf_hashes(limbs_of(k for k, _ in others), limbs_of(v for _, v in others))
    old[kinds != "update"] = 0
    new[kinds == "absent"] = 0
    other[np.array([leaf.other is None for leaf in leaves], dtype=bool)] = 0
    old_node = np.where((kinds == "update")[:, None], old, other)
    new_node = np.where((kinds == "absent")[:, None], other, new)
    return old, new, other, old_node, new_node


def fill_paths(leaves: Sequence[LeafUpdate]) -> Mapping[str, ColumnData] | None:
    """The paths of all leaves, one after the other."""
    levels = np.array([path_levels(leaf) for leaf in leaves], dtype=np.int64)
    rows = int(levels.sum())
    if not rows:
        return None
    if int(levels.max()) > MAX_DEPTH:
        raise UnprovableError(
            f"state tree: expected paths of at most {MAX_DEPTH} levels, got {int(levels.max())}"
        )
    owner = np.repeat(np.arange(len(leaves)), levels)
    first = np.concatenate([[0], np.cumsum(levels)[:-1]])
    depth = np.arange(rows) - first[owner]
    known = np.array([len(leaf.siblings) for leaf in leaves], dtype=np.int64)
    end = depth == levels[owner] - 1
    extended = depth >= known[owner]
    keys = limbs_of(leaf.key for leaf in leaves)[owner]
    bit = _bits_at(keys, depth)

    sibling = np.zeros((rows, 4), dtype=np.uint64)
    sibling[~extended] = limbs_of(s for leaf in leaves for s in leaf.siblings)
    _, _, other, old_node, new_node = bottoms(leaves)
    sibling[extended & end] = other[owner[extended & end]]

    old_child, new_child = np.zeros_like(sibling), np.zeros_like(sibling)
    old_parent, new_parent = np.zeros_like(sibling), np.zeros_like(sibling)
    old_child[end], new_child[end] = old_node[owner[end]], new_node[owner[end]]
    height = levels[owner] - 1 - depth
    for above_end in range(int(levels.max())):
        at = np.flatnonzero(height == above_end)
        new_parent[at] = _parents(bit[at], new_child[at], sibling[at])
        passing = extended[at]
        old_parent[at[passing]] = old_child[at[passing]]
        hashed = at[~passing]
        old_parent[hashed] = _parents(bit[hashed], old_child[hashed], sibling[hashed])
        inner = at[depth[at] > 0]
        old_child[inner - 1], new_child[inner - 1] = old_parent[inner], new_parent[inner]

    masks = _low_masks(depth)
    return {
        "active": np.ones(rows, dtype=np.uint8),
        "start": (depth == 0).astype(np.uint8),
        "end": end.astype(np.uint8),
        "extended": extended.astype(np.uint8),
        "key": keys,
        "depth": depth.astype(np.uint64) + np.uint64(1),
        "weight": _powers(depth),
        "bit": bit,
        "low": keys & masks,
        "sibling": sibling,
        "old_parent": old_parent,
        "new_parent": new_parent,
        "old_child": old_child,
        "new_child": new_child,
    }


def _parents(bit: U64, child: U64, sibling: U64) -> U64:
    swap = (bit == 1)[:, None]
    return poseidon_limbs(np.where(swap, sibling, child), np.where(swap, child, sibling))


def _bits_at(keys: U64, depth: I64) -> U64:
    limb = np.take_along_axis(keys, (depth // 64)[:, None], axis=1)[:, 0]
    return (limb >> (depth % 64).astype(np.uint64)) & np.uint64(1)


def _powers(depth: I64) -> U64:
    """2^depth as (rows, 4) limbs."""
    out = np.zeros((depth.shape[0], 4), dtype=np.uint64)
    out[np.arange(depth.shape[0]), depth // 64] = np.uint64(1) << (depth % 64).astype(np.uint64)
    return out


def _low_masks(depth: I64) -> U64:
    """2^depth - 1 as (rows, 4) limbs."""
    limb = np.arange(4)[None, :]
    full = (depth // 64)[:, None]
    part = ((np.uint64(1) << (depth % 64).astype(np.uint64)) - np.uint64(1))[:, None]
    return np.where(limb < full, ~np.uint64(0), np.where(limb == full, part, np.uint64(0)))
