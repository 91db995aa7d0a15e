"""Verification of powers of tau: sound files of snarkjs accepted, and every single part of them missed when changed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from support.groups import GROUPS, outside
from support.powers import (
    IMPORTED,
    NEXT_CHALLENGE_AT,
    PARAMETERS_AT,
    PARTIAL_HASH_AT,
    POWERS_3,
    PREPARED,
    RECORD_POINTS,
    cut,
    point_at,
    point_sections,
    record_starts,
    records,
    row_bytes,
    with_octets,
    with_point,
    with_records,
)
from support.section_files import content, patched

from zkroll.algebra.curve import G1Points, G2Points, double, negate
from zkroll.algebra.ptau import BETA_G2, LAGRANGE, POWERS, TAU_G1, TAU_G2, kind_of
from zkroll.errors import InputError, VerificationError
from zkroll.prover.ceremony import keypair, powers_check
from zkroll.prover.ceremony.claims import Claim, require
from zkroll.prover.ceremony.powers import beacon, contribute, new
from zkroll.prover.ceremony.powers_check import verify
from zkroll.prover.ceremony.powers_prepare import prepare

DATA = PREPARED.read_bytes()
CHALLENGES = cache(keypair.digest_challenge)
FEW = (0, 1, 2, -1)  # points of a section that are changed


@pytest.fixture(autouse=True)
def remembered_challenges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Multiply each point that a digest gives by the cofactor only once in all tests: that takes a while."""
    monkeypatch.setattr(keypair, "digest_challenge", CHALLENGES)


def refused(data: bytes, tmp_path: Path, match: str = "") -> None:
    path = tmp_path / "bad.ptau"
    path.write_bytes(data)
    with pytest.raises(VerificationError, match=match) as caught:
        verify(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def other(octets: bytes, kind: type[G1Points] | type[G2Points]) -> bytes:
    """Another point of the group."""
    return double(kind.from_bytes(octets, "iden3")).to_bytes("iden3")


# ---- sound files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "names"),
    [(POWERS_3, ["test"]), (PREPARED, ["test", "beacon of tests"]), (IMPORTED, ["test", "imported"])],
    ids=["contributed", "prepared", "imported"],
)
def test_files_of_snarkjs_are_accepted(source: Path, names: list[str]) -> None:
    checked = verify(source)
    assert (checked.power, checked.is_prepared) == (3, source is PREPARED)
    assert [one.contribution.name for one in checked.contributions] == names
    assert checked.next_challenge == checked.contributions[-1].contribution.next_challenge


