"""Straight-line programs against the integer interpreter, on both back ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import fr
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.program import ADD, MUL, NEG, STORE, SUB, Program, run
from zkroll.algebra.reference import program as reference
from zkroll.errors import InputError

BACKENDS = ["portable", "ifma"] if host_backend() == "ifma" else ["portable"]
P = R_MODULUS


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request, monkeypatch):
    monkeypatch.setattr(fr, "backend", request.param)


def program(rows, registers=2, constants=0, columns=1, outputs=1):
    return Program(registers, np.array(rows, dtype=np.int32).reshape(-1, 4), constants, columns, outputs)


@st.composite
def cases(draw):
    registers, constants, cols, outputs = (draw(st.integers(1, m)) for m in (4, 3, 3, 3))
    top = registers + constants + 2 * cols
    anywhere = st.integers(0, top - 1)
    code = [
        (ADD, r, draw(st.integers(registers, top - 1)), draw(st.integers(registers, top - 1)))
        for r in range(registers)
    ]
    for _ in range(draw(st.integers(0, 12))):
        op = draw(st.sampled_from([ADD, SUB, MUL, NEG, STORE]))
        limit = outputs if op == STORE else registers
        code.append((op, draw(st.integers(0, limit - 1)), draw(anywhere), draw(anywhere)))
    code.append((STORE, 0, draw(anywhere), 0))
    element = st.one_of(st.sampled_from([0, 1, P - 1]), st.integers(0, P - 1))
    n = draw(st.sampled_from([8, 16]))
    columns = [draw(st.lists(element, min_size=n, max_size=n)) for _ in range(cols)]
    values = [draw(element) for _ in range(constants)]
    return Program(registers, np.array(code, np.int32), constants, cols, outputs), values, columns, n


def test_random_programs_agree_with_integers():
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(cases())
    def check(case):
        made, constants, columns, n = case
        out = run(made, constants, [fr.from_ints(column) for column in columns], n)
        assert [fr.to_ints(column) for column in out] == reference.run(made, constants, columns, n)

    check()


def test_the_row_after_the_last_is_the_first_across_strips_and_threads():
    n = 8 * 256
    following = program([(MUL, 0, 2, 3), (STORE, 0, 0, 0), (STORE, 1, 3, 0)], outputs=2)
    column = fr.from_array(np.arange(n))
    for threads in (1, 2, 5):
        out = run(following, [], [column], n, threads)
        assert fr.to_ints(out[0]) == [i * ((i + 1) % n) for i in range(n)]
        assert fr.to_ints(out[1]) == [(i + 1) % n for i in range(n)]


def test_constants_and_columns_can_be_stored_directly():
    out = run(
        program([(STORE, 0, 2, 0), (STORE, 1, 3, 0)], constants=1, outputs=2),
        [-1],
        [fr.from_ints(range(8))],
        8,
    )
    assert fr.to_ints(out[0]) == [P - 1] * 8
    assert fr.to_ints(out[1]) == list(range(8))


def test_many_registers_use_short_strips():
    count = 400
    code = [(ADD, 0, count, count)]
    code += [(ADD, r, r - 1, count) for r in range(1, count)]
    code.append((STORE, 0, count - 1, 0))
    out = run(program(code, registers=count), [], [fr.from_ints([1] * 64)], 64)
    assert fr.to_ints(out[0]) == [count + 1] * 64


def test_outputs_never_stored_are_zero():
    out = run(program([(STORE, 1, 2, 0)], outputs=3), [], [fr.from_ints([5] * 8)], 8)
    assert fr.is_zero(out).tolist() == [True] * 8 + [False] * 8 + [True] * 8


def test_columns_may_be_one_read_only_array():
    cols = np.stack([fr.from_ints(range(8)), fr.from_ints([2] * 8)])
    cols.setflags(write=False)
    out = run(program([(MUL, 0, 2, 3), (STORE, 0, 0, 0)], columns=2), [], cols, 8)
    assert fr.to_ints(out[0]) == [2 * i for i in range(8)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((5, 0, 2, 2), "operation"),
        ((-1, 0, 2, 2), "operation"),
        ((ADD, 2, 2, 2), "register"),
        ((ADD, -1, 2, 2), "register"),
        ((ADD, 0, 4, 2), "operand a"),
        ((ADD, 0, -1, 2), "operand a"),
        ((MUL, 0, 2, 4), "operand b"),
        ((MUL, 0, 2, -7), "operand b"),
        ((STORE, 1, 2, 0), "output"),
        ((STORE, 0, 4, 0), "operand a"),
        ((SUB, 1, 1, 2), "written before"),
        ((SUB, 1, 2, 1), "written before"),
        ((STORE, 0, 0, 0), "written before"),
    ],
)
def test_rows_that_name_nothing_are_refused(row, message):
    with pytest.raises(InputError, match=message):
        program([row])


def test_code_that_is_no_table_of_four_is_refused():
    with pytest.raises(InputError, match="shape"):
        Program(1, np.zeros(4, np.int32), 0, 1, 1)
    with pytest.raises(InputError, match="int32"):
        Program(1, np.array([[1 << 40, 0, 0, 0]]), 0, 1, 1)
    with pytest.raises(InputError, match="at least zero"):
        Program(-1, np.zeros((0, 4), np.int32), 0, 1, 1)


def test_checked_code_cannot_change_afterwards():
    code = np.array([(STORE, 0, 2, 0)], dtype=np.int32)
    made = Program(2, code, 0, 1, 1)
    code[0, 2] = 1000
    assert made.code[0, 2] == 2
    with pytest.raises(ValueError):
        made.code[0, 2] = 1000


def test_arguments_that_do_not_match_are_refused():
    made = program([(STORE, 0, 2, 0)])
    column = fr.from_ints(range(16))
    with pytest.raises(InputError, match="power of two"):
        run(made, [], [column], 12)
    with pytest.raises(InputError, match="power of two"):
        run(made, [], [column], 4)
    with pytest.raises(InputError, match="columns"):
        run(made, [], [column, column], 16)
    with pytest.raises(InputError, match="constants"):
        run(made, [1], [column], 16)
    with pytest.raises(InputError, match="column 0"):
        run(made, [], [column], 8)
    with pytest.raises(InputError, match="column 0"):
        run(made, [], [column.astype(np.int64)], 16)
