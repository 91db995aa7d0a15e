"""npm packages that tests run as separate programs: in build/snarkjs, or the folder that ZKROLL_SNARKJS names.

To install them:  npm install --no-save --prefix build/snarkjs snarkjs@0.7.6 circom2 circomlib
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = (
    Path(os.environ.get("ZKROLL_SNARKJS", Path(__file__).resolve().parents[2] / "build/snarkjs"))
    / "node_modules"
)

needs_packages = pytest.mark.skipif(
    shutil.which("node") is None
    or not all((FOLDER / name).exists() for name in ("snarkjs", "circom2", "circomlib")),
    reason="needs node and the npm packages snarkjs, circom2 and circomlib in build/snarkjs",
)


def snarkjs(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run snarkjs and return what it printed."""
    command = ["node", str(FOLDER / ".bin/snarkjs"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
