"""Scalars of a multi-scalar multiplication: where they come from, and how large they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.field import Block, address, blocks_for, fr
from zkroll.algebra.kernels.emit import BITS, LANES, LIMBS, Backend
from zkroll.algebra.kernels.scalar_digits import MOST_BITS, SIZES, digit_rule, scalar_kernels
from zkroll.algebra.kernels.threads import map_ranges
from zkroll.algebra.vector import FrVector, unwrap
from zkroll.errors import InputError

Scalars = FrVector | Block | NDArray[Any]

_GRAIN = 4096  # scalars that are worth a thread
_CONVERT = (1 << 12, 1 << 15)  # scalars that are converted to a block array at a time: a sixteenth in between
_ANY_WINDOW = 8  # where only the size of scalars matters


@dataclass(frozen=True)
class ScalarSource:
    """n scalars: an Fr block array, or integers as `fr.from_array` takes them, which are converted in pieces."""

    values: NDArray[Any]
    n: int

    @property
    def is_block(self) -> bool:
        return self.values.ndim >= 3

    def pieces(self, begin: int, end: int, threads: int | None = None) -> Iterator[tuple[int, int, Block]]:
        """Yield (begin, end, blocks) that cover begin..end; every begin is a multiple of eight."""
        begin -= begin % LANES
        if self.is_block:
            yield begin, end, self.values[begin // LANES : blocks_for(end)]
            return
        step = min(max(_CONVERT[0], self.n // (16 * LANES) * LANES), _CONVERT[1])
        for at in range(begin, end, step):
            stop = min(end, at + step)
            try:
                yield at, stop, fr.from_array(self.values[at:stop], threads)
            except InputError as error:
                raise InputError(f"msm: scalars {at} to {stop - 1}: {error}") from None

    def slice(self, begin: int, end: int) -> ScalarSource:
        """Return the scalars begin..end; begin is a multiple of eight."""
        if self.is_block:
            return ScalarSource(self.values[begin // LANES : blocks_for(end)], end - begin)
        return ScalarSource(self.values[begin:end], end - begin)

    def take(self, indices: NDArray[np.int64]) -> ScalarSource:
        """Return the scalars at these indices."""
        if not self.is_block:
            return ScalarSource(self.values[indices], len(indices))
        rows = np.zeros((blocks_for(len(indices)) * LANES, LIMBS), dtype=np.uint64)
        rows[: len(indices)] = self.values[indices // LANES, :, indices % LANES]
        blocks = np.ascontiguousarray(np.swapaxes(rows.reshape(-1, LANES, LIMBS), 1, 2))
        return ScalarSource(blocks, len(indices))


def scalar_source(points: int, values: Scalars, n: int | None) -> ScalarSource:
    """The scalars, their shape and number checked against the number of points."""
    scalars, n = unwrap(values, n)
    if not isinstance(scalars, np.ndarray):
        raise InputError(f"msm: expected an array of scalars, got {type(scalars).__name__}")
    if scalars.ndim >= 3:
        if scalars.dtype != np.uint64 or scalars.shape[1:] != (LIMBS, LANES):
            raise InputError(
                f"msm: expected a block array (nb, 5, 8) uint64, got {scalars.shape} {scalars.dtype}"
            )
        count = points if n is None else n
        if len(scalars) != blocks_for(count) and (n is None or len(scalars) < blocks_for(count)):
            raise InputError(f"msm: expected blocks of {count} scalars, got {len(scalars)} blocks")
        scalars = np.ascontiguousarray(scalars)
    else:
        count = len(scalars) if n is None and scalars.ndim else n or 0
        fr.from_array(scalars[:0] if scalars.ndim else scalars)  # refuses other shapes and dtypes
        if count > len(scalars):
            raise InputError(f"msm: expected {count} scalars, got {len(scalars)}")
    if count < 0:
        raise InputError(f"msm: expected n >= 0, got {count}")
    if count > points:
        raise InputError(f"msm: expected at least {count} points, one a scalar, got {points}")
    return ScalarSource(scalars, count)


@dataclass(frozen=True)
class ScalarSizes:
    """How large scalars are: the largest has `bits` bits, and `above[b]` have more than b (t >= 2^b)."""

    n: int
    bits: int
    above: dict[int, int]

    def classes(self, bits: int) -> list[tuple[int, int]]:
        """Return (size, count): so many non-zero scalars of at most so many bits, and at most `bits`."""
        edges = [size for size in SIZES if size < bits]
        if not edges:
            return []
        return [
            (edge, self.above[low] - self.above.get(edge, 0))
            for low, edge in zip(edges, [*edges[1:], bits], strict=True)
        ]


def measure(source: ScalarSource, threads: int | None, backend: Backend) -> ScalarSizes:
    """Return how large the scalars are, at least one; raises InputError for integers that are not below r."""
    kernel, rule = scalar_kernels(backend).measure, np.zeros(2 * LIMBS, dtype=np.uint64)
    found: list[tuple[NDArray[np.int64], NDArray[np.uint64]]] = []

    def run(begin: int, end: int) -> None:
        for first, last, blocks in source.pieces(LANES * begin, min(source.n, LANES * end), 1):
            counts, union = np.zeros(len(SIZES), dtype=np.int64), np.zeros(LIMBS, dtype=np.uint64)
            kernel(counts, union, address(blocks), last - first, rule)
            found.append((counts, union))

    map_ranges(run, blocks_for(source.n), threads, _GRAIN // LANES)
    counts = np.sum([item[0] for item in found], axis=0)
    union = np.bitwise_or.reduce([item[1] for item in found])
    total = sum(int(word) << (BITS * i) for i, word in enumerate(union))
    above = dict(zip(SIZES, (int(count) for count in counts), strict=True))
    return ScalarSizes(source.n, min(MOST_BITS, total.bit_length()), above)


def select(source: ScalarSource, bits: int, count: int, backend: Backend) -> NDArray[np.int64]:
    """The indices of the `count` scalars that do not have at most `bits` bits."""
    out = np.empty(count, dtype=np.int64)
    rule, done = digit_rule(bits, _ANY_WINDOW), 0
    for first, last, blocks in source.pieces(0, source.n):
        part = out[done:]
        found = scalar_kernels(backend).select(part, address(blocks), last - first, rule)
        part[:found] += first
        done += found
    return out[:done]
