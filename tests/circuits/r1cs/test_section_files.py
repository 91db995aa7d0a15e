"""The container of iden3's files: what is written is read, and damage of any kind is refused with its place."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.section_files import assemble, damages

from zkroll.algebra.files import replace_file
from zkroll.algebra.iden3 import MOST_SECTIONS, open_sections, write_sections
from zkroll.errors import InputError

SMALL = assemble(b"test", 1, [(1, b"first"), (7, b""), (2, bytes(100))])


@settings(deadline=None, max_examples=30)
@given(st.dictionaries(st.integers(0, 2**32 - 1), st.binary(max_size=200), min_size=1, max_size=8))
def test_written_sections_are_read_back_in_any_number_and_order(parts: dict[int, bytes]) -> None:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"zkroll-sections-{os.getpid()}.test"
    try:
        write_sections(
            path, "test", 3, [(n, [c[:5], np.frombuffer(c[5:], np.uint8)]) for n, c in parts.items()]
        )
        assert path.read_bytes() == assemble(b"test", 3, parts.items())
        file = open_sections(path, "test", [2, 3], list(parts))
        assert file.version == 3
        assert {n: file.content(n).tobytes() for n in file.sections} == parts
    finally:
        path.unlink()


def test_sections_are_mapped_and_read_only(tmp_path: Path) -> None:
    path = tmp_path / "a.test"
    path.write_bytes(SMALL)
    file = open_sections(path, "test", [1])
    assert not file.content(2).flags.writeable
    with pytest.raises(InputError, match="section 5 is missing"):
        file.content(5)
    with pytest.raises(InputError, match="section 2: expected 99 bytes, got 100"):
        file.exactly(2, 99)
    fields = file.fields(1)
    assert fields.octets(4, "word").tobytes() == b"firs"
    with pytest.raises(InputError, match="section 1: expected 4 bytes, got 5"):
        fields.end()
    with pytest.raises(InputError, match="section 1: count: expected 4 bytes, got 1"):
        fields.u32("count")


@pytest.mark.parametrize("name", list(damages(SMALL)))
def test_damaged_containers_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.test"
    path.write_bytes(damages(SMALL)[name])
    with pytest.raises(InputError, match=r"bad\.test: "):
        _read(path)


def _read(path: Path) -> None:
    file = open_sections(path, "test", [1], [1, 7, 2])
    for number, length in ((1, 5), (7, 0), (2, 100)):
        file.exactly(number, length)


def test_other_things_than_regular_files_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("/dev/zero")
    for path in (
        tmp_path,
        tmp_path / "fifo",
        tmp_path / "link",
        Path("/dev/zero"),
        tmp_path / "none",
        "a\0b",
    ):
        with pytest.raises(InputError):
            open_sections(path, "test", [1])


def test_a_file_of_many_empty_sections_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.test"
    path.write_bytes(assemble(b"test", 1, [(n, b"") for n in range(MOST_SECTIONS + 1)]))
    with pytest.raises(InputError, match="1 to 64 sections"):
        open_sections(path, "test", [1])


def test_a_large_sparse_file_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.test"
    length = 1 << 38
    path.write_bytes(assemble(b"test", 1, [(1, b"")])[:16] + length.to_bytes(8, "little"))
    os.truncate(path, 24 + length)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(open_sections(path, "test", [1]).content(1)) == length
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 15  # KiB


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "kept.test"
    path.write_bytes(b"old")
    path.chmod(0o600)

    def broken():
        yield b"new"
        raise KeyError

    with pytest.raises(KeyError):
        write_sections(path, "test", 1, [(1, broken())])
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept.test"]
    write_sections(path, "test", 1, [(1, [b"new"])])
    assert path.read_bytes() == assemble(b"test", 1, [(1, b"new")])
    assert path.stat().st_mode & 0o777 == 0o600


def test_places_that_cannot_hold_a_file_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", tmp_path / "none/x", tmp_path / "a\0b", tmp_path / ("x" * 300)):
        with pytest.raises(InputError, match="cannot be written"), replace_file(path):
            pass


def test_a_link_is_followed_when_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with replace_file(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
