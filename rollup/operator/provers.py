"""Who proves batches for an operator: inner proofs of a profile, joined into wrap proofs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from zkroll.rollup.batch import Batch
from zkroll.rollup.proof import BatchProof
from zkroll.verifier.wrap import WrapVerifyingKey

#: (stage, percent of the stage done, seconds since the start)
Progress = Callable[[str, float, float], None]


class BatchProver(Protocol):
    """Proves batches for the verifier contract of one key."""

    @property
    def profile(self) -> str:
        """The profile of the inner proofs."""
        ...

    @property
    def key(self) -> WrapVerifyingKey:
        """What the verifier contract is made of."""
        ...

    def inner(self, batch: Batch, progress: Progress | None = None) -> BatchProof:
        """Prove one batch."""
        ...

    def wrap(self, proofs: Sequence[BatchProof], progress: Progress | None = None) -> bytes:
        """Join the proofs of consecutive batches, as many as ``key.shape.chunks``, into what L1 verifies."""
        ...
