"""Chip ``state_leaf``: the places that a batch touches, one row each, in ascending order of their keys.

A row takes one place (address, field, slot) out of the old tree, hands its word to the STATE bus at time 0,
takes the word of the last access back and puts it into the tree: roots go from row to row, from the old to
the new one.

Columns
    update, insert, split, absent, beside   what happens; at most one, none in padding rows:
        the leaf exists; it is put into an empty place; it is put beside the leaf found at its place;
        it does not exist and stays away, its place being empty; the same, another leaf being at its place
    address, field, slot; old, new   the place and its words before and after the batch
    last_time            time of the last access (0: none)
    old_zero, new_zero (+ _inverse)  the word is zero
    old_value, new_value what the tree holds for the words: 0 or Poseidon2(word)
    key_hi[8], key_lo[8] 16-bit limbs of the halves of the key
    step_borrow, step_hi[8], step_lo[8]  the distance to the next key, less 1
    old_leaf, new_leaf   leaf hashes
    has_path             the tree has a root with children above the place
    bits, weight, last_bit  from the path: its bits as a number, 2^levels, the lowest bit
    rest[8]              limbs of the low half of the key above the bits of the path
    other_key, other_lo, other_value, other_leaf, other_rest[8], other_distinct   the other leaf likewise
    root_before, root_after

Constraints
    1. kinds are bits, "at most one kind"; "active rows come first", "the last row is padding"
    2. "a row starts from the root before it", "padding keeps the root"
    3. word zero flags; "a zero word has value zero"
    4. "a new or absent leaf was zero", "an inserted word is not zero", "an absent leaf stays zero"
    5. "distance to the next key, low/high half": the next key (r after the last one) exceeds this one
    6. "bits and rest make the low half of the key"
    7. "no path: …": bits 0, weight 1, the place is the root, before and after; "a split has a path",
       "padding has no path"
    8. split: "the other key leaves the path at its last level": its low half = bits with the last one
       flipped + weight * other_rest
    9. "the other leaf has another key" (beside); "no unused …" and "padding has … 0" for idle cells
Interactions
   10. PUBLIC old root (first row) and new root (last row)
   11. STATE: sends the old word at time 0, receives the new one at last_time
   12. POSEIDON4 for the key, POSEIDON2 for values, POSEIDON3 for leaves, CANONICAL for the other key's halves
   13. TREE_TOP, TREE_BOTTOM for the path
   14. all limbs are in the 16-bit table

Why it is sound. By 5. keys are strictly ascending integers below r, so each place has one row and the STATE
bus one first and one last tuple per address. 6.: bits < weight = 2^levels <= 2^124 and rest < 2^128 keep
bits + weight * rest below 2^252 < r, so the path follows the bits of the canonical key. A leaf hash and a
node hash cannot agree (Poseidon of three and of two inputs), nor can either be 0. The old tree is well
formed by induction, so an empty place, or a leaf with another key, at the end of the path proves absence; an
insertion keeps it well formed: in the shallowest place where the path is unique by 4. and 8. Old words are
those that were put there, by 12. and the collision resistance of Poseidon; new words have passed the range
checks of the chips that write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import fr
from zkroll.circuits.air.chip import AirBuilder, Chip, Word
from zkroll.circuits.air.expr import Expr, Selector, selector, total, weighted
from zkroll.circuits.air.gadgets import limbs16, range16
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import POSEIDON2, POSEIDON3, POSEIDON4, PUBLIC, PUBLIC_VALUES, STATE
from zkroll.circuits.chips.canonical import CANONICAL
from zkroll.circuits.chips.limbs import U64, extend, halves, inverse, limbs_of, row_keys, subtract
from zkroll.circuits.chips.state_tree.path import (
    TREE_BOTTOM,
    TREE_TOP,
    bottoms,
    path_levels,
    value_of_words,
)
from zkroll.circuits.source import LeafUpdate
from zkroll.errors import ProvingError

Column = NDArray[Any]

KINDS = ("update", "insert", "split", "absent", "beside")
R_HI, R_LO = R_MODULUS >> 128, R_MODULUS % 2**128
_PER_2_128 = pow(2**128, -1, R_MODULUS)
_HALF = pow(2, -1, R_MODULUS)


class StateLeafChip(Chip):
    """Touched places of the state tree."""

    name = "state_leaf"
    context_columns = ("address", "field")

    def define(self, b: AirBuilder) -> None:
        update, insert, split, absent, beside = (b.bit(kind) for kind in KINDS)
        active = update + insert + split + absent + beside
        active_next = total(kind.next for kind in (update, insert, split, absent, beside))
        inserted, away = insert + split, absent + beside
        address, field, slot = b.column("address"), b.column("field"), b.word("slot")
        old, new, last_time = b.word("old"), b.word("new"), b.column("last_time")
        b.constrain("at most one kind", active * (active - 1))
        b.transition("active rows come first", active_next * (1 - active))
        b.last("the last row is padding", active)

        root_before, root_after = b.column("root_before"), b.column("root_after")
        b.transition("a row starts from the root before it", root_before.next - root_after)
        b.constrain("padding keeps the root", (1 - active) * (root_after - root_before))
        b.receive(
            "old root", PUBLIC, (PUBLIC_VALUES.index("old_root"), root_before), selector(Selector.FIRST)
        )
        b.receive("new root", PUBLIC, (PUBLIC_VALUES.index("new_root"), root_after), selector(Selector.LAST))

        place = (address, field, slot.hi, slot.lo)
        b.send("word before the batch", STATE, (*place, 0, old.hi, old.lo), active)
        b.receive("word after the batch", STATE, (*place, last_time, new.hi, new.lo), active)

        old_zero, old_value = self._value(b, "old", old, active)
        new_zero, new_value = self._value(b, "new", new, active)
        b.constrain("a new or absent leaf was zero", (inserted + away) * (1 - old_zero))
        b.constrain("an inserted word is not zero", inserted * new_zero)
        b.constrain("an absent leaf stays zero", away * (1 - new_zero))

        key, key_lo = self._keys(b, active, active_next)
        b.send("key", POSEIDON4, (*place, key), active)
        old_leaf, new_leaf = b.column("old_leaf"), b.column("new_leaf")
        b.send("leaf before", POSEIDON3, (key, old_value, 1, old_leaf), update)
        b.send("leaf after", POSEIDON3, (key, new_value, 1, new_leaf), update + inserted)

        has_path, bits, weight = b.bit("has_path"), b.column("bits"), b.column("weight")
        last_bit = b.column("last_bit")
        rest, _ = self._limbs(b, "rest", active)
        b.constrain("bits and rest make the low half of the key", bits + weight * rest - key_lo)

        other_key, other_lo = b.column("other_key"), b.column("other_lo")
        other_value, other_leaf = b.column("other_value"), b.column("other_leaf")
        other_rest, other_rest_limbs = self._limbs(b, "other_rest", split)
        other_distinct = b.column("other_distinct")
        b.send("other leaf", POSEIDON3, (other_key, other_value, 1, other_leaf), split + beside)
        b.send("other key", CANONICAL, (other_key, (other_key - other_lo) * _PER_2_128, other_lo), split)
        flipped = bits + (1 - last_bit * 2) * weight * _HALF
        b.constrain(
            "the other key leaves the path at its last level",
            split * (flipped + weight * other_rest - other_lo),
        )
        b.constrain("the other leaf has another key", beside * ((other_key - key) * other_distinct - 1))

        old_node = update * old_leaf + (split + beside) * other_leaf
        new_node = (update + inserted) * new_leaf + beside * other_leaf
        b.send("top of the path", TREE_TOP, (key, root_before, root_after), has_path)
        b.send(
            "bottom of the path",
            TREE_BOTTOM,
            (key, old_node, new_node, bits, weight, last_bit, split),
            has_path,
        )
        alone = active - has_path
        b.constrain("padding has no path", has_path * (1 - active))
        b.constrain("a split has a path", split * (1 - has_path))
        b.constrain("no path: no bits", alone * bits)
        b.constrain("no path: weight 1", alone * (weight - 1))
        b.constrain("no path: the place was the root", alone * (root_before - old_node))
        b.constrain("no path: the place is the root", alone * (root_after - new_node))

        beside_another = split + beside
        for name, cell, used in (
            ("old leaf", old_leaf, update), ("new leaf", new_leaf, update + inserted),
            ("last bit", last_bit, has_path), ("other key", other_key, beside_another),
            ("other value", other_value, beside_another), ("other leaf", other_leaf, beside_another),
            ("low half of the other key", other_lo, split), ("inverse", other_distinct, beside),
        ):  # fmt: skip
            b.constrain(f"no unused {name}", (1 - used) * cell)
        for i, limb in enumerate(other_rest_limbs):
            b.constrain(f"no unused other_rest[{i}]", (1 - split) * limb)
        b.zero_in_padding(active, but=("root_before", "root_after"))

    @staticmethod
    def _value(b: AirBuilder, name: str, word: Word, active: Expr) -> tuple[Expr, Expr]:
        """Whether a word is zero, and its value in the tree. The halves of words are range-checked."""
        zero, inverted, value = (
            b.column(f"{name}_zero"),
            b.column(f"{name}_inverse"),
            b.column(f"{name}_value"),
        )
        b.constrain(f"{name} word zero: high half", zero * word.hi)
        b.constrain(f"{name} word zero: low half", zero * word.lo)
        b.constrain(f"{name} word not zero", (word.hi + word.lo) * inverted + zero - active)
        b.constrain(f"no unused inverse of the {name} word", zero * inverted)
        b.constrain(f"a zero {name} word has value zero", zero * value)
        b.send(f"value of the {name} word", POSEIDON2, (word.hi, word.lo, value), active - zero)
        return zero, value

    @staticmethod
    def _limbs(b: AirBuilder, name: str, when: Expr) -> tuple[Expr, list[Expr]]:
        """A 128-bit number made of checked limbs, and the limbs."""
        limbs = b.columns(name, 8)
        for i, limb in enumerate(limbs):
            range16(b, f"{name}[{i}]", limb, when)
        return weighted(limbs, 2**16), limbs

    @staticmethod
    def _keys(b: AirBuilder, active: Expr, active_next: Expr) -> tuple[Expr, Expr]:
        """The key and its low half; the next row's key, or r, is greater."""
        parts = []
        for half in ("key_hi", "key_lo", "step_hi", "step_lo"):
            limbs = b.columns(half, 8)
            parts.append((weighted(limbs, 2**16), weighted([limb.next for limb in limbs], 2**16)))
            for i, limb in enumerate(limbs):
                range16(b, f"{half}[{i}]", limb, active)
        (hi, hi_next), (lo, lo_next), (step_hi, _), (step_lo, _) = parts
        borrow = b.bit("step_borrow")
        bound_hi = active_next * hi_next + (1 - active_next) * R_HI
        bound_lo = active_next * lo_next + (1 - active_next) * R_LO
        b.constrain(
            "distance to the next key, low half", active * (bound_lo - lo - 1 + borrow * 2**128) - step_lo
        )
        b.constrain("distance to the next key, high half", active * (bound_hi - hi - borrow) - step_hi)
        return hi * 2**128 + lo, lo

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        leaves: Sequence[LeafUpdate] = ctx.source.leaves
        rows = len(leaves)
        height = ctx.shape.height(self, rows + 1)
        columns: dict[str, Column] = _empty_columns(self, height)
        if rows:
            filled = _leaf_columns(leaves, last_times(ctx, leaves))
            columns = {name: extend(column, height) for name, column in filled.items()}
        roots = [leaf.new_root for leaf in leaves] + [ctx.source.new_root] * (height - rows)
        columns["root_after"] = limbs_of(roots)
        columns["root_before"] = limbs_of([ctx.source.old_root, *roots[:-1]])
        return columns


