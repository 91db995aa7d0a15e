""".zkey files of snarkjs, back and forth, and every kind of damage to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.section_files import FIXTURES, content, damages, patched, with_section

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.algebra.curve import GENERATOR, G1Points, G2Points
from zkroll.algebra.reference.pairing import GENERATOR_G2
from zkroll.circuits.r1cs.formats.r1cs import read_r1cs
from zkroll.circuits.r1cs.formats.zkey import Ceremony, Contribution, check_points, read_zkey, write_zkey
from zkroll.errors import InputError

FILE = FIXTURES / "cells.zkey"
DATA = FILE.read_bytes()
KEY = read_zkey(FILE)
SYSTEM = read_r1cs(FIXTURES / "cells.r1cs")
OFF_CURVE = bytes([5]) + bytes(31) + bytes([5]) + bytes(31)
ABOVE_Q = Q_MODULUS.to_bytes(32, "little")


def test_a_key_of_snarkjs_is_read() -> None:
    assert (KEY.n_wires, KEY.n_public, KEY.domain_size, KEY.power) == (10, 3, 16, 4)
    assert KEY.gamma2 == GENERATOR_G2
    assert KEY.delta2 not in (None, GENERATOR_G2)
    assert [len(part) for part in (KEY.ic, KEY.a, KEY.b1, KEY.b2, KEY.c, KEY.h)] == [4, 10, 10, 10, 6, 16]
    assert not KEY.a.flags.writeable
    check_points(KEY)


def test_its_contributions_are_read_in_order() -> None:
    first, last = KEY.ceremony.contributions
    assert (first.is_beacon, first.name, first.exponent, first.beacon) == (False, "first é", None, None)
    assert (last.is_beacon, last.name, last.exponent, last.beacon) == (
        True,
        "final",
        10,
        bytes(range(1, 32)),
    )
    assert last.delta_after == KEY.delta1
    assert len(KEY.ceremony.circuit_hash) == len(last.transcript) == 64
    assert read_zkey(FIXTURES / "cells_uncontributed.zkey").ceremony == Ceremony(KEY.ceremony.circuit_hash)


def test_its_coefficients_are_those_of_the_circuit_and_of_the_public_signals() -> None:
    leave = pow(1 << 512, -1, R_MODULUS)
    found = {
        (int(row["matrix"]), int(row["constraint"]), int(row["wire"])): int.from_bytes(
            row["value"].tobytes(), "little"
        )
        * leave
        % R_MODULUS
        for row in KEY.coefficients
    }
    expected = {
        (m, i, wire): value
        for m, matrix in enumerate(SYSTEM.matrices[:2])
        for i in range(SYSTEM.n_constraints)
        for wire, value in matrix.row(i)
    }
    expected |= {(0, SYSTEM.n_constraints + i, i): 1 for i in range(KEY.n_public + 1)}
    assert found == expected


@pytest.mark.parametrize("name", ["cells.zkey", "cells_uncontributed.zkey"])
def test_keys_are_written_as_they_were_read(name: str, tmp_path: Path) -> None:
    key = read_zkey(FIXTURES / name)
    write_zkey(key, tmp_path / "a.zkey")
    write_zkey(read_zkey(tmp_path / "a.zkey"), tmp_path / "b.zkey")
    assert (tmp_path / "b.zkey").read_bytes() == (tmp_path / "a.zkey").read_bytes()
    for number in range(1, 11):
        assert content((tmp_path / "a.zkey").read_bytes(), number) == content(
            (FIXTURES / name).read_bytes(), number
        )


def test_a_key_may_be_written_over_the_file_that_it_is_mapped_from(tmp_path: Path) -> None:
    path = tmp_path / "a.zkey"
    path.write_bytes(DATA)
    write_zkey(read_zkey(path), path)
    assert path.read_bytes() == DATA


@pytest.mark.parametrize("name", list(damages(DATA)))
def test_damaged_keys_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.zkey"
    path.write_bytes(damages(DATA)[name])
    with pytest.raises(InputError, match=r"bad\.zkey: "):
        read_zkey(path)


def _hostile() -> dict[str, tuple[bytes, str]]:
    u32 = lambda n: n.to_bytes(4, "little")  # noqa: E731
    sizes, points = 72, 84  # where they stand in the header
    twist = G2Points.from_ints([((1, 2), (3, 4))]).to_bytes("iden3")

    def part(number: int, at: int, new: bytes) -> bytes:
        return with_section(DATA, number, patched(content(DATA, number), at, new))

    ceremony = content(DATA, 10)
    first = 68  # the first contribution; its points take 320 bytes, the hash 64
    parameters = first + 320 + 64 + 8
    of_beacon = parameters + 10 + 320 + 64 + 8
    return {
        "plonk": (part(1, 0, u32(2)), "section 1: expected a key for groth16, got plonk"),
        "protocol 77": (part(1, 0, u32(77)), "got protocol 77"),
        "bytes of q": (part(2, 0, u32(48)), "section 2: base field: expected elements of 32 bytes"),
        "q is r": (part(2, 4, R_MODULUS.to_bytes(32, "little")), "section 2: base field: expected BN254's q"),
        "r is q": (part(2, 40, ABOVE_Q), "section 2: scalar field: expected BN254's r"),
        "2^32 - 1 wires": (part(2, sizes, u32(2**32 - 1)), "section 5: expected 274877906880 bytes"),
        "one wire more": (part(2, sizes, u32(11)), "section 5: expected 704 bytes, got 640"),
        "no wires": (part(2, sizes, u32(0)), "section 2: .*wires"),
        "2^32 - 1 public signals": (part(2, sizes + 4, u32(2**32 - 1)), "section 2: .*public signals"),
        "one public signal more": (part(2, sizes + 4, u32(4)), "section 8: expected 320 bytes, got 384"),
        "domain 0": (part(2, sizes + 8, u32(0)), "section 2: .*domain"),
        "domain 17": (part(2, sizes + 8, u32(17)), "section 2: .*domain"),
        "domain 2": (part(2, sizes + 8, u32(2)), "section 2: .*domain"),
        "domain 2^28": (part(2, sizes + 8, u32(2**28)), "section 9: expected 17179869184 bytes"),
        "domain 2^31": (part(2, sizes + 8, u32(2**31)), "section 2: .*domain"),
        "alpha off the curve": (part(2, points, OFF_CURVE), "section 2: alpha1: .*on the curve"),
        "alpha not below q": (part(2, points, ABOVE_Q), "section 2: alpha1: .*below q"),
        "beta off the twist": (part(2, points + 128, twist), "section 2: beta2: .*on the curve"),
        "IC off the curve": (part(3, 64, OFF_CURVE), "section 3: .*point 1: .*on the curve"),
        "2^32 - 1 coefficients": (part(4, 0, b"\xff" * 4), "section 4: expected 188978560984 bytes"),
        "one coefficient less": (part(4, 0, u32(13)), "section 4: expected 576 bytes"),
        "matrix 2": (part(4, 4 + 44, u32(2)), "section 4: coefficient 1: expected a matrix below 2, got 2"),
        "constraint 16": (part(4, 4 + 88 + 4, u32(16)), "coefficient 2: expected a constraint below 16"),
        "wire 10": (part(4, 4 + 8, u32(10)), "coefficient 0: expected a wire below 10, got 10"),
        "value r": (
            part(4, 4 + 12, R_MODULUS.to_bytes(32, "little")),
            "coefficient 0: expected a value below r",
        ),
        "2^32 - 1 contributions": (part(10, 64, b"\xff" * 4), "section 10: expected at most"),
        "one contribution more": (part(10, 64, u32(3)), "section 10: contribution 2: "),
        "one contribution less": (part(10, 64, u32(1)), "section 10: expected .* bytes, got"),
        "delta off the curve": (part(10, first, OFF_CURVE), "contribution 0: delta1: .*on the curve"),
        "type 2": (part(10, parameters - 8, u32(2)), "contribution 0: expected type 0 or 1"),
        "person called a beacon": (part(10, parameters - 8, u32(1)), "contribution 0: .*beacon"),
        "beacon called a person": (part(10, of_beacon - 8, u32(0)), "contribution 1: .*beacon"),
        "parameters of 4 GB": (
            part(10, parameters - 4, b"\xff" * 4),
            "contribution 0: expected 4294967295 bytes",
        ),
        "parameter 4": (part(10, parameters, b"\x04"), "contribution 0: expected parameters 1 to 3"),
        "parameter 0": (part(10, parameters, b"\x00"), "contribution 0: expected parameters 1 to 3"),
        "name too long": (
            part(10, parameters + 1, b"\xff"),
            "contribution 0: parameter 1: expected 255 bytes, got 8",
        ),
        "parameters twice": (
            with_section(
                DATA, 10, patched(ceremony[: parameters + 10], parameters, b"\x01\x03abc\x01\x03abc")
            ),
            "contribution 0: expected parameters 1 to 3 in rising order, got 1",
        ),
    }


@pytest.mark.parametrize("name", list(_hostile()))
def test_hostile_contents_are_refused_with_their_place(name: str, tmp_path: Path) -> None:
    data, message = _hostile()[name]
    path = tmp_path / "bad.zkey"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_zkey(path)


@pytest.mark.parametrize(("number", "name"), [(5, "A"), (6, "B1"), (7, "B2"), (8, "C"), (9, "H")])
def test_one_flipped_bit_in_any_point_is_found(number: int, name: str, tmp_path: Path) -> None:
    path = tmp_path / "flipped.zkey"
    # the last point: constant wires give points at infinity, whose neighbours are off the curve as well
    at = len(content(DATA, number)) - 20
    path.write_bytes(with_section(DATA, number, patched(content(DATA, number), at, b"\x55")))
    with pytest.raises(InputError, match=f"zkey: {name}, .*expected (a point|coordinates)"):
        check_points(read_zkey(path))


def test_points_outside_the_group_of_order_r_are_found(tmp_path: Path) -> None:
    # x = 1 has a point on the twist, which has r·(2q - r) points
    compressed = bytes([0x80]) + bytes(62) + b"\x01"
    point = G2Points.from_bytes(_any_twist_point(compressed), "compressed", check=False).to_bytes("iden3")
    path = tmp_path / "bad.zkey"
    path.write_bytes(with_section(DATA, 7, patched(content(DATA, 7), 128, point)))
    with pytest.raises(InputError, match="point 1: expected a point of order r"):
        check_points(read_zkey(path))


def _any_twist_point(start: bytes) -> bytes:
    for x in range(1, 50):
        try:
            G2Points.from_bytes(start[:-1] + bytes([x]), "compressed", check=False)
        except InputError:
            continue
        return start[:-1] + bytes([x])
    raise AssertionError


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a": KEY.a[1:]}, "A: expected"),
        ({"b2": KEY.b1}, "B2: expected"),
        ({"h": KEY.h.astype(np.uint16)}, "H: expected"),
        ({"ic": KEY.ic[1:]}, "IC: expected 4 points, got 3"),
        ({"n_public": 2}, "IC: expected 3"),
        ({"domain_size": 15}, "domain"),
        ({"coefficients": np.zeros(3, dtype=np.uint32)}, "coefficients"),
    ],
)
def test_keys_that_contradict_themselves_are_refused(change, message) -> None:
    with pytest.raises(InputError, match=message):
        replace(KEY, **change)


@pytest.mark.parametrize(
    ("contribution", "message"),
    [
        (Contribution(GENERATOR, None, None, None, bytes(63)), "hash of 64 bytes"),
        (Contribution(GENERATOR, None, None, None, bytes(64), "", 10, bytes(256)), "at most 255 bytes"),
        (Contribution(GENERATOR, None, None, None, bytes(64), "", 256, b"\1"), "an exponent of a byte"),
    ],
)
def test_contributions_that_do_not_fit_are_refused(contribution, message, tmp_path: Path) -> None:
    key = replace(KEY, ceremony=Ceremony(bytes(64), (contribution,)))
    with pytest.raises(InputError, match=message):
        write_zkey(key, tmp_path / "a.zkey")
    assert not list(tmp_path.iterdir())


def test_points_of_a_key_are_ready_for_sums() -> None:
    assert G1Points.from_bytes(KEY.c, "iden3").n == 6
    assert KEY.verification_key.n_public == 3
    assert KEY.verification_key.ic == KEY.ic
