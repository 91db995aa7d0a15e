"""Products, divisions and modular operations against the EVM's definition, and each relation's prank."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.chips import broken, broken_buses, cell, fill, limbs, names, prank, sends

from zkroll.algebra.kernels.division_kernels import divide
from zkroll.algebra.reference import division
from zkroll.circuits.air.check import check_constraints
from zkroll.circuits.buses import ALU, ALU3, RANGE16
from zkroll.circuits.chips.add import Add
from zkroll.circuits.chips.divmod import DivMod
from zkroll.circuits.chips.mul import WIDE_MUL, Mul
from zkroll.circuits.chips.signed_division import SignedDivision
from zkroll.circuits.chips.tables import Tables

MASK = 2**256 - 1
EDGES = [0, 1, 2**128 - 1, 2**128, 2**255 - 1, 2**255, MASK]
FEW = [0, 1, 2**128, 2**255, MASK]
words = st.one_of(st.sampled_from(EDGES), st.integers(0, MASK), st.integers(0, 2**70))
CHIPS = [SignedDivision(), DivMod(), Mul(), Add(), Tables()]
CLOSED = [ALU, ALU3, WIDE_MUL, RANGE16]


def signed(x: int) -> int:
    return x - 2**256 if x >> 255 else x


def sdiv(a: int, b: int) -> int:
    x, y = signed(a), signed(b)
    if y == 0:
        return 0
    return (abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)) & MASK


def smod(a: int, b: int) -> int:
    x, y = signed(a), signed(b)
    return (abs(x) % abs(y) * (-1 if x < 0 else 1)) & MASK if y else 0


TWO = {
    0x02: lambda a, b: a * b & MASK,
    0x04: lambda a, b: a // b if b else 0,
    0x05: sdiv,
    0x06: lambda a, b: a % b if b else 0,
    0x07: smod,
}
THREE = {
    0x08: lambda a, b, n: (a + b) % n if n else 0,
    0x09: lambda a, b, n: a * b % n if n else 0,
}


def pair(x: int) -> tuple[int, int]:
    return x >> 128, x % 2**128


def request(op: int, a: int, b: int, c: int | None = None) -> tuple[int, ...]:
    return (op, *pair(a), *pair(b), *pair(TWO[op](a, b) if c is None else c))


def request3(op: int, a: int, b: int, n: int, c: int | None = None) -> tuple[int, ...]:
    return (op, *pair(a), *pair(b), *pair(n), *pair(THREE[op](a, b, n) if c is None else c))


def request_wide(a: int, b: int) -> tuple[int, ...]:
    product = a * b
    return (*pair(a), *pair(b), *pair(product >> 256), *pair(product & MASK))


def run(two=(), three=(), wide=()):
    stubs = [
        sends(bus, list(tuples)) for bus, tuples in ((ALU, two), (ALU3, three), (WIDE_MUL, wide)) if tuples
    ]
    return fill([*stubs, *CHIPS])


def test_every_opcode_on_all_edges() -> None:
    two = [request(op, a, b) for op in TWO for a in EDGES for b in EDGES]
    three = [request3(op, a, b, n) for op in THREE for a in FEW for b in FEW for n in EDGES]
    wide = [request_wide(a, b) for a in EDGES for b in EDGES]
    assert broken(run(two, three, wide), CLOSED) == []


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(words, words, words), min_size=1, max_size=6))
def test_random_operations_are_served(cases) -> None:
    two = [request(op, a, b) for op in TWO for a, b, _ in cases]
    three = [request3(op, *case) for op in THREE for case in cases]
    assert broken(run(two, three, [request_wide(a, b) for a, b, _ in cases]), CLOSED) == []


def test_repeated_requests_share_a_row() -> None:
    traces = run([request(0x04, 9, 4)] * 3 + [request(0x07, 9, 4)] * 2, [request3(0x09, 5, 6, 7)] * 4)
    assert (traces["divmod"].rows, traces["signed_division"].rows, traces["mul"].rows) == (3, 1, 1)
    assert broken(traces, CLOSED) == []


@pytest.mark.parametrize("op", [*TWO, *THREE])
@pytest.mark.parametrize("bit", [0, 200])
def test_a_wrong_result_is_not_served(op: int, bit: int) -> None:
    rng = random.Random(op)
    for a, b, n in ((rng.choice(EDGES), rng.getrandbits(256), rng.getrandbits(200)), (5, 0, 0), (MASK, 3, 1)):
        right = TWO[op](a, b) if op in TWO else THREE[op](a, b, n)
        wrong = right ^ 1 << bit
        traces = run([request(op, a, b, wrong)]) if op in TWO else run([], [request3(op, a, b, n, wrong)])
        assert broken_buses(broken(traces, CLOSED)) == {"alu" if op in TWO else "alu3"}


def test_a_wrong_wide_product_is_not_served() -> None:
    for part in range(4, 8):
        wrong = list(request_wide(MASK, 2**255 - 1))
        wrong[part] ^= 1
        assert broken_buses(broken(run(wide=[wrong]), CLOSED)) == {"wide_mul"}


A, B = 2**255 + 12345678901234567890 * 2**100 + 77, MASK - 3**100
#: rows of divmod: 0 DIV, 1 MOD, 2 DIV by 0, 3 ADDMOD, 4 MULMOD, 5 MULMOD by 0 (in the order of ``unique``)
SOUND = {
    "two": [request(op, a, b) for op, a, b in ((2, A, B), (4, A, 2**130 + 3), (6, A, 2**70 + 9), (4, A, 0))]
    + [request(5, A, 2**90 + 1), request(7, A, B), request(5, 2**80, B), request(7, 12, 5), request(5, 3, 4)],
    "three": [request3(8, A, B, 2**140 + 7), request3(9, A, B, 2**250 + 1), request3(9, A, B, 0)],
}


@pytest.fixture(scope="module")
def sound():
    traces = run(**SOUND)
    assert broken(traces, CLOSED) == []
    return traces


def row_where(traces, chip: str, **cells: int) -> int:
    """The first row of a chip whose cells are these."""
    for row in range(traces[chip].rows):
        if all(cell(traces, chip, name, row) == value for name, value in cells.items()):
            return row
    raise LookupError(f"{chip} has no row with {cells}")


MUL, WIDE = ("mul", {"is_mul": 1}), ("mul", {"is_wide": 1})
DIVIDE, MODULO = ("divmod", {"is_div": 1, "zero_divisor": 0}), ("divmod", {"is_mod": 1})
BY_ZERO, SUM = ("divmod", {"is_div": 1, "zero_divisor": 1}), ("divmod", {"is_addmod": 1})
REDUCE = ("divmod", {"is_mulmod": 1, "zero_divisor": 0})
SDIV_NEGATIVE = ("signed_division", {"is_sdiv": 1, "sign_a": 1, "sign_b": 0})
SDIV_POSITIVE = ("signed_division", {"is_sdiv": 1, "negative": 0})
SMOD_NEGATIVE = ("signed_division", {"is_smod": 1, "sign_a": 1})
#: place, column, change, what notices (a constraint, or "bus …")
PRANKS = [
    (MUL, "is_mul", 1, "is_mul is a bit"),
    (WIDE, "is_wide", 1, "is_wide is a bit"),
    (MUL, "is_wide", 1, "one service"),
    (MUL, "count", 1, "bus alu"),
    (WIDE, "count", 1, "bus wide_mul"),
    *((WIDE, f"w[{8 * j}]", 1, f"part {j} of the product") for j in range(4)),
    *((WIDE, f"carry[{5 * j}]", 1, f"part {j + 1} of the product") for j in range(3)),
    *((MUL, f"{name}[0]", 2**16, "bus range16") for name in ("a", "b", "w", "carry")),
    *((DIVIDE, f"is_{op}", 1, "one opcode") for op in ("mod", "addmod", "mulmod")),
    *((DIVIDE, f"is_{op}", 2, f"is_{op} is a bit") for op in ("div", "mod", "addmod", "mulmod")),
    (DIVIDE, "count", 1, "bus alu"),
    (SUM, "count", 1, "bus alu3"),
    (DIVIDE, "b.hi", 1, "no second summand, high"),
    (MODULO, "b.lo", 1, "no second summand, low"),
    *((SUM, f"w[{j}]", 1, f"part {j} of the sum") for j in range(4)),
    (SUM, "a.lo", 1, "part 0 of the sum"),
    (REDUCE, "w[2]", 1, "bus wide_mul"),
    (REDUCE, "a.hi", 1, "bus wide_mul"),
    (BY_ZERO, "q[31]", 1, "no quotient by zero"),
    (BY_ZERO, "zero_divisor", -1, "zero_divisor at every zero"),
    (DIVIDE, "zero_divisor", 1, "zero_divisor only at zero"),
    *((REDUCE, f"w[{j}]", 1, f"part {j} of the identity") for j in range(4)),
    *((REDUCE, f"carry[{5 * j}]", 1, f"part {j + 1} of the identity") for j in range(3)),
    (DIVIDE, "q[31]", 1, "the product has 512 bits"),
    (DIVIDE, "slack[0]", 1, "remainder below divisor, low"),
    (DIVIDE, "slack[8]", 1, "remainder below divisor, high"),
    (DIVIDE, "z[0]", 1, "part 0 of the identity"),
    (DIVIDE, "borrow", 2, "borrow is a bit"),
    *((DIVIDE, f"{name}[0]", 2**16, "bus range16") for name in ("q", "n", "z", "slack", "carry")),
    (SDIV_NEGATIVE, "is_sdiv", 1, "is_sdiv is a bit"),
    (SMOD_NEGATIVE, "is_smod", 1, "is_smod is a bit"),
    (SMOD_NEGATIVE, "is_sdiv", 1, "one opcode"),
    (SDIV_NEGATIVE, "count", 1, "bus alu"),
    (SDIV_NEGATIVE, "sign_a", 1, "sign_a is a bit"),
    (SDIV_NEGATIVE, "sign_b", 2, "sign_b is a bit"),
    (SDIV_NEGATIVE, "sign_a", -1, "bus alu"),
    (SDIV_NEGATIVE, "sign_a", -1, "absolute value of a as it is, high"),
    (SDIV_NEGATIVE, "sign_b", 1, "bus alu"),
    (SDIV_NEGATIVE, "negative", -1, "sign of the result"),
    (SMOD_NEGATIVE, "negative", -1, "sign of the result"),
    (SDIV_NEGATIVE, "abs_a.lo", 1, "bus alu"),
    (SDIV_POSITIVE, "abs_a.hi", 1, "absolute value of a as it is, high"),
    (SDIV_POSITIVE, "abs_a.lo", 1, "absolute value of a as it is, low"),
    (SDIV_POSITIVE, "abs_b.hi", 1, "absolute value of b as it is, high"),
    (SDIV_POSITIVE, "abs_b.lo", 1, "absolute value of b as it is, low"),
    (SDIV_POSITIVE, "c.hi", 1, "result as it is, high"),
    (SDIV_POSITIVE, "c.lo", 1, "result as it is, low"),
    (SMOD_NEGATIVE, "u.lo", 1, "bus alu"),
    (SMOD_NEGATIVE, "c.lo", 1, "bus alu"),
]


def noticed(traces) -> set[str]:
    found = broken(traces, CLOSED)
    constraints = names(v for v in found if v.kind == "constraint")
    return constraints | {f"bus {name}" for name in broken_buses(found)}


@pytest.mark.parametrize(("place", "column", "change", "by"), PRANKS)
def test_each_relation_catches_its_prank(sound, place, column: str, change: int, by: str) -> None:
    chip, cells = place
    row = row_where(sound, chip, **cells)
    assert by in noticed(prank(sound, chip, column, row, cell(sound, chip, column, row) + change))


def test_every_constraint_has_a_prank(sound) -> None:
    for chip in ("mul", "divmod", "signed_division"):
        stated = {c.name for c in sound[chip].chip.air.constraints if not c.name.startswith("padding has")}
        assert stated <= {by for place, _, _, by in PRANKS if place[0] == chip}


@pytest.mark.parametrize("chip", ["mul", "divmod", "signed_division"])
def test_no_cell_of_padding_is_free(sound, chip: str) -> None:
    columns = [c.name for c in sound[chip].chip.air.constraints if c.name.startswith("padding has")]
    assert columns
    for name in columns:
        column = name.removeprefix("padding has ").removesuffix(" 0")
        tampered = prank(sound, chip, column, sound[chip].height - 1, 1)[chip]
        assert name in names(check_constraints(tampered))


LIMBS = [("mul", "a", 16), ("mul", "b", 16), ("mul", "w", 32), ("mul", "carry", 15), ("divmod", "q", 32)] + [
    ("divmod", name, width) for name, width in (("n", 16), ("z", 16), ("slack", 16), ("carry", 15))
]


@pytest.mark.parametrize(("chip", "name", "width"), LIMBS)
def test_a_limb_out_of_range_is_caught_by_the_table_alone(sound, chip: str, name: str, width: int) -> None:
    """2^16 borrowed from the next limb of the same number keeps every equation."""
    size = 5 if name == "carry" else 4
    for at in (i for i in range(width) if i % size < size - 1):
        low, high = (cell(sound, chip, f"{name}[{at + k}]", 0) for k in (0, 1))
        tampered = prank(
            prank(sound, chip, f"{name}[{at}]", 0, low + 2**16), chip, f"{name}[{at + 1}]", 0, high - 1
        )
        assert noticed(tampered) == {"bus range16"}


def test_a_remainder_not_below_the_divisor_needs_a_slack_out_of_range() -> None:
    """7 = 2 * 2 + 3 satisfies the identity; the slack 2 - 3 - 1 = -2 is 2^128 - 2 less a borrowed 2^128."""
    traces = run([request(0x04, 7, 2)])
    slack = [2**16 - 2, *[2**16 - 1] * 7, -1, *[0] * 7]
    for column, value in {
        "q[0]": 2,
        "z[0]": 3,
        "borrow": 1,
        **{f"slack[{i}]": v for i, v in enumerate(slack)},
    }.items():
        traces = prank(traces, "divmod", column, 0, value)
    assert noticed(traces) == {"bus range16", "bus alu"}


def test_long_division_agrees_with_python_integers() -> None:
    rng = random.Random(3)
    cases = [
        (x, n) for x in (0, 1, 2**256, 2**511 + 5, 2**512 - 1) for n in (0, 1, 3, 2**64, 2**255 + 1, MASK)
    ]
    cases += [
        (rng.getrandbits(rng.randrange(1, 513)), rng.getrandbits(rng.randrange(1, 257))) for _ in range(200)
    ]
    numerators = np.concatenate(
        [limbs([x & MASK for x, _ in cases]), limbs([x >> 256 for x, _ in cases])], axis=1
    )
    quotient, remainder = (
        np.empty((len(cases), 8), dtype=np.uint64),
        np.empty((len(cases), 4), dtype=np.uint64),
    )
    divide(np.ascontiguousarray(numerators), limbs([n for _, n in cases]), quotient, remainder)
    numbers = [
        [sum(int(v) << (64 * k) for k, v in enumerate(row)) for row in out] for out in (quotient, remainder)
    ]
    assert list(zip(*numbers, strict=True)) == division.divide(*zip(*cases, strict=True))
