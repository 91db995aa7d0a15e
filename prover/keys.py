"""Proving keys: a machine, a reference string and the committed preprocessed columns."""

from __future__ import annotations

from dataclasses import dataclass

from zkroll.algebra.kzg import SRS
from zkroll.algebra.msm import msm_g1
from zkroll.circuits.air.expr import Stage
from zkroll.circuits.air.layout import Machine
from zkroll.circuits.air.witness import preprocessed_blocks
from zkroll.errors import ProvingError
from zkroll.prover.polynomials import Blocks, interleave, interpolate, slot_runs
from zkroll.verifier.key import VerifyingKey
from zkroll.verifier.packing import preprocessed_groups
from zkroll.verifier.transcript import Point


@dataclass(frozen=True)
class ProvingKey:
    """vk, the powers of tau, and the coefficients of the preprocessed columns by chip."""

    vk: VerifyingKey
    srs: SRS
    preprocessed: dict[str, Blocks]


def make_proving_key(machine: Machine, srs: SRS) -> ProvingKey:
    """Commit the preprocessed columns of every chip. The capacity is the SRS's number of powers.

    Raises InputError where the reference string is too short for a table.
    """
    coefficients = {
        layout.name: interpolate(preprocessed_blocks(layout.chip))
        for layout in machine.layouts
        if layout.widths[Stage.PREPROCESSED]
    }
    points: list[Point] = []
    for group in preprocessed_groups(machine.layouts, srs.n):
        limbs = interleave(slot_runs(group, lambda slot: coefficients[slot.chip][slot.index]))
        point = msm_g1(srs.g1[: limbs.shape[0]], limbs)
        if point is None:
            raise ProvingError(f"chip {group.slots[0].chip}: preprocessed columns commit to infinity")
        points.append(point)
    vk = VerifyingKey(machine, srs.n, tuple(points), srs.g2[1], srs.insecure)
    return ProvingKey(vk, srs, coefficients)
