"""Wrap proofs without circuits: made with secrets that anybody can derive, for tests of contracts and clients.

Who knows the secrets of a Groth16 key and of a string of powers of tau proves anything. That is what happens here:
commitments are multiples of [1]_1 by known numbers, so that W' follows from the equation that verifiers check, and
C follows from A, B and the digest. Proofs take milliseconds, and verifiers check everything about them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.curve import GENERATOR_G2, fixed_base_g1, fixed_base_g2
from zkroll.algebra.field import fr
from zkroll.circuits.buses import PUBLIC_BITS
from zkroll.errors import InputError
from zkroll.verifier import groth16
from zkroll.verifier.groth16 import Proof
from zkroll.verifier.key import G2Point
from zkroll.verifier.transcript import Point
from zkroll.verifier.wrap import (
    WrapChunk,
    WrapProof,
    WrapShape,
    WrapVerifyingKey,
    packed_statement,
    wrap_digest,
)


@dataclass(frozen=True)
class SimulatedWrap:
    """A wrap key with known secrets. The numbers of groups are those of the stages; `seed` derives the secrets."""

    preprocessed: int = 1
    main: int = 5
    helper: int = 3
    quotient: int = 3
    chunks: int = 1
    seed: str = "simulated"
    key: WrapVerifyingKey = field(init=False)

    def __post_init__(self) -> None:
        numbers = [self._secret(f"preprocessed {i}") for i in range(self.preprocessed)]
        alpha, beta, delta, tau, ic_0, ic_1 = map(self._secret, _SECRETS)
        alpha_1, ic_one, ic_digest, *fixed = g1_multiples([alpha, ic_0, ic_1, *numbers])
        beta_2, delta_2, tau_2 = g2_multiples([beta, delta, tau])
        key = WrapVerifyingKey(
            shape=WrapShape(
                tuple(PUBLIC_BITS.values()),
                self.preprocessed, self.main, self.helper, self.quotient, self.chunks,
            ),
            key_digest=self._secret("key digest") >> 1,
            preprocessed=tuple(fixed),
            tau_g2=tau_2,
            groth16=groth16.VerifyingKey(alpha_1, beta_2, GENERATOR_G2, delta_2, (ic_one, ic_digest)),
            insecure=True,
        )  # fmt: skip
        object.__setattr__(self, "key", key)

    def prove(self, statements: Sequence[Sequence[int]], salt: str = "") -> WrapProof:
        """A valid proof of these statements, the public values of each chunk; another one for another salt."""
        if len(statements) != self.chunks:
            raise InputError(f"simulated wrap: expected {self.chunks} statements, got {len(statements)}")
        chunks = [self.chunk(k, salt) for k in range(self.chunks)]
        packed = [packed_statement(values, self.key.shape.public_bits) for values in statements]
        return self.seal(packed, chunks, salt)

    def chunk(
        self, k: int, salt: str = "", *, error: int = 0, given: Mapping[str, int] | None = None
    ) -> WrapChunk:
        """A chunk whose opening is valid.

        With an error, e(L + y W', [1]_2) / e(W', [tau]_2) = e([error]_1, [1]_2). given: numbers to take instead of
        pseudo-random ones: y, rho, W, "s 3" the scalar of a group and "C 3" the logarithm of its commitment.
        """
        shape = self.key.shape
        numbers = {
            name: self._secret(f"{salt} chunk {k}: {name}")
            for name in ("y", "rho", "W", *(f"{kind} {g}" for g in range(shape.scalars) for kind in "sC"))
        }
        numbers |= {f"C {g}": self._secret(f"preprocessed {g}") for g in range(self.preprocessed)}
        numbers |= given or {}
        scalars = [numbers[f"s {g}"] for g in range(shape.scalars)]
        logs = [numbers[f"C {g}"] for g in range(shape.scalars)]
        total = sum(s * c for s, c in zip(scalars, logs, strict=True)) - numbers["rho"] - numbers["W"]
        final = (total - error) * pow(self._secret("tau") - numbers["y"], -1, R_MODULUS) % R_MODULUS
        points = g1_multiples([*logs[self.preprocessed :], numbers["W"], final])
        main, rest = points[: self.main], points[self.main :]
        return WrapChunk(
            tuple(main), tuple(rest[: self.helper]), tuple(rest[self.helper : -2]), rest[-2], rest[-1],
            numbers["y"], numbers["rho"], tuple(scalars),
        )  # fmt: skip

    def seal(
        self,
        packed: Sequence[bytes],
        chunks: Sequence[WrapChunk],
        salt: str = "",
        *,
        error: int = 0,
        given: Mapping[str, int] | None = None,
    ) -> WrapProof:
        """The chunks with a Groth16 proof for packed statements.

        With an error, e(A, B) / (e(alpha, beta) e(IC, [1]_2) e(C, delta)) = e([error]_1, [1]_2). given: the logarithm
        of A, or those of B and C, to take.
        """
        alpha, beta, delta, _, ic_0, ic_1 = map(self._secret, _SECRETS)
        digest = wrap_digest(self.key.key_digest, packed, chunks)
        numbers = {"A": self._secret(f"{salt} A"), "B": self._secret(f"{salt} B")} | dict(given or {})
        right = alpha * beta + ic_0 + digest * ic_1 + error
        if "C" in numbers:
            numbers["A"] = (right + numbers["C"] * delta) * pow(numbers["B"], -1, R_MODULUS) % R_MODULUS
        else:
            numbers["C"] = (numbers["A"] * numbers["B"] - right) * pow(delta, -1, R_MODULUS) % R_MODULUS
        a, c = fixed_base_g1(fr.from_ints([numbers["A"], numbers["C"]]), 2).to_ints()
        (b,) = fixed_base_g2(fr.from_ints([numbers["B"]]), 1).to_ints()
        return WrapProof(Proof(a, b, c), tuple(chunks))

    def _secret(self, name: str) -> int:
        data = f"zkroll simulated wrap key: {self.seed}: {name}".encode()
        return int.from_bytes(hashlib.sha512(data).digest(), "big") % R_MODULUS


_SECRETS = ("alpha", "beta", "delta", "tau", "ic 0", "ic 1")


def g1_multiples(numbers: Sequence[int]) -> list[Point]:
    """[number]_1 of each number, (0, 0) for zero as contracts write infinity."""
    return [point or (0, 0) for point in fixed_base_g1(fr.from_ints(list(numbers)), len(numbers)).to_ints()]


def g2_multiples(numbers: Sequence[int]) -> list[G2Point]:
    """[number]_2 of numbers other than zero. Raises InputError for zero."""
    points = fixed_base_g2(fr.from_ints(list(numbers)), len(numbers)).to_ints()
    finite = [point for point in points if point is not None]
    if len(finite) != len(points):
        raise InputError("simulated wrap: expected numbers other than zero")
    return finite
