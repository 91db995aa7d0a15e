"""FrVector and FqVector behave as immutable sequences of field elements."""

from __future__ import annotations

import doctest

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


@pytest.mark.parametrize("module", [field, vector])
def test_examples_in_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0
