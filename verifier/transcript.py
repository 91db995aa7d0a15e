"""The Fiat-Shamir transcript: a chain of Poseidon hashes over Fr.

state_0 = 0; absorbing m elements appends m and the elements to the pending list; a challenge is

    state = Poseidon_16(state, e_1, …, e_15) over the pending elements, 15 at a time, zero-padded.

Lengths are absorbed with the data, so zero padding cannot stand for data. Points go in as one digest per list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, Generic

from zkroll.verifier.arithmetic import Arithmetic, T

Point = tuple[int, int]
RATE: Final = 15
#: bits of SHA-256 that are dropped, so that what is left is a canonical field element
DROPPED_BITS: Final = 3


def points_digest(points: Sequence[Point]) -> int:
    """The first 253 bits of SHA-256(x_1 || y_1 || x_2 || …), coordinates of 32 bytes, big-endian."""
    h = hashlib.sha256()
    for x, y in points:
        h.update(x.to_bytes(32, "big") + y.to_bytes(32, "big"))
    return int.from_bytes(h.digest(), "big") >> DROPPED_BITS


class Transcript(Generic[T]):
    """One proof's transcript; ``absorb`` in the protocol's order, then ``challenge``."""

    def __init__(self, ops: Arithmetic[T]) -> None:
        self._ops = ops
        self._state = ops.constant(0)
        self._pending: list[T] = []

    def absorb(self, name: str, values: Sequence[T]) -> None:
        """Bind values; ``name`` says which item of the protocol they are (it is not hashed)."""
        del name
        self._pending.append(self._ops.constant(len(values)))
        self._pending.extend(values)

    def challenge(self) -> T:
        """A field element that depends on everything absorbed so far."""
        zero = self._ops.constant(0)
        pending = self._pending or [zero]
        for i in range(0, len(pending), RATE):
            chunk = pending[i : i + RATE]
            self._state = self._ops.hash([self._state, *chunk, *[zero] * (RATE - len(chunk))])
        self._pending = []
        return self._state
