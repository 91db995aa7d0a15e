"""Gas amounts of the Cancun rules, by name, and the formulas built from them (all in gas).

Sources: Yellow Paper appendix G; EIP-150, 160, 2028, 2200, 2929, 2930, 3529, 3651, 3860, 1153, 4844, 5656.
"""

# What an instruction costs before anything depends on its operands
ZERO = 0
JUMPDEST = 1
BASE = 2
VERY_LOW = 3
LOW = 5
MID = 8
HIGH = 10

# Parts that grow with an operand
EXP_BYTE = 50
KECCAK256 = 30
KECCAK256_WORD = 6
COPY_WORD = 3
LOG = 375
LOG_TOPIC = 375
LOG_DATA_BYTE = 8
MEMORY_WORD = 3
MEMORY_QUADRATIC_DIVISOR = 512
BLOCK_HASH = 20
BLOB_HASH = 3

# Accounts and storage (EIP-2929, EIP-2200, EIP-3529)
COLD_ACCOUNT = 2600
COLD_SLOAD = 2100
WARM_ACCESS = 100
SSTORE_SET = 20000
SSTORE_RESET = 5000 - COLD_SLOAD
SSTORE_SENTRY = 2300  # SSTORE halts unless more than this is left
SSTORE_CLEAR_REFUND = 4800
REFUND_QUOTIENT = 5  # at most this part of the used gas comes back

# Calls and creations
CALL_VALUE = 9000
CALL_STIPEND = 2300
NEW_ACCOUNT = 25000
CREATE = 32000
INIT_CODE_WORD = 2
CODE_DEPOSIT_BYTE = 200
SELF_DESTRUCT = 5000

# A transaction before its first step
TX_BASE = 21000
TX_CREATE = 32000
TX_DATA_ZERO_BYTE = 4
TX_DATA_NONZERO_BYTE = 16
TX_ACCESS_LIST_ADDRESS = 2400
TX_ACCESS_LIST_SLOT = 1900
GAS_PER_BLOB = 1 << 17
MIN_BLOB_BASE_FEE = 1
BLOB_BASE_FEE_UPDATE_FRACTION = 3338477

# Limits that halt instead of costing more
STACK_LIMIT = 1024
CALL_DEPTH_LIMIT = 1024
MAX_CODE_SIZE = 24576
MAX_INIT_CODE_SIZE = 2 * MAX_CODE_SIZE
MAX_NONCE = (1 << 64) - 1


def words(length: int) -> int:
    """The number of 32-byte words that `length` bytes fill."""
    return (length + 31) >> 5


def memory_cost(size: int) -> int:
    """Total price of a memory of `size` words: 3w + w²/512."""
    return MEMORY_WORD * size + size * size // MEMORY_QUADRATIC_DIVISOR


def memory_expansion(size: int, offset: int, length: int) -> tuple[int, int]:
    """(price, new size in words) for touching `length` bytes at `offset` of a memory of `size` words.

    Touching nothing costs nothing, wherever it is.
    """
    if length == 0:
        return 0, size
    needed = (offset + length + 31) >> 5
    if needed <= size:
        return 0, size
    return memory_cost(needed) - memory_cost(size), needed


def calldata_cost(data: bytes) -> int:
    """Price of a transaction's calldata: 4 per zero byte, 16 per other byte (EIP-2028)."""
    zeros = data.count(0)
    return TX_DATA_ZERO_BYTE * zeros + TX_DATA_NONZERO_BYTE * (len(data) - zeros)


def intrinsic_gas(data: bytes, is_create: bool = False, addresses: int = 0, slots: int = 0) -> int:
    """What a transaction costs before its first step; `addresses` and `slots` count its access list."""
    cost = TX_BASE + calldata_cost(data)
    if is_create:
        cost += TX_CREATE + INIT_CODE_WORD * words(len(data))
    return cost + TX_ACCESS_LIST_ADDRESS * addresses + TX_ACCESS_LIST_SLOT * slots


def sstore_cost(original: int, current: int, new: int) -> int:
    """Price of a warm SSTORE (EIP-2200 as changed by EIP-2929); a cold slot adds COLD_SLOAD."""
    if original == current and current != new:
        return SSTORE_SET if original == 0 else SSTORE_RESET
    return WARM_ACCESS


def sstore_refund(original: int, current: int, new: int) -> int:
    """Change of the refund counter by an SSTORE, which may be negative (EIP-3529)."""
    if current == new:
        return 0
    refund = 0
    if original != 0:
        if current == 0:
            refund -= SSTORE_CLEAR_REFUND
        elif new == 0:
            refund += SSTORE_CLEAR_REFUND
    if original == new:
        refund += (SSTORE_SET if original == 0 else SSTORE_RESET) - WARM_ACCESS
    return refund


def blob_base_fee(excess_blob_gas: int) -> int:
    """Wei per blob gas: the integer e-function of EIP-4844."""
    accumulator = MIN_BLOB_BASE_FEE * BLOB_BASE_FEE_UPDATE_FRACTION
    total = 0
    i = 1
    while accumulator > 0:
        total += accumulator
        accumulator = accumulator * excess_blob_gas // (BLOB_BASE_FEE_UPDATE_FRACTION * i)
        i += 1
    return total // BLOB_BASE_FEE_UPDATE_FRACTION
