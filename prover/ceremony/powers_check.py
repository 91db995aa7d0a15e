"""Verification of a ceremony's powers of τ: of the points, of every contribution, and of the Lagrange bases.

- Each contribution: whoever made it knew its secrets (`keypair`), and its [τ]₁, [τ]₂, [α]₁, [β]₁, [β]₂ are those
  before it times these secrets. A beacon's secrets are computed again.
- The powers: on the curve and of order r; consecutive powers of the τ of the last contribution, by random
  combinations e(Σ ρ_i·P_i, [τ]₂) = e(Σ ρ_i·P_(i+1), [1]₂) with 128-bit ρ_i; their first points are those of the last
  contribution, and the hash of all is its challenge for the next one.
- The secrets: nobody knows them for being 1, or for being each other.
- Lagrange bases: Σ_i ρ_i·[τ^i] = Σ_j ρ(ω^j)·[L_j(τ)] for ρ(X) = Σ ρ_i·X^i, again random. The power that the largest
  basis wants and the file lacks is infinity or, in a file that was cut, found by a pairing: in a basis that was not
  compared in it, whoever prepares the file could hide a point P in [L_j(τ)]₁ + ω^-j(2n-1)·P, which no honest proof
  notices, and with the P/δ that later contributors give to it forge one.

A false equation holds with probability 2^-128. Source: Bowe, Gabizon, Miers, "Scalable multi-party computation for
zk-SNARK parameters in the random beacon model" (2017), section 5; snarkjs 0.7.6, src/powersoftau_verify.js.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra import ntt
from zkroll.algebra.curve import (
    GENERATOR,
    GENERATOR_G2,
    G1Points,
    G2Point,
    G2Points,
    Point,
    Points,
    add,
    multiply,
    negate,
)
from zkroll.algebra.field import blocks_for, fr
from zkroll.algebra.iden3 import release
from zkroll.algebra.kernels.emit import LANES
from zkroll.algebra.msm import msm_g1, msm_g2
from zkroll.algebra.pairing import pairing_product_is_one
from zkroll.algebra.progress import Progress, quiet
from zkroll.algebra.ptau import (
    ALPHA_TAU_G1,
    BETA_G2,
    BETA_TAU_G1,
    LAGRANGE,
    NAMES,
    POWERS,
    TAU_G1,
    TAU_G2,
    PtauFile,
    kind_of,
    open_ptau,
    point_count,
)
from zkroll.errors import InputError, VerificationError
from zkroll.prover.ceremony.beacon import DEFAULT_MAX_EXPONENT
from zkroll.prover.ceremony.claims import Claim, random_weights, require
from zkroll.prover.ceremony.powers_chain import (
    CheckedContribution,
    check_chain,
)
from zkroll.prover.ceremony.transcript import Transcript

Words = NDArray[np.uint64]
P = TypeVar("P", bound=Points)

_CHUNK = 1 << 16  # points that are checked together: a multiple of the lanes of a block
_G2_COST = 5.0  # of checking a point of G2, in points of G1
_LAGRANGE_COST = 2.0  # of checking a point of a Lagrange basis, in others


@dataclass(frozen=True)
class CheckedPowers:
    """What was verified. `next_challenge` is computed from the points; in a cut file it answers to nothing."""

    power: int
    ceremony_power: int
    is_prepared: bool
    next_challenge: bytes
    contributions: tuple[CheckedContribution, ...]


def verify(
    path: Path | str,
    *,
    max_exponent: int = DEFAULT_MAX_EXPONENT,
    threads: int | None = None,
    progress: Progress = quiet,
) -> CheckedPowers:
    """Verify a .ptau file wholly.

    Raises VerificationError with the first thing that is wrong, InputError for a file that cannot be read, and for
    beacons of more than 2^max_exponent hashes together.
    """
    file = open_ptau(path)
    if not file.contributions:
        raise VerificationError(f"{path}: expected a contribution, got none: everyone knows tau = 1")
    work = _Work(file, progress)
    contributions = check_chain(file, max_exponent, work.step, threads)
    made = contributions[-1].contribution
    check_secrets(str(path), made.tau_g1, made.alpha_g1, made.beta_g1)
    next_challenge = _check_powers(file, contributions[-1], work, threads)
    if file.power == file.ceremony_power and next_challenge != file.contributions[-1].next_challenge:
        raise VerificationError(
            f"{path}: contribution {len(contributions)}: expected its next challenge to be the hash of the points "
            f"{next_challenge.hex()[:32]}…, got {file.contributions[-1].next_challenge.hex()[:32]}…"
        )
    if file.is_prepared:
        for section in LAGRANGE:
            sizes = range((point_count(section, file.power) - 1).bit_length() + 1)
            check_lagrange(file, section, sizes, threads, work.points, check=False)
    progress("done", 1.0, "")
    return CheckedPowers(
        file.power, file.ceremony_power, file.is_prepared, next_challenge, tuple(contributions)
    )


def check_secrets(place: str, tau: Point, alpha: Point, beta: Point) -> None:
    """Raise VerificationError when [τ]₁, [α]₁ and [β]₁ show secrets that are ±1, or ± each other."""
    seen: dict[int | None, str] = {GENERATOR[0]: "1"}
    for name, point in (("tau", tau), ("alpha", alpha), ("beta", beta)):
        x = None if point is None else point[0]
        if x in seen:
            raise VerificationError(
                f"{place}: expected tau, alpha and beta that nobody knows, got {name} = {seen[x]} or its opposite"
            )
        seen[x] = name


class _Work:
    """How much of the verification is done: points, weighed."""

    def __init__(self, file: PtauFile, progress: Progress):
        self._progress, self._done = progress, 0.0
        sections = [*POWERS, *(LAGRANGE.values() if file.is_prepared else ())]
        self._whole = sum(_cost(section) * point_count(section, file.power) for section in sections)

    def step(self, stage: str, detail: str) -> None:
        """Report what is being done."""
        self._progress(stage, min(1.0, self._done / self._whole), detail)

    def points(self, stage: str, detail: str, section: int, count: int) -> None:
        """Report a stage, after so many more points of a section."""
        self._done += _cost(section) * count
        self.step(stage, detail)


def _cost(section: int) -> float:
    one = _G2_COST if kind_of(section) is G2Points else 1.0
    return one * (_LAGRANGE_COST if section in LAGRANGE.values() else 1.0)


# ---- powers ------------------------------------------------------------------------------------------------


def _check_powers(file: PtauFile, last: CheckedContribution, work: _Work, threads: int | None) -> bytes:
    """Check sections 2 to 6 against the last contribution; gives the hash of them all."""
    made, place = last.contribution, str(file.path)
    following = Transcript(last.response_hash)
    claims = []
    ends: dict[int, list[Point] | list[G2Point]] = {
        TAU_G1: [GENERATOR, made.tau_g1],
        TAU_G2: [GENERATOR_G2, made.tau_g2],
        ALPHA_TAU_G1: [made.alpha_g1],
        BETA_TAU_G1: [made.beta_g1],
        BETA_G2: [made.beta_g2],
    }
    for section, expected in ends.items():
        name = NAMES[section]
        for i, (point, wanted) in enumerate(zip(_heads(file, section, len(expected)), expected, strict=True)):
            if point != wanted:
                what = (
                    "the generator" if section in (TAU_G1, TAU_G2) and i == 0 else "the last contribution's"
                )
                raise VerificationError(f"{place}: {name}: point {i}: expected {what}, got another point")
        low, high = _shifted_sums(file, section, following, work, threads)
        text = f"{name}: expected consecutive powers of the last contribution's tau, got others"
        if isinstance(low, G1Points) and isinstance(high, G1Points):
            claims.append(Claim(text, low[0], high[0], GENERATOR_G2, made.tau_g2))
        elif isinstance(low, G2Points) and isinstance(high, G2Points) and section != BETA_G2:
            claims.append(Claim(text, GENERATOR, made.tau_g1, low[0], high[0]))
    require(place, claims, threads)
    return following.digest()


def _heads(file: PtauFile, section: int, count: int) -> Sequence[Point | G2Point]:
    if kind_of(section) is G1Points:
        return _points(G1Points, file, section, 0, count, None).to_ints()
    return _points(G2Points, file, section, 0, count, None).to_ints()


def _shifted_sums(
    file: PtauFile, section: int, following: Transcript, work: _Work, threads: int | None
) -> tuple[Points, Points]:
    """Σ ρ_i·P_i and Σ ρ_i·P_(i+1) over a section, whose points are checked and hashed on the way."""
    kind, count = kind_of(section), point_count(section, file.power)
    low, high = _infinity(kind), _infinity(kind)
    last: Words | None = None
    for first in range(0, count, _CHUNK):
        size = min(_CHUNK, count - first)
        octets = file.octets(section, first, size)
        rows = _points(kind, file, section, first, size, threads).rows
        following.points(octets, threads=threads)
        release(octets)
        if last is not None:
            rows = np.concatenate([last, rows])
        last = rows[-1:].copy()
        weights = random_weights(len(rows) - 1)
        low = add(low, _sum(kind(rows[:-1]), weights, threads))
        high = add(high, _sum(kind(rows[1:]), weights, threads))
        work.points(NAMES[section], "", section, size)
    return low, high


# ---- Lagrange bases ----------------------------------------------------------------------------------------


def check_lagrange(
    file: PtauFile,
    section: int,
    sizes: range,
    threads: int | None = None,
    done: Callable[[str, str, int, int], object] = lambda _stage, _detail, _section, _count: None,
    *,
    check: bool = True,
) -> None:
    """Compare the Lagrange bases of 2^k points, for the k in rising `sizes`, with the powers that they are made of.

    done(stage, detail, section, points) is called as points have been compared. Without `check` the powers
    themselves are known to be of order r. Raises VerificationError for a basis of others, and for points off the
    curve or of another order than r.
    """
    kind, number, count = kind_of(section), LAGRANGE[section], point_count(section, file.power)
    weights = random_weights(1 << sizes[-1])
    expected, begin = _infinity(kind), 0
    for log_n in sizes:
        n = 1 << log_n
        for first in range(begin, min(n, count), _CHUNK):
            last = min(first + _CHUNK, n, count)
            points = _points(kind, file, section, first, last - first, threads, check=check)
            expected = add(expected, _sum(points, weights[first:last], threads))
        begin = n
        values = fr.from_array(weights[:n], threads)
        ntt.forward(values, threads=threads, log_n=log_n)
        found = _infinity(kind)
        for first in range(0, n, _CHUNK):
            size = min(_CHUNK, n - first)
            points = _points(kind, file, number, n - 1 + first, size, threads)
            part = values[first // LANES : blocks_for(first + size)]
            found = add(found, _sum(points, part, threads))
            release(file.octets(number, n - 1 + first, size))
            done(f"Lagrange bases of {NAMES[section]}", f"domain of 2^{log_n}", number, size)
        rest = add(found, negate(expected))
        if rest.rows.any() and not (n > count and _is_next_power(file, rest, weights[count], threads)):
            raise VerificationError(
                f"{file.path}: section {number}: expected the Lagrange basis of 2^{log_n} points that the "
                f"powers of {NAMES[section]} give, got another"
            )


def _is_next_power(file: PtauFile, rest: Points, weight: Words, threads: int | None) -> bool:
    """Whether a point is the weighted power of τ that follows the last one of [τ^i]₁."""
    last = _points(G1Points, file, TAU_G1, point_count(TAU_G1, file.power) - 1, 1, threads, check=False)
    weighted = multiply(last, int.from_bytes(weight.tobytes(), "little"), threads)
    tau_2 = _points(G2Points, file, TAU_G2, 1, 1, threads)[0]
    pairs = [(G1Points(rest.rows)[0], GENERATOR_G2), (negate(weighted)[0], tau_2)]
    return pairing_product_is_one(pairs, threads=threads)


# ---- points ------------------------------------------------------------------------------------------------


def _points(
    kind: type[P],
    file: PtauFile,
    section: int,
    first: int,
    count: int,
    threads: int | None,
    *,
    check: bool = True,
) -> P:
    try:
        return file.points(kind, section, first, count, check=check, threads=threads)
    except InputError as error:
        raise VerificationError(str(error)) from error


def _sum(points: P, scalars: Words, threads: int | None) -> P:
    """Σ scalars[i]·points[i], as a vector of one point."""
    if isinstance(points, G1Points):
        rows = G1Points.from_ints([msm_g1(points, scalars, points.n, threads)]).rows
    elif isinstance(points, G2Points):
        rows = G2Points.from_ints([msm_g2(points, scalars, points.n, threads)]).rows
    else:
        raise InputError(f"expected points of G1 or G2, got {type(points).__name__}")
    return type(points)(rows)


def _infinity(kind: type[P]) -> P:
    return kind(np.zeros((1, kind.row_words()), dtype=np.uint64))
