"""The debug checker: every violated constraint and every unbalanced bus tuple, nothing stops at the first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import fr
from zkroll.circuits.air.chip import Bus
from zkroll.circuits.air.expr import Expr, Stage
from zkroll.circuits.air.witness import ChipTrace, evaluate_rows

PublicTuples = Sequence[tuple[Bus, tuple[int, ...]]]

#: violations reported per constraint and per bus; the count is always complete
SHOWN = 20


@dataclass(frozen=True)
class Violation:
    """One broken relation: a constraint in a row, or a tuple whose sends and receives differ."""

    chip: str
    row: int
    name: str
    kind: str  # "constraint", "bus" or "multiplicity"
    cells: Mapping[str, int] = field(default_factory=dict)
    context: Mapping[str, int] = field(default_factory=dict)
    detail: str = ""

    def __str__(self) -> str:
        place = f"chip {self.chip}, row {self.row}: {self.kind} '{self.name}'"
        context = "".join(f", {k}={_show(v)}" for k, v in self.context.items())
        cells = "; " + ", ".join(f"{k}={_show(v)}" for k, v in self.cells.items()) if self.cells else ""
        return place + (f" {self.detail}" if self.detail else "") + context + cells

    def to_dict(self) -> dict[str, Any]:
        """Plain data for ``--json``; field elements as hexadecimal strings."""
        return {
            "chip": self.chip, "row": self.row, "name": self.name, "kind": self.kind, "detail": self.detail,
            "context": {k: hex(v) for k, v in self.context.items()},
            "cells": {k: hex(v) for k, v in self.cells.items()},
        }  # fmt: skip


def _show(value: int) -> str:
    if value > R_MODULUS // 2 and R_MODULUS - value < 2**64:
        return str(value - R_MODULUS)
    return str(value) if value < 2**32 else hex(value)


def check(traces: Mapping[str, ChipTrace], public: PublicTuples = ()) -> list[Violation]:
    """All violations of the constraints of each chip and of the balance of all buses together."""
    found: list[Violation] = []
    for trace in traces.values():
        found.extend(check_constraints(trace))
    found.extend(check_buses(traces.values(), public))
    return found


def check_constraints(trace: ChipTrace) -> list[Violation]:
    """Rows in which a constraint of the chip is not zero, at most ``SHOWN`` of each."""
    constraints = trace.chip.air.constraints
    if not constraints:
        return []
    values = evaluate_rows(trace, [c.expr for c in constraints])
    found = []
    for i, constraint in enumerate(constraints):
        for row in np.flatnonzero(~fr.is_zero(values[i])[: trace.height])[:SHOWN]:
            found.append(
                Violation(
                    trace.chip.name, int(row), constraint.name, "constraint",
                    cells=_cells(trace, constraint.expr, int(row)), context=_context(trace, int(row)),
                )
            )  # fmt: skip
    return found


def check_buses(traces: Iterable[ChipTrace], public: PublicTuples = ()) -> list[Violation]:
    """Tuples whose net multiplicity is not zero, each shown at one of its places."""
    ledgers: dict[str, _Ledger] = {}
    for trace in traces:
        _collect(trace, ledgers)
    for bus, values in public:
        key = np.array([[(v >> (64 * k)) & (2**64 - 1) for k in range(4)] for v in values], dtype=np.uint64)
        _ledger(ledgers, bus).add(
            key[None],
            np.array([[1, 0, 0, 0]], dtype=np.uint64),
            1,
            "public values",
            "tuple",
            np.zeros(1, np.int64),
        )
    found: list[Violation] = []
    for ledger in ledgers.values():
        found.extend(ledger.unbalanced())
    return found


def _ledger(ledgers: dict[str, _Ledger], bus: Bus) -> _Ledger:
    return ledgers.setdefault(bus.name, _Ledger(bus))


def _collect(trace: ChipTrace, ledgers: dict[str, _Ledger]) -> None:
    interactions = trace.chip.air.interactions
    outputs: list[Expr] = []
    for interaction in interactions:
        outputs.extend((interaction.multiplicity, *interaction.values))
    if not outputs:
        return
    table = evaluate_rows(trace, outputs)
    cursor = 0
    for interaction in interactions:
        multiplicity = fr.to_limbs(table[cursor], trace.height)
        rows = np.flatnonzero(multiplicity.any(axis=1))
        entries = [
            fr.to_limbs(table[cursor + 1 + k], trace.height)[rows] for k in range(interaction.bus.arity)
        ]
        cursor += 1 + interaction.bus.arity
        if rows.size:
            _ledger(ledgers, interaction.bus).add(
                np.stack(entries, axis=1), multiplicity[rows], interaction.sign, trace.chip.name,
                interaction.name, rows,
            )  # fmt: skip


class _Ledger:
    """All tuples seen on one bus with their signed multiplicities as field elements."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self._keys: list[np.ndarray[Any, Any]] = []
        self._counts: list[np.ndarray[Any, Any]] = []
        self._signs: list[int] = []
        self._places: list[tuple[str, str]] = []
        self._rows: list[np.ndarray[Any, Any]] = []

    def add(self, keys: Any, counts: Any, sign: int, chip: str, name: str, rows: Any) -> None:
        self._keys.append(keys)
        self._counts.append(counts)
        self._signs.append(sign)
        self._places.append((chip, name))
        self._rows.append(rows)

    def unbalanced(self) -> list[Violation]:
        keys = np.ascontiguousarray(np.concatenate(self._keys).reshape(-1, self.bus.arity * 4))
        source = np.concatenate([np.full(len(k), i) for i, k in enumerate(self._keys)])
        rows = np.concatenate(self._rows)
        signs = np.array(self._signs)[source]
        counts = np.concatenate(self._counts)
        void = keys.view([("", keys.dtype)] * keys.shape[1]).ravel()
        _, first, inverse = np.unique(void, return_index=True, return_inverse=True)
        small = ~counts[:, 1:].any(axis=1) & (counts[:, 0] < 2**32)
        net = np.zeros(first.shape[0], dtype=np.int64)
        np.add.at(net, inverse[small], (signs * counts[:, 0].astype(np.int64))[small])
        exact: dict[int, int] = {}
        for i in np.flatnonzero(~small).tolist():  # multiplicities no honest chip has
            value = sum(int(counts[i, k]) << (64 * k) for k in range(4))
            group = int(inverse[i])
            exact[group] = exact.get(group, 0) + int(signs[i]) * value
        bad = [
            g
            for g in set(np.flatnonzero(net).tolist()) | set(exact)
            if (int(net[g]) + exact.get(g, 0)) % R_MODULUS
        ]
        bad.sort(key=lambda g: (int(source[first[g]]), int(rows[first[g]])))
        found = []
        for g in bad[:SHOWN]:
            i = int(first[g])
            chip, name = self._places[int(source[i])]
            amount = (int(net[g]) + exact.get(g, 0)) % R_MODULUS
            values = [
                sum(int(keys[i, 4 * k + j]) << (64 * j) for j in range(4)) for k in range(self.bus.arity)
            ]
            shown = amount - R_MODULUS if amount > R_MODULUS // 2 else amount
            what = "sent and not received" if shown > 0 else "received and not sent"
            found.append(
                Violation(
                    chip, int(rows[i]), name, "bus", cells=dict(zip(self.bus.fields, values, strict=True)),
                    detail=f"on bus {self.bus.name}: {abs(shown)} {what} ({len(bad)} such tuples)",
                )
            )  # fmt: skip
        return found


