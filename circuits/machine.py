"""The batch machine: every chip, in the order in which they are filled.

A chip that serves a bus stands after all chips that ask there; tables come last.
"""

from __future__ import annotations

from functools import cache

from zkroll.circuits.air.chip import Chip
from zkroll.circuits.air.layout import Machine
from zkroll.circuits.chips.add import Add
from zkroll.circuits.chips.bad_jump import BadJumpChip
from zkroll.circuits.chips.bitwise import Bitwise
from zkroll.circuits.chips.bridge.l1_message import L1MessageChip
from zkroll.circuits.chips.bridge.withdrawal import WithdrawalChip
from zkroll.circuits.chips.bridge.withdrawal_tree import WithdrawalLeafChip, WithdrawalNodeChip
from zkroll.circuits.chips.bytecode import BytecodeChip
from zkroll.circuits.chips.calldataload import CalldataLoad
from zkroll.circuits.chips.canonical import CanonicalChip
from zkroll.circuits.chips.compare import Compare
from zkroll.circuits.chips.copy import Copy, CopyTail
from zkroll.circuits.chips.cpu import CpuChip
from zkroll.circuits.chips.data import DataChip
from zkroll.circuits.chips.divmod import DivMod
from zkroll.circuits.chips.exp import Exp
from zkroll.circuits.chips.expansion import Expansion
from zkroll.circuits.chips.extract import Extract
from zkroll.circuits.chips.keccak.keccak_f import KeccakF
from zkroll.circuits.chips.keccak.sponge import KeccakSponge
from zkroll.circuits.chips.keccak.tables import KeccakBytes, KeccakDigits
from zkroll.circuits.chips.log import LogChip
from zkroll.circuits.chips.memory.aligned import MemoryAligned
from zkroll.circuits.chips.memory.init import MemoryInit
from zkroll.circuits.chips.memory.unaligned import MemoryUnaligned
from zkroll.circuits.chips.mul import Mul
from zkroll.circuits.chips.opcodes import OpcodesChip
from zkroll.circuits.chips.poseidon import Poseidon2Chip, Poseidon3Chip, Poseidon4Chip, Poseidon5Chip
from zkroll.circuits.chips.selfbalance import SelfbalanceChip
from zkroll.circuits.chips.shift import Shift
from zkroll.circuits.chips.signature import SignatureChip, SignatureLadderChip
from zkroll.circuits.chips.signed_division import SignedDivision
from zkroll.circuits.chips.stack_drain import StackDrainChip
from zkroll.circuits.chips.state_tree import StateLeafChip, StatePathChip
from zkroll.circuits.chips.storage import StorageCellChip, StorageOperationsChip
from zkroll.circuits.chips.tables import Pow2, Tables
from zkroll.circuits.chips.transaction import StatementChip, TransactionChip
from zkroll.circuits.chips.window import Window

_EXECUTION: tuple[type[Chip], ...] = (
    CpuChip,
    LogChip,
    StackDrainChip,
    BadJumpChip,
    StorageOperationsChip,
    SelfbalanceChip,
    StorageCellChip,
    TransactionChip,
    StatementChip,
    L1MessageChip,
    WithdrawalChip,
    WithdrawalLeafChip,
    WithdrawalNodeChip,
)
_MEMORY: tuple[type[Chip], ...] = (
    Expansion,
    CalldataLoad,
    Copy,
    CopyTail,
    KeccakSponge,
    Window,
    MemoryUnaligned,
    MemoryAligned,
    MemoryInit,
    KeccakF,
    DataChip,
    BytecodeChip,
)
_STATE: tuple[type[Chip], ...] = (
    StateLeafChip,
    StatePathChip,
    SignatureChip,
    SignatureLadderChip,
    CanonicalChip,
)
_ARITHMETIC: tuple[type[Chip], ...] = (
    Exp,
    Shift,
    Extract,
    SignedDivision,
    DivMod,
    Mul,
    Compare,
    Add,
    Bitwise,
)
_TABLES: tuple[type[Chip], ...] = (
    Poseidon5Chip,
    Poseidon4Chip,
    Poseidon3Chip,
    Poseidon2Chip,
    Pow2,
    OpcodesChip,
    KeccakBytes,
    KeccakDigits,
    Tables,
)


@cache
def batch_machine() -> Machine:
    """The machine that proves batches of native transactions."""
    kinds = (*_EXECUTION, *_MEMORY, *_STATE, *_ARITHMETIC, *_TABLES)
    return Machine("batch", [kind() for kind in kinds])
