"""Poseidon permutations over Fr, eight per block, several blocks side by side so that latencies overlap."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from llvmlite import ir

from zkroll.algebra.kernels.emit import FR, I64, Backend, Emitter, Value, block_intrinsic
from zkroll.algebra.kernels.jit import family, helper, kernel

BLOCK = 320
ROW = 40  # bytes of a compact constant
GROUPS = 4  # blocks in flight
WIDEST = 17
FACTOR = Fraction(11, 10)  # bound of the compact constants


@dataclass(frozen=True)
class PoseidonKernels:
    """The kernel, compiled on first use."""

    hash: Any  # see `hash_blocks` below


@family
def poseidon_kernels(backend: Backend) -> PoseidonKernels:
    """Return the kernel on `backend`."""

    def emit_sbox(e: Emitter, at: ir.Value, constant: ir.Value) -> None:
        x = e.tidy(e.add(e.load(at), e.load_broadcast(constant, bound=FACTOR)))
        e.store(e.mul(e.sqr(e.sqr(x)), x), at)

    def emit_dot(e: Emitter, out: ir.Value, state: ir.Value, row: ir.Value, width: ir.Value) -> None:
        def term(i: ir.Value) -> tuple[Value, Value]:
            b = e.builder
            element = b.add(state, b.mul(i, ir.Constant(I64, BLOCK)))
            factor = b.add(row, b.mul(i, ir.Constant(I64, ROW)))
            return e.load(element), e.load_broadcast(factor, bound=FACTOR)

        e.store(e.dot(width, WIDEST, term), out)

    def emit_multiply_add(e: Emitter, at: ir.Value, x: ir.Value, factor: ir.Value) -> None:
        product = e.mul(e.load(x), e.load_broadcast(factor, bound=FACTOR))
        e.store(e.add(e.load(at), product), at)

    def emit_copy(e: Emitter, out: ir.Value, a: ir.Value) -> None:
        e.store(e.load(a), out)

    def emit_clear(e: Emitter, out: ir.Value) -> None:
        e.store(e.raw(0, 1), out)

    sbox = block_intrinsic(FR, emit_sbox, backend=backend)
    dot = block_intrinsic(FR, emit_dot, backend=backend)
    multiply_add = block_intrinsic(FR, emit_multiply_add, backend=backend)
    copy = block_intrinsic(FR, emit_copy, backend=backend)
    clear = block_intrinsic(FR, emit_clear, backend=backend)

    @helper
    def full_round(state: int, other: int, constants: int, matrix: int, width: int, groups: int) -> None:
        """other = M·(state + c)^5; state is left in between."""
        size = BLOCK * width
        for i in range(width):
            for g in range(groups):
                sbox(state + size * g + BLOCK * i, constants + ROW * i)
        for i in range(width):
            for g in range(groups):
                dot(other + size * g + BLOCK * i, state + size * g, matrix + ROW * width * i, width)

    @helper
    def partial_round(
        state: int, other: int, constant: int, row: int, column: int, width: int, groups: int
    ) -> None:
        """x_0 = (x_0 + k)^5, then x = (row·x, x_1 + column_1·x_0, …)."""
        size = BLOCK * width
        for g in range(groups):
            sbox(state + size * g, constant)
        for g in range(groups):
            dot(other + size * g, state + size * g, row, width)
        for i in range(1, width):
            for g in range(groups):
                multiply_add(state + size * g + BLOCK * i, state + size * g, column + ROW * (i - 1))
        for g in range(groups):
            copy(state + size * g, other + size * g)

    @kernel(
        "void(int64,int64[::1],int64,int64,int64,int64,int64,int64,int64,int64,int64)",
        name=f"{backend}_poseidon",
    )
    def hash_blocks(
        out: int,
        inputs: Any,
        scratch: int,
        constants: int,
        matrices: int,
        scalars: int,
        rows: int,
        columns: int,
        partial: int,
        begin: int,
        end: int,
    ) -> None:
        """Hash the blocks begin..end of len(inputs) input columns (addresses) into `out`.

        `scratch` holds 2·GROUPS·width blocks. Compact tables: constants (8, t) of the full rounds, matrices
        (2, t, t): M, and the one of the last full round before the partial ones, scalars (partial),
        rows (partial, t) and columns (partial, t - 1) of the partial rounds.
        """
        width = len(inputs) + 1
        size = BLOCK * width
        for start in range(begin, end, GROUPS):
            groups = min(GROUPS, end - start)
            state, other = scratch, scratch + size * GROUPS
            for g in range(groups):
                clear(state + size * g)
                for i in range(1, width):
                    copy(state + size * g + BLOCK * i, inputs[i - 1] + BLOCK * (start + g))
            for r in range(8):
                matrix = matrices + (ROW * width * width if r == 3 else 0)
                full_round(state, other, constants + ROW * width * r, matrix, width, groups)
                state, other = other, state
                if r == 3:
                    for k in range(partial):
                        row, column = rows + ROW * width * k, columns + ROW * (width - 1) * k
                        partial_round(state, other, scalars + ROW * k, row, column, width, groups)
            for g in range(groups):
                copy(out + BLOCK * (start + g), state + size * g)

    return PoseidonKernels(hash=hash_blocks)