def _cell(trace: ChipTrace, column: int, row: int) -> int:
    data = trace.columns[column]
    if row >= data.shape[0]:
        return 0
    if data.ndim == 1:
        return int(data[row]) % R_MODULUS
    return sum(int(limb) << (64 * k) for k, limb in enumerate(data[row])) % R_MODULUS


def _cells(trace: ChipTrace, expr: Expr, row: int) -> dict[str, int]:
    """The main cells that an expression reads in a row, at most 12."""
    names = trace.chip.air.column_names[Stage.MAIN]
    cells: dict[str, int] = {}
    seen: set[int] = set()
    stack = [expr]
    while stack and len(cells) < 12:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.op == "col" and node.args[0] == Stage.MAIN:
            index, rotation = int(node.args[1]), int(node.args[2])  # type: ignore[call-overload]
            cells[names[index] + (" (next)" if rotation else "")] = _cell(
                trace, index, (row + rotation) % trace.height
            )
        elif node.op in ("add", "sub", "mul"):
            stack.extend(node.args)  # type: ignore[arg-type]
    return cells


def _context(trace: ChipTrace, row: int) -> dict[str, int]:
    names = list(trace.chip.air.column_names[Stage.MAIN])
    return {name: _cell(trace, names.index(name), row) for name in trace.chip.context_columns}
