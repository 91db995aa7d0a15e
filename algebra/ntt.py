"""Number-theoretic transforms over Fr: coefficients to values on {shift·ω^i} and back, in place.

Four-step transform. With n = 8·n1·n2, coefficient index i = 8·(n2·b1 + b2) + l and value index
k = c1 + n1·c2 + n1·n2·k2::

    first stage    for every b2: transforms of length n1 over b1, into tiles of eight c1 (`between`)
    second stage   for every tile: lanes become c1 by an 8×8 exchange, transforms of length n2 over b2, then
                   of length 8 over l

Each sub-transform evaluates at a power of the final point, so its factors already hold the shift and the
factors between the steps: in the first stage they depend on b1 alone, in the second on c1 as well and are made
tile by tile from powers of the tile's points. An inverse transform takes ω^-1 and multiplies result k by
shift^-k/n: shift^-c1/n goes into the tables by c1, shift^(-n1·c2) into those by c2. Source: Bailey, "FFTs in external or hierarchical memory", 1990.

Lengths below 64 put eight columns side by side into the lanes and need one stage.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra import aligned
from zkroll.algebra.constants import FR_TWO_ADICITY, R_MODULUS, root_of_unity
from zkroll.algebra.field import Block, address, blocks_for, fr
from zkroll.algebra.kernels.emit import LANES, LIMBS, Backend
from zkroll.algebra.kernels.evaluate_kernels import evaluate_kernels
from zkroll.algebra.kernels.ntt_kernels import COLUMNS, COSET, FORWARD, INVERSE, ROWS, ntt_kernels
from zkroll.algebra.kernels.threads import map_ranges, thread_count
from zkroll.algebra.vector import FrVector
from zkroll.errors import InputError

_SMALLEST = 64  # below this, columns are put side by side into the lanes instead
_CHUNK = 64  # blocks of powers kept in cache by `evaluate`, at most evaluate_kernels.TERMS
_KEEP = 1 << 28  # bytes of scratch kept for the next transform


@dataclass(frozen=True)
class _Plan:
    """Tables for one size, shift, direction and back end; compact factors are rows of ten words."""

    log_n1: int
    log_n2: int
    ones: int  # 1 when the factors of the first two layers are 1, 1 and ω_4
    order: NDArray[np.int64]  # bit reversal of n1
    places: NDArray[np.int64]  # bit reversal of n2
    columns: NDArray[np.uint64]  # compact (n1, 10): factors of the first stage
    points: (
        Block  # (n1/8, 8, 5, 8): powers 0 to 7 of shift·ω^c1, eight c1 in a block; times 1/n in an inverse
    )
    eighths: Block  # (shift·ω^c1)^8, eight c1 in a block
    bases: NDArray[np.uint64]  # (n2, 10): ω_2m^j at m + j, in Montgomery form and as it is
    turns: NDArray[np.uint64]  # compact (n2, 8, 10): ω_(8·n2)^(c2·l)
    roots: NDArray[np.uint64]  # compact 1, ω_8, ω_8², ω_8³
    scales: NDArray[np.uint64]  # compact shift^(-n·k2/8), for an inverse
    mode: int  # of the kernel


def forward(cols: Block, shift: int = 1, threads: int | None = None, *, log_n: int | None = None) -> None:
    """Replace each column's coefficients by its values at shift·ω^i, i < n, ω = root_of_unity(log2 n).

    `cols` is a writable C-contiguous block array (k, nb, 5, 8) or (nb, 5, 8), natural order on both sides. Its
    length n is 8·nb, a power of two from 8 to 2^28; for n = 1, 2 and 4 (nb = 1) it is 2^log_n, and what lies
    beyond n is ignored and becomes zero. Raises InputError otherwise, and for shift ≡ 0.
    """
    data, log_n = _columns(cols, shift, log_n, "ntt.forward")
    _transform(data, log_n, shift % R_MODULUS, inverse=False, threads=threads)


def inverse(cols: Block, shift: int = 1, threads: int | None = None, *, log_n: int | None = None) -> None:
    """Replace each column's values at shift·ω^i by its coefficients; the reverse of `forward`."""
    data, log_n = _columns(cols, shift, log_n, "ntt.inverse")
    _transform(data, log_n, shift % R_MODULUS, inverse=True, threads=threads)


