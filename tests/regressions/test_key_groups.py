"""The commitments of the key open the same columns whatever heights a prover picks for other chips."""

from __future__ import annotations

import pytest

from zkroll.circuits.air.expr import Stage
from zkroll.circuits.machine import batch_machine
from zkroll.verifier.packing import CommitStage, preprocessed_groups
from zkroll.verifier.shape import proof_shape

CAPACITY = 1 << 20


@pytest.mark.parametrize("log_height", [3, 16, 17, 18, 19])
def test_groups_of_the_key_do_not_depend_on_the_heights_of_other_chips(log_height: int) -> None:
    machine = batch_machine()
    heights = {layout.name: layout.air.fixed_height or 1 << log_height for layout in machine.layouts}
    in_the_key = preprocessed_groups(machine.layouts, CAPACITY)
    assert proof_shape(machine, heights, CAPACITY).groups[CommitStage.PREPROCESSED] == in_the_key
    slots = [(slot.chip, slot.index) for group in in_the_key for slot in group.slots]
    widths = {layout.name: layout.widths[Stage.PREPROCESSED] for layout in machine.layouts}
    assert sorted(slots) == sorted((name, i) for name, width in widths.items() for i in range(width))
