"""What proving the example batch costs: time, memory, cells, by stage, by chip and by size.

    python benchmarks/batch.py [--json FILE]          (or: make bench)

Every proof is made by a process of its own, `zkroll prove --json`, from start to proof on disk. The first run
finds empty cache folders (no compiled kernels, no reference string), the others what it left there. A second
and a third batch repeat the example's transactions twice and four times with continued nonces. Nothing here
is a test: the tables show figures and judge none.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from zkroll.circuits.air.expr import Stage
from zkroll.circuits.air.witness import chip_height
from zkroll.circuits.machine import batch_machine
from zkroll.rollup.batch import Batch, read_batch
from zkroll.rollup.development import WALLETS
from zkroll.rollup.proof import BatchProof
from zkroll.rollup.verify import verify_proof
from zkroll.rollup.wallet import insecure_dev_wallet

EXAMPLE = Path(__file__).parents[1] / "examples" / "erc20" / "batch.json"
REPEATS = (1, 2, 4)

Report = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One process: wall seconds from start to exit, processor seconds, largest resident bytes, its JSON."""

    seconds: float
    processor_seconds: float
    peak_bytes: int
    report: Report


class Zkroll:
    """Runs the command with cache folders inside one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        caches = {"ZKROLL_CACHE_DIR": str(folder / "kernels"), "ZKROLL_CACHE": str(folder / "cache")}
        self.environment = {**os.environ, **caches}

    def __call__(self, *words: str | Path) -> Run:
        command = [sys.executable, "-m", "zkroll", *map(str, words), "--json"]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            start = time.perf_counter()
            process = subprocess.Popen(command, stdout=out, stderr=errors, env=self.environment)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            errors.seek(0)
            if process.returncode:
                sys.exit(f"{' '.join(command)}: exit code {process.returncode}\n{errors.read().decode()}")
            report = json.load(out)
        return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, report)


def repeated(batch: Batch, times: int) -> Batch:
    """The batch with its transactions `times` times over, nonces continued and signed anew."""
    wallets = {wallet.address: wallet for wallet in map(insecure_dev_wallet, range(WALLETS))}
    per_round = Counter(signed.transaction.sender for signed in batch.transactions)
    transactions = []
    for turn in range(times):
        for signed in batch.transactions:
            plain = signed.transaction
            plain = replace(plain, nonce=plain.nonce + turn * per_round[plain.sender])
            transactions.append(wallets[plain.sender].sign(plain, batch.chain_id))
    return replace(batch, transactions=tuple(transactions))


def sizes(rows: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Rows, height, committed columns and cells of each chip that has rows."""
    found = {}
    for layout in batch_machine().layouts:
        if layout.name in rows:
            height = chip_height(layout.air, rows[layout.name])
            columns = layout.widths[Stage.MAIN] + layout.logup.width + layout.quotient_pieces
            found[layout.name] = {
                "rows": rows[layout.name], "height": height, "columns": columns, "cells": height * columns,
            }  # fmt: skip
    return found


def verification(zkroll: Zkroll, proof: Path, folder: Path) -> dict[str, Any]:
    """Seconds to verify the proof: against L1 by the command, and in a process that has the key."""
    l1 = folder / "l1"
    zkroll("l1", "deploy", "--l1", l1)
    zkroll("l1", "post", proof, "--l1", l1)
    command = zkroll("verify", proof, "--l1", l1)
    os.environ.update(ZKROLL_CACHE_DIR=str(folder / "kernels"), ZKROLL_CACHE=str(folder / "cache"))
    parsed = BatchProof.from_bytes(proof.read_bytes())
    seconds = []
    for _ in range(3):  # the first makes the key and compiles what the process has not compiled yet
        start = time.perf_counter()
        verify_proof(parsed)
        seconds.append(time.perf_counter() - start)
    return {
        "command_seconds": command.seconds,
        "first_seconds": seconds[0],
        "seconds": min(seconds[1:]),
        "proof_file_bytes": proof.stat().st_size,
        "inner_proof_bytes": len(parsed.inner),
    }


def measure(folder: Path) -> dict[str, Any]:
    """All figures, as plain data."""
    zkroll = Zkroll(folder)
    batch = read_batch(EXAMPLE)
    cold = zkroll("prove", EXAMPLE, "-o", folder / "cold.zkp")
    runs = {}
    for times in REPEATS:
        path = folder / f"batch-{times}.json"
        path.write_bytes(repeated(batch, times).to_json())
        runs[times] = zkroll("prove", path, "-o", folder / f"{times}.zkp")
    return {
        "load_average": os.getloadavg()[0],
        "cold": asdict(cold),
        "runs": {str(times): asdict(run) for times, run in runs.items()},
        "chips": sizes(runs[REPEATS[0]].report["rows"]),
        "verification": verification(zkroll, folder / f"{REPEATS[0]}.zkp", folder),
    }


def rate(run: Mapping[str, Any]) -> float:
    """EVM steps per second of the whole process and per core."""
    report = run["report"]
    return float(report["evm_steps"] / run["seconds"] / report["cores"])


