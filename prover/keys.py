"""Proving keys: a machine, a reference string and the committed preprocessed columns."""

from __future__ import annotations

from dataclasses import dataclass

from zkroll.algebra.kzg import SRS
from zkroll.algebra.msm import msm_g1
from zkroll.circuits.air.expr import Stage
from zkroll.circuits.air.layout import Machine
from zkroll.circuits.air.witness import preprocessed_blocks
from zkroll.errors import InputError, ProvingError
from zkroll.prover.polynomials import Blocks, interleave, interpolate
from zkroll.verifier.key import VerifyingKey
from zkroll.verifier.transcript import Point


@dataclass(frozen=True)
class ProvingKey:
    """vk, the powers of tau, and the coefficients of the preprocessed columns by chip."""

    vk: VerifyingKey
    srs: SRS
    preprocessed: dict[str, Blocks]


def make_proving_key(machine: Machine, srs: SRS) -> ProvingKey:
    """Commit the preprocessed columns of every chip. The capacity is the SRS's number of powers."""
    coefficients: dict[str, Blocks] = {}
    commitments: dict[str, Point] = {}
    for layout in machine.layouts:
        width = layout.widths[Stage.PREPROCESSED]
        if not width:
            continue
        height = layout.air.fixed_height or 0
        if width * height > srs.n:
            raise InputError(
                f"structured reference string: chip {layout.name} needs {width * height} powers, it has {srs.n}"
            )
        columns = interpolate(preprocessed_blocks(layout.chip))
        point = msm_g1(srs.g1[: width * height], interleave(list(columns), height))
        if point is None:
            raise ProvingError(f"chip {layout.name}: preprocessed columns commit to infinity")
        coefficients[layout.name] = columns
        commitments[layout.name] = point
    vk = VerifyingKey(machine, srs.n, commitments, srs.g2[1], srs.insecure)
    return ProvingKey(vk, srs, coefficients)
