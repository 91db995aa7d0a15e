"""The inner loop of `zkroll.algebra.program`: one instruction applied to a strip of blocks at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from zkroll.algebra.kernels.emit import FR, LANES, Backend, Emitter, Value, block_intrinsic
from zkroll.algebra.kernels.jit import family, helper, kernel

BLOCK = 320
ADD, SUB, MUL, STORE, NEG = range(5)


@dataclass(frozen=True)
class ProgramKernels:
    """The kernel, compiled on first use."""

    run: Any  # see `run` below


@family
def program_kernels(backend: Backend) -> ProgramKernels:
    """Return the interpreter on `backend`."""

    def binary(operation: Any) -> Any:
        def emit(e: Emitter, out: ir.Value, a: ir.Value, b: ir.Value) -> None:
            result: Value = operation(e, e.load(a), e.load(b))
            e.store(result, out)

        return block_intrinsic(FR, emit, backend=backend)

    def emit_neg(e: Emitter, out: ir.Value, a: ir.Value) -> None:
        e.store(e.neg(e.load(a)), out)

    def emit_copy(e: Emitter, out: ir.Value, a: ir.Value) -> None:
        e.store(e.load(a), out)

    def emit_next(e: Emitter, out: ir.Value, a: ir.Value, after: ir.Value) -> None:
        # lane i takes lane i + 1; the last lane takes lane 0 of the block after
        e.store(e.shuffle(e.load(a), range(1, LANES + 1), e.load(after)), out)

    add, sub, mul = binary(Emitter.add), binary(Emitter.sub), binary(Emitter.mul)
    neg = block_intrinsic(FR, emit_neg, backend=backend)
    copy = block_intrinsic(FR, emit_copy, backend=backend)
    following = block_intrinsic(FR, emit_next, backend=backend)

    @helper
    def locate(
        operand: int,
        registers: int,
        register_bytes: int,
        n_registers: int,
        constants: int,
        n_constants: int,
        columns: Any,
        start: int,
        strip: int,
        blocks: int,
        spare: int,
    ) -> tuple[int, int]:
        """Address of the operand's first block in this strip, and the bytes from block to block."""
        if operand < n_registers:
            return registers + register_bytes * operand, BLOCK
        operand -= n_registers
        if operand < n_constants:
            return constants + BLOCK * operand, 0
        operand -= n_constants
        if operand < len(columns):
            return columns[operand] + BLOCK * start, BLOCK
        base = columns[operand - len(columns)]
        for i in range(strip):
            at = start + i
            after = at + 1 if at + 1 < blocks else 0
            following(spare + BLOCK * i, base + BLOCK * at, base + BLOCK * after)
        return spare, BLOCK

    @kernel(
        "void(int32[:,::1], int64, int64, int64, int64, int64[::1], int64[::1], int64, int64, int64, int64)",
        name=f"{backend}_program",
    )
    def run(
        code: Any,
        registers: int,
        n_registers: int,
        constants: int,
        n_constants: int,
        columns: Any,
        outputs: Any,
        strip: int,
        blocks: int,
        begin: int,
        end: int,
    ) -> None:
        """Run `code` on the blocks begin..end, `strip` blocks at a time.

        `registers` points to n_registers + 2 strips (the last two hold next-row operands), `constants` to
        one block each, `columns` and `outputs` hold addresses of whole columns of `blocks` blocks.
        """
        register_bytes = BLOCK * strip
        spare = registers + register_bytes * n_registers
        for start in range(begin, end, strip):
            size = min(strip, end - start)
            for k in range(len(code)):
                op = code[k, 0]
                a, a_step = locate(
                    code[k, 2],
                    registers,
                    register_bytes,
                    n_registers,
                    constants,
                    n_constants,
                    columns,
                    start,
                    size,
                    blocks,
                    spare,
                )
                if op == STORE:
                    out = outputs[code[k, 1]] + BLOCK * start
                    for i in range(size):
                        copy(out + BLOCK * i, a + a_step * i)
                    continue
                out = registers + register_bytes * code[k, 1]
                if op == NEG:
                    for i in range(size):
                        neg(out + BLOCK * i, a + a_step * i)
                    continue
                b, b_step = locate(
                    code[k, 3],
                    registers,
                    register_bytes,
                    n_registers,
                    constants,
                    n_constants,
                    columns,
                    start,
                    size,
                    blocks,
                    spare + register_bytes,
                )
                if op == MUL:
                    for i in range(size):
                        mul(out + BLOCK * i, a + a_step * i, b + b_step * i)
                elif op == ADD:
                    for i in range(size):
                        add(out + BLOCK * i, a + a_step * i, b + b_step * i)
                else:
                    for i in range(size):
                        sub(out + BLOCK * i, a + a_step * i, b + b_step * i)

    return ProgramKernels(run=run)
