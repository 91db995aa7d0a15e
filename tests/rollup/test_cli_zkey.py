"""The verbs zkey new, contribute, beacon, verify, info and export: files, exit codes, one line for what is wrong.

For how the files were made see tests/prover/test_zkey_new.py and test_zkey_contribute.py.
"""

from __future__ import annotations

import json

import pytest
from support.npm import needs_packages, snarkjs
from support.section_files import FIXTURES, content, with_section
from support.verbs import Verb, refused, verb_runner

from zkroll.circuits.r1cs.formats.groth16_json import read_verification_key
from zkroll.circuits.r1cs.formats.zkey import read_zkey

KEYS = [FIXTURES / f"cells_phase2_{i}.zkey" for i in range(4)]
SYSTEM, POWERS = FIXTURES / "cells.r1cs", FIXTURES / "powers_4_prepared.ptau"
SEED = "0102030405060708"


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Verb:
    return verb_runner(capsys, "zkey")


def test_a_ceremony_from_the_circuit_to_the_contract(cli, tmp_path):
    first, second, last = (tmp_path / f"{i}.zkey" for i in range(3))
    made = cli("new", SYSTEM, POWERS, first, "--json")
    assert (made.code, first.read_bytes()) == (0, KEYS[0].read_bytes())
    assert json.loads(made.out)["circuit_hash"] == read_zkey(KEYS[0]).ceremony.circuit_hash.hex()
    assert "circuit hash" in made.err  # a stage
    contributed = cli("contribute", first, second, "--name", "me", "-e", "dice", "--threads", 1, "--json")
    assert contributed.code == 0
    assert cli("beacon", second, last, "0x" + SEED, 10, "-n", "end").code == 0
    checked = cli("verify", SYSTEM, POWERS, last, "--json")
    assert checked.code == 0
    found = json.loads(checked.out)
    assert found["accepted"]
    assert [(item["name"], item["kind"]) for item in found["contributions"]] == [
        ("me", "contribution"),
        ("end", "beacon"),
    ]
    assert found["contributions"][0]["hash"] == json.loads(contributed.out)["contribution_hash"]
    again = cli("verify", "--init", first, POWERS, last, "--json")
    assert (again.code, json.loads(again.out)) == (0, found)
    contract = tmp_path / "v.sol"
    exported = cli("export", "solidityverifier", last, contract, "--contract", "Cells", "--json")
    assert (exported.code, json.loads(exported.out)["contributions"]) == (0, 2)
    assert "contract Cells" in contract.read_text()


def test_a_beacon_has_the_bytes_of_snarkjs(cli, tmp_path):
    made = cli("beacon", KEYS[1], tmp_path / "k.zkey", SEED, "10", "--name", "beacon")
    assert (tmp_path / "k.zkey").read_bytes() == KEYS[2].read_bytes()
    assert "contribution hash:\n    0ae211a4 164c891d df8a5f50 28d1fccf\n" in made.out


def test_verify_shows_the_hashes_of_the_circuit_and_of_each_contribution(cli):
    done = cli("verify", SYSTEM, POWERS, KEYS[3])
    lines = done.out.splitlines()
    assert (done.code, lines[0], "circuit hash:" in lines) == (0, "accepted", True)
    assert [line for line in lines if line.startswith("contribution ")] == [
        "contribution 1 first:",
        "contribution 2 beacon:",
        "contribution 3 last:",
    ]
    assert f"    beacon {SEED}, hashed 2^10 times" in lines


def test_keys_that_do_not_hold_get_exit_code_1_and_one_line(cli, tmp_path):
    refused(cli("verify", SYSTEM, POWERS, KEYS[0]), 1, "phase 2 was skipped")
    refused(cli("verify", FIXTURES / "unused_inputs.r1cs", POWERS, KEYS[3]), 1, "another circuit")
    data = KEYS[3].read_bytes()
    at = content(data, 10).index(b"first") - 30  # in the transcript of the first contribution
    records = content(data, 10)
    bad = tmp_path / "bad.zkey"
    bad.write_bytes(with_section(data, 10, records[:at] + bytes([records[at] ^ 1]) + records[at + 1 :]))
    refused(cli("verify", SYSTEM, POWERS, bad), 1, "contribution 1: transcript")
    refused(cli("export", "solidityverifier", bad, tmp_path / "v.sol"), 1, "contribution 1: transcript")
    refused(cli("export", "solidityverifier", KEYS[0], tmp_path / "v.sol"), 1, "phase 2 was skipped")
    assert not (tmp_path / "v.sol").exists()


