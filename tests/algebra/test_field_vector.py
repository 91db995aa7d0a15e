"""FrVector and FqVector behave as immutable sequences of field elements."""

from __future__ import annotations

import doctest
import os

import numpy as np
import pytest

from zkroll.algebra import field, vector
from zkroll.algebra.vector import FqVector, FrVector
from zkroll.errors import InputError


@pytest.fixture(params=[FrVector, FqVector])
def kind(request):
    return request.param


def test_operators_agree_with_integers(kind):
    p = kind.field.modulus
    a, b = list(range(1, 12)), list(range(101, 112))
    x, y = kind.from_ints(a), kind.from_ints(b)
    assert (x + y).to_ints() == [u + v for u, v in zip(a, b, strict=True)]
    assert (x - y).to_ints() == [p - 100] * 11
    assert (3 - x).to_ints() == [(3 - u) % p for u in a]
    assert (2 * x * y + 1).to_ints() == [2 * u * v + 1 for u, v in zip(a, b, strict=True)]
    assert ((x / y) * y) == x
    assert (x / 2) * 2 == x
    assert (-x + x) == kind.from_ints([0] * 11)
    assert (x**3).to_ints() == [u**3 for u in a]
    assert (x**-1) * x == kind.from_ints([1] * 11)
    assert (x + 7).sum() == sum(a) + 77
    assert (x + 7).dot(y) == sum((u + 7) * v for u, v in zip(a, b, strict=True))


def test_indexing_and_slicing_follow_lists(kind):
    a = list(range(19))
    x = kind.from_ints(a)
    assert len(x) == 19
    assert x[0] == 0
    assert x[-1] == 18
    assert list(x) == a
    for cut in (slice(3, 15), slice(None, None, -1), slice(1, 18, 4), slice(5, 5)):
        assert x[cut].to_ints() == a[cut]
    with pytest.raises(IndexError):
        x[19]


def test_equality_looks_at_values_and_length(kind):
    assert kind.from_ints([1, 2]) == kind.from_ints([1, 2])
    assert kind.from_ints([1, 2]) != kind.from_ints([1, 2, 0])
    assert kind.from_ints([1]) != [1]
    assert kind.from_ints([]) == kind.from_array(np.zeros(0, np.uint64))


def test_vectors_cannot_be_changed_from_outside(kind):
    blocks = kind.field.from_ints([1, 2, 3])
    x = kind(blocks, 3)
    blocks[:] = 0
    assert x.to_ints() == [1, 2, 3]
    with pytest.raises(ValueError):
        x.blocks[:] = 0


def test_unusable_operands_are_refused(kind):
    x = kind.from_ints([1, 2, 0])
    with pytest.raises(InputError, match="one length"):
        x + kind.from_ints([1])
    with pytest.raises(InputError, match="element 2 is zero"):
        x.inverse()
    with pytest.raises(InputError, match="divisor"):
        x / kind.field.modulus
    with pytest.raises(InputError, match="uint64"):
        kind(np.zeros((1, 5, 8)), 1)
    with pytest.raises(InputError, match="0 <= n"):
        kind(kind.field.zeros(8), 9)


def test_views_of_whole_blocks_share_memory_and_others_are_copies(kind):
    x = kind.from_ints(range(40))
    assert np.shares_memory(x[8:24].blocks, x.blocks)
    assert np.shares_memory(x[16:].blocks, x.blocks)
    assert not np.shares_memory(x[8:23].blocks, x.blocks)
    assert x[8:23].sum() == sum(range(8, 23))
    y = kind.from_ints(range(21))
    assert y[8:].to_ints() == list(range(8, 21))
    assert (y[8:] + 1).sum() == sum(range(9, 22))


def test_concatenation_is_that_of_lists(kind):
    a, b, c = kind.from_ints(range(16)), kind.from_ints(range(5)), kind.from_ints(range(3))
    assert kind.concatenate([a, b]).to_ints() == [*range(16), *range(5)]
    assert kind.concatenate([b, a, c]).to_ints() == [*range(5), *range(16), *range(3)]
    assert kind.concatenate([b, c]).sum() == 13
    assert kind.concatenate([]) == kind.from_ints([])
    other = FqVector if kind is FrVector else FrVector
    with pytest.raises(InputError, match="concatenate"):
        kind.concatenate([a, other.from_ints([1])])


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("montgomery", [False, True])
def test_bytes_lead_there_and_back(kind, order, montgomery):
    x = kind.powers(3, 19)
    data = x.to_bytes(order, montgomery=montgomery)
    assert len(data) == 19 * 32
    assert kind.from_bytes(data, order, montgomery=montgomery) == x
    assert kind.from_bytes(np.frombuffer(data, np.uint8), order, montgomery=montgomery) == x
    assert kind.from_array(x.to_limbs(montgomery=True), montgomery=True) == x
    plain = int.from_bytes(data[32:64], order)
    assert plain == (3 * (1 << 256) if montgomery else 3) % kind.field.modulus


def test_values_not_below_p_need_a_request(kind):
    data = (kind.field.modulus + 2).to_bytes(32, "little")
    with pytest.raises(InputError, match="row 1"):
        kind.from_bytes(bytes(32) + data)
    assert kind.from_bytes(bytes(32) + data, reduce=True).to_ints() == [0, 2]


