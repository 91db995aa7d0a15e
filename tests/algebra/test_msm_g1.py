"""MSM on both back ends: sizes, windows, special points, kinds of scalars, against known logarithms."""

import random
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_ecc import bn128

from zkroll.algebra import msm as msm_module
from zkroll.algebra import msm_windows
from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.curve import GENERATOR, G1Points, Point, fixed_base_g1
from zkroll.algebra.field import fr
from zkroll.algebra.kernels.emit import Backend
from zkroll.algebra.kernels.groups import G1
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.kernels.msm_kernels import msm_kernels
from zkroll.algebra.msm import msm_g1, msm_g1_many
from zkroll.algebra.reference import curve
from zkroll.algebra.reference import msm as reference
from zkroll.errors import InputError

BACKENDS: list[Backend] = sorted({"portable", host_backend()})
SIZE = 2100


@cache
def logarithms() -> tuple[int, ...]:
    numbers = random.Random(11)
    return tuple(numbers.randrange(R_MODULUS) for _ in range(SIZE))


@cache
def points() -> G1Points:
    return fixed_base_g1(fr.from_ints(logarithms()), SIZE)


def expected(scalars: list[int], logs: tuple[int, ...] | list[int] | None = None) -> Point:
    terms = zip(scalars, logs or logarithms()[: len(scalars)], strict=True)
    return curve.multiply(GENERATOR, sum(s * k for s, k in terms) % R_MODULUS)


def scalars_of(kind: str, n: int) -> list[int]:
    numbers = random.Random(n)
    edges = [
        0,
        1,
        R_MODULUS - 1,
        R_MODULUS // 2,
        R_MODULUS // 2 + 1,
        1 << 253,
        (1 << 253) - 1,
        2**64,
        2**128 - 1,
    ]
    make = {
        "full": lambda _: numbers.randrange(R_MODULUS),
        "bits": lambda _: numbers.randrange(2),
        "bytes": lambda _: numbers.randrange(256),
        "64 bits": lambda _: numbers.randrange(1 << 64),
        "small negative": lambda _: -numbers.randrange(1 << 20) % R_MODULUS,
        "ones": lambda _: 1,
        "one value": lambda _: 0xABCDEF,
        "edges": lambda i: edges[i % len(edges)],
        "mostly zero": lambda i: numbers.randrange(R_MODULUS) if i % 100 == 0 else 0,
        "mixed": lambda i: numbers.randrange(R_MODULUS) if i % 3 == 0 else i % 2,
    }[kind]
    return [make(i) for i in range(n)]


KINDS = [
    "full",
    "bits",
    "bytes",
    "64 bits",
    "small negative",
    "ones",
    "one value",
    "edges",
    "mostly zero",
    "mixed",
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_scalars(kind: str, backend: Backend) -> None:
    scalars = scalars_of(kind, 700)
    assert msm_g1(points(), fr.from_ints(scalars), 700, backend=backend) == expected(scalars)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", [0, 1, 2, 7, 8, 9, 31, 64, 65])
def test_small_sizes(n: int, backend: Backend) -> None:
    scalars = scalars_of("full", n)
    assert msm_g1(points()[:n], fr.from_ints(scalars), backend=backend) == expected(scalars)


def test_reference_equals_the_kernel_and_py_ecc() -> None:
    scalars = scalars_of("mixed", 20)
    pairs = points()[:20].to_ints()
    total = None
    for pair, scalar in zip(pairs, scalars, strict=True):
        total = bn128.add(total, bn128.multiply((bn128.FQ(pair[0]), bn128.FQ(pair[1])), scalar))
    assert (
        reference.msm_g1(pairs, scalars)
        == (int(total[0]), int(total[1]))
        == msm_g1(points(), fr.from_ints(scalars), 20)
    )


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, 2, -1, -2, 5]),
            st.one_of(st.integers(0, 3), st.integers(0, 300), st.integers(0, R_MODULUS - 1)),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_repeated_opposite_and_infinite_points(backend: Backend, terms: list[tuple[int, int]]) -> None:
    multiples = {k: curve.multiply(GENERATOR, k) for k in (0, 1, 2, -1, -2, 5)}
    base = G1Points.from_ints(multiples[k] for k, _ in terms)
    scalars = [s for _, s in terms]
    got = msm_g1(base, fr.from_ints(scalars), len(scalars), backend=backend)
    assert got == expected(scalars, [k for k, _ in terms])


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_point_repeated_and_cancelled_in_one_bucket(backend: Backend) -> None:
    opposite = curve.negate(GENERATOR)
    base = G1Points.from_ints([GENERATOR, opposite] * 300 + [None] * 5)
    assert msm_g1(base, np.ones(605, dtype=np.uint8), backend=backend) is None
    assert msm_g1(base[:599], np.ones(599, dtype=np.uint8), backend=backend) == GENERATOR


