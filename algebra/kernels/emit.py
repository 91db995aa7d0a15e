"""Field arithmetic as LLVM IR on values held in registers.

A `Value` is eight field elements at once: five `<8 x i64>` limbs of 52 bits (lane i is element i), in
Montgomery form with R = 2^260. Its `bound` is known while emitting: the value is < bound·p. The emitter
uses that to leave out reductions: p < 2^254, so 2^260 leaves room for 84·p, and additions only add bounds.
`tidy` says that all limbs are in 0..2^52-1; additions and subtractions leave limbs untidy (even negative)
until a multiplication, a comparison or a store propagates the carries. `store` reduces to < 2p, the form
of every block in memory.

How to write an intrinsic of several multiplications that never leave the registers::

    from zkroll.algebra.kernels.emit import FQ, Emitter, block_intrinsic
    from zkroll.algebra.kernels.jit import kernel

    def _emit(e: Emitter, out, x, y):             # out = (x + y)·(x - y), three block addresses
        a, b = e.load(x), e.load(y)
        e.store(e.mul(e.add(a, b), e.sub(a, b)), out)

    difference_of_squares = block_intrinsic(FQ, _emit, backend="ifma")

    @kernel("void(int64, int64, int64, int64)", name="difference_of_squares")
    def run(out, x, y, blocks):
        for i in range(blocks):
            difference_of_squares(out + 320 * i, x + 320 * i, y + 320 * i)

Addresses are integers (`array.ctypes.data`); a block is 320 bytes. With `returns_mask=True` the emitting
function returns a lane mask, which the caller of the intrinsic receives as an integer 0..255 (bit i is
lane i). `Emitter(..., inline=False)` (or `block_intrinsic(..., inline=False)`) calls one shared
multiplication function instead of copying its 150 instructions each time: use it wherever more than about
eight multiplications stand in one intrinsic, or compile time suffers. `e.dot` sums products before one
reduction. `e.gather(base, offsets)` and `e.scatter` move lanes to and from eight unrelated elements. Masks
are `<8 x i1>`: `e.is_zero`, `e.equal`, `e.select`, `e.mask_and/or/not`, `e.mask_from_bits`, `e.mask_to_bits`.

Both back ends share everything here except the product: `ifma` multiplies with vpmadd52, `portable` with
32×32→64-bit products in IR that any LLVM target accepts.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import reduce
from math import ceil
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from zkroll.algebra.kernels import ifma, interpreted, portable
from zkroll.algebra.kernels.lanes import Lanes, Mask, Value
from zkroll.algebra.kernels.layout import (
    BITS,
    BLOCK_BYTES,
    FQ,
    FR,
    I1,
    I8,
    I64,
    LANES,
    LIMB_BYTES,
    LIMB_MASK,
    LIMBS,
    MASK_VECTOR,
    MONTGOMERY_BITS,
    VECTOR,
    Backend,
    FieldParams,
    declared,
    splat,
    split_limbs,
)

__all__ = [
    "BITS",
    "BLOCK_BYTES",
    "FQ",
    "FR",
    "I1",
    "I8",
    "I64",
    "LANES",
    "LIMBS",
    "LIMB_BYTES",
    "LIMB_MASK",
    "MASK_VECTOR",
    "MONTGOMERY_BITS",
    "VECTOR",
    "Backend",
    "Emitter",
    "FieldParams",
    "Mask",
    "Value",
    "block_intrinsic",
    "declared",
    "splat",
    "split_limbs",
]

# See Emitter.reduce: 1 for the floor, 2^-5 for the rounded factor, less than 2^-44 for the lower limbs.
SLACK = Fraction(11, 10)
# What reductions of a product leave beyond x·y·p/R: p, on `ifma` up to 2^-51·p more (see ifma._clear_limb).
FLOOR = 1 + Fraction(1, 1 << 50)


class Emitter(Lanes):
    """Appends field arithmetic to an LLVM IR builder.

    `inline=False` makes every product a call of one function per module.
    """

    degree = 1
    element_bytes = BLOCK_BYTES

    def __init__(self, builder: ir.IRBuilder, field: FieldParams, backend: Backend, *, inline: bool = True):
        self.builder = builder
        self.field = field
        self.backend = backend
        self.inline = inline
        # Vectors that are spilled must not straddle cache lines. (llvmlite writes this beside another attribute.)
        builder.function.attributes.alignstack = LIMB_BYTES
        builder.function.attributes.add("nounwind")

    # ---- addresses, loads, stores -------------------------------------------------------------------------

    def store(self, value: Value, address: ir.Value, offset: int = 0, bound: int | Fraction = 2) -> None:
        """Store `value`, reduced below bound·p, as the block at address + offset (bytes)."""
        ready = self.tidy(self.reduce(value, bound))
        for i, limb in enumerate(ready.limbs):
            self.builder.store(limb, self.pointer(address, offset + LIMB_BYTES * i, VECTOR), align=8)

    def scatter(self, value: Value, base: ir.Value, offsets: ir.Value, stride: int = LIMB_BYTES) -> None:
        """Store lane i, below 2p, at base + offsets[i] (bytes); of colliding lanes the highest wins."""
        addresses = self.builder.add(self.broadcast(base), offsets)
        for i, limb in enumerate(self.tidy(self.reduce(value, 2)).limbs):
            self.scatter_words(limb, self.builder.add(addresses, splat(stride * i)), self.all_lanes)

    # ---- constants ----------------------------------------------------------------------------------------

    def constant(self, value: int) -> Value:
        """Return the field element `value` in all lanes."""
        return self.raw(self.field.to_montgomery(value), bound=1)

    def raw(self, value: int, bound: int | Fraction) -> Value:
        """Return the integer 0 <= value < 2^260, taken as it stands (no Montgomery factor), in all lanes."""
        return Value(tuple(splat(limb) for limb in split_limbs(value)), Fraction(bound))

    def zero(self) -> Value:
        """Return zero in all lanes."""
        return self.raw(0, 1)

    # ---- the interface that extensions of the field share -------------------------------------------------

    @property
    def base(self) -> Emitter:
        """The emitter of the prime field, which is this one."""
        return self

    def parts(self, value: Value) -> tuple[Value, ...]:
        """Return the components over the prime field: `value` alone."""
        return (value,)

    def from_parts(self, parts: Sequence[Value]) -> Value:
        """Return the value of these components."""
        return parts[0]

    def norm(self, value: Value) -> Value:
        """Return an element of the prime field that is zero only when `value` is: `value` itself."""
        return value

    def from_norm(self, value: Value, inverse: Value) -> Value:  # noqa: ARG002 (extensions need it)
        """Return 1/value from the inverse of its norm."""
        return inverse

    # ---- carries and reductions ---------------------------------------------------------------------------

    def tidy(self, value: Value) -> Value:
        """Propagate carries so that every limb is in 0..2^52-1."""
        if value.tidy:
            return value
        b, mask, shift = self.builder, splat(LIMB_MASK), splat(BITS)
        limbs = list(value.limbs)
        for i in range(LIMBS - 1):
            carry = b.ashr(limbs[i], shift)
            limbs[i] = b.and_(limbs[i], mask)
            limbs[i + 1] = b.add(limbs[i + 1], carry)
        return Value(tuple(limbs), value.bound)

    def reduce(self, value: Value, bound: int | Fraction = 2) -> Value:
        """Return the same residues below bound·p (bound >= 1).

        From the top limb t, q = floor(t·c/2^57) with c = floor(2^57/(p_4 + 1)) falls short of value/p by less
        than SLACK, so value - q·p < SLACK·p; a conditional subtraction does the rest for a smaller `bound`.
        """
        if value.bound <= bound:
            return value
        if value.bound > 2:
            value = self._subtract_quotient(value)
        return value if value.bound <= bound else self._subtract_if_not_less(value, 1)

    def canonical(self, value: Value) -> Value:
        """Return the residues in 0..p-1, tidy."""
        return self.tidy(self.reduce(value, 1))

    def _subtract_quotient(self, value: Value) -> Value:
        b = self.builder
        tidy = self.tidy(value)
        modulus = split_limbs(self.field.modulus)
        factor = (1 << 57) // (modulus[-1] + 1)
        q = b.lshr(b.mul(tidy.limbs[-1], splat(factor)), splat(57))
        limbs = [b.sub(x, b.mul(q, splat(m))) for x, m in zip(tidy.limbs, modulus, strict=True)]
        return Value(tuple(limbs), SLACK, tidy=False)

    def _subtract_if_not_less(self, value: Value, multiple: int) -> Value:
        """Subtract multiple·p in the lanes where that leaves nothing negative."""
        b = self.builder
        tidy = self.tidy(value)
        less = [
            b.sub(x, splat(m))
            for x, m in zip(tidy.limbs, split_limbs(multiple * self.field.modulus), strict=True)
        ]
        difference = self.tidy(Value(tuple(less), Fraction(0), tidy=False))
        negative = b.icmp_signed("<", difference.limbs[-1], splat(0))
        limbs = [b.select(negative, x, y) for x, y in zip(tidy.limbs, difference.limbs, strict=True)]
        return Value(tuple(limbs), max(Fraction(multiple), value.bound - multiple))

    def _fit(self, left: Value, right_bound: Fraction | int) -> Value:
        """Reduce `left` when adding something below right_bound·p would no longer fit five limbs."""
        return left if left.bound + right_bound <= self.field.capacity else self.reduce(left)

    # ---- ring operations ----------------------------------------------------------------------------------

    def add(self, left: Value, right: Value) -> Value:
        """Return left + right; bounds add up, nothing is reduced."""
        left = self._fit(left, right.bound)
        right = self._fit(right, left.bound)
        limbs = [self.builder.add(x, y) for x, y in zip(left.limbs, right.limbs, strict=True)]
        return Value(tuple(limbs), left.bound + right.bound, tidy=False)

    def sub(self, left: Value, right: Value) -> Value:
        """Return left - right + k·p with the least k that keeps the result from being negative."""
        if right.bound > self.field.capacity // 2:
            right = self.reduce(right)
        multiple = ceil(right.bound)
        left = self._fit(left, multiple)
        b = self.builder
        limbs = [
            b.sub(b.add(x, splat(m)), y)
            for x, y, m in zip(
                left.limbs, right.limbs, split_limbs(multiple * self.field.modulus), strict=True
            )
        ]
        return Value(tuple(limbs), left.bound + multiple, tidy=False)

    def neg(self, value: Value) -> Value:
        """Return k·p - value with the least k that keeps the result from being negative."""
        multiple = ceil(value.bound)
        limbs = [
            self.builder.sub(splat(m), x)
            for x, m in zip(value.limbs, split_limbs(multiple * self.field.modulus), strict=True)
        ]
        # k·p itself for zero, and bounds are strict
        return Value(tuple(limbs), multiple + Fraction(1, self.field.modulus), tidy=False)

    def double(self, value: Value) -> Value:
        """Return 2·value."""
        return self.add(value, value)

    def times(self, value: Value, factor: int) -> Value:
        """Return factor·value for a small factor > 0, by shifts and additions."""
        value = self._fit(value, value.bound * (factor - 1))
        b = self.builder
        limbs = []
        for limb in self.tidy(value).limbs:
            shifted = [
                b.shl(limb, splat(i)) if i else limb for i in range(factor.bit_length()) if factor >> i & 1
            ]
            limbs.append(reduce(b.add, shifted))
        return Value(tuple(limbs), value.bound * factor, tidy=False)

    def mul(self, left: Value, right: Value) -> Value:
        """Return the Montgomery product left·right/R; its bound is x·y·p/R + FLOOR."""
        left, right = self.tidy(left), self.tidy(right)
        product = self._product(left.limbs, right.limbs)
        return Value(product, left.bound * right.bound * self.field.shrink + FLOOR)

    def sqr(self, value: Value) -> Value:
        """Return the Montgomery square of `value`."""
        value = self.tidy(value)
        product = self._product(value.limbs, value.limbs)
        return Value(product, value.bound * value.bound * self.field.shrink + FLOOR)

    def sum_of_products(self, terms: Sequence[tuple[Value, Value]]) -> Value:
        """Return Σ x_i·y_i/R of at most 64 terms, reduced once (on `portable` once every MOST_TERMS)."""
        if self.backend == "portable" and len(terms) > portable.MOST_TERMS:
            rest = self.sum_of_products(terms[portable.MOST_TERMS :])
            return self.add(self.sum_of_products(terms[: portable.MOST_TERMS]), rest)
        ready = [(self.tidy(x), self.tidy(y)) for x, y in terms]
        multiply = portable if self.backend == "portable" else ifma
        bound = sum((x.bound * y.bound for x, y in ready), Fraction(0)) * self.field.shrink + FLOOR
        if self.inline and self.backend == "ifma":
            pairs = [(x.limbs, y.limbs) for x, y in ready]
            return Value(multiply.sum_of_products(self.builder, self.field, pairs), bound)
        operands = [value.limbs for term in ready for value in term]

        def body(e: Emitter, *limbs: Sequence[ir.Value]) -> list[Sequence[ir.Value]]:
            pairs = list(zip(limbs[::2], limbs[1::2], strict=True))
            return [multiply.sum_of_products(e.builder, e.field, pairs)]

        return Value(self.shared(f"sum_{len(ready)}", operands, 1, body)[0], bound)

    def maybe_zero(self, value: Value) -> Mask:
        """Return a mask that has every lane that is zero modulo p and, with luck 2^-50, hardly another."""
        b = self.builder
        value = self.tidy(value)
        found: ir.Value | None = None
        for multiple in range(ceil(value.bound)):
            low = splat(split_limbs(multiple * self.field.modulus)[0])
            here = b.icmp_unsigned("==", value.limbs[0], low)
            found = here if found is None else b.or_(found, here)
        return found

    def dot(self, count: ir.Value, most: int, terms: Callable[[ir.Value], tuple[Value, Value]]) -> Value:
        """Return Σ x_i·y_i/R for i < count (an i64, at most `most` <= 64), where terms(i) emits (x_i, y_i).

        The products are summed before a single reduction.
        """
        b = self.builder
        in_digits = self.backend == "portable"
        slots: Any = cgutils
        sums = [
            slots.alloca_once_value(b, splat(0)) for _ in range(portable.COLUMNS if in_digits else 2 * LIMBS)
        ]
        bound = Fraction(1)
        with slots.for_range(b, count) as loop:
            left, right = terms(loop.index)
            left, right = self.tidy(left), self.tidy(right)
            now = [b.load(place) for place in sums]
            if in_digits:
                now = portable.accumulate(b, now, left.limbs, right.limbs)
            else:
                for i in range(LIMBS):
                    for j in range(LIMBS):
                        ifma.accumulate(b, now, i + j, left.limbs[j], right.limbs[i])
            bound = most * left.bound * right.bound * self.field.shrink + FLOOR
            for place, value in zip(sums, now, strict=True):
                b.store(value, place)
        columns = [b.load(place) for place in sums]
        return Value((portable if in_digits else ifma).reduced(b, self.field, columns), bound)

    def _product(self, left: Sequence[ir.Value], right: Sequence[ir.Value]) -> tuple[ir.Value, ...]:
        if self.inline and self.backend == "ifma":
            return ifma.product(self.builder, self.field, left, right)
        product = portable.product if self.backend == "portable" else ifma.product
        square = all(x is y for x, y in zip(left, right, strict=True))

        def body(e: Emitter, *operands: Sequence[ir.Value]) -> list[Sequence[ir.Value]]:
            return [product(e.builder, e.field, operands[0], operands[-1])]

        if square:
            return self.shared("square", [left], 1, body)[0]
        return self.shared("product", [left, right], 1, body)[0]

    def shared(
        self,
        name: str,
        operands: Sequence[Sequence[ir.Value]],
        results: int,
        body: Callable[..., Sequence[Sequence[ir.Value]]],
    ) -> list[tuple[ir.Value, ...]]:
        """Call the module's one function `name` of this field and back end, emitted on first use.

        Operands and results are five limbs each and stay in registers as far as there are any.
        `body(emitter, *operands)` emits the results; whatever else it depends on must be part of the name.
        """
        full = f"zkroll_{self.backend}_{name}_{self.field.name}"
        module = self.builder.module
        words = [word for limbs in operands for word in limbs]
        function = module.globals.get(full)
        if function is None:
            kind = ir.LiteralStructType([VECTOR] * (LIMBS * results))
            function = ir.Function(module, ir.FunctionType(kind, [VECTOR] * len(words)), full)
            function.linkage = "internal"
            function.calling_convention = "x86_regcallcc" if self.backend == "ifma" else "fastcc"
            function.attributes.add("noinline")
            inner = ir.IRBuilder(function.append_basic_block("entry"))
            arguments = [function.args[i : i + LIMBS] for i in range(0, len(words), LIMBS)]
            packed: ir.Value = ir.Constant(kind, ir.Undefined)
            limbs = body(Emitter(inner, self.field, self.backend), *arguments)
            for i, word in enumerate(word for result in limbs for word in result):
                packed = inner.insert_value(packed, word, i)
            inner.ret(packed)
        returned = self.builder.call(function, words, cconv=function.calling_convention)
        flat = [self.builder.extract_value(returned, i) for i in range(LIMBS * results)]
        return [tuple(flat[i : i + LIMBS]) for i in range(0, len(flat), LIMBS)]

    # ---- lane masks ---------------------------------------------------------------------------------------

    def select(self, mask: Mask, yes: Value, no: Value) -> Value:
        """Return `yes` in the lanes where the mask is set, else `no`."""
        limbs = [self.builder.select(mask, x, y) for x, y in zip(yes.limbs, no.limbs, strict=True)]
        return Value(tuple(limbs), max(yes.bound, no.bound), yes.tidy and no.tidy)

    def is_zero(self, value: Value) -> Mask:
        """Return the mask of the lanes that are zero modulo p."""
        b = self.builder
        value = self.tidy(self.reduce(value, 4) if value.bound > 4 else value)
        found: ir.Value | None = None
        for multiple in range(ceil(value.bound)):
            differing: ir.Value | None = None
            for x, m in zip(value.limbs, split_limbs(multiple * self.field.modulus), strict=True):
                bits = b.xor(x, splat(m)) if m else x
                differing = bits if differing is None else b.or_(differing, bits)
            here = b.icmp_unsigned("==", differing, splat(0))
            found = here if found is None else b.or_(found, here)
        return found

    def equal(self, left: Value, right: Value) -> Mask:
        """Return the mask of the lanes where left = right modulo p."""
        return self.is_zero(self.sub(left, right))


def block_intrinsic(
    field: FieldParams,
    emit: Callable[..., Any],
    *,
    backend: Backend,
    inline: bool = True,
    returns_mask: bool = False,
    extension: Callable[[Emitter], Any] | None = None,
) -> Any:
    """Return a Numba intrinsic whose body is what `emit(emitter, *arguments)` appends.

    With `extension` the emitter is what that makes of one (see `zkroll.algebra.kernels.quadratic`).

    All arguments are 64-bit integers (block addresses, offsets, masks). The result is void, or with
    `returns_mask` the lane mask that `emit` returns, as an integer.
    """

    def body(builder: ir.IRBuilder, words: Sequence[ir.Value]) -> ir.Value | None:
        emitter = Emitter(builder, field, backend, inline=inline)
        result = emit(emitter if extension is None else extension(emitter), *words)
        return emitter.mask_to_bits(result) if returns_mask else None

    # Numba reads the parameter list from the signature: the emitting function's, behind the typing context.
    parameters = list(inspect.signature(emit).parameters.values())[1:]
    if interpreted.enabled():
        return interpreted.block_function(body, len(parameters), emit.__name__, returns_mask=returns_mask)

    def operation(typing_context: Any, *arguments: Any) -> Any:  # noqa: ARG001
        def generate(
            context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[ir.Value]
        ) -> ir.Value:
            words = [
                context.cast(builder, value, kind, types.int64)
                for value, kind in zip(values, signature.args, strict=True)
            ]
            result = body(builder, words)
            return result if returns_mask else context.get_dummy_value()

        return (types.int64 if returns_mask else types.void)(*arguments), generate

    context_parameter = inspect.Parameter("typing_context", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    operation.__signature__ = inspect.Signature([context_parameter, *plain])  # type: ignore[attr-defined]
    return intrinsic(operation)
