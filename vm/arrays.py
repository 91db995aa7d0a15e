"""The arrays of a trace: what `zkroll.vm.trace.Trace.arrays` gives, and how words become limbs."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

U64_MAX = (1 << 64) - 1
_ZERO_WORD = bytes(32)

U8 = NDArray[np.uint8]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]


def limbs(words: Iterable[int]) -> U64:
    """Words as (n, 4) little-endian 64-bit limbs: [:, 0:2] is the low half, [:, 2:4] the high half."""
    joined = b"".join([word.to_bytes(32, "little") for word in words])
    return np.frombuffer(joined, dtype="<u8").reshape(-1, 4)


def memory_limbs(data: bytes) -> U64:
    """Memory bytes (whole words, big-endian each) as (n, 4) little-endian 64-bit limbs."""
    flipped = np.frombuffer(data, dtype=np.uint8).reshape(-1, 32)[:, ::-1]
    return np.ascontiguousarray(flipped).view("<u8")


def u64(values: Iterable[int]) -> U64:
    """Numbers as uint64, those beyond 2^64 − 1 cut to it."""
    return np.array([value if value <= U64_MAX else U64_MAX for value in values], dtype=np.uint64)


def offsets(lengths: Iterable[int]) -> I64:
    """Where each of the pieces laid end to end begins, and the end of the last."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.fromiter(lengths, np.int64))]).astype(np.int64)


@dataclass(frozen=True, slots=True)
class StepArrays:
    """Columns of the n steps. Words are limbs; numbers beyond 2^64 − 1 (a gas demand) are cut to it."""

    transaction: U64
    context: U64
    depth: U64
    pc: U64
    opcode: U8
    gas_before: U64
    gas_cost: U64
    refund_before: U64
    stack_before: U64
    memory_before: U64
    memory_after: U64
    halt: U8
    input_count: U8
    output_count: U8
    inputs: U64  # (n, 7, 4), top of the stack first, zeros after the last
    outputs: U64  # (n, 2, 4)


@dataclass(frozen=True, slots=True)
class StorageArrays:
    """One row per SLOAD or SSTORE, in order. Words (m, 4) limbs; `refund_delta` is signed gas."""

    step: I64
    address: U64
    slot: U64
    original: U64
    current: U64
    new: U64
    was_warm: Bools
    is_write: Bools
    refund_delta: I64


@dataclass(frozen=True, slots=True)
class MemoryArrays:
    """One row per memory word touched, in order: its index, its value before and after in (m, 4) limbs."""

    step: I64
    word_index: U64
    old: U64
    new: U64
    is_write: Bools


@dataclass(frozen=True, slots=True)
class CopyArrays:
    """One row per copy of at least one byte. A source offset beyond 2^64 − 1 is cut to it."""

    step: I64
    source: U8
    dst: U64
    src: U64
    length: U64


@dataclass(frozen=True, slots=True)
class HashArrays:
    """One row per KECCAK256: its input is `data[start[i]:start[i + 1]]`, its digest (m, 4) limbs."""

    step: I64
    start: I64
    data: U8
    digest: U64


@dataclass(frozen=True, slots=True)
class LogArrays:
    """One row per LOG: address and topics in limbs, (m, 4) and (m, 4, 4), data as for hashes."""

    step: I64
    address: U64
    topic_count: U8
    topics: U64
    start: I64
    data: U8


@dataclass(frozen=True, slots=True)
class TraceArrays:
    """The trace as structure of arrays."""

    steps: StepArrays
    storage: StorageArrays
    memory: MemoryArrays
    copies: CopyArrays
    hashes: HashArrays
    logs: LogArrays


def padded(rows: list[tuple[int, ...]], width: int) -> U64:
    """Rows of at most `width` words as (n, width, 4) limbs, zeros after the last."""
    parts: list[bytes] = []
    for row in rows:
        parts.extend([word.to_bytes(32, "little") for word in row])
        parts.append(_ZERO_WORD * (width - len(row)))
    return np.frombuffer(b"".join(parts), dtype="<u8").reshape(-1, width, 4)
