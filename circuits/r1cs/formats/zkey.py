""".zkey files for Groth16: the proving key, as snarkjs makes and uses it.

Sections (see `zkroll.algebra.iden3` for the container; points are 64 bytes in G1 and 128 in G2, little endian
in Montgomery form with R = 2^256, see `zkroll.algebra.point_encoding`, form "iden3"):

     1  protocol: 1 for Groth16 (4 bytes)
     2  bytes of an element of Fq, q, bytes of an element of Fr, r; wires, public signals, size of the domain
        (4 bytes each); [α]₁, [β]₁, [β]₂, [γ]₂, [δ]₁, [δ]₂
     3  IC: public signals + 1 points of G1
     4  number of coefficients (4 bytes); for each the matrix (0: A, 1: B), constraint and wire (4 bytes each) and
        the value c·R² mod r (32 bytes). Behind the circuit's constraints, A has one for each public signal
        and for one, so that the points of A are linearly independent.
     5  A: a point of G1 for each wire           6  B in G1: the same           7  B in G2: the same
     8  C: a point of G1 for each wire behind the public ones
     9  H: a point of G1 for each element of the domain
    10  contributions: hash of the circuit (64 bytes), their number (4 bytes); each has [δ]₁ after it, [s]₁,
        [s·x]₁, [s'·x]₂, hash of the transcript (64 bytes), and what `zkroll.algebra.contribution_parameters` reads

Source: snarkjs, src/zkey_utils.js (read for the layout).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.algebra.contribution_parameters import Parameters, read_parameters
from zkroll.algebra.curve import G1Points, G2Points
from zkroll.algebra.iden3 import (
    FIELD_BYTES,
    Buffer,
    Fields,
    Octets,
    SectionFile,
    open_sections,
    write_sections,
)
from zkroll.algebra.reference.curve import Point
from zkroll.algebra.reference.pairing import G2Point
from zkroll.circuits.r1cs.coefficients import first_wrong, scaled
from zkroll.circuits.r1cs.formats.keys import VerificationKey
from zkroll.circuits.r1cs.sparse import SparseMatrix
from zkroll.errors import InputError

VERSION = 1
GROTH16 = 1
G1_BYTES, G2_BYTES = 64, 128
HASH_BYTES = 64
PROTOCOL, HEADER, IC, COEFFICIENTS, A, B1, B2, C, H, CONTRIBUTIONS = range(1, 11)
PROTOCOLS = {1: "groth16", 2: "plonk", 10: "fflonk"}

#: a row of section 4
COEFFICIENT = np.dtype([("matrix", "<u4"), ("constraint", "<u4"), ("wire", "<u4"), ("value", "<u8", (4,))])
#: a file has value·2^512 mod r
FILE_FACTOR = (1 << 512) % R_MODULUS

_LARGEST_POWER = 28  # 2^28 divides r - 1
_MOST_CONTRIBUTIONS = 1 << 16
_SCALED = 1 << 18  # coefficients that are converted at a time
_POINTS_CHECKED = 1 << 16  # at a time


@dataclass(frozen=True)
class Contribution:
    """A step of the ceremony's second phase. Points are integers, None for infinity.

    exponent, beacon: of a beacon, 2^exponent hashes of bytes; both are None of a person's contribution.
    """

    delta_after: Point
    g1_s: Point
    g1_sx: Point
    g2_spx: G2Point
    transcript: bytes
    name: str = ""
    exponent: int | None = None
    beacon: bytes | None = None

    @property
    def is_beacon(self) -> bool:
        """Whether the secret comes from a public value."""
        return self.exponent is not None


@dataclass(frozen=True)
class Ceremony:
    """Section 10: the hash of the circuit's key before any contribution, and the contributions."""

    circuit_hash: bytes
    contributions: tuple[Contribution, ...] = ()


