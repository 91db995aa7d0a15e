"""Contracts that compute circomlib's Poseidon of 2 to 5 inputs, as bytecode that this module writes.

A call's data is the inputs, 32 bytes each, and nothing else: no selector. The contract returns 32 bytes, or
reverts for data of another length and for an input that is not below r. The code is one straight line without
loops, about three times as cheap as a translation of the definition; its plan is
`zkroll.rollup.l1.poseidon_form.poseidon_permutation`. Constants come out of `zkroll.algebra.reference.poseidon`.

>>> [len(poseidon_runtime(inputs)) < 24_576 for inputs in INPUTS]
[True, True, True, True]
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from zkroll.algebra.constants import R_MODULUS
from zkroll.errors import InputError
from zkroll.rollup.l1.evm_stack import MODULUS, FieldStack
from zkroll.rollup.l1.poseidon_form import HALF, ShiftForm, shift_form
from zkroll.rollup.l1.yul import LARGEST_CODE, creation_code

INPUTS: Final = range(2, 6)
_IN_MEMORY_FROM: Final = 6
"""Elements from which on matrices are read from memory, as their constants would not all fit into the code."""


@lru_cache(maxsize=len(INPUTS))
def poseidon_runtime(inputs: int) -> bytes:
    """The deployed code for 2 to 5 inputs; raises InputError for another number."""
    if inputs not in INPUTS:
        raise InputError(f"poseidon contract: expected 2 to 5 inputs, got {inputs}")
    code = _Hash(shift_form(inputs + 1)).write()
    if len(code) > LARGEST_CODE:
        raise InputError(
            f"poseidon contract of {inputs} inputs: expected {LARGEST_CODE} bytes, got {len(code)}"
        )
    return code


def poseidon_creation(inputs: int) -> bytes:
    """The data of the transaction that deploys `poseidon_runtime(inputs)`."""
    return creation_code(poseidon_runtime(inputs))


class _Hash:
    """Writes the code of one width t. Elements of the state are x0..x(t-1), those of the register y1..y(t-1).

    The stack from below: the constants of the partial rounds, r, the state with x0 or u on top.
    """

    def __init__(self, form: ShiftForm) -> None:
        self._form = form
        self._width = len(form.matrix)
        self._order = range(self._width - 1, -1, -1)  # of the state on the stack, from below
        register = range(1, self._width)
        filters = {"direct": form.direct}
        filters |= {f"tap{i}": value for i, value in zip(register, form.taps, strict=True)}
        filters |= {f"feedback{i}": value for i, value in zip(register, form.feedback, strict=True)}
        matrix = {f"m{i},{j}": value for i, row in enumerate(form.matrix) for j, value in enumerate(row)}
        self._register = list(register)
        self._filters = filters
        self._stack = FieldStack({MODULUS: R_MODULUS, **filters, **matrix})
        self._in_memory = matrix if self._width >= _IN_MEMORY_FROM else {}

    def write(self) -> bytes:
        """The whole code."""
        stack = self._stack
        for number, name in enumerate(self._in_memory):
            stack.keep(name, 32 * number)
        for name, value in self._filters.items():
            stack.push(value, name)
        stack.push(R_MODULUS, MODULUS)
        self._load()
        names = [[f"m{i},{j}" for j in range(self._width)] for i in range(self._width)]
        self._first_round(names)
        for row in self._form.constants[1 : HALF - 1]:
            self._boxes(row)
            self._linear(names)
        self._boxes(self._form.constants[HALF - 1])
        self._linear(self._form.enter)
        for scalar in self._form.scalars:
            self._partial_round(scalar)
        self._leave()
        for row in self._form.constants[HALF:-1]:
            self._boxes(row)
            self._linear(names)
        self._boxes(self._form.constants[-1])
        self._row(names[0])
        stack.reduce()
        stack.push(0)
        stack.op("mstore")
        stack.push(32)
        stack.push(0)
        stack.op("return")
        return bytes(stack.code)

    def _load(self) -> None:
        """x1..x(t-1) from the calldata; reverts unless there are just so many words, each below r."""
        stack = self._stack
        for index in self._order[:-1]:
            stack.push(32 * (index - 1))
            stack.op("calldataload")
            stack.dropped()
            stack.pushed(f"x{index}", 1)  # below r wherever the check that follows lets pass
        stack.op("calldatasize")
        stack.pushed("")
        stack.push(32 * (self._width - 1))
        stack.op("eq")
        stack.dropped()
        for index in self._order[:-1]:
            stack.fetch(MODULUS)
            stack.fetch(f"x{index}")
            stack.op("lt", "and")
            stack.dropped(2)
        # PUSH2 there, JUMPI, revert(0, 0), there: JUMPDEST
        there = len(stack.code) + 7
        stack.code += b"\x61" + there.to_bytes(2, "big") + b"\x57\x5f\x5f\xfd\x5b"
        stack.dropped()

    def _first_round(self, names: Sequence[Sequence[str]]) -> None:
        """The round of x0 = 0, whose part in every sum is a constant."""
        row = self._form.constants[0]
        boxed = pow(row[0], 5, R_MODULUS)
        offsets = [line[0] * boxed % R_MODULUS for line in self._form.matrix]
        for index in range(1, self._width):
            self._box(f"x{index}", row[index])
        for index in self._order:
            self._stack.push(offsets[index])
            self._row(names[index], range(1, self._width), begun=True)
            self._stack.rename(f"new{index}")
        self._replace([f"x{index}" for index in range(1, self._width)])

    def _boxes(self, row: Sequence[int]) -> None:
        """x = (x + c)^5 of every element."""
        for index, constant in enumerate(row):
            self._box(f"x{index}", constant)

    def _box(self, name: str, constant: int) -> None:
        stack = self._stack
        stack.bring(name)
        stack.push(constant)
        stack.add()
        stack.rename(name)
        stack.product(name, name)
        stack.rename("square")
        stack.fetch(MODULUS)
        stack.bring("square")
        stack.fetch("square")
        stack.multiply()
        stack.fetch(MODULUS)
        stack.bring(name)
        stack.multiply()
        stack.rename(name)

    def _linear(self, matrix: Sequence[Sequence[int | str]]) -> None:
        """x = matrix·x; entries are integers or names of constants."""
        for index in self._order:
            self._row(matrix[index])
            self._stack.rename(f"new{index}")
        self._replace([f"x{index}" for index in range(self._width)])

    def _row(
        self, row: Sequence[int | str], columns: Sequence[int] | None = None, *, begun: bool = False
    ) -> None:
        """Σ row_j·x_j on top, added to the top where `begun`; a zero costs nothing and a one no product."""
        stack = self._stack
        for column in range(self._width) if columns is None else columns:
            entry = row[column]
            if entry == 0:
                continue
            if entry == 1:
                stack.fetch(f"x{column}")
            elif isinstance(entry, str):
                stack.product(entry, f"x{column}")
            else:
                stack.fetch(MODULUS)
                stack.push(entry)
                stack.fetch(f"x{column}")
                stack.multiply()
            if begun:
                stack.add()
            begun = True

    def _replace(self, old: Sequence[str]) -> None:
        """Drop the old elements from below the new ones, which become x0..x(t-1)."""
        stack = self._stack
        for name in old:
            stack.bring(name)
            stack.pop()
        stack.renumber({f"new{index}": f"x{index}" for index in self._order})

    def _partial_round(self, scalar: int) -> None:
        """s = (x0 + c)^5, u = m·s + Σ taps·y, then the register moves on by s + Σ feedback·y."""
        stack, register = self._stack, self._register
        self._box("x0", scalar)
        stack.rename("s")
        stack.product("direct", "s")
        for index in register:
            stack.product(f"tap{index}", f"x{index}")
            stack.add()
        stack.rename("u")
        stack.bring("s")
        for index in register:
            stack.product(f"feedback{index}", f"x{index}")
            stack.add()
        stack.rename("new")
        stack.bring(f"x{register[-1]}")
        stack.pop()
        stack.renumber({"new": "x1", "u": "x0", **{f"x{i}": f"x{i + 1}" for i in register[:-1]}})

    def _leave(self) -> None:
        """The register y becomes x1..x(t-1) = B·y."""
        rows: list[list[int | str]] = [[1, *[0] * (self._width - 1)]]
        rows += [[0, *row] for row in self._form.basis]
        self._linear(rows)
