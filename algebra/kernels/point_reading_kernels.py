"""Points in the form of iden3's files to rows, checked on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from zkroll.algebra.kernels.conversion_kernels import below
from zkroll.algebra.kernels.curve_check_kernels import on_curve_mask
from zkroll.algebra.kernels.curve_rows import VECTOR_BYTES, limbs_of_words, store_points, transpose
from zkroll.algebra.kernels.emit import FQ, I64, LANES, VECTOR, Backend, Value, splat
from zkroll.algebra.kernels.groups import G1, G2, CoordinateEmitter, Group
from zkroll.algebra.kernels.jit import family, kernel

# What `read` leaves in `status`: one of these, and the point
FINE, TOO_LARGE, OFF_CURVE = range(3)
STATUS = 2
MASKS = 3  # words that a block of points leaves: lanes too large, off the curve, at infinity

_PART_WORDS = 4
# A file has x·2^256, a row x·2^260: the product with this, divided by 2^260, makes one of the other.
_FACTOR = pow(2, 264, FQ.modulus)


@dataclass(frozen=True)
class ReadingKernels:
    """The kernels by group, compiled on first use; see `read` below."""

    read: dict[str, Any]


@family
def reading_kernels(backend: Backend) -> ReadingKernels:
    """Return the kernels on `backend`."""
    return ReadingKernels({group.name: _read(group, backend) for group in (G1, G2)})


def _read(group: Group, backend: Backend) -> Any:
    row_bytes = group.row_bytes
    block_bytes = LANES * row_bytes

    def emit(e: CoordinateEmitter, out: ir.Value, octets: ir.Value, masks: ir.Value) -> None:
        b, base = e.builder, e.base
        words = [word for i in range(group.degree) for word in _load_words(e, octets, row_bytes, i)]
        parts = [words[i : i + _PART_WORDS] for i in range(0, len(words), _PART_WORDS)]
        union, large = splat(0), base.mask_not(base.all_lanes)
        values = []
        for part in parts:
            limbs = limbs_of_words(e, part)
            for word in part:
                union = b.or_(union, word)
            large = base.mask_or(large, base.mask_not(below(base, limbs, FQ.modulus)))
            values.append(base.mul(Value(tuple(limbs), FQ.ceiling(64 * _PART_WORDS)), base.raw(_FACTOR, 1)))
        infinite = b.icmp_unsigned("==", union, splat(0))
        x = e.from_parts(values[: group.degree])
        y = e.from_parts(values[group.degree :])
        on_curve = base.mask_or(infinite, on_curve_mask(e, x, y))
        for i, mask in enumerate((large, base.mask_not(on_curve), infinite)):
            b.store(base.mask_to_bits(mask), base.pointer(masks, 8 * i, I64), align=8)
        store_points(e, x, y, out)

    block = group.intrinsic(emit, backend, inline=False)

    @kernel(
        "int64(uint64[:, ::1], int64, int64, int64[::1], int64, int64[::1], int64, int64[::1], int64, int64)",
        name=f"{backend}_{group.name}_read",
    )
    def read(
        rows: Any,
        out: int,
        octets: int,
        numbers: Any,
        curve: int,
        masks: Any,
        masks_at: int,
        status: Any,
        begin: int,
        end: int,
    ) -> Any:
        """Read the points 8·begin .. 8·end to rows from 8·begin on, and return how many rows there are.

        rows (at out): 8·end or more; octets: address of the file's points; masks (at masks_at): MASKS words.
        With `numbers`, as long as rows, points at infinity are left out and numbers[k] is the point in row k;
        without (length 0) they stay where they are, as zeros. Stops at the first point with a coordinate
        that is not below q or, if `curve` is 255 and not 0, off the curve, and says so in `status`.
        """
        at: Any = LANES * begin
        for i in range(begin, end):
            block(out + row_bytes * at, octets + block_bytes * i, masks_at)
            wrong = masks[0] | (masks[1] & curve)
            if wrong:
                lane = 0
                while not (wrong >> lane) & 1:
                    lane += 1
                status[0] = TOO_LARGE if (masks[0] >> lane) & 1 else OFF_CURVE
                status[1] = LANES * i + lane
                return at - LANES * begin
            if numbers.shape[0] == 0:
                at += LANES
                continue
            infinite = masks[2]
            first = at
            for lane in range(LANES):
                if not (infinite >> lane) & 1:
                    numbers[at] = LANES * i + lane
                    if infinite:
                        for j in range(rows.shape[1]):
                            rows[at, j] = rows[first + lane, j]
                    at += 1
        return at - LANES * begin

    return read


def _load_words(e: CoordinateEmitter, octets: ir.Value, row_bytes: int, part: int) -> Sequence[ir.Value]:
    """Eight words of each of eight rows, word by word; rows may begin at any byte."""
    b = e.builder
    rows = [
        b.load(e.base.pointer(octets, row_bytes * lane + VECTOR_BYTES * part, VECTOR), align=1)
        for lane in range(LANES)
    ]
    return transpose(b, rows)
