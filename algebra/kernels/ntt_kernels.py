"""Number-theoretic transforms of block arrays: whole blocks as the elements.

`transform` has the two halves of a four-step transform (see `zkroll.algebra.ntt` for the indices): in the first
all lanes of a block take the same factors, in the second, after an exchange of lanes and positions, each lane
its own. Factors are prepared ones (`fixed_product`); entry m + j of a table belongs to butterfly j of the layer
that joins transforms of length m.

Between the first load and the last layers nothing is reduced, and carries are propagated in factors of
products only: a layer adds at most 3·p to a value and 2^57 to each of its five words. 25
layers on top of 2·p stay below the 84·p of 2^260, and words in 64 bits; so five words modulo 2^260 are enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

from llvmlite import ir

from zkroll.algebra.kernels import fixed_product
from zkroll.algebra.kernels.emit import (
    FR,
    I64,
    LANES,
    LIMB_BYTES,
    LIMBS,
    VECTOR,
    Backend,
    Emitter,
    Value,
    block_intrinsic,
    declared,
    splat,
    split_limbs,
)
from zkroll.algebra.kernels.fixed_product import BOUND, COMPACT_BYTES, VECTOR_BYTES, Fixed
from zkroll.algebra.kernels.jit import family, helper, kernel

BLOCK = 320
TILE = LANES * BLOCK  # eight blocks side by side, whose lanes and positions are exchanged
NEAR = 64  # blocks that stay in the first-level cache while their first layers run
RUNNING = 80  # a bound that no value reaches before the last layers (2 + 3·25, and 3 more without factors)
JOINED = 12  # a bound of values before the very last layer
STREAM = 1 << 16  # blocks that do not fit the last cache: results go past it
PREPARING = 8  # rows of so many tiles have their points prepared
FACTOR = Fraction(11, 10)  # bound of points and their factors: products with canonical constants
COLUMNS, ROWS = 1, 2  # stages of `transform`


@dataclass(frozen=True)
class NttKernels:
    """The kernels, compiled on first use."""

    transform: Any  # see below
    small: Any  # (data, scratch, twiddles, log_n, begin, end): columns of 2^log_n blocks, lanes apart
    prepare: Any  # (out: two blocks each, a, begin, end): prepared factors, lane by lane


Columns = list[ir.Value]  # five words that stand for an integer modulo 2^260, carries not propagated


def _butterfly(
    e: Emitter, left: Columns, right: Columns, factor: Fixed | None, grown: Fraction | int = BOUND
) -> tuple[Columns, Columns]:
    """(x, y) becomes (x + w·y, x - w·y) and a multiple of p; w = 1, with y below grown·p, without a factor."""
    b = e.builder
    if factor is None:
        above = [b.add(x, y) for x, y in zip(left, right, strict=True)]
    else:
        above = fixed_product.add_product(e, left, fixed_product.settled(e, right), factor)
    # x - w·y = 2·x - (x + w·y)
    multiple = split_limbs(ceil(grown) * e.field.modulus)
    twice = [b.add(b.add(x, x), splat(limb)) for x, limb in zip(left, multiple, strict=True)]
    return above, [b.sub(x, y) for x, y in zip(twice, above, strict=True)]


def _load(e: Emitter, places: Sequence[ir.Value]) -> list[Columns]:
    return [list(e.load(place).limbs) for place in places]


def _store(
    e: Emitter, values: Sequence[Columns], places: Sequence[ir.Value], *, past_cache: bool = False
) -> None:
    for columns, place in zip(values, places, strict=True):
        for i, word in enumerate(columns):
            at = e.pointer(place, LIMB_BYTES * i, VECTOR)
            if past_cache:
                stored = e.builder.store(word, at, align=LIMB_BYTES)
                stored.set_metadata(
                    "nontemporal", e.builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
                )
            else:
                e.builder.store(word, at, align=8)


def _two_layers(
    e: Emitter, values: list[Columns], near: Fixed | None, far: Fixed | None, further: Fixed
) -> list[Columns]:
    """Layers of distance 1 and 2 on four values; without factors, they are below BOUND·p."""
    a, b, c, d = values
    a, b = _butterfly(e, a, b, near)
    c, d = _butterfly(e, c, d, near)
    a, c = _butterfly(e, a, c, far, 2 * ceil(BOUND) if far is None else BOUND)
    b, d = _butterfly(e, b, d, further)
    return [a, b, c, d]


def _settled(e: Emitter, columns: Columns) -> Value:
    return Value(fixed_product.settled(e, columns), Fraction(RUNNING))


@family
def ntt_kernels(backend: Backend) -> NttKernels:
    """Return the kernels on `backend`."""

    def emit_two(e: Emitter, x: ir.Value, y: ir.Value, to_x: ir.Value, to_y: ir.Value, w: ir.Value) -> None:
        left, right = _load(e, (x, y))
        _store(e, _butterfly(e, left, right, fixed_product.load_compact(e, w)), (to_x, to_y))

    def emit_four(
        e: Emitter,
        a: ir.Value,
        b: ir.Value,
        c: ir.Value,
        d: ir.Value,
        to_a: ir.Value,
        to_b: ir.Value,
        to_c: ir.Value,
        to_d: ir.Value,
        near: ir.Value,
        far: ir.Value,
        further: ir.Value,
    ) -> None:
        factors = [fixed_product.load_compact(e, place) for place in (near, far, further)]
        _store(e, _two_layers(e, _load(e, (a, b, c, d)), *factors), (to_a, to_b, to_c, to_d))

    def emit_four_past(
        e: Emitter,
        a: ir.Value,
        b: ir.Value,
        c: ir.Value,
        d: ir.Value,
        to_a: ir.Value,
        to_b: ir.Value,
        to_c: ir.Value,
        to_d: ir.Value,
        near: ir.Value,
        far: ir.Value,
        further: ir.Value,
    ) -> None:
        factors = [fixed_product.load_compact(e, place) for place in (near, far, further)]
        _store(e, _two_layers(e, _load(e, (a, b, c, d)), *factors), (to_a, to_b, to_c, to_d), past_cache=True)

    def emit_four_ones(
        e: Emitter, a: ir.Value, b: ir.Value, c: ir.Value, d: ir.Value, to: ir.Value, further: ir.Value
    ) -> None:
        """The first two layers of a transform without shift: three of the factors are one."""
        factor = fixed_product.load_compact(e, further)
        values = _two_layers(e, _load(e, (a, b, c, d)), None, None, factor)
        _store(e, values, [e.builder.add(to, ir.Constant(I64, BLOCK * i)) for i in range(4)])

    def emit_two_vector(e: Emitter, at: ir.Value, distance: ir.Value, w: ir.Value) -> None:
        places = (at, e.builder.add(at, distance))
        left, right = _load(e, places)
        _store(e, _butterfly(e, left, right, fixed_product.load_vector(e, w)), places)

    def emit_four_vector(
        e: Emitter, at: ir.Value, distance: ir.Value, near: ir.Value, far: ir.Value, further: ir.Value
    ) -> None:
        places = [at]
        for _ in range(3):
            places.append(e.builder.add(places[-1], distance))
        factors = [fixed_product.load_vector(e, place) for place in (near, far, further)]
        _store(e, _two_layers(e, _load(e, places), *factors), places)

    def emit_prefetch(e: Emitter, at: ir.Value) -> None:
        for i in range(LIMBS):
            _prefetch(e, at, 64 * i)

    def emit_exchange(e: Emitter, at: ir.Value) -> None:
        """Eight blocks at `at`: lane c of block l and lane l of block c change places."""
        for limb in range(LIMBS):
            places = [e.pointer(at, BLOCK * i + 64 * limb, VECTOR) for i in range(LANES)]
            for place, word in zip(
                places, _transpose(e, [e.builder.load(p, align=8) for p in places]), strict=True
            ):
                e.builder.store(word, place, align=8)

    def emit_entry(e: Emitter, out: ir.Value, point: ir.Value, base: ir.Value) -> None:
        """The factor point·base for each lane; base is its Montgomery form and its plain form."""
        g = e.load(point, bound=FACTOR)
        montgomery = e.mul(g, e.load_broadcast(base, bound=1))
        plain = e.mul(g, e.load_broadcast(base, 8 * LIMBS, bound=1))
        fixed_product.store_prepared(e, montgomery, plain, out)

    def emit_square(e: Emitter, out: ir.Value, a: ir.Value) -> None:
        e.store(e.sqr(e.load(a, bound=FACTOR)), out, bound=FACTOR)

    def emit_turn(e: Emitter, at: ir.Value, turn: ir.Value) -> None:
        """Multiply by a factor for all lanes."""
        (x,) = _load(e, (at,))
        start = [splat(0)] * LIMBS
        factor = fixed_product.load_compact(e, turn)
        _store(e, [fixed_product.add_product(e, start, fixed_product.settled(e, x), factor)], (at,))

    def emit_twist(e: Emitter, at: ir.Value, turn: ir.Value, point: ir.Value) -> None:
        """Multiply by a factor for all lanes and one for each."""
        (x,) = _load(e, (at,))
        for factor in (fixed_product.load_compact(e, turn), fixed_product.load_vector(e, point)):
            x = fixed_product.add_product(e, [splat(0)] * LIMBS, fixed_product.settled(e, x), factor)
        _store(e, [x], (at,))

    def emit_scale(e: Emitter, at: ir.Value, point: ir.Value) -> None:
        """Multiply by a block in Montgomery form."""
        (x,) = _load(e, (at,))
        e.store(e.mul(_settled(e, x), e.load(point, bound=FACTOR)), at)

    def emit_finish(
        e: Emitter, out: ir.Value, out_step: ir.Value, x: ir.Value, y: ir.Value, root: ir.Value
    ) -> None:
        """The last layer, of distance 4: reduced results at out and four steps on."""
        left, right = _load(e, (x, y))
        far = e.builder.add(out, e.builder.mul(out_step, ir.Constant(I64, 4)))
        for columns, place in zip(
            _butterfly(e, left, right, fixed_product.load_compact(e, root)), (out, far), strict=True
        ):
            e.store(_settled(e, columns), place)

    def emit_finish_one(e: Emitter, out: ir.Value, out_step: ir.Value, x: ir.Value, y: ir.Value) -> None:
        """The same with the factor one, for values below JOINED·p."""
        left, right = _load(e, (x, y))
        far = e.builder.add(out, e.builder.mul(out_step, ir.Constant(I64, 4)))
        for columns, place in zip(_butterfly(e, left, right, None, JOINED), (out, far), strict=True):
            e.store(_settled(e, columns), place)

    def emit_prepare(e: Emitter, out: ir.Value, a: ir.Value) -> None:
        value = e.load(a)
        fixed_product.store_prepared(e, value, e.mul(value, e.raw(1, 1)), out)

    def emit_settle(e: Emitter, at: ir.Value) -> None:
        e.store(_settled(e, _load(e, (at,))[0]), at)

    def emit_copy(e: Emitter, out: ir.Value, a: ir.Value) -> None:
        e.store(_settled(e, list(e.load(a).limbs)), out)

    two = block_intrinsic(FR, emit_two, backend=backend)
    four = block_intrinsic(FR, emit_four, backend=backend)
    four_past = block_intrinsic(FR, emit_four_past, backend=backend)
    four_ones = block_intrinsic(FR, emit_four_ones, backend=backend)
    two_vector = block_intrinsic(FR, emit_two_vector, backend=backend)
    four_vector = block_intrinsic(FR, emit_four_vector, backend=backend)
    prefetch = block_intrinsic(FR, emit_prefetch, backend=backend)
    exchange = block_intrinsic(FR, emit_exchange, backend=backend)
    entry = block_intrinsic(FR, emit_entry, backend=backend)
    square = block_intrinsic(FR, emit_square, backend=backend)
    turn = block_intrinsic(FR, emit_turn, backend=backend)
    twist = block_intrinsic(FR, emit_twist, backend=backend)
    scale_block = block_intrinsic(FR, emit_scale, backend=backend)
    finish = block_intrinsic(FR, emit_finish, backend=backend)
    finish_one = block_intrinsic(FR, emit_finish_one, backend=backend)
    prepare_block = block_intrinsic(FR, emit_prepare, backend=backend)
    settle_block = block_intrinsic(FR, emit_settle, backend=backend)
    copy = block_intrinsic(FR, emit_copy, backend=backend)

    @helper
    def middle(base: int, twiddles: int, size: int, start: int, end: int) -> None:
        """Join transforms of length `start` into transforms of length `end` inside `size` blocks."""
        m = start
        while m < end:
            for group in range(0, size, 4 * m):
                at = base + BLOCK * group
                for j in range(m):
                    w, x = twiddles + COMPACT_BYTES * j, at + BLOCK * j
                    y = x + BLOCK * m
                    u = y + BLOCK * m
                    v = u + BLOCK * m
                    four(
                        x,
                        y,
                        u,
                        v,
                        x,
                        y,
                        u,
                        v,
                        w + COMPACT_BYTES * m,
                        w + COMPACT_BYTES * 2 * m,
                        w + COMPACT_BYTES * 3 * m,
                    )
            m *= 4

    @helper
    def column(
        dst: int,
        place: int,
        src: int,
        stride: int,
        scratch: int,
        order: Any,
        twiddles: int,
        log_n1: int,
        n2: int,
        ones: int,
        past: int,
        ahead: int,
    ) -> None:
        """Transform the 2^log_n1 >= 8 blocks at src, `stride` bytes apart, into tiles at dst."""
        n1 = 1 << log_n1
        odd = log_n1 & 1
        first = 2 if odd else 4
        reach = first
        while reach * 4 <= NEAR and reach * 4 < n1:
            reach *= 4
        for chunk in range(0, n1, reach):
            for i in range(chunk, chunk + reach, first):
                at = scratch + BLOCK * i
                x, y = src + stride * order[i], src + stride * order[i + 1]
                prefetch(x + ahead)
                prefetch(y + ahead)
                if odd:
                    two(x, y, at, at + BLOCK, twiddles + COMPACT_BYTES)
                else:
                    u, v = src + stride * order[i + 2], src + stride * order[i + 3]
                    prefetch(u + ahead)
                    prefetch(v + ahead)
                    if ones:
                        four_ones(x, y, u, v, at, twiddles + 3 * COMPACT_BYTES)
                    else:
                        four(
                            x,
                            y,
                            u,
                            v,
                            at,
                            at + BLOCK,
                            at + 2 * BLOCK,
                            at + 3 * BLOCK,
                            twiddles + COMPACT_BYTES,
                            twiddles + 2 * COMPACT_BYTES,
                            twiddles + 3 * COMPACT_BYTES,
                        )
            middle(scratch + BLOCK * chunk, twiddles, reach, first, reach)
        middle(scratch, twiddles, n1, reach, n1 // 4)
        m = n1 // 4
        for j in range(m):
            at, w = scratch + BLOCK * j, twiddles + COMPACT_BYTES * j
            to = dst + BLOCK * ((j >> 3) * LANES * n2 + place * LANES + (j & 7))
            further = dst + BLOCK * (((j + m) >> 3) * LANES * n2 + place * LANES + ((j + m) & 7))
            third = dst + BLOCK * (((j + 2 * m) >> 3) * LANES * n2 + place * LANES + ((j + 2 * m) & 7))
            fourth = dst + BLOCK * (((j + 3 * m) >> 3) * LANES * n2 + place * LANES + ((j + 3 * m) & 7))
            if past:
                four_past(
                    at,
                    at + BLOCK * m,
                    at + 2 * BLOCK * m,
                    at + 3 * BLOCK * m,
                    to,
                    further,
                    third,
                    fourth,
                    w + COMPACT_BYTES * m,
                    w + COMPACT_BYTES * 2 * m,
                    w + COMPACT_BYTES * 3 * m,
                )
            else:
                four(
                    at,
                    at + BLOCK * m,
                    at + 2 * BLOCK * m,
                    at + 3 * BLOCK * m,
                    to,
                    further,
                    third,
                    fourth,
                    w + COMPACT_BYTES * m,
                    w + COMPACT_BYTES * 2 * m,
                    w + COMPACT_BYTES * 3 * m,
                )

    @helper
    def row_layers(base: int, factors: int, size: int, start: int, end: int) -> None:
        """As `middle`, on tiles instead of blocks and with factors lane by lane."""
        m = start
        while m < end:
            for group in range(0, size, 4 * m):
                for j in range(m):
                    at, w = base + TILE * (group + j), factors + VECTOR_BYTES * j
                    for l in range(LANES):
                        four_vector(
                            at + BLOCK * l,
                            TILE * m,
                            w + VECTOR_BYTES * m,
                            w + VECTOR_BYTES * 2 * m,
                            w + VECTOR_BYTES * 3 * m,
                        )
            m *= 4

    @helper
    def tile_rows(
        dst: int,
        out_step: int,
        step: int,
        at: int,
        scratch: int,
        points: int,
        eighth: int,
        bases: int,
        turns: int,
        roots: int,
        scaled: int,
        log_n2: int,
    ) -> None:
        """Transform eight rows of 2^log_n2 blocks and join their lanes."""
        n2 = 1 << log_n2
        for i in range(n2):
            exchange(at + TILE * i)
        if log_n2:
            power, factors = scratch, scratch + BLOCK
            copy(power, eighth)
            m = n2
            while m > 1:
                m //= 2
                if 2 * m < n2:
                    square(power, power)
                for j in range(m):
                    entry(factors + VECTOR_BYTES * (m + j), power, bases + COMPACT_BYTES * (m + j))
            m = 1
            if log_n2 & 1:
                for i in range(0, n2, 2):
                    for l in range(LANES):
                        two_vector(at + TILE * i + BLOCK * l, TILE, factors + VECTOR_BYTES)
                m = 2
            reach = m
            while reach < n2 and reach * 4 * LANES <= NEAR:
                reach *= 4
            for chunk in range(0, n2, reach):
                row_layers(at + TILE * chunk, factors, reach, m, reach)
            row_layers(at, factors, n2, reach, n2)
        prepared, joined = scratch + BLOCK * (2 * n2 + 1), scratch + BLOCK * (2 * n2 + 17)
        if n2 >= PREPARING:
            for l in range(1, LANES):
                prepare_block(prepared + VECTOR_BYTES * l, points + BLOCK * l)
        for i in range(n2):
            x = at + TILE * i
            if scaled:
                scale_block(x, points)
            else:
                settle_block(x)
            for l in range(1, LANES):
                factor = turns + COMPACT_BYTES * (LANES * i + l)
                if n2 >= PREPARING:
                    twist(x + BLOCK * l, factor, prepared + VECTOR_BYTES * l)
                else:
                    if i:
                        turn(x + BLOCK * l, factor)
                    scale_block(x + BLOCK * l, points + BLOCK * l)
            to, w4 = dst + step * i, roots + COMPACT_BYTES
            four_ones(x, x + 4 * BLOCK, x + 2 * BLOCK, x + 6 * BLOCK, joined, w4)
            four_ones(x + BLOCK, x + 5 * BLOCK, x + 3 * BLOCK, x + 7 * BLOCK, joined + 4 * BLOCK, w4)
            finish_one(to, out_step, joined, joined + 4 * BLOCK)
            for k in range(1, 4):
                root = roots + COMPACT_BYTES * (k - 1)
                finish(to + out_step * k, out_step, joined + BLOCK * k, joined + BLOCK * (k + 4), root)

    @kernel(
        "void(int64,int64,int64,int64,int64[::1],int64[::1],int64,int64,int64,int64,int64,int64,int64,int64,"
        "int64,int64,int64,int64,int64)",
        name=f"{backend}_ntt_transform",
    )
    def transform(
        data: int,
        columns: int,
        between: int,
        scratch: int,
        order: Any,
        places: Any,
        twiddles: int,
        points: int,
        eighths: int,
        bases: int,
        turns: int,
        roots: int,
        scaled: int,
        ones: int,
        log_n1: int,
        log_n2: int,
        stages: int,
        begin: int,
        end: int,
    ) -> None:
        """Run `stages` on `columns` columns of 2^(log_n1 + log_n2) blocks, one after the other.

        begin, end: the blocks of the first stage or the tiles of the second, for a stage alone; order and
        places: bit reversals; scratch: n1 blocks, or 2·n2 + 25 (the greater); scaled: whether points and block 0 hold 1/n.
        """
        n1, n2 = 1 << log_n1, 1 << log_n2
        tiles = n1 // LANES
        for k in range(columns):
            at = data + BLOCK * n1 * n2 * k
            if stages & COLUMNS:
                first, stop = (0, n2) if stages & ROWS else (begin, end)
                for i in range(first, stop):
                    column(
                        between,
                        places[i],
                        at + BLOCK * i,
                        BLOCK * n2,
                        scratch,
                        order,
                        twiddles,
                        log_n1,
                        n2,
                        ones,
                        int(n1 * n2 >= STREAM),
                        BLOCK,
                    )
            if stages & ROWS:
                first, stop = (0, tiles) if stages & COLUMNS else (begin, end)
                for i in range(first, stop):
                    tile_rows(
                        at + BLOCK * i,
                        BLOCK * tiles * n2,
                        BLOCK * tiles,
                        between + TILE * n2 * i,
                        scratch,
                        points + TILE * i,
                        eighths + BLOCK * i,
                        bases,
                        turns,
                        roots,
                        scaled,
                        log_n2,
                    )

    @kernel("void(int64,int64,int64,int64,int64,int64)", name=f"{backend}_ntt_small")
    def small(data: int, scratch: int, twiddles: int, log_n: int, begin: int, end: int) -> None:
        n = 1 << log_n
        for k in range(begin, end):
            at = data + BLOCK * n * k
            for i in range(n):
                back, rest = 0, i
                for _ in range(log_n):
                    back, rest = 2 * back + (rest & 1), rest >> 1
                copy(scratch + BLOCK * back, at + BLOCK * i)
            m = 1
            while m < n:
                for group in range(0, n, 2 * m):
                    for j in range(m):
                        x = scratch + BLOCK * (group + j)
                        y = x + BLOCK * m
                        two(x, y, x, y, twiddles + COMPACT_BYTES * (m + j))
                m *= 2
            for i in range(n):
                copy(at + BLOCK * i, scratch + BLOCK * i)

    @kernel("void(int64,int64,int64,int64)", name=f"{backend}_ntt_prepare")
    def prepare(out: int, a: int, begin: int, end: int) -> None:
        for i in range(begin, end):
            prepare_block(out + VECTOR_BYTES * i, a + BLOCK * i)

    return NttKernels(transform=transform, small=small, prepare=prepare)


def _prefetch(e: Emitter, address: ir.Value, offset: int) -> None:
    """Ask for the cache line at address + offset, to be read soon; addresses out of range do no harm."""
    i8p, i32 = ir.IntType(8).as_pointer(), ir.IntType(32)
    fn = declared(e.builder.module, "llvm.prefetch.p0", ir.FunctionType(ir.VoidType(), [i8p, i32, i32, i32]))
    read, near, data = (ir.Constant(i32, value) for value in (0, 2, 1))
    e.builder.call(fn, [e.pointer(address, offset, ir.IntType(8)), read, near, data])


def _transpose(e: Emitter, words: list[ir.Value]) -> list[ir.Value]:
    """Lane c of result l is lane l of vector c: three rounds that swap 1, 2 and 4 lanes between partners."""
    for size in (1, 2, 4):
        low = [i if not i & size else i - size + LANES for i in range(LANES)]
        high = [i + size if not i & size else i + LANES for i in range(LANES)]
        for i in range(LANES):
            if not i & size:
                x, y = words[i], words[i + size]
                words[i], words[i + size] = (_pick(e, x, y, lanes) for lanes in (low, high))
    return words


def _pick(e: Emitter, x: ir.Value, y: ir.Value, lanes: Sequence[int]) -> ir.Value:
    return e.builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(ir.IntType(32), LANES), list(lanes)))