@dataclass(frozen=True, eq=False)
class ZKey:
    """A Groth16 proving key.

    Long parts are bytes as they lie in the file, mapped and read-only: points as (n, 64) or (n, 128) uint8,
    coefficients (n,) of COEFFICIENT. `G1Points.from_bytes(key.a, "iden3")` reads and checks points. Only what
    is short is checked on reading: the points of the header and IC for the curve and group, the ranges of all
    coefficients. Raises InputError for parts of other lengths than the header says.
    """

    n_wires: int
    n_public: int
    domain_size: int
    alpha1: Point
    beta1: Point
    beta2: G2Point
    gamma2: G2Point
    delta1: Point
    delta2: G2Point
    ic: tuple[Point, ...]
    coefficients: NDArray[np.void]
    a: Octets
    b1: Octets
    b2: Octets
    c: Octets
    h: Octets
    ceremony: Ceremony

    def __post_init__(self) -> None:
        check_sizes(self.n_wires, self.n_public, self.domain_size)
        if len(self.ic) != self.n_public + 1:
            raise InputError(f"zkey: IC: expected {self.n_public + 1} points, got {len(self.ic)}")
        counts = point_counts(self.n_wires, self.n_public, self.domain_size)
        for name, part, number in zip(
            ("A", "B1", "B2", "C", "H"),
            (self.a, self.b1, self.b2, self.c, self.h),
            POINT_SECTIONS,
            strict=True,
        ):
            count, size = counts[number]
            if part.shape != (count, size) or part.dtype != np.uint8:
                raise InputError(
                    f"zkey: {name}: expected ({count}, {size}) uint8, got {part.shape} {part.dtype}"
                )
        if self.coefficients.dtype != COEFFICIENT or self.coefficients.ndim != 1:
            raise InputError(
                f"zkey: coefficients: expected (n,) of {COEFFICIENT}, got {self.coefficients.dtype}"
            )

    @cached_property
    def verification_key(self) -> VerificationKey:
        """What a verifier needs of the key."""
        return VerificationKey(self.alpha1, self.beta2, self.gamma2, self.delta2, self.ic)

    @property
    def power(self) -> int:
        """The base-2 logarithm of the domain's size."""
        return self.domain_size.bit_length() - 1


POINT_SECTIONS = (A, B1, B2, C, H)


def point_counts(n_wires: int, n_public: int, domain_size: int) -> dict[int, tuple[int, int]]:
    """How many points each of POINT_SECTIONS has, and the bytes of one."""
    return {
        A: (n_wires, G1_BYTES),
        B1: (n_wires, G1_BYTES),
        B2: (n_wires, G2_BYTES),
        C: (n_wires - n_public - 1, G1_BYTES),
        H: (domain_size, G1_BYTES),
    }


def check_sizes(n_wires: int, n_public: int, domain_size: int) -> None:
    """Raise InputError unless public signals have wires and the domain is one of Fr that holds them."""
    if not n_public + 1 <= n_wires < 1 << 32 or n_public < 0:
        raise InputError(f"zkey: expected wires for one and {n_public} public signals, got {n_wires}")
    if not 1 <= domain_size <= 1 << _LARGEST_POWER or domain_size & (domain_size - 1):
        raise InputError(f"zkey: expected a domain of 2^0 to 2^{_LARGEST_POWER} elements, got {domain_size}")
    if domain_size < n_public + 1:
        raise InputError(f"zkey: expected a domain of {n_public + 1} elements at least, got {domain_size}")


def check_points(key: ZKey, threads: int | None = None) -> None:
    """Check every point of A, B1, B2, C and H: coordinates below q, on its curve, of order r (or infinity).

    Raises InputError with the first that is not so. `read_zkey` leaves this out, as it reads the whole file.
    """
    parts = (("A", key.a), ("B1", key.b1), ("B2", key.b2), ("C", key.c), ("H", key.h))
    for name, part in parts:
        kind = G1Points if part.shape[1] == G1_BYTES else G2Points
        for begin in range(0, len(part), _POINTS_CHECKED):
            try:
                kind.from_bytes(part[begin : begin + _POINTS_CHECKED], "iden3", threads=threads)
            except InputError as error:
                raise InputError(f"zkey: {name}, from point {begin} on: {error}") from error


# ---- reading -----------------------------------------------------------------------------------------------


