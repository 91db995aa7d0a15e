"""MSM in both groups: lengths, threads, back ends, adversarial points and digits, stated sizes, tables."""

import contextlib
import os
import random
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.groups import GROUPS, TestGroup

from zkroll.algebra import msm as msm_module
from zkroll.algebra import msm_scalars, msm_windows
from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.curve import G1Points, G2Points
from zkroll.algebra.field import fr
from zkroll.algebra.fixed_base import fixed_base_g1, fixed_base_g2
from zkroll.algebra.kernels.emit import Backend
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.msm import MsmTable, msm_g1, msm_g1_many, msm_g2, msm_g2_many
from zkroll.algebra.reference import msm as reference
from zkroll.errors import InputError

BACKENDS: list[Backend] = sorted({"portable", host_backend()})
SIZE = 600
MSM: dict[str, Callable[..., Any]] = {"g1": msm_g1, "g2": msm_g2}
MANY: dict[str, Callable[..., Any]] = {"g1": msm_g1_many, "g2": msm_g2_many}
both_groups = pytest.mark.parametrize("group", GROUPS.values(), ids=list(GROUPS))
both_backends = pytest.mark.parametrize("backend", BACKENDS)


@cache
def logarithms() -> tuple[int, ...]:
    numbers = random.Random(5)
    return tuple(numbers.randrange(R) for _ in range(SIZE))


@cache
def points(name: str) -> Any:
    fixed = fixed_base_g1 if name == "g1" else fixed_base_g2
    return fixed(fr.from_ints(logarithms()), SIZE)


def total(group: TestGroup, scalars: list[int], logs: Any = None) -> Any:
    return group.multiple(sum(s * k for s, k in zip(scalars, logs or logarithms(), strict=False)))


def full(n: int, seed: int = 1) -> list[int]:
    numbers = random.Random(seed)
    return [numbers.randrange(R) for _ in range(n)]


@both_groups
@both_backends
@pytest.mark.parametrize("n", [0, 1, 2, 7, 8, 9, 31, 32, 33, 257])
def test_every_length(group: TestGroup, backend: Backend, n: int) -> None:
    scalars = full(n)
    base = points(group.name)[:n]
    assert MSM[group.name](base, fr.from_ints(scalars), backend=backend) == total(group, scalars)


@both_groups
@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_any_number_of_threads_gives_the_same_sum(
    group: TestGroup, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(msm_windows, "_WORTH_CUTTING", 64)
    monkeypatch.setattr(msm_scalars, "_GRAIN", 64)
    for scalars in (full(SIZE), [s % 3 for s in full(SIZE)]):
        assert MSM[group.name](points(group.name), fr.from_ints(scalars), SIZE, threads) == total(
            group, scalars
        )


@both_groups
def test_slices_and_small_batches_give_the_same_sum(
    group: TestGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(msm_module, "_SLICE", 256)
    monkeypatch.setattr(msm_windows, "_TOGETHER", 300)
    scalars = full(SIZE)
    assert MSM[group.name](points(group.name), fr.from_ints(scalars), SIZE) == total(group, scalars)


@both_groups
@both_backends
@settings(max_examples=8, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, 2, -1, -2, 5]),
            st.one_of(st.integers(0, 3), st.integers(-300, 300), st.integers(0, R - 1)),
        ),
        max_size=50,
    )
)
def test_repeated_opposite_and_infinite_points(
    group: TestGroup, backend: Backend, terms: list[tuple[int, int]]
) -> None:
    base = group.kind.from_ints([group.multiple(k) for k, _ in terms])
    scalars = [s for _, s in terms]
    got = MSM[group.name](base, fr.from_ints(scalars), len(scalars), backend=backend)
    assert got == total(group, scalars, [k for k, _ in terms])


@both_groups
@both_backends
@pytest.mark.parametrize(
    "logs", [[3], [1, -1], [0], [0, 4, -4, 4]], ids=["equal", "opposite", "infinity", "mixed"]
)
@pytest.mark.parametrize("value", [0, 2, R - 1, (1 << 253) + 5, "random"])
def test_few_distinct_points_and_scalars(
    group: TestGroup, backend: Backend, logs: list[int], value: Any
) -> None:
    n = 300
    repeated = (logs * n)[:n]
    base = group.kind.from_ints([group.multiple(k) for k in repeated])
    scalars = full(n) if value == "random" else [value] * n
    got = MSM[group.name](base, fr.from_ints(scalars), n, backend=backend)
    assert got == total(group, scalars, repeated)


