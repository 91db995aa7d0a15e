"""The field arithmetic that the protocol's field side runs on: integers modulo r here, constraints elsewhere.

``replay`` (see ``zkroll.verifier.protocol``) is written once over ``Arithmetic``; a reader chooses what a value is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, Self, TypeVar

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import fr
from zkroll.algebra.kernels.emit import LANES
from zkroll.algebra.poseidon import poseidon_hash
from zkroll.errors import VerificationError


class Value(Protocol):
    """A field element, known or a wire: ``+ - *`` with another one and with an integer on either side."""

    def __add__(self, other: Self | int, /) -> Self: ...
    def __radd__(self, other: int, /) -> Self: ...
    def __sub__(self, other: Self | int, /) -> Self: ...
    def __rsub__(self, other: int, /) -> Self: ...
    def __mul__(self, other: Self | int, /) -> Self: ...
    def __rmul__(self, other: int, /) -> Self: ...


T = TypeVar("T", bound=Value)


class Arithmetic(Protocol[T]):
    """What a reader of the protocol brings besides ``+ - *``; ``what`` names the place in an error."""

    def constant(self, value: int) -> T:
        """An integer modulo r as a value."""

    def inverse(self, value: T, what: str) -> T:
        """1/value; a value of zero is refused."""

    def require_zero(self, value: T, what: str) -> None:
        """Refuse a value other than zero."""

    def hash(self, inputs: Sequence[T]) -> T:
        """circomlib's Poseidon of 1 to 16 values."""


class Element:
    """An integer modulo r."""

    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value % R_MODULUS

    def __add__(self, other: Element | int) -> Element:
        return Element(self.value + (other.value if isinstance(other, Element) else other))

    __radd__ = __add__

    def __sub__(self, other: Element | int) -> Element:
        return Element(self.value - (other.value if isinstance(other, Element) else other))

    def __rsub__(self, other: int) -> Element:
        return Element(other - self.value)

    def __mul__(self, other: Element | int) -> Element:
        return Element(self.value * (other.value if isinstance(other, Element) else other))

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Element) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __int__(self) -> int:
        return self.value

    def __repr__(self) -> str:
        return f"Element({self.value:#x})"


def elements(values: Sequence[int]) -> list[Element]:
    """Integers as elements."""
    return [Element(value) for value in values]


class ElementArithmetic:
    """Arithmetic of known values: what is refused raises VerificationError."""

    def constant(self, value: int) -> Element:
        return Element(value)

    def inverse(self, value: Element, what: str) -> Element:
        if not value.value:
            raise VerificationError(f"{what}: expected a value other than 0")
        return Element(pow(value.value, -1, R_MODULUS))

    def require_zero(self, value: Element, what: str) -> None:
        if value.value:
            raise VerificationError(f"{what}: expected 0, got {value.value:#x}")

    def hash(self, inputs: Sequence[Element]) -> Element:
        spread = [0] * (LANES * len(inputs))  # each input in a block of its own
        spread[::LANES] = [i.value for i in inputs]
        blocks = fr.from_ints(spread)
        columns = [blocks[k : k + 1] for k in range(len(inputs))]
        return Element(fr.to_ints(poseidon_hash(columns, 1), 1)[0])


ELEMENTS: Final = ElementArithmetic()
