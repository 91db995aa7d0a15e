"""Values of polynomials at one point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from zkroll.algebra.kernels.emit import BLOCK_BYTES, FR, I64, Backend, Emitter, Value, block_intrinsic
from zkroll.algebra.kernels.jit import family, kernel

TERMS = 64  # products that are added before a reduction


@dataclass(frozen=True)
class EvaluateKernels:
    """The kernels, compiled on first use."""

    evaluate: Any  # (result, coefficients, powers, step: block, chunk <= TERMS, blocks, begin, end)


@family
def evaluate_kernels(backend: Backend) -> EvaluateKernels:
    """Return the kernels on `backend`."""

    def emit_chunk(
        e: Emitter, total: ir.Value, step: ir.Value, a: ir.Value, powers: ir.Value, count: ir.Value
    ) -> None:
        """total = total·step + Σ a_i·powers_i, i < count."""

        def term(i: ir.Value) -> tuple[Value, Value]:
            offset = e.builder.mul(i, ir.Constant(I64, BLOCK_BYTES))
            return e.load(e.builder.add(a, offset)), e.load(e.builder.add(powers, offset))

        products = e.dot(count, TERMS, term)
        e.store(e.add(e.mul(e.load(total), e.load(step)), products), total)

    add_chunk = block_intrinsic(FR, emit_chunk, backend=backend)

    @kernel("void(int64,int64,int64,int64,int64,int64,int64,int64)", name=f"{backend}_ntt_evaluate")
    def evaluate(
        result: int, coefficients: int, powers: int, step: int, chunk: int, blocks: int, begin: int, end: int
    ) -> None:
        """Horner over chunks, inner products with powers inside; one block of partial sums a column."""
        for column in range(begin, end):
            total = result + BLOCK_BYTES * column
            start = (blocks - 1) // chunk * chunk
            while start >= 0:
                at = coefficients + BLOCK_BYTES * (column * blocks + start)
                add_chunk(total, step, at, powers, min(chunk, blocks - start))
                start -= chunk

    return EvaluateKernels(evaluate=evaluate)
