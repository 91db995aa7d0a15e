"""The jitted cores of R1CS: constraints from and to the bytes of a .r1cs file, and sparse products over Fr.

The public twins are in `zkroll.circuits.r1cs` (`formats.r1cs` and `sparse`); they check shapes, and what is said below of indices.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from llvmlite import ir

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.kernels.emit import (
    BLOCK_BYTES,
    FR,
    I64,
    LANES,
    LIMB_MASK,
    LIMBS,
    VECTOR,
    Backend,
    Emitter,
    Value,
    block_intrinsic,
    splat,
)
from zkroll.algebra.kernels.jit import family, helper, kernel

WORDS = 4  # 64-bit words of a coefficient
COUNT_BYTES = 4  # before the terms of a linear combination: how many they are
TERM_BYTES = 36  # wire (4 bytes), coefficient (32 bytes)
MATRICES = 3

# What `scan` and `fill` leave in `status`: one of these, the constraint, the matrix, and what was found
FINE, TRUNCATED, WIRE_TOO_LARGE, COEFFICIENT_TOO_LARGE = range(4)
STATUS = 4

MOST_TERMS = 64  # products that are added before a reduction
LANE_ROWS = 3  # of int64, eight each: where each lane's row begins, its terms, where its result goes

_R0, _R1, _R2, _R3 = (np.uint64((R_MODULUS >> (64 * i)) & (2**64 - 1)) for i in range(WORDS))
_LOW_32 = (1 << 32) - 1


# ---- bytes of constraints ----------------------------------------------------------------------------------


@helper
def _u32(data: Any, at: int) -> Any:
    """The 32-bit integer at a byte."""
    return (
        np.uint64(data[at])
        | np.uint64(data[at + 1]) << np.uint64(8)
        | np.uint64(data[at + 2]) << np.uint64(16)
        | np.uint64(data[at + 3]) << np.uint64(24)
    )


@helper
def is_below_r(w0: Any, w1: Any, w2: Any, w3: Any) -> Any:
    """Whether four words, the lowest first, are below r."""
    return w3 < _R3 or (w3 == _R3 and (w2 < _R2 or (w2 == _R2 and (w1 < _R1 or (w1 == _R1 and w0 < _R0)))))


@helper
def _put_u32(data: Any, at: int, value: Any) -> None:
    """Write a 32-bit integer at a byte."""
    word = np.uint64(value)
    for i in range(4):
        data[at + i] = (word >> np.uint64(8 * i)) & np.uint64(255)


@kernel("void(const_uint8[::1], int64[::1], int64[:, ::1], int64[::1])", name="r1cs_scan")
def scan(data: Any, begins: Any, starts: Any, status: Any) -> None:
    """Find where constraints begin (n + 1 bytes' positions) and where their terms do, in three matrices.

    starts: (3, n + 1), in terms. Stops with status TRUNCATED at a linear combination that ends beyond the
    data. begins[n] is where the last constraint ends.
    """
    n = begins.shape[0] - 1
    size = data.shape[0]
    at: Any = 0
    for i in range(n):
        begins[i] = at
        for matrix in range(MATRICES):
            terms = np.int64(_u32(data, at)) if at + COUNT_BYTES <= size else size
            if terms > (size - at - COUNT_BYTES) // TERM_BYTES:
                status[0] = TRUNCATED
                status[1] = i
                status[2] = matrix
                status[3] = at
                return
            starts[matrix, i + 1] = starts[matrix, i] + terms
            at += COUNT_BYTES + TERM_BYTES * terms
    begins[n] = at


@kernel(
    "void(const_uint8[::1], const_int64[::1], const_int64[::1], int64, int64,"
    " uint32[::1], uint64[:, ::1], int64[::1], int64, int64)",
    name="r1cs_fill",
)
def fill(
    data: Any,
    begins: Any,
    starts: Any,
    matrix: int,
    n_wires: int,
    wires: Any,
    coefficients: Any,
    status: Any,
    begin: int,
    end: int,
) -> None:
    """Copy the terms of one matrix in constraints begin..end, as `scan` found them.

    Stops at a wire that is not below n_wires or a coefficient that is not below r, and says so in `status`.
    """
    for i in range(begin, end):
        at = begins[i]
        for _ in range(matrix):
            at += COUNT_BYTES + TERM_BYTES * np.int64(_u32(data, at))
        at += COUNT_BYTES
        for k in range(starts[i], starts[i + 1]):
            wire = _u32(data, at)
            w0 = _u32(data, at + 4) | _u32(data, at + 8) << np.uint64(32)
            w1 = _u32(data, at + 12) | _u32(data, at + 16) << np.uint64(32)
            w2 = _u32(data, at + 20) | _u32(data, at + 24) << np.uint64(32)
            w3 = _u32(data, at + 28) | _u32(data, at + 32) << np.uint64(32)
            below = is_below_r(w0, w1, w2, w3)
            if wire >= np.uint64(n_wires) or not below:
                status[0] = COEFFICIENT_TOO_LARGE if not below else WIRE_TOO_LARGE
                status[1] = i
                status[2] = matrix
                status[3] = at
                return
            wires[k] = wire
            coefficients[k, 0] = w0
            coefficients[k, 1] = w1
            coefficients[k, 2] = w2
            coefficients[k, 3] = w3
            at += TERM_BYTES


@kernel(
    "void(uint8[::1], int64[::1], const_int64[::1], const_uint32[::1], const_uint64[:, ::1], int64, int64)",
    name="r1cs_put",
)
def put(data: Any, ends: Any, starts: Any, wires: Any, coefficients: Any, begin: int, end: int) -> None:
    """Append the linear combinations of one matrix to the bytes of constraints begin..end.

    ends: (end - begin), where each constraint's bytes end so far; moved on. The caller makes `data` long
    enough for all of them.
    """
    for i in range(begin, end):
        at = ends[i - begin]
        _put_u32(data, at, starts[i + 1] - starts[i])
        at += COUNT_BYTES
        for k in range(starts[i], starts[i + 1]):
            _put_u32(data, at, wires[k])
            for j in range(WORDS):
                word = coefficients[k, j]
                _put_u32(data, at + 4 + 8 * j, word & np.uint64(_LOW_32))
                _put_u32(data, at + 8 + 8 * j, word >> np.uint64(32))
            at += TERM_BYTES
        ends[i - begin] = at


# ---- products ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProductKernels:
    """The kernels of one back end, compiled on first use."""

    rows: Any  # see `rows` below


@family
def product_kernels(backend: Backend) -> ProductKernels:
    """Return the sparse products on `backend`: eight rows at a time, a lane for each."""

    def emit_clear(e: Emitter, total: ir.Value) -> None:
        e.store(e.zero(), total)

    def emit_chunk(
        e: Emitter,
        total: ir.Value,
        words: ir.Value,
        table: ir.Value,
        entries: ir.Value,
        lanes: ir.Value,
        done: ir.Value,
        count: ir.Value,
    ) -> None:
        """total += Σ coefficient·wire over the terms done..done + count of each lane's row."""
        b = e.builder

        def word(base: ir.Value, index: ir.Value) -> ir.Value:
            return b.load(e.pointer(b.add(base, b.shl(index, ir.Constant(I64, 3))), 0, I64), align=8)

        bounds = [
            [b.load(e.pointer(lanes, 8 * (LANES * row + lane), I64), align=8) for lane in range(LANES)]
            for row in (0, 1)
        ]

        def term(i: ir.Value) -> tuple[Value, Value]:
            position = b.add(done, i)
            values, factors = [], []
            for first, length in zip(*bounds, strict=True):
                inside = b.icmp_signed("<", position, length)
                # entry 0 is wire 0 times the zero at the table's start
                entry = word(entries, b.select(inside, b.add(first, position), ir.Constant(I64, 0)))
                wire, code = b.and_(entry, ir.Constant(I64, _LOW_32)), b.lshr(entry, ir.Constant(I64, 32))
                values.append(_row(e, words, wire))
                factors.append(_row(e, table, code))
            return _element(e, values, 1), _element(e, factors, 2)

        e.store(e.add(e.load(total), e.dot(count, MOST_TERMS, term)), total)

    def emit_spread(e: Emitter, out: ir.Value, total: ir.Value, lanes: ir.Value) -> None:
        e.scatter(e.load(total), out, e.builder.load(e.pointer(lanes, 16 * LANES, VECTOR), align=8))

    clear = block_intrinsic(FR, emit_clear, backend=backend)
    add_chunk = block_intrinsic(FR, emit_chunk, backend=backend)
    spread = block_intrinsic(FR, emit_spread, backend=backend)

    @kernel(
        "void(int64, int64, int64, int64, const_int64[::1], const_int64[::1], int64[:, ::1], int64, int64,"
        " int64, int64)",
        name=f"{backend}_r1cs_rows",
    )
    def rows(
        out: int,
        words: int,
        table: int,
        entries: int,
        starts: Any,
        order: Any,
        lanes: Any,
        lanes_at: int,
        total: int,
        begin: int,
        end: int,
    ) -> None:
        """Blocks of Σ coefficient·wire for the rows order[8·begin : 8·end].

        words: rows of four words below r; table: a row of four words for each distinct coefficient c, c·R²
        (R = 2^260) below 2r, zero first; entries: uint64, a wire and 2^32 times a row of the table, zero first;
        starts: where each row's entries begin, one more than there are rows, which are eight for each block of `out`;
        lanes (at lanes_at): (3, 8); total: a block.
        """
        for group in range(begin, end):
            longest = 0
            for lane in range(LANES):
                row = order[LANES * group + lane]
                length = starts[row + 1] - starts[row]
                longest = max(longest, length)
                lanes[0, lane] = starts[row]
                lanes[1, lane] = length
                lanes[2, lane] = BLOCK_BYTES * (row // LANES) + 8 * (row % LANES)
            clear(total)
            for done in range(0, longest, MOST_TERMS):
                add_chunk(total, words, table, entries, lanes_at, done, min(MOST_TERMS, longest - done))
            spread(out, total, lanes_at)

    return ProductKernels(rows=rows)


def _row(e: Emitter, base: ir.Value, index: ir.Value) -> ir.Value:
    """The row of four 64-bit words at base + 32·index."""
    at = e.builder.add(base, e.builder.shl(index, ir.Constant(I64, 5)))
    return e.builder.load(e.pointer(at, 0, ir.VectorType(I64, WORDS)), align=8)


def _element(e: Emitter, rows: list[ir.Value], bound: int) -> Value:
    """Eight rows of four words, each a number below bound·r, as limbs of 52 bits with a lane for each row.

    Whole rows are loaded and transposed: processors gather single words hardly faster than one by one.
    """
    b = e.builder

    def pick(x: ir.Value, y: ir.Value, lanes: list[int]) -> ir.Value:
        return b.shuffle_vector(x, y, ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), lanes))

    pairs = [pick(rows[i], rows[i + 1], list(range(2 * WORDS))) for i in range(0, LANES, 2)]
    # words 0 and 1, then 2 and 3, of four rows each
    low, high = (
        [
            pick(pairs[i], pairs[i + 1], [w + k for k in (0, 1) for w in (at, at + 4, at + 8, at + 12)])
            for i in (0, 2)
        ]
        for at in (0, 2)
    )
    halves = ([0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15])
    words = [pick(pair[0], pair[1], half) for pair in (low, high) for half in halves]
    limbs = []
    for j in range(LIMBS):
        limb = b.lshr(words[j - 1], splat(64 - 12 * j)) if j else words[0]
        if 0 < j < WORDS:
            limb = b.or_(limb, b.shl(words[j], splat(12 * j)))
        limbs.append(b.and_(limb, splat(LIMB_MASK)))
    return Value(tuple(limbs), Fraction(bound))