@both_groups
@pytest.mark.parametrize("window", [2, 3, 7, 8, 13, 15])
def test_digits_at_the_edges_of_windows(
    group: TestGroup, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(msm_module, "best_window", lambda *_: (1.0, window))
    half = 1 << (window - 1)
    every = sum(half << (window * w) for w in range(253 // window))
    scalars = [
        half,
        half - 1,
        half + 1,
        every % R,
        (every - 1) % R,
        -every % R,
        R // 2,
        R // 2 + 1,
        R - 1,
        2 * half,
    ]
    scalars += [-s % R for s in scalars]
    assert MSM[group.name](points(group.name), fr.from_ints(scalars), len(scalars)) == total(group, scalars)


@both_groups
@pytest.mark.parametrize("bits", [0, 1, 8, 16, 64, 128, 253])
def test_a_stated_size_is_kept_or_refused(group: TestGroup, bits: int) -> None:
    numbers = random.Random(bits)
    scalars = [numbers.randrange(min(1 << bits, R // 2 + 1)) * numbers.choice([1, -1]) % R for _ in range(90)]
    got = MSM[group.name](points(group.name), fr.from_ints(scalars), 90, bits=bits)
    assert got == total(group, scalars)
    if bits < 253:
        for beyond in (1 << bits, R - (1 << bits), R // 2):
            for at in (0, 40, 89):
                wrong = [*scalars[:at], beyond, *scalars[at + 1 :]]
                with pytest.raises(InputError, match="below"):
                    MSM[group.name](points(group.name), fr.from_ints(wrong), 90, bits=bits)


@pytest.mark.parametrize("bits", [-1, 254, 1000])
def test_an_impossible_size_is_refused(bits: int) -> None:
    with pytest.raises(InputError, match="bits"):
        msm_g1(points("g1"), fr.zeros(SIZE), bits=bits)


@both_groups
@pytest.mark.parametrize("small", [2, 256, 1 << 16, 1 << 64])
def test_few_large_scalars_among_small_ones(group: TestGroup, small: int) -> None:
    base = type(points(group.name))(np.tile(points(group.name).rows, (8, 1)))
    n = base.n
    numbers = random.Random(small)
    scalars = [numbers.randrange(R) if i % 53 == 7 else numbers.randrange(small) for i in range(n)]
    expected = total(group, scalars, list(logarithms()) * 8)
    assert MSM[group.name](base, fr.from_ints(scalars), n) == expected
    words = np.array([[s >> (64 * k) & (2**64 - 1) for k in range(4)] for s in scalars], dtype=np.uint64)
    assert MSM[group.name](base, words) == expected


@both_groups
def test_many_columns_equal_one_by_one(group: TestGroup) -> None:
    base = points(group.name)
    columns = [fr.from_ints(full(100, seed)) for seed in range(3)]
    columns.append(fr.from_ints([s % 2 for s in full(100)]))
    one_by_one = [MSM[group.name](base, column, 100) for column in columns]
    for threads in (1, 2, 5):
        assert MANY[group.name](base, columns, 100, threads=threads) == one_by_one
    assert MANY[group.name](base, []) == []


@both_groups
def test_files_mapped_read_only_are_accepted(group: TestGroup, tmp_path: Path) -> None:
    scalars = full(64)
    np.save(tmp_path / "rows.npy", points(group.name).rows)
    np.save(tmp_path / "scalars.npy", fr.from_ints(scalars))
    base = type(points(group.name))(np.load(tmp_path / "rows.npy", mmap_mode="r"))
    blocks = np.load(tmp_path / "scalars.npy", mmap_mode="r")
    assert MSM[group.name](base, blocks, 64) == total(group, scalars)


@both_groups
def test_rows_at_any_word_are_accepted(group: TestGroup) -> None:
    source = points(group.name)[:50].rows
    scalars = full(50)
    for skip in range(1, 9):
        room = np.zeros(source.size + 16, dtype=np.uint64)
        rows = room[skip : skip + source.size].reshape(source.shape)
        rows[:] = source
        assert MSM[group.name](group.kind(rows), fr.from_ints(scalars), 50) == total(group, scalars)


@both_groups
@both_backends
@pytest.mark.parametrize("tables", [1, 3, 8, 200])
def test_tables_give_the_same_sums(group: TestGroup, backend: Backend, tables: int) -> None:
    base = points(group.name)[:60]
    table = MsmTable(base, tables, backend=backend)
    assert 1 <= table.tables <= tables
    assert table.nbytes == table.tables * base.rows.nbytes
    for scalars in (full(60), [s % 2 for s in full(60)], [0] * 60, [R - 1] * 60, [R // 2] * 60):
        assert table.msm(fr.from_ints(scalars), 60, backend=backend) == total(group, scalars)
    few = full(20)
    for threads in (1, 3):
        assert table.msm(fr.from_ints(few), 20, threads, backend) == total(group, few)


def test_a_table_keeps_to_its_budget_and_refuses_none() -> None:
    base = points("g1")[:60]
    assert MsmTable(base, budget=3 * base.rows.nbytes + 5).nbytes <= 3 * base.rows.nbytes + 5
    assert MsmTable(base[:0]).msm(fr.zeros(0), 0) is None
    for tables, budget in ((0, None), (None, 10), (2, 1 << 20)):
        with pytest.raises(InputError, match="MsmTable"):
            MsmTable(base, tables, budget)
    with pytest.raises(InputError, match="at least 61 points"):
        MsmTable(base).msm(fr.zeros(61), 61)


def test_reference_in_g2_equals_the_kernel() -> None:
    scalars = [0, 1, R - 1, *full(5)]
    base = points("g2")[:8]
    assert reference.msm_g2(base.to_ints(), scalars) == msm_g2(base, fr.from_ints(scalars), 8)


@both_groups
@pytest.mark.parametrize(
    ("scalars", "n"),
    [
        (np.ones(SIZE + 1, dtype=np.uint8), None),
        (np.ones(5, dtype=np.uint8), 6),
        (np.ones(5, dtype=np.uint8), -1),
        (np.ones(5), None),
        (np.ones((5, 5), dtype=np.uint64), None),
        (np.array(3), None),
        ([1, 2, 3], None),
        (fr.zeros(8).astype(np.int64), 8),
        (fr.zeros(8)[:, :4], 8),
        (fr.zeros(16).reshape(2, 1, 5, 8), 16),
        (np.full((20000, 4), 2**64 - 1, dtype=np.uint64)[:SIZE], None),
    ],
    ids=[
        *("too many", "too few", "negative", "floats", "wide rows", "a number", "a list", "signed blocks"),
        *("narrow blocks", "two vectors", "not below r"),
    ],
)
def test_scalars_that_do_not_fit_are_refused(group: TestGroup, scalars: Any, n: int | None) -> None:
    with pytest.raises(InputError):
        MSM[group.name](points(group.name), scalars, n)


def test_damaged_blocks_end_in_a_sum_or_an_error() -> None:
    for value in (2**64 - 1, 2**63, 2**52):
        blocks = np.full((75, 5, 8), value, dtype=np.uint64)
        for bits in (None, 1, 253):
            with contextlib.suppress(InputError):
                msm_g1(points("g1"), blocks, SIZE, bits=bits)


def test_threads_of_the_caller_do_not_disturb_each_other() -> None:
    wanted = total(GROUPS["g1"], full(SIZE))
    found: list[Any] = []

    def run() -> None:
        found.extend(msm_g1(points("g1"), fr.from_ints(full(SIZE)), SIZE) for _ in range(5))

    others = [threading.Thread(target=run) for _ in range(4)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert found == [wanted] * 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_sums_as_its_parent() -> None:
    scalars = fr.from_ints(full(SIZE))
    wanted = msm_g1(points("g1"), scalars, SIZE, threads=2)
    child = os.fork()
    if child == 0:
        os._exit(0 if msm_g1(points("g1"), scalars, SIZE, threads=2) == wanted else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_kept_workspaces_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(20):
        msm_g1(points("g1"), fr.from_ints(full(10)), 10, threads=5)
    kept = sum(len(spaces) for spaces in msm_windows._idle.values())
    assert kept <= 2 * 64


def test_groups_do_not_mix() -> None:
    assert isinstance(points("g1"), G1Points)
    assert isinstance(points("g2"), G2Points)
    with pytest.raises(InputError):
        msm_g1(points("g2"), fr.zeros(SIZE))
    with pytest.raises(InputError):
        msm_g2(points("g1"), fr.zeros(SIZE))
