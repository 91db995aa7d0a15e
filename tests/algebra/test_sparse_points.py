"""Sparse matrices times vectors of points, compared with multi-scalar multiplications row by row."""

from __future__ import annotations

import random

import numpy as np
import pytest

from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.curve import G1Points, G2Points, fixed_base_g1, fixed_base_g2
from zkroll.algebra.field import fr
from zkroll.algebra.msm import msm_g1, msm_g2
from zkroll.algebra.sparse_points import Terms, sparse_sums
from zkroll.errors import InputError

GROUPS = {"g1": (G1Points, fixed_base_g1, msm_g1), "g2": (G2Points, fixed_base_g2, msm_g2)}
EDGES = [0, 1, 2, 15, 16, 17, 31, 32, (1 << 18) - 1, 1 << 18, (1 << 33) - 1, 1 << 33, 1 << 64, 1 << 200]
EDGES += [R - value for value in EDGES if value] + [(R - 1) // 2, (R + 1) // 2]


def words(values):
    return np.frombuffer(b"".join(v.to_bytes(32, "little") for v in values), dtype="<u8").reshape(-1, 4)


def made(group, rng, n):
    _, multiples, _ = GROUPS[group]
    points = multiples(fr.from_ints([rng.randrange(R) for _ in range(n)]), n)
    rows = points.rows.copy()
    rows[3] = 0  # infinity
    rows[4] = rows[5]  # equal points
    return type(points)(rows)


def random_terms(points, rng, count, rows):
    """Terms of which a third falls to row 7."""
    at = np.array([rng.randrange(points.n) for _ in range(count)], dtype=np.uint32)
    out = np.array([rng.choice([7, rng.randrange(rows), rng.randrange(rows)]) for _ in at], dtype=np.uint32)
    values = [rng.choice([rng.choice(EDGES), rng.choice([1, R - 1]), rng.randrange(R)]) for _ in at]
    return Terms(points, at, out, words(values)), values


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("threads", [1, 2])
def test_every_row_is_the_sum_of_its_terms(group, threads):
    rng = random.Random(threads)
    kind, _, msm = GROUPS[group]
    rows = 120
    sources = [random_terms(made(group, rng, 24), rng, 900, rows) for _ in range(2)]
    found = sparse_sums([terms for terms, _ in sources], rows + 2, threads).to_ints()
    for j in range(rows + 2):
        picked, scalars = [], []
        for terms, values in sources:
            for i in np.flatnonzero(terms.out == j):
                picked.append(terms.points.rows[terms.at[i]])
                scalars.append(values[i])
        expected = msm(kind(np.array(picked)), words(scalars), len(picked)) if picked else None
        assert found[j] == expected, f"row {j} of {len(picked)} terms"
    assert found[-1] is None


def test_the_sums_are_the_same_on_both_back_ends():
    rng = random.Random(3)
    terms, _ = random_terms(made("g1", rng, 24), rng, 300, 40)
    try:
        one, other = (sparse_sums([terms], 40, backend=name) for name in ("ifma", "portable"))
    except InputError as error:
        pytest.skip(str(error))
    assert one.to_ints() == other.to_ints()


@pytest.mark.parametrize("coefficient", EDGES)
def test_a_single_term_is_a_multiple(coefficient):
    point = fixed_base_g1(fr.from_ints([5]), 1)
    zero = np.zeros(1, dtype=np.int64)
    found = sparse_sums([Terms(point, zero, zero, words([coefficient]))], 1)
    assert found.to_ints() == fixed_base_g1(fr.from_ints([5 * coefficient % R]), 1).to_ints()


def test_opposite_terms_cancel_and_equal_ones_double():
    points = fixed_base_g1(fr.from_ints([5, 5, R - 5]), 3)
    at, out = np.array([0, 1, 0, 2, 1]), np.array([0, 0, 1, 1, 2])
    found = sparse_sums([Terms(points, at, out, words([1, 1, 1, 1, R - 1]))], 3)
    assert found.to_ints() == fixed_base_g1(fr.from_ints([10, 0, R - 5]), 3).to_ints()


def test_no_terms_are_infinity():
    nothing = np.zeros(0, dtype=np.int64)
    terms = Terms(fixed_base_g1(fr.from_ints([1]), 1), nothing, nothing, words([]))
    assert sparse_sums([terms], 2).to_ints() == [None, None]
    assert sparse_sums([terms], 0).n == 0


def test_terms_of_other_shapes_are_refused():
    point = fixed_base_g1(fr.from_ints([1]), 1)
    zero = np.zeros(1, dtype=np.int64)
    with pytest.raises(InputError, match="indices of 1 points"):
        Terms(point, zero + 1, zero, words([1]))
    with pytest.raises(InputError, match="expected 1 rows"):
        Terms(point, zero, np.zeros(2, dtype=np.int64), words([1]))
    with pytest.raises(InputError, match="rows below 2"):
        sparse_sums([Terms(point, zero, zero + 2, words([1]))], 2)
    with pytest.raises(InputError, match="one source"):
        sparse_sums([], 2)
