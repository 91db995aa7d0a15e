"""Every bus of the batch machine: what its tuples say, who sends them and who receives them.

Two kinds. A *service* bus carries requests: callers send, the chips that serve it receive and vouch that the
tuple is true. A *memory* bus carries state: each access receives the one live tuple of its address (with the
clock of the previous access, proven smaller) and sends the next.

Words are (hi, lo), 128 bits each. ``op`` is always the EVM's opcode byte. ``ctx`` is the clock of the row that
opened the call context; ``clk`` the clock of the step (rows of ``cpu`` count it).
"""

from __future__ import annotations

from typing import Final

from zkroll.circuits.air.chip import Bus

# tables (service)
RANGE16: Final = Bus("range16", 1, ("value",))  # 0 <= value < 2^16
BYTE_AND: Final = Bus("byte_and", 2, ("a", "b", "a_and_b"))  # a, b bytes
BYTE: Final = Bus("byte", 3, ("value", "is_zero"))  # value a byte, is_zero = 1 iff it is 0
POW2: Final = Bus("pow2", 4, ("exponent", "hi", "lo"))  # 2^exponent as a word, 0 <= exponent < 256
OPCODE: Final = Bus("opcode", 5, ("opcode", "family", "pops", "pushes", "static_gas"))

# words (service): c is what the opcode pushes, a the top of the stack, b (and n) below it
ALU: Final = Bus("alu", 6, ("op", "a_hi", "a_lo", "b_hi", "b_lo", "c_hi", "c_lo"))
ALU3: Final = Bus("alu3", 7, ("op", "a_hi", "a_lo", "b_hi", "b_lo", "n_hi", "n_lo", "c_hi", "c_lo"))
EXP: Final = Bus("exp", 8, ("a_hi", "a_lo", "e_hi", "e_lo", "c_hi", "c_lo", "exponent_bytes"))

# the machine's own memory
STACK: Final = Bus("stack", 10, ("ctx", "slot", "clk", "hi", "lo"))  # push sends, pop receives
MEMORY: Final = Bus("memory", 11, ("ctx", "word_index", "clk", "hi", "lo"))  # memory bus, 32-byte words
STATE: Final = Bus(
    "state", 12, ("address", "field", "slot_hi", "slot_lo", "time", "hi", "lo")
)  # time = 8*clk + k
STORAGE_CELL: Final = Bus(  # memory bus: a slot during one context's transaction
    "storage_cell", 13,
    ("ctx", "address", "slot_hi", "slot_lo", "clk", "original_hi", "original_lo", "hi", "lo", "warm"),
)  # fmt: skip

# memory and data (service)
MEMORY_OP: Final = Bus("memory_op", 20, ("op", "ctx", "clk", "offset", "hi", "lo"))  # MLOAD, MSTORE, MSTORE8
WINDOW: Final = Bus("window", 21, ("space", "id", "clk", "offset", "hi", "lo"))  # 32 bytes at a byte offset
WORDS: Final = Bus("words", 22, ("space", "id", "word_index", "hi", "lo"))  # read-only 32-byte words
LENGTH: Final = Bus("length", 23, ("space", "id", "bytes"))  # byte length of a read-only space
CALLDATALOAD: Final = Bus("calldataload", 24, ("ctx", "offset_hi", "offset_lo", "hi", "lo"))
COPY: Final = Bus(
    "copy", 25, ("space", "id", "ctx", "clk", "dst_hi", "dst_lo", "src_hi", "src_lo", "length")
)  # fmt: skip
KECCAK: Final = Bus(
    "keccak", 26, ("space", "id", "clk", "offset_hi", "offset_lo", "length", "hash_hi", "hash_lo")
)
EXPAND: Final = Bus(  # memory expansion; see TOO_LARGE_GAS
    "expand", 27,
    ("words_before", "offset_hi", "offset_lo", "length_hi", "length_lo", "words_after", "length_words",
     "length_bytes", "gas"),
)  # fmt: skip

