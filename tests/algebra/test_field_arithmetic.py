"""Block arrays of both fields against Python integers, on both back ends."""

from __future__ import annotations

from pathlib import Path

import galois
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zkroll.algebra.field import PrimeField
from zkroll.algebra.kernels.emit import FQ, FR, split_limbs
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.reference import field as reference
from zkroll.errors import InputError

BACKENDS = ["portable", "ifma"] if host_backend() == "ifma" else ["portable"]


@pytest.fixture(scope="module", params=[(p, b) for p in (FR, FQ) for b in BACKENDS], ids=str)
def field(request):
    return PrimeField(*request.param)


def elements(p):
    edges = st.sampled_from([0, 1, 2, p - 1, p - 2, (1 << 52) - 1, 1 << 52, 1 << 208, p >> 1, p // 2 + 1])
    return st.one_of(edges, st.integers(0, p - 1))


def vectors(p):
    return st.lists(st.tuples(elements(p), elements(p)), min_size=1, max_size=40)


def raw_blocks(values):
    """A block array whose stored residues are exactly `values` (each below 2^260)."""
    out = np.zeros((-(-len(values) // 8), 5, 8), dtype=np.uint64)
    for i, value in enumerate(values):
        out[i // 8, :, i % 8] = split_limbs(value)
    return out


fast = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def test_conversions_keep_every_value(field):
    @fast
    @given(st.lists(elements(field.modulus), max_size=40))
    def check(values):
        blocks = field.from_ints(values)
        assert field.to_ints(blocks, len(values)) == values
        limbs = field.to_limbs(blocks, len(values))
        assert [sum(int(w) << (64 * i) for i, w in enumerate(row)) for row in limbs] == values
        assert field.equal(field.from_array(limbs), blocks)

    check()


def test_ring_operations_agree_with_integers(field):
    p = field.modulus

    @fast
    @given(vectors(p))
    def check(pairs):
        a, b = [x for x, _ in pairs], [y for _, y in pairs]
        n, x, y = len(pairs), field.from_ints(a), field.from_ints(b)
        assert field.to_ints(field.add(x, y), n) == reference.add(a, b, p)
        assert field.to_ints(field.sub(x, y), n) == reference.sub(a, b, p)
        assert field.to_ints(field.mul(x, y), n) == reference.mul(a, b, p)
        assert field.to_ints(field.neg(x), n) == reference.neg(a, p)
        assert field.to_ints(field.square(x), n) == reference.square(a, p)
        assert field.to_ints(field.batch_inverse(x), n) == reference.batch_inverse(a, p)
        assert field.to_ints(field.pow(x, 5), n) == reference.power(a, 5, p)
        assert field.inner_product(x, y) == reference.inner_product(a, b, p)
        assert field.sum(x) == sum(a) % p
        assert field.to_ints(field.prefix_sum(x), n) == reference.prefix_sum(a, p)
        assert field.is_zero(x, n).tolist() == [value == 0 for value in a]
        for shift in (-1, 1, 3):
            assert field.to_ints(field.roll(x, n, shift), n) == reference.roll(a, shift)

    check()


def test_stored_residues_of_p_and_more_are_the_same_elements(field):
    p = field.modulus
    values = [0, p, 1, p + 1, p - 1, 2 * p - 1, 5, p + 5]
    blocks = raw_blocks(values)
    factor = pow(1 << 260, -1, p)
    expected = [value * factor % p for value in values]
    assert field.to_ints(blocks) == expected
    assert field.is_zero(blocks).tolist() == [True, True] + [False] * 6
    folded = raw_blocks([value % p for value in values])
    assert field.equal(blocks, folded)
    assert not field.equal(blocks, raw_blocks([*values[:-1], 6]))
    for operation in (field.add, field.sub, field.mul):
        assert field.equal(operation(blocks, blocks[:, :, ::-1]), operation(folded, folded[:, :, ::-1]))
    assert field.equal(field.batch_inverse(blocks), field.batch_inverse(folded))
    extreme = raw_blocks([2 * p - 1] * 8)
    assert field.to_ints(field.mul(extreme, extreme)) == [(expected[5] ** 2) % p] * 8
    assert int(field.add(extreme, extreme).max()) < 1 << 52


def test_integers_broadcast_on_either_side(field):
    p = field.modulus
    x = field.from_ints(range(10))
    assert field.to_ints(field.sub(3, x), 10) == [(3 - i) % p for i in range(10)]
    assert field.to_ints(field.mul(x, -2), 10) == [-2 * i % p for i in range(10)]
    assert field.to_ints(field.add(x, p + 1), 10) == list(range(1, 11))


def test_trailing_dimensions_broadcast_over_columns(field):
    row = field.from_ints(range(16))
    cols = np.stack([row, field.add(row, 1)])
    product = field.mul(cols, row)
    assert field.to_ints(product[1]) == [i * (i + 1) for i in range(16)]


def test_operations_write_in_place(field):
    x = field.from_ints(range(1, 21))
    out = field.mul(x, x, out=x)
    assert out is x
    assert field.to_ints(x, 20) == [i * i for i in range(1, 21)]
    field.batch_inverse(x, out=x)
    field.batch_inverse(x, out=x)
    assert field.to_ints(x, 20) == [i * i for i in range(1, 21)]
    field.pow(x, 0, out=x)
    assert field.to_ints(x) == [1] * 24


def test_threads_do_not_change_results(field):
    n = 8 * 2048
    x = field.powers(7, n)
    assert field.to_ints(x[-1:])[-1] == pow(7, n - 1, field.modulus)
    for operation in (field.batch_inverse, field.prefix_sum, field.neg, field.square):
        assert field.equal(operation(x, threads=1), operation(x, threads=3))
    assert field.sum(x, threads=1) == field.sum(x, threads=3)
    total = (pow(7, n - 1, field.modulus) - 1) * pow(6, -1, field.modulus) % field.modulus
    assert field.to_ints(field.prefix_sum(x, threads=3)[-1:])[-1] == total
    assert field.inner_product(x, x, threads=2) == field.sum(field.square(x))


def test_powers_are_powers(field):
    for n in (0, 1, 7, 8, 9, 100):
        assert field.to_ints(field.powers(3, n), n) == reference.powers(3, n, field.modulus)
    assert field.to_ints(field.powers(0, 9), 9) == [1] + [0] * 8


def test_prefix_sum_holds_the_total_beyond_n(field):
    x = field.from_ints(range(16))
    assert field.to_ints(field.prefix_sum(x, 11)) == [i * (i - 1) // 2 for i in range(12)] + [55] * 4


@pytest.mark.parametrize("dtype", ["bool", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8"])
def test_machine_integers_become_elements(field, dtype):
    kind = np.dtype(dtype)
    values = [0, 1] if kind.kind == "b" else [np.iinfo(kind).min, 0, 1, np.iinfo(kind).max]
    array = np.array(values, dtype=kind)
    assert field.to_ints(field.from_array(array), len(array)) == [int(v) % field.modulus for v in values]


@pytest.mark.parametrize("k", [2, 3, 4])
def test_rows_of_words_become_elements(field, k):
    value = min(field.modulus, 1 << (64 * k)) - 1
    words = np.array([[(value >> (64 * i)) & (2**64 - 1) for i in range(k)]] * 9, dtype=np.uint64)
    assert field.to_ints(field.from_array(words), 9) == [value] * 9


def test_values_not_below_p_are_refused(field):
    p = field.modulus
    for value in (p, p + 1, 2**256 - 1):
        words = np.zeros((5, 4), dtype=np.uint64)
        words[3] = [(value >> (64 * i)) & (2**64 - 1) for i in range(4)]
        with pytest.raises(InputError, match="row 3"):
            field.from_array(words)


@pytest.mark.parametrize(
    "array",
    [np.zeros(4), np.zeros((4, 5), np.uint64), np.zeros((4, 2), np.int64), np.zeros((1, 2, 3), np.uint64)],
)
def test_other_arrays_are_refused(field, array):
    with pytest.raises(InputError, match="from_array"):
        field.from_array(array)


def test_wrong_shapes_are_refused(field):
    x = field.zeros(16)
    with pytest.raises(InputError, match="one shape"):
        field.add(x, field.zeros(24))
    with pytest.raises(InputError, match="block array"):
        field.add(x, x.astype(np.int64))
    with pytest.raises(InputError, match="block array"):
        field.neg(np.zeros((2, 8, 5), np.uint64))
    with pytest.raises(InputError, match="out"):
        field.neg(x, out=field.zeros(8))
    locked = field.zeros(16)
    locked.setflags(write=False)
    with pytest.raises(InputError, match="writable"):
        field.neg(x, out=locked)
    with pytest.raises(InputError, match="to_limbs"):
        field.to_limbs(x, 17)
    with pytest.raises(InputError, match="inner_product"):
        field.inner_product(x, field.zeros(8))
    with pytest.raises(InputError, match="threads"):
        field.neg(x, threads=0)


def test_read_only_and_mapped_inputs_are_accepted(field, tmp_path: Path):
    x = field.from_ints(range(16))
    path = tmp_path / "column"
    x.tofile(path)
    mapped = np.memmap(path, dtype=np.uint64, mode="r", shape=x.shape)
    assert field.to_ints(field.mul(mapped, mapped)) == [i * i for i in range(16)]
    x.setflags(write=False)
    assert field.to_ints(field.add(x, x)) == [2 * i for i in range(16)]
    assert field.sum(x) == 120
    assert field.inner_product(mapped, x) == sum(i * i for i in range(16))


def test_strided_inputs_are_accepted(field):
    cols = np.stack([field.from_ints(range(i, i + 16)) for i in range(4)])
    assert field.to_ints(field.add(cols[::2], 1)[1]) == list(range(3, 19))
    assert field.to_ints(field.neg(field.neg(cols[:, ::-1]))[0]) == [*range(8, 16), *range(8)]


def test_laws_of_a_field_hold(field):
    p = field.modulus

    @fast
    @given(st.lists(st.tuples(elements(p), elements(p), elements(p)), min_size=1, max_size=20))
    def check(triples):
        x, y, z = (field.from_ints([triple[i] for triple in triples]) for i in range(3))
        zero = field.zeros(len(x) * 8)
        assert field.equal(field.mul(x, field.add(y, z)), field.add(field.mul(x, y), field.mul(x, z)))
        assert field.equal(field.mul(field.mul(x, y), z), field.mul(x, field.mul(y, z)))
        assert field.equal(field.add(field.add(x, y), z), field.add(x, field.add(y, z)))
        assert field.equal(field.mul(x, y), field.mul(y, x))
        assert field.equal(field.sub(x, y), field.add(x, field.neg(y)))
        assert field.equal(field.add(x, field.neg(x)), zero)
        assert field.equal(field.square(x), field.mul(x, x))
        assert field.equal(field.square(x), field.pow(x, 2))
        inverse = field.batch_inverse(x)
        assert field.equal(field.mul(field.mul(x, inverse), x), x)
        assert field.equal(field.pow(x, p - 2), inverse)
        assert field.equal(field.pow(x, -3), field.pow(inverse, 3))
        assert field.inner_product(x, y) == field.sum(field.mul(x, y))

    check()


def test_both_back_ends_give_the_same_elements():
    p = FQ.modulus
    fields = [PrimeField(FQ, backend) for backend in BACKENDS]

    @fast
    @given(st.lists(st.tuples(st.integers(0, 2 * p - 1), st.integers(0, 2 * p - 1)), min_size=1, max_size=20))
    def check(pairs):
        x, y = (raw_blocks([pair[i] for pair in pairs]) for i in range(2))
        results = [
            [
                one.to_bytes(result)
                for result in (
                    one.add(x, y),
                    one.sub(x, y),
                    one.mul(x, y),
                    one.square(x),
                    one.pow(x, 11),
                    one.batch_inverse(y),
                    one.prefix_sum(x),
                )
            ]
            + [one.sum(x), one.inner_product(x, y)]
            for one in fields
        ]
        assert all(result == results[0] for result in results)

    check()


def test_vectors_agree_with_galois(field):
    p = field.modulus
    GF = galois.GF(p, primitive_element={FR.modulus: 5, FQ.modulus: 3}[p], verify=False)
    rng = np.random.default_rng(7)
    a, b = ([int.from_bytes(rng.bytes(40), "little") % p for _ in range(24)] for _ in range(2))
    x, y = field.from_ints(a), field.from_ints(b)
    u, v = GF(a), GF(b)
    assert field.to_ints(field.add(x, y)) == [int(w) for w in u + v]
    assert field.to_ints(field.sub(x, y)) == [int(w) for w in u - v]
    assert field.to_ints(field.mul(x, y)) == [int(w) for w in u * v]
    assert field.to_ints(field.neg(x)) == [int(w) for w in -u]
    assert field.to_ints(field.pow(x, 5)) == [int(w) for w in u**5]
    assert field.to_ints(field.batch_inverse(x)) == [int(w) for w in u**-1]
    assert field.to_ints(field.powers(a[0], 16)) == [int(w) for w in u[0] ** np.arange(16)]
    assert field.inner_product(x, y) == int(np.dot(u, v))
    assert field.sum(x) == int(np.add.reduce(u))