def test_input_that_cannot_be_used_gets_exit_code_2_and_one_line(cli, tmp_path):
    output = tmp_path / "k.zkey"
    refused(cli("new", SYSTEM, FIXTURES / "powers_3.ptau", output), 2, "not prepared for phase 2")
    refused(cli("new", POWERS, SYSTEM, output), 2, "ptau")
    refused(cli("new", SYSTEM, POWERS, tmp_path / "no" / "k.zkey"), 2, "cannot be written")
    refused(cli("new", tmp_path / "none.r1cs", POWERS, output), 2, "none.r1cs")
    refused(cli("new", FIXTURES / "custom_gates.r1cs", POWERS, output), 2, "custom gates")
    refused(cli("contribute", SYSTEM, output), 2, "expected a .zkey file")
    refused(cli("contribute", KEYS[0], tmp_path), 2, "cannot be written")
    for seed in ("", "0x", "abc", "zz", "01 02", "٣٣"):
        refused(cli("beacon", KEYS[0], output, seed, 10), 2, "hexadecimal")
    refused(cli("beacon", KEYS[0], output, "00" * 256, 10), 2, "1 to 255 bytes")
    refused(cli("beacon", KEYS[0], output, "00", 9), 2, "exponent of 10 to 63")
    refused(cli("verify", SYSTEM, POWERS), 2, "expected CIRCUIT.r1cs POWERS.ptau KEY.zkey, got 2 files")
    refused(
        cli("verify", "--init", KEYS[0], SYSTEM, POWERS, KEYS[3]), 2, "expected POWERS.ptau KEY.zkey, got 3"
    )
    refused(cli("verify", SYSTEM, KEYS[3], POWERS), 2, "expected a .")
    refused(cli("info", POWERS), 2, "expected a .zkey file")
    refused(
        cli("export", "solidityverifier", KEYS[3], tmp_path / "v.sol", "--contract", "1 x"), 2, "contract"
    )
    assert not list(tmp_path.iterdir())


def test_info_tells_sizes_and_contributions(cli):
    done = json.loads(cli("info", KEYS[3], "--json").out)
    assert {name: done[name] for name in ("wires", "public_signals", "domain", "power", "phase_2")} == {
        "wires": 10,
        "public_signals": 3,
        "domain": 16,
        "power": 4,
        "phase_2": "done",
    }
    assert [item["name"] for item in done["contributions"]] == ["first", "beacon", "last"]
    assert done["contributions"][1]["beacon"] == SEED
    text = cli("info", KEYS[0])
    assert (text.code, "phase 2         skipped" in text.out) == (0, True)


def test_a_name_with_control_characters_does_not_reach_the_terminal(cli, tmp_path):
    cli("contribute", KEYS[0], tmp_path / "k.zkey", "--name", "\x1b[2Jx\n")
    done = cli("info", tmp_path / "k.zkey")
    assert (done.code, "\x1b" in done.out, r"\x1b[2Jx\n" in done.out) == (0, False, True)


def test_the_verification_key_of_a_skipped_phase_2_comes_with_a_warning(cli, tmp_path):
    output = tmp_path / "vk.json"
    done = cli("export", "verificationkey", KEYS[0], output)
    assert (done.code, "phase 2 was skipped" in done.err) == (0, True)
    done = cli("export", "verificationkey", KEYS[3], output)
    assert (done.code, done.err) == (0, "")
    assert read_verification_key(output) == read_zkey(KEYS[3]).verification_key


@pytest.mark.oracle
@needs_packages
def test_the_verification_key_has_the_bytes_of_snarkjs(cli, tmp_path):
    snarkjs("zkey", "export", "verificationkey", KEYS[3], tmp_path / "theirs.json")
    cli("export", "verificationkey", KEYS[3], tmp_path / "ours.json")
    assert (tmp_path / "ours.json").read_bytes() == (tmp_path / "theirs.json").read_bytes()


def test_a_key_is_exported_as_json(cli, tmp_path, monkeypatch):
    output, again = tmp_path / "k.json", tmp_path / "again.json"
    assert cli("export", "json", KEYS[3], output).code == 0
    found = json.loads(output.read_text())
    assert (len(found["ccoefs"]), len(found["B2"]), found["C"][:4]) == (14, 10, [None] * 4)
    monkeypatch.setattr("zkroll.circuits.r1cs.formats.zkey_json._TOGETHER", 3)
    cli("export", "json", KEYS[3], again)
    assert again.read_bytes() == output.read_bytes()


@pytest.mark.oracle
@needs_packages
def test_the_json_of_a_key_has_the_bytes_of_snarkjs(cli, tmp_path):
    snarkjs("zkey", "export", "json", KEYS[3], tmp_path / "theirs.json")
    cli("export", "json", KEYS[3], tmp_path / "ours.json")
    assert (tmp_path / "ours.json").read_bytes() == (tmp_path / "theirs.json").read_bytes()
