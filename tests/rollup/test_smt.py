"""The sparse Merkle tree against circomlibjs, its paths against their own roots, and its refusals."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkroll.algebra.constants import R_MODULUS
from zkroll.errors import InputError, UnprovableError
from zkroll.rollup.state.smt import MAX_DEPTH, SparseMerkleTree, Touch, TreeUpdate

VECTORS = Path(__file__).parent.parent / "fixtures" / "circomlibjs_smt.json"

# Few distinct values of few bits, so that paths meet often; far bits make some meet deep down.
near_keys = st.builds(lambda low, far: low + (far << 40), st.integers(0, 31), st.integers(0, 1))


def empty_tree() -> SparseMerkleTree:
    return SparseMerkleTree(lambda digest: None)


def check_path(update: TreeUpdate) -> None:
    assert update.recompute() == (update.old_root, update.new_root)


def test_every_step_agrees_with_circomlibjs() -> None:
    tree = empty_tree()
    for step in json.loads(VECTORS.read_text())["steps"]:
        key, value = int(step["key"]), int(step["value"])
        if step["op"] == "find":
            check_search(tree, step)
            continue
        update = tree.touch(key, value, keep_zero=True)
        check_path(update)
        assert str(update.old_root) == step["old_root"]
        assert str(update.new_root) == step["new_root"]
        siblings = [str(sibling) for sibling in update.siblings]
        assert siblings == step["siblings"][: len(siblings)]
        assert set(step["siblings"][len(siblings) :]) <= {"0"}
        if step["op"] == "insert":
            beside = update.kind is Touch.INSERT_BESIDE
            assert beside != step["is_old0"]
            if beside:
                assert (str(update.other_key), str(update.other_value)) == (
                    step["old_key"],
                    step["old_value"],
                )


def check_search(tree: SparseMerkleTree, step: dict[str, Any]) -> None:
    found = tree.get(int(step["key"]))
    assert (found is not None) == step["found"]
    update = tree.touch(int(step["key"]), found or 0)
    check_path(update)
    assert update.old_root == update.new_root
    assert [str(sibling) for sibling in update.siblings] == step["siblings"]
    assert (str(update.other_key), str(update.other_value)) == (step["other_key"], step["other_value"])
    assert str(update.old_value) == step["value"]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(near_keys, st.integers(0, 3)), max_size=12))
def test_any_sequence_of_touches_keeps_paths_true_and_values_readable(touches: list[tuple[int, int]]) -> None:
    tree = empty_tree()
    model: dict[int, int] = {}
    for update, (key, value) in zip(tree.touch_many(touches), touches, strict=True):
        check_path(update)
        assert update.old_value == model.get(key, 0)
        assert (update.kind is Touch.UPDATE) == (key in model)
        if value or key in model:
            model[key] = value
        else:
            assert update.kind in (Touch.ABSENT_EMPTY, Touch.ABSENT_BESIDE)
    assert {key: tree.get(key) for key in model} == model
    assert tree.root == (update.new_root if touches else 0)


def test_the_root_depends_on_the_leaves_and_not_on_the_order_of_insertion() -> None:
    leaves = [(key * 7 + (key % 3 << 50), key + 1) for key in range(20)]
    shuffled = random.Random(5).sample(leaves, len(leaves))
    one, other = empty_tree(), empty_tree()
    one.touch_many(leaves)
    for key, value in shuffled:
        other.touch(key, value)
    assert one.root == other.root


def test_a_tree_read_back_by_hash_continues_where_it_was() -> None:
    nodes: dict[int, bytes] = {}
    tree = SparseMerkleTree(nodes.get)
    tree.touch_many([(key, key + 1) for key in range(12)])
    nodes.update(tree.unsaved())
    tree.forget()
    reopened = SparseMerkleTree(nodes.get, root=tree.root)
    assert [reopened.get(key) for key in range(13)] == [*range(1, 13), None]
    assert reopened.unsaved() == []
    check_path(reopened.touch(3, 99))
    assert 0 < len(reopened.unsaved()) < 12


def test_one_large_step_equals_many_small_ones() -> None:
    generator = random.Random(1)
    touches = [(generator.randrange(R_MODULUS), generator.randrange(R_MODULUS)) for _ in range(60)]
    whole, single = empty_tree(), empty_tree()
    updates = whole.touch_many(touches)
    assert updates == [single.touch(key, value) for key, value in touches]


def test_keys_that_part_at_the_last_allowed_depth_are_taken_and_deeper_ones_refused() -> None:
    tree = empty_tree()
    tree.touch(0, 1)
    update = tree.touch(1 << (MAX_DEPTH - 1), 2)
    assert (update.kind, update.split) == (Touch.INSERT_BESIDE, MAX_DEPTH - 1)
    check_path(update)
    before = tree.root
    with pytest.raises(UnprovableError, match="at depth 124 at most"):
        tree.touch_many([(5, 6), (1 << MAX_DEPTH, 3)])
    assert tree.root == before
    assert tree.get(5) is None


@pytest.mark.parametrize(("key", "value"), [(R_MODULUS, 1), (-1, 1), (1, R_MODULUS), (1, -1)])
def test_keys_and_values_outside_the_field_are_refused(key: int, value: int) -> None:
    with pytest.raises(InputError, match=r"in \[0, r\)"):
        empty_tree().touch(key, value)


@pytest.mark.parametrize("data", [None, b"", bytes(64), b"\x02" + bytes(64), bytes(66)])
def test_missing_and_malformed_nodes_are_refused(data: bytes | None) -> None:
    tree = SparseMerkleTree(lambda digest: data, root=17)
    with pytest.raises(InputError, match="node 0x11"):
        tree.get(1)


def test_a_tampered_sibling_value_or_key_changes_the_recomputed_root() -> None:
    tree = empty_tree()
    tree.touch_many([(key, key + 1) for key in range(8)])
    update = tree.touch(3, 50)
    import dataclasses

    for change in (
        {"siblings": (update.siblings[0] + 1, *update.siblings[1:])},
        {"new_value": 51},
        {"key": 2},
    ):
        old, new = dataclasses.replace(update, **change).recompute()
        assert (old, new) != (update.old_root, update.new_root)
