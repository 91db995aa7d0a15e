"""Prove, check and measure a batch: execution, witness and inner proof in one call each."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from zkroll.algebra import kzg
from zkroll.algebra.kernels.threads import thread_count
from zkroll.circuits.air.check import Violation, check
from zkroll.circuits.air.expr import Stage
from zkroll.circuits.air.witness import FREE, ChipTrace, FillContext, chip_height, fill_chips
from zkroll.circuits.buses import PUBLIC
from zkroll.circuits.chips.cpu.support import check_supported
from zkroll.circuits.machine import batch_machine
from zkroll.circuits.profiles import shape, smallest_profile
from zkroll.circuits.source import BatchTrace
from zkroll.errors import UnprovableError
from zkroll.prover.keys import ProvingKey, make_proving_key
from zkroll.prover.prove import prove
from zkroll.rollup.batch import Batch
from zkroll.rollup.executor import ExecutedBatch, execute_batch
from zkroll.rollup.genesis import build_state
from zkroll.rollup.proof import BatchProof
from zkroll.rollup.witness import batch_trace
from zkroll.verifier.packing import CommitStage, stage_width

#: (stage, percent of the stage done, seconds since the start)
Progress = Callable[[str, float, float], None]

#: powers of tau of the development reference string: commitments of up to this many cells
DEVELOPMENT_POWERS: Final = 1 << 20

#: prover memory per committed cell: values and coefficients of 40 bytes each, and one coset of a chip
CELL_BYTES: Final = 120


def public_tuples(values: tuple[int, ...] | list[int]) -> list[tuple[Any, tuple[int, ...]]]:
    """What the verifier puts on the buses for these public values."""
    return [(PUBLIC, (i, value)) for i, value in enumerate(values)]


def cache_folder() -> Path:
    """Where the development reference string is kept: ZKROLL_CACHE, or the user's cache folder."""
    named = os.environ.get("ZKROLL_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zkroll"


def development_srs() -> kzg.SRS:
    """The INSECURE development reference string, from the cache or made anew."""
    return kzg.development_srs(DEVELOPMENT_POWERS, cache_folder() / "development-insecure.srs")


_KEYS: dict[bytes, ProvingKey] = {}  # by digest of the reference string


def proving_key(srs: kzg.SRS | None = None) -> ProvingKey:
    """The batch machine's key for a reference string (default: development), kept for the process."""
    srs = srs or development_srs()
    if srs.digest not in _KEYS:
        _KEYS[srs.digest] = make_proving_key(batch_machine(), srs)
    return _KEYS[srs.digest]


class _Stages:
    """Seconds by stage and by chip, from the events that the prover gives."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._start = self._last = time.perf_counter()
        self._current = ("", "")
        self.stages: dict[str, float] = {}
        self.chips: dict[str, dict[str, float]] = {}

    def __call__(self, stage: str, fraction: float, chip: str = "") -> None:
        now = time.perf_counter()
        before, worked_on = self._current
        if before:
            self.stages[before] = self.stages.get(before, 0.0) + now - self._last
        if worked_on:
            row = self.chips.setdefault(worked_on, {})
            row[before] = row.get(before, 0.0) + now - self._last
        self._last, self._current = now, (stage, chip)
        if self._progress is not None:
            if before and before != stage:
                self._progress(before, 100.0, now - self._start)
            if stage:
                self._progress(stage, 100.0 * fraction, now - self._start)

    def finish(self) -> float:
        """Close the last stage; seconds since the start."""
        self("", 0.0)
        return self._last - self._start


def execute(batch: Batch) -> tuple[ExecutedBatch, BatchTrace]:
    """Execute a batch and give what the chips read.

    Raises InputError for an invalid transaction and UnprovableError for an opcode without a chip.
    """
    executed = execute_batch(batch)
    check_supported(executed.trace)
    return executed, batch_trace(executed)


def fill(
    trace: BatchTrace,
    progress: Callable[[str, float, str], None] | None = None,
    profile: str | None = None,
) -> dict[str, ChipTrace]:
    """The columns of all chips for an executed batch, as high as their rows or as the profile says.

    Raises UnprovableError for a batch that does not fit the profile.
    """
    ctx = FillContext(trace, trace.public_values(), FREE if profile is None else shape(profile))
    machine = batch_machine()
    return fill_chips(machine.chips, ctx, progress) if progress else fill_chips(machine.chips, ctx)


def prove_batch(
    batch: Batch,
    srs: kzg.SRS | None = None,
    progress: Progress | None = None,
    profile: str | None = None,
) -> BatchProof:
    """Execute, trace and prove a batch. ``report`` of the result says what it took.

    A proof that is to be wrapped needs a profile (``circuits.profiles``), which fixes the height of every chip;
    without one the heights are those of the batch's rows, which is the least work. Raises UnprovableError for a
    batch that does not fit the profile.
    """
    stages = _Stages(progress)
    stages("setup", 0.0)
    key = proving_key(srs)
    stages("execute", 0.0)
    executed, trace = execute(batch)
    traces = fill(trace, stages, profile)
    values = trace.public_values()
    inner = prove(key, traces, values, progress=stages).to_bytes()
    seconds = stages.finish()
    report = {
        "evm_steps": len(executed.trace.steps),
        "transactions": len(batch.transactions),
        "profile": profile,
        "cells": committed_cells(traces, key),
        "seconds": seconds,
        "stages": stages.stages,
        "chips": stages.chips,
        "rows": {name: chip.rows for name, chip in traces.items()},
        "cores": thread_count(None),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "old_root": f"0x{values[0]:064x}",
        "new_root": f"0x{values[1]:064x}",
        "insecure_setup": key.vk.insecure,
        "proof_bytes": len(inner),
    }
    return BatchProof(key.vk.digest, tuple(values), trace.data, inner, report)


def committed_cells(traces: Mapping[str, ChipTrace], key: ProvingKey) -> int:
    """Cells under the proof's commitments: main, bus and quotient columns, without blinding."""
    return sum(
        trace.height * stage_width(layout, stage)
        for layout in key.vk.machine.layouts
        for stage in (CommitStage.MAIN, CommitStage.HELPER, CommitStage.QUOTIENT)
        if (trace := traces.get(layout.name)) is not None
    )


def check_batch(batch: Batch) -> list[Violation]:
    """Every violated constraint and unbalanced bus tuple of a batch's trace; empty for a sound one."""
    _, trace = execute(batch)
    return check(fill(trace), public_tuples(trace.public_values()))


def capacity(batch: Batch) -> dict[str, Any]:
    """Rows per chip, in all and per transaction, the cells and memory that a proof will take, and the profile.

    ``profile`` is the smallest one that the batch fits, None where it fits none; ``misfit`` then says why.

    The rows of a transaction are those of a batch of that transaction alone, on the state that the ones
    before it leave: what transactions share (code, touched leaves) is counted for each of them.
    """
    machine = batch_machine()
    executed, trace = execute(batch)
    del executed
    traces = fill(trace)
    totals = {name: chip.rows for name, chip in traces.items()}
    fits, misfit = None, None
    try:
        fits = smallest_profile(traces)
    except UnprovableError as error:
        misfit = str(error)
    variable = [chip for chip in machine.chips if chip.fixed_height is None]
    state = build_state(batch.pre_state)
    # the messages, which come before all transactions
    execute_batch(replace(batch, transactions=(), registrations=None), state)
    per_transaction = []
    for signed in batch.transactions:
        single = replace(batch, transactions=(signed,), registrations=None, messages=())
        alone = batch_trace(execute_batch(single, state))
        rows = fill_chips(variable, FillContext(alone, alone.public_values()))
        per_transaction.append({name: chip.rows for name, chip in rows.items()})
    chips = {}
    for layout in machine.layouts:
        if layout.name not in totals:
            continue
        height = chip_height(layout.air, totals[layout.name])
        width = layout.widths[Stage.MAIN] + layout.logup.width + layout.quotient_pieces
        chips[layout.name] = {
            "rows": totals[layout.name], "height": height, "columns": width, "cells": height * width,
            "degree": layout.degree,
        }  # fmt: skip
    cells = sum(chip["cells"] for chip in chips.values())
    return {
        "chips": chips,
        "transactions": per_transaction,
        "cells": cells,
        "memory_bytes": cells * CELL_BYTES,
        "profile": fits,
        "misfit": misfit,
    }
