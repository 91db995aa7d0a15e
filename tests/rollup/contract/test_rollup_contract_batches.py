"""Every rule for batches of the rollup contract is broken once: committing, proving, finalising, reverting."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.l1_world import CHAIN_ID, DELAYS, GENESIS, Rollup, World, deploy_rollup

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.keccak import keccak256
from zkroll.errors import InputError, RollupError
from zkroll.rollup.l1.bridge import Bridge
from zkroll.rollup.l1.bridge_types import ContractRefused, Delays, rollup_artifact
from zkroll.rollup.l1.inbox import Reverted, hex_address
from zkroll.rollup.l1.withdrawals import EMPTY_ROOT, Withdrawal, withdrawals_root

FIRST, SECOND, THIRD = 22, 33, 44
PROOF = b"proof"


# ---- the way of a batch ------------------------------------------------------------------------------------------


def test_batch_is_committed_proven_and_finalised(rollup: Rollup) -> None:
    assert rollup.commit() == 1
    assert rollup.bridge.batch(1).stage == "committed"
    rollup.prove(1, FIRST)
    assert rollup.bridge.batch(1).stage == "proven"
    rollup.finalise(1)
    status = rollup.bridge.status()
    assert (status.last_committed, status.last_proven, status.last_finalised) == (1, 1, 1)
    assert (status.genesis_root, status.last_root) == (GENESIS, FIRST)


def test_batch_is_read_back_whole(rollup: Rollup) -> None:
    queued = rollup.by("alice").deposit_ether(5, 10)
    data = rollup.data()
    rollup.commit(1, data)
    root = withdrawals_root([Withdrawal(0, 1, 2)])
    rollup.prove(1, FIRST, root)
    batch = rollup.bridge.batch(1)
    assert (batch.data, batch.data_hash) == (data, keccak256(data))
    assert (batch.old_root, batch.new_root, batch.withdrawals_root) == (GENESIS, FIRST, root)
    assert (batch.queue_start, batch.queue_end) == (0, 1)
    assert [message.index for message in batch.messages] == [queued.index]
    assert batch.queue_after == batch.messages[-1].hash_after != batch.queue_before == bytes(32)
    assert batch.timestamp == int.from_bytes(data[:8], "big")


def test_statement_is_the_packed_public_values_of_the_circuit(rollup: Rollup) -> None:
    from zkroll.circuits.buses import PUBLIC_BITS
    from zkroll.verifier.wrap import packed_statement

    rollup.by("alice").deposit_ether(5, 10)
    rollup.commit()
    root = withdrawals_root([Withdrawal(0, 1, 2)])
    batch = rollup.bridge.batch(1)
    halves = [
        int.from_bytes(part, "big")
        for whole in (batch.data_hash, batch.queue_before, batch.queue_after, root)
        for part in (whole[:16], whole[16:])
    ]
    values = [GENESIS, FIRST, 1, CHAIN_ID, rollup.bridge.address, batch.timestamp, *halves]
    bits = list(PUBLIC_BITS.values())
    assert rollup.statement(1, FIRST, root) == packed_statement(values, bits)
    rollup.allow(packed_statement(values, bits))
    rollup.by("carol").prove(1, [FIRST], [root], PROOF)


def test_one_proof_can_cover_several_batches(rollup: Rollup) -> None:
    rollup.commit()
    rollup.by("alice").deposit_ether(5, 10)
    rollup.commit()
    statements = rollup.statement(1, FIRST, EMPTY_ROOT) + rollup.statement(
        2, SECOND, EMPTY_ROOT, old_root=FIRST
    )
    rollup.allow(statements)
    rollup.by("carol").prove(1, [FIRST, SECOND], [EMPTY_ROOT] * 2, PROOF)
    rollup.finalise(2)
    assert rollup.bridge.status().last_root == SECOND


def test_data_without_a_pair_of_units_is_taken(rollup: Rollup) -> None:
    data = rollup.data(units=3)
    assert len(data) % 32 == 16
    rollup.commit(0, data)
    assert rollup.bridge.batch(1).data == data


# ---- committing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 2, 2**64, 2**256 - 1])
def test_any_number_but_the_next_is_refused(rollup: Rollup, number: int) -> None:
    with pytest.raises(ContractRefused, match="WrongBatchNumber") as refused:
        rollup.by("sequencer").commit(number, 0, rollup.data())
    assert refused.value.values == {"expected": 1, "got": number}


def test_replay_of_a_commitment_is_refused(rollup: Rollup) -> None:
    data = rollup.data()
    rollup.commit(0, data)
    with pytest.raises(ContractRefused, match=r"WrongBatchNumber\(expected=2, got=1\)"):
        rollup.by("sequencer").commit(1, 0, data)


@pytest.mark.parametrize("user", ["owner", "alice"])
def test_foreign_proposer_is_refused(rollup: Rollup, user: str) -> None:
    with pytest.raises(ContractRefused, match="NotSequencer"):
        rollup.by(user).commit(1, 0, rollup.data())
    assert rollup.bridge.status().last_committed == 0


@pytest.mark.parametrize("length", [0, 16, 31, 33, 40, 47, 63])
def test_data_that_is_not_a_header_and_whole_units_is_refused(rollup: Rollup, length: int) -> None:
    with pytest.raises(ContractRefused, match="WrongDataLength"):
        rollup.by("sequencer").commit(1, 0, rollup.data()[:length])


def test_time_runs_from_the_parent_to_now(rollup: Rollup) -> None:
    now = rollup.world.now()
    rollup.commit(0, rollup.data(now))
    with pytest.raises(ContractRefused, match="TimestampBeforeParent"):
        rollup.commit(0, rollup.data(now - 1))
    with pytest.raises(ContractRefused, match="TimestampInFuture"):
        rollup.commit(0, rollup.data(now + 3600))
    rollup.commit(0, rollup.data(now))


def canonical_call(data: bytes) -> bytes:
    return rollup_artifact().encode_call("commitBatch", 1, 0, data)


def refusal(rollup: Rollup, calldata: bytes) -> str:
    with pytest.raises(Reverted) as refused:
        rollup.world.node("sequencer").send(rollup.bridge.address, calldata)
    return rollup_artifact().describe_error(refused.value.data)


@pytest.mark.parametrize("units", [2, 3])
def test_calldata_has_one_form(rollup: Rollup, units: int) -> None:
    call = canonical_call(rollup.data(units=units))
    head = 4 + 2 * 32
    shifted = bytearray(call)
    shifted[head : head + 32] = (4 * 32).to_bytes(32, "big")
    shifted[head + 32 : head + 32] = bytes(32)
    dirty = bytearray(call)
    dirty[-1] ^= units == 3
    assert refusal(rollup, call + b"\0").startswith("NonCanonicalCalldata")
    assert refusal(rollup, bytes(shifted)).startswith("NonCanonicalCalldata")
    if units == 3:
        assert refusal(rollup, bytes(dirty)).startswith("NonCanonicalCalldata")
        assert refusal(rollup, call[:-16]).startswith(("NonCanonicalCalldata", "reverted without"))
    else:
        assert refusal(rollup, call[:-1]) == "reverted without a reason"
    rollup.world.node("sequencer").send(rollup.bridge.address, call)


def test_ether_and_unknown_functions_are_refused(rollup: Rollup) -> None:
    for data, value in ((b"", 0), (b"", 1), (b"\1\2\3\4", 0)):
        with pytest.raises(Reverted):
            rollup.world.node("sequencer").send(rollup.bridge.address, data, value)


# ---- proving -----------------------------------------------------------------------------------------------------

FOREIGN = [
    {"old_root": SECOND},
    {"new_root": SECOND},
    {"batch_number": 2},
    {"chain_id": CHAIN_ID + 1},
    {"rollup_address": 0x1234},
    {"timestamp": 1},
    {"data_hash": keccak256(b"foreign data")},
    {"queue_before": keccak256(b"foreign messages")},
    {"queue_after": keccak256(b"foreign messages")},
    {"withdrawals_root": keccak256(b"foreign withdrawals")},
]


@pytest.mark.parametrize("changed", FOREIGN, ids=lambda changed: next(iter(changed)))
def test_proof_of_another_statement_is_refused(rollup: Rollup, changed: dict[str, object]) -> None:
    rollup.by("alice").deposit_ether(5, 10)
    rollup.commit()
    rollup.allow(rollup.statement(1, **({"new_root": FIRST} | changed)))
    with pytest.raises(RollupError, match="unknown error"):
        rollup.by("carol").prove(1, [FIRST], [EMPTY_ROOT], PROOF)
    assert rollup.bridge.status().last_proven == 0
    rollup.allow(rollup.statement(1, FIRST, EMPTY_ROOT))
    rollup.by("carol").prove(1, [FIRST], [EMPTY_ROOT], PROOF)


def test_proof_of_two_batches_is_not_one_of_the_other_order(rollup: Rollup) -> None:
    rollup.commit()
    rollup.commit()
    first = rollup.statement(1, FIRST, EMPTY_ROOT)
    second = rollup.statement(2, SECOND, EMPTY_ROOT, old_root=FIRST)
    rollup.allow(second + first)
    with pytest.raises(RollupError, match="unknown error"):
        rollup.by("carol").prove(1, [FIRST, SECOND], [EMPTY_ROOT] * 2, PROOF)


def test_skipped_batch_cannot_be_proven(rollup: Rollup) -> None:
    rollup.commit()
    rollup.commit()
    with pytest.raises(ContractRefused, match=r"WrongBatchNumber\(expected=1, got=2\)"):
        rollup.by("carol").prove(2, [SECOND], [EMPTY_ROOT], PROOF)


def test_proven_batch_cannot_be_proven_again(rollup: Rollup) -> None:
    rollup.commit()
    rollup.prove(1, FIRST)
    rollup.commit()
    with pytest.raises(ContractRefused, match=r"WrongBatchNumber\(expected=2, got=1\)"):
        rollup.by("carol").prove(1, [FIRST], [EMPTY_ROOT], PROOF)


@pytest.mark.parametrize(("roots", "withdrawals"), [(0, 0), (2, 2), (3, 3), (1, 0), (1, 2)])
def test_counts_have_to_agree_with_each_other_and_the_committed_batches(
    rollup: Rollup, roots: int, withdrawals: int
) -> None:
    rollup.commit()
    with pytest.raises(ContractRefused, match="WrongCount"):
        rollup.by("carol").prove(1, [FIRST] * roots, [EMPTY_ROOT] * withdrawals, PROOF)


@pytest.mark.parametrize("root", [R_MODULUS, R_MODULUS + FIRST, 2**256 - 1])
def test_new_root_outside_the_field_is_refused(rollup: Rollup, root: int) -> None:
    rollup.commit()
    rollup.allow(rollup.statement(1, root, EMPTY_ROOT))
    with pytest.raises(ContractRefused, match="RootNotInField"):
        rollup.by("carol").prove(1, [root], [EMPTY_ROOT], PROOF)


def test_largest_field_element_is_a_root(rollup: Rollup) -> None:
    rollup.settle(R_MODULUS - 1)
    assert rollup.bridge.status().last_root == R_MODULUS - 1


# ---- finalising and reverting --------------------------------------------------------------------------------


def test_unproven_batch_is_not_finalised(rollup: Rollup) -> None:
    rollup.commit()
    rollup.world.advance(DELAYS.finalisation)
    with pytest.raises(ContractRefused, match="WrongBatchNumber"):
        rollup.by("carol").finalise(1)


def test_finalisation_waits_for_its_delay_after_the_last_proof(rollup: Rollup) -> None:
    rollup.commit()
    rollup.prove(1, FIRST)
    rollup.world.advance(DELAYS.finalisation // 2)
    rollup.commit()
    rollup.prove(2, SECOND)
    rollup.world.advance(DELAYS.finalisation // 2)
    with pytest.raises(ContractRefused, match="TooEarly"):
        rollup.by("carol").finalise(2)
    rollup.by("carol").finalise(1)
    rollup.world.advance(DELAYS.finalisation // 2)
    rollup.by("carol").finalise(2)


@pytest.mark.parametrize("number", [0, 1])
def test_finalised_batch_is_not_finalised_again(rollup: Rollup, number: int) -> None:
    rollup.settle(FIRST)
    with pytest.raises(ContractRefused, match="AlreadyFinalised"):
        rollup.by("carol").finalise(number)


def test_sequencer_drops_unproven_batches_and_their_messages_wait_again(rollup: Rollup) -> None:
    rollup.commit()
    rollup.prove(1, FIRST)
    rollup.by("alice").deposit_ether(5, 10)
    rollup.commit()
    rollup.commit()
    rollup.by("sequencer").revert(2)
    status = rollup.bridge.status()
    assert (status.last_committed, status.messages) == (1, 1)
    with pytest.raises(RollupError, match="not committed"):
        rollup.bridge.batch(2)
    other = rollup.data(units=1)
    rollup.commit(1, other)
    batch = rollup.bridge.batch(2)
    assert (batch.data, batch.queue_start, batch.queue_end) == (other, 0, 1)


@pytest.mark.parametrize("first", [0, 1, 3, 2**256 - 1])
def test_proven_and_absent_batches_are_not_dropped(rollup: Rollup, first: int) -> None:
    rollup.commit()
    rollup.prove(1, FIRST)
    rollup.commit()
    with pytest.raises(ContractRefused, match="WrongBatchNumber"):
        rollup.by("sequencer").revert(first)


def test_only_the_sequencer_drops_batches(rollup: Rollup) -> None:
    rollup.commit()
    with pytest.raises(ContractRefused, match="NotSequencer"):
        rollup.by("owner").revert(1)


def test_batch_committed_and_replaced_is_read_as_it_stands(rollup: Rollup) -> None:
    rollup.commit(0, rollup.data(units=1))
    rollup.by("sequencer").revert(1)
    rollup.commit(0, rollup.data(units=2))
    assert len(rollup.bridge.batch(1).data) == 64


# ---- the client ----------------------------------------------------------------------------------------------


def test_other_code_is_not_taken_for_the_rollup(rollup: Rollup) -> None:
    for address, reason in (
        (rollup.verifier.address, "not this version's rollup"), (0x1234, "there is no contract"),
    ):  # fmt: skip
        with pytest.raises(RollupError, match=reason):
            Bridge(rollup.world.node("alice"), address)


@pytest.mark.parametrize("number", [-1, 0, 1, 2**70])
def test_reading_a_batch_that_is_not_there_is_refused(rollup: Rollup, number: int) -> None:
    with pytest.raises(RollupError, match="not committed"):
        rollup.bridge.batch(number)


def test_numbers_that_the_contract_cannot_hold_are_refused(rollup: Rollup) -> None:
    with pytest.raises(InputError, match="contract call"):
        rollup.by("alice").request_exit(0, 2**256, 1)


# ---- deployment ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"genesis_root": 0}, "ZeroGenesisRoot"),
        ({"genesis_root": R_MODULUS}, "RootNotInField"),
        ({"chain_id": 0}, "ZeroChainId"),
        ({"sequencer": 0}, "ZeroAddress"),
        ({"verifier": 0x1234}, "NoCode"),
        ({"exit_proofs": 0x1234}, "NoCode"),
        ({"tokens": ((0x1234, 0x5678),)}, "NoCode"),
        ({"messages_per_batch": 0}, "SenselessDelays"),
        ({"delays": replace(DELAYS, upgrade=DELAYS.forced + DELAYS.escape)}, "SenselessDelays"),
        ({"delays": replace(DELAYS, finalisation=DELAYS.escape)}, "SenselessDelays"),
        ({"delays": Delays(2**64 - 1, 2**64 - 1, 2**64 - 1, 0)}, "SenselessDelays"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_senseless_deployment_is_refused(rollup: Rollup, changed: dict[str, object], error: str) -> None:
    with pytest.raises(ContractRefused, match=error):
        deploy_rollup(rollup.world, **changed)


def test_token_has_one_partner_for_ever(rollup: Rollup) -> None:
    token, other = (double.address for double in rollup.tokens)
    for tokens in (((token, 5), (token, 6)), ((token, 5), (other, 5)), ((token, 5), (token, 5))):
        with pytest.raises(ContractRefused, match="TokenAlreadyBound"):
            deploy_rollup(rollup.world, tokens=tokens)
    with pytest.raises(ContractRefused, match="ZeroAddress"):
        deploy_rollup(rollup.world, tokens=((token, 0),))


def test_deployment_is_in_the_status(world: World, rollup: Rollup) -> None:
    status = rollup.bridge.status()
    assert (status.sequencer, status.owner) == (world.address("sequencer"), world.address("owner"))
    assert (status.verifier, status.exit_proofs) == (rollup.verifier.address, rollup.exits.address)
    assert (status.delays, status.messages_per_batch, status.chain_id) == (DELAYS, 3, CHAIN_ID)
    assert rollup.bridge.l1_token(0x70CE) == rollup.token.address
    assert hex_address(status.address) == hex_address(rollup.bridge.address)
