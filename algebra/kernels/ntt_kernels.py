"""Number-theoretic transforms of block arrays: whole blocks as the elements, lanes carried along.

`columns_pass` and `rows_pass` are the two halves of a four-step transform (see `zkroll.algebra.ntt`).
Twiddles that all lanes share lie in compact tables of five words (40 bytes) each; entry m + j belongs to
butterfly j of the layer that joins transforms of length m.

No residue is reduced between the first load and the last store: a layer adds at most 2·p to the bound, and
26 layers on top of 2·p stay below the 84·p that five limbs hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from llvmlite import ir

from zkroll.algebra.kernels.emit import FR, LANES, Backend, Emitter, Value, block_intrinsic
from zkroll.algebra.kernels.jit import family, helper, kernel

BLOCK = 320
TWIDDLE = 40
NEAR = 64  # blocks that stay in the first-level cache while their first layers run
RUNNING = 60  # a bound that no value reaches during a transform (2 + 2·26 = 54)
FACTOR = Fraction(11, 10)  # bound of table entries: all are products with a canonical constant


@dataclass(frozen=True)
class NttKernels:
    """The kernels, compiled on first use."""

    columns_pass: Any  # (dst, src, scratch, twiddles, log_n1, log_n2, begin, end)
    rows_pass: Any  # (dst, src, twiddles, lane_twiddles, constants, scale, log_n1, log_n2, begin, end)
    scale: Any  # (data, low: blocks, high: compact, log_low, begin, end)
    evaluate: Any  # (result, coefficients, powers, step: block, chunk, blocks, begin, end)


def _butterfly(e: Emitter, left: Value, right: Value, twiddle: Value) -> tuple[Value, Value]:
    """(x, y) becomes (x + w·y, x - w·y)."""
    turned = e.mul(right, twiddle)
    return e.add(left, turned), e.sub(left, turned)


@family
def ntt_kernels(backend: Backend) -> NttKernels:
    """Return the kernels on `backend`."""

    def emit_two(e: Emitter, at: ir.Value, twiddle: ir.Value) -> None:
        w = e.load_broadcast(twiddle, bound=FACTOR)
        x, y = _butterfly(e, e.load(at, bound=RUNNING), e.load(at, BLOCK, bound=RUNNING), w)
        e.store(x, at, bound=RUNNING + 2)
        e.store(y, at, BLOCK, bound=RUNNING + 2)

    def emit_four(
        e: Emitter, at: ir.Value, distance: ir.Value, near: ir.Value, far: ir.Value, further: ir.Value
    ) -> None:
        """Two layers at once on blocks at, at + d, at + 2d, at + 3d."""
        places = [at]
        for _ in range(3):
            places.append(e.builder.add(places[-1], distance))
        a, b, c, d = (e.load(place, bound=RUNNING) for place in places)
        w = e.load_broadcast(near, bound=FACTOR)
        a, b = _butterfly(e, a, b, w)
        c, d = _butterfly(e, c, d, w)
        a, c = _butterfly(e, a, c, e.load_broadcast(far, bound=FACTOR))
        b, d = _butterfly(e, b, d, e.load_broadcast(further, bound=FACTOR))
        for value, place in zip((a, b, c, d), places, strict=True):
            e.store(value, place, bound=RUNNING + 4)

    def emit_copy(e: Emitter, out: ir.Value, a: ir.Value) -> None:
        e.store(e.load(a, bound=RUNNING), out, bound=RUNNING)

    def emit_lanes(
        e: Emitter,
        out: ir.Value,
        out_step: ir.Value,
        a: ir.Value,
        a_step: ir.Value,
        point: ir.Value,
        roots: ir.Value,
    ) -> None:
        _store_eight(e, _across_lanes(e, a, a_step, point, roots), out, out_step)

    def emit_lanes_scaled(
        e: Emitter,
        out: ir.Value,
        out_step: ir.Value,
        a: ir.Value,
        a_step: ir.Value,
        point: ir.Value,
        roots: ir.Value,
        scale: ir.Value,
    ) -> None:
        factor = e.load_broadcast(scale, bound=1)
        _store_eight(e, [e.mul(v, factor) for v in _across_lanes(e, a, a_step, point, roots)], out, out_step)

    two = block_intrinsic(FR, emit_two, backend=backend)
    four = block_intrinsic(FR, emit_four, backend=backend)
    copy = block_intrinsic(FR, emit_copy, backend=backend)
    lanes = block_intrinsic(FR, emit_lanes, backend=backend, inline=False)
    lanes_scaled = block_intrinsic(FR, emit_lanes_scaled, backend=backend, inline=False)

    @helper
    def layers(base: int, twiddles: int, size: int, start: int, end: int) -> None:
        """Join transforms of length `start` into transforms of length `end`, two layers at a time."""
        m = start
        while m < end:
            for group in range(0, size, 4 * m):
                at = base + BLOCK * group
                for j in range(m):
                    w = twiddles + TWIDDLE * j
                    four(
                        at + BLOCK * j,
                        BLOCK * m,
                        w + TWIDDLE * m,
                        w + TWIDDLE * 2 * m,
                        w + TWIDDLE * 3 * m,
                    )
            m *= 4

    @helper
    def transform(base: int, twiddles: int, log_size: int) -> None:
        """Transform 2^log_size blocks in place, bit-reversed order in, natural order out."""
        size = 1 << log_size
        m = 1
        if log_size & 1:
            for i in range(0, size, 2):
                two(base + BLOCK * i, twiddles + TWIDDLE)
            m = 2
        reach = m
        while reach < size and reach * 4 <= NEAR:
            reach *= 4
        for chunk in range(0, size, reach):
            layers(base + BLOCK * chunk, twiddles, reach, m, reach)
        layers(base, twiddles, size, reach, size)

    @helper
    def reverse(value: int, bits: int) -> int:
        result = 0
        for _ in range(bits):
            result = (result << 1) | (value & 1)
            value >>= 1
        return result

    @kernel("void(int64,int64,int64,int64,int64,int64,int64,int64)", name=f"{backend}_ntt_columns")
    def columns_pass(
        dst: int, src: int, scratch: int, twiddles: int, log_n1: int, log_n2: int, begin: int, end: int
    ) -> None:
        n1, n2 = 1 << log_n1, 1 << log_n2
        for column in range(begin, end):
            for i in range(n1):
                copy(scratch + BLOCK * reverse(i, log_n1), src + BLOCK * (n2 * i + column))
            transform(scratch, twiddles, log_n1)
            place = reverse(column, log_n2)
            for i in range(n1):
                copy(dst + BLOCK * (n2 * i + place), scratch + BLOCK * i)

    @kernel(
        "void(int64,int64,int64,int64,int64,int64,int64,int64,int64,int64)",
        name=f"{backend}_ntt_rows",
    )
    def rows_pass(
        dst: int,
        src: int,
        twiddles: int,
        points: int,
        roots: int,
        scale: int,
        log_n1: int,
        log_n2: int,
        begin: int,
        end: int,
    ) -> None:
        n2, tiles = 1 << log_n2, 1 << (log_n1 - 3)
        out_step = BLOCK * (tiles << log_n2)
        for tile in range(begin, end):
            first = src + BLOCK * LANES * tile * n2
            if log_n2:
                for row in range(LANES):
                    transform(
                        first + BLOCK * row * n2, twiddles + TWIDDLE * (LANES * tile + row) * n2, log_n2
                    )
            for i in range(n2):
                place = BLOCK * (tile + tiles * i)
                if scale:
                    lanes_scaled(
                        dst + place, out_step, first + BLOCK * i, BLOCK * n2, points + place, roots, scale
                    )
                else:
                    lanes(dst + place, out_step, first + BLOCK * i, BLOCK * n2, points + place, roots)

    def emit_scale(e: Emitter, data: ir.Value, low: ir.Value, high: ir.Value) -> None:
        factor = e.mul(e.load(low), e.load_broadcast(high))
        e.store(e.mul(e.load(data), factor), data)

    scale_block = block_intrinsic(FR, emit_scale, backend=backend)

    @kernel("void(int64,int64,int64,int64,int64,int64)", name=f"{backend}_ntt_scale")
    def scale(data: int, low: int, high: int, log_low: int, begin: int, end: int) -> None:
        mask = (1 << log_low) - 1
        for i in range(begin, end):
            scale_block(data + BLOCK * i, low + BLOCK * (i & mask), high + TWIDDLE * (i >> log_low))

    def emit_step(e: Emitter, total: ir.Value, step: ir.Value) -> None:
        e.store(e.mul(e.load(total), e.load(step)), total)

    def emit_product(e: Emitter, total: ir.Value, a: ir.Value, b: ir.Value) -> None:
        e.store(e.add(e.load(total), e.mul(e.load(a), e.load(b))), total)

    advance = block_intrinsic(FR, emit_step, backend=backend)
    add_product = block_intrinsic(FR, emit_product, backend=backend)

    @kernel("void(int64,int64,int64,int64,int64,int64,int64,int64)", name=f"{backend}_ntt_evaluate")
    def evaluate(
        result: int, coefficients: int, powers: int, step: int, chunk: int, blocks: int, begin: int, end: int
    ) -> None:
        """Horner over chunks, inner products with powers inside; one block of partial sums a column."""
        for column in range(begin, end):
            total = result + BLOCK * column
            start = (blocks - 1) // chunk * chunk
            while start >= 0:
                advance(total, step)
                at = coefficients + BLOCK * (column * blocks + start)
                for i in range(min(chunk, blocks - start)):
                    add_product(total, at + BLOCK * i, powers + BLOCK * i)
                start -= chunk

    return NttKernels(columns_pass=columns_pass, rows_pass=rows_pass, scale=scale, evaluate=evaluate)


def _across_lanes(e: Emitter, a: ir.Value, a_step: ir.Value, point: ir.Value, roots: ir.Value) -> list[Value]:
    """Σ_l x_l·g^l·ω_8^(l·k) for k = 0..7, where x_l is lane l of eight blocks and g their evaluation points.

    The eight blocks are transposed first, so that lane c of value l is lane l of block c; then come three
    layers of butterflies with the twiddles g⁴, g²·ω_4^j and g·ω_8^j.
    """
    place, blocks = a, []
    for _ in range(LANES):
        blocks.append(e.load(place, bound=RUNNING))
        place = e.builder.add(place, a_step)
    values = _transpose(e, blocks)
    g = e.load(point, bound=FACTOR)
    g2 = e.sqr(g)
    g4 = e.sqr(g2)
    w1, w2, w3 = (e.load_broadcast(roots, TWIDDLE * i, bound=1) for i in range(3))
    order = [values[i] for i in (0, 4, 2, 6, 1, 5, 3, 7)]
    twiddles = {1: [g4], 2: [g2, e.mul(g2, w2)], 4: [g, e.mul(g, w1), e.mul(g, w2), e.mul(g, w3)]}
    for m in (1, 2, 4):
        for group in range(0, LANES, 2 * m):
            for j in range(m):
                i = group + j
                order[i], order[i + m] = _butterfly(e, order[i], order[i + m], twiddles[m][j])
    return order


def _transpose(e: Emitter, blocks: list[Value]) -> list[Value]:
    """Lane c of result l is lane l of block c: three rounds that swap 1, 2 and 4 lanes between partners."""
    for size in (1, 2, 4):
        low = [i if not i & size else i - size + LANES for i in range(LANES)]
        high = [i + size if not i & size else i + LANES for i in range(LANES)]
        for i in range(LANES):
            if not i & size:
                x, y = blocks[i], blocks[i + size]
                blocks[i], blocks[i + size] = e.shuffle(x, low, y), e.shuffle(x, high, y)
    return blocks


def _store_eight(e: Emitter, values: list[Value], out: ir.Value, out_step: ir.Value) -> None:
    for value in values:
        e.store(value, out)
        out = e.builder.add(out, out_step)
