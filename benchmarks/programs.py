"""A batch in which every chip of the machine has rows: the example, then contracts for what it leaves out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from zkroll.circuits.buses import BRIDGE_ADDRESS
from zkroll.rollup.batch import Batch, read_batch
from zkroll.rollup.bridge import withdraw_ether_data, withdraw_token_data
from zkroll.rollup.development import TOKEN_ADDRESS
from zkroll.rollup.genesis import Account
from zkroll.rollup.l1.messages import ETHER, L1Message
from zkroll.rollup.transaction import Transaction
from zkroll.rollup.wallet import insecure_dev_wallet
from zkroll.vm.opcodes import BY_NAME

EXAMPLE = Path(__file__).parents[1] / "examples" / "erc20" / "batch.json"

_SENDER = insecure_dev_wallet(100)  # not one of the example's
_FIRST_CONTRACT = 0xC0DE << 140
_STRANGER = 0x57A9 << 144  # has nothing before the batch
_RECIPIENT = 0xBEEF << 144  # on L1
_QUEUE = 0x5EED << 240  # hash of the messages of earlier batches
_EDGES = (0, 1, 5, 2**64 + 3, 2**128 - 1, 2**128, 2**255 - 1, 2**255 + 9, 2**256 - 1)
_BINARY = (
    "ADD", "MUL", "SUB", "DIV", "SDIV", "MOD", "SMOD", "LT", "GT", "SLT", "SGT", "EQ", "AND", "OR", "XOR",
)  # fmt: skip
_SHIFTS = ("SHL", "SHR", "SAR", "BYTE", "SIGNEXTEND")
_CONTEXT = (
    "ADDRESS", "CALLER", "ORIGIN", "CALLVALUE", "CALLDATASIZE", "CODESIZE", "RETURNDATASIZE", "GASPRICE", "GAS",
    "CHAINID", "SELFBALANCE", "NUMBER", "TIMESTAMP", "COINBASE", "PC", "MSIZE",
)  # fmt: skip

Item = str | int


def assemble(*items: Item) -> bytes:
    """Opcodes by name; a number becomes the shortest push of it."""
    code = bytearray()
    for item in items:
        if isinstance(item, str):
            code.append(BY_NAME[item].byte)
        elif item == 0:
            code.append(BY_NAME["PUSH0"].byte)
        else:
            size = (item.bit_length() + 7) // 8
            code += bytes([BY_NAME[f"PUSH{size}"].byte]) + item.to_bytes(size, "big")
    return bytes(code)


def _arithmetic() -> list[Item]:
    items: list[Item] = []
    for i, name in enumerate(_BINARY):
        for k in range(i % 3, len(_EDGES) ** 2, 13):
            items += [_EDGES[k % 9], _EDGES[k // 9], name, "POP"]
    for value in _EDGES:
        items += [value, "ISZERO", "POP", value, "NOT", "POP"]
        items += [value, _EDGES[7], _EDGES[3], "ADDMOD", "POP", value, _EDGES[8], _EDGES[7], "MULMOD", "POP"]
    for shift in (0, 1, 8, 31, 32, 130, 255, 256, 2**200):
        for name in _SHIFTS:
            items += [_EDGES[7], shift, name, "POP", _EDGES[6], shift, name, "POP"]
    for base, exponent in ((0, 0), (3, 0), (0, 5), (3, 255), (2**200 + 1, 2**16 + 1)):
        items += [exponent, base, "EXP", "POP"]
    return items


def _memory() -> list[Item]:
    items: list[Item] = [2**256 - 3, 0, "MSTORE", 2**255 + 9, 45, "MSTORE", 0x1FF, 70, "MSTORE8"]
    items += [13, "MLOAD", "POP", 64, "MLOAD", "POP"]
    for offset in (0, 5, 60, 64, 200, 2**40, 2**255):
        items += [offset, "CALLDATALOAD", "POP"]
    for name in ("CALLDATACOPY", "CODECOPY"):
        for target, source, size in ((0, 0, 0), (100, 0, 32), (103, 5, 70), (2**70, 3, 0), (7, 2**200, 40)):
            items += [size, source, target, name]
    for offset, size in ((0, 0), (3, 32), (0, 136), (1, 135), (5, 300), (2**90, 0)):
        items += [size, offset, "KECCAK256", "POP"]
    for topics in range(5):
        items += [*range(50, 50 + topics), 33, 2, f"LOG{topics}"]
    return [*items, *[x for name in _CONTEXT for x in (name, "POP")], 40, 3, "RETURN"]


def _stack_and_storage() -> list[Item]:
    items: list[Item] = list(range(100, 117))
    for i in range(1, 17):
        items += [f"DUP{i}", "POP", f"SWAP{i}"]
    for value in (5, 5, 0, 7, 0):
        items += [value, 1, "SSTORE", 1, "SLOAD", "POP"]
    return [*items, 0, 2, "SSTORE", 2**255, "SLOAD", "POP", 40, 3, "REVERT"]


def _codes() -> list[bytes]:
    loop = assemble(3, "JUMPDEST", 1, "SWAP1", "SUB", "DUP1", 2, "JUMPI", "STOP")
    return [
        assemble(*_arithmetic()),
        assemble(*_memory()),
        assemble(*_stack_and_storage()),
        loop,
        assemble(1, "JUMP"),
        assemble(0x5B, 1, "JUMP"),
        assemble(2**200, "JUMP"),
        assemble(2**60, "MLOAD"),
        assemble(2**200, "MLOAD"),
        assemble("JUMPDEST", 1, 0, "JUMP"),
        assemble("ADD"),
        assemble("INVALID"),
        b"\x7f\x01",  # a push without its data
    ]


def _messages() -> tuple[L1Message, ...]:
    """Deposits to accounts with and without money, exits of all, of more than there is and of nothing."""
    deposit, leave = L1Message.deposit, L1Message.exit
    return (
        deposit(ETHER, _SENDER.address, 10**17),
        deposit(TOKEN_ADDRESS, _STRANGER, 70),
        deposit(ETHER, _STRANGER, 5),
        leave(ETHER, _STRANGER, _RECIPIENT, 5),
        leave(TOKEN_ADDRESS, _STRANGER, _RECIPIENT + 1, 2**128 - 1),
        deposit(TOKEN_ADDRESS, _SENDER.address, 2**100),
        leave(TOKEN_ADDRESS, insecure_dev_wallet(7).address, _RECIPIENT, 9),
        leave(ETHER, _RECIPIENT, _RECIPIENT, 1),
    )


def _withdrawals() -> list[tuple[int, bytes]]:
    """Value and calldata of withdrawals of ether and of the tokens that a message deposited."""
    token = [(0, withdraw_token_data(_RECIPIENT + i, TOKEN_ADDRESS, 2**64 + i)) for i in range(2)]
    return [(123, withdraw_ether_data(_RECIPIENT)), *token, (0, withdraw_ether_data(1))]


def batch_of_every_chip() -> Batch:
    """The example batch, L1 messages before it, and calls of each program and withdrawals behind it.

    Those are from a wallet that the example does not use.
    """
    example = read_batch(EXAMPLE)
    codes = _codes()
    contracts = [Account(_FIRST_CONTRACT + i, code=c, storage={2: 9}) for i, c in enumerate(codes)]
    sent = [(_FIRST_CONTRACT + i, 3, bytes(range(1, 68))) for i in range(len(codes))]
    sent += [(BRIDGE_ADDRESS, value, data) for value, data in _withdrawals()]
    calls = [
        _SENDER.sign(
            Transaction(_SENDER.address, to, value, i, 300_000, 10, data),
            example.chain_id,
        )
        for i, (to, value, data) in enumerate(sent)
    ]
    accounts = [*example.pre_state, Account(_SENDER.address, balance=10**20), *contracts]
    return replace(
        example,
        pre_state=tuple(sorted(accounts, key=lambda account: account.address)),
        transactions=(*example.transactions, *calls),
        messages=_messages(),
        queue_before=_QUEUE,
    )
