"""The verbs groth16 prove and verify: files, exit codes, one line for what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.section_files import FIXTURES

from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.formats.wtns import read_wtns, write_wtns
from zkroll.rollup.cli import run

KEY, WITNESS, SYSTEM = (str(FIXTURES / f"cells.{kind}") for kind in ("zkey", "wtns", "r1cs"))
VK = str(FIXTURES / "cells.verification_key.json")
PROOF, PUBLIC = (str(FIXTURES / f"cells.{name}.json") for name in ("proof", "public"))


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., SimpleNamespace]:
    def call(*arguments: object) -> SimpleNamespace:
        capsys.readouterr()
        code = run(["groth16", *map(str, arguments)])
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    return call


def refused(result: Any, code: int, text: str) -> None:
    lines = [line for line in result.err.splitlines() if line.startswith("zkroll: ")]
    assert (result.code, result.out, len(lines)) == (code, "", 1)
    assert text in lines[0]
    assert "Traceback" not in result.err


def test_a_proof_is_written_and_accepted(cli, tmp_path):
    proof, public = tmp_path / "p.json", tmp_path / "s.json"
    made = cli("prove", KEY, WITNESS, proof, public, "--r1cs", SYSTEM, "--threads", 1, "--json")
    assert made.code == 0
    assert json.loads(made.out)["domain"] == 16
    assert "quotient" in made.err
    assert public.read_text() == Path(PUBLIC).read_text()
    accepted = cli("verify", VK, public, proof, "--json")
    assert (accepted.code, json.loads(accepted.out)["accepted"]) == (0, True)


def test_a_proof_of_snarkjs_is_accepted(cli):
    assert cli("verify", VK, PUBLIC, PROOF).out == "accepted\n"


def test_another_statement_is_not_accepted(cli, tmp_path):
    signals = json.loads(Path(PUBLIC).read_text())
    other = tmp_path / "s.json"
    other.write_text(json.dumps([str(int(signals[0]) + 1), *signals[1:]]))
    refused(cli("verify", VK, other, PROOF), 1, "not valid")
    other.write_text(json.dumps(signals[:-1]))
    refused(cli("verify", VK, other, PROOF), 1, "expected 3, got 2")
    other.write_text(json.dumps([str(int(signals[0]) + R), *signals[1:]]))
    refused(cli("verify", VK, other, PROOF), 2, "signal 0")


def test_a_point_off_the_curve_is_not_accepted(cli, tmp_path):
    document = json.loads(Path(PROOF).read_text())
    document["pi_a"][0] = "5"
    bad = tmp_path / "p.json"
    bad.write_text(json.dumps(document))
    refused(cli("verify", VK, PUBLIC, bad), 1, "proof: A: expected a point on")


def test_files_that_are_something_else_are_refused(cli, tmp_path):
    refused(cli("verify", VK, PUBLIC, VK), 2, "")
    refused(cli("verify", PROOF, PUBLIC, PROOF), 2, "")
    refused(cli("prove", WITNESS, WITNESS, tmp_path / "p", tmp_path / "s"), 2, "zkey")
    refused(cli("prove", KEY, KEY, tmp_path / "p", tmp_path / "s"), 2, "wtns")
    refused(cli("prove", KEY, WITNESS, tmp_path / "no/p", tmp_path / "s"), 2, "cannot be written")
    refused(
        cli("prove", FIXTURES / "cells_uncontributed.zkey", WITNESS, tmp_path / "p", tmp_path / "s"),
        2,
        "phase 2",
    )
    assert not (tmp_path / "p").exists()


def test_a_witness_that_breaks_the_circuit_gives_no_proof(cli, tmp_path):
    values = read_wtns(WITNESS).to_ints()
    write_wtns(FrVector.from_ints([*values[:-1], values[-1] + 1]), tmp_path / "w.wtns")
    outputs = (tmp_path / "p.json", tmp_path / "s.json")
    refused(cli("prove", KEY, tmp_path / "w.wtns", *outputs, "--r1cs", SYSTEM), 2, "constraint")
    refused(cli("prove", KEY, tmp_path / "w.wtns", *outputs), 2, "satisfies the circuit")
    assert not outputs[0].exists()
