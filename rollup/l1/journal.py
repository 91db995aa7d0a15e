"""The journal of an embedded chain: every block's signed transaction, time and hash, in one JSON file.

    {"format": "zkroll embedded L1", "version": 1, "genesis": HASH,
     "blocks": [{"timestamp": SECONDS, "transaction": RAW, "hash": HASH}, ...]}

A block's hash binds its parent, time, transactions and the state after them, so replaying the journal and
comparing hashes finds any change to the file. The file is replaced as a whole: a crash leaves the old one or
the new one.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import msgspec

from zkroll.algebra.files import read_regular_file, write_atomically
from zkroll.errors import InputError
from zkroll.rollup.json_depth import check_depth

FORMAT = "zkroll embedded L1"
VERSION = 1
JOURNAL = "journal.json"
LOCK = "lock"
LARGEST_JOURNAL = 1 << 28  # bytes

_POLL_SECONDS = 0.05


class Block(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One block with one transaction; hexadecimal without a prefix, the time in seconds since 1970."""

    timestamp: int
    transaction: str
    hash: str

    def raw_transaction(self) -> bytes:
        """The signed transaction as it was sent."""
        return bytes.fromhex(self.transaction)


class Journal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole content of the file."""

    format: str
    version: int
    genesis: str
    blocks: tuple[Block, ...]

    @classmethod
    def empty(cls, genesis: str) -> Journal:
        """The journal of a chain that has only its genesis block, of that hash."""
        return cls(FORMAT, VERSION, genesis, ())

    def with_block(self, block: Block) -> Journal:
        """The same journal with one more block at its end."""
        return msgspec.structs.replace(self, blocks=(*self.blocks, block))


def read_journal(folder: Path) -> Journal:
    """Read the journal of a folder; raises InputError when it is missing or no journal of this version."""
    path = folder / JOURNAL
    content = read_regular_file(path, LARGEST_JOURNAL)
    check_depth(content, f"{path}: not a journal of an embedded L1")
    try:
        head = msgspec.json.decode(content, type=_Head)
        if head.format != FORMAT:
            raise InputError(f"{path}: expected format {FORMAT!r}, got {head.format[:80]!r}")
        if head.version != VERSION:
            raise InputError(f"{path}: expected version {VERSION}, got {head.version}")
        journal = msgspec.json.decode(content, type=Journal)
        for block in journal.blocks:
            block.raw_transaction()
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a journal of an embedded L1: {error}") from error
    return journal


def write_journal(folder: Path, journal: Journal) -> None:
    """Replace the journal on disk; once this returns it survives a crash."""
    write_atomically(folder / JOURNAL, msgspec.json.encode(journal))


class FolderLock:
    """The right to use a folder, held by one process at a time and given back when the process ends."""

    def __init__(self, folder: Path, wait_seconds: float, what: str = "this embedded L1") -> None:
        """Take the lock; raises InputError when another process still holds it after `wait_seconds`."""
        path = folder / LOCK
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}") from error
        deadline = time.monotonic() + wait_seconds
        while not self._try():
            if time.monotonic() >= deadline:
                os.close(self._handle)
                raise InputError(f"{folder}: another process is using {what}")
            time.sleep(_POLL_SECONDS)

    def _try(self) -> bool:
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Give the lock back; safe to call twice."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


class _Head(msgspec.Struct, frozen=True):
    format: str
    version: int
