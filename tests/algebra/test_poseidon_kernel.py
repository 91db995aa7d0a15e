"""The Poseidon kernel against the integer permutation, on both back ends."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import fr
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.poseidon import poseidon_hash
from zkroll.algebra.reference.poseidon import poseidon_hash as reference
from zkroll.errors import InputError

BACKENDS = ["portable", "ifma"] if host_backend() == "ifma" else ["portable"]


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request, monkeypatch):
    monkeypatch.setattr(fr, "backend", request.param)


@pytest.mark.parametrize("k", range(1, 17))
def test_every_width_agrees_with_integers(k):
    rng = random.Random(k)
    rows = [[0] * k, [R_MODULUS - 1] * k, *([rng.randrange(R_MODULUS) for _ in range(k)] for _ in range(3))]
    columns = [fr.from_ints(column) for column in zip(*rows, strict=True)]
    assert fr.to_ints(poseidon_hash(columns, len(rows)), len(rows)) == [reference(row) for row in rows]


def test_every_width_agrees_with_circomlibjs():
    vectors = json.loads((Path(__file__).parents[1] / "fixtures/circomlibjs/poseidon.json").read_text())
    for k in range(1, 17):
        chosen = [vector for vector in vectors if len(vector["inputs"]) == k]
        assert chosen
        columns = [
            fr.from_ints(map(int, column))
            for column in zip(*(vector["inputs"] for vector in chosen), strict=True)
        ]
        hashes = fr.to_ints(poseidon_hash(columns, len(chosen)), len(chosen))
        assert hashes == [int(vector["hash"]) for vector in chosen]


def test_result_goes_where_it_is_asked_to():
    a, b = fr.powers(3, 100), fr.powers(5, 100)
    into = np.zeros((20, 5, 8), dtype=np.uint64)
    assert poseidon_hash([a, b], 100, out=into[3:16]).base is into
    assert fr.equal(into[3:16], poseidon_hash([a, b], 100))
    assert not into[:3].any()
    assert not into[16:].any()
    assert poseidon_hash([fr.zeros(0)], 0).shape == (0, 5, 8)


def test_published_hash_of_one_and_two():
    one, two = fr.from_ints([1]), fr.from_ints([2])
    expected = 7853200120776062878684798364095072458815029376092732009249414926327459813530
    assert fr.to_ints(poseidon_hash([one, two], 1), 1) == [expected]


def test_threads_and_groups_do_not_change_results():
    n = 8 * 13
    a, b = fr.powers(3, n), fr.powers(5, n)
    b.setflags(write=False)
    alone = poseidon_hash([a, b], n, threads=1)
    assert fr.equal(alone, poseidon_hash([a, b], n, threads=3))
    tail = poseidon_hash([a[-1:].copy(), b[-1:]], 8)
    assert fr.equal(alone[-1:], tail)


def test_unusable_inputs_are_refused():
    column = fr.from_ints(range(8))
    with pytest.raises(InputError, match=r"1\.\.16 inputs"):
        poseidon_hash([], 8)
    with pytest.raises(InputError, match=r"1\.\.16 inputs"):
        poseidon_hash([column] * 17, 8)
    with pytest.raises(InputError, match="input 1"):
        poseidon_hash([column, fr.zeros(16)], 8)
    with pytest.raises(InputError, match="input 0"):
        poseidon_hash([column.astype(np.int64)], 8)
    with pytest.raises(InputError, match="n >= 0"):
        poseidon_hash([fr.zeros(0)], -1)
    with pytest.raises(InputError, match=r"input 0: .* got list"):
        poseidon_hash([[1]], 8)


def test_unusable_outputs_are_refused():
    column, frozen = fr.from_ints(range(8)), fr.zeros(8)
    frozen.setflags(write=False)
    for out in (fr.zeros(16), frozen, np.zeros((1, 5, 16), np.uint64)[:, :, ::2], np.zeros((1, 5, 8))):
        with pytest.raises(InputError, match="poseidon_hash: out"):
            poseidon_hash([column], 8, out=out)
