"""The folder of compiled kernels: one checksummed file per kernel, and nothing that it holds can do harm.

Numba's own cache looks at the file of the jitted function only; here the body comes from emitters in other
files. So an entry's name holds a fingerprint of every source file that kernels are made of, the versions of
Python, NumPy, Numba and llvmlite, Numba's settings, and the processor. Entries carry a checksum and are
written beside their place and renamed: a damaged, missing, foreign or read-only cache only costs a
compilation. Entries that no process has loaded for a month go.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import platform
import re
import stat
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding
import numba
import numpy as np
from numba.core.caching import CompileResultCacheImpl, _Cache
from numba.core.runtime.nrt import rtsys

_MAGIC = b"zkroll-kernel-2\n"
_ENTRY = re.compile(r"[0-9a-z_]+-[0-9a-f]{32}\.bin")
_BESIDE = ".writing-"
_SOURCES = (
    "kernels/*.py",
    "reference/*.py",
    "constants.py",
)  # of zkroll.algebra; kernels are made of no others

DAY = 86_400  # seconds
KEPT_SECONDS = 30 * DAY  # after its last use
KEPT_ENTRIES = 2_000  # of all versions, back ends and settings together
_UNFINISHED_SECONDS = 3_600  # a file beside its place that is older belongs to a process that died


def cache_folder() -> Path:
    """Return where compiled kernels are kept: ZKROLL_CACHE_DIR, else the user's cache folder."""
    chosen = os.environ.get("ZKROLL_CACHE_DIR")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "zkroll" / "kernels"


def can_write() -> bool:
    """Return whether entries can be written now; makes the folder where it is missing."""
    try:
        cache_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=cache_folder()):
            return True
    except OSError:
        return False


@cache
def environment() -> bytes:
    """Digest of everything outside a kernel's own file that its machine code depends on."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for pattern in _SOURCES:
        for source in sorted(here.parent.glob(pattern)):
            content = source.read_bytes()
            digest.update(f"{pattern} {source.name} {len(content)}\0".encode() + content)
    features = sorted(llvmlite.binding.get_host_cpu_features().items())
    versions = (sys.version, np.__version__, numba.__version__, llvmlite.__version__, platform.machine())
    chosen = sorted((name, value) for name, value in os.environ.items() if name.startswith("NUMBA_"))
    target = (llvmlite.binding.get_host_cpu_name(), features, chosen)
    digest.update(repr((versions, target)).encode())
    return digest.digest()


@cache
def _source(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


class KernelCache(_Cache):
    """The cache of one kernel, as Numba's dispatchers use it; every failure is a miss, never an error."""

    def __init__(self, name: str, function: Callable[..., Any], signature: object):
        code = function.__code__
        own = _source(code.co_filename) + code.co_code + f"{name} {signature}".encode()
        self._entry = f"{name}-{hashlib.sha256(environment() + own).hexdigest()[:32]}.bin"
        self._impl: Any = CompileResultCacheImpl.__new__(CompileResultCacheImpl)
        self._enabled = True

    @property
    def path(self) -> Path:
        """The file of this kernel."""
        return cache_folder() / self._entry

    @property
    def cache_path(self) -> str:
        return str(cache_folder())

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def flush(self) -> None:
        self.path.unlink(missing_ok=True)

    def load_overload(self, signature: Any, target_context: Any) -> Any:  # noqa: ARG002 (Numba's interface)
        if not self._enabled:
            return None
        # Machine code wants Numba's runtime, and none of its thousands of typing rules: a fifth of a second
        rtsys.initialize(target_context)
        try:
            body = self._read()
            return None if body is None else self._impl.rebuild(target_context, pickle.loads(body))  # noqa: S301
        except Exception:
            return None

    def save_overload(self, signature: Any, data: Any) -> None:  # noqa: ARG002 (Numba's interface)
        if not self._enabled:
            return
        try:
            body = pickle.dumps(self._impl.reduce(data), protocol=pickle.HIGHEST_PROTOCOL)
            path = self.path
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f"{_BESIDE}{os.getpid()}-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_MAGIC + self._checksum(body) + body)
                os.replace(beside, path)
            except BaseException:
                Path(beside).unlink(missing_ok=True)
                raise
            _prune_once()
        except Exception:
            return

    def _checksum(self, body: bytes) -> bytes:
        # With the name: a valid entry under another kernel's name is as bad as a damaged one.
        return hashlib.sha256(self._entry.encode() + b"\0" + body).digest()

    def _read(self) -> bytes | None:
        handle = os.open(self.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            facts = os.fstat(handle)
            if not stat.S_ISREG(facts.st_mode) or not _is_own(facts):
                return None  # machine code that another user wrote
            data = file.read()
        start = len(_MAGIC)
        body = data[start + 32 :]
        if data[:start] != _MAGIC or data[start : start + 32] != self._checksum(body):
            return None
        if time.time() - facts.st_mtime > DAY:
            _touch(self.path)
        return body


def _is_own(facts: os.stat_result) -> bool:
    return not hasattr(os, "getuid") or facts.st_uid == os.getuid()


def _touch(path: Path) -> None:
    try:
        os.utime(path)
    except OSError:
        return


@dataclass(frozen=True)
class Usage:
    """What the folder holds, of all versions, back ends and settings."""

    entries: int
    size: int  # bytes


def usage() -> Usage:
    """Count the entries of the cache folder."""
    found = _entries()
    return Usage(len(found), sum(facts.st_size for _, facts in found))


def _entries(pattern: re.Pattern[str] = _ENTRY) -> list[tuple[Path, os.stat_result]]:
    """The user's own regular files in the folder that are named like entries, with their facts."""
    found = []
    try:
        with os.scandir(cache_folder()) as listing:
            for item in listing:
                if pattern.fullmatch(item.name):
                    try:
                        facts = item.stat(follow_symlinks=False)
                    except OSError:  # another process has removed it
                        continue
                    if stat.S_ISREG(facts.st_mode) and _is_own(facts):
                        found.append((Path(item.path), facts))
    except OSError:
        return []
    return found


def prune(seconds: float = KEPT_SECONDS, count: int = KEPT_ENTRIES) -> int:
    """Remove entries unused for so many seconds and, beyond `count`, those unused for longest.

    Returns how many entries went. Files of other names and owners stay. A process that wanted a removed entry
    compiles it; one that has opened it reads it to the end.
    """
    now = time.time()
    unfinished = re.compile(re.escape(_BESIDE) + ".+")
    for path, facts in _entries(unfinished):
        if now - facts.st_mtime > _UNFINISHED_SECONDS:
            _remove(path)
    newest_first = sorted(_entries(), key=lambda entry: -entry[1].st_mtime)
    old = [
        path
        for rank, (path, facts) in enumerate(newest_first)
        if rank >= count or now - facts.st_mtime > seconds
    ]
    return sum(map(_remove, old))


def remove_unfinished(process: int) -> None:
    """Remove what the process of this number, which has ended, was writing."""
    for path, _ in _entries(re.compile(re.escape(f"{_BESIDE}{process}-") + ".+")):
        _remove(path)


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:
        return False
    return True


@cache
def _prune_once() -> None:
    prune()
