"""Small executed batches for the chips of transactions, storage and state; stubs for what ``cpu`` sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from support.chips import fill, receives, sends
from zkroll.circuits.air.chip import Bus, Chip
from zkroll.circuits.air.witness import ChipTrace
from zkroll.circuits.buses import (
    CONTEXT,
    FIRST_CLOCK,
    KECCAK,
    LENGTH,
    POSEIDON2,
    POSEIDON3,
    POSEIDON4,
    POSEIDON5,
    PUBLIC,
    SELFBALANCE,
    SIGNATURE,
    STATE,
    STORAGE,
    STORAGE_CELL,
    TX_BEGIN,
    TX_END,
    TX_SPAN,
    WORDS,
)
from zkroll.circuits.chips.canonical import CANONICAL, CanonicalChip
from zkroll.circuits.chips.data import DataChip
from zkroll.circuits.chips.poseidon import Poseidon2Chip, Poseidon3Chip, Poseidon4Chip, Poseidon5Chip
from zkroll.circuits.chips.selfbalance import SelfbalanceChip
from zkroll.circuits.chips.signature import SignatureChip, SignatureLadderChip
from zkroll.circuits.chips.signature.ladder import LADDER
from zkroll.circuits.chips.state_tree import StateLeafChip, StatePathChip
from zkroll.circuits.chips.state_tree.path import TREE_BOTTOM, TREE_TOP
from zkroll.circuits.chips.storage import StorageCellChip, StorageOperationsChip
from zkroll.circuits.chips.transaction import StatementChip, TransactionChip
from zkroll.circuits.chips.transaction.buses import BLOCK, FRAME, TX_HEAD, TX_PART
from zkroll.circuits.source import BatchTrace
from zkroll.rollup.batch import Batch
from zkroll.rollup.executor import execute_batch
from zkroll.rollup.genesis import Account
from zkroll.rollup.transaction import SignedTransaction, Transaction
from zkroll.rollup.wallet import insecure_dev_wallet
from zkroll.rollup.witness import batch_trace
from zkroll.vm import gas

Traces = dict[str, ChipTrace]

CHAIN = 1234
STORER, READER, SPENDER, NOBODY = 0xC0DE01 << 132, 0xC0DE02, 0xC0DE03, 0xABCD << 132
# calldata: first word, slot, second word, fail. Stores the first word, loads it, reads the own balance,
# stores the second word, then reverts if fail is set.
STORER_CODE = bytes.fromhex("600035602035556020355450475060403560203555606035601c57005b60006000fd")
READER_CODE = bytes.fromhex("30503250335034503650385038503a50415042504350465047500000")
SPENDER_CODE = bytes.fromhex("5b600056")  # runs until the gas is gone

#: every bus whose both sides are in these batches
CLOSED: list[Bus] = [
    TX_BEGIN, TX_END, TX_SPAN, CONTEXT, SELFBALANCE, STORAGE, STORAGE_CELL, STATE, WORDS, LENGTH, KECCAK,
    PUBLIC, TX_HEAD, TX_PART, BLOCK, FRAME, SIGNATURE, LADDER, CANONICAL, TREE_TOP, TREE_BOTTOM, POSEIDON2,
    POSEIDON3, POSEIDON4, POSEIDON5,
]  # fmt: skip

CONTEXT_OPCODES = (0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3A, 0x41, 0x42, 0x43, 0x46)


@dataclass
class Sender:
    """A wallet that counts its nonces."""

    index: int
    nonce: int = 0

    @property
    def address(self) -> int:
        return insecure_dev_wallet(self.index).address

    def send(
        self, to: int, *, value: int = 0, data: bytes = b"", gas_limit: int = 200_000, gas_price: int = 3
    ) -> SignedTransaction:
        wallet = insecure_dev_wallet(self.index)
        plain = Transaction(wallet.address, to, value, self.nonce, gas_limit, gas_price, data)
        self.nonce += 1
        return wallet.sign(plain, CHAIN)


def words(*values: int) -> bytes:
    """Values as 32-byte words."""
    return b"".join(value.to_bytes(32, "big") for value in values)


def executed(
    transactions: Sequence[SignedTransaction],
    *,
    storage: Mapping[int, int] | None = None,
    coinbase: int = 0xC01B << 140,
    balances: Mapping[int, int] | None = None,
    indices: Mapping[int, tuple[int, ...]] | None = None,
) -> BatchTrace:
    """A batch over three contracts and three funded wallets; ``indices`` are those registered before it."""
    funded = {insecure_dev_wallet(i).address: 10**20 for i in range(3)} | dict(balances or {})
    made = {address: Account(address, balance=balance) for address, balance in funded.items()}
    made[STORER] = Account(STORER, balance=7, code=STORER_CODE, storage=dict(storage or {}))
    made[READER] = Account(READER, balance=8, code=READER_CODE)
    made[SPENDER] = Account(SPENDER, code=SPENDER_CODE)
    for address, numbers in (indices or {}).items():
        made[address] = replace(made.get(address, Account(address)), indices=numbers)
    batch = Batch(
        chain_id=CHAIN,
        batch_number=5,
        rollup_address=0x1234 << 100,
        timestamp=1_700_000_000,
        coinbase=coinbase,
        pre_state=tuple(made.values()),
        transactions=tuple(transactions),
    )
    return batch_trace(execute_batch(batch))


def mixed_batch() -> BatchTrace:
    """Transfers, also to oneself; storage over several transactions; failures; all opcodes of the context."""
    a, b, c = Sender(0), Sender(1), Sender(2)
    transactions = [
        a.send(b.address, value=10**18, gas_limit=21000),
        a.send(a.address, value=5, gas_limit=30000, gas_price=0),
        b.send(STORER, value=3, data=words(11, 4, 0, 0)),
        c.send(STORER, value=2, data=words(12, 4, 13, 0)),
        c.send(STORER, value=9, data=words(99, 4, 98, 1)),
        b.send(READER, value=2**66, data=bytes(5) + b"\x01" * 60),
        b.send(SPENDER, value=77, gas_limit=22_000),
        c.send(NOBODY, data=b"\x00"),
        a.send(STORER, data=words(2**255, 5, 13, 0) + b"\x07"),
        a.send(b.address, value=1, gas_limit=21000),
    ]
    return executed(transactions, storage={4: 12, 5: 13, 6: 2**200})


@dataclass
class Stubs:
    """What ``cpu`` and the memory chips would send, by bus."""

    begins: list[tuple[int, ...]]
    ends: list[tuple[int, ...]]
    context: list[tuple[int, ...]]
    balances: list[tuple[int, ...]]
    storage: list[tuple[int, ...]]
    words: list[tuple[int, ...]]
    lengths: list[tuple[int, ...]]
    code_sizes: list[tuple[int, ...]]


def halves(word: int) -> tuple[int, int]:
    return word >> 128, word % 2**128


def stubs(source: BatchTrace) -> Stubs:
    """The requests of an execution whose clock counts one per step."""
    out = Stubs([], [], [], [], [], [], [], [])
    storage = dict(source.steps.storage)
    clk = FIRST_CLOCK
    for tx in source.transactions:
        ctx = clk
        out.begins.append((tx.index, ctx, tx.code_hash, tx.gas_limit - tx.intrinsic_gas))
        for index in range(tx.first_step, tx.end_step):
            clk += 1
            step = source.steps.steps[index]
            if index in storage:
                seen = storage[index]
                price = 0 if seen.was_warm else gas.COLD_SLOAD
                if seen.is_write:
                    price += gas.sstore_cost(seen.original, seen.current, seen.new)
                else:
                    price = gas.WARM_ACCESS if seen.was_warm else gas.COLD_SLOAD
                out.storage.append(
                    (step.opcode, ctx, clk, *halves(seen.slot), *halves(seen.new), price, seen.refund_delta)
                )
            if step.opcode in CONTEXT_OPCODES:
                out.context.append((ctx, step.opcode, *halves(step.outputs[0])))
            if step.opcode == 0x38:
                out.code_sizes.append((2, tx.code_hash, len(tx.code)))
            if step.opcode == 0x47:
                out.balances.append((ctx, clk, *halves(step.outputs[0])))
        clk += 1
        out.ends.append((tx.index, clk, tx.gas_left, tx.refund, int(tx.success)))
        clk += 1
        if tx.code_hash:
            out.lengths += [(1, ctx, len(tx.calldata))] * 2
            out.words += [(1, ctx, i, *halves(word)) for i, word in enumerate(tx.words[3:])]
    padded = source.data + bytes(-len(source.data) % 32)
    data = [int.from_bytes(padded[i : i + 32], "big") for i in range(0, len(padded), 32)]
    out.words += [(3, 0, i, *halves(word)) for i, word in enumerate(data)]
    return out


def chips(source: BatchTrace, given: Stubs | None = None) -> list[Chip]:
    """The stubs and the chips of statement, data, transactions, storage, state, signatures and hashes."""
    asked = stubs(source) if given is None else given
    hashed = (3, 0, 0, 0, 0, len(source.data), *halves(source.data_hash))
    return [
        sends(PUBLIC, list(enumerate(source.public_values()))),
        receives(KECCAK, [hashed]), receives(LENGTH, asked.code_sizes),
        sends(TX_BEGIN, asked.begins), sends(TX_END, asked.ends), sends(CONTEXT, asked.context),
        sends(SELFBALANCE, asked.balances), sends(STORAGE, asked.storage), sends(WORDS, asked.words),
        sends(LENGTH, asked.lengths),
        StorageOperationsChip(), SelfbalanceChip(), StorageCellChip(), TransactionChip(), StatementChip(),
        DataChip(), StateLeafChip(), StatePathChip(), SignatureChip(), SignatureLadderChip(), CanonicalChip(),
        Poseidon5Chip(), Poseidon4Chip(), Poseidon3Chip(), Poseidon2Chip(),
    ]  # fmt: skip


def traces_of(source: BatchTrace, given: Stubs | None = None) -> Traces:
    """All chips filled."""
    return fill(chips(source, given), source, source.public_values())
