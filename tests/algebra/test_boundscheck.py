"""Kernels stay within their arrays: with the compiler off NumPy checks every index, else Numba's bounds checks do.

Neither sees what is read and written by raw addresses of blocks; forbidden pages beside the arrays do.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from zkroll.algebra import selftest
from zkroll.algebra.kernels.jit import host_backend

SCRIPT = Path(__file__).parents[1] / "support" / "kernel_checks.py"
HOST = host_backend()
BACKENDS = [HOST] if HOST == "portable" else [HOST, pytest.param("portable", marks=pytest.mark.slow)]
ALL = [*selftest.CHECKS, *selftest.LONGER]


def run(names, **settings):
    environment = {**os.environ, **settings}
    command = [sys.executable, str(SCRIPT), *names]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", ALL)
def test_kernels_give_known_answers(name):
    (outcome,) = selftest.run([name])
    assert outcome.ok, outcome.message


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_kernels_stay_within_their_arrays_as_plain_python(backend):
    found = run(ALL, NUMBA_DISABLE_JIT="1", ZKROLL_BACKEND=backend)
    assert found == dict.fromkeys(ALL, "")


QUICK = ["conversion", "division", "keccak"]


def test_kernels_stay_within_their_arrays_with_bounds_checks():
    assert run(QUICK, NUMBA_BOUNDSCHECK="1") == dict.fromkeys(QUICK, "")


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_all_kernels_stay_within_their_arrays_with_bounds_checks(backend):
    found = run(ALL, NUMBA_BOUNDSCHECK="1", ZKROLL_BACKEND=backend)
    assert found == dict.fromkeys(ALL, "")


BEYOND = """
import numpy as np
from zkroll.algebra.kernels import jit

@jit.kernel("uint64(const_uint64[::1], int64)", name="test_beyond")
def item(values, at):
    return values[at]

print(int(item(np.arange(2**20, dtype=np.uint64)[:5], {at})))
"""


@pytest.mark.parametrize("setting", ["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"])
@pytest.mark.parametrize(("at", "status"), [(4, 0), (5, 1), (-6, 1)])
def test_an_access_out_of_bounds_is_found(tmp_path, setting, at, status):
    environment = {**os.environ, setting: "1", "ZKROLL_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", BEYOND.format(at=at)]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "IndexError" in done.stderr) == (status, bool(status)), done.stderr


def test_a_check_reports_what_went_wrong(monkeypatch):
    def fail():
        selftest._same("two", 2, 3)

    monkeypatch.setitem(selftest.CHECKS, "failing", fail)
    monkeypatch.setitem(selftest.CHECKS, "broken", lambda: np.zeros(3)[4])
    failing, broken = selftest.run(["failing", "broken"])
    assert not failing.ok
    assert failing.message == "VerificationError: two: expected 3, got 2"
    assert broken.message.startswith("IndexError")


@pytest.mark.skipif(sys.platform != "linux", reason="protects pages by mprotect")
@pytest.mark.parametrize("side", ["after", "before"])
def test_kernels_stay_within_their_arrays_beside_forbidden_pages(side):
    assert run(["--guard", side, *ALL]) == dict.fromkeys(ALL, "")


TOUCHING = """
import sys
sys.path.insert(0, {folder!r})
import kernel_checks, numpy as np
from zkroll.algebra.field import fr
kernel_checks.guard_allocations(before=False)
a = np.zeros((2, 5, 8), dtype=np.uint64)
fr.kernels.mul(a.ctypes.data, a.ctypes.data, 1, a.ctypes.data, 1, 0, {blocks})
"""


@pytest.mark.skipif(sys.platform != "linux", reason="protects pages by mprotect")
@pytest.mark.parametrize(("blocks", "ends"), [(2, False), (3, True)])
def test_forbidden_pages_find_a_block_too_many(blocks, ends):
    program = TOUCHING.format(folder=str(SCRIPT.parent), blocks=blocks)
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, timeout=60)
    assert (done.returncode == -signal.SIGSEGV) is ends, done.stderr
