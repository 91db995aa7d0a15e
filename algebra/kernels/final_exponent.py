"""The final exponentiation as a list of steps on numbered registers of Fq12, which the kernel carries out.

    (q^12 - 1)/r = (q^6 - 1)·(q^2 + 1)·(q^4 - q^2 + 1)/r

The first two factors, the easy part, leave an element g whose inverse is its conjugate. The last, in base q,
is Σ λ_i(x)·q^i with small polynomials λ_i, and takes three powers to the curve's parameter x.
Source: Scott, Benger, Charlemagne, Dominguez Perez, Kachisa, "On the final exponentiation for calculating
pairings on ordinary elliptic curves" (2009), section 5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

X = 4965661367192848881  # the parameter of the curve: q = 36x⁴ + 36x³ + 24x² + 6x + 1
MUL, SQR, CONJUGATE, FROBENIUS_1, FROBENIUS_2, FROBENIUS_3, INVERT = range(7)
WIDTH = 4  # digits of x: powers to 1, 3, 5, 7 are kept

# Registers: g is where the argument is and the result comes to be.
_G, _T, _A, _B, _FX, _FX2, _FX3, _Y0, _Y3, _Y4, _POWERS = range(11)
REGISTERS = _POWERS + (1 << (WIDTH - 2)) - 1

Step = tuple[int, int, int, int]


def signed_digits(value: int, width: int) -> list[int]:
    """Return the digits of value > 0, least significant first: zero or odd and below 2^(width-1).

    Of `width` consecutive digits at most one is not zero (width 2: the non-adjacent form).
    """
    digits = []
    while value:
        digit = 0
        if value & 1:
            digit = value % (1 << width)
            if digit >> (width - 1):
                digit -= 1 << width
            value -= digit
        digits.append(digit)
        value >>= 1
    return digits


def _power(out: int, base: int) -> list[Step]:
    """out = base^x, for base of the cyclotomic subgroup; `out` is another register."""
    steps: list[Step] = [(SQR, _T, base, base)]
    odd = {1: base}
    for j in range(3, 1 << (WIDTH - 1), 2):
        odd[j] = _POWERS + j // 2 - 1
        steps.append((MUL, odd[j], odd[j - 2], _T))
    top, *digits = signed_digits(X, WIDTH)[::-1]
    source = odd[top]
    for digit in digits:
        steps.append((SQR, out, source, source))
        source = out
        if digit > 0:
            steps.append((MUL, out, out, odd[digit]))
        elif digit < 0:
            steps += [(CONJUGATE, _T, odd[-digit], 0), (MUL, out, out, _T)]
    return steps


def _program() -> list[Step]:
    easy: list[Step] = [
        (INVERT, _T, _G, 0),
        (CONJUGATE, _G, _G, 0),
        (MUL, _G, _G, _T),
        (FROBENIUS_2, _T, _G, 0),
        (MUL, _G, _G, _T),
    ]
    # y0·y1²·y2⁶·y3¹²·y4¹⁸·y5³⁰·y6³⁶ with y1 = 1/g, y2 = (g^(x²))^(q²), y5 = 1/g^(x²)
    factors: list[Step] = [
        # y0 = g^(q + q² + q³)
        (FROBENIUS_1, _Y0, _G, 0),
        (FROBENIUS_2, _T, _G, 0),
        (MUL, _Y0, _Y0, _T),
        (FROBENIUS_3, _T, _G, 0),
        (MUL, _Y0, _Y0, _T),
        # y3 = 1/g^(x·q)
        (FROBENIUS_1, _Y3, _FX, 0),
        (CONJUGATE, _Y3, _Y3, 0),
        # y4 = 1/g^(x + x²·q)
        (FROBENIUS_1, _Y4, _FX2, 0),
        (MUL, _Y4, _Y4, _FX),
        (CONJUGATE, _Y4, _Y4, 0),
        # a = y6 = 1/g^(x³ + x³·q)
        (FROBENIUS_1, _A, _FX3, 0),
        (MUL, _A, _A, _FX3),
        (CONJUGATE, _A, _A, 0),
        # b = y2, y5 in the register of g^(x²)
        (FROBENIUS_2, _B, _FX2, 0),
        (CONJUGATE, _FX2, _FX2, 0),
    ]
    product: list[Step] = [
        (SQR, _A, _A, _A),
        (MUL, _A, _A, _Y4),
        (MUL, _A, _A, _FX2),  # a = y4·y5·y6²
        (MUL, _T, _Y3, _FX2),
        (MUL, _T, _T, _A),  # t = y3·y4·y5²·y6²
        (MUL, _A, _A, _B),  # a = y2·y4·y5·y6²
        (SQR, _T, _T, _T),
        (MUL, _T, _T, _A),
        (SQR, _T, _T, _T),  # t = y2²·y3⁴·y4⁶·y5¹⁰·y6¹²
        (CONJUGATE, _G, _G, 0),
        (MUL, _A, _T, _G),
        (MUL, _B, _T, _Y0),
        (SQR, _A, _A, _A),
        (MUL, _G, _A, _B),
    ]
    return [*easy, *_power(_FX, _G), *_power(_FX2, _FX), *_power(_FX3, _FX2), *factors, *product]


PROGRAM: NDArray[np.int64] = np.array(_program(), dtype=np.int64)