@pytest.mark.parametrize("n", [0, 1, 8, 13, 64])
@pytest.mark.parametrize("digest", [False, True])
def test_files_are_mapped_and_read_in_place(kind, tmp_path, n, digest):
    x = kind.powers(5, n)
    x.save(tmp_path / "v", digest=digest)
    assert (tmp_path / "v").stat().st_size == 128 + -(-n // 8) * 320
    assert [path.name for path in tmp_path.iterdir()] == ["v"]
    for check in (True, False):
        y = kind.open(tmp_path / "v", check=check)
        assert y == x
        assert n == 0 or isinstance(y.blocks, np.memmap)
        assert (y * y + 1).to_ints() == [(v * v + 1) % kind.field.modulus for v in x]
        assert y.sum() == sum(x) % kind.field.modulus
        with pytest.raises(ValueError):
            y.blocks[...] = 0
    kind.open(tmp_path / "v").save(tmp_path / "v")  # over the file that is mapped
    assert kind.open(tmp_path / "v") == x


def test_damaged_and_foreign_files_are_refused(kind, tmp_path):
    x, path = kind.powers(5, 13), tmp_path / "v"
    x.save(path, digest=True)
    good = path.read_bytes()
    lengths = {0, 1, 15, 16, 48, 56, 127, 128, 129, 447, 448, len(good) - 1, len(good) + 1}
    for length in lengths:
        path.write_bytes(good.ljust(length, b"\0")[:length])
        with pytest.raises(InputError, match="expected"):
            kind.open(path)

    def refused(at, data, match, check=True):
        path.write_bytes(good[:at] + data + good[at + len(data) :])
        with pytest.raises(InputError, match=match):
            kind.open(path, check=check)

    refused(0, b"Z", "vector file", check=False)
    for count in (0, 12345, 1 << 40, 1 << 60, 2**64 - 1, 17):
        refused(48, count.to_bytes(8, "little"), "expected", check=False)
    refused(56, b"\x02", "unused bytes", check=False)
    refused(96, b"\x01", "unused bytes", check=False)
    refused(56, b"\0", "unused bytes", check=False)
    refused(128, b"\x01", "digest")
    refused(len(good) - 1, b"\x01", "zeros behind element 12", check=False)
    other = FqVector if kind is FrVector else FrVector
    path.write_bytes(good)
    with pytest.raises(InputError, match=f"expected elements of {other.field.params.name}"):
        other.open(path)


def test_residues_out_of_range_in_a_file_are_refused_or_harmless(kind, tmp_path):
    x, path = kind.powers(5, 24), tmp_path / "v"
    x.save(path)
    good = path.read_bytes()
    two_p = 2 * kind.field.modulus
    limbs = [(two_p >> (52 * i)) & (2**52 - 1) for i in range(5)]
    for words in (limbs, [2**64 - 1] * 5, [1 << 52, 0, 0, 0, 0]):
        data = bytearray(good)
        for i, word in enumerate(words):
            at = 128 + 320 + 64 * i + 8 * 3
            data[at : at + 8] = word.to_bytes(8, "little")
        path.write_bytes(data)
        with pytest.raises(InputError, match="element 11"):
            kind.open(path)
        y = kind.open(path, check=False)
        for result in (y + y, y * y, y.square(), y**5, -y):
            assert result[:11] == kind.from_ints(result[:11].to_ints())
            assert len(result) == 24
        assert 0 <= y.sum() < kind.field.modulus
        assert len(y.to_bytes()) == 24 * 32
        with pytest.raises(InputError, match="element 11"):
            kind(y.blocks, 24)


def test_what_is_no_file_is_refused(kind, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "absent", tmp_path / "fifo", "/dev/zero", "/dev/null", "a\0b"):
        with pytest.raises(InputError):
            kind.open(path)
    with pytest.raises(InputError, match="cannot be written"):
        kind.from_ints([1]).save(tmp_path / "absent" / "v")
    with pytest.raises(InputError, match="cannot be written"):
        kind.from_ints([1]).save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fifo"]


def test_operands_of_other_kinds_are_refused(kind):
    x = kind.from_ints([1, 2, 3])
    other = (FqVector if kind is FrVector else FrVector).from_ints([1, 2, 3])
    assert (x == other) is False
    operations = (
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a * b,
        lambda a, b: a / b,
        kind.dot,
    )
    for stranger in (other, 1.5, "1", None, [1, 2, 3], np.ones(3), x.blocks):
        for operation in operations:
            with pytest.raises(InputError, match="expected"):
                operation(x, stranger)
    for stranger in (1.5, np.ones(3, dtype=np.uint64), None):
        for operation in operations[:4]:
            with pytest.raises(InputError, match="expected"):
                operation(stranger, x)
    with pytest.raises(InputError, match="exponent"):
        x**0.5
    with pytest.raises(InputError, match="element 1 is zero"):
        kind.from_ints([1, 0]) ** -1
    with pytest.raises(InputError, match="expected a vector"):
        x.dot(3)


def test_machine_integers_of_numpy_are_integers(kind):
    x = kind.from_ints([1, 2, 3])
    assert (x + np.int64(4)).to_ints() == (np.uint8(4) + x).to_ints() == [5, 6, 7]
    assert (6 / x) * x == kind.full(3, 6)
    assert (x ** np.int64(2)) == x.square()


@pytest.mark.parametrize("module", [field, vector])
def test_examples_in_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0
