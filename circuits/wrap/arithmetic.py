"""The arithmetic that `zkroll.verifier.protocol.replay` runs on, as constraints.

Values are linear combinations: sums and constants are free, a product of two is a wire with one constraint.

Constraints:
1. inverse(x): x·i = 1. There is one such i, and none for x = 0.                                        (1)
2. require_zero(x): x·1 = 0.                                                                             (1)
3. hash(x_1 … x_n): Poseidon (see `gadgets.poseidon`), its result made a wire: combinations of seventeen wires
   would otherwise be repeated in whatever a challenge multiplies.                                     (+ 1)
"""

from __future__ import annotations

from collections.abc import Sequence

from zkroll.circuits.r1cs import hints
from zkroll.circuits.r1cs.builder import Builder
from zkroll.circuits.r1cs.gadgets.poseidon import poseidon_hash
from zkroll.circuits.r1cs.linear import LinearCombination


class CircuitArithmetic:
    """Field arithmetic of a circuit under construction."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder

    def constant(self, value: int) -> LinearCombination:
        """A constant, taken modulo r."""
        return self._builder.constant(value)

    def inverse(self, value: LinearCombination, what: str) -> LinearCombination:
        """1/value; a witness with value = 0 satisfies no constraint."""
        c = self._builder
        found = c.hint_one(hints.inverse, [value], what)
        c.constrain(value, found, 1, what)
        return found

    def require_zero(self, value: LinearCombination, what: str) -> None:
        """Demand that a value is 0."""
        self._builder.assert_zero(value, what)

    def hash(self, inputs: Sequence[LinearCombination]) -> LinearCombination:
        """Poseidon of 1 to 16 values."""
        return as_wire(self._builder, poseidon_hash(self._builder, inputs), "hash")


def as_wire(c: Builder, value: LinearCombination, name: str) -> LinearCombination:
    """The value as one wire, by one constraint where it is a combination."""
    if value.wire is not None or value.constant is not None:
        return value
    wire = c.hint_one(hints.same, [value], name)
    c.assert_equal(value, wire, name)
    return wire