def witness_share(report: Mapping[str, Any]) -> float:
    """Percent of the proof's seconds, in process, that execution and witness take."""
    return float(100 * (report["stages"]["execute"] + report["stages"]["witness"]) / report["seconds"])


def _table(console: Console, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    console.print(f"\n[bold]{title}[/bold]")
    table = Table()
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if i else "left", no_wrap=True)
    for row in rows:
        table.add_row(*map(str, row))
    console.print(table)


def _mib(count: float) -> str:
    return f"{count / 2**20:,.0f} MiB"


def show(figures: Mapping[str, Any], console: Console) -> None:
    """One table each for the whole, the stages, the chips, the sizes, the start and the verification."""
    warm = figures["runs"][str(REPEATS[0])]
    report = warm["report"]
    stages: dict[str, float] = report["stages"]
    _table(console, "the example batch, process start to proof on disk", ("figure", "value"), [
        ("EVM steps", f"{report['evm_steps']:,}"), ("transactions", report["transactions"]),
        ("seconds", f"{warm['seconds']:.2f}"), ("cores", report["cores"]),
        ("EVM steps per second and core", f"{rate(warm):.1f}"),
        ("processor seconds", f"{warm['processor_seconds']:.2f}"),
        ("cells committed", f"{report['cells']:,}"),
        ("cells per EVM step", f"{report['cells'] / report['evm_steps']:,.0f}"),
        ("peak memory", _mib(warm["peak_bytes"])),
        ("witness share (execute, witness)", f"{witness_share(report):.1f} %"),
        ("load average of the machine", f"{figures['load_average']:.2f}"),
    ])  # fmt: skip
    outside = warm["seconds"] - report["seconds"]
    timed = [*stages.items(), ("start, reading, writing", outside)]
    _table(console, "seconds by stage", ("stage", "seconds", "share"), [
        (name, f"{s:.2f}", f"{100 * s / warm['seconds']:.1f} %") for name, s in timed
    ])  # fmt: skip
    _show_chips(figures, console)
    first = warm["seconds"]
    _table(
        console, "growth: the example's transactions repeated",
        ("batch", "transactions", "EVM steps", "seconds", "ratio", "ms per step", "steps/s/core", "cells",
         "cells per step", "witness share", "peak memory"),
        [(f"{times}x", run["report"]["transactions"], f"{run['report']['evm_steps']:,}", f"{run['seconds']:.2f}",
          f"{run['seconds'] / first:.2f}", f"{1000 * run['seconds'] / run['report']['evm_steps']:.2f}",
          f"{rate(run):.1f}", f"{run['report']['cells']:,}",
          f"{run['report']['cells'] / run['report']['evm_steps']:,.0f}", f"{witness_share(run['report']):.1f} %", _mib(run["peak_bytes"]))
         for times, run in figures["runs"].items()],
    )  # fmt: skip
    cold = figures["cold"]["seconds"]
    _table(console, "start with empty caches", ("start", "seconds"), [
        ("cold: kernels compiled, reference string made", f"{cold:.2f}"), ("warm", f"{first:.2f}"),
        ("difference", f"{cold - first:.2f}"),
    ])  # fmt: skip
    verified = figures["verification"]
    _table(console, "verification", ("figure", "value"), [
        ("seconds, key at hand", f"{verified['seconds']:.2f}"),
        ("seconds, first in a process", f"{verified['first_seconds']:.2f}"),
        ("seconds of `zkroll verify` against L1", f"{verified['command_seconds']:.2f}"),
        ("proof file", f"{verified['proof_file_bytes']:,} bytes"),
        ("inner proof", f"{verified['inner_proof_bytes']:,} bytes"),
    ])  # fmt: skip


def _show_chips(figures: Mapping[str, Any], console: Console) -> None:
    report = figures["runs"][str(REPEATS[0])]["report"]
    parts = list(dict.fromkeys(stage for row in report["chips"].values() for stage in row))
    total = sum(chip["cells"] for chip in figures["chips"].values())
    rows = []
    for name, chip in sorted(figures["chips"].items(), key=lambda item: -item[1]["cells"]):
        seconds = report["chips"].get(name, {})
        rows.append((
            name, f"{chip['rows']:,}", f"{chip['height']:,}", chip["columns"], f"{chip['cells']:,}",
            f"{100 * chip['cells'] / total:.1f} %", *(f"{seconds.get(part, 0.0):.2f}" for part in parts),
            f"{sum(seconds.values()):.2f}",
        ))  # fmt: skip
    heads = ("chip", "rows", "height", "columns", "cells", "share", *parts, "all")
    _table(console, "rows, cells and seconds by chip", heads, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what proving the example batch costs.")
    parser.add_argument("--json", metavar="FILE", help="also write the figures to a file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zkroll-bench-") as folder:
        figures = measure(Path(folder))
    console = Console(width=None if sys.stdout.isatty() else 160)
    show(figures, console)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
