"""Contributions to keys: records and, for beacons, bytes are those of snarkjs; what was contributed can be proved with.

cells_phase2_1, _2 and _3.zkey: snarkjs 0.7.6, from cells_phase2_0.zkey: zkey contribute --name=first, zkey beacon
0102030405060708 10 --name=beacon, zkey contribute --name=last.
"""

from __future__ import annotations

import pytest
from support.npm import needs_packages, snarkjs
from support.section_files import FIXTURES, content, damages, with_section

from zkroll.algebra.constants import R_MODULUS as R
from zkroll.circuits.r1cs.formats.wtns import read_wtns
from zkroll.circuits.r1cs.formats.zkey import read_zkey
from zkroll.errors import InputError
from zkroll.prover.ceremony.zkey_chain import check_chain, contribution_hash
from zkroll.prover.ceremony.zkey_contribute import beacon_zkey, contribute_zkey
from zkroll.prover.groth16 import open_proving_key, prove_zk
from zkroll.verifier.groth16 import Proof, verify

KEYS = [FIXTURES / f"cells_phase2_{i}.zkey" for i in range(4)]
SYSTEM, POWERS = FIXTURES / "cells.r1cs", FIXTURES / "powers_4_prepared.ptau"
SEED = bytes.fromhex("0102030405060708")
# as snarkjs zkey verify prints them
HASHES = [
    "d666fac7 98739091 0d7edc53 bac3eccb 1b35bd69 98e0d19f 3512f0f6 4e1229d0 "
    "c07911ca 72d5cca2 3b5682f6 9d0d7fac e32f7baa eb757eb2 50b21ae8 d58e68c5",
    "0ae211a4 164c891d df8a5f50 28d1fccf 3cceb6d1 1d72545c 2b642176 90f69368 "
    "77b476e3 3eb073eb aa764a22 db711631 eb193b02 81bafdf3 0d593cc1 e3114d1a",
    "7bcdab34 1b3032ea e10066d7 bed10186 f202f020 87cb92ec 147eba53 914d4acc "
    "f9d3e5b7 54093be4 c5d0ea10 e4c0149b 2c1d57b5 061269c0 fb2730c4 167b6b68",
]


def test_a_beacon_gives_the_bytes_of_snarkjs(tmp_path):
    made = beacon_zkey(KEYS[1], tmp_path / "k.zkey", SEED, 10, name="beacon")
    assert (tmp_path / "k.zkey").read_bytes() == KEYS[2].read_bytes()
    assert made.contribution_hash == bytes.fromhex(HASHES[1])
    assert made.circuit_hash == read_zkey(KEYS[0]).ceremony.circuit_hash


def test_contributions_of_snarkjs_hold_and_have_its_hashes():
    checked = check_chain(read_zkey(KEYS[3]))
    assert [item.digest for item in checked] == [bytes.fromhex(text) for text in HASHES]
    assert [item.record.name for item in checked] == ["first", "beacon", "last"]


def test_contributions_hold_and_leave_everything_but_delta_c_and_h(tmp_path):
    stages = []
    first, second = tmp_path / "0.zkey", tmp_path / "1.zkey"
    contribute_zkey(KEYS[0], first, name="number 0", progress=lambda *event: stages.append(event[1]))
    made = contribute_zkey(first, second, name="number 1", entropy="some")
    assert (stages[0], stages[-1]) == (0.0, 1.0)
    assert stages == sorted(stages)
    before, after = KEYS[0].read_bytes(), (tmp_path / "1.zkey").read_bytes()
    for section in range(1, 10):
        assert (content(before, section) == content(after, section)) == (section not in (2, 8, 9)), section
    checked = check_chain(read_zkey(tmp_path / "1.zkey"))
    assert checked[-1].digest == made.contribution_hash
    assert [item.record.name for item in checked] == ["number 0", "number 1"]


def test_two_contributions_with_the_same_words_differ(tmp_path):
    hashes = {
        contribute_zkey(KEYS[0], tmp_path / f"{i}.zkey", entropy="same").contribution_hash for i in range(2)
    }
    assert len(hashes) == 2


