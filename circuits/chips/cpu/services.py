"""What the cpu puts on the buses and takes from them.

Every interaction's multiplicity is 0 outside the steps that it is for: a family's flag times "does not
halt" for requests with an effect, times "does not underflow" for those that only tell a price (EXPAND, EXP,
STORAGE), which an out-of-gas step needs too. Flags are bits and at most one is 1, so multiplicities are 0
or 1.

Stack words carry the clock of their push. A pop takes the tuple (ctx, slot, clk_push, word) with clk -
clk_push - 1 in [0, 2^32). Why that is a stack: ``stack_drain``.
"""

from __future__ import annotations

from zkroll.circuits.air.chip import AirBuilder, Word
from zkroll.circuits.air.expr import Expr, ExprLike, total
from zkroll.circuits.air.gadgets import range16
from zkroll.circuits.buses import (
    ALU,
    ALU3,
    BYTECODE,
    CALLDATALOAD,
    CONTEXT,
    COPY,
    EXP,
    EXPAND,
    KECCAK,
    LOG_TOPICS,
    MEMORY_OP,
    OPCODE,
    SELFBALANCE,
    SPACE_CALLDATA,
    SPACE_CODE,
    SPACE_MEMORY,
    STACK,
    STORAGE,
    TX_BEGIN,
    TX_END,
)
from zkroll.circuits.chips.bad_jump import BAD_JUMP
from zkroll.circuits.chips.cpu.columns import Columns, Port
from zkroll.circuits.chips.opcode_families import (
    LENGTH_FIXED,
    LENGTH_SECOND,
    LENGTH_THIRD,
    PUSHING,
    TAKES_DEEP,
    TAKES_FIRST,
    TAKES_SECOND,
    TAKES_THIRD,
    Family,
)

LOG0 = 0xA0
MLOAD, SLOAD, SSTORE = 0x51, 0x54, 0x55


def interact(b: AirBuilder, r: Columns) -> None:
    """All interactions."""
    _rows(b, r)
    _stack(b, r)
    _ranges(b, r)
    _words(b, r)
    _memory(b, r)
    _context(b, r)


def _pair(word: Word) -> tuple[Expr, Expr]:
    return word.hi, word.lo


def _rows(b: AirBuilder, r: Columns) -> None:
    family = total(int(family) * flag for family, flag in r.flags.items())
    push = r.flags[Family.PUSH]
    b.send("begin a transaction", TX_BEGIN, (r.tx, r.clk, r.code_hash, r.gas), r.is_begin)
    b.send("end a transaction", TX_END, (r.tx, r.clk, r.gas, r.refund, r.verdict), r.is_end)
    b.send(
        "fetch the instruction",
        BYTECODE,
        (r.code_hash, r.pc, r.opcode, push * r.c.hi, push * r.c.lo),
        r.is_step,
    )
    b.send("look up the opcode", OPCODE, (r.opcode, family, r.pops, r.pushes, r.static_gas), r.is_step)


def _stack(b: AirBuilder, r: Columns) -> None:
    there = 1 - r.underflow
    runs = 1 - r.halts

    def pop(name: str, port: Port, slot: ExprLike, when: Expr) -> None:
        b.receive(name, STACK, (r.ctx, slot, port.pushed_at(r.clk), *_pair(port.word)), when * there)

    pop("pop the top", r.a, r.sp - 1, r.any_of(TAKES_FIRST))
    pop("pop the second word", r.b, r.sp - 2, r.any_of(TAKES_SECOND))
    pop("pop the third word", r.n, r.sp - 3, r.any_of(TAKES_THIRD))
    pop("take the deep word", r.b, r.sp - r.pops, r.any_of(TAKES_DEEP))
    b.send("push the result", STACK, (r.ctx, r.stack_after - 1, r.clk, *_pair(r.c)), r.any_of(PUSHING) * runs)
    b.send(
        "put a word back deep",
        STACK,
        (r.ctx, r.sp - r.pops, r.clk, *_pair(r.a.word)),
        r.any_of(TAKES_DEEP) * runs,
    )


