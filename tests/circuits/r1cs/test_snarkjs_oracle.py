"""Files written here are accepted by snarkjs, and files of circom and snarkjs say here what they say there.

Needs node and the npm packages snarkjs, circom2 and circomlib in build/snarkjs, or in the folder that
ZKROLL_SNARKJS names:  npm install --no-save --prefix build/snarkjs snarkjs@0.7.6 circom2 circomlib
"""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import pytest
from support.npm import FOLDER, needs_packages

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.formats.export import export_r1cs_json, export_wtns_json
from zkroll.circuits.r1cs.formats.groth16_json import (
    read_proof,
    read_public,
    verification_key_json,
    write_proof,
    write_public,
    write_verification_key,
)
from zkroll.circuits.r1cs.formats.r1cs import read_r1cs, write_r1cs
from zkroll.circuits.r1cs.formats.sym import read_names
from zkroll.circuits.r1cs.formats.wtns import read_wtns, write_wtns
from zkroll.circuits.r1cs.formats.zkey import check_points, read_zkey, write_zkey
from zkroll.circuits.r1cs.sparse import SparseMatrix
from zkroll.circuits.r1cs.system import R1CS

pytestmark = [pytest.mark.oracle, needs_packages]

CIRCUIT = """
pragma circom 2.0.0;
include "poseidon.circom";
include "comparators.circom";
template Main() {
  signal input secret; signal input salt; signal input limit;
  signal output hash; signal output small;
  component h = Poseidon(2); h.inputs[0] <== secret; h.inputs[1] <== salt; hash <== h.out;
  component less = LessThan(32); less.in[0] <== secret; less.in[1] <== limit; small <== less.out;
}
component main {public [limit]} = Main();
"""


def run(program: str, *arguments: object, expect: bool = True) -> str:
    """Run a program of the folder; gives what it printed."""
    command = ["node", str(FOLDER / ".bin" / program), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode == 0) == expect, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def snarkjs(*arguments: object, expect: bool = True) -> str:
    return run("snarkjs", *arguments, expect=expect)


@pytest.fixture(scope="module")
def circuit(tmp_path_factory) -> Path:
    """A folder with a compiled circuit, a witness, a key of two contributions, and a proof, all made there."""
    folder = tmp_path_factory.mktemp("circuit")
    (folder / "c.circom").write_text(CIRCUIT)
    libraries = FOLDER / "circomlib/circuits"
    run("circom2", folder / "c.circom", "-l", libraries, "--r1cs", "--wasm", "--sym", "-o", folder)
    (folder / "input.json").write_text(
        json.dumps({"secret": "12", "salt": str(R_MODULUS - 1), "limit": "100"})
    )
    snarkjs("wtns", "calculate", folder / "c_js/c.wasm", folder / "input.json", folder / "c.wtns")
    snarkjs("powersoftau", "new", "bn128", 10, folder / "0.ptau")
    snarkjs("powersoftau", "contribute", folder / "0.ptau", folder / "1.ptau", "--name=someone", "-e=entropy")
    snarkjs("powersoftau", "prepare", "phase2", folder / "1.ptau", folder / "c.ptau")
    snarkjs("groth16", "setup", folder / "c.r1cs", folder / "c.ptau", folder / "0.zkey")
    snarkjs("zkey", "contribute", folder / "0.zkey", folder / "1.zkey", "--name=someone", "-e=entropy")
    snarkjs("zkey", "beacon", folder / "1.zkey", folder / "c.zkey", "01020304" * 8, 10, "-n=beacon")
    return folder


def test_constraints_and_witness_are_exported_as_by_snarkjs(circuit: Path, tmp_path: Path) -> None:
    system, witness = read_r1cs(circuit / "c.r1cs"), read_wtns(circuit / "c.wtns")
    snarkjs("r1cs", "export", "json", circuit / "c.r1cs", tmp_path / "theirs.r1cs.json")
    export_r1cs_json(system, tmp_path / "ours.r1cs.json")
    assert (tmp_path / "ours.r1cs.json").read_bytes() == (tmp_path / "theirs.r1cs.json").read_bytes()
    snarkjs("wtns", "export", "json", circuit / "c.wtns", tmp_path / "theirs.wtns.json")
    export_wtns_json(witness, tmp_path / "ours.wtns.json")
    assert (tmp_path / "ours.wtns.json").read_bytes() == (tmp_path / "theirs.wtns.json").read_bytes()
    system.check(witness)


