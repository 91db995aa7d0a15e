"""Fq2, Fq6, Fq12 and the optimal ate pairing of BN254 in plain integers, as the definitions have them.

Fq2 = Fq[u]/(u² + 1), ξ = 9 + u, Fq6 = Fq2[v]/(v³ - ξ), Fq12 = Fq2[w]/(w⁶ - ξ), v = w². Elements of Fq2 are pairs,
of Fq6 six integers (three pairs that stand before 1, v, v²), of Fq12 twelve (pairs before 1, w, …, w⁵).
"""

from __future__ import annotations

from zkroll.algebra.constants import Q_MODULUS as Q
from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.reference.curve import Point
from zkroll.algebra.reference.pairing import G2Point

Element = tuple[int, ...]

X = 4965661367192848881
XI: Element = (9, 1)
ONE: Element = (1, *[0] * 11)


def add(a: Element, b: Element) -> Element:
    """Return a + b in any of the fields."""
    return tuple((x + y) % Q for x, y in zip(a, b, strict=True))


def sub(a: Element, b: Element) -> Element:
    """Return a - b in any of the fields."""
    return tuple((x - y) % Q for x, y in zip(a, b, strict=True))


def pair_mul(a: Element, b: Element) -> Element:
    """Return a·b in Fq2."""
    return ((a[0] * b[0] - a[1] * b[1]) % Q, (a[0] * b[1] + a[1] * b[0]) % Q)


def pair_inverse(a: Element) -> Element:
    """Return 1/a in Fq2, a not zero."""
    inverse = pow(a[0] * a[0] + a[1] * a[1], -1, Q)
    return (a[0] * inverse % Q, -a[1] * inverse % Q)


def six_mul(a: Element, b: Element) -> Element:
    """Return a·b in Fq6."""
    return _polynomial_mul(a, b)


def twelve_mul(a: Element, b: Element) -> Element:
    """Return a·b in Fq12."""
    return _polynomial_mul(a, b)


def _polynomial_mul(a: Element, b: Element) -> Element:
    """Multiply polynomials over Fq2 modulo z^n - ξ, z^n being the first power that they lack."""
    n = len(a) // 2
    out: list[Element] = [(0, 0)] * n
    for i in range(n):
        for j in range(n):
            term = pair_mul(a[2 * i : 2 * i + 2], b[2 * j : 2 * j + 2])
            if i + j >= n:
                term = pair_mul(term, XI)
            out[(i + j) % n] = add(out[(i + j) % n], term)
    return tuple(part for pair in out for part in pair)


def twelve_pow(a: Element, exponent: int) -> Element:
    """Return a^exponent in Fq12, exponent >= 0."""
    out = ONE
    for bit in bin(exponent)[2:]:
        out = twelve_mul(out, out)
        if bit == "1":
            out = twelve_mul(out, a)
    return out


def pair_pow(a: Element, exponent: int) -> Element:
    """Return a^exponent in Fq2, exponent >= 0."""
    out: Element = (1, 0)
    for bit in bin(exponent)[2:]:
        out = pair_mul(out, out)
        if bit == "1":
            out = pair_mul(out, a)
    return out


def twelve_frobenius(a: Element, power: int) -> Element:
    """Return a^(q^power): conjugates, and w^k becomes w^(k·q^power) = ξ^(k·(q^power - 1)/6)·w^k."""
    out: list[int] = []
    for k in range(6):
        c0, c1 = a[2 * k], a[2 * k + 1]
        image = (c0, -c1 % Q) if power % 2 else (c0, c1)
        out += pair_mul(image, pair_pow(XI, k * (Q**power - 1) // 6))
    return tuple(out)


def twelve_conjugate(a: Element) -> Element:
    """Return a^(q^6): w becomes -w."""
    return tuple(-part % Q if i // 2 % 2 else part for i, part in enumerate(a))


def twelve_inverse(a: Element) -> Element:
    """Return 1/a in Fq12, a not zero: the product of the other conjugates over the norm, which is in Fq."""
    others, conjugate = ONE, a
    for _ in range(11):
        conjugate = twelve_frobenius(conjugate, 1)
        others = twelve_mul(others, conjugate)
    inverse = pow(twelve_mul(a, others)[0], -1, Q)
    return tuple(part * inverse % Q for part in others)


def easy_part(a: Element) -> Element:
    """Return a^((q^6 - 1)·(q^2 + 1)), which lies in the cyclotomic subgroup."""
    a = twelve_mul(twelve_conjugate(a), twelve_inverse(a))
    return twelve_mul(twelve_frobenius(a, 2), a)


def final_exponentiation(a: Element) -> Element:
    """Return a^((q^12 - 1)/r), a not zero."""
    return twelve_pow(easy_part(a), (Q**4 - Q**2 + 1) // R)


def miller_loop(P: Point, Q2: G2Point) -> Element:
    """Return f_{6x+2,Q}(P) and the two lines of the optimal ate pairing, in affine coordinates."""
    if P is None or Q2 is None:
        return ONE
    start: tuple[Element, Element] = Q2
    T, f = start, ONE
    for bit in bin(6 * X + 2)[3:]:
        T, line = _step(T, T, P)
        f = twelve_mul(twelve_mul(f, f), line)
        if bit == "1":
            T, line = _step(T, start, P)
            f = twelve_mul(f, line)
    image = _frobenius_of_twist(start)
    T, line = _step(T, image, P)
    f = twelve_mul(f, line)
    x, y = _frobenius_of_twist(image)
    _, line = _step(T, (x, (-y[0] % Q, -y[1] % Q)), P)
    return twelve_mul(f, line)


def pairing(P: Point, Q2: G2Point) -> Element:
    """Return e(P, Q2)."""
    return final_exponentiation(miller_loop(P, Q2))


def _frobenius_of_twist(point: tuple[Element, Element]) -> tuple[Element, Element]:
    """ψ(x, y) = (x̄·ξ^((q-1)/3), ȳ·ξ^((q-1)/2))"""
    (x, y) = point
    return (
        pair_mul((x[0], -x[1] % Q), pair_pow(XI, (Q - 1) // 3)),
        pair_mul((y[0], -y[1] % Q), pair_pow(XI, (Q - 1) // 2)),
    )


def _step(
    T: tuple[Element, Element], S: tuple[Element, Element], P: tuple[int, int]
) -> tuple[tuple[Element, Element], Element]:
    """Return T + S and the line through both, yP - λ·xP·w + (λ·x - y)·w³, at P."""
    (x1, y1), (x2, y2) = T, S
    if T == S:
        square = pair_mul(x1, x1)
        slope = pair_mul(add(square, add(square, square)), pair_inverse(add(y1, y1)))
    else:
        slope = pair_mul(sub(y1, y2), pair_inverse(sub(x1, x2)))
    x3 = sub(pair_mul(slope, slope), add(x1, x2))
    y3 = sub(pair_mul(slope, sub(x1, x3)), y1)
    third = sub(pair_mul(slope, x1), y1)
    line = (P[1], 0, -slope[0] * P[0] % Q, -slope[1] * P[0] % Q, 0, 0, *third, 0, 0, 0, 0)
    return (x3, y3), line


def to_py_ecc(a: Element) -> list[int]:
    """Return the coefficients of 1, w, …, w^11 in py_ecc's Fq[w]/(w^12 - 18·w^6 + 82), where u = w^6 - 9."""
    low = [(a[2 * k] - 9 * a[2 * k + 1]) % Q for k in range(6)]
    return low + [a[2 * k + 1] for k in range(6)]
