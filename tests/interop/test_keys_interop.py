"""Keys that either side makes from powers of either side are accepted by both, and wrong ones by neither."""

from __future__ import annotations

from pathlib import Path

import pytest
from interop.cases import CASES
from interop.keys import KEYS, made_key
from interop.workshop import HERE, SIDES, THERE, Workshop
from support.npm import needs_packages

from zkroll.algebra.iden3 import open_sections

pytestmark = [pytest.mark.oracle, needs_packages]


@pytest.mark.parametrize("name", KEYS)
def test_a_key_of_either_side_is_accepted_by_both(workshop: Workshop, name: str) -> None:
    circuit, powers, key = made_key(workshop, name)
    assert HERE.accepts_key(workshop.constraints(circuit), powers, key)
    assert THERE.accepts_key(workshop.constraints(circuit), powers, key)


@pytest.mark.parametrize("circuit", ["commitment", "merkle"])
def test_the_first_key_a_beacon_and_the_verification_key_have_the_same_bytes(
    workshop: Workshop, tmp_path: Path, circuit: str
) -> None:
    powers = workshop.powers(HERE, CASES[circuit]().power)
    files = {}
    for side in SIDES:
        new, closed, exported = (tmp_path / f"{side.name}.{step}" for step in ("0.zkey", "1.zkey", "json"))
        side.new_key(workshop.constraints(circuit), powers, new)
        side.beacon_key(new, closed)
        side.export_key(closed, exported)
        files[side.name] = [path.read_bytes() for path in (new, closed, exported)]
    assert files[HERE.name] == files[THERE.name]


def test_a_key_of_another_circuit_or_other_powers_is_accepted_by_neither(workshop: Workshop) -> None:
    _, _, key = made_key(workshop, "commitment, begun by snarkjs")
    for side in SIDES:
        assert not side.accepts_key(workshop.constraints("commitment"), workshop.powers(THERE, 9), key)
    other = workshop.powers(HERE, CASES["merkle"]().power)
    for side in SIDES:
        assert not side.accepts_key(workshop.constraints("merkle"), other, key)


SECTIONS = {"IC": 3, "A": 5, "B1": 6, "B2": 7, "C": 8, "H": 9}


@pytest.mark.parametrize("section", SECTIONS)
def test_an_exchanged_point_of_a_key_is_found_by_both_sides(
    workshop: Workshop, tmp_path: Path, section: str
) -> None:
    circuit, powers, key = made_key(workshop, "commitment, begun by zkroll")
    octets = bytearray(key.read_bytes())
    place = open_sections(key, "zkey", (1,)).sections[SECTIONS[section]]
    size = 128 if section == "B2" else 64
    points = [octets[at : at + size] for at in range(place.start, place.start + place.length, size)]
    other = next(i for i, point in enumerate(points) if point != points[0])
    points[0], points[other] = points[other], points[0]
    octets[place.start : place.start + place.length] = b"".join(points)
    damaged = tmp_path / "damaged.zkey"
    damaged.write_bytes(octets)
    for side in SIDES:
        assert not side.accepts_key(workshop.constraints(circuit), powers, damaged)
