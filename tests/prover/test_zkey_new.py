"""The first key of a circuit: byte for byte that of snarkjs, and nothing from files that are damaged.

powers_4_prepared.ptau, cells_phase2_0.zkey: snarkjs 0.7.6, powersoftau new bn128 4, beacon 0102030405 10, prepare phase2;
zkey new cells.r1cs.  point_differences.json: point_differences.mjs.
"""

from __future__ import annotations

import contextlib
import json
import re

import numpy as np
import pytest
from support.groth16 import chain, system
from support.npm import needs_packages, snarkjs
from support.section_files import FIXTURES, content, damages, with_section

from zkroll.algebra.constants import R_MODULUS as R
from zkroll.circuits.r1cs.formats.r1cs import read_r1cs, write_r1cs
from zkroll.circuits.r1cs.formats.zkey import read_zkey
from zkroll.errors import InputError
from zkroll.prover.ceremony import powers as phase1
from zkroll.prover.ceremony.circuit_hash import raw_difference
from zkroll.prover.ceremony.powers_prepare import prepare
from zkroll.prover.ceremony.prepared import open_prepared
from zkroll.prover.ceremony.zkey_new import initial_key, new_zkey

SYSTEM, POWERS, KEY = (
    FIXTURES / name for name in ("cells.r1cs", "powers_4_prepared.ptau", "cells_phase2_0.zkey")
)


def test_the_first_key_has_the_bytes_of_snarkjs(tmp_path):
    stages = []
    made = new_zkey(SYSTEM, POWERS, tmp_path / "k.zkey", progress=lambda *event: stages.append(event[:2]))
    assert (tmp_path / "k.zkey").read_bytes() == KEY.read_bytes()
    assert made.ceremony == read_zkey(KEY).ceremony
    fractions = [fraction for _, fraction in stages]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


@pytest.mark.parametrize("case", json.loads((FIXTURES / "point_differences.json").read_text()))
def test_words_that_are_no_points_are_subtracted_as_by_snarkjs(case):
    left, right, difference = (bytes.fromhex(case[name]) for name in ("left", "right", "difference"))
    assert raw_difference(left, right) == difference


def test_powers_that_are_not_prepared_are_refused(tmp_path):
    with pytest.raises(InputError, match="not prepared for phase 2"):
        new_zkey(SYSTEM, FIXTURES / "powers_3.ptau", tmp_path / "k.zkey")
    assert not list(tmp_path.iterdir())


def test_too_few_powers_are_refused_with_the_power_that_would_do(tmp_path):
    large, _ = chain(20)
    write_r1cs(large, tmp_path / "large.r1cs")
    with pytest.raises(InputError, match="power 5 at least, got power 4"):
        new_zkey(tmp_path / "large.r1cs", POWERS, tmp_path / "k.zkey")
    assert not (tmp_path / "k.zkey").exists()


@pytest.mark.parametrize(
    ("constraints", "public", "expected"),
    [(0, 0, 1), (1, 0, 1), (2, 0, 2), (1, 2, 2), (14, 1, 4)],
)
def test_the_domain_is_the_least_with_room_and_never_one(constraints, public, expected):
    made = system([({0: 1}, {0: 1}, {0: 1})] * constraints, public + 1, public)
    assert initial_key(made, open_prepared(POWERS)).power == expected


def test_every_damage_to_the_powers_is_refused_or_harmless(tmp_path):
    bad, output, expected = tmp_path / "bad.ptau", tmp_path / "k.zkey", KEY.read_bytes()
    for name, data in damages(POWERS.read_bytes()).items():
        bad.write_bytes(data)
        if "section 7" in name:  # the record of contributions does not matter here, but damage may be noticed
            with contextlib.suppress(InputError):
                new_zkey(SYSTEM, bad, output)
                assert output.read_bytes() == expected, name
                output.unlink()
        else:
            with pytest.raises(InputError, match=re.escape(str(bad))):
                new_zkey(SYSTEM, bad, output)
        assert not output.exists(), name


def test_every_damage_to_the_circuit_is_refused(tmp_path):
    bad = tmp_path / "bad.r1cs"
    for name, data in damages(SYSTEM.read_bytes()).items():
        bad.write_bytes(data)
        with pytest.raises(InputError, match=r"bad\.r1cs"):
            new_zkey(bad, POWERS, tmp_path / "k.zkey")
        assert not (tmp_path / "k.zkey").exists(), name


def test_flipped_bits_of_the_powers_are_refused_or_lie_where_the_key_takes_nothing_from(tmp_path):
    data, bad = POWERS.read_bytes(), tmp_path / "bad.ptau"
    rng = np.random.default_rng(3)
    refused = 0
    for at in rng.integers(len(data), size=60).tolist():
        bad.write_bytes(data[:at] + bytes([data[at] ^ 1 << int(rng.integers(8))]) + data[at + 1 :])
        try:
            new_zkey(SYSTEM, bad, tmp_path / "k.zkey")
        except InputError:
            refused += 1
        else:
            assert (tmp_path / "k.zkey").read_bytes() == KEY.read_bytes()
    assert 20 < refused < 60


