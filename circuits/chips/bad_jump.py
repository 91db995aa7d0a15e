"""Proves that a jump's destination is not a JUMPDEST of the code, so that the step may halt.

Columns: ``active``, ``code_hash``, ``destination`` (a word, from the request), ``beyond`` (bit: the
destination is not inside the code), ``value`` (the code's length if beyond, else the byte at the
destination), ``is_code`` (that byte is an instruction), ``inverse`` (of byte - JUMPDEST).

1. ``active`` and ``beyond`` are bits, and beyond only in active rows
2. inside the code the destination's high half is 0
3. inside, an instruction byte differs from JUMPDEST: is_code ((value - 0x5B) inverse - 1) = 0
4. cells that a row does not use are 0

Beyond: LENGTH vouches for value, and the comparison LT(destination, value) = 0 is asked of the ALU. Inside:
CODE_BYTE vouches for (value, is_code) at the destination. Either way no jump to it is valid; a destination
for which neither holds has no row. A destination beyond the code may also be answered by the zero bytes
that the bytecode chip keeps there: they are no JUMPDEST either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np

from zkroll.algebra.field import fr
from zkroll.circuits.air.chip import AirBuilder, Bus, Chip
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import ALU, CODE_BYTE, LENGTH, SPACE_CODE
from zkroll.circuits.chips.bytecode import codes_by_hash, is_instruction, limbs_to_int

BAD_JUMP: Final = Bus("bad_jump", 80, ("code_hash", "destination_hi", "destination_lo"))

JUMPDEST: Final = 0x5B
LT: Final = 0x10


class BadJumpChip(Chip):
    """One row per jump that halts its context."""

    name: ClassVar[str] = "bad_jump"

    def define(self, b: AirBuilder) -> None:
        """The request, and one of the two reasons."""
        active, beyond = b.bit("active"), b.bit("beyond")
        code_hash = b.column("code_hash")
        destination = b.word("destination")
        value, is_code, inverse = (b.column(name) for name in ("value", "is_code", "inverse"))
        inside = active - beyond
        b.constrain("beyond only in active rows", beyond * (1 - active))
        b.constrain("inside there is no high word", inside * destination.hi)
        b.constrain("the byte is no JUMPDEST", inside * is_code * ((value - JUMPDEST) * inverse - 1))
        b.constrain("there is no instruction beyond", (1 - inside) * is_code)
        b.constrain("an unused inverse is 0", (1 - inside * is_code) * inverse)
        for name, cell in (
            ("code_hash", code_hash), ("destination.hi", destination.hi), ("destination.lo", destination.lo),
            ("value", value),
        ):  # fmt: skip
            b.constrain(f"padding has {name} 0", (1 - active) * cell)
        b.receive("serve a bad jump", BAD_JUMP, (code_hash, destination.hi, destination.lo), active)
        b.send("ask the length", LENGTH, (SPACE_CODE, code_hash, value), beyond)
        b.send("compare with the length", ALU, (LT, destination.hi, destination.lo, 0, value, 0, 0), beyond)
        b.send("ask the byte", CODE_BYTE, (code_hash, destination.lo, value, is_code), inside)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        """One row per request; there is at most one in a transaction, so they are looked at one by one."""
        requests = ctx.requests(BAD_JUMP)
        count = len(requests)
        if not count:
            return None
        codes = codes_by_hash(ctx)
        destination = requests.word("destination_hi", "destination_lo")
        beyond, value, is_code = (np.zeros(count, dtype=np.int64) for _ in range(3))
        for i in range(count):
            code = codes[limbs_to_int(requests.field("code_hash")[i])]
            target = limbs_to_int(destination[i])
            beyond[i] = target >= len(code)
            value[i] = len(code) if beyond[i] else code[target]
            is_code[i] = not beyond[i] and is_instruction(code)[target]
        difference = fr.from_array((value - JUMPDEST) * is_code)
        return {
            "active": np.ones(count, dtype=np.int64),
            "beyond": beyond,
            "code_hash": requests.field("code_hash"),
            "destination": destination,
            "value": value,
            "is_code": is_code,
            "inverse": fr.to_limbs(fr.batch_inverse(difference), count),
        }