def _empty_columns(chip: Chip, height: int) -> dict[str, Column]:
    shapes: dict[str, tuple[int, ...]] = {"scalar": (height,), "word": (height, 4)}
    return {
        spec.name: np.zeros(shapes.get(spec.kind, (height, spec.width)), dtype=np.uint64)
        for spec in chip.air.specs
    }


def last_times(ctx: FillContext, leaves: Sequence[LeafUpdate]) -> U64:
    """Time of the last access to each leaf's place, 0 where there is none: (rows,)."""
    writes = ctx.requests(STATE)
    own = row_keys(
        limbs_of(leaf.address for leaf in leaves),
        np.array([leaf.field for leaf in leaves], dtype=np.uint64),
        limbs_of(leaf.slot >> 128 for leaf in leaves),
        limbs_of(leaf.slot % 2**128 for leaf in leaves),
    )
    out = np.zeros(len(leaves), dtype=np.uint64)
    if not len(writes):
        return out
    keys = row_keys(*(writes.field(name) for name in ("address", "field", "slot_hi", "slot_lo")))
    distinct, group = np.unique(np.concatenate([own, keys]), return_inverse=True)
    latest = np.zeros(distinct.shape[0], dtype=np.uint64)
    np.maximum.at(latest, group[rows_of(own) :], writes.small("time"))
    if np.setdiff1d(group[rows_of(own) :], group[: rows_of(own)]).size:
        raise ProvingError("chip state_leaf: a place is accessed that is not among the touched leaves")
    return latest[group[: rows_of(own)]]


