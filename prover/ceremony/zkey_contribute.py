"""Contributions to a proving key: δ is multiplied by a secret that is then forgotten.

C and H are divided by the secret, all other points stay. As long as one contributor has forgotten theirs, nobody can
forge proofs. Records, hashes and, for a beacon, every byte are those of snarkjs 0.7.6 (src/zkey_contribute.js,
src/zkey_beacon.js).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.contribution_parameters import cut_name
from zkroll.algebra.curve import G1Points, G2Points, multiply
from zkroll.algebra.files import check_writable
from zkroll.algebra.iden3 import Octets, release
from zkroll.algebra.progress import Progress, quiet
from zkroll.circuits.r1cs.formats.zkey import C as C_SECTION
from zkroll.circuits.r1cs.formats.zkey import (
    Ceremony,
    Contribution,
    ZKey,
    read_zkey,
    write_zkey,
)
from zkroll.circuits.r1cs.formats.zkey import H as H_SECTION
from zkroll.errors import InputError
from zkroll.prover.ceremony.beacon import beacon_rng, check_beacon
from zkroll.prover.ceremony.chacha import ChaCha, fresh
from zkroll.prover.ceremony.keypair import delta_digest, digest_challenge, prove_secret
from zkroll.prover.ceremony.zkey_chain import contribution_hash, transcript_of

_TOGETHER = 1 << 14  # points that are multiplied together


@dataclass(frozen=True)
class Contributed:
    """Hashes (64 bytes each) of the circuit and of the contribution that was made."""

    circuit_hash: bytes
    contribution_hash: bytes


def contribute_zkey(
    source: Path | str,
    output: Path | str,
    *,
    name: str = "",
    entropy: str = "",
    threads: int | None = None,
    progress: Progress = quiet,
) -> Contributed:
    """Write the key with one more contribution, whose secret comes from the system's randomness and `entropy`.

    Raises InputError for a damaged key, points of C or H off the curve, and an output that cannot be written; then
    no file is left.
    """
    return _contribute(source, output, lambda: fresh(entropy), _record(name, None, None), threads, progress)


def beacon_zkey(
    source: Path | str,
    output: Path | str,
    seed: bytes,
    exponent: int,
    *,
    name: str = "",
    threads: int | None = None,
    progress: Progress = quiet,
) -> Contributed:
    """Write the key with one more contribution whose secret is that of a beacon, so that everyone can repeat it.

    `seed` has 1 to 255 bytes and is hashed 2^exponent times, exponent 10 to 63. Raises InputError as
    `contribute_zkey` does, and for another seed or exponent.
    """
    check_beacon(seed, exponent)

    def rng() -> ChaCha:
        return beacon_rng(seed, exponent, lambda stage, part, detail: progress(stage, part / 10, detail))

    return _contribute(source, output, rng, _record(name, seed, exponent), threads, progress)


def _record(name: str, seed: bytes | None, exponent: int | None) -> Contribution:
    """A record whose points are still missing."""
    return Contribution(None, None, None, None, b"", cut_name(name), exponent, seed)


def _contribute(
    source: Path | str,
    output: Path | str,
    make_rng: Callable[[], ChaCha],
    record: Contribution,
    threads: int | None,
    progress: Progress,
) -> Contributed:
    check_writable(output)
    progress("reading the key", 0.0, "")
    key = read_zkey(source)
    rng = make_rng()
    secret = rng.fr()
    said = transcript_of(key.ceremony)
    proof = prove_secret(secret, rng, lambda s, sx: digest_challenge(delta_digest(said, s, sx)))
    delta1 = multiply(G1Points.from_ints([key.delta1]), secret)[0]
    delta2 = multiply(G2Points.from_ints([key.delta2]), secret)[0]
    made = dataclasses.replace(
        record,
        delta_after=delta1,
        g1_s=proof.g1_s,
        g1_sx=proof.g1_sx,
        g2_spx=proof.g2_spx,
        transcript=delta_digest(said, proof.g1_s, proof.g1_sx),
    )
    ceremony = Ceremony(key.ceremony.circuit_hash, (*key.ceremony.contributions, made))
    new = dataclasses.replace(key, delta1=delta1, delta2=delta2, ceremony=ceremony)
    inverse = pow(secret, -1, R_MODULUS)
    parts = _Scaling(key, inverse, threads, progress)
    write_zkey(
        new, output, replaced={C_SECTION: parts.points("C", key.c), H_SECTION: parts.points("H", key.h)}
    )
    progress("writing the key", 1.0, "")
    return Contributed(key.ceremony.circuit_hash, contribution_hash(made))


class _Scaling:
    """Multiples of the points of C and H, piece by piece, as they are written."""

    def __init__(self, key: ZKey, factor: int, threads: int | None, progress: Progress):
        self._factor, self._threads, self._progress = factor, threads, progress
        self._done, self._all = 0, len(key.c) + len(key.h)

    def points(self, name: str, octets: Octets) -> Iterator[Octets]:
        for begin in range(0, len(octets), _TOGETHER):
            self._progress(name, 0.1 + 0.85 * self._done / self._all, f"{begin} of {len(octets)} points")
            part = octets[begin : begin + _TOGETHER]
            try:
                points = G1Points.from_bytes(part, "iden3", threads=self._threads)
            except InputError as error:
                raise InputError(f"zkey: {name}, from point {begin} on: {error}") from error
            scaled = multiply(points, self._factor, self._threads)
            yield np.frombuffer(scaled.to_bytes("iden3", self._threads), dtype=np.uint8)
            release(part)
            self._done += len(part)
