"""Rank-1 constraint systems and the check of a witness: (A·w) ∘ (B·w) = C·w."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import fr
from zkroll.algebra.kernels.r1cs_kernels import WORDS
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.sparse import SparseMatrix
from zkroll.errors import ConstraintViolation, InputError

_MOST_WIRES = (1 << 32) - 1
_MOST_LABELS = 1 << 63
_MOST_TERMS_SHOWN = 12


@dataclass(frozen=True, eq=False)
class R1CS:
    """Constraints (A·w)_i·(B·w)_i = (C·w)_i over the wires w: one, outputs, public inputs, private ones, the rest.

    n_private_inputs counts those without a wire too. n_labels counts the signals before the compiler's optimisation; labels: (n_wires,) uint64, the signal of
    each wire. Raises InputError for matrices of different heights, wires that do not exist, and counts that
    contradict each other.
    """

    n_wires: int
    n_outputs: int
    n_public_inputs: int
    n_private_inputs: int
    A: SparseMatrix
    B: SparseMatrix
    C: SparseMatrix
    n_labels: int = 0
    labels: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))

    def __post_init__(self) -> None:
        check_counts(self.n_wires, self.n_outputs, self.n_public_inputs, self.n_private_inputs, self.n_labels)
        if not self.A.n_rows == self.B.n_rows == self.C.n_rows:
            raise InputError(
                f"R1CS: expected matrices of one height, got {self.A.n_rows}, {self.B.n_rows}, {self.C.n_rows}"
            )
        if self.n_constraints >= 1 << 32:
            raise InputError(f"R1CS: expected less than 2^32 constraints, got {self.n_constraints}")
        for name, matrix in (("A", self.A), ("B", self.B), ("C", self.C)):
            if matrix.n_wires > self.n_wires:
                raise InputError(
                    f"R1CS: {name}: expected wires below {self.n_wires}, got {matrix.n_wires - 1}"
                )
        if self.labels.dtype != np.uint64 or self.labels.shape not in ((0,), (self.n_wires,)):
            raise InputError(
                f"R1CS: labels: expected none or {self.n_wires} of uint64, "
                f"got {self.labels.shape} {self.labels.dtype}"
            )

    @property
    def n_constraints(self) -> int:
        """The number of constraints."""
        return self.A.n_rows

    @property
    def n_public(self) -> int:
        """The number of public signals: outputs, then public inputs. They are the wires 1 to n_public."""
        return self.n_outputs + self.n_public_inputs

    @cached_property
    def matrices(self) -> tuple[SparseMatrix, SparseMatrix, SparseMatrix]:
        """A, B and C."""
        return self.A, self.B, self.C

    def evaluate(self, witness: FrVector, threads: int | None = None) -> tuple[FrVector, FrVector, FrVector]:
        """Return A·w, B·w and C·w. Raises InputError unless there is a value for each wire."""
        if len(witness) != self.n_wires:
            raise InputError(
                f"witness: expected {self.n_wires} values, one for each wire, got {len(witness)}: "
                "it belongs to another circuit"
            )
        words = witness.to_limbs()
        a, b, c = (matrix.plan.run(words, threads, check=False) for matrix in self.matrices)
        return a, b, c

    def first_violation(self, witness: FrVector, threads: int | None = None) -> Violation | None:
        """Return the first constraint that the witness breaks, or None. Wire 0 must be one as well."""
        a, b, c = self.evaluate(witness, threads)
        if witness[0] != 1:
            return Violation(self, witness, -1, (witness[0], 1, 1))
        difference = fr.sub(fr.mul(a.blocks, b.blocks, threads=threads), c.blocks, threads=threads)
        right = fr.is_zero(difference, self.n_constraints, threads)
        if right.all():
            return None
        at = int(np.argmin(right))
        return Violation(self, witness, at, (a[at], b[at], c[at]))

    def check(self, witness: FrVector, threads: int | None = None) -> None:
        """Raise ConstraintViolation, with the first broken constraint, unless the witness satisfies all."""
        violation = self.first_violation(witness, threads)
        if violation is not None:
            raise ConstraintViolation(violation.describe())


@dataclass(frozen=True, eq=False)
class Violation:
    """A constraint that a witness breaks, and the values of its three linear combinations.

    constraint -1 stands for wire 0, which must be one.
    """

    system: R1CS
    witness: FrVector
    constraint: int
    values: tuple[int, int, int]

    @cached_property
    def wires(self) -> list[int]:
        """The wires of the constraint, each once, in the order in which they appear."""
        if self.constraint < 0:
            return [0]
        found = (wire for matrix in self.system.matrices for wire, _ in matrix.row(self.constraint))
        return list(dict.fromkeys(found))

    def describe(self, names: Mapping[int, str] | None = None) -> str:
        """Return one line: the constraint with the names of its wires where known, and what the sides are."""
        if self.constraint < 0:
            return f"witness: wire 0: expected 1, got {self.values[0]}"
        sides = [combination(matrix.row(self.constraint), names) for matrix in self.system.matrices]
        a, b, c = self.values
        named = [wire for wire in self.wires if wire]  # wire 0 is one
        shown = named[:_MOST_TERMS_SHOWN]
        values = ", ".join(f"{wire_name(wire, names)} = {signed(self.witness[wire])}" for wire in shown)
        more = ", …" if len(named) > len(shown) else ""
        return (
            f"constraint {self.constraint}: ({sides[0]}) · ({sides[1]}) = {sides[2]}: "
            f"expected A·B = {signed(a * b % R_MODULUS)} for C, got {signed(c)} "
            f"(A = {signed(a)}, B = {signed(b)})" + (f"; {values}{more}" if shown else "")
        )


def check_counts(n_wires: int, n_outputs: int, n_public: int, n_private: int, n_labels: int) -> None:
    """Raise InputError unless every public signal has a wire.

    Private inputs need not have one: circom counts those that no constraint uses, too.
    """
    if not 1 <= n_wires <= _MOST_WIRES:
        raise InputError(f"R1CS: expected 1 to {_MOST_WIRES} wires, got {n_wires}")
    if min(n_outputs, n_public, n_private) < 0 or 1 + n_outputs + n_public > n_wires:
        raise InputError(
            f"R1CS: expected wires for 1 + {n_outputs} outputs + {n_public} public inputs, got {n_wires} wires"
        )
    if not 0 <= n_labels < _MOST_LABELS:
        raise InputError(f"R1CS: expected less than 2^63 labels, got {n_labels}")


def signed(value: int) -> str:
    """A canonical element as a decimal, those near r as negative numbers."""
    return str(value - R_MODULUS if value > R_MODULUS >> 1 else value)


def wire_name(wire: int, names: Mapping[int, str] | None) -> str:
    """The name of a wire, or w[number]; one where it is wire 0."""
    if wire == 0:
        return "1"
    return (names or {}).get(wire) or f"w[{wire}]"


def combination(
    terms: list[tuple[int, int]], names: Mapping[int, str] | None = None, most: int = _MOST_TERMS_SHOWN
) -> str:
    """A linear combination as text, of so many terms."""
    if not terms:
        return "0"
    text = ""
    for i, (wire, value) in enumerate(terms[:most]):
        number = signed(value)
        sign, size = ("-", number[1:]) if number.startswith("-") else ("+", number)
        name = "" if wire == 0 else wire_name(wire, names)
        term = size if not name else name if size == "1" else f"{size}·{name}"
        text += (f" {sign} " if i else "-" if sign == "-" else "") + term
    return text + (f" + … ({len(terms) - most} more)" if len(terms) > most else "")


def rows_of_words(content: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Bytes as rows (n, 4) of little-endian words: the same memory where it is aligned, else a copy."""
    words = content.view("<u8") if content.ctypes.data % 8 == 0 else content.copy().view("<u8")
    return words.astype(np.uint64, copy=False).reshape(-1, WORDS)
