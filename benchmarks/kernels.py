"""What the BN254 kernels take, beside the time of their multiplications and beside other libraries.

    python benchmarks/kernels.py [--quick] [--only PATTERN] [--threads N] [--peer NAME=PATH]...
                                 [--json FILE] [--markdown FILE]

The limit of a row is its field multiplications at the rate of a plain multiplication loop measured around it,
on as many threads. Peers (peers/README.md) run in turns with ours, on the same inputs, and must give the same
result: the exit code is 1 if one does not. Figures to reach are for two cores with AVX-512 IFMA.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from contest import Contestant, PeerError, Process, Rate, Samples, contest, paired
from kernel_cases import Case, Row, rows
from kernel_inputs import Inputs
from process_figures import msm_memory, start_seconds
from rich.console import Console
from rich.table import Table

from zkroll.algebra.field import fr
from zkroll.algebra.kernels.threads import core_count

ROUNDS, QUICK_ROUNDS = 9, 3
Report = dict[str, Any]


def measure(
    row: Row, inputs: Inputs, rates: Mapping[int, Rate], threads: int, peers: Mapping[str, str], rounds: int
) -> Report:
    """Run one row and return its figures, times in nanoseconds per unit."""
    case = row.make(inputs, threads)
    rivals: dict[str, Contestant] = {}
    try:
        for name, path in peers.items() if case.task else ():
            try:
                rivals[name] = Process([path, case.task[0], str(case.threads), *case.task[1:]])
            except PeerError:
                continue  # the library has no such function
        samples = contest(case.ours, rivals, rates[case.threads], rounds)
    finally:
        for contestant in (case.ours, *rivals.values()):
            contestant.close()
    return figures(row, case, samples)


def figures(row: Row, case: Case, samples: Samples) -> Report:
    """The figures of one row from its samples; the least times count where other programs disturb."""
    ours = [ns / case.units for ns in samples.ours]
    found: Report = {
        "kernel": row.name, "size": row.size, "threads": case.threads, "rounds": len(ours), "ns": median(ours),
        "least_ns": min(ours), "goal_ns": case.goal, "multiplications": case.work, "derivation": case.why,
        "multiplication_ns": median(samples.rates), "limit_ns": None, "over_limit": None, "goal_ratio": case.goal_ratio, "peers": {},
    }  # fmt: skip
    if case.work is not None:
        limits = [case.work * rate / case.threads for rate in samples.rates]
        found |= {"limit_ns": median(limits), "over_limit": paired(ours, limits)}
    for name, spent in samples.peers.items():
        theirs = [ns / case.units for ns in spent]
        found["peers"][name] = {
            "ns": median(theirs), "least_ns": min(theirs), "ratio": paired(theirs, ours),
            "ratio_of_least": min(theirs) / min(ours), "agrees": name not in samples.wrong,
        }  # fmt: skip
    return found


def time_text(ns: float | None) -> str:
    """Nanoseconds with three digits and a unit that fits."""
    if ns is None:
        return "–"
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns:.3g} ns"


def goal_text(ns: float | None, ratio: float | None) -> str:
    """The figure to reach: a time, or the best peer's time over ours, or both."""
    parts = [time_text(ns)] if ns is not None else []
    if ratio is not None:
        parts.append(f"peer/ours {ratio:.2g}")
    return ", ".join(parts) or "–"


def count_text(count: float | None) -> str:
    """A number of multiplications, large ones with three digits."""
    if count is None:
        return "–"
    for unit, size in (("G", 1e9), ("M", 1e6)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:,.0f}"


