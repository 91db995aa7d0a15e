"""BYTE and SIGNEXTEND: a scaling, a remainder and, for SIGNEXTEND, a subtraction.

Columns: one flag per opcode; the position i and the value v; whether i is beyond the word (``large``); the
words power, modulus, shifted, rest; the answer c; how often the row is asked for.

    1. the flags are bits, at most one is set; ``large`` is a bit; padding rows are 0
    2. large = GT(i, 31) for BYTE, GT(i, 30) for SIGNEXTEND
    3. large: power, modulus, shifted and rest are 0; else

                          BYTE              SIGNEXTEND
       power   = POW2     248 - 8 i         8 i + 7
       modulus = POW2     8                 8 i + 8
       shifted =          DIV(v, power)     ADD(v, power)
       rest    =          MOD(shifted, modulus)
       c       =          rest              SUB(rest, power)

    4. large: c = 0 for BYTE (rest is 0), c = v for SIGNEXTEND

SIGNEXTEND: the answer y, as a signed number, is v modulo the modulus and in [-power, power). So y + power
is the remainder of v + power, also where that sum wraps at 2^256, a multiple of the modulus.

Sound: callers send words, so 2 fixes ``large``; large = 0 makes i.hi = 0 and i.lo at most 31 (30), which
keeps both exponents in [0, 256); the other words are answers of chips that answer with words. Every cell
but the count is a function of the request; the count is what the bus balances.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np

from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.expr import total
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import ALU, POW2
from zkroll.circuits.chips.add import ADD, GT, SUB
from zkroll.circuits.chips.divmod import DIV, MOD
from zkroll.circuits.chips.limbs import limbs_of, shift_left, shift_right, subtract

SIGNEXTEND: Final = 0x0B
BYTE: Final = 0x1A
_OPS: Final = {"is_byte": BYTE, "is_signextend": SIGNEXTEND}


class Extract(Chip):
    """Serves ALU for BYTE, SIGNEXTEND."""

    name: ClassVar[str] = "extract"

    def define(self, b: AirBuilder) -> None:
        flags = {name: b.bit(name) for name in _OPS}
        is_byte, is_signextend = flags.values()
        i, v, c = b.word("i"), b.word("v"), b.word("c")
        large = b.bit("large")
        inner = {name: b.word(name) for name in ("power", "modulus", "shifted", "rest")}
        power, modulus, shifted, rest = inner.values()
        count = b.column("count")
        active = total(flags.values())
        b.constrain("one opcode", active * (active - 1))
        b.zero_in_padding(active, but=tuple(flags))
        for name, word in inner.items():
            b.constrain(f"no {name} beyond the word, high", large * word.hi)
            b.constrain(f"no {name} beyond the word, low", large * word.lo)
        b.constrain("the byte, high", is_byte * (c.hi - rest.hi))
        b.constrain("the byte, low", is_byte * (c.lo - rest.lo))
        b.constrain("nothing to extend, high", is_signextend * large * (c.hi - v.hi))
        b.constrain("nothing to extend, low", is_signextend * large * (c.lo - v.lo))

        inside = active - large
        b.send(
            "beyond the word", ALU, (GT, i.hi, i.lo, 0, 31 * is_byte + 30 * is_signextend, 0, large), active
        )
        exponent = is_byte * (248 - 8 * i.lo) + is_signextend * (8 * i.lo + 7)
        b.send("power", POW2, (exponent, power.hi, power.lo), inside)
        width = 8 * is_byte + is_signextend * (8 * i.lo + 8)
        b.send("modulus", POW2, (width, modulus.hi, modulus.lo), inside)
        first = is_byte * DIV + is_signextend * ADD
        b.send("scaling", ALU, (first, v.hi, v.lo, power.hi, power.lo, shifted.hi, shifted.lo), inside)
        b.send(
            "remainder", ALU, (MOD, shifted.hi, shifted.lo, modulus.hi, modulus.lo, rest.hi, rest.lo), inside
        )
        signed = is_signextend * (1 - large)
        b.send("back from the sum", ALU, (SUB, rest.hi, rest.lo, power.hi, power.lo, c.hi, c.lo), signed)

        op = total(flag * _OPS[name] for name, flag in flags.items())
        b.receive("extraction", ALU, (op, i.hi, i.lo, v.hi, v.lo, c.hi, c.lo), count)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        asked = ctx.requests(ALU)
        asked = asked.select(np.isin(asked.small("op"), list(_OPS.values()))).unique()
        if not len(asked):
            return None
        op = asked.small("op")
        is_byte = op == BYTE
        i, v = asked.word("a_hi", "a_lo"), asked.word("b_hi", "b_lo")
        large = i[:, 1:].any(axis=1) | (i[:, 0] > np.where(is_byte, 31, 30).astype(np.uint64))
        position = np.where(large, 0, i[:, 0].astype(np.int64))
        exponent = np.where(is_byte, 248 - 8 * position, 8 * position + 7)
        width = np.where(is_byte, 8, 8 * position + 8)
        one, none = np.repeat(limbs_of([1]), len(asked), axis=0), np.zeros((len(asked), 4), dtype=np.uint64)
        power, modulus = shift_left(one, exponent), shift_left(one, width)
        added = subtract(v, subtract(none, power)[0])[0]
        shifted = np.where(is_byte[:, None], shift_right(v, exponent), added)
        rest = shifted & subtract(modulus, one)[0]
        c = np.where(is_byte[:, None], rest, subtract(rest, power)[0])
        beyond = np.where(is_byte[:, None], none, v)
        inside = ~large[:, None]
        return {
            **{name: op == code for name, code in _OPS.items()},
            "i": i, "v": v, "c": np.where(inside, c, beyond), "large": large, "power": power * inside,
            "modulus": modulus * inside, "shifted": shifted * inside, "rest": rest * inside,
            "count": asked.multiplicity,
        }  # fmt: skip
