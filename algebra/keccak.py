"""Keccak-256 of bytes, and Keccak-f[1600] on many states at once for the trace of the keccak chip.

A state is 25 uint64 words, lane (x, y) at x + 5·y; arrays hold one state a row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from Crypto.Hash import keccak as _keccak
from numpy.typing import NDArray

from zkroll.algebra.reference.keccak import ROTATIONS, ROUND_CONSTANTS
from zkroll.errors import InputError

LANES = 25
ROUNDS = 24

States = NDArray[np.uint64]

# which lane stands at each place after rho and pi
_SOURCE = np.argsort([y + 5 * ((2 * x + 3 * y) % 5) for y in range(5) for x in range(5)])
_LEFT = np.array(ROTATIONS, dtype=np.uint64)[:, None]
_RIGHT = (np.uint64(64) - _LEFT) % np.uint64(64)


def keccak256(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 digest (Ethereum's padding, not SHA-3's)."""
    return bytes(_keccak.new(digest_bits=256, data=data).digest())


def keccak_f1600(states: NDArray[Any]) -> States:
    """Return the permutation of each of the (m, 25) uint64 states."""
    current = _columns(states)
    for constant in ROUND_CONSTANTS:
        current = _round(current, constant)
    return np.ascontiguousarray(current.T)


def keccak_f_rounds(states: NDArray[Any]) -> States:
    """Return (m, 24, 25) uint64: the states before each round; the first is the input itself."""
    current = _columns(states)
    out = np.empty((current.shape[1], ROUNDS, LANES), dtype=np.uint64)
    for index, constant in enumerate(ROUND_CONSTANTS):
        out[:, index, :] = current.T
        current = _round(current, constant)
    return out


def _columns(states: NDArray[Any]) -> States:
    """The states with one lane a row, so that every operation runs over all states."""
    if states.ndim != 2 or states.shape[1] != LANES or states.dtype != np.uint64:
        raise InputError(f"keccak: expected states (m, 25) uint64, got {states.shape} {states.dtype}")
    return np.ascontiguousarray(states.T)


def _round(state: States, constant: int) -> States:
    planes = state.reshape(5, 5, -1)  # (y, x, states)
    parity = np.bitwise_xor.reduce(planes, axis=0)
    after = np.roll(parity, -1, axis=0)
    mix = np.roll(parity, 1, axis=0) ^ (after << np.uint64(1) | after >> np.uint64(63))
    mixed = (planes ^ mix).reshape(LANES, -1)
    moved = (mixed << _LEFT | mixed >> _RIGHT)[_SOURCE].reshape(5, 5, -1)
    out = moved ^ (~np.roll(moved, -1, axis=1) & np.roll(moved, -2, axis=1))
    out[0, 0] ^= np.uint64(constant)
    after_round: States = out.reshape(LANES, -1)
    return after_round