def forward_vector(coefficients: FrVector, shift: int = 1, threads: int | None = None) -> FrVector:
    """Return the values at shift·ω^i of the polynomial with these coefficients, n a power of two from 1."""
    blocks, log_n = _vector(coefficients, "ntt.forward_vector")
    forward(blocks, shift, threads, log_n=log_n)
    return FrVector(blocks, len(coefficients))


def inverse_vector(values: FrVector, shift: int = 1, threads: int | None = None) -> FrVector:
    """Return the coefficients of the polynomial with these values at shift·ω^i, n a power of two from 1."""
    blocks, log_n = _vector(values, "ntt.inverse_vector")
    inverse(blocks, shift, threads, log_n=log_n)
    return FrVector(blocks, len(values))


def evaluate(coeffs: Block, x: int, threads: int | None = None) -> list[int]:
    """Return Σ_i c_i·x^i for each column of coefficients (k, nb, 5, 8), as canonical integers."""
    if (
        not isinstance(coeffs, np.ndarray)
        or coeffs.ndim != 4
        or coeffs.shape[2:] != (LIMBS, LANES)
        or (coeffs.dtype != np.uint64)
    ):
        got = getattr(coeffs, "shape", type(coeffs).__name__)
        raise InputError(f"ntt.evaluate: expected a block array (k, nb, 5, 8) uint64, got {got}")
    data = np.ascontiguousarray(coeffs)
    k, blocks = data.shape[:2]
    if blocks == 0:
        return [0] * k
    chunk = min(_CHUNK, blocks)
    powers = fr.powers(x % R_MODULUS, chunk * LANES, threads)
    step = fr.full(LANES, pow(x, chunk * LANES, R_MODULUS))
    result = np.zeros((k, LIMBS, LANES), dtype=np.uint64)
    kernel = evaluate_kernels(fr.backend).evaluate
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


def _columns(cols: Block, shift: int, log_n: int | None, place: str) -> tuple[Block, int]:
    if not isinstance(cols, np.ndarray) or cols.dtype != np.uint64:
        raise InputError(
            f"{place}: expected a uint64 array, got {getattr(cols, 'dtype', type(cols).__name__)}"
        )
    if cols.ndim == 3:
        cols = cols[None]
    if cols.ndim != 4 or cols.shape[2:] != (LIMBS, LANES):
        raise InputError(f"{place}: expected (k, n/8, 5, 8), got {cols.shape}")
    if not (cols.flags.c_contiguous and cols.flags.writeable):
        raise InputError(f"{place}: expected a writable C-contiguous array")
    n = cols.shape[1] * LANES
    if n == 0 or n & (n - 1) or n > 1 << FR_TWO_ADICITY:
        raise InputError(f"{place}: expected n a power of two from 8 to 2^{FR_TWO_ADICITY}, got {n}")
    whole = n.bit_length() - 1
    if log_n is None:
        log_n = whole
    if not (log_n == whole or (n == LANES and 0 <= log_n < whole)):
        raise InputError(f"{place}: expected log_n = {whole} for blocks of {n} elements, got {log_n}")
    if shift % R_MODULUS == 0:
        raise InputError(f"{place}: expected a shift other than zero")
    return cols, log_n


def _vector(vector: FrVector, place: str) -> tuple[Block, int]:
    if not isinstance(vector, FrVector):
        raise InputError(f"{place}: expected an FrVector, got {type(vector).__name__}")
    n = len(vector)
    if n == 0 or n & (n - 1):
        raise InputError(f"{place}: expected a power of two as length, got {n}")
    return np.array(vector.blocks), n.bit_length() - 1


def _transform(data: Block, log_n: int, shift: int, *, inverse: bool, threads: int | None) -> None:
    if 1 << log_n < _SMALLEST:
        _transform_small(data, log_n, shift, inverse=inverse, threads=threads)
        return
    plan = _plan(log_n, shift, inverse, fr.backend)
    wanted = thread_count(threads)
    # as many columns as threads share out evenly, then those that are left with all threads on each
    apart = len(data) - len(data) % wanted if log_n > 12 else len(data)
    grain = max(1, (1 << 11) >> log_n)
    map_ranges(lambda begin, end: _run_columns(plan, data[begin:end]), apart, threads, grain)
    for column in data[apart:]:
        _run_stages(plan, column, threads)


