"""What prover, verifier and wrap circuit derive from a chip and from a machine, once and for all.

A machine is an ordered set of chips. Its ``description`` is a canonical text of everything that a verifier
relies on; the verifying key's digest covers it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from zkroll.circuits.air.chip import Air, Chip, Constraint
from zkroll.circuits.air.expr import ZERO, Expr, Stage, challenge
from zkroll.circuits.air.logup import LogUp, build_logup
from zkroll.circuits.air.lower import ColumnOrder, Compiled, Ssa, column_order, compile_program, lower

GAMMA: Final = "gamma"


@dataclass(frozen=True)
class ChipLayout:
    """A chip with its bus argument: all columns, all constraints, the degree and the folded identity."""

    chip: Chip
    air: Air
    logup: LogUp
    degree: int

    @property
    def name(self) -> str:
        return self.air.name

    @property
    def quotient_pieces(self) -> int:
        """The quotient has degree below pieces * height (``Selector.TRANSITION`` included)."""
        return self.degree - 1

    @cached_property
    def widths(self) -> Mapping[Stage, int]:
        """Columns per stage."""
        return {
            Stage.PREPROCESSED: self.air.width(Stage.PREPROCESSED),
            Stage.MAIN: self.air.width(Stage.MAIN),
            Stage.HELPER: self.logup.width,
        }

    @property
    def order(self) -> ColumnOrder:
        return column_order(self.widths)

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """The chip's own constraints, then those of its bus argument."""
        return self.air.constraints + self.logup.constraints

    @cached_property
    def folded(self) -> Expr:
        """sum_i gamma^(m-1-i) C_i over all constraints, by Horner's rule."""
        result = ZERO
        for constraint in self.constraints:
            result = result * challenge(GAMMA) + constraint.expr
        return result

    @cached_property
    def folded_ssa(self) -> Ssa:
        """The folded identity as straight-line code, for evaluation at one point."""
        return lower([self.folded])

    @cached_property
    def next_columns(self) -> frozenset[tuple[int, int]]:
        """(stage, index) of the columns that a constraint reads at the next row."""
        return frozenset((n[1], n[2]) for n in self.folded_ssa.nodes if n[0] == "col" and n[3])

    @cached_property
    def folded_program(self) -> Compiled:
        """The folded identity as a kernel program, for evaluation on cosets."""
        return compile_program([self.folded], self.order)

    @cached_property
    def helper_program(self) -> Compiled:
        """Per group of the bus argument: its denominator and numerator, for filling the helper columns."""
        outputs: list[Expr] = []
        for group in self.logup.groups:
            outputs.extend((group.denominator, group.numerator))
        return compile_program(outputs, self.order)


def chip_layout(chip: Chip) -> ChipLayout:
    """Group the interactions of a chip and fix its degree."""
    logup, degree = build_logup(chip.air)
    return ChipLayout(chip, chip.air, logup, degree)


class Machine:
    """An ordered set of chips whose buses balance together."""

    def __init__(self, name: str, chips: Iterable[Chip]) -> None:
        self.name = name
        self.chips = tuple(chips)
        names = [chip.name for chip in self.chips]
        if len(set(names)) != len(names):
            raise ValueError(f"machine {name}: chip names are not unique: {names}")

    @cached_property
    def layouts(self) -> tuple[ChipLayout, ...]:
        buses: dict[int, str] = {}
        for chip in self.chips:
            for interaction in chip.air.interactions:
                known = buses.setdefault(interaction.bus.index, interaction.bus.name)
                if known != interaction.bus.name:
                    raise ValueError(
                        f"buses {known} and {interaction.bus.name} share index {interaction.bus.index}"
                    )
        return tuple(chip_layout(chip) for chip in self.chips)

    @cached_property
    def description(self) -> bytes:
        """Canonical text of chips, columns, constraints and interactions."""
        lines = [f"machine {self.name}"]
        for layout in self.layouts:
            air = layout.air
            lines.append(f"chip {air.name} height {air.fixed_height} degree {layout.degree}")
            for stage in Stage:
                lines.append(f" {stage.name} " + " ".join(air.column_names[stage]))
            lines.append(f" helpers {layout.logup.width}")
            lines.extend(f" constraint {c.name}" for c in layout.constraints)
            for i in air.interactions:
                lines.append(f" interaction {i.name} {i.sign} bus {i.bus.name} {i.bus.index}")
            ssa = lower([c.expr for c in layout.constraints])
            lines.extend(" ".join(str(part) for part in node) for node in ssa.nodes)
            lines.append("outputs " + " ".join(map(str, ssa.outputs)))
        return "\n".join(lines).encode()

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the description."""
        return hashlib.sha256(self.description).digest()
