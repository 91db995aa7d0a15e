"""The tower Fq2, Fq6, Fq12 on both back ends against integers."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llvmlite import ir

from zkroll.algebra.constants import Q_MODULUS as Q
from zkroll.algebra.field import address, fq
from zkroll.algebra.kernels import pairing_steps, tower, twelve
from zkroll.algebra.kernels.emit import FQ, I64, LANES, LIMBS, Backend, Emitter, block_intrinsic
from zkroll.algebra.kernels.final_exponent import X, signed_digits
from zkroll.algebra.kernels.jit import host_backend, kernel
from zkroll.algebra.kernels.pairing_steps import fold_lanes, spread_inverse
from zkroll.algebra.reference import tower as reference

BACKENDS: list[Backend] = ["ifma", "portable"] if host_backend() == "ifma" else ["portable"]
Element = tuple[int, ...]
SCRATCH = twelve.INVERSION_BYTES // 8 + 4 * LIMBS * LANES
UNARY = (
    "twelve_sqr",
    "twelve_cyclotomic_sqr",
    "twelve_conjugate",
    "twelve_frobenius_1",
    "twelve_frobenius_2",
    "twelve_frobenius_3",
)


def _emit_six(t: tower.Tower, out: ir.Value, a: ir.Value, b: ir.Value) -> None:
    # operands as large as they may come: 2·a - b + 2·q stays below 4·q only once it is reduced
    size = tower.SIX_BYTES
    x, y = t.six(a), t.six(b)
    large = t.keep_six(t.sub_six(t.add_six(x, x), y))
    place, square = t.slot(6), t.slot(6)
    twelve.six_mul(t, place, large, b)
    twelve.six_sqr(t, square, large)
    t.store_pairs(t.six(place, bound=12), out)
    t.store_pairs(t.six(square, bound=12), out, size)


@cache
def operations(backend: Backend) -> dict[str, Any]:
    """Kernels of the routines, on addresses."""

    def block(emit: Any, **options: Any) -> Any:
        return block_intrinsic(FQ, emit, backend=backend, extension=tower.Tower, **options)

    unary = [block(getattr(twelve, name)) for name in UNARY]
    sqr, cyclotomic, conjugate, frobenius_1, frobenius_2, frobenius_3 = unary
    mul, six, move = block(twelve.twelve_mul), block(_emit_six), block(twelve.twelve_move_lanes)
    one, is_one = block(twelve.twelve_one), block(twelve.twelve_is_one, returns_mask=True)
    begin, end = block(twelve.twelve_invert_begin), block(twelve.twelve_invert_end)
    fold, spread = block(fold_lanes), block(spread_inverse)

    @kernel("int64(int64,int64,int64,int64)", name=f"test_tower_{backend}")
    def run(operation: int, out: int, a: int, b: int) -> int:
        if operation == 0:
            sqr(out, a)
        elif operation == 1:
            cyclotomic(out, a)
        elif operation == 2:
            conjugate(out, a)
        elif operation == 3:
            frobenius_1(out, a)
        elif operation == 4:
            frobenius_2(out, a)
        elif operation == 5:
            frobenius_3(out, a)
        elif operation == 6:
            mul(out, a, b)
        elif operation == 7:
            six(out, a, b)
        elif operation == 8:
            move(out, a, b)
        elif operation == 9:
            one(out)
        else:
            return int(is_one(a))
        return 0

    @kernel("void(int64,int64,int64,int64,int64)", name=f"test_tower_invert_{backend}")
    def invert(stage: int, out: int, a: int, kept: int, words: int) -> None:
        norm = kept + twelve.INVERSION_BYTES
        if stage == 0:
            begin(kept, norm, a)
            fold(norm, words)
        else:
            spread(norm, words)
            end(out, a, kept, norm)

    names = [*UNARY, "mul", "six", "move_lanes", "one", "is_one"]
    return {"run": run, "invert": invert, **{name: i for i, name in enumerate(names)}}


def to_memory(elements: list[Element]) -> Any:
    """Eight elements, in powers of w, as twelve blocks in the order of the tower."""
    order = [2 * k + half for k in (0, 2, 4, 1, 3, 5) for half in (0, 1)]
    return fq.from_ints(element[at] for at in order for element in elements)


def from_memory(blocks: Any) -> list[Element]:
    values = fq.to_ints(blocks)
    lanes = [[values[LANES * i + lane] for i in range(12)] for lane in range(LANES)]
    return [tuple(v[2 * i + half] for i in (0, 3, 1, 4, 2, 5) for half in (0, 1)) for v in lanes]


def apply(backend: Backend, name: str, a: list[Element], b: list[Element] | int = 0) -> list[Element]:
    kernels = operations(backend)
    x = to_memory(a)
    other = to_memory(b) if isinstance(b, list) else None
    out = np.empty((12, LIMBS, LANES), dtype=np.uint64)
    kernels["run"](kernels[name], address(out), address(x), b if other is None else address(other))
    fq.check_range(out, name)
    separate = from_memory(out)
    if name in UNARY:  # the output may be the input
        kernels["run"](kernels[name], address(x), address(x), 0)
        assert from_memory(x) == separate
    return separate


parts = st.one_of(st.sampled_from([0, 1, 2, Q - 1, Q - 2, Q // 2]), st.integers(0, Q - 1))
elements = st.lists(st.tuples(*[parts] * 12), min_size=LANES, max_size=LANES)
quick = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.large_base_example])


@pytest.mark.parametrize("backend", BACKENDS)
@quick
@given(xs=elements, ys=elements)
def test_products_squares_and_frobenius_images_equal_those_of_integers(
    backend: Backend, xs: list[Element], ys: list[Element]
) -> None:
    assert apply(backend, "mul", xs, ys) == [reference.twelve_mul(x, y) for x, y in zip(xs, ys, strict=True)]
    assert apply(backend, "twelve_sqr", xs) == [reference.twelve_mul(x, x) for x in xs]
    assert apply(backend, "twelve_conjugate", xs) == [reference.twelve_conjugate(x) for x in xs]
    for power in (1, 2, 3):
        expected = [reference.twelve_frobenius(x, power) for x in xs]
        assert apply(backend, f"twelve_frobenius_{power}", xs) == expected


@pytest.mark.parametrize("backend", BACKENDS)
@quick
@given(xs=elements, ys=elements)
def test_products_and_squares_in_fq6_equal_those_of_integers(
    backend: Backend, xs: list[Element], ys: list[Element]
) -> None:
    def low(element: Element) -> Element:
        return tuple(element[4 * i + half] for i in range(3) for half in (0, 1))

    for x, y, out in zip(xs, ys, apply(backend, "six", xs, ys), strict=True):
        large = reference.sub(reference.add(low(x), low(x)), low(y))
        high = tuple(out[4 * i + 2 + half] for i in range(3) for half in (0, 1))
        assert low(out) == reference.six_mul(large, low(y))
        assert high == reference.six_mul(large, large)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_product_with_both_operands_in_place_is_the_square(backend: Backend) -> None:
    rng = np.random.default_rng(1)
    xs = [tuple(int.from_bytes(rng.bytes(31), "little") for _ in range(12)) for _ in range(LANES)]
    kernels, x = operations(backend), to_memory(xs)
    kernels["run"](kernels["mul"], address(x), address(x), address(x))
    assert from_memory(x) == [reference.twelve_mul(a, a) for a in xs]


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.large_base_example])
@given(xs=elements)
def test_cyclotomic_squares_are_squares_in_the_cyclotomic_subgroup(
    backend: Backend, xs: list[Element]
) -> None:
    members = [reference.easy_part(x) if any(x) else reference.ONE for x in xs]
    assert apply(backend, "twelve_cyclotomic_sqr", members) == [reference.twelve_mul(x, x) for x in members]


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.large_base_example])
@given(xs=elements, zero_lane=st.integers(0, LANES - 1))
def test_inverses_equal_those_of_integers_and_a_zero_lane_spoils_no_other(
    backend: Backend, xs: list[Element], zero_lane: int
) -> None:
    xs[zero_lane] = (0,) * 12
    invert = operations(backend)["invert"]
    x, out = to_memory(xs), np.empty((12, LIMBS, LANES), dtype=np.uint64)
    kept, words = np.empty(SCRATCH, dtype=np.uint64), np.empty(LIMBS, dtype=np.int64)
    invert(0, address(out), address(x), address(kept), address(words))
    inverse = pow(sum(int(word) << (52 * i) for i, word in enumerate(words)), -1, Q)
    words[:] = [inverse >> (52 * i) & (2**52 - 1) for i in range(LIMBS)]
    invert(1, address(out), address(x), address(kept), address(words))
    assert from_memory(out) == [reference.twelve_inverse(a) if any(a) else (0,) * 12 for a in xs]


@pytest.mark.parametrize("backend", BACKENDS)
def test_lanes_move_by_exclusive_or_and_one_is_recognised(backend: Backend) -> None:
    kernels = operations(backend)
    xs: list[Element] = [(i + 1, *range(11)) for i in range(LANES)]
    for distance in (1, 2, 4):
        assert apply(backend, "move_lanes", xs, distance) == [xs[i ^ distance] for i in range(LANES)]
    assert apply(backend, "one", xs) == [reference.ONE] * LANES
    mixed = [reference.ONE] * LANES
    mixed[2], mixed[5], mixed[6] = (1, *[0] * 10, 1), (0,) * 12, (2, *[0] * 11)
    x = to_memory(mixed)
    assert kernels["run"](kernels["is_one"], 0, address(x), 0) == 0b10011011


def test_a_sum_of_products_that_would_not_fit_is_refused_while_emitting() -> None:
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [I64]), "f")
    base = Emitter(ir.IRBuilder(function.append_basic_block()), FQ, "portable")
    t = tower.Tower(base)
    wide = t.number(function.args[0], bound=84)
    with pytest.raises(ValueError, match="dot: expected a sum below"):
        t.dot([(wide, wide)])


def test_the_portable_functions_use_nothing_of_one_processor() -> None:
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [I64] * 7), "f")
    t = tower.Tower(Emitter(ir.IRBuilder(function.append_basic_block()), FQ, "portable"))
    emitted = [getattr(twelve, name) for name in (*UNARY, "twelve_mul", "twelve_move_lanes", "twelve_one")]
    emitted += [twelve.twelve_invert_begin, twelve.twelve_invert_end, twelve.twelve_is_one]
    emitted += [pairing_steps.double_step, pairing_steps.add_step, pairing_steps.sparse_mul]
    emitted += [pairing_steps.off_g1, pairing_steps.off_g2, pairing_steps.off_subgroup]
    emitted += [pairing_steps.start_pair, pairing_steps.first_image, pairing_steps.second_image]
    emitted += [fold_lanes, spread_inverse]
    for routine in emitted:
        count = len(inspect.signature(routine).parameters) - 1
        routine(t, *function.args[:count])
    text = str(module)
    assert "tower_sparse_mul" in text
    assert "x86" not in text


@pytest.mark.parametrize("width", [2, 3, 4])
def test_signed_digits_are_sparse_and_give_the_value_back(width: int) -> None:
    for value in (1, 2, 3, 7, X, 6 * X + 2):
        digits = signed_digits(value, width)
        assert sum(digit << i for i, digit in enumerate(digits)) == value
        assert all(digit == 0 or (digit % 2 and abs(digit) < 1 << (width - 1)) for digit in digits)
        assert all(sum(d != 0 for d in digits[i : i + width]) <= 1 for i in range(len(digits)))


def test_the_reference_tower_is_a_field_with_the_stated_relations() -> None:
    rng = np.random.default_rng(2)
    a, b = (tuple(int.from_bytes(rng.bytes(32), "little") % Q for _ in range(12)) for _ in range(2))
    w = (0, 0, 1, *[0] * 9)
    assert reference.twelve_pow(w, 6) == (9, 1, *[0] * 10)
    assert reference.twelve_mul(a, reference.twelve_inverse(a)) == reference.ONE
    assert reference.twelve_mul(a, b) == reference.twelve_mul(b, a)
    assert reference.twelve_frobenius(a, 1) == reference.twelve_pow(a, Q)
    twice = reference.twelve_frobenius(reference.twelve_frobenius(a, 3), 3)
    assert twice == reference.twelve_conjugate(a)
