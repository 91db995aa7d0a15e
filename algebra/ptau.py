"""Reading the powers of τ from a .ptau file of snarkjs.

The file: "ptau", version 1 and the number of sections (each 4 bytes), then sections: id (4 bytes), length
(8 bytes), content; integers are little endian. Section 1: bytes a coordinate (32), q, power, power of
the ceremony. Section 2: 2^(power+1) - 1 points [τ^i]₁, section 3: 2^power points [τ^i]₂. Coordinates are
32 bytes little endian in Montgomery form with R = 2^256; an Fq2 coordinate is its real part, then the other.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, TypeVar

from zkroll.algebra.constants import Q_MODULUS
from zkroll.algebra.curve import G1Points, G2Points, Points
from zkroll.algebra.reference.pairing import GENERATOR_G2
from zkroll.algebra.srs import SRS, check, make_srs
from zkroll.errors import InputError

P = TypeVar("P", bound=Points)

_COORDINATE = 32
_G1_BYTES = 2 * _COORDINATE
_G2_BYTES = 4 * _COORDINATE
_HEADER_BYTES = 4 + _COORDINATE + 8
_MAX_SECTIONS = 64
_MAX_POWER = 28


def import_ptau(path: Path | str, n: int | None = None) -> SRS:
    """Return the SRS of the first n powers (default: all) of a .ptau file.

    Sections are compared with the size of the file before anything is read from them, and the points go
    through `srs.check`: on the curve, in the group, consecutive powers of one τ. Raises InputError with what
    is wrong.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: expected a .ptau file")
    try:
        with path.open("rb") as file:
            return _import(file, path, n)
    except OSError as error:
        raise InputError(f"{path}: cannot read: {error.strerror}") from error


def _import(file: BinaryIO, path: Path, n: int | None) -> SRS:
    sections = _sections(file, path)
    start, length = sections[1]
    header = _read(file, start, length, path)
    if length != _HEADER_BYTES or header[:4] != _COORDINATE.to_bytes(4, "little"):
        raise InputError(f"{path}: section 1: expected {_HEADER_BYTES} bytes, got {length}")
    modulus = int.from_bytes(header[4:36], "little")
    if modulus != Q_MODULUS:
        raise InputError(f"{path}: section 1: expected the curve BN254 (prime {Q_MODULUS}), got {modulus}")
    power = int.from_bytes(header[36:40], "little")
    if not 1 <= power <= _MAX_POWER:
        raise InputError(f"{path}: section 1: expected a power of 1 to {_MAX_POWER}, got {power}")
    available = (2 << power) - 1
    for number, size in ((2, available * _G1_BYTES), (3, (1 << power) * _G2_BYTES)):
        if sections[number][1] != size:
            raise InputError(f"{path}: section {number}: expected {size} bytes, got {sections[number][1]}")
    count = available if n is None else n
    if not 2 <= count <= available:
        raise InputError(f"{path}: expected 2 to {available} powers to be asked for, got {n}")

    g1 = _points(G1Points, file, sections[2][0], count, path, 2)
    one_g2, tau_g2 = _points(G2Points, file, sections[3][0], 2, path, 3).to_ints()
    if one_g2 != GENERATOR_G2:
        raise InputError(f"{path}: section 3: expected the generator of G2 first, got {one_g2}")
    if tau_g2 is None:
        raise InputError(f"{path}: section 3: expected [tau]_2 in the group of order r, got infinity")
    srs = make_srs(g1, tau_g2, insecure=False)
    try:
        check(srs)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return srs


def _sections(file: BinaryIO, path: Path) -> dict[int, tuple[int, int]]:
    """Where each section's content starts and how long it is; sections must fill the file exactly."""
    size = path.stat().st_size
    head = _read(file, 0, 12, path)
    version, count = int.from_bytes(head[4:8], "little"), int.from_bytes(head[8:12], "little")
    if head[:4] != b"ptau" or version != 1:
        raise InputError(f"{path}: expected a .ptau file of version 1, got {head[:8]!r}")
    if not 3 <= count <= _MAX_SECTIONS:
        raise InputError(f"{path}: expected 3 to {_MAX_SECTIONS} sections, got {count}")
    at = 12
    found: dict[int, tuple[int, int]] = {}
    for _ in range(count):
        head = _read(file, at, 12, path)
        number, length = int.from_bytes(head[:4], "little"), int.from_bytes(head[4:], "little")
        at += 12
        if number in found:
            raise InputError(f"{path}: section {number} stands twice")
        if length > size - at:
            raise InputError(
                f"{path}: section {number}: expected at most {size - at} bytes, as the file has, got {length}"
            )
        found[number] = (at, length)
        at += length
    if at != size:
        raise InputError(f"{path}: expected the last section to end the file at {size}, got {at}")
    for number in (1, 2, 3):
        if number not in found:
            raise InputError(f"{path}: section {number} is missing")
    return found


def _read(file: BinaryIO, at: int, length: int, path: Path) -> bytes:
    file.seek(at)
    data = file.read(length)
    if len(data) != length:
        raise InputError(f"{path}: expected {length} bytes at {at}, got {len(data)}: truncated file")
    return data


def _points(kind: type[P], file: BinaryIO, at: int, n: int, path: Path, section: int) -> P:
    """n points from `at` on; not checked but for the range of their coordinates."""
    data = _read(file, at, n * kind.group.row_bytes, path)
    try:
        return kind.from_bytes(data, "iden3", check=False)
    except InputError as error:
        raise InputError(f"{path}: section {section}: {error}") from error