def _run_columns(plan: _Plan, data: Block) -> None:
    """Transform columns one after the other on this thread."""
    between = _Scratch.take(data.shape[1])
    _run(plan, data, between, COLUMNS | ROWS, 0, 0)
    _Scratch.give(between)


def _run_stages(plan: _Plan, column: Block, threads: int | None) -> None:
    """Transform one column on `threads` threads."""
    between = _Scratch.take(len(column))
    n1, n2, data = 1 << plan.log_n1, 1 << plan.log_n2, column[None]

    def columns(begin: int, end: int) -> None:
        _run(plan, data, between, COLUMNS, begin, end)

    def rows(begin: int, end: int) -> None:
        _run(plan, data, between, ROWS, begin, end)

    map_ranges(columns, n2, threads, max(1, 256 // n1))
    map_ranges(rows, n1 // LANES, threads, max(1, 32 // n2))
    _Scratch.give(between)


def _run(plan: _Plan, data: Block, between: Block, stages: int, begin: int, end: int) -> None:
    scratch = _Scratch.take(max(1 << plan.log_n1, (2 << plan.log_n2) + 25))
    ntt_kernels(fr.backend).transform(
        address(data),
        len(data),
        address(between),
        address(scratch),
        plan.order,
        plan.places,
        address(plan.columns),
        address(plan.points),
        address(plan.eighths),
        address(plan.bases),
        address(plan.turns),
        address(plan.roots),
        address(plan.scales),
        plan.mode,
        plan.ones,
        plan.log_n1,
        plan.log_n2,
        stages,
        begin,
        end,
    )
    _Scratch.give(scratch)


def _transform_small(data: Block, log_n: int, shift: int, *, inverse: bool, threads: int | None) -> None:
    """n < 64: eight columns share the lanes of a block, and one stage transforms them."""
    n, k = 1 << log_n, len(data)
    groups = blocks_for(k)
    # (column, block, limb, lane) -> (column, element, limb) -> (group, element, limb, lane = column mod 8)
    columns = np.zeros((groups * LANES, n, LIMBS), dtype=np.uint64)
    columns[:k] = np.swapaxes(data, -1, -2).reshape(k, -1, LIMBS)[:, :n]
    moved = np.ascontiguousarray(columns.reshape(groups, LANES, n, LIMBS).transpose(0, 2, 3, 1))
    factors = _factors(log_n, log_n, 1 if inverse else shift, inverse, fr.backend)
    kernel = ntt_kernels(fr.backend).small

    def run(begin: int, end: int) -> None:
        scratch = _Scratch.take(n)
        kernel(address(moved), address(scratch), address(factors), log_n, begin, end)
        _Scratch.give(scratch)

    map_ranges(run, groups, threads, max(1, 256 >> log_n))
    if inverse:
        back, factor = pow(shift, -1, R_MODULUS), pow(n, -1, R_MODULUS)
        powers = [fr.full(LANES, factor * pow(back, i, R_MODULUS)) for i in range(n)]
        fr.mul(moved, np.concatenate(powers), out=moved, threads=threads)
    results = moved.transpose(0, 3, 1, 2).reshape(groups * LANES, n, LIMBS)[:k]
    if n < LANES:
        data[:, 0, :, :n] = np.swapaxes(results, -1, -2)
        data[:, 0, :, n:] = 0
    else:
        data[:] = np.swapaxes(results.reshape(k, -1, LANES, LIMBS), -1, -2)


class _Scratch:
    """Arrays kept between transforms: touching fresh memory costs as much as a pass over it."""

    _lock = threading.Lock()
    _free: ClassVar[list[Block]] = []

    @classmethod
    def take(cls, blocks: int) -> Block:
        """Return at least so many blocks, at the start of a cache line."""
        with cls._lock:
            for i, array in enumerate(cls._free):
                if blocks <= len(array) <= 2 * blocks:
                    return cls._free.pop(i)
        return aligned.empty((blocks, LIMBS, LANES))

    @classmethod
    def give(cls, array: Block) -> None:
        """Keep the array for the next `take`."""
        with cls._lock:
            cls._free.append(array)
            while sum(kept.nbytes for kept in cls._free) > _KEEP:
                cls._free.pop(0)


def _compact(block: Block) -> NDArray[np.uint64]:
    """One row of five limbs per element."""
    return np.ascontiguousarray(np.swapaxes(block, -1, -2).reshape(-1, LIMBS))


def _prepared(block: Block, backend: Backend) -> NDArray[np.uint64]:
    """One prepared factor of ten words per element."""
    out = np.empty((len(block), 2, LIMBS, LANES), dtype=np.uint64)
    ntt_kernels(backend).prepare(address(out), address(block), 0, len(block))
    return np.ascontiguousarray(out.transpose(0, 3, 1, 2).reshape(-1, 2 * LIMBS))


def _root(log_n: int, inverse: bool) -> int:
    root = root_of_unity(log_n)
    return pow(root, -1, R_MODULUS) if inverse else root


def _split(log_blocks: int) -> tuple[int, int]:
    """Lengths of the two passes: a column (n1 blocks) and a tile of rows (8·n2 blocks) fit a 1 MiB cache."""
    log_n2 = min(max(0, log_blocks - 10), 7 + max(0, (log_blocks - 17) // 2))
    return log_blocks - log_n2, log_n2


def _reversal(log_n: int) -> NDArray[np.int64]:
    """Entry i is i with its log_n bits in reverse order."""
    order = np.zeros(1, dtype=np.int64)
    for _ in range(log_n):
        order = np.concatenate([2 * order, 2 * order + 1])
    return order


def _layers(log_size: int, log_n: int, shift: int, inverse: bool) -> Block:
    """Element m + j is shift^(2^log_n/2m)·ω_2m^j, as blocks."""
    table = np.zeros((1 << log_size, LIMBS), dtype=np.uint64)
    for log_m in range(log_size):
        m = 1 << log_m
        factor = pow(shift, 1 << (log_n - log_m - 1), R_MODULUS)
        table[m : 2 * m] = _compact(fr.mul(fr.powers(_root(log_m + 1, inverse), m), factor))[:m]
    rows = np.zeros((blocks_for(len(table)) * LANES, LIMBS), dtype=np.uint64)
    rows[: len(table)] = table
    return np.ascontiguousarray(np.swapaxes(rows.reshape(-1, LANES, LIMBS), -1, -2))


@lru_cache(maxsize=32)
def _factors(log_size: int, log_n: int, shift: int, inverse: bool, backend: Backend) -> NDArray[np.uint64]:
    return _prepared(_layers(log_size, log_n, shift, inverse), backend)


@lru_cache(maxsize=32)
def _plan(log_n: int, shift: int, inverse: bool, backend: Backend) -> _Plan:
    log_n1, log_n2 = _split(log_n - 3)
    n, n1, n2 = 1 << log_n, 1 << log_n1, 1 << log_n2
    # the sub-transforms take the shift; or they take none, and its inverse goes into the results
    shift, back = (1, pow(shift, -1, R_MODULUS)) if inverse else (shift, 1)
    w8 = _root(3, inverse)
    bases = _layers(log_n2, log_n2, 1, inverse) if log_n2 else fr.zeros(LANES)
    plain = fr.mul(bases, pow(1 << 260, -1, R_MODULUS))
    point = fr.mul(fr.powers(_root(log_n, inverse), n1), shift)
    points = [fr.mul(fr.powers(back, n1), pow(n, -1, R_MODULUS) if inverse else 1)]
    turns = [fr.powers(pow(back, n1, R_MODULUS), n2)]
    turn = fr.powers(_root(log_n2 + 3, inverse), n2)
    for _ in range(LANES - 1):
        points.append(fr.mul(points[-1], point))
        turns.append(fr.mul(turns[-1], turn))
    return _Plan(
        log_n1=log_n1,
        log_n2=log_n2,
        ones=int(pow(shift, 1 << (log_n - 2), R_MODULUS) == 1),
        order=_reversal(log_n1),
        places=_reversal(log_n2),
        columns=_factors(log_n1, log_n, shift, inverse, backend),
        points=np.ascontiguousarray(np.stack(points, axis=1)),
        eighths=fr.pow(point, 8),
        bases=np.concatenate([_compact(bases), _compact(plain)], axis=1),
        turns=np.stack([_prepared(row, backend)[:n2] for row in turns], axis=1),
        roots=_prepared(fr.from_ints([1, w8, w8 * w8, w8 * w8 * w8]), backend),
        scales=_prepared(fr.powers(pow(back, n // LANES, R_MODULUS), LANES), backend),
        mode=FORWARD if not inverse else INVERSE if back == 1 else COSET,
    )
