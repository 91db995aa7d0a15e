"""Terms and geneses with which a rollup could trap its users, refused before anything is deployed."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.l1_world import evm_world

from zkroll.circuits.buses import BRIDGE_ADDRESS
from zkroll.circuits.profiles import MESSAGES, PROFILES
from zkroll.errors import InputError
from zkroll.rollup.batch import accounts_to_json
from zkroll.rollup.development import TOKEN_ADDRESS, bridge_genesis, development_genesis, token_code
from zkroll.rollup.genesis import Account
from zkroll.rollup.operator.deploy import Terms, check_genesis, deploy_rollup
from zkroll.rollup.operator.folder import DataFolder
from zkroll.rollup.testing.simulated_wrap import SimulatedWrap


@pytest.mark.parametrize("profile", PROFILES)
def test_more_messages_than_a_batch_holds_are_refused(tmp_path: Path, profile: str) -> None:
    """L1 would demand batches of so many messages, and none of them could be proven."""
    node = evm_world().node("owner")
    blocks = node.block_number()
    with pytest.raises(InputError, match=f"profile {profile} holds {MESSAGES[profile]}"):
        deploy_rollup(
            DataFolder(tmp_path),
            node,
            SimulatedWrap().key,
            profile,
            Terms(messages_per_batch=MESSAGES[profile] + 1),
        )
    assert node.block_number() == blocks
    assert not (tmp_path / "deployment.json").exists()


def test_as_many_messages_as_a_batch_holds_are_taken(tmp_path: Path) -> None:
    terms = Terms(messages_per_batch=MESSAGES["small"])
    deployment = deploy_rollup(
        DataFolder(tmp_path), evm_world().node("owner"), SimulatedWrap().key, "small", terms
    )
    assert deployment.profile == "small"


def test_money_that_nobody_locked_is_refused_but_for_development() -> None:
    check_genesis(bridge_genesis(), development=False)
    check_genesis(development_genesis(), development=True)
    with pytest.raises(InputError, match=r"none (is|are) locked"):
        check_genesis(development_genesis(), development=False)
    with pytest.raises(InputError, match="expected no ether"):
        check_genesis([Account(5, balance=1)], development=False)
    with pytest.raises(InputError, match="expected no balances"):
        check_genesis([Account(TOKEN_ADDRESS, code=token_code(), storage={0: 1})], development=False)


@pytest.mark.parametrize("development", [True, False])
def test_code_at_the_bridge_is_refused(development: bool) -> None:
    """The executor lets nobody withdraw where the bridge has code."""
    with pytest.raises(InputError, match="expected no code"):
        check_genesis([Account(BRIDGE_ADDRESS, code=b"\x00")], development=development)


def test_genesis_of_the_folder_is_checked(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.set_genesis(accounts_to_json([Account(BRIDGE_ADDRESS, code=b"\x00")]))
    with pytest.raises(InputError, match="expected no code"):
        deploy_rollup(folder, evm_world().node("owner"), SimulatedWrap().key, "small")
