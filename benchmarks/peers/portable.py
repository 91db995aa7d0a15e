"""zkroll's portable multiplication as a peer: `portable.py mul-fr THREADS PASSES A B` (see README.md).

It is a process of its own because Numba takes the processor to compile for from the environment.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from contest import repeated
from kernel_inputs import checksum

from zkroll.algebra.field import Block, address, fr


def main() -> int:
    if len(sys.argv) != 6 or sys.argv[1] != "mul-fr":
        print(json.dumps({"error": "expected mul-fr THREADS PASSES A B"}), flush=True)
        return 2
    passes = int(sys.argv[3])
    a, b = (_read(path) for path in sys.argv[4:])
    out = np.empty_like(a)
    loop = repeated(fr.kernels.mul)
    loop(address(out), address(a), address(b), len(out), 1)
    print(json.dumps({"ready": f"zkroll, {fr.backend}"}), flush=True)
    for line in sys.stdin:
        spent = []
        for _ in range(int(line)):
            start = time.perf_counter_ns()
            loop(address(out), address(a), address(b), len(out), passes)
            spent.append(time.perf_counter_ns() - start)
        print(json.dumps({"ns": spent, "result": checksum(fr, out, 8 * len(out))}), flush=True)
    return 0


def _read(path: str) -> Block:
    return fr.from_array(np.fromfile(path, dtype=np.uint64).reshape(-1, 4))


if __name__ == "__main__":
    sys.exit(main())