# code, context, transactions, state (service)
BYTECODE: Final = Bus("bytecode", 30, ("code_hash", "pc", "opcode", "push_hi", "push_lo"))
CODE_BYTE: Final = Bus("code_byte", 31, ("code_hash", "index", "byte", "is_code"))
CONTEXT: Final = Bus("context", 32, ("ctx", "op", "hi", "lo"))  # what ADDRESS, CALLER, NUMBER, … push
SELFBALANCE: Final = Bus("selfbalance", 33, ("ctx", "clk", "hi", "lo"))
STORAGE: Final = Bus(
    "storage", 34,
    ("op", "ctx", "clk", "slot_hi", "slot_lo", "value_hi", "value_lo", "gas", "refund_delta"),
)  # fmt: skip
LOG_TOPICS: Final = Bus("log_topics", 35, ("ctx", "clk", "slot", "count"))  # pops slot, slot-1, … count times
TX_BEGIN: Final = Bus("tx_begin", 36, ("tx", "clk", "code_hash", "gas"))
TX_END: Final = Bus("tx_end", 37, ("tx", "clk", "gas_left", "refund", "success"))
TX_SPAN: Final = Bus("tx_span", 38, ("ctx", "address", "clk_end", "success"))

# hashing and signatures (service)
POSEIDON2: Final = Bus("poseidon2", 40, ("x1", "x2", "out"))
POSEIDON3: Final = Bus("poseidon3", 41, ("x1", "x2", "x3", "out"))
POSEIDON4: Final = Bus("poseidon4", 42, ("x1", "x2", "x3", "x4", "out"))
POSEIDON5: Final = Bus("poseidon5", 43, ("x1", "x2", "x3", "x4", "x5", "out"))
SIGNATURE: Final = Bus("signature", 44, ("key_x", "key_y", "message"))

# the statement: the verifier sends (i, public value i) once each
PUBLIC: Final = Bus("public", 50, ("index", "value"))

#: spaces of WINDOW, WORDS, LENGTH, COPY and KECCAK with the meaning of their id
SPACE_MEMORY: Final = 0  # id = ctx
SPACE_CALLDATA: Final = 1  # id = ctx
SPACE_CODE: Final = 2  # id = code_hash (Poseidon)
SPACE_DATA: Final = 3  # id = 0: the batch data on L1
SPACE_MESSAGE: Final = 4  # id = index of the L1 message: the queue's hash before it, then its three words
SPACE_OWNER: Final = 5  # id = owner: the preimage (owner, 1) of the slot that holds its token balance
SPACE_WITHDRAWAL: Final = 6  # id = position: token, recipient, amount
SPACE_WITHDRAWAL_NODE: Final = 7  # id = 64 position + level of the node: its children

#: EXPAND's answer where offset + length (length > 0) reaches 2^32 bytes: more gas than any limit (< 2^32);
#: words_after is then words_before, length_words and length_bytes are 0
TOO_LARGE_GAS: Final = 2**40

#: clk of the batch's first BEGIN: L1 messages and registrations have the times below 8 * FIRST_CLOCK
FIRST_CLOCK: Final = 2**16

#: transactions to it make withdrawals (ASCII "bridge"); it has no code
BRIDGE_ADDRESS: Final = 0x627269646765

#: account fields of STATE and of the state tree
FIELD_NONCE: Final = 0
FIELD_BALANCE: Final = 1
FIELD_CODE_POSEIDON: Final = 2
FIELD_CODE_KECCAK: Final = 3
FIELD_CODE_SIZE: Final = 4
FIELD_STORAGE: Final = 5
FIELD_REGISTRY: Final = 6  # of an index in place of an address: the address registered under it

#: the public values in order, with their widths in bits; a 256-bit hash is two of them, _hi and _lo
PUBLIC_BITS: Final = {
    "old_root": 254, "new_root": 254, "batch_number": 64, "chain_id": 64, "rollup_address": 160, "timestamp": 64,
    "data_hash_hi": 128, "data_hash_lo": 128, "queue_before_hi": 128, "queue_before_lo": 128,
    "queue_after_hi": 128, "queue_after_lo": 128, "withdrawals_hi": 128, "withdrawals_lo": 128,
}  # fmt: skip
PUBLIC_VALUES: Final = tuple(PUBLIC_BITS)
