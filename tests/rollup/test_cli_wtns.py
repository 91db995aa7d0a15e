"""The verb wtns calculate: files, exit codes, one line for what is wrong, and an end when it is interrupted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.calculators import CIRCOM, LOOP, NEWEST, calculator
from support.verbs import Verb, interrupted, verb_runner

INPUT = CIRCOM / "input.json"


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Verb:
    return verb_runner(capsys, "wtns", "calculate")


def test_the_file_is_that_of_snarkjs(cli, tmp_path: Path) -> None:
    made = cli(NEWEST, INPUT, tmp_path / "w.wtns", "--json")
    assert (made.code, json.loads(made.out)["wires"], made.lines) == (0, 9, [])
    assert (tmp_path / "w.wtns").read_bytes() == (CIRCOM / "table.wtns").read_bytes()
    assert "compiling" in made.err
    assert "log: 31" in made.err.splitlines()


def test_the_witness_has_a_name_by_default(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "9" in cli(NEWEST, INPUT).out
    assert [path.name for path in tmp_path.iterdir()] == ["witness.wtns"]


def test_inputs_that_break_the_circuit_are_a_clean_no(cli, tmp_path: Path) -> None:
    document = json.loads(INPUT.read_text())
    (tmp_path / "i.json").write_text(json.dumps({**document, "a": "0"}))
    made = cli(NEWEST, tmp_path / "i.json", tmp_path / "w.wtns", "--json")
    assert (made.code, json.loads(made.out)["error"], len(made.lines)) == (1, "ConstraintViolation", 1)
    assert "do not satisfy the circuit: assert failed: Error in template Inverse_0 line: 6" in made.lines[0]
    assert not (tmp_path / "w.wtns").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((INPUT, INPUT, "w"), "expected WebAssembly"),
        ((NEWEST, NEWEST, "w"), "expected"),
        ((NEWEST, "none.json", "w"), "cannot read"),
        (("none.wasm", INPUT, "w"), "cannot read"),
        (("/dev/zero", INPUT, "w"), "regular file"),
        ((NEWEST, INPUT, "none/w"), "cannot be written"),
        ((NEWEST, CIRCOM / "buses.json", "w"), "no input signal 'p[0].x'"),
        ((CIRCOM / "goldilocks.wasm", INPUT, "w"), "a field of 8 words"),
        ((NEWEST, INPUT, "w", "--memory", "0"), "--memory"),
        ((NEWEST, INPUT, "w", "--timeout", "x"), "--timeout"),
        ((NEWEST, INPUT, "w", "--timeout", "nan"), "--timeout"),
        ((NEWEST, INPUT, "w", "--timeout", "inf"), "expected a limit"),
        ((CIRCOM / "buses.wasm", CIRCOM / "input.json", "w"), "no input signal 'a'"),
    ],
)
def test_unusable_files_end_with_code_2_and_one_line(
    cli, arguments: tuple, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = cli(*arguments)
    assert (made.code, made.out, len(made.lines)) == (2, "", 1)
    assert message in made.lines[0]
    assert not list(tmp_path.iterdir())


def test_memory_and_time_are_bounded(cli, tmp_path: Path) -> None:
    (tmp_path / "c.wasm").write_bytes(calculator(set_input=LOOP))
    (tmp_path / "i.json").write_text('{"x": 1}')
    made = cli(tmp_path / "c.wasm", tmp_path / "i.json", tmp_path / "w", "--timeout", "0.1")
    assert (made.code, made.lines[0].endswith("expected to end within 0.1 s, got stopped")) == (2, True)
    (tmp_path / "c.wasm").write_bytes(calculator(memory="33"))
    made = cli(tmp_path / "c.wasm", tmp_path / "i.json", tmp_path / "w", "--memory", "2")
    assert (made.code, "memory" in made.lines[0]) == (2, True)


def test_an_interrupt_ends_an_endless_calculator_at_once(tmp_path: Path) -> None:
    (tmp_path / "c.wasm").write_bytes(calculator(set_input=LOOP))
    (tmp_path / "i.json").write_text('{"x": 1}')
    ended = interrupted(["wtns", "calculate", "c.wasm", "i.json", "w.wtns"], tmp_path, "inputs")
    assert ended == (130, "", "zkroll: interrupted\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.wasm", "i.json"]


def test_a_process_ends_with_all_of_its_output_written(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "zkroll", "wtns", "calculate", NEWEST, INPUT, tmp_path / "w", "--json"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, json.loads(done.stdout)["wires"]) == (0, 9)
    assert "log: 31" in done.stderr.splitlines()
    command[-3] = NEWEST
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, json.loads(done.stdout)["exit_code"]) == (2, 2)
