"""Wrap proofs as bytes and their verification in Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest
from support.wrapped import HEIGHTS, ROWS, inner_key, inner_proof, target, values, wrap_key

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.errors import InputError, UnprovableError, VerificationError
from zkroll.prover.wrap.key import WrapKey
from zkroll.prover.wrap.prove import prove_wrap
from zkroll.verifier.wrap import (
    WrapProof,
    WrapShape,
    packed_statement,
    verify_wrap,
)

SHAPE = target().wrap_shape
POINTS = SHAPE.main + SHAPE.helper + SHAPE.quotient + 2
SCALARS_AT = 256 + 64 * POINTS


@cache
def made() -> bytes:
    return prove_wrap(wrap_key(), [(inner_proof(), values())]).to_bytes()


def refused(data: bytes, match: str | None) -> None:
    with pytest.raises(VerificationError, match=match):
        verify_wrap(wrap_key().vk, [values()], data)


def changed(at: int, change: Callable[[int], int]) -> bytes:
    """The proof with the 32 bytes at a place changed."""
    data = made()
    value = change(int.from_bytes(data[at : at + 32], "big"))
    return data[:at] + value.to_bytes(32, "big") + data[at + 32 :]


def test_a_wrap_proof_is_accepted_and_has_one_form() -> None:
    proof = verify_wrap(wrap_key().vk, [values()], made())
    assert proof.to_bytes() == made()
    assert WrapProof.from_bytes(made(), SHAPE) == proof
    assert len(made()) == SHAPE.proof_bytes == 256 + 64 * POINTS + 32 * (2 + SHAPE.scalars)


def test_every_word_with_a_flipped_bit_is_refused() -> None:
    for at in range(0, len(made()), 32):
        for bit in (0, 100):
            refused(changed(at, lambda value, bit=bit: value ^ 1 << bit), None)  # type: ignore[misc]


def test_another_statement_is_refused() -> None:
    for i in range(3):
        other = values()
        other[i] += 1 if i < 2 else -1
        with pytest.raises(VerificationError, match="not one for the digest"):
            verify_wrap(wrap_key().vk, [other], made())


def test_scalars_that_are_r_more_are_refused() -> None:
    for k in range(2 + SHAPE.scalars):
        refused(changed(SCALARS_AT + 32 * k, lambda value: value + R_MODULUS), "expected a scalar below r")


def test_coordinates_that_are_q_more_are_refused() -> None:
    for at in range(256, SCALARS_AT, 32):
        refused(changed(at, lambda value: value + Q_MODULUS), "expected coordinates below q")


def test_points_at_infinity_are_refused() -> None:
    for at, size in ((0, 64), (64, 128), (192, 64)):
        refused(made()[:at] + bytes(size) + made()[at + size :], "expected points other than infinity")
    for at in range(256, SCALARS_AT, 64):
        refused(made()[:at] + bytes(64) + made()[at + 64 :], "not on the curve")


@pytest.mark.parametrize("data", [b"", made()[:-1], made() + b"\0"], ids=["empty", "short", "long"])
def test_other_lengths_are_refused(data: bytes) -> None:
    refused(data, f"expected {SHAPE.proof_bytes} bytes")


def test_commitments_in_another_order_are_refused() -> None:
    data = made()
    refused(data[:256] + data[320:384] + data[256:320] + data[384:], "not one for the digest")


def test_an_opening_of_other_commitments_is_refused() -> None:
    """Only W' is not hashed: the pairing is what refuses another one."""
    at = SCALARS_AT - 64
    generator = (1).to_bytes(32, "big") + (2).to_bytes(32, "big")
    refused(made()[:at] + generator + made()[at + 64 :], "openings")


def test_the_number_of_statements_is_checked() -> None:
    for statements in ([], [values(), values()]):
        with pytest.raises(VerificationError, match="expected 1 statements"):
            verify_wrap(wrap_key().vk, statements, made())


def test_a_key_of_another_machine_refuses_the_proof() -> None:
    vk = wrap_key().vk
    with pytest.raises(VerificationError, match="not one for the digest"):
        verify_wrap(replace(vk, key_digest=vk.key_digest + 1), [values()], made())
    with pytest.raises(VerificationError, match="openings"):
        verify_wrap(replace(vk, preprocessed=((1, 2),) * SHAPE.preprocessed), [values()], made())


def test_keys_that_do_not_fit_their_shape_are_refused() -> None:
    vk = wrap_key().vk
    with pytest.raises(InputError, match="preprocessed commitments"):
        replace(vk, preprocessed=())
    with pytest.raises(InputError, match="expected a field element"):
        replace(vk, key_digest=R_MODULUS)
    with pytest.raises(InputError, match="expected 1 to 64 chunks"):
        replace(SHAPE, chunks=65)
    with pytest.raises(InputError, match="expected groups"):
        WrapShape((254,), 0, 0, 0, 0, 1)


def test_statements_are_packed_as_solidity_packs_them() -> None:
    bits = (254, 254, 64, 64, 160, 64, *[128] * 8)
    assert len(packed_statement([0] * 14, bits)) == 236
    assert packed_statement([1, 0x0203], (128, 160)).hex() == "00" * 15 + "01" + "00" * 18 + "0203"
    for wrong in ([1], [1 << 128, 0], [-1, 0], [0, R_MODULUS]):
        with pytest.raises(VerificationError, match="public value"):
            packed_statement(wrong, (128, 254))


def test_the_prover_refuses_what_it_cannot_wrap() -> None:
    with pytest.raises(InputError, match="expected 1 inner proofs, got 2"):
        prove_wrap(wrap_key(), [(inner_proof(), values())] * 2)
    with pytest.raises(VerificationError, match="bus balance"):
        prove_wrap(wrap_key(), [(inner_proof(), values(ROWS + 1))])


def test_a_key_of_another_circuit_is_found_by_the_prover() -> None:
    """The inner key's digest is in the circuit: a key for other inner proofs has no proof of these."""
    key = wrap_key()
    other = replace(inner_key().vk, preprocessed=tuple((1, 2) for _ in inner_key().vk.preprocessed))
    stale = WrapKey(replace(target(), inner=other), key.description, key.groth16, key.program)
    assert stale.target.inner.digest != key.target.inner.digest
    assert dict(stale.target.heights) == HEIGHTS
    with pytest.raises((UnprovableError, VerificationError)):
        prove_wrap(stale, [(inner_proof(), values())])
