"""The command line: exit codes, one line on stderr, one JSON document on stdout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import zkroll
from zkroll.circuits.air.check import Violation
from zkroll.circuits.machine import batch_machine
from zkroll.errors import ProvingError, RollupError, UnprovableError, VerificationError
from zkroll.rollup.batch import Batch, read_batch
from zkroll.rollup.cli import run
from zkroll.rollup.cli.console import printable
from zkroll.rollup.development import DEVELOPMENT_CHAIN_ID, development_genesis_root
from zkroll.rollup.l1 import development_rollup_address
from zkroll.rollup.proof import BatchProof
from zkroll.verifier.proof import MAGIC

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = str(ROOT / "examples/erc20/batch.json")

Result = SimpleNamespace
Cli = Callable[..., Result]


def _empty_inner() -> bytes:
    """The header of an inner proof in which no chip is present."""
    chips = len(batch_machine().layouts)
    return MAGIC + bytes([chips]) + b"\xff" * chips


EMPTY_INNER = _empty_inner()


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs a command line; gives code, out and err."""

    def call(*arguments: object) -> Result:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Result(code=code, out=out, err=err)

    return call


def document(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.out)
    return found


def assert_refused(result: Result, code: int = 2) -> None:
    """Exit code, one clear line on stderr, nothing else."""
    assert result.code == code
    assert result.out == ""
    assert result.err.startswith("zkroll: ")
    assert result.err.count("\n") == 1
    assert "Traceback" not in result.err


def make_proof(**changes: Any) -> BatchProof:
    """A proof file's content for batch 1 of the development rollup, with an inner proof of no worth."""
    values = {
        "old_root": development_genesis_root(),
        "new_root": 77,
        "batch_number": 1,
        "chain_id": DEVELOPMENT_CHAIN_ID,
        "rollup_address": development_rollup_address(),
        "timestamp": 1_750_000_000,
    } | changes
    data = (1_750_000_000).to_bytes(8, "big") + bytes(24)
    return BatchProof(5, (*values.values(), 1, 2, 0, 0, 0, 0, 0, 0), data, EMPTY_INNER)


