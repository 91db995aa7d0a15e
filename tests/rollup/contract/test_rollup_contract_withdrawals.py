"""Withdrawals from the rollup contract: each of a finalised batch, each once, whatever recipients and tokens do."""

from __future__ import annotations

import pytest
from support.l1_world import L2_TOKEN, L2_TOKENS, Double, Rollup

from zkroll.errors import InputError
from zkroll.rollup.l1.bridge_types import ContractRefused, rollup_artifact
from zkroll.rollup.l1.inbox import Reverted, hex_address
from zkroll.rollup.l1.withdrawals import Withdrawal, WithdrawalTree, proof_root

RECIPIENT = 0xBEEF0000
ROOT, NEXT = 22, 33


def filled(rollup: Rollup, ether: int = 1000, tokens: int = 1000) -> None:
    """Deposits that withdrawals can be paid from."""
    rollup.by("alice").deposit_ether(5, ether)
    for number in range(len(rollup.tokens)):
        token = rollup.fund_token("alice", tokens, number)
        rollup.by("alice").deposit_token(token.address, 5, tokens)


def claim(rollup: Rollup, batch: int, tree: WithdrawalTree, position: int) -> None:
    rollup.by("carol").withdraw(
        batch, tree.generalised_index(position), tree.proof(position), tree.withdrawals[position]
    )


def paid(rollup: Rollup, recipient: int = RECIPIENT) -> int:
    return rollup.world.node("alice").balance(recipient)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_every_withdrawal_is_paid(rollup: Rollup, count: int) -> None:
    filled(rollup)
    tokens = (0, *L2_TOKENS)
    wanted = [Withdrawal(tokens[i % 3], RECIPIENT + i, 10 + i) for i in range(count)]
    batch, tree = rollup.settle(ROOT, wanted)
    for position, withdrawal in enumerate(wanted):
        assert proof_root(withdrawal, tree.generalised_index(position), tree.proof(position)) == tree.root
        claim(rollup, batch, tree, position)
        assert rollup.bridge.is_claimed(batch, tree.generalised_index(position))
        if withdrawal.token == 0:
            assert paid(rollup, withdrawal.recipient) == withdrawal.amount
        else:
            double = rollup.tokens[L2_TOKENS.index(withdrawal.token)]
            assert double.read("balanceOf", hex_address(withdrawal.recipient)) == withdrawal.amount
    assert rollup.bridge.locked() == 1000 - sum(one.amount for one in wanted if one.token == 0)


def test_equal_withdrawals_are_all_paid(rollup: Rollup) -> None:
    filled(rollup)
    batch, tree = rollup.settle(ROOT, [Withdrawal(0, RECIPIENT, 10)] * 3)
    for position in range(3):
        claim(rollup, batch, tree, position)
    assert paid(rollup) == 30


def test_withdrawal_of_nothing_moves_nothing(rollup: Rollup) -> None:
    batch, tree = rollup.settle(ROOT, [Withdrawal(L2_TOKEN, RECIPIENT, 0)])
    claim(rollup, batch, tree, 0)
    assert rollup.bridge.is_claimed(batch, 1)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_second_claim_is_refused(rollup: Rollup, position: int) -> None:
    filled(rollup)
    batch, tree = rollup.settle(ROOT, [Withdrawal(0, RECIPIENT, 10)] * 3)
    claim(rollup, batch, tree, position)
    with pytest.raises(ContractRefused, match="AlreadyClaimed"):
        claim(rollup, batch, tree, position)
    assert paid(rollup) == 10


def test_same_place_of_another_batch_is_another_withdrawal(rollup: Rollup) -> None:
    filled(rollup)
    first, tree = rollup.settle(ROOT, [Withdrawal(0, RECIPIENT, 10)])
    second, _ = rollup.settle(NEXT, [Withdrawal(0, RECIPIENT, 10)])
    claim(rollup, first, tree, 0)
    claim(rollup, second, tree, 0)
    assert paid(rollup) == 20


def test_unfinalised_batch_pays_nothing(rollup: Rollup) -> None:
    filled(rollup)
    tree = WithdrawalTree([Withdrawal(0, RECIPIENT, 10)])
    number = rollup.commit()
    with pytest.raises(ContractRefused, match="NotFinalised"):
        claim(rollup, number, tree, 0)
    rollup.prove(number, ROOT, tree.root)
    with pytest.raises(ContractRefused, match="NotFinalised"):
        claim(rollup, number, tree, 0)
    rollup.finalise(number)
    claim(rollup, number, tree, 0)


