"""Compiling ahead in several processes gives what compiling here gives, whatever happens to the processes."""

from __future__ import annotations

import pytest
from support import toy_kernels

from zkroll.algebra.kernels import jit, jit_pool
from zkroll.algebra.kernels.emit import FR, block_intrinsic
from zkroll.errors import InputError

PREPARED = "import sys; sys.path[:] = sys.argv[1:]; from support import toy_kernels; toy_kernels.declare(); "
SERVE = "from zkroll.algebra.kernels.jit_worker import main; main()"
DYING = (
    "import os; from zkroll.algebra.kernels import jit_compiler as c; ready = c.KernelDispatcher.ready; "
    "c.KernelDispatcher.ready = lambda self: os._exit(9) if self is jit._REGISTRY['toy_2'] else ready(self); "
    "from zkroll.algebra.kernels import jit; "
)


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    """The toy kernels alone, on an empty cache, with processes that know them."""
    monkeypatch.setenv("ZKROLL_CACHE_DIR", str(tmp_path / "cache"))
    declared = toy_kernels.declare()
    toy_kernels.forget()
    monkeypatch.setattr(jit, "declare_all", lambda: dict(declared))
    monkeypatch.setattr(jit_pool, "_START", PREPARED + SERVE)
    return declared


@pytest.fixture
def started(monkeypatch):
    """The processes that are started."""
    processes = []
    start = jit_pool._start

    def remember():
        processes.append(start())
        return processes[-1]

    monkeypatch.setattr(jit_pool, "_start", remember)
    return processes


def compiled_here(kernels):
    return {name for name, kernel in kernels.items() if sum(kernel.stats.cache_misses.values())}


def check(kernels):
    assert [kernel(10) for kernel in kernels.values()] == [10, 11, 12, 13, 14]


def test_processes_compile_and_this_one_loads(kernels, started):
    events = []
    jit.warm_up(lambda *event: events.append(event), processes=2)
    assert len(started) == 2
    assert compiled_here(kernels) == set()
    check(kernels)
    assert {name for name, _, _ in events} == {*kernels, "done"}
    assert events[-1] == ("done", 5, 5)
    counts = [done for _, done, _ in events]
    assert counts == sorted(counts)
    assert {total for _, _, total in events} == {5}


def test_a_second_warm_up_starts_nothing(kernels, started):
    jit.warm_up(processes=2)
    fresh = toy_kernels.declare()
    toy_kernels.forget()
    kernels.update(fresh)
    events = []
    jit.warm_up(lambda *event: events.append(event), processes=2)
    assert len(started) == 2
    assert compiled_here(fresh) == set()
    assert events == [("done", 5, 5)]


def test_one_process_compiles_here(kernels, started):
    events = []
    jit.warm_up(lambda *event: events.append(event), processes=1)
    assert started == []
    assert compiled_here(kernels) == set(kernels)
    assert events == [(name, at, 5) for at, name in enumerate(kernels)] + [("done", 5, 5)]


@pytest.mark.parametrize("program", ["import sys; sys.exit(1)", "print('toy_9', flush=True)", "syntax error"])
def test_what_processes_leave_is_compiled_here(kernels, monkeypatch, program):
    monkeypatch.setattr(jit_pool, "_START", program)
    jit.warm_up(processes=2)
    assert compiled_here(kernels) == set(kernels)
    check(kernels)


def test_a_process_that_dies_costs_the_kernel_that_it_had(kernels, monkeypatch):
    monkeypatch.setattr(jit_pool, "_START", PREPARED + DYING + SERVE)
    jit.warm_up(processes=2)
    assert compiled_here(kernels) == {"toy_2"}
    check(kernels)


def test_an_interpreter_that_cannot_be_started_is_done_without(kernels, monkeypatch):
    monkeypatch.setattr(jit_pool.sys, "executable", "/nowhere/python")
    jit.warm_up(processes=2)
    check(kernels)


def test_a_cache_that_cannot_be_written_starts_no_process(kernels, started, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZKROLL_CACHE_DIR", str(tmp_path / "file" / "cache"))
    jit.warm_up(processes=2)
    assert started == []
    check(kernels)


def test_an_interrupt_ends_the_processes_and_leaves_no_half_files(kernels, started, tmp_path):
    def interrupt(name, done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        jit.warm_up(interrupt, processes=2)
    assert started
    assert all(process.poll() is not None for process in started)
    assert not list((tmp_path / "cache").glob(".writing-*"))
    jit.warm_up(processes=1)
    check(kernels)


def test_a_process_ends_with_its_input():
    process = jit_pool._start()
    process.stdin.close()
    assert process.wait(timeout=60) == 0
    process.stdout.close()


def test_what_a_dead_process_was_writing_is_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("ZKROLL_CACHE_DIR", str(tmp_path))
    (tmp_path / ".writing-12-abc").touch()
    (tmp_path / ".writing-123-abc").touch()
    jit_pool.remove_unfinished(12)
    assert [path.name for path in tmp_path.iterdir()] == [".writing-123-abc"]


def test_number_of_processes_below_one_is_refused():
    with pytest.raises(InputError, match="at least 1"):
        jit.warm_up(processes=0)


def test_long_kernels_come_first_and_stay_with_what_they_share(monkeypatch):
    parts = {"short": {1: 5}, "long": {2: 90, 3: 10}, "like long": {2: 90, 4: 9}, "alone": {5: 50}}
    monkeypatch.setattr(jit_pool, "parts_of", parts.get)
    jobs = jit_pool._Jobs({name: name for name in parts})
    first, second = jobs.worker(), jobs.worker()
    assert jobs.take(first) == "long"
    assert jobs.take(second) == "alone"
    assert jobs.take(second) == "short"
    assert jobs.take(second) == "like long"
    assert jobs.take(first) is None


def test_parts_are_the_functions_behind_a_kernel():
    @jit.helper
    def one(x):
        return x + 1

    @jit.helper
    def two(x):
        return one(x) + one(x)

    item = block_intrinsic(FR, lambda e, at: e.store(e.load(at), at), backend="portable")

    @jit.kernel("int64(int64)", name="toy_0")
    def run(x):
        item(x)
        return two(x) + one(x)

    toy_kernels.forget()
    parts = jit_pool.parts_of(run)
    assert set(parts) == {id(part) for part in (run, one, two, item)}
    assert min(parts.values()) > 0


def test_every_kernel_is_declared_with_parts():
    for name, kernel in jit.declare_all().items():
        assert id(kernel) in jit_pool.parts_of(kernel), name
