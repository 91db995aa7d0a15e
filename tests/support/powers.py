"""Powers of tau for tests: files that snarkjs made, and their parts.

powers_3.ptau has one contribution. The others were made from it with snarkjs 0.7.6:

    snarkjs powersoftau beacon powers_3.ptau b.ptau 0102…1f20 10 -n="beacon of tests"
    snarkjs powersoftau prepare phase2 b.ptau powers_3_prepared.ptau
    snarkjs powersoftau export challenge powers_3.ptau challenge
    snarkjs powersoftau challenge contribute bn128 challenge powers_3.response -e=tests
    snarkjs powersoftau import response powers_3.ptau powers_3.response powers_3_imported.ptau -n="imported"
"""

from __future__ import annotations

from itertools import pairwise

from support.section_files import FIXTURES, assemble, content, patched, sections, with_section
from zkroll.algebra.curve import G1Points, G2Points
from zkroll.algebra.ptau import LAGRANGE, POWERS, kind_of, point_count

POWERS_3, PREPARED, IMPORTED = (FIXTURES / f"powers_3{name}.ptau" for name in ("", "_prepared", "_imported"))
RESPONSE = FIXTURES / "powers_3.response"
SEED, EXPONENT, BEACON_NAME = bytes(range(1, 33)), 10, "beacon of tests"

RECORD_POINTS = {  # where each point of a contribution's record starts, and its kind
    "tauG1": (0, G1Points),
    "tauG2": (64, G2Points),
    "alphaG1": (192, G1Points),
    "betaG1": (256, G1Points),
    "betaG2": (320, G2Points),
    **{f"{name}: s": (448 + 128 * i, G1Points) for i, name in enumerate(("tau", "alpha", "beta"))},
    **{f"{name}: s·x": (512 + 128 * i, G1Points) for i, name in enumerate(("tau", "alpha", "beta"))},
    **{f"{name}: x·sp": (832 + 128 * i, G2Points) for i, name in enumerate(("tau", "alpha", "beta"))},
}
PARTIAL_HASH_AT, NEXT_CHALLENGE_AT, TYPE_AT, PARAMETERS_AT = 1216, 1432, 1496, 1500


def row_bytes(section):
    """The length of a point in a section."""
    return kind_of(section).group.row_bytes


def with_octets(data, section, at, new):
    """The file with other bytes at a place in a section."""
    return with_section(data, section, patched(content(data, section), at, new))


def point_at(data, section, index):
    """The bytes of a point."""
    size = row_bytes(section)
    return content(data, section)[size * index : size * (index + 1)]


def with_point(data, section, index, new):
    """The file with another point in a section."""
    return with_octets(data, section, row_bytes(section) * index, new)


def record_starts(data):
    """Where the records start in section 7."""
    octets, at, starts = content(data, 7), 4, []
    while at < len(octets):
        starts.append(at)
        length = int.from_bytes(octets[at + PARAMETERS_AT : at + PARAMETERS_AT + 4], "little")
        at += PARAMETERS_AT + 4 + length
    return starts


def records(data):
    """The bytes of the records in section 7."""
    starts = [*record_starts(data), len(content(data, 7))]
    return [content(data, 7)[i:j] for i, j in pairwise(starts)]


def with_records(data, listed):
    """The file with other contributions."""
    return with_section(data, 7, len(listed).to_bytes(4, "little") + b"".join(listed))


def cut(data, power):
    """The file cut to fewer powers, as `snarkjs powersoftau truncate` does, without Lagrange bases."""
    header = content(data, 1)
    parts = [(1, patched(header, 36, power.to_bytes(4, "little")))]
    parts += [(s, content(data, s)[: point_count(s, power) * row_bytes(s)]) for s in POWERS]
    return assemble(b"ptau", 1, [*parts, (7, content(data, 7))])


def point_sections(data):
    """The numbers of the sections that hold points."""
    return [n for n, _, _ in sections(data) if n in (*POWERS, *LAGRANGE.values())]
