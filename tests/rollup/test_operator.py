"""The operator: batches from a data folder, proofs for L1, crashes in between, and the state rebuilt from L1."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from msgspec import structs

from zkroll.circuits.buses import BRIDGE_ADDRESS, PUBLIC_VALUES
from zkroll.circuits.chips.cpu import support
from zkroll.errors import InputError, RollupError, UnprovableError, VerificationError
from zkroll.rollup.batch import accounts_to_json
from zkroll.rollup.development import TOKEN_ADDRESS, development_genesis
from zkroll.rollup.l1 import open_l1
from zkroll.rollup.l1.bridge import Bridge
from zkroll.rollup.l1.bridge_types import ContractRefused
from zkroll.rollup.l1.exit_proofs import balance_place
from zkroll.rollup.l1.node import Web3Node
from zkroll.rollup.operator import batches
from zkroll.rollup.operator.accounts import sign_transaction, token_transfer, withdrawal_call
from zkroll.rollup.operator.batches import (
    build_batch,
    commit_batch,
    last_built,
    parse_withdrawals,
    post_batches,
    prove_inner,
    prove_wrap,
    revert_batches,
    wrapped_batches,
    wrapped_from,
)
from zkroll.rollup.operator.demo import STEPS, Demo, Step
from zkroll.rollup.operator.deploy import deploy_rollup
from zkroll.rollup.operator.deployment import Deployment
from zkroll.rollup.operator.folder import DataFolder
from zkroll.rollup.operator.l1_start import start_l1
from zkroll.rollup.operator.on_chain import verify_wrapped_on_chain
from zkroll.rollup.operator.replica import Replica
from zkroll.rollup.operator.users import claim, claims, deposit, escape, let_time_pass
from zkroll.rollup.state.state import Place, State
from zkroll.rollup.testing.simulated_prover import SimulatedProver
from zkroll.rollup.testing.simulated_wrap import SimulatedWrap
from zkroll.rollup.wallet import insecure_dev_wallet

ETHER = 10**18
ALICE, BOB = insecure_dev_wallet(0), insecure_dev_wallet(1)
COINBASE = insecure_dev_wallet(15).address
PROVER = SimulatedProver()


@dataclass
class Rollup:
    """A deployed rollup with an operator's folder."""

    folder: DataFolder
    node: Web3Node
    bridge: Bridge
    deployment: Deployment

    def send(self, wallet, to, value=0, data=b"", **options) -> Path:
        return self.folder.add_pending(sign_transaction(self.folder, wallet, to, value, data, **options))

    def deposit(self, account: int, amount: int, token: int = 0) -> None:
        deposit(self.bridge, self.deployment, account, amount, token)

    def build(self, **options):
        return build_batch(self.folder, self.bridge, COINBASE, **options)

    def finish(self, number: int) -> None:
        prove_inner(self.folder, number, PROVER)
        prove_wrap(self.folder, number, PROVER)
        post_batches(self.folder, self.bridge)

    def word(self, place: Place) -> int:
        state = self.folder.open_state()
        try:
            return state.word(place)
        finally:
            state.store.close()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a rollup that was just deployed."""
    folder = DataFolder(tmp_path_factory.mktemp("operator") / "data")
    start_l1(folder.path)
    with open_l1(folder.l1_target()) as chain:
        deploy_rollup(folder, chain.node, PROVER.key, PROVER.profile)
    return folder.path


@pytest.fixture
def rollup(template: Path, tmp_path: Path) -> Iterator[Rollup]:
    folder = DataFolder(shutil.copytree(template, tmp_path / "data"))
    with open_l1(folder.l1_target()) as chain:
        node = chain.node
        assert isinstance(node, Web3Node)
        deployment = folder.deployment()
        yield Rollup(folder, node, Bridge(node, deployment.rollup_address), deployment)


def test_money_goes_in_by_deposits_and_comes_out_by_withdrawals(rollup: Rollup) -> None:
    rollup.deposit(ALICE.address, 5 * ETHER)
    rollup.deposit(ALICE.address, 7 * ETHER, TOKEN_ADDRESS)
    rollup.send(ALICE, BOB.address, ETHER)
    rollup.send(ALICE, TOKEN_ADDRESS, 0, token_transfer(BOB.address, ETHER))
    rollup.send(BOB, BRIDGE_ADDRESS, *withdrawal_call(0, 0xB0B, ETHER // 2))
    rollup.send(ALICE, BRIDGE_ADDRESS, *withdrawal_call(TOKEN_ADDRESS, 0xA11CE, 3 * ETHER))
    built = rollup.build()
    assert (built.number, built.messages, built.transactions, built.left_out) == (1, 2, 4, ())
    assert rollup.folder.pending() == []
    assert rollup.word(balance_place(BOB.address, TOKEN_ADDRESS)) == ETHER
    withdrawals = parse_withdrawals(rollup.folder.withdrawals(1), "batch 1")
    assert withdrawals == built.withdrawals
    rollup.finish(1)
    status = rollup.bridge.status()
    assert (status.last_finalised, status.last_root) == (1, built.new_root)
    assert [found.claimed for found in claims(rollup.bridge, 1, withdrawals)] == [False, False]
    for position in (1, 0):
        claim(rollup.bridge, 1, withdrawals, position)
    assert rollup.node.balance(0xB0B) == ETHER // 2
    assert rollup.bridge.locked(0) == 5 * ETHER - ETHER // 2
    assert rollup.bridge.locked(int(rollup.deployment.tokens[0].l1, 16)) == 4 * ETHER
    assert [found.position for found in claims(rollup.bridge, 1, withdrawals, 0xB0B)] == [0]
    with pytest.raises(ContractRefused, match="AlreadyClaimed"):
        claim(rollup.bridge, 1, withdrawals, 0)


def test_what_cannot_be_executed_is_put_aside_and_the_others_go_in(rollup: Rollup) -> None:
    rollup.deposit(ALICE.address, ETHER)
    rollup.send(BOB, ALICE.address, 5)  # has nothing
    rollup.send(ALICE, BOB.address, ETHER // 10)
    rollup.send(ALICE, BRIDGE_ADDRESS, 5, b"no recipient")
    rollup.send(ALICE, BOB.address, 7, nonce=1)
    built = rollup.build()
    assert built.transactions == 2
    reasons = sorted(reason for _, reason in built.left_out)
    assert len(reasons) == 2
    assert any(reason.startswith("balance: expected at least") for reason in reasons)
    assert len(list((rollup.folder.path / "rejected").glob("*.reason"))) == 2
    assert not rollup.folder.pending()


def test_a_damaged_pending_file_keeps_no_batch_from_being_built(rollup: Rollup) -> None:
    rollup.deposit(ALICE.address, ETHER)
    damaged = rollup.send(ALICE, BOB.address, 1)
    damaged.write_text("{}")
    built = rollup.build()
    assert (built.messages, built.transactions, built.damaged) == (1, 0, (str(damaged),))
    assert rollup.folder.pending() == []


def test_no_batch_is_built_on_the_state_of_another_rollup(rollup: Rollup) -> None:
    rollup.deposit(ALICE.address, ETHER)
    known = rollup.deployment
    rollup.folder.set_deployment(structs.replace(known, chain_id=known.chain_id + 1))
    with pytest.raises(RollupError, match="batch 1: chain id: the rollup has"):
        rollup.build()
    rollup.folder.set_deployment(known)
    ours = rollup.folder.genesis()
    rollup.folder.set_genesis(accounts_to_json(development_genesis()))
    shutil.rmtree(rollup.folder.path / "state")
    with pytest.raises(RollupError, match="batch 1: old root: L1 has"):
        rollup.build()
    shutil.rmtree(rollup.folder.path / "state")
    rollup.folder.set_genesis(accounts_to_json(ours))
    shutil.copytree(rollup.folder.path, rollup.folder.path.parent / "behind")
    rollup.build()
    rollup.finish(1)
    with pytest.raises(RollupError, match="L1 has 1 batches already: the folder is behind"):
        build_batch(DataFolder(rollup.folder.path.parent / "behind"), rollup.bridge, COINBASE)


def test_a_prover_of_another_machine_is_refused_before_it_works(rollup: Rollup) -> None:
    rollup.deposit(ALICE.address, ETHER)
    rollup.build()
    rollup.folder.set_deployment(structs.replace(rollup.deployment, key_digest=f"0x{1:064x}"))
    with pytest.raises(InputError, match="verifier is for machine 0x0000000000000000…, the wrap key for 0x"):
        prove_inner(rollup.folder, 1, PROVER)
    assert not (rollup.folder.batch_folder(1) / "proof.zkp").exists()


def test_what_does_not_fit_the_profile_waits_for_the_next_batch(
    rollup: Rollup, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollup.deposit(ALICE.address, ETHER)
    for _ in range(3):
        rollup.send(ALICE, BOB.address, 5)

    def misfits(_profile, traces):
        # at most one transaction
        return [("signature", traces["signature"].rows, 1)] if traces["transaction"].rows > 1 else []

    monkeypatch.setattr(batches, "misfits", misfits)
    built = rollup.build()
    assert (built.transactions, built.postponed, len(rollup.folder.pending())) == (1, 2, 2)
    assert rollup.build().number == 2


def test_a_transaction_that_fits_no_batch_does_not_stand_in_the_way_of_others(rollup: Rollup) -> None:
    rollup.deposit(ALICE.address, ETHER)
    rollup.deposit(BOB.address, ETHER)
    large = rollup.send(ALICE, BOB.address, 1, bytes(16 << 10), gas_limit=10**6)
    rollup.send(ALICE, BOB.address, 2)
    rollup.send(BOB, ALICE.address, 3)
    built = rollup.build()  # the messages could be what is too much
    assert (built.messages, built.transactions, built.postponed, built.left_out) == (2, 1, 2, ())
    assert large in [file for file, _ in rollup.folder.pending()]
    rollup.send(BOB, ALICE.address, 4)
    built = rollup.build()
    assert (built.transactions, built.postponed) == (1, 0)
    (profile, nonce) = [reason for _, reason in built.left_out]
    assert profile.startswith("batch does not fit profile small: chip ")
    assert nonce.startswith("nonce: expected 0, got 1")


def test_a_transaction_that_no_chip_can_prove_is_put_aside(
    rollup: Rollup, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollup.deposit(ALICE.address, ETHER)
    rollup.send(ALICE, TOKEN_ADDRESS, 0, token_transfer(BOB.address, 0))
    rollup.send(ALICE, BOB.address, 5)

    def check_supported(trace) -> None:
        if trace.steps:
            raise UnprovableError(f"transaction {trace.steps[0].transaction}: opcode CALL has no chip")

    monkeypatch.setattr(support, "check_supported", check_supported)
    built = rollup.build()
    assert built.transactions == 0
    assert [reason for _, reason in built.left_out] == ["opcode CALL has no chip", "nonce: expected 0, got 1"]


def test_messages_that_do_not_fit_together_are_taken_one_batch_after_the_other(
    rollup: Rollup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths of accounts that somebody searched for may be as deep as to fill the profile."""
    for account in (ALICE.address, BOB.address, ALICE.address):
        rollup.deposit(account, ETHER)

    def misfits(_profile, traces):
        rows = traces["l1_message"].rows if "l1_message" in traces else 0
        return [("state_path", rows, most)] if rows > most else []

    monkeypatch.setattr(batches, "misfits", misfits)
    most = 1
    for number in (1, 2, 3):
        assert (rollup.build().messages, last_built(rollup.folder)) == (1, number)
        rollup.finish(number)
    assert rollup.bridge.status().last_finalised == 3
    assert rollup.word(balance_place(ALICE.address, 0)) == 2 * ETHER

    most = 0
    rollup.deposit(BOB.address, ETHER)
    with pytest.raises(UnprovableError, match="state_path needs 1 rows"):
        rollup.build()


