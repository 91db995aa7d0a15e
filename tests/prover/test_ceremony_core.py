"""What both phases of a ceremony share gives the numbers, points and hashes of snarkjs."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.npm import FOLDER, needs_packages

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.algebra.curve import GENERATOR, GENERATOR_G2, G1Points, G2Points, fixed_base_g1, fixed_base_g2
from zkroll.algebra.field import fr
from zkroll.algebra.point_encoding import Form
from zkroll.algebra.ptau_records import SecretProof
from zkroll.algebra.reference.curve import is_on_curve, multiply, negate
from zkroll.algebra.reference.pairing import is_in_g2
from zkroll.errors import InputError, VerificationError
from zkroll.prover.ceremony.beacon import beacon_rng, check_beacon
from zkroll.prover.ceremony.chacha import ChaCha, _fq2_root, fresh, from_digest
from zkroll.prover.ceremony.claims import Claim, require
from zkroll.prover.ceremony.keypair import (
    delta_digest,
    digest_challenge,
    power_challenge,
    prove_powers,
    prove_secret,
)
from zkroll.prover.ceremony.transcript import PIECE_BYTES, Transcript, encode

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures/snarkjs/ceremony_values.json"
VALUES = json.loads(FIXTURE.read_text())
PHASE_1 = VALUES["phase1"]


def octets(count: int, seed: int) -> bytes:
    """As in ceremony_values.mjs."""
    return bytes((i * i + 7 * i + seed) % 251 for i in range(count))


def texts(value):
    return tuple(texts(part) for part in value) if isinstance(value, tuple | list) else str(value)


@pytest.mark.oracle
@needs_packages
def test_the_fixture_is_what_snarkjs_computes():
    command = ["node", FIXTURE.with_suffix(".mjs"), FOLDER]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(done.stdout) == VALUES


# ---- random numbers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", VALUES["streams"], ids=["zeros", "words"])
def test_numbers_and_points_are_those_of_ffjavascript(stream):
    rng = ChaCha(stream["seed"])
    for name in ("u32", "u64", "boolean", "fr", "g1", "g2"):
        given_ = [getattr(rng, name)() for _ in stream[name]]
        assert texts(given_) == texts(stream[name]), name
    assert rng.u32() == stream["next"]


@pytest.mark.parametrize("seed", [[], [0] * 7, [0] * 9, [0] * 7 + [2**32], [-1] + [0] * 7])
def test_other_seeds_are_refused(seed):
    with pytest.raises(InputError, match="seed of 8 words"):
        ChaCha(seed)


def test_points_drawn_are_in_their_groups():
    rng = ChaCha(range(8))
    assert all(is_on_curve(rng.g1()) for _ in range(4))
    assert all(is_in_g2(rng.g2()) for _ in range(2))


@settings(max_examples=40, deadline=None)
@given(st.tuples(*[st.integers(0, Q_MODULUS - 1) | st.sampled_from([0, 1, 2, Q_MODULUS - 1])] * 2))
def test_roots_in_fq2_are_found_exactly_where_there_are_some(x):
    a, b = x
    square = ((a * a - b * b) % Q_MODULUS, 2 * a * b % Q_MODULUS)
    assert _fq2_root(square) in (x, (-a % Q_MODULUS, -b % Q_MODULUS))
    # 9 + u is no square in Fq2
    other = ((9 * square[0] - square[1]) % Q_MODULUS, (9 * square[1] + square[0]) % Q_MODULUS)
    assert (_fq2_root(other) is None) == (x != (0, 0))


def test_fresh_generators_differ_whatever_is_added():
    draws = {fresh(text).fr() for text in ("", "", "a", "a", "ü\ud800")}
    assert len(draws) == 5
    assert all(0 <= value < R_MODULUS for value in draws)


def test_a_digest_gives_its_words_big_endian():
    digest = bytes(range(64))
    assert from_digest(digest).u32() == ChaCha([0x00010203 + 0x04040404 * i for i in range(8)]).u32()
    with pytest.raises(InputError, match="at least 32 bytes, got 31"):
        from_digest(digest[:31])


# ---- beacons -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", VALUES["beacons"], ids=lambda case: str(case["bytes"]))
def test_beacons_are_those_of_snarkjs(case):
    reports = []
    rng = beacon_rng(octets(case["bytes"], 3), case["exponent"], lambda *report: reports.append(report))
    assert rng.u32() == case["next"]
    assert [fraction for _, fraction, _ in reports] == [0.0, 1.0]


def test_longer_beacons_report_their_progress():
    fractions = []
    beacon_rng(b"seed", 18, lambda _stage, fraction, _detail: fractions.append(fraction))
    assert fractions == [0.0, 0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize(
    ("seed", "exponent"), [(b"", 10), (bytes(256), 10), (b"a", 9), (b"a", 64), (b"a", -1)]
)
def test_other_beacons_are_refused(seed, exponent):
    with pytest.raises(InputError, match="beacon: expected"):
        beacon_rng(seed, exponent)


def test_the_longest_beacon_is_allowed():
    check_beacon(bytes(255), 63)


# ---- transcripts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "kind", "size"), [("g1", G1Points, 64), ("g2", G2Points, 128)])
def test_points_are_encoded_as_by_ffjavascript(name, kind, size):
    cases = VALUES["points"][name]
    section = np.frombuffer(bytes.fromhex("".join(c["iden3"] for c in cases)), dtype=np.uint8)
    vector = kind.from_bytes(section, "iden3")
    for form in ("uncompressed", "compressed"):
        expected = bytes.fromhex("".join(c[form] for c in cases))
        assert encode(section.reshape(-1, size), form) == expected
        assert encode(vector, form) == expected
        said = Transcript(b"first").points(vector, form)
        assert said.digest() == hashlib.blake2b(b"first" + expected).digest()
    one_by_one = getattr(Transcript(), name)(*vector.to_ints())
    assert one_by_one.digest() == Transcript().points(vector).digest()


@pytest.mark.parametrize(
    ("base", "count"), [(fixed_base_g1, PIECE_BYTES // 64 + 5), (fixed_base_g2, PIECE_BYTES // 128 + 5)]
)
def test_many_points_are_encoded_like_single_ones(base, count):
    points = base(fr.from_ints(range(count)), count)
    section = np.frombuffer(points.to_bytes("iden3"), dtype=np.uint8).reshape(count, -1)
    form: Form = "eip196"
    assert encode(points) == encode(section, threads=1) == points.to_bytes(form)
    flags = {0x80: 0, 0xC0: 0x80, 0x40: 0x40}  # gnark's of the smaller y, the larger y and infinity
    rows = np.frombuffer(points.to_bytes("compressed"), dtype=np.uint8).reshape(count, -1).copy()
    rows[:, 0] = [first & 0x3F | flags[first & 0xC0] for first in rows[:, 0].tolist()]
    assert encode(points, "compressed") == encode(section, "compressed") == rows.tobytes()
    assert Transcript().points(section).digest() == hashlib.blake2b(encode(section)).digest()


def test_a_transcript_goes_on_from_a_kept_state_and_from_a_copy():
    said = Transcript(b"abc").g1(GENERATOR, None)
    copied, kept = said.copy(), Transcript(state=said.state())
    expected = said.g2(GENERATOR_G2).digest()
    assert copied.digest() != expected
    assert copied.g2(GENERATOR_G2).digest() == kept.g2(GENERATOR_G2).digest() == expected


def test_nothing_said_is_nothing_hashed():
    empty = np.zeros((0, 64), dtype=np.uint8)
    assert Transcript().points(empty).g1().g2().digest() == hashlib.blake2b().digest()


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((2, 63), dtype=np.uint8),
        np.zeros(64, dtype=np.uint8),
        np.zeros((2, 64), dtype=np.uint64),
        b"",
    ],
)
def test_what_is_no_points_is_refused(points):
    with pytest.raises(InputError, match="expected points, or octets"):
        Transcript().points(points)


def test_coordinates_of_q_and_above_are_refused():
    high = np.zeros((3, 64), dtype=np.uint8)
    high[1, 32:] = np.frombuffer(Q_MODULUS.to_bytes(32, "little"), dtype=np.uint8)
    with pytest.raises(InputError, match="below"):
        Transcript().points(high)
    with pytest.raises(InputError, match="below q"):
        Transcript().g1((Q_MODULUS, 2))
    with pytest.raises(InputError, match="form"):
        Transcript().points(high, "iden3")


# ---- proofs of knowledge -----------------------------------------------------------------------------------


def theirs(name: str) -> SecretProof:
    proof = PHASE_1[name]
    x, y = (tuple(map(int, part)) for part in proof["g2_spx"])
    return SecretProof(tuple(map(int, proof["g1_s"])), tuple(map(int, proof["g1_sx"])), (x, y))


def holds(proof: SecretProof, g2_sp: tuple) -> bool:
    try:
        require("", [Claim("", proof.g1_s, proof.g1_sx, g2_sp, proof.g2_spx)])
    except VerificationError:
        return False
    return True


def test_a_contribution_to_phase_1_is_that_of_snarkjs():
    challenge = bytes.fromhex(PHASE_1["challenge"])
    secrets, proofs = prove_powers(ChaCha([8, 7, 6, 5, 4, 3, 2, 1]), challenge)
    for i, name in enumerate(("tau", "alpha", "beta")):
        assert str(secrets[i]) == PHASE_1[name]["secret"]
        assert proofs[i] == theirs(name)
        point = power_challenge(i, challenge, proofs[i].g1_s, proofs[i].g1_sx)
        assert texts(point) == texts(PHASE_1[name]["g2_sp"])
        assert holds(proofs[i], point)


def test_a_proof_is_for_its_secret_challenge_and_order_only():
    challenge = bytes.fromhex(PHASE_1["challenge"])
    proof = theirs("alpha")
    at = power_challenge(1, challenge, proof.g1_s, proof.g1_sx)
    assert holds(proof, at)
    assert not holds(proof, power_challenge(0, challenge, proof.g1_s, proof.g1_sx))
    assert not holds(proof, power_challenge(1, challenge[::-1], proof.g1_s, proof.g1_sx))
    for other in (
        SecretProof(negate(proof.g1_s), proof.g1_sx, proof.g2_spx),
        SecretProof(proof.g1_sx, proof.g1_s, proof.g2_spx),
        SecretProof(proof.g1_s, theirs("tau").g1_sx, proof.g2_spx),
        SecretProof(proof.g1_s, proof.g1_sx, theirs("tau").g2_spx),
        SecretProof(None, proof.g1_sx, proof.g2_spx),
        SecretProof(proof.g1_s, None, None),
    ):
        assert not holds(other, at)


def test_a_secret_of_phase_2_is_proved_at_the_digest_of_its_transcript():
    before = Transcript(b"circuit")
    proof = prove_secret(5, ChaCha([1] * 8), lambda s, sx: digest_challenge(delta_digest(before, s, sx)))
    assert proof.g1_sx == multiply(proof.g1_s, 5)
    assert before.digest() == Transcript(b"circuit").digest()
    digest = before.copy().g1(proof.g1_s, proof.g1_sx).digest()
    assert holds(proof, digest_challenge(digest))
    assert not holds(proof, digest_challenge(digest[::-1]))


@pytest.mark.parametrize("secret", [0, R_MODULUS, -1])
def test_secrets_that_are_none_are_refused(secret):
    with pytest.raises(InputError, match="1 to r - 1"):
        prove_secret(secret, ChaCha([1] * 8), lambda _s, _sx: GENERATOR_G2)
