"""Sparse matrices times vectors of points: out[j] = Σ c·P over the terms of row j, in G1 and G2.

This is what a proving key is made of: each wire's point is a combination of Lagrange points, with the wire's
coefficients, most of which are ±1 or small. So signs are carried beside the points and never multiplied; other
coefficients c, or r - c where that is smaller, are multiplied with as few windows as they need; what is left is
added pairwise, in all rows at once. A row of many terms is a multi-scalar multiplication of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.kernels.emit import Backend
from zkroll.algebra.kernels.endomorphism import WINDOW
from zkroll.algebra.kernels.groups import Group
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.kernels.threads import map_ranges
from zkroll.algebra.msm import msm_g1, msm_g2
from zkroll.algebra.point_rows import Words, combine_multiples, combine_rows, empty_rows, multiply_rows
from zkroll.algebra.points import G1Points, G2Points
from zkroll.errors import InputError

P = TypeVar("P", G1Points, G2Points)
Indices = NDArray[Any]

_TOGETHER = 1 << 13  # terms that are added together: their points stay in the second-level cache
_MANY = 256  # terms of a row that is summed by buckets
_PIECE = 1 << 19  # terms of such a row that are summed at once: the memory for copies of their points
_HALF = [(R_MODULUS >> 1) >> (64 * i) & (2**64 - 1) for i in range(4)]
_PRIME = [R_MODULUS >> (64 * i) & (2**64 - 1) for i in range(4)]
#: bits of a coefficient and the windows of signed digits that hold them
_SHORT = ((WINDOW - 1, 1), (18, 4), (33, 7))


@dataclass(frozen=True, eq=False)
class Terms(Generic[P]):
    """Terms coefficients[i]·points[at[i]] of the rows out[i].

    at, out: (n,) integers; coefficients: (n, 4) uint64, little-endian words, below r. The points are of order r.
    """

    points: P
    at: Indices
    out: Indices
    coefficients: Words

    def __post_init__(self) -> None:
        n = len(self.at)
        if self.out.shape != (n,) or self.coefficients.shape != (n, 4):
            raise InputError(
                f"sparse points: expected {n} rows and ({n}, 4) coefficients, "
                f"got {self.out.shape} and {self.coefficients.shape}"
            )
        if n and not 0 <= int(self.at.min()) <= int(self.at.max()) < self.points.n:
            raise InputError(f"sparse points: expected indices of {self.points.n} points, got others")


def sparse_sums(
    terms: Sequence[Terms[P]], n: int, threads: int | None = None, backend: Backend | None = None
) -> P:
    """Return the points Σ coefficients[i]·points[at[i]] over the terms i with out[i] = j, for j < n.

    The sources have points of one group. Rows without terms are infinity. Raises InputError for a row that is
    not below n and for no source at all.
    """
    if not terms:
        raise InputError("sparse points: expected one source of points at least, got none")
    kind, backend = type(terms[0].points), backend or host_backend()
    out = np.concatenate([part.out for part in terms])
    if len(out) and int(out.max()) >= n:
        raise InputError(f"sparse points: expected rows below {n}, got {int(out.max())}")
    order = np.argsort(out, kind="stable")
    starts = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(out, minlength=n), out=starts[1:])
    del out
    plan = _Plan(kind, terms, order, starts, backend)
    result = np.zeros((n, kind.row_words()), dtype=np.uint64)
    lengths = np.diff(starts)
    for j in np.flatnonzero(lengths > _MANY).tolist():
        result[j] = plan.large(j, threads).rows[0]
    rows = np.flatnonzero((lengths > 0) & (lengths <= _MANY))
    edges = _edges(lengths[rows])

    def run(begin: int, end: int) -> None:
        for i in range(begin, end):
            chosen = rows[edges[i] : edges[i + 1]]
            result[chosen] = plan.small(chosen)

    map_ranges(run, len(edges) - 1, threads, 1)
    return kind(result)


def _edges(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where to cut rows of so many terms, so that parts have about _TOGETHER terms."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    cuts = np.searchsorted(ends, np.arange(0, total, _TOGETHER), side="left")
    return np.unique(np.append(cuts, len(lengths)))


class _Plan(Generic[P]):
    """The terms in the order of their rows."""

    def __init__(
        self,
        kind: type[P],
        terms: Sequence[Terms[P]],
        order: NDArray[np.int64],
        starts: NDArray[np.int64],
        backend: Backend,
    ):
        self._kind: type[P] = kind
        self._terms: Sequence[Terms[P]] = terms
        self._order, self._starts, self._backend = order, starts, backend
        self._firsts = np.cumsum([0, *(len(part.at) for part in terms)])

    def _gather(self, numbers: NDArray[np.int64]) -> tuple[Words, Words]:
        """The points and coefficients of the terms of these numbers."""
        if len(self._terms) == 1:
            part = self._terms[0]
            return part.points.rows.take(part.at[numbers], axis=0), part.coefficients[numbers]
        rows = np.empty((len(numbers), self._kind.row_words()), dtype=np.uint64)
        coefficients = np.empty((len(numbers), 4), dtype=np.uint64)
        source = np.searchsorted(self._firsts, numbers, side="right") - 1
        for i, part in enumerate(self._terms):
            here = np.flatnonzero(source == i)
            chosen = numbers[here] - self._firsts[i]
            rows[here] = part.points.rows.take(part.at[chosen], axis=0)
            coefficients[here] = part.coefficients[chosen]
        return rows, coefficients

    def large(self, j: int, threads: int | None) -> P:
        """The sum of one row, by buckets."""
        begin, end = int(self._starts[j]), int(self._starts[j + 1])
        parts = []
        for first in range(begin, end, _PIECE):
            rows, coefficients = self._gather(self._order[first : min(end, first + _PIECE)])
            if self._kind is G1Points:
                parts.append(G1Points.from_ints([msm_g1(G1Points(rows), coefficients, None, threads)]).rows)
            else:
                parts.append(G2Points.from_ints([msm_g2(G2Points(rows), coefficients, None, threads)]).rows)
        joined = np.concatenate(parts)
        signs = np.zeros(len(joined), dtype=np.bool_)
        return self._kind(
            _add_up(self._kind.group, joined, signs, np.array([len(joined)]), threads, self._backend)
        )

    def small(self, chosen: NDArray[np.int64]) -> Words:
        """The sums of these rows, which have terms."""
        starts, lengths = self._starts[chosen], self._starts[chosen + 1] - self._starts[chosen]
        ends = np.cumsum(lengths)
        places = np.arange(int(ends[-1])) + np.repeat(starts - ends + lengths, lengths)
        rows, coefficients = self._gather(self._order[places])
        negative = _make_small(coefficients)
        group = self._kind.group
        _multiply(group, rows, coefficients, self._backend)
        return _add_up(group, rows, negative, lengths, 1, self._backend)


def _make_small(words: Words) -> NDArray[np.bool_]:
    """Replace words c above r/2 by r - c; return which ones."""
    negative: NDArray[np.bool_] = np.zeros(len(words), dtype=np.bool_)
    for i in range(4):
        limit = np.uint64(_HALF[i])
        negative = (words[:, i] > limit) | ((words[:, i] == limit) & negative)
    at = np.flatnonzero(negative)
    borrow = np.zeros(len(at), dtype=np.uint64)
    for i in range(4):
        word, prime = words[at, i], np.uint64(_PRIME[i])
        words[at, i] = prime - word - borrow
        borrow = ((word > prime) | ((word == prime) & (borrow > 0))).astype(np.uint64)
    return negative


def _multiply(group: Group, rows: Words, words: Words, backend: Backend) -> None:
    """rows[i] becomes words[i]·rows[i], in place."""
    low = words[:, 0]
    high: NDArray[np.bool_] = (words[:, 1] | words[:, 2] | words[:, 3]) != 0
    rows[~high & (low == 0)] = 0
    left = np.flatnonzero(high | (low > 1))
    for bits, windows in _SHORT:
        short = ~high[left] & (low[left] >> np.uint64(bits) == 0)
        at, left = left[short], left[~short]
        if len(at):
            rows[at] = _short_multiples(group, rows[at], low[at], windows, backend)
    if len(left):
        out = empty_rows(group, len(left))
        multiply_rows(group, out, rows[left], words[left], 1, backend)
        rows[left] = out[: len(left)]


def _short_multiples(
    group: Group, rows: Words, factors: NDArray[np.uint64], windows: int, backend: Backend
) -> Words:
    """factors[i]·rows[i] for factors that have so many signed digits in base 32."""
    # c + 16·Σ 32^w has the digits of c, each plus 16
    offset = np.uint64(sum(1 << (WINDOW * w + WINDOW - 1) for w in range(windows - 1)))
    shifts = (WINDOW * np.arange(windows, dtype=np.uint64)).reshape(-1, 1)
    mask, middle = np.uint64((1 << WINDOW) - 1), 1 << (WINDOW - 1)

    def fill(digits: NDArray[np.int8], first: int, last: int) -> None:
        digits[:, : last - first] = 0
        cut = ((factors[first:last] + offset) >> shifts & mask).astype(np.int8)
        cut[:-1] -= middle  # the highest digit is not negative
        digits[:windows, : last - first] = cut

    out = empty_rows(group, len(rows))
    combine_multiples(group, out, rows, fill, windows, 1 << (WINDOW - 1), 1, backend)
    return out[: len(rows)]


def _add_up(
    group: Group,
    rows: Words,
    negative: NDArray[np.bool_],
    lengths: NDArray[np.int64],
    threads: int | None,
    backend: Backend,
) -> Words:
    """The sums of consecutive points, lengths[j] > 0 of them in sum j, those that are `negative` subtracted."""
    while len(rows) > len(lengths):
        starts = np.cumsum(lengths) - lengths
        place = np.arange(len(rows)) - np.repeat(starts, lengths)
        kept = np.flatnonzero(place & 1 == 0)
        paired = (place + 1 < np.repeat(lengths, lengths))[kept]
        first = kept[paired]
        unlike = negative[first] != negative[first + 1]
        summed = rows.take(kept, axis=0)
        for sign in (0, 1):
            at = first[unlike == sign]
            if len(at):
                out = empty_rows(group, len(at))
                combine_rows(
                    group, out, rows.take(at, axis=0), rows.take(at + 1, axis=0), sign, threads, backend
                )
                summed[np.flatnonzero(paired)[unlike == sign]] = out[: len(at)]
        rows, negative, lengths = summed, negative[kept], (lengths + 1) >> 1
    at = np.flatnonzero(negative)
    if len(at):
        out = empty_rows(group, len(at))
        combine_rows(group, out, None, rows[at], 1, threads, backend)
        rows[at] = out[: len(at)]
    return rows
