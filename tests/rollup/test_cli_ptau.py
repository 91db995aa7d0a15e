"""The verbs of powers of tau: files, exit codes, one line for what is wrong."""

from __future__ import annotations

import json
import os

import pytest
from support.powers import (
    BEACON_NAME,
    EXPONENT,
    IMPORTED,
    POWERS_3,
    PREPARED,
    RESPONSE,
    SEED,
    cut,
    point_at,
    with_octets,
    with_point,
)
from support.verbs import Verb, refused, verb_runner


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Verb:
    return verb_runner(capsys, "ptau")


def test_a_ceremony_from_the_first_powers_to_prepared_ones(cli, tmp_path):
    paths = [tmp_path / f"{i}.ptau" for i in range(4)]
    begun = cli("new", 2, paths[0], "--json")
    assert (begun.code, json.loads(begun.out)["power"]) == (0, 2)
    made = cli(
        "contribute", paths[0], paths[1], "--name", "me", "--entropy", "words", "--threads", 1, "--json"
    )
    closed = cli("beacon", paths[1], paths[2], "0x" + SEED.hex(), EXPONENT, "-n", "last")
    assert (made.code, closed.code) == (0, 0)
    prepared = cli("prepare", paths[2], paths[3], "--json")
    assert (prepared.code, json.loads(prepared.out)) == (0, {"file": str(paths[3]), "power": 2})
    assert "betaTauG1" in prepared.err
    found = cli("verify", paths[3], "--json")
    document = json.loads(found.out)
    assert (found.code, document["accepted"], document["prepared"]) == (0, True, True)
    first, last = document["contributions"]
    assert first["response_hash"] == json.loads(made.out)["response_hash"]
    assert (first["name"], last["name"], last["exponent"], last["beacon"]) == ("me", "last", 10, SEED.hex())
    assert document["next_challenge"] == last["next_challenge"]


def test_beacon_and_prepare_give_the_bytes_of_snarkjs(cli, tmp_path):
    assert cli("beacon", POWERS_3, tmp_path / "b", SEED.hex(), EXPONENT, "--name", BEACON_NAME).code == 0
    assert cli("prepare", tmp_path / "b", tmp_path / "p").code == 0
    assert (tmp_path / "p").read_bytes() == PREPARED.read_bytes()


def test_challenge_and_response(cli, tmp_path):
    told = cli("export", "challenge", POWERS_3, tmp_path / "challenge", "--json")
    assert (told.code, len(json.loads(told.out)["challenge"])) == (0, 128)
    assert (tmp_path / "challenge").stat().st_size == 384 * 8 + 128
    added = cli("import", POWERS_3, RESPONSE, tmp_path / "i", "--name", "imported", "--json")
    assert (added.code, (tmp_path / "i").read_bytes()) == (0, IMPORTED.read_bytes())
    refused(cli("import", IMPORTED, RESPONSE, tmp_path / "j"), 1, "a response to the challenge")
    refused(cli("import", POWERS_3, POWERS_3, tmp_path / "j"), 2, "expected a response of 2400 bytes")
    assert not (tmp_path / "j").exists()


def test_info_tells_what_is_in_the_file(cli, tmp_path):
    document = json.loads(cli("info", PREPARED, "--json").out)
    assert (document["power"], document["ceremony_power"], document["prepared"]) == (3, 3, True)
    assert [one["name"] for one in document["contributions"]] == ["test", BEACON_NAME]
    assert json.loads(cli("info", POWERS_3, "--json").out)["prepared"] is False
    (tmp_path / "cut").write_bytes(cut(POWERS_3.read_bytes(), 2))
    assert "ceremony power  3" in cli("info", tmp_path / "cut").out


def test_names_of_strangers_do_not_reach_the_terminal_as_they_are(cli, tmp_path):
    named = with_octets(POWERS_3.read_bytes(), 7, 4 + 1504 + 2, b"\x1b[2J")
    (tmp_path / "a").write_bytes(named)
    shown = cli("info", tmp_path / "a")
    assert shown.code == 0
    assert "\x1b" not in shown.out
    assert "\\x1b[2J" in shown.out


def test_a_ceremony_that_does_not_hold_is_told_from_a_file_that_cannot_be_read(cli, tmp_path):
    data, bad = POWERS_3.read_bytes(), tmp_path / "bad.ptau"
    bad.write_bytes(with_point(data, 2, 3, point_at(data, 2, 4)))
    refused(cli("verify", bad), 1, "tauG1: expected consecutive powers")
    bad.write_bytes(with_octets(data, 7, 4 + 100, b"\1"))
    refused(cli("verify", bad), 1, "contribution 1")
    assert cli("new", 3, tmp_path / "0").code == 0
    refused(cli("verify", tmp_path / "0"), 1, "expected a contribution, got none")
    bad.write_bytes(data[:-1])
    refused(cli("verify", bad), 2, "section 7")
    refused(cli("verify", RESPONSE), 2, "expected a .ptau file")
    refused(cli("verify", tmp_path / "missing"), 2, "missing")
    refused(cli("verify", PREPARED, "--max-exponent", 9), 2, "at most 2^9")


def test_arguments_out_of_range_are_refused_and_nothing_is_written(cli, tmp_path):
    out = tmp_path / "out"
    for power in (0, 29, -1, "x", 2**70):
        assert cli("new", power, out).code == 2
    for seed, exponent in (
        ("", 10),
        ("abc", 10),
        ("aa bb", 10),
        ("zz", 10),
        ("é" * 2, 10),
        ("aa", 9),
        ("aa", 64),
    ):
        assert cli("beacon", POWERS_3, out, seed, exponent).code == 2
    refused(cli("contribute", POWERS_3, tmp_path / "no/out"), 2, "cannot be written")
    refused(cli("contribute", RESPONSE, out), 2, "expected a .ptau file")
    refused(cli("prepare", POWERS_3, tmp_path), 2, "cannot be written")
    assert cli("contribute", POWERS_3, out, "--threads", 0).code == 2
    os.mkfifo(tmp_path / "pipe")
    refused(cli("info", tmp_path / "pipe"), 2, "regular file")
    assert os.listdir(tmp_path) == ["pipe"]
