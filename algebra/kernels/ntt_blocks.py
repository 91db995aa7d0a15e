"""Steps of a number-theoretic transform on blocks: butterflies, factors, and the exchange of lanes and positions.

Between the first load and the last layers nothing is reduced, and carries are propagated in factors of
products only: a layer adds at most 3·p to a value and 2^57 to each of its five words. 25 layers on top of 2·p
stay below the 84·p of 2^260, and words in 64 bits; so five words modulo 2^260 are enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import ceil
from typing import Any

from llvmlite import ir

from zkroll.algebra.kernels import fixed_product
from zkroll.algebra.kernels.emit import (
    BLOCK_BYTES,
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
from zkroll.algebra.kernels.fixed_product import BOUND, COMPACT_BYTES, Fixed

BLOCK = BLOCK_BYTES
RUNNING = 80  # a bound that no value reaches before the last layers (2 + 3·25, and 3 more without factors)
JOINED = 12  # a bound of values before the very last layer
FACTOR = Fraction(11, 10)  # bound of points and their factors: products with canonical constants


@dataclass(frozen=True)
class NttBlocks:
    """Intrinsics on block addresses; factors are prepared ones, one for all lanes unless stated otherwise."""

    two: Any  # (x, y, to_x, to_y, w): a layer
    four: Any  # (a, b, c, d, to_a, to_b, to_c, to_d, near, far, further): two layers
    four_past: Any  # the same, stored past the cache at multiples of 64 bytes
    four_ones: Any  # (a, b, c, d, to: four blocks, further): near and far are one
    two_vector: Any  # (at, distance, w): a layer in place, a factor for each lane
    four_vector: Any  # (at, distance, near, far, further): two layers in place, a factor for each lane
    prefetch: Any  # (at)
    exchange: Any  # (at: eight blocks)
    entry: Any  # (out: factor for each lane, point: block, base: Montgomery form and plain form)
    square: Any  # (out, a)
    turn: Any  # (at, factor)
    twist: Any  # (at, factor, factor for each lane)
    scale: Any  # (at, block in Montgomery form)
    finish: Any  # (out, out_step, x, y, root): the last layer, reduced, at out and out + 4·out_step
    finish_coset: Any  # (out, out_step, x, y, root, scale): times factors at scale and four on
    finish_one: Any  # (out, out_step, x, y): with the root one
    prepare: Any  # (out: factor for each lane, a)
    settle: Any  # (at): carries propagated, reduced
    copy: Any  # (out, a): the same on the way


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


@cache
def ntt_blocks(backend: Backend) -> NttBlocks:
    """Return the intrinsics on `backend`."""

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

    def emit_finish_coset(
        e: Emitter,
        out: ir.Value,
        out_step: ir.Value,
        x: ir.Value,
        y: ir.Value,
        root: ir.Value,
        scale: ir.Value,
    ) -> None:
        """The same with a factor for each result, at scale and four factors on."""
        left, right = _load(e, (x, y))
        far = e.builder.add(out, e.builder.mul(out_step, ir.Constant(I64, 4)))
        results = _butterfly(e, left, right, fixed_product.load_compact(e, root))
        for i, (columns, place) in enumerate(zip(results, (out, far), strict=True)):
            factor = fixed_product.load_compact(e, scale, 4 * COMPACT_BYTES * i)
            e.store(fixed_product.times(e, _settled(e, columns), factor), place)

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

    return NttBlocks(
        two=block_intrinsic(FR, emit_two, backend=backend),
        four=block_intrinsic(FR, emit_four, backend=backend),
        four_past=block_intrinsic(FR, emit_four_past, backend=backend),
        four_ones=block_intrinsic(FR, emit_four_ones, backend=backend),
        two_vector=block_intrinsic(FR, emit_two_vector, backend=backend),
        four_vector=block_intrinsic(FR, emit_four_vector, backend=backend),
        prefetch=block_intrinsic(FR, emit_prefetch, backend=backend),
        exchange=block_intrinsic(FR, emit_exchange, backend=backend),
        entry=block_intrinsic(FR, emit_entry, backend=backend),
        square=block_intrinsic(FR, emit_square, backend=backend),
        turn=block_intrinsic(FR, emit_turn, backend=backend),
        twist=block_intrinsic(FR, emit_twist, backend=backend),
        scale=block_intrinsic(FR, emit_scale, backend=backend),
        finish=block_intrinsic(FR, emit_finish, backend=backend),
        finish_coset=block_intrinsic(FR, emit_finish_coset, backend=backend),
        finish_one=block_intrinsic(FR, emit_finish_one, backend=backend),
        prepare=block_intrinsic(FR, emit_prepare, backend=backend),
        settle=block_intrinsic(FR, emit_settle, backend=backend),
        copy=block_intrinsic(FR, emit_copy, backend=backend),
    )


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
