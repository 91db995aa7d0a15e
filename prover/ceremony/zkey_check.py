"""Verification of a proving key: that it is the circuit's, for these powers of τ, and that its contributions hold.

The key before any contribution is computed anew (`zkey_new`), or taken from a file, and compared:

- the hash of the circuit, and by it everything that the contributors agreed to;
- every contribution (`zkey_chain`), and that [δ]₁ and [δ]₂ are what they lead to;
- [α]₁, [β]₁, [β]₂, γ = 1, IC, the coefficients, A, B1 and B2: equal;
- C and H: δ times them is what they were, by random combinations, e(Σ ρ_i·C_i, [δ]₂) = e(Σ ρ_i·C'_i, [1]₂) with
  128-bit ρ_i, which a wrong point passes with probability 2^-128. H is compared with the powers of τ besides:
  Σ r_i·[τ^(n+i) - τ^i] = Σ s_j·δ·H_j, i < n, with s_j = -2·Σ r_i·ω^(i(2j+1)) for the 2n-th root of unity ω;
- the Lagrange bases that the key is made of: they belong to the same powers of τ.

Whether those are powers of one τ, which nobody knows, is for `zkroll ptau verify`; only secrets that everyone knows, as
before any contribution, are refused here too.
Source: snarkjs 0.7.6, src/zkey_verify_frominit.js.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import root_of_unity
from zkroll.algebra.curve import GENERATOR, GENERATOR_G2, G1Points, G2Points, Point, multiply
from zkroll.algebra.iden3 import Octets
from zkroll.algebra.msm import msm_g1
from zkroll.algebra.ntt import forward_vector
from zkroll.algebra.pairing import pairing_product_is_one
from zkroll.algebra.progress import Progress, portion, quiet
from zkroll.algebra.ptau import ALPHA_TAU_G1, BETA_TAU_G1, NAMES, TAU_G1, TAU_G2
from zkroll.algebra.reference.curve import add, negate
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.formats.r1cs import read_r1cs
from zkroll.circuits.r1cs.formats.zkey import ZKey, read_zkey
from zkroll.errors import InputError, VerificationError
from zkroll.prover.ceremony.beacon import DEFAULT_MAX_EXPONENT
from zkroll.prover.ceremony.circuit_hash import KeyParts, circuit_hash
from zkroll.prover.ceremony.claims import WEIGHT_WORDS, random_weights
from zkroll.prover.ceremony.powers_check import check_lagrange, check_secrets
from zkroll.prover.ceremony.prepared import PreparedPowers, open_prepared
from zkroll.prover.ceremony.zkey_chain import CheckedContribution, check_chain
from zkroll.prover.ceremony.zkey_new import initial_key

P = TypeVar("P", G1Points, G2Points)
Words = NDArray[np.uint64]

_TOGETHER = 1 << 17  # points that are read and summed together


@dataclass(frozen=True)
class CheckedKey:
    """What was verified: the circuit's hash (64 bytes) and the contributions, from the first."""

    circuit_hash: bytes
    contributions: tuple[CheckedContribution, ...]


def verify_zkey(
    circuit: Path | str,
    powers: Path | str,
    key: Path | str,
    *,
    max_exponent: int = DEFAULT_MAX_EXPONENT,
    threads: int | None = None,
    progress: Progress = quiet,
) -> CheckedKey:
    """Verify a key (.zkey) against its circuit (.r1cs) and prepared powers of τ (.ptau).

    Raises VerificationError with the first thing that does not hold, InputError for a damaged file, powers that do
    not reach for the circuit, and beacons of more than 2^max_exponent hashes.
    """
    progress("reading the key", 0.0, "")
    found, prepared = read_zkey(key), _open_powers(powers)
    system = read_r1cs(circuit, threads)
    contributions = check_chain(found, max_exponent=max_exponent, progress=portion(progress, 0.0, 0.05))
    first = initial_key(system, prepared, threads=threads, progress=portion(progress, 0.05, 0.5))
    check_key(found, first, prepared, threads=threads, progress=portion(progress, 0.5, 1.0))
    return CheckedKey(found.ceremony.circuit_hash, contributions)


def verify_zkey_from_init(
    init: Path | str,
    powers: Path | str,
    key: Path | str,
    *,
    max_exponent: int = DEFAULT_MAX_EXPONENT,
    threads: int | None = None,
    progress: Progress = quiet,
) -> CheckedKey:
    """Verify a key against the one before any contribution (.zkey), whose own hash is computed again.

    That the first key is the circuit's is not looked at. Raises as `verify_zkey` does.
    """
    progress("reading the keys", 0.0, "")
    found, first, prepared = read_zkey(key), read_zkey(init), _open_powers(powers)
    contributions = check_chain(found, max_exponent=max_exponent, progress=portion(progress, 0.0, 0.1))
    progress("the first key", 0.1, "")
    _check_first(first, prepared, str(init), threads)
    check_key(found, first, prepared, threads=threads, progress=portion(progress, 0.3, 1.0))
    return CheckedKey(found.ceremony.circuit_hash, contributions)


