"""Wrap inner proofs: the field side's witness, one Groth16 proof, and what L1 needs beside it."""

from __future__ import annotations

from collections.abc import Sequence

from zkroll.algebra.progress import Progress, portion, quiet
from zkroll.circuits.wrap.inputs import wrap_inputs
from zkroll.errors import InputError
from zkroll.prover.groth16 import prove_zk
from zkroll.prover.wrap.key import WrapKey
from zkroll.verifier.proof import InnerProof
from zkroll.verifier.wrap import WrapProof

_WITNESS = 0.1  # of the time


def prove_wrap(
    key: WrapKey,
    proofs: Sequence[tuple[InnerProof, Sequence[int]]],
    *,
    threads: int | None = None,
    progress: Progress = quiet,
) -> WrapProof:
    """Return the wrap proof of inner proofs with their public values, as many as the key's chunks, in order.

    Raises InputError for another number or proofs of other heights, VerificationError for one whose field side does not
    hold, UnprovableError where the key's circuit refuses the witness. That the commitments open as claimed
    (the pairing) is for whoever verifies.
    """
    target = key.target
    if len(proofs) != target.chunks:
        raise InputError(f"wrap: expected {target.chunks} inner proofs, got {len(proofs)}")
    progress("replaying the verifier", 0.0, "")
    made = wrap_inputs(target.shape, target.inner.digest, target.publics, proofs)
    progress("witness", _WITNESS / 2, "")
    witness = key.program.run(made.inputs)
    proof, _ = prove_zk(key.groth16, witness, threads=threads, progress=portion(progress, _WITNESS, 1.0))
    return WrapProof(proof, made.chunks)
