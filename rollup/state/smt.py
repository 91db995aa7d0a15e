"""Sparse Merkle tree with circomlib's (iden3's) hashing, giving circuit-ready paths.

    leaf   = Poseidon(key, value, 1)          node = Poseidon(left, right)          empty = 0

The path of a key is its bits, least significant first; a bit 0 goes left. A leaf sits at the shallowest
depth at which its path is unique, so the shape depends on the set of keys only. No leaf is ever removed.

Changes are made on the shape first and hashed afterwards, all nodes of one height together: a batch of
touched leaves costs a few kernel calls instead of one hash after another.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from zkroll.errors import InputError, RollupError, UnprovableError
from zkroll.rollup.state.hashing import is_field_element, poseidon, poseidon_many

MAX_DEPTH = 124

LoadNode = Callable[[int], bytes | None]


class Touch(enum.IntEnum):
    """What touching one key does to the tree."""

    UPDATE = 0  # the leaf exists; its value is replaced (by itself when it is only read)
    INSERT_EMPTY = 1  # the path ends at an empty place, the new leaf goes there
    INSERT_BESIDE = 2  # the path ends at another leaf, both move down to where their paths part
    ABSENT_EMPTY = 3  # no leaf and none made: the path ends at an empty place
    ABSENT_BESIDE = 4  # no leaf and none made: the path ends at another leaf


@dataclass(frozen=True, slots=True)
class TreeUpdate:
    """One touched key with its path.

    `siblings` runs from the root down to where the search for `key` ended in the old tree. `other_key` and
    `other_value` are that of the leaf met instead (the BESIDE kinds), else 0. `split` is the depth at which
    the paths of `key` and `other_key` part (INSERT_BESIDE; the new leaves are at depth split + 1 and the
    levels len(siblings)..split-1 between have empty siblings); for every other kind it is len(siblings).
    """

    kind: Touch
    key: int
    old_value: int
    new_value: int
    other_key: int
    other_value: int
    siblings: tuple[int, ...]
    split: int
    old_root: int
    new_root: int

    def recompute(self) -> tuple[int, int]:
        """The old and the new root that follow from the path: what a circuit has to check."""
        old, new = self._ends()
        for depth in reversed(range(len(self.siblings))):
            sibling = self.siblings[depth]
            if self.key >> depth & 1:
                old, new = poseidon(sibling, old), poseidon(sibling, new)
            else:
                old, new = poseidon(old, sibling), poseidon(new, sibling)
        return old, new

    def _ends(self) -> tuple[int, int]:
        if self.kind is Touch.UPDATE:
            return poseidon(self.key, self.old_value, 1), poseidon(self.key, self.new_value, 1)
        other = 0
        if self.kind in (Touch.INSERT_BESIDE, Touch.ABSENT_BESIDE):
            other = poseidon(self.other_key, self.other_value, 1)
        if self.kind in (Touch.ABSENT_EMPTY, Touch.ABSENT_BESIDE):
            return other, other
        new = poseidon(self.key, self.new_value, 1)
        if self.kind is Touch.INSERT_BESIDE:
            new = poseidon(other, new) if self.key >> self.split & 1 else poseidon(new, other)
            for depth in reversed(range(len(self.siblings), self.split)):
                new = poseidon(0, new) if self.key >> depth & 1 else poseidon(new, 0)
        return other, new


@dataclass(slots=True, eq=False)
class _Node:
    """A leaf, a branch, or the promise of one (`loaded` False: only the hash is known)."""

    hash: int | None = None
    loaded: bool = True
    stored: bool = False
    is_leaf: bool = False
    key: int = 0
    value: int = 0
    left: _Node | None = None
    right: _Node | None = None
    height: int = -1  # rounds of hashing until this node's hash is known; -1 when it is known


@dataclass(slots=True)
class _Raw:
    """A TreeUpdate before the hashes are known."""

    kind: Touch
    key: int
    old_value: int
    new_value: int
    other: _Node | None
    siblings: list[_Node | None]
    split: int
    old_root: _Node | None
    new_root: _Node | None


@dataclass(slots=True)
class SparseMerkleTree:
    """A tree over nodes found by hash.

    `load(hash)` gives a stored node's bytes or None; changes stay in memory until `unsaved()` is written.
    """

    load: LoadNode
    root: int = 0
    _top: _Node | None = field(default=None, init=False, repr=False)
    _pending: list[_Node] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        self._top = _promise(self.root)

    def get(self, key: int) -> int | None:
        """The value at `key`, or None when there is no leaf."""
        _check_element("key", key)
        node, depth = self._resolve(self._top), 0
        while node is not None and not node.is_leaf:
            node = self._resolve(node.right if key >> depth & 1 else node.left)
            depth += 1
        return node.value if node is not None and node.key == key else None

    def touch(self, key: int, value: int, *, keep_zero: bool = False) -> TreeUpdate:
        """`touch_many` for one key."""
        return self.touch_many([(key, value)], keep_zero=keep_zero)[0]

    def touch_many(self, touches: Iterable[tuple[int, int]], *, keep_zero: bool = False) -> list[TreeUpdate]:
        """Set each key to its value, in the order given, and give every step's path.

        A key that is only read is touched with the value it has (0 when absent). Zero for an absent key makes
        no leaf unless `keep_zero`. Raises InputError for keys or values outside Fr, UnprovableError where two
        keys share more than MAX_DEPTH - 1 path bits; the tree is then as it was before the call.
        """
        before = self._top
        try:
            raws = [self._touch(key, value, keep_zero) for key, value in touches]
        except Exception:
            self._top = before
            self._pending.clear()
            raise
        self._settle()
        self.root = _hash_of(self._top)
        return [_finish(raw) for raw in raws]

    def unsaved(self) -> list[tuple[int, bytes]]:
        """The nodes of the present tree that the store lacks, as (hash, bytes), children before parents."""
        found: list[tuple[int, bytes]] = []
        stack = [self._top]
        while stack:
            node = stack.pop()
            if node is None or node.stored or not node.loaded:
                continue
            found.append((_hash_of(node), _encode(node)))
            stack += (node.left, node.right)
        found.reverse()
        return found

    def forget(self) -> None:
        """Drop the nodes held in memory; only right once everything unsaved has been stored."""
        self._top = _promise(self.root)

    def _touch(self, key: int, value: int, keep_zero: bool) -> _Raw:
        _check_element("key", key)
        _check_element("value", value)
        old_root = self._top
        siblings: list[_Node | None] = []
        node = self._resolve(old_root)
        while node is not None and not node.is_leaf:
            depth = len(siblings)
            onward, aside = (node.right, node.left) if key >> depth & 1 else (node.left, node.right)
            siblings.append(aside)
            node = self._resolve(onward)
        depth = len(siblings)
        if node is not None and node.key == key:
            kind, split, end = Touch.UPDATE, depth, node
            if value != node.value:
                end = self._leaf(key, value)
                self._top = self._rebuild(key, siblings, end)
            return _Raw(kind, key, node.value, value, None, siblings, split, old_root, self._top)
        if value == 0 and not keep_zero:
            kind = Touch.ABSENT_EMPTY if node is None else Touch.ABSENT_BESIDE
            return _Raw(kind, key, 0, 0, node, siblings, depth, old_root, old_root)
        if node is None:
            self._top = self._rebuild(key, siblings, self._leaf(key, value))
            return _Raw(Touch.INSERT_EMPTY, key, 0, value, None, siblings, depth, old_root, self._top)
        split = _first_difference(key, node.key)
        if split + 1 > MAX_DEPTH:
            raise UnprovableError(
                f"state tree: expected leaves at depth {MAX_DEPTH} at most, keys part only at {split}"
            )
        extended = [*siblings, *[None] * (split - depth), node]
        self._top = self._rebuild(key, extended, self._leaf(key, value))
        return _Raw(Touch.INSERT_BESIDE, key, 0, value, node, siblings, split, old_root, self._top)

    def _rebuild(self, key: int, siblings: list[_Node | None], end: _Node) -> _Node:
        node = end
        for depth in reversed(range(len(siblings))):
            aside = siblings[depth]
            left, right = (aside, node) if key >> depth & 1 else (node, aside)
            height = 1 + max(node.height, -1 if aside is None else aside.height)
            node = _Node(left=left, right=right, height=height)
            self._pending.append(node)
        return node

    def _leaf(self, key: int, value: int) -> _Node:
        leaf = _Node(is_leaf=True, key=key, value=value, height=0)
        self._pending.append(leaf)
        return leaf

    def _settle(self) -> None:
        """Hash all pending nodes, height by height, so that children are always known before parents."""
        leaves = [node for node in self._pending if node.is_leaf]
        by_height: dict[int, list[_Node]] = {}
        for node in self._pending:
            if not node.is_leaf:
                by_height.setdefault(node.height, []).append(node)
        _assign(leaves, poseidon_many([(leaf.key, leaf.value, 1) for leaf in leaves]))
        for height in sorted(by_height):
            nodes = by_height[height]
            _assign(nodes, poseidon_many([(_hash_of(node.left), _hash_of(node.right)) for node in nodes]))
        self._pending.clear()

    def _resolve(self, node: _Node | None) -> _Node | None:
        if node is not None and not node.loaded:
            _fill(node, self.load(_hash_of(node)))
        return node


def _assign(nodes: list[_Node], hashes: list[int]) -> None:
    for node, digest in zip(nodes, hashes, strict=True):
        node.hash, node.height = digest, -1


def _promise(digest: int) -> _Node | None:
    return _Node(hash=digest, loaded=False, stored=True) if digest else None


def _hash_of(node: _Node | None) -> int:
    if node is None:
        return 0
    if node.hash is None:
        raise RollupError("state tree: a node was used before it was hashed")
    return node.hash


def _encode(node: _Node) -> bytes:
    if node.is_leaf:
        return b"\x01" + node.key.to_bytes(32, "big") + node.value.to_bytes(32, "big")
    return b"\x00" + _hash_of(node.left).to_bytes(32, "big") + _hash_of(node.right).to_bytes(32, "big")


def _fill(node: _Node, data: bytes | None) -> None:
    if data is None:
        raise InputError(f"state store: node {_hash_of(node):#x} is missing")
    if len(data) != 65 or data[0] > 1:
        raise InputError(f"state store: node {_hash_of(node):#x}: expected 65 bytes tagged 0 or 1")
    first, second = int.from_bytes(data[1:33], "big"), int.from_bytes(data[33:], "big")
    if data[0] == 1:
        node.is_leaf, node.key, node.value = True, first, second
    else:
        node.left, node.right = _promise(first), _promise(second)
    node.loaded = True


def _finish(raw: _Raw) -> TreeUpdate:
    return TreeUpdate(
        kind=raw.kind,
        key=raw.key,
        old_value=raw.old_value,
        new_value=raw.new_value,
        other_key=raw.other.key if raw.other is not None else 0,
        other_value=raw.other.value if raw.other is not None else 0,
        siblings=tuple(_hash_of(node) for node in raw.siblings),
        split=raw.split,
        old_root=_hash_of(raw.old_root),
        new_root=_hash_of(raw.new_root),
    )


def _first_difference(a: int, b: int) -> int:
    difference = a ^ b
    return (difference & -difference).bit_length() - 1


def _check_element(name: str, value: int) -> None:
    if not is_field_element(value):
        raise InputError(f"state tree: expected a {name} in [0, r), got {value:#x}")
