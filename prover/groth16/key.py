"""Groth16 proving keys, in the form that .zkey files have."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import FR_TWO_ADICITY
from zkroll.algebra.curve import G1Points, G2Points, Point
from zkroll.circuits.r1cs.sparse import ProductPlan, SparseMatrix
from zkroll.circuits.r1cs.system import R1CS
from zkroll.errors import InputError
from zkroll.verifier.groth16 import VerifyingKey
from zkroll.verifier.groth16.points import check_g1

Wires = NDArray[np.int64]
Section = Literal["a", "b_1", "c", "h"]

MAX_LOG_DOMAIN = FR_TWO_ADICITY - 1  # the quotient takes a root of unity of twice the domain


class PointReader(Protocol):
    """Gives the points of a key for the sums of one proof.

    What it gives may be valid only until it is asked again. Raises InputError for points that are not on their
    curve.
    """

    def g1(self, section: Section) -> tuple[G1Points, Wires | None]:
        """Return the points of a section, and the wires whose values multiply them: None for all in order."""

    def g2(self) -> tuple[G2Points, Wires]:
        """Return the points b_2 and their wires."""


@dataclass(frozen=True)
class Key(ABC):
    """What it takes to prove for one circuit, without the points, which `reader` gives.

    Wire 0 is one, wires 1 to n_public are public. products_a, products_b: the constraints' A and B made ready
    for products, with one more row in A for wire one and each public input. See `ProvingKey` for the points.
    Raises InputError where lengths do not fit each other.
    """

    vk: VerifyingKey
    log_domain: int
    n_wires: int
    beta_1: Point
    delta_1: Point
    products_a: ProductPlan
    products_b: ProductPlan

    def __post_init__(self) -> None:
        for name, point in (("beta_1", self.beta_1), ("delta_1", self.delta_1)):
            if check_g1(point, f"proving key: {name}") is None:
                raise InputError(f"proving key: {name}: expected a point other than infinity")
        if not 0 <= self.log_domain <= MAX_LOG_DOMAIN:
            raise InputError(
                f"proving key: expected a domain of 1 to 2^{MAX_LOG_DOMAIN}, got 2^{self.log_domain}"
            )
        for name, matrix in (("A", self.products_a), ("B", self.products_b)):
            if matrix.n_rows > self.n or matrix.n_wires > self.n_wires:
                raise InputError(
                    f"proving key: matrix {name}: expected at most {self.n} rows and {self.n_wires} wires, "
                    f"got {matrix.n_rows} and {matrix.n_wires}"
                )

    @abstractmethod
    def reader(self, threads: int | None = None) -> PointReader:
        """Return what gives the points to one proof."""

    @property
    def n(self) -> int:
        """The size of the domain."""
        return 1 << self.log_domain

    @property
    def n_public(self) -> int:
        """The number of public inputs."""
        return self.vk.n_public


@dataclass(frozen=True)
class ProvingKey(Key):
    """A key with its points at hand; they may be mapped from files that `G1Points.save` wrote.

    With A_i, B_i, C_i the polynomials of wire i over the domain of n = 2^log_domain roots of unity, and L_k the
    Lagrange polynomials of the domain of 2n:

        a   [A_i(τ)]₁ of the wires a_wires            b_1, b_2  [B_i(τ)]₁ and [B_i(τ)]₂ of the wires b_wires
        c   [(β·A_i + α·B_i + C_i)(τ)/δ]₁ of the wires that are not public
        h   [L_(2j+1)(τ)/δ]₁, j < n: the quotient times the vanishing polynomial, by its values at the odd
            powers of the root of the larger domain

    a_wires and b_wires, in rising order, leave out wires that do not occur in A or in B: their points would be
    infinity, and sums are slower for such. Raises InputError where lengths do not fit each other; that points
    are what they should be is for a verification of the key.
    """

    a_wires: Wires
    a: G1Points
    b_wires: Wires
    b_1: G1Points
    b_2: G2Points
    c: G1Points
    h: G1Points

    def __post_init__(self) -> None:
        super().__post_init__()
        wires, public = self.n_wires, self.n_public
        for name, numbers in (("a_wires", self.a_wires), ("b_wires", self.b_wires)):
            rising = numbers.dtype == np.int64 and numbers.ndim == 1 and not (np.diff(numbers) <= 0).any()
            if not rising or (len(numbers) and not 0 <= numbers[0] <= numbers[-1] < wires):
                raise InputError(f"proving key: {name}: expected rising wires (n,) int64 below {wires}")
        in_b = len(self.b_wires)
        expected = {"a": len(self.a_wires), "b_1": in_b, "b_2": in_b, "c": wires - public - 1, "h": self.n}
        for name, length in expected.items():
            points: G1Points | G2Points = getattr(self, name)
            if points.n != length:
                raise InputError(f"proving key: {name}: expected {length} points, got {points.n}")

    def reader(self, threads: int | None = None) -> PointReader:  # noqa: ARG002 (other keys need it)
        """Return the key itself."""
        return self

    def g1(self, section: Section) -> tuple[G1Points, Wires | None]:
        """Return the points of a section, and the wires whose values multiply them: None for all in order."""
        points: G1Points = getattr(self, section)
        return points, {"a": self.a_wires, "b_1": self.b_wires}.get(section)

    def g2(self) -> tuple[G2Points, Wires]:
        """Return the points b_2 and their wires."""
        return self.b_2, self.b_wires

    @property
    def nbytes(self) -> int:
        """The memory of the points."""
        return sum(points.rows.nbytes for points in (self.a, self.b_1, self.b_2, self.c, self.h))


def log_domain_of(r1cs: R1CS) -> int:
    """Return the least k with room for the constraints, wire one and the public inputs in 2^k rows.

    Raises InputError beyond the largest domain.
    """
    rows = r1cs.n_constraints + r1cs.n_public + 1
    log_domain = (rows - 1).bit_length()
    if log_domain > MAX_LOG_DOMAIN:
        raise InputError(f"R1CS: expected at most 2^{MAX_LOG_DOMAIN} rows for Groth16, got {rows}")
    return log_domain


def with_public_rows(matrix: SparseMatrix, n_public: int) -> SparseMatrix:
    """Return the constraints' A with a row for wire one and for each public input.

    They make the A_i of public wires linearly independent, without which a proof might serve other inputs.
    """
    extra = n_public + 1
    ones = np.zeros((extra, 4), dtype=np.uint64)
    ones[:, 0] = 1
    return SparseMatrix(
        np.concatenate([matrix.starts, matrix.starts[-1] + np.arange(1, extra + 1)]),
        np.concatenate([matrix.wires, np.arange(extra, dtype=np.uint32)]),
        np.concatenate([matrix.coefficients, ones]),
    )
