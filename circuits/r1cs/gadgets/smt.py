"""Sparse Merkle trees of circomlib: proofs that a key is in or not in (SMTVerifier), changes (SMTProcessor).

    leaf = Poseidon(key, value, 1)      node = Poseidon(left, right)      empty = 0

A path goes by the bits of the key, lowest first; 1 goes right. `siblings` run from the root down and are
filled up with zeros; the last is zero. The leaf (or empty place) is at the level L below the last sibling that
is not zero.

Constraints at each level i (n of them):
1. z_i = is_zero(sibling_i), rest_i = z_i·rest_(i+1): whether this and all later siblings are zero, that is,
   i ≥ L. The last is demanded to be zero: rest_(n-1) = 1.                                             (3)
2. node_i = rest_i ? end : Poseidon(swap(bit_i, node_(i+1), sibling_i)). Below L every node is `end`, so that
   the node at L is, and the root is node_0.                                                         (242)
The key's bits are those of its representative below r (`to_bits_canonical`): one path to a key.
Verifier, with the leaves `new` of (key, value) and `old` of (old_key, old_value):
3. end = new to prove that the key is in; to prove that it is not, 0 where the place is empty (is_old0), else
   old, and old_key ≠ key. To prove that it is in, is_old0 is 0.
4. node_0 = root.
Processor (insert, update, delete by the same constraints with the roots exchanged):
5. The old tree has the end old, or 0 where a key is inserted at an empty place.
6. The new tree has the end new. Where another leaf is met, both go down: split_i is 1 at the first level i ≥ L
   at which their paths part, down_i at the levels from L to there. There node_i is a hash too, of node_(i+1)
   (below the split, new) and of sibling_i + split_i·old, where sibling_i = 0.
7. Paths part within the levels: down_(n-1) = 0. An update has old_key = new_key.
Nothing is demanded where `enabled` is 0, or the processor's operation is none.
"""

from __future__ import annotations

from collections.abc import Sequence

from zkroll.circuits.r1cs.builder import Builder
from zkroll.circuits.r1cs.gadgets.bits import FIELD_BITS, Bit, check_bits, constant_bit, to_bits_canonical
from zkroll.circuits.r1cs.gadgets.compare import is_equal, is_zero
from zkroll.circuits.r1cs.gadgets.logic import and_, not_, or_, xor
from zkroll.circuits.r1cs.gadgets.poseidon import poseidon_hash
from zkroll.circuits.r1cs.gadgets.select import select, swap
from zkroll.circuits.r1cs.linear import LinearCombination, Operand
from zkroll.errors import InputError


def leaf_hash(c: Builder, key: Operand, value: Operand, name: str = "leaf") -> LinearCombination:
    """Return Poseidon(key, value, 1)."""
    return poseidon_hash(c, [key, value, 1], name)


def verify_smt(
    c: Builder,
    root: Operand,
    siblings: Sequence[Operand],
    key: Operand,
    value: Operand,
    *,
    old_key: Operand = 0,
    old_value: Operand = 0,
    is_old0: Bit | None = None,
    exclusion: Bit | None = None,
    enabled: Bit | None = None,
    name: str = "smt",
) -> None:
    """Demand that `key` has `value` in the tree or, where `exclusion` is 1, that it is not in the tree.

    old_key, old_value: the leaf met instead of an absent key, ignored where is_old0 is 1.
    """
    on = enabled if enabled is not None else constant_bit(c, 1)
    absent = exclusion if exclusion is not None else constant_bit(c, 0)
    empty = is_old0 if is_old0 is not None else constant_bit(c, 0)
    check_bits(name, [on, absent, empty])
    with c.scope(name):
        rests = _rests(c, siblings, on)
        bits = to_bits_canonical(c, key, "key")
        end = leaf_hash(c, key, value)
        if absent.constant != 0:
            met = c.product(not_(empty), leaf_hash(c, old_key, old_value, "old leaf"), name="met")
            end = select(c, absent, met, end, "end")
            same = and_(c, is_equal(c, old_key, key), not_(empty), "same key")
            c.constrain(and_(c, on, absent), same, 0, "other key")
        c.constrain(and_(c, on, not_(absent)), empty, 0, "place of a leaf")
        node = end
        for i in reversed(range(len(siblings) - 1)):
            with c.scope(f"level {i}"):
                node = select(c, rests[i], end, _parent(c, bits[i], node, siblings[i]), "node")
        c.constrain(on, node - c.lift(root), 0, "root")


