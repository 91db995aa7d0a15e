"""Powers of tau: begun, contributed to, closed with a beacon and prepared, byte for byte as by snarkjs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.groups import GROUPS, outside
from support.powers import (
    BEACON_NAME,
    EXPONENT,
    POWERS_3,
    PREPARED,
    SEED,
    cut,
    point_at,
    point_sections,
    row_bytes,
    with_octets,
    with_point,
)
from support.section_files import content, with_section

from zkroll.algebra import group_ntt
from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.curve import GENERATOR, GENERATOR_G2, G1Points, G2Points
from zkroll.algebra.ptau import (
    ALPHA_TAU_G1,
    BETA_G2,
    BETA_TAU_G1,
    LAGRANGE,
    POWERS,
    TAU_G1,
    TAU_G2,
    open_ptau,
)
from zkroll.errors import InputError
from zkroll.prover.ceremony import powers, powers_prepare
from zkroll.prover.ceremony.chacha import ChaCha
from zkroll.prover.ceremony.powers import beacon, contribute, contribute_with, first_challenge, new
from zkroll.prover.ceremony.powers_check import verify
from zkroll.prover.ceremony.powers_prepare import prepare

DATA = POWERS_3.read_bytes()


@pytest.fixture
def started(tmp_path: Path) -> Path:
    """A file of 2^2 powers that nobody contributed to."""
    new(tmp_path / "0.ptau", 2)
    return tmp_path / "0.ptau"


def test_a_new_file_has_generators_everywhere(started: Path) -> None:
    file = open_ptau(started)
    for section, count in ((TAU_G1, 7), (ALPHA_TAU_G1, 4), (BETA_TAU_G1, 4)):
        assert file.points(G1Points, section).to_ints() == [GENERATOR] * count
    assert file.points(G2Points, TAU_G2).to_ints() == [GENERATOR_G2] * 4
    assert file.points(G2Points, BETA_G2).to_ints() == [GENERATOR_G2]
    assert file.contributions == []
    assert (file.power, file.ceremony_power, file.is_prepared) == (2, 2, False)


@pytest.mark.parametrize("power", [-1, 0, 29, 10**9])
def test_powers_out_of_range_are_refused(power: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="power of 1 to 28"):
        new(tmp_path / "0.ptau", power)
    assert os.listdir(tmp_path) == []


def test_a_beacon_and_lagrange_bases_have_the_bytes_of_snarkjs(tmp_path: Path) -> None:
    beacon(POWERS_3, tmp_path / "b.ptau", SEED, EXPONENT, name=BEACON_NAME)
    assert prepare(tmp_path / "b.ptau", tmp_path / "p.ptau") == 3
    assert (tmp_path / "p.ptau").read_bytes() == PREPARED.read_bytes()


def test_secrets_are_multiplied_into_every_power(started: Path, tmp_path: Path) -> None:
    seed = range(8)
    rng = ChaCha(list(seed))
    tau, alpha, beta = rng.fr(), rng.fr(), rng.fr()
    contribute_with(ChaCha(list(seed)), started, tmp_path / "1.ptau")
    contribute_with(ChaCha(list(seed)), tmp_path / "1.ptau", tmp_path / "2.ptau")
    file = open_ptau(tmp_path / "2.ptau")
    tau, alpha, beta = tau * tau, alpha * alpha, beta * beta
    for section, first, count in ((TAU_G1, 1, 7), (ALPHA_TAU_G1, alpha, 4), (BETA_TAU_G1, beta, 4)):
        expected = [GROUPS["g1"].multiple(first * pow(tau, i, R)) for i in range(count)]
        assert file.points(G1Points, section).to_ints() == expected
    for section, first, count in ((TAU_G2, 1, 4), (BETA_G2, beta, 1)):
        expected = [GROUPS["g2"].multiple(first * pow(tau, i, R)) for i in range(count)]
        assert file.points(G2Points, section).to_ints() == expected


def test_contributions_are_fresh_and_their_hashes_are_told(started: Path, tmp_path: Path) -> None:
    made = [contribute(started, tmp_path / f"{i}.ptau", name="me", entropy="the same") for i in (1, 2)]
    assert (tmp_path / "1.ptau").read_bytes() != (tmp_path / "2.ptau").read_bytes()
    assert made[0].response_hash != made[1].response_hash
    last = contribute(tmp_path / "1.ptau", tmp_path / "3.ptau")
    checked = verify(tmp_path / "3.ptau")
    assert [one.response_hash for one in checked.contributions] == [made[0].response_hash, last.response_hash]
    assert checked.next_challenge == last.contribution.next_challenge
    assert [one.contribution.name for one in checked.contributions] == ["me", ""]


@pytest.mark.parametrize("chunk", [1, 3, 8])
def test_chunks_of_any_size_give_the_same_points(
    chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(powers, "_CHUNK", chunk)
    monkeypatch.setattr(powers_prepare, "_CHUNK", chunk)
    beacon(POWERS_3, tmp_path / "b.ptau", SEED, EXPONENT, name=BEACON_NAME)
    prepare(tmp_path / "b.ptau", tmp_path / "p.ptau")
    ours, theirs = (tmp_path / "p.ptau").read_bytes(), PREPARED.read_bytes()
    assert [content(ours, n) for n in point_sections(ours)] == [
        content(theirs, n) for n in point_sections(ours)
    ]
    assert open_ptau(tmp_path / "p.ptau").contributions[1].next_challenge == (
        open_ptau(PREPARED).contributions[1].next_challenge
    )


def test_the_first_challenge_is_that_of_all_generators(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = first_challenge(5)
    monkeypatch.setattr(powers, "_REPEATED", 384)
    assert first_challenge(5) == whole
    assert first_challenge(4) != whole


def test_a_contribution_leaves_lagrange_bases_out(tmp_path: Path) -> None:
    contribute(PREPARED, tmp_path / "1.ptau")
    assert not open_ptau(tmp_path / "1.ptau").is_prepared
    assert len(verify(tmp_path / "1.ptau").contributions) == 3


def test_input_may_be_replaced_by_output(started: Path) -> None:
    contribute(started, started)
    prepare(started, started)
    assert verify(started).is_prepared


def test_a_cut_file_is_prepared_but_not_contributed_to(tmp_path: Path) -> None:
    path = tmp_path / "cut.ptau"
    path.write_bytes(cut(DATA, 2))
    with pytest.raises(InputError, match=r"cut from 2\^3 to 2\^2"):
        contribute(path, tmp_path / "1.ptau")
    with pytest.raises(InputError, match="cut from"):
        beacon(path, tmp_path / "1.ptau", SEED, EXPONENT)
    prepare(path, tmp_path / "p.ptau")
    checked = verify(tmp_path / "p.ptau")
    assert (checked.power, checked.ceremony_power, checked.is_prepared) == (2, 3, True)


def test_powers_whose_last_domain_has_no_root_of_unity_are_not_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_ntt, "MAX_LOG", 3)
    with pytest.raises(InputError, match="power of at most 2"):
        prepare(POWERS_3, tmp_path / "p.ptau")


def _unusable() -> dict[str, bytes]:
    """Files with points that are not of the groups, in each section."""
    out = {}
    for section in POWERS:
        name = "g1" if row_bytes(section) == 64 else "g2"
        point = point_at(DATA, section, 0)
        out[f"{section} off the curve"] = with_point(DATA, section, 0, bytes([point[0] ^ 1]) + point[1:])
        out[f"{section} not below q"] = with_point(DATA, section, 0, b"\377" * len(point))
        if name == "g2":
            foreign = G2Points.from_ints(outside(1)).to_bytes("iden3")
            out[f"{section} outside the group"] = with_point(DATA, section, 0, foreign)
    return out


@pytest.mark.parametrize("name", list(_unusable()))
@pytest.mark.parametrize("verb", ["contribute", "prepare"])
def test_points_that_are_not_of_the_groups_take_no_secret(name: str, verb: str, tmp_path: Path) -> None:
    path, target = tmp_path / "bad.ptau", tmp_path / "1.ptau"
    path.write_bytes(_unusable()[name])
    section = int(name.split(maxsplit=1)[0])
    if verb == "prepare" and section not in LAGRANGE:
        prepare(path, target)  # it is only copied
        return
    with pytest.raises(InputError, match=f"section {section}: from point 0 on"):
        contribute(path, target) if verb == "contribute" else prepare(path, target)
    assert os.listdir(tmp_path) == ["bad.ptau"]


@pytest.mark.parametrize(("seed", "exponent"), [(b"", 10), (bytes(256), 10), (SEED, 9), (SEED, 64)])
def test_beacons_that_snarkjs_refuses_are_refused(seed: bytes, exponent: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="beacon: expected"):
        beacon(POWERS_3, tmp_path / "b.ptau", seed, exponent)
    assert os.listdir(tmp_path) == []


def test_a_bad_file_is_refused_before_the_beacon_is_computed(tmp_path: Path) -> None:
    (tmp_path / "bad.ptau").write_bytes(with_section(DATA, 3, b""))
    with pytest.raises(InputError, match="section 3"):
        beacon(tmp_path / "bad.ptau", tmp_path / "b.ptau", SEED, 63)


@pytest.mark.parametrize("stage", ["tauG1", "tauG2", "hashing", "betaG2"])
def test_an_interrupted_contribution_leaves_nothing(stage: str, started: Path, tmp_path: Path) -> None:
    def stop(at: str, _fraction: float, _detail: str) -> None:
        if at == stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        contribute(started, tmp_path / "1.ptau", progress=stop)
    assert os.listdir(tmp_path) == [started.name]


@pytest.mark.parametrize("stage", ["tauG1", "tauG2", "betaTauG1"])
def test_an_interrupted_preparation_leaves_nothing(stage: str, tmp_path: Path) -> None:
    def stop(at: str, fraction: float, _detail: str) -> None:
        if at == stage and fraction > 0.2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(POWERS_3, tmp_path / "p.ptau", progress=stop)
    assert os.listdir(tmp_path) == []


def test_progress_never_goes_back_and_ends_at_one(started: Path, tmp_path: Path) -> None:
    heard: list[list[float]] = [[] for _ in range(5)]

    def listen(at: int):
        return lambda _stage, fraction, _detail: heard[at].append(fraction)

    new(tmp_path / "n.ptau", 3, progress=listen(0))
    contribute(started, tmp_path / "1.ptau", progress=listen(1))
    beacon(tmp_path / "1.ptau", tmp_path / "2.ptau", SEED, 10, progress=listen(2))
    prepare(tmp_path / "2.ptau", tmp_path / "3.ptau", progress=listen(3))
    verify(tmp_path / "3.ptau", progress=listen(4))
    for fractions in heard:
        assert fractions == sorted(fractions)
        assert fractions[0] >= 0
        assert fractions[-1] == 1.0
        assert len(fractions) > 4


def test_a_contribution_with_a_state_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.ptau").write_bytes(with_octets(DATA, 7, 4 + 1216 + 192, b"\1"))
    with pytest.raises(InputError, match="state"):
        powers.response_of(open_ptau(tmp_path / "bad.ptau").contributions[0])
