"""What a machine's statement is: its public values, how wide they are, and what is put on the buses for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from zkroll.circuits.air.chip import Bus
from zkroll.circuits.buses import PUBLIC, PUBLIC_BITS

Tuples = list[tuple[Bus, tuple[Any, ...]]]


@dataclass(frozen=True)
class Publics:
    """bits: the width of each public value; names: of each; tuples: what a verifier sends for the values, which
    may be integers or values of another arithmetic."""

    names: tuple[str, ...]
    bits: tuple[int, ...]
    tuples: Callable[[Sequence[Any]], Tuples]


def _indexed(values: Sequence[Any]) -> Tuples:
    """(i, value i) on the bus of public values."""
    return [(PUBLIC, (i, value)) for i, value in enumerate(values)]


#: the statement of a batch
BATCH_PUBLICS = Publics(tuple(PUBLIC_BITS), tuple(PUBLIC_BITS.values()), _indexed)
