"""The portable back end: products, squares and sums against integers, on whatever LLVM can compile for."""

from __future__ import annotations

import ctypes
import platform
import random
from fractions import Fraction
from functools import cache

import llvmlite.binding as llvm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import ir

from zkroll.algebra.kernels.emit import (
    FLOOR,
    FQ,
    FR,
    I64,
    LANES,
    LIMB_BYTES,
    LIMBS,
    Emitter,
    Value,
    split_limbs,
)
from zkroll.algebra.kernels.layout import BLOCK_BYTES, MONTGOMERY_BITS, VECTOR
from zkroll.algebra.kernels.portable import MOST_TERMS

R = 1 << MONTGOMERY_BITS
FIELDS = {"fr": FR, "fq": FQ}
HOST = (llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
X86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="runs code for x86-64")


# ---- modules ----------------------------------------------------------------------------------------------


def operation(field, emit):
    """Return the text of a module with the one function run(out, x, y, n) that `emit` writes."""
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [I64] * 4), "run")
    e = Emitter(ir.IRBuilder(function.append_basic_block()), field, "portable")
    emit(e, *function.args)
    e.builder.ret_void()
    return str(module)


def store_raw(e, value, address):
    """Store `value` as it comes, up to 2^260."""
    e.store(Value(value.limbs, Fraction(1), value.tidy), address)


def wide(e, address, offset=0):
    return Value(e.load(address, offset).limbs, Fraction(1))


def emit_product(e, out, x, y, n):
    store_raw(e, e.mul(wide(e, x), wide(e, y)), out)


def emit_square(e, out, x, y, n):
    store_raw(e, e.sqr(wide(e, x)), out)


def emit_sum(terms):
    def emit(e, out, x, y, n):
        pairs = [(wide(e, x, i * BLOCK_BYTES), wide(e, y, i * BLOCK_BYTES)) for i in range(terms)]
        store_raw(e, e.sum_of_products(pairs), out)

    return emit


def emit_dot(e, out, x, y, n):
    def terms(i):
        offset = e.builder.mul(i, ir.Constant(I64, BLOCK_BYTES))
        return wide(e, e.builder.add(x, offset)), wide(e, e.builder.add(y, offset))

    store_raw(e, e.dot(n, 64, terms), out)


def emit_everything(e, out, x, y, n):
    """One of each kind of instruction that kernels contain."""
    offsets = e.builder.load(e.pointer(y, 0, VECTOR), align=8)
    a, b = e.load(x), e.gather(y, offsets)
    e.store(e.canonical(e.mul(e.sub(a, e.neg(b)), e.sqr(b))), out)
    e.scatter(
        e.select(e.is_zero(a), e.sum_of_products([(a, b)] * 2), e.shuffle(b, range(LANES))), out, offsets
    )
    e.builder.store(e.mask_to_bits(e.equal(a, b)), e.pointer(out, 0, I64))
    emit_dot(e, out, x, y, n)


EMITTERS = {
    "product": emit_product,
    "square": emit_square,
    "dot": emit_dot,
    **{f"sum{n}": emit_sum(n) for n in (2, MOST_TERMS, MOST_TERMS + 1)},
}


def machine(triple, cpu, features=""):
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple(triple)
    return target.create_target_machine(
        cpu=cpu, features=features, opt=2, jit=triple == llvm.get_process_triple()
    )


def optimised(text, target_machine, triple):
    module = llvm.parse_assembly(text)
    module.triple, module.data_layout = triple, str(target_machine.target_data)
    module.verify()
    builder = llvm.create_pass_builder(target_machine, llvm.create_pipeline_tuning_options(speed_level=2))
    builder.getModulePassManager().run(module, builder)
    return module


@cache
def compiled(name, field_name, cpu=HOST):
    """Return (keep-alive, function) of one emitter, compiled for (processor, features) and loaded here."""
    triple = llvm.get_process_triple()
    target_machine = machine(triple, *cpu)
    module = optimised(operation(FIELDS[field_name], EMITTERS[name]), target_machine, triple)
    engine = llvm.create_mcjit_compiler(module, target_machine)
    engine.finalize_object()
    return engine, ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 4)(engine.get_function_address("run"))


# ---- values -----------------------------------------------------------------------------------------------


