"""Setups made to be broken: what passes for a key or for powers of tau, and lets somebody forge proofs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from support.forged_powers import forged, hidden_point, with_hidden_point, with_hidden_point_in_key
from support.powers import row_bytes, with_point
from support.section_files import FIXTURES, assemble, content, patched

from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.curve import GENERATOR_G2, G2Points, multiply
from zkroll.algebra.ptau import CONTRIBUTIONS, LAGRANGE, POWERS, TAU_G2, point_count
from zkroll.circuits.r1cs.formats.zkey import Ceremony, read_zkey, write_zkey
from zkroll.errors import InputError, VerificationError
from zkroll.prover.ceremony import powers as phase1
from zkroll.prover.ceremony.chacha import ChaCha
from zkroll.prover.ceremony.powers_check import verify as verify_powers
from zkroll.prover.ceremony.powers_prepare import prepare
from zkroll.prover.ceremony.zkey_chain import check_chain
from zkroll.prover.ceremony.zkey_check import verify_zkey, verify_zkey_from_init
from zkroll.prover.ceremony.zkey_contribute import beacon_zkey
from zkroll.prover.ceremony.zkey_new import new_zkey
from zkroll.verifier.groth16 import VerifyingKey, verify

SYSTEM, PREPARED = FIXTURES / "cells.r1cs", FIXTURES / "powers_4_prepared.ptau"
KEYS = [FIXTURES / f"cells_phase2_{i}.zkey" for i in range(4)]
STATEMENT = [1234567, 2, 3]  # no witness is known for it


def accepts(key: Path, public: list[int]) -> bool:
    """Whether the verifier of a key takes the false proof."""
    return verify(VerifyingKey.from_parts(read_zkey(key).verification_key), public, forged(key))


@pytest.fixture(scope="module")
def hiding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Powers of tau that hide a point, a key made of them that others contributed to, and one of a first key."""
    folder = tmp_path_factory.mktemp("hiding")
    first = read_zkey(KEYS[0])
    point = hidden_point(first, PREPARED, STATEMENT)
    (folder / "p.ptau").write_bytes(with_hidden_point(PREPARED.read_bytes(), 4, point))
    new_zkey(SYSTEM, folder / "p.ptau", folder / "0.zkey")
    beacon_zkey(folder / "0.zkey", folder / "1.zkey", b"nobody's", 10)
    write_zkey(with_hidden_point_in_key(first, point), folder / "first.zkey")
    beacon_zkey(folder / "first.zkey", folder / "2.zkey", b"nobody's", 10)
    return folder


def test_a_point_hidden_in_the_largest_lagrange_basis_would_forge_proofs_and_is_found(hiding: Path) -> None:
    """The hash of the circuit and every contribution hold all the same."""
    assert accepts(hiding / "1.zkey", STATEMENT)
    assert not accepts(hiding / "1.zkey", [STATEMENT[0] + 1, *STATEMENT[1:]])
    assert not accepts(KEYS[1], STATEMENT)
    assert read_zkey(hiding / "0.zkey").ceremony == read_zkey(KEYS[0]).ceremony
    check_chain(read_zkey(hiding / "1.zkey"))
    with pytest.raises(VerificationError, match="zkey: H: expected points that belong to the powers of tau"):
        verify_zkey(SYSTEM, hiding / "p.ptau", hiding / "1.zkey")
    with pytest.raises(VerificationError, match=r"section 12: expected the Lagrange basis of 2\^5 points"):
        verify_powers(hiding / "p.ptau")


def test_a_point_hidden_in_a_first_key_is_found(hiding: Path) -> None:
    assert accepts(hiding / "2.zkey", STATEMENT)
    with pytest.raises(VerificationError, match="zkey: H: expected points that belong to the powers of tau"):
        verify_zkey_from_init(hiding / "first.zkey", PREPARED, hiding / "2.zkey")


def cut_prepared(data: bytes, power: int) -> bytes:
    """A prepared file cut to fewer powers, whose largest basis has the power that section 2 then lacks."""
    header = patched(content(data, 1), 36, power.to_bytes(4, "little"))
    parts = [
        (n, content(data, n)[: point_count(n, power) * row_bytes(n)]) for n in (*POWERS, *LAGRANGE.values())
    ]
    return assemble(b"ptau", 1, [(1, header), *parts[:5], (7, content(data, CONTRIBUTIONS)), *parts[5:]])


def test_keys_of_powers_that_were_cut_are_accepted(tmp_path: Path) -> None:
    phase1.new(tmp_path / "0.ptau", 5)
    phase1.beacon(tmp_path / "0.ptau", tmp_path / "1.ptau", b"another seed", 10)
    prepare(tmp_path / "1.ptau", tmp_path / "2.ptau")
    cut = tmp_path / "cut.ptau"
    cut.write_bytes(cut_prepared((tmp_path / "2.ptau").read_bytes(), 4))
    for powers in (tmp_path / "2.ptau", cut):
        verify_powers(powers)
        new_zkey(SYSTEM, powers, tmp_path / "0.zkey")
        beacon_zkey(tmp_path / "0.zkey", tmp_path / "1.zkey", b"seed", 10)
        assert len(verify_zkey(SYSTEM, powers, tmp_path / "1.zkey").contributions) == 1
    assert (
        content(cut.read_bytes(), 12)[-64:]
        == content((tmp_path / "2.ptau").read_bytes(), 12)[62 * 64 : 63 * 64]
    )
    prepare(cut, tmp_path / "again.ptau")  # where infinity stands for the power that is lacking
    new_zkey(SYSTEM, tmp_path / "again.ptau", tmp_path / "0.zkey")
    beacon_zkey(tmp_path / "0.zkey", tmp_path / "1.zkey", b"seed", 10)
    verify_zkey(SYSTEM, tmp_path / "again.ptau", tmp_path / "1.zkey")
    verify_powers(tmp_path / "again.ptau")


