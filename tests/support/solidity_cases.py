"""Keys whose secrets are known, their proofs, and calldata of Solidity verifiers: valid, false and malformed."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from support.groups import outside
from support.npm import FOLDER
from zkroll.algebra.constants import Q_MODULUS as Q
from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.reference import curve
from zkroll.algebra.reference.pairing import GENERATOR_G2, multiply_g2
from zkroll.circuits.r1cs.formats.groth16_json import verification_key_json
from zkroll.verifier.groth16 import Proof, VerifyingKey
from zkroll.verifier.groth16.calldata import verify_calldata, verify_selector

FIELDS = ("a.x", "a.y", "b.x imaginary", "b.x real", "b.y imaginary", "b.y real", "c.x", "c.y")
LARGEST = 2**256 - 1


class Case(NamedTuple):
    """Calldata and what verifyProof has to say: a bool, or None for a revert.

    `decided` is where: by the contract's own checks, by a precompiled contract's checks of points, or by pairings.
    """

    name: str
    data: bytes
    verdict: bool | None
    decided: str = "contract"


class Simulated(NamedTuple):
    """A key of n inputs, and a proof made with the key's secrets instead of a witness."""

    key: VerifyingKey
    public: list[int]
    proof: Proof


def simulated(n: int, public: list[int] | None = None, seed: int = 0) -> Simulated:
    """C = (a·b - α·β - γ·L)/δ is a valid proof's for any A = [a]₁ and B = [b]₂."""
    rng = random.Random(f"{n} {seed}")
    alpha, beta, gamma, delta, a, b, *ic = (rng.randrange(2, R) for _ in range(7 + n))
    public = [rng.randrange(R) for _ in range(n)] if public is None else public
    L = ic[0] + sum(x * k for x, k in zip(public, ic[1:], strict=True))
    c = (a * b - alpha * beta - gamma * L) * pow(delta, -1, R) % R
    key = VerifyingKey(g1(alpha), g2(beta), g2(gamma), g2(delta), tuple(map(g1, ic)))
    return Simulated(key, public, Proof(g1(a), g2(b), g1(c)))


def g1(scalar):
    return curve.multiply(curve.GENERATOR, scalar)


def g2(scalar):
    return multiply_g2(GENERATOR_G2, scalar)


def words_of(data: bytes) -> list[int]:
    """The words behind the selector."""
    return [int.from_bytes(data[at : at + 32], "big") for at in range(4, len(data), 32)]


def with_words(data: bytes, words: dict[int, int]) -> bytes:
    """The calldata with other words: 0..7 are the proof's coordinates, 8… the public inputs."""
    found = words_of(data)
    for at, value in words.items():
        found[at] = value
    return data[:4] + b"".join(value.to_bytes(32, "big") for value in found)


