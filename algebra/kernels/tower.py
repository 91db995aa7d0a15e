"""Arithmetic of Fq2 and Fq6 on elements in memory: what the kernels of the pairing are made of.

    Fq2 = Fq[u]/(u² + 1)    Fq6 = Fq2[v]/(v³ - ξ), ξ = 9 + u

With IFMA a reduction costs as much as a product, and an addition with its carries a third of one. So nearly all
work is sums of products that are reduced once: their operands come from memory, and their columns stay in
registers whatever surrounds them. Karatsuba's trick, which trades products for additions, is used where its
additions are shared (sums of two and more products in Fq2) or where it saves whole products in Fq6.

What is a `routine` is one function per module, that passes addresses. That keeps the machine code of a whole
pairing within the first-level cache, and its compilation to a second or two.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from llvmlite import ir

from zkroll.algebra.constants import Q_MODULUS
from zkroll.algebra.kernels import ifma
from zkroll.algebra.kernels.emit import (
    BITS,
    BLOCK_BYTES,
    I64,
    LIMB_MASK,
    LIMBS,
    SLACK,
    VECTOR,
    Emitter,
    Value,
    splat,
    split_limbs,
)

PAIR_BYTES = 2 * BLOCK_BYTES
SIX_BYTES = 3 * PAIR_BYTES
_ARRAY = ir.ArrayType(VECTOR, LIMBS)
_MOST_PRODUCTS = 12  # of a sum in `products`; see _raised

Routine = Callable[..., Any]


@dataclass(eq=False)
class Number:
    """Eight elements of Fq below bound·q, in registers or at an address; `Tower` moves them between."""

    bound: Fraction
    value: Value | None = None
    address: ir.Value | None = None


@dataclass(eq=False)
class Pair:
    """Eight elements of Fq2; `minus` = -c1 and `total` = c0 + c1 are made when first needed."""

    c0: Number
    c1: Number
    minus: Number | None = None
    total: Number | None = None


Six = tuple[Pair, Pair, Pair]


class Tower:
    """Appends arithmetic of the tower; `base` is the emitter of Fq that it writes with."""

    def __init__(self, base: Emitter):
        self.base = base
        self.builder = base.builder

    # ---- between registers and memory ---------------------------------------------------------------------

    def at(self, address: ir.Value, offset: int) -> ir.Value:
        """Return the address + offset (bytes)."""
        return self.builder.add(address, ir.Constant(I64, offset)) if offset else address

    def number(self, address: ir.Value, offset: int = 0, bound: int | Fraction = 2) -> Number:
        """Return the number stored at address + offset."""
        return Number(Fraction(bound), address=self.at(address, offset))

    def pair(self, address: ir.Value, offset: int = 0, bound: int | Fraction = 2) -> Pair:
        """Return the element of Fq2 stored at address + offset."""
        return Pair(self.number(address, offset, bound), self.number(address, offset + BLOCK_BYTES, bound))

    def pairs(
        self, address: ir.Value, count: int, offset: int = 0, bound: int | Fraction = 2
    ) -> tuple[Pair, ...]:
        """Return `count` consecutive elements of Fq2."""
        return tuple(self.pair(address, offset + PAIR_BYTES * i, bound) for i in range(count))

    def six(self, address: ir.Value, offset: int = 0, bound: int | Fraction = 2) -> Six:
        """Return the element of Fq6 stored at address + offset."""
        a, b, c = self.pairs(address, 3, offset, bound)
        return a, b, c

    def slot(self, size: int = 1) -> ir.Value:
        """Return the address of `size` blocks on the stack."""
        with self.builder.goto_entry_block():
            place = self.builder.alloca(ir.ArrayType(_ARRAY, size))
            place.align = 64
            return self.builder.ptrtoint(place, I64)

    def value(self, number: Number) -> Value:
        """Return the number in registers."""
        if number.value is not None:
            return number.value
        return self.base.load(number.address, bound=number.bound)

    def address(self, number: Number) -> ir.Value:
        """Return where the number is, after storing it if need be."""
        if number.address is None:
            number.address = self.slot()
            self.base.store(self.value(number), number.address, bound=number.bound)
            number.value = None
        return number.address

    def store(self, number: Number, address: ir.Value, offset: int = 0, bound: int | Fraction = 2) -> None:
        """Store the number, reduced below bound·q."""
        self.base.store(self.value(number), address, offset, bound)

    def store_pair(self, pair: Pair, address: ir.Value, offset: int = 0, bound: int | Fraction = 2) -> None:
        """Store both halves, reduced below bound·q."""
        self.store(pair.c0, address, offset, bound)
        self.store(pair.c1, address, offset + BLOCK_BYTES, bound)

    def store_pairs(
        self, pairs: Sequence[Pair], address: ir.Value, offset: int = 0, bound: int | Fraction = 2
    ) -> None:
        """Store consecutive elements of Fq2."""
        for i, pair in enumerate(pairs):
            self.store_pair(pair, address, offset + PAIR_BYTES * i, bound)

    def constant(self, value: int) -> Number:
        """Return the constant in all lanes, kept in the module."""
        montgomery = self.base.field.to_montgomery(value)
        module = self.builder.module
        name = f"zkroll_{self.base.field.name}_{montgomery:064x}"
        place = module.globals.get(name)
        if place is None:
            place = ir.GlobalVariable(module, _ARRAY, name)
            place.linkage = "internal"
            place.global_constant = True
            place.align = 64
            place.initializer = ir.Constant(_ARRAY, [splat(limb) for limb in split_limbs(montgomery)])
        return Number(Fraction(1), address=self.builder.ptrtoint(place, I64))

    def constant_pair(self, value: tuple[int, int]) -> Pair:
        """Return the constant c0 + c1·u."""
        c0, c1 = value
        return Pair(self.constant(c0), self.constant(c1), self.constant(-c1 % Q_MODULUS))

    # ---- Fq -----------------------------------------------------------------------------------------------

    def _made(self, value: Value) -> Number:
        return Number(value.bound, value=self.base.tidy(value))

    def add(self, a: Number, b: Number) -> Number:
        """Return a + b."""
        return self._made(self.base.add(self.value(a), self.value(b)))

    def sub(self, a: Number, b: Number) -> Number:
        """Return a - b."""
        return self._made(self.base.sub(self.value(a), self.value(b)))

    def neg(self, a: Number) -> Number:
        """Return -a."""
        return self._made(self.base.neg(self.value(a)))

    def times(self, a: Number, factor: int) -> Number:
        """Return factor·a for a small factor > 0."""
        return self._made(self.base.times(self.value(a), factor))

    def dot(self, terms: Sequence[tuple[Number, Number]]) -> Number:
        """Return Σ x·y, reduced once; the bounds are checked while emitting."""
        shrink, capacity = self.base.field.shrink, self.base.field.capacity
        bound = _bound(terms) * shrink + SLACK
        if bound + len(terms) > capacity:
            raise ValueError(f"dot: expected a sum below {capacity}, got {float(bound)}")
        lefts, rights = [self.address(x) for x, _ in terms], [self.address(y) for _, y in terms]
        out = self.slot()
        self._call(f"dot_{len(terms)}", _emit_dot, [out, *lefts, *rights], returns=False)
        return Number(bound, address=out)

    # ---- Fq2 ----------------------------------------------------------------------------------------------

    def add_pairs(self, a: Pair, b: Pair) -> Pair:
        """Return a + b."""
        return Pair(self.add(a.c0, b.c0), self.add(a.c1, b.c1))

    def sub_pairs(self, a: Pair, b: Pair) -> Pair:
        """Return a - b."""
        return Pair(self.sub(a.c0, b.c0), self.sub(a.c1, b.c1))

    def neg_pair(self, a: Pair) -> Pair:
        """Return -a."""
        return Pair(self.neg(a.c0), self._minus(a), a.c1)

    def conjugate(self, a: Pair) -> Pair:
        """Return c0 - c1·u = a^q."""
        return Pair(a.c0, self._minus(a), a.c1)

    def times_pair(self, a: Pair, factor: int) -> Pair:
        """Return factor·a for a small factor > 0."""
        return Pair(self.times(a.c0, factor), self.times(a.c1, factor))

    def times_xi(self, a: Pair) -> Pair:
        """Return (9 + u)·a."""
        base, c0, c1 = self.base, self.value(a.c0), self.value(a.c1)
        return Pair(
            self._made(base.sub(base.times(c0, 9), c1)),
            self._made(base.add(base.times(c1, 9), c0)),
        )

    def products(self, terms: Sequence[tuple[Pair, Pair]], squares: Sequence[Pair] = ()) -> Pair:
        """Return Σ x·y + Σ z², reduced once.

        The halves of x·y are x0·y0 - x1·y1 and x0·y1 + x1·y0 = (x0 + x1)·(y0 + y1) - x0·y0 - x1·y1, those
        of z² (z0 + z1)·(z0 - z1) and 2·z0·z1.
        """
        real: list[tuple[Number, Number]] = []
        imaginary: list[tuple[Number, Number]] = []
        for z in squares:
            real.append((self.add(z.c0, z.c1), self.sub(z.c0, z.c1)))
            imaginary.append((self.times(z.c0, 2), z.c1))
        if len(terms) > 1:
            return self._karatsuba(terms, real, imaginary)
        for x, y in terms:
            real += [(x.c0, y.c0), (self._minus(x), y.c1)]
            imaginary += [(x.c0, y.c1), (x.c1, y.c0)]
        return Pair(self.dot(real), self.dot(imaginary))

    def _karatsuba(
        self,
        terms: Sequence[tuple[Pair, Pair]],
        real: Sequence[tuple[Number, Number]],
        imaginary: Sequence[tuple[Number, Number]],
    ) -> Pair:
        """Return Σ x·y + Σ real + Σ imaginary·u with three products for each x·y."""
        low = _bound((x.c0, y.c0) for x, y in terms)
        high = _bound((x.c1, y.c1) for x, y in terms)
        cross = _bound(pair for x, y in terms for pair in ((x.c0, y.c1), (x.c1, y.c0)))
        ceiling = 16
        while ceiling < high:
            ceiling *= 2
        shrink, capacity = self.base.field.shrink, self.base.field.capacity
        bounds = (
            (low + ceiling + _bound(real)) * shrink + SLACK,
            (cross + _bound(imaginary)) * shrink + SLACK,
        )
        columns = 2 * len(terms) + len(real)
        if max(bounds) + columns > capacity or columns > _MOST_PRODUCTS:
            raise ValueError(
                f"products: expected sums below {capacity} of at most {_MOST_PRODUCTS} products, "
                f"got {float(max(bounds))} of {columns}"
            )
        operands: list[Number] = []
        for x, y in terms:
            operands += [x.c0, y.c0, x.c1, y.c1, self._total(x), self._total(y)]
        for one, other in zip(real, imaginary, strict=True):
            operands += [*one, *other]
        out = self.slot(2)
        name = f"products_{len(terms)}_{len(real)}_{ceiling}"
        body = _products_body(len(terms), ceiling)
        self._call(name, body, [out, *map(self.address, operands)], returns=False)
        return Pair(Number(bounds[0], address=out), Number(bounds[1], address=self.at(out, BLOCK_BYTES)))

    def scale(self, a: Pair, factor: Number) -> Pair:
        """Return a·factor for a factor in Fq."""
        return Pair(self.dot([(a.c0, factor)]), self.dot([(a.c1, factor)]))

    def _minus(self, a: Pair) -> Number:
        if a.minus is None:
            a.minus = self.neg(a.c1)
        return a.minus

    def _total(self, a: Pair) -> Number:
        if a.total is None:
            a.total = self.add(a.c0, a.c1)
            if a.total.bound != a.c0.bound + a.c1.bound:
                raise ValueError(f"products: expected halves whose sum fits, got bound {float(a.c0.bound)}")
        return a.total

    # ---- Fq6 ----------------------------------------------------------------------------------------------

    def add_six(self, a: Six, b: Six) -> Six:
        """Return a + b."""
        return (self.add_pairs(a[0], b[0]), self.add_pairs(a[1], b[1]), self.add_pairs(a[2], b[2]))

    def sub_six(self, a: Six, b: Six) -> Six:
        """Return a - b."""
        return (self.sub_pairs(a[0], b[0]), self.sub_pairs(a[1], b[1]), self.sub_pairs(a[2], b[2]))

    def times_v(self, a: Six) -> Six:
        """Return v·a."""
        return (self.times_xi(a[2]), a[0], a[1])

    def keep_six(self, a: Six) -> ir.Value:
        """Return the address of `a` on the stack, reduced below 4."""
        place = self.slot(6)
        self.store_pairs(a, place, bound=4)
        return place

    # ---- functions of the module --------------------------------------------------------------------------

    def _call(self, name: str, body: Routine, arguments: Sequence[ir.Value], *, returns: bool) -> ir.Value:
        full = f"zkroll_{self.base.backend}_tower_{name}"
        module = self.builder.module
        function = module.globals.get(full)
        if function is None:
            kind = ir.FunctionType(I64 if returns else ir.VoidType(), [I64] * len(arguments))
            function = ir.Function(module, kind, full)
            function.linkage = "internal"
            function.attributes.add("noinline")
            function.attributes.add("nounwind")
            inner = ir.IRBuilder(function.append_basic_block("entry"))
            inside = Emitter(inner, self.base.field, self.base.backend)
            result = body(Tower(inside), *function.args)
            if returns:
                inner.ret(result)
            else:
                inner.ret_void()
        return self.builder.call(function, list(arguments))


def routine(body: Routine) -> Routine:
    """Make a function of the module of what `body(tower, *addresses)` emits; nothing is returned."""

    @functools.wraps(body)
    def call(t: Tower, *arguments: ir.Value) -> None:
        t._call(body.__name__, body, arguments, returns=False)

    return call


def mask_routine(body: Routine) -> Routine:
    """Make a function of the module of what `body(tower, *addresses)` emits, which returns a lane mask."""

    def bits(t: Tower, *arguments: ir.Value) -> ir.Value:
        return t.base.mask_to_bits(body(t, *arguments))

    @functools.wraps(body)
    def call(t: Tower, *arguments: ir.Value) -> ir.Value:
        return t.base.mask_from_bits(t._call(body.__name__, bits, arguments, returns=True))

    return call


def _bound(terms: Iterable[tuple[Number, Number]]) -> Fraction:
    """Return b such that Σ x·y is below b·q²."""
    return sum((x.bound * y.bound for x, y in terms), Fraction(0))


def _emit_dot(t: Tower, out: ir.Value, *operands: ir.Value) -> None:
    """Σ x·y/R for operands x…, y… (addresses), below (Σ bounds)·q/R + SLACK."""
    e = t.base
    count = len(operands) // 2
    terms = list(zip(operands[:count], operands[count:], strict=True))
    if e.backend == "portable":
        e.store(_sum_by_products(e, terms), out, bound=SLACK)
        return
    # two sets of columns, so that the chains of additions to one column are half as long
    columns = [_no_columns(), _no_columns()]
    for i, (x, y) in enumerate(terms):
        _accumulate(e, columns[i % 2], x, y)
    both = _columnwise(e.builder.add, *columns) if count > 1 else columns[0]
    e.store(Value(ifma.reduced(e.builder, e.field, both), SLACK), out, bound=SLACK)


def _products_body(count: int, ceiling: int) -> Routine:
    """Make the emitter of `Tower._karatsuba` for `count` products, with Σ x1·y1 below ceiling·q²."""

    def body(t: Tower, out: ir.Value, *operands: ir.Value) -> None:
        e, b = t.base, t.builder
        terms = [operands[i : i + 6] for i in range(0, 6 * count, 6)]
        squares = [operands[i : i + 4] for i in range(6 * count, len(operands), 4)]
        if e.backend == "portable":
            low = _sum_by_products(e, [(x0, y0) for x0, y0, *_ in terms])
            high = _sum_by_products(e, [(x1, y1) for _, _, x1, y1, *_ in terms])
            both = _sum_by_products(e, [(x, y) for *_, x, y in terms])
            real, imaginary = e.sub(low, high), e.sub(both, e.add(low, high))
            if squares:
                real = e.add(real, _sum_by_products(e, [(x, y) for x, y, *_ in squares]))
                imaginary = e.add(imaginary, _sum_by_products(e, [(x, y) for *_, x, y in squares]))
            e.store(real, out, bound=SLACK)
            e.store(imaginary, out, BLOCK_BYTES, bound=SLACK)
            return
        lows, highs = _no_columns(), _no_columns()
        for x0, y0, x1, y1, *_ in terms:
            _accumulate(e, lows, x0, y0)
            _accumulate(e, highs, x1, y1)
        # what is added keeps every column from being negative: a multiple of q in `real`, zero in `imaginary`
        real_columns = _columnwise(b.sub, _columnwise(b.add, lows, _raised(ceiling * Q_MODULUS**2)), highs)
        imaginary_columns = _columnwise(b.sub, _raised(0), _columnwise(b.add, lows, highs))
        for x, y, *_ in squares:
            _accumulate(e, real_columns, x, y)
        limbs = ifma.reduced(b, e.field, real_columns)
        e.store(Value(limbs, SLACK), out, bound=SLACK)
        for *_, x, y in (*terms, *squares):
            _accumulate(e, imaginary_columns, x, y)
        limbs = ifma.reduced(b, e.field, imaginary_columns)
        e.store(Value(limbs, SLACK), out, BLOCK_BYTES, bound=SLACK)

    return body


def _sum_by_products(e: Emitter, terms: Sequence[tuple[ir.Value, ir.Value]]) -> Value:
    """Return Σ x·y/R of blocks below SLACK·q, whatever their bounds are (as the callers' checks allow)."""
    total = e.sum_of_products([(e.load(x), e.load(y)) for x, y in terms])
    return e.tidy(e.reduce(Value(e.tidy(total).limbs, Fraction(e.field.capacity)), SLACK))


def _no_columns() -> list[ir.Value]:
    return [splat(0)] * (2 * LIMBS)


def _accumulate(e: Emitter, columns: list[ir.Value], x: ir.Value, y: ir.Value) -> None:
    left, right = e.load(x).limbs, e.load(y).limbs
    for j in range(LIMBS):
        for k in range(LIMBS):
            ifma.accumulate(e.builder, columns, j + k, left[k], right[j])


def _columnwise(operation: Routine, a: Sequence[ir.Value], b: Sequence[ir.Value]) -> list[ir.Value]:
    return [operation(x, y) for x, y in zip(a, b, strict=True)]


def _raised(value: int) -> list[ir.Value]:
    """Return `value` in ten columns of which all but the highest are at least 2^59 - 2^7.

    Twelve products leave less than 12·10·2^52 < 2^59 - 2^7 in a column. Only the total has to be positive in
    the highest one, which nothing is carried out of.
    """
    digits = [value >> (BITS * i) & LIMB_MASK for i in range(2 * LIMBS)]
    lent = 1 << 7
    raised = [digit + (lent << BITS) - (lent if i else 0) for i, digit in enumerate(digits)]
    raised[-1] = digits[-1] - lent
    return [splat(column) for column in raised]
