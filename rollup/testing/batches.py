"""Assertions about proofs of the rollup's batches; proving takes seconds and gigabytes, as `zkroll prove` does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from zkroll.circuits.buses import PUBLIC_VALUES
from zkroll.errors import VerificationError, ZkrollError
from zkroll.rollup.prove import prove_batch
from zkroll.rollup.verify import verify_proof

if TYPE_CHECKING:
    from zkroll.algebra.kzg import SRS
    from zkroll.rollup.batch import Batch
    from zkroll.rollup.proof import BatchProof


def assert_batch_proves(
    batch: Batch, public: Mapping[str, int] | None = None, *, srs: SRS | None = None
) -> BatchProof:
    """Execute and prove a batch and see the proof accepted; gives the proof.

    public: values that it must have, by name, such as new_root.
    """
    __tracebackhide__ = True
    _check_names(public or {})
    try:
        proof = prove_batch(batch, srs)
        verify_proof(proof, srs)
    except ZkrollError as error:
        raise AssertionError(f"assert_batch_proves: expected a proof, got {_shown(error)}") from error
    for name, expected in (public or {}).items():
        got = getattr(proof, name)
        if got != expected:
            raise AssertionError(f"assert_batch_proves: {name}: expected {expected:#x}, got {got:#x}")
    return proof


def assert_batch_rejects(
    proof: BatchProof,
    *,
    public: Mapping[str, int] | None = None,
    data: bytes | None = None,
    inner: bytes | None = None,
    srs: SRS | None = None,
) -> str:
    """See a valid proof refused with public values (by name), data or inner proof changed; gives the reason."""
    __tracebackhide__ = True
    _check_names(public or {})
    values = tuple(
        (public or {}).get(name, value)
        for name, value in zip(PUBLIC_VALUES, proof.public_values, strict=True)
    )
    changed = replace(
        proof,
        public_values=values,
        data=proof.data if data is None else data,
        inner=proof.inner if inner is None else inner,
    )
    if changed == proof:
        raise AssertionError("assert_batch_rejects: expected a change of the proof, got none")
    try:
        verify_proof(proof, srs)
    except ZkrollError as error:
        raise AssertionError(
            f"assert_batch_rejects: expected a valid proof to change, got one that is refused: {_shown(error)}"
        ) from error
    try:
        verify_proof(changed, srs)
    except VerificationError as error:
        return str(error)
    except ZkrollError as error:
        raise AssertionError(f"assert_batch_rejects: expected a refusal, got {_shown(error)}") from error
    raise AssertionError("assert_batch_rejects: expected a refusal, got acceptance")


def _check_names(public: Mapping[str, int]) -> None:
    for name in public:
        if name not in PUBLIC_VALUES:
            raise TypeError(f"public: expected {', '.join(PUBLIC_VALUES)}, got {name!r:.60}")


def _shown(error: ZkrollError) -> str:
    return f"{type(error).__name__}: {error}"
