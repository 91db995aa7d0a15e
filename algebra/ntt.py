"""Number-theoretic transforms over Fr: coefficients to values on {shift·ω^i} and back, in place.

Four-step transform. With n = 8·n1·n2, coefficient index i = 8·(n2·b1 + b2) + l and value index
k = c1 + n1·c2 + n1·n2·k2::

    columns pass   for every b2: transforms of length n1 over b1 (into a scratch array)
    rows pass      for every c1: transforms of length n2 over b2, then length 8 across the lanes l,
                   in tiles of eight c1 so that lanes become positions by an 8×8 transposition

Each sub-transform evaluates at a power of the final point, so its twiddles already hold the shift and the
twiddles between the steps. Source: Bailey, "FFTs in external or hierarchical memory", 1990.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import FR_TWO_ADICITY, R_MODULUS, root_of_unity
from zkroll.algebra.field import Block, address, fr
from zkroll.algebra.kernels.emit import LANES, LIMBS
from zkroll.algebra.kernels.ntt_kernels import ntt_kernels
from zkroll.algebra.kernels.threads import map_ranges, thread_count
from zkroll.errors import InputError

_SMALLEST = 64  # below this, columns are put side by side into the lanes instead
_CHUNK = 256  # blocks of powers kept in cache by `evaluate`
_KEEP = 1 << 28  # bytes of scratch kept for the next transform


@dataclass(frozen=True)
class _Plan:
    """Tables for one size, shift and direction."""

    log_n1: int
    log_n2: int
    columns: NDArray[np.uint64]  # compact twiddles (n1, 5)
    rows: NDArray[np.uint64]  # compact twiddles (n1, n2, 5)
    points: Block  # shift·ω^k1, one block for eight k1
    roots: NDArray[np.uint64]  # compact ω_8, ω_8², ω_8³
    scale: NDArray[np.uint64]  # compact 1/n


def forward(cols: Block, shift: int = 1, threads: int | None = None) -> None:
    """Replace each column's coefficients by its values at shift·ω^i, i < n, ω = root_of_unity(log2 n).

    `cols` is a writable C-contiguous block array (k, n/8, 5, 8) or (n/8, 5, 8), n a power of two from 8 to
    2^28, natural order on both sides. Raises InputError otherwise, and for shift ≡ 0.
    """
    data, log_n = _columns(cols, shift, "ntt.forward")
    _transform(data, log_n, shift % R_MODULUS, inverse=False, threads=threads)


def inverse(cols: Block, shift: int = 1, threads: int | None = None) -> None:
    """Replace each column's values at shift·ω^i by its coefficients; the reverse of `forward`."""
    data, log_n = _columns(cols, shift, "ntt.inverse")
    _transform(data, log_n, 1, inverse=True, threads=threads)
    if shift % R_MODULUS == 1:
        return
    back = pow(shift, -1, R_MODULUS)
    blocks = data.shape[1]
    log_low = min(7, blocks.bit_length() - 1)
    low = fr.powers(back, LANES << log_low)
    high = _compact(fr.powers(pow(back, LANES << log_low, R_MODULUS), blocks >> log_low))
    kernel = ntt_kernels(fr.backend).scale

    def run(begin: int, end: int) -> None:
        while begin < end:  # a range may cover parts of several columns; powers start anew in each
            column, at = divmod(begin, blocks)
            stop = min(end - column * blocks, blocks)
            kernel(address(data[column]), address(low), address(high), log_low, at, stop)
            begin = column * blocks + stop

    map_ranges(run, len(data) * blocks, threads, 64)


