"""Run programs one after the other and measure each: wall time and peak memory, as the system counts it.

Commands come as lines of JSON on standard input, and figures go out as such. This is a process of its own, with few
modules, because Linux counts what a process held before it became another program in that program's peak too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time

_LINES = 5  # of what a failing program said


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        with tempfile.TemporaryFile() as said:
            start = time.perf_counter_ns()
            child = subprocess.Popen(
                asked["command"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
                env={**os.environ, **asked["environment"]},
            )  # fmt: skip
            _, status, usage = os.wait4(child.pid, 0)
            spent = time.perf_counter_ns() - start
            child.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            text = said.read().decode(errors="replace")
        figures = {
            "ns": spent, "peak_bytes": usage.ru_maxrss * 1024, "code": child.returncode,
            "said": "\n".join(text.splitlines()[-_LINES:]),
        }  # fmt: skip
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
