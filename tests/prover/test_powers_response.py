"""Challenges and responses: what other programs contribute, read as snarkjs reads it, and refused when it is damaged."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest
from support.groups import outside
from support.powers import IMPORTED, POWERS_3, PREPARED, RESPONSE, cut, point_at, with_point, with_records
from support.section_files import patched

from zkroll.algebra.blake2b import Blake2b
from zkroll.algebra.curve import G1Points, G2Points
from zkroll.algebra.ptau import TAU_G1, open_ptau
from zkroll.errors import InputError, VerificationError
from zkroll.prover.ceremony import keypair, powers_response
from zkroll.prover.ceremony.powers import new
from zkroll.prover.ceremony.powers_check import verify
from zkroll.prover.ceremony.powers_response import export_challenge, import_response

DATA, SAID = POWERS_3.read_bytes(), RESPONSE.read_bytes()
PLACES = {"tauG1": 64, "tauG2": 544, "alphaTauG1": 1056, "betaTauG1": 1312, "betaG2": 1568}
PROOFS = 1632
CHALLENGES = cache(keypair.digest_challenge)


@pytest.fixture(autouse=True)
def remembered_challenges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Multiply each point that a digest gives by the cofactor only once in all tests: that takes a while."""
    monkeypatch.setattr(keypair, "digest_challenge", CHALLENGES)


def refused(
    said: bytes, tmp_path: Path, match: str, kind: type[Exception] = InputError, source: Path = POWERS_3
) -> None:
    (tmp_path / "response").write_bytes(said)
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(kind, match=match) as caught:
        import_response(source, tmp_path / "response", tmp_path / "1.ptau")
    assert "\n" not in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == before


def test_a_response_becomes_the_file_that_snarkjs_makes_of_it(tmp_path: Path) -> None:
    made = import_response(POWERS_3, RESPONSE, tmp_path / "1.ptau", name="imported")
    assert (tmp_path / "1.ptau").read_bytes() == IMPORTED.read_bytes()
    checked = verify(tmp_path / "1.ptau")
    assert checked.contributions[-1].response_hash == made.response_hash == Blake2b(SAID).digest()


@pytest.mark.parametrize(("chunk", "read"), [(1, 1 << 24), (3, 512), (1 << 16, 256)])
def test_pieces_of_any_size_give_the_same_points(
    chunk: int, read: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(powers_response, "_CHUNK", chunk)
    monkeypatch.setattr(powers_response, "_READ_BYTES", read)
    made = import_response(POWERS_3, RESPONSE, tmp_path / "1.ptau", name="imported")
    assert made.contribution.next_challenge == open_ptau(IMPORTED).contributions[-1].next_challenge
    assert export_challenge(IMPORTED, tmp_path / "challenge") == made.contribution.next_challenge


@pytest.mark.parametrize("source", [POWERS_3, PREPARED, IMPORTED], ids=lambda path: path.name)
def test_a_challenge_hashes_to_what_the_last_contribution_says(source: Path, tmp_path: Path) -> None:
    challenge = export_challenge(source, tmp_path / "challenge")
    written = (tmp_path / "challenge").read_bytes()
    assert len(written) == 384 * 8 + 128
    assert Blake2b(written).digest() == challenge == open_ptau(source).contributions[-1].next_challenge
    assert G1Points.from_bytes(written[64 : 64 + 64 * 15]).to_ints() == (
        open_ptau(source).points(G1Points, TAU_G1).to_ints()
    )


def test_the_first_challenge_follows_the_hash_of_nothing(tmp_path: Path) -> None:
    first = new(tmp_path / "0.ptau", 2)
    assert export_challenge(tmp_path / "0.ptau", tmp_path / "challenge") == first
    assert (tmp_path / "challenge").read_bytes()[:64] == Blake2b().digest()


def test_points_that_are_not_those_of_the_last_contribution_are_not_exported(tmp_path: Path) -> None:
    bad, target = tmp_path / "bad.ptau", tmp_path / "challenge"
    bad.write_bytes(with_point(DATA, TAU_G1, 3, point_at(DATA, TAU_G1, 4)))
    with pytest.raises(VerificationError, match="whose hash is the challenge"):
        export_challenge(bad, target)
    bad.write_bytes(with_point(DATA, TAU_G1, 3, b"\377" * 64))
    with pytest.raises(InputError, match="section 2"):
        export_challenge(bad, target)
    bad.write_bytes(cut(DATA, 2))
    with pytest.raises(InputError, match="cut from"):
        export_challenge(bad, target)
    assert os.listdir(tmp_path) == ["bad.ptau"]


@pytest.mark.parametrize(
    "size", sorted({at + d for at in (0, 64, *PLACES.values(), PROOFS, 2016) for d in (-1, 0, 1)} - {-1})
)
def test_a_response_of_another_length_is_refused(size: int, tmp_path: Path) -> None:
    refused(SAID[:size], tmp_path, f"expected a response of 2400 bytes for 2\\^3 powers, got {size} bytes")
    refused(SAID + SAID[:size] if size else SAID + b"\0", tmp_path, "expected a response of 2400 bytes")


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path, tmp_path / "missing", Path("a\0b")):
        with pytest.raises(InputError):
            import_response(POWERS_3, path, tmp_path / "1.ptau")


