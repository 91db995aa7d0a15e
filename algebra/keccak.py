"""Keccak-256 of one message and of many, and Keccak-f[1600] on many states for the trace of the keccak chip.

A state is 25 uint64 words, lane (x, y) at x + 5·y; arrays hold one state a row.

>>> keccak256_many([b"", b"abc"])[1].tobytes().hex()[:16]
'4e03657aea45a94f'
"""

from __future__ import annotations

from typing import Any

import numpy as np
from Crypto.Hash import keccak as _keccak
from numpy.typing import NDArray

from zkroll.algebra.field import address
from zkroll.algebra.kernels import hash_kernels as kernels
from zkroll.algebra.kernels.threads import map_ranges
from zkroll.algebra.messages import Messages, batch_of, run_groups
from zkroll.algebra.reference.keccak import ROUND_CONSTANTS
from zkroll.errors import InputError

LANES = 25
ROUNDS = 24

States = NDArray[np.uint64]

_CONSTANTS = np.array(ROUND_CONSTANTS, dtype=np.uint64)
_GRAIN = 64  # groups of eight states: less is faster on one thread than handed to another


def keccak256(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 digest (Ethereum's padding, not SHA-3's)."""
    return bytes(_keccak.new(digest_bits=256, data=data).digest())


def keccak256_many(messages: Messages, threads: int | None = None) -> NDArray[np.uint8]:
    """Return the Keccak-256 digests (n, 32) uint8 of n messages.

    `messages` is a sequence of bytes or bytearrays of any lengths, or an (n, length) uint8 array. Eight
    messages are hashed side by side, the longest of them deciding the time, so they are grouped by length.
    Raises InputError for anything else.
    """
    batch = batch_of(messages, "keccak256_many", kernels.KECCAK_RATE, 0)
    out = np.empty((len(batch), kernels.DIGEST_WORDS), dtype="<u8")

    def run(begin: int, end: int) -> None:
        state = np.empty((LANES, kernels.KECCAK_LANES), dtype=np.uint64)
        words = np.empty((kernels.KECCAK_RATE_WORDS, kernels.KECCAK_LANES), dtype=np.uint64)
        kernels.keccak256_messages(
            batch.data,
            address(batch.data),
            batch.offsets,
            batch.lengths,
            batch.order,
            state,
            address(state),
            words,
            address(words),
            out,
            address(_CONSTANTS),
            begin,
            end,
        )

    run_groups(run, batch, kernels.KECCAK_LANES, threads)
    return out.view(np.uint8).reshape(len(batch), 32)


def keccak_f1600(states: NDArray[Any], threads: int | None = None) -> States:
    """Return the permutation of each of the (m, 25) uint64 states."""
    return _permuted(states, 1, threads).reshape(-1, LANES)


def keccak_f_rounds(states: NDArray[Any], threads: int | None = None) -> States:
    """Return (m, 24, 25) uint64: the states before each round; the first is the input itself."""
    return _permuted(states, ROUNDS, threads)


def _permuted(states: NDArray[Any], kept: int, threads: int | None) -> States:
    if (
        not isinstance(states, np.ndarray)
        or states.ndim != 2
        or states.shape[1] != LANES
        or states.dtype != np.uint64
    ):
        got = f"{states.shape} {states.dtype}" if isinstance(states, np.ndarray) else type(states).__name__
        raise InputError(f"keccak: expected states (m, 25) uint64, got {got}")
    held = np.ascontiguousarray(states)
    out = np.empty((len(held), kept, LANES), dtype=np.uint64)

    def run(begin: int, end: int) -> None:
        state = np.empty((LANES, kernels.KECCAK_LANES), dtype=np.uint64)
        kernels.keccak_permutations(held, state, address(state), address(_CONSTANTS), out, begin, end)

    map_ranges(run, -(-len(held) // kernels.KECCAK_LANES), threads, _GRAIN)
    return out
