"""Transforms over Fr by the definition, on lists of Python integers: the oracle for `zkroll.algebra.ntt`."""

from __future__ import annotations

from collections.abc import Sequence

from zkroll.algebra.constants import R_MODULUS, root_of_unity


def evaluate(coeffs: Sequence[int], x: int) -> int:
    """Return Σ c_i·x^i by Horner's rule."""
    total = 0
    for c in reversed(coeffs):
        total = (total * x + c) % R_MODULUS
    return total


def forward(coeffs: Sequence[int], shift: int = 1) -> list[int]:
    """Return the values at shift·ω^i, i = 0..n-1, by recursion on even and odd coefficients."""
    n = len(coeffs)
    if n == 1:
        return [coeffs[0] % R_MODULUS]
    even = forward(coeffs[::2], shift * shift % R_MODULUS)
    odd = forward(coeffs[1::2], shift * shift % R_MODULUS)
    root = root_of_unity(n.bit_length() - 1)
    out, point = [0] * n, shift % R_MODULUS
    for i in range(n // 2):
        turned = point * odd[i]
        out[i], out[i + n // 2] = (even[i] + turned) % R_MODULUS, (even[i] - turned) % R_MODULUS
        point = point * root % R_MODULUS
    return out


def inverse(values: Sequence[int], shift: int = 1) -> list[int]:
    """Return the coefficients of the polynomial with these values at shift·ω^i."""
    n = len(values)
    spectrum = forward(values)
    coeffs = [spectrum[0], *reversed(spectrum[1:])]
    back, factor = pow(shift, -1, R_MODULUS), pow(n, -1, R_MODULUS)
    return [c * factor * pow(back, i, R_MODULUS) % R_MODULUS for i, c in enumerate(coeffs)]
