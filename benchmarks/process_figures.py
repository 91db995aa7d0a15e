"""Figures that need a process of their own: the memory of an MSM, the start with and without compiled kernels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from kernel_inputs import Inputs

from zkroll.algebra.field import fr

Item = dict[str, Any]


def msm_memory(inputs: Inputs, log_n: int) -> list[Item]:
    """What one MSM holds at its peak beyond points and scalars, in percent of these; nothing without /proc."""
    if not Path("/proc/self/clear_refs").exists():
        return []
    n = 1 << log_n
    rows, scalars = inputs.folder / "memory-points.npy", inputs.folder / "memory-scalars.npy"
    np.save(rows, inputs.points_g1(n).rows)
    np.save(scalars, inputs.elements(fr, n, "scalars"))
    command = [sys.executable, __file__, str(rows), str(scalars)]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    share = 100 * found["peak_bytes"] / found["input_bytes"]
    text = f"{share:.0f} % ({found['peak_bytes'] / 2**20:.0f} of {found['input_bytes'] / 2**20:.0f} MiB)"
    name = f"memory of MSM G1 2^{log_n} over its inputs"
    return [{"figure": name, "value": share, "text": text, "goal": "40 %", **found}]


def start_seconds(folder: Path) -> list[Item]:
    """Seconds until every kernel is ready, with an empty folder of compiled kernels and with a full one."""
    script = "from zkroll.algebra.kernels import jit; jit.warm_up()"
    environment = {**os.environ, "ZKROLL_CACHE_DIR": str(folder / "start")}
    items = []
    for name, goal, runs in (("cold start, every kernel compiled", "20 s", 1), ("warm start", "1 s", 5)):
        spent = []
        for _ in range(runs):
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-c", script], check=True, env=environment,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            spent.append(time.perf_counter() - start)
        seconds = sorted(spent)[runs // 2]
        items.append({"figure": name, "value": seconds, "text": f"{seconds:.2f} s", "goal": goal})
    return items


def _peak(rows: str, scalars: str) -> dict[str, int]:
    """In a process of its own: bytes that an MSM adds to what it is given."""
    from zkroll.algebra.curve import G1Points
    from zkroll.algebra.msm import msm_g1

    points, factors = G1Points(np.load(rows)), np.load(scalars)
    msm_g1(points[:4096], factors[:512])  # kernels and threads, which are not the sum's
    Path("/proc/self/clear_refs").write_text("5")  # the highest mark falls to what is resident now
    before = _status("VmHWM")
    msm_g1(points, factors)
    return {"peak_bytes": _status("VmHWM") - before, "input_bytes": points.rows.nbytes + factors.nbytes}


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0]) * 1024
    raise LookupError(key)


if __name__ == "__main__":
    print(json.dumps(_peak(*sys.argv[1:])))
