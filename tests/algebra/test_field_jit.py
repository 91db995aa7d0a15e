"""The kernel cache survives what a file system can do to it, and never serves stale code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numba import njit

from zkroll.algebra.kernels import jit, jit_cache
from zkroll.algebra.kernels.threads import map_ranges
from zkroll.errors import InputError

PROGRAM = """
from zkroll.algebra.field import fr
assert fr.to_ints(fr.mul(fr.from_ints(range(8)), 3)) == [3 * i for i in range(8)]
print(fr.backend, fr.kernels.mul.stats.cache_hits, sum(fr.kernels.mul.stats.cache_misses.values()))
"""


def start(folder, **extra):
    env = {**os.environ, "ZKROLL_CACHE_DIR": str(folder), **extra}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finish(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err.decode()
    return out.decode().split()


def declare(name="test_cache"):
    @jit.kernel("int64(int64)", name=name)
    def double(x):
        return 2 * x

    return double


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ZKROLL_CACHE_DIR", str(tmp_path))
    yield tmp_path
    for name in ("test_cache", "test_cache_twin"):
        jit._REGISTRY.pop(name, None)


def entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("test_cache-*.bin"))


def test_second_declaration_loads_what_the_first_compiled(folder):
    assert declare()(21) == 42
    assert len(entries(folder)) == 1
    again = declare()
    assert again(4) == 8
    assert sum(again.stats.cache_hits.values()) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:100],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: b"\0" * len(data),
        lambda data: data[:20] + bytes([data[20] ^ 1]) + data[21:],
    ],
    ids=["empty", "cut", "last bit", "zeroed", "checksum"],
)
def test_damaged_entries_are_compiled_anew(folder, damage):
    assert declare()(21) == 42
    (path,) = entries(folder)
    good = path.read_bytes()
    path.write_bytes(damage(good))
    again = declare()
    assert again(21) == 42
    assert sum(again.stats.cache_hits.values()) == 0
    assert sum(declare().stats.cache_hits.values()) == 0
    third = declare()
    third(1)
    assert sum(third.stats.cache_hits.values()) == 1


def test_another_environment_is_another_entry(folder, monkeypatch):
    declare()(1)
    monkeypatch.setattr(jit_cache, "environment", lambda: b"another emitter, version or processor")
    again = declare()
    again(1)
    assert sum(again.stats.cache_hits.values()) == 0
    assert len(entries(folder)) == 2


def test_fingerprint_covers_every_source_that_kernels_are_made_of(tmp_path, monkeypatch):
    digest = jit_cache.environment.__wrapped__
    folder = Path(jit_cache.__file__).parent
    for pattern in ("kernels/*.py", "reference/*.py", "constants.py"):
        for source in folder.parent.glob(pattern):
            target = tmp_path / source.relative_to(folder.parent)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(source.read_bytes())
    monkeypatch.setattr(jit_cache, "__file__", str(tmp_path / "kernels" / "jit_cache.py"))
    seen = [digest()]
    assert digest() == seen[0]
    for name in ("kernels/ifma.py", "kernels/emit.py", "reference/keccak.py", "constants.py"):
        source = tmp_path / name
        source.write_bytes(source.read_bytes() + b"\n")
        seen.append(digest())
    (tmp_path / "kernels" / "new.py").write_text("")
    seen.append(digest())
    assert len(set(seen)) == len(seen)


def test_kernels_are_made_of_nothing_else():
    allowed = (
        "zkroll.algebra.kernels",
        "zkroll.algebra.reference",
        "zkroll.algebra.constants",
        "zkroll.errors",
    )
    for source in Path(jit_cache.__file__).parent.glob("*.py"):
        for name in re.findall(r"^\s*(?:from|import) (zkroll[\w.]*)", source.read_text(), re.MULTILINE):
            assert name.startswith(allowed), f"{source.name} imports {name}"


@pytest.mark.parametrize("module", ["numba", "llvmlite", "numpy"])
def test_fingerprint_covers_versions(monkeypatch, module):
    digest = jit_cache.environment.__wrapped__
    before = digest()
    monkeypatch.setattr(sys.modules[module], "__version__", "0.0")
    assert digest() != before


@pytest.mark.parametrize("setting", ["NUMBA_BOUNDSCHECK", "NUMBA_OPT", "NUMBA_CPU_NAME"])
def test_fingerprint_covers_settings_of_the_compiler(monkeypatch, setting):
    digest = jit_cache.environment.__wrapped__
    before = digest()
    monkeypatch.setenv(setting, "1")
    assert digest() != before


def test_fingerprint_covers_the_processor(monkeypatch):
    digest = jit_cache.environment.__wrapped__
    before = digest()
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_name", lambda: "abacus")
    other = digest()
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_features", lambda: {"beads": True})
    assert len({before, other, digest()}) == 3


def test_entries_of_another_user_are_ignored(folder, monkeypatch):
    declare()(1)
    monkeypatch.setattr(jit_cache.os, "getuid", lambda: -2)
    again = declare()
    assert again(4) == 8
    assert sum(again.stats.cache_hits.values()) == 0


def test_entry_of_another_kernel_is_ignored(folder):
    declare()(1)
    (path,) = entries(folder)
    twin = declare("test_cache_twin")
    twin(1)
    os.replace(twin._cache.path, path)
    again = declare()
    assert again(4) == 8
    assert sum(again.stats.cache_hits.values()) == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_in_place_of_an_entry_is_ignored(folder):
    declare()(1)
    (path,) = entries(folder)
    path.unlink()
    os.mkfifo(path)
    assert declare()(4) == 8


def age(path: Path, days: float) -> None:
    then = time.time() - days * jit_cache.DAY
    os.utime(path, (then, then))


def test_pruning_removes_old_entries_and_nothing_else(folder):
    declare()(1)
    declare("test_cache_twin")(1)
    (current,) = entries(folder)
    (old,) = folder.glob("test_cache_twin-*.bin")
    others = [folder / name for name in ("notes.bin", "test_cache-0123.bin", ".writing-1-abc")]
    for path in [old, *others]:
        path.touch()
        age(path, 31)
    (folder / ".writing-2-abc").touch()
    assert jit_cache.usage().entries == 2
    assert jit_cache.prune() == 1
    assert {path.name for path in folder.iterdir()} == {
        current.name,
        "notes.bin",
        "test_cache-0123.bin",
        ".writing-2-abc",
    }


def test_pruning_beyond_a_count_removes_those_unused_for_longest(folder):
    for at in range(4):
        path = folder / f"test_cache-{at:032x}.bin"
        path.touch()
        age(path, at)
    assert jit_cache.prune(count=3) == 1
    assert [path.name[-5] for path in entries(folder)] == ["0", "1", "2"]


def test_loading_an_entry_keeps_it_from_being_pruned(folder):
    declare()(1)
    (path,) = entries(folder)
    age(path, 29)
    declare()(1)
    assert time.time() - path.stat().st_mtime < jit_cache.DAY


def test_threads_may_be_the_first_to_call_at_once(folder):
    for _ in range(5):
        double = declare()
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(double, range(8))) == [2 * i for i in range(8)]


def test_kernels_take_read_only_arrays_where_declared_and_nothing_of_another_type(folder):
    @jit.kernel("uint64(const_uint64[::1], int64)", name="test_cache")
    def item(values, at):
        return values[at]

    values = np.arange(5, dtype=np.uint64)
    assert item(values, 1) == 1
    values.setflags(write=False)
    assert item(values, np.int32(2)) == 2
    for wrong in (values.astype(np.uint8), values[::2], values[None]):
        with pytest.raises(TypeError, match="No matching definition"):
            item(wrong, 1)
    assert len(item.signatures) == 1


def test_kernels_that_write_refuse_read_only_arrays(folder):
    @jit.kernel("void(uint64[::1])", name="test_cache")
    def clear(values):
        values[0] = 0

    values = np.arange(5, dtype=np.uint64)
    values.setflags(write=False)
    with pytest.raises(TypeError, match="No matching definition"):
        clear(values)


@pytest.mark.parametrize("where", ["file", "null"])
def test_folder_that_cannot_be_made_only_costs_the_compilation(tmp_path, monkeypatch, where):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZKROLL_CACHE_DIR", str(tmp_path / "file" / "x") if where == "file" else "/dev/null/x")
    assert declare()(3) == 6


def test_processes_compile_into_one_folder_at_once(tmp_path):
    processes = [start(tmp_path) for _ in range(3)]
    for process in processes:
        finish(process)
    assert not list(tmp_path.glob(".writing-*"))
    assert finish(start(tmp_path))[-1] == "0"


def test_back_end_can_be_forced_and_shares_the_folder(tmp_path):
    assert finish(start(tmp_path, ZKROLL_BACKEND="portable"))[0] == "portable"


def test_unknown_back_ends_are_refused(monkeypatch):
    monkeypatch.setenv("ZKROLL_BACKEND", "abacus")
    with pytest.raises(InputError, match="abacus"):
        jit.host_backend.__wrapped__()


def test_first_call_loads_what_warm_up_compiled(folder):
    declare().ready()
    again = declare()
    assert again(4) == 8
    assert sum(again.stats.cache_hits.values()) == 1


def test_ranges_cover_everything_once_and_nest():
    cells = [0] * 1000

    def fill(begin, end):
        def inner(a, b):
            for i in range(a, b):
                cells[begin + i] += 1

        map_ranges(inner, end - begin, 3, 1)

    map_ranges(fill, 1000, 3, 1)
    assert cells == [1] * 1000
    map_ranges(fill, 0, 3, 1)


def test_an_error_in_any_range_is_raised():
    def fail(begin, end):
        if end == 100:
            raise InputError("last range")

    with pytest.raises(InputError, match="last range"):
        map_ranges(fail, 100, 4, 1)
    with pytest.raises(InputError, match="at least 1"):
        map_ranges(fail, 100, 0, 1)


def test_a_helper_called_from_python_is_refused_and_not_a_crash():
    @jit.helper
    def doubled(x):
        return 2 * x

    @jit.kernel("int64(int64)", name="test_uses_a_helper")
    def run(x):
        return doubled(x)

    assert run(21) == 42
    with pytest.raises(TypeError, match="from a kernel"):
        doubled(21)


@pytest.mark.parametrize("times", [1, 2], ids=["compiled", "loaded"])
def test_a_kernel_called_from_compiled_code_is_refused_and_not_a_crash(folder, times):
    for _ in range(times):
        kernel = declare()
        assert kernel(21) == 42

    @njit
    def run(x):
        return kernel(x)

    with pytest.raises(TypeError, match="expected a call from Python"):
        run(21)
