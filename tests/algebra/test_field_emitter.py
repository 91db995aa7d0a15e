"""The LLVM IR emitter: bounds, masks and moves on both back ends, and what its code may contain."""

from __future__ import annotations

import random

import numpy as np
import pytest
from llvmlite import ir

from zkroll.algebra.field import address
from zkroll.algebra.kernels.emit import FQ, FR, I64, Emitter, block_intrinsic, split_limbs
from zkroll.algebra.kernels.jit import host_backend, kernel

BACKENDS = ["portable", "ifma"] if host_backend() == "ifma" else ["portable"]
FACTOR = {field.name: field.r_inverse for field in (FR, FQ)}


def blocks_of(values):
    out = np.zeros((len(values) // 8, 5, 8), dtype=np.uint64)
    for i, value in enumerate(values):
        out[i // 8, :, i % 8] = split_limbs(value)
    return out


def residues(block):
    return [sum(int(block[j, i]) << (52 * j) for j in range(5)) for i in range(8)]


def compiled(field, backend, emit, name, *, returns_mask=False, inline=True):
    operation = block_intrinsic(field, emit, backend=backend, returns_mask=returns_mask, inline=inline)
    if returns_mask:

        @kernel("int64(int64,int64,int64)", name=f"test_{name}_{backend}_{field.name}")
        def run(out, x, y):
            return operation(out, x, y)
    else:

        @kernel("void(int64,int64,int64)", name=f"test_{name}_{backend}_{field.name}_{inline}")
        def run(out, x, y):
            operation(out, x, y)

    return run


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("inline", [True, False])
def test_long_unreduced_chains_store_residues_below_2p(backend, inline):
    def emit(e, out, x, y):
        a, b = e.load(x), e.load(y)
        wide = a
        for _ in range(5):
            wide = e.double(wide)  # bound 64
        wide = e.sub(wide, b)
        wide = e.add(wide, wide)  # must be reduced on the way
        square = e.sqr(e.neg(wide))
        e.store(e.sub(e.mul(square, e.add(a, b)), e.constant(3)), out)

    p, back = FR.modulus, FACTOR["fr"]
    run = compiled(FR, backend, emit, "chain", inline=inline)
    rng = random.Random(5)
    xs = [0, 1, p - 1, p, 2 * p - 1, *(rng.randrange(2 * p) for _ in range(3))]
    ys = [0, 2 * p - 1, p, p - 1, 2 * p - 1, *(rng.randrange(2 * p) for _ in range(3))]
    x, y, out = blocks_of(xs), blocks_of(ys), blocks_of([0] * 8)
    run(address(out), address(x), address(y))
    for got, u, v in zip(residues(out[0]), xs, ys, strict=True):
        a, b = u * back, v * back
        expected = ((2 * (32 * a - b)) ** 2 * (a + b) - 3) % p
        assert got < 2 * p
        assert got * back % p == expected


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("field", [FR, FQ], ids=str)
@pytest.mark.parametrize("bound", [2, 3, 5, 17, 60, 84])
def test_reduction_is_right_up_to_each_bound(backend, field, bound):
    def emit(e, out, x, y):
        value = e.load(x, bound=bound)
        e.store(value, out)
        e.store(e.canonical(value), y)

    p = field.modulus
    run = compiled(field, backend, emit, f"reduce{bound}")
    multiples = [k * p for k in {1, bound // 2, bound - 1, bound}]
    values = [bound * p - 1, 0, *(m + d for m in multiples for d in (-1, 0, 1) if 0 <= m + d < bound * p)]
    values += [0] * (-len(values) % 8)
    for start in range(0, len(values), 8):
        given = values[start : start + 8]
        x, out, canonical = blocks_of(given), blocks_of([0] * 8), blocks_of([0] * 8)
        run(address(out), address(x), address(canonical))
        for got, least, value in zip(
            residues(out[0]), residues(canonical[0]), values[start : start + 8], strict=True
        ):
            assert got < 2 * p
            assert got % p == least == value % p


@pytest.mark.parametrize("backend", BACKENDS)
def test_masks_compare_modulo_p(backend):
    def emit(e, out, x, y):
        a, b = e.load(x), e.load(y)
        same = e.equal(a, b)
        e.store(e.select(e.mask_not(same), e.constant(7), e.add(a, a)), out)
        odd = e.mask_from_bits(ir.Constant(I64, 0b10101010))
        return e.mask_or(e.mask_and(same, odd), e.is_zero(e.add(a, b)))

    p = FR.modulus
    run = compiled(FR, backend, emit, "masks", returns_mask=True)
    xs = [0, p, 5, p + 5, 5, 2 * p - 1, 1, 3]
    ys = [p, 0, p + 5, 5, 6, p - 1, p - 1, 2 * p - 3]
    x, y, out = blocks_of(xs), blocks_of(ys), blocks_of([0] * 8)
    bits = run(address(out), address(x), address(y))
    same = [(u - v) % p == 0 for u, v in zip(xs, ys, strict=True)]
    expected = [
        (s and i % 2 == 1) or (u + v) % p == 0 for i, (s, u, v) in enumerate(zip(same, xs, ys, strict=True))
    ]
    assert [bool(bits >> i & 1) for i in range(8)] == expected
    seven = FR.to_montgomery(7)
    for got, s, u in zip(residues(out[0]), same, xs, strict=True):
        assert got % p == (2 * u % p if s else seven)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gather_and_scatter_move_single_lanes(backend):
    def emit(e, out, x, y):
        offsets = e.builder.load(e.pointer(y, 0, ir.VectorType(I64, 8)), align=8)
        e.scatter(e.gather(x, offsets), out, offsets)

    run = compiled(FR, backend, emit, "gather")
    x = blocks_of(list(range(100, 132)))
    picked = [31, 0, 8, 17, 30, 5, 23, 16]
    offsets = np.array([320 * (i // 8) + 8 * (i % 8) for i in picked], dtype=np.int64)
    out = np.zeros_like(x)
    run(address(out), address(x), address(offsets))
    flat = [value for block in out for value in residues(block)]
    assert flat == [i + 100 if i in picked else 0 for i in range(32)]


def module_text(backend):
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [I64] * 2), "f")
    builder = ir.IRBuilder(function.append_basic_block())
    e = Emitter(builder, FR, backend)
    value = e.load(function.args[0])
    e.store(e.canonical(e.mul(e.sub(value, e.neg(value)), e.sqr(value))), function.args[1])
    builder.ret_void()
    return str(module)


def test_portable_code_has_no_target_specific_instruction():
    assert "x86" not in module_text("portable")
    assert "x86.avx512.vpmadd52" in module_text("ifma")


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_opposite_of_zero_is_seen_to_be_zero_and_stored_below_2p(backend):
    def emit(e, out, x, y):
        opposite = e.neg(e.load(x))
        e.store(e.select(e.is_zero(opposite), e.load(y), opposite), out)

    def store(e, out, x, y):
        e.store(e.neg(e.load(x)), out)

    out, zeros, sevens = blocks_of([0] * 8), blocks_of([0] * 8), blocks_of([7] * 8)
    compiled(FQ, backend, emit, "neg_zero")(address(out), address(zeros), address(sevens))
    assert residues(out[0]) == [7] * 8
    compiled(FQ, backend, store, "store_neg")(address(out), address(zeros), address(sevens))
    assert all(value in (0, FQ.modulus) for value in residues(out[0]))