def _ranges(b: AirBuilder, r: Columns) -> None:
    for name, port in (("a", r.a), ("b", r.b), ("n", r.n)):
        for i, limb in enumerate(port.age):
            range16(b, f"{name}_age[{i}]", limb, r.is_step)
    for i, limb in enumerate(r.gas_limbs):
        range16(b, f"gas_limbs[{i}]", limb, r.is_step)
    range16(b, "stack_limb", r.stack_limb, r.is_step)


def _words(b: AirBuilder, r: Columns) -> None:
    f, runs = r.flags, 1 - r.halts
    a, second, third, c = _pair(r.a.word), _pair(r.b.word), _pair(r.n.word), _pair(r.c)
    b.send("compute", ALU, (r.opcode, *a, *second, *c), (f[Family.ALU1] + f[Family.ALU2]) * runs)
    b.send("compute of three", ALU3, (r.opcode, *a, *second, *third, *c), f[Family.ALU3] * runs)
    b.send("exponentiate", EXP, (*a, *second, *c, r.words), f[Family.EXP] * (1 - r.underflow))


def _memory(b: AirBuilder, r: Columns) -> None:
    f, runs, there = r.flags, 1 - r.halts, 1 - r.underflow
    a, second, third, c = _pair(r.a.word), _pair(r.b.word), _pair(r.n.word), _pair(r.c)
    answer = (r.memory_words.next, r.words, r.amount, r.dynamic_gas)
    fixed = 32 - 31 * f[Family.MSTORE8]
    b.send(
        "expand by the second word",
        EXPAND,
        (r.memory_words, *a, *second, *answer),
        r.any_of(LENGTH_SECOND) * there,
    )
    b.send(
        "expand by the third word",
        EXPAND,
        (r.memory_words, *a, *third, *answer),
        r.any_of(LENGTH_THIRD) * there,
    )
    b.send(
        "expand to a word", EXPAND, (r.memory_words, *a, 0, fixed, *answer), r.any_of(LENGTH_FIXED) * there
    )
    b.send("load a word", MEMORY_OP, (MLOAD, r.ctx, r.clk, r.a.word.lo, *c), f[Family.MLOAD] * runs)
    b.send(
        "store a word", MEMORY_OP, (r.opcode, r.ctx, r.clk, r.a.word.lo, *second),
        (f[Family.MSTORE] + f[Family.MSTORE8]) * runs,
    )  # fmt: skip
    b.send(
        "copy calldata", COPY, (SPACE_CALLDATA, r.ctx, r.ctx, r.clk, *a, *second, r.amount),
        f[Family.CALLDATACOPY] * runs,
    )  # fmt: skip
    b.send(
        "copy code", COPY, (SPACE_CODE, r.code_hash, r.ctx, r.clk, *a, *second, r.amount),
        f[Family.CODECOPY] * runs,
    )  # fmt: skip
    b.send("hash memory", KECCAK, (SPACE_MEMORY, r.ctx, r.clk, *a, r.amount, *c), f[Family.KECCAK] * runs)


def _context(b: AirBuilder, r: Columns) -> None:
    f, runs, there = r.flags, 1 - r.halts, 1 - r.underflow
    a, second, c = _pair(r.a.word), _pair(r.b.word), _pair(r.c)
    b.send("load calldata", CALLDATALOAD, (r.ctx, *a, *c), f[Family.CALLDATALOAD] * runs)
    b.send("ask the context", CONTEXT, (r.ctx, r.opcode, *c), f[Family.CONTEXT] * runs)
    b.send("ask the balance", SELFBALANCE, (r.ctx, r.clk, *c), f[Family.SELFBALANCE] * runs)
    b.send("load storage", STORAGE, (SLOAD, r.ctx, r.clk, *a, *c, r.dynamic_gas, 0), f[Family.SLOAD] * there)
    b.send(
        "store storage", STORAGE, (SSTORE, r.ctx, r.clk, *a, *second, r.dynamic_gas, r.amount),
        f[Family.SSTORE] * (there - r.sentry),
    )  # fmt: skip
    b.send("pop topics", LOG_TOPICS, (r.ctx, r.clk, r.sp - 3, r.opcode - LOG0), f[Family.LOG] * runs)
    b.send("prove a jump bad", BAD_JUMP, (r.code_hash, *a), r.bad_jump)
