"""Writing files whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from zkroll.algebra.files import check_writable, write_atomically
from zkroll.errors import InputError


def test_new_file_obeys_the_umask_and_an_old_one_keeps_its_permissions(tmp_path: Path) -> None:
    target = tmp_path / "proof"
    old = os.umask(0o027)
    try:
        write_atomically(target, b"one")
    finally:
        os.umask(old)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    target.chmod(0o600)
    write_atomically(target, b"two")
    assert (target.read_bytes(), stat.S_IMODE(target.stat().st_mode)) == (b"two", 0o600)


def test_interrupt_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "proof"
    target.write_bytes(b"old")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("zkroll.algebra.files.os.replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(target, b"new")
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("proof", b"old")]


@pytest.mark.parametrize("name", ["x" * 255, "\U0001f600" * 63])
def test_a_name_may_be_as_long_as_the_system_takes(name: str, tmp_path: Path) -> None:
    write_atomically(tmp_path / name, b"content")
    assert (tmp_path / name).read_bytes() == b"content"


def test_link_is_followed_and_kept(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_atomically(tmp_path / "link", b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"x"


@pytest.mark.parametrize("name", ["", "none/proof", "folder", "fifo", "nul\0", "loop"])
def test_unusable_target_is_refused_before_and_when_writing(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    target = f"{tmp_path}/{name}" if name else ""
    for attempt in (lambda: check_writable(target), lambda: write_atomically(target, b"x")):
        with pytest.raises(InputError):
            attempt()
    assert {entry.name for entry in tmp_path.iterdir()} == {"folder", "fifo", "loop"}
