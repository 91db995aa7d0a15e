"""Groth16 proofs of small systems: what they prove, and what cannot be proven."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from support.groth16 import chain, random_systems, system

from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.kernels import jit
from zkroll.algebra.reference import curve
from zkroll.algebra.vector import FrVector
from zkroll.errors import InputError, ProvingError, UnprovableError
from zkroll.prover.groth16 import prove, prove_zk, public_inputs, setup_insecure
from zkroll.verifier.groth16 import Proof, verify, verify_reference

BACKENDS = ["portable", "ifma"] if jit.host_backend() == "ifma" else ["portable"]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(random_systems())
def test_random_systems_are_proven_and_their_inputs_bound(case):
    r1cs, witness = case
    key = setup_insecure(r1cs, b"random")
    proof, public = prove_zk(key, witness, r1cs=r1cs)
    assert public == witness.to_ints()[1 : r1cs.n_public + 1]
    assert verify(key.vk, public, proof)
    for i in range(len(public)):
        wrong = [*public]
        wrong[i] = (wrong[i] + 1) % R
        assert not verify(key.vk, wrong, proof)


@pytest.mark.parametrize("length", [1, 2, 4, 5, 6, 12, 13, 60, 300])
def test_chains_of_products_are_proven_around_every_size_of_domain(length):
    r1cs, witness = chain(length)
    key = setup_insecure(r1cs, b"chain")
    assert key.n == 1 << (length + 2).bit_length()
    proof, public = prove_zk(key, witness, r1cs=r1cs)
    assert verify(key.vk, public, proof)


def test_a_system_of_one_row_needs_a_domain_of_one():
    r1cs = system([], 1)
    key = setup_insecure(r1cs, b"empty")
    proof, public = prove_zk(key, FrVector.from_ints([1]), r1cs=r1cs)
    assert (key.n, public) == (1, [])
    assert verify_reference(key.vk, public, proof)


def test_the_oracle_accepts_a_proof_and_rejects_another_statement():
    r1cs, witness = chain(9)
    key = setup_insecure(r1cs, b"oracle")
    proof, public = prove_zk(key, witness)
    assert verify_reference(key.vk, public, proof)
    assert not verify_reference(key.vk, [public[0] + 1, public[1]], proof)


def test_without_blinding_a_proof_is_what_the_formula_says():
    # every point of the key is a known multiple of the generator when the sums are made with integers
    r1cs, witness = chain(3)
    key = setup_insecure(r1cs, b"formula")
    w = witness.to_ints()

    def total(points, wires):
        result = None
        for point, wire in zip(points.to_ints(), wires, strict=True):
            result = curve.add(result, curve.multiply(point, w[wire]))
        return result

    proof = prove(key, witness, 0, 0)
    assert proof == prove(key, witness, 0, 0)
    assert proof.a == curve.add(key.vk.alpha_1, total(key.a, key.a_wires))
    r, s = 2, R - 3
    blinded = prove(key, witness, r, s)
    assert blinded.a == curve.add(proof.a, curve.multiply(key.delta_1, r))
    b_1 = curve.add(key.beta_1, total(key.b_1, key.b_wires))
    c = curve.add(proof.c, curve.add(curve.multiply(proof.a, s), curve.multiply(b_1, r)))
    assert blinded.c == curve.add(c, curve.multiply(key.delta_1, r * s % R))
    assert verify(key.vk, public_inputs(key, witness), blinded)


def test_wires_that_do_not_occur_take_no_points():
    # wire 3 occurs in A alone, wire 4 in B alone, wire 5 nowhere
    r1cs = system([({3: 2}, {4: 5}, {1: 1, 2: 1}), ({3: 1}, {4: 1, 3: 0}, {1: 1})], 6, 0, 1)
    witness = FrVector.from_ints([1, 10 * 3, 9 * 30, 10, 3, 77])
    key = setup_insecure(r1cs, b"sparse")
    assert (key.a_wires.tolist(), key.b_wires.tolist()) == ([0, 1, 3], [4])
    assert (key.a.n, key.b_1.n, key.b_2.n, key.c.n) == (3, 1, 1, 4)
    proof, public = prove_zk(key, witness, r1cs=r1cs)
    assert verify_reference(key.vk, public, proof)


def test_the_same_arguments_give_the_same_proof_on_all_back_ends_and_threads(monkeypatch):
    r1cs, witness = chain(70)
    key = setup_insecure(r1cs, b"same")
    expected = prove(key, witness, 5, 7)
    for threads in (1, 2, 3):
        assert prove(key, witness, 5, 7, threads=threads) == expected
    words = witness.to_limbs()
    words.setflags(write=False)
    assert prove(key, words, 5, 7) == expected
    assert prove(key, witness, 5 + R, 7 - R) == expected
    assert setup_insecure(r1cs, b"same").vk == key.vk
    assert setup_insecure(r1cs, b"other").vk != key.vk


@pytest.mark.parametrize("backend", BACKENDS)
def test_both_back_ends_make_the_same_key_and_proof(backend, tmp_path):
    import json
    import os
    import subprocess
    import sys
    from pathlib import Path

    code = (
        "import json; from support.groth16 import chain\n"
        "from zkroll.prover.groth16 import setup_insecure, prove\n"
        "r, w = chain(20); key = setup_insecure(r, b'both'); print(json.dumps(prove(key, w, 5, 7).to_bytes().hex()))"
    )
    environment = {**os.environ, "ZKROLL_BACKEND": backend, "PYTHONPATH": str(Path(__file__).parents[1])}
    out = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    r1cs, witness = chain(20)
    expected = prove(setup_insecure(r1cs, b"both"), witness, 5, 7)
    assert Proof.from_bytes(bytes.fromhex(json.loads(out.stdout))) == expected


def test_blinding_differs_from_proof_to_proof():
    r1cs, witness = chain(4)
    key = setup_insecure(r1cs, b"zk")
    (one, public), (two, _) = prove_zk(key, witness), prove_zk(key, witness)
    assert one != two
    assert verify(key.vk, public, one)
    assert verify(key.vk, public, two)


def test_a_witness_that_breaks_a_constraint_is_refused_by_its_number():
    r1cs, witness = chain(6, modified={5: 1})
    key = setup_insecure(r1cs, b"wrong")
    with pytest.raises(UnprovableError, match="constraint 2"):
        prove_zk(key, witness, r1cs=r1cs)
    with pytest.raises(UnprovableError, match="satisfies the circuit"):
        prove_zk(key, witness)
    proof, public = prove_zk(key, witness, check=False)
    assert not verify(key.vk, public, proof)


def test_every_single_wrong_wire_is_noticed():
    r1cs, good = chain(4)
    key = setup_insecure(r1cs, b"each")
    for wire in range(1, r1cs.n_wires):
        values = good.to_ints()
        values[wire] = (values[wire] + 1) % R
        with pytest.raises(UnprovableError):
            prove_zk(key, FrVector.from_ints(values))


def test_a_key_of_another_circuit_is_noticed():
    r1cs, witness = chain(6)
    other = system(
        [({2: 1}, {2: 1}, {3: 1}), *(({i: 1}, {i: 1}, {i + 1: 1}) for i in range(3, 7)), ({7: 1}, {7: 1}, {1: 1})], 8, 1, 1
    )  # fmt: skip
    with pytest.raises(ProvingError, match="another one"):
        prove_zk(setup_insecure(other, b"other"), witness, r1cs=r1cs)


def test_witnesses_of_other_shape_are_refused():
    r1cs, witness = chain(6)
    key = setup_insecure(r1cs, b"shape")
    values, words = witness.to_ints(), witness.to_limbs()
    too_large = words.copy()
    too_large[4] = 2**64 - 1
    cases = [
        (FrVector.from_ints(values[:-1]), "another circuit"),
        (FrVector.from_ints([*values, 1]), "another circuit"),
        (FrVector.from_ints([2, *values[1:]]), "wire 0"),
        (FrVector.from_ints([0, *values[1:]]), "wire 0"),
        (too_large, "wire 4: expected a value below r"),
        (words[:, :3], "expected rows"),
        (words.astype(np.float64), "expected rows"),
    ]
    for bad, message in cases:
        with pytest.raises(InputError, match=message):
            prove(key, bad, 1, 1)


def test_a_key_of_parts_that_do_not_fit_is_refused():
    key = setup_insecure(chain(6)[0], b"parts")
    for name in ("b_1", "b_2", "c", "h"):
        points = getattr(key, name)
        with pytest.raises(InputError, match=f"proving key: {name}: expected {points.n} points"):
            replace(key, **{name: points[:-1]})
    for name in ("a_wires", "b_wires"):
        wires = getattr(key, name)
        for bad in (wires[::-1], wires + 1, wires - 1, wires.astype(np.uint32), np.repeat(wires, 2)):
            with pytest.raises(InputError, match=f"proving key: {name}"):
                replace(key, **{name: bad})
        with pytest.raises(InputError, match="points"):
            replace(key, **{name: wires[1:]})
    with pytest.raises(InputError, match="delta_1"):
        replace(key, delta_1=None)
    with pytest.raises(InputError, match="domain"):
        replace(key, log_domain=28)
    with pytest.raises(InputError, match="matrix A: expected at most 4 rows"):
        replace(key, log_domain=2)


def test_progress_rises_to_one_through_every_stage():
    r1cs, witness = chain(6)
    events = []
    prove(setup_insecure(r1cs, b"p"), witness, 1, 2, progress=lambda *event: events.append(event))
    stages, fractions = [e[0] for e in events], [e[1] for e in events]
    assert stages == ["quotient", "H", "A", "B1", "B2", "C", "done"]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


def test_keys_may_be_mapped_from_files(tmp_path):
    r1cs, witness = chain(30)
    key = setup_insecure(r1cs, b"map")
    mapped = {}
    for name in ("a", "b_1", "b_2", "c", "h"):
        points = getattr(key, name)
        points.save(tmp_path / f"{name}.npy")
        mapped[name] = type(points).open(tmp_path / f"{name}.npy")
    assert prove(replace(key, **mapped), witness, 3, 4) == prove(key, witness, 3, 4)
