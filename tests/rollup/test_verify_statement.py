"""A proof is accepted for the very batch that L1 holds: any other statement is refused before any algebra."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.keccak import keccak256
from zkroll.circuits.buses import PUBLIC_VALUES
from zkroll.errors import RollupError, VerificationError
from zkroll.rollup import verify as module
from zkroll.rollup.batch_data import BatchData, TransferRecord, encode_data
from zkroll.rollup.l1 import L1, open_l1
from zkroll.rollup.proof import BatchProof
from zkroll.rollup.verify import statement, verify_on_l1, verify_proof

GENESIS, ROOT, CHAIN_ID = 11, 22, 271828
TRANSFERS = tuple(TransferRecord(1, 200, value << 5, 1 << 4) for value in range(3))
BATCH = BatchData(1_750_000_000, 3, ((1, 0xA11CE),), TRANSFERS)


@pytest.fixture(autouse=True)
def _inner_proof_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about the statement; every inner proof is taken as right."""
    monkeypatch.setattr(module, "_verify_inner", lambda proof, srs: True)


@pytest.fixture
def l1(tmp_path: Path) -> Iterator[L1]:
    """An L1 with the batch posted."""
    with open_l1(tmp_path / "L1", create=True) as chain:
        chain.post(make_proof(chain.deploy(GENESIS, CHAIN_ID).rollup_address))
        yield chain


def make_proof(rollup_address: int, batch: BatchData = BATCH) -> BatchProof:
    data = encode_data(batch)
    values = statement(
        old_root=GENESIS,
        new_root=ROOT,
        batch_number=1,
        chain_id=CHAIN_ID,
        rollup_address=rollup_address,
        data=data,
    )
    return BatchProof(1, values, data, b"inner")


@pytest.fixture
def proof(l1: L1) -> BatchProof:
    return make_proof(l1.inboxes()[0])


def with_value(proof: BatchProof, name: str, value: int) -> BatchProof:
    values = list(proof.public_values)
    values[PUBLIC_VALUES.index(name)] = value
    return replace(proof, public_values=tuple(values))


def test_proof_of_the_posted_batch_is_accepted(l1: L1, proof: BatchProof) -> None:
    verdict = verify_on_l1(proof, l1)
    assert (int(verdict["old_root"], 16), int(verdict["new_root"], 16)) == (GENESIS, ROOT)
    assert (verdict["transactions"], verdict["insecure_setup"]) == (3, True)
    verify_proof(proof)


@pytest.mark.parametrize(
    "name", [name for name in PUBLIC_VALUES if name not in ("batch_number", "rollup_address")]
)
@pytest.mark.parametrize("change", [1, -1, 1 << 127, R_MODULUS])
def test_any_other_public_value_is_refused_by_name(l1: L1, proof: BatchProof, name: str, change: int) -> None:
    other = with_value(proof, name, getattr(proof, name) + change)
    with pytest.raises(VerificationError, match=f"^{name}: expected 0x"):
        verify_on_l1(other, l1)


@pytest.mark.parametrize("number", [0, 2, R_MODULUS + 1])
def test_another_batch_number_is_refused(l1: L1, proof: BatchProof, number: int) -> None:
    with pytest.raises(RollupError, match="not posted"):
        verify_on_l1(with_value(proof, "batch_number", number), l1)


def test_another_contract_without_an_inbox_is_refused(l1: L1, proof: BatchProof) -> None:
    with pytest.raises(RollupError, match="not this version's inbox"):
        verify_on_l1(with_value(proof, "rollup_address", 0x1234), l1)


def test_another_inbox_with_the_same_batch_is_refused(l1: L1, proof: BatchProof) -> None:
    other = l1.deploy(GENESIS, CHAIN_ID).rollup_address
    l1.post(make_proof(other))
    l1.contract = other
    with pytest.raises(RollupError, match="contract: expected"):
        verify_on_l1(proof, l1)


def test_inbox_of_another_chain_id_is_refused(l1: L1, proof: BatchProof) -> None:
    other = l1.deploy(GENESIS, CHAIN_ID + 1).rollup_address
    data = proof.data
    l1.post_batch(other, 1, GENESIS, ROOT, data_hash=keccak256(data), data=data)
    with pytest.raises(VerificationError, match=r"^chain_id: expected"):
        verify_on_l1(make_proof(other), l1)


def test_swapped_roots_are_refused(l1: L1, proof: BatchProof) -> None:
    swapped = with_value(with_value(proof, "old_root", ROOT), "new_root", GENESIS)
    with pytest.raises(VerificationError, match=r"^old_root"):
        verify_on_l1(swapped, l1)


@pytest.mark.parametrize(
    "records",
    [
        TRANSFERS[:-1],
        (*TRANSFERS, TRANSFERS[0]),
        TRANSFERS[::-1],
        (*TRANSFERS[:2], replace(TRANSFERS[2], packed_value=9)),
    ],
    ids=["dropped", "doubled", "reordered", "changed"],
)
def test_proof_for_other_transactions_is_refused(
    l1: L1, proof: BatchProof, records: tuple[TransferRecord, ...]
) -> None:
    other = make_proof(proof.rollup_address, replace(BATCH, records=records))
    with pytest.raises(VerificationError, match=r"^data_hash_"):
        verify_on_l1(other, l1)


def test_proof_with_another_timestamp_is_refused(l1: L1, proof: BatchProof) -> None:
    other = make_proof(proof.rollup_address, replace(BATCH, timestamp=BATCH.timestamp - 1))
    with pytest.raises(VerificationError, match=r"^timestamp"):
        verify_on_l1(other, l1)


@pytest.mark.parametrize("change", [b"\0", b"\0" * 32])
def test_proof_file_with_longer_data_is_refused(l1: L1, proof: BatchProof, change: bytes) -> None:
    with pytest.raises(VerificationError, match=r"^data: "):
        verify_on_l1(replace(proof, data=proof.data + change), l1)


def test_posted_data_that_is_no_batch_is_refused(l1: L1, proof: BatchProof) -> None:
    other = l1.deploy(GENESIS, CHAIN_ID).rollup_address
    data = proof.data + bytes(32)
    l1.post_batch(other, 1, GENESIS, ROOT, data_hash=keccak256(data), data=data)
    with pytest.raises(VerificationError, match=r"^data: "):
        verify_on_l1(make_proof(other), l1)


@pytest.mark.parametrize("count", [13, 15])
def test_one_public_value_too_few_or_too_many_is_refused(l1: L1, proof: BatchProof, count: int) -> None:
    other = replace(proof, public_values=(*proof.public_values, 0)[:count])
    with pytest.raises(VerificationError, match=f"public values: expected 14, got {count}"):
        verify_on_l1(other, l1)


def test_own_statement_with_other_data_is_refused(proof: BatchProof) -> None:
    with pytest.raises(VerificationError, match=r"^data_hash_lo"):
        verify_proof(with_value(proof, "data_hash_lo", proof.data_hash_lo ^ 1))


@pytest.mark.parametrize("size", [0, 16, 31, 33, 48, 96])
def test_data_that_does_not_decode_has_no_statement(proof: BatchProof, size: int) -> None:
    with pytest.raises(VerificationError, match=r"^data: "):
        verify_proof(
            replace(
                proof, data=(proof.data + bytes(32))[:size] if size != 48 else proof.data[:32] + bytes(16)
            )
        )
