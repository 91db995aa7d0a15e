"""The endomorphisms of both groups, and how a scalar splits into short ones along their powers.

In G1, φ(x, y) = (β·x, y) is multiplication by λ with λ² + λ + 1 = 0 mod r. In G2, ψ(x, y) =
(conj(x)·ξ^((q-1)/3), conj(y)·ξ^((q-1)/2)) with ξ = 9 + u is multiplication by q mod r, that is, by 6·x².
A scalar k stands for k_0 + k_1·μ + …, where (k_j) is (k, 0, …) less a vector of the lattice
L = {v: Σ v_j·μ^j = 0 mod r}, close to it by rounding its coordinates in a short basis (Babai).

What is known of the k_j: the difference has coordinates of at most 1/2 + ε in the basis, where ε < 2^-20 is for
rounded factors and columns that are left out. So |k_j| <= (1/2 + ε)·Σ_i |b_ij|, which is below 2^126.2 in
G1 and below 2^63.8 in G2. And no such vector, nor one changed by a few units in one place, lies in L unless
it is zero: its coordinates in the basis are below 1. `curve_multiply_kernels` builds on that.

Sources: Gallant, Lambert, Vanstone, "Faster point multiplication on elliptic curves with efficient
endomorphisms" (2001); Galbraith, Scott, "Exponentiation in pairing-friendly groups using homomorphisms" (2008).
The basis in G2 comes from reducing the lattice (LLL).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.algebra.kernels.groups import G1, Group

CURVE_X = 4965661367192848881  # the x of the curve family: q = 36x⁴ + 36x³ + 24x² + 6x + 1, r = q - 6x²
BETA = (18 * CURVE_X**3 + 18 * CURVE_X**2 + 9 * CURVE_X + 1) % Q_MODULUS
LAMBDA = (36 * CURVE_X**3 + 18 * CURVE_X**2 + 6 * CURVE_X + 1) % R_MODULUS
PSI_EIGENVALUE = 6 * CURVE_X**2

_X = CURVE_X
_BASIS_G1 = (
    (2 * _X + 1, -(6 * _X * _X + 2 * _X)),
    (6 * _X * _X + 4 * _X + 1, 2 * _X + 1),
)
_BASIS_G2 = (
    (2 * _X, _X + 1, -_X, _X),
    (-_X, _X, -_X, -2 * _X - 1),
    (_X + 1, _X, _X, -2 * _X),
    (2 * _X + 1, -_X, -_X - 1, -_X),
)

WINDOW = 5  # bits of a digit
LIMB = 25  # bits; a limb holds five digits
SCALAR_LIMBS = 11
PART_LIMBS = 6
FACTOR_BITS = 275  # c_i = k·factor_i / 2^275

Complex = tuple[int, int]


def _multiply(a: Complex, b: Complex) -> Complex:
    return ((a[0] * b[0] - a[1] * b[1]) % Q_MODULUS, (a[0] * b[1] + a[1] * b[0]) % Q_MODULUS)


def _power(base: Complex, exponent: int) -> Complex:
    result = (1, 0)
    for bit in bin(exponent)[2:]:
        result = _multiply(result, result)
        if bit == "1":
            result = _multiply(result, base)
    return result


@cache
def psi_factors(power: int) -> tuple[Complex, Complex]:
    """Return (c, d) with ψ^power(x, y) = (x'·c, y'·d); x', y' are the conjugates where the power is odd."""
    x, y = _power((9, 1), (Q_MODULUS - 1) // 3), _power((9, 1), (Q_MODULUS - 1) // 2)
    c, d = x, y
    for _ in range(power - 1):
        c, d = _multiply((c[0], -c[1]), x), _multiply((d[0], -d[1]), y)
    return c, d


def basis(group: Group) -> tuple[tuple[int, ...], ...]:
    """Return the short basis of the lattice, one vector a row."""
    return _BASIS_G1 if group is G1 else _BASIS_G2


def eigenvalue(group: Group) -> int:
    """Return μ, what the endomorphism multiplies by."""
    return LAMBDA if group is G1 else PSI_EIGENVALUE


@dataclass(frozen=True)
class Splitting:
    """Tables for `decomposition_kernels`: numbers as limbs of 25 bits with their sign."""

    parts: int  # how many k_j there are
    windows: int  # digits of each
    factors: tuple[list[int], ...]  # c_i = k·factor_i/2^275, rounded
    vectors: tuple[list[list[int]], ...]  # the basis
    offset: list[int]  # 16 in every digit but the last


def signed_limbs(value: int, count: int) -> list[int]:
    """Return limbs of 25 bits with the sign of `value`."""
    sign = -1 if value < 0 else 1
    return [sign * (abs(value) >> (LIMB * i) & ((1 << LIMB) - 1)) for i in range(count)]


def signed_digits(value: int, count: int) -> list[int]:
    """Return digits -16..15 in base 32, least significant first, the last as large as it is."""
    result = []
    for _ in range(count - 1):
        digit = (value + (1 << (WINDOW - 1))) % (1 << WINDOW) - (1 << (WINDOW - 1))
        result.append(digit)
        value = (value - digit) >> WINDOW
    return [*result, value]


def coordinates_of_one(group: Group) -> list[Fraction]:
    """Return the coordinates of (1, 0, …) in the basis."""
    rows = [[Fraction(x) for x in row] for row in zip(*basis(group), strict=True)]
    n = len(rows)
    for i, row in enumerate(rows):  # Gauss-Jordan on the transposed basis and (1, 0, …)
        row.append(Fraction(int(i == 0)))
    for i in range(n):
        pivot = next(k for k in range(i, n) if rows[k][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for k in range(n):
            if k != i:
                rows[k] = [x - rows[k][i] * y for x, y in zip(rows[k], rows[i], strict=True)]
    return [row[-1] for row in rows]


@cache
def splitting(group: Group) -> Splitting:
    """Return the tables of `group`."""
    vectors = basis(group)
    parts = len(vectors)
    windows = 26 if group is G1 else 13
    factors = [round(c * (1 << FACTOR_BITS)) for c in coordinates_of_one(group)]
    offset = sum(1 << (WINDOW * (w + 1) - 1) for w in range(windows - 1))
    return Splitting(
        parts,
        windows,
        tuple(signed_limbs(f, SCALAR_LIMBS) for f in factors),
        tuple([signed_limbs(v, PART_LIMBS) for v in row] for row in vectors),
        signed_limbs(offset, PART_LIMBS),
    )
