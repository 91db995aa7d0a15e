"""Writing files so that a crash, a full disk or Ctrl-C leaves the old file or the new one, never half."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from zkroll.errors import InputError


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` to a neighbour of `path`, flush it to disk and move it into place.

    A file that was there keeps its permissions. Raises InputError when the folder is missing or cannot be
    written, or when `path` is something other than a regular file.
    """
    target = Path(path)
    temporary: str | None = None
    try:
        if target.is_symlink():
            target = target.resolve()
        mode = _mode_of(target)
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(temporary, target)
        temporary = None
        _sync_folder(target.parent)
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise InputError now if `write_atomically` could not write `path` after a long computation."""
    target = Path(path)
    try:
        if target.is_symlink():
            target = target.resolve()
        _mode_of(target)
        folder = target.parent
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(f"{path}: cannot be written: expected a writable folder {folder}")
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from error


def _mode_of(target: Path) -> int:
    """Permissions for the new file: the old file's, or what the umask leaves of 0666."""
    try:
        status = target.stat()
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{target}: cannot be written: expected a regular file")
    return stat.S_IMODE(status.st_mode)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
