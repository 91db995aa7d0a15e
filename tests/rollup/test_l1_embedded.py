"""The embedded chain survives being closed, and does not survive being tampered with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from zkroll.algebra.keccak import keccak256
from zkroll.errors import InputError
from zkroll.rollup.l1 import open_l1
from zkroll.rollup.l1.embedded import EmbeddedChain
from zkroll.rollup.l1.journal import JOURNAL

DATA = (1_750_000_000).to_bytes(8, "big") + bytes(24)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An embedded chain with an inbox and one batch."""
    path = tmp_path / "L1"
    with open_l1(path, create=True) as l1:
        address = l1.deploy(5, 7).rollup_address
        l1.post_batch(address, 1, 5, 6, data_hash=keccak256(DATA), data=DATA)
    return path


def damaged(folder: Path, change: Any) -> Path:
    """The folder after `change` of its journal's content."""
    journal = json.loads((folder / JOURNAL).read_bytes())
    change(journal)
    (folder / JOURNAL).write_text(json.dumps(journal))
    return folder


def test_reopened_chain_is_the_same(folder: Path) -> None:
    with open_l1(folder) as l1:
        first = (l1.status(), l1.read_batch(1))
    with open_l1(folder) as l1:
        assert (l1.status(), l1.read_batch(1)) == first


def test_reading_leaves_the_journal_alone(folder: Path) -> None:
    before = (folder / JOURNAL).read_bytes()
    with open_l1(folder) as l1:
        l1.read_batch(1)
    assert (folder / JOURNAL).read_bytes() == before


def test_missing_folder_is_not_made_for_reading(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected the folder of an embedded L1"):
        open_l1(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_folder_of_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="folder of other files"):
        open_l1(tmp_path, create=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_file_instead_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "L1").write_text("")
    for create in (True, False):
        with pytest.raises(InputError):
            open_l1(tmp_path / "L1", create=create)


def test_every_truncation_of_the_journal_is_refused(folder: Path) -> None:
    whole = (folder / JOURNAL).read_bytes()
    for length in [0, 1, len(whole) // 3, len(whole) // 2, len(whole) - 2, len(whole) - 1]:
        (folder / JOURNAL).write_bytes(whole[:length])
        with pytest.raises(InputError, match=JOURNAL):
            open_l1(folder)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"\xff\xfe{}", b"{" * 100_000, b"[" * 100_000, b'{"x":' * 100_000, b"x"]
)
def test_garbage_journal_is_refused(folder: Path, content: bytes) -> None:
    (folder / JOURNAL).write_bytes(content)
    with pytest.raises(InputError, match="not a journal"):
        open_l1(folder)


def test_changed_transaction_is_found(folder: Path) -> None:
    def flip(journal: Any) -> None:
        raw = bytearray.fromhex(journal["blocks"][1]["transaction"])
        raw[-100] ^= 1
        journal["blocks"][1]["transaction"] = raw.hex()

    with pytest.raises(InputError, match="block 2"):
        open_l1(damaged(folder, flip))


def test_changed_time_is_found(folder: Path) -> None:
    def shift(journal: Any) -> None:
        journal["blocks"][1]["timestamp"] += 1

    with pytest.raises(InputError, match="block 2: expected hash"):
        open_l1(damaged(folder, shift))


@pytest.mark.parametrize("time", [0, -1, 2**63, 2**80])
def test_senseless_time_is_refused(folder: Path, time: int) -> None:
    def set_time(journal: Any) -> None:
        journal["blocks"][0]["timestamp"] = time

    with pytest.raises(InputError, match=r"timestamp|not a journal"):
        open_l1(damaged(folder, set_time))


def test_dropped_block_is_found(folder: Path) -> None:
    with pytest.raises(InputError, match="block 1"):
        open_l1(damaged(folder, lambda journal: journal["blocks"].pop(0)))


def test_doubled_block_is_found(folder: Path) -> None:
    with pytest.raises(InputError, match="block 3"):
        open_l1(damaged(folder, lambda journal: journal["blocks"].append(journal["blocks"][-1])))


