"""Files that a verb reads are not lost by naming one of them as its output."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.section_files import FIXTURES
from support.verbs import verb_runner

from zkroll.circuits.r1cs.formats.zkey import read_zkey, write_zkey

FILES = {
    "c.r1cs": "cells.r1cs",
    "c.wtns": "cells.wtns",
    "c.zkey": "cells_phase2_3.zkey",
    "p.ptau": "powers_4_prepared.ptau",
    "p3.ptau": "powers_3.ptau",
    "response": "powers_3.response",
}

LOSING = [
    ("r1cs export json c.r1cs", "c.r1cs"),
    ("wtns export json c.wtns", "c.wtns"),
    ("wtns calculate c.wasm input.json", "c.wasm"),
    ("wtns calculate c.wasm input.json", "input.json"),
    ("ptau export challenge p3.ptau", "p3.ptau"),
    ("ptau import p3.ptau response", "response"),
    ("zkey new c.r1cs p.ptau", "c.r1cs"),
    ("zkey new c.r1cs p.ptau", "p.ptau"),
    ("zkey export verificationkey c.zkey", "c.zkey"),
    ("zkey export solidityverifier c.zkey", "c.zkey"),
    ("zkey export json c.zkey", "c.zkey"),
    ("groth16 prove c.zkey c.wtns", "c.zkey"),
    ("groth16 prove c.zkey c.wtns", "c.wtns"),
    ("groth16 prove c.zkey c.wtns proof.json", "c.zkey"),
    ("groth16 prove c.zkey c.wtns proof.json", "proof.json"),
    ("groth16 fullprove input.json c.wasm c.zkey", "input.json"),
    ("groth16 fullprove input.json c.wasm c.zkey proof.json", "proof.json"),
]

#: one of a kind takes the place of another: what is mapped stays until it has been read
IN_PLACE = [
    "ptau contribute p3.ptau p3.ptau",
    "ptau beacon p3.ptau p3.ptau 0102 10",
    "ptau prepare p3.ptau p3.ptau",
    "ptau import p3.ptau response p3.ptau",
    "zkey contribute c.zkey c.zkey",
    "zkey beacon c.zkey c.zkey 0102 10",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file of each kind, in which verbs run."""
    for name, source in FILES.items():
        shutil.copy(FIXTURES / source, tmp_path / name)
    shutil.copy(FIXTURES.parent / "circom" / "table_2.2.3.wasm", tmp_path / "c.wasm")
    (tmp_path / "input.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(("verb", "output"), LOSING)
@pytest.mark.parametrize("how", ["same name", "symbolic link", "hard link"])
def test_a_file_that_is_read_is_not_written(verb, output, how, folder, capsys):
    name = output
    if how != "same name":
        (folder / output).touch()
        name = "other"
        (os.symlink if how == "symbolic link" else os.link)(output, name)
    before = contents(folder)
    done = verb_runner(capsys)(*verb.split(), name)
    assert done.code == 2
    assert f"{output}, which would be lost" in done.err or f"{name}, which would be lost" in done.err
    assert contents(folder) == before


def test_a_contract_that_no_chain_of_ethereum_takes_is_written_with_a_warning(folder, capsys):
    key = read_zkey(FIXTURES / "cells_phase2_3.zkey")
    n = 200
    wires = n + 1 + len(key.c)
    many = dataclasses.replace(
        key,
        n_wires=wires,
        n_public=n,
        domain_size=256,
        ic=(key.ic[0],) * (n + 1),
        **{
            part: np.resize(getattr(key, part), (length, getattr(key, part).shape[1]))
            for part, length in (("a", wires), ("b1", wires), ("b2", wires), ("h", 256))
        },
    )
    write_zkey(many, "many.zkey")
    done = verb_runner(capsys)("zkey", "export", "solidityverifier", "many.zkey", "v.sol")
    assert done.code == 0
    assert (
        "200 public signals are too many for Ethereum: Groth16Verifier: expected at most 24576 bytes"
        in done.err
    )
    assert "uint256[200]" in Path("v.sol").read_text()
    before = contents(folder)
    refused = verb_runner(capsys)(
        "zkey", "export", "solidityverifier", "c.zkey", "w.sol", "--contract", "uint8"
    )
    assert refused.code == 2
    assert contents(folder) == before


@pytest.mark.parametrize("line", IN_PLACE)
def test_a_file_may_take_the_place_of_the_one_it_is_made_of(line, folder, capsys):
    verb, what, source, *rest = line.split()
    cli = verb_runner(capsys, verb)
    arguments = [argument if argument != source else "beside" for argument in rest]
    assert cli(what, source, *arguments).code == 0
    assert cli(what, source, *rest).code == 0
    beside, in_place = ((folder / name).read_bytes() for name in ("beside", source))
    assert len(beside) == len(in_place)
    if what in ("beacon", "prepare"):
        assert beside == in_place
    if verb == "ptau":
        assert cli("verify", source).code == 0
    else:
        assert cli("verify", "c.r1cs", "p.ptau", source).code == 0


@pytest.mark.parametrize(
    ("arguments", "redirection", "code"),
    [
        ("info c.zkey --json", ">/dev/full", 2),
        ("info c.zkey", ">/dev/full 2>&1", 2),
        ("info c.zkey --json", ">&- 2>&-", 0),
        ("info missing --json", ">/dev/full 2>&1", 2),
        ("info missing --json", ">&- 2>&-", 2),
    ],
)
def test_a_full_or_closed_terminal_causes_no_traceback(arguments, redirection, code, folder):
    command = f"'{sys.executable}' -m zkroll zkey {arguments} {redirection}"
    done = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
