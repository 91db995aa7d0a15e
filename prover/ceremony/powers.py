"""Phase 1 of a ceremony: a file of powers of τ = 1, and contributions that multiply secrets into it.

A contribution of τ', α', β' turns [τ^i] into [(τ·τ')^i], [α·τ^i] into [α·α'·(τ·τ')^i] and [β·τ^i] likewise. One
contributor who forgets the secrets is enough. Each hashes its response (the challenge it answers, all new points
in compressed form, the proofs of its secrets), and of that and the new points the next challenge is the hash.

Source: Bowe, Gabizon, Miers, "Scalable multi-party computation for zk-SNARK parameters in the random beacon model"
(2017); the order of what is hashed is that of snarkjs 0.7.6, whose beacons give the same file byte by byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.curve import GENERATOR, G1Points, G2Points, Points, multiply
from zkroll.algebra.field import fr
from zkroll.algebra.fixed_base import fixed_base_g1, fixed_base_g2
from zkroll.algebra.iden3 import Octets, release
from zkroll.algebra.progress import Progress, quiet
from zkroll.algebra.ptau import (
    ALPHA_TAU_G1,
    BETA_G2,
    BETA_TAU_G1,
    NAMES,
    POWERS,
    TAU_G1,
    TAU_G2,
    PtauFile,
    PtauWriter,
    create_ptau,
    kind_of,
    open_ptau,
    point_count,
)
from zkroll.algebra.ptau_records import Contribution, SecretProof
from zkroll.algebra.reference.pairing import GENERATOR_G2
from zkroll.errors import InputError
from zkroll.prover.ceremony.beacon import beacon_rng, check_beacon
from zkroll.prover.ceremony.chacha import ChaCha, fresh
from zkroll.prover.ceremony.keypair import prove_powers
from zkroll.prover.ceremony.transcript import Transcript, encode

P = TypeVar("P", bound=Points)

_CHUNK = 1 << 16  # points that are multiplied together
_REPEATED = 1 << 20  # bytes
_G2_COST = 2.5  # of a point of G2, in points of G1
_HASHED = 0.95  # where hashing the next challenge begins, of the whole work
_BEACON = 0.5  # of the work, for progress: nobody knows beforehand


@dataclass(frozen=True)
class Contributed:
    """A contribution that was made, and what its contributor publishes: the hash of the response, 64 bytes."""

    response_hash: bytes
    contribution: Contribution


# ---- the beginning -----------------------------------------------------------------------------------------


def new(target: Path | str, power: int, *, progress: Progress = quiet) -> bytes:
    """Write a file for 2^power powers, all with τ = α = β = 1. Returns the first challenge, 64 bytes.

    Raises InputError for a power outside 1..28 or a file that cannot be written.
    """
    with create_ptau(target, power) as writer:
        for i, section in enumerate(POWERS):
            progress("writing", i / len(POWERS) / 2, NAMES[section])
            writer.write(section, _repeated(_generator(section), point_count(section, power)))
        writer.write_contributions([])
        first = first_challenge(power, lambda stage, done, text: progress(stage, (1 + done) / 2, text))
    progress("done", 1.0, "")
    return first


def first_challenge(power: int, progress: Progress = quiet) -> bytes:
    """Return the challenge that the first contribution answers: the hash of nothing, and of all generators.

    Takes a second for each GB of such a challenge, which has 384 bytes for each of 2^power.
    """
    hashed = hashlib.blake2b(hashlib.blake2b().digest())
    sizes = {section: point_count(section, power) * kind_of(section).group.row_bytes for section in POWERS}
    whole, done = sum(sizes.values()), 0
    for section in POWERS:
        generator = encode(_generator(section))
        for piece in _repeated(np.frombuffer(generator, dtype=np.uint8), point_count(section, power)):
            hashed.update(piece)
            done += len(piece)
            progress("first challenge", done / whole, NAMES[section])
    return hashed.digest()


def _generator(section: int) -> Octets:
    """The generator of the section's group, as octets (1, bytes of a point)."""
    points: Points = G1Points.from_ints([GENERATOR])
    if kind_of(section) is G2Points:
        points = G2Points.from_ints([GENERATOR_G2])
    return np.frombuffer(points.to_bytes("iden3"), dtype=np.uint8).reshape(1, -1)


