"""One folder for all workers of a run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from interop.workshop import Workshop


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder: Path = shared / "interop"
    folder.mkdir(exist_ok=True)
    return Workshop(folder)
