"""Groth16 verification: the fast path against py_ecc, keys and proofs that must be refused."""

from dataclasses import replace
from functools import cache

import pytest
from support.groth16 import chain

from zkroll.algebra.constants import Q_MODULUS as Q
from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.curve import GENERATOR, GENERATOR_G2, G1Points, G2Points, add, multiply, negate
from zkroll.algebra.kernels.jit import host_backend
from zkroll.errors import InputError
from zkroll.prover.groth16 import prove, public_inputs, setup_insecure
from zkroll.verifier.groth16 import Proof, VerifyingKey, verify, verify_batch, verify_reference

BACKENDS = ["portable", "ifma"] if host_backend() == "ifma" else ["portable"]


@cache
def valid(x=3, r=5, s=7):
    _, witness = chain(6, x)
    key = made()
    return public_inputs(key, witness), prove(key, witness, r, s)


@cache
def made():
    return setup_insecure(chain(6)[0], b"verifier tests")


def g1(point, scalar):
    return multiply(G1Points.from_ints([point]), scalar)[0]


def g2(point, scalar):
    return multiply(G2Points.from_ints([point]), scalar)[0]


def g1_sum(left, right):
    return add(G1Points.from_ints([left]), G1Points.from_ints([right]))[0]


def g2_sum(left, right):
    return add(G2Points.from_ints([left]), G2Points.from_ints([right]))[0]


