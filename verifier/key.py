"""Verifying keys: what a verifier must know about a machine and a reference string before any proof."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from zkroll.circuits.air.layout import Machine
from zkroll.verifier.packing import EXTRA_BLINDING, PREPROCESSED_CELLS, SHORT_HEIGHT, TARGET_GROUPS
from zkroll.verifier.transcript import Point

G2Point = tuple[tuple[int, int], tuple[int, int]]
PROTOCOL: Final = b"zkroll inner proof 2: AIR, logUp, fflonk packing of mixed heights, KZG over BN254"


@dataclass(frozen=True)
class VerifyingKey:
    """machine; capacity: how many powers of tau commitments may use; preprocessed: the commitments of the
    preprocessed columns, group by group; tau_g2: [tau]_2 as ((x0, x1), (y0, y1)); insecure: tau is publicly known."""

    machine: Machine
    capacity: int
    preprocessed: tuple[Point, ...]
    tau_g2: G2Point
    insecure: bool

    @cached_property
    def digest(self) -> int:
        """253 bits of SHA-256 over the protocol and its packing, the machine, the commitments and [tau]_2."""
        h = hashlib.sha256(PROTOCOL)
        h.update(self.machine.digest)
        for number in (self.capacity, TARGET_GROUPS, PREPROCESSED_CELLS, SHORT_HEIGHT, EXTRA_BLINDING):
            h.update(number.to_bytes(8, "big"))
        for point in self.preprocessed:
            for coordinate in point:
                h.update(coordinate.to_bytes(32, "big"))
        for pair in self.tau_g2:
            for coordinate in pair:
                h.update(coordinate.to_bytes(32, "big"))
        return int.from_bytes(h.digest(), "big") >> 3