def test_an_empty_batch_is_not_built(rollup: Rollup) -> None:
    with pytest.raises(InputError, match="nothing to put into batch 1"):
        rollup.build()


def test_a_crash_before_the_state_moves_costs_nothing(
    rollup: Rollup, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollup.deposit(ALICE.address, ETHER)
    rollup.send(ALICE, BOB.address, 5)
    rollup.folder.open_state().store.close()  # the genesis is there

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(State, "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            rollup.build()
    assert len(rollup.folder.pending()) == 1
    built = rollup.build()
    assert (built.number, built.transactions) == (1, 1)


def test_a_crash_before_pending_files_are_removed_includes_nothing_twice(rollup: Rollup) -> None:
    rollup.deposit(ALICE.address, ETHER)
    file = rollup.send(ALICE, BOB.address, 5)
    content = file.read_bytes()
    rollup.build()
    file.write_bytes(content)
    rollup.deposit(ALICE.address, ETHER)
    built = rollup.build()
    assert built.transactions == 0
    assert built.left_out[0][1].startswith("nonce: expected 1, got 0")


def test_posting_begins_where_l1_stands(rollup: Rollup) -> None:
    rollup.deposit(ALICE.address, ETHER)
    rollup.build()
    assert [posted.step for posted in post_batches(rollup.folder, rollup.bridge)] == ["commit"]
    rollup.deposit(BOB.address, ETHER)
    rollup.build()
    for number in (1, 2):
        prove_inner(rollup.folder, number, PROVER)
        prove_wrap(rollup.folder, number, PROVER)
    done = post_batches(rollup.folder, rollup.bridge)
    assert [(posted.step, posted.batches) for posted in done] == [
        ("commit", (2,)), ("prove", (1,)), ("prove", (2,)), ("finalise", (1, 2)),
    ]  # fmt: skip
    assert post_batches(rollup.folder, rollup.bridge) == []
    assert last_built(rollup.folder) == 2


def test_a_batch_whose_building_did_not_end_is_not_posted(
    rollup: Rollup, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollup.deposit(ALICE.address, ETHER)
    rollup.build()
    rollup.deposit(ALICE.address, ETHER)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(State, "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            rollup.build()
    assert rollup.folder.batch(2).batch_number == 2
    assert [posted.batches for posted in post_batches(rollup.folder, rollup.bridge)] == [(1,)]


def test_batches_without_a_proof_can_be_dropped_and_built_again(rollup: Rollup) -> None:
    rollup.deposit(ALICE.address, ETHER)
    rollup.build()
    rollup.finish(1)
    rollup.deposit(ALICE.address, ETHER)
    rollup.send(ALICE, BOB.address, 5)
    rollup.build()
    post_batches(rollup.folder, rollup.bridge)
    rollup.send(ALICE, BOB.address, 6)
    rollup.build()  # never committed
    rollup.send(ALICE, BOB.address, 7)
    (reverted,) = revert_batches(rollup.folder, rollup.bridge)
    assert (reverted.step, reverted.batches) == ("revert", (2,))
    assert last_built(rollup.folder) == 1
    values = [signed.transaction.value for _, signed in rollup.folder.pending()]
    assert values == [5, 6, 7]
    built = rollup.build()
    assert (built.number, built.messages, built.transactions, built.left_out) == (2, 1, 3, ())
    rollup.finish(2)
    assert rollup.bridge.status().last_root == built.new_root
    assert revert_batches(rollup.folder, rollup.bridge) == []


def test_a_replica_ends_at_the_finalised_root_and_lets_users_escape(rollup: Rollup) -> None:
    rollup.deposit(ALICE.address, 2 * ETHER)
    rollup.send(ALICE, BOB.address, ETHER)
    rollup.build()
    rollup.finish(1)
    rollup.deposit(BOB.address, ETHER)
    rollup.build()  # committed, but never proven
    commit_batch(rollup.folder, rollup.bridge, 2)
    with Replica(rollup.folder.genesis()) as replica:
        with pytest.raises(RollupError, match="expected the state of the finalised root"):
            escape(rollup.bridge, replica.state, BOB, 0, 0xB0B)
        synced = replica.sync(rollup.bridge)
        assert (synced.number, synced.root) == (1, rollup.bridge.status().last_root)
        assert replica.sync(rollup.bridge).withdrawals == {}
        with pytest.raises(ContractRefused, match="StillAlive"):
            rollup.bridge.activate_escape()
        let_time_pass(rollup.node, 8 * 86_400)
        rollup.bridge.activate_escape()
        balance, _ = escape(rollup.bridge, replica.state, BOB, 0, 0xB0B)
        assert balance == ETHER == rollup.node.balance(0xB0B)
        with pytest.raises(ContractRefused, match="AlreadyEscaped"):
            escape(rollup.bridge, replica.state, BOB, 0, 0xB0B)
        with pytest.raises(InputError, match="nothing to leave with"):
            escape(rollup.bridge, replica.state, BOB, TOKEN_ADDRESS, 0xB0B)


def test_a_replica_refuses_another_genesis_and_a_root_that_execution_does_not_give(
    rollup: Rollup, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        Replica(development_genesis()) as replica,
        pytest.raises(RollupError, match="genesis: expected root"),
    ):
        replica.sync(rollup.bridge)
    rollup.deposit(ALICE.address, ETHER)
    rollup.build()
    rollup.finish(1)
    posted = rollup.bridge.batch(1)
    object.__setattr__(posted, "new_root", 5)
    monkeypatch.setattr(Bridge, "batch", lambda _self, _number: posted)
    with Replica(rollup.folder.genesis()) as replica:
        with pytest.raises(RollupError, match="batch 1: new root: L1 has"):
            replica.sync(rollup.bridge)
        assert replica.number == 0


def test_a_replica_in_a_folder_goes_on_where_it_was(rollup: Rollup, tmp_path: Path) -> None:
    for number in (1, 2):
        rollup.deposit(ALICE.address, ETHER)
        rollup.build()
        rollup.finish(number)
        with Replica(rollup.folder.genesis(), tmp_path / "node") as replica:
            assert replica.number == number - 1
            assert list(replica.sync(rollup.bridge).withdrawals) == [number]


def test_the_verifier_contract_judges_a_wrapped_batch(rollup: Rollup) -> None:
    rollup.deposit(ALICE.address, ETHER)
    rollup.build()
    prove_inner(rollup.folder, 1, PROVER)
    wrapped = prove_wrap(rollup.folder, 1, PROVER)
    verdict = verify_wrapped_on_chain(rollup.bridge, wrapped)
    assert (verdict["batches"], verdict["committed"]) == ([1], False)
    flipped = wrapped.proof[:-1] + bytes([wrapped.proof[-1] ^ 1])
    with pytest.raises(VerificationError, match="InvalidProof"):
        verify_wrapped_on_chain(rollup.bridge, replace(wrapped, proof=flipped))


def test_wrapped_batches_other_than_those_on_l1_are_named(rollup: Rollup) -> None:
    rollup.deposit(ALICE.address, ETHER)
    rollup.build()
    rollup.finish(1)
    wrapped = wrapped_batches(rollup.folder, 1)
    assert verify_wrapped_on_chain(rollup.bridge, wrapped)["committed"]
    (values,) = wrapped.public_values
    for name in (
        "rollup_address", "chain_id", "old_root", "new_root", "data_hash_lo", "queue_before_hi", "queue_after_lo",
    ):  # fmt: skip
        at = PUBLIC_VALUES.index(name)
        changed = (*values[:at], values[at] ^ 1, *values[at + 1 :])
        with pytest.raises(VerificationError, match=f"batch 1: {name}: L1 has"):
            verify_wrapped_on_chain(rollup.bridge, replace(wrapped, public_values=(changed,)))


def test_a_wrap_proof_waits_for_all_its_batches(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    for number in (1, 2, 4):
        folder.batch_folder(number).mkdir(parents=True)
        folder.write(number, "proof.zkp", b"proof")
    assert [wrapped_from(folder, number, 2) for number in (1, 2, 4)] == [1, 1, None]
    assert wrapped_from(folder, 4, 1) == 4


def test_a_wrap_proof_of_two_batches_is_posted_once_both_are_there(tmp_path: Path) -> None:
    prover = SimulatedProver(simulated=SimulatedWrap(chunks=2))
    folder = DataFolder(tmp_path / "data")
    start_l1(folder.path)
    with open_l1(folder.l1_target()) as chain:
        deployment = deploy_rollup(folder, chain.node, prover.key, prover.profile)
        bridge = Bridge(chain.node, deployment.rollup_address)
        deposit(bridge, deployment, ALICE.address, ETHER)
        build_batch(folder, bridge, COINBASE)
        prove_inner(folder, 1, prover)
        assert wrapped_from(folder, 1, 2) is None
        assert [posted.step for posted in post_batches(folder, bridge)] == ["commit"]
        build_batch(folder, bridge, COINBASE, allow_empty=True)
        prove_inner(folder, 2, prover)
        assert wrapped_from(folder, 2, 2) == 1
        wrapped = prove_wrap(folder, 1, prover)
        assert verify_wrapped_on_chain(bridge, wrapped)["batches"] == [1, 2]
        done = post_batches(folder, bridge)
        assert [(posted.step, posted.batches) for posted in done] == [
            ("commit", (2,)), ("prove", (1, 2)), ("finalise", (1, 2)),
        ]  # fmt: skip
        with Replica(folder.genesis()) as replica:
            assert replica.sync(bridge).number == 2


def test_pending_transactions_get_the_next_nonce_and_keep_their_order(rollup: Rollup) -> None:
    for _ in range(11):
        rollup.send(ALICE, BOB.address, 1)
    nonces = [signed.transaction.nonce for _, signed in rollup.folder.pending()]
    assert nonces == list(range(11))


def test_the_genesis_of_the_folder_is_the_rollups(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    start_l1(folder.path)
    folder.set_genesis(accounts_to_json(development_genesis()))
    with open_l1(folder.l1_target()) as chain:
        deployment = deploy_rollup(folder, chain.node, PROVER.key, "small")
        status = Bridge(chain.node, deployment.rollup_address).status()
    assert f"0x{status.genesis_root:064x}" == deployment.genesis_root
    state = folder.open_state()
    assert state.root == status.genesis_root
    state.store.close()


def test_the_demo_takes_everybody_out_with_everything_but_fees(tmp_path: Path) -> None:
    told: list[Step] = []
    demo = Demo(DataFolder(tmp_path), lambda _progress: PROVER, report=told.append)
    steps = demo.run()
    assert steps == told
    assert len(steps) == STEPS
    by_name = {step.name: step for step in steps}
    assert by_name["prove batch 1 on L1"].gas
    assert by_name["build batch 1"].gas is None
    assert by_name["bob leaves with ROLL"].note.startswith("25,")
    with open_l1(demo.folder.l1_target()) as chain:
        locked = Bridge(chain.node, demo.deployment.rollup_address).locked(0)
    assert 0 < locked < ETHER // 1000  # the coinbase's fees
