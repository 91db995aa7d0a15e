"""Opcode families: which columns and which services a step of the cpu uses.

A family's number is its entry in the opcode table; 0 stands for opcodes that no chip proves, which no row
of the cpu can therefore take.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from zkroll.vm.opcodes import BY_NAME, OPCODES


class Family(IntEnum):
    """The families in the order of the cpu's flag columns, from 1."""

    UNSUPPORTED = 0
    STOP = 1
    ALU1 = 2
    ALU2 = 3
    ALU3 = 4
    EXP = 5
    KECCAK = 6
    CONTEXT = 7
    SELFBALANCE = 8
    CALLDATALOAD = 9
    CALLDATACOPY = 10
    CODECOPY = 11
    RETURNDATASIZE = 12
    PC = 13
    MSIZE = 14
    GAS = 15
    POP = 16
    MLOAD = 17
    MSTORE = 18
    MSTORE8 = 19
    SLOAD = 20
    SSTORE = 21
    JUMP = 22
    JUMPI = 23
    JUMPDEST = 24
    PUSH = 25
    DUP = 26
    SWAP = 27
    LOG = 28
    RETURN = 29
    REVERT = 30
    INVALID = 31


#: families with a flag column
FLAGS: Final[tuple[Family, ...]] = tuple(family for family in Family if family is not Family.UNSUPPORTED)

#: families that price memory, by where the length of the touched range stands
LENGTH_SECOND: Final = (Family.KECCAK, Family.LOG, Family.RETURN, Family.REVERT)
LENGTH_THIRD: Final = (Family.CALLDATACOPY, Family.CODECOPY)
LENGTH_FIXED: Final = (Family.MLOAD, Family.MSTORE, Family.MSTORE8)
EXPANDING: Final = LENGTH_SECOND + LENGTH_THIRD + LENGTH_FIXED

#: families that take the top of the stack, the word below it, and the third
_ONE: Final = (
    Family.ALU1, Family.CALLDATALOAD, Family.POP, Family.MLOAD, Family.SLOAD, Family.JUMP,
)  # fmt: skip
_TWO: Final = (
    Family.ALU2, Family.EXP, Family.KECCAK, Family.MSTORE, Family.MSTORE8, Family.SSTORE, Family.JUMPI,
    Family.LOG, Family.RETURN, Family.REVERT,
)  # fmt: skip
_THREE: Final = (Family.ALU3, Family.CALLDATACOPY, Family.CODECOPY)
TAKES_THIRD: Final = _THREE
TAKES_SECOND: Final = _TWO + _THREE
TAKES_FIRST: Final = (*_ONE, *TAKES_SECOND, Family.SWAP)
#: families that take (and put back) the word at depth ``pops``
TAKES_DEEP: Final = (Family.DUP, Family.SWAP)
#: families that leave a result on top
PUSHING: Final = (
    Family.ALU1, Family.ALU2, Family.ALU3, Family.EXP, Family.KECCAK, Family.CONTEXT, Family.SELFBALANCE,
    Family.CALLDATALOAD, Family.RETURNDATASIZE, Family.PC, Family.MSIZE, Family.GAS, Family.MLOAD,
    Family.SLOAD, Family.PUSH, Family.DUP, Family.SWAP,
)  # fmt: skip
#: families whose result comes from a service that is not asked if the step halts
ANSWERED: Final = (
    Family.ALU1, Family.ALU2, Family.ALU3, Family.KECCAK, Family.CONTEXT, Family.SELFBALANCE,
    Family.CALLDATALOAD, Family.MLOAD,
)  # fmt: skip
#: families that end the context by their own will
ENDING: Final = (Family.STOP, Family.RETURN, Family.REVERT)


def _families() -> dict[int, Family]:
    groups = {
        Family.ALU1: "ISZERO NOT",
        Family.ALU2: "ADD MUL SUB DIV SDIV MOD SMOD SIGNEXTEND LT GT SLT SGT EQ AND OR XOR BYTE SHL SHR SAR",
        Family.ALU3: "ADDMOD MULMOD",
        Family.KECCAK: "KECCAK256",
        Family.CONTEXT: (
            "ADDRESS ORIGIN CALLER CALLVALUE CALLDATASIZE CODESIZE GASPRICE COINBASE TIMESTAMP NUMBER CHAINID"
        ),
        Family.PUSH: " ".join(f"PUSH{n}" for n in range(33)),
        Family.DUP: " ".join(f"DUP{n}" for n in range(1, 17)),
        Family.SWAP: " ".join(f"SWAP{n}" for n in range(1, 17)),
        Family.LOG: " ".join(f"LOG{n}" for n in range(5)),
    }
    table = {BY_NAME[name].byte: family for family, names in groups.items() for name in names.split()}
    for family in FLAGS:
        if family not in groups:
            table[BY_NAME[family.name].byte] = family
    table.update({byte: Family.INVALID for byte in range(256) if byte not in OPCODES})
    return table


_FAMILY_OF: Final = _families()


@dataclass(frozen=True)
class OpcodeRow:
    """One row of the opcode table: what the cpu looks up for an opcode."""

    opcode: int
    family: Family
    pops: int
    pushes: int
    static_gas: int


def _row(byte: int) -> OpcodeRow:
    family = _FAMILY_OF.get(byte, Family.UNSUPPORTED)
    known = OPCODES.get(byte)
    if known is None or family in (Family.INVALID, Family.UNSUPPORTED):
        return OpcodeRow(byte, family, 0, 0, 0)
    return OpcodeRow(byte, family, known.pops, known.pushes, known.gas)


#: the table, by opcode
OPCODE_ROWS: Final = tuple(_row(byte) for byte in range(256))

#: opcodes that a proof may contain (bytes that Cancun does not define halt, and are among them)
SUPPORTED: Final = frozenset(row.opcode for row in OPCODE_ROWS if row.family is not Family.UNSUPPORTED)


def by_opcode(field: str) -> NDArray[np.int64]:
    """One entry of the table as an array indexed by opcode."""
    return np.array([int(getattr(row, field)) for row in OPCODE_ROWS], dtype=np.int64)


def is_in(families: NDArray[np.int64], group: tuple[Family, ...]) -> NDArray[np.bool_]:
    """Which steps are of a group of families."""
    table = np.zeros(len(Family), dtype=np.bool_)
    table[list(group)] = True
    return table[families]


__all__ = [
    "ANSWERED", "ENDING", "EXPANDING", "FLAGS", "LENGTH_FIXED", "LENGTH_SECOND", "LENGTH_THIRD",
    "OPCODE_ROWS", "PUSHING", "SUPPORTED", "TAKES_DEEP", "TAKES_FIRST", "TAKES_SECOND", "TAKES_THIRD",
    "Family", "OpcodeRow", "by_opcode", "is_in",
]  # fmt: skip
