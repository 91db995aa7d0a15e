"""Names of files that a stranger may have made."""

from __future__ import annotations

from pathlib import Path

from zkroll.errors import InputError


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
