"""Keys of the wrap circuit: made, kept in files beside their descriptions, and refused when stale."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.powers import POWERS_3, PREPARED
from support.toy import machine
from support.wrapped import HEIGHTS, PUBLICS, inner_key, inner_proof, target, values, wrap_key

from zkroll.algebra.kzg import development_srs
from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.layout import Machine
from zkroll.circuits.air.witness import FillContext
from zkroll.circuits.r1cs.builder import Builder, compile_circuit
from zkroll.circuits.r1cs.circuit import Circuit
from zkroll.circuits.r1cs.formats.r1cs import read_r1cs
from zkroll.circuits.r1cs.formats.zkey import read_zkey
from zkroll.errors import InputError
from zkroll.prover.ceremony.zkey_check import verify_zkey
from zkroll.prover.ceremony.zkey_contribute import contribute_zkey
from zkroll.prover.groth16 import prove_zk
from zkroll.prover.keys import make_proving_key
from zkroll.prover.wrap.description import WrapDescription, digest_text
from zkroll.prover.wrap.key import (
    description_path,
    insecure_wrap_key,
    new_wrap_key,
    open_verifying_key,
    open_wrap_key,
    program_path,
)
from zkroll.prover.wrap.prove import prove_wrap
from zkroll.prover.wrap.target import WrapTarget
from zkroll.verifier.wrap import verify_wrap


class Tiny(WrapTarget):
    """A target whose circuit is small enough for any powers: digest = x^4, x not 0."""

    def circuit(self) -> Circuit:
        def define(c: Builder) -> None:
            digest, x = c.public_input("digest"), c.private_input("x")
            square = x * x
            c.constrain(square, square, digest, "fourth power")

        return compile_circuit(define)


class Larger(Tiny):
    """The same with more constraints than the prepared powers have room for."""

    def circuit(self) -> Circuit:
        def define(c: Builder) -> None:
            power = c.private_input("x")
            for _ in range(10):
                power = power * power
            c.assert_equal(power, c.public_input("digest"))

        return compile_circuit(define)


LARGER = Larger("toy", inner_key().vk, HEIGHTS, PUBLICS)


def tiny(**changes: Any) -> Tiny:
    fields = {"profile": "toy", "inner": inner_key().vk, "heights": HEIGHTS, "publics": PUBLICS, "chunks": 1}
    return Tiny(**(fields | changes))


def ceremony(folder: Path) -> Path:
    """A key made from powers of tau with one contribution."""
    new_wrap_key(tiny(), PREPARED, folder / "first.zkey", r1cs=folder / "circuit.r1cs")
    contribute_zkey(folder / "first.zkey", folder / "key.zkey", entropy="tests")
    description_path(folder / "key.zkey").write_bytes(description_path(folder / "first.zkey").read_bytes())
    return folder / "key.zkey"


def refused(match: str, path: Path, goal: WrapTarget | None = None) -> None:
    for read in (open_wrap_key, open_verifying_key):
        with pytest.raises(InputError, match=match):
            read(path, goal or tiny())


def test_a_key_from_a_ceremony_proves_and_is_not_called_insecure(tmp_path: Path) -> None:
    path = ceremony(tmp_path)
    key = open_wrap_key(path, tiny())
    assert not key.description.insecure
    assert key.description.circuit_hash == read_zkey(path).ceremony.circuit_hash.hex()
    assert open_verifying_key(path, tiny()) == key.vk
    _, public = prove_zk(key.groth16, key.program.run({"digest": 81, "x": 3}))
    assert public == [81]


def test_its_constraints_are_those_that_the_ceremony_verifies(tmp_path: Path) -> None:
    path = ceremony(tmp_path)
    assert read_r1cs(tmp_path / "circuit.r1cs").n_constraints == tiny().circuit().r1cs.n_constraints
    verify_zkey(tmp_path / "circuit.r1cs", PREPARED, path)


def test_making_a_key_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.zkey", "b.zkey"):
        new_wrap_key(tiny(), PREPARED, tmp_path / name)
    assert (tmp_path / "a.zkey").read_bytes() == (tmp_path / "b.zkey").read_bytes()


def test_a_key_that_nobody_contributed_to_is_refused(tmp_path: Path) -> None:
    new_wrap_key(tiny(), PREPARED, tmp_path / "first.zkey")
    refused("nobody contributed", tmp_path / "first.zkey")


def test_a_key_of_another_machine_is_refused_by_name(tmp_path: Path) -> None:
    class Other(Chip):
        name = "other"

        def define(self, b: AirBuilder) -> None:
            b.bit("x")

        def fill(self, ctx: FillContext) -> None:
            return None

    path = ceremony(tmp_path)
    changed = make_proving_key(Machine("toy", [*machine().chips, Other()]), development_srs(512)).vk
    refused(
        rf"wrap key of profile toy: made for machine {digest_text(inner_key().vk.digest)[:18]}…, "
        rf"this is {digest_text(changed.digest)[:18]}…; run zkroll setup wrap",
        path,
        tiny(inner=changed),
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"chunks": 2}, "expected a key for 2 chunks, got one for 1"),
        ({"profile": "medium"}, "wrap key of profile toy: expected a key of profile medium"),
        (
            {"heights": HEIGHTS | {"power": 64}},
            "made for 32 rows of chip power, the profile has 64; run zkroll setup",
        ),
        ({"heights": {"table": 16}}, "made for 2 chips, the machine has 1"),
    ],
    ids=["chunks", "profile", "height", "chips"],
)
def test_a_key_for_something_else_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    refused(message, ceremony(tmp_path), tiny(**changes))


def test_a_key_without_its_description_is_refused(tmp_path: Path) -> None:
    path = ceremony(tmp_path)
    description_path(path).unlink()
    refused("missing: expected the description of the wrap key", path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d | {"kind": "x"}, "expected the description of a wrap key"),
        (lambda d: d | {"more": 1}, "expected the members"),
        (lambda d: {k: v for k, v in d.items() if k != "wires"}, "expected the members"),
        (lambda d: d | {"chunks": True}, "chunks: expected int, got True"),
        (lambda d: d | {"insecure": 0}, "insecure: expected bool"),
        (lambda d: d | {"heights": []}, "heights: expected dict"),
        (lambda d: d | {"circuit_hash": "00"}, "of another circuit than"),
        (lambda d: d | {"wires": 7}, "expected 7 wires"),
        (lambda _: [], "expected the description of a wrap key"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(
    tmp_path: Path, change: Callable[[Any], Any], message: str
) -> None:
    path = ceremony(tmp_path)
    document = json.loads(description_path(path).read_text())
    description_path(path).write_text(json.dumps(change(document)))
    refused(message, path)


@pytest.mark.parametrize("text", ["", "{", "[" * 60_000, '{"kind": NaN'])
def test_a_description_that_is_no_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "d.json").write_text(text)
    with pytest.raises(InputError, match=r"d\.json: not the description of a wrap key"):
        WrapDescription.load(tmp_path / "d.json")


def test_a_missing_or_damaged_program_is_made_again(tmp_path: Path) -> None:
    path = ceremony(tmp_path)
    assert not program_path(path).exists()
    other = insecure_wrap_key(tiny(profile="other"), tmp_path / "other.zkey")
    assert other.program.note != open_wrap_key(path, tiny()).program.note
    for content in (None, b"", b"PK", program_path(tmp_path / "other.zkey").read_bytes()):
        if content is None:
            program_path(path).unlink()
        else:
            program_path(path).write_bytes(content)
        key = open_wrap_key(path, tiny())
        assert prove_zk(key.groth16, key.program.run({"digest": 16, "x": 2}))[1] == [16]
        assert dict(open_wrap_key(path, tiny()).program.note)["profile"] == "toy"


def test_another_circuit_than_the_described_one_is_refused_when_its_program_is_made(tmp_path: Path) -> None:
    path = ceremony(tmp_path)
    program_path(path).unlink(missing_ok=True)
    with pytest.raises(InputError, match="made for a circuit of 2 constraints, this is one of"):
        open_wrap_key(path, LARGER)


def test_development_keys_are_the_same_each_time_and_always_called_insecure(tmp_path: Path) -> None:
    made = [insecure_wrap_key(tiny(), tmp_path / f"{name}.zkey") for name in "ab"]
    assert made[0].groth16.vk == made[1].groth16.vk == insecure_wrap_key(tiny()).groth16.vk
    assert (tmp_path / "a.zkey").read_bytes() == (tmp_path / "b.zkey").read_bytes()
    assert made[0].vk.insecure
    place = description_path(tmp_path / "a.zkey")
    place.write_text(place.read_text().replace('"insecure": true', '"insecure": false'))
    opened = open_wrap_key(tmp_path / "a.zkey", tiny())
    assert opened.description.insecure
    assert replace(opened.vk, insecure=True) == made[0].vk


def test_keys_with_an_insecure_reference_string_are_insecure(tmp_path: Path) -> None:
    key = open_wrap_key(ceremony(tmp_path), tiny())
    assert inner_key().vk.insecure
    assert key.vk.insecure


@pytest.mark.parametrize("name", ["key", "key.json", "none/key.zkey"])
def test_places_where_a_key_cannot_be_written_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"ends in \.zkey|cannot be written"):
        insecure_wrap_key(tiny(), tmp_path / name)
    with pytest.raises(InputError, match=r"ends in \.zkey|cannot be written"):
        new_wrap_key(tiny(), PREPARED, tmp_path / name)


def test_powers_that_are_too_few_or_not_prepared_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected powers of tau of power"):
        new_wrap_key(LARGER, PREPARED, tmp_path / "k.zkey")
    with pytest.raises(InputError, match="not prepared for phase 2"):
        new_wrap_key(tiny(), POWERS_3, tmp_path / "k.zkey")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_key_from_files_wraps_what_the_one_in_memory_wraps(tmp_path: Path) -> None:
    goal = target()
    insecure_wrap_key(goal, tmp_path / "toy.zkey")
    key = open_wrap_key(tmp_path / "toy.zkey", goal)
    assert key.vk == wrap_key().vk
    proof = prove_wrap(key, [(inner_proof(), values())])
    verify_wrap(wrap_key().vk, [values()], proof.to_bytes())
