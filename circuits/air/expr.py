"""Polynomial expressions over the columns of one chip.

An expression is built once by a chip's ``define`` and read by every interpreter: the debug checker and the
quotient evaluation (as a kernel program), the verifier (at one point) and the wrap circuit. Its ``degree``
counts how many column polynomials of degree below the height are multiplied; it bounds the quotient.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, TypeAlias

from zkroll.algebra.constants import R_MODULUS


class Stage(IntEnum):
    """When a column is committed: in the key, before the bus challenges, or after them."""

    PREPROCESSED = 0
    MAIN = 1
    HELPER = 2


class Selector(IntEnum):
    """Row selectors; on the trace domain they are zero outside the rows that they name."""

    FIRST = 0
    LAST = 1
    TRANSITION = 2


# The transition selector is X - w^(n-1), of degree one whatever the height: it adds nothing that counts.
SELECTOR_DEGREE: Final = {Selector.FIRST: 1, Selector.LAST: 1, Selector.TRANSITION: 0}


class Expr:
    """A node of an expression DAG; immutable. Built by ``const``, columns of a builder and ``+ - *``."""

    __slots__ = ("args", "degree", "op")

    def __init__(self, op: str, args: tuple[object, ...], degree: int) -> None:
        self.op = op
        self.args = args
        self.degree = degree

    @property
    def next(self) -> Expr:
        """The same column one row later (the row after the last is the first)."""
        if self.op != "col" or self.args[2] != 0:
            raise TypeError(f"next of {self!r}: only a column of the current row has a next row")
        return Expr("col", (self.args[0], self.args[1], 1), 1)

    def __add__(self, other: ExprLike) -> Expr:
        return _add(self, lift(other))

    def __radd__(self, other: ExprLike) -> Expr:
        return _add(lift(other), self)

    def __sub__(self, other: ExprLike) -> Expr:
        return _sub(self, lift(other))

    def __rsub__(self, other: ExprLike) -> Expr:
        return _sub(lift(other), self)

    def __mul__(self, other: ExprLike) -> Expr:
        return _mul(self, lift(other))

    def __rmul__(self, other: ExprLike) -> Expr:
        return _mul(lift(other), self)

    def __neg__(self) -> Expr:
        return _sub(ZERO, self)

    def __repr__(self) -> str:
        return (
            f"Expr({self.op}, {self.args!r})"
            if self.op in _LEAVES
            else f"Expr({self.op}, degree {self.degree})"
        )


ExprLike: TypeAlias = Expr | int

_LEAVES: Final = frozenset({"const", "col", "challenge", "selector"})


def const(value: int) -> Expr:
    """The constant ``value`` modulo r."""
    return Expr("const", (int(value) % R_MODULUS,), 0)


ZERO: Final = const(0)
ONE: Final = const(1)


def lift(value: ExprLike) -> Expr:
    """An integer as a constant; an expression as itself."""
    return value if isinstance(value, Expr) else const(value)


def column(stage: Stage, index: int) -> Expr:
    """Column ``index`` of ``stage`` at the current row."""
    return Expr("col", (int(stage), index, 0), 1)


def challenge(name: str, power: int = 1) -> Expr:
    """A value that the verifier draws (or a claimed sum), raised to ``power``; of degree zero."""
    return Expr("challenge", (name, power), 0)


def selector(which: Selector) -> Expr:
    """A row selector."""
    return Expr("selector", (int(which),), SELECTOR_DEGREE[which])


def total(terms: Iterable[ExprLike]) -> Expr:
    """The sum of the terms."""
    result = ZERO
    for term in terms:
        result = result + term
    return result


def weighted(terms: Iterable[ExprLike], base: int) -> Expr:
    """sum of base^i * terms[i]: the number with these digits, least significant first."""
    return total(lift(term) * pow(base, i) for i, term in enumerate(terms))


def _value(expr: Expr) -> int | None:
    return int(expr.args[0]) if expr.op == "const" else None  # type: ignore[call-overload]


def _add(a: Expr, b: Expr) -> Expr:
    va, vb = _value(a), _value(b)
    if va is not None and vb is not None:
        return const(va + vb)
    if va == 0:
        return b
    if vb == 0:
        return a
    return Expr("add", (a, b), max(a.degree, b.degree))


def _sub(a: Expr, b: Expr) -> Expr:
    va, vb = _value(a), _value(b)
    if va is not None and vb is not None:
        return const(va - vb)
    if vb == 0:
        return a
    return Expr("sub", (a, b), max(a.degree, b.degree))


def _mul(a: Expr, b: Expr) -> Expr:
    va, vb = _value(a), _value(b)
    if va is not None and vb is not None:
        return const(va * vb)
    if va == 0 or vb == 0:
        return ZERO
    if va == 1:
        return b
    if vb == 1:
        return a
    return Expr("mul", (a, b), a.degree + b.degree)