class Chosen(ChaCha):
    """A generator whose first elements of Fr are chosen."""

    def __init__(self, elements: list[int]) -> None:
        super().__init__([3] * 8)
        self._elements = elements[::-1]

    def fr(self) -> int:
        return self._elements.pop() if self._elements else super().fr()


@pytest.mark.parametrize("missing", LAGRANGE.values())
def test_lagrange_bases_are_there_for_all_powers_or_for_none(missing: int, tmp_path: Path) -> None:
    """With one of them gone the file would pass for one that is not prepared, and the others for verified."""
    data = PREPARED.read_bytes()
    kept = [(n, content(data, n)) for n in range(1, 16) if n not in range(8, 12) and n != missing]
    (tmp_path / "p.ptau").write_bytes(assemble(b"ptau", 1, kept))
    with pytest.raises(
        InputError, match=f"section {missing} is missing: expected Lagrange bases of all powers"
    ):
        verify_powers(tmp_path / "p.ptau")


@pytest.mark.parametrize(
    ("secrets", "text"),
    [
        ([1, 5, 7], "tau = 1"),
        ([R - 1, 5, 7], "tau = 1"),
        ([5, 1, 7], "alpha = 1"),
        ([5, 7, 1], "beta = 1"),
        ([5, 5, 7], "alpha = tau"),
        ([5, 7, R - 7], "beta = alpha"),
    ],
)
def test_powers_of_secrets_that_everyone_knows_are_refused(
    secrets: list[int], text: str, tmp_path: Path
) -> None:
    phase1.new(tmp_path / "0.ptau", 2)
    phase1.contribute_with(Chosen(secrets), tmp_path / "0.ptau", tmp_path / "1.ptau")
    with pytest.raises(
        VerificationError, match=f"expected tau, alpha and beta that nobody knows, got {text}"
    ):
        verify_powers(tmp_path / "1.ptau")
    # another contribution makes good what the first left out
    phase1.contribute(tmp_path / "1.ptau", tmp_path / "2.ptau")
    verify_powers(tmp_path / "2.ptau")


def test_keys_of_powers_that_nobody_contributed_to_are_not_accepted(tmp_path: Path) -> None:
    phase1.new(tmp_path / "0.ptau", 4)
    prepare(tmp_path / "0.ptau", tmp_path / "p.ptau")
    new_zkey(SYSTEM, tmp_path / "p.ptau", tmp_path / "0.zkey")
    beacon_zkey(tmp_path / "0.zkey", tmp_path / "1.zkey", b"seed", 10)
    with pytest.raises(VerificationError, match="nobody knows, got tau = 1"):
        verify_zkey(SYSTEM, tmp_path / "p.ptau", tmp_path / "1.zkey")
    with pytest.raises(VerificationError, match="nobody knows, got tau = 1"):
        verify_zkey_from_init(tmp_path / "0.zkey", tmp_path / "p.ptau", tmp_path / "1.zkey")


def test_contributions_whose_secrets_cancel_are_no_ceremony(tmp_path: Path) -> None:
    phase1.new(tmp_path / "0.ptau", 2)
    phase1.contribute_with(Chosen([3, 5, 7]), tmp_path / "0.ptau", tmp_path / "1.ptau")
    phase1.contribute_with(Chosen([pow(3, -1, R), 2, 2]), tmp_path / "1.ptau", tmp_path / "2.ptau")
    verify_powers(tmp_path / "1.ptau")
    with pytest.raises(VerificationError, match="got tau = 1"):
        verify_powers(tmp_path / "2.ptau")


def test_the_tau_that_a_lacking_power_is_found_with_is_that_of_the_others(tmp_path: Path) -> None:
    data = PREPARED.read_bytes()
    for other in (G2Points.from_ints([GENERATOR_G2]).to_bytes("iden3"), bytes(128)):
        (tmp_path / "p.ptau").write_bytes(with_point(data, TAU_G2, 1, other))
        with pytest.raises(VerificationError, match="tauG2: point 1: expected the tau of tauG1"):
            verify_zkey(SYSTEM, tmp_path / "p.ptau", KEYS[3])


def test_a_gamma_that_is_a_known_multiple_of_delta_breaks_the_chain() -> None:
    """C = -2·L makes such a proof for any statement; the contributions say nothing of gamma."""
    key = read_zkey(KEYS[3])
    doubled = multiply(G2Points.from_ints([key.delta2]), 2)[0]
    for gamma in (doubled, key.beta2, multiply(G2Points.from_ints([GENERATOR_G2]), 2)[0]):
        with pytest.raises(VerificationError, match="zkey: gamma2: expected the generator of G2"):
            check_chain(dataclasses.replace(key, gamma2=gamma))


def test_a_contribution_of_a_person_cannot_show_a_beacon(tmp_path: Path) -> None:
    old = read_zkey(KEYS[3]).ceremony
    changed = list(old.contributions)
    for part, error, text in (
        ({"beacon": b"\1"}, InputError, "contribution 0: expected the exponent and the seed of a beacon"),
        ({"exponent": 10}, InputError, "contribution 0: expected the exponent and the seed of a beacon"),
        ({"beacon": b"\1", "exponent": 10}, VerificationError, "expected the key that its beacon gives"),
    ):
        changed[0] = dataclasses.replace(old.contributions[0], **part)
        ceremony = Ceremony(old.circuit_hash, tuple(changed))
        write_zkey(dataclasses.replace(read_zkey(KEYS[3]), ceremony=ceremony), tmp_path / "k.zkey")
        with pytest.raises(error, match=text):
            check_chain(read_zkey(tmp_path / "k.zkey"))
