"""Points between memory and registers: rows of 64 bytes in G1 and 128 in G2, eight points at a time.

A row is x then y, each coordinate's parts (c0, then c1) in four 64-bit words of the Montgomery residue below
2q; zeros are infinity. A code is the address of a row with a flag in its lowest bit: set, the point is taken
with the opposite sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from llvmlite import ir

from zkroll.algebra.kernels.emit import I64, LANES, LIMB_MASK, VECTOR, Mask, Value, declared, splat
from zkroll.algebra.kernels.groups import Coordinate, CoordinateEmitter

_I32 = ir.IntType(32)
_HALF_ROW = ir.VectorType(I64, 4)
_PART_WORDS = 4
VECTOR_BYTES = 64


def load_codes(e: CoordinateEmitter, address: ir.Value, stride: ir.Value | int = 8) -> list[ir.Value]:
    """Load eight codes, `stride` bytes apart."""
    step = ir.Constant(I64, stride) if isinstance(stride, int) else stride
    codes = []
    for _ in range(LANES):
        codes.append(e.builder.load(e.base.pointer(address, 0, I64), align=8))
        address = e.builder.add(address, step)
    return codes


def load_flags(e: CoordinateEmitter, address: ir.Value) -> ir.Value:
    """Load eight consecutive codes as one vector, which spares `load_points` the making of it."""
    return e.builder.load(e.base.pointer(address, 0, VECTOR), align=8)


def load_x(e: CoordinateEmitter, codes: Sequence[ir.Value]) -> tuple[Coordinate, Mask]:
    """Load the x coordinates, and the mask of lanes that may be infinity."""
    value = _to_coordinate(e, _load_half(e, codes, 0))
    return value, maybe_infinite(e, value)


def load_y(e: CoordinateEmitter, codes: Sequence[ir.Value], flags: ir.Value | None = None) -> Coordinate:
    """Load the y coordinates, the sign flags applied."""
    words = _load_half(e, codes, 8 * _PART_WORDS * e.degree)
    return _signed(e, codes, flags, _to_coordinate(e, words))


def load_points(
    e: CoordinateEmitter, codes: Sequence[ir.Value], flags: ir.Value | None = None
) -> tuple[Coordinate, Coordinate]:
    """Load x and y, the sign flags applied to y."""
    words = [word for i in range(e.degree) for word in _load_words(e, codes, VECTOR_BYTES * i)]
    half = _PART_WORDS * e.degree
    return _to_coordinate(e, words[:half]), _signed(e, codes, flags, _to_coordinate(e, words[half:]))


def maybe_infinite(e: CoordinateEmitter, x: Coordinate) -> Mask:
    """Return the lanes where x looks like that of infinity: all that are, hardly any more."""
    parts = [part.limbs[0] for part in e.parts(x)]
    union = parts[0] if len(parts) == 1 else e.builder.or_(*parts)
    return e.builder.icmp_unsigned("==", union, splat(0))


def _signed(
    e: CoordinateEmitter, codes: Sequence[ir.Value], flags: ir.Value | None, y: Coordinate
) -> Coordinate:
    b = e.builder
    if flags is None:
        flags = ir.Constant(VECTOR, ir.Undefined)
        for lane, code in enumerate(codes):
            flags = b.insert_element(flags, code, ir.Constant(_I32, lane))
    opposite = b.icmp_unsigned("!=", b.and_(flags, splat(1)), splat(0))
    return e.select(opposite, e.neg(y), y)


def store_points(e: CoordinateEmitter, x: Coordinate, y: Coordinate, address: ir.Value) -> None:
    """Store eight consecutive rows, residues reduced below 2q."""
    row_bytes = VECTOR_BYTES * e.degree
    store_rows(e, x, y, [e.builder.add(address, ir.Constant(I64, row_bytes * i)) for i in range(LANES)])


def store_rows(e: CoordinateEmitter, x: Coordinate, y: Coordinate, rows: Sequence[ir.Value]) -> None:
    """Store the rows at eight addresses, residues reduced below 2q."""
    words = [word for part in (*e.parts(x), *e.parts(y)) for word in _to_words(e, part)]
    for i in range(e.degree):
        for lane, row in enumerate(transpose(e.builder, words[LANES * i : LANES * (i + 1)])):
            e.builder.store(row, e.base.pointer(rows[lane], VECTOR_BYTES * i, VECTOR), align=8)


def _load_half(e: CoordinateEmitter, codes: Sequence[ir.Value], offset: int) -> list[ir.Value]:
    """The words of one coordinate, word by word."""
    if e.degree > 1:
        return _load_words(e, codes, offset)
    b = e.builder  # a coordinate of G1 is half a vector
    halves = [b.load(e.base.pointer(_row(e, code), offset, _HALF_ROW), align=8) for code in codes]
    join = ir.Constant(ir.VectorType(_I32, LANES), list(range(LANES)))
    return transpose(b, [b.shuffle_vector(halves[i], halves[i + 4], join) for i in range(4)])


def _load_words(e: CoordinateEmitter, codes: Sequence[ir.Value], offset: int) -> list[ir.Value]:
    """Eight words of each row, from `offset` (bytes) on, word by word."""
    b = e.builder
    return transpose(b, [b.load(e.base.pointer(_row(e, code), offset, VECTOR), align=8) for code in codes])


def _to_coordinate(e: CoordinateEmitter, words: Sequence[ir.Value]) -> Coordinate:
    parts = [_to_value(e, words[i : i + _PART_WORDS]) for i in range(0, len(words), _PART_WORDS)]
    return e.from_parts(parts)


def _row(e: CoordinateEmitter, code: ir.Value) -> ir.Value:
    return e.builder.and_(code, ir.Constant(I64, -2))


def transpose(b: ir.IRBuilder, vectors: Sequence[ir.Value]) -> list[ir.Value]:
    """Transpose 8 vectors of 8 words, or 4 whose halves are two 4×4 squares."""
    rows = list(vectors)
    distance = 1
    while distance < len(rows):
        first = [lane if not lane & distance else LANES + (lane ^ distance) for lane in range(LANES)]
        second = [(lane ^ distance) if not lane & distance else LANES + lane for lane in range(LANES)]
        for i in range(len(rows)):
            if not i & distance:
                low, high = rows[i], rows[i | distance]
                rows[i] = b.shuffle_vector(low, high, ir.Constant(ir.VectorType(_I32, LANES), first))
                rows[i | distance] = b.shuffle_vector(
                    low, high, ir.Constant(ir.VectorType(_I32, LANES), second)
                )
        distance *= 2
    return rows


def _to_value(e: CoordinateEmitter, words: Sequence[ir.Value]) -> Value:
    return Value(tuple(limbs_of_words(e, words)), Fraction(2))


def limbs_of_words(e: CoordinateEmitter, words: Sequence[ir.Value]) -> list[ir.Value]:
    """Four words of 64 bits as five limbs of 52."""
    b, mask = e.builder, splat(LIMB_MASK)
    limbs = [b.and_(words[0], mask)]
    limbs += [b.and_(_funnel(b, words[j], words[j - 1], 64 - 12 * j), mask) for j in range(1, 4)]
    limbs.append(b.lshr(words[3], splat(16)))
    return limbs


def _to_words(e: CoordinateEmitter, value: Value) -> list[ir.Value]:
    b = e.builder
    limbs = e.base.tidy(e.base.reduce(value, 2)).limbs
    return [b.or_(b.lshr(limbs[j], splat(12 * j)), b.shl(limbs[j + 1], splat(52 - 12 * j))) for j in range(4)]


def _funnel(b: ir.IRBuilder, high: ir.Value, low: ir.Value, count: int) -> ir.Value:
    """The low words of (high·2^64 + low) >> count."""
    kind = ir.FunctionType(VECTOR, [VECTOR] * 3)
    return b.call(declared(b.module, "llvm.fshr.v8i64", kind), [high, low, splat(count)])
