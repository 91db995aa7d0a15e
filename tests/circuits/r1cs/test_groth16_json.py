"""proof.json, public.json and verification_key.json: as snarkjs writes them, and nothing else is accepted."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.section_files import FIXTURES

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.circuits.r1cs.formats import strict_json
from zkroll.circuits.r1cs.formats.groth16_json import (
    LARGEST_PROOF,
    parse_proof,
    parse_public,
    parse_verification_key,
    proof_json,
    public_json,
    read_proof,
    read_public,
    read_verification_key,
    verification_key_json,
    write_proof,
    write_public,
    write_verification_key,
)
from zkroll.circuits.r1cs.formats.keys import Groth16Proof
from zkroll.circuits.r1cs.formats.zkey import read_zkey
from zkroll.errors import InputError

PROOF = (FIXTURES / "cells.proof.json").read_bytes()
PUBLIC = (FIXTURES / "cells.public.json").read_bytes()
KEY = (FIXTURES / "cells.verification_key.json").read_bytes()
COORDINATES = st.one_of(st.sampled_from([1, Q_MODULUS - 1]), st.integers(1, Q_MODULUS - 1))
G1 = st.one_of(st.none(), st.tuples(COORDINATES, COORDINATES))
G2 = st.one_of(st.none(), st.tuples(st.tuples(COORDINATES, COORDINATES), st.tuples(COORDINATES, COORDINATES)))


def test_files_of_snarkjs_are_written_back_byte_for_byte(tmp_path: Path) -> None:
    write_proof(read_proof(FIXTURES / "cells.proof.json"), tmp_path / "proof.json")
    assert (tmp_path / "proof.json").read_bytes() == PROOF
    write_public(read_public(FIXTURES / "cells.public.json"), tmp_path / "public.json")
    assert (tmp_path / "public.json").read_bytes() == PUBLIC
    key = read_verification_key(FIXTURES / "cells.verification_key.json")
    write_verification_key(key, tmp_path / "key.json")
    assert (tmp_path / "key.json").read_bytes() == KEY


def test_the_verification_key_of_a_proving_key_is_the_one_that_snarkjs_exports() -> None:
    key = read_zkey(FIXTURES / "cells.zkey").verification_key
    assert key == parse_verification_key(KEY)
    assert verification_key_json(key) == KEY


@settings(deadline=None)
@given(st.builds(Groth16Proof, G1, G2, G1))
def test_any_proof_is_read_as_it_was_written(proof: Groth16Proof) -> None:
    assert parse_proof(proof_json(proof)) == proof
    assert json.loads(proof_json(proof))["curve"] == "bn128"


@settings(deadline=None)
@given(st.lists(st.one_of(st.sampled_from([0, 1, R_MODULUS - 1]), st.integers(0, R_MODULUS - 1)), max_size=6))
def test_any_public_signals_are_read_as_they_were_written(signals: list[int]) -> None:
    assert parse_public(public_json(signals)) == signals


def test_a_proof_without_its_curve_and_in_another_layout_is_read() -> None:
    document = json.loads(PROOF)
    del document["curve"]
    text = json.dumps(dict(reversed(document.items()))).encode()
    assert parse_proof(text) == parse_proof(PROOF)


def test_a_key_without_its_pairing_is_read_and_one_with_another_is_refused() -> None:
    document = json.loads(KEY)
    del document["vk_alphabeta_12"]
    assert parse_verification_key(json.dumps(document).encode()) == parse_verification_key(KEY)
    document = json.loads(KEY)
    document["vk_alphabeta_12"][1][2][0] = "1"
    with pytest.raises(InputError, match="pairing of alpha and beta"):
        parse_verification_key(json.dumps(document).encode())


NUMBERS = [
    '"1_000"', '" 7"', '"7 "', '"+7"', '"-7"', '"-0"', '"07"', '"0x7"', '"7.0"', '"7e0"', '""', '"٧"', '"７"', '"a"',
    "7.0", "7", "-1", "1e3", "true", "false", "null", "NaN", "Infinity", "-Infinity", "[]", "{}", '["7"]', "9" * 5000,
    '"' + "9" * 5000 + '"', '"7\\n"', '"\\u0037"', f'"{R_MODULUS}"', f'"{2**256}"',
]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS, ids=lambda text: text[:12])
def test_numbers_in_any_other_form_are_refused(number: str) -> None:
    with pytest.raises(InputError, match=r"^here"):
        parse_public(f'["1", {number}]'.encode(), "here")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"{}",
        b'"1"',
        b'["1"',
        b'["1",]',
        b'["1"]]',
        b'["1"] x',
        b'["1"]\0',
        b"\xef\xbb\xbf" + PUBLIC,
        PUBLIC.decode().encode("utf-16"),
        PUBLIC.decode().encode("utf-32"),
        b'["\xff"]',
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'["' + b"]" * 100_000 + b'", ' + b"[" * 100_000 + b"]" * 100_001,
        b'{"a":' * 50_000,
        b'["' + b"[" * 100_000,
        b'"' * 100_001,
        b"\x80\x04\x95\x00.",
        b"gASV",
        b"// comment\n[]",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_texts_that_are_no_array_of_signals_are_refused(text: bytes) -> None:
    with pytest.raises(InputError, match=r"^here"):
        parse_public(text, "here")


def _changed(path: list[str | int], value: object, text: bytes = PROOF) -> bytes:
    document = json.loads(text)
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(document, ensure_ascii=False).encode()


A_POINT = json.loads(PROOF)["pi_a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_changed(["protocol"], "plonk"), "protocol: expected 'groth16', got 'plonk'"),
        (_changed(["protocol"], None), "protocol"),
        (_changed(["curve"], "bls12381"), "curve: expected 'bn128'"),
        (_changed(["extra"], "x"), "expected only .*, got 'extra'"),
        (_changed(["pi_a"], A_POINT[:2]), "pi_a: expected 3 elements, got 2"),
        (_changed(["pi_a"], [*A_POINT, "1"]), "pi_a: expected 3 elements, got 4"),
        (_changed(["pi_a"], "x"), "pi_a: expected an array, got 'x'"),
        (_changed(["pi_a", 0], str(int(A_POINT[0]) + Q_MODULUS)), "pi_a: expected a number below"),
        (_changed(["pi_a", 0], str(Q_MODULUS)), "pi_a: expected a number below"),
        (_changed(["pi_a", 2], "2"), "pi_a: expected x, y, 1"),
        (_changed(["pi_a", 2], "0"), "pi_a: expected x, y, 1"),
        (_changed(["pi_a"], ["0", "0", "1"]), "pi_a: expected x, y, 1"),
        (_changed(["pi_a"], ["0", "0", "0"]), "pi_a: expected x, y, 1"),
        (_changed(["pi_b", 2], ["0", "1"]), "pi_b: expected x, y, 1"),
        (_changed(["pi_b", 0], ["1"]), "pi_b: expected 2 elements, got 1"),
        (_changed(["pi_b"], [["0", "0"], ["0", "0"], ["1", "0"]]), "pi_b: expected x, y, 1"),
        (_changed(["pi_c", 1], 5), "pi_c: expected a string of decimal digits, got 5"),
        (PROOF.replace(b'"pi_c"', b'"pi_d"'), "pi_c is missing"),
        (PROOF.replace(b'"pi_c"', b'"pi_a"'), "key 'pi_a' stands twice"),
        (b"[]", "expected an object, got list"),
    ],
)
def test_documents_that_are_no_proof_are_refused(text: bytes, message: str) -> None:
    with pytest.raises(InputError, match=f"^proof: {message}"):
        parse_proof(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_changed(["nPublic"], 2, KEY), "IC: expected 3 elements, got 4"),
        (_changed(["nPublic"], "3", KEY), "nPublic: expected a number"),
        (_changed(["nPublic"], True, KEY), "nPublic: expected a number"),
        (_changed(["nPublic"], 3.0, KEY), "expected numbers as strings"),
        (_changed(["nPublic"], -1, KEY), "expected numbers as strings"),
        (_changed(["nPublic"], 10**30, KEY), "expected numbers as strings"),
        (_changed(["IC", 1, 0], "x", KEY), r"IC\[1\]: expected a string"),
        (_changed(["IC"], [], KEY), "IC: expected 4 elements, got 0"),
        (_changed(["vk_alpha_1"], ["1", "5", "1"], KEY), ".*alpha: expected a point on the curve"),
        (_changed(["vk_beta_2"], [["1", "0"], ["2", "0"], ["1", "0"]], KEY), ".*G2 point: expected"),
        (_changed(["vk_alphabeta_12"], [[["0", "0"]] * 3], KEY), "vk_alphabeta_12: expected 2 elements"),
    ],
)
def test_documents_that_are_no_verification_key_are_refused(text: bytes, message: str) -> None:
    with pytest.raises(InputError, match=f"^verification key: {message}"):
        parse_verification_key(text)


@pytest.mark.parametrize("signals", [[R_MODULUS], [-1], [0, 2**256]])
def test_signals_that_are_not_canonical_are_not_written(signals: list[int]) -> None:
    with pytest.raises(InputError, match=r"expected 0\.\.r-1"):
        public_json(signals)


def test_files_that_are_too_large_or_no_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_bytes(PROOF + b" " * LARGEST_PROOF)
    os.mkfifo(tmp_path / "fifo")
    for place, message in (
        (path, "at most"),
        (tmp_path, "regular file|directory"),
        (tmp_path / "fifo", "regular file"),
        ("/dev/zero", "regular file"),
        (tmp_path / "none", "cannot read"),
    ):
        with pytest.raises(InputError, match=message):
            read_proof(place)


def test_text_is_laid_out_as_by_snarkjs() -> None:
    assert strict_json.dump([]) == b"[\n]"
    assert (
        strict_json.dump({"a": [], "b": [["1"], 2]})
        == b'{\n "a": [\n ],\n "b": [\n  [\n   "1"\n  ],\n  2\n ]\n}'
    )
