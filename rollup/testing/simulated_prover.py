"""A prover of batches that knows the secrets of its key: what an operator needs to be tested, without proving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from zkroll.rollup.batch import Batch
from zkroll.rollup.executor import execute_batch
from zkroll.rollup.operator.provers import Progress
from zkroll.rollup.proof import BatchProof
from zkroll.rollup.testing.simulated_wrap import SimulatedWrap
from zkroll.verifier.wrap import WrapVerifyingKey


@dataclass(frozen=True)
class SimulatedProver:
    """Executes batches, proves nothing, and makes wrap proofs of what came of them that L1 accepts.

    Inner proofs are empty: they have the batch's public values and data only.
    """

    profile: str = "small"
    simulated: SimulatedWrap = field(default_factory=SimulatedWrap)

    @property
    def key(self) -> WrapVerifyingKey:
        """What the verifier contract is made of."""
        return self.simulated.key

    def inner(self, batch: Batch, progress: Progress | None = None) -> BatchProof:
        """The batch's statement and data, with an empty proof."""
        executed = execute_batch(batch)
        if progress is not None:
            progress("execute", 100.0, 0.0)
        return BatchProof(self.key.key_digest, executed.public_values(), executed.data, b"")

    def wrap(self, proofs: Sequence[BatchProof], progress: Progress | None = None) -> bytes:
        """A wrap proof of the statements."""
        if progress is not None:
            progress("wrap", 100.0, 0.0)
        return self.simulated.prove([proof.public_values for proof in proofs]).to_bytes()
