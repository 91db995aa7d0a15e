"""Contracts that use every supported opcode, through all chips of the batch machine."""

from __future__ import annotations

import pytest

from zkroll.circuits.chips.cpu.support import supported_opcodes
from zkroll.rollup.batch import Batch
from zkroll.rollup.development import DEVELOPMENT_CHAIN_ID
from zkroll.rollup.executor import execute_batch
from zkroll.rollup.genesis import Account
from zkroll.rollup.prove import check_batch
from zkroll.rollup.transaction import Transaction
from zkroll.rollup.wallet import insecure_dev_wallet
from zkroll.vm.opcodes import BY_NAME, OPCODES

SENDER = insecure_dev_wallet(0)
CONTRACT = 0xC0DE00
EDGES = [0, 1, 7, 2**128 - 1, 2**128, 2**255 - 1, 2**255, 2**256 - 1, 2**256 - 5]
SHIFTS = [0, 1, 8, 31, 32, 127, 128, 255, 256, 2**200]


def op(name: str) -> bytes:
    return bytes([BY_NAME[name].byte])


def push(value: int) -> bytes:
    if value == 0:
        return op("PUSH0")
    size = -(-value.bit_length() // 8)
    return op(f"PUSH{size}") + value.to_bytes(size, "big")


def apply(name: str, *operands: int) -> bytes:
    """Push the operands so that the first is on top, run the opcode, drop the result."""
    return b"".join(push(v) for v in reversed(operands)) + op(name) + op("POP")


def arithmetic() -> bytes:
    code = b""
    two = [
        "ADD",
        "MUL",
        "SUB",
        "DIV",
        "SDIV",
        "MOD",
        "SMOD",
        "LT",
        "GT",
        "SLT",
        "SGT",
        "EQ",
        "AND",
        "OR",
        "XOR",
    ]
    for i, name in enumerate(two):
        for k in range(0, len(EDGES) ** 2, 5):
            k = (k + i) % len(EDGES) ** 2
            code += apply(name, EDGES[k // len(EDGES)], EDGES[k % len(EDGES)])
    for value in EDGES:
        code += apply("ISZERO", value) + apply("NOT", value)
        for name in ("ADDMOD", "MULMOD"):
            code += apply(name, value, EDGES[-1], EDGES[3]) + apply(name, EDGES[7], value, 0)
            code += apply(name, EDGES[7], EDGES[8], value)
    for shift in SHIFTS:
        for name in ("SHL", "SHR", "SAR", "BYTE", "SIGNEXTEND"):
            code += apply(name, shift, EDGES[5]) + apply(name, shift, EDGES[8])
    for base, exponent in [(0, 0), (3, 0), (0, 5), (3, 255), (2**200 + 1, 2**16), (5, 2**256 - 1)]:
        code += apply("EXP", base, exponent)
    return code


def environment() -> bytes:
    names = ["ADDRESS", "CALLER", "ORIGIN", "CALLVALUE", "CALLDATASIZE", "CODESIZE", "RETURNDATASIZE", "GASPRICE",
             "GAS", "CHAINID", "SELFBALANCE", "NUMBER", "TIMESTAMP", "COINBASE", "PC", "MSIZE", "PUSH0"]  # fmt: skip
    code = b"".join(op(name) + op("POP") for name in names)
    for offset in (0, 5, 60, 64, 200, 2**40, 2**255):
        code += apply("CALLDATALOAD", offset)
    return code


def memory() -> bytes:
    code = push(2**256 - 3) + push(0) + op("MSTORE") + push(2**255 + 9) + push(45) + op("MSTORE")
    code += (
        push(0x1FF)
        + push(70)
        + op("MSTORE8")
        + apply("MLOAD", 13)
        + apply("MLOAD", 64)
        + op("MSIZE")
        + op("POP")
    )
    for dst, src, size in [
        (0, 0, 0),
        (100, 0, 32),
        (103, 5, 70),
        (2**70, 3, 0),
        (7, 2**200, 40),
        (160, 60, 33),
    ]:
        for name in ("CALLDATACOPY", "CODECOPY"):
            code += push(size) + push(src) + push(dst) + op(name)
    for offset, size in [(0, 0), (3, 32), (0, 136), (1, 135), (5, 300), (2**90, 0)]:
        code += apply("KECCAK256", offset, size)
    for topics in range(5):
        code += b"".join(push(50 + t) for t in range(topics)) + push(33) + push(2) + op(f"LOG{topics}")
    return code


def stack() -> bytes:
    code = b"".join(push(100 + i) for i in range(17))
    for i in range(1, 17):
        code += op(f"DUP{i}") + op("POP") + op(f"SWAP{i}")
    for size in range(1, 33):
        code += op(f"PUSH{size}") + bytes(range(7, 7 + size)) + op("POP")
    return code + op("POP") * 17


def storage() -> bytes:
    code = b""
    for value in (5, 5, 0, 7, 0):
        code += push(value) + push(1) + op("SSTORE") + apply("SLOAD", 1)
    return code + push(0) + push(2) + op("SSTORE") + apply("SLOAD", 2**255)


def jumps() -> bytes:
    """Count down from three."""
    code = (
        push(3)
        + op("JUMPDEST")
        + push(1)
        + op("SWAP1")
        + op("SUB")
        + op("DUP1")
        + push(2)
        + op("JUMPI")
        + op("POP")
    )
    return code + push(len(code) + 3) + op("JUMP") + op("JUMPDEST")


def batch(*codes: bytes, gas: int = 400_000, calldata: bytes = b"") -> Batch:
    contracts = [Account(CONTRACT + i, code=code, storage={2: 9}) for i, code in enumerate(codes)]
    plain = [Transaction(SENDER.address, CONTRACT + i, 3, i, gas, 10, calldata) for i in range(len(codes))]
    return Batch(
        chain_id=DEVELOPMENT_CHAIN_ID,
        batch_number=1,
        rollup_address=0xABC,
        timestamp=1_750_000_000,
        coinbase=0xC0FFEE,
        pre_state=(Account(SENDER.address, balance=10**20), *contracts),
        transactions=tuple(SENDER.sign(transaction, DEVELOPMENT_CHAIN_ID) for transaction in plain),
    )


ENDINGS = {
    "stop": (op("STOP"), True),
    "return": (push(40) + push(3) + op("RETURN"), True),
    "revert": (push(40) + push(3) + op("REVERT"), False),
    "end of code": (push(1), True),
    "truncated push": (b"\x7f\x01", True),
    "invalid": (op("INVALID"), False),
    "undefined opcode": (b"\x0c", False),
    "underflow": (op("ADD"), False),
    "overflow": (op("JUMPDEST") + push(1) + push(0) + op("JUMP"), False),
    "jump nowhere": (push(1) + op("JUMP"), False),
    "jump into push data": (push(0x5B) + push(1) + op("JUMP"), False),
    "jump past the end": (push(2**200) + op("JUMP"), False),
    "out of gas by memory": (push(2**60) + op("MLOAD"), False),
    "out of gas in a loop": (op("JUMPDEST") + push(0) + op("JUMP"), False),
    "out of gas by copy": (push(2**31) + push(0) + push(0) + op("CODECOPY"), False),
    "sstore with the stipend only": (push(1) + push(1) + op("SSTORE"), False),
}

BODIES = (arithmetic, environment, memory, stack, storage, jumps)


@pytest.mark.parametrize("part", BODIES, ids=lambda part: part.__name__)
def test_a_program_of_every_family_balances(part) -> None:
    made = batch(part() + op("STOP"), calldata=bytes(range(1, 68)))
    assert execute_batch(made).results[0].success
    assert check_batch(made) == []


def test_the_programs_use_every_supported_opcode() -> None:
    made = batch(*(part() for part in BODIES), *(code for code, _ in ENDINGS.values()), calldata=bytes(67))
    used = {step.opcode for step in execute_batch(made).trace.steps}
    assert {byte for byte in supported_opcodes() if byte in OPCODES} <= used


@pytest.mark.slow  # endings are tested one by one in tests/circuits
def test_every_ending_balances() -> None:
    gas = {"sstore with the stipend only": 23_300}
    for name, (code, success) in ENDINGS.items():
        made = batch(code, gas=gas.get(name, 60_000))
        assert execute_batch(made).results[0].success is success, name
        assert check_batch(made) == [], name