def test_reordered_blocks_are_found(folder: Path) -> None:
    with pytest.raises(InputError, match="block 1"):
        open_l1(damaged(folder, lambda journal: journal["blocks"].reverse()))


def test_other_genesis_is_found(folder: Path) -> None:
    with pytest.raises(InputError, match="genesis"):
        open_l1(damaged(folder, lambda journal: journal.update(genesis="00" * 32)))


def test_newer_version_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(InputError, match="expected version 1, got 2"):
        open_l1(damaged(folder, lambda journal: journal.update(version=2, new_field=1)))


def test_unknown_field_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="not a journal"):
        open_l1(damaged(folder, lambda journal: journal.update(extra=1)))


def test_fifo_instead_of_a_journal_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / JOURNAL)
    with pytest.raises(InputError, match="regular file"):
        open_l1(tmp_path)


def test_failed_write_keeps_the_old_journal_and_closes_the_chain(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (folder / JOURNAL).read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    l1 = open_l1(folder)
    address = l1.inboxes()[0]
    monkeypatch.setattr("zkroll.algebra.files.os.fsync", full)
    with pytest.raises(InputError, match="No space left"):
        l1.post_batch(address, 2, 6, 7, data_hash=keccak256(DATA), data=DATA)
    monkeypatch.undo()
    assert (folder / JOURNAL).read_bytes() == before
    assert not list(folder.glob(".journal*"))
    with pytest.raises(InputError, match="closed"):
        l1.inboxes()
    with open_l1(folder) as again:
        assert again.status()["batches"] == 1


_HOLD = """
import sys
from zkroll.rollup.l1 import open_l1
with open_l1(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_second_process_is_refused_while_the_first_holds_the_folder(folder: Path) -> None:
    command = [sys.executable, "-c", _HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="another process"):
            EmbeddedChain(folder, create=False, wait_seconds=0)
        other.communicate("")
    EmbeddedChain(folder, create=False, wait_seconds=0).close()


def test_failed_open_gives_the_folder_back(folder: Path) -> None:
    whole = (folder / JOURNAL).read_bytes()
    (folder / JOURNAL).write_bytes(b"x")
    with pytest.raises(InputError):
        open_l1(folder)
    (folder / JOURNAL).write_bytes(whole)
    EmbeddedChain(folder, create=False, wait_seconds=0).close()


def test_clock_that_runs_backwards_still_gives_later_blocks(tmp_path: Path) -> None:
    chain = EmbeddedChain(tmp_path / "L1", create=True, clock=lambda: 0.0)
    account = chain.deployer
    for nonce in range(2):
        signed = account.sign_transaction(
            {
                "nonce": nonce, "to": account.address, "value": 1, "gas": 21000, "data": b"",
                "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 0, "chainId": chain.w3.eth.chain_id,
            }
        )  # fmt: skip
        chain.submit(bytes(signed.raw_transaction))
    times = [chain.w3.eth.get_block(number)["timestamp"] for number in range(3)]
    assert times[0] < times[1] < times[2]
    chain.close()


def test_transaction_that_no_block_can_hold_is_refused(folder: Path) -> None:
    chain = EmbeddedChain(folder, create=False)
    signed = chain.deployer.sign_transaction(
        {
            "nonce": 99, "to": chain.deployer.address, "value": 1, "gas": 21000, "data": b"",
            "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 0, "chainId": chain.w3.eth.chain_id,
        }
    )  # fmt: skip
    with pytest.raises(InputError, match="refused"):
        chain.submit(bytes(signed.raw_transaction))
    chain.close()
    with open_l1(folder) as l1:
        assert l1.status()["l1_block"] == 2


def test_more_than_an_account_has_is_refused_before_anything_is_sent(folder: Path) -> None:
    before = (folder / JOURNAL).read_bytes()
    with open_l1(folder) as l1, pytest.raises(InputError, match=r"transaction refused: .*enough balance"):
        l1.node.send(5, b"", 10**30)
    assert (folder / JOURNAL).read_bytes() == before
