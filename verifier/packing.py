"""Which columns share a commitment.

Columns of one stage and one height n are packed in groups of t (fflonk, ePrint 2021/1167):

    F(X) = sum_{i<t} X^i f_i(X^t)

so that opening F modulo (X^t - zeta)(X^t - zeta w) opens every f_i at zeta and zeta w. Divisibility is a
statement about polynomials in X^t: it needs no t-th roots of zeta, and t can be any number with t * n within
the SRS. The last slot of a group that holds witness data is a random polynomial of BLINDING coefficients:
it makes the commitment and both opening proofs hiding and raises no constraint's degree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from zkroll.circuits.air.layout import ChipLayout
from zkroll.errors import InputError

#: random coefficients of a blinding slot: the commitment, two evaluations and two opening proofs see five values
BLINDING: Final = 6

#: how many commitments a large proof is aimed at
TARGET_GROUPS: Final = 16

#: cells under one commitment of the key
PREPROCESSED_CELLS: Final = 1 << 17


class CommitStage(IntEnum):
    """The four commitments of a proof, in transcript order (the first is part of the key)."""

    PREPROCESSED = 0
    MAIN = 1
    HELPER = 2
    QUOTIENT = 3


@dataclass(frozen=True)
class Slot:
    """One column of one chip (for QUOTIENT: one piece)."""

    chip: str
    index: int


@dataclass(frozen=True)
class Group:
    """Columns under one commitment; slot i of F is ``slots[i]``, the blinding slot (if any) comes last."""

    stage: CommitStage
    height: int
    slots: tuple[Slot, ...]

    @property
    def blinded(self) -> bool:
        return self.stage is not CommitStage.PREPROCESSED

    @property
    def arity(self) -> int:
        """t: how many polynomials are interleaved."""
        return len(self.slots) + self.blinded


def stage_width(layout: ChipLayout, stage: CommitStage) -> int:
    """Columns that a chip commits in a stage."""
    if stage is CommitStage.QUOTIENT:
        return layout.quotient_pieces
    return layout.widths[list(layout.widths)[stage]]


def pack(
    layouts: Sequence[ChipLayout], heights: Mapping[str, int], stage: CommitStage, capacity: int
) -> list[Group]:
    """The groups of one stage for the chips that are present, tallest first; ``capacity`` bounds t * n.

    Preprocessed columns are packed chip by chip, because the key must not depend on which chips are present.
    """
    by_height: dict[tuple[int, str], list[Slot]] = {}
    for layout in layouts:
        height = heights.get(layout.name)
        if height is None:
            continue
        owner = layout.name if stage is CommitStage.PREPROCESSED else ""
        slots = [Slot(layout.name, i) for i in range(stage_width(layout, stage))]
        by_height.setdefault((height, owner), []).extend(slots)
    groups: list[Group] = []
    for (height, _), slots in sorted(by_height.items(), key=lambda item: -item[0][0]):
        room = capacity // height - (stage is not CommitStage.PREPROCESSED)
        if room < 1 and slots:
            raise InputError(
                f"structured reference string: height {height} needs at least {2 * height} powers, it has {capacity}"
            )
        # Equal parts rather than one short group: the longest one decides the size of the opening proofs.
        parts = -(-len(slots) // room) if slots else 0
        size = -(-len(slots) // parts) if parts else 0
        groups.extend(
            Group(stage, height, tuple(slots[i : i + size])) for i in range(0, len(slots), size or 1)
        )
    return groups


def group_limit(layouts: Sequence[ChipLayout], heights: Mapping[str, int], capacity: int) -> int:
    """The largest t * n that these heights use: about 1/TARGET_GROUPS of all cells.

    The two opening proofs cost as much as the largest group each, and every group costs the verifier one
    scalar multiplication; so the limit follows the size of the batch, within the reference string.
    """
    cells = sum(
        heights[layout.name] * stage_width(layout, stage)
        for layout in layouts
        if layout.name in heights
        for stage in CommitStage
    )
    tallest = max(heights.values(), default=1)
    wanted = max(cells // TARGET_GROUPS, 2 * tallest)
    return min(capacity, 1 << (wanted - 1).bit_length())


def pack_all(
    layouts: Sequence[ChipLayout], heights: Mapping[str, int], capacity: int
) -> dict[CommitStage, list[Group]]:
    """The groups of all stages."""
    limit = group_limit(layouts, heights, capacity)
    return {
        stage: preprocessed_groups(layouts, heights, capacity)
        if stage is CommitStage.PREPROCESSED
        else pack(layouts, heights, stage, limit)
        for stage in CommitStage
    }


def preprocessed_groups(
    layouts: Sequence[ChipLayout], heights: Mapping[str, int], capacity: int
) -> list[Group]:
    """The key's groups of the present chips, each of a size that follows from its chip alone.

    The commitments stand in the key: other chips' heights, which a prover picks, must not regroup them.
    """
    return [
        group
        for layout in layouts
        if layout.name in heights
        for group in pack(
            [layout],
            heights,
            CommitStage.PREPROCESSED,
            min(capacity, max(PREPROCESSED_CELLS, heights[layout.name])),
        )
    ]
