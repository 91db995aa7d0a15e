"""Proofs that either side makes with keys of either side are accepted by both, for their statement only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from interop.cases import CASES
from interop.keys import KEYS, made_key
from interop.workshop import HERE, SIDES, THERE, Side, Workshop
from support.npm import needs_packages

from zkroll.algebra.constants import R_MODULUS

pytestmark = [pytest.mark.oracle, needs_packages]


def witness(workshop: Workshop, circuit: str) -> Path:
    inputs = workshop.inputs(circuit, CASES[circuit]().inputs)

    def make(out: Path) -> None:
        assert HERE.calculate(workshop.calculator(circuit), inputs, out)

    return workshop.made(f"{circuit}.wtns", make)


@pytest.mark.parametrize("name", KEYS)
def test_a_proof_of_either_side_is_accepted_by_both(workshop: Workshop, tmp_path: Path, name: str) -> None:
    circuit, _, key = made_key(workshop, name)
    expected = [str(value) for value in CASES[circuit]().public]
    HERE.export_key(key, tmp_path / "vk.json")
    for prover in SIDES:
        proof, public = (tmp_path / f"{prover.name}.{part}.json" for part in ("proof", "public"))
        prover.prove(key, witness(workshop, circuit), proof, public)
        assert json.loads(public.read_text()) == expected
        assert all(side.accepts(tmp_path / "vk.json", public, proof) for side in SIDES)


@pytest.fixture
def proved(workshop: Workshop, tmp_path: Path) -> tuple[Path, Path, Path]:
    """A verification key of snarkjs, and public signals and a proof of zkroll."""
    _, _, key = made_key(workshop, "merkle, begun by snarkjs")
    files = tuple(tmp_path / f"{part}.json" for part in ("vk", "public", "proof"))
    THERE.export_key(key, files[0])
    HERE.prove(key, witness(workshop, "merkle"), files[2], files[1])
    return files[0], files[1], files[2]


@pytest.mark.parametrize("side", SIDES, ids=lambda side: side.name)
def test_another_statement_or_proof_is_not_accepted(proved: tuple[Path, Path, Path], side: Side) -> None:
    vk, public, proof = proved
    assert side.accepts(vk, public, proof)
    signals, parts = json.loads(public.read_text()), json.loads(proof.read_text())
    public.write_text(json.dumps([str((int(signals[0]) + 1) % R_MODULUS)]))
    assert not side.accepts(vk, public, proof)
    public.write_text(json.dumps(signals))
    proof.write_text(json.dumps({**parts, "pi_a": parts["pi_c"], "pi_c": parts["pi_a"]}))
    assert not side.accepts(vk, public, proof)


def test_inputs_are_proved_in_one_step_for_snarkjs(workshop: Workshop, tmp_path: Path) -> None:
    circuit, _, key = made_key(workshop, "commitment, all by snarkjs")
    THERE.export_key(key, tmp_path / "vk.json")
    proof, public = tmp_path / "proof.json", tmp_path / "public.json"
    inputs = workshop.inputs(circuit, CASES[circuit]().inputs)
    HERE.do("groth16", "fullprove", inputs, workshop.calculator(circuit), key, proof, public)
    assert THERE.accepts(tmp_path / "vk.json", public, proof)
