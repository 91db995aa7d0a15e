"""The state tree's chips: every kind of touch holds, and each relation refuses what it is there to refuse."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from support.chips import broken, broken_buses, cell, fill, names, prank, receives, sends

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.reference.poseidon import poseidon_hash
from zkroll.circuits.air.mutate import mutate
from zkroll.circuits.air.witness import ChipTrace
from zkroll.circuits.buses import POSEIDON2, POSEIDON3, POSEIDON4, PUBLIC, STATE
from zkroll.circuits.chips.canonical import CANONICAL, CanonicalChip
from zkroll.circuits.chips.poseidon import Poseidon2Chip, Poseidon3Chip, Poseidon4Chip
from zkroll.circuits.chips.state_tree import StateLeafChip, StatePathChip
from zkroll.circuits.chips.state_tree.path import TREE_BOTTOM, TREE_TOP
from zkroll.circuits.source import LeafUpdate
from zkroll.errors import ProvingError
from zkroll.rollup.state.smt import SparseMerkleTree, Touch, TreeUpdate

KINDS = {
    Touch.UPDATE: "update",
    Touch.INSERT_EMPTY: "insert_empty",
    Touch.INSERT_BESIDE: "insert_split",
    Touch.ABSENT_EMPTY: "absent",
    Touch.ABSENT_BESIDE: "absent",
}
CLOSED = [STATE, POSEIDON2, POSEIDON3, POSEIDON4, CANONICAL, TREE_TOP, TREE_BOTTOM, PUBLIC]
Traces = dict[str, ChipTrace]


@dataclass
class Source:
    leaves: Sequence[LeafUpdate]
    old_root: int
    new_root: int


def key_of(address: int, field: int, slot: int) -> int:
    return poseidon_hash([address, field, slot >> 128, slot % 2**128])


def value_of(word: int) -> int:
    return poseidon_hash([word >> 128, word % 2**128]) if word else 0


def leaf_of(place: tuple[int, int, int], old: int, new: int, step: TreeUpdate) -> LeafUpdate:
    beside = step.kind in (Touch.INSERT_BESIDE, Touch.ABSENT_BESIDE)
    return LeafUpdate(
        *place,
        key=step.key,
        old_word=old,
        new_word=new,
        kind=KINDS[step.kind],
        siblings=step.siblings,
        other=(step.other_key, step.other_value) if beside else None,
        old_root=step.old_root,
        new_root=step.new_root,
    )


def source(before: dict[tuple[int, int, int], int], after: dict[tuple[int, int, int], int]) -> Source:
    """A tree with the words ``before`` and the touches that bring it to ``after``."""
    tree = SparseMerkleTree(lambda _: None)
    tree.touch_many([(key_of(*place), value_of(word)) for place, word in before.items()], keep_zero=True)
    old_root = tree.root
    places = sorted(after, key=lambda place: key_of(*place))
    steps = tree.touch_many([(key_of(*place), value_of(after[place])) for place in places])
    leaves = [
        leaf_of(place, before.get(place, 0), after[place], step)
        for place, step in zip(places, steps, strict=True)
    ]
    return Source(leaves, old_root, tree.root)


def mixed() -> Source:
    """Updates, insertions of both kinds and absences of both kinds."""
    before = {(i, 1, 0): 1000 + (i << 130) for i in range(12)} | {(50, 5, 7): 0}
    after = {(i, 1, 0): 2000 + i for i in range(4)}
    after |= {(i, 5, (i << 140) + 3): (i % 3) * (2**200 + i) for i in range(20)}
    after |= {(50, 5, 7): 9, (5, 1, 0): 0, (6, 1, 0): before[6, 1, 0]}
    return source(before, after)


def traces_of(given: Source) -> Traces:
    """The chips, with one access to each place at time 40 + row."""
    reads = [
        (x.address, x.field, x.slot >> 128, x.slot % 2**128, 0, *halves(x.old_word)) for x in given.leaves
    ]
    writes = [
        (x.address, x.field, *halves(x.slot), 40 + i, *halves(x.new_word)) for i, x in enumerate(given.leaves)
    ]
    chips = [
        receives(STATE, reads), sends(STATE, writes),
        sends(PUBLIC, [(0, given.old_root), (1, given.new_root)]),
        StateLeafChip(), StatePathChip(), CanonicalChip(), Poseidon4Chip(), Poseidon3Chip(), Poseidon2Chip(),
    ]  # fmt: skip
    return fill(chips, given)


def halves(word: int) -> tuple[int, int]:
    return word >> 128, word % 2**128


@pytest.fixture(scope="module")
def traces() -> Traces:
    return traces_of(mixed())


def rows_with(traces: Traces, chip: str, **cells: int) -> list[int]:
    return [
        row
        for row in range(traces[chip].height)
        if all(cell(traces, chip, name, row) == value for name, value in cells.items())
    ]


def test_all_kinds_of_touch_hold_together(traces: Traces) -> None:
    assert broken(traces, CLOSED) == []
    for kind in ("update", "insert", "split", "absent", "beside"):
        assert rows_with(traces, "state_leaf", **{kind: 1}), kind


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {(1, 1, 0): 5}),
        ({(1, 1, 0): 5}, {(1, 1, 0): 6}),
        ({(1, 1, 0): 5}, {(2, 1, 0): 6}),
        ({(1, 1, 0): 5}, {(2, 1, 0): 0}),
        ({}, {(1, 1, 0): 0}),
    ],
    ids=[
        "first leaf",
        "only leaf changes",
        "second leaf",
        "absent beside the only leaf",
        "absent from nothing",
    ],
)
def test_trees_of_at_most_one_leaf_hold(
    before: dict[tuple[int, int, int], int], after: dict[tuple[int, int, int], int]
) -> None:
    assert broken(traces_of(source(before, after)), CLOSED) == []


def test_an_untouched_tree_keeps_its_root() -> None:
    filled = fill([sends(PUBLIC, [(0, 77), (1, 77)]), StateLeafChip(), StatePathChip()], Source([], 77, 77))
    assert broken(filled, CLOSED) == []
    filled = fill([sends(PUBLIC, [(0, 77), (1, 78)]), StateLeafChip(), StatePathChip()], Source([], 77, 78))
    assert names(broken(filled, CLOSED)) == {"padding keeps the root"}


def test_an_access_outside_the_touched_places_is_refused() -> None:
    given = mixed()
    with pytest.raises(ProvingError, match="not among the touched leaves"):
        fill([sends(STATE, [(999, 1, 0, 0, 4, 0, 5)]), StateLeafChip()], given)


def test_unsorted_leaves_are_refused() -> None:
    given = mixed()
    with pytest.raises(ProvingError, match="ascending order"):
        fill([StateLeafChip()], replace(given, leaves=given.leaves[::-1]))


@pytest.mark.parametrize(
    ("kind", "column", "delta", "expected"),
    [
        ("update", "update", 1, "update is a bit"),
        ("update", "insert", 1, "at most one kind"),
        ("update", "root_before", 1, "a row starts from the root before it"),
        ("update", "old_zero", 1, "old word zero: low half"),
        ("update", "new_inverse", 1, "new word not zero"),
        ("update", "step_lo[0]", 1, "distance to the next key, low half"),
        ("update", "step_hi[0]", 1, "distance to the next key, high half"),
        ("update", "step_borrow", 3, "step_borrow is a bit"),
        ("update", "rest[0]", 1, "bits and rest make the low half of the key"),
        ("update", "bits", 1, "bits and rest make the low half of the key"),
        ("split", "has_path", -1, "a split has a path"),
        ("split", "other_rest[0]", 1, "the other key leaves the path at its last level"),
        ("split", "last_bit", 1, "the other key leaves the path at its last level"),
        ("beside", "other_distinct", 1, "the other leaf has another key"),
        ("insert", "old_zero", -1, "a new or absent leaf was zero"),
        ("insert", "new_zero", 1, "an inserted word is not zero"),
        ("absent", "new_zero", -1, "an absent leaf stays zero"),
        ("absent", "old_value", 5, "a zero old word has value zero"),
        ("absent", "new_value", 5, "a zero new word has value zero"),
    ],
)
def test_a_tampered_leaf_breaks(traces: Traces, kind: str, column: str, delta: int, expected: str) -> None:
    row = next(r for r in rows_with(traces, "state_leaf", **{kind: 1}) if r)
    changed = prank(traces, "state_leaf", column, row, cell(traces, "state_leaf", column, row) + delta)
    assert expected in names(broken(changed))


@pytest.mark.parametrize(
    ("kind", "column", "bus"),
    [
        ("update", "old.lo", "state"),
        ("update", "new.hi", "state"),
        ("update", "last_time", "state"),
        ("update", "address", "poseidon4"),
        ("update", "slot.hi", "poseidon4"),
        ("update", "key_lo[0]", "poseidon4"),
        ("update", "old_value", "poseidon2"),
        ("insert", "new_value", "poseidon2"),
        ("update", "old_leaf", "tree_bottom"),
        ("update", "new_leaf", "poseidon3"),
        ("update", "weight", "tree_bottom"),
        ("split", "other_leaf", "poseidon3"),
        ("split", "other_lo", "canonical"),
        ("beside", "other_key", "poseidon3"),
        ("beside", "other_value", "poseidon3"),
        ("insert", "root_after", "tree_top"),
    ],
)
def test_a_tampered_leaf_unbalances(traces: Traces, kind: str, column: str, bus: str) -> None:
    row = next(r for r in rows_with(traces, "state_leaf", **{kind: 1}) if r)
    changed = prank(traces, "state_leaf", column, row, cell(traces, "state_leaf", column, row) + 1)
    assert bus in broken_buses(broken(changed, CLOSED))


@pytest.mark.parametrize("name", ["old", "new"])
@pytest.mark.parametrize(("shift", "half"), [(0, "low"), (128, "high")])
def test_a_word_with_one_nonzero_half_is_not_zero(name: str, shift: int, half: str) -> None:
    made = traces_of(source({(1, 1, 0): 5 << shift}, {(1, 1, 0): 6 << shift}))
    assert broken(made, CLOSED) == []
    assert f"{name} word zero: {half} half" in names(broken(prank(made, "state_leaf", f"{name}_zero", 0, 1)))
    assert f"{name} word not zero" in names(broken(prank(made, "state_leaf", f"{name}_inverse", 0, 0)))


def test_idle_cells_of_a_leaf_are_zero(traces: Traces) -> None:
    def found(kind: str, *columns: str) -> set[str]:
        row = rows_with(traces, "state_leaf", **{kind: 1})[0]
        own = {"state_leaf": traces["state_leaf"]}
        for column in columns:
            own = prank(own, "state_leaf", column, row, 2)
        return names(broken(own))

    other = ("other_key", "other_value", "other_leaf", "other_lo", "other_distinct", "other_rest[5]")
    assert {
        "no unused other key", "no unused other value", "no unused other leaf", "no unused inverse",
        "no unused low half of the other key", "no unused other_rest[5]",
    } <= found("update", *other)  # fmt: skip
    assert {"no unused old leaf", "no unused new leaf"} <= found("absent", "old_leaf", "new_leaf")
    inverses = {f"no unused inverse of the {name} word" for name in ("old", "new")}
    assert inverses <= found("beside", "old_inverse", "new_inverse")
    assert "no unused last bit" in names(
        broken(prank(traces_of(source({}, {(1, 1, 0): 5})), "state_leaf", "last_bit", 0, 1))
    )


def test_mutations_of_leaves_are_noticed(traces: Traces) -> None:
    rows = [
        rows_with(traces, "state_leaf", **{kind: 1})[0] for kind in ("update", "split", "beside", "absent")
    ]
    assert mutate(traces["state_leaf"], [*rows, traces["state_leaf"].height - 1]).survivors == ()


def test_padding_between_leaves_and_a_full_table_are_refused(traces: Traces) -> None:
    rows = len(mixed().leaves)
    gap = prank(traces, "state_leaf", "absent", rows + 1, 1)
    assert "active rows come first" in names(broken(gap))
    last = prank(traces, "state_leaf", "absent", traces["state_leaf"].height - 1, 1)
    assert "the last row is padding" in names(broken(last))
    assert "padding has no path" in names(broken(prank(traces, "state_leaf", "has_path", rows, 1)))


def test_the_first_and_last_root_are_the_public_ones(traces: Traces) -> None:
    wrong_start = prank(traces, "state_leaf", "root_before", 0, 1)
    assert "public" in broken_buses(broken(wrong_start, CLOSED))
    wrong_end = prank(traces, "state_leaf", "root_after", traces["state_leaf"].height - 1, 1)
    assert "public" in broken_buses(broken(wrong_end, CLOSED))


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("bits", 1, "no path: no bits"),
        ("weight", 2, "no path: weight 1"),
        ("root_before", 3, "no path: the place was the root"),
        ("root_after", 3, "no path: the place is the root"),
    ],
)
def test_a_leaf_at_the_root_is_the_root(column: str, value: int, expected: str) -> None:
    single = traces_of(source({(1, 1, 0): 5}, {(1, 1, 0): 6}))
    assert expected in names(broken(prank(single, "state_leaf", column, 0, value)))


@pytest.mark.parametrize(
    ("at", "column", "delta", "expected"),
    [
        ("middle", "active", 1, "active is a bit"),
        ("middle", "bit", 2, "bit is a bit"),
        ("padding", "start", 1, "start rows are active"),
        ("padding", "end", 1, "end rows are active"),
        ("padding", "extended", 1, "extended rows are active"),
        ("middle", "active", -1, "a path goes on in an active row"),
        ("middle", "start", 1, "a path that goes on does not start again"),
        ("start", "start", -1, "a path starts with its start row"),
        ("start", "depth", 1, "depth is 1 at the start"),
        ("start", "weight", 1, "weight is 1 at the start"),
        ("start", "low", 1, "no bits at the start"),
        ("middle", "key", 1, "the key goes on"),
        ("middle", "depth", 1, "depth goes on"),
        ("middle", "weight", 1, "weight goes on"),
        ("middle", "low", 1, "bits go on"),
        ("middle", "old_parent", 1, "the old node goes on"),
        ("middle", "new_parent", 1, "the new node goes on"),
        ("extended", "sibling", 1, "an extended level has an empty sibling"),
        ("extended", "old_child", 1, "an extended level keeps the old node"),
        ("extended end", "sibling", 1, "the lowest extended sibling is the old node"),
        ("extended end", "extended", -1, "extension goes on"),
        ("last", "active", 1, "the last row does not go on"),
    ],
)
def test_a_tampered_path_breaks(deep: Traces, at: str, column: str, delta: int, expected: str) -> None:
    places = {
        "start": rows_with(deep, "state_path", start=1, end=0)[1:],
        "middle": rows_with(deep, "state_path", start=0, end=0, active=1),
        "extended": rows_with(deep, "state_path", extended=1, end=0),
        "extended end": [
            r for r in rows_with(deep, "state_path", extended=1, end=1)
            if cell(deep, "state_path", "extended", r - 1)
        ],
        "padding": rows_with(deep, "state_path", active=0),
        "last": [deep["state_path"].height - 1],
    }  # fmt: skip
    row = places[at][0]
    changed = prank(deep, "state_path", column, row, cell(deep, "state_path", column, row) + delta)
    assert expected in names(broken(changed))


@pytest.fixture(scope="module")
def deep() -> Traces:
    """An insertion beside a leaf whose key shares several bits: found by trying slots."""
    first = (1, 5, 0)
    base = key_of(*first)
    second = next((2, 5, s) for s in range(9000) if (key_of(2, 5, s) ^ base) % 256 == 0)
    others = {(9, 1, s): 4 for s in range(2)}
    made = traces_of(source({first: 5, **others}, {second: 6, (9, 1, 0): 8}))
    assert broken(made, CLOSED) == []
    return made


def test_path_cells_that_no_own_constraint_binds_are_bound_by_buses(traces: Traces) -> None:
    row = rows_with(traces, "state_path", start=0, end=0, active=1, extended=0)[0]
    for column in ("sibling", "old_child", "new_child", "bit"):
        value = 1 - cell(traces, "state_path", column, row) if column == "bit" else 1
        changed = prank(traces, "state_path", column, row, value)
        assert "poseidon2" in broken_buses(broken(changed, CLOSED)), column


def test_a_path_deeper_than_124_asks_for_a_negative_range(traces: Traces) -> None:
    end = rows_with(traces, "state_path", end=1)[0]
    changed = prank(traces, "state_path", "depth", end, 125)
    assert (R_MODULUS - 1,) in requested(changed)
    assert (R_MODULUS - 1,) not in requested(traces)


def requested(traces: Traces) -> set[tuple[int, ...]]:
    from zkroll.circuits.air.witness import tuples_of
    from zkroll.circuits.buses import RANGE16

    trace = traces["state_path"]
    sent = [i for i in trace.chip.air.interactions if i.bus.name == RANGE16.name]
    return {
        tuple(sum(int(x) << (64 * k) for k, x in enumerate(entry)) for entry in row)
        for row in tuples_of(trace, sent, RANGE16).values
    }


def test_mutations_of_active_path_rows_are_noticed(deep: Traces) -> None:
    score = mutate(deep["state_path"], rows_with(deep, "state_path", active=1))
    assert {m.column for m in score.survivors} == set()


def test_canonical_halves_are_served_and_others_refused() -> None:
    values = [0, 1, 2**128 - 1, 2**128, R_MODULUS - 1, R_MODULUS - 2**128, R_MODULUS >> 1]
    tuples = [(v, v >> 128, v % 2**128) for v in values]
    good = fill([sends(CANONICAL, tuples), CanonicalChip()])
    assert broken(good, [CANONICAL]) == []
    wrong = (5, (R_MODULUS + 5) >> 128, (R_MODULUS + 5) % 2**128)
    bad = fill([sends(CANONICAL, [*tuples, wrong]), CanonicalChip()])
    assert broken_buses(broken(bad, [CANONICAL])) == {"canonical"}


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("borrow", "borrow is a bit"),
        ("lo[3]", "low half of the distance"),
        ("below_lo[0]", "low half of the distance"),
        ("hi[1]", "high half of the distance"),
        ("below_hi[7]", "high half of the distance"),
    ],
)
def test_a_tampered_canonical_row_breaks(column: str, expected: str) -> None:
    made = fill([sends(CANONICAL, [(7 << 130, 28, 0)]), CanonicalChip()])
    assert expected in names(broken(prank(made, "canonical", column, 0, 2**77)))