def cases(valid: Simulated) -> Iterator[Case]:
    """All cases made from a valid proof; those that need no pairing are the cheap ones."""
    key, public, proof = valid
    n = key.n_public
    data = verify_calldata(proof, public)
    words = words_of(data)

    yield Case("valid", data, True, "pairing")
    other = replace(proof, a=curve.negate(proof.a), b=multiply_g2(proof.b, R - 1))
    yield Case("another proof: -A, -B", verify_calldata(other, public), True, "pairing")
    other = replace(proof, a=curve.multiply(proof.a, 7), b=multiply_g2(proof.b, pow(7, -1, R)))
    yield Case("another proof: 7·A, B/7", verify_calldata(other, public), True, "pairing")

    for i in range(n):
        x = public[i]
        for name, value in {
            "r + x": R + x,
            "q + x": Q + x,
            "r": R,
            "2²⁵⁶ - 1": LARGEST,
            "x + 2²⁵⁵": x | 1 << 255,
        }.items():
            yield Case(f"input {i} is {name}", with_words(data, {8 + i: value}), False)
        for name, value in {"r - 1": R - 1, "x + 1": (x + 1) % R, "r - x": (R - x) % R, "0": 0}.items():
            if value != x:
                yield Case(f"input {i} is {name}", with_words(data, {8 + i: value}), False, "pairing")
    if n > 1:
        turned = {8 + i: words[8 + (i + 1) % n] for i in range(n)}
        yield Case("inputs in another order", with_words(data, turned), False, "pairing")

    for i, field in enumerate(FIELDS):
        for name, value in {"+ q": words[i] + Q, "is q": Q, "is 2²⁵⁶ - 1": LARGEST}.items():
            yield Case(f"{field} {name}", with_words(data, {i: value}), False)
        yield Case(f"{field} is r more", with_words(data, {i: (words[i] + R) % Q}), False, "precompile")
    for i in range(8 + n):
        field = FIELDS[i] if i < 8 else f"input {i - 8}"
        for bit in (0, 1, 7, 100, 200, 252, 253, 254, 255):
            flipped = words[i] ^ 1 << bit
            # a changed coordinate leaves the curve, and a changed input makes another statement
            below = "pairing" if i >= 8 else "precompile"
            decided = below if flipped < (R if i >= 8 else Q) else "contract"
            yield Case(f"{field} with bit {bit} flipped", with_words(data, {i: flipped}), False, decided)

    zeros = {"a": (0, 1), "b": (2, 3, 4, 5), "c": (6, 7), "a and c": (0, 1, 6, 7), "a, b and c": range(8)}
    for name, places in zeros.items():
        yield Case(f"{name} at infinity", with_words(data, dict.fromkeys(places, 0)), False, "pairing")
    yield Case("a is (0, 1)", with_words(data, {0: 0, 1: 1}), False, "precompile")
    yield Case("a is (1, 3)", with_words(data, {0: 1, 1: 3}), False, "precompile")
    yield Case("c is (1, 3)", with_words(data, {6: 1, 7: 3}), False, "precompile")
    (x0, x1), (y0, y1) = outside(1)[0]
    yield Case("b outside G2", with_words(data, {2: x1, 3: x0, 4: y1, 5: y0}), False, "precompile")
    yield Case(
        "b.x with its parts swapped", with_words(data, {2: words[3], 3: words[2]}), False, "precompile"
    )
    yield Case(
        "b.y with its parts swapped", with_words(data, {4: words[5], 5: words[4]}), False, "precompile"
    )
    swapped = {2: words[3], 3: words[2], 4: words[5], 5: words[4]}
    yield Case("b with its parts swapped", with_words(data, swapped), False, "precompile")
    yield Case(
        "a and c swapped", with_words(data, {0: words[6], 1: words[7], 6: words[0], 7: words[1]}), False, True
    )
    negated = {"a": {1: Q - words[1]}, "b": {4: Q - words[4], 5: Q - words[5]}, "c": {7: Q - words[7]}}
    for name, change in negated.items():
        yield Case(f"{name} negated", with_words(data, change), False, "pairing")
    yield Case("all zeros", data[:4] + bytes(len(data) - 4), False, "pairing")


def malformed(valid: Simulated) -> Iterator[Case]:
    """Calldata that is none of verifyProof's: each has to revert."""
    n = valid.key.n_public
    data = verify_calldata(valid.proof, valid.public)
    for name, other in {
        "nothing": b"", "three bytes": data[:3], "the selector alone": data[:4], "a byte less": data[:-1],
        "a word less": data[:-32], "a byte more": data + b"\0", "a word more": data + bytes(32),
        "another selector": bytes([data[0] ^ 1]) + data[1:], "a selector of another number": verify_selector(n + 1) + data[4:],
        "a selector of another number and its length": verify_selector(n + 1) + data[4:] + bytes(32),
    }.items():  # fmt: skip
        yield Case(name, other, None)


def snarkjs_verifier(key: VerifyingKey) -> str:
    """The text of the contract that snarkjs makes for the key."""
    program = """
const { createRequire } = require("node:module");
const load = createRequire(process.argv[1] + "/package.json");
const { readFileSync } = require("node:fs");
const template = readFileSync(process.argv[1] + "/node_modules/snarkjs/templates/verifier_groth16.sol.ejs", "utf8");
process.stdout.write(load("ejs").render(template, JSON.parse(readFileSync(0, "utf8"))));
"""
    done = subprocess.run(
        ["node", "-e", program, str(FOLDER.parent)],
        input=verification_key_json(key.parts),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()
