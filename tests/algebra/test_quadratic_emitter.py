"""Arithmetic of Fq2 on both back ends against integers."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import ir

from zkroll.algebra.constants import Q_MODULUS as Q
from zkroll.algebra.field import PrimeField, address
from zkroll.algebra.kernels import jit
from zkroll.algebra.kernels.emit import FQ, LANES, LIMBS, Backend, block_intrinsic
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.kernels.quadratic import Pair, QuadraticEmitter

BACKENDS: list[Backend] = ["ifma", "portable"] if host_backend() == "ifma" else ["portable"]
Complex = tuple[int, int]


def mul(a: Complex, b: Complex) -> Complex:
    return ((a[0] * b[0] - a[1] * b[1]) % Q, (a[0] * b[1] + a[1] * b[0]) % Q)


def add(a: Complex, b: Complex) -> Complex:
    return ((a[0] + b[0]) % Q, (a[1] + b[1]) % Q)


def _emit(e: QuadraticEmitter, out: ir.Value, a: ir.Value, b: ir.Value) -> None:
    x, y = e.load(a), e.load(b)
    # sums of four and differences: bounds above two, untidy limbs
    large = e.sub(e.double(e.double(x)), y)
    norm = e.norm(x)
    results = [
        e.mul(x, y),
        e.mul(large, e.add(large, y)),
        e.sqr(large),
        e.times_non_residue(x),
        e.from_norm(x, norm),
        e.times(e.neg(x), 5),
        e.select(e.is_zero(e.mul(x, y)), e.constant(3, 4), e.zero()),
        e.select(e.maybe_zero(e.sub(x, x)), e.conjugate(x), y),
        Pair(e.base.reduce(norm), e.base.reduce(norm)),
    ]
    for i, result in enumerate(results):
        e.store(result, out, i * e.element_bytes)


@cache
def kernel(backend: Backend, inline: bool) -> Any:
    block = block_intrinsic(FQ, _emit, backend=backend, inline=inline, extension=QuadraticEmitter)

    @jit.kernel("void(int64, int64, int64)", name=f"test_quadratic_{backend}_{inline}".lower())
    def run(out: int, a: int, b: int) -> None:
        block(out, a, b)

    return run


def expected(x: Complex, y: Complex) -> list[Complex]:
    large = ((4 * x[0] - y[0]) % Q, (4 * x[1] - y[1]) % Q)
    norm = (x[0] * x[0] + x[1] * x[1]) % Q
    return [
        mul(x, y),
        mul(large, add(large, y)),
        mul(large, large),
        mul(x, (9, 1)),
        mul((x[0], -x[1] % Q), (norm, 0)),
        (-5 * x[0] % Q, -5 * x[1] % Q),
        (3, 4) if mul(x, y) == (0, 0) else (0, 0),
        (x[0], -x[1] % Q),
        (norm, norm),
    ]


parts = st.one_of(st.sampled_from([0, 1, 2, Q - 1, Q - 2, Q // 2]), st.integers(0, Q - 1))
elements = st.lists(st.tuples(parts, parts), min_size=LANES, max_size=LANES)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("inline", [True, False])
@settings(max_examples=25, deadline=None)
@given(xs=elements, ys=elements)
def test_every_operation_equals_complex_arithmetic(
    backend: Backend, inline: bool, xs: list[Complex], ys: list[Complex]
) -> None:
    fq = PrimeField(FQ, backend)
    a = np.concatenate([fq.from_ints(x[i] for x in xs) for i in range(2)])
    b = np.concatenate([fq.from_ints(y[i] for y in ys) for i in range(2)])
    out = np.empty((18, LIMBS, LANES), dtype=np.uint64)
    kernel(backend, inline)(address(out), address(a), address(b))
    values = fq.to_ints(out)
    for lane in range(LANES):
        got = [(values[16 * i + lane], values[16 * i + 8 + lane]) for i in range(9)]
        assert got == expected(xs[lane], ys[lane])
