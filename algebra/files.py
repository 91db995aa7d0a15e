"""Reading files of a stranger, and writing so that a crash or a full disk leaves the old file or the new one, never half."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from zkroll.errors import InputError


@contextlib.contextmanager
def open_regular(
    path: str | os.PathLike[str], what: str = "a regular file"
) -> Iterator[tuple[BinaryIO, int]]:
    """Give a file to read, and its size in bytes.

    Raises InputError when it cannot be read, within the block too, and when it is a folder, device or FIFO, which
    is not waited for; `what` is expected then.
    """
    try:
        # without O_NONBLOCK, opening a FIFO would wait for a writer
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise InputError(f"{path}: expected {what}, got something other than a regular file")
            yield file, status.st_size
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot read: {getattr(error, 'strerror', None) or error}") from error


def read_regular_file(path: str | os.PathLike[str], largest: int) -> bytes:
    """Return the content of a file of at most `largest` bytes.

    Raises InputError as `open_regular` does, and for a larger file, also when it grows while it is read.
    """
    with open_regular(path) as (file, size):
        if size > largest:
            raise InputError(f"{path}: expected at most {largest} bytes, got {size}")
        content = file.read(largest + 1)
    if len(content) > largest:
        raise InputError(f"{path}: expected at most {largest} bytes, got more")
    return content


@contextlib.contextmanager
def replace_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Give a file to write that takes the place of `path` when the block ends without an error.

    It is written beside that place, flushed to disk and renamed. A file that was there keeps its permissions;
    of a symbolic link, the file that it leads to is replaced. Raises InputError when the folder is missing or
    cannot be written, or when `path` is something other than a regular file.
    """
    temporary: str | None = None
    try:
        target = _target(Path(path))
        mode = _mode_of(target)
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name[:32]}.", dir=target.parent)
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(temporary, target)
        temporary = None
        _sync_folder(target.parent)
    except OSError as error:
        raise _refusal(path, error) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` in the place of `path`, as `replace_file` does."""
    with replace_file(path) as file:
        file.write(content)


def check_writable(path: str | os.PathLike[str], *others: str | os.PathLike[str]) -> None:
    """Raise InputError now if `replace_file` could not write `path` after a long computation.

    So too if `path` is one of the `others`, files that are read for it or written beside it: they would be lost.
    """
    for other in others:
        if _same_file(path, other):
            raise InputError(f"{path}: cannot be written: it is {other}, which would be lost")
    try:
        target = _target(Path(path))
        _mode_of(target)
        folder = target.parent
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(f"{path}: cannot be written: expected a writable folder {folder}")
    except OSError as error:
        raise _refusal(path, error) from error


def _same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    try:
        return os.path.realpath(one) == os.path.realpath(other) or os.path.samefile(one, other)
    except (OSError, ValueError):  # one of them does not exist, or cannot: said where it is used
        return False


def _refusal(path: str | os.PathLike[str], error: Exception) -> InputError:
    return InputError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}")


def _target(path: Path) -> Path:
    try:
        return path.resolve() if path.is_symlink() else path
    except (ValueError, RuntimeError) as error:  # a zero byte, a loop of links
        raise _refusal(path, error) from error


def _mode_of(target: Path) -> int:
    """Permissions for the new file: the old file's, or what the umask leaves of 0666."""
    try:
        status = target.stat()
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
    except ValueError as error:
        raise _refusal(target, error) from error
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{target}: cannot be written: expected a regular file")
    return stat.S_IMODE(status.st_mode)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
