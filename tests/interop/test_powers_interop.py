"""Powers of τ to which both sides contribute in turns are accepted by both, and damaged ones by neither."""

from __future__ import annotations

from pathlib import Path

import pytest
from interop.workshop import HERE, SIDES, THERE, Side, Workshop
from support.npm import needs_packages

from zkroll.algebra.iden3 import open_sections

pytestmark = [pytest.mark.oracle, needs_packages]

POWER = 5


def chain(workshop: Workshop, first: Side, second: Side) -> Path:
    """Powers that the sides made in turns, `first` beginning and preparing them."""

    def make(out: Path) -> None:
        steps = [out.with_suffix(f".{i}.ptau") for i in range(4)]
        first.new_powers(POWER, steps[0])
        second.contribute_powers(steps[0], steps[1])
        first.contribute_powers(steps[1], steps[2])
        second.beacon_powers(steps[2], steps[3])
        first.prepare(steps[3], out)

    return workshop.made(f"chain-{first.name}.ptau", make)


@pytest.mark.parametrize(("first", "second"), [SIDES, SIDES[::-1]], ids=["zkroll", "snarkjs"])
def test_powers_of_both_sides_are_accepted_by_both(workshop: Workshop, first: Side, second: Side) -> None:
    powers = chain(workshop, first, second)
    assert HERE.accepts_powers(powers)
    assert THERE.accepts_powers(powers)


SECTIONS = {"tau_g1": 2, "tau_g2": 3, "beta_g2": 6, "lagrange_g1": 12}


@pytest.mark.parametrize("section", SECTIONS)
def test_an_exchanged_point_is_found_by_both_sides(workshop: Workshop, tmp_path: Path, section: str) -> None:
    """Two points that stand in the file, one in the other's place: all are still of their groups."""
    powers = chain(workshop, HERE, THERE)
    at = open_sections(powers, "ptau", (1,)).sections[SECTIONS[section]].start
    octets = bytearray(powers.read_bytes())
    size = 128 if section.endswith("g2") else 64
    if section == "beta_g2":  # has one point: that of another section instead
        other = open_sections(powers, "ptau", (1,)).sections[3].start + size
        octets[at : at + size] = octets[other : other + size]
    else:
        first, last = at + size * 2, at + size * 3
        octets[first : first + size], octets[last : last + size] = (
            octets[last : last + size],
            octets[first : first + size],
        )
    damaged = tmp_path / "damaged.ptau"
    damaged.write_bytes(octets)
    assert not HERE.accepts_powers(damaged)
    assert not THERE.accepts_powers(damaged)


def test_powers_that_nobody_contributed_to_are_accepted_by_neither(tmp_path: Path) -> None:
    THERE.new_powers(POWER, tmp_path / "new.ptau")
    assert not HERE.accepts_powers(tmp_path / "new.ptau")
    assert not THERE.accepts_powers(tmp_path / "new.ptau")
