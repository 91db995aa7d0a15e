"""Verification of keys: every part that was changed is found, and what does not hold is named.

For how the files were made see test_zkey_new.py and test_zkey_contribute.py.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support.npm import needs_packages, snarkjs
from support.section_files import FIXTURES, content, damages, with_section

from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.curve import GENERATOR, GENERATOR_G2, G1Points, G2Points, multiply
from zkroll.circuits.r1cs.formats.r1cs import read_r1cs, write_r1cs
from zkroll.circuits.r1cs.formats.zkey import Ceremony, read_zkey, write_zkey
from zkroll.circuits.r1cs.sparse import SparseMatrix
from zkroll.errors import InputError, VerificationError
from zkroll.prover.ceremony import powers as phase1
from zkroll.prover.ceremony.chacha import ChaCha
from zkroll.prover.ceremony.keypair import delta_digest, digest_challenge, prove_secret
from zkroll.prover.ceremony.powers_prepare import prepare
from zkroll.prover.ceremony.zkey_chain import check_chain, transcript_of
from zkroll.prover.ceremony.zkey_check import verify_zkey, verify_zkey_from_init
from zkroll.prover.ceremony.zkey_contribute import beacon_zkey, contribute_zkey
from zkroll.prover.ceremony.zkey_new import new_zkey
from zkroll.prover.groth16 import setup_insecure
from zkroll.prover.groth16.zkey import to_zkey

KEYS = [FIXTURES / f"cells_phase2_{i}.zkey" for i in range(4)]
SYSTEM, POWERS = FIXTURES / "cells.r1cs", FIXTURES / "powers_4_prepared.ptau"


@pytest.fixture
def write(tmp_path):
    """Writes a key of parts that differ from those of cells_phase2_3.zkey."""

    def made(**parts):
        write_zkey(dataclasses.replace(read_zkey(KEYS[3]), **parts), tmp_path / "k.zkey")
        return tmp_path / "k.zkey"

    return made


def refused(key, text, powers=POWERS, system=SYSTEM):
    with pytest.raises(VerificationError, match=text):
        verify_zkey(system, powers, key)


def test_keys_of_snarkjs_are_accepted():
    stages = []
    checked = verify_zkey(SYSTEM, POWERS, KEYS[3], progress=lambda *event: stages.append(event[1]))
    assert [item.record.name for item in checked.contributions] == ["first", "beacon", "last"]
    assert checked.circuit_hash == read_zkey(KEYS[0]).ceremony.circuit_hash
    assert stages == sorted(stages)
    assert (stages[0], stages[-1]) == (0.0, 1.0)
    assert verify_zkey_from_init(KEYS[0], POWERS, KEYS[3]) == checked


def test_a_key_that_nobody_contributed_to_is_not_accepted():
    refused(KEYS[0], "phase 2 was skipped")
    with pytest.raises(VerificationError, match="phase 2 was skipped"):
        verify_zkey_from_init(KEYS[0], POWERS, KEYS[0])


def test_contributions_that_cancel_are_phase_2_skipped(tmp_path):
    """The second secret is the inverse of the first: delta is one again, and the chain holds."""
    key = read_zkey(KEYS[0])
    for secret in (1234567, pow(1234567, -1, R)):
        said = transcript_of(key.ceremony)
        proof = prove_secret(
            secret,
            ChaCha([secret % 97] * 8),
            lambda s, sx, said=said: digest_challenge(delta_digest(said, s, sx)),
        )
        delta = multiply(G1Points.from_ints([key.delta1]), secret)[0]
        record = dataclasses.replace(
            read_zkey(KEYS[1]).ceremony.contributions[0],
            delta_after=delta,
            g1_s=proof.g1_s,
            g1_sx=proof.g1_sx,
            g2_spx=proof.g2_spx,
            transcript=delta_digest(said, proof.g1_s, proof.g1_sx),
        )
        ceremony = Ceremony(key.ceremony.circuit_hash, (*key.ceremony.contributions, record))
        delta2 = multiply(G2Points.from_ints([key.delta2]), secret)[0]
        key = dataclasses.replace(key, delta1=delta, delta2=delta2, ceremony=ceremony)
    assert key.delta2 == GENERATOR_G2
    write_zkey(key, tmp_path / "k.zkey")
    refused(tmp_path / "k.zkey", "phase 2 was skipped: delta2 is gamma2")


def test_one_flipped_bit_anywhere_is_found(tmp_path):
    data, bad = KEYS[1].read_bytes(), tmp_path / "bad.zkey"
    rng = np.random.default_rng(7)
    name_at = content(data, 10).index(b"first")
    for section in range(1, 11):
        old = content(data, section)
        for at in {0, len(old) - 1, len(old) // 2, *rng.integers(len(old), size=2).tolist()}:
            if section == 10 and name_at <= at < name_at + 5:
                continue  # names are hashed by nobody
            new = bytearray(old)
            new[at] ^= 1 << int(rng.integers(8))
            bad.write_bytes(with_section(data, section, bytes(new)))
            with pytest.raises((VerificationError, InputError), match="zkey"):
                verify_zkey(SYSTEM, POWERS, bad)


def test_every_damage_to_the_container_is_refused(tmp_path):
    bad = tmp_path / "bad.zkey"
    for name, data in damages(KEYS[1].read_bytes()).items():
        bad.write_bytes(data)
        with pytest.raises(InputError, match=r"bad\.zkey"):
            verify_zkey(SYSTEM, POWERS, bad)
        assert name


# ---- parts of the circuit --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"), [("matrix", 1), ("constraint", 3), ("wire", 4), ("value", (5, 0, 0, 0))]
)
def test_a_changed_coefficient_is_named(field, value, write):
    rows = read_zkey(KEYS[3]).coefficients.copy()
    rows[field][2] = value
    refused(write(coefficients=rows), "zkey: coefficient 2: expected A, constraint 1, wire .* got ")


def test_coefficients_that_are_left_out_doubled_or_reordered_are_found(write):
    rows = read_zkey(KEYS[3]).coefficients
    refused(write(coefficients=rows[:-1].copy()), "number of coefficients: expected 14, got 13")
    refused(write(coefficients=np.concatenate([rows, rows[:1]])), "expected 14, got 15")
    refused(write(coefficients=rows[::-1].copy()), "zkey: coefficient 0")


@pytest.mark.parametrize(("part", "name"), [("a", "A"), ("b1", "B1"), ("b2", "B2")])
def test_points_that_are_swapped_are_named(part, name, write):
    octets = getattr(read_zkey(KEYS[3]), part).copy()
    finite = np.flatnonzero(octets.any(axis=1))[:2]
    octets[finite] = octets[finite[::-1]]
    refused(write(**{part: octets}), f"zkey: {name}: point {finite[0]}: expected the circuit's")


@pytest.mark.parametrize("part", ["c", "h"])
def test_points_divided_by_delta_cannot_be_exchanged(part, write):
    octets = getattr(read_zkey(KEYS[3]), part)
    swapped = octets.copy()
    swapped[[0, 1]] = octets[[1, 0]]
    refused(write(**{part: swapped}), f"zkey: {part.upper()}: expected the circuit's points divided by delta")
    points = G1Points.from_bytes(octets, "iden3")
    doubled = multiply(points, 2).to_bytes("iden3")
    refused(write(**{part: np.frombuffer(doubled, np.uint8).reshape(octets.shape)}), "divided by delta")
    # the same sum, other points
    moved = points.to_ints()
    both = multiply(G1Points.from_ints([GENERATOR]), [7]), multiply(G1Points.from_ints([GENERATOR]), [R - 7])
    from zkroll.algebra.curve import add

    shifted = [add(G1Points.from_ints([moved[i]]), both[i])[0] for i in range(2)]
    new = G1Points.from_ints([*shifted, *moved[2:]]).to_bytes("iden3")
    refused(write(**{part: np.frombuffer(new, np.uint8).reshape(octets.shape)}), "divided by delta")


@pytest.mark.parametrize("part", ["c", "h"])
def test_points_off_the_curve_are_found(part, write):
    octets = getattr(read_zkey(KEYS[3]), part).copy()
    octets[1, 40] ^= 1
    refused(write(**{part: octets}), f"zkey: {part.upper()}, from point 0 on: g1 points: point 1: expected")


@pytest.mark.parametrize("name", ["alpha1", "beta1", "beta2", "gamma2", "ic"])
def test_other_points_of_the_header_are_named(name, write):
    key = read_zkey(KEYS[3])
    other = {
        "alpha1": key.beta1,
        "beta1": key.alpha1,
        "beta2": key.delta2,
        "gamma2": key.beta2,
        "ic": (key.ic[1], key.ic[0], *key.ic[2:]),
    }
    refused(write(**{name: other[name]}), f"zkey: {'IC: point 0' if name == 'ic' else name}: expected")


def test_a_key_of_another_circuit_is_not_accepted(tmp_path):
    made = read_r1cs(SYSTEM)
    coefficients = made.C.coefficients.copy()
    coefficients[0, 0] -= 1
    other = dataclasses.replace(made, C=SparseMatrix(made.C.starts, made.C.wires, coefficients))
    write_r1cs(other, tmp_path / "c.r1cs")
    refused(KEYS[3], "another circuit or other powers of tau: hash", system=tmp_path / "c.r1cs")
    refused(KEYS[3], "another circuit: wires: expected", system=FIXTURES / "unused_inputs.r1cs")


def test_a_circuit_whose_hash_was_copied_is_found_by_its_coefficients(tmp_path):
    """The key of another circuit with the recorded hash of the right one, contributed to afterwards."""
    made = read_r1cs(SYSTEM)
    coefficients = made.A.coefficients.copy()
    coefficients[0, 0] -= 1
    other = dataclasses.replace(made, A=SparseMatrix(made.A.starts, made.A.wires, coefficients))
    write_r1cs(other, tmp_path / "c.r1cs")
    new_zkey(tmp_path / "c.r1cs", POWERS, tmp_path / "0.zkey")
    copied = dataclasses.replace(read_zkey(tmp_path / "0.zkey"), ceremony=read_zkey(KEYS[0]).ceremony)
    write_zkey(copied, tmp_path / "1.zkey")
    contribute_zkey(tmp_path / "1.zkey", tmp_path / "2.zkey")
    refused(tmp_path / "2.zkey", "zkey: (IC: point|coefficient)")
    with pytest.raises(VerificationError, match="hash of the circuit: expected"):
        verify_zkey_from_init(tmp_path / "1.zkey", POWERS, tmp_path / "2.zkey")


# ---- contributions ---------------------------------------------------------------------------------------------


def test_a_development_key_has_no_contributions(tmp_path):
    made = read_r1cs(SYSTEM)
    write_zkey(to_zkey(setup_insecure(made, b"seed"), made), tmp_path / "k.zkey")
    refused(tmp_path / "k.zkey", "phase 2 was skipped")


def records():
    return read_zkey(KEYS[3]).ceremony


@pytest.mark.parametrize(
    ("kept", "text"),
    [
        ([1, 2], "contribution 1: transcript"),
        ([0, 2], "contribution 2: transcript"),
        ([0, 1], "delta1: expected that after the last contribution"),
        ([1, 0, 2], "contribution 1: transcript"),
        ([0, 1, 1, 2], "contribution 3: transcript"),
        ([0, 1, 2, 2], "contribution 4: transcript"),
    ],
)
def test_contributions_left_out_reordered_or_doubled_are_found(kept, text, write):
    old = records()
    refused(write(ceremony=Ceremony(old.circuit_hash, tuple(old.contributions[i] for i in kept))), text)


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("name", ["delta_after", "g1_s", "g1_sx", "g2_spx", "transcript"])
@pytest.mark.parametrize("how", ["another", "infinity"])
def test_a_changed_record_is_named(number, name, how, write):
    old = records()
    record = old.contributions[number]
    other = {"g2_spx": read_zkey(KEYS[3]).beta2, "transcript": bytes(range(64))}.get(name, record.g1_s)
    if name == "g1_s":
        other = record.g1_sx
    if how == "infinity":
        other = bytes(64) if name == "transcript" else None
    changed = list(old.contributions)
    changed[number] = dataclasses.replace(record, **{name: other})
    key = write(ceremony=Ceremony(old.circuit_hash, tuple(changed)))
    with pytest.raises(VerificationError, match=f"zkey: contribution {number + 1}: "):
        check_chain(read_zkey(key))


@pytest.mark.parametrize("change", [{"beacon": b"\x01"}, {"exponent": 11}, {"beacon": b""}])
def test_a_beacon_that_was_not_used_is_found(change, write):
    old = records()
    changed = list(old.contributions)
    changed[1] = dataclasses.replace(old.contributions[1], **change)
    refused(write(ceremony=Ceremony(old.circuit_hash, tuple(changed))), "zkey: contribution 2: .*beacon")


def test_a_contribution_cannot_call_itself_a_beacon(write):
    old = records()
    changed = list(old.contributions)
    changed[0] = dataclasses.replace(changed[0], beacon=b"\x01", exponent=10)
    refused(
        write(ceremony=Ceremony(old.circuit_hash, tuple(changed))),
        "contribution 1: expected the key that its beacon",
    )


def test_a_beacon_that_takes_too_long_is_refused_before_it_is_computed(write):
    old = records()
    for exponent, expected, text in (
        (63, InputError, "at most 2"),
        (200, VerificationError, "exponent of 10 to 63"),
    ):
        changed = list(old.contributions)
        changed[1] = dataclasses.replace(changed[1], exponent=exponent)
        with pytest.raises(expected, match=text):
            verify_zkey(SYSTEM, POWERS, write(ceremony=Ceremony(old.circuit_hash, tuple(changed))))
    with pytest.raises(InputError, match=r"at most 2\^9 hashes, got 1024"):
        verify_zkey(SYSTEM, POWERS, KEYS[3], max_exponent=9)


def test_other_deltas_than_those_of_the_contributions_are_named(write):
    key = read_zkey(KEYS[3])
    refused(write(delta1=GENERATOR), "delta1: expected that after the last contribution")
    refused(write(delta2=GENERATOR_G2), "delta2: expected the delta of delta1")
    refused(write(delta2=key.beta2), "delta2: expected the delta of delta1")
    refused(write(delta2=None), "delta2: expected the delta of delta1")


# ---- powers of tau and first keys ------------------------------------------------------------------------------


def test_lagrange_bases_that_do_not_belong_to_the_powers_are_found(tmp_path):
    """Powers whose prepared part was changed: key and hash are made of it, so only the comparison finds it."""
    data = POWERS.read_bytes()
    for section, name in ((12, "tauG1"), (13, "tauG2"), (14, "alphaTauG1"), (15, "betaTauG1")):
        size = 128 if section == 13 else 64
        old = content(data, section)
        at = 15 * size
        swapped = old[:at] + old[at + size : at + 2 * size] + old[at : at + size] + old[at + 2 * size :]
        powers = tmp_path / "p.ptau"
        powers.write_bytes(with_section(data, section, swapped))
        new_zkey(SYSTEM, powers, tmp_path / "0.zkey")
        beacon_zkey(tmp_path / "0.zkey", tmp_path / "1.zkey", b"seed", 10)
        refused(
            tmp_path / "1.zkey", f"expected the Lagrange basis of .* that the powers of {name} give", powers
        )
    old = content(data, 12)
    at = 31 * 64  # of the domain of 32, where H comes from
    swapped = old[: at + 64] + old[at + 192 : at + 256] + old[at + 128 : at + 192] + old[at + 64 : at + 128]
    powers.write_bytes(with_section(data, 12, swapped + old[at + 256 :]))
    new_zkey(SYSTEM, powers, tmp_path / "0.zkey")
    beacon_zkey(tmp_path / "0.zkey", tmp_path / "1.zkey", b"seed", 10)
    refused(tmp_path / "1.zkey", "zkey: H: expected points that belong to the powers", powers)


def test_a_first_key_is_compared_with_its_own_hash_and_the_powers(tmp_path):
    first, path = read_zkey(KEYS[0]), tmp_path / "first.zkey"

    def fails(text, **parts):
        write_zkey(dataclasses.replace(first, **parts), path)
        with pytest.raises(VerificationError, match=text):
            verify_zkey_from_init(path, POWERS, KEYS[3])

    with pytest.raises(VerificationError, match="expected the key before any contribution"):
        verify_zkey_from_init(KEYS[1], POWERS, KEYS[3])
    fails("before any contribution", delta2=first.beta2)
    fails("alpha1: expected that of the powers", alpha1=first.beta1)
    fails("gamma2: expected the generator", gamma2=first.beta2)
    for part in ("a", "b1", "b2", "c"):
        octets = getattr(first, part).copy()
        finite = np.flatnonzero(octets.any(axis=1))[:2]
        octets[finite] = octets[finite[::-1]]
        fails("hash of the circuit: expected", **{part: octets})
    octets = first.h.copy()
    octets[[0, 1]] = octets[[1, 0]]
    fails("H: expected", h=octets)
    rows = first.coefficients.copy()
    rows["value"][0, 0] ^= 1
    fails("coefficient 0", coefficients=rows)


@pytest.fixture(scope="module")
def larger(tmp_path_factory):
    """Powers of tau that reach further than the circuit, made here, and the circuit's key for them."""
    folder = tmp_path_factory.mktemp("larger")
    phase1.new(folder / "0.ptau", 6)
    phase1.beacon(folder / "0.ptau", folder / "1.ptau", b"another seed", 10)
    prepare(folder / "1.ptau", folder / "p.ptau")
    new_zkey(SYSTEM, folder / "p.ptau", folder / "0.zkey")
    contribute_zkey(folder / "0.zkey", folder / "1.zkey")
    return folder


