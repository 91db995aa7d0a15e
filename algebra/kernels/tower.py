"""Fq12 over Fq6 over Fq2 on elements in memory: what the kernels of the pairing are made of.

    Fq2 = Fq[u]/(u² + 1)    Fq6 = Fq2[v]/(v³ - ξ), ξ = 9 + u    Fq12 = Fq6[w]/(w² - v)

An element of Fq12 is twelve blocks (3840 bytes): six elements of Fq2 that stand before 1, v, v², w, v·w, v²·w.

With IFMA a reduction costs as much as a product, and an addition with its carries a third of one. So nearly all
work is sums of products that are reduced once: their operands come from memory, and their columns stay in
registers whatever surrounds them. Karatsuba's trick, which trades products for additions, is used where its
additions are shared (sums of two and more products in Fq2) or where it saves whole products in Fq6.

Everything here is a `routine`: one function per module, that passes addresses. That keeps the machine code
of a whole pairing within the first-level cache, and its compilation to a second or two.
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
TWELVE_BYTES = 2 * SIX_BYTES
NON_RESIDUE = (9, 1)
INVERSION_BYTES = 2 * SIX_BYTES  # what `twelve_invert_begin` leaves for `twelve_invert_end`
_ARRAY = ir.ArrayType(VECTOR, LIMBS)
_INVERSION_SUM = 3  # bound of the coefficients between the two halves of an inversion
_SIX = 12  # bound of products in Fq6, whose operands are below 4

_MOST_PRODUCTS = 12  # of a sum in `products`; see _raised

Routine = Callable[..., Any]


def power_of_non_residue(exponent: int) -> tuple[int, int]:
    """Return ξ^exponent in Fq2, exponent >= 0."""
    c0, c1 = 1, 0
    for bit in bin(exponent)[2:]:
        c0, c1 = (c0 * c0 - c1 * c1) % Q_MODULUS, 2 * c0 * c1 % Q_MODULUS
        if bit == "1":
            c0, c1 = (9 * c0 - c1) % Q_MODULUS, (9 * c1 + c0) % Q_MODULUS
    return c0, c1


def frobenius_constant(power: int, k: int) -> tuple[int, int]:
    """Return w^(k·(q^power - 1)) = ξ^(k·(q^power - 1)/6), which w^k is multiplied by."""
    return power_of_non_residue(k * (Q_MODULUS**power - 1) // 6)


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


# ---- Fq6 --------------------------------------------------------------------------------------------------


@routine
def six_mul(t: Tower, out: ir.Value, a: ir.Value, b: ir.Value) -> None:
    """out = a·b in Fq6, with bounds of 4 in and _SIX out; `out` is neither of the others."""
    x, y = t.six(a, bound=4), t.six(b, bound=4)
    y1, y2 = t.times_xi(y[1]), t.times_xi(y[2])
    t.store_pairs(
        (
            t.products([(x[0], y[0]), (x[1], y2), (x[2], y1)]),
            t.products([(x[0], y[1]), (x[1], y[0]), (x[2], y2)]),
            t.products([(x[0], y[2]), (x[1], y[1]), (x[2], y[0])]),
        ),
        out,
        bound=_SIX,
    )


@routine
def six_sqr(t: Tower, out: ir.Value, a: ir.Value) -> None:
    """out = a² in Fq6, with bounds of 4 in and _SIX out; `out` is not `a`."""
    x = t.six(a, bound=4)
    x2, twice = t.times_xi(x[2]), t.times_pair(x[0], 2)
    t.store_pairs(
        (
            t.products([(x2, t.times_pair(x[1], 2))], [x[0]]),
            t.products([(twice, x[1]), (x2, x[2])]),
            t.products([(twice, x[2])], [x[1]]),
        ),
        out,
        bound=_SIX,
    )


def _six_result(t: Tower, operation: Routine, *operands: ir.Value) -> Six:
    place = t.slot(6)
    operation(t, place, *operands)
    return t.six(place, bound=_SIX)


# ---- Fq12 -------------------------------------------------------------------------------------------------


@routine
def twelve_one(t: Tower, out: ir.Value) -> None:
    """out = 1."""
    t.base.store(t.base.constant(1), out)
    for i in range(1, 12):
        t.base.store(t.base.zero(), out, BLOCK_BYTES * i)


@routine
def twelve_mul(t: Tower, out: ir.Value, a: ir.Value, b: ir.Value) -> None:
    """out = a·b, which may be one of them.

    (a0 + a1·w)·(b0 + b1·w) = a0·b0 + v·a1·b1 + ((a0 + a1)·(b0 + b1) - a0·b0 - a1·b1)·w
    """
    low = _six_result(t, six_mul, a, b)
    high = _six_result(t, six_mul, t.at(a, SIX_BYTES), t.at(b, SIX_BYTES))
    left = t.keep_six(t.add_six(t.six(a), t.six(a, SIX_BYTES)))
    right = t.keep_six(t.add_six(t.six(b), t.six(b, SIX_BYTES)))
    cross = _six_result(t, six_mul, left, right)
    t.store_pairs(t.add_six(low, t.times_v(high)), out)
    t.store_pairs(t.sub_six(cross, t.add_six(low, high)), out, SIX_BYTES)


@routine
def twelve_sqr(t: Tower, out: ir.Value, a: ir.Value) -> None:
    """out = a², which may be `a`: as `twelve_mul`, with three squares of Fq6."""
    low = _six_result(t, six_sqr, a)
    high = _six_result(t, six_sqr, t.at(a, SIX_BYTES))
    both = t.keep_six(t.add_six(t.six(a), t.six(a, SIX_BYTES)))
    cross = _six_result(t, six_sqr, both)
    t.store_pairs(t.add_six(low, t.times_v(high)), out)
    t.store_pairs(t.sub_six(cross, t.add_six(low, high)), out, SIX_BYTES)


@routine
def twelve_conjugate(t: Tower, out: ir.Value, a: ir.Value) -> None:
    """out = a0 - a1·w = a^(q^6), the inverse where a^(q^6 + 1) = 1."""
    t.store_pairs(t.six(a), out)
    high = t.six(a, SIX_BYTES)
    t.store_pairs([t.neg_pair(pair) for pair in high], out, SIX_BYTES)


@routine
def twelve_cyclotomic_sqr(t: Tower, out: ir.Value, a: ir.Value) -> None:
    """out = a², which may be `a`, where a^(q^4 - q^2 + 1) = 1.

    With Fq4 = Fq2[s]/(s² - ξ), s = w³, and a = g0 + g1·w + g2·w²:
    a² = (3·g0² - 2·ḡ0) + (3·s·g2² + 2·ḡ1)·w + (3·g1² - 2·ḡ2)·w².
    Source: Granger, Scott, "Faster squaring in the cyclotomic subgroup of sixth degree extensions" (2010).
    """
    c0, c2, c4, c1, c3, c5 = t.pairs(a, 6)
    s0, s1, s2 = (_fq4_sqr(t, x, y) for x, y in ((c0, c3), (c1, c4), (c2, c5)))
    results = (
        _less(t, s0[0], c0),
        _less(t, s1[0], c2),
        _less(t, s2[0], c4),
        _more(t, t.times_xi(s2[1]), c1),
        _more(t, s0[1], c3),
        _more(t, s1[1], c5),
    )
    t.store_pairs(results, out)


def _fq4_sqr(t: Tower, x: Pair, y: Pair) -> tuple[Pair, Pair]:
    """(x + y·s)² = x² + ξ·y² + 2·x·y·s"""
    return t.products([(t.times_xi(y), y)], [x]), t.products([(t.times_pair(x, 2), y)])


def _less(t: Tower, square: Pair, c: Pair) -> Pair:
    return t.sub_pairs(t.times_pair(square, 3), t.times_pair(c, 2))


def _more(t: Tower, square: Pair, c: Pair) -> Pair:
    return t.add_pairs(t.times_pair(square, 3), t.times_pair(c, 2))


def _frobenius(power: int) -> Routine:
    def body(t: Tower, out: ir.Value, a: ir.Value) -> None:
        for at, pair in enumerate(t.pairs(a, 6)):
            k = 2 * at if at < 3 else 2 * at - 5
            c0, c1 = frobenius_constant(power, k)
            image = t.conjugate(pair) if power % 2 else pair
            if k and c1 == 0:
                image = t.scale(image, t.constant(c0))
            elif k:
                image = t.products([(t.constant_pair((c0, c1)), image)])
            t.store_pair(image, out, PAIR_BYTES * at)

    body.__name__ = f"twelve_frobenius_{power}"
    body.__doc__ = f"out = a^(q^{power}), which may be `a`: w^k becomes ξ^(k·(q^{power} - 1)/6)·w^k."
    return routine(body)


twelve_frobenius_1 = _frobenius(1)
twelve_frobenius_2 = _frobenius(2)
twelve_frobenius_3 = _frobenius(3)


@routine
def twelve_invert_begin(t: Tower, kept: ir.Value, norm: ir.Value, a: ir.Value) -> None:
    """norm = a block of Fq to be inverted, one where a = 0; what else the inverse takes goes to `kept`.

    1/(a0 + a1·w) = (a0 - a1·w)/d with d = a0² - v·a1², and 1/d = (A + B·v + C·v²)/F with
    A = d0² - ξ·d1·d2, B = ξ·d2² - d0·d1, C = d1² - d0·d2, F = d0·A + ξ·(d2·B + d1·C).
    """
    low, high = _six_result(t, six_sqr, a), _six_result(t, six_sqr, t.at(a, SIX_BYTES))
    d = t.six(t.keep_six(t.sub_six(low, t.times_v(high))), bound=4)
    xi_d2, minus_d0 = t.times_xi(d[2]), t.neg_pair(d[0])
    adjoint = (
        t.products([(t.neg_pair(xi_d2), d[1])], [d[0]]),
        t.products([(xi_d2, d[2]), (minus_d0, d[1])]),
        t.products([(minus_d0, d[2])], [d[1]]),
    )
    F = t.products([(adjoint[0], d[0]), (adjoint[1], xi_d2), (t.times_xi(d[1]), adjoint[2])])
    t.store_pairs(adjoint, kept, bound=_INVERSION_SUM)
    t.store_pair(F, kept, SIX_BYTES, bound=_INVERSION_SUM)
    e = t.base
    value = t.value(t.dot([(F.c0, F.c0), (F.c1, F.c1)]))
    e.store(e.select(e.is_zero(value), e.constant(1), value), norm)


@routine
def twelve_invert_end(t: Tower, out: ir.Value, a: ir.Value, kept: ir.Value, inverse: ir.Value) -> None:
    """out = 1/a, zero for zero, from the inverse of the norm; `out` may be `a`."""
    F = t.pair(kept, SIX_BYTES, bound=_INVERSION_SUM)
    scaled = t.scale(t.conjugate(F), t.number(inverse))
    place = t.slot(6)
    for i, part in enumerate(t.pairs(kept, 3, bound=_INVERSION_SUM)):
        t.store_pair(t.products([(scaled, part)]), place, PAIR_BYTES * i)
    low = _six_result(t, six_mul, a, place)
    high = _six_result(t, six_mul, t.at(a, SIX_BYTES), place)
    t.store_pairs(low, out)
    t.store_pairs([t.neg_pair(pair) for pair in high], out, SIX_BYTES)


@mask_routine
def twelve_is_one(t: Tower, a: ir.Value) -> Any:
    """Return the lanes where a = 1."""
    e = t.base
    mask = e.equal(e.load(a), e.constant(1))
    for i in range(1, 12):
        mask = e.mask_and(mask, e.is_zero(e.load(a, BLOCK_BYTES * i)))
    return mask


@routine
def twelve_move_lanes(t: Tower, out: ir.Value, a: ir.Value, distance: ir.Value) -> None:
    """Lane i of `out` = lane i xor distance of `a`, for a distance of 1, 2 or 4."""
    e = t.base
    nearer = e.builder.icmp_signed("==", distance, ir.Constant(I64, 1))
    middle = e.builder.icmp_signed("==", distance, ir.Constant(I64, 2))
    for i in range(12):
        value = e.load(a, BLOCK_BYTES * i)
        moved = [e.shuffle(value, [lane ^ d for lane in range(8)]) for d in (1, 2, 4)]
        limbs = tuple(
            e.builder.select(nearer, x, e.builder.select(middle, y, z))
            for x, y, z in zip(*(m.limbs for m in moved), strict=True)
        )
        e.store(Value(limbs, value.bound), out, BLOCK_BYTES * i)
