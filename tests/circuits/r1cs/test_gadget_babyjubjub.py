"""BabyJubJub in circuits: every pair of special points, multiples of points of every order."""

from __future__ import annotations

import itertools
import random
from functools import cache

import pytest
from support.r1cs import survivors

from zkroll.algebra import babyjubjub as curve
from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.reference import babyjubjub as reference
from zkroll.circuits.r1cs.builder import Builder, compile_circuit
from zkroll.circuits.r1cs.circuit import Circuit
from zkroll.circuits.r1cs.determined import check_determined
from zkroll.circuits.r1cs.gadgets import montgomery
from zkroll.circuits.r1cs.gadgets.babyjubjub import (
    Point,
    add,
    assert_equal_points,
    constant_point,
    double,
    keep,
    negate,
    on_curve,
    select_point,
)
from zkroll.circuits.r1cs.gadgets.bits import Bit, boolean
from zkroll.circuits.r1cs.gadgets.scalar_mul import (
    LargePoint,
    clear_cofactor,
    multiply,
    multiply_base,
    multiply_large,
)
from zkroll.errors import InputError

L = curve.SUBGROUP_ORDER


@cache
def special_points() -> list[curve.Point]:
    """The eight points of small order, Base8 and its negative, and points of order 8ℓ."""
    rng = random.Random(7)

    def any_point() -> curve.Point:
        while True:
            word = rng.randrange(R_MODULUS).to_bytes(32, "little")
            try:
                return curve.unpack_point(word)
            except InputError:
                continue

    generator = curve.IDENTITY
    while curve.multiply(generator, 4) == curve.IDENTITY:
        generator = curve.multiply(any_point(), L)
    small = [curve.multiply(generator, i) for i in range(8)]
    assert len(set(small)) == 8
    large = curve.add(curve.BASE8, generator)
    return [*small, curve.BASE8, curve.negate(curve.BASE8), large, any_point()]


def test_points_on_the_curve_and_no_others_are_accepted() -> None:
    circuit = compile_circuit(lambda c: on_curve(c, *c.private_inputs("p", 2)))
    assert circuit.r1cs.n_constraints == 3
    for x, y in special_points():
        circuit.check(circuit.witness({"p": [x, y]}))
        if (y, x) not in special_points():
            off = (x + 1) % R_MODULUS, y
            assert not reference.is_on_curve(off)
            assert circuit.first_violation(circuit.witness({"p": list(off)})) is not None
    with pytest.raises(InputError, match="expected a point"):
        constant_point(Builder(), (1, 1))


def _group(c: Builder) -> None:
    p, q = (Point(*c.private_inputs(name, 2)) for name in "pq")
    bit = boolean(c, c.private_input("bit"))
    base = constant_point(c, curve.BASE8)
    for name, point in {
        "sum": add(c, p, q),
        "double": double(c, p),
        "difference": add(c, p, negate(q)),
        "plus base": add(c, p, base),
        "chosen": select_point(c, bit, p, q),
        "kept": keep(c, bit, p),
        "constants": add(c, double(c, base), base),
    }.items():
        c.outputs(name, point)


def test_additions_are_complete() -> None:
    circuit = compile_circuit(_group)
    for k, (p, q) in enumerate(itertools.product(special_points(), repeat=2)):
        bit = k & 1
        witness = circuit.witness({"p": list(p), "q": list(q), "bit": bit})
        circuit.check(witness)
        assert circuit.outputs(witness) == {
            "sum": list(curve.add(p, q)),
            "double": list(curve.add(p, p)),
            "difference": list(curve.add(p, curve.negate(q))),
            "plus base": list(curve.add(p, curve.BASE8)),
            "chosen": list(p if bit else q),
            "kept": list(p if bit else curve.IDENTITY),
            "constants": list(curve.multiply(curve.BASE8, 3)),
        }
        if k % 7 == 0:
            assert not survivors(circuit, witness)


def test_costs_of_additions() -> None:
    def cost(call: object) -> int:
        c = Builder()
        p, q = (Point(*c.private_inputs(name, 2)) for name in "pq")
        call(c, p, q)  # type: ignore[operator]
        return len(c.constraints)

    base = curve.BASE8
    assert cost(add) == 6
    assert cost(lambda c, p, q: add(c, p, constant_point(c, base))) == 3
    assert cost(lambda c, p, q: add(c, constant_point(c, base), p)) == 3
    assert cost(lambda c, p, q: double(c, p)) == 5
    assert cost(assert_equal_points) == 2


def test_montgomery_sums_equal_edwards_sums() -> None:
    def define(c: Builder) -> None:
        p, q = (montgomery.to_montgomery(c, Point(*c.private_inputs(name, 2))) for name in "pq")
        c.outputs("sum", montgomery.to_edwards(c, montgomery.add(c, p, q)))
        c.outputs("double", montgomery.to_edwards(c, montgomery.double(c, p)))
        c.outputs("double add", montgomery.to_edwards(c, montgomery.double_add(c, p, q)))

    circuit = compile_circuit(define)
    for i, j in ((1, 2), (3, 5), (L - 2, 7)):
        p, q = (curve.multiply(curve.BASE8, k) for k in (i, j))
        witness = circuit.witness({"p": list(p), "q": list(q)})
        circuit.check(witness)
        assert circuit.outputs(witness) == {
            name: list(curve.multiply(curve.BASE8, k))
            for name, k in {"sum": i + j, "double": 2 * i, "double add": 2 * i + j}.items()
        }
        assert not survivors(circuit, witness)


