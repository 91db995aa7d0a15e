"""Mutation score: tamper the cells of every chip, count what is noticed, and say why the rest is not.

    python benchmarks/mutate.py [--rows N]          (or: make mutate)

On a batch in which every chip has rows, each main column is tampered in sampled rows with every mutation of
``zkroll.circuits.air.mutate``. Rows are drawn with a fixed seed, as many kinds of rows as the budget allows (a
kind: the values of the chip's flags, and the opcode), and padding rows besides. Survivors go to
docs/mutation-survivors.md with their reasons from mutation-reasons.toml. A reason names the cells in which it
holds (``when``), so it cannot cover others. Exit code 1: a survivor without a reason, or a chip without rows.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from programs import batch_of_every_chip
from rich.console import Console
from rich.progress import track
from rich.table import Table

from zkroll.circuits.air.expr import Stage
from zkroll.circuits.air.mutate import MUTATIONS, Mutation, Score, cell_value, mutate
from zkroll.circuits.air.witness import ChipTrace
from zkroll.circuits.machine import batch_machine
from zkroll.rollup.prove import execute, fill

ROOT = Path(__file__).parents[1]
REASONS = Path(__file__).with_name("mutation-reasons.toml")
REPORT = ROOT / "docs" / "mutation-survivors.md"
SEED = 1
LEAST_ROWS = 6
BUDGET = 14_000  # mutations per chip, unless LEAST_ROWS need more
BUDGETS = {"cpu": 80_000}  # its rows are of many kinds: every opcode and every way to halt


@dataclass(frozen=True)
class Reason:
    """Why mutations of some columns survive: in rows where the named cells have the named values."""

    chip: str
    columns: tuple[str, ...]
    when: Mapping[str, int]
    padding: bool
    text: str

    def explains(self, mutation: Mutation, trace: ChipTrace) -> bool:
        if self.chip != mutation.chip or not {mutation.column, base_name(mutation.column)} & {*self.columns}:
            return False
        if self.padding and mutation.row < trace.rows:
            return False
        return all(cell_in(trace, name, mutation.row) == value for name, value in self.when.items())


def cell_in(trace: ChipTrace, name: str, row: int) -> int:
    """One cell of a main column, or of a preprocessed column that is a scalar."""
    names = trace.chip.air.column_names[Stage.MAIN]
    if name in names:
        return cell_value(trace, names.index(name), row)
    return int(np.asarray(trace.chip.preprocessed()[name])[row])


def base_name(column: str) -> str:
    """The declared name of a column: x of x[3]; halves of words keep their ending."""
    return re.sub(r"\[\d+\]$", "", column)


def read_reasons() -> list[Reason]:
    """The reasons of the committed file."""
    entries = tomllib.loads(REASONS.read_text())["reason"]
    return [
        Reason(e["chip"], tuple(e["columns"]), e.get("when", {}), e.get("padding", False), e["text"])
        for e in entries
    ]


def sample(trace: ChipTrace, least: int) -> list[int]:
    """Rows to tamper: one of each kind while the budget lasts, at least ``least``; first and last padding row."""
    draw = random.Random(f"{SEED} {trace.chip.name}")
    per_row = len(trace.columns) * len(MUTATIONS)
    wanted = min(trace.rows, max(least, BUDGETS.get(trace.chip.name, BUDGET) // per_row))
    kinds: dict[bytes, list[int]] = defaultdict(list)
    for row, kind in enumerate(_kinds(trace)):
        kinds[kind].append(row)
    groups = list(kinds.values())
    draw.shuffle(groups)
    for group in groups:
        draw.shuffle(group)
    chosen: list[int] = []
    while len(chosen) < wanted:  # round robin over the kinds
        for group in groups:
            if group and len(chosen) < wanted:
                chosen.append(group.pop())
    padding = {trace.rows, trace.height - 1} if trace.rows < trace.height else set()
    return sorted({*chosen, *padding})


def _kinds(trace: ChipTrace) -> list[bytes]:
    """What tells the rows of a chip apart: its columns of bits, and the opcode where there is one."""
    names = trace.chip.air.column_names[Stage.MAIN]
    telling = [np.zeros(trace.rows, dtype=np.int64)]
    for name, data in zip(names, trace.columns, strict=True):
        flat = data if data.ndim == 1 else data[:, 0]
        bits = data.ndim == 1 and bool(((data == 0) | (data == 1)).all())
        if bits or name in {"opcode", "op"}:
            telling.append(flat.astype(np.int64))
    return [row.tobytes() for row in np.stack(telling, axis=1)]


@dataclass(frozen=True)
class Line:
    """Survivors of one declared column for one reason."""

    chip: str
    column: str
    kinds: tuple[str, ...]
    survived: int
    tried: int
    reason: str


def explain(score: Score, trace: ChipTrace, reasons: Sequence[Reason], used: set[int]) -> list[Line]:
    """The survivors of a chip by declared column and reason; an empty reason where there is none."""
    groups: dict[tuple[str, str], list[Mutation]] = defaultdict(list)
    for mutation in score.survivors:
        reason = next((r for r in reasons if r.explains(mutation, trace)), None)
        if reason is not None:
            used.add(id(reason))
        groups[base_name(mutation.column), reason.text if reason else ""].append(mutation)
    tried: Counter[str] = Counter()
    for column, count in score.columns.items():
        tried[base_name(column)] += count
    return [
        Line(
            score.chip, column, tuple(m for m in MUTATIONS if m in {s.name for s in survivors}),
            len(survivors), tried[column], text,
        )
        for (column, text), survivors in groups.items()
    ]  # fmt: skip


def report(scores: Sequence[Score], lines: Iterable[Line], rows: Mapping[str, int]) -> str:
    """The committed file."""
    killed, tried = sum(s.killed for s in scores), sum(s.tried for s in scores)
    out = [
        "# Mutations that no constraint notices", "",
        "`make mutate` writes this file. It tampers single cells of a sound trace of a batch in which every chip",
        "has rows, and asks whether a constraint breaks or what the row puts on its buses changes. Reasons are in",
        "`benchmarks/mutation-reasons.toml`, each bound to the rows in which it holds.", "",
        f"Noticed: {killed:,} of {tried:,} ({_percent(killed, tried)}).", "",
        "| chip | sampled rows | mutations | noticed | score |", "|---|---:|---:|---:|---:|",
    ]  # fmt: skip
    out += [
        f"| {s.chip} | {rows[s.chip]} | {s.tried:,} | {s.killed:,} | {_percent(s.killed, s.tried)} |"
        for s in scores
    ]
    out += [
        "",
        "## Survivors",
        "",
        "| chip | column | mutations | survived | reason |",
        "|---|---|---|---:|---|",
    ]
    for line in lines:
        kinds = "all" if line.kinds == MUTATIONS else ", ".join(line.kinds)
        count = f"{line.survived:,} of {line.tried:,}"
        out.append(f"| {line.chip} | {line.column} | {kinds} | {count} | {line.reason or '**none**'} |")
    return "\n".join(out) + "\n"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %"


def show(scores: Sequence[Score], lines: Sequence[Line], rows: Mapping[str, int], seconds: float) -> None:
    """The score of each chip and in all."""
    unexplained = Counter[str]()
    for line in lines:
        unexplained[line.chip] += 0 if line.reason else line.survived
    table = Table(title="mutation score", title_justify="left")
    for i, head in enumerate(("chip", "rows", "mutations", "noticed", "score", "survivors without reason")):
        table.add_column(head, justify="right" if i else "left")
    for s in scores:
        table.add_row(
            s.chip, str(rows[s.chip]), f"{s.tried:,}", f"{s.killed:,}", _percent(s.killed, s.tried),
            str(unexplained[s.chip]),
        )  # fmt: skip
    killed, tried = sum(s.killed for s in scores), sum(s.tried for s in scores)
    total = (f"{tried:,}", f"{killed:,}", _percent(killed, tried), str(unexplained.total()))
    table.add_row("all", str(sum(rows.values())), *total, end_section=True)
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table)
    console.print(f"{seconds:.0f} seconds; survivors and reasons: {REPORT.relative_to(ROOT)}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Tamper cells of every chip and count those noticed.")
    parser.add_argument("--rows", type=int, default=LEAST_ROWS, help="least sampled rows per chip")
    parser.add_argument("--chip", action="append", help="only this chip; writes no file")
    arguments = parser.parse_args()
    start = time.perf_counter()
    traces = fill(execute(batch_of_every_chip())[1])
    reasons, used = read_reasons(), set[int]()
    scores, rows, lines = [], {}, []
    wanted = [t for t in traces.values() if not arguments.chip or t.chip.name in arguments.chip]
    for trace in track(wanted, "tampering", console=Console(stderr=True), transient=True):
        chosen = sample(trace, arguments.rows)
        score = mutate(trace, chosen)
        scores.append(score)
        rows[score.chip] = len(chosen)
        lines += explain(score, trace, reasons, used)
    show(scores, lines, rows, time.perf_counter() - start)
    bad = [line for line in lines if not line.reason]
    for line in bad:
        print(f"no reason: chip {line.chip}, column {line.column}: {line.survived} of {line.tried} survive "
              f"({', '.join(line.kinds)})", file=sys.stderr)  # fmt: skip
    if arguments.chip:
        return int(bool(bad))
    REPORT.write_text(report(scores, lines, rows))
    absent = [chip.name for chip in batch_machine().chips if chip.name not in traces]
    if absent:
        print(f"chips without rows in the batch: {', '.join(absent)}", file=sys.stderr)
    for reason in (r for r in reasons if id(r) not in used):
        print(f"unused reason: chip {reason.chip}, {', '.join(reason.columns)}", file=sys.stderr)
    return int(bool(bad or absent))


if __name__ == "__main__":
    sys.exit(main())
