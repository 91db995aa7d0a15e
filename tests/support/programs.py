"""Small EVM programs as batches for chip tests: an assembler, and the VM without a rollup around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from zkroll.algebra.reference.poseidon import poseidon_hash
from zkroll.circuits.source import BatchTrace, TransactionTrace
from zkroll.vm.environment import BlockEnvironment, Environment, Message, TransactionEnvironment
from zkroll.vm.interpreter import execute_message
from zkroll.vm.opcodes import BY_NAME
from zkroll.vm.state import JournaledState
from zkroll.vm.trace import TraceRecorder

SENDER, CONTRACT, COINBASE = 0xA11CE, 0xC0DE00, 0xC01BA5E
CHAIN_ID, NUMBER, TIMESTAMP, GAS_PRICE = 1729, 7, 1_700_000_000, 3
INTRINSIC = 21000


def assemble(text: str) -> bytes:
    """Opcodes by name; a number (decimal or 0x…) becomes the shortest PUSH; ``.xx`` is a raw byte in hex."""
    out = bytearray()
    words = text.split()
    i = 0
    while i < len(words):
        word = words[i]
        i += 1
        if word.startswith("."):
            out += bytes.fromhex(word[1:])
        elif word[0].isdigit():
            value = int(word, 0)
            size = max(1, (value.bit_length() + 7) // 8)
            out += bytes([0x5F + size]) + value.to_bytes(size, "big")
        else:
            opcode = BY_NAME[word].byte
            out.append(opcode)
            if 0x60 <= opcode <= 0x7F:
                out += int(words[i], 0).to_bytes(opcode - 0x5F, "big")
                i += 1
    return bytes(out)


def code_hash(code: bytes) -> int:
    """The Poseidon sponge over 31-byte chunks that starts from the length; 0 without code."""
    if not code:
        return 0
    state = len(code)
    for start in range(0, len(code), 31):
        state = poseidon_hash([state, int.from_bytes(code[start : start + 31].ljust(31, b"\0"), "big")])
    return state


@dataclass
class Call:
    """One transaction: a call into ``code`` with so much gas after the intrinsic gas."""

    code: bytes
    gas: int = 100_000
    data: bytes = b""
    value: int = 0


@dataclass
class Store:
    """A state to start from."""

    slots: dict[int, int] = field(default_factory=dict)

    def nonce(self, address: int) -> int:
        return 0

    def balance(self, address: int) -> int:
        return 10**24 if address == SENDER else 0

    def code(self, address: int) -> bytes:
        return b""

    def storage(self, address: int, slot: int) -> int:
        return self.slots.get(slot, 0)


def run(calls: Sequence[Call | bytes], slots: dict[int, int] | None = None) -> BatchTrace:
    """Execute the calls one after the other on one contract's storage; what the chips read of the batch.

    Only what the execution chips look at is real: transactions carry no signature and there is no state tree.
    """
    state = JournaledState(Store(slots or {}))
    recorder = TraceRecorder()
    block = BlockEnvironment(number=NUMBER, timestamp=TIMESTAMP, coinbase=COINBASE, chain_id=CHAIN_ID)
    transactions, codes = [], {}
    for index, call in enumerate(calls):
        call = call if isinstance(call, Call) else Call(call)
        state.begin_transaction()
        message = Message(
            caller=SENDER, address=CONTRACT, value=call.value, data=call.data, gas=call.gas, code=call.code,
            code_address=CONTRACT,
        )  # fmt: skip
        around = TransactionEnvironment(index=index, origin=SENDER, gas_price=GAS_PRICE)
        first = len(recorder.trace.steps)
        outcome = execute_message(state, Environment(block, around), message, recorder)
        if call.code:
            codes[code_hash(call.code)] = call.code
        transactions.append(
            TransactionTrace(
                index=index, nonce=index, gas_limit=INTRINSIC + call.gas, gas_price=GAS_PRICE, sender=SENDER,
                to=CONTRACT, value=call.value, calldata=call.data, words=(), public_key=(0, 0),
                signature=(0, 0, 0), message=0, code_hash=code_hash(call.code), code=call.code,
                intrinsic_gas=INTRINSIC, gas_left=outcome.gas_left,
                refund=state.refund if outcome.success else 0, success=outcome.success, first_step=first,
                end_step=len(recorder.trace.steps),
            )
        )  # fmt: skip
    return BatchTrace(
        chain_id=CHAIN_ID, batch_number=NUMBER, rollup_address=0, timestamp=TIMESTAMP, coinbase=COINBASE,
        old_root=0, new_root=0, data=b"", data_hash=0, transactions=transactions, steps=recorder.trace,
        leaves=(), codes=codes,
    )  # fmt: skip
