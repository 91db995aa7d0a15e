"""The levels of `check_circuit` above satisfied constraints: Groth16 proofs, and their Solidity verifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from weakref import WeakKeyDictionary

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.check import Level
from zkroll.circuits.r1cs.circuit import Circuit
from zkroll.errors import ConstraintViolation, InputError
from zkroll.prover.groth16 import ProvingKey, prove, setup_insecure
from zkroll.rollup.testing.chain import DeployedVerifier, LocalChain
from zkroll.verifier.groth16 import Proof, verify

_SEED: Final = b"zkroll tests: INSECURE"
_BLINDING: Final = (5, 7)  # nothing is to be hidden in tests, and equal runs are
_MOST_OTHERS: Final = 4  # public inputs that are changed to see the proof refused


class Groth16Level:
    """Proofs with an insecure development key, for the public values of the witness and no others."""

    name = "groth16"

    def __init__(self) -> None:
        self._keys: WeakKeyDictionary[Circuit, ProvingKey] = WeakKeyDictionary()

    def key(self, circuit: Circuit) -> ProvingKey:
        """The development key of a circuit, made once."""
        if circuit not in self._keys:
            self._keys[circuit] = setup_insecure(circuit.r1cs, _SEED)
        return self._keys[circuit]

    def accepts(self, circuit: Circuit, witness: FrVector) -> bool:
        """Whether a proof from the witness is valid, and not for other public values."""
        key = self.key(circuit)
        proof = prove(key, witness, *_BLINDING)
        return accepts_only(lambda p, x: verify(key.vk, x, p), proof, circuit.public_values(witness))


class SolidityLevel:
    """The same proofs before the Solidity verifier of the key, on a chain in this process."""

    name = "solidity"

    def __init__(self, groth16: Groth16Level | None = None, chain: LocalChain | None = None) -> None:
        self.groth16 = groth16 or Groth16Level()
        self.chain = chain or LocalChain()
        self._deployed: WeakKeyDictionary[Circuit, DeployedVerifier] = WeakKeyDictionary()

    def accepts(self, circuit: Circuit, witness: FrVector) -> bool:
        """Whether the contract takes a proof from the witness, and not with other public values."""
        key = self.groth16.key(circuit)
        if circuit not in self._deployed:
            self._deployed[circuit] = DeployedVerifier(key.vk, self.chain)
        proof = prove(key, witness, *_BLINDING)
        return accepts_only(self._deployed[circuit].accepts, proof, circuit.public_values(witness))


def accepts_only(accepts: Callable[[Proof, list[int]], bool], proof: Proof, public: Sequence[int]) -> bool:
    """Whether a verifier takes a proof for these public values.

    Raises ConstraintViolation when it takes it for others too: such a verifier shows nothing.
    """
    if not accepts(proof, list(public)):
        return False
    for i, other in enumerate(other_statements(public)):
        if accepts(proof, other):
            raise ConstraintViolation(
                f"public value {i}: expected the proof to hold for {public[i]} only, got {other[i]} accepted too"
            )
    return True


def other_statements(public: Sequence[int]) -> list[list[int]]:
    """These public values with one of the first few raised by one."""
    return [
        [*public[:i], (value + 1) % R_MODULUS, *public[i + 1 :]]
        for i, value in enumerate(public[:_MOST_OTHERS])
    ]


def levels_up_to(last: str) -> list[Level]:
    """Return the levels above the constraints up to the one named. Raises InputError for another name."""
    if last not in CLIMBS:
        raise InputError(f"levels: expected {', '.join(CLIMBS)} or a list of levels, got {last!r:.40}")
    groth16 = Groth16Level()
    every: list[Level] = [groth16]
    if CLIMBS[last] > 1:
        every.append(SolidityLevel(groth16))
    return every[: CLIMBS[last]]


#: what `check_circuit` may be told to climb to, and the levels that it then goes through
CLIMBS: Final[dict[str, int]] = {"r1cs": 0, "groth16": 1, "solidity": 2, "all": 2}
