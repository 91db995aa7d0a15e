"""The stores: all or nothing, one process at a time, and clear refusals of what they cannot use."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zkroll.errors import InputError
from zkroll.rollup.state.store import LmdbStore, MemoryStore, Put, Store, Table


@pytest.fixture(params=["memory", "lmdb"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    memory = MemoryStore()
    return (lambda: memory) if request.param == "memory" else (lambda: LmdbStore(tmp_path / "state"))


def test_what_was_committed_is_there_after_reopening(reopen: Callable[[], Store]) -> None:
    store = reopen()
    store.commit([(Table.NODE, b"b", b"2"), (Table.NODE, b"a", b"1"), (Table.CODE, b"a", b"")])
    store.commit([(Table.NODE, b"b", b"3")])
    store.close()
    store = reopen()
    assert store.get(Table.NODE, b"b") == b"3"
    assert store.get(Table.CODE, b"a") == b""
    assert store.get(Table.WORD, b"a") is None
    assert list(store.items(Table.NODE)) == [(b"a", b"1"), (b"b", b"3")]
    store.close()


def test_a_failing_commit_leaves_nothing_behind(reopen: Callable[[], Store]) -> None:
    store = reopen()

    def rows() -> Iterator[Put]:
        yield (Table.NODE, b"a", b"1")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        store.commit(rows())
    assert store.get(Table.NODE, b"a") is None
    store.close()


def test_the_map_grows_when_it_is_full(tmp_path: Path) -> None:
    with LmdbStore(tmp_path, map_bytes=1 << 17) as store:
        store.commit([(Table.NODE, bytes([i]), bytes(10000)) for i in range(100)])
        assert sum(1 for _ in store.items(Table.NODE)) == 100


def test_a_map_that_may_not_grow_is_an_input_error_and_changes_nothing(tmp_path: Path) -> None:
    with LmdbStore(tmp_path, map_bytes=1 << 17, largest_map_bytes=1 << 17) as store:
        with pytest.raises(InputError, match="full at 131072 bytes"):
            store.commit([(Table.NODE, bytes([i]), bytes(10000)) for i in range(100)])
        assert list(store.items(Table.NODE)) == []
        store.commit([(Table.NODE, b"a", b"1")])
        assert store.get(Table.NODE, b"a") == b"1"


def test_a_folder_in_use_is_refused_and_free_again_after_closing(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path)
    with pytest.raises(InputError, match="already open"):
        LmdbStore(tmp_path)
    store.close()
    LmdbStore(tmp_path).close()


@pytest.mark.parametrize("schema", [b"2", b"999", b"-1", b"", b"one"])
def test_another_schema_version_is_refused(tmp_path: Path, schema: bytes) -> None:
    with LmdbStore(tmp_path) as store:
        store.commit([(Table.META, b"schema", schema)])
    with pytest.raises(InputError, match="expected schema 1"):
        LmdbStore(tmp_path)


def test_a_truncated_store_is_refused_instead_of_killing_the_process(tmp_path: Path) -> None:
    with LmdbStore(tmp_path) as store:
        store.commit([(Table.NODE, bytes([i]), bytes(3000)) for i in range(100)])
    data = tmp_path / "data.mdb"
    data.write_bytes(data.read_bytes()[: 10 * 4096])
    with pytest.raises(InputError, match="truncated: expected"):
        LmdbStore(tmp_path)


@pytest.mark.parametrize("content", [b"\x00" * 8192, b"garbage" * 2000, b"x"])
def test_a_file_that_is_no_store_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.mdb").write_bytes(content)
    with pytest.raises(InputError, match="state store"):
        LmdbStore(tmp_path)


def test_a_path_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="state store"):
        LmdbStore(tmp_path / "file")


WRITER = """
import sys
from zkroll.rollup.state.store import LmdbStore, Table
store = LmdbStore(sys.argv[1])
for count in range(1, 10**6):
    key = count.to_bytes(8, "big")
    rows = [(Table.NODE, key + bytes([i]), bytes(2000)) for i in range(20)]
    store.commit([*rows, (Table.META, b"count", key)])
    print(count, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_whole_commits_only(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        seen = [int(writer.stdout.readline()) for _ in range(5)]
        writer.send_signal(signal.SIGKILL)
    with LmdbStore(tmp_path) as store:
        count = int.from_bytes(store.get(Table.META, b"count") or b"", "big")
        assert count >= seen[-1]
        assert sum(1 for _ in store.items(Table.NODE)) == 20 * count
