"""Which columns share a commitment.

Columns of one stage, of any heights, are packed in groups of t (fflonk, ePrint 2021/1167):

    F(X) = sum_{i<t} X^i f_i(X^t)

so that opening F modulo prod_p (X^t - p) opens every f_i at every p. Divisibility is a statement about
polynomials in X^t: it needs no t-th roots, and t can be any number with t * n within the SRS, n the tallest
slot's height. The last slot of a group that holds witness data is a random polynomial: it makes the commitment
and both opening proofs hiding and raises no constraint's degree.

A tall column would make a wide group long, so columns above the *base* height b (fixed tables, as a rule) are
split by coefficients into s = n/b slots of height b,

    f(Y) = sum_{k<s} Y^k f_k(Y^s),

and opened at a point x through their pieces at x^s. The evaluation points of chips follow from that: a chip of
height n is evaluated at x_n = zeta^(N/max(n, b)), N the tallest height; all short columns and all pieces
are then opened at the same point z = zeta^(N/b), and, where a constraint reads the next row, at z * w_h, h the
height of the slot.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from zkroll.circuits.air.expr import Stage
from zkroll.circuits.air.layout import ChipLayout
from zkroll.errors import InputError

#: how many commitments a proof is aimed at, the key's included; a short reference string makes them more
TARGET_GROUPS: Final = 13

#: cells under one commitment of the key
PREPROCESSED_CELLS: Final = 1 << 19

#: no column is split below this height
SHORT_HEIGHT: Final = 1 << 10

#: random coefficients of a blinding slot beyond one per opened point: the commitment, two opening proofs, a spare
EXTRA_BLINDING: Final = 4


class CommitStage(IntEnum):
    """The four commitments of a proof, in transcript order (the first is part of the key)."""

    PREPROCESSED = 0
    MAIN = 1
    HELPER = 2
    QUOTIENT = 3


@dataclass(frozen=True)
class Slot:
    """Piece ``piece`` of ``pieces`` of one column of one chip (for QUOTIENT: of one part of the quotient).

    height: its coefficients, 1/pieces of the chip's height.
    """

    chip: str
    index: int
    height: int
    piece: int = 0
    pieces: int = 1


@dataclass(frozen=True)
class Group:
    """Slots under one commitment; slot i of F is ``slots[i]``, the blinding slot (if any) comes last.

    shifts: heights h of the points z * w_h at which the group is opened besides z, tallest first.
    """

    stage: CommitStage
    slots: tuple[Slot, ...]
    shifts: tuple[int, ...]

    @property
    def height(self) -> int:
        """Of the tallest slot."""
        return self.slots[0].height

    @property
    def blinding(self) -> int:
        """Random coefficients of the blinding slot."""
        if self.stage is CommitStage.PREPROCESSED:
            return 0
        return self.points + EXTRA_BLINDING

    @property
    def arity(self) -> int:
        """t: how many polynomials are interleaved."""
        return len(self.slots) + bool(self.blinding)

    @property
    def points(self) -> int:
        """How many points the group is opened at."""
        return 1 + len(self.shifts)

    @property
    def size(self) -> int:
        """Coefficients of F at most."""
        return self.arity * self.height


Groups = Mapping[CommitStage, tuple[Group, ...]]


def stage_width(layout: ChipLayout, stage: CommitStage) -> int:
    """Columns that a chip commits in a stage."""
    if stage is CommitStage.QUOTIENT:
        return layout.quotient_pieces
    return layout.widths[Stage(stage)]


def base_height(layouts: Sequence[ChipLayout], heights: Mapping[str, int]) -> int:
    """b: the tallest chip of variable height, or SHORT_HEIGHT if that is more; at most the tallest of all."""
    variable = [heights[layout.name] for layout in layouts if layout.air.fixed_height is None]
    return min(max([SHORT_HEIGHT, *variable]), max(heights.values()))


def preprocessed_groups(layouts: Sequence[ChipLayout], capacity: int) -> tuple[Group, ...]:
    """The key's groups: fixed by the machine's tables alone, whatever heights a proof has.

    Nothing is split, and only tables that every proof evaluates at one point share a group: those of at most
    SHORT_HEIGHT rows, and those of one height.
    """
    classes: dict[int, list[Slot]] = {}
    for layout in layouts:
        width = layout.widths[Stage.PREPROCESSED]
        if not width:
            continue
        if any(stage == Stage.PREPROCESSED for stage, _ in layout.next_columns):
            raise InputError(f"chip {layout.name}: a preprocessed column is read at the next row")
        height = layout.air.fixed_height or 0
        slots = [Slot(layout.name, i, height) for i in range(width)]
        classes.setdefault(max(height, SHORT_HEIGHT), []).extend(slots)
    groups: list[Group] = []
    for height, slots in sorted(classes.items(), reverse=True):
        limit = min(capacity, max(PREPROCESSED_CELLS, height))
        groups.extend(_cut(CommitStage.PREPROCESSED, _sorted(slots), limit, shifted=False))
    return tuple(groups)


def pack(layouts: Sequence[ChipLayout], heights: Mapping[str, int], capacity: int) -> Groups:
    """The groups of all stages for a proof with these heights (one for every layout given).

    Raises InputError where the reference string of ``capacity`` powers is too short for them.
    """
    base = base_height(layouts, heights)
    fixed = preprocessed_groups(layouts, capacity)
    classes: dict[tuple[CommitStage, bool], list[Slot]] = {}
    for layout in layouts:
        height = heights[layout.name]
        pieces = max(1, height // base)
        for stage in (CommitStage.MAIN, CommitStage.HELPER, CommitStage.QUOTIENT):
            for i in range(stage_width(layout, stage)):
                shifted = (int(stage), i) in layout.next_columns
                classes.setdefault((stage, shifted), []).extend(
                    Slot(layout.name, i, height // pieces, k, pieces) for k in range(pieces)
                )
    ordered = {key: _sorted(slots) for key, slots in sorted(classes.items())}
    limit = _limit(list(ordered.values()), base, fixed, capacity)
    found: dict[CommitStage, list[Group]] = {stage: [] for stage in CommitStage}
    found[CommitStage.PREPROCESSED] = list(fixed)
    for (stage, shifted), slots in ordered.items():
        found[stage].extend(_cut(stage, slots, limit, shifted=shifted))
    return {stage: tuple(groups) for stage, groups in found.items()}


def _sorted(slots: Iterable[Slot]) -> list[Slot]:
    """Tallest first, otherwise in the order given."""
    return sorted(slots, key=lambda slot: -slot.height)


def _cut(stage: CommitStage, slots: Sequence[Slot], limit: int, *, shifted: bool) -> list[Group]:
    """As many slots as fit in each group, tallest first."""
    blinded = stage is not CommitStage.PREPROCESSED
    groups = []
    start = 0
    while start < len(slots):
        room = limit // slots[start].height - blinded
        if room < 1:
            needed = (1 + blinded) * slots[start].height
            raise InputError(
                f"structured reference string: height {slots[start].height} needs at least {needed} powers, "
                f"it has {limit}"
            )
        members = tuple(slots[start : start + room])
        shifts = tuple(sorted({slot.height for slot in members}, reverse=True)) if shifted else ()
        groups.append(Group(stage, members, shifts))
        start += room
    return groups


def _limit(classes: Sequence[Sequence[Slot]], base: int, fixed: Sequence[Group], capacity: int) -> int:
    """The largest t * n that groups may have: the least one under which at most TARGET_GROUPS result.

    Both opening proofs cost as much as the largest group, and every group costs a verifier on L1 one scalar
    multiplication. Where the reference string allows no such limit, the least with the fewest groups.
    """
    wanted = TARGET_GROUPS - len(fixed)
    least = min(max([2 * base, *(group.size for group in fixed)]), capacity)
    limits = sorted({m << s for s in range(capacity.bit_length()) for m in range(8, 16)} | {least, capacity})
    limits = [limit for limit in limits if least <= limit <= capacity]
    heights = [[slot.height for slot in slots] for slots in classes]
    counts: dict[int, int] = {}

    def count(limit: int) -> int:
        if limit not in counts:
            counts[limit] = sum(_count(column, limit) for column in heights)
        return counts[limit]

    # more room never makes more groups, so the first limit with few enough is found by bisection
    fewest = max(wanted, count(capacity))
    return limits[bisect_left(limits, True, key=lambda limit: count(limit) <= fewest)]


def _count(heights: Sequence[int], limit: int) -> int:
    groups = start = 0
    while start < len(heights):
        start += max(1, limit // heights[start] - 1)
        groups += 1
    return groups
