"""Tamper systematically: constraints that nothing breaks, cells of an interaction that nobody would miss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from support.chips import cell, names, prank
from zkroll.circuits.air.check import check_constraints
from zkroll.circuits.air.chip import Bus, Interaction
from zkroll.circuits.air.expr import Expr, Stage
from zkroll.circuits.air.witness import ChipTrace, tuples_of


def net(trace: ChipTrace, bus: Bus) -> Counter[tuple[int, ...]]:
    """What a chip sends on a bus less what it receives, by tuple."""
    total: Counter[tuple[int, ...]] = Counter()
    for sign in (1, -1):
        chosen = [i for i in trace.chip.air.interactions if i.bus.name == bus.name and i.sign == sign]
        total.update(as_counter(tuples_of(trace, chosen, bus), sign))
    return Counter({k: v for k, v in total.items() if v})


def as_counter(requests, sign: int = 1) -> Counter[tuple[int, ...]]:
    """Tuples as Python integers with their multiplicities times ``sign``."""
    total: Counter[tuple[int, ...]] = Counter()
    for row, count in zip(requests.values, requests.multiplicity, strict=True):
        total[tuple(int.from_bytes(entry.tobytes(), "little") for entry in row)] += sign * int(count)
    return total


def sent(trace: ChipTrace, bus: Bus) -> list[tuple[int, ...]]:
    """The tuples that a chip sends on a bus, sorted."""
    chosen = [i for i in trace.chip.air.interactions if i.bus.name == bus.name and i.sign > 0]
    return sorted(as_counter(tuples_of(trace, chosen, bus)).elements())


def unbroken_constraints(trace: ChipTrace, seed: int = 1, rounds: int = 2) -> set[str]:
    """Constraints that no noise in a single column breaks."""
    rng = np.random.default_rng(seed)
    left = {c.name for c in trace.chip.air.constraints}
    for column in range(len(trace.columns)):
        for low in (0, 1) * rounds:
            noise = rng.integers(low, 4, size=trace.height)
            left -= names(check_constraints(trace.replace(column, noise)))
    return left


def columns_of(expressions: Iterable[Expr]) -> set[tuple[int, int]]:
    """(main column, rotation) of everything that expressions read."""
    found: set[tuple[int, int]] = set()
    todo = list(expressions)
    while todo:
        node = todo.pop()
        if node.op == "col" and node.args[0] == Stage.MAIN:
            found.add((node.args[1], node.args[2]))
        elif node.op in ("add", "sub", "mul"):
            todo.extend(node.args)
    return found


def unmissed_cells(traces: Mapping[str, ChipTrace], chip: str) -> list[str]:
    """Interactions that no row uses, and columns of one that can change without a trace on its bus."""
    trace = traces[chip]
    column_names = trace.chip.air.column_names[Stage.MAIN]
    found = []
    for interaction in trace.chip.air.interactions:
        rows = _active_rows(trace, interaction)
        if not rows:
            found.append(f"{interaction.name}: no row uses it")
            continue
        before = net(trace, interaction.bus)
        for column, rotation in columns_of([*interaction.values, interaction.multiplicity]):
            name = column_names[column]
            for row in rows:
                at = (row + rotation) % trace.height
                tampered = prank(traces, chip, name, at, cell(traces, chip, name, at) + 1)[chip]
                if net(tampered, interaction.bus) != before:
                    break
            else:
                found.append(f"{interaction.name}: {name}")
    return found


def _active_rows(trace: ChipTrace, interaction: Interaction, limit: int = 4) -> list[int]:
    from zkroll.algebra.field import fr
    from zkroll.circuits.air.witness import evaluate_rows

    values = fr.to_limbs(evaluate_rows(trace, [interaction.multiplicity])[0], trace.height)
    rows = np.flatnonzero(values.any(axis=1))
    picked = np.unique(np.linspace(0, max(len(rows) - 1, 0), limit).astype(int))
    return [int(rows[i]) for i in picked] if len(rows) else []
