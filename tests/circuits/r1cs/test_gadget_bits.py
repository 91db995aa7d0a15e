"""Bits, ranges, Boolean functions, comparisons and selections."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.r1cs import check_constraints, survivors

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.r1cs.builder import Builder, compile_circuit
from zkroll.circuits.r1cs.check import Case
from zkroll.circuits.r1cs.circuit import Circuit
from zkroll.circuits.r1cs.gadgets.bits import (
    Bit,
    Unsigned,
    assert_at_most,
    boolean,
    constant_bit,
    constant_bits,
    from_bits,
    range_check,
    to_bits,
    to_bits_canonical,
    unsigned,
)
from zkroll.circuits.r1cs.gadgets.compare import (
    assert_less_than_constant,
    assert_nonzero,
    is_equal,
    is_zero,
    less_or_equal,
    less_than,
)
from zkroll.circuits.r1cs.gadgets.logic import all_of, and_, chi, choose, majority, not_, or_, xor, xor3
from zkroll.circuits.r1cs.gadgets.select import lookup, mux, select, swap
from zkroll.errors import InputError

LAST = R_MODULUS - 1


def rejected(
    circuit: Circuit, inputs: dict[str, int | list[int]], tamper: dict[str, int] | None = None
) -> bool:
    """Whether a witness breaks a constraint."""
    return circuit.first_violation(circuit.witness(inputs, tamper)) is not None


@pytest.mark.parametrize("n", [1, 2, 8, 64, 253])
def test_bits_are_those_of_the_value_and_larger_values_have_none(n: int) -> None:
    top = (1 << n) - 1
    circuit = check_constraints(
        lambda c: c.outputs("b", to_bits(c, c.private_input("x"), n)),
        valid=[Case({"x": x}, {"b": [x >> i & 1 for i in range(n)]}) for x in {0, 1, top, top // 3}],
        invalid=[{"x": top + 1}, {"x": LAST}],
    )
    assert circuit.r1cs.n_constraints == (n + 1 if n > 1 else 2)
    assert not survivors(circuit, circuit.witness({"x": top // 3}))


@pytest.mark.parametrize("x", [0, 1, 1 << 253, LAST, LAST - 1, (1 << 128) - 1])
def test_canonical_bits_of_edge_values(x: int) -> None:
    circuit = check_constraints(
        lambda c: c.outputs("b", to_bits_canonical(c, c.private_input("x"))),
        valid=[Case({"x": x}, {"b": [x >> i & 1 for i in range(254)]})],
    )
    assert circuit.r1cs.n_constraints == 407  # circomlib's Num2Bits_strict: 515
    # the hint that takes the bits of x + r keeps the sum, and must break the alias check
    if x + R_MODULUS < 1 << 254:
        forged = {f"b[{i}]": (x + R_MODULUS) >> i & 1 for i in range(254)}
        violation = circuit.first_violation(circuit.witness({"x": x}, forged))
        assert violation is not None
        assert "alias" in circuit.constraint_name(violation.constraint)


@given(limit=st.integers(0, 255), data=st.data())
@settings(max_examples=30, deadline=None)
def test_at_most_accepts_exactly_the_numbers_up_to_a_limit(limit: int, data: st.DataObject) -> None:
    def define(c: Builder) -> None:
        assert_at_most(c, [boolean(c, x) for x in c.private_inputs("b", 8)], limit)

    circuit = compile_circuit(define)
    edges = [x for x in (0, limit - 1, limit, limit + 1, 255) if 0 <= x < 256]
    for x in [*edges, *data.draw(st.lists(st.integers(0, 255), max_size=4))]:
        assert rejected(circuit, {"b": [x >> i & 1 for i in range(8)]}) == (x > limit)


@pytest.mark.parametrize("n", [0, 1, 7, 128, 253])
def test_range_checks_accept_exactly_the_range(n: int) -> None:
    circuit = check_constraints(
        lambda c: range_check(c, c.private_input("x"), n),
        valid=[{"x": 0}, {"x": (1 << n) - 1}],
        invalid=[{"x": 1 << n}, {"x": LAST}, {"x": R_MODULUS - (1 << 252)}],
    )
    assert circuit.r1cs.n_constraints == max(n, 1)


def test_known_ranges_cost_nothing() -> None:
    c = Builder()
    x = range_check(c, c.private_input("x"), 8)
    before = len(c.constraints)
    assert range_check(c, x, 9) is x
    assert boolean(c, constant_bit(c, 1)).constant == 1
    assert range_check(c, 255, 8).constant == 255
    assert len(c.constraints) == before
    assert len(range_check(c, x, 7).terms) == 1
    assert len(c.constraints) == before + 7


def test_gadgets_refuse_values_whose_range_nothing_proves() -> None:
    c = Builder()
    x, bit = c.private_input("x"), constant_bit(c, 1)
    bits = to_bits(c, x, 4)
    for call in (
        lambda: xor(c, x, bit),  # type: ignore[arg-type]
        lambda: chi(c, bit, bits[0] + 1, bit),  # type: ignore[arg-type]
        lambda: select(c, x, 1, 2),  # type: ignore[arg-type]
        lambda: from_bits(c, [x]),  # type: ignore[list-item]
        lambda: less_than(c, x, unsigned(c, 3)),  # type: ignore[arg-type]
        lambda: less_than(c, Unsigned(x, 253), unsigned(c, 3)),
        lambda: to_bits(c, x, 254),
        lambda: range_check(c, x, -1),
        lambda: range_check(c, 256, 8),
        lambda: Unsigned(x, 254),
        lambda: constant_bit(c, 2),
        lambda: constant_bits(c, 16, 4),
        lambda: assert_at_most(c, bits, 16),
        lambda: assert_less_than_constant(c, x, 0),
        lambda: unsigned(c, 1 << 253),
        lambda: mux(c, bits[:2], [1, 2, 3]),
        lambda: lookup(c, [], [[1]]),
        lambda: boolean(c, 2),
    ):
        with pytest.raises(InputError):
            call()


FUNCTIONS: dict[str, tuple[Callable[..., Bit], int, Callable[..., int]]] = {
    "and": (and_, 2, lambda x, y: x & y),
    "or": (or_, 2, lambda x, y: x | y),
    "xor": (xor, 2, lambda x, y: x ^ y),
    "xor3": (xor3, 3, lambda x, y, z: x ^ y ^ z),
    "majority": (majority, 3, lambda x, y, z: int(x + y + z >= 2)),
    "choose": (choose, 3, lambda x, y, z: y if x else z),
    "chi": (chi, 3, lambda x, y, z: x ^ ((1 - y) & z)),
    "all": (lambda c, *b: all_of(c, list(b)), 4, lambda *b: int(all(b))),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_boolean_functions_have_their_table_and_no_other_value(name: str) -> None:
    function, arity, expected = FUNCTIONS[name]

    def define(c: Builder) -> None:
        c.output("f", function(c, *[boolean(c, x) for x in c.private_inputs("x", arity)]))

    circuit = compile_circuit(define)
    assert circuit.r1cs.n_constraints == arity + max(1, arity - 3 + (name == "all") * 2)
    for bits in itertools.product((0, 1), repeat=arity):
        x = {"x": list(bits)}
        witness = circuit.witness(x)
        circuit.check(witness)
        assert circuit.outputs(witness) == {"f": expected(*bits)}
        for other in (1 - expected(*bits), -1, 2, R_MODULUS >> 1):
            assert rejected(circuit, x, {"f": other})
    for odd in (2, LAST):
        assert rejected(circuit, {"x": [odd] + [1] * (arity - 1)})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_boolean_functions_fold_constants(name: str) -> None:
    function, arity, expected = FUNCTIONS[name]
    for known in itertools.product((0, 1, None), repeat=arity):
        c = Builder()
        xs = [boolean(c, x) for x in c.private_inputs("x", arity)]
        fixed = [x if k is None else constant_bit(c, k) for x, k in zip(xs, known, strict=True)]
        c.output("f", function(c, *fixed))
        circuit = c.compile()
        for bits in itertools.product((0, 1), repeat=arity):
            witness = circuit.witness({"x": list(bits)})
            circuit.check(witness)
            used = [b if k is None else k for b, k in zip(bits, known, strict=True)]
            assert circuit.outputs(witness) == {"f": expected(*used)}


def test_not_is_free() -> None:
    c = Builder()
    assert not_(Bit(c.private_input("x"))).terms == {0: 1, 1: -1}
    assert not c.constraints


def test_zero_and_equality() -> None:
    def define(c: Builder) -> None:
        a, b = c.private_inputs("x", 2)
        c.output("zero", is_zero(c, a))
        c.output("equal", is_equal(c, a, b))

    circuit = check_constraints(
        define,
        valid=[
            Case({"x": [0, 0]}, {"zero": 1, "equal": 1}),
            Case({"x": [0, LAST]}, {"zero": 1, "equal": 0}),
            Case({"x": [LAST, LAST]}, {"zero": 0, "equal": 1}),
            Case({"x": [1, LAST]}, {"zero": 0, "equal": 0}),
        ],
        invalid=[
            Case({"x": [5, 5]}, tamper={"zero": 1}),
            Case({"x": [5, 6]}, tamper={"equal": 1}),
            Case({"x": [0, 6]}, tamper={"zero": 0}),
            Case({"x": [5, 6]}, tamper={"is zero inverse": 0}),
        ],
    )
    assert circuit.r1cs.n_constraints == 4


def test_nonzero_values_have_an_inverse() -> None:
    check_constraints(
        lambda c: assert_nonzero(c, c.private_input("x")),
        valid=[{"x": 1}, {"x": LAST}],
        invalid=[{"x": 0}, Case({"x": 0}, tamper={"nonzero inverse": 1})],
    )


@given(n=st.sampled_from([1, 3, 64, 252]), data=st.data())
@settings(max_examples=20, deadline=None)
def test_comparisons_order_integers(n: int, data: st.DataObject) -> None:
    top = (1 << n) - 1
    number = st.one_of(st.sampled_from([0, 1, top, top - 1]), st.integers(0, top))

    def define(c: Builder) -> None:
        a, b = (Unsigned(x, n) for x in c.private_inputs("x", 2))
        c.output("less", less_than(c, a, b))
        c.output("at most", less_or_equal(c, a, b))

    circuit = compile_circuit(define)
    assert circuit.r1cs.n_constraints <= 2 * (n + 1) + 2
    for _ in range(3):
        a, b = data.draw(number), data.draw(number)
        witness = circuit.witness({"x": [a, b]})
        circuit.check(witness)
        assert circuit.outputs(witness) == {"less": int(a < b), "at most": int(a <= b)}
        assert not survivors(circuit, witness)
        assert rejected(circuit, {"x": [a, b]}, {"less than at least": int(a < b)})


def test_comparison_with_a_constant_of_a_wider_type() -> None:
    circuit = check_constraints(
        lambda c: c.output("less", less_than(c, range_check(c, c.private_input("x"), 4), unsigned(c, 200))),
        valid=[Case({"x": 15}, {"less": 1}), Case({"x": 0}, {"less": 1})],
        invalid=[{"x": 16}],
    )
    assert circuit.r1cs.n_constraints == 4 + 9 + 1
    c = Builder()
    assert less_than(c, unsigned(c, 3), unsigned(c, 5)).constant == 1
    assert less_than(c, unsigned(c, 0), unsigned(c, 0)).constant == 0


@pytest.mark.parametrize("limit", [1, 2, 1000, 1 << 64, (1 << 253) - 5, 1 << 253])
def test_values_below_a_constant(limit: int) -> None:
    check_constraints(
        lambda c: assert_less_than_constant(c, c.private_input("x"), limit),
        valid=[{"x": 0}, {"x": limit - 1}],
        invalid=[{"x": limit}, {"x": LAST}, {"x": min(2 * limit, LAST)}],
    )


def test_selection_and_swap() -> None:
    def define(c: Builder) -> None:
        bit, (x, y) = boolean(c, c.private_input("bit")), c.private_inputs("xy", 2)
        c.output("chosen", select(c, bit, x, y))
        c.outputs("swapped", swap(c, bit, x, y))

    valid = [
        Case({"bit": 0, "xy": [3, LAST]}, {"chosen": LAST, "swapped": [3, LAST]}),
        Case({"bit": 1, "xy": [3, LAST]}, {"chosen": 3, "swapped": [LAST, 3]}),
    ]
    circuit = check_constraints(define, valid, invalid=[
        {"bit": 2, "xy": [3, 4]},
        Case({"bit": 0, "xy": [3, 4]}, tamper={"chosen": 3}),
        Case({"bit": 1, "xy": [3, 4]}, tamper={"swapped[0]": 3}),
    ])  # fmt: skip
    assert circuit.r1cs.n_constraints == 1 + 2 + 1  # the second swapped value is a sum, made an output


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_lookups_and_muxes_give_the_row_of_the_bits(k: int) -> None:
    tables = [[(7 * i + j) ** 40 % R_MODULUS for i in range(1 << k)] for j in range(3)]

    def define(c: Builder) -> None:
        bits = [boolean(c, x) for x in c.private_inputs("b", k)]
        values = c.private_inputs("v", 1 << k)
        c.outputs("row", lookup(c, bits, tables))
        c.output("one", mux(c, bits, values))

    circuit = compile_circuit(define)
    lookups = max(0, 2 ** (k - 1) - k) + 3
    assert circuit.r1cs.n_constraints == k + lookups + 2**k - 1
    for i in range(1 << k):
        witness = circuit.witness({"b": [i >> j & 1 for j in range(k)], "v": list(range(50, 50 + (1 << k)))})
        circuit.check(witness)
        assert circuit.outputs(witness) == {"row": [table[i] for table in tables], "one": 50 + i}
        assert not survivors(circuit, witness)