def check_key(
    key: ZKey,
    first: ZKey,
    powers: PreparedPowers,
    *,
    threads: int | None = None,
    progress: Progress = quiet,
) -> None:
    """Compare a key, whose contributions hold, with the one before any. Raises as `verify_zkey` does."""
    for name, attribute in (
        ("wires", "n_wires"),
        ("public signals", "n_public"),
        ("the domain's size", "domain_size"),
    ):
        _equal(f"another circuit: {name}", getattr(first, attribute), getattr(key, attribute))
    hashes = (first.ceremony.circuit_hash.hex(), key.ceremony.circuit_hash.hex())
    _equal("another circuit or other powers of tau: hash of the circuit", *hashes)
    progress("equal parts", 0.0, "")
    for name in ("alpha1", "beta1", "beta2", "gamma2"):
        _equal(name, getattr(first, name), getattr(key, name))
    for i, (expected, point) in enumerate(zip(first.ic, key.ic, strict=True)):
        _equal(f"IC: point {i}", expected, point)
    _check_coefficients(first, key)
    for name, attribute in (("A", "a"), ("B1", "b1"), ("B2", "b2")):
        _check_octets(name, getattr(first, attribute), getattr(key, attribute))
    log_n = key.power
    progress("C", 0.1, "")
    _check_divided("C", first.c, key, key.c, threads)
    progress("H", 0.3, "")
    _check_divided("H", first.h, key, key.h, threads)
    progress("H and the powers of tau", 0.5, "")
    _check_quotient(key, powers, threads)
    for i, section in enumerate((TAU_G1, ALPHA_TAU_G1, BETA_TAU_G1, TAU_G2)):
        progress("Lagrange bases", 0.7 + 0.05 * i, NAMES[section])
        check_lagrange(powers.file, section, range(log_n, log_n + 1), threads)
    progress("done", 1.0, "")


def _open_powers(path: Path | str) -> PreparedPowers:
    powers = open_prepared(path)
    tau = powers.points(G1Points, TAU_G1, 1, 1)[0]
    check_secrets(str(path), tau, powers.alpha, powers.beta)
    tau_2 = powers.points(G2Points, TAU_G2, 1, 1)[0]
    if tau_2 is None or not pairing_product_is_one([(tau, GENERATOR_G2), (negate(GENERATOR), tau_2)]):
        raise VerificationError(f"{path}: tauG2: point 1: expected the tau of tauG1, got another")
    return powers


# ---- the key before any contribution ---------------------------------------------------------------------------


def _check_first(first: ZKey, powers: PreparedPowers, place: str, threads: int | None) -> None:
    """Check that nobody contributed to a key, and that its hash is that of its points and the powers."""
    if first.ceremony.contributions or (first.delta1, first.delta2) != (GENERATOR, GENERATOR_G2):
        raise VerificationError(f"{place}: expected the key before any contribution, got a later one")
    if first.power > powers.power:
        raise InputError(
            f"{powers.file.path}: expected powers of tau of power {first.power} at least, got {powers.power}"
        )
    for name, expected in (("alpha1", powers.alpha), ("beta1", powers.beta), ("beta2", powers.beta_2)):
        if getattr(first, name) != expected:
            raise VerificationError(f"{place}: {name}: expected that of the powers of tau, got another point")
    if first.gamma2 != GENERATOR_G2:
        raise VerificationError(f"{place}: gamma2: expected the generator of G2, got another point")
    c, a, b1 = (_read(G1Points, name, getattr(first, name.lower()), threads) for name in ("C", "A", "B1"))
    parts = KeyParts(G1Points.from_ints(first.ic), c, a, b1, _read(G2Points, "B2", first.b2, threads))
    digest = circuit_hash(parts, powers, first.domain_size, threads)
    if digest != first.ceremony.circuit_hash:
        raise VerificationError(
            f"{place}: hash of the circuit: expected {digest.hex()[:32]}…, that of its points, "
            f"got {first.ceremony.circuit_hash.hex()[:32]}…"
        )


# ---- equal parts -----------------------------------------------------------------------------------------------


def _equal(what: str, expected: object, found: object) -> None:
    if expected != found:
        raise VerificationError(f"zkey: {what}: expected {expected}, got {found}")