@pytest.fixture
def proof(tmp_path: Path) -> Path:
    path = tmp_path / "proof.zkp"
    path.write_bytes(make_proof().to_bytes())
    return path


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts functions in place of a library module, so that the shell around them is tested alone."""

    def put(module: str, **functions: Any) -> None:
        monkeypatch.setitem(sys.modules, f"zkroll.rollup.{module}", SimpleNamespace(**functions))  # type: ignore[arg-type]

    return put


def raising(error: BaseException) -> Callable[..., Any]:
    def function(*_: object, **__: object) -> None:
        raise error

    return function


def test_version_is_the_packages(cli: Cli) -> None:
    result = cli("--version")
    assert (result.code, result.out) == (0, f"zkroll {zkroll.__version__}\n")


@pytest.mark.parametrize(
    "verb",
    ["", "prove", "verify", "trace", "check", "inspect", "capacity", "doctor", "setup dev", "setup import",
     "l1 deploy", "l1 post", "l1 status"],
)  # fmt: skip
def test_every_verb_has_help(cli: Cli, verb: str) -> None:
    result = cli(*verb.split(), "--help")
    assert result.code == 0
    assert result.out.startswith("Usage: zkroll")


@pytest.mark.parametrize(
    "arguments",
    [
        (), ("bogus",), ("--bogus",), ("prove",), ("l1",), ("setup",), ("trace", EXAMPLE, "--tx", "-1"),
        ("trace", EXAMPLE, "--tx", "one"), ("setup", "dev", "--power", "99"), ("verify", "x"),
        ("prove", "a", "b"),
    ],
)  # fmt: skip
def test_wrong_usage_is_code_2(cli: Cli, arguments: tuple[str, ...]) -> None:
    assert_refused(cli(*arguments))


READERS = [
    ("prove", "{}", "-o", "{}.out"),
    ("trace", "{}"),
    ("check", "{}"),
    ("capacity", "{}"),
    ("inspect", "{}"),
    ("verify", "{}", "--l1", "{}.L1"),
    ("l1", "post", "{}", "--l1", "{}.L1"),
    ("l1", "deploy", "--batch", "{}", "--l1", "{}.L1"),
    ("setup", "import", "{}", "-o", "{}.srs"),
    ("prove", EXAMPLE, "--srs", "{}", "-o", "{}.out"),
]


def make_missing(path: Path) -> None:
    """Nothing."""


def make_folder(path: Path) -> None:
    path.mkdir()


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_empty(path: Path) -> None:
    path.write_bytes(b"")


def make_garbage(path: Path) -> None:
    path.write_bytes(bytes(range(256)))


def make_truncated(path: Path) -> None:
    path.write_bytes(Path(EXAMPLE).read_bytes()[:-3])


def make_nested(path: Path) -> None:
    path.write_bytes(b"[" * 100_000)


@pytest.mark.parametrize("verb", READERS, ids=lambda verb: "-".join(verb[:3]))
@pytest.mark.parametrize(
    "make",
    [
        make_missing,
        make_folder,
        make_fifo,
        make_device,
        make_empty,
        make_garbage,
        make_truncated,
        make_nested,
    ],
)
def test_unusable_file_is_code_2_with_one_line(
    cli: Cli, tmp_path: Path, verb: tuple[str, ...], make: Callable[[Path], None]
) -> None:
    path = tmp_path / "file"
    make(path)
    assert_refused(cli(*(part.format(path) for part in verb)))
    assert not list(tmp_path.glob("file.*"))


def test_error_with_json_is_one_document_on_stdout_and_one_line_on_stderr(cli: Cli, tmp_path: Path) -> None:
    result = cli("check", tmp_path / "none", "--json")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert document(result)["error"] == "InputError"
    assert document(result)["ok"] is False


def test_control_characters_and_markup_of_a_file_name_are_shown_as_escapes(cli: Cli) -> None:
    result = cli("check", "/none/\x1b[31m[red]\r\n\u202e")
    assert_refused(result)
    assert "\\x1b[31m[red]" in result.err
    assert "\\u202e" in result.err


def test_printable_keeps_letters_and_escapes_the_rest() -> None:
    assert printable("ähö [b]") == "ähö [b]"
    assert printable("\x00\x7f\u200b\ud800") == "\\x00\\x7f\\u200b\\ud800"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (VerificationError("no"), 1),
        (RollupError("no"), 1),
        (ProvingError("no"), 1),
        (UnprovableError("no"), 2),
        (MemoryError(), 2),
        (OSError(28, "No space left on device"), 2),
        (RuntimeError("surprise\nin two lines"), 2),
        (KeyboardInterrupt(), 130),
    ],
)
def test_every_error_has_its_code_and_no_traceback(
    cli: Cli, fake: Callable[..., None], error: BaseException, code: int
) -> None:
    fake("prove", check_batch=raising(error))
    assert_refused(cli("check", EXAMPLE), code)


def test_check_lists_every_violation_and_is_code_1(cli: Cli, fake: Callable[..., None]) -> None:
    found = [Violation("cpu", row, "pc", "constraint", {"pc": 5}, {"opcode": 1}) for row in range(3)]
    fake("prove", check_batch=lambda batch: found)
    result = cli("check", EXAMPLE)
    assert result.code == 1
    assert result.out.splitlines() == [str(violation) for violation in found]
    result = cli("check", EXAMPLE, "--json")
    assert result.code == 1
    assert [row["row"] for row in document(result)["violations"]] == [0, 1, 2]


def test_check_of_a_sound_batch_is_code_0(cli: Cli, fake: Callable[..., None]) -> None:
    fake("prove", check_batch=lambda batch: [])
    assert cli("check", EXAMPLE).code == 0
    assert document(cli("check", EXAMPLE, "--json")) == {"ok": True, "violations": []}


def fake_prove(
    batch: Batch, srs: object, progress: Callable[[str, float, float], None], profile: str | None
) -> BatchProof:
    for percent in (0.0, 50.0, 100.0):
        progress("openings", percent, percent / 10)
    proved = make_proof()
    report = {
        "stages": {"commit main": 10.0}, "evm_steps": 3, "seconds": 10.0, "cores": 1, "old_root": "0x1",
        "new_root": "0x2", "transactions": len(batch.transactions), "cells": 4, "peak_memory_bytes": 5,
    }  # fmt: skip
    return BatchProof(proved.key_digest, proved.public_values, proved.data, proved.inner, report)


def test_prove_writes_the_proof_and_reports(cli: Cli, fake: Callable[..., None], tmp_path: Path) -> None:
    fake("prove", prove_batch=fake_prove)
    output = tmp_path / "out.zkp"
    result = cli("prove", EXAMPLE, "-o", output, "--json")
    assert result.code == 0
    assert BatchProof.from_bytes(output.read_bytes()) == make_proof()
    assert document(result)["transactions"] == 34
    assert document(result)["proof"] == str(output)
    assert result.err.splitlines()[0].endswith("85.0 %  openings")
    assert "100.0 %" in result.err
    assert "0x2" in cli("prove", EXAMPLE, "-o", output).out


def test_prove_tells_of_an_unusable_output_before_proving(
    cli: Cli, fake: Callable[..., None], tmp_path: Path
) -> None:
    fake("prove", prove_batch=raising(AssertionError("must not be called")))
    assert_refused(cli("prove", EXAMPLE, "-o", tmp_path / "none" / "x"))
    assert_refused(cli("prove", EXAMPLE, "-o", tmp_path))


def test_interrupted_prove_leaves_no_file(cli: Cli, fake: Callable[..., None], tmp_path: Path) -> None:
    fake("prove", prove_batch=raising(KeyboardInterrupt()))
    assert_refused(cli("prove", EXAMPLE, "-o", tmp_path / "x.zkp"), 130)
    assert not list(tmp_path.iterdir())


def test_trace_shows_the_steps_of_the_reverting_call(cli: Cli) -> None:
    found = document(cli("trace", EXAMPLE, "--tx", "32", "--json"))
    assert (found["success"], found["halt"]) == (False, "REVERT")
    assert found["steps"][-1]["opcode"] == "REVERT"
    assert {step["opcode"] for step in found["steps"]} >= {"KECCAK256", "SLOAD", "JUMPI"}
    result = cli("trace", EXAMPLE, "--tx", "33")
    assert result.code == 0
    assert "OUT_OF_GAS" in result.out.splitlines()[-1]


def test_trace_of_a_missing_transaction_is_code_2(cli: Cli) -> None:
    assert_refused(cli("trace", EXAMPLE, "--tx", "34"))


def test_inspect_tells_batch_and_proof_apart(cli: Cli, proof: Path) -> None:
    batch = document(cli("inspect", EXAMPLE, "--json"))
    assert (batch["kind"], len(batch["transactions"])) == ("batch", 34)
    assert int(batch["old_root"], 16) == development_genesis_root()
    assert document(cli("inspect", proof, "--json"))["kind"] == "batch proof"
    assert cli("inspect", EXAMPLE).code == cli("inspect", proof).code == 0


def test_l1_goes_from_deploy_over_post_to_status(cli: Cli, tmp_path: Path, proof: Path) -> None:
    folder = tmp_path / "L1"
    deployed = document(cli("l1", "deploy", "--l1", folder, "--json"))
    assert int(deployed["contract"], 16) == development_rollup_address()
    assert int(deployed["genesis_root"], 16) == development_genesis_root()
    posted = document(cli("l1", "post", "--unchecked", proof, "--l1", folder, "--json"))
    assert (posted["batch_number"], int(posted["new_root"], 16)) == (1, 77)
    status = document(cli("l1", "status", "--l1", folder, "--json"))
    assert (status["batches"], int(status["last_root"], 16)) == (1, 77)
    assert cli("l1", "status", "--l1", folder).code == 0


def test_l1_deploy_starts_from_the_state_of_a_batch(cli: Cli, tmp_path: Path) -> None:
    deployed = document(cli("l1", "deploy", "--l1", tmp_path / "L1", "--batch", EXAMPLE, "--json"))
    assert int(deployed["genesis_root"], 16) == development_genesis_root()
    assert deployed["chain_id"] == read_batch(EXAMPLE).chain_id


def test_l1_post_twice_is_refused_with_the_contracts_reason(cli: Cli, tmp_path: Path, proof: Path) -> None:
    folder = tmp_path / "L1"
    cli("l1", "deploy", "--l1", folder)
    assert cli("l1", "post", "--unchecked", proof, "--l1", folder).code == 0
    result = cli("l1", "post", "--unchecked", proof, "--l1", folder)
    assert_refused(result, 1)
    assert "WrongBatchNumber(expected=2, got=1)" in result.err


def test_l1_post_of_a_bad_proof_is_refused_before_anything_is_sent(
    cli: Cli, fake: Callable[..., None], tmp_path: Path, proof: Path
) -> None:
    folder = tmp_path / "L1"
    cli("l1", "deploy", "--l1", folder)
    fake("verify", verify_proof=raising(VerificationError("no")))
    assert_refused(cli("l1", "post", proof, "--l1", folder), 1)
    assert document(cli("l1", "status", "--l1", folder, "--json"))["batches"] == 0


def test_l1_post_for_another_contract_is_refused(cli: Cli, tmp_path: Path, proof: Path) -> None:
    cli("l1", "deploy", "--l1", tmp_path / "L1")
    result = cli("l1", "post", "--unchecked", proof, "--l1", tmp_path / "L1", "--contract", "0x" + "12" * 20)
    assert_refused(result, 1)


@pytest.mark.parametrize("address", ["", "12", "0x", "0x" + "1" * 39, "0x" + "g" * 40, "0X" + "1" * 41])
def test_malformed_address_is_code_2(cli: Cli, tmp_path: Path, address: str) -> None:
    assert_refused(cli("l1", "status", "--l1", tmp_path, "--contract", address))


def test_l1_status_makes_no_folder(cli: Cli, tmp_path: Path) -> None:
    assert_refused(cli("l1", "status", "--l1", tmp_path / "L1"))
    assert not (tmp_path / "L1").exists()


def test_verify_says_why_not(cli: Cli, fake: Callable[..., None], tmp_path: Path, proof: Path) -> None:
    cli("l1", "deploy", "--l1", tmp_path / "L1")
    fake("verify", verify_on_l1=raising(VerificationError("new root: expected 0x1, got 0x2")))
    result = cli("verify", proof, "--l1", tmp_path / "L1")
    assert_refused(result, 1)
    assert "expected 0x1, got 0x2" in result.err


def test_verify_accepts(cli: Cli, fake: Callable[..., None], tmp_path: Path, proof: Path) -> None:
    cli("l1", "deploy", "--l1", tmp_path / "L1")
    fake("verify", verify_on_l1=lambda *_: {"batch_number": 1})
    assert document(cli("verify", proof, "--l1", tmp_path / "L1", "--json")) == {
        "accepted": True,
        "batch_number": 1,
    }
    assert cli("verify", proof, "--l1", tmp_path / "L1").out.startswith("accepted\n")


def test_malformed_proof_is_a_no_to_verify_and_unusable_to_others(
    cli: Cli, tmp_path: Path, proof: Path
) -> None:
    proof.write_bytes(proof.read_bytes()[:100])
    assert_refused(cli("verify", proof, "--l1", tmp_path / "L1"), 1)
    assert_refused(cli("inspect", proof), 2)


def test_development_setup_is_named_insecure(cli: Cli, tmp_path: Path) -> None:
    result = cli("setup", "dev", "--power", "8", "-o", tmp_path / "dev.srs", "--json")
    assert (document(result)["powers"], document(result)["insecure"]) == (256, True)
    assert "INSECURE" in result.err
    assert b"INSECURE" in (tmp_path / "dev.srs").read_bytes()[:100]
    assert "INSECURE" in cli("setup", "dev", "--power", "8", "-o", tmp_path / "dev.srs").out


def test_doctor_shows_the_backend(cli: Cli) -> None:
    found = document(cli("doctor", "--json"))
    assert found["backend"] in ("ifma", "portable")
    assert found["cores"] >= 1


def test_reader_that_leaves_early_causes_no_traceback() -> None:
    command = f"'{sys.executable}' -m zkroll trace '{EXAMPLE}' | head -n 1; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
