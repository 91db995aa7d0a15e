"""Every rule of the inbox contract is broken once, on the embedded chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.keccak import keccak256
from zkroll.errors import InputError, RollupError
from zkroll.rollup.l1 import L1, development_rollup_address, hex_address, open_l1
from zkroll.rollup.l1.artifact import inbox_artifact
from zkroll.rollup.l1.inbox import Reverted

GENESIS, FIRST, SECOND = 11, 22, 33
CHAIN_ID = 271828
TIME = 1_750_000_000


def batch_data(timestamp: int = TIME, words: int = 2) -> bytes:
    return timestamp.to_bytes(8, "big") + bytes(24) + bytes(range(32)) * words


@dataclass
class Rollup:
    l1: L1
    address: int

    def post(
        self, number: int = 1, old: int = GENESIS, new: int = FIRST, data: bytes | None = None
    ) -> object:
        content = batch_data() if data is None else data
        return self.l1.post_batch(self.address, number, old, new, data_hash=keccak256(content), data=content)

    def refusal(self, calldata: bytes) -> str:
        """What the contract says of this very calldata."""
        with pytest.raises(Reverted) as refused:
            self.l1.node.send(self.address, calldata)
        return inbox_artifact().describe_error(refused.value.data)


@dataclass
class Proof:
    """What the client reads of a batch proof."""

    batch_number: int
    old_root: int
    new_root: int
    chain_id: int
    rollup_address: int
    data: bytes


@pytest.fixture
def rollup(tmp_path: Path) -> Iterator[Rollup]:
    with open_l1(tmp_path / "L1", create=True) as l1:
        yield Rollup(l1, l1.deploy(GENESIS, CHAIN_ID).rollup_address)


def test_first_inbox_of_a_fresh_chain_has_the_address_that_the_example_names(rollup: Rollup) -> None:
    assert rollup.address == development_rollup_address()


def test_posted_batch_is_read_back_whole(rollup: Rollup) -> None:
    rollup.post()
    posted = rollup.l1.read_batch(1, rollup.address)
    assert (posted.batch_number, posted.old_root, posted.new_root) == (1, GENESIS, FIRST)
    assert posted.data == batch_data()
    assert posted.data_hash == int.from_bytes(keccak256(batch_data()), "big")
    assert (posted.chain_id, posted.rollup_address, posted.timestamp) == (CHAIN_ID, rollup.address, TIME)


def test_batches_chain_and_status_shows_the_last(rollup: Rollup) -> None:
    rollup.post()
    rollup.post(2, FIRST, SECOND, batch_data(TIME + 1))
    status = rollup.l1.status()
    assert (status["batches"], status["contract"]) == (2, hex_address(rollup.address))
    assert (int(status["genesis_root"], 16), int(status["last_root"], 16)) == (GENESIS, SECOND)
    assert rollup.l1.read_batch(2).old_root == FIRST


def test_replay_is_refused(rollup: Rollup) -> None:
    rollup.post()
    with pytest.raises(RollupError, match=r"WrongBatchNumber\(expected=2, got=1\)"):
        rollup.post()


@pytest.mark.parametrize("number", [0, 2, 2**64, 2**256 - 1])
def test_any_number_but_the_next_is_refused(rollup: Rollup, number: int) -> None:
    with pytest.raises(RollupError, match="WrongBatchNumber"):
        rollup.post(number)


@pytest.mark.parametrize("old", [0, FIRST, GENESIS + R_MODULUS])
def test_wrong_old_root_is_refused(rollup: Rollup, old: int) -> None:
    with pytest.raises(RollupError, match="WrongOldRoot"):
        rollup.post(old=old)


def test_swapped_roots_are_refused(rollup: Rollup) -> None:
    with pytest.raises(RollupError, match="WrongOldRoot"):
        rollup.post(old=FIRST, new=GENESIS)


@pytest.mark.parametrize("new", [R_MODULUS, R_MODULUS + FIRST, 2**256 - 1])
def test_new_root_outside_the_field_is_refused(rollup: Rollup, new: int) -> None:
    with pytest.raises(RollupError, match="RootNotInField"):
        rollup.post(new=new)


def test_largest_field_element_is_a_root(rollup: Rollup) -> None:
    rollup.post(new=R_MODULUS - 1)
    assert rollup.l1.read_batch(1).new_root == R_MODULUS - 1


def test_data_unlike_its_hash_is_refused(rollup: Rollup) -> None:
    with pytest.raises(RollupError, match="WrongDataHash"):
        rollup.l1.post_batch(
            rollup.address, 1, GENESIS, FIRST, data_hash=keccak256(b"other"), data=batch_data()
        )


@pytest.mark.parametrize("data", [b"", batch_data()[:-1], batch_data() + b"\0", batch_data()[:31]])
def test_data_that_is_not_whole_units_is_refused(rollup: Rollup, data: bytes) -> None:
    with pytest.raises(RollupError, match="NotWholeUnits"):
        rollup.post(data=data)


def test_timestamp_before_the_parent_is_refused(rollup: Rollup) -> None:
    rollup.post()
    with pytest.raises(RollupError, match="TimestampBeforeParent"):
        rollup.post(2, FIRST, SECOND, batch_data(TIME - 1))
    rollup.post(2, FIRST, SECOND, batch_data(TIME))


def test_timestamp_in_the_future_is_refused(rollup: Rollup) -> None:
    with pytest.raises(RollupError, match="TimestampInFuture"):
        rollup.post(data=batch_data(2**64 - 1))


def test_foreign_sender_is_refused(tmp_path: Path) -> None:
    with open_l1(tmp_path / "L1", create=True) as l1:
        address = l1.deploy(GENESIS, CHAIN_ID, sequencer=0xABCD).rollup_address
        with pytest.raises(RollupError, match="NotSequencer"):
            Rollup(l1, address).post()
        assert l1.status()["batches"] == 0


def canonical_call(data: bytes) -> bytes:
    return inbox_artifact().encode_call(
        "postBatch", 1, GENESIS.to_bytes(32, "big"), FIRST.to_bytes(32, "big"), keccak256(data), data
    )


def test_calldata_one_byte_longer_is_refused(rollup: Rollup) -> None:
    assert rollup.refusal(canonical_call(batch_data()) + b"\0").startswith("NonCanonicalCalldata")


def test_an_odd_number_of_units_is_padded_with_zeros_only(rollup: Rollup) -> None:
    data = batch_data() + b"\x01" * 16
    call = canonical_call(data)
    assert call.endswith(b"\x01" * 16 + bytes(16))
    for place in (1, 16):
        dirty = call[:-place] + b"\x01" + call[len(call) - place + 1 :]
        assert rollup.refusal(dirty).startswith("NonCanonicalCalldata")
    rollup.post(data=data)
    assert rollup.l1.read_batch(1).data == data


def test_calldata_one_byte_shorter_is_refused(rollup: Rollup) -> None:
    assert rollup.refusal(canonical_call(batch_data())[:-1]) == "reverted without a reason"


def test_odd_offset_of_the_data_is_refused(rollup: Rollup) -> None:
    call = bytearray(canonical_call(batch_data()))
    head = 4 + 4 * 32
    assert int.from_bytes(call[head : head + 32], "big") == 5 * 32
    call[head : head + 32] = (6 * 32).to_bytes(32, "big")
    call[head + 32 : head + 32] = bytes(32)
    assert rollup.refusal(bytes(call)).startswith("NonCanonicalCalldata")


@pytest.mark.parametrize("offset", [2**64, 2**256 - 32])
def test_offset_beyond_the_calldata_is_refused(rollup: Rollup, offset: int) -> None:
    call = bytearray(canonical_call(batch_data()))
    head = 4 + 4 * 32
    call[head : head + 32] = offset.to_bytes(32, "big")
    assert rollup.refusal(bytes(call)) == "reverted without a reason"


def test_ether_and_unknown_functions_are_refused(rollup: Rollup) -> None:
    assert rollup.refusal(b"") == "reverted without a reason"
    assert rollup.refusal(b"\1\2\3\4") == "reverted without a reason"


@pytest.mark.parametrize(
    ("root", "chain_id", "sequencer", "error"),
    [
        (0, CHAIN_ID, 1, "ZeroGenesisRoot"),
        (R_MODULUS, CHAIN_ID, 1, "RootNotInField"),
        (GENESIS, 0, 1, "ZeroChainId"),
        (GENESIS, CHAIN_ID, 0, "ZeroSequencer"),
    ],
)
def test_senseless_deployment_is_refused(
    tmp_path: Path, root: int, chain_id: int, sequencer: int, error: str
) -> None:
    with open_l1(tmp_path / "L1", create=True) as l1, pytest.raises(RollupError, match=error):
        l1.deploy(root, chain_id, sequencer)


def test_refused_batch_changes_nothing(rollup: Rollup) -> None:
    before = rollup.l1.status()
    with pytest.raises(RollupError):
        rollup.post(old=FIRST)
    assert rollup.l1.status() == before


@pytest.mark.parametrize("number", [0, 2, -1, 2**300])
def test_reading_a_batch_that_was_not_posted_is_refused(rollup: Rollup, number: int) -> None:
    rollup.post()
    with pytest.raises(RollupError, match="not posted"):
        rollup.l1.read_batch(number)


def test_address_without_the_inbox_code_is_refused(rollup: Rollup) -> None:
    with pytest.raises(RollupError, match="not this version's inbox"):
        rollup.l1.read_batch(1, 0x1234)


def test_another_contract_than_the_one_insisted_on_is_refused(rollup: Rollup) -> None:
    other = rollup.l1.deploy(GENESIS, CHAIN_ID).rollup_address
    rollup.post()
    rollup.l1.contract = other
    with pytest.raises(
        RollupError, match=f"expected {hex_address(other)}, got {hex_address(rollup.address)}"
    ):
        rollup.l1.read_batch(1, rollup.address)


def test_two_inboxes_need_a_choice(rollup: Rollup) -> None:
    rollup.l1.deploy(GENESIS, CHAIN_ID)
    with pytest.raises(InputError, match="2 inboxes"):
        rollup.l1.status()
    assert rollup.l1.status(rollup.address)["batches"] == 0


def test_proof_is_posted_to_the_contract_it_names(rollup: Rollup) -> None:
    other = rollup.l1.deploy(GENESIS, CHAIN_ID).rollup_address
    rollup.l1.post(Proof(1, GENESIS, FIRST, CHAIN_ID, other, batch_data()))
    assert rollup.l1.status(rollup.address)["batches"] == 0
    assert rollup.l1.read_batch(1, other).new_root == FIRST


def test_proof_of_another_chain_is_not_posted(rollup: Rollup) -> None:
    with pytest.raises(RollupError, match="chain id"):
        rollup.l1.post(Proof(1, GENESIS, FIRST, CHAIN_ID + 1, rollup.address, batch_data()))
