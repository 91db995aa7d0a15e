"""Transforms against the definition, on both back ends."""

from __future__ import annotations

import random

import galois
import numpy as np
import pytest

from zkroll.algebra import ntt
from zkroll.algebra.constants import R_MODULUS, root_of_unity
from zkroll.algebra.field import fr
from zkroll.algebra.kernels.emit import split_limbs
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.reference import ntt as reference
from zkroll.algebra.vector import FqVector, FrVector
from zkroll.errors import InputError

BACKENDS = ["portable", "ifma"] if host_backend() == "ifma" else ["portable"]


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request, monkeypatch):
    monkeypatch.setattr(fr, "backend", request.param)
    return request.param


def columns(k, n, seed=1):
    rng = random.Random(seed)
    edges = (0, 1, R_MODULUS - 1)
    return [
        [rng.choice(edges) if rng.random() < 0.3 else rng.randrange(R_MODULUS) for _ in range(n)]
        for _ in range(k)
    ]


def blocks_of(values):
    return np.stack([fr.from_ints(column) for column in values])


@pytest.mark.parametrize("log_n", [3, 4, 5, 6, 7, 8, 9, 10])
@pytest.mark.parametrize("shift", [1, 5, R_MODULUS - 1, 2**200 + 3])
def test_forward_evaluates_on_the_coset_and_inverse_returns(log_n, shift):
    values = columns(3, 1 << log_n)
    data = blocks_of(values)
    ntt.forward(data, shift)
    assert int(data.max()) < 1 << 52
    for i, column in enumerate(values):
        assert fr.to_ints(data[i]) == reference.forward(column, shift)
    ntt.inverse(data, shift)
    for i, column in enumerate(values):
        assert fr.to_ints(data[i]) == column


@pytest.mark.parametrize("log_n", range(6))
@pytest.mark.parametrize("k", [1, 9, 17])
def test_short_lengths_lie_at_the_start_of_a_block(log_n, k):
    n, shift = 1 << log_n, 7
    values = columns(k, n)
    data = blocks_of(values)
    if n < 8:
        data[:, 0, :, n:] = 123  # ignored, and zero afterwards
    for threads in (1, 3):
        ntt.forward(data, shift, threads, log_n=log_n)
        for i, column in enumerate(values):
            assert fr.to_ints(data[i]) == reference.forward(column, shift) + [0] * (-n % 8)
        ntt.inverse(data, shift, threads, log_n=log_n)
        for i, column in enumerate(values):
            assert fr.to_ints(data[i]) == column + [0] * (-n % 8)


@pytest.mark.parametrize("log_n", range(15))
def test_vectors_of_every_length_are_transformed(log_n):
    n, shift = 1 << log_n, 5
    coefficients = columns(1, n, seed=log_n)[0]
    vector = FrVector.from_ints(coefficients)
    values = ntt.forward_vector(vector, shift, threads=1 + log_n % 3)
    assert values.to_ints() == reference.forward(coefficients, shift)
    assert vector.to_ints() == coefficients
    assert ntt.inverse_vector(values, shift) == vector


def test_vectors_of_other_lengths_and_fields_are_refused():
    for length in (0, 3, 12, 100):
        with pytest.raises(InputError, match="power of two"):
            ntt.forward_vector(FrVector.from_ints(range(length)))
    for stranger in (FqVector.from_ints([1, 2]), fr.zeros(8), [1, 2]):
        with pytest.raises(InputError, match="FrVector"):
            ntt.inverse_vector(stranger)


@pytest.mark.parametrize(
    ("n", "log_n"), [(8, 4), (8, -1), (16, 2), (16, 3), (64, 7), (64, 5), (1024, 1 << 60)]
)
def test_other_lengths_than_the_blocks_have_are_refused(n, log_n):
    for transform in (ntt.forward, ntt.inverse):
        with pytest.raises(InputError, match="log_n"):
            transform(fr.zeros(n), log_n=log_n)


