"""Montgomery products lane by lane with 64×64→128-bit integer products: no target-specific instructions.

The limbs stay 52 bits wide, so five 104-bit products and their carries fit a 128-bit accumulator and no
carry chain is needed inside a column.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from zkroll.algebra.kernels.layout import BITS, I64, LANES, LIMB_MASK, LIMBS, VECTOR, FieldParams

I128 = ir.IntType(128)
_ARRAY = ir.ArrayType(VECTOR, LIMBS)


def product(
    builder: ir.IRBuilder, field: FieldParams, left: Sequence[ir.Value], right: Sequence[ir.Value]
) -> tuple[ir.Value, ...]:
    """Emit left·right/2^260 mod p (tidy limbs in, tidy limbs out) as a call of the module's lane loop."""
    slots = [_slot(builder) for _ in range(3)]
    for slot, limbs in zip(slots[1:], (left, right), strict=True):
        for i, limb in enumerate(limbs):
            builder.store(limb, _limb_pointer(builder, slot, i), align=8)
    builder.call(_lane_loop(builder.module, field), slots)
    return tuple(builder.load(_limb_pointer(builder, slots[0], i), align=8) for i in range(LIMBS))


def _slot(builder: ir.IRBuilder) -> ir.Value:
    """Stack space for one block, taken once per call of the function that the builder is in."""
    with builder.goto_entry_block():
        return builder.alloca(_ARRAY)


def _limb_pointer(builder: ir.IRBuilder, slot: ir.Value, limb: int) -> ir.Value:
    zero, index = ir.Constant(ir.IntType(32), 0), ir.Constant(ir.IntType(32), limb)
    return builder.gep(slot, [zero, index], inbounds=True)


def _lane_loop(module: ir.Module, field: FieldParams) -> ir.Function:
    """The function (out, x, y: pointers to five limb vectors) that multiplies the eight lanes one by one."""
    name = f"zkroll_portable_product_{field.name}"
    known = module.globals.get(name)
    if known is not None:
        return known
    pointer = _ARRAY.as_pointer()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer] * 3), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    function.attributes.add("nounwind")
    entry, loop, done = (function.append_basic_block(label) for label in ("entry", "lane", "done"))
    builder = ir.IRBuilder(entry)
    builder.branch(loop)
    builder.position_at_end(loop)
    lane = builder.phi(I64)
    lane.add_incoming(ir.Constant(I64, 0), entry)
    out, x, y = function.args
    words = _lane_product(
        builder,
        field,
        [builder.load(_word_pointer(builder, x, i, lane), align=8) for i in range(LIMBS)],
        [builder.load(_word_pointer(builder, y, i, lane), align=8) for i in range(LIMBS)],
    )
    for i, word in enumerate(words):
        builder.store(word, _word_pointer(builder, out, i, lane), align=8)
    following = builder.add(lane, ir.Constant(I64, 1))
    lane.add_incoming(following, loop)
    builder.cbranch(builder.icmp_unsigned("<", following, ir.Constant(I64, LANES)), loop, done)
    builder.position_at_end(done)
    builder.ret_void()
    return function


def _word_pointer(builder: ir.IRBuilder, block: ir.Value, limb: int, lane: ir.Value) -> ir.Value:
    words = builder.bitcast(block, I64.as_pointer())
    return builder.gep(words, [builder.add(lane, ir.Constant(I64, LANES * limb))])


def _lane_product(
    builder: ir.IRBuilder, field: FieldParams, left: Sequence[ir.Value], right: Sequence[ir.Value]
) -> list[ir.Value]:
    """Column by column: c_k = Σ x_i·y_{k-i} + Σ q_i·p_{k-i} + carry, q_k such that c_k ≡ 0 mod 2^52."""
    mask, shift = ir.Constant(I64, LIMB_MASK), ir.Constant(I128, BITS)
    factor = ir.Constant(I64, field.minus_p_inverse)
    modulus = [ir.Constant(I128, (field.modulus >> (BITS * i)) & LIMB_MASK) for i in range(LIMBS)]
    wide_left = [builder.zext(word, I128) for word in left]
    wide_right = [builder.zext(word, I128) for word in right]
    quotients: list[ir.Value] = []
    result: list[ir.Value] = []
    column: ir.Value = ir.Constant(I128, 0)
    for k in range(2 * LIMBS):
        for i in range(max(0, k - LIMBS + 1), min(k, LIMBS - 1) + 1):
            column = builder.add(column, builder.mul(wide_left[i], wide_right[k - i]))
        for i, quotient in enumerate(quotients):
            if 0 <= k - i < LIMBS:
                column = builder.add(column, builder.mul(quotient, modulus[k - i]))
        low = builder.trunc(column, I64)
        if k < LIMBS:
            q = builder.zext(builder.and_(builder.mul(low, factor), mask), I128)
            quotients.append(q)
            column = builder.add(column, builder.mul(q, modulus[0]))
        else:
            result.append(builder.and_(low, mask))
        column = builder.lshr(column, shift)
    return result
