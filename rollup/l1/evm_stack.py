"""Straight-line code for the EVM over Fr, written with names instead of stack positions.

`FieldStack` knows the name of every element of the stack and how large it can be, as a multiple of r: products
come out of MULMOD below r, sums are plain ADDs as long as they fit in 256 bits, which five elements below r do, and
ADDMODs where they would not. No value is ever wrong by a wrap around 2^256.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zkroll.algebra.constants import R_MODULUS
from zkroll.errors import RollupError
from zkroll.rollup.l1.yul_text import OPCODES

MODULUS: Final = "r"
"""The name of the stack element that holds r."""

_FITTING: Final = ((1 << 256) - 1) // R_MODULUS  # sums of so many elements are below 2^256
_REACH: Final = 16  # of DUP and SWAP


@dataclass(frozen=True)
class _Element:
    name: str
    bound: int  # the value is at most bound·r, or at most 2^256 - 1 where bound is _FITTING + 1


class FieldStack:
    """Code under construction, with the stack as it stands after it.

    `constants` are values by name: pushed where DUP cannot reach an element of that name. Every method that
    consumes or copies says what it needs on top; RollupError tells of code that would not do what it says.
    """

    def __init__(self, constants: dict[str, int] | None = None) -> None:
        self.code = bytearray()
        self._stack: list[_Element] = []
        self._constants = dict(constants or {})
        self._cells: dict[str, int] = {}

    @property
    def names(self) -> list[str]:
        """The names on the stack, the top last."""
        return [element.name for element in self._stack]

    def op(self, *names: str) -> None:
        """Instructions by name, whose effect on the stack the caller tells with `pushed` and `dropped`."""
        self.code += bytes(OPCODES[name][0] for name in names)

    def push(self, value: int, name: str = "") -> None:
        """The shortest PUSH of a value below 2^256."""
        data = value.to_bytes((value.bit_length() + 7) // 8, "big")
        self.code += bytes([0x5F + len(data)]) + data
        self.pushed(name, 1 if value <= R_MODULUS else _FITTING + 1)

    def pushed(self, name: str, bound: int = _FITTING + 1) -> None:
        """Record an element that instructions of the caller's own left on top."""
        self._stack.append(_Element(name, bound))

    def dropped(self, count: int = 1) -> None:
        """Record that instructions of the caller's own took elements from the top."""
        del self._stack[len(self._stack) - count :]

    def keep(self, name: str, cell: int) -> None:
        """Store the constant of this name in memory at `cell` (bytes), for `fetch` beyond DUP's reach."""
        self.push(self._constants[name])
        self.push(cell)
        self.op("mstore")
        self.dropped(2)
        self._cells[name] = cell

    def fetch(self, name: str) -> None:
        """A copy of what has this name: by DUP, else from memory, else the constant."""
        for depth, element in enumerate(reversed(self._stack[-_REACH:]), start=1):
            if element.name == name:
                self.code.append(0x7F + depth)
                self._stack.append(_Element("", element.bound))
                return
        if name in self._cells:
            self.push(self._cells[name])
            self.op("mload")
            self.dropped()
            self.pushed("", 1)
        elif name in self._constants:
            self.push(self._constants[name])
        else:
            raise RollupError(f"EVM code: expected {name} in reach of DUP, got {self.names}")

    def rename(self, name: str) -> None:
        """Give the top another name."""
        self._stack[-1] = _Element(name, self._stack[-1].bound)

    def renumber(self, names: dict[str, str]) -> None:
        """Give several elements other names at once."""
        self._stack = [_Element(names.get(e.name, e.name), e.bound) for e in self._stack]

    def bring(self, name: str) -> None:
        """Swap the element of this name with the top."""
        depth = len(self._stack) - 1 - self.names.index(name)
        if depth > _REACH:
            raise RollupError(f"EVM code: expected {name} in reach of SWAP, got {self.names}")
        if depth:
            self.code.append(0x8F + depth)
            stack = self._stack
            stack[-1], stack[-1 - depth] = stack[-1 - depth], stack[-1]

    def pop(self) -> None:
        """Drop the top."""
        self.op("pop")
        self.dropped()

    def multiply(self) -> None:
        """MULMOD of the two elements on top by r, which has to lie below them."""
        self._modular("mulmod")

    def add(self) -> None:
        """The sum of the two elements on top: by ADD, or by ADDMOD where it may be 2^256 or more."""
        bound = self._stack[-1].bound + self._stack[-2].bound
        if bound <= _FITTING:
            self.op("add")
            self.dropped(2)
            self.pushed("", bound)
            return
        self.fetch(MODULUS)
        self.code.append(0x91)  # SWAP2: r below the two, whose order does not matter
        self._stack.insert(-2, self._stack.pop())
        self._modular("addmod")

    def reduce(self) -> None:
        """The top modulo r."""
        self.fetch(MODULUS)
        self.code.append(0x90)  # SWAP1
        self.op("mod")
        self.dropped(2)
        self.pushed("", 1)

    def product(self, left: str, right: str) -> None:
        """The product of copies of two named elements."""
        self.fetch(MODULUS)
        self.fetch(left)
        self.fetch(right)
        self._modular("mulmod")

    def _modular(self, name: str) -> None:
        self.op(name)
        self.dropped(3)
        self.pushed("", 1)
