"""EdDSA-Poseidon in circuits, against the plain verification."""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path

import pytest
from support.r1cs import survivors

from zkroll.algebra import babyjubjub as curve
from zkroll.algebra import eddsa
from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.reference.poseidon import poseidon_hash
from zkroll.circuits.r1cs.builder import Builder, compile_circuit
from zkroll.circuits.r1cs.circuit import Circuit
from zkroll.circuits.r1cs.determined import check_determined
from zkroll.circuits.r1cs.gadgets.bits import boolean
from zkroll.circuits.r1cs.gadgets.eddsa import verify_eddsa

L = curve.SUBGROUP_ORDER
SECRET = bytes(range(32))
Given = tuple[curve.Point, curve.Point, int, int]  # A, R8, S, M
FIXTURE = Path(__file__).parents[2] / "fixtures" / "circomlibjs" / "eddsa.json"


@cache
def circuit() -> Circuit:
    def define(c: Builder) -> None:
        on = boolean(c, c.private_input("on"))
        key, r8 = c.private_inputs("a", 2), c.private_inputs("r", 2)
        verify_eddsa(c, key, r8, c.private_input("s"), c.private_input("m"), on)

    return compile_circuit(define)


def inputs(given: Given, on: int = 1) -> dict[str, int | list[int]]:
    (key, r8, s, message) = given
    return {"a": list(key), "r": list(r8), "s": s, "m": message, "on": on}


def broken(given: Given, on: int = 1, tamper: dict[str, int] | None = None) -> str | None:
    """The name of the constraint that refuses a signature, or None."""
    violation = circuit().first_violation(circuit().witness(inputs(given, on), tamper))
    return None if violation is None else circuit().constraint_name(violation.constraint)


def signed(message: int, secret: bytes = SECRET) -> Given:
    r8, s = eddsa.sign(secret, message)
    return eddsa.public_key(secret), r8, s, message


@cache
def torsion() -> curve.Point:
    """A point of order 8."""
    rng = random.Random(3)
    while True:
        try:
            point = curve.unpack_point(rng.randrange(R_MODULUS).to_bytes(32, "little"))
        except Exception:
            continue
        point = curve.multiply(point, L)
        if curve.multiply(point, 4) != curve.IDENTITY:
            return point


def test_signatures_of_circomlibjs_are_accepted() -> None:
    for case in json.loads(FIXTURE.read_text())["signatures"]:
        key, r8 = (tuple(int(x) for x in case[name]) for name in ("public_key", "R8"))
        given = (key, r8, int(case["S"]), int(case["message"]))
        assert eddsa.verify(*given)  # type: ignore[arg-type]
        assert broken(given) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("message", [0, 1, R_MODULUS - 1])
def test_signatures_are_accepted_with_no_free_wire(message: int) -> None:
    given = signed(message)
    assert broken(given) is None
    assert not survivors(circuit(), circuit().witness(inputs(given)), [1])


def test_changed_signatures_are_refused() -> None:
    key, r8, s, message = signed(77)
    other = signed(77, b"other")
    for given in (
        (key, r8, s, 78),
        (key, r8, (s + 1) % L, message),
        (key, r8, 0, message),
        (other[0], r8, s, message),
        (key, other[1], s, message),
        (curve.negate(key), r8, s, message),
        (key, curve.negate(r8), s, message),
        (key, curve.add(r8, torsion()), s, message),
        (key, curve.IDENTITY, s, message),
    ):
        assert not eddsa.verify(*given)
        assert broken(given) in ("eddsa/signature x", "eddsa/signature y")


def test_a_second_s_for_a_signature_is_refused() -> None:
    for message in range(3):
        key, r8, s, _ = signed(message)
        refusal = broken((key, r8, s + L, message))
        assert refusal is not None
        assert refusal.startswith("eddsa/S")
    assert broken((key, r8, R_MODULUS - 1, message)) == "eddsa/S sum"


def test_points_off_the_curve_are_refused() -> None:
    key, r8, s, message = signed(5)
    assert broken(((key[0], key[1] + 1), r8, s, message)) == "eddsa/A on curve"
    assert broken((key, (r8[1], r8[0]), s, message)) == "eddsa/R8 on curve"
    assert broken(((0, 0), r8, s, message)) == "eddsa/A on curve"


@pytest.mark.parametrize("order", [1, 2, 4, 8])
def test_keys_of_small_order_are_refused(order: int) -> None:
    # S·Base8 = R8 holds for whoever chooses S: no secret is needed
    key = curve.multiply(torsion(), 8 // order)
    given = (key, curve.multiply(curve.BASE8, 9), 9, 1234)
    assert eddsa.verify(*given)
    assert broken(given) == "eddsa/clear cofactor/large order"


def test_a_key_with_a_part_of_small_order_is_as_good_as_without() -> None:
    scalar, nonce, message = eddsa.secret_scalar(SECRET)[0], 4242, 6
    key = curve.add(eddsa.public_key(SECRET), torsion())
    r8 = curve.multiply(curve.BASE8, nonce)
    given = (key, r8, (nonce + poseidon_hash([*r8, *key, message]) * scalar) % L, message)
    assert eddsa.verify(*given)
    assert broken(given) is None


def test_the_other_bits_of_the_hash_are_refused() -> None:
    for message in range(20):
        given = signed(message)
        h = poseidon_hash([*given[1], *given[0], message])
        if h + R_MODULUS < 1 << 254:
            forged = {f"eddsa/h[{i}]": (h + R_MODULUS) >> i & 1 for i in range(254)}
            assert broken(given, tamper=forged) == "eddsa/h alias"
            return
    pytest.fail("no hash with two forms of 254 bits")


def test_a_disabled_verification_accepts_anything() -> None:
    for given in (signed(1), ((0, 0), (5, 6), R_MODULUS - 1, 3), (curve.IDENTITY, curve.IDENTITY, L, 0)):
        assert broken(given, on=0) is None
    assert broken(signed(1), on=2) == "boolean"
    assert broken((*signed(1)[:3], 2), on=1) is not None


def test_the_verification_leaves_nothing_undetermined() -> None:
    check_determined(circuit(), inputs(signed(3)))


def test_the_verification_costs_less_than_circomlibs() -> None:
    def define(c: Builder) -> None:
        key, r8 = c.private_inputs("a", 2), c.private_inputs("r", 2)
        verify_eddsa(c, key, r8, c.private_input("s"), c.private_input("m"))

    assert compile_circuit(define).r1cs.n_constraints == 3377  # circomlib: 4217
