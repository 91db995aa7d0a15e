"""Straight-line programs over columns of Fr, interpreted a strip of rows at a time.

A program is an int32 array of rows (op, dst, a, b). Operands a and b share one space: registers [0, R), then
constants [R, R + K), then columns at the current row [R + K, R + K + C), then columns at the next row
[R + K + C, R + K + 2·C), where the row after the last is the first. One strip of each register stays in the
cache, so an instruction costs little more than its arithmetic and no code is compiled per program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.field import Block, address, fr
from zkroll.algebra.kernels.emit import BLOCK_BYTES, LANES, LIMBS
from zkroll.algebra.kernels.program_kernels import ADD, MUL, NEG, STORE, SUB, program_kernels
from zkroll.algebra.kernels.threads import map_ranges
from zkroll.errors import InputError

__all__ = ["ADD", "MUL", "NEG", "STORE", "SUB", "Program", "run"]

_CACHE_BYTES = 1 << 18  # registers of one thread: well inside a second-level cache
_STRIP = (8, 32)  # fewest and most blocks per strip


@dataclass(frozen=True, eq=False)
class Program:
    """A checked program; raises InputError for a row that names no operation, register, operand or output.

    A register must be written (by an earlier row) before it is read.
    """

    n_registers: int
    code: NDArray[np.int32]
    n_constants: int
    n_columns: int
    n_outputs: int

    def __post_init__(self) -> None:
        code = np.array(
            self.code, dtype=np.int32, order="C"
        )  # a private copy: it cannot change after the check
        if code.ndim != 2 or code.shape[1] != 4:
            raise InputError(f"program: expected code of shape (m, 4), got {np.shape(self.code)}")
        if not np.array_equal(code, self.code):
            raise InputError("program: expected code in the range of int32")
        counts = (self.n_registers, self.n_constants, self.n_columns, self.n_outputs)
        if min(counts) < 0:
            raise InputError(f"program: expected counts of at least zero, got {counts}")
        code.setflags(write=False)
        object.__setattr__(self, "code", code)
        self._check_indices()
        self._check_order()

    def _check_indices(self) -> None:
        op, dst, a, b = self.code.T
        operands = self.n_registers + self.n_constants + 2 * self.n_columns
        _refuse("operation", op, (op < ADD) | (op > NEG), NEG + 1)
        _refuse("output", dst, (op == STORE) & ((dst < 0) | (dst >= self.n_outputs)), self.n_outputs)
        _refuse("register", dst, (op != STORE) & ((dst < 0) | (dst >= self.n_registers)), self.n_registers)
        _refuse("operand a", a, (a < 0) | (a >= operands), operands)
        unary = (op == STORE) | (op == NEG)
        _refuse("operand b", b, ~unary & ((b < 0) | (b >= operands)), operands)

    def _check_order(self) -> None:
        op, dst, a, b = self.code.T
        rows = np.arange(len(self.code))
        never = len(self.code)
        written = np.full(self.n_registers, never)
        writes = op != STORE
        np.minimum.at(written, dst[writes], rows[writes])
        for name, operand, used in (
            ("a", a, np.ones(len(rows), bool)),
            ("b", b, (op != STORE) & (op != NEG)),
        ):
            reads = used & (operand < self.n_registers)
            early = rows[reads][written[operand[reads]] >= rows[reads]]
            if len(early):
                row = int(early[0])
                raise InputError(
                    f"program: row {row}: operand {name}: expected a register written before, "
                    f"got {operand[row]}"
                )


def run(
    program: Program,
    constants: Sequence[int],
    columns: Sequence[Block] | Block,
    n: int,
    threads: int | None = None,
) -> Block:
    """Run `program` on all n rows and return its outputs (n_outputs, n/8, 5, 8), zero where never stored.

    `columns` are block arrays of n elements each (n a power of two, at least 8); they are only read. Raises
    InputError when a count or shape does not match the program.
    """
    if n < LANES or n & (n - 1):
        raise InputError(f"program.run: expected n a power of two of at least {LANES}, got {n}")
    if len(constants) != program.n_constants or len(columns) != program.n_columns:
        raise InputError(
            f"program.run: expected {program.n_constants} constants and {program.n_columns} columns, "
            f"got {len(constants)} and {len(columns)}"
        )
    blocks = n // LANES
    held = [_column(column, i, blocks) for i, column in enumerate(columns)]
    fixed = np.empty((program.n_constants, LIMBS, LANES), dtype=np.uint64)
    for i, value in enumerate(constants):
        fixed[i] = fr.full(LANES, value)[0]
    stored = np.unique(program.code[program.code[:, 0] == STORE, 1])
    make = np.empty if len(stored) == program.n_outputs else np.zeros
    outputs: Block = make((program.n_outputs, blocks, LIMBS, LANES), dtype=np.uint64)
    column_addresses = np.array([address(column) for column in held], dtype=np.int64)
    output_addresses = np.array([address(output) for output in outputs], dtype=np.int64)
    strip = max(_STRIP[0], min(_STRIP[1], _CACHE_BYTES // (BLOCK_BYTES * (program.n_registers + 2))))
    kernel, code = (
        program_kernels(fr.backend).run,
        program.code.copy(),
    )  # the kernel's type is a writable array

    def run_range(begin: int, end: int) -> None:
        registers = np.empty((program.n_registers + 2) * strip * LIMBS * LANES, dtype=np.uint64)
        kernel(
            code,
            address(registers),
            program.n_registers,
            address(fixed),
            program.n_constants,
            column_addresses,
            output_addresses,
            strip,
            blocks,
            begin,
            end,
        )

    map_ranges(run_range, blocks, threads, max(_STRIP[0], 4096 // max(1, len(program.code))))
    return outputs


def _column(column: Block, index: int, blocks: int) -> Block:
    if column.shape != (blocks, LIMBS, LANES) or column.dtype != np.uint64:
        raise InputError(
            f"program.run: column {index}: expected ({blocks}, 5, 8) uint64, "
            f"got {column.shape} {column.dtype}"
        )
    return np.ascontiguousarray(column)


def _refuse(what: str, values: NDArray[Any], wrong: NDArray[np.bool_], limit: int) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(f"program: row {row}: {what}: expected 0..{limit - 1}, got {values[row]}")
