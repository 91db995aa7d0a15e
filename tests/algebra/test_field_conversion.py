"""Conversions between outside forms and blocks agree with integers; what is out of range is refused."""

from __future__ import annotations

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
fast = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(
    scope="module", params=[(p, b) for p in (FR, FQ) for b in BACKENDS], ids=lambda p: f"{p[0].name}-{p[1]}"
)
def field(request):
    return PrimeField(*request.param)


def elements(p):
    return st.one_of(st.sampled_from([0, 1, p - 1, (1 << 52) - 1, 1 << 52, 1 << 208]), st.integers(0, p - 1))


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("montgomery", [False, True])
def test_bytes_and_montgomery_forms_agree_with_integers(field, order, montgomery):
    p = field.modulus

    @fast
    @given(st.lists(elements(p), max_size=35))
    def check(values):
        data = reference.to_bytes(values, p, order, montgomery=montgomery)
        blocks = field.from_bytes(data, order, montgomery=montgomery)
        assert field.to_ints(blocks, len(values)) == values
        assert field.to_bytes(blocks, len(values), order, montgomery=montgomery) == data
        assert reference.from_bytes(data, p, order, montgomery=montgomery) == values

    check()


def test_any_256_bits_are_taken_modulo_p_on_request(field):
    p = field.modulus

    @fast
    @given(
        st.lists(st.one_of(st.integers(0, 2**256 - 1), st.sampled_from([p, 2 * p, 2**256 - 1])), max_size=20)
    )
    def check(values):
        data = b"".join(value.to_bytes(32, "big") for value in values)
        blocks = field.from_bytes(data, "big", reduce=True)
        assert field.to_ints(blocks, len(values)) == [value % p for value in values]
        field.check_range(blocks, "result")

    check()


@pytest.mark.parametrize("n", [1, 5, 8, 13, 8 * 600 + 3])
@pytest.mark.parametrize("montgomery", [False, True])
def test_the_first_value_not_below_p_is_named(field, n, montgomery):
    words = np.zeros((n, 4), dtype=np.uint64)
    for at in sorted({n - 1, n // 2, 0}, reverse=True):
        words[at] = [(field.modulus >> (64 * i)) & (2**64 - 1) for i in range(4)]
        words[n - 1] = 2**64 - 1
        with pytest.raises(InputError, match=f"row {at}: expected a value below p"):
            field.from_array(words, 2, montgomery=montgomery)
        assert field.from_array(words, montgomery=montgomery, reduce=True).shape == (-(-n // 8), 5, 8)


def test_unaligned_and_strided_words_are_read(field):
    values = list(range(1, 20))
    data = b"x" + reference.to_bytes(values, field.modulus)
    words = np.frombuffer(data, dtype="<u8", offset=1).reshape(-1, 4)
    assert field.to_ints(field.from_array(words), 19) == values
    assert field.to_ints(field.from_array(np.repeat(words, 2, axis=0)[::2]), 19) == values
    assert field.to_ints(field.from_bytes(memoryview(data)[1:]), 19) == values
    assert field.to_ints(field.from_bytes(np.frombuffer(data, np.uint8)[1:].reshape(-1, 32)), 19) == values


def test_nothing_is_written_beyond_n(field):
    blocks = field.from_ints(range(11))
    for n in range(12):
        assert field.to_limbs(blocks, n).shape == (n, 4)
        assert field.to_ints(blocks, n) == list(range(n))


def test_unusable_bytes_are_refused(field):
    for data in (b"1", b"1" * 31, b"1" * 33):
        with pytest.raises(InputError, match="multiple of 32"):
            field.from_bytes(data)
    with pytest.raises(InputError, match="multiple of 32"):
        field.from_bytes(np.zeros(32, dtype=np.int64))
    with pytest.raises(InputError, match="byte order"):
        field.from_bytes(bytes(32), "middle")
    with pytest.raises(InputError, match="byte order"):
        field.to_bytes(field.zeros(8), order="native")
    with pytest.raises(InputError, match="from_array"):
        field.from_array(np.zeros(4, np.uint64), montgomery=True)


@pytest.mark.parametrize("call", ["to_limbs", "to_ints", "to_bytes", "is_zero", "prefix_sum", "roll"])
@pytest.mark.parametrize("n", [-1, 17, 1 << 60])
def test_counts_beyond_the_blocks_are_refused(field, call, n):
    with pytest.raises(InputError, match="0 <= n <= 16"):
        getattr(field, call)(field.zeros(16), n, **({"shift": 1} if call == "roll" else {}))


def test_negative_lengths_are_refused(field):
    for call in (lambda: field.zeros(-1), lambda: field.full(-8, 1), lambda: field.powers(3, -1)):
        with pytest.raises(InputError, match="expected"):
            call()


def test_residues_out_of_range_are_found(field):
    p = field.modulus
    a = field.zeros(8 * 700)
    field.check_range(a, "here")
    a[3, :, 2] = split_limbs(2 * p - 1)
    field.check_range(a, "here")
    for bad in (
        split_limbs(2 * p),
        split_limbs((1 << 260) - 1),
        [1 << 52, 0, 0, 0, 0],
        [0, 2**64 - 1, 0, 0, 0],
    ):
        a[600, :, 5] = bad
        with pytest.raises(InputError, match="here: element 4805"):
            field.check_range(a, "here", threads=2)


def test_outputs_that_overlap_an_operand_are_refused(field):
    a = field.from_ints(range(32))
    for call in (
        lambda: field.add(a[:3], 1, out=a[1:]),
        lambda: field.mul(a[:3], a[1:], out=a[:3]),
        lambda: field.square(a[1:], out=a[:3]),
        lambda: field.pow(a[1:], 3, out=a[:3]),
        lambda: field.batch_inverse(a[1:], out=a[:3]),
    ):
        with pytest.raises(InputError):
            call()
    columns = np.stack([a, a])
    with pytest.raises(InputError, match="apart"):
        field.mul(columns, columns[0], out=columns)
    with pytest.raises(InputError, match="two integers"):
        field.add(1, 2)
    with pytest.raises(InputError, match="out"):
        field.add(a, a, out=columns[:, ::2])
    with pytest.raises(InputError, match="out"):
        field.add(a, a, out=[0])


def test_powers_and_inverses_cross_their_chunks(field):
    n = 8 * (1024 + 70) + 5
    a = field.powers(3, n)
    product = field.mul(a, field.batch_inverse(a, threads=1))
    assert field.equal(product, field.full(n, 1))
    zeros = a.copy()
    zeros[1030, :, 3] = 0
    inverse = field.batch_inverse(zeros, threads=3)
    assert np.flatnonzero(field.is_zero(inverse)).tolist() == [1030 * 8 + 3]
    assert field.equal(field.pow(a, 6), field.powers(729, n))
    assert field.equal(field.batch_inverse(a, out=a.copy()), field.powers(pow(3, -1, field.modulus), n))
    for length in (65, 64, 130, 8 * 600):
        assert field.to_ints(field.powers(7, 8 * length, threads=2)[-1:])[-1] == pow(
            7, 8 * length - 1, field.modulus
        )
    assert field.sum(a, threads=1) == field.sum(a, threads=4) == sum(field.to_ints(a)) % field.modulus
