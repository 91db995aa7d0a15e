"""KZG openings, the development string, its file, and .ptau files sound and broken."""

import os
from pathlib import Path

import numpy as np
import pytest

from zkroll.algebra import kzg
from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.algebra.curve import GENERATOR, G1Points
from zkroll.algebra.field import fr
from zkroll.algebra.reference import curve
from zkroll.algebra.reference.pairing import GENERATOR_G2, is_in_g2, multiply_g2, pairing_product_is_one
from zkroll.errors import InputError

FILE = Path(__file__).parents[1] / "fixtures/snarkjs/powers_3.ptau"
DATA = FILE.read_bytes()
SRS = kzg.development_srs(16)
COEFFICIENTS = [3, 0, R_MODULUS - 1, 7, 11, 5, 2, 9]


def test_pairing_is_bilinear_and_sees_the_group() -> None:
    assert multiply_g2(GENERATOR_G2, 1) == GENERATOR_G2
    double = multiply_g2(GENERATOR_G2, 2)
    opposite = curve.negate(curve.multiply(GENERATOR, 2))
    assert pairing_product_is_one([(GENERATOR, double), (opposite, GENERATOR_G2)])
    assert not pairing_product_is_one([(GENERATOR, double), (opposite, double)])
    assert is_in_g2(double)
    assert not is_in_g2(((1, 2), (3, 4)))
    assert not is_in_g2(((GENERATOR_G2[0][0] + Q_MODULUS, GENERATOR_G2[0][1]), GENERATOR_G2[1]))


def test_commitment_is_the_combination_of_powers() -> None:
    tau_powers = SRS.g1.to_ints()
    total = None
    for coefficient, power in zip(COEFFICIENTS, tau_powers, strict=False):
        total = curve.add(total, curve.multiply(power, coefficient))
    assert kzg.commit(SRS, fr.from_ints(COEFFICIENTS), 8) == total


def test_openings_verify_and_tampered_ones_do_not() -> None:
    coefficients = fr.from_ints(COEFFICIENTS)
    commitment = kzg.commit(SRS, coefficients, 8)
    value, proof = kzg.open_single(SRS, coefficients, 8, 12345)
    assert value == sum(c * 12345**i for i, c in enumerate(COEFFICIENTS)) % R_MODULUS
    assert kzg.verify_single(SRS, commitment, 12345, value, proof)
    assert not kzg.verify_single(SRS, commitment, 12345, (value + 1) % R_MODULUS, proof)
    assert not kzg.verify_single(SRS, commitment, 12345, value + R_MODULUS, proof)
    assert not kzg.verify_single(SRS, commitment, 12346, value, proof)
    assert not kzg.verify_single(SRS, commitment, 12345, value, (1, 1))
    assert not kzg.verify_single(SRS, proof, 12345, value, commitment)


def test_polynomials_longer_than_the_string_are_refused() -> None:
    with pytest.raises(InputError, match="at most 16"):
        kzg.commit(SRS, fr.zeros(24), 17)


def test_development_string_is_marked_insecure_and_consistent() -> None:
    assert SRS.insecure
    assert SRS.n == 16
    kzg.check(SRS)
    assert kzg.development_srs(8).g1.to_ints() == SRS.g1[:8].to_ints()
    assert kzg.development_srs(8).digest == SRS.truncate(8).digest != SRS.digest


@pytest.mark.parametrize("n", [0, 1, -5, (1 << 28) + 1])
def test_unusable_numbers_of_powers_are_refused(n: int) -> None:
    with pytest.raises(InputError, match="powers"):
        kzg.development_srs(n)