def test_a_response_to_another_challenge_is_refused(tmp_path: Path) -> None:
    refused(b"\0" + SAID[1:], tmp_path, "a response to the challenge", VerificationError)
    refused(SAID, tmp_path, "a response to the challenge", VerificationError, IMPORTED)
    (tmp_path / "none.ptau").write_bytes(with_records(DATA, []))
    refused(SAID, tmp_path, "a response to the challenge", VerificationError, tmp_path / "none.ptau")


@pytest.mark.parametrize("name", list(PLACES))
def test_damaged_points_are_refused_where_they_stand(name: str, tmp_path: Path) -> None:
    at = PLACES[name]
    size = 64 if name.endswith("G2") else 32
    place = f"response: {name}: from point 0 on"
    flags = SAID[at] & 0xC0
    refused(patched(SAID, at, bytes([SAID[at] | 0xC0])), tmp_path, f"{place}: point 0: expected one flag")
    refused(patched(SAID, at, bytes([SAID[at] & 0x3F | 0x40])), tmp_path, f"{place}.*zeros after the flags")
    above = bytes([flags | 0x3F]) + b"\377" * (size - 1)
    refused(patched(SAID, at, above), tmp_path, f"{place}.*below q")
    if size == 64:
        x = G2Points.from_ints(outside(1)).to_bytes("compressed")
        refused(patched(SAID, at, bytes([x[0] & 0x3F]) + x[1:]), tmp_path, f"{place}.*of order r")


def test_every_point_that_the_record_keeps_is_bound_by_the_proofs(tmp_path: Path) -> None:
    kept = {"tauG1": 96, "tauG2": 608, "alphaTauG1": 1056, "betaTauG1": 1312, "betaG2": 1568}
    for at in kept.values():
        turned = patched(SAID, at, bytes([SAID[at] ^ 0x80]))  # the opposite point
        refused(turned, tmp_path, "contribution 2: expected .* times its secret", VerificationError)


@pytest.mark.parametrize("number", range(9))
def test_proofs_that_do_not_hold_are_refused(number: int, tmp_path: Path) -> None:
    at = PROOFS + 64 * number if number < 6 else PROOFS + 384 + 128 * (number - 6)
    size = 64 if number < 6 else 128
    refused(patched(SAID, at, bytes(size)), tmp_path, "expected a proof that its", VerificationError)
    refused(patched(SAID, at + 31, bytes([SAID[at + 31] ^ 1])), tmp_path, "proofs of the secrets")


def test_an_interrupted_import_leaves_nothing(tmp_path: Path) -> None:
    def stop(stage: str, _fraction: float, _detail: str) -> None:
        if stage == "hashing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_response(POWERS_3, RESPONSE, tmp_path / "1.ptau", progress=stop)
    assert os.listdir(tmp_path) == []
