"""Products with prepared factors agree with integers, for every value that fits five limbs."""

from __future__ import annotations

import random

import numpy as np
import pytest

from zkroll.algebra.field import address
from zkroll.algebra.kernels import fixed_product
from zkroll.algebra.kernels.emit import FQ, FR, block_intrinsic, split_limbs
from zkroll.algebra.kernels.jit import host_backend, kernel

BACKENDS = ["portable", "ifma"] if host_backend() == "ifma" else ["portable"]


def block_of(values):
    out = np.zeros((5, 8), dtype=np.uint64)
    for i, value in enumerate(values):
        out[:, i] = split_limbs(value)
    return out


def values_of(block):
    return [sum(int(block[j, i]) << (52 * j) for j in range(5)) for i in range(8)]


@pytest.fixture(
    scope="module", params=[(f, b) for f in (FR, FQ) for b in BACKENDS], ids=lambda p: f"{p[0].name}-{p[1]}"
)
def case(request):
    field, backend = request.param

    def emit_prepare(e, out, a):
        value = e.load(a)
        fixed_product.store_prepared(e, value, e.mul(value, e.raw(1, 1)), out)

    def emit_vector(e, out, x, w):
        e.store(fixed_product.times(e, e.load(x, bound=84), fixed_product.load_vector(e, w)), out, bound=3)

    def emit_compact(e, out, x, w):
        e.store(fixed_product.times(e, e.load(x, bound=84), fixed_product.load_compact(e, w)), out, bound=3)

    prepare_block = block_intrinsic(field, emit_prepare, backend=backend)
    vector_block = block_intrinsic(field, emit_vector, backend=backend)
    compact_block = block_intrinsic(field, emit_compact, backend=backend)

    @kernel("void(int64,int64)", name=f"test_fixed_prepare_{backend}_{field.name}")
    def prepare(out, a):
        prepare_block(out, a)

    @kernel("void(int64,int64,int64)", name=f"test_fixed_vector_{backend}_{field.name}")
    def vector(out, x, w):
        vector_block(out, x, w)

    @kernel("void(int64,int64,int64)", name=f"test_fixed_compact_{backend}_{field.name}")
    def compact(out, x, w):
        compact_block(out, x, w)

    return field, backend, prepare, vector, compact


def factors(p):
    rng = random.Random(3)
    return [0, 1, 2, p - 1, p - 2, p >> 1, rng.randrange(p), rng.randrange(p)]


def test_preparation_gives_the_rounded_quotient(case):
    field, backend, prepare, _, _ = case
    p, out = field.modulus, np.zeros((2, 5, 8), dtype=np.uint64)
    for more in (0, p):  # the stored residue may be p or more
        residues = [field.to_montgomery(w) + more for w in factors(p)]
        prepare(address(out), address(block_of(residues)))
        if backend == "ifma":
            assert values_of(out[0]) == factors(p)
            assert values_of(out[1]) == [(w << 260) // p for w in factors(p)]
        else:
            assert values_of(out[0]) == [field.to_montgomery(w) for w in factors(p)]


def test_products_agree_with_integers_up_to_260_bits(case):
    field, _, prepare, vector, compact = case
    p, rng = field.modulus, random.Random(4)
    prepared, out = np.zeros((2, 5, 8), dtype=np.uint64), np.zeros((5, 8), dtype=np.uint64)
    prepare(address(prepared), address(block_of([field.to_montgomery(w) for w in factors(p)])))
    edges = [0, 1, p - 1, p, 2 * p - 1, (1 << 52) - 1, 1 << 208, 84 * p - 1, (1 << 260) - 1]
    for x in [*edges, *(rng.randrange(1 << 260) for _ in range(40))]:
        xs = block_of([x] * 8)
        vector(address(out), address(xs), address(prepared))
        assert all(value <= fixed_product.BOUND * p for value in values_of(out))
        assert [value % p for value in values_of(out)] == [x * w % p for w in factors(p)]
    for lane, w in enumerate(factors(p)):
        entry = np.concatenate([prepared[0, :, lane], prepared[1, :, lane]])
        compact(address(out), address(block_of(edges[1:])), address(entry))
        assert [value % p for value in values_of(out)] == [x * w % p for x in edges[1:]]
