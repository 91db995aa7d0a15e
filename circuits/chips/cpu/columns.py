"""The columns of the cpu and the expressions that its constraints and interactions share.

One row is the BEGIN of a transaction, one step, the END of a transaction, or padding (all zeros).

- row kind: ``is_begin``, ``is_end``, and a flag per opcode family, at most one of them 1; a step is a row
  with a family
- exceptions: ``out_of_gas``, ``underflow``, ``overflow``, ``bad_jump``; ``sentry`` tells that SSTORE ran
  out of gas because 2300 or less were left; ``halts`` that the step ends the context; ``verdict`` is 1 on a
  BEGIN with code, on a jump that is taken and on an END after success
- state: ``clk``, ``tx`` (index), ``ctx`` (clk of BEGIN), ``code_hash``, ``pc``, ``gas``, ``refund``, ``sp``
  (words on the stack), ``memory_words``: all as they are before the step
- opcode: ``opcode`` and from the table ``pops``, ``pushes``, ``static_gas``
- words: ``a`` (top), ``b`` (second, or the n-th of DUPn and SWAPn), ``n`` (third), each with the 16-bit
  limbs of clk - clk_push - 1, and the result ``c``
- services: ``dynamic_gas`` (EXPAND, STORAGE), ``words`` (length in words, or the exponent's bytes),
  ``amount`` (length in bytes, or the change of the refund), ``inverse`` (of what ``verdict`` tests)
- ranges: ``gas_limbs`` (three of 16 bits), ``stack_limb``
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from zkroll.circuits.air.chip import AirBuilder, Word
from zkroll.circuits.air.expr import Expr, total, weighted
from zkroll.circuits.chips.opcode_families import FLAGS, Family


@dataclass(frozen=True)
class Port:
    """A word taken from the stack, and how long ago it was put there: clk - clk_push - 1."""

    word: Word
    age: list[Expr]

    def pushed_at(self, clk: Expr) -> Expr:
        """The clock of the row that pushed the word."""
        return clk - 1 - weighted(self.age, 2**16)


@dataclass(frozen=True)
class Columns:
    """The declared columns."""

    is_begin: Expr
    is_end: Expr
    flags: dict[Family, Expr]
    out_of_gas: Expr
    underflow: Expr
    overflow: Expr
    bad_jump: Expr
    sentry: Expr
    halts: Expr
    verdict: Expr
    clk: Expr
    tx: Expr
    ctx: Expr
    code_hash: Expr
    pc: Expr
    gas: Expr
    refund: Expr
    sp: Expr
    memory_words: Expr
    opcode: Expr
    pops: Expr
    pushes: Expr
    static_gas: Expr
    a: Port
    b: Port
    n: Port
    c: Word
    dynamic_gas: Expr
    words: Expr
    amount: Expr
    inverse: Expr
    gas_limbs: list[Expr]
    stack_limb: Expr

    def any_of(self, families: Iterable[Family]) -> Expr:
        """1 on the steps of these families."""
        return total(self.flags[family] for family in families)

    @property
    def is_step(self) -> Expr:
        """1 on steps."""
        return total(self.flags.values())

    @property
    def is_step_next(self) -> Expr:
        """1 where the next row is a step."""
        return total(flag.next for flag in self.flags.values())

    @property
    def exception(self) -> Expr:
        """1 on steps with an exceptional halt other than an invalid opcode."""
        return self.out_of_gas + self.underflow + self.overflow + self.bad_jump

    @property
    def fails(self) -> Expr:
        """1 on steps with any exceptional halt."""
        return self.exception + self.flags[Family.INVALID]

    @property
    def goes_on(self) -> Expr:
        """1 on steps after which the context runs on."""
        return self.is_step - self.halts

    @property
    def stack_after(self) -> Expr:
        """Words on the stack after the step's pops and pushes."""
        return self.sp - self.pops + self.pushes

    @property
    def gas_value(self) -> Expr:
        """The number with the limbs ``gas_limbs``: the gas left, or what was missing (less one)."""
        return weighted(self.gas_limbs, 2**16)

    @property
    def sentry_value(self) -> Expr:
        """The distance of SSTORE's gas to its sentry, in limbs of the third port, else unused."""
        return weighted(self.n.age, 2**16)

    @property
    def tested(self) -> Expr:
        """On BEGIN the code hash, on JUMPI the condition: hi + lo < 2^129 is 0 only if both halves are."""
        return self.is_begin * self.code_hash + self.flags[Family.JUMPI] * (self.b.word.hi + self.b.word.lo)


def flag_name(family: Family) -> str:
    """The name of a family's flag column."""
    return f"is_{family.name.lower()}"


def declare(b: AirBuilder) -> Columns:
    """Declare all columns; flags and exceptions are constrained to bits here."""
    is_begin, is_end = b.bit("is_begin"), b.bit("is_end")
    flags = {family: b.bit(flag_name(family)) for family in FLAGS}
    bits = {name: b.bit(name) for name in ("out_of_gas", "underflow", "overflow", "bad_jump", "sentry")}
    ports = [Port(b.word(name), b.columns(f"{name}_age", 2)) for name in ("a", "b", "n")]
    scalars = (
        "halts", "verdict", "clk", "tx", "ctx", "code_hash", "pc", "gas", "refund", "sp", "memory_words",
        "opcode", "pops", "pushes", "static_gas", "dynamic_gas", "words", "amount", "inverse", "stack_limb",
    )  # fmt: skip
    return Columns(
        is_begin=is_begin,
        is_end=is_end,
        flags=flags,
        a=ports[0],
        b=ports[1],
        n=ports[2],
        c=b.word("c"),
        gas_limbs=b.columns("gas_limbs", 3),
        **bits,
        **{name: b.column(name) for name in scalars},
    )
