"""The powers of τ in the .ptau files of snarkjs, read where they lie and written in order.

The container is that of `zkroll.algebra.iden3`, version 1. With n = 2^power and points in the form `iden3` of
`zkroll.algebra.point_encoding` (32 bytes a coordinate, little endian, Montgomery form with R = 2^256):

1    bytes a coordinate (u32), q, power (u32), power of the ceremony (u32), larger where a file was cut
2    [τ^i]₁, 2n - 1 points               3   [τ^i]₂, n points
4    [α·τ^i]₁, n points                  5   [β·τ^i]₁, n points              6   [β]₂
7    the number of contributions (u32) and their records, see `ptau_records`
12   [L_j(τ)]₁ of the domains of 2^0, 2^1, … 2^(power + 1) points, one after the other, where the power τ^(2n - 1)
     that the last of them wants is taken to be infinity, unless the file was cut from one that has it
13   [L_j(τ)]₂ of 2^0 … 2^power          14  [α·L_j(τ)]₁                     15  [β·L_j(τ)]₁

Sections 12 to 15 are what "prepare phase 2" adds. Source: snarkjs, src/powersoftau_new.js.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np

from zkroll.algebra.constants import Q_MODULUS
from zkroll.algebra.curve import G1Points, G2Points, Points
from zkroll.algebra.files import replace_file
from zkroll.algebra.iden3 import FIELD_BYTES, Buffer, Octets, SectionFile, open_sections, write_section
from zkroll.algebra.ptau_records import Contribution, read_contributions
from zkroll.algebra.reference.pairing import GENERATOR_G2
from zkroll.algebra.srs import SRS, check, make_srs
from zkroll.errors import InputError

P = TypeVar("P", bound=Points)

HEADER, TAU_G1, TAU_G2, ALPHA_TAU_G1, BETA_TAU_G1, BETA_G2, CONTRIBUTIONS = range(1, 8)
POWERS = (TAU_G1, TAU_G2, ALPHA_TAU_G1, BETA_TAU_G1, BETA_G2)
#: where the Lagrange bases of a section's powers stand
LAGRANGE = {TAU_G1: 12, TAU_G2: 13, ALPHA_TAU_G1: 14, BETA_TAU_G1: 15}
NAMES = {
    TAU_G1: "tauG1",
    TAU_G2: "tauG2",
    ALPHA_TAU_G1: "alphaTauG1",
    BETA_TAU_G1: "betaTauG1",
    BETA_G2: "betaG2",
}
MAX_POWER = 28

_VERSION = 1
_CHUNK = 1 << 20  # bytes that are read back together


def kind_of(section: int) -> type[G1Points] | type[G2Points]:
    """Return the kind of points in a section of powers or of Lagrange bases."""
    return G2Points if section in (TAU_G2, BETA_G2, LAGRANGE[TAU_G2]) else G1Points


def point_count(section: int, power: int) -> int:
    """Return how many points a section of powers or of Lagrange bases has."""
    n = 1 << power
    counts = {TAU_G1: 2 * n - 1, BETA_G2: 1, LAGRANGE[TAU_G1]: 4 * n - 1}
    return counts.get(section, 2 * n - 1 if section in LAGRANGE.values() else n)


# ---- reading -----------------------------------------------------------------------------------------------


class PtauFile:
    """A .ptau file, mapped: points are read as they are asked for. Made by `open_ptau`."""

    def __init__(self, file: SectionFile, power: int, ceremony_power: int, contributions: list[Contribution]):
        self.file = file
        self.path = file.path
        self.power = power
        self.ceremony_power = ceremony_power
        self.contributions = contributions

    @property
    def is_prepared(self) -> bool:
        """Whether the file has all Lagrange bases."""
        return all(number in self.file for number in LAGRANGE.values())

    def octets(self, section: int, first: int = 0, count: int | None = None) -> Octets:
        """Return the bytes of points, (count, bytes of a point), not copied."""
        whole = self.file.content(section).reshape(-1, kind_of(section).group.row_bytes)
        count = len(whole) - first if count is None else count
        if first < 0 or count < 0 or first + count > len(whole):
            raise self.file.error(
                section, f"expected points of 0..{len(whole)}, got {first}..{first + count}"
            )
        return whole[first : first + count]

    def lagrange_octets(self, section: int, log_n: int) -> Octets:
        """Return the bytes of the Lagrange basis of 2^log_n points for the powers in `section`.

        Raises InputError when the file is not prepared, or not for domains so large.
        """
        if LAGRANGE[section] not in self.file:
            raise InputError(f"{self.path}: expected a file prepared for phase 2, got one without {_LACKING}")
        most = self.power + (section == TAU_G1)
        if not 0 <= log_n <= most:
            raise InputError(
                f"{self.path}: expected a domain of at most 2^{most} in {NAMES[section]}, got 2^{log_n}"
            )
        return self.octets(LAGRANGE[section], (1 << log_n) - 1, 1 << log_n)

    def points(
        self,
        kind: type[P],
        section: int,
        first: int = 0,
        count: int | None = None,
        *,
        check: bool = True,
        threads: int | None = None,
    ) -> P:
        """Return points of a section, which are of this kind; with `check`, on the curve and of order r.

        Raises InputError, with the section, for points that are not so or have coordinates not below q.
        """
        octets = self.octets(section, first, count)
        try:
            return kind.from_bytes(octets, "iden3", check=check, threads=threads)
        except InputError as error:
            raise self.file.error(section, f"from point {first} on: {error}") from error

    def lagrange(
        self, kind: type[P], section: int, log_n: int, *, check: bool = True, threads: int | None = None
    ) -> P:
        """Return the Lagrange basis of 2^log_n points for the powers in `section`, as `points` does."""
        n = len(self.lagrange_octets(section, log_n))
        return self.points(kind, LAGRANGE[section], n - 1, n, check=check, threads=threads)


_LACKING = "Lagrange bases (zkroll ptau prepare adds them)"


def open_ptau(path: Path | str, needed: Sequence[int] = (*POWERS, CONTRIBUTIONS)) -> PtauFile:
    """Return a .ptau file whose sections all have the length that its header asks for; no point is read.

    Raises InputError for a file that cannot be read, is damaged, or lacks one of the sections `needed`.
    """
    file = open_sections(path, "ptau", (_VERSION,), (HEADER, *needed))
    header = file.fields(HEADER)
    header.prime(Q_MODULUS, "q", "curve")
    power = header.u32("power")
    ceremony_power = header.u32("power of the ceremony")
    header.end()
    if not 1 <= power <= MAX_POWER:
        raise header.error(f"expected a power of 1 to {MAX_POWER}, got {power}")
    for section in (*POWERS, *LAGRANGE.values()):
        if section in file:
            file.exactly(section, point_count(section, power) * kind_of(section).group.row_bytes)
    missing = [number for number in LAGRANGE.values() if number not in file]
    if missing and len(missing) < len(LAGRANGE):  # of the others nothing would be verified
        raise InputError(
            f"{path}: section {missing[0]} is missing: expected Lagrange bases of all powers or of none"
        )
    if not power <= ceremony_power <= MAX_POWER:
        raise header.error(f"expected a ceremony's power of {power} to {MAX_POWER}, got {ceremony_power}")
    contributions = read_contributions(file.fields(CONTRIBUTIONS)) if CONTRIBUTIONS in file else []
    return PtauFile(file, power, ceremony_power, contributions)


def import_ptau(path: Path | str, n: int | None = None) -> SRS:
    """Return the SRS of the first n powers (default: all) of a .ptau file.

    The points go through `srs.check`: on the curve, in the group, consecutive powers of one τ.
    Raises InputError with what is wrong.
    """
    file = open_ptau(path, (TAU_G1, TAU_G2))
    available = point_count(TAU_G1, file.power)
    count = available if n is None else n
    if not 2 <= count <= available:
        raise InputError(f"{path}: expected 2 to {available} powers to be asked for, got {n}")
    g1 = file.points(G1Points, TAU_G1, 0, count, check=False)
    one_g2, tau_g2 = file.points(G2Points, TAU_G2, 0, 2, check=False).to_ints()
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


# ---- writing -----------------------------------------------------------------------------------------------


class PtauWriter:
    """A .ptau file that is being written, section by section; made by `create_ptau`."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self._places: dict[int, tuple[int, int]] = {}

    def write(self, number: int, buffers: Iterable[Buffer]) -> None:
        """Write a section of the bytes in these buffers, taken one at a time."""
        self._places[number] = write_section(self._file, number, buffers)

    def read(self, number: int) -> Iterator[Octets]:
        """Read a section of points back, (n, bytes of a point) at a time."""
        file, (start, end) = self._file, self._places[number]
        after = file.tell()
        try:
            for at in range(start, end, _CHUNK):
                file.seek(at)
                data = file.read(min(_CHUNK, end - at))
                yield np.frombuffer(data, dtype=np.uint8).reshape(-1, kind_of(number).group.row_bytes)
        finally:
            file.seek(after)

    def points(self, kind: type[P], number: int, at: int, count: int = 1) -> P:
        """Read points of a section back that are of this kind."""
        file, (start, _) = self._file, self._places[number]
        after, size = file.tell(), kind.group.row_bytes
        try:
            file.seek(start + size * at)
            return kind.from_bytes(file.read(size * count), "iden3", check=False)
        finally:
            file.seek(after)

    def copy(self, source: PtauFile, number: int) -> None:
        """Write a section as another file has it."""
        octets = source.file.content(number)
        self.write(number, (octets[at : at + _CHUNK] for at in range(0, len(octets), _CHUNK)))

    def write_contributions(self, records: Sequence[Contribution]) -> None:
        """Write the section of contributions."""
        self.write(CONTRIBUTIONS, [len(records).to_bytes(4, "little"), *(r.to_bytes() for r in records)])


@contextlib.contextmanager
def create_ptau(
    path: Path | str, power: int, ceremony_power: int | None = None, *, prepared: bool = False
) -> Iterator[PtauWriter]:
    """Give a writer of a file with its header; the block writes the other sections, in order.

    The file takes the place of `path` when the block ends without an error. Raises InputError when it cannot be
    written, or for a power outside 1..28.
    """
    if not 1 <= power <= MAX_POWER:
        raise InputError(f"ptau: expected a power of 1 to {MAX_POWER}, got {power}")
    count = 1 + len(POWERS) + 1 + (len(LAGRANGE) if prepared else 0)
    header = b"".join(
        value.to_bytes(length, "little")
        for value, length in (
            (FIELD_BYTES, 4),
            (Q_MODULUS, FIELD_BYTES),
            (power, 4),
            (power if ceremony_power is None else ceremony_power, 4),
        )
    )
    with replace_file(path) as file:
        file.write(b"ptau" + _VERSION.to_bytes(4, "little") + count.to_bytes(4, "little"))
        writer = PtauWriter(file)
        writer.write(HEADER, [header])
        yield writer
