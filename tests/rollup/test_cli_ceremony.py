"""What the verbs of ceremonies take and show alike."""

from __future__ import annotations

import pytest

from zkroll.errors import InputError
from zkroll.prover.ceremony.beacon import DEFAULT_MAX_EXPONENT
from zkroll.rollup.cli import ceremony


def test_the_limit_of_beacons_is_that_of_the_library():
    assert ceremony.MAX_EXPONENT == DEFAULT_MAX_EXPONENT


def test_a_seed_is_pairs_of_digits():
    assert ceremony.beacon_seed("0x00fF") == ceremony.beacon_seed("00ff") == b"\0\xff"


@pytest.mark.parametrize("text", ["", "0x", "0", "0x123", "zz", "12 34", "+1", "\u0661\u0662"])
def test_other_texts_are_no_seed(text: str):
    with pytest.raises(InputError, match="pairs of hexadecimal digits"):
        ceremony.beacon_seed(text)


def test_hashes_are_shown_in_groups_that_can_be_read_aloud(capsys):
    ceremony.show_hash("hash", bytes(range(20)).hex())
    assert capsys.readouterr().out == "hash:\n    00010203 04050607 08090a0b 0c0d0e0f\n    10111213\n"


def test_a_contribution_is_shown_with_its_hashes_and_its_beacon(capsys):
    entry = ceremony.contribution_entry(2, "me", b"\1", 10, first_hash=b"\2", other=b"\3")
    assert entry == {
        "number": 2, "name": "me", "kind": "beacon", "beacon": "01", "exponent": 10, "first_hash": "02", "other": "03",
    }  # fmt: skip
    ceremony.show_document({"file": "f", "circuit_hash": "aa", "contributions": [entry]}, "circuit_hash")
    assert capsys.readouterr().out.splitlines() == [
        "file           f",
        "contributions  1",
        "circuit hash:",
        "    aa",
        "contribution 2 me, first hash:",
        "    02",
        "contribution 2 me, other:",
        "    03",
        "    beacon 01, hashed 2^10 times",
    ]
