"""Rows of points from and to bytes, without a Python step for a point.

Three forms; G1 takes 64 bytes (compressed 32), G2 128 (compressed 64):

- `eip196`: x then y, big endian, in G2 (EIP-197) the imaginary part of a coordinate before the real one;
  zeros are infinity. Sources: EIP-196, EIP-197.
- `iden3`: x then y, the real part first, little endian in Montgomery form with R = 2^256, as in .zkey and
  .ptau files; zeros are infinity.
- `compressed`: x as in `eip196`; of its two highest bits 0b10 stands for the smaller y, 0b11 for the larger one
  and 0b01, with zeros after it, for infinity. The larger of y and -y is the one above (q - 1)/2; in G2 the
  imaginary parts are compared, or the real ones where those are zero. Source: gnark-crypto, ecc/bn254.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra import aligned
from zkroll.algebra.constants import Q_MODULUS
from zkroll.algebra.conversion import Bytes
from zkroll.algebra.field import Block, address, blocks_for, fq
from zkroll.algebra.kernels.curve_check_kernels import TWIST_B
from zkroll.algebra.kernels.emit import LANES, LIMB_MASK, LIMBS, Backend
from zkroll.algebra.kernels.groups import G1, Group
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.kernels.point_reading_kernels import MASKS, OFF_CURVE, STATUS, reading_kernels
from zkroll.algebra.kernels.threads import map_ranges
from zkroll.algebra.point_checks import Rows, rows_in_group, rows_on_curve
from zkroll.errors import InputError

Form = Literal["eip196", "iden3", "compressed"]
FORMS: tuple[Form, ...] = ("eip196", "iden3", "compressed")

_READ = 1 << 12  # blocks of points that are read at a time: 2 MiB of a file in G1
_READ_GRAIN = 64  # blocks of points that are worth a thread
_WRITTEN = 1 << 12  # coordinates that are written at a time: they stay in the second-level cache
_PART_BYTES = 32
_PART_WORDS = 4
_FLAGS = 0xC0
_SMALLER, _LARGER, _INFINITY = 0x80, 0xC0, 0x40
_ROOT = (Q_MODULUS + 1) // 4  # q = 3 mod 4: a^_ROOT is a root of a or of -a
_HALF = pow(2, -1, Q_MODULUS)
_B = 3


def form_bytes(group: Group, form: Form) -> int:
    """Return the length of a point. Raises InputError for an unknown form."""
    if form not in FORMS:
        raise InputError(f"points: form: expected one of {', '.join(FORMS)}, got {form!r}")
    return group.row_bytes // 2 if form == "compressed" else group.row_bytes


def decode(group: Group, data: Bytes, form: Form, *, check: bool = True, threads: int | None = None) -> Rows:
    """Return the rows of the points in `data`.

    Coordinates must be below q. With `check` the points must be on the curve and in the group of order r;
    compressed points are on the curve in any case. Raises InputError with the first point that is not so,
    counted from 0.
    """
    size = form_bytes(group, form)
    flat = data.reshape(-1) if isinstance(data, np.ndarray) else np.frombuffer(data, dtype=np.uint8)
    if flat.dtype != np.uint8 or flat.size % size:
        raise InputError(
            f"{group.name} points: expected a multiple of {size} bytes ({form}), got {flat.size} of {flat.dtype}"
        )
    octets = np.ascontiguousarray(flat).reshape(-1, size)
    if form == "iden3":
        rows, _ = read_iden3(group, octets, curve=check, threads=threads)
    elif form == "compressed":
        rows = _decompress(group, octets, threads)
    else:
        rows = _to_rows(group, _words(group, octets), threads)
    if check:
        if form == "eip196":
            _refuse(group, ~rows_on_curve(group, rows, threads), octets, "a point on the curve")
        if group is not G1:  # which is all of its curve
            _check_order(group, rows, octets, threads)
    return rows


def _check_order(group: Group, rows: Rows, octets: NDArray[np.uint8], threads: int | None) -> None:
    from zkroll.algebra.point_order import MANY, all_of_order_r  # uses points, which are made here
    from zkroll.algebra.points import G2Points

    if len(rows) < MANY or not all_of_order_r(G2Points(rows), threads):
        _refuse(group, ~rows_in_group(group, rows, threads), octets, "a point of order r")


def read_iden3(
    group: Group,
    octets: NDArray[np.uint8],
    *,
    curve: bool = True,
    finite: bool = False,
    threads: int | None = None,
    out: Rows | None = None,
    done: Callable[[int, int], object] = lambda _first, _last: None,
    backend: Backend | None = None,
) -> tuple[Rows, NDArray[np.int64]]:
    """Return the rows of points in the form `iden3`, and with `finite` only of those other than infinity.

    octets: (n, bytes of a point), contiguous at any address, so that it may be mapped from a file. The second
    array has the numbers of the finite points, in order, with `finite`; otherwise it is empty. `out`, if given,
    has n rows rounded up to a multiple of eight, and the result is a part of it. done(first, last) is
    called, on any thread, when these points have been read.
    Raises InputError with the first point that has a coordinate not below q or, with `curve`, is off the curve.
    """
    octets = np.ascontiguousarray(octets)
    n, block_bytes = len(octets), LANES * group.row_bytes
    whole, blocks = n // LANES, blocks_for(n)
    shape = (LANES * blocks, group.row_bytes // 8)
    rows = aligned.empty(shape) if out is None else out
    if octets.shape != (n, group.row_bytes) or rows.shape != shape or not rows.flags.c_contiguous:
        raise InputError(
            f"{group.name} points: expected bytes (n, {group.row_bytes}) and room {shape}, "
            f"got {octets.shape} and {rows.shape}"
        )
    numbers = np.empty(LANES * blocks if finite else 0, dtype=np.int64)
    kernel = reading_kernels(backend or host_backend()).read[group.name]
    wrong: list[tuple[int, int]] = []
    counts: dict[int, int] = {}

    def read(source: NDArray[np.uint8], at: int, begin: int, end: int) -> None:
        masks, status = np.empty(MASKS, dtype=np.int64), np.zeros(STATUS, dtype=np.int64)
        counts[LANES * begin] = kernel(
            *(rows, address(rows), address(source) - block_bytes * at, numbers, 255 if curve else 0),
            *(masks, address(masks), status, begin, end),
        )
        if status[0]:
            wrong.append((int(status[1]), int(status[0])))

    def run(begin: int, end: int) -> None:
        for start in range(begin, end, _READ):
            stop = min(end, start + _READ)
            read(octets, 0, start, stop)
            done(LANES * start, LANES * stop)

    map_ranges(run, whole, threads, _READ_GRAIN)
    if whole < blocks:
        last = np.zeros((LANES, group.row_bytes), dtype=np.uint8)
        last[: n - LANES * whole] = octets[LANES * whole :]
        read(last, whole, whole, blocks)
    if wrong:
        _refuse_read(group, octets, *min(wrong))
    if not finite:
        return rows[:n], numbers
    end = 0
    for start in sorted(counts):
        count = counts[start]
        if end < start and count:
            rows[end : end + count] = rows[start : start + count]
            numbers[end : end + count] = numbers[start : start + count]
        end += count
    return rows[:end], numbers[:end]


def _refuse_read(group: Group, octets: NDArray[np.uint8], at: int, what: int) -> None:
    data = octets[at].tobytes()
    if what == OFF_CURVE:
        raise InputError(f"{group.name} points: point {at}: expected a point on the curve, got {data.hex()}")
    values = [int.from_bytes(data[i : i + _PART_BYTES], "little") for i in range(0, len(data), _PART_BYTES)]
    value = next(value for value in values if value >= Q_MODULUS)
    raise InputError(f"{group.name} points: point {at}: expected coordinates below q, got {value:#x}")


def encode(group: Group, rows: Rows, form: Form, threads: int | None = None) -> bytes:
    """Return the points as bytes, one after the other."""
    form_bytes(group, form)
    words = _canonical(group, rows, form == "iden3", threads)
    if form == "iden3":
        return words.astype("<u8", copy=False).tobytes()
    parts = words[:, _imaginary_first(group, 2)]
    if form == "eip196":
        return _big_endian(parts).tobytes()
    octets = _big_endian(parts[:, : group.degree]).reshape(-1, _PART_BYTES * group.degree)
    octets[:, 0] |= np.where(_is_larger(group, words), _LARGER, _SMALLER).astype(np.uint8)
    octets[~words.any(axis=(1, 2)), 0] = _INFINITY
    return octets.tobytes()


# ---- words of coordinates ----------------------------------------------------------------------------------


def _imaginary_first(group: Group, coordinates: int) -> list[int]:
    """Where the parts of a row stand in `eip196`."""
    degree = group.degree
    return [degree * i + degree - 1 - j for i in range(coordinates) for j in range(degree)]


def _words(group: Group, octets: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Big-endian bytes to little-endian words (n, parts, 4) in the order of a row."""
    parts = octets.shape[1] // _PART_BYTES
    words = octets.view(">u8").reshape(len(octets), parts, _PART_WORDS)
    words = words[:, _imaginary_first(group, parts // group.degree), ::-1]
    return np.ascontiguousarray(words, dtype=np.uint64)


def _big_endian(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(words[..., ::-1], dtype=">u8").view(np.uint8)


def _above(words: NDArray[np.uint64], limit: int) -> NDArray[np.bool_]:
    """Which numbers (..., 4) are greater than `limit`."""
    result = np.zeros(words.shape[:-1], dtype=np.bool_)
    for i in range(_PART_WORDS):
        limb = np.uint64(limit >> (64 * i) & (2**64 - 1))
        result = np.where(words[..., i] == limb, result, words[..., i] > limb)
    return result


def _is_larger(group: Group, words: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether y, in canonical words (n, parts, 4), is larger than -y."""
    parts = words[:, group.degree :]
    larger = _above(parts, (Q_MODULUS - 1) // 2)
    if group is G1:
        return larger[:, 0]
    return np.where(parts[:, 1].any(axis=1), larger[:, 1], larger[:, 0])


def _to_rows(group: Group, words: NDArray[np.uint64], threads: int | None) -> Rows:
    """Words (n, parts, 4) below q to rows of so many parts."""
    n, parts = words.shape[:2]
    bad = _above(words, Q_MODULUS - 1)
    if bad.any():
        at, part = (int(i) for i in np.argwhere(bad)[0])
        value = int.from_bytes(words[at, part].tobytes(), "little")
        raise InputError(f"{group.name} points: point {at}: expected coordinates below q, got {value:#x}")
    blocks = fq.from_array(words.reshape(-1, _PART_WORDS), threads)
    return pack(blocks)[: n * parts].reshape(n, parts * _PART_WORDS)


def _canonical(group: Group, rows: Rows, montgomery: bool, threads: int | None) -> NDArray[np.uint64]:
    """Rows to words (n, parts, 4) below q."""
    flat = rows.reshape(-1, _PART_WORDS)
    words = np.empty_like(flat)

    def run(begin: int, end: int) -> None:
        for first in range(begin * _WRITTEN, min(end * _WRITTEN, len(flat)), _WRITTEN):
            part = flat[first : first + _WRITTEN]
            words[first : first + len(part)] = fq.to_limbs(unpack(part), len(part), 1, montgomery=montgomery)

    map_ranges(run, -(-len(flat) // _WRITTEN), threads, 1)
    return words.reshape(len(rows), 2 * group.degree, _PART_WORDS)


def _refuse(group: Group, bad: NDArray[np.bool_], octets: NDArray[np.uint8], expected: str) -> None:
    if bad.any():
        at = int(np.argmax(bad))
        raise InputError(
            f"{group.name} points: point {at}: expected {expected}, got {octets[at].tobytes().hex()}"
        )


# ---- square roots ------------------------------------------------------------------------------------------


def _decompress(group: Group, octets: NDArray[np.uint8], threads: int | None) -> Rows:
    n, degree = len(octets), group.degree
    flags = octets[:, 0] & _FLAGS
    plain = octets.copy()
    plain[:, 0] &= 0xFF ^ _FLAGS
    infinite = flags == _INFINITY
    _refuse(group, infinite & plain.any(axis=1), octets, "zeros after the flags of infinity")
    _refuse(group, ~infinite & (flags < _SMALLER), octets, "a compressed point (highest bits 10, 11 or 01)")
    words = _words(group, plain)
    x_rows = _to_rows(group, words, threads)
    x = [unpack(x_rows[:, _PART_WORDS * i : _PART_WORDS * (i + 1)]) for i in range(degree)]
    y, is_square = _root_of(group, _right_side(group, x, threads), threads)
    _refuse(group, ~is_square[:n] & ~infinite, octets, "the x of a point on the curve")
    rows = np.concatenate([x_rows, *(pack(part)[:n] for part in y)], axis=1)
    opposite = np.concatenate([x_rows, *(pack(fq.neg(part, threads=threads))[:n] for part in y)], axis=1)
    larger = _is_larger(group, _canonical(group, rows, False, threads))
    rows[larger != (flags == _LARGER)] = opposite[larger != (flags == _LARGER)]
    rows[infinite] = 0
    return rows


def _right_side(group: Group, x: list[Block], threads: int | None) -> list[Block]:
    """x³ + b."""
    if group is G1:
        return [fq.add(fq.mul(fq.square(x[0], threads=threads), x[0], threads=threads), _B)]
    a, b = x
    aa, bb = fq.square(a, threads=threads), fq.square(b, threads=threads)
    # (a + b·u)³ = a·(a² - 3·b²) + b·(3·a² - b²)·u
    real = fq.mul(a, fq.sub(aa, fq.mul(bb, 3)), threads=threads)
    imaginary = fq.mul(b, fq.sub(fq.mul(aa, 3), bb), threads=threads)
    return [fq.add(real, TWIST_B[0]), fq.add(imaginary, TWIST_B[1])]


def _root_of(group: Group, square: list[Block], threads: int | None) -> tuple[list[Block], NDArray[np.bool_]]:
    """A square root of each element, and whether there is one.

    In Fq2, a + b·u with norm s² has the root c + b/(2c)·u for c² = (a + s)/2; where that is no square, its
    power is the root c of -(a + s)/2 = (b/2c)², and the root is b/(2c) + c·u. For b = 0, s is taken to be a.
    Source: Scott, "Implementing cryptographic pairings" (2007), the complex method.
    """
    a = square[0]
    if group is G1:
        root = fq.pow(a, _ROOT, threads=threads)
        return [root], fq.is_zero(fq.sub(fq.square(root), a), LANES * len(a))
    b = square[1]
    norm = fq.add(fq.square(a), fq.square(b))
    s = fq.pow(norm, _ROOT, threads=threads)
    half = fq.mul(fq.add(a, s), _HALF)
    half = _select(fq.is_zero(b, LANES * len(b)), a, half)
    c = fq.pow(half, _ROOT, threads=threads)
    other = fq.mul(fq.mul(b, _HALF), fq.batch_inverse(c, threads=threads))
    turned = ~fq.is_zero(fq.sub(fq.square(c), half), LANES * len(c))
    y = [_select(turned, other, c), _select(turned, c, other)]
    real = fq.sub(fq.square(y[0]), fq.square(y[1]))
    imaginary = fq.mul(fq.mul(y[0], y[1]), 2)
    right = fq.is_zero(fq.sub(real, a), LANES * len(a)) & fq.is_zero(fq.sub(imaginary, b), LANES * len(b))
    return y, right


def _select(mask: NDArray[np.bool_], yes: Block, no: Block) -> Block:
    result: Block = np.where(mask.reshape(-1, 1, LANES), yes, no)
    return result


# ---- block arrays and packed words -------------------------------------------------------------------------


def pack(block: Block) -> Rows:
    """Block array (nb, 5, 8) of residues below 2q to rows of four words."""
    limbs = np.swapaxes(block, 1, 2).reshape(-1, LIMBS)
    rows = aligned.empty((len(limbs), _PART_WORDS))
    for j in range(_PART_WORDS):
        rows[:, j] = limbs[:, j] >> np.uint64(12 * j) | limbs[:, j + 1] << np.uint64(52 - 12 * j)
    return rows


def unpack(rows: Rows) -> Block:
    """Rows of four words to a block array, padded with zeros."""
    n = len(rows)
    limbs = np.zeros((blocks_for(n) * LANES, LIMBS), dtype=np.uint64)
    mask = np.uint64(LIMB_MASK)
    limbs[:n, 0] = rows[:, 0] & mask
    for j in range(1, _PART_WORDS):
        limbs[:n, j] = (rows[:, j - 1] >> np.uint64(64 - 12 * j) | rows[:, j] << np.uint64(12 * j)) & mask
    limbs[:n, 4] = rows[:, 3] >> np.uint64(16)
    return np.ascontiguousarray(np.swapaxes(limbs.reshape(-1, LANES, LIMBS), 1, 2))
