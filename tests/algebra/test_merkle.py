"""Merkle trees against the integer reference, paths valid and tampered with."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import fr
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.merkle import MerklePath, MerklePaths, MerkleTree, verify_path, verify_paths
from zkroll.algebra.reference import merkle as reference
from zkroll.algebra.vector import FqVector, FrVector
from zkroll.errors import InputError

BACKENDS = ["portable", "ifma"] if host_backend() == "ifma" else ["portable"]


@pytest.fixture(params=BACKENDS)
def backend(request, monkeypatch):
    monkeypatch.setattr(fr, "backend", request.param)


def make(n, **options):
    values = [R_MODULUS - 1 - i * i for i in range(n)]
    return values, MerkleTree.build(FrVector.from_ints(values), **options)


@pytest.mark.parametrize(
    ("n", "arity", "depth", "zero"),
    [
        (0, 2, None, 0),
        (0, 3, 2, 5),
        (1, 2, None, 0),
        (1, 2, 3, 0),
        (2, 2, None, 0),
        (5, 2, 4, 9),
        (16, 2, None, 0),
        (17, 2, None, R_MODULUS - 1),
        (20, 3, None, 7),
        (26, 5, 3, 0),
        (17, 16, None, 1),
    ],
)
def test_all_levels_equal_the_reference(n, arity, depth, zero, backend):
    values, tree = make(n, arity=arity, depth=depth, zero=zero)
    levels = reference.merkle_levels(values, tree.depth, arity, zero)
    assert [fr.to_ints(level, k) for level, k in zip(tree.levels, tree.counts, strict=True)] == levels
    assert tree.root == reference.merkle_root(values, tree.depth, arity, zero)
    assert list(tree.zeros) == reference.zero_subtrees(tree.depth, arity, zero)
    assert not tree.nodes.flags.writeable


@pytest.mark.parametrize(
    ("n", "arity", "depth"), [(1, 2, 0), (5, 2, 4), (20, 3, None), (0, 4, 2), (17, 16, 2)]
)
def test_every_path_leads_to_the_root(n, arity, depth):
    _, tree = make(n, arity=arity, depth=depth, zero=3)
    indices = np.unique(np.linspace(0, tree.capacity - 1, 12, dtype=np.int64))
    leaves = FrVector.from_ints(tree.node(0, int(i)) for i in indices)
    paths = tree.paths(indices)
    assert verify_paths(tree.root, leaves, paths, depth=tree.depth, arity=arity).tolist() == [True] * len(
        indices
    )
    for i, leaf in zip(indices.tolist(), leaves, strict=True):
        path = tree.path(i)
        assert reference.root_of_path(leaf, i, path.siblings) == tree.root
        assert verify_path(tree.root, leaf, path, depth=tree.depth, arity=arity)


def test_paths_of_a_batch_are_the_single_ones():
    _, tree = make(21, arity=3)
    indices = [20, 0, 26, 7, 7, 19, 2, 3, 4]
    paths = tree.paths(indices)
    for level in range(tree.depth):
        columns = [fr.to_ints(paths.siblings[level, k], len(indices)) for k in range(2)]
        single = [tree.path(i).siblings[level] for i in indices]
        assert list(zip(*columns, strict=True)) == single


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_any_change_to_a_path_is_noticed(data):
    arity, depth = data.draw(st.sampled_from([(2, 4), (3, 2)]))
    values, tree = make(6, arity=arity, depth=depth)
    index = data.draw(st.integers(0, 5))
    path = tree.path(index)
    level, k = data.draw(st.integers(0, depth - 1)), data.draw(st.integers(0, arity - 2))
    rows = [list(row) for row in path.siblings]
    rows[level][k] = (rows[level][k] + data.draw(st.sampled_from([1, R_MODULUS - 1]))) % R_MODULUS
    changed = MerklePath(index, tuple(map(tuple, rows)))
    check = {"depth": depth, "arity": arity}
    assert verify_path(tree.root, values[index], path, **check)
    assert not verify_path(tree.root, values[index], changed, **check)
    assert not verify_path(tree.root, values[index] - 1, path, **check)
    assert not verify_path((tree.root + 1) % R_MODULUS, values[index], path, **check)
    moved = MerklePath(data.draw(st.integers(0, 5).filter(lambda i: i != index)), path.siblings)
    assert not verify_path(tree.root, values[index], moved, **check)


def test_one_wrong_leaf_of_a_batch_is_found():
    values, tree = make(30)
    values[17] += 1
    good = verify_paths(tree.root, FrVector.from_ints(values), tree.paths(range(30)), depth=5)
    assert np.flatnonzero(~good).tolist() == [17]


def test_inner_node_is_no_leaf_of_the_fixed_depth():
    _, tree = make(8)
    path = tree.path(0)
    inner = MerklePath(0, path.siblings[1:])
    assert verify_path(tree.root, tree.node(1, 0), inner, depth=2)
    with pytest.raises(InputError, match="expected 3 levels"):
        verify_path(tree.root, tree.node(1, 0), inner, depth=3)


def test_tree_of_capacity_two_to_the_32_needs_few_nodes():
    values, tree = make(3, depth=32)
    assert tree.capacity == 1 << 32
    assert len(tree.nodes) == 33
    assert tree.root == reference.merkle_root(values, 32)
    last = tree.path((1 << 32) - 1)
    assert last.siblings[0] == (0,)
    assert verify_path(tree.root, 0, last, depth=32)
    assert verify_path(tree.root, values[2], tree.path(2), depth=32)


def test_threads_do_not_change_the_tree_or_the_check():
    leaves = FrVector.powers(3, 1000)
    one, many = (MerkleTree.build(leaves, threads=threads) for threads in (1, 3))
    assert fr.equal(one.nodes, many.nodes)
    paths = one.paths(np.arange(1000))
    assert verify_paths(one.root, leaves, paths, depth=10, threads=3).all()


def test_leaves_may_be_a_read_only_block_array():
    blocks = fr.from_ints(range(20))
    blocks.setflags(write=False)
    tree = MerkleTree.build(blocks, 19)
    assert tree.root == MerkleTree.build(FrVector.from_ints(range(19))).root
    assert tree.root != MerkleTree.build(blocks, 20).root
    with pytest.raises(ValueError, match="read-only"):
        tree.nodes[0, 0, 0] = 1


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"arity": 1}, "arity"),
        ({"arity": 17}, "arity"),
        ({"depth": 2}, "at most 4, got 5"),
        ({"depth": -1}, "depth"),
        ({"depth": 63}, "depth"),
        ({"depth": 40, "arity": 3}, "depth"),
        ({"zero": R_MODULUS}, "zero"),
        ({"zero": -1}, "zero"),
        ({"count": 6}, "count"),
        ({"count": -1}, "count"),
        ({"threads": 0}, "threads"),
    ],
)
def test_unusable_options_are_refused(options, match):
    with pytest.raises(InputError, match=match):
        MerkleTree.build(FrVector.from_ints(range(5)), **options)


@pytest.mark.parametrize(
    "leaves", [[1, 2], FqVector.from_ints([1]), np.zeros((1, 5, 8)), np.zeros(8, np.uint64), None]
)
def test_leaves_of_other_kinds_are_refused(leaves):
    with pytest.raises(InputError, match="leaves"):
        MerkleTree.build(leaves)


@pytest.mark.parametrize("indices", [[8], [-1], [1 << 70], [0.5], [[0]], ["0"], [True], np.zeros(2)])
def test_indices_outside_the_tree_are_refused(indices):
    with pytest.raises(InputError, match="merkle paths: expected"):
        make(8)[1].paths(indices)


def test_malformed_paths_are_refused():
    values, tree = make(8)
    path, paths, leaves = tree.path(3), tree.paths([3, 4]), FrVector.from_ints(values[3:5])
    beside = MerklePath(8, path.siblings)
    above = MerklePath(3, ((R_MODULUS,), *path.siblings[1:]))
    wide = MerklePath(3, ((1, 2), *path.siblings[1:]))
    for bad in (beside, above, wide):
        with pytest.raises(InputError):
            verify_path(tree.root, values[3], bad, depth=3)
    for root, leaf in (
        (tree.root + R_MODULUS, values[3]),
        (tree.root, values[3] + R_MODULUS),
        (tree.root, -1),
    ):
        with pytest.raises(InputError, match="integer in 0"):
            verify_path(root, leaf, path, depth=3)
    for bad_paths in (
        MerklePaths(np.array([3, 8]), paths.siblings),
        MerklePaths(np.array([3.0, 4.0]), paths.siblings),
        MerklePaths(paths.indices, paths.siblings[:2]),
        MerklePaths(paths.indices, paths.siblings.astype(np.int64)),
        MerklePaths(np.arange(8).repeat(2), paths.siblings),
    ):
        with pytest.raises(InputError):
            verify_paths(tree.root, leaves, bad_paths, depth=3)
    for depth, arity in ((-1, 2), (3, 1), (2, 2), (3, 3), (63, 2)):
        with pytest.raises(InputError):
            verify_paths(tree.root, leaves, paths, depth=depth, arity=arity)
    with pytest.raises(InputError, match="expected 2, got 3"):
        verify_paths(tree.root, FrVector.from_ints([1, 2, 3]), paths, depth=3)
    with pytest.raises(InputError, match="expected a node"):
        tree.node(2, 2)
