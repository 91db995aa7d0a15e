"""npm packages that tests run as separate programs, installed into the build folder on first use."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "build/npm"


def program(package: str, version: str, name: str) -> Path:
    """The path of a package's program; skips the test where there is no npm or it cannot be installed."""
    path = FOLDER / "node_modules/.bin" / name
    if not path.exists():
        if shutil.which("npm") is None:
            pytest.skip("needs npm")
        command = ["npm", "install", "--silent", "--no-save", "--prefix", str(FOLDER), f"{package}@{version}"]
        if (
            subprocess.run(command, capture_output=True, check=False, timeout=300).returncode
            or not path.exists()
        ):
            pytest.skip(f"npm cannot install {package}")
    return path


def snarkjs(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run snarkjs and return what it printed."""
    path = program("snarkjs", "0.7.6", "snarkjs")
    command = ["node", str(path.resolve()), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
