"""Many multiples of one point: a table of its multiples, and one affine addition for each window of the scalar."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

import numpy as np

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import Block, address, blocks_for, fr
from zkroll.algebra.kernels.curve_round_kernels import CHUNK, round_kernels
from zkroll.algebra.kernels.emit import LANES, Backend
from zkroll.algebra.kernels.groups import G1
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.kernels.msm_kernels import digit_kernels, digit_offset, window_count
from zkroll.algebra.kernels.threads import map_ranges
from zkroll.algebra.point_encoding import Form, form_bytes
from zkroll.algebra.point_rows import RoundSpace, Words, empty_rows
from zkroll.algebra.points import G1Points, G2Points, Points
from zkroll.algebra.reference.curve import GENERATOR, Point
from zkroll.algebra.reference.pairing import GENERATOR_G2, G2Pair, G2Point
from zkroll.algebra.scalar_mul import multiply
from zkroll.algebra.vector import FrVector, unwrap
from zkroll.errors import InputError

P = TypeVar("P", bound=Points)

_FORM: Form = "eip196"
_GRAIN = 32  # blocks of points that are worth a thread
_FEW, _MANY = 8, {"g1": 10, "g2": 9}  # bits of a window; a table has some 2^(bits - 1)·254/bits points
_MANY_FROM = 1 << 15  # multiples for which the larger table pays


def fixed_base_g1(
    scalars: FrVector | Block,
    n: int | None = None,
    base: tuple[int, int] = GENERATOR,
    threads: int | None = None,
    backend: Backend | None = None,
) -> G1Points:
    """Return scalars[i]·base for the first n (default: all) of a vector or block array; base defaults to (1, 2).

    Tables of the last few bases are kept (up to 0.9 MB each). Raises InputError for a base that is infinity or
    not on the curve.
    """
    return _multiples(G1Points, _key(G1Points, base), scalars, n, threads, backend)


def fixed_base_g2(
    scalars: FrVector | Block,
    n: int | None = None,
    base: G2Pair = GENERATOR_G2,
    threads: int | None = None,
    backend: Backend | None = None,
) -> G2Points:
    """Return scalars[i]·base in G2; base defaults to the generator of EIP-197.

    Tables take up to 1 MB each. Raises InputError for a base that is infinity or not in
    the group of order r.
    """
    return _multiples(G2Points, _key(G2Points, base), scalars, n, threads, backend)


def _multiples(
    kind: type[P],
    key: bytes,
    values: FrVector | Block,
    count: int | None,
    threads: int | None,
    backend: Backend | None,
) -> P:
    scalars, given = unwrap(values, count)
    n: int = len(scalars) * LANES if given is None else given
    backend = backend or host_backend()
    group = kind.group
    window = _MANY[group.name] if n >= _MANY_FROM else _FEW
    table = _table(key, window, backend)
    kernel, cut = round_kernels(group, backend).rounds, digit_kernels().digits
    limbs = fr.to_limbs(scalars, n, threads)
    windows, width = window_count(R_MODULUS.bit_length() - 1, window), table.shape[1]
    offset = digit_offset(windows, window)
    out = empty_rows(group, n)
    nothing = np.zeros(group.row_bytes // 8, dtype=np.uint64)
    row_bytes = group.row_bytes

    def run(begin: int, end: int) -> None:
        space = RoundSpace()
        digits = np.empty((windows, CHUNK), dtype=np.int16)
        for start in range(LANES * begin, min(n, LANES * end), CHUNK):
            count = min(n, LANES * end, start + CHUNK) - start
            cut(digits, limbs[start : start + count], offset, window, 0, count)
            at = address(out[start:])
            kernel(
                *(at, 0, at, 0, row_bytes, address(table), row_bytes, row_bytes * width),
                *(digits, 0, address(nothing), count, windows - 1, *space.arrays),
            )

    map_ranges(run, blocks_for(n), threads, _GRAIN)
    return kind(out[:n])


def _key(kind: type[P], base: Point | G2Point) -> bytes:
    """The base as bytes of its form `eip196`. Raises InputError unless it has order r and is not infinity."""
    parts: list[int] = []
    for coordinate in base or ():
        real_first = [coordinate] if isinstance(coordinate, int) else list(coordinate)
        parts += reversed(real_first)
    place = f"fixed_base_{kind.group.name}: base {base}"
    try:
        key = b"".join(part.to_bytes(32, "big") for part in parts)
        points = kind.from_bytes(key, _FORM)
    except (InputError, OverflowError) as error:
        raise InputError(f"{place}: {error}") from error
    if points.n != 1 or not points.rows.any():
        raise InputError(f"{place}: expected one point other than infinity")
    return key


@lru_cache(maxsize=8)
def _table(key: bytes, window: int, backend: Backend) -> Words:
    """Rows [j - 1, w] = j·2^(window·w)·base for j in 1..2^(window - 1)."""
    kind: type[Points] = G1Points if len(key) == form_bytes(G1, _FORM) else G2Points
    windows = window_count(R_MODULUS.bit_length() - 1, window)
    half = 1 << (window - 1)
    base = kind.from_bytes(key, _FORM, check=False)
    first = multiply(
        kind(np.repeat(base.rows, windows, axis=0)), [1 << (window * w) for w in range(windows)], 1, backend
    )
    width = blocks_for(windows) * LANES
    table = np.zeros((half, width, kind.row_words()), dtype=np.uint64)
    table[0, :windows] = first.rows
    at, row_bytes = address(table), kind.group.row_bytes
    stride = row_bytes * width
    round_kernels(kind.group, backend).rounds(
        *(at + stride, stride, at, stride, row_bytes, at, 0, row_bytes),
        *(np.zeros((0, 0), dtype=np.int16), 0, 0, width, half - 1, *RoundSpace(width).arrays),
    )
    return table
