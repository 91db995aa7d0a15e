"""Kernels of the same Python name, or with helpers of the same name, that other processes compiled stay apart.

Numba counts functions of one name, anew in every process. So two entries of the cache could define the same
symbol, and the process that loaded both ran one kernel with the other's helper: G2 sums were wrong after a G1
sum, once the two had been compiled in different processes.
"""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from zkroll.algebra.kernels import jit

def declare(name, factor):
    @jit.helper
    def scale(x):  # long, lest it be copied into its callers and have no symbol at all
        total = 0
        for i in range(x):
            for k in range(1, 9):
                if i % (k + 3) == 2:
                    total += i // k - i // (k + 1)
                elif i % (k + 5) == 4:
                    total ^= k * i % (k + 7)
                else:
                    total -= i * i % (k + 11)
        return factor * x + (total == -1)

    @jit.kernel("int64(int64)", name=name)
    def run(x):
        return scale(x) + scale(x + 1) + scale(x + 2) + scale(x + 3)

    return run

kernels = {name: declare(name, factor) for name, factor in (("twice", 2), ("thrice", 3)) if name in sys.argv}
print([kernel(10) for kernel in kernels.values()], sum(sum(k.stats.cache_hits.values()) for k in kernels.values()))
"""


def test_kernels_compiled_in_different_processes_keep_their_own_helpers(tmp_path, monkeypatch):
    monkeypatch.setenv("ZKROLL_CACHE_DIR", str(tmp_path / "cache"))
    # a file, because the fingerprint covers the source
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)

    def run(*names: str) -> str:
        command = [sys.executable, str(program), *names]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout

    assert run("twice") == "[92] 0\n"
    assert run("thrice") == "[138] 0\n"
    assert run("twice", "thrice") == "[92, 138] 2\n"