def blocks_of(values):
    out = np.zeros((len(values) // LANES, LIMBS, LANES), dtype=np.uint64)
    for i, value in enumerate(values):
        out[i // LANES, :, i % LANES] = split_limbs(value)
    return out


def run(name, field, xs, ys, count, cpu=HOST):
    """Run on `count` blocks, which hold all of xs and ys, and return the lanes of the result."""
    x, y, out = blocks_of(xs), blocks_of(ys), blocks_of([0] * LANES)
    _, function = compiled(name, field.name, cpu)
    function(out.ctypes.data, x.ctypes.data, y.ctypes.data, count)
    return [sum(int(out[0, j, i]) << (52 * j) for j in range(LIMBS)) for i in range(LANES)]


def check(name, field, xs, ys, count=1, parts=1, cpu=HOST):
    """Compare with Σ x·y/R mod p, and with the bound that the emitter states; `parts` reductions are made."""
    got = run(name, field, xs, ys, count, cpu)
    for lane in range(LANES):
        total = sum(xs[i] * ys[i] for i in range(lane, LANES * count, LANES))
        assert got[lane] % field.modulus == total * field.r_inverse % field.modulus
        assert got[lane] <= Fraction(total, R) + parts * FLOOR * field.modulus


def edges(field, top):
    """Values below `top` that are likely to go wrong: ends, multiples of p, limbs and digits at their ends."""
    p = field.modulus
    limbs = [((1 << 52) - 1) << (52 * i) for i in range(LIMBS)]
    digits = [((1 << 29) - 1) << (29 * i) for i in range(9)]
    near = [k * p + d for k in (1, 2, 84) for d in (-1, 0, 1)]
    powers = [1 << i for i in (28, 29, 51, 52, 203, 208, 231, 232, 255, 259)]
    return [v for v in (0, 1, 2, top - 1, *near, *limbs, *digits, *powers, R - 1, R - 2) if v < top]


def operands(field, top):
    return st.one_of(st.sampled_from(edges(field, top)), st.integers(0, top - 1))


# ---- claims -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", [FR, FQ], ids=["fr", "fq"])
def test_products_of_all_pairs_of_edge_values_equal_integer_ones(field):
    # the product of two integers below 2^260 and 83·p fits five limbs
    left, right = edges(field, R), edges(field, 83 * field.modulus)
    pairs = [(x, y) for x in left for y in right]
    pairs += [(0, 0)] * (-len(pairs) % LANES)
    for start in range(0, len(pairs), LANES):
        xs, ys = zip(*pairs[start : start + LANES], strict=True)
        check("product", field, xs, ys)


@pytest.mark.parametrize("field", [FR, FQ], ids=["fr", "fq"])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_products_and_squares_equal_integer_ones(field, data):
    xs = data.draw(st.lists(operands(field, R), min_size=LANES, max_size=LANES))
    ys = data.draw(st.lists(operands(field, 83 * field.modulus), min_size=LANES, max_size=LANES))
    check("product", field, xs, ys)
    check("square", field, ys, ys)


@pytest.mark.parametrize("field", [FR, FQ], ids=["fr", "fq"])
@pytest.mark.parametrize("terms", [2, MOST_TERMS, MOST_TERMS + 1])
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_sums_of_products_equal_integer_ones(field, terms, data):
    values = st.lists(operands(field, 1 << 255), min_size=LANES * terms, max_size=LANES * terms)
    parts = -(-terms // MOST_TERMS)
    check(f"sum{terms}", field, data.draw(values), data.draw(values), terms, parts)


@pytest.mark.parametrize("field", [FR, FQ], ids=["fr", "fq"])
def test_columns_hold_sums_of_the_largest_digits(field):
    # all digits at their maximum but the highest, so that the sum still fits five limbs
    xs, ys = [R - 1] * LANES * MOST_TERMS, [(1 << 255) - 1] * LANES * MOST_TERMS
    check(f"sum{MOST_TERMS}", field, xs, ys, MOST_TERMS)
    check("dot", field, [R - 1] * LANES * 64, [(1 << 253) - 1] * LANES * 64, 64)


@pytest.mark.parametrize("field", [FR, FQ], ids=["fr", "fq"])
@pytest.mark.parametrize("count", [0, 1, 7, 64])
def test_dot_products_equal_integer_ones(field, count):
    rng = random.Random(count)
    values = [[rng.randrange(1 << 255) for _ in range(LANES * count)] for _ in range(2)]
    check("dot", field, *values, count)


@X86
@pytest.mark.parametrize("cpu", ["x86-64", "haswell"])
@pytest.mark.parametrize("name", ["product", "square", "sum2", "dot"])
def test_code_for_older_processors_gives_the_same_results(name, cpu):
    if cpu == "haswell" and not llvm.get_host_cpu_features().get("avx2", False):
        pytest.skip("this processor has no AVX2")
    rng = random.Random(7)
    xs = [rng.choice([rng.randrange(1 << 255), (1 << 255) - 1, 0]) for _ in range(2 * LANES)]
    ys = xs if name == "square" else [rng.randrange(1 << 255) for _ in range(2 * LANES)]
    assert run(name, FQ, xs, ys, 2, (cpu, "")) == run(name, FQ, xs, ys, 2)


def test_products_beside_each_other_share_one_function():
    def emit(e, out, x, y, n):
        a, b = e.load(x), e.load(y)
        e.store(e.mul(e.mul(a, b), e.mul(b, e.sqr(a))), out)

    text = operation(FR, emit)
    assert text.count("define internal") == 2


def test_emitted_code_names_no_processor():
    text = operation(FR, emit_everything)
    assert "llvm.masked.gather" in text
    assert "llvm.x86" not in text
    assert "x86_" not in text


@pytest.mark.parametrize(
    ("triple", "cpu", "instruction"),
    [
        ("aarch64-unknown-linux-gnu", "generic", "umlal"),
        ("x86_64-unknown-linux-gnu", "x86-64", "pmuludq"),
        ("x86_64-unknown-linux-gnu", "haswell", "vpmul"),
    ],
)
def test_emitted_code_compiles_for_processors_without_ifma(triple, cpu, instruction):
    target_machine = machine(triple, cpu)
    module = optimised(operation(FR, emit_everything), target_machine, triple)
    assert instruction in target_machine.emit_assembly(module)
    assert len(target_machine.emit_object(module)) > LIMB_BYTES
