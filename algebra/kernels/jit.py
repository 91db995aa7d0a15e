"""The one place that calls Numba's compiler: flags, the list of kernels, and a cache that can be trusted.

Numba's own cache looks at the file of the jitted function only; here the body comes from emitters in other
files. So the cache key is a fingerprint of every source file of the kernels folder and of the kernel's own
file, the versions of Python, Numba and llvmlite, and the processor. Entries carry a checksum and are written
beside their place and renamed: a damaged, missing, foreign or read-only cache only costs a compilation.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import pickle
import pkgutil
import platform
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import llvmlite
import llvmlite.binding
import numba
from numba.core.caching import CompileResultCacheImpl, _Cache

from zkroll.algebra.kernels.layout import Backend
from zkroll.errors import InputError

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")
Progress = Callable[[str, int, int], None]

_REGISTRY: dict[str, tuple[Any, str]] = {}
_FAMILIES: list[Callable[[Backend], object]] = []
_MAGIC = b"zkroll-kernel-1\n"


@cache
def host_backend() -> Backend:
    """Return `ifma` on a processor with AVX-512 IFMA, else `portable`; ZKROLL_BACKEND overrides.

    Raises InputError when ZKROLL_BACKEND names no back end, or one that this processor cannot run.
    """
    wanted = os.environ.get("ZKROLL_BACKEND", "")
    features = llvmlite.binding.get_host_cpu_features()
    overridden = any(os.environ.get(name) for name in ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"))
    needed = ("avx512f", "avx512dq", "avx512vl", "avx512ifma")
    able = not overridden and all(features.get(name, False) for name in needed)
    if wanted not in ("", "ifma", "portable"):
        raise InputError(f"ZKROLL_BACKEND: expected ifma or portable, got {wanted!r}")
    if wanted == "ifma" and not able:
        raise InputError("ZKROLL_BACKEND: expected a processor with avx512ifma for ifma, got one without")
    return "ifma" if wanted != "portable" and able else "portable"


def cache_folder() -> Path:
    """Return where compiled kernels are kept: ZKROLL_CACHE_DIR, else the user's cache folder."""
    chosen = os.environ.get("ZKROLL_CACHE_DIR")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "zkroll" / "kernels"


@cache
def _environment() -> bytes:
    """Digest of everything outside a kernel's own file that its machine code depends on."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    features = sorted(llvmlite.binding.get_host_cpu_features().items())
    facts = (sys.version, numba.__version__, llvmlite.__version__, platform.machine())
    chosen = {name: value for name, value in os.environ.items() if name.startswith("NUMBA_")}
    target = (llvmlite.binding.get_host_cpu_name(), features, sorted(chosen.items()))
    digest.update(repr((facts, target)).encode())
    return digest.digest()


@cache
def _source(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


class KernelCache(_Cache):
    """One checksummed file per kernel and signature; every failure is a miss, never an error."""

    def __init__(self, name: str, function: Callable[..., Any]):
        code = function.__code__
        digest = hashlib.sha256(_environment() + _source(code.co_filename) + code.co_code + name.encode())
        self._stem = f"{name}-{digest.hexdigest()[:32]}"
        self._impl: Any = CompileResultCacheImpl.__new__(CompileResultCacheImpl)
        self._enabled = True

    @property
    def cache_path(self) -> str:
        return str(cache_folder())

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def flush(self) -> None:
        for path in cache_folder().glob(f"{self._stem}-*"):
            path.unlink(missing_ok=True)

    def _path(self, signature: Any) -> Path:
        return cache_folder() / f"{self._stem}-{hashlib.sha256(str(signature).encode()).hexdigest()[:16]}.bin"

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        if not self._enabled:
            return None
        target_context.refresh()
        try:
            path = self._path(signature)
            if hasattr(os, "getuid") and path.stat().st_uid != os.getuid():
                return None  # machine code that another user wrote
            data = path.read_bytes()
            start = len(_MAGIC)
            body = data[start + 32 :]
            if data[:start] != _MAGIC or data[start : start + 32] != hashlib.sha256(body).digest():
                return None
            return self._impl.rebuild(target_context, pickle.loads(body))  # noqa: S301 (checked above)
        except Exception:
            return None

    def save_overload(self, signature: Any, data: Any) -> None:
        if not self._enabled:
            return
        path = self._path(signature)
        try:
            body = pickle.dumps(self._impl.reduce(data), protocol=pickle.HIGHEST_PROTOCOL)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, beside = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_MAGIC + hashlib.sha256(body).digest() + body)
                os.replace(beside, path)
            except BaseException:
                Path(beside).unlink(missing_ok=True)
                raise
        except Exception:
            return


def kernel(signature: str, *, name: str) -> Callable[[F], F]:
    """Declare a kernel: compiled for `signature` (on first call or by `warm_up`), cached, GIL released.

    `name` must be unique among kernels; it names the cache entry and the progress line. Kernels are declared
    at module level in this folder, or inside a function marked `family`, or `warm_up` misses them.
    """

    def declare(function: F) -> F:
        dispatcher: Any = numba.njit(nogil=True, error_model="numpy", boundscheck=False)(function)
        dispatcher._cache = KernelCache(name, function)
        _REGISTRY[name] = (dispatcher, signature)
        return cast(F, dispatcher)

    return declare


def family(declare: Callable[[Backend], R]) -> Callable[[Backend], R]:
    """Mark a function that declares the kernels of one back end; it runs once per back end, on first use."""
    once = cache(declare)
    _FAMILIES.append(once)
    return once


def helper(function: F) -> F:
    """Compile `function` for use inside kernels only; it is linked into each of them and cached with them."""
    return cast(F, numba.njit(nogil=True, error_model="numpy", boundscheck=False)(function))


def warm_up(progress: Progress | None = None) -> None:
    """Compile or load every kernel of the chosen back end, so that no later call has to.

    `progress(name, done, total)` is called before each kernel, and once with done = total.
    """
    package = importlib.import_module(__package__ or "zkroll.algebra.kernels")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    for declare in _FAMILIES:
        declare(host_backend())
    items = list(_REGISTRY.items())
    for done, (name, (dispatcher, signature)) in enumerate(items):
        if progress is not None:
            progress(name, done, len(items))
        if not dispatcher.signatures:
            dispatcher.compile(signature)
    if progress is not None:
        progress("done", len(items), len(items))