def read_zkey(path: Path | str) -> ZKey:
    """Return the proving key in a .zkey file, whose long parts stay where they lie.

    Raises InputError for a damaged file, another protocol than Groth16, another curve than BN254, sections
    whose length is not what the header says, points of the header off the curve or outside the group, and a
    coefficient out of range, with its number.
    """
    file = open_sections(path, "zkey", [VERSION], [PROTOCOL])
    protocol = file.fields(PROTOCOL)
    number = protocol.u32("protocol")
    protocol.end()
    if number != GROTH16:
        raise file.error(
            PROTOCOL, f"expected a key for groth16, got {PROTOCOLS.get(number, f'protocol {number}')}"
        )
    header = file.fields(HEADER)
    header.prime(Q_MODULUS, "q", "base field")
    header.prime(R_MODULUS, "r", "scalar field")
    n_wires, n_public, domain_size = (header.u32(name) for name in ("wires", "public signals", "domain size"))
    try:
        check_sizes(n_wires, n_public, domain_size)
    except InputError as error:
        raise file.error(HEADER, str(error)) from error
    # sizes before anything else, so that work is bounded by the file's length
    points = {
        section: file.exactly(section, count * size).reshape(count, size)
        for section, (count, size) in point_counts(n_wires, n_public, domain_size).items()
    }
    ic_bytes = file.exactly(IC, (n_public + 1) * G1_BYTES)
    alpha1, beta1 = _g1(header, "alpha1"), _g1(header, "beta1")
    beta2, gamma2 = _g2(header, "beta2"), _g2(header, "gamma2")
    delta1, delta2 = _g1(header, "delta1"), _g2(header, "delta2")
    header.end()
    try:
        ic = tuple(G1Points.from_bytes(ic_bytes, "iden3").to_ints())
    except InputError as error:
        raise file.error(IC, str(error)) from error
    return ZKey(
        n_wires=n_wires,
        n_public=n_public,
        domain_size=domain_size,
        alpha1=alpha1,
        beta1=beta1,
        beta2=beta2,
        gamma2=gamma2,
        delta1=delta1,
        delta2=delta2,
        ic=ic,
        coefficients=_coefficients(file, n_wires, domain_size),
        a=points[A],
        b1=points[B1],
        b2=points[B2],
        c=points[C],
        h=points[H],
        ceremony=_ceremony(file.fields(CONTRIBUTIONS)),
    )


def _g1(fields: Fields, what: str) -> Point:
    try:
        return G1Points.from_bytes(fields.octets(G1_BYTES, what), "iden3")[0]
    except InputError as error:
        raise fields.error(f"{what}: {error}") from error


def _g2(fields: Fields, what: str) -> G2Point:
    try:
        return G2Points.from_bytes(fields.octets(G2_BYTES, what), "iden3")[0]
    except InputError as error:
        raise fields.error(f"{what}: {error}") from error


def _coefficients(file: SectionFile, n_wires: int, domain_size: int) -> NDArray[np.void]:
    count = file.fields(COEFFICIENTS).u32("number of coefficients")
    rows = file.exactly(COEFFICIENTS, 4 + count * COEFFICIENT.itemsize)[4:].view(COEFFICIENT)
    wrong = first_wrong(rows, domain_size, n_wires)
    if wrong is None:
        return rows
    part, at = wrong
    limits = {"matrix": 2, "constraint": domain_size, "wire": n_wires}
    if part in limits:
        raise file.error(
            COEFFICIENTS, f"coefficient {at}: expected a {part} below {limits[part]}, got {rows[part][at]}"
        )
    value = int.from_bytes(rows["value"][at].tobytes(), "little")
    raise file.error(COEFFICIENTS, f"coefficient {at}: expected a value below r, got {value}")


def _ceremony(fields: Fields) -> Ceremony:
    circuit_hash = fields.octets(HASH_BYTES, "hash of the circuit").tobytes()
    count = fields.u32("number of contributions")
    if count > _MOST_CONTRIBUTIONS:
        raise fields.error(f"expected at most {_MOST_CONTRIBUTIONS} contributions, got {count}")
    ceremony = Ceremony(circuit_hash, tuple(_contribution(fields, i) for i in range(count)))
    fields.end()
    return ceremony


