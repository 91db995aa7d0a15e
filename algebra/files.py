"""Writing files so that a crash, a full disk or Ctrl-C leaves the old file or the new one, never half."""

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
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
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


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise InputError now if `replace_file` could not write `path` after a long computation."""
    try:
        target = _target(Path(path))
        _mode_of(target)
        folder = target.parent
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(f"{path}: cannot be written: expected a writable folder {folder}")
    except OSError as error:
        raise _refusal(path, error) from error


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
