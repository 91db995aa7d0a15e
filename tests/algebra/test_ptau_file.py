"""Files of powers of tau: all sections read and written, and whatever is damaged refused before it is believed."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest
from support.powers import (
    IMPORTED,
    PARAMETERS_AT,
    POWERS_3,
    PREPARED,
    TYPE_AT,
    record_starts,
    records,
    with_octets,
    with_records,
)
from support.section_files import assemble, content, damages, patched, sections, with_section

from zkroll.algebra.contribution_parameters import cut_name
from zkroll.algebra.curve import G1Points, G2Points
from zkroll.algebra.group_ntt import inverse
from zkroll.algebra.ptau import (
    ALPHA_TAU_G1,
    BETA_G2,
    LAGRANGE,
    POWERS,
    TAU_G1,
    TAU_G2,
    create_ptau,
    import_ptau,
    kind_of,
    open_ptau,
    point_count,
)
from zkroll.algebra.ptau_records import Contribution
from zkroll.errors import InputError

DATA = PREPARED.read_bytes()


@pytest.mark.parametrize("source", [POWERS_3, PREPARED, IMPORTED], ids=lambda path: path.name)
def test_what_is_read_is_written_again_with_the_same_bytes(source: Path, tmp_path: Path) -> None:
    file = open_ptau(source)
    with create_ptau(tmp_path / "a.ptau", file.power, prepared=file.is_prepared) as writer:
        for section in POWERS:
            writer.copy(file, section)
        writer.write_contributions(file.contributions)
        if file.is_prepared:
            for section in LAGRANGE.values():
                writer.copy(file, section)
    assert (tmp_path / "a.ptau").read_bytes() == source.read_bytes()


def test_header_contributions_and_points_are_read() -> None:
    file = open_ptau(PREPARED)
    assert (file.power, file.ceremony_power, file.is_prepared) == (3, 3, True)
    test, beacon = file.contributions
    assert (test.name, test.is_beacon, test.exponent, test.beacon) == ("test", False, None, None)
    assert (beacon.name, beacon.is_beacon, beacon.exponent) == ("beacon of tests", True, 10)
    assert beacon.beacon == bytes(range(1, 33))
    assert file.points(G1Points, TAU_G1, 1, 1)[0] == beacon.tau_g1
    assert file.points(G2Points, TAU_G2, 1, 1)[0] == beacon.tau_g2
    assert file.points(G1Points, ALPHA_TAU_G1)[0] == beacon.alpha_g1
    assert file.points(G2Points, BETA_G2)[0] == beacon.beta_g2
    assert not open_ptau(POWERS_3).is_prepared


@pytest.mark.parametrize("section", sorted(LAGRANGE))
def test_lagrange_bases_are_found_by_their_domain(section: int) -> None:
    file, kind = open_ptau(PREPARED), kind_of(section)
    for log_n in range(file.power + 1):
        powers = file.points(kind, section, 0, 1 << log_n)
        assert file.lagrange(kind, section, log_n).to_bytes() == inverse(powers).to_bytes()
    assert (section == TAU_G1) == (len(file.octets(LAGRANGE[section])) == 31)
    with pytest.raises(InputError, match="expected a domain of at most 2"):
        file.lagrange_octets(section, 5)
    with pytest.raises(InputError, match="prepared for phase 2"):
        open_ptau(POWERS_3).lagrange_octets(section, 1)


@pytest.mark.parametrize(("first", "count"), [(-1, 2), (0, 9), (8, 1), (2, -1), (1 << 70, 1)])
def test_points_beyond_a_section_are_refused(first: int, count: int) -> None:
    with pytest.raises(InputError, match="section 3: expected points of 0"):
        open_ptau(PREPARED).octets(TAU_G2, first, count)


@pytest.mark.parametrize("name", list(damages(DATA)))
def test_a_damaged_container_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.ptau"
    path.write_bytes(damages(DATA)[name])
    with pytest.raises(InputError, match=r"bad\.ptau"):
        open_ptau(path)


HEADERS = {
    "power 0": (36, 0),
    "power 2": (36, 2),
    "power 4": (36, 4),
    "power 28": (36, 28),
    "power 29": (36, 29),
    "power 2^32 - 1": (36, 2**32 - 1),
    "ceremony's power 2": (40, 2),
    "ceremony's power 29": (40, 29),
    "coordinates of 48 bytes": (0, 48),
    "another prime": (4, 7),
}


@pytest.mark.parametrize("name", list(HEADERS))
def test_a_header_that_asks_for_other_sizes_is_refused(name: str, tmp_path: Path) -> None:
    at, value = HEADERS[name]
    path = tmp_path / "bad.ptau"
    path.write_bytes(with_octets(DATA, 1, at, value.to_bytes(4, "little")))
    tracemalloc.start()
    with pytest.raises(InputError, match="section"):
        open_ptau(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def _records() -> dict[str, bytes]:
    """Files whose section of contributions is damaged."""
    section, (first, second) = content(DATA, 7), record_starts(DATA)
    one, two = records(DATA)
    out = {
        f"{n} contributions": with_octets(DATA, 7, 0, n.to_bytes(4, "little")) for n in (0, 1, 3, 2**32 - 1)
    }
    for kind in (0, 2, 2**32 - 1):
        out[f"beacon of type {kind}"] = with_octets(DATA, 7, second + TYPE_AT, kind.to_bytes(4, "little"))
    out["contribution of type 1"] = with_octets(DATA, 7, first + TYPE_AT, b"\1\0\0\0")
    at = second + PARAMETERS_AT
    length = len(two) - PARAMETERS_AT - 4
    for wrong in (0, 1, length - 1, length + 1, 2**31, 2**32 - 1):
        out[f"{wrong} bytes of parameters"] = with_octets(DATA, 7, at, wrong.to_bytes(4, "little"))
    for size in range(len(section) - len(two), len(section), 97):
        out[f"cut at {size}"] = with_section(DATA, 7, section[:size])

    def parameters(*parts: bytes) -> bytes:
        octets = b"".join(parts)
        return with_records(DATA, [one, two[:PARAMETERS_AT] + len(octets).to_bytes(4, "little") + octets])

    name, exponent, seed = b"\1\2ab", b"\2\12", b"\3\1\0"
    out |= {
        "parameters in another order": parameters(exponent, name, seed),
        "a parameter twice": parameters(exponent, exponent, seed),
        "parameter 4": parameters(exponent, seed, b"\4\0"),
        "parameter 0": parameters(b"\0\0", exponent, seed),
        "no exponent": parameters(name, seed),
        "no seed": parameters(name, exponent),
        "a name too long": parameters(b"\1\377abc", exponent, seed),
        "a seed too long": parameters(exponent, b"\3\377abc"),
        "coordinate not below q": with_octets(DATA, 7, first + 5 * 64, b"\377" * 32),
        "bytes left over": with_section(DATA, 7, section + b"\0"),
    }
    return out


@pytest.mark.parametrize("name", list(_records()))
def test_damaged_contributions_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.ptau"
    path.write_bytes(_records()[name])
    with pytest.raises(InputError, match="section 7"):
        open_ptau(path)


def test_a_name_of_any_bytes_is_read() -> None:
    made = open_ptau(POWERS_3).contributions[0]
    assert made.to_bytes() == records(POWERS_3.read_bytes())[0]
    assert cut_name("x" * 70) == "x" * 64
    assert cut_name("é" * 70).encode() == "é".encode() * 64
    assert cut_name("x" * 63 + "\N{OLD PERMIC LETTER AN}") == "x" * 63 + "\N{REPLACEMENT CHARACTER}"
    assert cut_name("\ud800") == "\N{REPLACEMENT CHARACTER}"


def test_a_name_that_is_no_utf_8_is_shown_with_replacements(tmp_path: Path) -> None:
    (one,) = records(POWERS_3.read_bytes())
    octets = one[:PARAMETERS_AT] + b"\4\0\0\0\1\2\377\376"
    (tmp_path / "a.ptau").write_bytes(with_records(POWERS_3.read_bytes(), [octets]))
    assert open_ptau(tmp_path / "a.ptau").contributions[0].name == "\N{REPLACEMENT CHARACTER}" * 2


def test_a_large_file_is_opened_without_being_read(tmp_path: Path) -> None:
    power = 24
    path = tmp_path / "large.ptau"
    header = patched(content(POWERS_3.read_bytes(), 1), 36, power.to_bytes(4, "little") * 2)
    with path.open("wb") as out:
        out.write(b"ptau" + (1).to_bytes(4, "little") + (7).to_bytes(4, "little"))
        out.write(assemble(b"", 0, [(1, header)])[8:])
        for section in POWERS:
            length = point_count(section, power) * kind_of(section).group.row_bytes
            out.write(section.to_bytes(4, "little") + length.to_bytes(8, "little"))
            out.seek(length, os.SEEK_CUR)  # a hole
        out.write(assemble(b"", 0, [(7, bytes(4))])[8:])
    tracemalloc.start()
    file = open_ptau(path)
    points = file.points(G1Points, TAU_G1, (2 << power) - 11, 10)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    assert file.power == power
    assert not points.rows.any()


def test_lagrange_bases_of_some_powers_only_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ptau"
    listed = [(n, content(DATA, n)) for n, _, _ in sections(DATA) if n != 14]
    path.write_bytes(assemble(b"ptau", 1, listed))
    with pytest.raises(
        InputError, match="section 14 is missing: expected Lagrange bases of all powers or of none"
    ):
        open_ptau(path)


def test_an_interrupted_file_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.ptau"
    path.write_bytes(b"before")

    def interrupted() -> None:
        with create_ptau(path, 3) as writer:
            writer.copy(open_ptau(POWERS_3), TAU_G1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["a.ptau"]
    for power in (-1, 0, 29):
        with pytest.raises(InputError, match="power of 1 to 28"), create_ptau(path, power):
            pass


def test_the_string_of_a_file_without_contributions_needs_no_more_than_its_points(tmp_path: Path) -> None:
    data = POWERS_3.read_bytes()
    (tmp_path / "a.ptau").write_bytes(assemble(b"ptau", 1, [(n, content(data, n)) for n in (1, 2, 3)]))
    assert import_ptau(tmp_path / "a.ptau").digest == import_ptau(POWERS_3).digest
    with pytest.raises(InputError, match="section 4 is missing"):
        open_ptau(tmp_path / "a.ptau")


def test_records_compare_by_their_values() -> None:
    made = open_ptau(POWERS_3).contributions[0]
    again: Contribution = open_ptau(IMPORTED).contributions[0]
    assert made == again