def test_a_proof_of_the_new_key_verifies_and_none_of_another_key(tmp_path):
    contribute_zkey(KEYS[3], tmp_path / "k.zkey")
    witness = read_wtns(FIXTURES / "cells.wtns").to_limbs()
    ours, theirs = open_proving_key(tmp_path / "k.zkey", check=True), open_proving_key(KEYS[3])
    proof, signals = prove_zk(ours, witness)
    assert verify(ours.vk, signals, Proof.from_parts(proof.parts))
    assert not verify(theirs.vk, signals, Proof.from_parts(proof.parts))


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("", ""),
        ("Zoë", "Zoë"),
        ("x" * 65, "x" * 64),
        ("é" * 70, "é" * 64),
        ("😀" * 40, "😀" * 32),
        ("a" + "😀" * 40, "a" + "😀" * 31 + "�"),
    ],
)
def test_names_are_kept_as_snarkjs_keeps_them(name, kept, tmp_path):
    beacon_zkey(KEYS[0], tmp_path / "k.zkey", SEED, 10, name=name)
    assert read_zkey(tmp_path / "k.zkey").ceremony.contributions[0].name == kept


def test_a_key_may_be_replaced_by_its_successor(tmp_path):
    key = tmp_path / "k.zkey"
    key.write_bytes(KEYS[0].read_bytes())
    contribute_zkey(key, key)
    assert len(check_chain(read_zkey(key))) == 1


@pytest.mark.parametrize(
    ("seed", "exponent"), [(b"", 10), (bytes(256), 10), (b"x", 9), (b"x", 64), (b"x", -1)]
)
def test_other_beacons_are_refused(seed, exponent, tmp_path):
    with pytest.raises(InputError, match="beacon: expected"):
        beacon_zkey(KEYS[0], tmp_path / "k.zkey", seed, exponent)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("section", [8, 9])
def test_a_point_off_the_curve_leaves_no_file(section, tmp_path):
    data, bad = KEYS[0].read_bytes(), tmp_path / "bad.zkey"
    old = content(data, section)
    for last in (old[-64:-1] + bytes([old[-1] ^ 1]), b"\xff" * 64):
        bad.write_bytes(with_section(data, section, old[:-64] + last))
        with pytest.raises(InputError, match=f"zkey: {'CH'[section - 8]}, from point 0 on"):
            contribute_zkey(bad, tmp_path / "k.zkey")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.zkey"]


def test_every_damage_to_the_container_is_refused(tmp_path):
    bad = tmp_path / "bad.zkey"
    for name, data in damages(KEYS[1].read_bytes()).items():
        bad.write_bytes(data)
        with pytest.raises(InputError, match=r"bad\.zkey"):
            contribute_zkey(bad, tmp_path / "k.zkey")
        assert not (tmp_path / "k.zkey").exists(), name


def test_an_interrupted_contribution_leaves_the_old_file(tmp_path):
    output = tmp_path / "k.zkey"
    output.write_bytes(b"old")

    def interrupt(stage, _fraction, _detail):
        if stage == "H":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        contribute_zkey(KEYS[0], output, progress=interrupt)
    assert output.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_the_hash_of_a_contribution_covers_its_points_and_transcript():
    import dataclasses

    record = read_zkey(KEYS[1]).ceremony.contributions[0]
    others = [
        dataclasses.replace(record, **{name: value})
        for name, value in {
            "delta_after": record.g1_s,
            "g1_s": record.g1_sx,
            "g1_sx": record.g1_s,
            "g2_spx": None,
            "transcript": bytes(64),
        }.items()
    ]
    assert len({contribution_hash(item) for item in [record, *others]}) == 6


@pytest.mark.oracle
@needs_packages
def test_snarkjs_accepts_our_contributions_and_goes_on_from_them(tmp_path):
    ours, theirs = (tmp_path / f"{name}.zkey" for name in ("ours", "theirs"))
    contribute_zkey(KEYS[3], ours, name="Zoë 😀" * 20)
    made = beacon_zkey(ours, ours, b"\x07" * 255, 11, name="end")
    done = snarkjs("zkey", "verify", SYSTEM, POWERS, ours)
    assert "ZKey Ok!" in done.stdout
    assert made.contribution_hash[:16].hex(" ", 4) in done.stdout
    again = snarkjs("zkey", "beacon", ours, theirs, "ab" * 32, 10, "-n=theirs")
    assert again.returncode == 0, again.stdout
    beacon_zkey(ours, ours, b"\xab" * 32, 10, name="theirs")
    assert ours.read_bytes() == theirs.read_bytes()
    assert len(check_chain(read_zkey(theirs))) == 6


def test_the_secret_divides_c_and_h(tmp_path):
    from zkroll.algebra.curve import G1Points, multiply
    from zkroll.prover.ceremony.beacon import beacon_rng

    secret = beacon_rng(SEED, 10).fr()
    before, after = read_zkey(KEYS[1]), read_zkey(KEYS[2])
    for old, new in ((before.c, after.c), (before.h, after.h)):
        expected = multiply(G1Points.from_bytes(old, "iden3"), pow(secret, -1, R))
        assert G1Points.from_bytes(new, "iden3").to_ints() == expected.to_ints()