def test_development_file_says_insecure_and_is_used_again(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "development.srs"
    made = kzg.development_srs(16, path)
    assert b"INSECURE" in path.read_bytes()[:512]
    stamp = path.stat().st_mtime_ns
    again = kzg.development_srs(8, path)
    assert path.stat().st_mtime_ns == stamp
    assert again.g1.to_ints() == made.g1[:8].to_ints()
    assert kzg.development_srs(32, path).n == kzg.load(path).n == 32
    assert [entry.name for entry in path.parent.iterdir()] == ["development.srs"]


def test_damaged_development_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "development.srs"
    kzg.development_srs(16, path)
    path.write_bytes(path.read_bytes()[:-1])
    assert kzg.development_srs(16, path).g1.to_ints() == SRS.g1.to_ints()
    assert kzg.load(path).n == 16


def _damages() -> dict[str, bytes]:
    rows = SRS.g1.rows.tobytes()
    header = 512
    good = bytearray(header) + rows
    return {"empty": b"", "zeros": bytes(good), "text": b"not an SRS" * 200}


@pytest.mark.parametrize("name", list(_damages()))
def test_foreign_files_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "file.srs"
    path.write_bytes(_damages()[name])
    with pytest.raises(InputError, match="SRS file"):
        kzg.load(path)


@pytest.mark.parametrize("at", [3, 20, 81, 86, 100, 215, 220, 300, 512, 700])
def test_a_flipped_bit_anywhere_is_found(at: int, tmp_path: Path) -> None:
    path = tmp_path / "file.srs"
    kzg.save(SRS, path)
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(data)
    with pytest.raises(InputError, match=str(path)):
        kzg.load(path)


def test_missing_files_folders_and_unwritable_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected an SRS file"):
        kzg.load(tmp_path / "none.srs")
    with pytest.raises(InputError, match="expected an SRS file"):
        kzg.load(tmp_path)
    blocked = tmp_path / "plain"
    blocked.write_text("a file, not a folder")
    with pytest.raises(InputError, match="cannot be written"):
        kzg.save(SRS, blocked / "x.srs")
    os.mkfifo(tmp_path / "fifo")
    for read in (kzg.load, kzg.import_ptau):
        with pytest.raises(InputError, match="expected a"):
            read(tmp_path / "fifo")


def test_strings_that_are_no_powers_are_refused() -> None:
    points = SRS.g1.to_ints()
    swapped = [*points[:3], points[4], points[3], *points[5:]]
    with pytest.raises(InputError, match="consecutive powers"):
        kzg.check(kzg.make_srs(G1Points.from_ints(swapped), SRS.g2[1], insecure=True))
    with pytest.raises(InputError, match=r"power 2: expected a point on the curve"):
        kzg.check(
            kzg.make_srs(G1Points.from_ints([*points[:2], (5, 5), *points[3:]]), SRS.g2[1], insecure=True)
        )
    with pytest.raises(InputError, match="power 0"):
        kzg.check(kzg.make_srs(SRS.g1[1:], SRS.g2[1], insecure=True))
    with pytest.raises(InputError, match="consecutive powers"):
        kzg.check(kzg.make_srs(SRS.g1, GENERATOR_G2, insecure=True))
    with pytest.raises(InputError, match="tau"):
        kzg.check(kzg.make_srs(SRS.g1, ((1, 2), (3, 4)), insecure=True))


def test_ptau_of_snarkjs_is_read() -> None:
    srs = kzg.import_ptau(FILE)
    assert srs.n == 15
    assert not srs.insecure
    assert srs.g1[0] == GENERATOR
    few = kzg.import_ptau(FILE, 5)
    assert few.g1.to_ints() == srs.g1[:5].to_ints()
    assert few.digest == srs.truncate(5).digest


def _sections() -> list[tuple[int, int, int]]:
    """(where the section's head starts, its number, its length) of the fixture."""
    found, at = [], 12
    while at < len(DATA):
        number, length = (
            int.from_bytes(DATA[at : at + 4], "little"),
            int.from_bytes(DATA[at + 4 : at + 12], "little"),
        )
        found.append((at, number, length))
        at += 12 + length
    return found


def _boundaries() -> list[int]:
    edges = {0, 4, 8, 12, len(DATA)}
    for at, _, length in _sections():
        edges |= {at, at + 12, at + 12 + length}
    return sorted(edge + d for edge in edges for d in (-1, 0, 1) if edge + d >= 0 and edge + d != len(DATA))


@pytest.mark.parametrize("size", _boundaries())
def test_ptau_cut_or_extended_at_any_section_boundary_is_refused(size: int, tmp_path: Path) -> None:
    path = tmp_path / "cut.ptau"
    path.write_bytes((DATA + bytes(8))[:size])
    with pytest.raises(InputError, match=r"cut\.ptau"):
        kzg.import_ptau(path)


def _with(at: int, data: bytes) -> bytes:
    return DATA[:at] + data + DATA[at + len(data) :]


def _broken() -> dict[str, tuple[bytes, str]]:
    places = {number: at for at, number, _ in _sections()}
    one, two, three = (places[i] + 12 for i in (1, 2, 3))
    above = (Q_MODULUS + 1).to_bytes(32, "little")
    return {
        "magic": (_with(0, b"zkey"), "expected a .ptau file"),
        "version": (_with(4, b"\2"), "expected a .ptau file"),
        "no sections": (_with(8, bytes(4)), "sections"),
        "2^32 - 1 sections": (_with(8, b"\xff" * 4), "sections"),
        "length 2^63": (_with(places[2] + 4, (1 << 63).to_bytes(8, "little")), "section 2"),
        "length -1": (_with(places[2] + 4, b"\xff" * 8), "section 2"),
        "section twice": (_with(places[3], (2).to_bytes(4, "little")), "section 2 stands twice"),
        "section missing": (_with(places[3], (99).to_bytes(4, "little")), "section 3 is missing"),
        "another prime": (_with(one + 4, R_MODULUS.to_bytes(32, "little")), "BN254"),
        "coordinate size": (_with(one, (48).to_bytes(4, "little")), "section 1"),
        "power 0": (_with(one + 36, bytes(4)), "power"),
        "power 40": (_with(one + 36, (40).to_bytes(4, "little")), "power"),
        "power one more": (_with(one + 36, (4).to_bytes(4, "little")), "section 2: expected"),
        "G1 coordinate not below q": (_with(two + 64, above), "section 2"),
        "G1 off the curve": (_with(two + 64, bytes([DATA[two + 64] ^ 1])), "on the curve"),
        "G1 infinity": (_with(two + 64, bytes(64)), "tau"),
        "G1 exchanged": (_with(two + 128, DATA[two + 192 : two + 256]), "consecutive"),
        "first not the generator": (_with(two, DATA[two + 64 : two + 128]), "generator"),
        "G2 coordinate not below q": (_with(three + 128, above), "section 3"),
        "G2 off the curve": (_with(three + 128, bytes([DATA[three + 128] ^ 1])), "tau"),
        "G2 halves exchanged": (
            _with(three + 128, DATA[three + 160 : three + 192] + DATA[three + 128 : three + 160]),
            "tau",
        ),
        "G2 not the same tau": (_with(three + 128, DATA[three + 256 : three + 384]), "consecutive"),
        "first of G2 not the generator": (_with(three, DATA[three + 128 : three + 256]), "generator of G2"),
    }


@pytest.mark.parametrize("name", list(_broken()))
def test_broken_ptau_is_refused_with_the_place(name: str, tmp_path: Path) -> None:
    data, message = _broken()[name]
    path = tmp_path / "broken.ptau"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        kzg.import_ptau(path)


def test_ptau_that_nobody_contributed_to_is_refused(tmp_path: Path) -> None:
    places = {number: at for at, number, _ in _sections()}
    data = bytearray(DATA)
    g1, g2 = places[2] + 12, places[3] + 12
    for i in range(1, 15):
        data[g1 + 64 * i : g1 + 64 * i + 64] = data[g1 : g1 + 64]
    data[g2 + 128 : g2 + 256] = data[g2 : g2 + 128]
    path = tmp_path / "new.ptau"
    path.write_bytes(data)
    with pytest.raises(InputError, match="nobody has contributed"):
        kzg.import_ptau(path)


@pytest.mark.parametrize("n", [0, 1, 16, -1])
def test_more_powers_than_the_ptau_has_are_refused(n: int) -> None:
    with pytest.raises(InputError, match="2 to 15 powers"):
        kzg.import_ptau(FILE, n)


def test_read_only_rows_from_a_file_commit(tmp_path: Path) -> None:
    path = tmp_path / "file.srs"
    kzg.save(SRS, path)
    loaded = kzg.load(path)
    assert isinstance(loaded.g1.rows.base, np.memmap | np.ndarray)
    assert not loaded.g1.rows.flags.writeable
    assert kzg.commit(loaded, fr.from_ints(COEFFICIENTS), 8) == kzg.commit(SRS, fr.from_ints(COEFFICIENTS), 8)
