"""Linear combinations of the wires of a circuit under construction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from zkroll.algebra.constants import R_MODULUS
from zkroll.errors import InputError

if TYPE_CHECKING:
    from zkroll.circuits.r1cs.builder import Builder

_HALF = R_MODULUS >> 1

Terms = dict[int, int]


class LinearCombination:
    """Σ coefficient·wire, with wire 0 for the constant; never changed once it is made.

    `terms` has no zero coefficients; they lie between -r/2 and r/2, so that values of bits stay small
    integers. Sums, differences and multiples by constants cost nothing; the product of two combinations is a
    new wire and a constraint, unless one of them is a constant.
    """

    __slots__ = ("builder", "terms")

    def __init__(self, builder: Builder, terms: Terms):
        self.builder = builder
        self.terms = terms

    @property
    def constant(self) -> int | None:
        """The value in [0, r) of a combination without wires, else None."""
        if not self.terms:
            return 0
        if len(self.terms) == 1 and 0 in self.terms:
            return self.terms[0] % R_MODULUS
        return None

    @property
    def wire(self) -> int | None:
        """The wire that this combination is, with coefficient 1, or None."""
        if len(self.terms) == 1:
            ((wire, coefficient),) = self.terms.items()
            if coefficient == 1 and wire != 0:
                return wire
        return None

    def __add__(self, other: Operand) -> LinearCombination:
        return add(self.builder, self, other, 1)

    def __sub__(self, other: Operand) -> LinearCombination:
        return add(self.builder, self, other, -1)

    __radd__ = __add__

    def __rsub__(self, other: int) -> LinearCombination:
        return add(self.builder, -self, other, 1)

    def __neg__(self) -> LinearCombination:
        return LinearCombination(self.builder, {wire: -value for wire, value in self.terms.items()})

    def __mul__(self, other: Operand) -> LinearCombination:
        if isinstance(other, LinearCombination):
            return self.builder.product(self, other)
        return scaled(self, other)

    __rmul__ = __mul__

    def __bool__(self) -> bool:
        raise InputError(
            "LinearCombination: expected a gadget that decides in the circuit, got a Python test"
        )

    def __repr__(self) -> str:
        return f"LinearCombination({self.terms})"


Operand = LinearCombination | int


def centred(value: int) -> int:
    """The representative of a value modulo r that is nearest to zero."""
    if -_HALF <= value <= _HALF:
        return value
    value %= R_MODULUS
    return value - R_MODULUS if value > _HALF else value


def add(builder: Builder, left: LinearCombination, right: Operand, sign: int) -> LinearCombination:
    """left + sign·right."""
    terms = left.terms.copy()
    accumulate(builder, terms, right, sign)
    return LinearCombination(builder, terms)


def accumulate(builder: Builder, terms: Terms, value: Operand, factor: int) -> None:
    """Add factor·value to `terms`, which is changed. Raises InputError for a wire of another circuit."""
    if not isinstance(value, LinearCombination):
        items: Iterable[tuple[int, int]] = ((0, check_constant(value)),)
    elif value.builder is not builder:
        raise InputError("LinearCombination: expected wires of one circuit, got wires of two")
    else:
        items = value.terms.items()
    for wire, coefficient in items:
        total = centred(terms.get(wire, 0) + factor * coefficient)
        if total:
            terms[wire] = total
        else:
            terms.pop(wire, None)


def scaled(value: LinearCombination, factor: int) -> LinearCombination:
    """factor·value."""
    factor = centred(check_constant(factor))
    if factor == 0:
        return LinearCombination(value.builder, {})
    if factor == 1:
        return LinearCombination(value.builder, value.terms)
    return LinearCombination(
        value.builder, {wire: centred(factor * term) for wire, term in value.terms.items()}
    )


def check_constant(value: Any) -> int:
    """Return an integer as it is. Raises InputError for anything else, booleans too."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"LinearCombination: expected an integer or a combination, got {value!r:.80}")
    return value