@pytest.mark.parametrize("batch", [2, 2**64, 2**256 - 1])
def test_absent_batch_pays_nothing(rollup: Rollup, batch: int) -> None:
    filled(rollup)
    _, tree = rollup.settle(ROOT, [Withdrawal(0, RECIPIENT, 10)])
    with pytest.raises(ContractRefused, match="NotFinalised"):
        claim(rollup, batch, tree, 0)


def test_batch_without_withdrawals_pays_nothing(rollup: Rollup) -> None:
    filled(rollup)
    batch, _ = rollup.settle(ROOT)
    tree = WithdrawalTree([Withdrawal(0, RECIPIENT, 10)])
    for number in (0, batch):
        with pytest.raises(ContractRefused, match="WrongWithdrawalProof"):
            claim(rollup, number, tree, 0)


@pytest.mark.parametrize(
    "other",
    [Withdrawal(L2_TOKEN, RECIPIENT, 10), Withdrawal(0, RECIPIENT + 1, 10), Withdrawal(0, RECIPIENT, 11)],
    ids=["token", "recipient", "amount"],
)
def test_other_withdrawal_than_the_one_in_the_tree_is_refused(rollup: Rollup, other: Withdrawal) -> None:
    filled(rollup)
    batch, tree = rollup.settle(ROOT, [Withdrawal(0, RECIPIENT, 10), Withdrawal(0, RECIPIENT, 20)])
    with pytest.raises(ContractRefused, match="WrongWithdrawalProof"):
        rollup.by("carol").withdraw(batch, 2, tree.proof(0), other)


def test_proof_is_of_one_place_only(rollup: Rollup) -> None:
    filled(rollup)
    withdrawals = [Withdrawal(0, RECIPIENT, 10 + i) for i in range(4)]
    batch, tree = rollup.settle(ROOT, withdrawals)
    proof = tree.proof(1)
    flipped = [bytes([proof[0][0] ^ 1]) + proof[0][1:], proof[1]]
    for index, siblings in (
        (4, proof),
        (7, proof),
        (1, proof),
        (5 + 8, proof),
        (5 + 2**200, proof),
        (5, proof[:1]),
        (5, proof[::-1]),
        (5, [*proof, bytes(32)]),
        (5, flipped),
        (0, []),
    ):
        with pytest.raises(ContractRefused, match="WrongWithdrawalProof"):
            rollup.by("carol").withdraw(batch, index, siblings, withdrawals[1])
    rollup.by("carol").withdraw(batch, 5, proof, withdrawals[1])


def test_inner_node_is_not_a_leaf(rollup: Rollup) -> None:
    """The words of a node are two; a claim has three. The nearest that a claim can come is refused."""
    filled(rollup)
    batch, tree = rollup.settle(ROOT, [Withdrawal(0, RECIPIENT, 10 + i) for i in range(4)])
    left = proof_root(tree.withdrawals[0], 2, tree.proof(0)[:1])
    right = proof_root(tree.withdrawals[2], 2, tree.proof(2)[:1])
    # a node's two words in the place of a leaf's three
    call = bytearray(
        rollup_artifact().encode_call("withdraw", batch, 2, [right], hex_address(0), hex_address(0), 0)
    )
    start = 4 + 3 * 32
    call[start : start + 64] = tree.withdrawals[0].leaf() + tree.withdrawals[1].leaf()
    with pytest.raises(Reverted):  # refused as addresses already: their high bits are not 0
        rollup.world.node("carol").send(rollup.bridge.address, bytes(call))
    short = Withdrawal(0, int.from_bytes(left[12:], "big"), int.from_bytes(right[16:], "big"))
    with pytest.raises(ContractRefused, match="WrongWithdrawalProof"):
        rollup.by("carol").withdraw(batch, 1, [], short)


def test_tree_deeper_than_any_batch_has_is_refused(rollup: Rollup) -> None:
    batch, _ = rollup.settle(ROOT)
    with pytest.raises(ContractRefused, match="WrongWithdrawalProof"):
        rollup.by("carol").withdraw(batch, 1 << 33, [bytes(32)] * 33, Withdrawal(0, RECIPIENT, 1))