def test_buckets_of_many_segments_are_added_in_pieces() -> None:
    n = 20 * msm_kernels(G1, host_backend()).segments + 77
    repeats = -(-n // SIZE)
    base = G1Points(np.tile(points().rows, (repeats, 1))[:n])
    logs = (list(logarithms()) * repeats)[:n]
    ones = np.ones(n, dtype=np.uint8)
    assert msm_g1(base, ones, threads=1) == curve.multiply(GENERATOR, sum(logs) % R_MODULUS)
    three = np.arange(n, dtype=np.uint64) % 3
    total = sum(log * (i % 3) for i, log in enumerate(logs)) % R_MODULUS
    assert msm_g1(base, three, threads=2) == curve.multiply(GENERATOR, total)


@pytest.mark.parametrize("window", [4, 5, 8, 11, 15])
@pytest.mark.parametrize("bits", [1, 14, 15, 16, 253])
def test_every_window_gives_the_same_sum(window: int, bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(msm_module, "best_window", lambda *_: (1.0, window))
    top = (1 << bits) - 1
    scalars = [
        min(top, R_MODULUS // 2),
        *(random.Random(bits).randrange(top + 1) % R_MODULUS for _ in range(60)),
    ]
    assert msm_g1(points(), fr.from_ints(scalars), len(scalars)) == expected(scalars)


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("kind", ["full", "bits"])
def test_any_number_of_threads_gives_the_same_sum(
    kind: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(msm_windows, "_WORTH_CUTTING", 256)
    scalars = scalars_of(kind, SIZE)
    assert msm_g1(points(), fr.from_ints(scalars), SIZE, threads) == expected(scalars)


def test_long_sums_are_cut_into_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(msm_module, "_SLICE", 256)
    scalars = scalars_of("mixed", 777)
    assert msm_g1(points(), fr.from_ints(scalars), 777) == expected(scalars)


def test_scalars_as_machine_integers_and_words() -> None:
    small = np.arange(-10, 11, dtype=np.int64)
    assert msm_g1(points(), small) == expected([int(x) % R_MODULUS for x in small])
    assert msm_g1(points(), np.array([True, False, True])) == expected([1, 0, 1])
    words = np.array([[5, 6], [7, 8]], dtype=np.uint64)
    assert msm_g1(points(), words) == expected([5 + (6 << 64), 7 + (8 << 64)])


def test_read_only_inputs_are_accepted() -> None:
    base, scalars = G1Points(points().rows[:16].copy()), fr.from_ints(range(16))
    base.rows.setflags(write=False)
    scalars.setflags(write=False)
    assert msm_g1(base, scalars) == expected(list(range(16)))


def test_many_vectors_equal_one_by_one() -> None:
    vectors = [fr.from_ints(scalars_of(kind, 300)) for kind in KINDS]
    assert msm_g1_many(points(), vectors, 300) == [msm_g1(points(), vector, 300) for vector in vectors]
    assert msm_g1_many(points(), vectors[:1], 300, threads=2) == [msm_g1(points(), vectors[0], 300)]
    assert msm_g1_many(points(), []) == []


@pytest.mark.parametrize(
    ("scalars", "n"),
    [
        (np.ones(SIZE + 1, dtype=np.uint8), None),
        (np.ones(5, dtype=np.uint8), 6),
        (fr.zeros(SIZE + 8), SIZE + 8),
        (fr.zeros(8), None),
        (fr.zeros(8), 9),
        (np.full((1, 4), 2**64 - 1, dtype=np.uint64), None),
    ],
    ids=["too many", "too few rows", "more than points", "fewer blocks", "too few blocks", "not below r"],
)
def test_counts_and_values_that_do_not_fit_are_refused(scalars: np.ndarray, n: int | None) -> None:
    with pytest.raises(InputError):
        msm_g1(points(), scalars, n)