def evaluate(coeffs: Block, x: int, threads: int | None = None) -> list[int]:
    """Return Σ_i c_i·x^i for each column of coefficients (k, nb, 5, 8), as canonical integers."""
    if coeffs.ndim != 4:
        raise InputError(f"ntt.evaluate: expected a block array (k, nb, 5, 8), got shape {coeffs.shape}")
    data = np.ascontiguousarray(coeffs)
    k, blocks = data.shape[:2]
    if blocks == 0:
        return [0] * k
    chunk = min(_CHUNK, blocks)
    powers = fr.powers(x % R_MODULUS, chunk * LANES, threads)
    step = fr.full(LANES, pow(x, chunk * LANES, R_MODULUS))
    result = np.zeros((k, LIMBS, LANES), dtype=np.uint64)
    kernel = ntt_kernels(fr.backend).evaluate
    if k == 1 and blocks >= 64 * chunk:
        return _evaluate_long(data[0], x, threads)
    map_ranges(
        lambda begin, end: kernel(
            address(result), address(data), address(powers), address(step), chunk, blocks, begin, end
        ),
        k,
        threads,
        max(1, 256 // blocks),
    )
    sums = fr.to_ints(result)
    return [sum(sums[i : i + LANES]) % R_MODULUS for i in range(0, len(sums), LANES)]


def _evaluate_long(coeffs: Block, x: int, threads: int | None) -> list[int]:
    """One long column: evaluate pieces of equal length as columns, then Horner over the pieces."""
    blocks = len(coeffs)
    length = blocks // (2 * thread_count(threads))
    whole = blocks // length * length
    parts = evaluate(coeffs[:whole].reshape(-1, length, LIMBS, LANES), x, threads)
    if whole < blocks:
        parts += evaluate(coeffs[whole:][None], x, threads)
    step, total = pow(x, length * LANES, R_MODULUS), 0
    for part in reversed(parts):
        total = (total * step + part) % R_MODULUS
    return [total]


# ---- inside ------------------------------------------------------------------------------------------------


def _columns(cols: Block, shift: int, place: str) -> tuple[Block, int]:
    if cols.ndim == 3:
        cols = cols[None]
    if cols.ndim != 4 or cols.shape[2:] != (LIMBS, LANES) or cols.dtype != np.uint64:
        raise InputError(f"{place}: expected (k, n/8, 5, 8) uint64, got {cols.shape} {cols.dtype}")
    if not (cols.flags.c_contiguous and cols.flags.writeable):
        raise InputError(f"{place}: expected a writable C-contiguous array")
    n = cols.shape[1] * LANES
    if n == 0 or n & (n - 1) or n > 1 << FR_TWO_ADICITY:
        raise InputError(f"{place}: expected n a power of two from 8 to 2^{FR_TWO_ADICITY}, got {n}")
    if shift % R_MODULUS == 0:
        raise InputError(f"{place}: expected a shift other than zero")
    return cols, n.bit_length() - 1


def _transform(data: Block, log_n: int, shift: int, *, inverse: bool, threads: int | None) -> None:
    if 1 << log_n < _SMALLEST:
        _transform_small(data, log_n, shift, inverse=inverse, threads=threads)
        return
    plan = _plan(log_n, shift, inverse)
    wanted = thread_count(threads)
    if len(data) >= wanted:
        grain = max(1, (1 << 11) >> log_n)
        map_ranges(lambda begin, end: _run(plan, data[begin:end], inverse, 1), len(data), threads, grain)
    else:
        _run(plan, data, inverse, threads)


def _run(plan: _Plan, data: Block, scaled: bool, threads: int | None) -> None:
    """Transform columns one after the other, each on `threads` threads."""
    kernels = ntt_kernels(fr.backend)
    n1, n2 = 1 << plan.log_n1, 1 << plan.log_n2
    between = _Scratch.take(n1 * n2)
    scale = address(plan.scale) if scaled else 0
    for column in data:
        at = address(column)

        def columns_pass(begin: int, end: int, at: int = at) -> None:
            scratch = _Scratch.take(n1)
            kernels.columns_pass(
                address(between),
                at,
                address(scratch),
                address(plan.columns),
                plan.log_n1,
                plan.log_n2,
                begin,
                end,
            )
            _Scratch.give(scratch)

        def rows_pass(begin: int, end: int, at: int = at) -> None:
            kernels.rows_pass(
                at,
                address(between),
                address(plan.rows),
                address(plan.points),
                address(plan.roots),
                scale,
                plan.log_n1,
                plan.log_n2,
                begin,
                end,
            )

        map_ranges(columns_pass, n2, threads, max(1, 1024 >> plan.log_n1))
        map_ranges(rows_pass, n1 // LANES, threads, max(1, 128 >> plan.log_n2))
    _Scratch.give(between)


def _transform_small(data: Block, log_n: int, shift: int, *, inverse: bool, threads: int | None) -> None:
    """n < 64: eight columns share the lanes of a block, and the columns pass alone transforms the rows."""
    n, k = 1 << log_n, len(data)
    groups = -(-k // LANES)
    # (column, block, limb, lane) -> (row = block·8 + lane, column, limb) -> (row, group, limb, lane)
    rows = np.zeros((n, groups * LANES, LIMBS), dtype=np.uint64)
    rows[:, :k] = data.transpose(1, 3, 0, 2).reshape(n, k, LIMBS)
    source = np.ascontiguousarray(rows.reshape(n, groups, LANES, LIMBS).swapaxes(-1, -2))
    moved = np.empty_like(source)
    twiddles = _column_twiddles(log_n, log_n, shift, inverse)
    kernel = ntt_kernels(fr.backend).columns_pass
    # one group is one transform; the source keeps its row stride when it is copied group by group
    for group in range(groups):
        part = np.ascontiguousarray(source[:, group])
        scratch = np.empty_like(part)
        kernel(address(part), address(part), address(scratch), address(twiddles), log_n, 0, 0, 1)
        moved[:, group] = part
    factor = pow(n, -1, R_MODULUS) if inverse else 1  # the product also brings every residue below 2p
    fr.mul(moved, factor, out=moved, threads=threads)
    back = moved.swapaxes(-1, -2).reshape(n, groups * LANES, LIMBS)[:, :k]
    data[:] = back.reshape(n // LANES, LANES, k, LIMBS).transpose(2, 0, 3, 1)


class _Scratch:
    """Arrays kept between transforms: touching fresh memory costs as much as a pass over it."""

    _lock = threading.Lock()
    _free: ClassVar[list[Block]] = []

    @classmethod
    def take(cls, blocks: int) -> Block:
        with cls._lock:
            for i, array in enumerate(cls._free):
                if blocks <= len(array) <= 2 * blocks:
                    return cls._free.pop(i)
        return np.empty((blocks, LIMBS, LANES), dtype=np.uint64)

    @classmethod
    def give(cls, array: Block) -> None:
        with cls._lock:
            cls._free.append(array)
            while sum(kept.nbytes for kept in cls._free) > _KEEP:
                cls._free.pop(0)


def _compact(block: Block) -> NDArray[np.uint64]:
    """One row of five limbs per element."""
    return np.ascontiguousarray(np.swapaxes(block, -1, -2).reshape(-1, LIMBS))


def _root(log_n: int, inverse: bool) -> int:
    root = root_of_unity(log_n)
    return pow(root, -1, R_MODULUS) if inverse else root


def _split(log_blocks: int) -> tuple[int, int]:
    """Lengths of the two passes: a column (n1 blocks) and a tile of rows (8·n2 blocks) fit a 1 MiB cache."""
    log_n2 = min(max(0, log_blocks - 10), 7 + max(0, (log_blocks - 17) // 2))
    return log_blocks - log_n2, log_n2


def _column_twiddles(log_n: int, log_n1: int, shift: int, inverse: bool) -> NDArray[np.uint64]:
    """Entry m + j is shift^(n/2m)·ω_{2m}^j."""
    table = np.zeros((1 << log_n1, LIMBS), dtype=np.uint64)
    for log_m in range(log_n1):
        m = 1 << log_m
        factor = pow(shift, 1 << (log_n - log_m - 1), R_MODULUS)
        table[m : 2 * m] = _compact(fr.mul(fr.powers(_root(log_m + 1, inverse), m), factor))[:m]
    return table


def _row_twiddles(log_n1: int, log_n2: int, shift: int, inverse: bool) -> NDArray[np.uint64]:
    """Entry (c1, m + j) is shift^(8·n2/2m)·ω_{2m·n1}^(c1 + n1·j)."""
    n1 = 1 << log_n1
    table = np.zeros((n1, 1 << log_n2, LIMBS), dtype=np.uint64)
    for log_m in range(log_n2):
        m = 1 << log_m
        factor = pow(shift, 1 << (3 + log_n2 - log_m - 1), R_MODULUS)
        layer = fr.mul(fr.powers(_root(log_m + 1 + log_n1, inverse), n1 * m), factor)
        table[:, m : 2 * m] = _compact(layer).reshape(m, n1, LIMBS).swapaxes(0, 1)
    return table


@lru_cache(maxsize=24)
def _plan(log_n: int, shift: int, inverse: bool) -> _Plan:
    log_n1, log_n2 = _split(log_n - 3)
    points = fr.powers(_root(log_n, inverse), 1 << (log_n - 3))
    w8 = _root(3, inverse)
    constants = fr.from_ints([w8, w8 * w8, w8 * w8 * w8, pow(1 << log_n, -1, R_MODULUS)])
    compact = _compact(constants)
    return _Plan(
        log_n1=log_n1,
        log_n2=log_n2,
        columns=_column_twiddles(log_n, log_n1, shift, inverse),
        rows=_row_twiddles(log_n1, log_n2, shift, inverse),
        points=fr.mul(points, shift),
        roots=np.ascontiguousarray(compact[:3]),
        scale=np.ascontiguousarray(compact[3:4]),
    )