def _repeated(octets: Octets, count: int) -> Iterator[bytes]:
    """The octets so many times, in pieces."""
    at_once = min(count, max(1, _REPEATED // octets.size))
    piece = octets.tobytes() * at_once
    for first in range(0, count, at_once):
        yield piece[: octets.size * min(at_once, count - first)]


# ---- contributions -----------------------------------------------------------------------------------------


def contribute(
    source: Path | str,
    target: Path | str,
    *,
    name: str = "",
    entropy: str = "",
    threads: int | None = None,
    progress: Progress = quiet,
) -> Contributed:
    """Write `source` with a contribution of fresh secrets to `target`.

    Secrets come from the system's randomness, to which `entropy` is added, and are forgotten. Lagrange bases are
    left out: they are to be prepared again. Raises InputError for a file that cannot be read, of points that are
    not of the groups, or cut from a larger one.
    """
    return contribute_with(fresh(entropy), source, target, name=name, threads=threads, progress=progress)


def beacon(
    source: Path | str,
    target: Path | str,
    seed: bytes,
    exponent: int,
    *,
    name: str = "",
    threads: int | None = None,
    progress: Progress = quiet,
) -> Contributed:
    """Write `source` with the contribution of a beacon to `target`; everyone gets the same file.

    Raises InputError as `contribute` does, and for a seed or exponent that `check_beacon` refuses.
    """
    check_beacon(seed, exponent)
    open_whole(source)  # what is wrong with the file is said before the long chain of hashes
    rng = beacon_rng(seed, exponent, lambda stage, done, text: progress(stage, _BEACON * done, text))

    def rest(stage: str, fraction: float, detail: str) -> None:
        progress(stage, _BEACON + (1 - _BEACON) * fraction, detail)

    return contribute_with(
        rng, source, target, name=name, exponent=exponent, seed=seed, threads=threads, progress=rest
    )


def contribute_with(
    rng: ChaCha,
    source: Path | str,
    target: Path | str,
    *,
    name: str = "",
    exponent: int | None = None,
    seed: bytes | None = None,
    threads: int | None = None,
    progress: Progress = quiet,
) -> Contributed:
    """Write `source` with the contribution whose secrets `rng` gives; with an exponent, it is a beacon's.

    Raises InputError as `contribute` does.
    """
    file = open_whole(source)
    challenge = last_challenge(file)
    (tau, alpha, beta), proofs = prove_powers(rng, challenge)
    firsts = {ALPHA_TAU_G1: alpha, BETA_TAU_G1: beta, BETA_G2: beta}
    response = Transcript(challenge)
    costs = {section: _cost(section, file.power) for section in POWERS}
    whole = sum(costs.values())
    with create_ptau(target, file.power) as writer:
        before = 0.0

        def multiplied(section: int) -> Iterator[bytes]:
            count, first = point_count(section, file.power), firsts.get(section, 1)
            for begin in range(0, count, _CHUNK):
                progress(NAMES[section], _HASHED * (before + costs[section] * begin / count) / whole, "")
                size = min(_CHUNK, count - begin)
                points = _multiples(kind_of(section), file, section, begin, size, first, tau, threads)
                response.points(points, "compressed", threads)
                yield points.to_bytes("iden3", threads)
                first = first * pow(tau, size, R_MODULUS) % R_MODULUS

        for section in POWERS:
            writer.write(section, multiplied(section))
            before += costs[section]
        progress("hashing", _HASHED, "")
        made = record(writer, response, proofs, name, exponent, seed, threads)
        writer.write_contributions([*file.contributions, made.contribution])
    progress("done", 1.0, "")
    return made


def record(
    writer: PtauWriter,
    response: Transcript,
    proofs: Sequence[SecretProof],
    name: str,
    exponent: int | None,
    seed: bytes | None,
    threads: int | None,
) -> Contributed:
    """Return the record of a contribution whose points are written, and whose response lacks its proofs only."""
    tau_g1 = writer.points(G1Points, TAU_G1, 1)
    alpha_g1, beta_g1 = (writer.points(G1Points, section, 0) for section in (ALPHA_TAU_G1, BETA_TAU_G1))
    tau, alpha, beta = proofs
    partial = Contribution(
        tau_g1=tau_g1[0],
        tau_g2=writer.points(G2Points, TAU_G2, 1)[0],
        alpha_g1=alpha_g1[0],
        beta_g1=beta_g1[0],
        beta_g2=writer.points(G2Points, BETA_G2, 0)[0],
        tau=tau,
        alpha=alpha,
        beta=beta,
        partial_hash=response.state(),
        next_challenge=b"",
        name=name,
        exponent=exponent,
        beacon=seed,
    )
    response_hash = response_of(partial)
    following = Transcript(response_hash)
    for section in POWERS:
        for octets in writer.read(section):
            following.points(octets, threads=threads)
    return Contributed(response_hash, replace(partial, next_challenge=following.digest()))


def response_of(contribution: Contribution) -> bytes:
    """Return the hash of a contribution's response. Raises InputError for a state that no message gives."""
    pairs, others = contribution.proof_points()
    return Transcript(state=contribution.partial_hash).points(pairs).points(others).digest()


def last_challenge(file: PtauFile) -> bytes:
    """Return the challenge that the next contribution answers."""
    return file.contributions[-1].next_challenge if file.contributions else first_challenge(file.power)


def open_whole(source: Path | str) -> PtauFile:
    """Return a file that can be contributed to. Raises InputError when it is cut from a larger one."""
    file = open_ptau(source)
    if file.power != file.ceremony_power:
        raise InputError(
            f"{source}: expected the whole file of a ceremony to contribute to, got one cut "
            f"from 2^{file.ceremony_power} to 2^{file.power}"
        )
    return file


def _cost(section: int, power: int) -> float:
    one = _G2_COST if kind_of(section) is G2Points else 1.0
    return one * point_count(section, power)


def _multiples(
    kind: type[P],
    file: PtauFile,
    section: int,
    begin: int,
    size: int,
    first: int,
    step: int,
    threads: int | None,
) -> P:
    """The points begin, begin + 1, … of a section times first, first·step, first·step², …."""
    octets = file.octets(section, begin, size)
    scalars = fr.mul(fr.powers(step, size), first, threads=threads)
    untouched = bool((octets == _generator(section)).all())
    if untouched:  # nobody has contributed: a table makes it several times as fast
        release(octets)
        if kind is G1Points:
            return kind(fixed_base_g1(scalars, size, threads=threads).rows)
        return kind(fixed_base_g2(scalars, size, threads=threads).rows)
    # points outside the group would give away the secret modulo their small orders
    points = file.points(kind, section, begin, size, threads=threads)
    release(octets)
    return multiply(points, scalars, threads)
