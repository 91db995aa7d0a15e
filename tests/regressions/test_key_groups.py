"""The commitments of the key open the same columns whatever heights a prover picks for other chips."""

from __future__ import annotations

import pytest

from zkroll.circuits.air.expr import Stage
from zkroll.circuits.machine import batch_machine
from zkroll.verifier.packing import CommitStage, pack_all, preprocessed_groups

CAPACITY = 1 << 20


@pytest.mark.parametrize("log_height", [3, 16, 17, 18, 19])
def test_groups_of_the_key_do_not_depend_on_the_heights_of_other_chips(log_height: int) -> None:
    layouts = batch_machine().layouts
    fixed = [layout for layout in layouts if layout.widths[Stage.PREPROCESSED]]
    heights = {layout.name: layout.air.fixed_height or 1 << log_height for layout in layouts}
    in_the_key = [
        group
        for layout in fixed
        for group in preprocessed_groups([layout], {layout.name: layout.air.fixed_height or 0}, CAPACITY)
    ]
    in_a_proof = pack_all(layouts, heights, CAPACITY)[CommitStage.PREPROCESSED]
    assert set(in_a_proof) == set(in_the_key)
    assert len(in_a_proof) == len(in_the_key)
