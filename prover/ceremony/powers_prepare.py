"""Preparing powers of τ for phase 2: the Lagrange bases of every domain that a circuit may need.

L_j(X) is 1 at ω^j and 0 at the other ω^i of its domain, so [L_j(τ)] is the inverse transform of [τ^i], and the
same holds for the multiples by α and β. All domains of 2^0, 2^1, …, 2^power points are transformed apart, and for
[τ^i]₁ that of 2^(power + 1) points as well, which Groth16's quotient needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TypeVar

from zkroll.algebra import aligned, group_ntt
from zkroll.algebra.curve import G2Points, Points
from zkroll.algebra.iden3 import release
from zkroll.algebra.progress import Progress, quiet
from zkroll.algebra.ptau import (
    CONTRIBUTIONS,
    LAGRANGE,
    NAMES,
    POWERS,
    TAU_G1,
    PtauFile,
    create_ptau,
    kind_of,
    open_ptau,
    point_count,
)
from zkroll.errors import InputError

P = TypeVar("P", bound=Points)

_CHUNK = 1 << 15  # points that are converted together
_G2_COST = 2.1  # of a multiple in G2, in those of G1


def prepare(
    source: Path | str,
    target: Path | str,
    *,
    threads: int | None = None,
    progress: Progress = quiet,
) -> int:
    """Write the file `source` with the Lagrange bases of its powers to `target`. Returns the power.

    Points must be on their curve and of order r; whether they are powers of one τ is for `powers_check` to say.
    Takes the memory of four times the points of one section, of which the largest has 2^(power + 1).
    Raises InputError for a file that cannot be read, or one of powers 2^28, whose last domain has no root of unity.
    """
    file = open_ptau(source)
    if file.power >= group_ntt.MAX_LOG:
        raise InputError(
            f"{source}: expected a power of at most {group_ntt.MAX_LOG - 1} to prepare, got {file.power}"
        )
    costs = {
        (section, log_n): _cost(section, log_n)
        for section in LAGRANGE
        for log_n in range(_largest(file, section) + 1)
    }
    ends = dict(zip(costs, accumulate(costs.values()), strict=True))
    whole = sum(costs.values())

    def report(section: int, log_n: int, fraction: float) -> None:
        done = ends[section, log_n] - (1 - fraction) * costs[section, log_n]
        progress(NAMES[section], done / whole, f"domain of 2^{log_n}")

    def bases(section: int) -> Iterator[bytes]:
        powers = _powers(kind_of(section), file, section, threads)
        for log_n in range(_largest(file, section) + 1):
            some = type(powers)(powers.rows[: 1 << log_n])
            basis = group_ntt.inverse(some, threads, report=partial(report, section, log_n))
            for first in range(0, basis.n, _CHUNK):
                yield type(basis)(basis.rows[first : first + _CHUNK]).to_bytes("iden3", threads)

    with create_ptau(target, file.power, file.ceremony_power, prepared=True) as writer:
        for number in (*POWERS, CONTRIBUTIONS):
            writer.copy(file, number)
        for section, number in LAGRANGE.items():
            writer.write(number, bases(section))
    progress("done", 1.0, "")
    return file.power


def _largest(file: PtauFile, section: int) -> int:
    return file.power + (section == TAU_G1)


def _cost(section: int, log_n: int) -> float:
    """The time of a transform, in multiples of points of G1."""
    one = _G2_COST if kind_of(section) is G2Points else 1.0
    return one * (log_n + 1) * (1 << log_n) / 2


def _powers(kind: type[P], file: PtauFile, section: int, threads: int | None) -> P:
    """The points of a section, checked, with infinity behind those of the larger one."""
    n = 1 << _largest(file, section)
    rows = aligned.zeros((n, kind.row_words()))
    count = point_count(section, file.power)
    for first in range(0, count, _CHUNK):
        last = min(count, first + _CHUNK)
        rows[first:last] = file.points(kind, section, first, last - first, threads=threads).rows
        release(file.octets(section, first, last - first))
    return kind(rows)
