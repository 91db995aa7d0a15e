"""zkroll doctor reports the machine and the kernels, and fails when they compute something else."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from zkroll.algebra import selftest
from zkroll.algebra.kernels import jit
from zkroll.errors import VerificationError
from zkroll.rollup.cli.outcome import run_command


class Kernel:
    """Stands for a compiled kernel."""

    overloads = True
    is_cached = True

    def ready(self) -> None:
        """Nothing to do."""


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Kernel]:
    """Two kernels, and one check that they pass."""
    found = {"one": Kernel(), "two": Kernel()}
    monkeypatch.setattr(jit, "declare_all", lambda: found)
    monkeypatch.setattr(selftest, "CHECKS", {"easy": lambda: None})
    monkeypatch.setenv("ZKROLL_CACHE_DIR", str(tmp_path / "cache"))
    return found


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_document_names_processor_back_end_threads_cache_kernels_and_self_test(
    kernels: dict[str, Kernel], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run_command(["doctor", "--json"]) == 0
    found = document(capsys)
    assert found["backend"] == jit.host_backend()
    assert found["processor"]
    assert isinstance(found["processor_features"], list)
    assert found["cores"] >= 1
    assert (found["kernel_cache"], found["kernel_cache_writable"]) == (str(tmp_path / "cache"), True)
    assert (found["kernel_cache_entries"], found["kernel_cache_bytes"]) == (0, 0)
    assert (found["kernels_compiled"], found["kernels"]) == (2, 2)
    assert found["load_seconds"] >= 0
    assert found["self_test"].pop("seconds") >= 0
    assert found["self_test"] == {"ok": True, "checks": 1, "wrong": {}}


def test_text_has_the_same(kernels: dict[str, Kernel], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["doctor"]) == 0
    out = capsys.readouterr().out
    assert f"{jit.host_backend()}: {jit.backend_reason()}" in out
    assert "2 of 2 compiled" in out
    assert "passed: 1 checks" in out


def test_self_test_waits_until_all_kernels_are_compiled(
    kernels: dict[str, Kernel], capsys: pytest.CaptureFixture[str]
) -> None:
    kernels["two"].overloads = kernels["two"].is_cached = False
    assert run_command(["doctor", "--json"]) == 0
    found = document(capsys)
    assert (found["kernels_compiled"], found["self_test"]["ok"]) == (1, None)
    assert run_command(["doctor"]) == 0
    assert "--warm-up" in capsys.readouterr().out


def test_wrong_kernels_are_named_and_exit_with_one(
    kernels: dict[str, Kernel], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise VerificationError("sum: expected 1, got 2")

    monkeypatch.setitem(selftest.CHECKS, "hard", fail)
    assert run_command(["doctor", "--json"]) == 1
    assert document(capsys)["self_test"]["wrong"] == {"hard": "VerificationError: sum: expected 1, got 2"}
    assert run_command(["doctor"]) == 1
    printed = capsys.readouterr()
    assert "FAILED hard" in printed.out
    assert "1 of 2 checks failed: hard" in printed.err


def test_warm_up_shows_progress_on_stderr_and_its_seconds(
    kernels: dict[str, Kernel], capsys: pytest.CaptureFixture[str]
) -> None:
    kernels["two"].overloads = kernels["two"].is_cached = False
    assert run_command(["doctor", "--warm-up", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["warm_up_seconds"] >= 0
    lines = printed.err.splitlines()
    assert lines[0].endswith("1 of 2 kernels  two")
    assert lines[-1].endswith("2 of 2 kernels  done")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_folder_that_cannot_be_written_is_reported(
    kernels: dict[str, Kernel], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "cache").mkdir(mode=0o500)
    assert run_command(["doctor", "--json"]) == 0
    assert document(capsys)["kernel_cache_writable"] is False


@pytest.mark.parametrize("name", ["ZKROLL_BACKEND", "NUMBA_CPU_NAME"])
def test_reason_of_the_back_end_names_the_variable(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "portable")
    monkeypatch.setattr(
        "llvmlite.binding.get_host_cpu_features", lambda: dict.fromkeys(jit.IFMA_FEATURES, True)
    )
    assert name in jit.backend_reason()


def test_reason_of_the_back_end_names_missing_features(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ZKROLL_BACKEND", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"):
        monkeypatch.delenv(name, raising=False)
    features = {"avx512f": True, "avx512dq": True, "avx512vl": True}
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_features", lambda: features)
    assert jit.backend_reason() == "the processor has no avx512ifma"
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_features", lambda: {**features, "avx512ifma": True})
    assert jit.backend_reason() == "the processor has avx512ifma"
