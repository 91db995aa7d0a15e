"""The relations of the cpu's rows. Two look-ups (code, opcode table) bind every step to its opcode, and the
groups below what happens next.

1. rows: at most one kind per row; a step or a BEGIN with code is followed by a step unless it halts, and by
   END if it does; BEGIN follows END or opens the table. So no step is skipped, none follows a halt, and
   every BEGIN has its END. A table whose first row is padding is padding throughout, as only a BEGIN can
   stand first and nothing but padding follows padding.
2. carried state: clk starts at FIRST_CLOCK and grows by one (by one more for each word of a copy or hash); tx counts
   the BEGINs; ctx, code hash, tx stay within a transaction; a BEGIN hands pc = refund = stack = memory = 0
   and its gas to the first step.
3. program counter: the next instruction, or the destination of a taken jump, which must be a JUMPDEST that
   the code serves as an instruction.
4. stack: the height moves by pushes - pops and stays at most 1024 or the step overflows; popping what is
   not there finds no tuple, so only an underflow is proven.
5. gas: what is left is in [0, 2^32), or the step runs out of it: cost > gas, by three limbs; cost < 2^47 as
   every service answers with less. SSTORE needs more than 2300.
6. halts: exceptions are single, and true by 3 to 5 and the chip ``bad_jump``; gas is then gone. The refund
   survives only success.
7. results that no service answers: DUP, SWAP, PC, MSIZE, GAS, RETURNDATASIZE.

8. cells that a row does not use are 0, so that every cell is determined by the execution.

A step for which two exceptions hold may claim either: state and gas do not tell them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from zkroll.circuits.air.chip import AirBuilder
from zkroll.circuits.air.expr import Expr
from zkroll.circuits.buses import FIRST_CLOCK
from zkroll.circuits.chips.cpu.columns import Columns
from zkroll.circuits.chips.opcode_families import (
    ANSWERED,
    EXPANDING,
    PUSHING,
    TAKES_DEEP,
    TAKES_FIRST,
    TAKES_SECOND,
    TAKES_THIRD,
    Family,
)

STACK_LIMIT: Final = 1024
JUMPDEST: Final = 0x5B
PUSH0: Final = 0x5F
COPY_WORD_GAS: Final = 3
KECCAK_WORD_GAS: Final = 6
LOG_BYTE_GAS: Final = 8
EXP_BYTE_GAS: Final = 50
SSTORE_SENTRY: Final = 2300

_TIMED: Final = (Family.KECCAK, Family.CALLDATACOPY, Family.CODECOPY)
_JUMPS: Final = (Family.JUMP, Family.JUMPI)


def constrain(b: AirBuilder, r: Columns) -> None:
    """All constraints but those that make flags bits."""
    _rows(b, r)
    _carried(b, r)
    _program_counter(b, r)
    _stack(b, r)
    _gas(b, r)
    _halts(b, r)
    _results(b, r)
    _unused(b, r)


def _rows(b: AirBuilder, r: Columns) -> None:
    kinds = r.is_begin + r.is_step + r.is_end
    b.constrain("a row has at most one kind", kinds * (kinds - 1))
    b.first("the first row is a BEGIN or padding", kinds - r.is_begin)
    b.transition("BEGIN follows END", r.is_begin.next * (1 - r.is_end))
    # cyclic on purpose: the row after the last is a BEGIN, so the last row leaves nothing unfinished
    b.constrain("a step follows what goes on", r.is_step_next - r.is_begin * r.verdict - r.goes_on)
    b.constrain("END follows what ends", r.is_end.next - r.is_begin * (1 - r.verdict) - r.halts)


def _carried(b: AirBuilder, r: Columns) -> None:
    inside = r.is_begin + r.is_step  # rows whose next row is of the same transaction
    timed = r.any_of(_TIMED) * (1 - r.halts)
    b.first("the first clock", r.is_begin * (r.clk - FIRST_CLOCK))
    b.constrain("the clock advances", inside * (r.clk.next - r.clk - 1 - timed * r.words))
    b.transition("the clock advances to a BEGIN", r.is_begin.next * (r.clk.next - r.clk - 1))
    b.first("transactions count from 0", r.tx)
    b.constrain("the transaction stays", inside * (r.tx.next - r.tx))
    b.transition("the next transaction", r.is_begin.next * (r.tx.next - r.tx - 1))
    b.constrain("a context is named by its BEGIN", r.is_begin * (r.ctx - r.clk))
    b.constrain("the context stays", inside * (r.ctx.next - r.ctx))
    b.constrain("the code stays", inside * (r.code_hash.next - r.code_hash))
    b.constrain("BEGIN hands over its gas", r.is_begin * (r.gas.next - r.gas))
    for name, column in (
        ("pc", r.pc), ("refund", r.refund), ("stack", r.sp), ("memory", r.memory_words),
    ):  # fmt: skip
        b.constrain(f"{name} starts at 0", r.is_begin * column.next)
    b.constrain(
        "memory grows only by expansion",
        (r.is_step - r.any_of(EXPANDING) * (1 - r.underflow)) * (r.memory_words.next - r.memory_words),
    )


def _program_counter(b: AirBuilder, r: Columns) -> None:
    jumps = r.any_of(_JUMPS)
    immediate = r.flags[Family.PUSH] * (r.opcode - PUSH0)
    following = r.pc + 1 + immediate
    jumped = r.verdict * (r.a.word.lo - r.pc - 1)
    b.constrain("the next pc", r.goes_on * (r.pc.next - following - jumped))
    b.constrain("a jump goes to no high word", r.goes_on * r.verdict * r.a.word.hi)
    b.constrain("a jump lands on a JUMPDEST", r.goes_on * r.verdict * (r.opcode.next - JUMPDEST))
    b.constrain("JUMP is taken", r.flags[Family.JUMP] * (1 - r.verdict))
    b.constrain("a nonzero test is true", r.tested * (1 - r.verdict))
    b.constrain(
        "a true test is nonzero",
        (r.is_begin + r.flags[Family.JUMPI]) * r.verdict - r.tested * r.inverse,
    )
    b.constrain("verdict is for tests only", r.verdict * (1 - r.is_begin - r.is_end - jumps))


def _stack(b: AirBuilder, r: Columns) -> None:
    steps_inside = r.is_step - r.underflow - r.overflow
    b.constrain("the stack moves", r.goes_on * (r.sp.next - r.stack_after))
    b.constrain("at most 1024 words", steps_inside * (STACK_LIMIT - r.stack_after - r.stack_limb))
    b.constrain("an overflow is true", r.overflow * (r.stack_after - STACK_LIMIT - 1 - r.stack_limb))
    b.constrain("an underflow is true", r.underflow * (r.pops - r.sp - 1 - r.stack_limb))


def _cost(r: Columns) -> Expr:
    """Gas that the step demands: static, memory or storage, and per word or byte."""
    priced = r.any_of((*EXPANDING, Family.SLOAD, Family.SSTORE))
    copies = r.any_of((Family.CALLDATACOPY, Family.CODECOPY))
    per_word = (
        copies * COPY_WORD_GAS + r.flags[Family.KECCAK] * KECCAK_WORD_GAS + r.flags[Family.EXP] * EXP_BYTE_GAS
    )
    per_byte = r.flags[Family.LOG] * LOG_BYTE_GAS
    return r.static_gas + priced * r.dynamic_gas + per_word * r.words + per_byte * r.amount


def _gas(b: AirBuilder, r: Columns) -> None:
    cost = _cost(r)
    paid = r.is_step - r.fails
    sstore = r.flags[Family.SSTORE]
    b.constrain("gas is paid", paid * (r.gas - cost - r.gas_value))
    b.constrain("gas left fits 32 bits", (1 - r.out_of_gas) * r.gas_limbs[2])
    b.constrain("gas goes on", r.is_step * r.gas.next - paid * r.gas_value)
    b.constrain("out of gas is true", (r.out_of_gas - r.sentry) * (cost - r.gas - 1 - r.gas_value))
    b.constrain("the sentry is SSTORE's", r.sentry * (1 - sstore))
    b.constrain("the sentry is out of gas", r.sentry * (1 - r.out_of_gas))
    b.constrain("the sentry is true", r.sentry * (SSTORE_SENTRY - r.gas - r.sentry_value))
    b.constrain(
        "SSTORE has more than its sentry",
        sstore * (1 - r.exception) * (r.gas - SSTORE_SENTRY - 1 - r.sentry_value),
    )


def _halts(b: AirBuilder, r: Columns) -> None:
    ends = r.any_of((Family.STOP, Family.RETURN, Family.REVERT)) * (1 - r.exception)
    succeeds = r.any_of((Family.STOP, Family.RETURN)) * (1 - r.exception)
    b.constrain("at most one exception", r.exception * (r.exception - 1))
    b.constrain("exceptions are of steps", r.exception * (1 - r.is_step + r.flags[Family.INVALID]))
    b.constrain("a bad jump is a jump", r.bad_jump * (1 - r.any_of(_JUMPS)))
    b.constrain("a bad jump is taken", r.bad_jump * (1 - r.verdict))
    b.constrain("what halts", r.halts - r.fails - ends)
    b.constrain("what succeeds", r.halts * r.verdict.next - succeeds)
    b.constrain("without code it succeeds", r.is_begin * (1 - r.verdict) * (1 - r.verdict.next))
    b.constrain(
        "the refund counts SSTORE",
        r.goes_on * (r.refund.next - r.refund - r.flags[Family.SSTORE] * r.amount),
    )
    b.constrain("the refund survives success", r.halts * r.refund.next - succeeds * r.refund)


def _results(b: AirBuilder, r: Columns) -> None:
    f = r.flags
    deep = f[Family.DUP] + f[Family.SWAP]
    own = f[Family.PC] + f[Family.MSIZE] + f[Family.GAS] + f[Family.RETURNDATASIZE]
    value = f[Family.PC] * r.pc + f[Family.MSIZE] * (32 * r.memory_words) + f[Family.GAS] * r.gas_value
    for half in ("hi", "lo"):
        a, second, c = (getattr(word, half) for word in (r.a.word, r.b.word, r.c))
        b.constrain(f"one operand leaves no second, {half}", f[Family.ALU1] * second)
        b.constrain(f"DUP and SWAP bring up the deep word, {half}", deep * (c - second))
        b.constrain(f"DUP puts the deep word back, {half}", f[Family.DUP] * (a - second))
    b.constrain("pc, memory size, gas, no return data, hi", own * r.c.hi)
    b.constrain("pc, memory size, gas, no return data, lo", own * r.c.lo - value)


def _unused(b: AirBuilder, r: Columns) -> None:
    """Group 8: 1 - u is a factor of each constraint, u being 1 where something binds the cell."""
    f = r.flags
    there = 1 - r.underflow
    kinds = r.is_begin + r.is_step + r.is_end
    accounted = r.is_step - r.fails + r.out_of_gas - r.sentry  # gas is paid, or proven to be missing
    priced = r.any_of(EXPANDING) * there
    storage = f[Family.SSTORE] * (there - r.sentry)
    deep = r.any_of(TAKES_DEEP)
    third = r.any_of(TAKES_THIRD) * there
    sentry = f[Family.SSTORE] * (1 - r.exception) + r.sentry
    answered = r.any_of(ANSWERED) * r.halts + (f[Family.EXP] + f[Family.SLOAD]) * r.underflow
    used: dict[str, tuple[Expr, Sequence[Expr]]] = {
        "row state": (kinds, (r.clk, r.tx, r.ctx, r.code_hash, r.gas)),
        "refund and memory": (r.is_step + r.is_end, (r.refund, r.memory_words)),
        "instruction": (r.is_step, (r.pc, r.sp, r.opcode, r.pops, r.pushes, r.static_gas, r.stack_limb)),
        "top": ((r.any_of(TAKES_FIRST) + f[Family.DUP]) * there, (r.a.word.hi, r.a.word.lo)),
        "age of the top": (r.any_of(TAKES_FIRST) * there, r.a.age),
        "second": ((r.any_of(TAKES_SECOND) + deep) * there, (r.b.word.hi, r.b.word.lo, *r.b.age)),
        "third": (third, (r.n.word.hi, r.n.word.lo)),
        "age of the third": (third + sentry, r.n.age),
        "result": (r.any_of(PUSHING) - answered, (r.c.hi, r.c.lo)),
        "price": (priced + f[Family.SLOAD] * there + storage, (r.dynamic_gas,)),
        "words": (priced + f[Family.EXP] * there, (r.words,)),
        "amount": (priced + storage, (r.amount,)),
        "inverse": ((r.is_begin + f[Family.JUMPI]) * r.verdict, (r.inverse,)),
        "gas limbs": (accounted, r.gas_limbs[:2]),
    }
    for name, (where, cells) in used.items():
        for i, value in enumerate(cells):
            b.constrain(f"unused {name} is 0 [{i}]", (1 - where) * value)
