"""The prover of real batches: inner proofs in a profile's heights, wrapped with a key of that profile."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from pathlib import Path

from zkroll.algebra.kzg import SRS
from zkroll.algebra.progress import Progress as Work
from zkroll.algebra.progress import quiet
from zkroll.circuits.profiles import profile as profile_heights
from zkroll.circuits.wrap.publics import BATCH_PUBLICS
from zkroll.errors import InputError
from zkroll.prover.wrap.key import WrapKey, insecure_wrap_key, open_wrap_key
from zkroll.prover.wrap.prove import prove_wrap
from zkroll.prover.wrap.target import WrapTarget
from zkroll.rollup.batch import Batch
from zkroll.rollup.operator.provers import Progress
from zkroll.rollup.proof import BatchProof
from zkroll.rollup.prove import cache_folder, prove_batch, proving_key
from zkroll.verifier.verify import decode
from zkroll.verifier.wrap import WrapVerifyingKey


class WrapProver:
    """Proves and wraps with one key, in this process."""

    def __init__(self, key: WrapKey, srs: SRS | None = None, threads: int | None = None) -> None:
        self._key = key
        self._srs = srs
        self._threads = threads

    @property
    def profile(self) -> str:
        """The profile of the inner proofs."""
        return self._key.target.profile

    @property
    def key(self) -> WrapVerifyingKey:
        """What the verifier contract is made of."""
        return self._key.vk

    def inner(self, batch: Batch, progress: Progress | None = None) -> BatchProof:
        """Prove one batch in the heights of the profile."""
        return prove_batch(batch, self._srs, progress, self.profile)

    def wrap(self, proofs: Sequence[BatchProof], progress: Progress | None = None) -> bytes:
        """Join inner proofs. Raises InputError for proofs of other heights or another machine."""
        report: Work = quiet
        if progress is not None:
            told = progress

            def report(stage: str, fraction: float, _detail: str) -> None:
                told(stage, 100.0 * fraction, 0.0)

        digest = self._key.target.inner.digest
        for proof in proofs:
            if proof.key_digest != digest:
                raise InputError(
                    f"batch {proof.batch_number}: its proof is for machine {proof.key_digest:#066x}, the wrap key for "
                    f"{digest:#066x}"
                )
        inner = [(decode(self._key.target.inner, proof.inner)[1], proof.public_values) for proof in proofs]
        return prove_wrap(self._key, inner, threads=self._threads, progress=report).to_bytes()


def batch_target(profile: str, chunks: int = 1, srs: SRS | None = None) -> WrapTarget:
    """What a wrap key of batches is for, under a reference string (default: the insecure development one)."""
    return WrapTarget(profile, proving_key(srs).vk, profile_heights(profile), BATCH_PUBLICS, chunks)


def open_prover(
    profile: str,
    chunks: int = 1,
    key: str | None = None,
    srs: SRS | None = None,
    progress: Work = quiet,
    *,
    threads: int | None = None,
) -> WrapProver:
    """A prover with the key in a .zkey file, or with the INSECURE development key of the cache, made if absent."""
    target = batch_target(profile, chunks, srs)
    if key is not None:
        return WrapProver(open_wrap_key(key, target, progress=progress, threads=threads), srs, threads)
    path = development_key_path(target)
    if path.exists() and path.with_suffix(".json").exists():
        return WrapProver(open_wrap_key(path, target, progress=progress, threads=threads), srs, threads)
    path.parent.mkdir(parents=True, exist_ok=True)
    _forget_stale_keys(target)
    return WrapProver(insecure_wrap_key(target, path, progress=progress, threads=threads), srs, threads)


def development_key_path(target: WrapTarget) -> Path:
    """Where the cache has the INSECURE development key of a target: another machine or heights have another file."""
    made_for = f"{target.inner.digest:064x} {target.chunks} {sorted(target.heights.items())}".encode()
    return cache_folder() / f"{_prefix(target)}{hashlib.sha256(made_for).hexdigest()[:16]}.zkey"


def _prefix(target: WrapTarget) -> str:
    return f"wrap-insecure-{target.profile}-{target.chunks}-"


def _forget_stale_keys(target: WrapTarget) -> None:
    """Remove the development keys of the same profile that were made for other machines or heights."""
    for stale in cache_folder().glob(f"{_prefix(target)}*.*"):
        with contextlib.suppress(OSError):  # somebody else was quicker
            stale.unlink()
