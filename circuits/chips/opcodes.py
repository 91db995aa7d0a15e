"""Fixed tables of the instruction set: what an opcode is, and where a byte stands in a run of bytes.

256 preprocessed rows serve three buses:

- OPCODE (opcode, family, pops, pushes, static gas): one row per opcode byte, from ``zkroll.vm.opcodes``;
  family 0 is that of opcodes without a chip, which no row of the cpu has
- PUSH_SIZE (byte, size): how many bytes of push data follow a code byte that is an instruction
- LEFT (left, high, last): with ``left`` bytes still to come (0 … 32), high = 1 iff left >= 16, last = 1 iff
  left = 0. Rows from 33 on repeat left = 0.

No constraints: the columns are in the verifying key. The three multiplicity columns are free; they can only
let through tuples of the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from zkroll.circuits.air.chip import AirBuilder, Bus, Chip
from zkroll.circuits.air.expr import Stage
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import OPCODE
from zkroll.circuits.chips.opcode_families import by_opcode

PUSH_SIZE: Final = Bus("push_size", 81, ("byte", "size"))
LEFT: Final = Bus("left", 82, ("left", "high", "last"))

LARGEST_LEFT: Final = 32
_ROWS: Final = 256
_OPCODE_FIELDS: Final = ("opcode", "family", "pops", "pushes", "static_gas")


def push_sizes() -> NDArray[np.int64]:
    """Bytes of push data by opcode byte: n for PUSHn, else 0."""
    byte = np.arange(_ROWS)
    return np.where((byte >= 0x60) & (byte <= 0x7F), byte - 0x5F, 0)


class OpcodesChip(Chip):
    """The opcode table, the push sizes and the byte places."""

    name: ClassVar[str] = "opcodes"
    fixed_height: ClassVar[int | None] = _ROWS

    def define(self, b: AirBuilder) -> None:
        """Three look-up tables side by side."""
        opcode = [b.column(field, Stage.PREPROCESSED) for field in _OPCODE_FIELDS]
        size = b.column("push_size", Stage.PREPROCESSED)
        place = [b.column(field, Stage.PREPROCESSED) for field in ("left", "high", "last")]
        b.receive("serve an opcode", OPCODE, opcode, b.column("opcode_uses"))
        b.receive("serve a push size", PUSH_SIZE, (opcode[0], size), b.column("size_uses"))
        b.receive("serve a place", LEFT, place, b.column("place_uses"))

    def preprocessed(self) -> Mapping[str, ColumnData]:
        """The tables."""
        left = np.arange(_ROWS)
        left[left > LARGEST_LEFT] = 0
        return {
            **{field: by_opcode(field) for field in _OPCODE_FIELDS},
            "push_size": push_sizes(),
            "left": left,
            "high": (left >= 16).astype(np.int64),
            "last": (left == 0).astype(np.int64),
        }

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData]:
        """Count the requests; a request outside a table stays without an answer and unbalances its bus."""
        return {
            "opcode_uses": _count(ctx, OPCODE, "opcode"),
            "size_uses": _count(ctx, PUSH_SIZE, "byte"),
            "place_uses": _count(ctx, LEFT, "left"),
        }


def _count(ctx: FillContext, bus: Bus, key: str) -> NDArray[np.int64]:
    requests = ctx.requests(bus)
    uses = np.zeros(_ROWS, dtype=np.int64)
    limbs = requests.field(key)
    inside = ~limbs[:, 1:].any(axis=1) & (limbs[:, 0] < _ROWS)
    np.add.at(uses, limbs[inside, 0].astype(np.int64), requests.multiplicity[inside])
    return uses
