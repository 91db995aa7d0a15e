"""Executions at the edges of the rules: the chips prove them all, in one batch."""

from __future__ import annotations

from support.programs import assemble

from zkroll.rollup.batch import Batch
from zkroll.rollup.genesis import Account
from zkroll.rollup.prove import check_batch
from zkroll.rollup.transaction import SignedTransaction, Transaction
from zkroll.rollup.wallet import insecure_dev_wallet

CHAIN, FIRST_CONTRACT = 1337, 0x1000
ALL_ONES = hex(2**256 - 1)

#: program, gas limit, calldata
ODD: tuple[tuple[str, int, bytes], ...] = (
    (".7f", 100_000, b""),  # PUSH32 in the last byte of the code
    (".7f0102", 21_002, b""),  # a cut PUSH32 that runs out of gas
    (f"0 0 {ALL_ONES} CALLDATACOPY 0 {ALL_ONES} {ALL_ONES} CODECOPY 0 {ALL_ONES} RETURN", 100_000, b""),
    (
        f"40 {ALL_ONES} 3 CALLDATACOPY 64 0xfffffff0 0 CODECOPY 1 0x100000000 67 CODECOPY",
        100_000,
        b"abc" * 20,
    ),
    ("70 1 33 CODECOPY 32 5 33 CALLDATACOPY 31 0 1 CALLDATACOPY 96 0 RETURN", 100_000, bytes(range(1, 64))),
    (
        f"0 {ALL_ONES} KECCAK256 0 0 KECCAK256 SUB 135 0 KECCAK256 136 1 KECCAK256 137 5 KECCAK256",
        200_000,
        b"",
    ),
    (f"1 2 3 4 5 6 33 0xffff LOG4 0 {ALL_ONES} LOG2", 200_000, b""),
    ("1 2 3 4 0x100000000 0 LOG4", 100_000, b""),  # memory too large to price
    ("5 0 SSTORE 6 1 SSTORE", 58_100, b""),  # out of gas in the second SSTORE
    ("77 SLOAD 78 SLOAD", 23_200, b""),  # out of gas in a cold SLOAD
    ("9 SLOAD 9 SSTORE", 25_106, b""),  # 2,000 left at an SSTORE that would cost 100
    ("0x100000000000000000000000000000005 JUMP", 100_000, b""),  # only the high half is wrong
    ("4 JUMP 0x5b STOP", 100_000, b""),  # into push data
    ("0xffffffffffffffffffffffffffffffff00000000000000000000000000000001 99 JUMPI", 100_000, b""),
    ("PUSH0 " * 1024 + "POP SWAP16 DUP16 DUP16", 100_000, b""),  # 1,025 words
    ("1 2 SWAP2", 100_000, b""),  # one word short
    ("0 NOT 31 MSTORE8 0xabcd 32 MSTORE8 1 MLOAD 33 MLOAD 0x1234 63 MSTORE 0 MLOAD MSIZE", 100_000, b""),
    (f"32 CALLDATALOAD 33 CALLDATALOAD {ALL_ONES} CALLDATALOAD 0x100000000 CALLDATALOAD", 100_000, b"a" * 33),
    ("STOP " * 95, 100_000, b""),  # with the zeros behind it exactly 128 rows
)


def test_every_odd_execution_is_proven() -> None:
    wallet = insecure_dev_wallet(0)
    accounts = [Account(wallet.address, balance=10**18)]
    signed: list[SignedTransaction] = []

    def add(to: int, gas_limit: int, data: bytes, value: int) -> None:
        plain = Transaction(wallet.address, to, value, len(signed), gas_limit, 2, data)
        signed.append(wallet.sign(plain, CHAIN))

    for i, (program, gas_limit, data) in enumerate(ODD):
        accounts.append(Account(FIRST_CONTRACT + i, code=assemble(program)))
        add(FIRST_CONTRACT + i, gas_limit, data, i)
    coinbase = 0xC0FFEE
    for to in (wallet.address, coinbase, 11):
        add(to, 21_000, b"", 7)
    batch = Batch(
        chain_id=CHAIN,
        batch_number=1,
        rollup_address=0xABC,
        timestamp=1_700_000_000,
        coinbase=coinbase,
        pre_state=tuple(sorted(accounts, key=lambda account: account.address)),
        transactions=tuple(signed),
    )
    assert check_batch(batch) == []