def off_the_group():
    """A point on the twist whose order is not r: most are such."""
    for x in range(1, 40):
        # y² = x³ + 3/(9 + u), solved in Fq2 by the complex method
        b = (3 * 9 * pow(82, -1, Q) % Q, -3 * pow(82, -1, Q) % Q)
        re, im = (x**3 + b[0]) % Q, b[1]
        norm = (re * re + im * im) % Q
        root = pow(norm, (Q + 1) // 4, Q)
        if root * root % Q != norm:
            continue
        for sign in (1, -1):
            half = (re + sign * root) * pow(2, -1, Q) % Q
            c = pow(half, (Q + 1) // 4, Q)
            if c * c % Q == half and c:
                return ((x, 0), (c, im * pow(2 * c, -1, Q) % Q))
    raise AssertionError


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_valid_proof_verifies_on_both_paths(backend):
    public, proof = valid()
    assert verify(made().vk, public, proof, backend=backend)
    assert verify_batch(made().vk, [(public, proof)], backend=backend)
    assert verify_reference(made().vk, public, proof)


@pytest.mark.parametrize("change", ["input", "order", "a", "b", "c", "a negated", "other proof's c"])
def test_what_was_not_proven_is_rejected_on_both_paths(change):
    public, proof = valid()
    other = valid(9)[1]
    if change == "input":
        public = [public[0], public[1] + 1]
    elif change == "order":
        public = public[::-1]
    elif change == "a":
        proof = replace(proof, a=GENERATOR)
    elif change == "b":
        proof = replace(proof, b=GENERATOR_G2)
    elif change == "c":
        proof = replace(proof, c=None)
    elif change == "a negated":
        proof = replace(proof, a=negate(G1Points.from_ints([proof.a]))[0])
    else:
        proof = replace(proof, c=other.c)
    assert not verify(made().vk, public, proof)
    assert not verify_batch(made().vk, [valid(), (public, proof)])
    assert not verify_reference(made().vk, public, proof)


@pytest.mark.parametrize("fields", [["a"], ["b"], ["c"], ["a", "b"], ["a", "b", "c"]])
def test_infinity_proves_nothing(fields):
    public, proof = valid()
    assert not verify(made().vk, public, replace(proof, **dict.fromkeys(fields)))


@pytest.mark.parametrize(
    "public", [lambda p: [p[0] + R, p[1]], lambda p: [-1, p[1]], lambda p: [Q + p[0], p[1]], lambda p: [2**256 - 1, p[1]],
               lambda p: p[:1], lambda p: [*p, 0], lambda p: [], lambda p: [True, p[1]], lambda p: [1.0, p[1]]],
)  # fmt: skip
def test_public_inputs_of_another_number_or_not_below_r_are_refused(public):
    good, proof = valid()
    for check in (verify, verify_reference):
        with pytest.raises(InputError, match="public inputs"):
            check(made().vk, public(good), proof)
    with pytest.raises(InputError, match="proof 1: public inputs"):
        verify_batch(made().vk, [(good, proof), (public(good), proof)])


def test_a_point_of_the_twist_outside_the_group_is_refused():
    public, proof = valid()
    bad = replace(proof, b=off_the_group())
    for check in (verify, verify_reference):
        with pytest.raises(InputError, match="proof: B: expected a point of order r"):
            check(made().vk, public, bad)
    with pytest.raises(InputError, match="proof 2: B"):
        verify_batch(made().vk, [(public, proof), (public, proof), (public, bad)])


@pytest.mark.parametrize(
    "fields",
    [
        {"a": (1, 3)}, {"a": (1 + Q, 2)}, {"a": (0, 0)}, {"a": (1, 2, 1)}, {"a": (1, True)}, {"c": (1, -2)}, {"c": [1, 2]},
        {"c": "no point"}, {"b": (GENERATOR_G2[1], GENERATOR_G2[0])}, {"b": tuple(p[::-1] for p in GENERATOR_G2)},
        {"b": ((0, 0), (0, 0))}, {"b": (1, 2)},
        {"b": ((GENERATOR_G2[0][0] + Q, GENERATOR_G2[0][1]), GENERATOR_G2[1])},
    ],
)  # fmt: skip
def test_what_is_no_point_of_a_curve_is_refused(fields):
    with pytest.raises(InputError, match=f"proof: {next(iter(fields)).upper()}: expected"):
        replace(valid()[1], **fields)


def test_two_invalid_proofs_that_cancel_are_rejected():
    # C + P and C - P: without combiners the two errors e(P, δ) and e(-P, δ) cancel
    (public, one), (_, two) = valid(), valid(3, 11, 13)
    up, down = replace(one, c=g1_sum(one.c, GENERATOR)), replace(two, c=g1_sum(two.c, g1(GENERATOR, R - 1)))
    for _ in range(3):
        assert not verify_batch(made().vk, [(public, up), (public, down)])
    assert verify_batch(made().vk, [(public, one), (public, two)])


@pytest.mark.parametrize("threads", [1, 2])
def test_a_batch_finds_the_one_that_is_wrong_wherever_it_is(threads):
    items = [valid(3 + k % 3) for k in range(9)]
    assert verify_batch(made().vk, items, threads=threads)
    for k in (0, 4, 8):
        bad = list(items)
        bad[k] = ([items[k][0][0], items[k][0][1] + 1], items[k][1])
        assert not verify_batch(made().vk, bad, threads=threads)


def test_a_batch_of_none_is_refused():
    with pytest.raises(InputError, match="at least one"):
        verify_batch(made().vk, [])


def test_proofs_are_malleable_by_design():
    # t·A, B/t and A, B + u·δ, C + u·A are proofs of the same statement, so proof bytes identify nothing
    public, proof = valid()
    t, u = 12345, 67890
    turned = Proof(g1(proof.a, t), g2(proof.b, pow(t, -1, R)), proof.c)
    shifted = Proof(proof.a, g2_sum(proof.b, g2(made().vk.delta_2, u)), g1_sum(proof.c, g1(proof.a, u)))
    for other in (turned, shifted):
        assert other.to_bytes() != proof.to_bytes()
        assert verify(made().vk, public, other)
        assert verify_reference(made().vk, public, other)


def test_bytes_give_the_proof_back():
    proof = valid()[1]
    data = proof.to_bytes()
    assert len(data) == 256
    assert Proof.from_bytes(data) == proof
    assert Proof.from_bytes(bytes(256)) == Proof(None, None, None)
    for bad in (data[:-1], data + b"\0", b"", bytes([0xFF]) + data[1:], data[:255] + bytes([data[255] ^ 1])):
        with pytest.raises(InputError, match="proof"):
            Proof.from_bytes(bad)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda k: {"delta_2": k.gamma_2}, "phase 2 was skipped"),
        (
            lambda k: {"delta_2": GENERATOR_G2, "gamma_2": g2(GENERATOR_G2, 5)},
            "delta_2: expected a contribution",
        ),
        (lambda k: {"alpha_1": None}, "alpha_1: expected a point other than infinity"),
        (lambda k: {"beta_2": None}, "beta_2: expected a point other than infinity"),
        (lambda k: {"gamma_2": None}, "gamma_2: expected a point other than infinity"),
        (lambda k: {"delta_2": None}, "delta_2: expected a point other than infinity"),
        (lambda k: {"beta_2": off_the_group()}, "beta_2: expected a point of order r"),
        (lambda k: {"delta_2": off_the_group()}, "delta_2: expected a point of order r"),
        (lambda k: {"alpha_1": (1, 3)}, "alpha_1: expected a point on"),
        (lambda k: {"gamma_2": ((1, 0), (1, 0))}, "gamma_2: expected a point on"),
        (lambda k: {"ic": (*k.ic[:2], None)}, "ic 2: expected a point other than infinity"),
        (lambda k: {"ic": (*k.ic[:2], (1, 3))}, "ic 2: expected a point on"),
        (lambda k: {"ic": ()}, "ic: expected"),
        (lambda k: {"ic": list(k.ic)}, "ic: expected a tuple"),
    ],
)
def test_keys_that_are_unsafe_are_refused(change, message):
    vk = made().vk
    with pytest.raises(InputError, match=message):
        replace(vk, **change(vk))


def test_a_key_of_other_lengths_refuses_the_inputs():
    vk, (public, proof) = made().vk, valid()
    with pytest.raises(InputError, match="expected 1, got 2"):
        verify(replace(vk, ic=vk.ic[:2]), public, proof)


def test_parts_give_key_and_proof_back():
    assert VerifyingKey.from_parts(made().vk.parts) == made().vk
    assert Proof.from_parts(valid()[1].parts) == valid()[1]
