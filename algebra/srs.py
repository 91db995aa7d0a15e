"""Structured reference strings (SRS) over BN254: the powers [τ^i]₁, [1]₂ and [τ]₂, in memory and in files.

`zkroll.algebra.ptau` reads the strings of ceremonies.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.curve import GENERATOR, ROW_WORDS, G1Points, fixed_base_g1, is_on_curve
from zkroll.algebra.field import fr
from zkroll.algebra.files import replace_file
from zkroll.algebra.msm import msm_g1
from zkroll.algebra.reference import curve as reference
from zkroll.algebra.reference.pairing import (
    GENERATOR_G2,
    G2Pair,
    is_in_g2,
    multiply_g2,
    pairing_product_is_one,
)
from zkroll.errors import InputError

INSECURE_SEED = b"zkroll INSECURE development setup: everyone knows tau"
MAX_POWERS = 1 << 28

_MAGIC = b"zkroll-srs-1\0\0\0\0"
_HEADER = 512  # magic 16, kind 64, n 8, [tau]_2 128, SHA-256 of all else 32, zeros
_KINDS = {True: b"INSECURE development setup: tau is public", False: b"imported from a ceremony"}
_DIGEST_AT = 16 + 64 + 8 + 128
_POINT_BYTES = 8 * ROW_WORDS


@dataclass(frozen=True)
class SRS:
    """g1: [τ^i]₁ for i < n; g2: ([1]₂, [τ]₂) as ((x0, x1), (y0, y1)); insecure: τ is known to everyone.

    digest: SHA-256 of the string's points, 32 bytes, equal for equal strings.
    """

    g1: G1Points
    g2: tuple[G2Pair, G2Pair]
    insecure: bool
    digest: bytes

    @property
    def n(self) -> int:
        """How many powers there are: polynomials of degree below n can be committed."""
        return self.g1.n

    def truncate(self, n: int) -> SRS:
        """Return the string of the first n powers."""
        if not 2 <= n <= self.n:
            raise InputError(f"SRS.truncate: expected 2 to {self.n} powers, got {n}")
        return self if n == self.n else make_srs(self.g1[:n], self.g2[1], self.insecure)


def make_srs(g1: G1Points, tau_g2: G2Pair, insecure: bool) -> SRS:
    """Return the SRS of these points, which are not checked; see `check`."""
    header = _header(g1.n, tau_g2, insecure)
    return SRS(g1, (GENERATOR_G2, tau_g2), insecure, _digest(header, g1))


def check(srs: SRS) -> None:
    """Check the points: on the curve, in the group, and consecutive powers of one τ.

    The last by e(Σ ρ_i·[τ^i]₁, [τ]₂) = e(Σ ρ_i·[τ^(i+1)]₁, [1]₂) for random 128-bit ρ_i: a string that is no
    sequence of powers passes with probability 2^-128. Raises InputError with what is wrong.
    """
    if srs.n < 2:
        raise InputError(f"SRS: expected at least 2 powers, got {srs.n}")
    if not is_on_curve(srs.g1).all():
        at = int(np.argmin(is_on_curve(srs.g1)))
        raise InputError(f"SRS: power {at}: expected a point on the curve, got {srs.g1[at]}")
    if srs.g1[0] != GENERATOR:
        raise InputError(f"SRS: power 0: expected the generator {GENERATOR}, got {srs.g1[0]}")
    if not srs.insecure and srs.g1[1] in (None, GENERATOR):
        raise InputError("SRS: expected powers of a secret tau, got tau = 0 or 1: nobody has contributed")
    if not is_in_g2(srs.g2[1]):
        raise InputError("SRS: expected [tau]_2 in the group of order r, got another point")
    weights = np.frombuffer(secrets.token_bytes(16 * (srs.n - 1)), dtype=np.uint64).reshape(-1, 2)
    low, high = msm_g1(srs.g1[:-1], weights), msm_g1(srs.g1[1:], weights)
    if not pairing_product_is_one([(low, srs.g2[1]), (reference.negate(high), srs.g2[0])]):
        raise InputError("SRS: expected consecutive powers of one tau, got others")


def development_srs(n: int, path: Path | str | None = None) -> SRS:
    """Return n powers of a τ that everyone knows: INSECURE, for development and tests only.

    With `path` the string is kept in that file (whose header says INSECURE) and loaded from there if it holds
    enough powers; an unusable or shorter file is replaced.
    """
    if not 2 <= n <= MAX_POWERS:
        raise InputError(f"development_srs: expected 2 to {MAX_POWERS} powers, got {n}")
    tau = int.from_bytes(hashlib.sha512(INSECURE_SEED).digest(), "big") % R_MODULUS
    tau_g2 = multiply_g2(GENERATOR_G2, tau)
    if tau_g2 is None:
        raise InputError("development_srs: tau is zero")
    if path is not None and Path(path).is_file():
        try:
            kept = load(path)
        except InputError:
            kept = None
        if kept is not None and kept.insecure and kept.g2[1] == tau_g2 and kept.n >= n:
            return kept.truncate(n)
    srs = make_srs(fixed_base_g1(fr.powers(tau, n), n), tau_g2, insecure=True)
    if path is not None:
        save(srs, path)
    return srs


def save(srs: SRS, path: Path | str) -> None:
    """Write the string to a file: beside its place, then renamed. Raises InputError when that fails."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    with replace_file(path) as file:
        file.write(_sealed(srs))
        file.write(srs.g1.rows.data)