@pytest.mark.parametrize("section", [2, 4, 5, 6, 12, 13, 14, 15])
def test_points_off_their_curve_are_refused(section, tmp_path):
    data, bad = POWERS.read_bytes(), tmp_path / "bad.ptau"
    old = content(data, section)
    size = 128 if section in (6, 13) else 64
    at = 0 if section in (4, 5, 6) else {2: 14, 12: 31}.get(section, 15) * size
    for new in (bytes([old[at] ^ 1]) + old[at + 1 : at + size], b"\xff" * size):
        bad.write_bytes(with_section(data, section, old[:at] + new + old[at + size :]))
        with pytest.raises(InputError, match=f"section {section}: "):
            new_zkey(SYSTEM, bad, tmp_path / "k.zkey")
    assert not (tmp_path / "k.zkey").exists()


def test_a_point_outside_g2_is_refused(tmp_path):
    # on the twist, of another order: x = 3 + 2u
    from zkroll.algebra.curve import G2Points
    from zkroll.prover.ceremony.chacha import _fq2_root, _twist

    x = next((i, 2) for i in range(3, 30) if _fq2_root(_twist((i, 2))) is not None)
    outside = G2Points.from_ints([(x, _fq2_root(_twist(x)))]).to_bytes("iden3")
    data, bad = POWERS.read_bytes(), tmp_path / "bad.ptau"
    old = content(data, 13)
    at = 15 * 128
    bad.write_bytes(with_section(data, 13, old[:at] + outside + old[at + 128 :]))
    with pytest.raises(InputError, match=r"section 13: from point 15 on.*order r"):
        new_zkey(SYSTEM, bad, tmp_path / "k.zkey")


def test_alpha_at_infinity_is_refused(tmp_path):
    data, bad = POWERS.read_bytes(), tmp_path / "bad.ptau"
    bad.write_bytes(with_section(data, 4, bytes(64) + content(data, 4)[64:]))
    with pytest.raises(InputError, match="section 4: expected a point other than infinity"):
        new_zkey(SYSTEM, bad, tmp_path / "k.zkey")


def test_a_key_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        new_zkey(SYSTEM, POWERS, tmp_path / "none" / "k.zkey")
    assert not list(tmp_path.iterdir())


def odd_systems():
    """Repeated wires, coefficients of all sizes, zero coefficients, empty rows, wires that do not occur, a heavy wire."""
    edges = [0, 1, R - 1, 2, R - 2, 17, 1 << 20, 1 << 40, 1 << 130, (R - 1) // 2]
    yield "no constraints", system([], 1)
    yield "public only", system([({1: 1}, {0: 1}, {2: 1})], 4, 2, 1)
    rows = [([(1, c), (1, c), (2, 1)], [(0, c), (3, 7)], [(4, c), (0, 5)]) for c in edges]
    yield "edges", system([*rows, ({}, {}, {}), ({0: 1}, {}, {5: 3})], 9, 1, 2)


@pytest.mark.oracle
@needs_packages
def test_keys_of_odd_systems_have_the_bytes_of_snarkjs(tmp_path):
    for name, made in odd_systems():
        write_r1cs(made, tmp_path / "c.r1cs")
        done = snarkjs("zkey", "new", tmp_path / "c.r1cs", POWERS, tmp_path / "theirs.zkey")
        assert done.returncode == 0, done.stdout
        new_zkey(tmp_path / "c.r1cs", POWERS, tmp_path / "ours.zkey")
        assert (tmp_path / "ours.zkey").read_bytes() == (tmp_path / "theirs.zkey").read_bytes(), name


@pytest.mark.slow
@pytest.mark.oracle
@needs_packages
@pytest.mark.parametrize("power", [15, 16])
def test_a_domain_of_many_chunks_has_the_hash_of_snarkjs(power, tmp_path):
    """The domain is 2^15, all the powers' reach or half of it."""
    phase1.new(tmp_path / "0.ptau", power)
    phase1.beacon(tmp_path / "0.ptau", tmp_path / "1.ptau", b"seed", 10)
    prepare(tmp_path / "1.ptau", tmp_path / "p.ptau")
    made, _ = chain((1 << 15) - 3)
    write_r1cs(made, tmp_path / "c.r1cs")
    done = snarkjs("zkey", "new", tmp_path / "c.r1cs", tmp_path / "p.ptau", tmp_path / "theirs.zkey")
    assert done.returncode == 0, done.stdout
    new_zkey(tmp_path / "c.r1cs", tmp_path / "p.ptau", tmp_path / "ours.zkey")
    assert (tmp_path / "ours.zkey").read_bytes() == (tmp_path / "theirs.zkey").read_bytes()


def test_the_coefficients_are_those_of_the_circuit_constraint_by_constraint():
    made = read_r1cs(SYSTEM)
    rows = initial_key(made, open_prepared(POWERS)).coefficients
    order = np.lexsort((rows["matrix"], rows["constraint"]))
    assert (order == np.arange(len(rows))).all()
    assert (
        rows["constraint"][-made.n_public - 1 :] == made.n_constraints + np.arange(made.n_public + 1)
    ).all()
