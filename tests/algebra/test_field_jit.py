"""The kernel cache survives what a file system can do to it, and never serves stale code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from zkroll.algebra.kernels import jit
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
    jit._REGISTRY.pop("test_cache", None)


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
    monkeypatch.setattr(jit, "_environment", lambda: b"another emitter, version or processor")
    again = declare()
    again(1)
    assert sum(again.stats.cache_hits.values()) == 0
    assert len(entries(folder)) == 2


def test_fingerprint_covers_every_source_of_the_kernels_folder(tmp_path, monkeypatch):
    digest = jit._environment.__wrapped__
    for source in Path(jit.__file__).parent.glob("*.py"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    monkeypatch.setattr(jit, "__file__", str(tmp_path / "jit.py"))
    before = digest()
    assert digest() == before
    emitter = tmp_path / "ifma.py"
    emitter.write_bytes(emitter.read_bytes() + b"\n")
    assert digest() != before


@pytest.mark.parametrize("where", ["file", "null"])
def test_folder_that_cannot_be_made_only_costs_the_compilation(tmp_path, monkeypatch, where):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZKROLL_CACHE_DIR", str(tmp_path / "file" / "x") if where == "file" else "/dev/null/x")
    assert declare()(3) == 6


def test_two_processes_compile_into_one_folder_at_once(tmp_path):
    processes = [start(tmp_path) for _ in range(2)]
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


def test_warm_up_reports_every_kernel_and_covers_all_signatures(monkeypatch):
    seen = []
    compiled = []

    class Silent:
        signatures = ()

        def compile(self, signature):
            compiled.append(signature)

    monkeypatch.setattr(jit, "_FAMILIES", [])
    monkeypatch.setattr(jit, "_REGISTRY", {"a": (Silent(), "s"), "b": (Silent(), "t")})
    jit.warm_up(lambda *event: seen.append(event))
    assert compiled == ["s", "t"]
    assert seen == [("a", 0, 2), ("b", 1, 2), ("done", 2, 2)]


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
