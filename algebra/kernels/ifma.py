"""Montgomery products with AVX-512 IFMA: vpmadd52 adds the low or high 52 bits of a 52×52-bit product.

Source: Montgomery multiplication by operand scanning, radix 2^52 (Gueron, Krasnov: "Accelerating big integer
arithmetic using Intel IFMA extensions", 2016).
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from zkroll.algebra.kernels.emit import BITS, LIMB_MASK, LIMBS, VECTOR, FieldParams, declared, splat

_KIND = ir.FunctionType(VECTOR, [VECTOR, VECTOR, VECTOR])


def product(
    builder: ir.IRBuilder, field: FieldParams, left: Sequence[ir.Value], right: Sequence[ir.Value]
) -> tuple[ir.Value, ...]:
    """Emit left·right/2^260 mod p (tidy limbs in, tidy limbs out), inline.

    Per limb y_i: t += x·y_i; q = t_0·(-p^-1) mod 2^52; t = (t + q·p)/2^52. Squares are recognised (the same
    limbs given twice) and use each cross product once.
    """
    low = declared(builder.module, "llvm.x86.avx512.vpmadd52l.uq.512", _KIND)
    high = declared(builder.module, "llvm.x86.avx512.vpmadd52h.uq.512", _KIND)
    zero = splat(0)
    modulus = [splat((field.modulus >> (BITS * i)) & LIMB_MASK) for i in range(LIMBS)]
    factor = splat(field.minus_p_inverse)
    shift, mask = splat(BITS), splat(LIMB_MASK)
    t: list[ir.Value] = [zero] * (2 * LIMBS)

    def accumulate(at: int, x: ir.Value, y: ir.Value) -> None:
        t[at] = builder.call(low, [t[at], x, y])
        t[at + 1] = builder.call(high, [t[at + 1], x, y])

    square = all(x is y for x, y in zip(left, right, strict=True))
    if square:
        for i in range(LIMBS):
            for j in range(i + 1, LIMBS):
                accumulate(i + j, left[j], left[i])
        t[1:-1] = [builder.add(limb, limb) for limb in t[1:-1]]
        for i in range(LIMBS):
            accumulate(2 * i, left[i], left[i])
    for i in range(LIMBS):
        if not square:
            for j in range(LIMBS):
                accumulate(i + j, left[j], right[i])
        q = builder.call(low, [zero, t[i], factor])
        for j in range(LIMBS):
            accumulate(i + j, q, modulus[j])
        t[i + 1] = builder.add(t[i + 1], builder.lshr(t[i], shift))
    result = t[LIMBS:]
    for i in range(LIMBS - 1):
        result[i + 1] = builder.add(result[i + 1], builder.lshr(result[i], shift))
        result[i] = builder.and_(result[i], mask)
    return tuple(result)


def product_call(
    builder: ir.IRBuilder, field: FieldParams, left: Sequence[ir.Value], right: Sequence[ir.Value]
) -> tuple[ir.Value, ...]:
    """Emit a call of the module's one multiplication (or squaring) function, all values in registers."""
    square = all(x is y for x, y in zip(left, right, strict=True))
    operands = [*left] if square else [*left, *right]
    name = f"zkroll_ifma_{'square' if square else 'product'}_{field.name}"
    known = builder.module.globals.get(name)
    if known is None:
        kind = ir.FunctionType(ir.LiteralStructType([VECTOR] * LIMBS), [VECTOR] * len(operands))
        known = ir.Function(builder.module, kind, name)
        known.linkage = "internal"
        known.calling_convention = "x86_regcallcc"
        known.attributes.add("noinline")
        known.attributes.add("nounwind")
        body = ir.IRBuilder(known.append_basic_block("entry"))
        limbs = product(body, field, known.args[:LIMBS], known.args[-LIMBS:])
        body.ret(_pack(body, known.function_type.return_type, limbs))
    result = builder.call(known, operands, cconv="x86_regcallcc")
    return tuple(builder.extract_value(result, i) for i in range(LIMBS))


def _pack(builder: ir.IRBuilder, kind: ir.Type, limbs: Sequence[ir.Value]) -> ir.Value:
    packed: ir.Value = ir.Constant(kind, ir.Undefined)
    for i, limb in enumerate(limbs):
        packed = builder.insert_value(packed, limb, i)
    return packed
