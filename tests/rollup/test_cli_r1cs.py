"""zkroll r1cs and zkroll wtns: exit codes, one line on stderr, documents on stdout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.section_files import FIXTURES

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.formats.wtns import read_wtns, write_wtns
from zkroll.rollup.cli import run

R1CS, WTNS, SYM = (str(FIXTURES / f"cells.{kind}") for kind in ("r1cs", "wtns", "sym"))


@pytest.fixture
def broken(tmp_path: Path) -> str:
    values = read_wtns(WTNS).to_ints()
    values[7] += 1
    write_wtns(FrVector.from_ints(values), tmp_path / "broken.wtns")
    return str(tmp_path / "broken.wtns")


def test_info_counts_what_is_in_a_circuit(capsys) -> None:
    assert run(["r1cs", "info", R1CS, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["wires"], found["constraints"], found["outputs"]) == (10, 6, 2)
    assert found["terms"] == {"A": 5, "B": 5, "C": 12}
    assert run(["r1cs", "info", R1CS]) == 0
    assert "5 in A, 5 in B, 12 in C" in capsys.readouterr().out


def test_print_shows_constraints_with_and_without_names(capsys) -> None:
    assert run(["r1cs", "print", R1CS]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "1: (-w[3]) · (w[4]) = -w[7]"
    assert run(["r1cs", "print", R1CS, SYM]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "1: (-main.a) · (main.b[0]) = -main.u.t"


@pytest.mark.parametrize(("verb", "source"), [("r1cs", R1CS), ("wtns", WTNS)])
def test_exports_are_those_of_snarkjs(verb: str, source: str, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out.json"
    assert run([verb, "export", "json", source, str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["file"] == str(out)
    assert out.read_bytes() == (FIXTURES / f"cells.{verb}.json").read_bytes()


def test_a_sound_witness_is_accepted(capsys) -> None:
    assert run(["wtns", "check", R1CS, WTNS]) == 0
    assert "satisfies every constraint" in capsys.readouterr().out
    assert run(["wtns", "check", R1CS, WTNS, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "wires": 10, "constraints": 6}


def test_a_broken_witness_is_refused_with_the_constraint_by_name(broken: str, capsys) -> None:
    assert run(["wtns", "check", R1CS, broken, "--sym", SYM]) == 1
    line = capsys.readouterr().err
    assert "constraint 1: (-main.a) · (main.b[0]) = -main.u.t: expected A·B = -33 for C, got -34" in line
    assert line.count("\n") == 1
    assert run(["wtns", "check", R1CS, broken, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["error"] == "ConstraintViolation"
    assert "w[7] = 34" in document["message"]


def test_a_broken_witness_stays_broken_when_there_are_no_names(broken: str, capsys) -> None:
    assert run(["wtns", "check", R1CS, broken, "--sym", WTNS]) == 1
    assert "(no names: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["r1cs", "info", WTNS],
        ["r1cs", "info", "/dev/zero"],
        ["r1cs", "print", R1CS, "none.sym"],
        ["r1cs", "export", "json", R1CS],
        ["r1cs", "export", "json", R1CS, "/none/out.json"],
        ["wtns", "check", R1CS, R1CS],
        ["wtns", "check", str(FIXTURES / "unused_inputs.r1cs"), WTNS],
        ["wtns", "export", "json", R1CS, "out.json"],
    ],
)
def test_unusable_files_end_with_code_2_and_one_line(
    arguments: list[str], capsys, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("zkroll: ")
    assert captured.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_values_near_the_modulus_are_shown_as_negative(tmp_path: Path, capsys) -> None:
    values = read_wtns(WTNS).to_ints()
    values[4] = R_MODULUS - 2
    write_wtns(FrVector.from_ints(values), tmp_path / "w.wtns")
    assert run(["wtns", "check", R1CS, str(tmp_path / "w.wtns")]) == 1
    assert "w[4] = -2" in capsys.readouterr().err
