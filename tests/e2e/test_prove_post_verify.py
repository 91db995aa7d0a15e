"""A real batch through every layer by the command line, and proofs that must not pass."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from zkroll.errors import VerificationError
from zkroll.rollup.batch import Batch
from zkroll.rollup.cli import run
from zkroll.rollup.development import DEVELOPMENT_CHAIN_ID, TOKEN_ADDRESS, development_genesis
from zkroll.rollup.executor import execute_batch
from zkroll.rollup.l1 import development_rollup_address, open_l1
from zkroll.rollup.proof import BatchProof
from zkroll.rollup.transaction import Transaction
from zkroll.rollup.verify import verify_on_l1, verify_proof
from zkroll.rollup.wallet import insecure_dev_wallet

if importlib.util.find_spec("zkroll.circuits.machine") is None:
    pytest.skip("needs the batch machine", allow_module_level=True)

TOKEN_CALL = bytes.fromhex("a9059cbb")


def small_batch() -> Batch:
    """A native transfer, a token transfer and a call that reverts."""
    sender, receiver = insecure_dev_wallet(0), insecure_dev_wallet(1)

    def token(amount: int) -> bytes:
        return TOKEN_CALL + receiver.address.to_bytes(32, "big") + amount.to_bytes(32, "big")

    plain = [
        Transaction(sender.address, receiver.address, 10**18, 0, 21_000, 10**9),
        Transaction(sender.address, TOKEN_ADDRESS, 0, 1, 100_000, 10**9, token(7)),
        Transaction(sender.address, TOKEN_ADDRESS, 0, 2, 100_000, 10**9, token(2**255)),
    ]
    return Batch(
        chain_id=DEVELOPMENT_CHAIN_ID,
        batch_number=1,
        rollup_address=development_rollup_address(),
        timestamp=1_750_000_000,
        coinbase=0xC0FFEE,
        pre_state=development_genesis(),
        transactions=tuple(sender.sign(transaction, DEVELOPMENT_CHAIN_ID) for transaction in plain),
    )


@dataclass(frozen=True)
class Posted:
    """The folder with batch.json, proof.zkp and L1, the batch and its proof, and the prover's report."""

    folder: Path
    batch: Batch
    proof: BatchProof
    report: dict[str, Any]


@pytest.fixture(scope="module")
def posted(tmp_path_factory: pytest.TempPathFactory) -> Posted:
    folder = tmp_path_factory.mktemp("rollup")
    batch = small_batch()
    (folder / "batch.json").write_bytes(batch.to_json())
    assert run(["l1", "deploy", "--l1", f"{folder}/L1"]) == 0
    with contextlib.redirect_stdout(io.StringIO()) as written:
        assert run(["prove", f"{folder}/batch.json", "-o", f"{folder}/proof.zkp", "--json"]) == 0
    report = json.loads(written.getvalue())
    assert run(["l1", "post", f"{folder}/proof.zkp", "--l1", f"{folder}/L1"]) == 0
    return Posted(folder, batch, BatchProof.from_bytes((folder / "proof.zkp").read_bytes()), report)


def test_posted_proof_is_accepted(posted: Posted) -> None:
    assert run(["verify", f"{posted.folder}/proof.zkp", "--l1", f"{posted.folder}/L1"]) == 0


def test_proof_is_about_the_roots_of_the_execution(posted: Posted) -> None:
    executed = execute_batch(posted.batch)
    assert posted.proof.public_values == executed.public_values()
    assert int(posted.report["old_root"], 16) == executed.old_root
    assert int(posted.report["new_root"], 16) == executed.new_root


def test_report_has_every_promised_figure(posted: Posted) -> None:
    assert posted.report["evm_steps"] == len(execute_batch(posted.batch).trace.steps)
    assert posted.report["transactions"] == 3
    for name in ("cells", "seconds", "cores", "peak_memory_bytes"):
        assert posted.report[name] > 0
    assert sum(posted.report["stages"].values()) == pytest.approx(posted.report["seconds"], rel=0.01)
    assert all(rows >= 0 for rows in posted.report["rows"].values())


def test_proof_bytes_are_canonical(posted: Posted) -> None:
    content = (posted.folder / "proof.zkp").read_bytes()
    assert posted.proof.to_bytes() == content


def test_proof_of_another_root_posted_for_the_batch_is_refused(posted: Posted, tmp_path: Path) -> None:
    values = list(posted.proof.public_values)
    values[1] += 1
    forged = replace(posted.proof, public_values=tuple(values))
    with open_l1(tmp_path / "L1", create=True) as l1:
        l1.deploy(values[0], DEVELOPMENT_CHAIN_ID)
        l1.post(forged)
        with pytest.raises(VerificationError):
            verify_on_l1(forged, l1)


@pytest.mark.parametrize("index", range(10))
def test_proof_with_any_public_value_changed_is_refused(posted: Posted, index: int) -> None:
    values = list(posted.proof.public_values)
    values[index] ^= 1
    with pytest.raises(VerificationError):
        verify_proof(replace(posted.proof, public_values=tuple(values)))


def test_proof_under_another_key_is_refused(posted: Posted) -> None:
    with pytest.raises(VerificationError, match="key digest"):
        verify_proof(replace(posted.proof, key_digest=posted.proof.key_digest ^ 1))


@pytest.mark.parametrize("part", [0.0, 0.2, 0.5, 0.8, 1.0])
def test_inner_proof_with_one_flipped_bit_is_refused(posted: Posted, part: float) -> None:
    inner = bytearray(posted.proof.inner)
    inner[int(part * (len(inner) - 1))] ^= 1
    with pytest.raises(VerificationError):
        verify_proof(replace(posted.proof, inner=bytes(inner)))


@pytest.mark.parametrize("change", ["truncated", "extended", "empty"])
def test_inner_proof_of_another_length_is_refused(posted: Posted, change: str) -> None:
    inner = {"truncated": posted.proof.inner[:-1], "extended": posted.proof.inner + b"\0", "empty": b""}[
        change
    ]
    with pytest.raises(VerificationError):
        verify_proof(replace(posted.proof, inner=inner))
