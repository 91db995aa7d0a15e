"""Challenges and responses: contributions to powers of τ that other programs make.

A challenge file is the hash of the last response (64 bytes) and the points of sections 2 to 6, uncompressed. Its
hash is the challenge. A response file is that hash, the new points, compressed, and the proofs of the secrets:
s·G, s·x·G for τ, α, β and the three x·sp, uncompressed. For the encodings see `transcript`; all is big endian.
This is the format of "perpetual powers of tau" and of bellman's phase 1.

Source: snarkjs 0.7.6, src/powersoftau_export_challenge.js and src/powersoftau_import.js.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from zkroll.algebra.blake2b import Blake2b
from zkroll.algebra.curve import G1Points, G2Points
from zkroll.algebra.files import open_regular, replace_file
from zkroll.algebra.iden3 import Octets, release
from zkroll.algebra.progress import Progress, quiet
from zkroll.algebra.ptau import NAMES, POWERS, create_ptau, kind_of, point_count
from zkroll.algebra.ptau_records import SecretProof
from zkroll.errors import InputError, VerificationError
from zkroll.prover.ceremony.claims import require
from zkroll.prover.ceremony.powers import Contributed, last_challenge, open_whole, record, response_of
from zkroll.prover.ceremony.powers_chain import State, contribution_claims
from zkroll.prover.ceremony.transcript import Transcript, encoded_pieces

_HASH = 64
_READ_BYTES = 1 << 24  # uncompressed, that are hashed together
_CHUNK = 1 << 16  # points that are decoded together
_PROOFS = (6, 3)  # points of G1 and of G2
_HASHED = 0.95  # where hashing the next challenge begins, of the whole work
# The two highest bits of a compressed point, by those of `transcript`: smaller y, infinity, larger y.
_FLAGS = {0x00: 0x80, 0x40: 0x40, 0x80: 0xC0}


def export_challenge(
    source: Path | str, target: Path | str, *, threads: int | None = None, progress: Progress = quiet
) -> bytes:
    """Write the challenge that the next contribution answers, and return its hash.

    Raises InputError for a file that cannot be read, VerificationError when its points are not those that its
    last contribution says.
    """
    file = open_whole(source)
    expected = last_challenge(file)
    before = Blake2b().digest()
    if file.contributions:
        before = response_of(file.contributions[-1])
    said = Blake2b(before)
    whole, done = _challenge_bytes(file.power), 0
    with replace_file(target) as out:
        out.write(before)
        for section in POWERS:
            count = point_count(section, file.power)
            for first in range(0, count, _CHUNK):
                octets = file.octets(section, first, min(_CHUNK, count - first))
                try:
                    for piece in encoded_pieces(octets, threads=threads):
                        said.update(piece)
                        out.write(piece.data)
                        done += piece.size
                except InputError as error:
                    raise file.file.error(section, str(error)) from error
                release(octets)
                progress(NAMES[section], min(1.0, done / whole), "")
        if said.digest() != expected:
            raise VerificationError(
                f"{source}: expected points whose hash is the challenge {expected.hex()[:32]}…, "
                f"got {said.digest().hex()[:32]}…"
            )
    return expected


def _challenge_bytes(power: int) -> int:
    return _HASH + sum(point_count(section, power) * kind_of(section).group.row_bytes for section in POWERS)


def import_response(
    source: Path | str,
    response: Path | str,
    target: Path | str,
    *,
    name: str = "",
    threads: int | None = None,
    progress: Progress = quiet,
) -> Contributed:
    """Write `source` with the contribution in a response file to `target`.

    The contribution must answer the last challenge, prove its secrets and follow from the points before; whether
    all its points are powers is for `powers_check` to say. Raises VerificationError when it does not, InputError for
    files that cannot be read, and points that are not of the groups.
    """
    file = open_whole(source)
    octets = _open_response(response, file.power)
    challenge = last_challenge(file)
    answered = octets[:_HASH].tobytes()
    if answered != challenge:
        raise VerificationError(
            f"{response}: expected a response to the challenge {challenge.hex()[:32]}…, "
            f"got one to {answered.hex()[:32]}…"
        )
    hashed, at = Transcript(answered), _HASH

    def decoded(section: int) -> Iterator[bytes]:
        nonlocal at
        kind, count = kind_of(section), point_count(section, file.power)
        size = kind.group.row_bytes // 2
        step = _READ_BYTES // kind.group.row_bytes
        for first in range(0, count, step):
            n = min(step, count - first)
            part = octets[at : at + size * n]
            hashed.update(part)
            for begin in range(0, n, _CHUNK):
                some = part[size * begin : size * min(n, begin + _CHUNK)].reshape(-1, size)
                place = f"{response}: {NAMES[section]}: from point {first + begin} on"
                yield _decompressed(kind, some, place, threads).to_bytes("iden3", threads)
                progress(NAMES[section], _HASHED * (at + size * begin) / len(octets), "")
            release(part)
            at += size * n

    with create_ptau(target, file.power) as writer:
        for section in POWERS:
            writer.write(section, decoded(section))
        progress("hashing", _HASHED, "")
        made = record(writer, hashed, _proofs(octets[at:], response), name, None, None, threads)
        number = len(file.contributions) + 1
        before = State.after(file, number - 1, quiet)
        require(str(response), contribution_claims(number, made.contribution, before), threads)
        writer.write_contributions([*file.contributions, made.contribution])
    progress("done", 1.0, "")
    return made


def _open_response(path: Path | str, power: int) -> Octets:
    expected = _HASH + sum(
        n * kind.group.row_bytes for kind, n in zip((G1Points, G2Points), _PROOFS, strict=True)
    )
    expected += sum(point_count(section, power) * kind_of(section).group.row_bytes // 2 for section in POWERS)
    with open_regular(path, "a response file") as (file, size):
        if size != expected:
            raise InputError(
                f"{path}: expected a response of {expected} bytes for 2^{power} powers, got {size} bytes"
            )
        return np.memmap(file, dtype=np.uint8, mode="r", shape=(expected,)).view(np.ndarray)


def _decompressed(
    kind: type[G1Points] | type[G2Points], octets: Octets, place: str, threads: int | None
) -> G1Points | G2Points:
    flags, other = octets[:, 0] & 0xC0, octets.copy()
    other[:, 0] &= 0x3F
    known = np.zeros(len(octets), dtype=np.bool_)
    for theirs, ours in _FLAGS.items():
        chosen = flags == theirs
        other[chosen, 0] |= ours
        known |= chosen
    if not known.all():
        raise InputError(
            f"{place}: point {int(np.argmin(known))}: expected one flag of a compressed point, got two"
        )
    try:
        return kind.from_bytes(other, "compressed", threads=threads)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error


def _proofs(octets: Octets, path: Path | str) -> list[SecretProof]:
    cut = _PROOFS[0] * G1Points.group.row_bytes
    try:
        pairs = G1Points.from_bytes(octets[:cut]).to_ints()
        others = G2Points.from_bytes(octets[cut:]).to_ints()
    except InputError as error:
        raise InputError(f"{path}: proofs of the secrets: {error}") from error
    return [SecretProof(pairs[2 * i], pairs[2 * i + 1], others[i]) for i in range(3)]
