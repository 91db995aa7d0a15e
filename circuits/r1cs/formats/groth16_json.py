"""proof.json, public.json and verification_key.json of Groth16 over BN254, as snarkjs writes them.

Numbers are strings of decimal digits. A point has three coordinates: x, y and 1, or 0, 1, 0 for infinity; in G2
each is a pair, the real part first. vk_alphabeta_12 is e([α]₁, [β]₂)^m with m = 2z·(6z² + 3z + 1) for the z of BN254:
snarkjs leaves out what its shorter final exponentiation (Fuentes-Castañeda, Knapp, Rodríguez-Henríquez 2011) adds
to the power. Its twelve numbers belong to Fq2[w]/(w⁶ - 9 - u), even powers of w first, then the odd ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.algebra.files import read_regular_file, replace_file
from zkroll.algebra.pairing import Fq12, pairing
from zkroll.algebra.reference.curve import Point, is_on_curve, multiply
from zkroll.algebra.reference.pairing import G2Point
from zkroll.circuits.r1cs.formats import strict_json
from zkroll.circuits.r1cs.formats.keys import Groth16Proof, VerificationKey
from zkroll.errors import InputError

LARGEST_PROOF = 1 << 16  # bytes
LARGEST_PUBLIC = 1 << 26
LARGEST_KEY = 1 << 26

_PROTOCOL, _CURVE = "groth16", "bn128"
_KEY_POINTS = ("vk_alpha_1", "vk_beta_2", "vk_gamma_2", "vk_delta_2")
_ALPHABETA = "vk_alphabeta_12"
_Z = 4965661367192848881  # q and r are polynomials in it
_EXTRA_POWER = 2 * _Z * (6 * _Z * _Z + 3 * _Z + 1) % R_MODULUS


# ---- proof -------------------------------------------------------------------------------------------------


def read_proof(path: Path | str) -> Groth16Proof:
    """Return the proof in a proof.json. Raises InputError for anything that is not one."""
    return parse_proof(read_regular_file(path, LARGEST_PROOF), str(path))


def parse_proof(text: bytes, place: str = "proof") -> Groth16Proof:
    """Return the proof in a JSON text. `curve` may be missing, as in proofs of rapidsnark.

    Coordinates are below q; points are not checked to be on their curves. Raises InputError.
    """
    found = strict_json.members(
        strict_json.parse(text, place), place, ("pi_a", "pi_b", "pi_c", "protocol"), ("curve",)
    )
    _check_kind(found, place)
    return Groth16Proof(
        _g1(found["pi_a"], f"{place}: pi_a"),
        _g2(found["pi_b"], f"{place}: pi_b"),
        _g1(found["pi_c"], f"{place}: pi_c"),
    )


def proof_json(proof: Groth16Proof) -> bytes:
    """Return the text of proof.json."""
    return strict_json.dump(
        {
            "pi_a": _g1_document(proof.a),
            "pi_b": _g2_document(proof.b),
            "pi_c": _g1_document(proof.c),
            "protocol": _PROTOCOL,
            "curve": _CURVE,
        }
    )


def write_proof(proof: Groth16Proof, path: Path | str) -> None:
    """Write proof.json. Raises InputError when the file cannot be written."""
    _write(proof_json(proof), path)


# ---- public signals ----------------------------------------------------------------------------------------


def read_public(path: Path | str) -> list[int]:
    """Return the public signals in a public.json. Raises InputError for anything that is not one."""
    return parse_public(read_regular_file(path, LARGEST_PUBLIC), str(path))


def parse_public(text: bytes, place: str = "public signals") -> list[int]:
    """Return the public signals in a JSON text, each below r. Raises InputError."""
    found = strict_json.array(strict_json.parse(text, place), place)
    return [strict_json.decimal(value, f"{place}: signal {i}", R_MODULUS) for i, value in enumerate(found)]


def public_json(signals: Sequence[int]) -> bytes:
    """Return the text of public.json. Raises InputError for a signal that is not canonical."""
    for i, value in enumerate(signals):
        if not 0 <= value < R_MODULUS:
            raise InputError(f"public signals: signal {i}: expected 0..r-1, got {value}")
    return strict_json.dump([str(value) for value in signals])


def write_public(signals: Sequence[int], path: Path | str) -> None:
    """Write public.json. Raises InputError when the file cannot be written."""
    _write(public_json(signals), path)


# ---- verification key --------------------------------------------------------------------------------------


def read_verification_key(path: Path | str) -> VerificationKey:
    """Return the key in a verification_key.json. Raises InputError for anything that is not one."""
    return parse_verification_key(read_regular_file(path, LARGEST_KEY), str(path))


def parse_verification_key(text: bytes, place: str = "verification key") -> VerificationKey:
    """Return the key in a JSON text.

    IC must have nPublic + 1 points. vk_alphabeta_12 may be missing, as verifiers compute it themselves; one
    that is there must be right. Other points than α and β are not checked to be on their curves. Raises
    InputError.
    """
    needed = ("protocol", "curve", "nPublic", *_KEY_POINTS, "IC")
    found = strict_json.members(strict_json.parse(text, place), place, needed, (_ALPHABETA,))
    _check_kind(found, place)
    n_public = found["nPublic"]
    if not isinstance(n_public, int) or isinstance(n_public, bool):
        raise InputError(f"{place}: nPublic: expected a number, got {strict_json.shown(n_public)}")
    ic = strict_json.array(found["IC"], f"{place}: IC", n_public + 1)
    key = VerificationKey(
        _g1(found["vk_alpha_1"], f"{place}: vk_alpha_1"),
        _g2(found["vk_beta_2"], f"{place}: vk_beta_2"),
        _g2(found["vk_gamma_2"], f"{place}: vk_gamma_2"),
        _g2(found["vk_delta_2"], f"{place}: vk_delta_2"),
        tuple(_g1(point, f"{place}: IC[{i}]") for i, point in enumerate(ic)),
    )
    if _ALPHABETA in found:
        _check_alphabeta(found[_ALPHABETA], key, f"{place}: {_ALPHABETA}")
    return key


def verification_key_json(key: VerificationKey) -> bytes:
    """Return the text of verification_key.json. Raises InputError when α or β is not in its group."""
    return strict_json.dump(
        {
            "protocol": _PROTOCOL,
            "curve": _CURVE,
            "nPublic": key.n_public,
            "vk_alpha_1": _g1_document(key.alpha1),
            "vk_beta_2": _g2_document(key.beta2),
            "vk_gamma_2": _g2_document(key.gamma2),
            "vk_delta_2": _g2_document(key.delta2),
            _ALPHABETA: _fq12_document(_alphabeta(key)),
            "IC": [_g1_document(point) for point in key.ic],
        }
    )


def write_verification_key(key: VerificationKey, path: Path | str) -> None:
    """Write verification_key.json. Raises InputError when the file cannot be written."""
    _write(verification_key_json(key), path)


def _check_alphabeta(value: Any, key: VerificationKey, place: str) -> None:
    halves = strict_json.array(value, place, 2)
    parts = [strict_json.array(half, place, 3) for half in halves]
    numbers = [[_pair(pair, place) for pair in half] for half in parts]
    try:
        expected = _fq12_pairs(_alphabeta(key))
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
    if numbers != expected:
        raise InputError(f"{place}: expected the pairing of alpha and beta, got another element")


def _alphabeta(key: VerificationKey) -> Fq12:
    """e([α]₁, [β]₂)^m = e(m·[α]₁, [β]₂). Raises InputError for points outside their groups."""
    if not is_on_curve(key.alpha1):
        raise InputError(f"verification key: alpha: expected a point on the curve, got {key.alpha1}")
    return pairing(multiply(key.alpha1, _EXTRA_POWER), key.beta2)


def _fq12_pairs(value: Fq12) -> list[list[tuple[int, int]]]:
    """Σ (c[2k] + c[2k+1]·u)·w^k by powers of w² in even and odd k."""
    return [[(value[2 * k], value[2 * k + 1]) for k in range(odd, 6, 2)] for odd in (0, 1)]


def _fq12_document(value: Fq12) -> list[list[list[str]]]:
    return [[[str(real), str(imaginary)] for real, imaginary in half] for half in _fq12_pairs(value)]


# ---- points ------------------------------------------------------------------------------------------------


def _check_kind(found: dict[str, Any], place: str) -> None:
    strict_json.constant(found["protocol"], f"{place}: protocol", _PROTOCOL)
    if "curve" in found:
        strict_json.constant(found["curve"], f"{place}: curve", _CURVE)


def _pair(value: Any, place: str) -> tuple[int, int]:
    real, imaginary = strict_json.array(value, place, 2)
    return strict_json.decimal(real, place, Q_MODULUS), strict_json.decimal(imaginary, place, Q_MODULUS)


def _g1(value: Any, place: str) -> Point:
    x, y, z = (strict_json.decimal(part, place, Q_MODULUS) for part in strict_json.array(value, place, 3))
    if (x, y, z) == (0, 1, 0):
        return None
    if z != 1 or (x, y) == (0, 0):
        raise InputError(f"{place}: expected x, y, 1 or (infinity) 0, 1, 0, got {x}, {y}, {z}")
    return x, y


def _g2(value: Any, place: str) -> G2Point:
    x, y, z = (_pair(part, place) for part in strict_json.array(value, place, 3))
    if (x, y, z) == ((0, 0), (1, 0), (0, 0)):
        return None
    if z != (1, 0) or (x, y) == ((0, 0), (0, 0)):
        raise InputError(f"{place}: expected x, y, 1 or (infinity) 0, 1, 0, got {x}, {y}, {z}")
    return x, y


def _g1_document(point: Point) -> list[str]:
    return ["0", "1", "0"] if point is None else [str(point[0]), str(point[1]), "1"]


def _g2_document(point: G2Point) -> list[list[str]]:
    if point is None:
        return [["0", "0"], ["1", "0"], ["0", "0"]]
    return [*([str(part) for part in pair] for pair in point), ["1", "0"]]


def _write(text: bytes, path: Path | str) -> None:
    with replace_file(path) as file:
        file.write(text)
