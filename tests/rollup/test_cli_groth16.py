"""The verbs of groth16: files, exit codes, one line for what is wrong, and an end when they are interrupted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.calculators import CIRCOM, NEWEST
from support.groth16 import chain
from support.npm import needs_packages, snarkjs
from support.section_files import FIXTURES
from support.verbs import Verb, interrupted, refused, verb_runner

from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.formats.wtns import read_wtns, write_wtns
from zkroll.circuits.r1cs.formats.zkey import write_zkey
from zkroll.prover.groth16 import setup_insecure, to_zkey

KEY, WITNESS, SYSTEM = (str(FIXTURES / f"cells.{kind}") for kind in ("zkey", "wtns", "r1cs"))
VK = str(FIXTURES / "cells.verification_key.json")
PROOF, PUBLIC = (str(FIXTURES / f"cells.{name}.json") for name in ("proof", "public"))


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Verb:
    return verb_runner(capsys, "groth16")


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


# ---- fullprove ---------------------------------------------------------------------------------------------

CALCULATOR = str(CIRCOM / "cells.wasm")


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    (tmp_path / "input.json").write_text('{"a": 3, "b": ["11", -1]}')
    return tmp_path / "input.json"


def test_inputs_are_proven_with_one_verb(cli, inputs, tmp_path):
    proof, public = tmp_path / "p.json", tmp_path / "s.json"
    made = cli("fullprove", inputs, CALCULATOR, KEY, proof, public, "--json")
    assert (made.code, json.loads(made.out)["wires"]) == (0, 10)
    assert public.read_text() == Path(PUBLIC).read_text()
    assert cli("verify", VK, public, proof).code == 0
    percents = [float(line.split("%")[0].split("s")[1]) for line in made.err.splitlines() if "%" in line]
    assert percents == sorted(percents)


def test_inputs_that_cannot_be_proven_give_no_files(cli, inputs, tmp_path):
    outputs = (tmp_path / "p.json", tmp_path / "s.json")
    bad = tmp_path / "bad.json"
    bad.write_text('{"a": 3, "b": ["11"]}')
    refused(cli("fullprove", bad, CALCULATOR, KEY, *outputs), 2, "signal 'b': expected 2 values, got 1")
    refused(cli("fullprove", CIRCOM / "input.json", NEWEST, KEY, *outputs), 2, "another circuit")
    document = json.loads((CIRCOM / "input.json").read_text())
    bad.write_text(json.dumps({**document, "a": 0}))
    refused(cli("fullprove", bad, NEWEST, KEY, *outputs), 1, "assert failed")
    refused(cli("fullprove", inputs, CALCULATOR, WITNESS, *outputs), 2, "zkey")
    refused(cli("fullprove", inputs, CALCULATOR, KEY, tmp_path / "no/p", outputs[1]), 2, "cannot be written")
    assert not any(path.exists() for path in outputs)


@pytest.mark.oracle
@needs_packages
def test_snarkjs_accepts_what_fullprove_makes_and_prints_the_same_calldata(cli, inputs, tmp_path):
    proof, public = tmp_path / "p.json", tmp_path / "s.json"
    assert cli("fullprove", inputs, CALCULATOR, KEY, proof, public).code == 0
    assert "OK!" in snarkjs("groth16", "verify", VK, public, proof).stdout
    theirs = snarkjs("generatecall", public, proof).stdout
    assert cli("calldata", public, proof).out == theirs
    assert snarkjs("groth16", "fullprove", inputs, CALCULATOR, KEY, proof, public).returncode == 0
    assert cli("verify", VK, public, proof).code == 0


# ---- calldata ----------------------------------------------------------------------------------------------


def test_calldata_is_printed_for_consoles_and_for_transactions(cli):
    text, document = cli("calldata", PUBLIC, PROOF), json.loads(cli("calldata", PUBLIC, PROOF, "--json").out)
    assert text.out == document["arguments"] + "\n"
    numbers = [
        int(word, 16) for word in text.out.replace("[", "").replace("]", "").replace('"', "").split(",")
    ]
    calldata = cli("calldata", PUBLIC, PROOF, "--abi").out.strip()
    assert calldata == document["calldata"]
    words = bytes.fromhex(calldata.removeprefix("0x"))[4:]
    assert [int.from_bytes(words[at : at + 32]) for at in range(0, len(words), 32)] == numbers
    assert [str(number) for number in numbers[8:]] == json.loads(Path(PUBLIC).read_text())
    assert str(numbers[0]) == json.loads(Path(PROOF).read_text())["pi_a"][0]


def test_calldata_of_other_files_is_refused(cli):
    refused(cli("calldata", PROOF, PROOF), 2, "expected")
    refused(cli("calldata", PUBLIC, PUBLIC), 2, "expected")


# ---- interrupts --------------------------------------------------------------------------------------------


def test_an_interrupt_while_proving_ends_with_code_130_and_leaves_no_files(tmp_path):
    system, witness = chain(20_000)
    write_zkey(to_zkey(setup_insecure(system, b"interrupt"), system), tmp_path / "c.zkey")
    write_wtns(witness, tmp_path / "c.wtns")
    arguments = ["groth16", "prove", "c.zkey", "c.wtns", "p.json", "s.json"]
    code, out, err = interrupted(arguments, tmp_path, "quotient")
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == "zkroll: interrupted"
    assert "Traceback" not in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.wtns", "c.zkey"]
