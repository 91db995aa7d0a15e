"""What the checker accepts the verifier accepts: a row selector as a multiplicity counts its row once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zkroll.algebra import kzg
from zkroll.circuits.air.check import check
from zkroll.circuits.air.chip import AirBuilder, Bus, Chip
from zkroll.circuits.air.expr import Selector, selector
from zkroll.circuits.air.layout import Machine
from zkroll.circuits.air.witness import FillContext, fill_chips
from zkroll.errors import VerificationError
from zkroll.prover.keys import make_proving_key
from zkroll.prover.prove import prove
from zkroll.verifier.verify import verify

ENDS = Bus("ends", 50, ("index", "value"))


class Chain(Chip):
    """Counts; its first and last number are public."""

    name = "chain"

    def define(self, b: AirBuilder) -> None:
        x = b.column("x")
        b.transition("counts", x.next - x - 1)
        b.receive("first", ENDS, (0, x), selector(Selector.FIRST))
        b.receive("last", ENDS, (1, x), selector(Selector.LAST))

    def fill(self, ctx: FillContext) -> dict[str, Any]:
        return {"x": np.arange(5, 5 + 16)}


def test_first_and_last_row_are_each_counted_once(tmp_path: Path) -> None:
    machine = Machine("chain", [Chain()])
    key = make_proving_key(machine, kzg.development_srs(256, tmp_path / "srs"))
    traces = fill_chips(machine.chips, FillContext(None))
    statement = [(ENDS, (0, 5)), (ENDS, (1, 20))]
    assert check(traces, statement) == []
    proof = prove(key, traces, [5, 20]).to_bytes()
    verify(key.vk, proof, [5, 20], statement)
    with pytest.raises(VerificationError, match="bus balance"):
        verify(key.vk, proof, [5, 20], [(ENDS, (0, 5))] * 16 + [(ENDS, (1, 20))])
