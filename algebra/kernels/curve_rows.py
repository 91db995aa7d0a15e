"""Points of G1 between memory and registers: rows of 64 bytes, eight points at a time.

A row is x then y, four 64-bit words each (see `zkroll.algebra.curve.G1Points`); zeros are infinity. A code is
the address of a row with a flag in its lowest bit: set, the point is taken with the opposite sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from llvmlite import ir

from zkroll.algebra.kernels.emit import I64, LANES, LIMB_MASK, VECTOR, Emitter, Mask, Value, declared, splat

ROW_BYTES = 64
_I32 = ir.IntType(32)
_HALF_ROW = ir.VectorType(I64, 4)


def load_codes(e: Emitter, address: ir.Value, stride: ir.Value | int = 8) -> list[ir.Value]:
    """Load eight codes, `stride` bytes apart."""
    step = ir.Constant(I64, stride) if isinstance(stride, int) else stride
    codes = []
    for _ in range(LANES):
        codes.append(e.builder.load(e.pointer(address, 0, I64), align=8))
        address = e.builder.add(address, step)
    return codes


def load_x(e: Emitter, codes: Sequence[ir.Value]) -> tuple[Value, Mask]:
    """Load the x coordinates, and the mask of lanes that may be infinity (all that are, hardly any more)."""
    b = e.builder
    halves = [b.load(e.pointer(_row(e, code), 0, _HALF_ROW), align=8) for code in codes]
    join = ir.Constant(ir.VectorType(_I32, LANES), list(range(LANES)))
    vectors = [b.shuffle_vector(halves[i], halves[i + 4], join) for i in range(4)]
    words = _transpose(b, vectors)
    return _to_value(e, words), b.icmp_unsigned("==", words[0], splat(0))


def load_points(e: Emitter, codes: Sequence[ir.Value]) -> tuple[Value, Value]:
    """Load x and y, the sign flags applied to y."""
    b = e.builder
    words = _transpose(b, [b.load(e.pointer(_row(e, code), 0, VECTOR), align=8) for code in codes])
    flags: ir.Value = ir.Constant(VECTOR, ir.Undefined)
    for lane, code in enumerate(codes):
        flags = b.insert_element(flags, code, ir.Constant(_I32, lane))
    opposite = b.icmp_unsigned("!=", b.and_(flags, splat(1)), splat(0))
    y = _to_value(e, words[4:])
    return _to_value(e, words[:4]), e.select(opposite, e.neg(y), y)


def store_points(e: Emitter, x: Value, y: Value, address: ir.Value) -> None:
    """Store eight consecutive rows, residues reduced below 2q."""
    words = [*_to_words(e, x), *_to_words(e, y)]
    for lane, row in enumerate(_transpose(e.builder, words)):
        e.builder.store(row, e.pointer(address, ROW_BYTES * lane, VECTOR), align=8)


def _row(e: Emitter, code: ir.Value) -> ir.Value:
    return e.builder.and_(code, ir.Constant(I64, -2))


def _transpose(b: ir.IRBuilder, vectors: Sequence[ir.Value]) -> list[ir.Value]:
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


def _to_value(e: Emitter, words: Sequence[ir.Value]) -> Value:
    b, mask = e.builder, splat(LIMB_MASK)
    limbs = [b.and_(words[0], mask)]
    limbs += [b.and_(_funnel(b, words[j], words[j - 1], 64 - 12 * j), mask) for j in range(1, 4)]
    limbs.append(b.lshr(words[3], splat(16)))
    return Value(tuple(limbs), Fraction(2))


def _to_words(e: Emitter, value: Value) -> list[ir.Value]:
    b = e.builder
    limbs = e.tidy(e.reduce(value, 2)).limbs
    return [b.or_(b.lshr(limbs[j], splat(12 * j)), b.shl(limbs[j + 1], splat(52 - 12 * j))) for j in range(4)]


def _funnel(b: ir.IRBuilder, high: ir.Value, low: ir.Value, count: int) -> ir.Value:
    """The low words of (high·2^64 + low) >> count."""
    kind = ir.FunctionType(VECTOR, [VECTOR] * 3)
    return b.call(declared(b.module, "llvm.fshr.v8i64", kind), [high, low, splat(count)])
