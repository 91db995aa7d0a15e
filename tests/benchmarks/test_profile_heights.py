"""The batches that the heights of profiles are chosen by fit them, and prove in them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from zkroll.circuits.air.check import check
from zkroll.circuits.profiles import misfits, profile
from zkroll.rollup.prove import execute, fill, public_tuples

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import profile_heights as bench


@pytest.mark.parametrize(("name", "make"), [("small", bench.demo_batch), ("medium", bench.full_batch)])
def test_the_measured_batch_fits_its_profile(name, make):
    assert misfits(name, fill(execute(make())[1])) == []


@pytest.mark.slow
@pytest.mark.parametrize(("name", "make"), [("small", bench.demo_batch), ("medium", bench.full_batch)])
def test_the_measured_batch_breaks_nothing_in_its_profile(name, make):
    trace = execute(make())[1]
    traces = fill(trace, profile=name)
    assert {chip: found.height for chip, found in traces.items()} == dict(profile(name))
    assert check(traces, public_tuples(trace.public_values())) == []


def test_the_measurement_prints_every_chip(capsys, monkeypatch):
    monkeypatch.setattr(bench, "rows_of", lambda _batch: {"cpu": 9000})
    bench.main()
    lines = capsys.readouterr().out.splitlines()
    cpu = next(line for line in lines if line.startswith("cpu "))
    assert cpu.count("!") == 2
    assert lines[-3].startswith("small: 1,")
