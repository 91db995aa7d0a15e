"""MiMC over Fr with circomlib's parameters: MiMC7, the Feistel permutation MiMCSponge, and their hashes.

Source: Albrecht, Grassi, Rechberger, Roy, Tiessen, "MiMC" (ASIACRYPT 2016). Round constants are a chain of
Keccak-256: c_0 is replaced by 0, c_i = keccak(c_(i-1)) modulo r from the hash of "mimc" or "mimcsponge"; the
sponge's last constant is 0 too.

Constraints: x^7 as u = x·x, v = u·u, w = v·u, w·x (4 a round, 91 rounds); x^5 as u = x·x, v = u·u, v·x
(3 a round, 220 rounds). Each wire is the product of earlier ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.keccak import keccak256
from zkroll.circuits.r1cs.builder import Builder
from zkroll.circuits.r1cs.linear import LinearCombination, Operand
from zkroll.errors import InputError

ROUNDS_7 = 91
ROUNDS_SPONGE = 220


def mimc7(c: Builder, x: Operand, key: Operand, name: str = "mimc7") -> LinearCombination:
    """Return MiMC7 of a value under a key: circomlib's MiMC7(91)."""
    current, held = c.lift(x), c.lift(key)
    with c.scope(name):
        for constant in mimc7_constants():
            base = c.sum((current, held, constant))
            square = c.product(base, base, name="x^2")
            fourth = c.product(square, square, name="x^4")
            current = c.product(c.product(fourth, square, name="x^6"), base, name="x^7")
    return current + held


def mimc7_hash(
    c: Builder, values: Sequence[Operand], key: Operand = 0, name: str = "mimc7"
) -> LinearCombination:
    """Return circomlib's MultiMiMC7(n, 91): r = r + x + MiMC7(x, r), from r = key."""
    state = c.lift(key)
    for value in values:
        state = c.sum((state, value, mimc7(c, value, state, name)))
    return state


def mimc_feistel(
    c: Builder, left: Operand, right: Operand, key: Operand, name: str = "mimc"
) -> tuple[LinearCombination, LinearCombination]:
    """Return the Feistel permutation of a pair under a key: circomlib's MiMCFeistel(220)."""
    x, y, held = c.lift(left), c.lift(right), c.lift(key)
    with c.scope(name):
        for constant in sponge_constants():
            base = c.sum((x, held, constant))
            square = c.product(base, base, name="x^2")
            fourth = c.product(square, square, name="x^4")
            x, y = c.product(fourth, base, plus=y, name="x^5"), x
    return y, x  # the last round does not exchange the halves


def mimc_sponge(
    c: Builder, values: Sequence[Operand], key: Operand = 0, outputs: int = 1, name: str = "mimc"
) -> list[LinearCombination]:
    """Return circomlib's MiMCSponge(n, 220, outputs) of n ≥ 1 values."""
    if not values or outputs < 1:
        raise InputError(f"{name}: expected at least a value and an output, got {len(values)} and {outputs}")
    left, right = c.constant(0), c.constant(0)
    for value in values:
        left, right = mimc_feistel(c, left + value, right, key, name)
    result = [left]
    while len(result) < outputs:
        left, right = mimc_feistel(c, left, right, key, name)
        result.append(left)
    return result


@lru_cache(maxsize=1)
def mimc7_constants() -> tuple[int, ...]:
    """The 91 constants of MiMC7."""
    return _chain(b"mimc", ROUNDS_7)


@lru_cache(maxsize=1)
def sponge_constants() -> tuple[int, ...]:
    """The 220 constants of MiMCSponge."""
    return (*_chain(b"mimcsponge", ROUNDS_SPONGE)[:-1], 0)


def _chain(seed: bytes, count: int) -> tuple[int, ...]:
    digest, found = keccak256(seed), [0]
    while len(found) < count:
        digest = keccak256(digest)
        found.append(int.from_bytes(digest, "big") % R_MODULUS)
    return tuple(found)
