"""The tree of withdrawals: its root, and proofs that lead from one leaf to it and from nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zkroll.algebra.keccak import keccak256
from zkroll.errors import InputError
from zkroll.rollup.l1.withdrawals import EMPTY_ROOT, Withdrawal, WithdrawalTree, proof_root, withdrawals_root

small = st.integers(0, 3)
withdrawals = st.builds(Withdrawal, small, small, small)
A, B, C = (Withdrawal(0, 100 + i, 7) for i in range(3))


def node(left: bytes, right: bytes) -> bytes:
    return keccak256(left + right)


def test_leaf_is_the_hash_of_three_words() -> None:
    words = [value.to_bytes(32, "big") for value in (1, 2, 3)]
    assert Withdrawal(1, 2, 3).leaf() == keccak256(b"".join(words))


def test_roots_of_small_trees() -> None:
    a, b, c = A.leaf(), B.leaf(), C.leaf()
    zero = bytes(32)
    assert withdrawals_root([]) == EMPTY_ROOT == zero
    assert withdrawals_root([A]) == a
    assert withdrawals_root([A, B]) == node(a, b)
    assert withdrawals_root([A, B, C]) == node(node(a, b), node(c, zero))
    five = node(node(node(a, b), node(c, a)), node(node(b, zero), zero))
    assert withdrawals_root([A, B, C, A, B]) == five


@given(st.lists(withdrawals, min_size=1, max_size=20))
def test_every_withdrawal_is_proven_at_its_place(listed: list[Withdrawal]) -> None:
    tree = WithdrawalTree(listed)
    indices = set()
    for position, withdrawal in enumerate(listed):
        index, proof = tree.generalised_index(position), tree.proof(position)
        assert proof_root(withdrawal, index, proof) == tree.root
        assert len(proof) == tree.depth == (len(listed) - 1).bit_length()
        indices.add(index)
    assert len(indices) == len(listed)


@given(st.lists(withdrawals, min_size=1, max_size=9), st.data())
def test_proof_leads_from_another_withdrawal_or_place_to_another_root(
    listed: list[Withdrawal], data: st.DataObject
) -> None:
    tree = WithdrawalTree(listed)
    position = data.draw(st.integers(0, len(listed) - 1))
    other = data.draw(withdrawals)
    index = data.draw(st.integers(1 << tree.depth, (2 << tree.depth) - 1))
    right = index == tree.generalised_index(position) and other == listed[position]
    claimed = proof_root(other, index, tree.proof(position)) == tree.root
    twin = index - (1 << tree.depth)
    mirrored = twin < len(listed) and tree.proof(twin) == tree.proof(position) and other == listed[twin]
    assert claimed == (right or mirrored)


def test_order_and_number_of_withdrawals_are_bound() -> None:
    roots = {withdrawals_root(listed) for listed in ([A], [A, A], [A, B], [B, A], [A, B, A], [A, B, A, A])}
    assert len(roots) == 6


@pytest.mark.parametrize("index", [-1, 0, 1, 3 + 4, 8])
def test_index_of_another_depth_is_refused(index: int) -> None:
    with pytest.raises(InputError, match="generalised index: expected 2 bits"):
        proof_root(A, index, [bytes(32)])


def test_sibling_of_another_length_is_refused() -> None:
    with pytest.raises(InputError, match="sibling 0: expected 32 bytes, got 64"):
        proof_root(A, 2, [bytes(64)])


@pytest.mark.parametrize("position", [-1, 2])
def test_absent_place_is_refused(position: int) -> None:
    tree = WithdrawalTree([A, B])
    with pytest.raises(InputError, match="expected one of 2"):
        tree.proof(position)
    with pytest.raises(InputError, match="expected one of 2"):
        tree.generalised_index(position)


@pytest.mark.parametrize("field", ["token", "recipient", "amount"])
@pytest.mark.parametrize("value", [-1, 1 << 160])
def test_values_out_of_range_are_refused(field: str, value: int) -> None:
    with pytest.raises(InputError, match=field):
        Withdrawal(**({"token": 1, "recipient": 2, "amount": 3} | {field: value}))