def test_files_made_here_are_accepted(tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.ptau" for i in range(5)]
    new(paths[0], 4)
    contribute(paths[0], paths[1])
    contribute(paths[1], paths[2])
    beacon(paths[2], paths[3], b"seed", 10)
    prepare(paths[3], paths[4])
    for path in paths[1:]:
        verify(path)


def test_powers_are_compared_across_the_ends_of_chunks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(powers_check, "_CHUNK", 8)
    verify(PREPARED)
    for first in (7, 8):
        moved = with_point(DATA, TAU_G1, first, point_at(DATA, TAU_G1, first + 1))
        refused(moved, tmp_path, "tauG1: expected consecutive powers")


@pytest.mark.parametrize("power", [1, 2])
def test_a_cut_file_is_accepted_without_the_hash_of_its_points(power: int, tmp_path: Path) -> None:
    path = tmp_path / "cut.ptau"
    path.write_bytes(cut(DATA, power))
    checked = verify(path)
    assert (checked.power, checked.ceremony_power) == (power, 3)
    refused(with_point(cut(DATA, power), TAU_G1, 2, point_at(DATA, TAU_G1, 3)), tmp_path, "consecutive")


# ---- nobody contributed ------------------------------------------------------------------------------------


def test_a_file_without_contributions_is_refused(tmp_path: Path) -> None:
    new(tmp_path / "0.ptau", 3)
    refused((tmp_path / "0.ptau").read_bytes(), tmp_path, "expected a contribution, got none")
    refused(with_records(DATA, []), tmp_path, "got none")


# ---- points ------------------------------------------------------------------------------------------------


def _changed_points() -> dict[str, tuple[bytes, int]]:
    out = {}
    for section in point_sections(DATA):
        count = len(content(DATA, section)) // row_bytes(section)
        for index in {i % count for i in FEW}:
            octets = point_at(DATA, section, index)
            if not any(octets):
                continue
            new_point = other(octets, kind_of(section))
            out[f"{section}: point {index} doubled"] = (with_point(DATA, section, index, new_point), section)
        opposite = negate(kind_of(section).from_bytes(point_at(DATA, section, count - 1), "iden3"))
        out[f"{section}: last negated"] = (
            with_point(DATA, section, count - 1, opposite.to_bytes("iden3")),
            section,
        )
        nothing = bytes(row_bytes(section))
        out[f"{section}: last infinite"] = (with_point(DATA, section, count - 1, nothing), section)
        out[f"{section}: all infinite"] = (
            with_octets(DATA, section, 0, bytes(len(content(DATA, section)))),
            section,
        )
    return out


CHANGED = _changed_points()


@pytest.mark.parametrize("name", list(CHANGED))
def test_a_changed_point_is_found_in_its_section(name: str, tmp_path: Path) -> None:
    data, section = CHANGED[name]
    names = {**powers_check.NAMES, **{n: f"section {n}" for n in LAGRANGE.values()}}
    refused(data, tmp_path, names[section])


@pytest.mark.parametrize("section", point_sections(DATA))
def test_points_off_the_curve_are_found_wherever_they_stand(section: int, tmp_path: Path) -> None:
    size, octets = row_bytes(section), content(DATA, section)
    count = len(octets) // size
    for index in {0, count // 2, count - 1}:
        octet = octets[size * index]
        refused(
            with_octets(DATA, section, size * index, bytes([octet ^ 1])),
            tmp_path,
            "on the curve|of order r|below q",
        )


@pytest.mark.parametrize("section", [TAU_G2, BETA_G2, LAGRANGE[TAU_G2]])
def test_points_outside_the_group_are_refused(section: int, tmp_path: Path) -> None:
    foreign = G2Points.from_ints(outside(1)).to_bytes("iden3")
    refused(with_point(DATA, section, 0, foreign), tmp_path, f"section {section}: .*of order r")


def test_points_of_two_powers_exchanged_are_refused(tmp_path: Path) -> None:
    for section in POWERS[:4]:
        one, two = (point_at(DATA, section, i) for i in (2, 3))
        exchanged = with_point(with_point(DATA, section, 2, two), section, 3, one)
        refused(exchanged, tmp_path, "consecutive powers")
    alpha, beta = content(DATA, 4), content(DATA, 5)
    refused(with_octets(with_octets(DATA, 4, 0, beta), 5, 0, alpha), tmp_path, "alphaTauG1: point 0")


def test_lagrange_bases_of_other_powers_are_refused(tmp_path: Path) -> None:
    new(tmp_path / "0.ptau", 3)
    contribute(tmp_path / "0.ptau", tmp_path / "1.ptau")
    prepare(tmp_path / "1.ptau", tmp_path / "2.ptau")
    foreign = (tmp_path / "2.ptau").read_bytes()
    for number in LAGRANGE.values():
        refused(with_octets(DATA, number, 0, content(foreign, number)), tmp_path, f"section {number}")
    refused(with_octets(DATA, 14, 0, content(DATA, 15)), tmp_path, "section 14")


# ---- contributions -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("name", list(RECORD_POINTS))
def test_every_point_of_a_contribution_is_bound(name: str, number: int, tmp_path: Path) -> None:
    at, kind = RECORD_POINTS[name]
    at += record_starts(DATA)[number]
    size = kind.group.row_bytes
    octets = content(DATA, 7)[at : at + size]
    place = f"contribution {number + 1}"
    refused(with_octets(DATA, 7, at, other(octets, kind)), tmp_path, place)
    refused(with_octets(DATA, 7, at, bytes(size)), tmp_path, place)
    refused(with_octets(DATA, 7, at, bytes([octets[0] ^ 1])), tmp_path, place)
    if kind is G2Points:
        refused(with_octets(DATA, 7, at, G2Points.from_ints(outside(1)).to_bytes("iden3")), tmp_path, place)


def test_the_hashes_of_the_last_contribution_are_bound(tmp_path: Path) -> None:
    first, last = record_starts(DATA)
    octets = content(DATA, 7)

    def flipped(at: int) -> bytes:
        return with_octets(DATA, 7, at, bytes([octets[at] ^ 1]))

    refused(flipped(last + NEXT_CHALLENGE_AT), tmp_path, "contribution 2: expected its next challenge")
    refused(flipped(last + NEXT_CHALLENGE_AT + 63), tmp_path, "contribution 2: expected its next challenge")
    refused(flipped(last + PARTIAL_HASH_AT), tmp_path, "contribution 2: expected its next challenge")
    refused(flipped(last + PARTIAL_HASH_AT + 128), tmp_path, "contribution 2: expected its next challenge")
    refused(flipped(last + PARTIAL_HASH_AT + 192), tmp_path, "contribution 2: state")
    refused(flipped(first + NEXT_CHALLENGE_AT), tmp_path, "contribution 2: expected a proof")


def test_contributions_left_out_doubled_or_exchanged_are_refused(tmp_path: Path) -> None:
    one, two = records(DATA)
    refused(with_records(DATA, [one]), tmp_path, "tauG1: point 1: expected the last contribution's")
    refused(with_records(DATA, [two]), tmp_path, "contribution 1: expected a proof")
    refused(with_records(DATA, [two, one]), tmp_path, "contribution 1: expected a proof")
    refused(with_records(DATA, [one, one, two]), tmp_path, "contribution 2: expected a proof")
    refused(with_records(DATA, [one, two, two]), tmp_path, "contribution 3: expected a proof")


def test_a_proof_for_another_secret_does_not_stand_for_it(tmp_path: Path) -> None:
    start = record_starts(DATA)[0]
    octets = content(DATA, 7)
    alpha, beta = (octets[start + at : start + at + 128] for at in (576, 704))
    exchanged = patched(patched(octets, start + 576, beta), start + 704, alpha)
    refused(with_octets(DATA, 7, 0, exchanged), tmp_path, "contribution 1: expected a proof that its alpha")


# ---- beacons -----------------------------------------------------------------------------------------------


def _with_parameters(name: bytes, exponent: int, seed: bytes) -> bytes:
    one, two = records(DATA)
    parts = bytes([1, len(name)]) + name + bytes([2, exponent, 3, len(seed)]) + seed
    return with_records(DATA, [one, two[:PARAMETERS_AT] + len(parts).to_bytes(4, "little") + parts])


def test_a_beacon_of_another_seed_or_exponent_is_refused(tmp_path: Path) -> None:
    seed = bytes(range(1, 33))
    refused(_with_parameters(b"b", 11, seed), tmp_path, "contribution 2: expected the tau of the beacon")
    refused(_with_parameters(b"b", 10, seed[:-1]), tmp_path, "contribution 2: expected the tau of the beacon")
    refused(_with_parameters(b"b", 9, seed), tmp_path, "contribution 2: beacon")
    path = tmp_path / "bad.ptau"
    path.write_bytes(_with_parameters(b"b", 64, seed))
    with pytest.raises(VerificationError, match="contribution 2: beacon"):
        verify(path, max_exponent=255)
    refused(_with_parameters(b"b", 10, b""), tmp_path, "contribution 2: beacon")


def test_a_contribution_does_not_pass_for_a_beacon(tmp_path: Path) -> None:
    data = POWERS_3.read_bytes()
    (one,) = records(data)
    parts = bytes([2, 10, 3, 1, 7])
    faked = one[: PARAMETERS_AT - 4] + b"\1\0\0\0" + len(parts).to_bytes(4, "little") + parts
    refused(with_records(data, [faked]), tmp_path, "contribution 1: expected the tau of the beacon")


@pytest.mark.parametrize("exponent", [33, 63])
def test_a_beacon_that_takes_too_long_is_not_begun(exponent: int, tmp_path: Path) -> None:
    path = tmp_path / "long.ptau"
    path.write_bytes(_with_parameters(b"b", exponent, b"\1"))
    with pytest.raises(InputError, match=r"at most 2\^32"):
        verify(path)
    with pytest.raises(InputError, match=r"at most 2\^9 hashes, got"):
        verify(PREPARED, max_exponent=9)
    verify(PREPARED, max_exponent=10)


# ---- ratios ------------------------------------------------------------------------------------------------


def test_ratios_hold_for_one_factor_other_than_zero() -> None:
    g1, g2 = (GROUPS[name].multiple for name in ("g1", "g2"))
    good = Claim("good", g1(3), g1(15), g2(7), g2(35))
    require("place", [good])
    require("place", [])
    for bad in (
        Claim("bad", g1(3), g1(16), g2(7), g2(35)),
        Claim("bad", g1(3), None, g2(7), None),
        Claim("bad", None, g1(3), None, g2(7)),
        Claim("bad", g1(3), g1(15), g2(7), None),
        Claim("bad", (1, 3), (1, 3), g2(7), g2(7)),
        Claim("bad", g1(3), g1(3), outside(1)[0], outside(1)[0]),
    ):
        with pytest.raises(VerificationError, match=r"^place: bad$"):
            require("place", [good, bad, good])
