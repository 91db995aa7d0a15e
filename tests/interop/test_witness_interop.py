"""Witnesses of circomlib's circuits are the same on both sides, and say what the algebra here says."""

from __future__ import annotations

from pathlib import Path

import pytest
from interop.cases import CASES
from interop.workshop import HERE, SIDES, THERE, Workshop
from support.npm import needs_packages

from zkroll.circuits.r1cs.formats.wtns import read_wtns, write_wtns

pytestmark = [pytest.mark.oracle, needs_packages]


@pytest.mark.parametrize("name", CASES)
def test_both_sides_calculate_the_same_witness(workshop: Workshop, tmp_path: Path, name: str) -> None:
    case = CASES[name]()
    calculator, inputs = workshop.calculator(name), workshop.inputs(name, case.inputs)
    files = [tmp_path / f"{side.name}.wtns" for side in SIDES]
    for side, file in zip(SIDES, files, strict=True):
        assert side.calculate(calculator, inputs, file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert read_wtns(files[0]).to_ints()[1 : 1 + len(case.public)] == case.public
    assert all(side.accepts_witness(workshop.constraints(name), files[0]) for side in SIDES)


@pytest.mark.parametrize("name", ["eddsa", "smt", "sha256", "merkle"])
def test_inputs_that_do_not_satisfy_a_circuit_give_no_witness(
    workshop: Workshop, tmp_path: Path, name: str
) -> None:
    refused = workshop.inputs(f"{name}.refused", CASES[name]().refused)
    for side in SIDES:
        out = tmp_path / f"{side.name}.wtns"
        assert not side.calculate(workshop.calculator(name), refused, out)
    assert not (tmp_path / f"{HERE.name}.wtns").exists()


def test_a_changed_witness_is_refused_by_both_sides(workshop: Workshop, tmp_path: Path) -> None:
    case = CASES["merkle"]()
    assert THERE.calculate(
        workshop.calculator("merkle"), workshop.inputs("merkle", case.inputs), tmp_path / "w"
    )
    values = read_wtns(tmp_path / "w")
    changed = values.to_ints()
    changed[-1] += 1
    write_wtns(type(values).from_ints(changed), tmp_path / "changed.wtns")
    for side in SIDES:
        assert not side.accepts_witness(workshop.constraints("merkle"), tmp_path / "changed.wtns")
