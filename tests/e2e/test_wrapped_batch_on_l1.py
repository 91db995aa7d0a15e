"""A real wrap proof of a batch with messages, transfers, a token call and withdrawals, and what it does not prove."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from zkroll.circuits.buses import BRIDGE_ADDRESS, PUBLIC_BITS, PUBLIC_VALUES
from zkroll.errors import VerificationError
from zkroll.rollup.development import DEVELOPMENT_CHAIN_ID, TOKEN_ADDRESS
from zkroll.rollup.l1 import open_l1
from zkroll.rollup.l1.bridge import Bridge
from zkroll.rollup.l1.bridge_types import ContractRefused, RollupConfig
from zkroll.rollup.l1.node import Web3Node
from zkroll.rollup.l1.wrap_verifier import verify_on_chain
from zkroll.rollup.operator.accounts import sign_transaction, token_transfer, withdrawal_call
from zkroll.rollup.operator.batches import (
    build_batch,
    commit_batch,
    parse_withdrawals,
    prove_inner,
    prove_on_l1,
    prove_wrap,
)
from zkroll.rollup.operator.deploy import DEFAULT_DELAYS, deploy_rollup
from zkroll.rollup.operator.deployment import Deployment
from zkroll.rollup.operator.folder import DataFolder
from zkroll.rollup.operator.l1_start import start_l1
from zkroll.rollup.operator.users import claim, deposit, force_exit
from zkroll.rollup.operator.wrap_prover import open_prover
from zkroll.rollup.wallet import insecure_dev_wallet
from zkroll.rollup.wrapped import WrappedBatches
from zkroll.verifier.wrap import packed_statement

pytestmark = pytest.mark.slow

ETHER = 10**18
ALICE, BOB = insecure_dev_wallet(0), insecure_dev_wallet(1)
L1_ALICE = 0xA11CE << 100
BITS = tuple(PUBLIC_BITS.values())
MESSAGES = 3


@dataclass
class Proven:
    """Batch 1 of a rollup, wrapped, with nothing of it on L1 but the messages."""

    folder: DataFolder
    node: Web3Node
    bridge: Bridge
    deployment: Deployment
    wrapped: WrappedBatches

    @property
    def values(self) -> dict[str, int]:
        return dict(zip(PUBLIC_VALUES, self.wrapped.public_values[0], strict=True))

    @property
    def data(self) -> bytes:
        return self.folder.batch(1).encode_data()

    def prove(self, bridge: Bridge, **changes: int) -> None:
        """Hand the proof to a rollup, with the batch's roots or others."""
        named = self.values | changes
        root = (named["withdrawals_hi"] << 128 | named["withdrawals_lo"]).to_bytes(32, "big")
        bridge.prove(1, [named["new_root"]], [root], self.wrapped.proof)


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proven]:
    folder = DataFolder(tmp_path_factory.mktemp("wrapped") / "data")
    start_l1(folder.path)
    prover = open_prover("small")
    with open_l1(folder.l1_target()) as chain:
        node = chain.node
        assert isinstance(node, Web3Node)
        deployment = deploy_rollup(folder, node, prover.key, prover.profile)
        bridge = Bridge(node, deployment.rollup_address)
        deposit(bridge, deployment, ALICE.address, 5 * ETHER)
        deposit(bridge, deployment, ALICE.address, 100 * ETHER, TOKEN_ADDRESS)
        force_exit(bridge, ALICE, 0, ETHER // 10, L1_ALICE)
        for wallet, to, value, data in (
            (ALICE, BOB.address, ETHER, b""),
            (ALICE, TOKEN_ADDRESS, 0, token_transfer(BOB.address, 25 * ETHER)),
            (ALICE, BRIDGE_ADDRESS, *withdrawal_call(0, L1_ALICE + 1, ETHER // 4)),
            (ALICE, BRIDGE_ADDRESS, *withdrawal_call(TOKEN_ADDRESS, L1_ALICE + 2, 10 * ETHER)),
        ):
            folder.add_pending(sign_transaction(folder, wallet, to, value, data))
        built = build_batch(folder, bridge, insecure_dev_wallet(15).address)
        assert (built.messages, built.transactions, len(built.withdrawals)) == (MESSAGES, 4, 3)
        prove_inner(folder, 1, prover)
        yield Proven(folder, node, bridge, deployment, prove_wrap(folder, 1, prover))


def test_the_verifier_accepts_the_proof_for_its_own_statement_only(proven: Proven) -> None:
    verifier = int(proven.deployment.verifier, 16)
    honest = proven.wrapped.public_values[0]
    verify_on_chain(proven.node, verifier, proven.wrapped.proof, [packed_statement(honest, BITS)])
    for i, name in enumerate(PUBLIC_VALUES):
        others = [honest[i] ^ 1]
        if name == "new_root":
            others.append(proven.values["old_root"])
        for other in others:
            values = [*honest[:i], other, *honest[i + 1 :]]
            with pytest.raises(VerificationError, match="InvalidProof"):
                verify_on_chain(proven.node, verifier, proven.wrapped.proof, [packed_statement(values, BITS)])


def test_the_rollup_refuses_the_proof_for_another_queue(proven: Proven) -> None:
    proven.bridge.commit(1, MESSAGES - 1, proven.data)
    with pytest.raises(ContractRefused, match="InvalidProof"):
        proven.prove(proven.bridge)
    proven.bridge.revert(1)


def test_the_rollup_refuses_the_proof_for_other_data(proven: Proven) -> None:
    data = proven.data
    for other in (data[:-1] + bytes([data[-1] ^ 1]), data[:-16], data + bytes(16)):
        proven.bridge.commit(1, MESSAGES, other)
        with pytest.raises(ContractRefused, match="InvalidProof"):
            proven.prove(proven.bridge)
        proven.bridge.revert(1)


@pytest.mark.parametrize("chain_id", [DEVELOPMENT_CHAIN_ID, DEVELOPMENT_CHAIN_ID + 1])
def test_another_rollup_with_the_same_verifier_and_messages_refuses_the_proof(
    proven: Proven, chain_id: int
) -> None:
    config = RollupConfig(
        genesis_root=int(proven.deployment.genesis_root, 16),
        chain_id=chain_id,
        sequencer=proven.node.sender,
        owner=0,
        verifier=int(proven.deployment.verifier, 16),
        exit_proofs=int(proven.deployment.exit_proofs, 16),
        delays=DEFAULT_DELAYS,
        tokens=((int(proven.deployment.tokens[0].l1, 16), TOKEN_ADDRESS),),
    )
    other, _ = Bridge.deploy(proven.node, config)
    deposit(other, proven.deployment, ALICE.address, 5 * ETHER)
    deposit(other, proven.deployment, ALICE.address, 100 * ETHER, TOKEN_ADDRESS)
    force_exit(other, ALICE, 0, ETHER // 10, L1_ALICE)
    other.commit(1, MESSAGES, proven.data)
    posted = other.batch(1)
    assert int.from_bytes(posted.queue_after, "big") == (
        proven.values["queue_after_hi"] << 128 | proven.values["queue_after_lo"]
    )
    with pytest.raises(ContractRefused, match="InvalidProof"):
        proven.prove(other)


def test_the_rollup_takes_the_batch_with_its_own_roots_only_and_pays_its_withdrawals(proven: Proven) -> None:
    commit_batch(proven.folder, proven.bridge, 1)
    for changes in (
        {"new_root": proven.values["new_root"] ^ 1},
        {"new_root": proven.values["old_root"]},
        {"withdrawals_hi": 0, "withdrawals_lo": 0},
        {"withdrawals_lo": proven.values["withdrawals_lo"] ^ 1},
    ):
        with pytest.raises(ContractRefused, match="InvalidProof"):
            proven.prove(proven.bridge, **changes)
    prove_on_l1(proven.bridge, proven.wrapped)
    proven.bridge.finalise(1)
    assert proven.bridge.status().last_root == proven.values["new_root"]
    withdrawals = parse_withdrawals(proven.folder.withdrawals(1), "batch 1")
    for position in range(3):
        claim(proven.bridge, 1, withdrawals, position)
    assert proven.node.balance(L1_ALICE) == ETHER // 10
    assert proven.node.balance(L1_ALICE + 1) == ETHER // 4
    assert proven.bridge.locked(0) == 5 * ETHER - ETHER // 10 - ETHER // 4
    assert proven.bridge.locked(int(proven.deployment.tokens[0].l1, 16)) == 90 * ETHER