def load(path: Path | str) -> SRS:
    """Return the string of a file made by `save`, its points mapped from the file.

    The digest is compared, which finds damage; call `check` for a file of foreign origin. Raises InputError
    for a file that is missing, of another format or size, or damaged.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise InputError(f"{path}: expected an SRS file")
        size = path.stat().st_size
        with path.open("rb") as file:
            header = file.read(_HEADER)
    except OSError as error:
        raise InputError(f"{path}: cannot read the SRS: {error.strerror}") from error
    if len(header) < _HEADER or not header.startswith(_MAGIC):
        raise InputError(f"{path}: expected an SRS file of version 1")
    kinds = {kind: insecure for insecure, kind in _KINDS.items()}
    insecure = kinds.get(header[16:80].rstrip(b"\0"))
    n = int.from_bytes(header[80:88], "little")
    if insecure is None or not 2 <= n <= MAX_POWERS or size != _HEADER + n * _POINT_BYTES:
        raise InputError(f"{path}: expected a header for {_HEADER + n * _POINT_BYTES} bytes, got {size}")
    parts = [int.from_bytes(header[at : at + 32], "little") for at in range(88, _DIGEST_AT, 32)]
    rows = np.memmap(path, dtype="<u8", mode="r", offset=_HEADER, shape=(n, ROW_WORDS))
    srs = make_srs(G1Points(rows), ((parts[0], parts[1]), (parts[2], parts[3])), insecure)
    if header != _sealed(srs):
        raise InputError(f"{path}: expected the digest in the header, got {srs.digest.hex()}: damaged file")
    return srs


def _header(n: int, tau_g2: G2Pair, insecure: bool) -> bytes:
    parts = b"".join(part.to_bytes(32, "little") for pair in tau_g2 for part in pair)
    fixed = _MAGIC + _KINDS[insecure].ljust(64, b"\0") + n.to_bytes(8, "little") + parts
    return fixed.ljust(_HEADER, b"\0")


def _sealed(srs: SRS) -> bytes:
    """The header with the digest in its place."""
    header = _header(srs.n, srs.g2[1], srs.insecure)
    return header[:_DIGEST_AT] + srs.digest + header[_DIGEST_AT + 32 :]


def _digest(header: bytes, g1: G1Points) -> bytes:
    digest = hashlib.sha256(header)
    digest.update(g1.rows.data)
    return digest.digest()
