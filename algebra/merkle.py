"""Merkle trees of Poseidon hashes: a node is Poseidon(child_0, …, child_{k-1}), as in circomlib-style circuits.

All trees of one depth have arity^depth leaves; those behind the given ones hold `zero`. Nodes above such leaves
only are equal on each level, so a tree of depth 32 with a few leaves costs a few hashes. This is the tree of
append-only accumulators (index = position); the rollup's state is a sparse tree by hashed key, whose leaves
are hashes of key and value, and shares only the hash of two children with it.

Leaves and inner nodes are hashed alike: whoever checks a path must fix the depth, which `verify_path` and
`verify_paths` ask for. A leaf that was given as `zero` looks like one that was not given.

>>> tree = MerkleTree.build(FrVector.from_ints([1, 2, 3]))
>>> tree.depth, hex(tree.node(1, 0))[:18]
(2, '0x115cc0f5e7d69041')
>>> verify_path(tree.root, 3, tree.path(2), depth=2)
True
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra import aligned
from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import Block, blocks_for, fr
from zkroll.algebra.kernels.layout import LANES, LIMBS
from zkroll.algebra.kernels.merkle_kernels import pick
from zkroll.algebra.kernels.poseidon_kernels import GROUPS, WIDEST
from zkroll.algebra.kernels.threads import map_ranges
from zkroll.algebra.poseidon import poseidon_hash
from zkroll.algebra.vector import FrVector
from zkroll.errors import InputError

MAX_DEPTH = 62  # of binary trees, as many leaves in others: indices are signed 64-bit integers
_CHUNK = 64  # blocks hashed at a time: their inputs stay in the cache


@dataclass(frozen=True)
class MerklePath:
    """The path of one leaf: per level, from the leaf up, the other children of its parent, in their order."""

    index: int
    siblings: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class MerklePaths:
    """The paths of m leaves: indices (m,) int64, siblings (depth, arity - 1, blocks of m, 5, 8) as in MerklePath."""

    indices: NDArray[np.int64]
    siblings: Block

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True, eq=False)
class MerkleTree:
    """A tree of arity^depth leaves, of which the first `count` are given; made by `MerkleTree.build`.

    `nodes` is a read-only block array (nb, 5, 8) of all levels one after the other, the leaves first, each
    padded to whole blocks; level l holds ceil(count / arity^l) nodes. `zeros` are the roots of the trees of
    depth 0..depth without given leaves.
    """

    arity: int
    depth: int
    count: int
    zeros: tuple[int, ...]
    nodes: Block

    @classmethod
    def build(
        cls,
        leaves: FrVector | Block,
        count: int | None = None,
        *,
        arity: int = 2,
        depth: int | None = None,
        zero: int = 0,
        threads: int | None = None,
    ) -> MerkleTree:
        """Return the tree of `count` leaves (default: all), which are copied.

        `leaves` is a vector or a block array (nb, 5, 8) of values below 2p; arity 2..16; `depth` defaults to the
        least with room for the leaves; `zero` in 0..r-1 stands in all other leaves. Raises InputError.
        """
        blocks, n = _elements(leaves, count, "leaves")
        _check_shape(depth or 0, arity)
        if depth is None:
            depth = 0
            while arity**depth < n:
                depth += 1
        if n > arity**depth:
            raise InputError(f"merkle tree: leaves: expected at most {arity**depth}, got {n}")
        _check_value(zero, "zero")
        zeros = _zero_subtrees(depth, arity, zero)
        counts = _counts(n, arity, depth)
        edges = _edges(counts)
        nodes = aligned.empty((edges[-1], LIMBS, LANES))
        _fill_level(nodes[: edges[1]], blocks, n, fr.from_ints([zero]))
        for level, empty in enumerate(zeros[:-1]):
            below, above = nodes[edges[level] : edges[level + 1]], nodes[edges[level + 1] : edges[level + 2]]
            _hash_level(above, below, arity, fr.from_ints([empty]), threads)
        nodes.setflags(write=False)
        return cls(arity, depth, n, zeros, nodes)

    @property
    def capacity(self) -> int:
        """How many leaves the tree has, given or not."""
        return int(self.arity**self.depth)

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """How many nodes each level holds, from the leaves to the root."""
        return tuple(_counts(self.count, self.arity, self.depth))

    @cached_property
    def levels(self) -> tuple[Block, ...]:
        """The levels from the leaves to the root, as read-only block arrays; padding holds the zero subtree."""
        return tuple(self.nodes[begin:end] for begin, end in pairwise(_edges(self.counts)))

    @property
    def root(self) -> int:
        """The root, 0..r-1."""
        return self.node(self.depth, 0)

    def node(self, level: int, index: int) -> int:
        """Return node `index` of a level (0: the leaves), 0..r-1; raises InputError outside the tree."""
        if not 0 <= level <= self.depth or not 0 <= index < self.arity ** (self.depth - level):
            raise InputError(
                f"merkle tree: expected a node of depth {self.depth}, got {index} of level {level}"
            )
        if index >= self.counts[level]:
            return self.zeros[level]
        at, lane = divmod(index, LANES)
        return fr.to_ints(self.levels[level][at : at + 1])[lane]

    def path(self, index: int) -> MerklePath:
        """Return the path of leaf `index`, given or not; raises InputError outside the tree."""
        rows = []
        at = self._indices([index]).tolist()[0]
        for level in range(self.depth):
            first = at - at % self.arity
            others = (first + place for place in range(self.arity) if first + place != at)
            rows.append(tuple(self.node(level, other) for other in others))
            at //= self.arity
        return MerklePath(int(index), tuple(rows))

    def paths(self, indices: Sequence[int] | NDArray[Any]) -> MerklePaths:
        """Return the paths of many leaves, given or not; raises InputError for indices outside the tree."""
        at = self._indices(indices)
        held = at.copy()
        siblings = np.empty((self.depth, self.arity - 1, blocks_for(len(at)), LIMBS, LANES), dtype=np.uint64)
        for level, row in enumerate(siblings):
            missing = _limbs(fr.from_ints([self.zeros[level]]))
            first, place = at - at % self.arity, at % self.arity
            for k, out in enumerate(row):
                pick(self.levels[level], first + k + (place <= k), missing, out)
            at = at // self.arity
        return MerklePaths(held, siblings)

    def _indices(self, indices: Sequence[int] | NDArray[Any]) -> NDArray[np.int64]:
        return _checked_indices(indices, self.capacity)


def verify_path(root: int, leaf: int, path: MerklePath, *, depth: int, arity: int = 2) -> bool:
    """Return whether the path leads from the leaf to the root of a tree of this depth and arity.

    Raises InputError for another shape, an index outside the tree, and values that are not in 0..r-1.
    """
    _check_shape(depth, arity)
    shape = [len(row) for row in path.siblings]
    if shape != [arity - 1] * depth:
        raise InputError(f"merkle path: expected {depth} levels of {arity - 1} siblings, got {shape}")
    for value in (value for row in path.siblings for value in row):
        _check_value(value, "sibling")
    siblings = np.empty((depth, arity - 1, 1, LIMBS, LANES), dtype=np.uint64)
    for level, row in enumerate(path.siblings):
        for k, value in enumerate(row):
            siblings[level, k] = fr.from_ints([value])
    _check_value(leaf, "leaf")
    paths = MerklePaths(np.array(_checked_indices([path.index], arity**depth)), siblings)
    return bool(verify_paths(root, fr.from_ints([leaf]), paths, depth=depth, arity=arity)[0])


def verify_paths(
    root: int,
    leaves: FrVector | Block,
    paths: MerklePaths,
    *,
    depth: int,
    arity: int = 2,
    threads: int | None = None,
) -> NDArray[np.bool_]:
    """Return (m,): whether each path leads from its leaf to the root of a tree of this depth and arity.

    `leaves` holds m elements (a block array may be longer). Raises InputError for other shapes, indices outside
    the tree and a root that is not in 0..r-1.
    """
    _check_value(root, "root")
    _check_shape(depth, arity)
    indices = _checked_indices(paths.indices, arity**depth)
    size = blocks_for(len(indices))
    expected = (depth, arity - 1, size, LIMBS, LANES)
    siblings = paths.siblings
    if not isinstance(siblings, np.ndarray) or siblings.shape != expected or siblings.dtype != np.uint64:
        raise InputError(f"merkle paths: siblings: expected {expected} uint64, got {_described(siblings)}")
    blocks, count = _elements(leaves, None if isinstance(leaves, FrVector) else len(indices), "leaves")
    if count != len(indices):
        raise InputError(f"merkle paths: leaves: expected {len(indices)}, got {count}")
    padded = np.zeros(size * LANES, dtype=np.int64)
    padded[: len(indices)] = indices
    found = np.empty((size, LIMBS, LANES), dtype=np.uint64)

    def run(begin: int, end: int) -> None:
        for first in range(begin, end, _CHUNK):
            part = slice(first, min(first + _CHUNK, end))
            at = padded[part.start * LANES : part.stop * LANES].reshape(-1, 1, LANES)
            current = blocks[part]
            for row in siblings[:, :, part]:
                current = poseidon_hash(_children(current, row, at % arity), len(current) * LANES, threads=1)
                at = at // arity
            found[part] = current

    map_ranges(run, size, threads, GROUPS)
    return fr.is_zero(fr.sub(found, root), len(indices))


def _children(current: Block, siblings: Block, place: NDArray[np.int64]) -> list[Block]:
    """The children of the parents of `current`, which stands at `place` among them, as one array per place."""
    others = len(siblings)
    return [
        np.where(
            place == k, current, np.where(place > k, siblings[min(k, others - 1)], siblings[max(k - 1, 0)])
        )
        for k in range(others + 1)
    ]


def _hash_level(above: Block, below: Block, arity: int, empty: Block, threads: int | None) -> None:
    """Fill the blocks of `above` with the hashes of `arity` neighbours of `below`, `empty` behind its end."""
    missing = _limbs(empty)

    def run(begin: int, end: int) -> None:
        columns = np.empty((arity, min(_CHUNK, end - begin), LIMBS, LANES), dtype=np.uint64)
        for first in range(begin, end, _CHUNK):
            last = min(first + _CHUNK, end)
            parents = np.arange(first * LANES, last * LANES, dtype=np.int64)
            inputs = [column[: last - first] for column in columns]
            for k, column in enumerate(inputs):
                pick(below, parents * arity + k, missing, column)
            poseidon_hash(inputs, (last - first) * LANES, threads=1, out=above[first:last])

    map_ranges(run, len(above), threads, GROUPS)


def _fill_level(out: Block, leaves: Block, n: int, zero: Block) -> None:
    out[:] = leaves[: len(out)]
    if n % LANES:
        out[-1, :, n % LANES :] = _limbs(zero)[:, None]


@lru_cache(maxsize=64)
def _zero_subtrees(depth: int, arity: int, zero: int) -> tuple[int, ...]:
    roots = [zero]
    block = fr.full(LANES, zero)
    for _ in range(depth):
        block = poseidon_hash([block] * arity, LANES)
        roots.append(fr.to_ints(block, 1)[0])
    return tuple(roots)


def _counts(n: int, arity: int, depth: int) -> list[int]:
    return [-(-n // arity**level) for level in range(depth + 1)]


def _edges(counts: Sequence[int]) -> list[int]:
    """Where the levels begin among the blocks, and where the last one ends."""
    return [0, *np.cumsum([blocks_for(count) for count in counts]).tolist()]


def _limbs(block: Block) -> NDArray[np.uint64]:
    """The limbs (5) of the first element."""
    return np.ascontiguousarray(block[0, :, 0])


def _elements(values: FrVector | Block, count: int | None, what: str) -> tuple[Block, int]:
    """The block array, contiguous and of just the blocks needed, and how many elements count."""
    if isinstance(values, FrVector):
        blocks, n = values.blocks, len(values)
    elif isinstance(values, np.ndarray) and values.dtype == np.uint64 and values.shape[1:] == (LIMBS, LANES):
        blocks, n = values, len(values) * LANES
    else:
        raise InputError(
            f"merkle tree: {what}: expected a vector over Fr or (nb, 5, 8) uint64, got {_described(values)}"
        )
    if count is not None and not 0 <= count <= n:
        raise InputError(f"merkle tree: {what}: expected a count of 0..{n}, got {count}")
    n = n if count is None else count
    return np.ascontiguousarray(blocks[: blocks_for(n)]), n


def _checked_indices(indices: Sequence[int] | NDArray[Any], capacity: int) -> NDArray[np.int64]:
    try:
        given = np.asarray(indices)
        fits = given.ndim == 1 and (given.dtype.kind in "iu" or given.size == 0)
        bad = given[(given < 0) | (given >= capacity)] if fits else given[:0]
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"merkle paths: expected indices 0..{capacity - 1}, got others") from error
    if not fits:
        raise InputError(f"merkle paths: expected a row of integer indices, got {_described(given)}")
    if len(bad):
        raise InputError(f"merkle paths: expected indices 0..{capacity - 1}, got {bad[0]}")
    return np.ascontiguousarray(given, dtype=np.int64)


def _check_shape(depth: int, arity: int) -> None:
    if not 2 <= arity < WIDEST:
        raise InputError(f"merkle tree: arity: expected 2..{WIDEST - 1}, got {arity}")
    if not 0 <= depth <= MAX_DEPTH or arity**depth > 1 << MAX_DEPTH:
        raise InputError(f"merkle tree: expected a depth with at most 2^{MAX_DEPTH} leaves, got {depth}")


def _check_value(value: int, what: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < R_MODULUS:
        raise InputError(f"merkle tree: {what}: expected an integer in 0..r-1, got {value!r}")


def _described(value: object) -> str:
    return f"{value.shape} {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
