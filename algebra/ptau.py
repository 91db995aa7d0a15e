"""Reading the powers of τ from a .ptau file of snarkjs.

The container is that of `zkroll.algebra.iden3`. Section 1: bytes a coordinate (32), q, power, power of
the ceremony. Section 2: 2^(power+1) - 1 points [τ^i]₁, section 3: 2^power points [τ^i]₂. Coordinates are
32 bytes little endian in Montgomery form with R = 2^256; an Fq2 coordinate is its real part, then the other.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from zkroll.algebra.constants import Q_MODULUS
from zkroll.algebra.curve import G1Points, G2Points, Points
from zkroll.algebra.iden3 import SectionFile, open_sections
from zkroll.algebra.reference.pairing import GENERATOR_G2
from zkroll.algebra.srs import SRS, check, make_srs
from zkroll.errors import InputError

P = TypeVar("P", bound=Points)

_COORDINATE = 32
_G1_BYTES = 2 * _COORDINATE
_G2_BYTES = 4 * _COORDINATE
_MAX_POWER = 28


def import_ptau(path: Path | str, n: int | None = None) -> SRS:
    """Return the SRS of the first n powers (default: all) of a .ptau file.

    Sections are compared with the size of the file before anything is read from them, and the points go
    through `srs.check`: on the curve, in the group, consecutive powers of one τ. Raises InputError with what
    is wrong.
    """
    file = open_sections(path, "ptau", (1,), (1, 2, 3))
    header = file.fields(1)
    header.prime(Q_MODULUS, "q", "curve")
    power = header.u32("power")
    header.u32("power of the ceremony")
    header.end()
    if not 1 <= power <= _MAX_POWER:
        raise InputError(f"{path}: section 1: expected a power of 1 to {_MAX_POWER}, got {power}")
    available = (2 << power) - 1
    for number, size in ((2, available * _G1_BYTES), (3, (1 << power) * _G2_BYTES)):
        file.exactly(number, size)
    count = available if n is None else n
    if not 2 <= count <= available:
        raise InputError(f"{path}: expected 2 to {available} powers to be asked for, got {n}")

    g1 = _points(G1Points, file, 2, count)
    one_g2, tau_g2 = _points(G2Points, file, 3, 2).to_ints()
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


def _points(kind: type[P], file: SectionFile, section: int, n: int) -> P:
    """The first n points of a section; not checked but for the range of their coordinates."""
    data = file.content(section)[: n * kind.group.row_bytes]
    try:
        return kind.from_bytes(data, "iden3", check=False)
    except InputError as error:
        raise file.error(section, str(error)) from error
