"""Every opcode of Cancun as one immutable record: plain data, from which other layers build their tables.

`pops` is how many words must be on the stack, `pushes` how many stand there in their place afterwards, so a
step needs `stack >= pops` and `stack - pops + pushes <= 1024`; DUPn counts as n → n+1 and SWAPn as n+1 → n+1.
`gas` is what the step costs before anything depends on operands, memory or warmth; 0 where all of it does
(SLOAD). `CORE` is the set that the rollup's machine runs; the Ethereum machine runs every one that has an
instruction.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from . import gas


class Family(StrEnum):
    """The file of `zkroll.vm.instructions` that holds an opcode."""

    ARITHMETIC = "arithmetic"
    COMPARISON = "comparison"
    BITWISE = "bitwise"
    KECCAK = "keccak"
    ENVIRONMENT = "environment"
    BLOCK = "block"
    STACK = "stack"
    MEMORY = "memory"
    STORAGE = "storage"
    FLOW = "flow"
    LOG = "log"
    SYSTEM = "system"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class Opcode:
    """One opcode: its byte, name, stack effect, static gas and family."""

    byte: int
    name: str
    pops: int
    pushes: int
    gas: int
    family: Family


def _table() -> dict[int, Opcode]:
    A, C, B = Family.ARITHMETIC, Family.COMPARISON, Family.BITWISE
    E, K, S = Family.ENVIRONMENT, Family.BLOCK, Family.STACK
    M, T, F, Y = Family.MEMORY, Family.STORAGE, Family.FLOW, Family.SYSTEM
    rows: list[tuple[int, str, int, int, int, Family]] = [
        (0x00, "STOP", 0, 0, gas.ZERO, Y),
        (0x01, "ADD", 2, 1, gas.VERY_LOW, A),
        (0x02, "MUL", 2, 1, gas.LOW, A),
        (0x03, "SUB", 2, 1, gas.VERY_LOW, A),
        (0x04, "DIV", 2, 1, gas.LOW, A),
        (0x05, "SDIV", 2, 1, gas.LOW, A),
        (0x06, "MOD", 2, 1, gas.LOW, A),
        (0x07, "SMOD", 2, 1, gas.LOW, A),
        (0x08, "ADDMOD", 3, 1, gas.MID, A),
        (0x09, "MULMOD", 3, 1, gas.MID, A),
        (0x0A, "EXP", 2, 1, gas.HIGH, A),
        (0x0B, "SIGNEXTEND", 2, 1, gas.LOW, A),
        (0x10, "LT", 2, 1, gas.VERY_LOW, C),
        (0x11, "GT", 2, 1, gas.VERY_LOW, C),
        (0x12, "SLT", 2, 1, gas.VERY_LOW, C),
        (0x13, "SGT", 2, 1, gas.VERY_LOW, C),
        (0x14, "EQ", 2, 1, gas.VERY_LOW, C),
        (0x15, "ISZERO", 1, 1, gas.VERY_LOW, C),
        (0x16, "AND", 2, 1, gas.VERY_LOW, B),
        (0x17, "OR", 2, 1, gas.VERY_LOW, B),
        (0x18, "XOR", 2, 1, gas.VERY_LOW, B),
        (0x19, "NOT", 1, 1, gas.VERY_LOW, B),
        (0x1A, "BYTE", 2, 1, gas.VERY_LOW, B),
        (0x1B, "SHL", 2, 1, gas.VERY_LOW, B),
        (0x1C, "SHR", 2, 1, gas.VERY_LOW, B),
        (0x1D, "SAR", 2, 1, gas.VERY_LOW, B),
        (0x20, "KECCAK256", 2, 1, gas.KECCAK256, Family.KECCAK),
        (0x30, "ADDRESS", 0, 1, gas.BASE, E),
        (0x31, "BALANCE", 1, 1, gas.ZERO, E),
        (0x32, "ORIGIN", 0, 1, gas.BASE, E),
        (0x33, "CALLER", 0, 1, gas.BASE, E),
        (0x34, "CALLVALUE", 0, 1, gas.BASE, E),
        (0x35, "CALLDATALOAD", 1, 1, gas.VERY_LOW, E),
        (0x36, "CALLDATASIZE", 0, 1, gas.BASE, E),
        (0x37, "CALLDATACOPY", 3, 0, gas.VERY_LOW, E),
        (0x38, "CODESIZE", 0, 1, gas.BASE, E),
        (0x39, "CODECOPY", 3, 0, gas.VERY_LOW, E),
        (0x3A, "GASPRICE", 0, 1, gas.BASE, E),
        (0x3B, "EXTCODESIZE", 1, 1, gas.ZERO, E),
        (0x3C, "EXTCODECOPY", 4, 0, gas.ZERO, E),
        (0x3D, "RETURNDATASIZE", 0, 1, gas.BASE, E),
        (0x3E, "RETURNDATACOPY", 3, 0, gas.VERY_LOW, E),
        (0x3F, "EXTCODEHASH", 1, 1, gas.ZERO, E),
        (0x40, "BLOCKHASH", 1, 1, gas.BLOCK_HASH, K),
        (0x41, "COINBASE", 0, 1, gas.BASE, K),
        (0x42, "TIMESTAMP", 0, 1, gas.BASE, K),
        (0x43, "NUMBER", 0, 1, gas.BASE, K),
        (0x44, "PREVRANDAO", 0, 1, gas.BASE, K),
        (0x45, "GASLIMIT", 0, 1, gas.BASE, K),
        (0x46, "CHAINID", 0, 1, gas.BASE, K),
        (0x47, "SELFBALANCE", 0, 1, gas.LOW, E),
        (0x48, "BASEFEE", 0, 1, gas.BASE, K),
        (0x49, "BLOBHASH", 1, 1, gas.BLOB_HASH, K),
        (0x4A, "BLOBBASEFEE", 0, 1, gas.BASE, K),
        (0x50, "POP", 1, 0, gas.BASE, S),
        (0x51, "MLOAD", 1, 1, gas.VERY_LOW, M),
        (0x52, "MSTORE", 2, 0, gas.VERY_LOW, M),
        (0x53, "MSTORE8", 2, 0, gas.VERY_LOW, M),
        (0x54, "SLOAD", 1, 1, gas.ZERO, T),
        (0x55, "SSTORE", 2, 0, gas.ZERO, T),
        (0x56, "JUMP", 1, 0, gas.MID, F),
        (0x57, "JUMPI", 2, 0, gas.HIGH, F),
        (0x58, "PC", 0, 1, gas.BASE, F),
        (0x59, "MSIZE", 0, 1, gas.BASE, M),
        (0x5A, "GAS", 0, 1, gas.BASE, F),
        (0x5B, "JUMPDEST", 0, 0, gas.JUMPDEST, F),
        (0x5C, "TLOAD", 1, 1, gas.WARM_ACCESS, T),
        (0x5D, "TSTORE", 2, 0, gas.WARM_ACCESS, T),
        (0x5E, "MCOPY", 3, 0, gas.VERY_LOW, M),
        (0x5F, "PUSH0", 0, 1, gas.BASE, S),
        *((0x5F + n, f"PUSH{n}", 0, 1, gas.VERY_LOW, S) for n in range(1, 33)),
        *((0x7F + n, f"DUP{n}", n, n + 1, gas.VERY_LOW, S) for n in range(1, 17)),
        *((0x8F + n, f"SWAP{n}", n + 1, n + 1, gas.VERY_LOW, S) for n in range(1, 17)),
        *((0xA0 + n, f"LOG{n}", n + 2, 0, gas.LOG + n * gas.LOG_TOPIC, Family.LOG) for n in range(5)),
        (0xF0, "CREATE", 3, 1, gas.CREATE, Family.CALL),
        (0xF1, "CALL", 7, 1, gas.ZERO, Family.CALL),
        (0xF2, "CALLCODE", 7, 1, gas.ZERO, Family.CALL),
        (0xF3, "RETURN", 2, 0, gas.ZERO, Y),
        (0xF4, "DELEGATECALL", 6, 1, gas.ZERO, Family.CALL),
        (0xF5, "CREATE2", 4, 1, gas.CREATE, Family.CALL),
        (0xFA, "STATICCALL", 6, 1, gas.ZERO, Family.CALL),
        (0xFD, "REVERT", 2, 0, gas.ZERO, Y),
        (0xFE, "INVALID", 0, 0, gas.ZERO, Y),
        (0xFF, "SELFDESTRUCT", 1, 0, gas.SELF_DESTRUCT, Y),
    ]
    return {row[0]: Opcode(*row) for row in rows}


OPCODES: Final[dict[int, Opcode]] = _table()
BY_NAME: Final[dict[str, Opcode]] = {opcode.name: opcode for opcode in OPCODES.values()}

_NOT_CORE = (
    "BALANCE EXTCODESIZE EXTCODECOPY EXTCODEHASH RETURNDATACOPY BLOCKHASH PREVRANDAO GASLIMIT BASEFEE "
    "BLOBHASH BLOBBASEFEE TLOAD TSTORE MCOPY CREATE CALL CALLCODE DELEGATECALL CREATE2 STATICCALL "
    "SELFDESTRUCT"
)
CORE: Final[frozenset[int]] = frozenset(OPCODES) - {BY_NAME[name].byte for name in _NOT_CORE.split()}


def name(byte: int) -> str:
    """The opcode's name, or its byte in hex where Cancun defines none."""
    opcode = OPCODES.get(byte)
    return opcode.name if opcode else f"0x{byte:02x}"
