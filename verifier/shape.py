"""The shape of a proof: which chips have which heights, hence which commitments and evaluations there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from zkroll.circuits.air.layout import ChipLayout, Machine
from zkroll.circuits.air.witness import MIN_HEIGHT
from zkroll.errors import InputError
from zkroll.verifier.packing import CommitStage, Group, Groups, Slot, base_height, pack

ABSENT = -1


@dataclass(frozen=True)
class Place:
    """Where a slot is found: group in transcript order, position in it."""

    group: int
    position: int
    slot: Slot


@dataclass(frozen=True, eq=False)
class ProofShape:
    """layouts: the chips that are present, in machine order; heights: of those, by name; base: see
    ``zkroll.verifier.packing``; groups: by stage; log_heights: of all chips of the machine, -1 where absent."""

    layouts: tuple[ChipLayout, ...]
    heights: Mapping[str, int]
    base: int
    groups: Groups
    log_heights: tuple[int, ...]

    @cached_property
    def ordered(self) -> tuple[Group, ...]:
        """All groups in transcript order: preprocessed, main, helper, quotient."""
        return tuple(group for stage in CommitStage for group in self.groups[stage])

    @cached_property
    def tallest(self) -> int:
        """N, the largest height of all chips."""
        return max(self.heights.values())

    @property
    def summed(self) -> tuple[ChipLayout, ...]:
        """The chips with a sum in the proof: those with bus interactions."""
        return tuple(layout for layout in self.layouts if layout.logup.width)

    @cached_property
    def places(self) -> Mapping[tuple[str, CommitStage, int], tuple[Place, ...]]:
        """Where the pieces of each column are, by (chip, stage, index)."""
        found: dict[tuple[str, CommitStage, int], list[Place]] = {}
        for g, group in enumerate(self.ordered):
            for i, slot in enumerate(group.slots):
                found.setdefault((slot.chip, group.stage, slot.index), []).append(Place(g, i, slot))
        return {key: tuple(places) for key, places in found.items()}

    def chip_exponent(self, height: int) -> int:
        """The power of zeta at which a chip of this height is evaluated: N/max(height, b)."""
        return self.tallest // max(height, self.base)

    def group_exponent(self, group: Group) -> int:
        """The power of zeta at which a group's slots are opened."""
        slot = group.slots[0]
        return self.chip_exponent(slot.height * slot.pieces) * slot.pieces


def proof_shape(machine: Machine, heights: Mapping[str, int], capacity: int) -> ProofShape:
    """The shape of a proof in which the named chips have these heights, under ``capacity`` powers of tau.

    Raises InputError for an unknown chip, for a height that is not a power of two of at least 8 or not the
    chip's fixed one, for a missing chip of fixed height and for a reference string that is too short.
    """
    unknown = set(heights) - {layout.name for layout in machine.layouts}
    if unknown:
        raise InputError(f"the machine {machine.name} has no chips {sorted(unknown)}")
    for layout in machine.layouts:
        height, fixed = heights.get(layout.name), layout.air.fixed_height
        if fixed is not None and height != fixed:
            raise InputError(f"height of chip {layout.name}: expected {fixed}, got {height or 'no rows'}")
        if height is not None and (height < MIN_HEIGHT or height & (height - 1)):
            raise InputError(
                f"height of chip {layout.name}: expected a power of two from {MIN_HEIGHT}, got {height}"
            )
    if not heights:
        raise InputError("expected at least one chip with rows, got none")
    layouts = tuple(layout for layout in machine.layouts if layout.name in heights)
    return ProofShape(
        layouts,
        dict(heights),
        base_height(layouts, heights),
        pack(layouts, heights, capacity),
        tuple(heights[x.name].bit_length() - 1 if x.name in heights else ABSENT for x in machine.layouts),
    )
