"""Proving with keys that snarkjs made, and with damaged ones."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from support.groth16 import chain
from support.groups import outside
from support.npm import needs_packages, snarkjs
from support.section_files import FIXTURES, patched, sections

from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.curve import G2Points
from zkroll.algebra.iden3 import release
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.formats.groth16_json import (
    read_proof,
    read_public,
    read_verification_key,
    write_proof,
    write_public,
    write_verification_key,
)
from zkroll.circuits.r1cs.formats.r1cs import read_r1cs
from zkroll.circuits.r1cs.formats.wtns import read_wtns, read_wtns_words, write_wtns
from zkroll.circuits.r1cs.formats.zkey import read_zkey, write_zkey
from zkroll.errors import InputError, UnprovableError, ZkrollError
from zkroll.prover.groth16 import (
    MappedKey,
    from_zkey,
    map_proving_key,
    open_proving_key,
    prove,
    prove_zk,
    setup_insecure,
    to_zkey,
)
from zkroll.verifier.groth16 import Proof, VerifyingKey, verify, verify_reference

KEY = FIXTURES / "cells.zkey"
WITNESS = FIXTURES / "cells.wtns"
SYSTEM = read_r1cs(FIXTURES / "cells.r1cs")
VK = VerifyingKey.from_parts(read_verification_key(FIXTURES / "cells.verification_key.json"))
PUBLIC = read_public(FIXTURES / "cells.public.json")


def test_a_key_of_snarkjs_proves_what_its_verification_key_accepts():
    key = open_proving_key(KEY, check=True)
    assert key.vk == VK
    proof, public = prove_zk(key, read_wtns_words(WITNESS), r1cs=SYSTEM)
    assert public == PUBLIC
    assert verify(VK, public, proof)
    assert verify_reference(VK, public, proof)


def test_a_proof_of_snarkjs_verifies_and_no_other_statement():
    proof = Proof.from_parts(read_proof(FIXTURES / "cells.proof.json"))
    assert verify(VK, PUBLIC, proof)
    for i in range(len(PUBLIC)):
        wrong = [*PUBLIC]
        wrong[i] = (wrong[i] + 1) % R
        assert not verify(VK, wrong, proof)


def test_a_key_without_contribution_is_refused():
    with pytest.raises(InputError, match="phase 2 was skipped"):
        open_proving_key(FIXTURES / "cells_uncontributed.zkey")


def test_a_witness_of_another_circuit_or_unsatisfied_is_refused():
    key, good = open_proving_key(KEY), read_wtns(WITNESS).to_ints()
    with pytest.raises(InputError, match="another circuit"):
        prove_zk(key, chain(3)[1])
    wrong = FrVector.from_ints([*good[:-1], good[-1] + 1])
    with pytest.raises(UnprovableError, match="constraint"):
        prove_zk(key, wrong, r1cs=SYSTEM)
    with pytest.raises(UnprovableError, match="satisfies"):
        prove_zk(key, wrong)


def test_coefficients_may_stand_in_any_order():
    zkey = read_zkey(KEY)
    order = np.random.default_rng(1).permutation(len(zkey.coefficients))
    shuffled = type(zkey)(**{**vars(zkey), "coefficients": zkey.coefficients[order]})
    witness = read_wtns(WITNESS)
    assert prove(from_zkey(shuffled), witness, 3, 4) == prove(from_zkey(zkey), witness, 3, 4)


def test_a_development_key_is_the_same_through_a_file(tmp_path: Path):
    key = setup_insecure(SYSTEM, b"file")
    write_zkey(to_zkey(key, SYSTEM), tmp_path / "key.zkey")
    loaded, witness = open_proving_key(tmp_path / "key.zkey", check=True), read_wtns(WITNESS)
    assert loaded.vk == key.vk
    assert (loaded.a.n, loaded.b_2.n) == (key.a.n, key.b_2.n) < (key.n_wires, key.n_wires)
    assert to_zkey(loaded, SYSTEM).b2.tobytes() == to_zkey(key, SYSTEM).b2.tobytes()
    assert prove(loaded, witness, 3, 4) == prove(key, witness, 3, 4)
    with pytest.raises(InputError, match="system"):
        to_zkey(key, chain(3)[0])


def test_a_key_that_stays_in_its_file_gives_the_same_proofs(tmp_path: Path):
    system, witness = chain(5000)
    key = setup_insecure(system, b"mapped")
    write_zkey(to_zkey(key, system), tmp_path / "key.zkey")
    mapped = map_proving_key(tmp_path / "key.zkey", check=True)
    assert prove(mapped, witness, 3, 4, threads=2) == prove(key, witness, 3, 4)
    assert prove(mapped, witness, 5, 6, threads=1) == prove(key, witness, 5, 6)


def test_points_of_a_key_that_stays_in_its_file_are_checked():
    zkey, witness = read_zkey(KEY), read_wtns(WITNESS)
    for name, title in (("a", "A"), ("b1", "B1"), ("b2", "B2"), ("c", "C"), ("h", "H")):
        section = getattr(zkey, name).copy()
        at = int(np.flatnonzero(section.any(axis=1))[-1])
        section[at, 3] ^= 1
        damaged = MappedKey.of(type(zkey)(**{**vars(zkey), name: section}))
        with pytest.raises(InputError, match=f"zkey: {title}: g[12] points: point {at}: .* curve"):
            prove(damaged, witness, 3, 4)
        section[at] = 255
        with pytest.raises(InputError, match=f"zkey: {title}: g[12] points: point {at}: .* below q"):
            prove(damaged, witness, 3, 4)
        section[at] = getattr(zkey, name)[at]
        if name in ("b1", "b2"):
            section[at] = 0
            with pytest.raises(InputError, match="B1 and B2"):
                prove(damaged, witness, 3, 4)


def test_points_of_another_order_are_found_on_request():
    zkey = read_zkey(KEY)
    b2 = zkey.b2.copy()
    at = int(np.flatnonzero(b2.any(axis=1))[1])
    b2[at] = np.frombuffer(G2Points.from_ints(outside(1)).to_bytes("iden3"), np.uint8)
    with pytest.raises(InputError, match=f"B2: point {at}: expected a point of order r"):
        from_zkey(type(zkey)(**{**vars(zkey), "b2": b2}), check=True)


@pytest.mark.parametrize("opened", [open_proving_key, map_proving_key])
def test_a_flipped_bit_in_any_section_never_gives_a_wrong_proof(tmp_path: Path, opened):
    data, witness, rng = KEY.read_bytes(), read_wtns(WITNESS), random.Random(5)
    refused = dict.fromkeys(range(1, 11), 0)
    for number, at, length in sections(data):
        for _ in range(6):
            place = at + 12 + rng.randrange(length)
            path = tmp_path / "flipped.zkey"
            path.write_bytes(patched(data, place, bytes([data[place] ^ 1 << rng.randrange(8)])))
            try:
                proof, public = prove_zk(opened(path), witness)
            except ZkrollError:
                refused[number] += 1
            else:  # what was flipped has no part in this proof
                assert verify(VK, public, proof)
    assert all(refused[number] == 6 for number in (2, 3, 5, 6, 7, 8, 9)), refused


def test_memory_of_a_mapped_file_is_given_back_and_read_again(tmp_path: Path):
    data = np.random.default_rng(3).integers(0, 256, 100_000, dtype=np.uint8)
    (tmp_path / "data").write_bytes(data.tobytes())
    mapped = np.memmap(tmp_path / "data", dtype=np.uint8, mode="r")
    release(mapped[5000:90_000])
    release(mapped.view(np.ndarray)[4096:8192].reshape(-1, 64))
    assert (mapped == data).all()
    own = np.memmap(tmp_path / "data", dtype=np.uint8, mode="c")
    own[6000:80_000] = 7
    release(own)
    assert (own[6000:80_000] == 7).all()
    release(data)


def test_infinity_in_one_part_of_b_alone_is_refused():
    zkey = read_zkey(KEY)
    b2 = zkey.b2.copy()
    b2[np.flatnonzero(b2.any(axis=1))[0]] = 0
    with pytest.raises(InputError, match="B1 and B2"):
        from_zkey(type(zkey)(**{**vars(zkey), "b2": b2}))


@needs_packages
@pytest.mark.oracle
def test_snarkjs_accepts_our_proofs_and_proves_with_our_keys(tmp_path: Path):
    system, witness = chain(40, x=12345)
    write_wtns(witness, tmp_path / "witness.wtns")
    key = setup_insecure(system, b"snarkjs")
    write_zkey(to_zkey(key, system), tmp_path / "key.zkey")
    write_verification_key(key.vk.parts, tmp_path / "vk.json")

    proof, public = prove_zk(key, witness)
    write_proof(proof.parts, tmp_path / "proof.json")
    write_public(public, tmp_path / "public.json")
    names = [tmp_path / name for name in ("vk.json", "public.json", "proof.json")]
    assert "OK" in snarkjs("groth16", "verify", *names).stdout
    write_public([public[0] + 1, public[1]], names[1])
    assert "OK" not in snarkjs("groth16", "verify", *names).stdout

    result = snarkjs("groth16", "prove", tmp_path / "key.zkey", tmp_path / "witness.wtns", names[2], names[1])
    assert result.returncode == 0, result.stdout
    assert verify(key.vk, read_public(names[1]), Proof.from_parts(read_proof(names[2])))
