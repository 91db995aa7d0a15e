"""What phase 2 takes from a .ptau file that was prepared for it: see `zkroll.algebra.ptau` for the sections."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from zkroll.algebra.curve import G1Points, G2Point, G2Points, Point
from zkroll.algebra.iden3 import Octets, release
from zkroll.algebra.ptau import (
    ALPHA_TAU_G1,
    BETA_G2,
    BETA_TAU_G1,
    LAGRANGE,
    POWERS,
    TAU_G1,
    PtauFile,
    open_ptau,
)
from zkroll.errors import InputError

P = TypeVar("P", G1Points, G2Points)

_TOGETHER = 1 << 16  # points that are converted at once
_SECTION_HEAD = 12  # bytes: number and length


@dataclass(frozen=True, eq=False)
class PreparedPowers:
    """A prepared .ptau file, mapped, and its [α]₁, [β]₁, [β]₂. Points are checked as they are read."""

    file: PtauFile
    alpha: Point
    beta: Point
    beta_2: G2Point

    @property
    def power(self) -> int:
        """The base-2 logarithm of the largest domain."""
        return self.file.power

    def points(self, kind: type[P], section: int, first: int, count: int, threads: int | None = None) -> P:
        """Return points of a section. Raises InputError for one off the curve or of another order than r."""
        rows = np.empty((count, kind.row_words()), dtype=np.uint64)
        for at in range(0, count, _TOGETHER):
            size = min(_TOGETHER, count - at)
            rows[at : at + size] = self.file.points(kind, section, first + at, size, threads=threads).rows
            release(self.file.octets(section, first + at, size))
        return kind(rows)

    def lagrange(self, kind: type[P], section: int, log_n: int, threads: int | None = None) -> P:
        """Return the Lagrange basis of 2^log_n points that belongs to the powers in `section`."""
        return self.points(kind, LAGRANGE[section], (1 << log_n) - 1, 1 << log_n, threads)

    def quotient_points(self, log_n: int, threads: int | None = None) -> Octets:
        """Return every second point of the basis of twice 2^log_n points, from the first on: (n, 64), in file form."""
        basis = self.file.lagrange_octets(TAU_G1, log_n + 1)
        self.points(G1Points, LAGRANGE[TAU_G1], (2 << log_n) - 1, 2 << log_n, threads)
        return np.ascontiguousarray(basis[1::2])

    def behind(self, section: int, count: int) -> bytes:
        """Return the bytes of the file that follow a section. Raises InputError when it ends before."""
        sections = self.file.file.sections
        end, out = sections[section].start + sections[section].length, b""
        while len(out) < count:
            following = [n for n, other in sections.items() if other.start == end + _SECTION_HEAD]
            if not following:
                raise self.file.file.error(section, f"expected {count} bytes of other sections behind it")
            content = self.file.file.content(following[0])
            out += following[0].to_bytes(4, "little") + len(content).to_bytes(8, "little")
            out += content[:count].tobytes()
            end += _SECTION_HEAD + len(content)
        return out[:count]


def open_prepared(path: Path | str) -> PreparedPowers:
    """Return the powers in a .ptau file that was prepared for phase 2.

    Raises InputError for a damaged file, one that is not prepared, and α or β off the curve, of another order or
    at infinity.
    """
    file = open_ptau(path, POWERS)
    if not file.is_prepared:
        raise InputError(
            f"{path}: the powers of tau are not prepared for phase 2: "
            f"expected sections {', '.join(map(str, LAGRANGE.values()))} (zkroll ptau prepare)"
        )

    def first(kind: type[P], section: int) -> P:
        found = file.points(kind, section, 0, 1)
        if not found.rows.any():
            raise file.file.error(section, "expected a point other than infinity first")
        return found

    alpha, beta = (first(G1Points, section)[0] for section in (ALPHA_TAU_G1, BETA_TAU_G1))
    return PreparedPowers(file, alpha, beta, first(G2Points, BETA_G2)[0])
