"""The bus argument: logarithmic derivatives over helper columns (Haböck, ePrint 2022/1530).

Interaction i of a chip has the fingerprint

    d_i = alpha + bus_index + sum_k beta^(k+1) * value_k

and adds sign_i * m_i / d_i to the chip's sum. Interactions are taken in groups whose common denominator
keeps the degree bound; all groups but the last get a helper column h_g with

    h_g * prod_{i in g} d_i = sum_{i in g} sign_i m_i prod_{j in g, j != i} d_j

and the running sum S takes the last group in. With ``sum/height`` subtracted in every row S closes over the
cyclic trace, so no boundary constraint is needed:

    (S.next - S + sum/height - sum_g h_g) * prod d = numerator of the last group.

The sums of all chips and of the verifier's public tuples must add up to zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from zkroll.circuits.air.chip import MAX_DEGREE, Air, Constraint, Interaction
from zkroll.circuits.air.expr import ONE, ZERO, Expr, Stage, challenge, column

ALPHA: Final = "alpha"
BETA: Final = "beta"
SUM_PER_ROW: Final = "sum per row"


def fingerprint(interaction: Interaction) -> Expr:
    """alpha + bus_index + sum_k beta^(k+1) value_k."""
    result = challenge(ALPHA) + interaction.bus.index
    for k, value in enumerate(interaction.values):
        result = result + challenge(BETA, k + 1) * value
    return result


@dataclass(frozen=True)
class Group:
    """Interactions that share a denominator."""

    interactions: tuple[Interaction, ...]

    @property
    def denominator(self) -> Expr:
        return _product(fingerprint(i) for i in self.interactions)

    @property
    def numerator(self) -> Expr:
        terms = ZERO
        for i in self.interactions:
            others = _product(fingerprint(j) for j in self.interactions if j is not i)
            term = i.multiplicity * others
            terms = terms + term if i.sign > 0 else terms - term
        return terms


@dataclass(frozen=True)
class _Degrees:
    """Degrees of a group without its expressions: of the denominator, and the numerator's above that."""

    denominator: int
    excess: int

    @staticmethod
    def of(interaction: Interaction) -> _Degrees:
        own = max((value.degree for value in interaction.values), default=0)
        return _Degrees(own, interaction.multiplicity.degree - own)

    def joined(self, other: _Degrees) -> _Degrees:
        return _Degrees(self.denominator + other.denominator, max(self.excess, other.excess))

    @property
    def constraint(self) -> int:
        """Degree of helper * denominator - numerator."""
        return self.denominator + max(1, self.excess)


@dataclass(frozen=True)
class LogUp:
    """The helper columns and constraints of one chip's interactions."""

    groups: tuple[Group, ...]
    constraints: tuple[Constraint, ...]

    @property
    def width(self) -> int:
        """Helper columns: one per group but the last, then the running sum; none without interactions."""
        return len(self.groups)


def build_logup(air: Air) -> tuple[LogUp, int]:
    """The cheapest grouping of the chip's interactions, and the degree of the whole chip under it."""
    own = max([2, *(c.expr.degree for c in air.constraints)])
    best: tuple[float, tuple[Group, ...], int] | None = None
    for limit in range(own, MAX_DEGREE + 1):
        found = _group(air.interactions, limit)
        if found is None:
            continue
        groups, degree = found[0], max(own, found[1])
        cost = _cost(air, len(groups), degree)
        if best is None or cost < best[0]:
            best = (cost, groups, degree)
    if best is None:
        raise ValueError(f"chip {air.name}: an interaction's degree exceeds {MAX_DEGREE}")
    return LogUp(best[1], tuple(_constraints(best[1]))), best[2]


def _cost(air: Air, helpers: int, degree: int) -> float:
    """Work per row in units of a committed cell: commitments, then one transform and evaluation per coset."""
    commit, transform = 1.0, 0.15
    columns = air.width(Stage.MAIN) + helpers
    return (columns + degree - 1) * commit + (degree - 1) * columns * transform


def _group(interactions: Iterable[Interaction], limit: int) -> tuple[tuple[Group, ...], int] | None:
    """First-fit groups within the limit and the largest degree among them; None where one alone exceeds it."""
    groups: list[tuple[list[Interaction], _Degrees]] = []
    room: list[int] = []  # groups that may still take an interaction
    for interaction in interactions:
        alone = _Degrees.of(interaction)
        if alone.constraint > limit:
            return None
        for i in room:
            members, degrees = groups[i]
            joined = degrees.joined(alone)
            if joined.constraint <= limit:
                members.append(interaction)
                groups[i] = (members, joined)
                if joined.constraint == limit:
                    room.remove(i)
                break
        else:
            groups.append(([interaction], alone))
            if alone.constraint < limit:
                room.append(len(groups) - 1)
    degree = max((degrees.constraint for _, degrees in groups), default=0)
    return tuple(Group(tuple(members)) for members, _ in groups), degree


def _constraints(groups: tuple[Group, ...]) -> Iterable[Constraint]:
    if not groups:
        return
    helpers = [column(Stage.HELPER, g) for g in range(len(groups) - 1)]
    for g, (group, helper) in enumerate(zip(groups, helpers, strict=False)):
        yield Constraint(f"bus helper {g}", helper * group.denominator - group.numerator)
    running = column(Stage.HELPER, len(groups) - 1)
    step = running.next - running + challenge(SUM_PER_ROW)
    for helper in helpers:
        step = step - helper
    last = groups[-1]
    yield Constraint("bus running sum", step * last.denominator - last.numerator)


def _product(factors: Iterable[Expr]) -> Expr:
    result = ONE
    for factor in factors:
        result = result * factor
    return result
