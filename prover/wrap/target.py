"""What a wrap key is for: a machine's verifying key, heights under a name, and how many chunks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from zkroll.circuits.r1cs.circuit import Circuit
from zkroll.circuits.wrap.circuit import wrap_circuit, wrap_shape
from zkroll.circuits.wrap.publics import Publics
from zkroll.verifier.key import VerifyingKey
from zkroll.verifier.shape import ProofShape, proof_shape
from zkroll.verifier.wrap import WrapShape


@dataclass(frozen=True, eq=False)
class WrapTarget:
    """profile: the name of the heights; inner: the key of the inner proofs; heights: of every chip of its machine;
    publics: the machine's statement; chunks: inner proofs in one wrap proof. Raises InputError on first use for
    heights that the machine or its reference string cannot have."""

    profile: str
    inner: VerifyingKey
    heights: Mapping[str, int]
    publics: Publics
    chunks: int = 1

    @cached_property
    def shape(self) -> ProofShape:
        """The shape of each inner proof."""
        return proof_shape(self.inner.machine, self.heights, self.inner.capacity)

    @cached_property
    def wrap_shape(self) -> WrapShape:
        """The shape of the wrap proof."""
        return wrap_shape(self.shape, self.publics, self.chunks)

    def circuit(self) -> Circuit:
        """Build the circuit: seconds for a batch machine."""
        return wrap_circuit(self.shape, self.inner.digest, self.publics, self.chunks)