def rows_of(column: Column) -> int:
    """The number of rows of a column."""
    return int(column.shape[0])


def _leaf_columns(leaves: Sequence[LeafUpdate], times: U64) -> dict[str, Column]:
    kinds = np.array([leaf.kind for leaf in leaves])
    taken = np.array([leaf.other is not None for leaf in leaves], dtype=bool)
    keys = limbs_of(leaf.key for leaf in leaves)
    old, new = limbs_of(leaf.old_word for leaf in leaves), limbs_of(leaf.new_word for leaf in leaves)
    others = [leaf.other or (0, 0) for leaf in leaves]
    other_key, other_value = limbs_of(k for k, _ in others), limbs_of(v for _, v in others)
    old_leaf, new_leaf, other_leaf, _, _ = bottoms(leaves)
    levels = [path_levels(leaf) for leaf in leaves]
    split = kinds == "insert_split"
    beside = (kinds == "absent") & taken

    bound = np.concatenate([keys[1:], limbs_of([R_MODULUS])])
    step, out_of_order = subtract(bound, keys)
    step, zero = subtract(step, limbs_of([1] * len(leaves)))
    if (out_of_order | zero).any():
        raise ProvingError("chip state_leaf: the touched leaves are not in ascending order of their keys")
    _, borrow = subtract(halves(bound)[1], halves(keys)[1])
    borrow |= (halves(bound)[1] == halves(keys)[1]).all(axis=1).astype(np.uint64)

    distinct = fr.to_limbs(
        fr.batch_inverse(fr.sub(fr.from_array(other_key), fr.from_array(keys))), len(leaves)
    )
    distinct[~beside] = 0
    low = [leaf.key % 2**128 for leaf in leaves]
    other_low = [k % 2**128 if s else 0 for (k, _), s in zip(others, split, strict=True)]
    return {
        "update": (kinds == "update").astype(np.uint8),
        "insert": (kinds == "insert_empty").astype(np.uint8),
        "split": split.astype(np.uint8),
        "absent": ((kinds == "absent") & ~taken).astype(np.uint8),
        "beside": beside.astype(np.uint8),
        "address": limbs_of(leaf.address for leaf in leaves),
        "field": np.array([leaf.field for leaf in leaves], dtype=np.uint64),
        "slot": limbs_of(leaf.slot for leaf in leaves),
        "old": old,
        "new": new,
        "last_time": times,
        **_zero_columns("old", old),
        **_zero_columns("new", new),
        "key_hi": limbs16(halves(keys)[0], 8),
        "key_lo": limbs16(halves(keys)[1], 8),
        "step_hi": limbs16(halves(step)[0], 8),
        "step_lo": limbs16(halves(step)[1], 8),
        "step_borrow": borrow,
        "old_leaf": old_leaf,
        "new_leaf": new_leaf,
        "has_path": np.array([depth > 0 for depth in levels], dtype=np.uint8),
        "bits": limbs_of(v & ((1 << d) - 1) for v, d in zip(low, levels, strict=True)),
        "weight": limbs_of(1 << d for d in levels),
        "last_bit": np.array(
            [v >> (d - 1) & 1 if d else 0 for v, d in zip(low, levels, strict=True)], np.uint64
        ),
        "rest": limbs16(limbs_of(v >> d for v, d in zip(low, levels, strict=True)), 8),
        "other_key": other_key,
        "other_lo": limbs_of(other_low),
        "other_value": other_value,
        "other_leaf": other_leaf,
        "other_rest": limbs16(limbs_of(v >> d for v, d in zip(other_low, levels, strict=True)), 8),
        "other_distinct": distinct,
    }


def _zero_columns(name: str, words: U64) -> dict[str, Column]:
    halves_sum = fr.to_limbs(fr.add(fr.from_array(words[:, 2:]), fr.from_array(words[:, :2])), words.shape[0])
    return {
        f"{name}_zero": 1 - np.any(words, axis=1).astype(np.uint8),
        f"{name}_inverse": inverse(halves_sum),
        f"{name}_value": value_of_words(words),
    }