@cache
def _base(n: int) -> Circuit:
    return compile_circuit(
        lambda c: c.outputs("p", multiply_base(c, [boolean(c, b) for b in c.private_inputs("b", n)]))
    )


@cache
def _any(n: int) -> Circuit:
    def define(c: Builder) -> None:
        bits = [boolean(c, b) for b in c.private_inputs("b", n)]
        c.outputs("p", multiply(c, bits, on_curve(c, *c.private_inputs("q", 2))))

    return compile_circuit(define)


def _scalars(n: int) -> set[int]:
    edges = (0, 1, 2, 3, 7, 8, L - 1, L, L + 1, 2 * L, 8 * L - 1, R_MODULUS - 1, (1 << n) - 1, (1 << n) - 2)
    return {s % (1 << n) for s in edges} | {random.Random(n).getrandbits(n)}


def _bits(s: int, n: int) -> list[int]:
    return [s >> i & 1 for i in range(n)]


@pytest.mark.parametrize("n", [1, 2, 3, 5, 251, 254])
def test_multiples_of_the_base_are_right_for_every_edge(n: int) -> None:
    circuit = _base(n)
    for s in _scalars(n):
        witness = circuit.witness({"b": _bits(s, n)})
        circuit.check(witness)
        assert circuit.outputs(witness) == {"p": list(curve.multiply(curve.BASE8, s))}
    assert not survivors(circuit, witness, [1])


@pytest.mark.parametrize("n", [1, 2, 3, 4, 253, 254])
def test_multiples_of_any_point_are_right_for_every_edge(n: int) -> None:
    circuit = _any(n)
    for s, point in itertools.product(sorted(_scalars(n)), special_points()):
        if n > 4 and s % 3 != point[0] % 3:
            continue  # a third of the pairs, each scalar and each point with some
        witness = circuit.witness({"b": _bits(s, n), "q": list(point)})
        circuit.check(witness)
        assert circuit.outputs(witness) == {"p": list(curve.multiply(point, s))}


def test_costs_of_multiples() -> None:
    assert _base(253).r1cs.n_constraints == 253 + 515  # circomlib's EscalarMulFix: 523
    assert _any(254).r1cs.n_constraints == 254 + 3 + 1733  # circomlib's EscalarMulAny: 2310


@pytest.mark.parametrize("point", range(12))
def test_no_wire_of_a_multiple_is_free(point: int) -> None:
    circuit, (x, y) = _any(254), special_points()[point]
    inputs = {"b": _bits(12345 * L + 6, 254), "q": [x, y]}
    found = survivors(circuit, circuit.witness(inputs), [1])
    # the inverse of the zero that tells a point of small order may be anything
    assert found == ({"multiply/small order inverse"} if point < 8 else set())


def test_multiples_are_determined() -> None:
    check_determined(_base(16), {"b": _bits(777, 16)})
    for point in (0, 4, 8):
        check_determined(_any(16), {"b": _bits(777, 16), "q": list(special_points()[point])})


def test_points_of_small_order_are_refused_where_a_large_one_is_needed() -> None:
    def define(c: Builder) -> None:
        c.outputs("p", clear_cofactor(c, Point(*c.private_inputs("q", 2))))

    circuit = compile_circuit(define)
    for k, point in enumerate(special_points()):
        witness = circuit.witness({"q": list(point)})
        assert (circuit.first_violation(witness) is not None) == (k < 8)
        assert circuit.outputs(witness) == {"p": list(curve.multiply(point, 8))}
        if k < 8:
            forged = circuit.witness({"q": list(point)}, {"clear cofactor/small order": 0})
            assert circuit.first_violation(forged) is not None


def test_what_multiples_are_not_made_for_is_refused() -> None:
    c = Builder()
    bits = [Bit(b) for b in c.private_inputs("b", 255)]
    point = Point(*c.private_inputs("q", 2))
    for call in (
        lambda: multiply_base(c, bits),
        lambda: multiply_base(c, []),
        lambda: multiply_base(c, bits[:5], curve.IDENTITY),
        lambda: multiply_base(c, bits[:5], special_points()[3]),
        lambda: multiply_base(c, bits[:5], (1, 1)),
        lambda: multiply_base(c, [point.x]),  # type: ignore[list-item]
        lambda: multiply_large(c, bits[:5], point),  # type: ignore[arg-type]
        lambda: multiply_large(c, bits, LargePoint(*point)),
        lambda: multiply(c, [], point),
    ):
        with pytest.raises(InputError):
            call()