def kernel_table(rows: Sequence[Report], peers: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Heads and cells of the table of kernels; "×" is a peer's time over ours, by rounds and of the least."""
    heads = ["kernel", "size", "cores", "ours", "least", "to reach", "muls", "one mul", "limit", "ours/limit"]
    for name in peers:
        heads += [name, "×", "× least"]
    lines = []
    for row in rows:
        over = row["over_limit"]
        cells = [
            row["kernel"], row["size"], str(row["threads"]), time_text(row["ns"]), time_text(row["least_ns"]),
            goal_text(row["goal_ns"], row["goal_ratio"]), count_text(row["multiplications"]),
            time_text(row["multiplication_ns"]), time_text(row["limit_ns"]), "–" if over is None else f"{over:.2f}",
        ]  # fmt: skip
        for name in peers:
            peer = row["peers"].get(name)
            if peer is None:
                cells += ["–"] * 3
            else:
                ratio = f"{peer['ratio']:.2f}" if peer["agrees"] else "DIFFERS"
                cells += [time_text(peer["ns"]), ratio, f"{peer['ratio_of_least']:.2f}"]
        lines.append(cells)
    return heads, lines


def tables(report: Report, peers: Sequence[str]) -> list[tuple[str, list[str], list[list[str]]]]:
    """Titles, heads and cells: the kernels, where the counts come from, and the figures of whole processes."""
    counted = [row for row in report["kernels"] if row["multiplications"] is not None]
    counts = [
        [row["kernel"], row["size"], f"{row['multiplications']:,.0f}", row["derivation"]] for row in counted
    ]
    whole = [[item["figure"], item["text"], item["goal"]] for item in report["processes"]]
    found = [
        ("kernels, medians", *kernel_table(report["kernels"], peers)),
        ("where the multiplications come from", ["kernel", "size", "muls", "derivation"], counts),
        ("whole processes", ["figure", "value", "to reach"], whole),
    ]
    return [each for each in found if each[2]]


def show(report: Report, peers: Sequence[str], console: Console) -> None:
    """Print the tables."""
    for title, heads, lines in tables(report, peers):
        table = Table(title=title, title_justify="left")
        for i, head in enumerate(heads):
            table.add_column(
                head, justify="left" if i == 0 or head == "derivation" else "right", no_wrap=True
            )
        for cells in lines:
            table.add_row(*cells)
        console.print(table)


def markdown(report: Report, peers: Sequence[str]) -> str:
    """The tables as Markdown."""
    parts = []
    for title, heads, lines in tables(report, peers):
        rows = [heads, ["---"] * len(heads), *lines]
        parts.append(f"## {title}\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n")
    return "\n".join(parts)


def _peers(words: Sequence[str]) -> dict[str, str]:
    found = {}
    for word in words:
        name, _, path = word.partition("=")
        if not name or not os.access(path, os.X_OK) or os.path.isdir(path):
            sys.exit(f"--peer: expected NAME=PATH of an executable, got {word!r}")
        found[name] = os.path.abspath(path)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the BN254 kernels.")
    parser.add_argument("--quick", action="store_true", help="few rounds, no row that takes long")
    parser.add_argument(
        "--only", metavar="PATTERN", help="only rows whose name and size match, as '*MSM*2^16'"
    )
    parser.add_argument(
        "--threads", type=int, default=core_count(), help="threads where a kernel takes several"
    )
    parser.add_argument(
        "--peer", action="append", default=[], metavar="NAME=PATH", help="a program to compare with"
    )
    parser.add_argument("--json", metavar="FILE", help="also write the figures to a file")
    parser.add_argument("--markdown", metavar="FILE", help="also write the tables to a file")
    arguments = parser.parse_args()
    if arguments.threads < 1:
        parser.error("--threads: expected at least 1")
    peers = _peers(arguments.peer)
    rates = {threads: Rate(fr, threads) for threads in {1, arguments.threads}}
    console = Console(width=None if sys.stdout.isatty() else 240)
    report: Report = {"load_average": os.getloadavg()[0], "kernels": [], "processes": []}
    rounds = QUICK_ROUNDS if arguments.quick else ROUNDS
    with tempfile.TemporaryDirectory(prefix="zkroll-bench-") as folder:
        inputs = Inputs(Path(folder))
        for row in rows():
            chosen = arguments.only is None or fnmatch.fnmatchcase(row.label, arguments.only)
            if chosen and not (row.long and arguments.quick):
                print(f"{row.label} …", file=sys.stderr)
                report["kernels"].append(measure(row, inputs, rates, arguments.threads, peers, rounds))
        if arguments.only is None:
            print("whole processes …", file=sys.stderr)
            log_n = 16 if arguments.quick else 20
            report["processes"] = [
                *msm_memory(inputs, log_n),
                *([] if arguments.quick else start_seconds(Path(folder))),
            ]
    show(report, list(peers), console)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(report, indent=2) + "\n")
    if arguments.markdown:
        Path(arguments.markdown).write_text(markdown(report, list(peers)))
    wrong = [
        (row["kernel"], peer)
        for row in report["kernels"]
        for peer, of in row["peers"].items()
        if not of["agrees"]
    ]
    for kernel, peer in wrong:
        print(f"{kernel}: {peer} gives another result", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