def test_token_that_is_not_bridged_cannot_be_withdrawn(rollup: Rollup) -> None:
    filled(rollup)
    batch, tree = rollup.settle(ROOT, [Withdrawal(0x999, RECIPIENT, 10)])
    with pytest.raises(ContractRefused, match="UnknownToken"):
        claim(rollup, batch, tree, 0)


def test_no_more_is_paid_than_is_locked(rollup: Rollup) -> None:
    filled(rollup, ether=9)
    batch, tree = rollup.settle(ROOT, [Withdrawal(0, RECIPIENT, 10)])
    with pytest.raises(ContractRefused, match="NotEnoughLocked"):
        claim(rollup, batch, tree, 0)


# ---- recipients and tokens with a will of their own ------------------------------------------------------------


def test_reverting_recipient_harms_only_itself(rollup: Rollup) -> None:
    filled(rollup)
    stubborn = rollup.world.deploy("Caller")
    stubborn.send("refuse", True)
    batch, tree = rollup.settle(ROOT, [Withdrawal(0, stubborn.address, 10), Withdrawal(0, RECIPIENT, 20)])
    with pytest.raises(ContractRefused, match="TransferFailed"):
        claim(rollup, batch, tree, 0)
    claim(rollup, batch, tree, 1)
    assert not rollup.bridge.is_claimed(batch, 2)
    stubborn.send("refuse", False)
    claim(rollup, batch, tree, 0)
    assert paid(rollup, stubborn.address) == 10


def test_reentering_recipient_is_paid_once(rollup: Rollup) -> None:
    filled(rollup)
    thief: Double = rollup.world.deploy("Caller")
    batch, tree = rollup.settle(ROOT, [Withdrawal(0, thief.address, 10), Withdrawal(0, thief.address, 20)])
    for position in (0, 1):  # the same withdrawal again, and another one
        again = rollup_artifact().encode_call(
            "withdraw", batch, 2 + position, tree.proof(position), hex_address(0), hex_address(thief.address),
            (10, 20)[position],
        )  # fmt: skip
        take_back = rollup.world.snapshot()
        thief.send("whenPaid", hex_address(rollup.bridge.address), again)
        claim(rollup, batch, tree, 0)
        assert paid(rollup, thief.address) == 10
        assert not thief.read("calledBack")
        assert rollup_artifact().describe_error(thief.read("answered")) == "Reentered()"
        take_back()


def test_reentering_token_is_stopped(rollup: Rollup) -> None:
    filled(rollup)
    batch, tree = rollup.settle(ROOT, [Withdrawal(L2_TOKEN, RECIPIENT, 10)])
    again = rollup_artifact().encode_call(
        "withdraw", batch, 1, [], hex_address(L2_TOKEN), hex_address(RECIPIENT), 10
    )
    rollup.token.send("callBack", hex_address(rollup.bridge.address), again)
    with pytest.raises(ContractRefused, match="TransferFailed"):
        claim(rollup, batch, tree, 0)
    assert not rollup.bridge.is_claimed(batch, 1)


@pytest.mark.parametrize(
    ("behaviour", "pays"), [(1, True), (3, False), (4, False), (6, False), (7, False), (8, False)]
)
def test_token_pays_by_answering_true_or_nothing(rollup: Rollup, behaviour: int, pays: bool) -> None:
    filled(rollup)
    batch, tree = rollup.settle(ROOT, [Withdrawal(L2_TOKEN, RECIPIENT, 10)])
    rollup.token.send("behave", behaviour)
    if pays:
        claim(rollup, batch, tree, 0)
        assert rollup.token.read("balanceOf", hex_address(RECIPIENT)) == 10
    else:
        with pytest.raises(ContractRefused, match="TransferFailed"):
            claim(rollup, batch, tree, 0)
        assert rollup.bridge.locked(rollup.token.address) == 1000


def test_absent_withdrawal_has_no_proof() -> None:
    tree = WithdrawalTree([Withdrawal(0, RECIPIENT, 10)])
    for position in (-1, 1):
        with pytest.raises(InputError, match="expected one of 1"):
            tree.proof(position)
