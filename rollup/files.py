"""Reading files that a stranger may have made."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from zkroll.errors import InputError


def read_regular_file(path: str | os.PathLike[str], largest: int) -> bytes:
    """The whole content of a regular file of at most `largest` bytes.

    Raises InputError for a missing or unreadable file, a folder, device or FIFO (which is not waited for),
    and for one that is larger, also when it grows while it is read.
    """
    shown = os.fspath(path)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise InputError(f"{shown}: {getattr(error, 'strerror', None) or error}") from error
    try:
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InputError(f"{shown}: expected a regular file")
            if status.st_size > largest:
                raise InputError(f"{shown}: expected at most {largest} bytes, got {status.st_size}")
            content = file.read(largest + 1)
    except OSError as error:
        raise InputError(f"{shown}: {error.strerror or error}") from error
    if len(content) > largest:
        raise InputError(f"{shown}: expected at most {largest} bytes, got more")
    return content


def path_inside(folder: Path, name: str) -> Path:
    """The file `name` inside `folder`; raises InputError for a name that leads out of it, also by a link."""
    if not name or name.startswith("/") or "\x00" in name or ".." in Path(name).parts:
        raise InputError(f"expected the name of a file inside the folder, got {name[:200]!r}")
    try:
        base = folder.resolve(strict=True)
        resolved = (base / name).resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise InputError(f"{folder / name}: {getattr(error, 'strerror', None) or error}") from error
    if not resolved.is_relative_to(base):
        raise InputError(f"{name}: expected a file inside {base}, got a link that leads out of it")
    return resolved