def _check_coefficients(first: ZKey, key: ZKey) -> None:
    _equal("number of coefficients", len(first.coefficients), len(key.coefficients))
    for begin in range(0, len(key.coefficients), _TOGETHER):
        expected, found = (part.coefficients[begin : begin + _TOGETHER] for part in (first, key))
        wrong = expected != found
        if wrong.any():
            at = int(np.argmax(wrong))
            raise VerificationError(
                f"zkey: coefficient {begin + at}: expected {_coefficient(expected[at])}, got {_coefficient(found[at])}"
            )


def _coefficient(row: np.void) -> str:
    value = int.from_bytes(row["value"].tobytes(), "little")
    return f"{'AB'[int(row['matrix'])]}, constraint {row['constraint']}, wire {row['wire']}, value {value}"


def _check_octets(name: str, expected: Octets, found: Octets) -> None:
    for begin in range(0, len(found), _TOGETHER):
        wrong = (expected[begin : begin + _TOGETHER] != found[begin : begin + _TOGETHER]).any(axis=1)
        if wrong.any():
            at = begin + int(np.argmax(wrong))
            raise VerificationError(f"zkey: {name}: point {at}: expected the circuit's, got another one")


# ---- parts divided by delta ------------------------------------------------------------------------------------


def _check_divided(name: str, expected: Octets, key: ZKey, found: Octets, threads: int | None) -> None:
    """Check that δ·found = expected, point by point, by a random combination."""
    left: Point = None
    right: Point = None
    for begin in range(0, len(found), _TOGETHER):
        part = slice(begin, begin + _TOGETHER)
        weights = random_weights(len(found[part]))
        left = add(left, msm_g1(_read(G1Points, name, found[part], threads, begin), weights, None, threads))
        right = add(
            right, msm_g1(_read(G1Points, name, expected[part], threads, begin), weights, None, threads)
        )
    if not pairing_product_is_one([(left, key.delta2), (negate(right), GENERATOR_G2)], threads=threads):
        raise VerificationError(f"zkey: {name}: expected the circuit's points divided by delta, got others")


def _check_quotient(key: ZKey, powers: PreparedPowers, threads: int | None) -> None:
    """Check that δ·H are the points of the quotient for the powers of τ: n equations for n points.

    The last of them, i = n - 1, is of a power that honest proofs never use: left out, H could hide any point P in
    δ·H_j + ω^(2j+1)·P, to which contributors then give P/δ, and with it a false proof. Where the powers end before
    τ^(2n-1), it is infinity, as "prepare phase 2" takes it to be, or (in a file that was cut) found by a pairing.
    """
    n, log_n = key.domain_size, key.power
    weights = np.zeros((n, 4), dtype=np.uint64)
    weights[:, :WEIGHT_WORDS] = random_weights(n)
    last = n if n < 1 << powers.power else n - 1  # powers from τ^n on
    sums = []
    for first, limit in ((n, last), (0, n)):
        total: Point = None
        for begin in range(0, limit, _TOGETHER):
            count = min(_TOGETHER, limit - begin)
            points = powers.points(G1Points, TAU_G1, first + begin, count, threads)
            scalars = np.ascontiguousarray(weights[begin : begin + count, :WEIGHT_WORDS])
            total = add(total, msm_g1(points, scalars, None, threads))
        sums.append(total)
    expected = add(sums[0], negate(sums[1]))
    scaled = forward_vector(FrVector.from_array(weights), root_of_unity(log_n + 1), threads) * -2
    factors = scaled.to_limbs()
    found: Point = None
    for begin in range(0, n, _TOGETHER):
        part = slice(begin, begin + _TOGETHER)
        points = _read(G1Points, "H", key.h[part], threads, begin)
        found = add(found, msm_g1(points, np.ascontiguousarray(factors[part]), None, threads))
    pairs = [(found, key.delta2), (negate(expected), GENERATOR_G2)]
    good = pairing_product_is_one(pairs, threads=threads)
    if not good and last < n:
        before = powers.points(G1Points, TAU_G1, 2 * n - 2, 1, threads)
        weighted = multiply(before, int.from_bytes(weights[n - 1].tobytes(), "little"), threads)[0]
        tau_2 = powers.points(G2Points, TAU_G2, 1, 1, threads)[0]
        good = pairing_product_is_one([*pairs, (negate(weighted), tau_2)], threads=threads)
    if not good:
        raise VerificationError("zkey: H: expected points that belong to the powers of tau, got others")


# ---- helpers ---------------------------------------------------------------------------------------------------


def _read(kind: type[P], name: str, octets: Octets, threads: int | None, first: int = 0) -> P:
    try:
        return kind.from_bytes(octets, "iden3", threads=threads)
    except InputError as error:
        raise VerificationError(f"zkey: {name}, from point {first} on: {error}") from error