def test_every_changed_wire_is_found_where_snarkjs_finds_it(circuit: Path, tmp_path: Path) -> None:
    system, witness = read_r1cs(circuit / "c.r1cs"), read_wtns(circuit / "c.wtns")
    names = read_names(circuit / "c.sym")
    for wire in (1, 2, 4, 40, len(witness) - 1):
        values = witness.to_ints()
        values[wire] = (values[wire] + 1) % R_MODULUS
        changed = FrVector.from_ints(values)
        write_wtns(changed, tmp_path / "w.wtns")
        text = snarkjs("wtns", "check", circuit / "c.r1cs", tmp_path / "w.wtns", expect=False)
        violation = system.first_violation(changed)
        assert violation is not None
        assert f"aborting checking process at constraint {violation.constraint}\n" in text
        assert names[wire] in violation.describe(names)


def test_keys_written_here_pass_the_verification_of_snarkjs(circuit: Path, tmp_path: Path) -> None:
    key = read_zkey(circuit / "c.zkey")
    check_points(key)
    write_zkey(key, tmp_path / "k.zkey")
    write_r1cs(read_r1cs(circuit / "c.r1cs"), tmp_path / "k.r1cs")
    assert "ZKey Ok!" in snarkjs(
        "zkey", "verify", tmp_path / "k.r1cs", circuit / "c.ptau", tmp_path / "k.zkey"
    )


def test_a_proof_from_files_written_here_verifies(circuit: Path, tmp_path: Path) -> None:
    key = read_zkey(circuit / "c.zkey")
    write_zkey(key, tmp_path / "k.zkey")
    write_wtns(read_wtns(circuit / "c.wtns"), tmp_path / "k.wtns")
    files = [tmp_path / "proof.json", tmp_path / "public.json"]
    snarkjs("groth16", "prove", tmp_path / "k.zkey", tmp_path / "k.wtns", *files)
    snarkjs("zkey", "export", "verificationkey", tmp_path / "k.zkey", tmp_path / "theirs.json")
    assert verification_key_json(key.verification_key) == (tmp_path / "theirs.json").read_bytes()
    write_verification_key(key.verification_key, tmp_path / "vk.json")
    again = [tmp_path / "again.json", tmp_path / "signals.json"]
    write_proof(read_proof(files[0]), again[0])
    write_public(read_public(files[1]), again[1])
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in files]
    assert "OK!" in snarkjs("groth16", "verify", tmp_path / "vk.json", again[1], again[0])


@pytest.mark.parametrize("seed", [1, 2])
def test_systems_made_here_are_read_alike(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    wires, n = 30, 60
    witness = [1] + [rng.randrange(R_MODULUS) for _ in range(wires - 1)]
    rows: list[list[dict[int, int]]] = [[], [], []]
    for _ in range(n):
        a, b = (
            {rng.randrange(wires): rng.randrange(R_MODULUS) for _ in range(rng.randrange(4))}
            for _ in range(2)
        )
        left, right = (sum(witness[w] * v for w, v in row.items()) for row in (a, b))
        for matrix, row in zip(rows, (a, b, {0: left * right % R_MODULUS}), strict=True):
            matrix.append(row)
    system = R1CS(wires, 2, 3, 4, *(SparseMatrix.from_rows(matrix) for matrix in rows))
    system.check(FrVector.from_ints(witness))
    write_r1cs(system, tmp_path / "a.r1cs")
    write_wtns(FrVector.from_ints(witness), tmp_path / "a.wtns")
    assert "WITNESS IS CORRECT" in snarkjs("wtns", "check", tmp_path / "a.r1cs", tmp_path / "a.wtns")
    snarkjs("r1cs", "export", "json", tmp_path / "a.r1cs", tmp_path / "theirs.json")
    export_r1cs_json(read_r1cs(tmp_path / "a.r1cs"), tmp_path / "ours.json")
    assert (tmp_path / "ours.json").read_bytes() == (tmp_path / "theirs.json").read_bytes()