@pytest.mark.parametrize("log_n", [13, 14, 16])
@pytest.mark.parametrize("shift", [1, 3, root_of_unity(2)])
def test_long_transforms_agree_with_evaluation_on_either_side(log_n, shift):
    """Lengths whose rows have one, two and eight blocks; and a shift whose first factors are not all one."""
    n = 1 << log_n
    coefficients = fr.mul(fr.powers(3, n), fr.powers(2**100 + 1, n))
    data = np.stack([coefficients, fr.add(coefficients, 1), fr.powers(11, n)])
    kept = data.copy()
    ntt.forward(data, shift, threads=2)
    root = root_of_unity(log_n)
    for i in (0, 1, n // 2 + 3, n - 1):
        expected = ntt.evaluate(kept, shift * pow(root, i, R_MODULUS))
        assert [fr.to_ints(column[i // 8 : i // 8 + 1])[i % 8] for column in data] == expected
    fr.check_range(data, "values")
    ntt.inverse(data, shift, threads=3)
    assert fr.equal(data, kept)
    fr.check_range(data, "coefficients")


@pytest.mark.slow
@pytest.mark.parametrize("log_n", [20, 22, 24])
def test_the_longest_transforms_agree_with_evaluation(log_n, backend):
    if backend == "portable" and log_n > 22:
        pytest.skip("the same tables and stages as 2^22")
    n, shift = 1 << log_n, 7
    data = fr.powers(2**200 + 9, n)
    kept = data.copy()
    ntt.forward(data, shift)
    root = root_of_unity(log_n)
    for i in (0, 1, 12345, n // 2 + 77777, n - 1):
        expected = ntt.evaluate(kept[None], shift * pow(root, i, R_MODULUS))
        assert fr.to_ints(data[i // 8 : i // 8 + 1])[i % 8] == expected[0]
    ntt.inverse(data, shift)
    assert fr.equal(data, kept)


def test_shifts_do_not_disturb_one_another_in_the_kept_tables(backend):
    values = columns(1, 64)[0]
    for shift in [1, *range(2, 40), 1]:
        data = fr.from_ints(values)
        ntt.forward(data, shift)
        assert fr.to_ints(data[:1])[0] == reference.evaluate(values, shift)


@pytest.mark.parametrize("shift", [1, 7])
def test_transforms_with_both_passes_agree_with_evaluation_at_points(shift):
    log_n = 15  # long enough for rows of several blocks
    n = 1 << log_n
    data = fr.powers(3, n)[None].copy()
    kept = data.copy()
    ntt.forward(data, shift)
    values = fr.to_ints(data[0])
    root = root_of_unity(log_n)
    for i in (0, 1, 2, 8, 1023, 4097, n // 2, n - 1):
        x = 3 * shift * pow(root, i, R_MODULUS) % R_MODULUS
        geometric = (pow(x, n, R_MODULUS) - 1) * pow(x - 1, -1, R_MODULUS) % R_MODULUS
        assert values[i] == geometric
    ntt.inverse(data, shift)
    assert fr.equal(data, kept)


@pytest.mark.parametrize("log_n", [4, 9, 14])
def test_threads_and_column_counts_do_not_change_results(log_n):
    data = np.stack([fr.powers(i + 2, 1 << log_n) for i in range(9)])
    many, single, one = data.copy(), data.copy(), data[4].copy()
    ntt.forward(many, 5, threads=3)
    ntt.forward(single, 5, threads=1)
    ntt.forward(one, 5, threads=2)
    assert fr.equal(many, single)
    assert fr.equal(many[4], one)
    ntt.inverse(many, 5, threads=3)
    assert fr.equal(many, data)


def test_residues_of_p_and_more_are_accepted():
    n = 64
    raw = [R_MODULUS + i for i in range(n)]
    data = np.zeros((1, n // 8, 5, 8), dtype=np.uint64)
    for i, value in enumerate(raw):
        data[0, i // 8, :, i % 8] = split_limbs(value)
    coefficients = fr.to_ints(data[0])
    ntt.forward(data)
    assert fr.to_ints(data[0]) == reference.forward(coefficients)


def test_largest_residues_do_not_overflow():
    n = 1 << 13
    data = np.empty((1, n // 8, 5, 8), dtype=np.uint64)
    data[:] = np.array(split_limbs(2 * R_MODULUS - 1), dtype=np.uint64)[:, None]
    constant = fr.to_ints(data[0, :1])[0]
    ntt.forward(data)
    assert fr.to_ints(data[0]) == [n * constant % R_MODULUS] + [0] * (n - 1)
    ntt.inverse(data)
    assert fr.to_ints(data[0]) == [constant] * n


@pytest.mark.parametrize("n", [8, 64, 4096])
def test_evaluate_agrees_with_horner(n):
    values = columns(3, n)
    data = blocks_of(values)
    data.setflags(write=False)
    for x in (0, 1, 12345, R_MODULUS - 1, R_MODULUS + 2):
        assert ntt.evaluate(data, x) == [reference.evaluate(column, x) for column in values]


def test_evaluate_of_one_long_column_agrees_with_the_geometric_sum(monkeypatch):
    monkeypatch.setattr(ntt, "_CHUNK", 4)
    n = 8 * 300
    data = fr.powers(3, n)[None]
    expected = (pow(33, n, R_MODULUS) - 1) * pow(32, -1, R_MODULUS) % R_MODULUS
    assert ntt.evaluate(data, 11, threads=1) == [expected]
    assert ntt.evaluate(data, 11, threads=3) == [expected]


@pytest.mark.parametrize("log_n", [1, 3, 6])
@pytest.mark.parametrize("shift", [1, 9])
def test_both_directions_agree_with_galois(log_n, shift):
    n = 1 << log_n
    GF = galois.GF(R_MODULUS, primitive_element=5, verify=False)
    values = columns(1, n)[0]
    points = GF(shift) * GF(root_of_unity(log_n)) ** np.arange(n)
    theirs = galois.Poly(GF(values[::-1]))(points)
    ours = ntt.forward_vector(FrVector.from_ints(values), shift)
    assert ours.to_ints() == [int(value) for value in theirs]
    assert ntt.inverse_vector(FrVector.from_ints(int(v) for v in theirs), shift).to_ints() == values


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((1, 3, 5, 8), "u8"),
        ((1, 0, 5, 8), "u8"),
        ((2, 5, 8), "i8"),
        ((2, 8, 5), "u8"),
        ((1, 1, 1, 5, 8), "u8"),
        ((5, 8), "u8"),
        ((1, 1, 5, 8), "f8"),
    ],
)
def test_unusable_shapes_are_refused(shape, dtype):
    with pytest.raises(InputError, match=r"ntt\.forward"):
        ntt.forward(np.zeros(shape, dtype=dtype))


def test_read_only_strided_and_zero_shift_are_refused():
    data = fr.zeros((2, 64))
    with pytest.raises(InputError, match="shift"):
        ntt.inverse(data, R_MODULUS)
    with pytest.raises(InputError, match="contiguous"):
        ntt.forward(data[:, ::2])
    data.setflags(write=False)
    with pytest.raises(InputError, match="writable"):
        ntt.forward(data)
    for stranger in ([[1]], None, data[0, 0]):
        with pytest.raises(InputError, match="expected"):
            ntt.forward(stranger)
        with pytest.raises(InputError, match="expected"):
            ntt.evaluate(stranger, 3)
    with pytest.raises(InputError, match="threads"):
        ntt.inverse(fr.zeros(64), threads=0)


@pytest.mark.parametrize("log_n", [-1, 29])
def test_roots_beyond_the_two_adicity_are_refused(log_n):
    with pytest.raises(InputError, match="root_of_unity"):
        root_of_unity(log_n)


def test_roots_are_primitive():
    for log_n in range(29):
        root = root_of_unity(log_n)
        assert pow(root, 1 << log_n, R_MODULUS) == 1
        assert log_n == 0 or pow(root, 1 << (log_n - 1), R_MODULUS) == R_MODULUS - 1
