"""Strings of byte columns: numbers made of a range of them, with few multiplications per range."""

from __future__ import annotations

from collections.abc import Sequence

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.air.chip import AirBuilder
from zkroll.circuits.air.expr import ZERO, Expr, total
from zkroll.circuits.buses import BYTE_AND


def byte_columns(b: AirBuilder, name: str, width: int) -> list[Expr]:
    """``width`` columns, each a byte in every row: (x, x, x) is a row of the table of AND."""
    columns = b.columns(name, width)
    for i, column in enumerate(columns):
        b.send(f"{name}[{i}] is a byte", BYTE_AND, (column, column, column))
    return columns


def one_hot(b: AirBuilder, name: str, when: Expr, width: int = 32) -> list[Expr]:
    """``width`` bits of which exactly one is set where ``when`` = 1, none where it is 0."""
    bits = b.bits(name, width)
    b.constrain(f"{name} is one-hot", total(bits) - when)
    return bits


def chosen(flags: Sequence[Expr], values: Sequence[Expr]) -> Expr:
    """sum flag_i * value_i."""
    return total(flag * value for flag, value in zip(flags, values, strict=True))


class ByteString:
    """Bytes, most significant first, whose ranges are read as numbers."""

    def __init__(self, columns: Sequence[Expr]) -> None:
        self.bytes = list(columns)
        # the n-th is the number made of the first n bytes, modulo r
        self._prefix: list[Expr] = [ZERO]
        for column in self.bytes:
            self._prefix.append(self._prefix[-1] * 256 + column)

    def number(self, start: int, stop: int) -> Expr:
        """bytes[start:stop] as a number; equal to it modulo r as a polynomial identity."""
        if start == 0:
            return self._prefix[stop]
        weight = pow(256, stop - start, R_MODULUS)
        return self._prefix[stop] - self._prefix[start] * weight

    def overlaid(self, other: ByteString, at: int, start: int, stop: int) -> Expr:
        """bytes[start:stop] as a number after ``other`` has been put over the bytes from ``at`` on."""
        begin = min(max(at, start), stop)
        end = max(min(at + len(other.bytes), stop), begin)
        parts = [(self, start, begin, begin), (other, begin - at, end - at, end), (self, end, stop, stop)]
        return total(string.number(a, z) * 256 ** (stop - edge) for string, a, z, edge in parts if z > a)