def process_smt(
    c: Builder,
    old_root: Operand,
    siblings: Sequence[Operand],
    old_key: Operand,
    old_value: Operand,
    is_old0: Bit,
    new_key: Operand,
    new_value: Operand,
    operation: tuple[Bit, Bit],
    name: str = "smt",
) -> LinearCombination:
    """Return the root after an operation: (0, 0) none, (0, 1) update, (1, 0) insert, (1, 1) delete.

    Siblings are those of the tree without the key inserted or deleted. An update sets new_value for new_key,
    which had old_value. Insertion and deletion of (new_key, new_value) meet the leaf (old_key, old_value) at the
    end of the path, or an empty place where is_old0 is 1.
    """
    first, second = operation
    check_bits(name, [is_old0, first, second])
    with c.scope(name):
        enabled = or_(c, first, second, "enabled")
        rests = _rests(c, siblings, enabled)
        old_bits, bits = to_bits_canonical(c, old_key, "old key"), to_bits_canonical(c, new_key, "new key")
        old, new = leaf_hash(c, old_key, old_value, "old leaf"), leaf_hash(c, new_key, new_value, "new leaf")
        beside = and_(c, first, not_(is_old0), "beside")
        splits, downs = _splits(c, rests, beside, old_bits, bits)
        end = c.product(not_(Bit(first - beside)), old, name="old end")
        node_old, node_new = end, new
        for i in reversed(range(len(siblings))):
            with c.scope(f"level {i}"):
                other = c.product(splits[i], old, plus=siblings[i], name="other")
                hashed = Bit(1 - rests[i] + downs[i] + splits[i])
                node_new = select(c, hashed, _parent(c, bits[i], node_new, other, "new"), new, "new node")
                if i < len(siblings) - 1:
                    parent = _parent(c, bits[i], node_old, siblings[i], "old")
                    node_old = select(c, rests[i], end, parent, "old node")
        delete = and_(c, first, second, "delete")
        before, after = swap(c, delete, node_old, node_new, "roots")
        c.constrain(enabled, before - c.lift(old_root), 0, "old root")
        different = not_(is_equal(c, old_key, new_key, "same key"))
        c.constrain(Bit(second - delete), different, 0, "updated key")
        return select(c, enabled, after, old_root, "new root")


def _rests(c: Builder, siblings: Sequence[Operand], enabled: Bit) -> list[Bit]:
    """For each level whether its sibling and all after it are zero; the last must be, where enabled."""
    if not 2 <= len(siblings) <= FIELD_BITS:
        raise InputError(f"smt: expected 2 to {FIELD_BITS} siblings, got {len(siblings)}")
    rest = is_zero(c, siblings[-1], f"no sibling {len(siblings) - 1}")
    c.constrain(enabled, 1 - rest, 0, "last sibling")
    rests = [rest]
    for i in reversed(range(len(siblings) - 1)):
        rests.append(and_(c, is_zero(c, siblings[i], f"no sibling {i}"), rests[-1], f"no siblings from {i}"))
    return rests[::-1]


def _splits(
    c: Builder, rests: Sequence[Bit], beside: Bit, old_bits: Sequence[Bit], bits: Sequence[Bit]
) -> tuple[list[Bit], list[Bit]]:
    """For each level whether the paths part there, and whether two leaves go further down there."""
    splits, downs = [], []
    above: LinearCombination = constant_bit(c, 0)
    for i, rest in enumerate(rests):
        here = rest - rests[i - 1] if i else rest
        met = c.product(here, beside, plus=above, name=f"met {i}")
        split = c.product(met, xor(c, old_bits[i], bits[i], f"part {i}"), name=f"split {i}")
        above = met - split
        splits.append(Bit(split))
        downs.append(Bit(above))
    c.assert_zero(above, "paths part")
    return splits, downs


def _parent(c: Builder, bit: Bit, node: Operand, sibling: Operand, name: str = "hash") -> LinearCombination:
    return poseidon_hash(c, swap(c, bit, node, sibling, f"{name} order"), name)
