"""Where the state lives: a few tables of bytes, in LMDB or in memory, written one batch at a time.

A commit is one LMDB write transaction: after a crash the store holds all of it or nothing. The folder is
locked for as long as it is open, so two processes never write one state.
"""

from __future__ import annotations

import enum
import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import lmdb

from zkroll.errors import InputError

SCHEMA_VERSION = 1
FIRST_MAP_BYTES = 64 << 20
LARGEST_MAP_BYTES = 1 << 40

_SCHEMA_KEY = b"schema"


class Table(enum.Enum):
    """The tables of a store; keys and values are bytes."""

    NODE = b"node"  # tree node by its hash (32 bytes)
    WORD = b"word"  # address (20) | field (1) | slot (32) -> the word (32)
    CODE = b"code"  # code_poseidon (32) -> code
    META = b"meta"  # schema version, root, chain id, last batch number


Put = tuple[Table, bytes, bytes]


class Store(Protocol):
    """What the state needs of its store."""

    def get(self, table: Table, key: bytes) -> bytes | None:
        """The value stored at `key`, or None."""

    def items(self, table: Table) -> Iterator[tuple[bytes, bytes]]:
        """All pairs of one table in the order of their keys."""

    def commit(self, puts: Iterable[Put]) -> None:
        """Write all pairs, or none of them when an error is raised."""

    def close(self) -> None:
        """Give up the store; nothing may be called after it."""


class MemoryStore:
    """A store in dictionaries, for one-shot proving and tests."""

    def __init__(self) -> None:
        self._tables: dict[Table, dict[bytes, bytes]] = {table: {} for table in Table}

    def get(self, table: Table, key: bytes) -> bytes | None:
        """The value stored at `key`, or None."""
        return self._tables[table].get(key)

    def items(self, table: Table) -> Iterator[tuple[bytes, bytes]]:
        """All pairs of one table in the order of their keys."""
        return iter(sorted(self._tables[table].items()))

    def commit(self, puts: Iterable[Put]) -> None:
        """Write all pairs, or none of them when an error is raised."""
        for table, key, value in list(puts):
            self._tables[table][key] = value

    def close(self) -> None:
        """Nothing to give up."""


class LmdbStore:
    """A store in an LMDB folder (made if absent).

    Raises InputError when the folder cannot be used: it is no folder, another process has it open, it is
    damaged or truncated, it was written by a newer zkroll, the disk is full or the map cannot grow.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        map_bytes: int = FIRST_MAP_BYTES,
        largest_map_bytes: int = LARGEST_MAP_BYTES,
    ) -> None:
        self._folder = Path(folder)
        self._largest = largest_map_bytes
        self._lock = _take_lock(self._folder)
        try:
            self._env = self._open(map_bytes)
            self._check_schema()
        except BaseException:
            os.close(self._lock)
            raise

    def get(self, table: Table, key: bytes) -> bytes | None:
        """The value stored at `key`, or None."""
        try:
            with self._env.begin(db=self._databases[table]) as txn:
                value = txn.get(key)
        except lmdb.Error as error:
            raise self._refuse(error) from error
        return bytes(value) if value is not None else None

    def items(self, table: Table) -> Iterator[tuple[bytes, bytes]]:
        """All pairs of one table in the order of their keys."""
        try:
            with self._env.begin(db=self._databases[table]) as txn:
                for key, value in txn.cursor():
                    yield bytes(key), bytes(value)
        except lmdb.Error as error:
            raise self._refuse(error) from error

    def commit(self, puts: Iterable[Put]) -> None:
        """Write all pairs in one transaction; the map grows as long as it may."""
        rows = list(puts)
        while True:
            try:
                with self._env.begin(write=True) as txn:
                    for table, key, value in rows:
                        txn.put(key, value, db=self._databases[table])
            except lmdb.MapFullError as error:
                grown = 2 * int(self._env.info()["map_size"])
                if grown > self._largest:
                    raise InputError(
                        f"state store {self._folder}: full at {grown // 2} bytes, the largest map allowed is "
                        f"{self._largest}"
                    ) from error
                self._env.set_mapsize(grown)
            except (lmdb.Error, OSError) as error:
                raise self._refuse(error) from error
            else:
                return

    def close(self) -> None:
        """Close the files and release the folder."""
        self._env.close()
        os.close(self._lock)

    def __enter__(self) -> LmdbStore:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _open(self, map_bytes: int) -> lmdb.Environment:
        data = self._folder / "data.mdb"
        present = data.stat().st_size if data.exists() else 0
        try:
            env = lmdb.open(str(self._folder), map_size=max(map_bytes, present), max_dbs=len(Table))
        except (lmdb.Error, OSError) as error:
            raise self._refuse(error) from error
        try:
            self._check_length(env, present)
            self._databases = {table: env.open_db(table.value) for table in Table}
        except lmdb.Error as error:
            env.close()
            raise self._refuse(error) from error
        except BaseException:
            env.close()
            raise
        return env

    def _check_schema(self) -> None:
        stored = self.get(Table.META, _SCHEMA_KEY)
        if stored is None:
            self.commit([(Table.META, _SCHEMA_KEY, str(SCHEMA_VERSION).encode())])
        elif not stored.isdigit() or int(stored) != SCHEMA_VERSION:
            self._env.close()
            raise InputError(
                f"state store {self._folder}: expected schema {SCHEMA_VERSION}, got {stored[:20]!r}; "
                "it was written by another version of zkroll"
            )

    def _check_length(self, env: lmdb.Environment, present: int) -> None:
        # Reading a page behind the end of a truncated file would kill the process with SIGBUS.
        needed = (int(env.info()["last_pgno"]) + 1) * int(env.stat()["psize"])
        if present and present < needed:
            raise InputError(f"state store {self._folder}: truncated: expected {needed} bytes, got {present}")

    def _refuse(self, error: Exception) -> InputError:
        return InputError(f"state store {self._folder}: {error}")


def _take_lock(folder: Path) -> int:
    """Hold the folder's lock file exclusively; it is released when the process ends, however it ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "zkroll.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
    except OSError as error:
        raise InputError(f"state store {folder}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise InputError(f"state store {folder}: already open in another process") from error
    return lock
