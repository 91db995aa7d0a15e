"""Circuits built here, all the way up: constraints, Groth16 proofs, files."""

from __future__ import annotations

import pytest

from zkroll.algebra import eddsa
from zkroll.algebra.reference.poseidon import poseidon_hash as plain_poseidon
from zkroll.circuits.r1cs.builder import Builder
from zkroll.circuits.r1cs.check import Case, check_circuit
from zkroll.circuits.r1cs.gadgets.bits import range_check, to_bits
from zkroll.circuits.r1cs.gadgets.eddsa import verify_eddsa
from zkroll.circuits.r1cs.gadgets.poseidon import poseidon_hash
from zkroll.errors import ConstraintViolation
from zkroll.rollup.testing.levels import Groth16Level


def preimage(c: Builder) -> None:
    x = c.private_input("x")
    range_check(c, x, 16)
    h = poseidon_hash(c, [x, c.public_input("salt")])
    c.output("low", to_bits(c, x, 16)[0])
    c.output("h", h)


def test_a_circuit_proves_what_it_accepts_and_nothing_else() -> None:
    check_circuit(
        preimage,
        valid=[
            Case({"x": 77, "salt": 5}, {"h": plain_poseidon([77, 5]), "low": 1}),
            Case({"x": 0, "salt": 0}, {"h": plain_poseidon([0, 0]), "low": 0}),
        ],
        invalid=[
            {"x": 1 << 16, "salt": 5},
            Case({"x": 77, "salt": 5}, tamper={"h": 3}),
            Case({"x": 77, "salt": 5}, tamper={"low": 0}),
        ],
        levels=[Groth16Level()],
    )


def test_a_signature_is_proven() -> None:
    secret = b"\x05" * 32
    key, (r8, s) = eddsa.public_key(secret), eddsa.sign(secret, 99)

    def define(c: Builder) -> None:
        a, message = c.public_inputs("key", 2), c.public_input("message")
        verify_eddsa(c, a, c.private_inputs("r8", 2), c.private_input("s"), message)

    given = {"key": list(key), "message": 99, "r8": list(r8), "s": s}
    check_circuit(
        define,
        [given],
        [given | {"message": 98}, given | {"s": s + 1}],
        levels=[Groth16Level()],
        determined=False,
    )


def test_a_missing_constraint_is_seen_before_any_proof() -> None:
    def define(c: Builder) -> None:
        x = c.private_input("x")
        half, odd = c.hint(lambda v: [v >> 1, v & 1], [x], 2, "halves")
        c.assert_equal(2 * half + odd, x)
        c.output("odd", odd)

    with pytest.raises(ConstraintViolation, match="output odd: expected one value for the inputs, got two"):
        check_circuit(define, valid=[{"x": 6}], levels=[Groth16Level()])