def _contribution(fields: Fields, i: int) -> Contribution:
    place = f"contribution {i}"
    delta_after, g1_s, g1_sx = (_g1(fields, f"{place}: {name}") for name in ("delta1", "[s]", "[s x]"))
    g2_spx = _g2(fields, f"{place}: [s' x]")
    transcript = fields.octets(HASH_BYTES, f"{place}: transcript").tobytes()
    name, exponent, beacon = read_parameters(fields, place)
    return Contribution(delta_after, g1_s, g1_sx, g2_spx, transcript, name, exponent, beacon)


# ---- writing -----------------------------------------------------------------------------------------------


def coefficient_rows(a: SparseMatrix, b: SparseMatrix) -> NDArray[np.void]:
    """Return section 4 of a key: constraint by constraint the terms of A and then those of B.

    `a` has the rows of the public signals behind the constraints, `b` has not.
    """
    starts_b = np.concatenate([b.starts, np.full(a.n_rows - b.n_rows, b.starts[-1])])
    rows = np.empty(a.n_terms + b.n_terms, dtype=COEFFICIENT)
    for number, matrix, before in ((0, a, starts_b[:-1]), (1, b, a.starts[1 : b.n_rows + 1])):
        lengths = np.diff(matrix.starts)
        at = np.arange(matrix.n_terms) + np.repeat(before, lengths)
        rows["matrix"][at] = number
        rows["constraint"][at] = np.repeat(np.arange(matrix.n_rows, dtype=np.uint32), lengths)
        rows["wire"][at] = matrix.wires
        for begin in range(0, matrix.n_terms, _SCALED):
            part = slice(begin, begin + _SCALED)
            values = matrix.coefficients[part]
            rows["value"][at[part]] = scaled(values, FILE_FACTOR)
    return rows


def write_zkey(
    key: ZKey,
    path: Path | str,
    order: Sequence[int] = tuple(range(PROTOCOL, CONTRIBUTIONS + 1)),
    replaced: Mapping[int, Iterable[Buffer]] | None = None,
) -> None:
    """Write a proving key as a .zkey file, its sections in this order.

    `replaced` gives other contents for sections, in parts that are taken one at a time. Raises InputError when
    the file cannot be written.
    """
    header = FIELD_BYTES.to_bytes(4, "little") + Q_MODULUS.to_bytes(FIELD_BYTES, "little")
    header += FIELD_BYTES.to_bytes(4, "little") + R_MODULUS.to_bytes(FIELD_BYTES, "little")
    header += b"".join(n.to_bytes(4, "little") for n in (key.n_wires, key.n_public, key.domain_size))
    header += _g1_bytes(key.alpha1, key.beta1) + _g2_bytes(key.beta2, key.gamma2)
    header += _g1_bytes(key.delta1) + _g2_bytes(key.delta2)
    contents: dict[int, Iterable[Buffer]] = {
        PROTOCOL: [GROTH16.to_bytes(4, "little")],
        HEADER: [header],
        IC: [_g1_bytes(*key.ic)],
        COEFFICIENTS: [len(key.coefficients).to_bytes(4, "little"), key.coefficients],
        A: [key.a],
        B1: [key.b1],
        B2: [key.b2],
        C: [key.c],
        H: [key.h],
        CONTRIBUTIONS: _ceremony_bytes(key.ceremony),
    }
    contents.update(replaced or {})
    write_sections(path, "zkey", VERSION, [(number, contents[number]) for number in order])


def _g1_bytes(*points: Point) -> bytes:
    return G1Points.from_ints(points).to_bytes("iden3")


def _g2_bytes(*points: G2Point) -> bytes:
    return G2Points.from_ints(points).to_bytes("iden3")


def _ceremony_bytes(ceremony: Ceremony) -> Iterator[bytes]:
    yield _hash(ceremony.circuit_hash) + len(ceremony.contributions).to_bytes(4, "little")
    for item in ceremony.contributions:
        yield _g1_bytes(item.delta_after, item.g1_s, item.g1_sx) + _g2_bytes(item.g2_spx)
        yield _hash(item.transcript) + Parameters(item.name, item.exponent, item.beacon).to_bytes()


def _hash(data: bytes) -> bytes:
    if len(data) != HASH_BYTES:
        raise InputError(f"zkey: contributions: expected a hash of {HASH_BYTES} bytes, got {len(data)}")
    return data
