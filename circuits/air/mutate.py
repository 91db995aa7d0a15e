"""Mutation score: tamper single cells of a sound trace and see which constraint or bus notices.

A tampered cell can only be noticed by constraints that read its row, and by tuples of that row; so each
mutation is evaluated on three rows (the one before, the tampered one, the one after) and thousands of them
share one kernel call. A mutation survives when every constraint still holds and the row's bus tuples are the
same multiset as before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import fr
from zkroll.algebra.program import run
from zkroll.circuits.air.expr import Expr, Selector, Stage
from zkroll.circuits.air.lower import column_order, compile_program
from zkroll.circuits.air.witness import ChipTrace

#: changes of a cell with value v; "next row" and "previous row" copy that row's cell
MUTATIONS: Final = ("+1", "-1", "0", "p-1", "+2^16", "+2^64", "+2^128", "next row", "previous row")

_CHUNK = 1024  # mutations evaluated together


@dataclass(frozen=True)
class Mutation:
    """One tampered cell."""

    chip: str
    column: str
    row: int
    name: str


@dataclass(frozen=True)
class Score:
    """How many mutations of one chip were tried, by column, and those that nothing noticed."""

    chip: str
    columns: Mapping[str, int]
    survivors: tuple[Mutation, ...]

    @property
    def tried(self) -> int:
        return sum(self.columns.values())

    @property
    def killed(self) -> int:
        return self.tried - len(self.survivors)


def mutate(trace: ChipTrace, rows: Sequence[int]) -> Score:
    """Apply every mutation to every main column in each of ``rows`` (rows of the padding allowed)."""
    air = trace.chip.air
    names = air.column_names[Stage.MAIN]
    jobs: list[tuple[Mutation, int, int]] = []
    for column, name in enumerate(names):
        for row in rows:
            for change, value in _values(trace, column, row):
                jobs.append((Mutation(air.name, name, row, change), column, value))
    survivors: list[Mutation] = []
    evaluate = _Evaluator(trace)
    for start in range(0, len(jobs), _CHUNK):
        part = jobs[start : start + _CHUNK]
        for (mutation, _, _), noticed in zip(part, evaluate(part), strict=True):
            if not noticed:
                survivors.append(mutation)
    return Score(air.name, Counter(mutation.column for mutation, _, _ in jobs), tuple(survivors))


def cell_value(trace: ChipTrace, column: int, row: int) -> int:
    """The value of one main cell, rows of the padding included."""
    return _value(trace.columns[column], row)


def _value(data: NDArray[Any], row: int) -> int:
    if row >= data.shape[0]:
        return 0
    if data.ndim == 1:
        return int(data[row]) % R_MODULUS
    return sum(int(limb) << (64 * k) for k, limb in enumerate(data[row]))


def _values(trace: ChipTrace, column: int, row: int) -> Iterator[tuple[str, int]]:
    data = trace.columns[column]
    old = _value(data, row)
    candidates = {
        "+1": old + 1, "-1": old - 1, "0": 0, "p-1": R_MODULUS - 1, "+2^16": old + 2**16, "+2^64": old + 2**64,
        "+2^128": old + 2**128, "next row": _value(data, (row + 1) % trace.height),
        "previous row": _value(data, (row - 1) % trace.height),
    }  # fmt: skip
    for name in MUTATIONS:
        value = candidates[name] % R_MODULUS
        if value != old:
            yield name, value


class _Evaluator:
    """Constraints and bus tuples on triples of rows: four rows a mutation (before, at, after, unused)."""

    def __init__(self, trace: ChipTrace) -> None:
        self.trace = trace
        air = trace.chip.air
        outputs: list[Expr] = [c.expr for c in air.constraints]
        self.constraints = len(outputs)
        self.spans: list[tuple[int, int, int, int]] = []  # outputs from, to, bus, sign
        for interaction in air.interactions:
            start = len(outputs)
            outputs.extend((interaction.multiplicity, *interaction.values))
            self.spans.append((start, len(outputs), interaction.bus.index, interaction.sign))
        lengths = np.array([end - start for start, end, _, _ in self.spans], dtype=np.int64)
        self.owner = np.repeat(
            np.arange(len(self.spans)), lengths
        )  # span of each output that is no constraint
        widths = {stage: air.width(stage) for stage in Stage}
        self.compiled = compile_program(outputs, column_order(widths))

    def __call__(self, jobs: Sequence[tuple[Mutation, int, int]]) -> list[bool]:
        tampered = self._evaluate(jobs, tamper=True)
        violated: NDArray[np.bool_] = np.any(tampered[: self.constraints], axis=2)
        noticed: list[bool] = [bool(violated[:, 4 * i : 4 * i + 2].any()) for i in range(len(jobs))]
        quiet = [i for i, seen in enumerate(noticed) if not seen]
        if quiet:
            honest = self._evaluate([jobs[i] for i in quiet], tamper=False)
            for k, i in enumerate(quiet):
                noticed[i] = self._moves_tuples(honest[:, 4 * k : 4 * k + 2], tampered[:, 4 * i : 4 * i + 2])
        return noticed

    def _evaluate(self, jobs: Sequence[tuple[Mutation, int, int]], *, tamper: bool) -> NDArray[np.uint64]:
        """Canonical limbs (outputs, 4 * jobs, 4)."""
        n, count = self.trace.height, len(jobs)
        rows = np.array([[m.row - 1, m.row, m.row + 1, m.row + 2] for m, _, _ in jobs]) % n
        flat = rows.ravel()
        size = max(8, 1 << (4 * count - 1).bit_length())
        columns = []
        for part in (*self.trace.preprocessed, *self.trace.main):
            columns.append(np.zeros((size, 4), dtype=np.uint64))
            columns[-1][: flat.shape[0]] = fr.to_limbs(part, n)[flat]
        if tamper:
            offset = len(self.trace.preprocessed)
            for i, (_, column, value) in enumerate(jobs):
                columns[offset + column][4 * i + 1] = [(value >> (64 * k)) & (2**64 - 1) for k in range(4)]
        selectors = np.zeros((len(Selector), size), dtype=np.uint64)
        selectors[Selector.FIRST, : flat.shape[0]] = flat == 0
        selectors[Selector.LAST, : flat.shape[0]] = flat == n - 1
        selectors[Selector.TRANSITION, : flat.shape[0]] = flat != n - 1
        blocks = [fr.from_array(column) for column in (*columns, *selectors)]
        out = run(self.compiled.program, self.compiled.resolve({}), blocks, size)
        return np.stack([fr.to_limbs(column, size)[: 4 * count] for column in out])

    def _moves_tuples(self, honest: NDArray[np.uint64], tampered: NDArray[np.uint64]) -> bool:
        """Whether what the tampered row and the one before it (which may read it) put on the buses differs.

        Both: (outputs, 2, 4) limbs of these two rows. Interactions with equal cells cancel and are skipped.
        """
        outputs, rows = np.nonzero((honest != tampered)[self.constraints :].any(axis=2))
        net: dict[tuple[int, bytes], int] = {}
        for index, at in set(zip(self.owner[outputs].tolist(), rows.tolist(), strict=True)):
            start, end, bus, sign = self.spans[index]
            for values, weight in ((tampered, sign), (honest, -sign)):
                multiplicity = sum(int(v) << (64 * k) for k, v in enumerate(values[start, at]))
                if multiplicity:
                    key = (bus, values[start + 1 : end, at].tobytes())
                    net[key] = (net.get(key, 0) + weight * multiplicity) % R_MODULUS
        return any(net.values())