def test_powers_may_reach_further_than_the_circuit(larger):
    assert len(verify_zkey(SYSTEM, larger / "p.ptau", larger / "1.zkey").contributions) == 1
    verify_zkey_from_init(larger / "0.zkey", larger / "p.ptau", larger / "1.zkey")


def test_a_key_of_other_powers_is_not_accepted(larger):
    refused(KEYS[3], "other powers of tau", larger / "p.ptau")
    refused(larger / "1.zkey", "other powers of tau")
    with pytest.raises(VerificationError, match="alpha1: expected that of the powers"):
        verify_zkey_from_init(larger / "0.zkey", POWERS, larger / "1.zkey")
    with pytest.raises(VerificationError, match="other powers of tau"):
        verify_zkey_from_init(larger / "0.zkey", larger / "p.ptau", KEYS[3])


@pytest.mark.oracle
@needs_packages
def test_keys_of_powers_made_here_are_those_of_snarkjs(larger, tmp_path):
    snarkjs("zkey", "new", SYSTEM, larger / "p.ptau", tmp_path / "0.zkey")
    assert (tmp_path / "0.zkey").read_bytes() == (larger / "0.zkey").read_bytes()
    assert "ZKey Ok!" in snarkjs("zkey", "verify", SYSTEM, larger / "p.ptau", larger / "1.zkey").stdout


@pytest.mark.oracle
@needs_packages
def test_keys_made_here_from_the_start_are_accepted_by_snarkjs(tmp_path):
    new_zkey(SYSTEM, POWERS, tmp_path / "0.zkey")
    contribute_zkey(tmp_path / "0.zkey", tmp_path / "1.zkey", name="one")
    beacon_zkey(tmp_path / "1.zkey", tmp_path / "2.zkey", b"\x01" * 32, 10, name="two")
    done = snarkjs("zkey", "verify", SYSTEM, POWERS, tmp_path / "2.zkey")
    assert "ZKey Ok!" in done.stdout
    checked = verify_zkey(SYSTEM, POWERS, tmp_path / "2.zkey")
    for item in checked.contributions:
        assert item.digest[:16].hex(" ", 4) in done.stdout
