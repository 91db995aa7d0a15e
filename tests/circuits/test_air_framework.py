"""The AIR framework: expressions, degrees, buses, checker."""

import pytest
from support.chips import broken, broken_buses, cell, fill, names, prank, receives, sends
from support.toy import RESULT, TABLE, Power, Table, machine, result

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.air.check import check
from zkroll.circuits.air.chip import AirBuilder, Bus
from zkroll.circuits.air.expr import Selector, const, selector, weighted
from zkroll.circuits.air.layout import Machine
from zkroll.circuits.air.lower import lower


def test_degree_counts_columns_and_selectors() -> None:
    b = AirBuilder("t")
    x, y = b.column("x"), b.column("y")
    assert (x * x * y + 1).degree == 3
    assert (const(7) * x).degree == 1
    b.first("deg 5 with selector", x * x * y * y)
    with pytest.raises(ValueError, match="degree 6"):
        b.last("too much", x * x * y * y * x)


def test_names_are_unique_and_arity_is_checked() -> None:
    b = AirBuilder("t")
    x = b.column("x")
    with pytest.raises(ValueError, match="twice"):
        b.column("x")
    b.constrain("c", x)
    with pytest.raises(ValueError, match="twice"):
        b.constrain("c", x)
    with pytest.raises(ValueError, match="takes 1"):
        b.send("s", TABLE, (x, x))


def test_the_transition_selector_is_no_multiplicity() -> None:
    b = AirBuilder("t")
    x = b.column("x")
    with pytest.raises(ValueError, match="transition selector"):
        b.send("s", TABLE, (x,), selector(Selector.TRANSITION) * x)
    b.send("s", TABLE, (x,), selector(Selector.FIRST))


def test_next_of_a_sum_is_refused() -> None:
    x = AirBuilder("t").column("x")
    with pytest.raises(TypeError, match="only a column"):
        _ = (x + 1).next


def test_lowering_shares_equal_subexpressions() -> None:
    b = AirBuilder("t")
    x, y = b.column("x"), b.column("y")
    ssa = lower([(x + y) * (x + y), x + y, weighted([x, y], 4)])
    assert sum(node[0] == "add" for node in ssa.nodes) == 2
    leaves = {("col", 1, 0, 0): 3, ("col", 1, 1, 0): 4}
    assert ssa.evaluate(leaves) == [49, 7, 19]


def test_two_buses_cannot_share_an_index() -> None:
    other = Bus("other", TABLE.index, ("v",))

    class Clash(Table):
        name = "clash"

        def define(self, b: AirBuilder) -> None:
            b.send("x", other, (b.column("value"),))

    with pytest.raises(ValueError, match="share index"):
        _ = Machine("m", [Table(), Clash()]).layouts


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 32])
def test_a_sound_trace_has_no_violation(rows: int) -> None:
    traces = fill([Power(), Table()], source=rows)
    assert check(traces, [(RESULT, (7, result(rows)))]) == []


@pytest.mark.parametrize(
    ("column", "row", "change", "expected"),
    [
        ("x", 0, 1, "starts at two"),
        ("x", 4, 1, "power step"),
        ("x", 8, 1, "power step"),
        ("step", 3, 1, "power step"),
        ("is_last", 2, 2, "is_last is a bit"),
        ("live", 2, 5, "live is a bit"),
        ("is_last", 2, 1, "public result"),
    ],
)
def test_each_relation_catches_its_cell(column: str, row: int, change: int, expected: str) -> None:
    traces = fill([Power(), Table()], source=9)
    tampered = prank(traces, "power", column, row, cell(traces, "power", column, row) + change)
    found = check(tampered, [(RESULT, (7, result(9)))])
    assert expected in names(found)


def test_a_value_outside_the_table_leaves_the_bus_unbalanced() -> None:
    traces = fill([sends(TABLE, [(3,), (15,)]), Table()])
    assert broken(traces, [TABLE]) == []
    traces = fill([sends(TABLE, [(3,), (15,)]), receives(TABLE, [(3,), (14,)])])
    assert broken_buses(broken(traces, [TABLE])) == {"table"}


def test_multiplicities_are_counted_in_the_field() -> None:
    half = pow(2, -1, R_MODULUS)
    traces = fill([sends(TABLE, [(3,)]), receives(TABLE, [(3,), (3,)])])
    for row in (0, 1):
        traces = prank(traces, "stub_receive_table", "multiplicity", row, half)
    assert broken(traces, [TABLE]) == []
    traces = prank(traces, "stub_receive_table", "multiplicity", 1, R_MODULUS - 1)
    assert broken_buses(broken(traces, [TABLE])) == {"table"}


def test_a_violation_says_where_and_what() -> None:
    traces = prank(fill([Power(), Table()], source=9), "power", "x", 4, 5)
    text = str(check(traces, [(RESULT, (7, result(9)))])[0])
    assert "chip power, row" in text
    assert "power step" in text


def test_the_description_depends_on_every_constraint() -> None:
    class Weaker(Power):
        name = "power"

        def define(self, b: AirBuilder) -> None:
            super().define(b)
            b.constrain("extra", b.column("x2") * 0 + b.column("y2"))

    assert machine().digest != Machine("toy", [Weaker(), Table()]).digest
    assert machine().digest == machine().digest
