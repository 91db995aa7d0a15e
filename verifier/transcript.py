"""The Fiat-Shamir transcript: a chain of Poseidon hashes over Fr.

state_0 = 0; absorbing m elements appends m and the elements to the pending list; a challenge is

    state = Poseidon_16(state, e_1, …, e_15) over the pending elements, 15 at a time, zero-padded.

Lengths are absorbed with the data, so zero padding cannot stand for data. Points go in as x mod 2^128,
x >> 128, y mod 2^128, y >> 128.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import fr
from zkroll.algebra.poseidon import poseidon_hash

Point = tuple[int, int]
RATE: Final = 15
_HALF: Final = 2**128


def compress(elements: list[int]) -> int:
    """circomlib's Poseidon of the elements, through the vector kernel."""
    return fr.to_ints(poseidon_hash([fr.from_ints([e]) for e in elements], 1), 1)[0]


class Transcript:
    """One proof's transcript; ``absorb`` in the protocol's order, then ``challenge``."""

    def __init__(self, hasher: Callable[[list[int]], int] = compress) -> None:
        self._compress = hasher
        self._state = 0
        self._pending: list[int] = []

    def absorb(self, name: str, elements: Sequence[int]) -> None:
        """Bind field elements; ``name`` says which item of the protocol they are (it is not hashed)."""
        del name
        self._pending.append(len(elements))
        self._pending.extend(e % R_MODULUS for e in elements)

    def absorb_points(self, name: str, points: Sequence[Point]) -> None:
        """Bind affine points by their coordinates' halves."""
        limbs = [half for x, y in points for half in (x % _HALF, x // _HALF, y % _HALF, y // _HALF)]
        self.absorb(name, limbs)

    def challenge(self) -> int:
        """A field element that depends on everything absorbed so far."""
        pending = self._pending or [0]
        for i in range(0, len(pending), RATE):
            chunk = pending[i : i + RATE]
            self._state = self._compress([self._state, *chunk, *[0] * (RATE - len(chunk))])
        self._pending = []
        return self._state
