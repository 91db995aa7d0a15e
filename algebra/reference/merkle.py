"""Merkle trees of Poseidon hashes with Python integers, level by level."""

from __future__ import annotations

from collections.abc import Sequence

from zkroll.algebra.reference.poseidon import poseidon_hash


def zero_subtrees(depth: int, arity: int, zero: int) -> list[int]:
    """Return the roots of trees of depth 0..depth whose leaves are all `zero`."""
    roots = [zero]
    for _ in range(depth):
        roots.append(poseidon_hash([roots[-1]] * arity))
    return roots


def merkle_levels(leaves: Sequence[int], depth: int, arity: int = 2, zero: int = 0) -> list[list[int]]:
    """Return the levels from the leaves to the root; nodes above no given leaf are left out."""
    levels = [list(leaves)]
    for empty in zero_subtrees(depth, arity, zero)[:-1]:
        below = levels[-1]
        filled = [*below, *[empty] * (-len(below) % arity)]
        levels.append([poseidon_hash(filled[i : i + arity]) for i in range(0, len(filled), arity)])
    return levels


def merkle_root(leaves: Sequence[int], depth: int, arity: int = 2, zero: int = 0) -> int:
    """Return the root of the tree with these leaves, and `zero` behind them."""
    top = merkle_levels(leaves, depth, arity, zero)[-1]
    return top[0] if top else zero_subtrees(depth, arity, zero)[-1]


def root_of_path(leaf: int, index: int, siblings: Sequence[Sequence[int]]) -> int:
    """Return the root that a leaf's path leads to: per level, from the leaf up, the other children in order."""
    current = leaf
    for others in siblings:
        index, place = divmod(index, len(others) + 1)
        current = poseidon_hash([*others[:place], current, *others[place:]])
    return current
