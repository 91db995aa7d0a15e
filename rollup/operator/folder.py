"""The data folder of an operator or a node. Every file is written beside its place and renamed.

l1.json            which L1: the folder ``l1`` beside it, or an endpoint
l1/                an embedded L1
genesis.json       the accounts of batch 0
deployment.json    the rollup's contracts
state/             the state after the last batch that was built (or read from L1)
pending/           signed transactions that no batch has, in their order
rejected/          transactions that no batch can have, with the reason
batches/NNNNNN/    batch.json, proof.zkp (inner proof), wrapped.zkw, withdrawals.json
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from zkroll.algebra.files import read_regular_file, write_atomically
from zkroll.errors import InputError
from zkroll.rollup.batch import Batch, parse_accounts, parse_transaction, read_batch, transaction_to_json
from zkroll.rollup.genesis import Account, build_state
from zkroll.rollup.l1.journal import FolderLock
from zkroll.rollup.operator.deployment import LARGEST_DEPLOYMENT, Deployment
from zkroll.rollup.state.state import State
from zkroll.rollup.state.store import LmdbStore
from zkroll.rollup.transaction import SignedTransaction

DEFAULT_FOLDER: Final = "zkroll-data"
EMBEDDED: Final = "embedded"
LARGEST_FILE: Final = 1 << 26  # bytes
_LOCK_SECONDS: Final = 10.0
#: of the store: the batch after which the state is, the messages that all batches up to it took, and the queue's
#: hash after them
BATCH_NUMBER: Final = "batch_number"
QUEUE_END: Final = "queue_end"
QUEUE_HASH: Final = "queue_hash"


class DataFolder:
    """The files of one folder. Raises InputError where they are missing or unusable."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def create(self) -> None:
        """Make the folder, unless it is there."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self.path}: {error.strerror or error}") from error

    # ---- L1 and deployment

    @property
    def l1_folder(self) -> Path:
        """Where an embedded L1 lies."""
        return self.path / "l1"

    def set_l1(self, target: str | None) -> None:
        """Say which L1 this folder's rollup is on: an http(s) URL, a folder, or None for its own embedded one."""
        self.create()
        if target is not None and "://" not in target:
            target = os.path.abspath(target)  # wherever the next verb is called
        content = json.dumps({"l1": EMBEDDED if target is None else target}, indent=2) + "\n"
        write_atomically(self.path / "l1.json", content.encode())

    def l1_target(self) -> str:
        """What ``open_l1`` takes. Raises InputError before ``zkroll l1 start``."""
        known = self._json("l1.json", "zkroll l1 start")
        target = known.get("l1") if isinstance(known, dict) else None
        if not isinstance(target, str):
            raise InputError(f"{self.path / 'l1.json'}: expected an object with a string l1")
        return str(self.l1_folder) if target == EMBEDDED else target

    def has_l1(self) -> bool:
        """Whether an L1 was named."""
        return (self.path / "l1.json").exists()

    def has_deployment(self) -> bool:
        """Whether a rollup was deployed."""
        return (self.path / "deployment.json").exists()

    def deployment(self) -> Deployment:
        """The rollup of this folder."""
        place = self.path / "deployment.json"
        if not place.exists():
            raise InputError(f"{place}: expected a deployment; make one with zkroll l1 deploy")
        return Deployment.from_json(read_regular_file(place, LARGEST_DEPLOYMENT), str(place))

    def set_deployment(self, deployment: Deployment) -> None:
        """Keep what was deployed."""
        write_atomically(self.path / "deployment.json", deployment.to_json())

    # ---- state

    def set_genesis(self, content: bytes) -> None:
        """Keep the accounts of batch 0, as the bytes of a state file."""
        self.create()
        write_atomically(self.path / "genesis.json", content)

    def genesis(self) -> tuple[Account, ...]:
        """The accounts of batch 0."""
        place = self.path / "genesis.json"
        with _named(place):
            return parse_accounts(read_regular_file(place, LARGEST_FILE))

    def open_state(self) -> State:
        """The state of this folder, made of the genesis where there is none; the caller closes its store.

        Raises InputError when another process has it open.
        """
        store = LmdbStore(self.path / "state")
        try:
            state = State(store)
            if not state.root and not state.meta_number(BATCH_NUMBER, 0):
                state = build_state(self.genesis(), store)
                state.commit(batch_number=0)
        except BaseException:
            store.close()
            raise
        return state

    def replace_state(self, fresh: Path) -> None:
        """Put the state of a folder that nobody has open in the place of this one's."""
        place, old = self.path / "state", self.path / ".state-old"
        shutil.rmtree(old, ignore_errors=True)
        if place.exists():
            LmdbStore(place).close()  # refused while another process has it
            os.replace(place, old)
        os.replace(fresh, place)
        shutil.rmtree(old, ignore_errors=True)

    # ---- transactions

    def pending(self) -> list[tuple[Path, SignedTransaction]]:
        """The transactions that wait for a batch, oldest first. Raises InputError, with its name, for a damaged file."""
        return [(file, _transaction(file)) for file in self._numbered("pending")]

    def reject_damaged(self) -> list[Path]:
        """Put the files among the pending ones aside that are no transactions; gives where they were."""
        damaged = []
        for file in self._numbered("pending"):
            try:
                _transaction(file)
            except InputError as error:
                self.reject(file, str(error))
                damaged.append(file)
        return damaged

    @contextlib.contextmanager
    def pending_lock(self) -> Iterator[None]:
        """Hold the right to choose nonces. Raises InputError when another process holds it for seconds."""
        folder = self.path / "pending"
        folder.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(folder, _LOCK_SECONDS, "these pending transactions")
        try:
            yield
        finally:
            lock.release()

    def add_pending(self, signed: SignedTransaction) -> Path:
        """Keep a transaction for the next batch."""
        folder = self.path / "pending"
        folder.mkdir(parents=True, exist_ok=True)
        # hard links are made or refused in one step, so two processes never take one number
        taken = (*self._numbered("pending"), *self._numbered("rejected"))
        number = 1 + max((int(file.stem) for file in taken), default=0)
        content = transaction_to_json(signed)
        draft = folder / f".draft-{os.getpid()}"
        write_atomically(draft, content)
        try:
            while True:
                place = folder / f"{number:08d}.json"
                try:
                    os.link(draft, place)
                except FileExistsError:
                    number += 1
                else:
                    return place
        finally:
            draft.unlink()

    def reject(self, file: Path, reason: str) -> None:
        """Put a pending transaction aside."""
        folder = self.path / "rejected"
        folder.mkdir(exist_ok=True)
        write_atomically(folder / f"{file.stem}.reason", (reason + "\n").encode())
        os.replace(file, folder / file.name)

    def _numbered(self, folder: str) -> list[Path]:
        files = (self.path / folder).glob("*.json")
        named = [file for file in files if file.stem.isascii() and file.stem.isdigit()]
        return sorted(named, key=lambda file: (int(file.stem), file.stem))

    # ---- batches

    def batch_folder(self, number: int) -> Path:
        """The folder of a batch."""
        return self.path / "batches" / f"{number:06d}"

    def keep_batch(self, batch: Batch, withdrawals: list[dict[str, str]]) -> None:
        """Write a batch and its withdrawals."""
        folder = self.batch_folder(batch.batch_number)
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("proof.zkp", "wrapped.zkw"):
            (folder / name).unlink(missing_ok=True)  # of a batch of this number that was never committed
        self.keep_withdrawals(batch.batch_number, withdrawals)
        write_atomically(folder / "batch.json", batch.to_json())

    def keep_withdrawals(self, number: int, withdrawals: list[dict[str, str]]) -> None:
        """Write the withdrawals of a batch."""
        folder = self.batch_folder(number)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "withdrawals.json", (json.dumps(withdrawals, indent=2) + "\n").encode())

    def batch(self, number: int) -> Batch:
        """A batch that was built. Raises InputError for none, a damaged file and the batch of another number."""
        place = self.batch_folder(number) / "batch.json"
        if not place.exists():
            raise InputError(f"{place}: expected a batch; make one with zkroll batch build")
        with _named(place):
            batch = read_batch(place)
        if batch.batch_number != number:
            raise InputError(f"{place}: expected batch {number}, got batch {batch.batch_number}")
        return batch

    def withdrawals(self, number: int) -> list[dict[str, str]]:
        """The withdrawals of a batch that was built or read from L1."""
        found = self._json(f"batches/{number:06d}/withdrawals.json", "zkroll batch build, or zkroll sync")
        if not isinstance(found, list):
            raise InputError(f"{self.batch_folder(number) / 'withdrawals.json'}: expected a list")
        return found

    def read(self, number: int, name: str, made_by: str) -> bytes:
        """A file of a batch."""
        place = self.batch_folder(number) / name
        if not place.exists():
            raise InputError(f"{place}: expected a file; make it with {made_by}")
        return read_regular_file(place, LARGEST_FILE)

    def write(self, number: int, name: str, content: bytes) -> Path:
        """Write a file of a batch."""
        place = self.batch_folder(number) / name
        write_atomically(place, content)
        return place

    def _json(self, name: str, made_by: str) -> Any:
        place = self.path / name
        if not place.exists():
            raise InputError(f"{place}: expected a file; make it with {made_by}")
        try:
            return json.loads(read_regular_file(place, LARGEST_FILE))
        except (ValueError, RecursionError) as error:
            raise InputError(f"{place}: expected JSON: {error}") from error


def _transaction(file: Path) -> SignedTransaction:
    with _named(file):
        return parse_transaction(read_regular_file(file, LARGEST_FILE))


@contextlib.contextmanager
def _named(place: Path) -> Iterator[None]:
    """Errors within name the file."""
    try:
        yield
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(str(place)) else f"{place}: {text}") from error


__all__ = ["BATCH_NUMBER", "DEFAULT_FOLDER", "EMBEDDED", "QUEUE_END", "QUEUE_HASH", "DataFolder"]
