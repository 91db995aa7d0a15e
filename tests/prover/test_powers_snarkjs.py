"""snarkjs accepts powers of tau made here, makes the same bytes where nothing is secret, and its files hold here."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.npm import needs_packages, snarkjs

from zkroll.prover.ceremony.powers import beacon, contribute, new
from zkroll.prover.ceremony.powers_check import verify
from zkroll.prover.ceremony.powers_prepare import prepare
from zkroll.prover.ceremony.powers_response import export_challenge, import_response

pytestmark = [pytest.mark.oracle, needs_packages]

SEED = bytes(range(7, 71))
NAME = "Zoë \N{GRINNING FACE} and a name that goes on beyond the sixty-four characters that are kept"


def there(*arguments: object) -> str:
    """Run a verb of snarkjs's powersoftau that must succeed; gives what it printed."""
    done = snarkjs("powersoftau", *arguments)
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    assert "ERROR" not in done.stdout, f"{arguments}: {done.stdout}"
    return done.stdout


def same(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("power", [1, 2, 5])
def test_both_programs_make_the_same_files(power: int, tmp_path: Path) -> None:
    ours, theirs = [[tmp_path / f"{who}{i}" for i in range(6)] for who in ("ours", "theirs")]
    new(ours[0], power)
    there("new", "bn128", power, theirs[0])
    assert same(ours[0], theirs[0])
    contribute(ours[0], ours[1], name=NAME, entropy="words")
    beacon(ours[1], ours[2], SEED, 11, name=NAME)
    there("beacon", ours[1], theirs[2], SEED.hex(), 11, f"-n={NAME}")
    assert same(ours[2], theirs[2])
    prepare(ours[2], ours[3])
    there("prepare", "phase2", ours[2], theirs[3])
    assert same(ours[3], theirs[3])
    assert "Powers of Tau Ok!" in there("verify", ours[1])
    assert "Powers of Tau Ok!" in there("verify", ours[3])
    verify(theirs[3])


def test_contributions_alternate_between_the_programs(tmp_path: Path) -> None:
    files = [tmp_path / str(i) for i in range(5)]
    there("new", "bn128", 4, files[0])
    contribute(files[0], files[1], name="here")
    there("contribute", files[1], files[2], "--name=there", "-e=words")
    contribute(files[2], files[3], name="here")
    there("contribute", files[3], files[4], "-e=words")
    names = [one.contribution.name for one in verify(files[4]).contributions]
    assert names == ["here", "there", "here", ""]
    assert "Powers of Tau Ok!" in there("verify", files[4])


def test_responses_of_other_programs_are_imported_alike(tmp_path: Path) -> None:
    new(tmp_path / "0", 3)
    contribute(tmp_path / "0", tmp_path / "1")
    for number in (0, 1):
        source = tmp_path / str(number)
        export_challenge(source, tmp_path / "ours")
        there("export", "challenge", source, tmp_path / "theirs")
        assert same(tmp_path / "ours", tmp_path / "theirs")
        there("challenge", "contribute", "bn128", tmp_path / "ours", tmp_path / "response", "-e=words")
        import_response(source, tmp_path / "response", tmp_path / "a", name=NAME)
        there("import", "response", source, tmp_path / "response", tmp_path / "b", f"-n={NAME}")
        assert same(tmp_path / "a", tmp_path / "b")
        assert len(verify(tmp_path / "a").contributions) == number + 1


def test_a_cut_file_of_snarkjs_is_prepared_so_that_both_accept_it(tmp_path: Path) -> None:
    new(tmp_path / "0", 3)
    contribute(tmp_path / "0", tmp_path / "1")
    prepare(tmp_path / "1", tmp_path / "c.ptau")
    there("truncate", tmp_path / "c.ptau")
    assert sorted(path.name for path in tmp_path.glob("c_*.ptau")) == ["c_01.ptau", "c_02.ptau"]
    for path in tmp_path.glob("c_*.ptau"):
        checked = verify(path)
        assert (checked.ceremony_power, checked.is_prepared) == (3, True)
        prepare(path, tmp_path / "p")
        assert verify(tmp_path / "p").is_prepared
        assert "Powers of Tau Ok!" in there("verify", tmp_path / "p")
